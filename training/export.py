"""Checkpoints -> the folder that the product reads: model.safetensors (fp16) and config.json.

The weights are the mean of the checkpoints' running means; checkpoints of one run lie close enough for that.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save


def export(checkpoints: list[Path], out: Path) -> str:
    """Write both files; the sha256 of the weights. The last checkpoint's shape and counters go into config.json."""
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in checkpoints]
    state = states[-1]
    weights = {
        key: torch.stack([each["mean"][key].float() for each in states]).mean(0).half().contiguous()
        for key in sorted(state["mean"])
    }
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
        "trained": state["progress"] | {"averaged": [each["progress"]["pictures"] for each in states]},
    }
    (out / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    return digest


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--checkpoint", type=Path, required=True, nargs="+")
    say.add_argument("--out", type=Path, default=Path("models/figurine"))
    args = say.parse_args()
    print(export(args.checkpoint, args.out))


if __name__ == "__main__":
    main()
