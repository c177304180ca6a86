"""Faces with a chart each -> the same in fewer and larger pieces.

Where charts are chosen face by face, noise of the normals at their border leaves pieces of one face. A face goes to the
chart of most of its neighbours where it may lie there; then whole pieces that are small go to the neighbour with which
they share most of their border. Pieces are laid out on shelves, the tallest first (next-fit decreasing height: Coffman,
Garey, Johnson and Tarjan 1980).
"""

import numpy as np

from slipcast.core.values import F64, I32, I64, Bool

_ROUNDS = 8
"""Of the vote among neighbours: what still changes afterwards flickers."""
_DENSER = 1.15
"""Between two densities that are tried."""
_SMALL = 0.004
"""Share of the surface below which a piece goes to a neighbour as a whole."""


def join_charts(faces: I32, chart: I64, may: Bool, area: F64) -> I64:
    """Return (F,) charts like `chart`, in fewer pieces; (F,C) `may` says on which charts a face can lie.

    >>> strip = np.array([[0, 1, 2], [2, 1, 3], [2, 3, 4], [4, 3, 5]], np.int32)
    >>> join_charts(strip, np.array([0, 0, 1, 0]), np.ones((4, 2), bool), np.ones(4)).tolist()
    [0, 0, 0, 0]
    """
    first, second = _neighbours(faces)
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


def pieces_of(faces: I32, chart: I64) -> I64:
    """(F,) number of the piece, connected by edges and of one chart, that each face belongs to."""
    return _pieces(*_neighbours(faces), chart)


def lay_on_shelves(piece: I64, corner: F64, size: tuple[int, int], gap: int, most: float) -> F64:
    """Return (F,3,2) corners of pieces laid into a box of `size` (width, height), none over another, scaled alike.

    `corner` (F,3,2) are the faces' flat corners; at most they are scaled by `most`, and by less until all fit. Pieces
    keep `gap` from each other and from the box's rim.
    """
    count = int(piece.max(initial=-1)) + 1
    low, high = np.full((count, 2), np.inf), np.full((count, 2), -np.inf)
    np.minimum.at(low, piece, corner.min(axis=1))
    np.maximum.at(high, piece, corner.max(axis=1))
    order = np.argsort(low[:, 1] - high[:, 1], kind="stable")  # the tallest first
    scale = most
    while True:
        wide, tall = (np.ceil((high - low) * scale).astype(int) + gap).T
        place = _shelves(wide[order], tall[order], size, gap)
        if place is not None or scale < 1e-3 * most:
            break
        scale /= _DENSER
    at = np.zeros((count, 2))
    at[order] = gap if place is None else place
    out: F64 = (corner - low[piece][:, None]) * scale + at[piece][:, None]
    return np.clip(out, 0, np.array(size))


def _shelves(wide: I64, tall: I64, size: tuple[int, int], gap: int) -> I64 | None:
    """(N,2) upper left corners row by row, or None where they do not fit; sizes hold a gap of their own."""
    place, x, y, shelf = np.zeros((len(wide), 2), np.int64), gap, gap, 0
    for k, (w, h) in enumerate(zip(wide, tall, strict=True)):
        if x + w > size[0]:
            x, y, shelf = gap, y + shelf, 0
        if x + w > size[0] or y + h > size[1]:
            return None
        place[k] = x, y
        x, shelf = x + w, max(shelf, h)
    return place


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
    from scipy import sparse

    same = chart[first] == chart[second]
    ones = np.ones(int(same.sum()), bool)
    graph = sparse.coo_matrix((ones, (first[same], second[same])), (len(chart), len(chart)))
    out: I64 = sparse.csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return out


def _neighbours(faces: I32) -> tuple[I64, I64]:
    """Pairs of faces that share an edge."""
    pairs = np.sort(faces.astype(np.int64)[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    edge = pairs[:, 0] << 32 | pairs[:, 1]
    order = np.argsort(edge, kind="stable")
    same = np.flatnonzero(edge[order[1:]] == edge[order[:-1]])
    return order[same] // 3, order[same + 1] // 3
