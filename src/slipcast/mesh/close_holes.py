"""Triangles with small faults -> the same, closed: what is crowded is taken out, what is open is covered.

Faces at an edge that more than two share go, and faces at a corner where two rims meet, until each rim is one loop;
then each loop gets a fan of triangles about its middle. For holes of a few edges, such as remeshing leaves where a
shape is thinner than a face; a large hole would be covered just as bluntly.
"""

import numpy as np

from slipcast.core.values import F64, I64, Bool

_ROUNDS = 12


def close_holes(vertices: F64, faces: I64, longest: int = 40) -> tuple[F64, I64] | None:
    """Return vertices (V,3) and faces (F,3) without open or crowded edges; None where a loop has over `longest` edges.

    Vertices keep their numbers; new ones stand at the end.

    >>> corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], float)
    >>> close_holes(corners, np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2]]))[1].tolist()
    [[0, 2, 1], [0, 1, 3], [0, 3, 2], [2, 3, 1]]
    """
    size = len(vertices)
    for _ in range(_ROUNDS):
        start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
        there, back = start * size + end, end * size + start
        value, count = np.unique(there, return_counts=True)
        crowded = np.isin(there, value[count > 1])
        if crowded.any():
            faces = faces[~crowded.reshape(-1, 3).any(axis=1)]
            continue
        rim = ~np.isin(there, back)
        meets = _corners_at(start[rim], size, more_than=1)
        if not meets.any():
            return _cover(vertices, faces, start[rim], end[rim], longest)
        faces = faces[~meets[faces].any(axis=1)]
    return None


def _corners_at(corner: I64, size: int, *, more_than: int) -> Bool:
    out: Bool = np.bincount(corner, minlength=size) > more_than
    return out


def _cover(vertices: F64, faces: I64, start: I64, end: I64, longest: int) -> tuple[F64, I64] | None:
    """Cover the loops of rims, which run from `start` to `end` along the faces."""
    follows = dict(zip(start.tolist(), end.tolist(), strict=True))
    points, cover = [vertices], [faces]
    count = len(vertices)
    while follows:
        first = next(iter(follows))
        loop = [first]
        while (after := follows.pop(loop[-1], None)) is not None and after != first:
            loop.append(after)
        if after is None or not 3 <= len(loop) <= longest:
            return None
        if len(loop) == 3:
            cover.append(np.array([[loop[0], loop[2], loop[1]]]))
            continue
        points.append(vertices[loop].mean(axis=0, keepdims=True))
        cover.append(np.array([[b, a, count] for a, b in zip(loop, [*loop[1:], first], strict=True)]))
        count += 1
    return np.concatenate(points), np.concatenate(cover)
