"""Thin parts of several views, each at one place: a blade or a staff before the body is not smeared or split.

The hull knows where a blade lies only where other outlines show it too, at its tip above the head. Lower down it is
before the body, any depth is allowed, and a network's guess differs from row to row: the tip is found twice. Here each
part that is narrow in an outline, and sticks out, is followed: where another outline is as narrow its depth is certain,
from there it goes on as smoothly as it can, towards what the network says, as thick as it is wide.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.masks import find_nearest
from slipcast.core.orbit import sample
from slipcast.core.scientific import linalg, ndimage, sparse
from slipcast.core.values import F32, F64, I64, Bool
from slipcast.reconstruct.views.outlines import half_widths
from slipcast.reconstruct.views.silhouettes import Side, march
from slipcast.reconstruct.views.solid_grid import Grid

_WIDEST = 0.03
"""Half the width of the widest part that is followed, in units of the frame."""
_STEP_PX = 4
"""Pixels of an outline in one of the lattice that parts are followed on."""
_STEPS, _RADIUS = 200, 0.75
_LONG = 5.0
"""A part is followed where it is longer than this many of its half widths."""
_NARROW = 4.0
"""A run along a ray is certain where it is shorter than this many half widths, or three samples."""
_AROUND, _ALIKE = 2, 0.02
"""Pixels to a neighbour, and how far its depth may be off, in units of the frame."""
_FAR = 0.1
"""A narrow run farther than this from where the field has something is another part's (a tail's ray beside an arm)."""
_LEAST = 4
"""Certain pixels that a part needs."""
_GUESS = 0.01
"""Weight of what the field says of a pixel's depth; 1 is of what is certain."""
_STIFF = 3.0
"""Weight of a bend."""
_JUMP = 3.0
"""Steps across in one step along from which on a part's depth jumps."""
_LEAST_NODES = 1.0
"""Half of what the thinnest part is thick, in nodes."""
_NEAR = 3.0
"""Half widths around a part within which it stays as thin as it is; what is farther may be another part."""
_BLADE = 0.7
"""What is flatter stays as thin as it is; to hold round parts too costs outlines (a scorpion's iou 0.894 to 0.846)."""
_FEW = 3
"""With more views the networks place what is loose better than the body does (f05 0.792 instead of 0.789)."""
_LOOSE = 0.1
"""A part is loose where other outlines leave it more room than this, in units of the frame."""
_HELD = 2.0
"""Pixels from the body within which it holds a part."""
_LEVEL = 0.3
"""Weight of a slope where the body alone tells the place."""
_ACROSS = 0.5
"""Sine of the angle between two sides from which on one tells how deep the other's pixels lie."""
_TINT = 0.2
"""Tints that differ by less may be of one thing in another light."""
_FADE = 3.0
"""Pixels from where a part leaves the body to where it is held to its place wholly."""
_SAME, _MOSTLY = 0.02, 0.6
"""Parts of two sides are one where this share of the second's pixels lies that near the first, in units."""
_LOST = 0.02
"""Share of a part's own pixels that outlines may lose by it."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A narrow part in one outline's lattice."""

    row: I64
    column: I64
    half: F32
    """(N,) half the part's width in units of the frame."""
    z: F32
    """(N,) camera z of its middle."""
    flat: float
    """How deep it is, of its width: a blade is flat all along where another outline shows some of its edge."""
    sure: bool
    """Whether other outlines tell its place."""
    hold: F32
    """(N,) 0 where it leaves the body, 1 where it is held to its place."""


def place_thin_parts(
    field: F32, limit: F32, sides: Sequence[Side], grid: Grid
) -> tuple[F32, F32, list[tuple[Side, Part]]]:
    """The field (X,Y,Z) in which every narrow part lies where an outline tells it, the limit that keeps it thin, parts.

    Both stay within `limit`. A part that outlines would miss, because two lie behind each other, stays as it is.
    """
    placed: list[tuple[Side, Part]] = []
    for index, side in enumerate(sides):
        for part in _follow(field, sides, index, grid):
            if any(_is_held(side, part, *blade) for blade in placed):
                continue
            held = hold(field, limit, side, part, grid, alone=True)
            if held is None:
                continue
            # What was torn filled the place of something else, which is built round later.
            if not (part.sure and _is_missed(field, held[0], sides, grid)):
                field, limit = held
                if part.flat < _BLADE:
                    placed.append((side, part))
    return field, limit, placed


def _is_held(side: Side, part: Part, other: Side, blade: Part) -> bool:
    """Whether a part is a blade that another side has placed: two places, a little apart, would be a saw."""
    x, y = ((at + np.float32(0.5)) * _STEP_PX for at in (part.column, part.row))
    u, v, z = other.camera.project(side.camera.lift(x.astype(np.float32), y.astype(np.float32), part.z))
    known = np.zeros([n // _STEP_PX + 2 for n in other.outline_px.shape], bool)
    known[blade.row, blade.column] = True
    place = np.zeros((*known.shape, 2), np.float32)
    place[blade.row, blade.column] = np.stack([blade.z, blade.half], 1)
    row, column = (
        np.clip((at / _STEP_PX).astype(int), 0, size - 1)
        for at, size in zip((v, u), known.shape, strict=True)
    )
    middle, half = place[find_nearest(known)][row, column].T
    there = ndimage.binary_dilation(known)[row, column] & (np.abs(z - middle) < np.maximum(half, _SAME))
    return float(there.mean()) > _MOSTLY


def _follow(field: F32, sides: Sequence[Side], index: int, grid: Grid) -> list[Part]:
    side = sides[index]
    unit = np.float32(1 / side.camera.scale_px)
    outline = side.outline_px[::_STEP_PX, ::_STEP_PX]
    half = half_widths(outline / np.float32(_STEP_PX)) * np.float32(_STEP_PX) * unit
    narrow = (outline > 0) & (half < _WIDEST)
    label, count = ndimage.label(narrow, np.ones((3, 3)))
    body = (outline > 0) & ~narrow
    away = ndimage.distance_transform_edt(~body).astype(np.float32)
    parts = []
    for number in range(1, count + 1):
        row, column = np.nonzero(label == number)
        wide = half[row, column]
        length = np.hypot(np.ptp(row), np.ptp(column)) * _STEP_PX * unit
        if len(row) < _LEAST or length < _LONG * np.median(wide):
            continue
        rays = _look_along(field, sides, index, row, column, grid)
        certain, z, thick = _certain(rays, np.maximum(wide, unit * _STEP_PX / 2))
        certain &= ~(np.abs(z - rays.guess) > _FAR)
        certain &= _is_supported(row, column, z, certain)
        known = np.where(certain, z, rays.guess)
        if certain.all():
            continue
        sure = bool(certain.sum() >= max(_LEAST, 0.04 * len(row)))
        if sure:
            say = np.where(certain, 1.0, np.where(np.isfinite(known), _GUESS, 0.0))
            flat = min(1.0, float(np.median(thick[certain] / np.maximum(wide[certain], unit))))
            middle = _bend(row, column, known, say, certain)
        elif len(sides) <= _FEW and _is_torn(row, column, rays, float(unit) * _STEP_PX):
            held = away[row, column] <= _HELD
            if held.sum() < _LEAST or not np.isfinite(rays.guess[held]).any():
                continue
            middle, flat = _hold_level(row, column, rays, held), 1.0
        else:
            continue
        hold = np.clip(away[row, column] / np.float32(_FADE) - np.float32(0.5), 0, 1)
        parts.append(
            Part(
                row=row,
                column=column,
                half=wide,
                z=middle,
                flat=flat,
                sure=sure,
                hold=hold.astype(np.float32),
            )
        )
    return parts


@dataclass(frozen=True, kw_only=True)
class _Rays:
    z: F32
    """(S,) of the samples."""
    free: Bool
    """(N,S) whether other outlines allow something there."""
    alike: Bool
    """(N,S) whether a picture from another direction has the part's colour there, or none tells."""
    guess: F32
    """(N,) the field's middle along each ray, NaN where it has nothing."""


def _look_along(field: F32, sides: Sequence[Side], index: int, row: I64, column: I64, grid: Grid) -> _Rays:
    x = ((column + 0.5) * _STEP_PX).astype(np.float32)
    y = ((row + 0.5) * _STEP_PX).astype(np.float32)
    rays = march(sides, index, x, y, _STEPS, _RADIUS)
    at = ((rays.points - grid.low.astype(np.float32)) / np.float32(grid.pitch)).reshape(-1, 3).T
    said = ndimage.map_coordinates(field, at, order=1, cval=-1.0).reshape(rays.inside.shape)
    weight = np.clip(said + np.float32(grid.pitch / 2), 0, None)
    total = weight.sum(1)
    guess = np.where(total > 0, (weight * rays.z).sum(1) / np.maximum(total, 1e-9), np.nan)
    return _Rays(
        z=rays.z,
        free=rays.inside > 0,
        alike=_have_color(sides, index, x, y, rays.points),
        guess=guess.astype(np.float32),
    )


def _have_color(sides: Sequence[Side], index: int, x: F32, y: F32, points: F32) -> Bool:
    """(N,S) whether points (N,S,3) are shown in the colour of pixels (N,) of a side by any side across from it."""
    own = sides[index]
    out = np.zeros(points.shape[:2], bool)
    across = [
        side
        for side in sides
        if side.rgb is not None
        and abs(np.sin(np.radians(side.camera.yaw_deg - own.camera.yaw_deg))) > _ACROSS
    ]
    if own.rgb is None or not across:
        return ~out
    mine = _tint(sample(own.rgb.astype(np.float32), x, y))[:, None]
    for side in across:
        assert side.rgb is not None
        u, v, _ = side.camera.project(points.reshape(-1, 3))
        there = _tint(sample(side.rgb.astype(np.float32), u, v)).reshape(*out.shape, 3)
        out |= np.linalg.norm(there - mine, axis=-1) < _TINT
    return out


def _tint(rgb: F32) -> F32:
    """Colours less their grey, which light changes, of 1."""
    out: F32 = (rgb - rgb.mean(-1, keepdims=True)) / np.float32(255)
    return out


def _certain(rays: _Rays, half: F32) -> tuple[Bool, F64, F64]:
    """(N,) where a ray has a narrow run, (N,) its middle, elsewhere what the field says, and (N,) half its length."""
    step = float(rays.z[1] - rays.z[0])
    certain, z = np.zeros(len(half), bool), rays.guess.astype(np.float64)
    thick = half.astype(np.float64)
    edges = np.diff(np.pad(rays.free.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    for number, edge in enumerate(edges):
        start, end = np.flatnonzero(edge > 0), np.flatnonzero(edge < 0)
        if not len(start):
            continue
        run = int((end - start).argmin())
        middle = (start[run] + end[run] - 1) // 2
        if (end - start)[run] * step < max(_NARROW * half[number], 3 * step) and rays.alike[number, middle]:
            certain[number] = True
            z[number] = float(rays.z[start[run] : end[run]].mean())
            thick[number] = (end - start)[run] * step / 2
    return certain, z, thick


def _is_supported(row: I64, column: I64, z: F64, certain: Bool) -> Bool:
    """(N,) whether most of a pixel's neighbours in the part are certain too, and of the same depth.

    At the rim of an outline every ray is short; there only one pixel of a part's width is.
    """
    out = np.zeros(len(row), bool)
    for number in np.flatnonzero(certain):
        near = (np.abs(row - row[number]) <= _AROUND) & (np.abs(column - column[number]) <= _AROUND)
        alike = certain[near] & (np.abs(z[near] - z[number]) < _ALIKE)
        out[number] = alike.mean() > 0.6
    return out


def _is_torn(row: I64, column: I64, rays: _Rays, step: float) -> bool:
    """Whether what the field has of a part is not one piece: it ends, or jumps from one depth to another.

    Nothing is torn that other outlines hold in one place.
    """
    guess = rays.guess
    if float(np.quantile(rays.free.sum(1), 0.1)) * (rays.z[1] - rays.z[0]) < _LOOSE:
        return False
    if not np.isfinite(guess).all():
        return True
    pairs = _links(row, column)
    return bool((np.abs(guess[pairs[:, 0]] - guess[pairs[:, 1]]) > _JUMP * step).any())


def _hold_level(row: I64, column: I64, rays: _Rays, held: Bool) -> F32:
    """(N,) depths of a part that goes on from where the body holds it, as level as other outlines allow."""
    known = np.where(held, np.median(rays.guess[held & np.isfinite(rays.guess)]), 0.0)
    say = np.where(held, 1.0, 0.0)
    free = np.where(rays.free, np.float32(0), np.float32(np.inf))
    some = rays.free.any(1)
    for _ in range(3):
        middle = _bend(row, column, known, say, ~held, level=_LEVEL)
        nearest = rays.z[(np.abs(rays.z - middle[:, None]) + free).argmin(1)]
        off = some & (np.abs(nearest - middle) > rays.z[1] - rays.z[0])
        if not off.any():
            break
        known, say = np.where(off, nearest, known), np.where(off, 1.0, say)
    return middle


def _links(row: I64, column: I64) -> I64:
    """(N,2) pixels of a part that lie beside each other."""
    place = {(int(r), int(c)): n for n, (r, c) in enumerate(zip(row, column, strict=True))}
    found = [
        (here, place[on])
        for (r, c), here in place.items()
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1))
        if (on := (r + dr, c + dc)) in place
    ]
    return np.array(found, np.int64).reshape(-1, 2)


def _bend(row: I64, column: I64, z: F64, weight: F64, certain: Bool, level: float = 1e-3) -> F32:
    """(N,) depths that bend as little as they can; certain ones that do not fit the others lose their say.

    `level` is the weight of a slope.
    """
    place = {(int(r), int(c)): n for n, (r, c) in enumerate(zip(row, column, strict=True))}
    lines: list[tuple[int, int, int]] = []
    for (r, c), here in place.items():
        for dr, dc in ((0, 1), (1, 0), (1, 1), (1, -1)):
            on = place.get((r + dr, c + dc))
            back = place.get((r - dr, c - dc))
            if on is not None and back is not None:
                lines.append((back, here, on))
    size = len(row)
    bends = _rows([[1.0, -2.0, 1.0]] * len(lines), lines, size)
    links = [(int(one), int(other)) for one, other in _links(row, column)]
    slopes = _rows([[1.0, -1.0]] * len(links), links, size)
    # Slopes cost a little: what nothing holds goes on level.
    stiff = _STIFF * (bends.T @ bends) + level * (slopes.T @ slopes) + 1e-9 * sparse.eye(size)
    known, say = np.nan_to_num(z), weight.copy()
    out = known
    for _ in range(4):
        out = linalg.spsolve((stiff + sparse.diags(say)).tocsc(), say * known)
        apart = np.abs(out - known) / 0.02
        say = np.where(certain, weight / (1 + apart**2), weight)
    return np.asarray(out, np.float32)


def _rows(values: list[list[float]], at: Sequence[tuple[int, ...]], size: int) -> "sparse.csr_matrix":
    if not at:
        return sparse.csr_matrix((1, size))
    row = np.repeat(np.arange(len(at)), len(at[0]))
    return sparse.csr_matrix((np.ravel(values), (row, np.ravel(at))), (len(at), size))


def hold(
    field: F32, limit: F32, side: Side, part: Part, grid: Grid, *, alone: bool = False
) -> tuple[F32, F32] | None:
    """Return `field` and `limit` with `part` of `side` at its place, and where it is `alone` nothing else on its rays.

    Both are (X,Y,Z) signed distances at the nodes of `grid`, positive inside, in units of the frame. None where no
    node lies in the part's outline.
    """
    height, width = (int(np.ceil(n / _STEP_PX)) for n in side.outline_px.shape)
    known = np.zeros((height, width), bool)
    known[part.row, part.column] = True
    maps = np.zeros((height, width, 3), np.float32)
    maps[part.row, part.column] = np.stack([part.z, part.half, part.hold], 1)
    maps = maps[find_nearest(known)]
    there = ndimage.binary_dilation(known, iterations=1)
    index = np.flatnonzero(limit > -2 * grid.pitch)
    x, y, z = side.camera.project(grid.points(index))
    column = np.clip((x / _STEP_PX).astype(np.int64), 0, width - 1)
    row = np.clip((y / _STEP_PX).astype(np.int64), 0, height - 1)
    mine = there[row, column]
    if not mine.any():
        return None
    index, x, y, z = index[mine], x[mine], y[mine], z[mine]
    middle, half, hold = sample(maps, x / np.float32(_STEP_PX), y / np.float32(_STEP_PX)).T
    least = np.float32(_LEAST_NODES * grid.pitch)
    half = np.maximum(half, least)
    thick = np.maximum(half * np.float32(part.flat), least)
    beside = np.abs(z - middle)
    out, kept = field.copy(), limit.copy()
    values, most = out.reshape(-1)[index], limit.reshape(-1)[index]
    deep = side.distances_at(x, y, z)
    if part.flat < _BLADE:
        # Where other outlines hold it thinner than the grid can, it would be a saw.
        most = np.where(hold > 0.5, np.maximum(most, np.minimum(least - beside, deep)), most)
    # A slab with round edges: those of an ellipse are thinner than a node, and would be a saw's.
    rod = thick - np.hypot(thick - np.minimum(deep, thick), beside)
    values = np.where(hold > 0.5, np.maximum(values, np.minimum(rod, most)), values)
    cut = thick - beside + (1 - hold) * np.float32(0.25)
    near = beside < _NEAR * half
    out.reshape(-1)[index] = np.where(near | alone, np.minimum(values, cut), values)
    if part.flat < _BLADE:
        kept.reshape(-1)[index] = np.where(near, np.minimum(most, cut), most)
    return out, kept


def _is_missed(before: F32, after: F32, sides: Sequence[Side], grid: Grid) -> bool:
    """Whether outlines would miss more than they may of what the field filled before."""
    changed = np.flatnonzero((before > 0) & (after <= 0))
    if not len(changed):
        return False
    rest = np.flatnonzero(after > 0)
    for side in sides:
        # What is thinner than a node is not in the field at all.
        was = _pixels(changed[side.distances(grid.points(changed)) > 0.75 * grid.pitch], side, grid)
        lost = np.setdiff1d(was, _pixels(rest, side, grid))
        if len(lost) > max(2, _LOST * len(was)):
            return True
    return False


def _pixels(index: I64, side: Side, grid: Grid) -> I64:
    size_px = float(side.camera.scale_px) * grid.pitch * 1.5
    x, y, _ = side.camera.project(grid.points(index))
    return np.unique((y / size_px).astype(np.int64) * 100_000 + (x / size_px).astype(np.int64))
