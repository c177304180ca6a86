"""Thin plates that hang before or behind a figurine: a tabard, an apron, a cape, a banner.

Seen on edge a plate is a narrow strip, clear of the body; its place in depth is certain there, and no outline says how
far it goes across, since legs and arms fill the outline of the view that faces it. So the picture of that view tells:
what has the strip's colour, in one piece, and ends where the strip ends is the plate. It is built as thick as the strip
is wide. Fins that hang from a fish are such plates too.

Rejected: what the depth networks say of the plate. Of seven made figurines with such a plate they put it on the legs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from slipcast.core.masks import find_nearest
from slipcast.core.orbit import sample
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, I64, Bool
from slipcast.reconstruct.views.outlines import half_widths
from slipcast.reconstruct.views.silhouettes import Side, march
from slipcast.reconstruct.views.solid_grid import Grid

_WIDEST = 0.016
"""Half the width of the widest strip, in units of the frame."""
_LONG, _SHORT = 6.0, 0.07
"""A strip is longer than this many of its half widths, and than this in units of the frame."""
_STEP_PX = 4
"""Pixels of a picture in one of the lattice that rays go through."""
_STEPS, _RADIUS = 320, 0.75
_ACROSS = 0.85
"""Sine of the angle between the views from which on one faces what the other sees on edge."""
_AROUND_PX = 1.5
"""Pixels around a strip that count as it: it is as thin as a sample of a ray."""
_BEFORE = 0.02
"""So much of what outlines allow may lie before a plate along a ray, in units of the frame."""
_TINTS, _BRIGHT = (0.04, 0.07, 0.11), 0.75
"""Colours are of one thing that differ by less, in tint (the least that finds a plate) and in the logarithm of the
brightness."""
_BEYOND = 0.05
"""How far beyond the strip's end the colour is looked for, in units of the frame: a plate ends where the strip ends."""
_ALL, _FIN = 0.9, 0.005
"""Where this share of all that is seen at the strip's height has its colour, colours tell nothing: clay; but half as
thick as the second a wide part is a fin (the snapper's, iou 0.91 to 0.96)."""
_GOES_ON = 0.5
"""A piece of which this share of its width goes on beyond the end is something else."""
_COVERS = 0.7
"""Share of the strip's height that a piece of the plate must have."""
_NARROW, _SLENDER = 0.03, 2.5
"""What is as narrow as the first, in units of the frame, and that many times as tall as wide is a blade (thin.py)."""
_ROOT = 0.3
"""Share of a strip's height, from where it leaves the body, in which a piece is no wider than in the rest."""
_PART = 0.3
"""Smaller pieces, of the largest one, are something else of that colour."""
_WIDE = 4.0
"""Discs in a plate are larger than this many half widths of the strip; where they are not it is a leg or an arm."""
_LEAST_NODES = 1.0
"""Half of what the thinnest plate is thick, in nodes."""


@dataclass(frozen=True, kw_only=True)
class Plate:
    """A plate as the view sees it that faces it."""

    side: Side
    edge_px: F32
    """(H,W) distance to the plate's edge in working pixels, positive inside."""
    z: F32
    """(H,W) camera z of its middle."""
    half: float
    """Half its thickness in units of the frame."""


def find_plates(sides: Sequence[Side]) -> list[Plate]:
    """Return the plates that one view sees on edge and another one, across from it, in full."""
    found = []
    for index, side in enumerate(sides):
        for strip in _strips(side):
            if not any(strip.hangs):
                continue
            for other, facing in enumerate(sides):
                apart = np.radians(facing.camera.yaw_deg - side.camera.yaw_deg)
                if other != index and abs(np.sin(apart)) > _ACROSS and side.rgb is not None:
                    plate = _see_in_full(sides, index, strip, other)
                    if plate is not None:
                        found.append(plate)
    return found


def hold_plates(field: F32, limit: F32, plates: Sequence[Plate], grid: Grid) -> tuple[F32, F32]:
    """The field (X,Y,Z) with the plates, and the limit that allows them the least thickness."""
    if not plates:
        return field, limit
    field, limit = field.copy(), limit.copy()
    index = np.flatnonzero(limit > -2 * grid.pitch)
    points = grid.points(index)
    least = np.float32(_LEAST_NODES * grid.pitch)
    for plate in plates:
        x, y, z = plate.side.camera.project(points)
        unit = z / np.float32(plate.side.camera.focal_px)
        inner = sample(plate.edge_px, x, y) * unit
        mine = np.flatnonzero(inner > -2 * grid.pitch)
        at = index[mine]
        thick = np.maximum(np.float32(plate.half), least)
        beside = np.abs(z[mine] - sample(plate.z, x[mine], y[mine]))
        # A slab with round edges: a sharp one would be a saw on the grid.
        slab = thick - np.hypot(np.maximum(thick - inner[mine], 0), beside)
        most = limit.reshape(-1)[at]
        most = np.maximum(most, np.minimum(least - beside, inner[mine]))
        limit.reshape(-1)[at] = most
        field.reshape(-1)[at] = np.maximum(field.reshape(-1)[at], np.minimum(slab, most))
    return field, limit


@dataclass(frozen=True, kw_only=True)
class _Strip:
    """What is narrow and long in an outline."""

    near_px: F32
    """(H,W) distance to its edge in pixels of the side's working picture, positive inside."""
    hangs: tuple[bool, bool]
    """Whether its upper and its lower end are clear of the body."""
    half: float
    """Half its width in units of the frame."""


def _strips(side: Side) -> list[_Strip]:
    unit = 1 / side.camera.scale_px
    outline = side.outline_px[::_STEP_PX, ::_STEP_PX]
    half = half_widths(outline / np.float32(_STEP_PX)) * np.float32(_STEP_PX * unit)
    narrow = (outline > 0) & (half < _WIDEST)
    label, count = ndimage.label(narrow, np.ones((3, 3)))
    strips = []
    for number in range(1, count + 1):
        row, column = np.nonzero(label == number)
        wide = float(np.median(half[row, column]))
        tall = np.ptp(row) * _STEP_PX * unit
        if tall < max(_LONG * wide, _SHORT) or np.ptp(row) < np.ptp(column):
            continue
        mask = _grow(label == number, side.outline_px.shape) & (side.outline_px > 0)
        near = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
        body = (outline > 0) & (label != number)
        hangs = [
            not (body[end] & ndimage.binary_dilation(label == number, iterations=2)[end]).any()
            for end in (slice(max(row.min() - 2, 0), row.min() + 1), slice(row.max(), row.max() + 3))
        ]
        strips.append(_Strip(near_px=near.astype(np.float32), hangs=(hangs[0], hangs[1]), half=wide))
    return strips


def _see_in_full(sides: Sequence[Side], index: int, strip: _Strip, other: int) -> Plate | None:
    """The plate of `strip`, which side `index` sees on edge, as side `other` faces it; None where it is not seen."""
    edge, facing = sides[index], sides[other]
    if edge.rgb is None or facing.rgb is None:
        return None
    height, width = facing.outline_px.shape
    x, y = np.meshgrid(
        np.arange(_STEP_PX / 2, width, _STEP_PX, dtype=np.float32),
        np.arange(_STEP_PX / 2, height, _STEP_PX, dtype=np.float32),
    )
    shape, unit = x.shape, 1 / facing.camera.scale_px
    rows = _rows_of(sides, index, strip, other)
    near = (sample(facing.outline_px, x, y) > 0) & (y > rows[0]) & (y < rows[1])
    if near.sum() < 4:
        return None
    rays = march(sides, other, x[near], y[near], _STEPS, _RADIUS)
    u, v, _ = edge.camera.project(rays.points.reshape(-1, 3))
    there = sample(strip.near_px, u, v).reshape(rays.inside.shape) > -_AROUND_PX
    there &= rays.inside > -_AROUND_PX * unit
    has = there.any(1)
    step = float(rays.z[1] - rays.z[0])
    first = there.argmax(1)
    # Whatever outlines allow before the strip may hide it.
    hidden = ((rays.inside > 0) & (np.arange(_STEPS) < first[:, None])).sum(1) * step > _BEFORE
    has &= ~hidden
    if has.sum() < 4:
        return None
    weight = there[has] / there[has].sum(1, keepdims=True)
    maps = np.zeros((*shape, 4), np.float32)
    row, column = (part[has] for part in np.nonzero(near))
    maps[row, column, 0] = (weight * rays.z).sum(1)
    middle = (weight * np.arange(_STEPS)).sum(1).astype(int)
    points = rays.points[has, middle]
    u, v, _ = edge.camera.project(points)
    maps[row, column, 1:] = sample(_soften(edge), u, v)
    known = np.zeros(shape, bool)
    known[row, column] = True
    maps = maps[find_nearest(known)]
    slab = _grow(ndimage.binary_closing(np.pad(known, 3), iterations=3)[3:-3, 3:-3], (height, width))
    full = _enlarge(maps, (height, width))
    picked = (_pick_pieces(facing, slab, full[..., 1:], strip, tint) for tint in _TINTS)
    mask = next((mask for mask in picked if mask is not None), None)
    if mask is None:
        return None
    inner = ndimage.distance_transform_edt(mask) - ndimage.distance_transform_edt(~mask)
    soft = ndimage.gaussian_filter(inner.astype(np.float32), 1.5)
    return Plate(
        side=facing,
        edge_px=np.minimum(soft, facing.outline_px),
        z=ndimage.gaussian_filter(full[..., 0], 2.0),
        half=strip.half,
    )


def _rows_of(sides: Sequence[Side], index: int, strip: _Strip, other: int) -> tuple[float, float]:
    """The rows of `other` that the strip may lie in."""
    side = sides[index]
    row, column = np.nonzero(strip.near_px > 0)
    ends = np.array([row.min(), row.max()])
    x = np.float32(column.mean() + 0.5)
    z = side.camera.distance + np.array([-0.4, 0.4], np.float32)
    points = side.camera.lift(
        np.full((2, 2), x, np.float32),
        np.repeat(ends[:, None], 2, 1).astype(np.float32),
        np.repeat(z[None], 2, 0),
    )
    _, y, _ = sides[other].camera.project(points.reshape(-1, 3).astype(np.float32))
    return float(y.min()) - _STEP_PX, float(y.max()) + _STEP_PX


V = TypeVar("V", Bool, F32)


def _grow(values: V, size: tuple[int, ...]) -> V:
    """Values on the lattice at the size of the picture."""
    large = np.repeat(np.repeat(values, _STEP_PX, 0), _STEP_PX, 1)
    more = [max(0, wanted - have) for wanted, have in zip(size, large.shape, strict=True)]
    out: V = np.pad(large, [(0, more[0]), (0, more[1])])[: size[0], : size[1]]
    return out


def _soften(side: Side) -> F32:
    """(H,W,3) the picture, each pixel as the nearest well within the outline."""
    assert side.rgb is not None
    inner = side.outline_px > 1.5
    colors = side.rgb.astype(np.float32)
    return colors[find_nearest(inner)] if inner.any() else colors


def _enlarge(maps: F32, size: tuple[int, int]) -> F32:
    import cv2

    height, width = size
    large = cv2.resize(
        maps, (maps.shape[1] * _STEP_PX, maps.shape[0] * _STEP_PX), interpolation=cv2.INTER_LINEAR
    )
    out = np.zeros((height, width, maps.shape[2]), np.float32)
    out[:] = large[:1, :1]
    rows, columns = min(height, large.shape[0]), min(width, large.shape[1])
    out[:rows, :columns] = large[:rows, :columns]
    return out


def _pick_pieces(facing: Side, slab: Bool, colors: F32, strip: _Strip, tint: float) -> Bool | None:
    """(H,W) what of the view that faces the strip shows the plate; None where nothing does.

    `slab` is where the plate can lie, `colors` (H,W,3) what it must look like there, but for `tint`.
    """
    assert facing.rgb is not None
    unit = 1 / facing.camera.scale_px
    beyond = max(2, round(_BEYOND / unit))
    size, rows = slab.shape, np.flatnonzero(slab.any(1))
    crop = slice(max(rows[0] - beyond, 0), rows[-1] + 1 + beyond)
    inside, slab, rows = facing.outline_px[crop] > 0, slab[crop], rows - crop.start
    alike = _is_alike(facing.rgb[crop].astype(np.float32), colors[crop], tint) & inside
    if strip.half > _FIN and alike.sum() > _ALL * inside.sum():
        return None
    alike = ndimage.binary_opening(alike, iterations=1)
    alike = ndimage.binary_fill_holes(ndimage.binary_closing(alike, iterations=3)) & inside
    label, count = ndimage.label(alike)
    thin = ndimage.distance_transform_edt(alike)[::_STEP_PX, ::_STEP_PX] / _STEP_PX
    radius = _grow(half_widths(thin.astype(np.float32)) * _STEP_PX * unit, slab.shape)
    pieces = []
    for number in range(1, count + 1):
        piece = label == number
        mine = _clear_of_body(piece & slab, rows, strip)
        tall, wide = np.asarray(mine.any(1))[rows].sum(), np.median(radius[mine]) if mine.any() else 0.0
        if tall < _COVERS * len(rows) or wide < _WIDE * strip.half:
            continue
        if wide < _NARROW and tall**2 > _SLENDER * mine.sum():
            continue
        if strip.hangs[1] and _goes_on(piece, rows[-1] + 1, beyond):
            continue
        if strip.hangs[0] and _goes_on(piece[::-1], len(piece) - rows[0], beyond):
            continue
        pieces.append(mine)
    if not pieces:
        return None
    most = max(piece.sum() for piece in pieces)
    out = np.zeros(size, bool)
    out[crop] = np.any([piece for piece in pieces if piece.sum() > _PART * most], axis=0)
    return out


def _clear_of_body(piece: Bool, rows: I64, strip: _Strip) -> Bool:
    """The piece without what is wider than it, where it leaves the body: a belly has the colour of its fin."""
    near = max(1, round(_ROOT * len(rows)))
    first = rows[0] + (0 if strip.hangs[0] else near)
    last = rows[-1] + 1 - (0 if strip.hangs[1] else near)
    return piece & piece[first:last].any(0)


def _goes_on(piece: Bool, end: int, beyond: int) -> bool:
    """Whether the piece is still as wide well below row `end`, where the strip ends."""
    before = piece[max(end - beyond, 0) : end].sum(1)
    after = piece[end + beyond // 2 : end + beyond].sum(1)
    return bool(len(after) and before.any() and after.mean() > _GOES_ON * before[before > 0].mean())


def _is_alike(colors: F32, others: F32, most: float) -> Bool:
    """(H,W) whether two pictures' colours may be of one thing in different light."""

    one, other = (rgb / np.maximum(rgb.sum(-1, keepdims=True), 24) for rgb in (colors, others))
    apart = np.linalg.norm(one - other, axis=-1)
    bright = np.abs(np.log((colors.mean(-1) + 8) / (others.mean(-1) + 8)))
    return np.asarray((apart < most) & (bright < _BRIGHT))
