"""Checkpoints of the edge network -> into the folder that the product reads, beside the figurine network's weights.

usage: python -m training.edge_export --checkpoint RUN/checkpoint.pt [--out DIR]

The weights are the mean of the checkpoints' running means, as fp16; the backbone is there already.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from slipcast.depth.figurine.model import EDGES
from training.to_onnx import write_onnx


def export(checkpoints: list[Path], out: Path) -> str:
    """Rewrite model.safetensors and config.json in `out`; the sha256 of the weights."""
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in checkpoints]
    own = {
        name: torch.stack([state["mean"][name].float() for state in states]).mean(0)
        for name in states[-1]["mean"]
    }
    file, told = out / "model.safetensors", out / "config.json"
    weights = {name: values for name, values in load_file(file).items() if not name.startswith(EDGES)}
    weights |= {EDGES + name: values.half().contiguous() for name, values in own.items()}
    data = save({name: weights[name] for name in sorted(weights)}, metadata={"format": "pt"})
    digest = hashlib.sha256(data).hexdigest()
    config = json.loads(told.read_text(encoding="utf-8")) | {"sha256": digest, "bytes": len(data)}
    config["edges"] = states[-1]["progress"] | {
        "averaged": [state["progress"]["pictures"] for state in states]
    }
    file.write_bytes(data)
    told.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    write_onnx(out)
    return digest


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--checkpoint", type=Path, required=True, nargs="+")
    say.add_argument("--out", type=Path, default=Path("models/figurine"))
    args = say.parse_args()
    print(export(args.checkpoint, args.out))


if __name__ == "__main__":
    main()
