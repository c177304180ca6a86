"""A checkpoint of view_train.py -> models/views: views.onnx and the sums in config.json.

usage: python -m training.view_export STATE.pt [FOLDER]

The running mean's norms are folded into the convolutions and the weights rounded to float16.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from slipcast.reconstruct.views.depth_inputs import HULL, PICTURE, SIDE_PX
from slipcast.reconstruct.views.view_depth import FILE
from training.to_onnx import write_network
from training.view_net import Block, ViewNet


def fold(net: ViewNet) -> ViewNet:
    """The same network (it is changed) without norms, its weights float16 in value."""
    net.eval()
    for module in list(net.modules()):
        if isinstance(module, Block):
            module.a, module.na = _joined(module.a, module.na), nn.Identity()
            module.b, module.nb = _joined(module.b, module.nb), nn.Identity()
        elif isinstance(module, nn.Sequential) and isinstance(module[0], nn.Conv2d):
            module[0], module[1] = _joined(module[0], module[1]), nn.Identity()
    for values in net.parameters():
        values.data = values.data.half().float()
    return net


def _joined(conv: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    assert isinstance(norm, nn.BatchNorm2d)
    return fuse_conv_bn_eval(conv, norm)


def weights_sum(weights: dict[str, Tensor]) -> str:
    """A sum that names these weights."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        digest.update(name.encode() + weights[name].contiguous().numpy().tobytes())
    return digest.hexdigest()


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
    config = {
        "model": "views",
        "licence": "Apache-2.0",
        "sha256": weights_sum(net.state_dict()),
        "trained": {"steps": state["steps"], "trained_s": round(state["spent"])},
        "onnx": {FILE: write_network(net, args.folder / FILE, shapes)},
    }
    (args.folder / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(config["onnx"]))


if __name__ == "__main__":
    main()
