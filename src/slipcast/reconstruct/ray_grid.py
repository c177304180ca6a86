"""A silhouette and two depths -> columns: where the figurine begins and ends along the rays of a regular grid.

Depth is measured in nodes, as sideways distances are: the logarithm of the camera's z, scaled so that at every depth
one node is as deep as the grid's rays are apart there. So a picture taken from near is no different from one from far.
"""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from slipcast.core.masks import box_of
from slipcast.core.values import F32, F64, Bool, Camera, Shells

_SKIN = 1.5
"""Nothing is thinner than this, in nodes: so a level of the grid runs through it."""
_SHARP = 3.0
"""Pixels of a node that are more than this many nodes deeper or nearer than its middle one are of another part."""
_LEAN = 8.0
"""Neighbours that are less than this many nodes apart in depth belong to one leaning sheet and are held together."""
_DEEP = 2.0
"""A figurine that is more than so many times as deep as it is tall or wide gets fewer nodes."""
_SADDLE = 0.2
"""A node between two that touch by their corners alone joins them if the silhouette covers this share of it."""


@dataclass(frozen=True, kw_only=True)
class RayGrid:
    """Rays through the nodes of a grid, and what of them lies in the figurine if nothing is hidden in between."""

    inside: Bool
    """(H,W), False along the border."""
    cover: F32
    """(H,W) the share of each node's square that the silhouette covers."""
    front: F64
    """(H,W) depth in nodes where the figurine begins; 0 outside."""
    back: F64
    """(H,W) where it ends."""
    pitch_px: float
    """Pixels from node to node."""
    origin_px: tuple[float, float]
    """Row and column in the picture of the middle of node (0, 0)."""
    nearest: float
    """Camera z at depth 0."""
    focal: float
    """Nodes of depth by which z grows e times."""

    def points(self, camera: Camera, places: F64) -> F64:
        """(N,3) camera axes of (N,3) row, column and depth in nodes."""
        pixel = self.pixels(places)
        z = self.nearest * np.exp(places[:, 2] / self.focal)
        x = (pixel[:, 0] - camera.cx_px) / camera.fx_px * z
        y = (pixel[:, 1] - camera.cy_px) / camera.fy_px * z
        return np.stack([x, y, z], 1)

    def pixels(self, places: F64) -> F64:
        """(N,2) x and y in the picture."""
        pixel: F64 = places[:, 1::-1] * self.pitch_px + np.array(self.origin_px[::-1])
        return pixel


def sample_rays(depth: Shells, cover: F32, nodes: int) -> RayGrid:
    """Sample both shells of `depth` at `nodes` nodes along the silhouette's longer side, at most one a pixel.

    `cover` (H,W) in [0, 1] is the picture's alpha; some pixel of `depth` must be valid.
    """
    around = box_of(depth.valid)
    box = around.slices
    height, width = depth.valid[box].shape
    nearest = float(np.median(depth.front[depth.valid]))
    focal_px = math.sqrt(depth.camera.fx_px * depth.camera.fy_px)
    deep_px = (
        math.log(float(depth.back[depth.valid].max()) / float(depth.front[depth.valid].min())) * focal_px
    )
    pitch = max(1.0, max(height, width, deep_px / _DEEP) / nodes)
    share = _mean_areas(_mean_areas(cover[box], pitch, 0), pitch, 1)
    valid = depth.valid[box]
    focal = focal_px / pitch
    sharp = math.expm1(_SHARP / focal)
    known, front = _sample(depth.front[box], valid, share.shape, pitch, sharp)
    _, back = _sample(depth.back[box], valid, share.shape, pitch, sharp)
    inside = _join_corners((share >= 0.5) & known, share, known)
    front = np.where(inside, np.log(np.where(inside, front, 1) / nearest) * focal, 0)
    back = np.where(inside, np.log(np.where(inside, back, 1) / nearest) * focal, 0)
    front, back = _hold_together(inside, front, back)
    return RayGrid(
        inside=np.pad(inside, 1),
        cover=np.pad(np.where(inside, np.maximum(share, 0.5), np.minimum(share, 0.499)), 1).astype(
            np.float32
        ),
        front=np.pad(front, 1),
        back=np.pad(back, 1),
        pitch_px=pitch,
        origin_px=(around.top - pitch / 2, around.left - pitch / 2),
        nearest=nearest,
        focal=focal,
    )


def _mean_areas(values: F32, pitch: float, axis: int) -> F32:
    """Means over stretches of `pitch` pixels along `axis`; beyond the end is nothing."""
    count = math.ceil(values.shape[axis] / pitch - 1e-9)
    total = np.cumsum(values, axis=axis, dtype=np.float64)
    total = np.insert(total, 0, 0, axis=axis)
    edge = np.minimum(np.arange(count + 1) * pitch, values.shape[axis])
    whole = np.minimum(edge.astype(np.int64), values.shape[axis] - 1)
    part = (edge - whole).reshape((-1, 1) if axis == 0 else (1, -1))
    before, after = total.take(whole, axis), total.take(whole + 1, axis)
    out: F32 = (np.diff(before + (after - before) * part, axis=axis) / pitch).astype(np.float32)
    return out


def _sample(values: F32, valid: Bool, shape: tuple[int, ...], pitch: float, sharp: float) -> tuple[Bool, F64]:
    """At each node, whether a pixel near its middle is valid, and the mean of what is there of the same part.

    Between pixels values are interpolated: taking the nearest one would roughen every slope.
    """
    middle: list[F64] = [np.arange(size, dtype=np.float64) * pitch + (pitch - 1) / 2 for size in shape]

    @cache
    def row(at: float, step: int) -> tuple[F64, Bool]:
        index = np.clip(np.floor(middle[0] + at).astype(np.int64) + step, 0, values.shape[0] - 1)
        return np.take(values, index, 0).astype(np.float64), np.take(valid, index, 0)

    def pixel(at: tuple[float, float], way: tuple[int, int]) -> tuple[F64, Bool]:
        column = np.clip(np.floor(middle[1] + at[1]).astype(np.int64) + way[1], 0, values.shape[1] - 1)
        value, there = row(at[0], way[0])
        return np.take(value, column, 1), np.take(there, column, 1)

    # The pixel at the middle says which part the node is of, or the first valid one beside it.
    own, known = np.zeros(shape), np.zeros(shape, bool)
    reach = 0 if pitch < 1.5 else 1
    around = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if max(abs(y), abs(x)) <= reach]
    for way in sorted(around, key=lambda way: abs(way[0]) + abs(way[1])):
        value, there = pixel((0.5, 0.5), way)
        own = np.where(~known & there, value, own)
        known |= there
    total, weight = np.zeros(shape), np.zeros(shape)
    for dy, dx in around:
        at = dy * pitch / 3, dx * pitch / 3
        part = [along - np.floor(along) for along in (middle[0] + at[0], middle[1] + at[1])]
        for way in ((0, 0), (0, 1), (1, 0), (1, 1)):
            value, there = pixel(at, way)
            share = np.outer(*(along if step else 1 - along for along, step in zip(part, way, strict=True)))
            share = share * (there & (np.abs(value - own) <= sharp * own))
            total += share * value
            weight += share
    return known, np.where(weight > 0, total / np.where(weight > 0, weight, 1), own)


def _join_corners(inside: Bool, share: F32, known: Bool) -> Bool:
    """`inside` with a third node where two touch by their corners alone: thin slanted parts stay whole."""
    out = inside.copy()
    for turn in (1, -1):
        view, seen, worth = out[:, ::turn], known[:, ::turn], share[:, ::turn]
        one, other = view[:-1, :-1] & view[1:, 1:], view[:-1, 1:] | view[1:, :-1]
        y, x = np.nonzero(one & ~other)
        right = worth[y, x + 1] >= worth[y + 1, x]
        y, x = np.where(right, y, y + 1), np.where(right, x + 1, x)
        fits = (worth[y, x] >= _SADDLE) & seen[y, x]
        view[y[fits], x[fits]] = True
    return out


def _hold_together(inside: Bool, front: F64, back: F64) -> tuple[F64, F64]:
    """Both shells at least `_SKIN` apart, and moved until neighbours of a thin leaning sheet share a level."""
    middle = (front + back) / 2
    half = np.maximum(back - front, _SKIN) / 2
    near, far = middle - half, middle + half
    low, high = near.copy(), far.copy()
    for axis in (0, 1):
        a: tuple[slice, ...] = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        b: tuple[slice, ...] = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        both = inside[a] & inside[b]
        for one, other in ((a, b), (b, a)):
            # How far `one` begins behind the end of `other`.
            apart = near[one] - far[other] + _SKIN
            move = np.where(both & (apart > 0) & (apart < _LEAN), apart / 2, 0)
            low[one] = np.minimum(low[one], near[one] - move)
            high[other] = np.maximum(high[other], far[other] + move)
    return np.where(inside, low, 0), np.where(inside, high, 0)
