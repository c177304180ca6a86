"""Checkpoints of the edge network -> into the folder that the product reads, beside the figurine network's weights.

usage: python -m training.edge_export --checkpoint RUN/checkpoint.pt [--out DIR]

The weights are the mean of the checkpoints' running means, as fp16; the backbone is there already.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from safetensors.torch import load_file

from slipcast.depth.figurine.model import EDGES
from training.export import keep_weights, read_means


def export(checkpoints: list[Path], out: Path) -> str:
    """Rewrite model.safetensors and config.json in `out`; the sha256 of the weights."""
    states, own = read_means(checkpoints)
    there = load_file(out / "model.safetensors")
    weights = {name: values for name, values in there.items() if not name.startswith(EDGES)}
    weights |= {EDGES + name: values.half() for name, values in own.items()}
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    config["edges"] = states[-1]["progress"] | {
        "averaged": [state["progress"]["pictures"] for state in states]
    }
    return keep_weights(weights, config, out)


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--checkpoint", type=Path, required=True, nargs="+")
    say.add_argument("--out", type=Path, default=Path("models/figurine"))
    args = say.parse_args()
    print(export(args.checkpoint, args.out))


if __name__ == "__main__":
    main()
