"""Polygons and strips of corners -> triangles."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import I64
from slipcast.formats.common.reading import MAX_FACES


@dataclass(kw_only=True)
class Lists:
    """The entries of one list property, row after row."""

    values: I64
    lengths: I64


def find_triangles(path: Path, polygons: Lists | None, strips: Lists | None) -> tuple[I64, int]:
    """(F,3) all faces as triangles, and how many had fewer than three corners.

    Raises BadInput for more than MAX_FACES.
    """
    parts, flat = [np.zeros((0, 3), np.int64)], 0
    if polygons is not None:
        values, lengths = polygons.values, polygons.lengths
        flat = int((lengths < 3).sum())
        start = np.cumsum(lengths) - lengths
        many = np.maximum(lengths - 2, 0)
        total = int(many.sum())
        if total > MAX_FACES:
            raise BadInput(f"{path} has {total} faces; at most {MAX_FACES} are read")
        first = np.repeat(start, many)
        step = np.arange(total) - np.repeat(np.cumsum(many) - many, many)
        parts.append(np.stack([values[first], values[first + step + 1], values[first + step + 2]], axis=1))
    if strips is not None:
        parts.append(_from_strips(strips))
    return np.concatenate(parts), flat


def _from_strips(strips: Lists) -> I64:
    """(F,3) the triangles of strips, every second one turned; -1 ends a strip, a corner that repeats makes none."""
    values = strips.values
    ends = np.zeros(len(values) + 1, bool)
    ends[np.cumsum(strips.lengths)] = True
    start = np.zeros(len(values), np.int64)  # where each corner's strip began
    fresh = ends[:-1].copy()
    fresh[1:] |= values[:-1] == -1
    where = np.flatnonzero(fresh)
    start[where] = where
    start = np.maximum.accumulate(start)
    a = np.arange(max(0, len(values) - 2))
    whole = (start[a] == start[a + 2]) & (values[a] >= 0) & (values[a + 1] >= 0) & (values[a + 2] >= 0)
    a = a[whole]
    odd = (a - start[a]) % 2 == 1
    faces = np.stack(
        [values[a], values[np.where(odd, a + 2, a + 1)], values[np.where(odd, a + 1, a + 2)]], axis=1
    )
    distinct = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    out: I64 = faces[distinct]
    return out
