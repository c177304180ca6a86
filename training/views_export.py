"""Checkpoints of view_train.py or field_train.py -> models/views: one ONNX file and its sum in config.json.

usage: python -m training.views_export {views,field} STATE.pt ... [--shares 2,3,3] [--folder FOLDER]

Of several checkpoints the weights are averaged: the mean is better on held-out figurines than each of them (Wortsman
et al., 2022). The norms are folded into the convolutions and the weights rounded to float16.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from slipcast.reconstruct.views import field_net, view_depth
from slipcast.reconstruct.views.depth_inputs import HULL, PICTURE, SIDE_PX
from slipcast.reconstruct.views.field_inputs import CHANNELS
from training.export import read_means
from training.field_net import Block as GridBlock
from training.field_net import FieldNet
from training.to_onnx import write_network
from training.view_net import Block, ViewNet

Net = TypeVar("Net", bound=nn.Module)


@dataclass(frozen=True, slots=True)
class Kind:
    """A network of models/views: its file, its inputs with their shapes, and the axes that may have any size."""

    net: Callable[[], nn.Module]
    file: str
    shapes: Mapping[str, tuple[int, ...]]
    free: Sequence[int] = (0,)
    entry: str = ""
    """Where its facts stand in config.json; at the top without it."""


KINDS = {
    "views": Kind(
        ViewNet,
        view_depth.FILE,
        {"picture": (PICTURE, SIDE_PX, SIDE_PX), "hull": (HULL, SIDE_PX // 2, SIDE_PX // 2)},
    ),
    "field": Kind(
        FieldNet, field_net.FILE, {"grid": (CHANNELS, 16, 24, 32)}, free=(0, 2, 3, 4), entry="field"
    ),
}


def export(
    kind: Kind, checkpoints: list[Path], folder: Path, shares: Sequence[float] = ()
) -> dict[str, object]:
    """Write the mean of the checkpoints into `folder`; the ONNX file's entry in config.json."""
    states, mean = read_means(checkpoints, shares)
    net = kind.net()
    net.load_state_dict(mean)
    net = fold(net)
    folder.mkdir(parents=True, exist_ok=True)
    entry = write_network(net, folder / kind.file, kind.shapes, kind.free)
    trained = {
        "steps": [state["steps"] for state in states],
        "trained_s": [round(state["spent"]) for state in states],
        "shares": list(shares) or [1.0] * len(states),
    }
    facts = {"sha256": weights_sum(net.state_dict()), "trained": trained}
    keep_facts(folder, {kind.entry: facts} if kind.entry else facts, kind.file, entry)
    return entry


def fold(net: Net) -> Net:
    """The same network (it is changed) without norms, its weights float16 in value."""
    net.eval()
    for module in list(net.modules()):
        if isinstance(module, (Block, GridBlock)):
            module.a, module.na = _joined(module.a, module.na), nn.Identity()
            module.b, module.nb = _joined(module.b, module.nb), nn.Identity()
        elif isinstance(module, nn.Sequential) and isinstance(module[0], (nn.Conv2d, nn.Conv3d)):
            module[0], module[1] = _joined(module[0], module[1]), nn.Identity()
    for values in net.parameters():
        values.data = values.data.half().float()
    return net


def _joined(conv: nn.Conv2d | nn.Conv3d, norm: nn.Module) -> Any:
    """The convolution with its norm: of the same kind."""
    assert isinstance(norm, (nn.BatchNorm2d, nn.BatchNorm3d))
    return fuse_conv_bn_eval(conv, norm)


def weights_sum(weights: dict[str, Tensor]) -> str:
    """A sum that names these weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


def keep_facts(folder: Path, facts: Mapping[str, object], file: str, entry: dict[str, object]) -> None:
    """Write `facts` and the `entry` of one ONNX file into the folder's config.json, beside what others wrote there."""
    place = folder / "config.json"
    config = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}
    config = {"model": "views", "licence": "Apache-2.0", **config, **facts}
    config["onnx"] = {**config.get("onnx", {}), file: entry}
    place.write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("kind", choices=KINDS)
    say.add_argument("states", type=Path, nargs="+")
    say.add_argument("--shares", help="one number for each state; without it all count alike")
    say.add_argument("--folder", type=Path, default=Path("models/views"))
    args = say.parse_args()
    shares = [float(word) for word in args.shares.split(",")] if args.shares else []
    kind = KINDS[args.kind]
    print(json.dumps({kind.file: export(kind, args.states, args.folder, shares)}))


if __name__ == "__main__":
    main()
