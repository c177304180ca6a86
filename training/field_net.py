"""The grid network of several views (reconstruct/views/field_net.py runs it as ONNX)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipcast.reconstruct.views.field_inputs import BASE, CHANNELS

WIDTHS = (32, 48, 64)
FINE = 8
"""Channels at the grid's own size."""


class Block(nn.Module):
    """Two convolutions beside a way straight through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = nn.Conv3d(width, width, 3, padding=1, bias=False)
        self.b = nn.Conv3d(width, width, 3, padding=1, bias=False)
        last = nn.BatchNorm3d(width)
        nn.init.zeros_(last.weight)
        self.na: nn.Module = nn.BatchNorm3d(width)
        self.nb: nn.Module = last

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,X,Y,Z) as it came in."""
        return functional.relu(x + self.nb(self.b(functional.relu(self.na(self.a(x))))))


def joint(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution, its norm and relu."""
    conv = nn.Conv3d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm3d(outputs), nn.ReLU())


class FieldNet(nn.Module):
    """A small U-Net from (B,CHANNELS,X,Y,Z), sides multiples of 8, to the signed depth (B,1,X,Y,Z) in tenths of the
    frame.

    It adds to what the other networks say, blended, and begins at adding nothing.
    """

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        a, b, c = widths
        self.start = joint(CHANNELS, FINE, 1)
        self.down = nn.ModuleList([joint(FINE, a, 3, 2), joint(a, b, 3, 2), joint(b, c, 3, 2)])
        self.here = nn.ModuleList([nn.Sequential(Block(a), Block(a)), Block(b), Block(c)])
        self.up = nn.ModuleList([joint(c + b, b, 1), joint(b + a, a, 1)])
        self.then = nn.ModuleList([Block(b), Block(a)])
        self.widen = joint(a, FINE, 1)
        self.fine = joint(2 * FINE, FINE, 3)
        self.out = nn.Conv3d(FINE, 1, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, values: Tensor) -> Tensor:
        """See the class."""
        first = self.start(values)
        x, kept = first, []
        for down, here in zip(self.down, self.here, strict=True):
            x = here(down(x))
            kept.append(x)
        for k, (up, then) in enumerate(zip(self.up, self.then, strict=True)):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = then(up(torch.cat([x, kept[1 - k]], 1)))
        x = functional.interpolate(self.widen(x), scale_factor=2.0, mode="trilinear", align_corners=False)
        x = self.fine(torch.cat([x, first], 1))
        out: Tensor = values[:, BASE : BASE + 1] + self.out(x)
        return out
