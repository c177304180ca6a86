"""The figurine network: a U-Net that looks through a frozen backbone, shared by training and inference.

In: (B, 7, S, S) float, S a multiple of 64: RGB in [0, 1] composited on mid grey, mask, dome (half-thickness
of the inflated silhouette in crop sides), x and y in [-1, 1]. Out: (B, 6, S, S) float32:

    0  log_gain   log of thickness over (2 * dome + FLOOR)
    1  middle     z of the middle surface, crop sides, + towards the viewer
    2  mask       logit
    3-5 normal    front normal, camera axes (x right, y up, z to the viewer), not normalised

The picture is folded 2 x 2 into channels at the door and unfolded at the exit, so that no layer runs at full
resolution: on a CPU that is worth a factor of three. Plain 3 x 3 convolutions: depth-wise ones were four
times slower there. Attention only at the lowest level, where the figurine's whole shape is decided. The levels from
1/4 on were first trained alone, at half the resolution; so the halved picture enters there too, and a coarse answer
leaves there, to which the finest level adds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipcast.depth.figurine.backbone import CHANNELS, Lite0

INPUTS = 7
OUTPUTS = 6
FLOOR = 0.03
"""Thickness in crop sides that the dome is taken to have at the silhouette; gain acts on it as well."""


@dataclass(frozen=True, kw_only=True)
class NetConfig:
    """What fixes the network's shape; stored beside the weights."""

    side_px: int = 128
    """Working resolution."""
    fine: int = 40
    """Channels at 1/2."""
    widths: tuple[int, ...] = (48, 96, 128, 192, 256)
    """Channels at 1/4, 1/8, 1/16, 1/32, 1/64."""
    look_px: int = 192
    """Side of the picture that the backbone sees."""
    blocks: tuple[int, ...] = (1, 1, 1, 2, 1)
    """Residual blocks a level, on the way down and again on the way up."""
    normed_from: int = 2
    """First level with group norms; above it they would cost a third of the speed."""
    heads: int = 4
    """Attention heads at the lowest level."""

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> NetConfig:
        """The reverse of `to_json`; unknown keys are refused by the constructor."""
        lists: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
        }
        return cls(**lists)


class Block(nn.Module):
    """Norm, activation, convolution, twice, beside the identity."""

    def __init__(self, width: int, normed: bool) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, width) if normed else nn.Identity()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, width) if normed else nn.Identity()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        y: Tensor = self.conv1(functional.relu(self.norm1(x)))
        y = self.conv2(functional.relu(self.norm2(y)))
        return x + y


class Attention(nn.Module):
    """Self-attention over all places."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(8, width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to the same shape."""
        b, c, h, w = x.shape
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(tokens).view(b, h * w, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        y: Tensor = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        y = x + self.out(y).transpose(1, 2).view(b, c, h, w)
        return y


class FigurineNet(nn.Module):
    """See the module's docstring."""

    def __init__(self, config: NetConfig | None = None) -> None:
        super().__init__()
        config = config or NetConfig()
        self.config = config
        widths, blocks = config.widths, config.blocks
        self.backbone = Lite0().requires_grad_(False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(c, affine=False) for c in CHANNELS])
        self.looks = nn.ModuleList(
            [nn.Conv2d(c, w, 1) for c, w in zip(CHANNELS, (config.fine, *widths), strict=False)]
        )
        self.fine_stem = nn.Conv2d(4 * INPUTS, config.fine, 3, padding=1)
        self.fine_down = nn.Sequential(Block(config.fine, False))
        self.fine_shrink = nn.Conv2d(config.fine, widths[0], 2, stride=2)
        self.fine_grow = nn.Conv2d(widths[0], config.fine, 1)
        self.fine_up = nn.Sequential(Block(config.fine, False), Block(config.fine, False))
        self.fine_head = nn.Conv2d(config.fine, 4 * OUTPUTS, 3, padding=1)
        self.stem = nn.Conv2d(4 * INPUTS, widths[0], 3, padding=1)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        self.shrink = nn.ModuleList()
        self.grow = nn.ModuleList()
        for level, width in enumerate(widths):
            last = level == len(widths) - 1
            normed = level >= config.normed_from
            stack: list[nn.Module] = [Block(width, normed) for _ in range(blocks[level])]
            if last:
                stack.append(Attention(width, config.heads))
                stack.append(Block(width, normed))
                stack.append(Attention(width, config.heads))
            self.down.append(nn.Sequential(*stack))
            self.up.append(nn.Sequential(*[Block(width, normed) for _ in range(blocks[level])]))
            if not last:
                self.shrink.append(nn.Conv2d(width, widths[level + 1], 2, stride=2))
                self.grow.append(nn.Conv2d(widths[level + 1], width, 1))
        self.head = nn.Conv2d(widths[0], 4 * OUTPUTS, 3, padding=1)
        for part in (self.head, self.fine_head, self.fine_shrink, *self.looks):
            for p in part.parameters():
                nn.init.zeros_(p)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 7, S, S) to (B, 6, S, S) float32."""
        seen = self.seen(x[:, :3])
        fine = self.fine_stem(functional.pixel_unshuffle(x, 2))
        fine = self.fine_down(fine + fit_shape(seen[0], fine))
        x = self.stem(functional.pixel_unshuffle(functional.avg_pool2d(x, 2), 2)) + self.fine_shrink(fine)
        skips: list[Tensor] = []
        for level, stack in enumerate(self.down):
            if level + 1 < len(seen):
                x = x + fit_shape(seen[level + 1], x)
            x = stack(x)
            if level < len(self.shrink):
                skips.append(x)
                x = self.shrink[level](x)
        x = self.up[-1](x)
        for level in reversed(range(len(self.grow))):
            x = functional.interpolate(self.grow[level](x), scale_factor=2.0, mode="nearest") + skips[level]
            x = self.up[level](x)
        x = functional.relu(x)
        coarse = functional.pixel_shuffle(self.head(x).float(), 2)
        coarse = functional.interpolate(coarse, scale_factor=2.0, mode="bilinear")
        fine = fine + functional.interpolate(self.fine_grow(x), scale_factor=2.0, mode="nearest")
        return coarse + functional.pixel_shuffle(
            self.fine_head(functional.relu(self.fine_up(fine))).float(), 2
        )

    def seen(self, picture: Tensor) -> list[Tensor]:
        """What the backbone sees in the picture (B,3,S,S), at the widths of the first levels."""
        size = (self.config.look_px,) * 2
        large = functional.interpolate(
            picture, size=size, mode="bilinear", antialias=size[0] < picture.shape[-1]
        )
        found: list[Tensor] = self.backbone(large)
        return [look(norm(each)) for each, norm, look in zip(found, self.norms, self.looks, strict=True)]


def fit_shape(values: Tensor, like: Tensor) -> Tensor:
    """The values at the size of another map."""
    return functional.interpolate(values, size=like.shape[-2:], mode="bilinear")


def shells(out: Tensor, dome: Tensor) -> tuple[Tensor, Tensor]:
    """Front and back z (B, S, S) in crop sides from the network's output and the dome (B, S, S)."""
    half = 0.5 * torch.exp(out[:, 0].clamp(-4, 4)) * (2 * dome + FLOOR)
    return out[:, 1] + half, out[:, 1] - half
