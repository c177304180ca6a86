"""A field on a regular grid -> the closed mesh where it is zero, by surface nets (reconstruct/surface_nets.py)."""

import numpy as np

from slipcast.core.values import F32, F64, I32, I64, Bool
from slipcast.reconstruct.surface_nets import OTHERS, RING, corner_of, edge_of, split_sheets, triangulate

_LEAST = 0.03
"""Crossings keep this share of an edge's length from its ends."""


def mesh_level_set(field: F32) -> tuple[F64, I32]:
    """Vertices (V,3) in nodes and faces (F,3), counter-clockwise outside, of `field` (X,Y,Z), positive inside.

    The field must be negative on all six faces of the grid. A cell through which two sheets pass gets a vertex for
    each, so every edge has two faces, but for rare ones with four.
    """
    shape = field.shape
    cells, edges, ends, places, leaving = [], [], [], [], []
    for axis in range(3):
        start, way, leaves = _crossings(field, axis)
        place = start.astype(np.float64)
        place[axis] += way
        places.append(place)
        leaving.append(leaves)
        b, c = OTHERS[axis]
        for db, dc in RING:
            at = start.copy()
            at[b] -= db
            at[c] -= dc
            cells.append((at[0] * shape[1] + at[1]) * shape[2] + at[2])
            edges.append(np.full(len(way), edge_of(axis, db, dc)))
            ends.append(corner_of(axis, db, dc, leaves))
    _, cell = np.unique(np.concatenate(cells), return_inverse=True)
    cell = cell.reshape(-1)
    vertex, count = split_sheets(cell, np.concatenate(edges), np.concatenate(ends), int(cell.max()) + 1)
    total = np.zeros((3, count))
    quads, first = [], 0
    for place, leaves in zip(places, leaving, strict=True):
        size = len(leaves)
        ring = vertex[first : first + 4 * size].reshape(4, size)
        first += 4 * size
        for corner in ring:
            for axis in range(3):
                total[axis] += np.bincount(corner, place[axis], count)
        quads.append(np.where(leaves, ring[::-1], ring).T)
    vertices = (total / np.bincount(vertex, minlength=count)).T
    # The nets count rows before columns: the other hand.
    faces = np.ascontiguousarray(triangulate(vertices, np.concatenate(quads))[:, ::-1], np.int32)
    return vertices, faces


def _crossings(field: F32, axis: int) -> tuple[I64, F64, Bool]:
    """(3,N) lower ends of the edges along `axis` that the surface crosses, (N,) where, (N,) whether it leaves."""
    count = field.shape[axis]
    low, high = field.take(range(count - 1), axis), field.take(range(1, count), axis)
    crossed = (low > 0) != (high > 0)
    start = np.stack(np.nonzero(crossed)).astype(np.int64)
    a, b = low[crossed].astype(np.float64), high[crossed].astype(np.float64)
    way = np.clip(a / np.where(a == b, 1, a - b), _LEAST, 1 - _LEAST)
    return start, way, a > 0
