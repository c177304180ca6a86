"""Shards of edge_pool.py -> augmented batches for the edge network.

Each draw is a crop of `CROP_PX` that is mirrored, rolled, between the whole pair made smaller and a part of it made
larger; its colours, blur and noise change as in batches.py, and what the figurine network says gets a slow error, since
it knows these characters better than others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from training.batches import mix_blur

CROP_PX = 192
_SMALLEST, _LARGEST = 0.65, 1.08
"""A crop's side as a share of the pair's."""


@dataclass(frozen=True, kw_only=True)
class EdgeBatch:
    """`picture` (B,3,S,S) on mid grey and `shape` (B,4,S,S) as the network takes them; `said` the smooth front, `front`
    the true one, `near` and `gap` of edge_pool.LAYOUT, `valid`, all (B,1,S,S) float32 with zeros outside."""

    picture: Tensor
    shape: Tensor
    said: Tensor
    front: Tensor
    near: Tensor
    gap: Tensor
    valid: Tensor


class EdgePool:
    """The finished shards in a folder whose names start with a prefix."""

    def __init__(self, folder: Path, prefix: str) -> None:
        paths = sorted(p for p in folder.glob(f"{prefix}*.npy") if not p.name.endswith(".part.npy"))
        self.shards = [np.load(path, mmap_mode="r") for path in paths]
        self.ends = np.cumsum([len(shard) for shard in self.shards])

    def __len__(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def take(self, numbers: NDArray[np.integer]) -> NDArray[np.void]:
        """The records of these numbers."""
        which = np.searchsorted(self.ends, numbers, side="right")
        starts = self.ends - np.array([len(shard) for shard in self.shards])
        return np.stack([self.shards[k][n - starts[k]] for k, n in zip(which, numbers, strict=True)])


def to_planes(records: NDArray[np.void], device: torch.device) -> tuple[Tensor, Tensor]:
    """What may be blended between pixels (B,8,S,S): colour times alpha, alpha, said front and back, dome, validity; and
    what may not (B,3,S,S): front, near, gap."""

    def plane(name: str) -> Tensor:
        values = torch.from_numpy(np.ascontiguousarray(records[name])).to(device).float()
        return values.permute(0, 3, 1, 2) if values.ndim == 4 else values[:, None]

    alpha, front = plane("alpha") / 255, plane("front")
    valid = torch.isfinite(front).float()
    soft = [plane("rgb") / 255 * alpha, alpha, plane("said_front"), plane("said_back"), plane("dome"), valid]
    hard = [torch.nan_to_num(front), plane("near") / 255, plane("gap")]
    return torch.cat(soft, 1), torch.cat(hard, 1)


def plain_batch(records: NDArray[np.void], device: torch.device) -> EdgeBatch:
    """A batch without augmentation, at the pairs' own size."""
    soft, hard = to_planes(records, device)
    return _batch(soft[:, :3] / soft[:, 3:4].clamp(min=1e-3), soft, hard, soft[:, 7:8])


def augmented_batch(records: NDArray[np.void], device: torch.device, rng: torch.Generator) -> EdgeBatch:
    """A batch as the network is trained on."""
    count = len(records)

    def some(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng).to(device)

    def per(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * some(count, channels, 1, 1)

    share = torch.exp(math.log(_SMALLEST) + some(count) * math.log(_LARGEST / _SMALLEST))
    off = (2 * some(count, 2) - 1) * (1 - share).clamp(min=0)[:, None]
    flip = torch.where(some(count) < 0.5, -1.0, 1.0)
    turn = torch.deg2rad(12 * (2 * some(count) - 1) * (some(count) < 0.5))
    c, s = torch.cos(turn) * share, torch.sin(turn) * share
    matrix = torch.stack([c * flip, -s, off[:, 0], s * flip, c, off[:, 1]], 1).view(count, 2, 3)
    grid = functional.affine_grid(matrix, [count, 1, CROP_PX, CROP_PX], align_corners=False)
    soft, hard = to_planes(records, device)
    soft = functional.grid_sample(soft, grid, mode="bilinear", align_corners=False)
    hard = functional.grid_sample(
        torch.cat([hard, (hard[:, :1] != 0).float()], 1), grid, mode="nearest", align_corners=False
    )
    known = soft[:, 7:8]
    valid = hard[:, 3:4] * (known > 0.5)
    soft = torch.cat([soft[:, :4], soft[:, 4:7] / known.clamp(min=0.2)], 1)
    rgb = soft[:, :3] / soft[:, 3:4].clamp(min=1e-3)
    grey = rgb.mean(1, keepdim=True)
    rgb = grey + (rgb - grey) * per(0.0, 1.5)
    rgb = rgb.clamp(1e-3, 1) ** torch.exp(per(-0.5, 0.5)) * per(0.75, 1.15, 3) + per(-0.1, 0.1)
    rgb = mix_blur(rgb, per(0, 1) * (some(count, 1, 1, 1) < 0.6))
    rgb = rgb + torch.randn(rgb.shape, generator=rng).to(device) * per(0, 0.05) * (some(count, 1, 1, 1) < 0.6)
    slow = torch.randn((count, 1, 5, 5), generator=rng).to(device)
    slow = functional.interpolate(slow, size=(CROP_PX, CROP_PX), mode="bicubic") * per(0, 0.02)
    soft[:, 4:5] = soft[:, 4:5] + slow
    return _batch(rgb.clamp(0, 1), soft, hard[:, :3], valid)


def _batch(rgb: Tensor, soft: Tensor, hard: Tensor, valid: Tensor) -> EdgeBatch:
    alpha = soft[:, 3:4]
    shape = torch.cat([alpha, soft[:, 4:7] * valid], 1)
    return EdgeBatch(
        picture=rgb * alpha + 0.5 * (1 - alpha),
        shape=shape,
        said=shape[:, 1:2],
        front=hard[:, :1] * valid,
        near=hard[:, 1:2] * valid,
        gap=hard[:, 2:3],
        valid=valid,
    )
