"""A calm field of several views, and what makes it reach every outline again.

What silhouettes and a small network say of each node is blocky: steps lie where an outline of another side begins.
Blurred it is calm, but its tips and rods are gone. So the field is lifted, smoothly, where a ray of an outline's rim
does not touch it, and what is then still missing and narrow, a tail or a blade, is built round: as thick as its
outline is wide.

Rejected: to raise each uncovered ray by itself, at its deepest node. Neighbouring rays chose different places, and a
figurine of three or four views that disagree was all lumps and pits (nc 0.785 instead of 0.816 on eight sets of four
views, the same f05). To lift without fading away from the rims: the solid went to the hull's boxes (f05 0.763).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.orbit import sample
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, I64, Bool
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid_grid import Grid

_RIM = 2.5
"""A ray is of the rim where its outline lies nearer than this, in nodes."""
_FADE = 0.3
"""Weight of what is not rim: the more, the sooner the lift fades away from rims."""
_ROD = 0.05
"""Half the width of the widest part that is built round, in units of the frame."""
_SHEET = 0.04
"""What is as thin as this along an outline's ray is certain to be there, in units of the frame."""
_FLAKE = 0.9
"""What is missing is a sheet where it reaches deeper into an outline than this, in nodes."""
_PIXEL = 1.2
"""Width of the pixels that nodes are sorted into, in nodes: no pixel in between stays empty."""
_WORK_PX = 4
"""Pixels of an outline's map in one of the map of widths."""


def calm(field: F32, nodes: float) -> F32:
    """The field (X,Y,Z) blurred over `nodes`; twice the blur less its blur, so that round things do not shrink."""
    once = ndimage.gaussian_filter(field, nodes)
    out: F32 = 2 * once - ndimage.gaussian_filter(once, nodes)
    return out


def lift_to_rims(
    field: F32,
    limit: F32,
    sides: Sequence[Side],
    grid: Grid,
    *,
    spread: float,
    most: float,
    shell: float = np.inf,
) -> F32:
    """Return `field` raised, within `limit`, where a ray along an outline's rim passes it by.

    `field` and `limit` (X,Y,Z) are signed distances at the nodes of `grid`, positive inside, in units of the frame;
    `limit` is the hull's. `spread` nodes is how far a lift goes, `most` how high one can be; only nodes within `shell`
    of the surface count, both in units of the frame.
    """
    index = np.flatnonzero((limit > -0.5 * grid.pitch) & (np.abs(field) < shell))
    points, values, most_at = grid.points(index), field.reshape(-1)[index], limit.reshape(-1)[index]
    lift, weight = np.zeros((2, field.size), np.float32)
    for side in sides:
        seen = _sort_into_pixels(side, grid, points, values)
        best = seen.deepest
        deep = side.distances_at(seen.x_px[best], seen.y_px[best], seen.z[best])
        rim = (deep < _RIM * grid.pitch) & (deep > -0.25 * grid.pitch)
        best, deep = best[rim], deep[rim]
        np.add.at(lift, index[best], np.clip(np.minimum(deep, most_at[best]) - values[best], 0, most))
        np.add.at(weight, index[best], 1)
    near = ndimage.gaussian_filter(weight.reshape(field.shape), spread) + np.float32(_FADE)
    raised = field + ndimage.gaussian_filter(lift.reshape(field.shape), spread) / near
    out: F32 = np.minimum(raised, np.maximum(limit, field))
    return out


def build_rods(field: F32, limit: F32, sides: Sequence[Side], grid: Grid) -> F32:
    """Return `field` with round parts, within `limit`, where an outline shows something narrow and nothing is there.

    Both are (X,Y,Z) as in `lift_to_rims`.
    """
    index = np.flatnonzero(limit > -2 * grid.pitch)
    points, most = grid.points(index), limit.reshape(-1)[index]
    out = field.copy()
    values = out.reshape(-1)
    for side in sides:
        rods = _rods(side, grid, points, values[index])
        if rods is None:
            continue
        now, rods = values[index], np.minimum(rods, most)
        # The two grow into each other over one node (a polynomial smooth maximum).
        close = np.clip(1 - np.abs(now - rods) / np.float32(grid.pitch), 0, None)
        joined = np.maximum(now, rods) + close * close * np.float32(grid.pitch / 4)
        values[index] = np.minimum(joined, np.maximum(most, now))
    return out


def keep_sheets(field: F32, limit: F32, sides: Sequence[Side], grid: Grid, *, agree: bool = True) -> F32:
    """Return `field` with the hull where an outline's ray misses everything and is in the hull for a short way only.

    `field` and the hull's `limit` are (X,Y,Z) as in `lift_to_rims`. Such a ray must meet something, and no other place
    is left for it: a fin or a cape that stands on edge in another picture, thinner than a blur leaves. Where outlines
    do not `agree`, a rim that is missed is no sheet.
    """
    index = np.flatnonzero(limit > -0.25 * grid.pitch)
    points, most = grid.points(index), limit.reshape(-1)[index]
    out = field.copy()
    values = out.reshape(-1)
    for side in sides:
        seen = _sort_into_pixels(side, grid, points, values[index])
        best = seen.deepest
        size = seen.shape[0] * seen.shape[1]
        begin, end = np.full(size, np.inf, np.float32), np.full(size, -np.inf, np.float32)
        np.minimum.at(begin, seen.pixel, seen.z)
        np.maximum.at(end, seen.pixel, seen.z)
        deep = side.distances_at(seen.x_px[best], seen.y_px[best], seen.z[best])
        missed = np.zeros(size, bool)
        missed[seen.pixel[best]] = (deep > 0.25 * grid.pitch) & (values[index[best]] <= 0)
        missed &= end - begin < _SHEET
        inner = np.zeros(size, np.float32)
        inner[seen.pixel[best]] = deep
        label, count = ndimage.label(missed.reshape(seen.shape), np.ones((3, 3)))
        if count and not agree:
            # A rim alone would be flakes along the outline.
            most_inner = ndimage.maximum(inner.reshape(seen.shape), label, np.arange(count + 1))
            missed &= (np.asarray(most_inner) > _FLAKE * grid.pitch)[label].ravel()
        mine = missed[seen.pixel]
        values[index[mine]] = np.maximum(values[index[mine]], most[mine])
    return out


@dataclass(frozen=True, kw_only=True)
class _Sorted:
    """Nodes as a side's rays pass them."""

    x_px: F32
    y_px: F32
    z: F32
    """(N,) where each is seen."""
    size_px: float
    shape: tuple[int, int]
    """Pixels that they are sorted into."""
    pixel: I64
    """(N,) flat."""
    deepest: I64
    """(M,) the node with the largest value of each pixel that has one."""


def _sort_into_pixels(side: Side, grid: Grid, points: F32, values: F32) -> _Sorted:
    x, y, z = side.camera.project(points)
    size_px = float(side.camera.scale_px) * grid.pitch * _PIXEL
    rows, columns = (int(n / size_px) + 2 for n in side.outline_px.shape)
    row = np.clip((y / size_px).astype(np.int64), 0, rows - 1)
    pixel = row * columns + np.clip((x / size_px).astype(np.int64), 0, columns - 1)
    # Of equal ones the last: a third of the time of sorting all nodes.
    most = np.full(rows * columns, -np.inf, np.float32)
    np.maximum.at(most, pixel, values)
    top = np.flatnonzero(values == most[pixel])
    deepest = np.full(rows * columns, -1, np.int64)
    deepest[pixel[top]] = top
    deepest = deepest[deepest >= 0]
    return _Sorted(x_px=x, y_px=y, z=z, size_px=size_px, shape=(rows, columns), pixel=pixel, deepest=deepest)


def _rods(side: Side, grid: Grid, points: F32, values: F32) -> F32 | None:
    """(N,) signed depth in round parts where `side` shows something narrow that is missing; None where nothing is."""
    seen = _sort_into_pixels(side, grid, points, values)
    best, size_px = seen.deepest, np.float32(seen.size_px)
    deep = side.distances_at(seen.x_px[best], seen.y_px[best], seen.z[best])
    short = np.zeros(seen.shape, bool)
    short.reshape(-1)[seen.pixel[best]] = (deep > 0) & (np.minimum(deep, 0.35 * grid.pitch) > values[best])
    half = half_widths(side.outline_px[::_WORK_PX, ::_WORK_PX] / np.float32(_WORK_PX)) * np.float32(_WORK_PX)
    row, column = np.indices(seen.shape).astype(np.float32)
    step = size_px / np.float32(_WORK_PX)
    half_px = np.float32(0.5)
    there = sample(half, (column + half_px) * step, (row + half_px) * step)
    short &= there < _ROD * side.camera.scale_px
    label, count = ndimage.label(short, np.ones((3, 3)))
    if count:
        short &= (np.bincount(label.ravel()) >= 2)[label]
    if not short.any():
        return None
    away = ndimage.distance_transform_edt(~short).astype(np.float32)
    unit = seen.z / np.float32(side.camera.focal_px)
    radius = np.minimum(
        sample(half, seen.x_px / np.float32(_WORK_PX), seen.y_px / np.float32(_WORK_PX)) * unit,
        np.float32(_ROD),
    )
    inside = np.minimum(side.distances_at(seen.x_px, seen.y_px, seen.z), radius)
    at = seen.x_px / size_px, seen.y_px / size_px
    beside = seen.z - sample(_middles(seen, short), *at)
    out = radius - np.hypot(radius - inside, beside)
    # Beyond what is missing the part ends softly.
    out -= np.maximum(sample(away, *at) * size_px * unit - np.float32(grid.pitch), 0) * np.float32(0.7)
    return np.where(radius > 0, out, -1).astype(np.float32)


def _middles(seen: _Sorted, short: Bool) -> F32:
    """(rows,columns) camera z of the deepest nodes around what is missing, smooth."""
    z, weight = np.zeros((2, *seen.shape), np.float32)
    z.reshape(-1)[seen.pixel[seen.deepest]] = seen.z[seen.deepest]
    weight.reshape(-1)[seen.pixel[seen.deepest]] = 1
    weight *= ndimage.binary_dilation(short, iterations=2)
    near = ndimage.gaussian_filter(weight, 2.0)
    smooth = ndimage.gaussian_filter(z * weight, 2.0) / np.maximum(near, 1e-4)
    row, column = ndimage.distance_transform_edt(weight <= 0, return_distances=False, return_indices=True)
    out: F32 = np.where(near > 1e-3, smooth, smooth[row, column])
    return out


def half_widths(inside_px: F32) -> F32:
    """(H,W) radius in pixels of the largest disc in the outline that holds each pixel; 0 outside."""
    out = np.maximum(inside_px, 0)
    for radius in np.geomspace(1, max(float(inside_px.max()), 1.01), 16):
        reach = ndimage.distance_transform_edt(inside_px < radius)
        out = np.where(reach <= radius, np.maximum(out, np.float32(radius)), out)
    return np.where(inside_px > 0, out, 0).astype(np.float32)
