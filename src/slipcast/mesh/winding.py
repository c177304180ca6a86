"""Which faces to turn, so that all of a mesh look outward: first each shell's among themselves, then each body's.

Two faces beside each other agree where they run along their edge in opposite directions. Each face stands in a graph
twice, as it is and turned; edges join what agrees. A shell that can be oriented falls into two pieces there, each the
other turned (its orientation double cover), and the one that turns fewer faces is taken. A Moebius strip is one piece.
"""

import numpy as np

from slipcast.core.scientific import csgraph, sparse
from slipcast.core.values import F32, F64, I32, Bool
from slipcast.mesh.bodies import find_bodies

_ROUNDS = 3


def find_turned(faces: I32) -> Bool:
    """(F,) True for the faces to turn so that all (F,3) of a shell run the same way round: of each shell the fewer.

    Faces of a shell that has but one side are left as they are.

    >>> find_turned(np.array([[0, 1, 2], [2, 1, 3], [2, 4, 3]], np.int32)).tolist()
    [False, False, True]
    """
    count = len(faces)
    start = faces.astype(np.int64).ravel()
    end = np.roll(faces, -1, axis=1).astype(np.int64).ravel()
    edge = np.minimum(start, end) << 32 | np.maximum(start, end)
    order = np.argsort(edge, kind="stable")
    first = np.flatnonzero(np.diff(edge[order], prepend=-1))
    first = first[
        np.diff(first, append=len(edge)) == 2
    ]  # what more than two faces share joins no two of them
    one, two = order[first], order[first + 1]
    differ = (start < end)[one] == (start < end)[two]
    if not differ.any():
        return np.zeros(count, np.bool_)
    a, b = one // 3, two // 3
    ends = np.concatenate([a, a + count]), np.concatenate([b + differ * count, b + ~differ * count])
    graph = sparse.coo_matrix((np.ones(2 * len(a), np.bool_), ends), (2 * count, 2 * count))
    label = csgraph.connected_components(graph, directed=False)[1]
    kept, turned = label[:count], label[count:]
    shell = np.minimum(kept, turned)
    size = 2 * count
    more = 2 * np.bincount(shell, kept > turned, size) > np.bincount(shell, minlength=size)
    out: Bool = ((kept > turned) != more[shell]) & (kept != turned)
    return out


def find_inward(points: F32 | F64, faces: I32) -> Bool:
    """(F,) True for the faces to turn so that each body over (V,3) welded `points` looks outward.

    The shells of a body that is inside out as a whole, with its cavities, are turned together.

    >>> points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
    >>> find_inward(points, np.array([[0, 1, 2], [0, 3, 1], [1, 3, 2], [0, 2, 3]], np.int32)).all()
    np.True_
    """
    out = np.zeros(len(faces), np.bool_)
    for _ in range(_ROUNDS):
        now = np.where(out[:, None], faces[:, ::-1], faces)
        bodies = find_bodies(points, now)
        if not bodies.inside_out.any():
            break
        # Turned as a whole, what looked outward within an inward shell is its cavity.
        around = find_bodies(points, now[:, ::-1]).around
        turn = bodies.inside_out | ((around >= 0) & bodies.inside_out[around])
        out ^= turn[bodies.shell]
    return out
