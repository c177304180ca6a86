"""Columns -> the air between their parts, on the sides that no camera saw.

Where depth steps, a ray through both parts runs through air between them, and nobody knows where that begins and ends.
What both shells show of the surface is a field of normals; the solid that has these normals and is smooth elsewhere is
Poisson's (Kazhdan, Bolitho & Hoppe 2006: the indicator function's gradient is the field of inward normals, smoothed).
On a grid over the rays it is two Fourier transforms, well below a second, and no sample needs a tree. Near the samples
the field is moved to be zero there on the average, as screening would.

The shells themselves stay as they are: the field only says what between them is air.

Rejected: the thickness of an inflated outline on both sides of each step (F at 0.05 on true depth 0.967 instead of
0.985, agreement of normals 0.922 instead of 0.953; three parts behind each other do not come out).
"""

import math
from dataclasses import dataclass

import numpy as np

from slipcast.core.scientific import fft, ndimage
from slipcast.core.values import F32, F64, I64
from slipcast.reconstruct.ray_grid import RayGrid

SHEET = 1.5
"""Nodes of every part that stay behind what a shell shows."""
_STEEP = 8.0
"""Slopes steeper than this many nodes a node are steps or sides that turn away: no normal is known there."""
_CELLS = 192
"""Cells of the field along the longest side of the box."""
_MARGIN = 10
"""Cells around it."""
_BLUR = 0.5
"""Standard deviation of the smoothing in cells."""
_WALL = 16.0
"""Rims thinner than this many nodes end as the silhouette says: their sides are samples too."""
_COARSE = 4
"""Cells a side of the coarser grid on which the field is moved to be zero at the samples."""
_CHUNK = 8192


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """Stretches of rays between two parts, sorted by column and depth."""

    column: I64
    """(N,) row * W + column."""
    begin: F64
    """(N,) depth in nodes."""
    end: F64


@dataclass(frozen=True, kw_only=True)
class _Field:
    """Positive in the solid, on a grid over rows, columns and depth."""

    value: F32
    """(A,B,C)."""
    cell: float
    """Nodes from cell to cell."""
    lowest: float
    """Depth in nodes of the first cell that is no margin."""


def find_gaps(columns: RayGrid) -> Gaps:
    """Return the stretches of air between what the two shells of `columns` show; none where no depth steps."""
    if not _has_steps(columns):
        nothing = np.zeros(0)
        return Gaps(column=np.zeros(0, np.int64), begin=nothing, end=nothing)
    field = _solve_field(columns)
    row, column = np.nonzero(columns.inside & (columns.back - columns.front > 2 * SHEET + 1))
    found = [
        _find_along(field, columns, row[first : first + _CHUNK], column[first : first + _CHUNK])
        for first in range(0, len(row), _CHUNK)
    ]
    ray, begin, end = (np.concatenate([part[k] for part in found] or [np.zeros(0)]) for k in range(3))
    # Air that meets no level of the grid is none.
    there = np.ceil(begin) <= np.floor(end)
    return Gaps(column=ray[there].astype(np.int64), begin=begin[there], end=end[there])


def _has_steps(columns: RayGrid) -> bool:
    """True where one of the shells steps between neighbours."""
    for shell in (columns.front, columns.back):
        for axis in (0, 1):
            a, b = (
                np.take(columns.inside, range(k, columns.inside.shape[axis] + k - 1), axis) for k in (0, 1)
            )
            if (np.abs(np.diff(shell, axis=axis))[a & b] > _STEEP).any():
                return True
    return False


def _sample_shells(columns: RayGrid) -> tuple[F64, F64]:
    """(3,N) places (row, column, depth in nodes) and (3,N) outward normals times areas in square nodes."""
    places, areas = [], []
    for shell, sign in ((columns.front, -1.0), (columns.back, 1.0)):
        depth = np.where(columns.inside, shell, np.nan)
        slope_y, slope_x = np.full_like(depth, np.nan), np.full_like(depth, np.nan)
        slope_y[1:-1] = (depth[2:] - depth[:-2]) / 2
        slope_x[:, 1:-1] = (depth[:, 2:] - depth[:, :-2]) / 2
        known = columns.inside & (np.hypot(slope_y, slope_x) < _STEEP)
        row, column = np.nonzero(known)
        places.append(np.stack([row, column, depth[known]]))
        areas.append(np.stack([-sign * slope_y[known], -sign * slope_x[known], np.full(len(row), sign)]))
    for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
        rim = columns.inside & ~np.roll(columns.inside, (-dy, -dx), (0, 1))
        rim &= columns.back - columns.front <= _WALL
        row, column = np.nonzero(rim)
        thick = (columns.back - columns.front)[rim]
        count = np.ceil(thick).astype(np.int64)
        at = np.repeat(np.arange(len(count)), count)
        step = (thick / count)[at]
        number = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)
        deep = columns.front[rim][at] + (number + 0.5) * step
        places.append(np.stack([row[at] + dy / 2, column[at] + dx / 2, deep]))
        areas.append(np.stack([dy * step, dx * step, np.zeros(len(at))]))
    return np.concatenate(places, 1), np.concatenate(areas, 1)


def _solve_field(columns: RayGrid) -> _Field:
    """Poisson's indicator function of both shells, zero on the average near them."""
    places, areas = _sample_shells(columns)
    lowest, highest = columns.front[columns.inside].min(), columns.back[columns.inside].max()
    sides = np.array([*columns.inside.shape, highest - lowest])
    cell = max(float(sides.max()) / _CELLS, 1.0)
    at = (places - np.array([[0], [0], [lowest]])) / cell + _MARGIN
    shape = tuple(fft.next_fast_len(math.ceil(side / cell) + 2 * _MARGIN, real=True) for side in sides)
    divergence = np.zeros(shape, np.float32)
    for axis in range(3):
        # Each component half a cell beside the next, so that differences of neighbours are its divergence.
        shifted = at.copy()
        shifted[axis] -= 0.5
        inward = np.moveaxis(_splat(shape, shifted, -areas[axis] / cell**2), axis, 0)
        change = np.moveaxis(divergence, axis, 0)
        change += inward
        change[1:] -= inward[:-1]  # nothing is in the last cells: they are margin
    # In place where it can be: fresh memory costs more than the arithmetic.
    waves = fft.rfftn(divergence, overwrite_x=True, workers=2)
    laplace = np.zeros(waves.shape, np.float32)
    for axis, side in enumerate(shape):
        wave = 2 * np.pi * (fft.rfftfreq(side) if axis == 2 else fft.fftfreq(side))
        wave = wave.astype(np.float32).reshape([-1 if k == axis else 1 for k in range(3)])
        laplace += 2 * np.cos(wave) - 2
        waves *= np.exp(-((wave * np.float32(_BLUR)) ** 2) / 2)
    laplace[0, 0, 0] = 1
    waves /= laplace
    value: F32 = fft.irfftn(waves, shape, overwrite_x=True, workers=2)
    weight = np.linalg.norm(areas, axis=0)
    value -= np.float32((_interpolate(value, at) * weight).sum() / weight.sum())
    _level_field(value, at, weight / cell**2)
    return _Field(value=value, cell=cell, lowest=float(lowest))


def _level_field(value: F32, at: F64, weight: F64) -> None:
    """Subtract the smooth weighted mean of `value` (A,B,C) at the samples nearby, in place."""
    shape = tuple(-(-side // _COARSE) + 2 for side in value.shape)
    place = at / _COARSE
    wrong = ndimage.gaussian_filter(_splat(shape, place, weight * _interpolate(value, at)), 1.5, truncate=3)
    there = ndimage.gaussian_filter(_splat(shape, place, weight), 1.5, truncate=3)
    coarse: F32 = wrong / (there + np.float32(0.02) * there.max())
    before, part = zip(*(np.divmod(np.arange(side), _COARSE) for side in value.shape), strict=True)
    share = [(along / _COARSE).astype(np.float32) for along in part]
    for row, plane in enumerate(value):
        low, high = coarse[before[0][row]], coarse[before[0][row] + 1]
        level = low + (high - low) * share[0][row]
        low, high = level[before[1]], level[before[1] + 1]
        level = low + (high - low) * share[1][:, None]
        low, high = level[:, before[2]], level[:, before[2] + 1]
        plane -= low + (high - low) * share[2]


def _splat(shape: tuple[int, ...], at: F64, weight: F64) -> F32:
    """(A,B,C) sum of the weights, each shared among the eight cells around its place."""
    out = np.zeros(shape, np.float32)
    flat = out.reshape(-1)
    index, part = _cell_of(at, shape)
    for dy, dx, dz in np.ndindex(2, 2, 2):
        share = weight.astype(np.float32)
        for way, along in zip((dy, dx, dz), part, strict=True):
            share = share * (along if way else 1 - along)
        np.add.at(flat, index + (dy * shape[1] + dx) * shape[2] + dz, share)
    return out


def _interpolate(value: F32, at: F64) -> F32:
    """(N,) values of a grid between its cells."""
    index, part = _cell_of(at, value.shape)
    flat = value.reshape(-1)
    out = np.zeros(at.shape[1], np.float32)
    for dy, dx, dz in np.ndindex(2, 2, 2):
        share = flat[index + (dy * value.shape[1] + dx) * value.shape[2] + dz]
        for way, along in zip((dy, dx, dz), part, strict=True):
            share = share * (along if way else 1 - along)
        out += share
    return out


def _cell_of(at: F64, shape: tuple[int, ...]) -> tuple[I64, F32]:
    """(N,) flat index of the cell before each place, and (3,N) how far beyond it the place is."""
    before = np.floor(at).astype(np.int64)
    part = (at - before).astype(np.float32)
    index: I64 = (before[0] * shape[1] + before[1]) * shape[2] + before[2]
    return index, part


def _find_along(field: _Field, columns: RayGrid, row: I64, column: I64) -> tuple[I64, F64, F64]:
    """Column, begin and end of the air on the rays of the nodes (N,), between their shells' sheets."""
    y, x = row / field.cell + _MARGIN, column / field.cell + _MARGIN
    y0, x0 = y.astype(np.int64), x.astype(np.int64)
    part_y, part_x = (y - y0).astype(np.float32)[:, None], (x - x0).astype(np.float32)[:, None]
    value = (
        field.value[y0, x0] * ((1 - part_y) * (1 - part_x))
        + field.value[y0, x0 + 1] * ((1 - part_y) * part_x)
        + field.value[y0 + 1, x0] * (part_y * (1 - part_x))
        + field.value[y0 + 1, x0 + 1] * (part_y * part_x)
    )
    # Beyond both ends is air, so rises and falls take turns: air is from a fall (or the beginning) to the next rise.
    solid = value > 0
    solid[:, 0] = solid[:, -1] = False
    ray, level = np.nonzero(solid[:, 1:] != solid[:, :-1])
    one, other = value[ray, level], value[ray, level + 1]
    part = np.where(one == other, 0.5, one / np.where(one == other, 1, one - other))
    depth = field.lowest + (level + np.clip(part, 0, 1) - _MARGIN) * field.cell
    rises = solid[ray, level + 1]
    ends = np.arange(len(row))
    fall_ray = np.concatenate([ends, ray[~rises]])
    rise_ray = np.concatenate([ray[rises], ends])
    begin = np.concatenate([np.full(len(row), -np.inf), depth[~rises]])
    end = np.concatenate([depth[rises], np.full(len(row), np.inf)])
    begin = begin[np.lexsort([begin, fall_ray])]
    order = np.lexsort([end, rise_ray])
    ray, end = rise_ray[order], end[order]
    begin = np.maximum(begin, columns.front[row, column][ray] + SHEET)
    end = np.minimum(end, columns.back[row, column][ray] - SHEET)
    open_ = end > begin
    flat: I64 = row * columns.inside.shape[1] + column
    return flat[ray[open_]], begin[open_], end[open_]
