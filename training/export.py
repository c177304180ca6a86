"""Checkpoints -> the folder that the product reads: model.safetensors (fp16) and config.json.

The weights are the mean of the checkpoints' running means; checkpoints of one run lie close enough for that. With
`--began WEIGHTS --share 0.85` that share of them and the rest of the weights that the run began with (Wortsman et al.,
2022): what was learned at last without all of what was forgotten. An edge network that lies in OUT stays.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor

from slipcast.depth.figurine.model import EDGES
from training.to_onnx import write_onnx

ADDED = ("fine_head.", "fine_shrink.", "looks.")
"""What begins at zero and adds to the levels that were there."""
FROZEN = ("backbone.", "norms.")


def export(checkpoints: list[Path], out: Path, began: Path | None = None, share: float = 1.0) -> str:
    """Write both files; the sha256 of the weights. The last checkpoint's shape and counters go into config.json."""
    states, mean = read_means(checkpoints)
    state = states[-1]
    if began is not None:
        mean = blended(mean, load_file(began), share)
    file = out / "model.safetensors"
    weights = {key: values.half() for key, values in mean.items()}
    told: dict[str, object] = {}
    if file.exists():
        weights |= {key: values.clone() for key, values in load_file(file).items() if key.startswith(EDGES)}
        told = {"edges": json.loads((out / "config.json").read_text(encoding="utf-8")).get("edges")}
    config = {
        "model": "figurine",
        "licence": "Apache-2.0",
        "net": state["config"],
        "trained": state["progress"]
        | {"averaged": [each["progress"]["pictures"] for each in states], "share": share},
    } | {name: value for name, value in told.items() if value}
    return keep_weights(weights, config, out)


def read_means(
    checkpoints: list[Path], shares: Sequence[float] = ()
) -> tuple[list[dict[str, Any]], dict[str, Tensor]]:
    """The checkpoints, and the mean of their running means in float32, by `shares` or all alike."""
    states = [torch.load(path, map_location="cpu", weights_only=True) for path in checkpoints]
    given = torch.tensor(shares or [1.0] * len(states), dtype=torch.float32)
    parts = list(zip(states, given / given.sum(), strict=True))
    names = states[-1]["mean"]
    return states, {
        key: torch.stack([one["mean"][key] * part for one, part in parts]).sum(0) for key in names
    }


def keep_weights(weights: dict[str, Tensor], config: dict[str, Any], out: Path) -> str:
    """Write `weights`, `config` with their sum, and the ONNX files made of them into `out`; the sha256."""
    data = save({key: weights[key].contiguous() for key in sorted(weights)}, metadata={"format": "pt"})
    digest = hashlib.sha256(data).hexdigest()
    out.mkdir(parents=True, exist_ok=True)
    (out / "model.safetensors").write_bytes(data)
    told = config | {"sha256": digest, "bytes": len(data)}
    (out / "config.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    write_onnx(out)
    return digest


def blended(mean: dict[str, Tensor], began: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """`share` of `mean` and the rest of `began`; what was not there yet is taken back alike."""
    out = {}
    for key, values in mean.items():
        if key in began and not key.startswith(FROZEN):
            values = share * values + (1 - share) * began[key].float()
        elif key.startswith(ADDED):
            values = share * values
        out[key] = values
    return out


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--checkpoint", type=Path, required=True, nargs="+")
    say.add_argument("--out", type=Path, default=Path("models/figurine"))
    say.add_argument("--began", type=Path, help="the weights that the run began with")
    say.add_argument(
        "--share", type=float, default=1.0, help="of the checkpoints' weights; the rest is theirs"
    )
    args = say.parse_args()
    print(export(args.checkpoint, args.out, args.began, args.share))


if __name__ == "__main__":
    main()
