"""A checkpoint -> the folder that the product reads: model.safetensors (fp16, the running mean) and config.json."""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save


def export(checkpoint: Path, out: Path) -> str:
    """Write both files; the sha256 of the weights."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    weights = {key: value.half().contiguous() for key, value in sorted(state["mean"].items())}
    data = save(weights, metadata={"format": "pt"})
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.safetensors").write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    config = {
        "model": "figurine",
        "licence": "Apache-2.0",
        "sha256": digest,
        "bytes": len(data),
        "net": state["config"],
        "trained": state["progress"],
    }
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return digest


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--checkpoint", type=Path, required=True)
    say.add_argument("--out", type=Path, default=Path("models/figurine"))
    args = say.parse_args()
    print(export(args.checkpoint, args.out))


if __name__ == "__main__":
    main()
