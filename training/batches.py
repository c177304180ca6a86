"""Shards -> endless augmented batches on the training device.

Each draw is mirrored, rolled and zoomed at random, its colours, noise, blur and background change, and its mask is
worn as a cutout wears it. The shards are memory-mapped and the folder is read again now and then, so the renderer may
still run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_TRUE = ("dome", "alpha", "front", "back", "valid", "normal", "view")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """`x` (B,7,S,S) as the network takes it; `dome`, `alpha`, `front`, `back` (B,S,S) float32 with zeros outside
    `valid` (B,S,S) bool; `normal` (B,3,S,S); `view` (B,2) the camera's pitch and roll in degrees."""

    x: Tensor
    dome: Tensor
    alpha: Tensor
    front: Tensor
    back: Tensor
    valid: Tensor
    normal: Tensor
    view: Tensor


class Pool:
    """The shards in a folder whose names start with a prefix."""

    def __init__(self, folder: Path, prefix: str) -> None:
        self.folder, self.prefix = folder, prefix
        self.shards: dict[Path, NDArray[np.void]] = {}
        self.odds: dict[Path, NDArray[np.float64]] = {}
        self.refresh()

    def refresh(self) -> int:
        """Take in new shards; how many pairs there are now."""
        for path in sorted(self.folder.glob(f"{self.prefix}*.npy")):
            if path not in self.shards and not path.name.endswith(".part.npy"):
                self.shards[path] = np.load(path, mmap_mode="r")
                self.odds[path] = slant(self.shards[path])
        return sum(len(shard) for shard in self.shards.values())

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.void]:
        """`count` random pairs, slanted ones more often.

        Standing figures seen from the front have a flat middle surface and are soon learned; a head that stands
        before its body is what the network gets wrong, and is one picture in five when all count alike.
        """
        names = list(self.shards)
        ends = np.cumsum(np.concatenate([self.odds[name] for name in names]))
        picks = np.searchsorted(ends, rng.random(count) * ends[-1])
        starts = np.cumsum([0] + [len(self.odds[name]) for name in names])
        which = np.searchsorted(starts, picks, side="right") - 1
        drawn = [self.shards[names[k]][n - starts[k]] for k, n in zip(which, picks, strict=True)]
        return np.stack(drawn)


def slant(shard: NDArray[np.void]) -> NDArray[np.float64]:
    """(N,) standard deviation of the middle surface in crop sides, held within [0.05, 0.12]."""
    front, back = (shard[name][:, ::4, ::4].astype(np.float32) for name in ("front", "back"))
    middle = (front + back) / 2
    known = np.isfinite(middle)
    count = np.maximum(known.sum((1, 2)), 1)
    middle = np.where(known, middle, 0)
    mean = middle.sum((1, 2)) / count
    square = (np.where(known, middle - mean[:, None, None], 0) ** 2).sum((1, 2)) / count
    return np.asarray(np.clip(np.sqrt(square), 0.05, 0.12), np.float64)


def to_tensors(records: NDArray[np.void], device: torch.device) -> dict[str, Tensor]:
    """Records to float32 tensors, pictures in [0, 1] and channels first."""
    front = torch.from_numpy(np.ascontiguousarray(records["front"])).to(device).float()
    valid = torch.isfinite(front)
    back = torch.from_numpy(np.ascontiguousarray(records["back"])).to(device).float()
    return {
        "rgb": torch.from_numpy(np.ascontiguousarray(records["rgb"])).to(device).permute(0, 3, 1, 2).float()
        / 255,
        "alpha": torch.from_numpy(np.ascontiguousarray(records["alpha"])).to(device).float() / 255,
        "dome": torch.from_numpy(np.ascontiguousarray(records["dome"])).to(device).float(),
        "normal": torch.from_numpy(np.ascontiguousarray(records["normal"]))
        .to(device)
        .permute(0, 3, 1, 2)
        .float()
        / 127,
        "front": torch.where(valid, front, 0.0),
        "back": torch.where(valid, back, 0.0),
        "valid": valid,
        "view": torch.from_numpy(np.ascontiguousarray(records["view"][:, 1:3])).to(device),
    }


def network_input(rgb: Tensor, alpha: Tensor, dome: Tensor) -> Tensor:
    """(B,7,S,S): the picture on mid grey, mask, dome, x, y."""
    b, _, h, w = rgb.shape
    mask = alpha[:, None]
    y, x = torch.meshgrid(
        torch.linspace(-1, 1, h, device=rgb.device),
        torch.linspace(-1, 1, w, device=rgb.device),
        indexing="ij",
    )
    place = torch.stack([x, y]).expand(b, 2, h, w)
    return torch.cat([rgb * mask + 0.5 * (1 - mask), mask, dome[:, None], place], 1)


def plain_batch(records: NDArray[np.void], device: torch.device) -> Batch:
    """A batch without augmentation."""
    t = to_tensors(records, device)
    x = network_input(t["rgb"], t["alpha"], t["dome"])
    rest = {key: t[key] for key in _TRUE}
    return Batch(x=x, **rest)


def augmented_batch(records: NDArray[np.void], device: torch.device, rng: torch.Generator) -> Batch:
    """A batch as the network is trained on."""
    t = to_tensors(records, device)
    count = len(records)

    def some(*shape: int) -> Tensor:
        return torch.rand(shape, generator=rng).to(device)

    flip = some(count) < 0.5
    for key, values in t.items():
        turned = values.flip(-1)
        if key == "normal":
            turned = turned * torch.tensor([-1.0, 1.0, 1.0], device=device)[None, :, None, None]
        elif key == "view":
            turned = values * torch.tensor([1.0, -1.0], device=device)
        t[key] = torch.where(flip.view(-1, *[1] * (values.ndim - 1)), turned, values)

    def per(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * some(count, channels, 1, 1)

    t = turned_and_zoomed(t, 15.0 * (2 * some(count) - 1), torch.exp(0.12 * (2 * some(count) - 1) - 0.06))
    rgb = t["rgb"] * (some(count, 1, 1, 1) > 0.08)
    grey = rgb.mean(1, keepdim=True)
    rgb = grey + (rgb - grey) * per(0.0, 1.5)
    rgb = rgb.clamp(1e-3, 1) ** torch.exp(per(-0.5, 0.5)) * per(0.75, 1.15, 3)
    rgb = rgb + per(-0.1, 0.1)
    alpha = t["alpha"][:, None]
    rgb = rgb * alpha + some(count, 3, 1, 1) * (1 - alpha)
    rgb = mix_blur(rgb, per(0, 1) * (some(count, 1, 1, 1) < 0.6))
    noise = torch.randn(rgb.shape, generator=rng).to(device) * per(0, 0.05) * (some(count, 1, 1, 1) < 0.6)
    rgb = (rgb + noise).clamp(0, 1)
    worn = torch.sigmoid((mix_blur(alpha, per(0, 1)) - per(0.3, 0.7)) * per(6, 20))
    alpha = torch.where(some(count, 1, 1, 1) < 0.5, worn, alpha)
    x = network_input(rgb, alpha[:, 0], t["dome"] * (alpha[:, 0] > 0.02))
    rest = {key: t[key] for key in _TRUE}
    return Batch(x=x, **rest)


def turned_and_zoomed(t: dict[str, Tensor], turn_deg: Tensor, zoom: Tensor) -> dict[str, Tensor]:
    """The pictures as a rolled camera sees them, and larger or smaller; z and dome grow with the picture."""
    c, s = torch.cos(torch.deg2rad(turn_deg)), torch.sin(torch.deg2rad(turn_deg))
    zero = torch.zeros_like(c)
    # Rows of source_from_target in the sampler's axes, x right and y down.
    matrix = torch.stack([c, -s, zero, s, c, zero], 1).view(-1, 2, 3) / zoom[:, None, None]
    known = t["valid"].float()[:, None]
    alpha = t["alpha"][:, None]
    depth = torch.cat([known, t["front"][:, None], t["back"][:, None]], 1)
    stack = torch.cat([t["rgb"] * alpha, alpha, t["dome"][:, None], t["normal"] * known, depth], 1)
    grid = functional.affine_grid(matrix, list(stack.shape), align_corners=False)
    moved = functional.grid_sample(stack, grid, mode="bilinear", align_corners=False)
    rgb, alpha, dome, normal, mixed = moved[:, :3], moved[:, 3:4], moved[:, 4], moved[:, 5:8], moved[:, 8:]
    # Depth is not mixed over an edge, nor with what is unknown: between two parts lies neither.
    exact = functional.grid_sample(depth, grid, mode="nearest", align_corners=False)
    valid = exact[:, 0] >= 0.5
    apart = ((mixed - exact).abs() > torch.tensor([0.01, 0.02, 0.02], device=grid.device)[:, None, None]).any(
        1
    )
    front, back = torch.where(apart[:, None], exact, mixed)[:, 1:].unbind(1)
    size = zoom[:, None, None]
    # A picture turned by +turn in y-down axes turns its y-up normals the same way seen on the screen.
    x, y = normal[:, 0], normal[:, 1]
    cc, ss = c[:, None, None], s[:, None, None]
    return {
        "rgb": rgb / alpha.clamp(min=1e-3),
        "alpha": alpha[:, 0],
        "dome": dome * size,
        "front": torch.where(valid, front * size, 0.0),
        "back": torch.where(valid, back * size, 0.0),
        "normal": functional.normalize(
            torch.stack([cc * x - ss * y, ss * x + cc * y, normal[:, 2]], 1), dim=1
        ),
        "valid": valid,
        "view": t["view"] + torch.stack([torch.zeros_like(turn_deg), turn_deg], 1),
    }


def mix_blur(picture: Tensor, share: Tensor) -> Tensor:
    """The picture (B,C,H,W) faded by `share` (B,1,1,1) into its 3 x 3 binomial blur."""
    soft = functional.pad(picture, (1, 1, 1, 1), mode="replicate")
    soft = (soft[..., :-2] + 2 * soft[..., 1:-1] + soft[..., 2:]) / 4
    soft = (soft[..., :-2, :] + 2 * soft[..., 1:-1, :] + soft[..., 2:, :]) / 4
    return picture + (soft - picture) * share
