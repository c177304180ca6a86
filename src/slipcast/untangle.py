"""Mesh -> Mesh without faces that run through each other: a few corners moved, no face added or lost.

Edge collapse looks at one edge at a time, so it may push a face through another, mostly where two sheets are thin or
where a face folds over. There the corners move towards the mean of their neighbours until no face crosses; the longer
it takes, the more neighbours move with them: 20 to 130 crossing pairs in 50,000 faces are gone after 2 to 10 rounds.
Rejected: steps outward along the normals in between (more crossings than before in every third round).
"""

import numpy as np

from slipcast.checks.crossings import crossing_faces
from slipcast.solid import closedness, unlabelled, welded
from slipcast.values import F32, I32, I64, Bool, Mesh

_ROUNDS, _GROWTH, _VAIN, _PASSES = 24, 4, 9, 3
"""Rounds in a pass; after how many the moved region grows; how many in a row may gain nothing; passes over all."""


def untangled(mesh: Mesh) -> Mesh:
    """Return `mesh` (closed; labels are not kept) without crossing faces, or with as few as can be had."""
    vertices, faces = welded(mesh)
    pairs = crossing_faces(unlabelled(vertices, faces))
    best, fewest = vertices, len(pairs)
    for attempt in range(_PASSES):
        if not len(pairs):
            break
        before, vertices = vertices, _parted(vertices, faces, pairs, 2 * attempt)
        # Only what crossed before or has moved can cross now.
        moved = (vertices != before).any(1)
        moved[faces[np.unique(pairs)]] = True
        near = _near(vertices, faces, np.flatnonzero(moved))
        pairs = near[crossing_faces(unlabelled(vertices, faces[near]))]
        if len(pairs) < fewest and closedness(unlabelled(vertices, faces)).closed:
            best, fewest = vertices, len(pairs)
    return unlabelled(best, faces)


def _parted(vertices: F32, faces: I32, pairs: I64, rings: int) -> F32:
    """Move corners until no face near those of `pairs` crosses another; the best try when rounds run out.

    At first `rings` of faces around them move too.
    """
    best, fewest, since = vertices, len(pairs), 0
    for number in range(_ROUNDS):
        crossing = np.unique(pairs)
        vertices = _faired(vertices, faces, crossing, rings + number // _GROWTH)
        near = _near(vertices, faces, np.unique(faces[crossing]))
        pairs = near[crossing_faces(unlabelled(vertices, faces[near]))]
        since += 1
        if len(pairs) < fewest:
            best, fewest, since = vertices, len(pairs), 0
        if not len(pairs) or since > _VAIN:
            break
    return best


def _faired(vertices: F32, faces: I32, crossing: I64, rings: int) -> F32:
    """The corners of crossing faces, and of `rings` of faces around them, halfway to their neighbours' mean."""
    chosen = np.zeros(len(vertices), bool)
    chosen[faces[crossing]] = True
    for _ in range(rings):
        chosen[faces[chosen[faces].any(1)]] = True
    around = faces[chosen[faces].any(1)]
    start = np.concatenate([around[:, k] for k in (0, 1, 2, 0, 1, 2)])
    end = np.concatenate([around[:, k] for k in (1, 2, 0, 2, 0, 1)])
    count = np.bincount(start, minlength=len(vertices))[chosen, None]
    out = vertices.astype(np.float64)
    for _ in range(1 + 2 * rings):
        total = np.stack([np.bincount(start, out[end, axis], len(vertices)) for axis in range(3)], 1)
        out[chosen] = (out[chosen] + total[chosen] / count) / 2
    moved: F32 = out.astype(np.float32)
    return moved


def _near(vertices: F32, faces: I32, moved: I64) -> I64:
    """Faces whose boxes meet the box of one that moved."""
    touched = np.zeros(len(vertices), bool)
    touched[moved] = True
    corner = vertices[faces]
    low, high = corner.min(1), corner.max(1)
    own = np.flatnonzero(touched[faces].any(1))
    near: Bool = np.zeros(len(faces), bool)
    for begin in range(0, len(own), 64):
        part = own[begin : begin + 64]
        wide = (low[part].min(0) <= high).all(1) & (high[part].max(0) >= low).all(1) & ~near
        at = np.flatnonzero(wide)
        meets = (low[part][:, None] <= high[at]).all(2) & (high[part][:, None] >= low[at]).all(2)
        near[at[meets.any(0)]] = True
    out: I64 = np.flatnonzero(near)
    return out
