"""The first five stages of EfficientNet-Lite0 (Apache-2.0, trained on ImageNet), norms folded into the convolutions.

The figurine network looks at the picture through it: 245 modelled characters cannot teach what a fish or an ear is.
Never trained further; its weights lie with the figurine network's.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = ((16, 1, 3, 1, 1), (24, 2, 3, 2, 6), (40, 2, 5, 2, 6), (80, 3, 3, 2, 6), (112, 3, 5, 1, 6))
"""Channels, blocks, kernel, stride of the first block, expansion."""
CHANNELS = (16, 24, 40, 112)
"""Of the maps at 1/2, 1/4, 1/8, 1/16."""


class Same(nn.Conv2d):
    """A convolution whose padding is TensorFlow's: what is odd comes right and below."""

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) to (B,D,H/stride,W/stride)."""
        pad = max(self.kernel_size[0] - self.stride[0], 0)
        before = pad // 2
        if self.stride[0] == 1:
            return functional.conv2d(x, self.weight, self.bias, 1, before, 1, self.groups)
        x = functional.pad(x, (before, pad - before, before, pad - before))
        return functional.conv2d(x, self.weight, self.bias, self.stride, 0, 1, self.groups)


class Inverted(nn.Module):
    """Expansion, depth-wise convolution, projection; beside the identity where the shapes allow."""

    def __init__(self, inside: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.expand = Same(inside, wide, 1) if expansion > 1 else None
        self.depthwise = Same(wide, wide, kernel, stride, groups=wide)
        self.project = Same(wide, out, 1)
        self.kept = stride == 1 and inside == out

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) to (B,D,H/stride,W/stride)."""
        y = x if self.expand is None else functional.relu6(self.expand(x))
        y = self.project(functional.relu6(self.depthwise(y)))
        out: Tensor = x + y if self.kept else y
        return out


class Lite0(nn.Module):
    """See the module's docstring."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = Same(3, 32, 3, 2)
        self.stages = nn.ModuleList()
        inside = 32
        for out, blocks, kernel, stride, expansion in STAGES:
            row = [Inverted(inside, out, kernel, stride, expansion)]
            row += [Inverted(out, out, kernel, 1, expansion) for _ in range(blocks - 1)]
            self.stages.append(nn.Sequential(*row))
            inside = out

    @torch.no_grad()
    def forward(self, picture: Tensor) -> list[Tensor]:
        """Maps of `CHANNELS` at 1/2, 1/4, 1/8, 1/16 of a picture (B,3,S,S) in [0, 1]."""
        x = functional.relu6(self.stem((picture * 255 - 127) / 128))
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return [*found[:3], found[4]]
