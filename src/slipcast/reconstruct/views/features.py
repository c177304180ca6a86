"""What each side says of a point in space: the numbers that the fusion network reads.

For a point, each side tells how far it is from the outline, where it lies between the ends of its row and of its
column, how far it is before or behind the shells that the depth model says, and how far from where the ray enters and
leaves the hull of the other sides. All lengths are in units of the frame and clipped; all is the same whatever the
side's angle, so sides may be of any number.

The model's shells are first brought into the frame (depth_inputs.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.masks import find_nearest
from slipcast.core.orbit import sample
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, Bool
from slipcast.reconstruct.views.depth_inputs import place_shells
from slipcast.reconstruct.views.silhouettes import Side, march, pixels_of

PER_SIDE, OVERALL = 13, 4
"""Numbers for each side, and for all together."""
_CLIP = 0.25
_STEPS = 72
_STEP_PX = 4.0
_RADIUS = 0.75


@dataclass(frozen=True, kw_only=True)
class Maps:
    """Pictures of one side that points are looked up in."""

    side: Side
    ends: F32
    """(H,W,4) pixels to the nearer and the farther end of the row's run, to the upper and the lower of the column's."""
    shells: F32
    """(h,w,5) on a lattice of `_STEP_PX`: front, back, the hull's near and far, all behind the axis in units of the
    frame, and the front's cosine."""


def make_maps(sides: Sequence[Side]) -> list[Maps]:
    """The pictures of each side; shells are placed by the hull of all."""
    return [
        Maps(side=side, ends=_ends(side.inside), shells=_shells(sides, index))
        for index, side in enumerate(sides)
    ]


def _ends(inside: Bool) -> F32:
    """(H,W,4) as `Maps.ends`."""
    ways = []
    for axis in (1, 0):
        size = inside.shape[axis]
        shape = (1, -1) if axis else (-1, 1)
        at = np.broadcast_to(np.arange(size, dtype=np.int32).reshape(shape), inside.shape)
        last = np.maximum.accumulate(np.where(inside, -1, at), axis=axis)
        flipped = np.flip(np.where(inside, size, at), axis)
        coming = np.flip(np.minimum.accumulate(flipped, axis=axis), axis)
        ways += [at - last, coming - at]
    left, right, up, down = ways
    return np.stack([np.minimum(left, right), np.maximum(left, right), up, down], -1).astype(np.float32)


def _shells(sides: Sequence[Side], index: int) -> F32:
    """(h,w,5) as `Maps.shells`."""
    side = sides[index]
    height, width = side.outline_px.shape
    h, w = int(height / _STEP_PX), int(width / _STEP_PX)
    x, y = pixels_of(side, _STEP_PX)
    row, column = np.minimum((y / _STEP_PX).astype(int), h - 1), np.minimum((x / _STEP_PX).astype(int), w - 1)
    rays = march(sides, index, x, y, _STEPS, _RADIUS)
    solid = rays.inside > 0
    has = solid.any(1)
    depth = rays.z - np.float32(side.camera.distance)
    near, far = (
        _crossing(rays.inside, depth, solid),
        _crossing(rays.inside[:, ::-1], depth[::-1], solid[:, ::-1]),
    )
    hull = np.zeros((h, w, 2), np.float32)
    known = np.zeros((h, w), bool)
    hull[row[has], column[has]] = np.stack([near, far], 1)[has]
    known[row[has], column[has]] = True
    if not known.any():
        return np.zeros((h, w, 5), np.float32)
    back_to = find_nearest(known)
    front, back = (hull[..., 0], hull[..., 1])
    if side.front is not None and side.back is not None:
        front, back = place_shells(side, hull, known, x, y, row, column)
    front, back, near, far = (
        each[back_to[0], back_to[1]] for each in (front, back, hull[..., 0], hull[..., 1])
    )
    down, across = np.gradient(ndimage.gaussian_filter(front, 0.7), _STEP_PX / side.camera.scale_px)
    cosine = 1 / np.sqrt(1 + down**2 + across**2)
    return np.stack([front, back, near, far, cosine], -1).astype(np.float32)


def _crossing(inside: F32, depth: F32, solid: Bool) -> F32:
    """(N,) where along the samples the solid begins, between the last one outside and the first one inside."""
    first = solid.argmax(1)
    before = np.maximum(first - 1, 0)
    pick = np.arange(len(first))
    a, b = inside[pick, before], inside[pick, first]
    share = np.where(first > 0, np.clip(b / np.maximum(b - a, 1e-6), 0, 1), 0)
    out: F32 = (depth[first] + (depth[before] - depth[first]) * share).astype(np.float32)
    return out


def point_features(maps: Sequence[Maps], points: F32) -> tuple[F32, F32]:
    """(K,N,PER_SIDE) for each side and (N,OVERALL) for all of points (N,3)."""
    out = np.empty((len(maps), len(points), PER_SIDE), np.float32)
    outlines = np.empty((len(maps), len(points)), np.float32)
    for number, each in enumerate(maps):
        side = each.side
        x, y, z = side.camera.project(points)
        unit = z / np.float32(side.camera.focal_px)
        outline = side.distances_at(x, y, z)
        ends = sample(each.ends, x, y) * unit[:, None]
        shells = sample(each.shells, x / np.float32(_STEP_PX), y / np.float32(_STEP_PX))
        deep = (z - np.float32(side.camera.distance))[:, None]
        outlines[number] = outline
        mine = out[number]
        mine[:, 0] = outline
        mine[:, 1:5] = np.minimum(ends, 2 * _CLIP)
        mine[:, 5:9] = (deep - shells[:, :4]) * np.array([1, -1, 1, -1], np.float32)
        mine[:, :9] = np.clip(mine[:, :9], -_CLIP, 2 * _CLIP) * 6
        mine[:, 9] = 1 - 2 * ends[:, 0] / np.maximum(ends[:, 0] + ends[:, 1], 1e-4)
        mine[:, 10] = (ends[:, 2] - ends[:, 3]) / np.maximum(ends[:, 2] + ends[:, 3], 1e-4)
        mine[:, 11] = np.clip(
            (deep[:, 0] * 2 - shells[:, 2] - shells[:, 3]) / np.maximum(shells[:, 3] - shells[:, 2], 1e-3),
            -2,
            2,
        )
        mine[:, 12] = shells[:, 4]
    ordered = np.partition(outlines, min(1, len(maps) - 1), axis=0)
    overall = np.stack(
        [
            ordered[0] * 6,
            ordered[min(1, len(maps) - 1)] * 6,
            outlines.mean(0) * 6,
            np.full(len(points), len(maps) / 8),
        ],
        1,
    )
    return out, overall.astype(np.float32)
