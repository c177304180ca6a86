"""Faces with a chart each -> the same in fewer and larger pieces.

Where charts are chosen face by face, noise of the normals at their border leaves pieces of one face. A face goes to the
chart of most of its neighbours where it may lie there; then whole pieces that are small go to the neighbour with which
they share most of their border. What an overhang turns over is unfolded into the chart around it.
"""

from collections.abc import Sequence

import numpy as np

from slipcast.core.scientific import sparse
from slipcast.core.values import F64, I32, I64, Bool
from slipcast.mesh.neighbours import Neighbours, find_neighbours

_ROUNDS = 8
"""Of the vote among neighbours: what still changes afterwards flickers."""
_SMALL = 0.004
"""Share of the surface below which a piece goes to a neighbour as a whole."""
_CRUMB = 0.001
"""Share of the surface below which a piece is laid on the chart around it, though it is turned over there."""
_UNFOLDINGS, _RINGS = 60, 3
_LEAST_COSINE = 0.2
"""Between a face and the direction of its piece: it would be drawn five times too narrow."""
_SLIVER = 0.002


def join_charts(faces: I32, chart: I64, may: Bool, area: F64, neighbours: Neighbours | None = None) -> I64:
    """Return (F,) charts like `chart`, in fewer pieces; (F,C) `may` says on which charts a face can lie.

    >>> strip = np.array([[0, 1, 2], [2, 1, 3], [2, 3, 4], [4, 3, 5]], np.int32)
    >>> join_charts(strip, np.array([0, 0, 1, 0]), np.ones((4, 2), bool), np.ones(4)).tolist()
    [0, 0, 0, 0]
    """
    first, second = neighbours or find_neighbours(faces)
    out, charts = chart.astype(np.int64), may.shape[1]
    for _ in range(_ROUNDS):
        votes = _votes(first, second, out, np.arange(len(faces)), len(faces), charts)
        votes[~may] = -1
        best = votes.argmax(axis=1)
        own = votes[np.arange(len(faces)), out]
        moves = votes[np.arange(len(faces)), best] > np.maximum(own, 1)
        if not moves.any():
            break
        out[moves] = best[moves]
    return _absorb(first, second, out, may, area)


def pieces_of(faces: I32, chart: I64, neighbours: Neighbours | None = None) -> I64:
    """(F,) number of the piece, connected by edges and of one chart, that each face belongs to."""
    return _pieces(*(neighbours or find_neighbours(faces)), chart)


def join_crumbs(
    faces: I32,
    chart: I64,
    flat: Sequence[F64],
    area: F64,
    far: Sequence[float],
    most: float = _CRUMB,
    neighbours: Neighbours | None = None,
) -> tuple[I64, F64]:
    """Return (F,) charts without crumbs, and the faces' flat corners (F,3,2) on them, none turned over.

    A crumb is a piece of less than `most` of the surface: a few faces that an overhang turns over on the chart around
    them. It goes to that chart all the same, and the flat places of its vertices move to the mean of their neighbours'
    until no face is turned over (Tutte 1963); what does not come right stays a piece. `flat` are the vertices' places
    (V,2) on each chart, on which faces run against the clock with y up; `far` says for each chart how many sides of the
    largest crumb a vertex may move.
    """
    out = chart.copy()
    first, second = neighbours or find_neighbours(faces)
    piece = _pieces(first, second, chart)
    count = int(piece.max(initial=-1)) + 1
    large = np.bincount(piece, area, count) >= most * area.sum()
    across = (piece[first] != piece[second]) & (large[piece[first]] != large[piece[second]])
    border = _votes(first[across], second[across], chart, piece, count, len(flat))
    goes = ~large & (border.max(axis=1, initial=0) > 0)
    out = np.where(goes[piece], border.argmax(axis=1)[piece], chart)
    moved = goes[piece]
    places = list(flat)
    wrong = np.zeros(count, bool)
    for k, place in enumerate(flat):
        mine = out == k
        if (moved & mine).any():
            places[k], failed = _unfold(faces[mine], place, far[k] * np.sqrt(most))
            wrong[piece[moved & mine & failed[faces].any(axis=1)]] = True
    back = moved & wrong[piece]
    out[back] = chart[back]
    corner = np.zeros((len(faces), 3, 2))
    for k, (old, new) in enumerate(zip(flat, places, strict=True)):
        for mine, place in ((~back & (out == k), new), (back & (out == k), old)):
            corner[mine] = place[faces[mine]]
    return out, corner


def join_pieces(
    faces: I32,
    piece: I64,
    free: Bool,
    normals: F64,
    area: F64,
    neighbours: Neighbours | None = None,
) -> tuple[I64, F64]:
    """Return (F,) numbers of pieces, fewer, and (N,3) the direction that each is seen from.

    Of the pieces that `free` (F,) allows, neighbours become one where all their faces look towards their common mean,
    those first that share most of their border. The others keep their number; each has its mean normal for direction.
    """
    out = piece.copy()
    first, second = neighbours or find_neighbours(faces)
    both = free[first] & free[second]
    first, second = first[both], second[both]
    weighted = normals * area[:, None]
    while True:
        one, other = np.minimum(out[first], out[second]), np.maximum(out[first], out[second])
        across = one != other
        if not across.any():
            break
        pairs, border = np.unique(np.stack([one[across], other[across]], 1), axis=0, return_counts=True)
        joined = np.zeros(int(out.max()) + 1, bool)
        for k in np.argsort(-border, kind="stable"):
            a, b = pairs[k]
            if joined[a] or joined[b]:
                continue
            mine = np.flatnonzero((out == a) | (out == b))
            way = weighted[mine].sum(axis=0)
            if (normals[mine] @ way).min() > _LEAST_COSINE * np.linalg.norm(way):
                out[mine] = a
                joined[[a, b]] = True
        if not joined.any():
            break
    out = np.unique(out, return_inverse=True)[1].reshape(-1).astype(np.int64)
    way = np.stack([np.bincount(out, weighted[:, axis]) for axis in range(3)], axis=1)
    return out, way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-300)


def _unfold(faces: I32, place: F64, share: float) -> tuple[F64, Bool]:
    """(V,2) places, moved where faces (F,3) are turned over, as few as it takes, and (V,) where that failed.

    It fails where a face stays turned over, and where a vertex would move too far for what is shown there.
    """
    signed = double_areas(place[faces])
    area = np.abs(signed)
    # The least area keeps a face from becoming a line.
    least, far = _SLIVER * float(np.median(area)), share * np.sqrt(area.sum())
    corner = np.ascontiguousarray(faces.T)
    near = np.flatnonzero(signed <= least)
    for _ in range(1 + _RINGS):
        ring = np.zeros(len(place), bool)
        ring[faces[near]] = True
        near = np.flatnonzero(ring[corner[0]] | ring[corner[1]] | ring[corner[2]])
    # From here on only what lies near counts, by numbers of its own.
    vertex, index = np.unique(faces[near], return_inverse=True)
    index = index.reshape(-1, 3).astype(np.int64)
    ends = index[:, [0, 1, 2, 1, 2, 0]].ravel(), index[:, [1, 2, 0, 0, 1, 2]].ravel()
    links = sparse.coo_matrix((np.ones(len(ends[0])), ends), (len(vertex), len(vertex))).tocsr()
    number = np.maximum(np.asarray(links.sum(axis=1)), 1)
    start = place[vertex]
    moved, free = start.copy(), np.zeros(len(vertex), bool)
    for _ in range(_UNFOLDINGS):
        turned = index[double_areas(moved[index]) <= least]
        if not len(turned):
            break
        free[turned] = True
        moved[free] = ((links @ moved) / number)[free]
    rows = np.flatnonzero(free)
    group = sparse.csgraph.connected_components(links[rows][:, rows], directed=False)[1]
    bad = np.linalg.norm(moved[rows] - start[rows], axis=1) > far
    wrong = np.zeros(len(vertex), bool)
    for _ in range(3):  # what is put back may turn its neighbours over
        turned_over = np.zeros(len(vertex), bool)
        turned_over[index[double_areas(moved[index]) <= 0]] = True
        wrong[rows] |= np.isin(group, group[bad | turned_over[rows]])
        moved[wrong] = start[wrong]
    out, failed = place.copy(), np.zeros(len(place), bool)
    out[vertex], failed[vertex] = moved, wrong
    return out, failed


def double_areas(corner: F64) -> F64:
    """(F,) twice the signed area of triangles (F,3,2), positive where they run with the clock on a screen.

    >>> double_areas(np.array([[[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]]])).tolist()
    [2.0]
    """
    (x_1, y_1), (x_2, y_2) = ((corner[:, k] - corner[:, 0]).T for k in (1, 2))
    out: F64 = x_1 * y_2 - y_1 * x_2
    return out


def _absorb(first: I64, second: I64, chart: I64, may: Bool, area: F64) -> I64:
    """Give small pieces to the neighbouring chart with the longest common border, where all their faces may lie."""
    out = chart.copy()
    for _ in range(2):
        piece = _pieces(first, second, out)
        count = int(piece.max(initial=-1)) + 1
        small = np.bincount(piece, area, count) < _SMALL * area.sum()
        allowed = np.ones((count, may.shape[1]), bool)
        for k in range(may.shape[1]):
            allowed[piece[~may[:, k]], k] = False
        across = out[first] != out[second]
        border = _votes(first[across], second[across], out, piece, count, may.shape[1])
        border[~allowed] = 0
        goes = small & (border.max(axis=1) > 0)
        if not goes.any():
            break
        target = border.argmax(axis=1)
        out = np.where(goes[piece], target[piece], out)
    return out


def _votes(first: I64, second: I64, chart: I64, owner: I64, owners: int, charts: int) -> F64:
    """(N,C) how many edges of each owner's faces lie at a face of each chart."""
    key = np.concatenate([owner[first] * charts + chart[second], owner[second] * charts + chart[first]])
    out: F64 = np.bincount(key, minlength=owners * charts).astype(np.float64).reshape(owners, charts)
    return out


def _pieces(first: I64, second: I64, chart: I64) -> I64:
    """(F,) number of the piece of one chart that each face belongs to."""
    same = chart[first] == chart[second]
    ones = np.ones(int(same.sum()), bool)
    graph = sparse.coo_matrix((ones, (first[same], second[same])), (len(chart), len(chart)))
    out: I64 = sparse.csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return out
