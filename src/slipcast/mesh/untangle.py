"""Mesh -> Mesh without faces that run through each other: a few corners moved, no face added or lost.

Edge collapse looks at one edge at a time, so it may push a face through another, mostly where two sheets are thin or
where a face folds over. There the corners move towards the mean of their neighbours until no face crosses; the longer
it takes, the more neighbours move with them: 20 to 130 crossing pairs in 50,000 faces are gone after 2 to 10 rounds.
Rejected: steps outward along the normals in between (more crossings than before in every third round).
"""

import numpy as np

from slipcast.core.values import F32, I32, I64, Bool, Mesh
from slipcast.mesh.self_intersection import find_crossing_pairs, find_near_faces
from slipcast.mesh.topology import is_shut, make_mesh
from slipcast.mesh.weld import weld

_ROUNDS, _GROWTH, _VAIN, _PASSES = 24, 4, 9, 3
"""Rounds in a pass; after how many the moved region grows; how many in a row may gain nothing; passes over all."""


def untangle(mesh: Mesh) -> tuple[Mesh, int]:
    """Return `mesh` (closed; labels are not kept) with as few pairs of crossing faces as can be had, and how many."""
    vertices, faces = weld(mesh)
    pairs = find_crossing_pairs(vertices, faces)
    best, fewest = vertices, len(pairs)
    for attempt in range(_PASSES):
        if not len(pairs):
            break
        before, vertices = vertices, _part(vertices, faces, pairs, 2 * attempt)
        # Only what crossed before or has moved can cross now.
        moved = (vertices != before).any(1)
        moved[faces[np.unique(pairs)]] = True
        pairs = find_crossing_pairs(vertices, faces, _at(moved, faces))
        if len(pairs) < fewest and is_shut(make_mesh(vertices, faces)):
            best, fewest = vertices, len(pairs)
    return make_mesh(best, faces), fewest


def _part(vertices: F32, faces: I32, pairs: I64, rings: int) -> F32:
    """Move corners until no face near those of `pairs` crosses another; the best try when rounds run out.

    At first `rings` of faces around them move too.
    """
    best, fewest, since = vertices, len(pairs), 0
    near = np.arange(len(faces))
    for number in range(_ROUNDS):
        touched, around = _corners_of(pairs, vertices, faces), rings + number // _GROWTH
        if number % _GROWTH == 0:
            # Corners move towards their neighbours: what they can meet is near, and `untangle` looks at all again.
            reach = _grow(touched, faces, around + 1)
            near = near[find_near_faces(vertices, faces[near], _at(reach, faces[near]))]
        vertices = _fair(vertices, faces, touched, around)
        pairs = near[find_crossing_pairs(vertices, faces[near], _at(touched, faces[near]))]
        since += 1
        if len(pairs) < fewest:
            best, fewest, since = vertices, len(pairs), 0
        if not len(pairs) or since > _VAIN:
            break
    return best


def _corners_of(pairs: I64, vertices: F32, faces: I32) -> Bool:
    """(V,) True for the corners of the faces in `pairs`."""
    chosen = np.zeros(len(vertices), bool)
    chosen[faces[np.unique(pairs)]] = True
    return chosen


def _at(chosen: Bool, faces: I32) -> Bool:
    """(F,) True for faces with one of the `chosen` corners (V,)."""
    out: Bool = np.any(chosen[faces], axis=1)
    return out


def _grow(chosen: Bool, faces: I32, rings: int) -> Bool:
    """`chosen` (V,) and the corners of `rings` of faces around them."""
    chosen = chosen.copy()
    for _ in range(rings):
        chosen[faces[_at(chosen, faces)]] = True
    return chosen


def _fair(vertices: F32, faces: I32, touched: Bool, rings: int) -> F32:
    """The `touched` corners (V,), and those of `rings` of faces around them, halfway to their neighbours' mean."""
    chosen = _grow(touched, faces, rings)
    around = faces[_at(chosen, faces)]
    start = np.concatenate([around[:, k] for k in (0, 1, 2, 0, 1, 2)])
    end = np.concatenate([around[:, k] for k in (1, 2, 0, 2, 0, 1)])
    count = np.bincount(start, minlength=len(vertices))[chosen, None]
    out = vertices.astype(np.float64)
    for _ in range(1 + 2 * rings):
        total = np.stack([np.bincount(start, out[end, axis], len(vertices)) for axis in range(3)], 1)
        out[chosen] = (out[chosen] + total[chosen] / count) / 2
    moved: F32 = out.astype(np.float32)
    return moved
