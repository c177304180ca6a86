"""Equal positions become one vertex."""

import numpy as np

from slipcast.core.values import F32, I32, I64, Mesh


def weld(mesh: Mesh) -> tuple[F32, I32]:
    """Return (V,3) vertices in metres, equal ones merged, and (F,3) faces; those that collapse are dropped."""
    first, index = _group_equal(mesh.vertices)
    faces = index[mesh.faces].astype(np.int32)
    proper = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return mesh.vertices[first], faces[proper]


def find_equal(points: F32) -> tuple[I32, I32]:
    """Return which of (V,3) points are equal: `first` (S,) and `index` (V,).

    `first` names one point for each position, in order of first use; `index` is each point's place in that list.

    >>> first, index = find_equal(np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]], np.float32))
    >>> first.tolist(), index.tolist()
    ([0, 1], [0, 1, 0])
    """
    first, group = _group_equal(points)
    by_use = np.argsort(first, kind="stable")
    rank = np.empty(len(first), dtype=np.int32)
    rank[by_use] = np.arange(len(first), dtype=np.int32)
    return first[by_use].astype(np.int32), rank[group]


def _group_equal(points: F32) -> tuple[I64, I64]:
    """The same in the order of the positions' bytes: 32-bit keys sort several times faster than rows of floats."""
    # + 0 turns -0 into 0; byteswap makes integers that compare as the bytes do.
    x, y, z = (
        np.ascontiguousarray(points[:, axis] + np.float32(0)).view(np.uint32).byteswap() for axis in range(3)
    )
    order = np.lexsort((z, y, x))
    fresh = np.ones(len(points), dtype=bool)
    fresh[1:] = False
    for key in (x, y, z):
        fresh[1:] |= key[order[1:]] != key[order[:-1]]
    group = np.empty(len(points), dtype=np.int64)
    group[order] = np.cumsum(fresh) - 1
    return order[fresh], group
