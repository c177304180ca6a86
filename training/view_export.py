"""A checkpoint of view_train.py -> models/views: views.onnx and the sums in config.json.

usage: python -m training.view_export STATE.pt [FOLDER]

The running mean's norms are folded into the convolutions and the weights rounded to float16.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from slipcast.reconstruct.views.depth_inputs import HULL, PICTURE, SIDE_PX
from slipcast.reconstruct.views.view_depth import FILE
from training.field_net import Block as GridBlock
from training.to_onnx import write_network
from training.view_net import Block, ViewNet

Net = TypeVar("Net", bound=nn.Module)


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
    print(json.dumps({file: entry}))


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("state", type=Path)
    say.add_argument("folder", type=Path, nargs="?", default=Path("models/views"))
    args = say.parse_args()
    state = torch.load(args.state, weights_only=False)
    net = ViewNet()
    net.load_state_dict(state["mean"])
    net = fold(net)
    args.folder.mkdir(parents=True, exist_ok=True)
    shapes = {"picture": (PICTURE, SIDE_PX, SIDE_PX), "hull": (HULL, SIDE_PX // 2, SIDE_PX // 2)}
    facts = {
        "sha256": weights_sum(net.state_dict()),
        "trained": {"steps": state["steps"], "trained_s": round(state["spent"])},
    }
    keep_facts(args.folder, facts, FILE, write_network(net, args.folder / FILE, shapes))


if __name__ == "__main__":
    main()
