"""The edge network: where the front steps from one part to another, and how far; shared by training and inference.

In: `picture` (B,3,S,S) RGB in [0, 1] on mid grey and `shape` (B,4,S,S): mask, front and back of depth/figurine/net.py
enlarged to S (crop sides, 0 outside), dome; S a multiple of 16. Out: (B,4,S,S) float32:

    0  near   logit: the pixel lies beside a step
    1  gap    `rise_of` makes of it the step's rise in crop sides, where there is one
    2  side   logit: the pixel lies on the step's near side; its zero line is the edge
    3  shift  what the smooth front lacks besides, a tenth of crop sides

It looks at the picture through the figurine network's backbone, and at the shape by itself.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipcast.depth.figurine.backbone import CHANNELS, Lite0

WIDTHS = (24, 48, 64, 96)
"""Channels at 1/2, 1/4, 1/8, 1/16."""
SHAPE = 4
OUTPUTS = 4
TRUSTED = (0.2, 0.6)
"""Up to the first likelihood of a step nothing rises, from the second on all of the gap does: in training."""


class Block(nn.Module):
    """Norm, activation, convolution, twice, beside the identity."""

    def __init__(self, width: int, normed: bool) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, width) if normed else nn.Identity()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,H,W) to the same shape."""
        y: Tensor = self.conv2(functional.relu(self.conv1(functional.relu(self.norm(x)))))
        return x + y


class EdgeNet(nn.Module):
    """See the module's docstring."""

    def __init__(self, backbone: Lite0 | None = None) -> None:
        super().__init__()
        self.backbone = backbone or Lite0()
        self.norms = nn.ModuleList([nn.BatchNorm2d(c) for c in CHANNELS])
        self.looks = nn.ModuleList([nn.Conv2d(c, w, 1) for c, w in zip(CHANNELS, WIDTHS, strict=True)])
        self.near = nn.Conv2d(4 * (3 + SHAPE), WIDTHS[0], 3, padding=1)
        self.shapes = nn.ModuleList([nn.Conv2d(4 * SHAPE, w, 3, padding=1) for w in WIDTHS[1:]])
        self.grow = nn.ModuleList([nn.Conv2d(a, b, 1) for a, b in zip(WIDTHS[1:], WIDTHS, strict=False)])
        counts = (1, 2, 2, 3)
        self.blocks = nn.ModuleList(
            [
                nn.Sequential(*[Block(w, k > 0) for _ in range(n)])
                for k, (w, n) in enumerate(zip(WIDTHS, counts, strict=True))
            ]
        )
        self.head = nn.Conv2d(WIDTHS[0], 4 * OUTPUTS, 3, padding=1)
        for p in self.head.parameters():
            nn.init.zeros_(p)

    def forward(self, picture: Tensor, shape: Tensor) -> Tensor:
        """(B,3,S,S) and (B,4,S,S) to (B,4,S,S) float32."""
        maps = self.backbone(picture)
        x: Tensor | None = None
        for level in (3, 2, 1, 0):
            y = self.looks[level](self.norms[level](maps[level]))
            if level == 0:
                y = y + self.near(functional.pixel_unshuffle(torch.cat([picture - 0.5, 5 * shape], 1), 2))
            else:
                small = functional.avg_pool2d(shape, 2**level)
                y = y + self.shapes[level - 1](functional.pixel_unshuffle(5 * small, 2))
            if x is not None:
                y = y + functional.interpolate(self.grow[level](x), scale_factor=2.0, mode="nearest")
            x = self.blocks[level](y)
        assert x is not None
        return functional.pixel_shuffle(self.head(functional.relu(x)).float(), 2)


def rise_of(out: Tensor) -> Tensor:
    """How far a step rises if there is one, (B,1,S,S) in crop sides."""
    return functional.softplus(out[:, 1:2] - 2.5)


def sure_of(out: Tensor, trusted: tuple[float, float] = TRUSTED) -> Tensor:
    """The share of the rise that is believed, (B,1,S,S)."""
    low, high = trusted
    share = ((torch.sigmoid(out[:, 0:1]) - low) / (high - low)).clamp(0, 1)
    return share * share * (3 - 2 * share)


def front_of(out: Tensor, said: Tensor) -> Tensor:
    """The front (B,1,S,S) in crop sides that the output makes of a smooth one, edges soft as the side is unsure."""
    return said + 0.1 * out[:, 3:4] + sure_of(out) * rise_of(out) * (torch.sigmoid(out[:, 2:3]) - 0.5)
