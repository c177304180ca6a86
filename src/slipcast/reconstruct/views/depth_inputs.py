"""What the depth network of several views sees of one view: the picture, and where its rays may meet the figurine.

Maps are square, `SIDE_PX` wide, `PER_UNIT` pixels to a unit of the frame, centred on the axis. Along each ray the hull
of the other sides' silhouettes says where the figurine can begin and end; the one-picture network's shells are placed
into that range. The hull's maps are half as fine as the picture's.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.masks import find_nearest
from slipcast.core.orbit import sample
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, I64, Bool
from slipcast.reconstruct.views.silhouettes import Side, march

SIDE_PX = 96
PER_UNIT = 76.8
_HALF = 2
"""Pixels of the picture in one of the hull's maps."""
_STEPS, _RADIUS = 72, 0.62
_CLIP = 0.62
_GAINS = (0.6, 1.6)
_LOW = 0.1
_OUTSIDE = 0.005
"""Pixels count that far outside the outline, in units of the frame."""
HULL = 8
"""Maps of the hull's size: entry, end of the first run, begin of the last, exit, whether the ray meets the hull,
both shells, how many sides there are."""
PICTURE = 5
"""Maps of the picture's size: red, green, blue on grey, cover, distance to the outline."""


@dataclass(frozen=True, kw_only=True)
class Lattice:
    """Where the maps' pixels lie in a side's picture."""

    x_px: F32
    """(S,S) of the side's working picture."""
    y_px: F32


def lattice(side: Side, size_px: int = SIDE_PX) -> Lattice:
    """The square of a side, `size_px` across."""
    step = np.float32(side.camera.scale_px / PER_UNIT * SIDE_PX / size_px)
    at = (np.arange(size_px, dtype=np.float32) + np.float32(0.5 - size_px / 2)) * step
    x, y = np.meshgrid(at, at)
    return Lattice(x_px=x + np.float32(side.camera.cx_px), y_px=y + np.float32(side.camera.cy_px))


def place_in_lattice(side: Side, x_px: F32, y_px: F32) -> tuple[F32, F32]:
    """Return pixels x and y (...) of a side's working picture as pixels of its maps (SIDE_PX,SIDE_PX).

    The camera's axis lies in the maps' middle, SIDE_PX / 2.
    """
    step = np.float32(side.camera.scale_px / PER_UNIT)
    half = np.float32(SIDE_PX / 2)
    return (x_px - np.float32(side.camera.cx_px)) / step + half, (
        y_px - np.float32(side.camera.cy_px)
    ) / step + half


def network_inputs(sides: Sequence[Side]) -> tuple[F32, F32]:
    """(K,PICTURE,S,S) and (K,HULL,S/2,S/2) of all sides."""
    pictures = [_photograph(side) for side in sides]
    hulls = [hull_maps(sides, index, lattice(side, SIDE_PX // _HALF)) for index, side in enumerate(sides)]
    return np.stack(pictures), np.stack(hulls)


def _photograph(side: Side) -> F32:
    """(PICTURE,S,S) of one side, softened to the maps' pixels; grey where there is no picture."""
    import cv2

    at = lattice(side)
    soft = float(side.camera.scale_px / PER_UNIT) / 3
    height, width = side.outline_px.shape
    there = (at.x_px > 0) & (at.x_px < width) & (at.y_px > 0) & (at.y_px < height)
    cover = (
        sample(np.asarray(cv2.GaussianBlur(side.cover, (0, 0), soft), np.float32), at.x_px, at.y_px) * there
    )
    rgb = np.full((*at.x_px.shape, 3), 0.5, np.float32)
    if side.rgb is not None:
        colors = side.rgb.astype(np.float32) / np.float32(255)
        rgb = sample(np.asarray(cv2.GaussianBlur(colors, (0, 0), soft), np.float32), at.x_px, at.y_px)
    unit = np.float32(1 / side.camera.scale_px)
    outline = np.where(there, sample(side.outline_px, at.x_px, at.y_px) * unit, np.float32(-0.2))
    return picture_maps(rgb, cover, outline.astype(np.float32))


def hull_maps(sides: Sequence[Side], index: int, at: Lattice) -> F32:
    """(HULL,s,s) on the pixels `at`, as the network takes them: in units of the frame behind the axis."""
    side = sides[index]
    out = np.zeros((HULL, *at.x_px.shape), np.float32)
    out[7] = len(sides) / 8
    met = _meet(sides, index, at)
    if met is None:
        return out
    grid = np.zeros((6, *at.x_px.shape), np.float32)
    grid[:4] = met.runs
    has, x, y, row, column = met.has, met.x_px, met.y_px, met.row, met.column
    near = find_nearest(has)
    if side.front is not None and side.back is not None:
        hull = np.stack([grid[0], grid[3]], -1)
        grid[4], grid[5] = place_shells(side, hull, has, x, y, row, column)
        grid[4:] = grid[4:, near[0], near[1]]
    else:
        grid[4], grid[5] = grid[0] * 0.7 + grid[3] * 0.3, grid[0] * 0.3 + grid[3] * 0.7
    out[:4] = np.clip(grid[:4], -_CLIP, _CLIP)
    out[4] = has
    out[5:7] = np.clip(grid[4:], -_CLIP, _CLIP)
    return out


@dataclass(frozen=True, kw_only=True)
class _Met:
    """Rays of one side through the hull of the others."""

    runs: F32
    """(4,S,S) begin and end of the first run, begin and end of the last; rays that miss take their neighbours'."""
    has: Bool
    """(S,S) whether a ray meets the hull."""
    x_px: F32
    """(N,) pixels in the silhouette."""
    y_px: F32
    row: I64
    """(N,) where they lie in the maps."""
    column: I64


def _meet(sides: Sequence[Side], index: int, at: Lattice) -> _Met | None:
    """None where no ray meets the hull."""
    side = sides[index]
    shape = at.x_px.shape
    height, width = side.outline_px.shape
    known = sample(side.outline_px, at.x_px, at.y_px) > -_OUTSIDE * side.camera.scale_px
    known &= (at.x_px > 0) & (at.x_px < width) & (at.y_px > 0) & (at.y_px < height)
    row, column = np.nonzero(known)
    if not len(row):
        return None
    x, y = at.x_px[known], at.y_px[known]
    rays = march(sides, index, x, y, _STEPS, _RADIUS)
    runs = _runs(rays.inside, rays.z - np.float32(side.camera.distance))
    hit = np.isfinite(runs[0])
    if not hit.any():
        return None
    has = np.zeros(shape, bool)
    has[row[hit], column[hit]] = True
    grid = np.zeros((4, *shape), np.float32)
    grid[:, row, column] = runs
    near = find_nearest(has)
    return _Met(runs=grid[:, near[0], near[1]], has=has, x_px=x, y_px=y, row=row, column=column)


def place_shells(
    side: Side, hull: F32, known: Bool, x: F32, y: F32, row: np.ndarray, column: np.ndarray
) -> tuple[F32, F32]:
    """(h,w) the model's front and back on a lattice, behind the axis in units of the frame.

    `hull` (h,w,2) is near and far of the hull where it is `known`; pixels x, y (N,) of the side lie at `row` and
    `column`. The shells' gain comes from the hull's range along the view, their place from the hull's middle where it
    is thin, then the low frequencies of what is left (a Gaussian of a tenth of the size).
    """
    assert side.front is not None
    assert side.back is not None
    unit = np.float32(1 / side.camera.scale_px)
    said = np.zeros((*known.shape, 2), np.float32)
    for shell, values in enumerate((side.front, side.back)):
        said[row, column, shell] = sample(values, x, y, nearest=True) * unit
    near, far = hull[known].T
    front, back = said[known].T
    wanted = np.quantile(far, 0.97) - np.quantile(near, 0.03)
    gain = np.clip(wanted / max(np.quantile(back, 0.97) - np.quantile(front, 0.03), 1e-3), *_GAINS)
    weight = 1 / (far - near + 0.05) ** 2
    off = (near + far - gain * (front + back)) / 2
    place = float((weight * off).sum() / weight.sum())
    size = max(np.ptp(row), np.ptp(column), 8)
    spread = np.zeros((2, *known.shape), np.float32)
    spread[:, known] = weight, weight * (off - place)
    soft = ndimage.gaussian_filter(spread, (0, _LOW * size, _LOW * size))
    low = soft[1] / np.maximum(soft[0], 1e-6)
    moved = np.float32(gain) * said + np.float32(place) + low[..., None]
    return moved[..., 0], moved[..., 1]


def _runs(inside: F32, depth: F32) -> F32:
    """(4,N) begin and end of the first run of inside along (N,S) samples, begin and end of the last; NaN without."""
    solid = inside > 0
    count = np.arange(len(inside))
    has = solid.any(1)
    first = solid.argmax(1)
    last = solid.shape[1] - 1 - solid[:, ::-1].argmax(1)
    steps = np.arange(solid.shape[1])
    # The first sample outside after the first run, the last sample outside before the last.
    end = np.where(~solid & (steps > first[:, None]), steps, solid.shape[1]).min(1) - 1
    begin = np.where(~solid & (steps < last[:, None]), steps, -1).max(1) + 1

    def cross(at: np.ndarray, way: int) -> F32:
        beyond = np.clip(at + way, 0, solid.shape[1] - 1)
        a, b = inside[count, beyond], inside[count, at]
        share = np.where(a < 0, np.clip(b / np.maximum(b - a, 1e-6), 0, 1), 0)
        return np.asarray(depth[at] + (depth[beyond] - depth[at]) * share, np.float32)

    runs = np.stack([cross(first, -1), cross(end, 1), cross(begin, -1), cross(last, 1)])
    runs[:, ~has] = np.nan
    return runs


def picture_maps(rgb: F32, cover: F32, outline: F32) -> F32:
    """(PICTURE,S,S) of colours (S,S,3) and cover (S,S) in [0, 1] and the distance to the outline in units (S,S)."""
    on_grey = rgb * cover[..., None] + np.float32(0.5) * (1 - cover[..., None])
    far = np.clip(outline * 6, -0.5, 1.5)
    return np.concatenate([on_grey.transpose(2, 0, 1) - np.float32(0.5), cover[None], far[None]]).astype(
        np.float32
    )
