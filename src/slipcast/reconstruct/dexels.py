"""Columns and the air in them -> runs: the stretches of each ray that are solid, and how they hang together.

Kept as sorted lists of runs, a solid takes memory by its surface and not by its volume, and what touches what is a
comparison of neighbours' runs. Voids that no air from outside reaches are filled. A part that would float is held by a
post where it comes nearest to another.
"""

from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.scientific import csgraph, ndimage, sparse
from slipcast.core.values import F64, I64, Bool
from slipcast.reconstruct.gaps import Gaps
from slipcast.reconstruct.ray_grid import RayGrid

DETAILS = {"draft": 192, "standard": 280, "fine": 600}
"""Dexels, which are rays, along the figurine's longer side; never more than the picture has pixels."""
_SPECK = 40
"""Bodies of fewer levels than this that stand on rays with others are dropped."""
_POST = 6.0
"""Radius in nodes of what holds a part that would float."""
_HOLD = 2.0
"""How far a run is made to reach into the depths of the one beside it, in nodes."""
_FAR = 1e6
"""More than any depth in nodes."""


@dataclass(frozen=True, kw_only=True)
class Dexels:
    """Solid stretches of rays, sorted by column and depth; each has a whole number of nodes of depth in it."""

    column: I64
    """(R,) row * W + column of the node."""
    begin: F64
    """(R,) depth in nodes."""
    end: F64
    shape: tuple[int, int]
    """Rows and columns of the grid."""

    @property
    def low(self) -> I64:
        """(R,) first whole depth."""
        return np.ceil(self.begin).astype(np.int64)

    @property
    def high(self) -> I64:
        """(R,) last whole depth."""
        return np.floor(self.end).astype(np.int64)

    @property
    def first(self) -> I64:
        """(H*W+1,) index of each column's first run; from there to the next column's are its own."""
        return np.searchsorted(self.column, np.arange(self.shape[0] * self.shape[1] + 1))

    def neighbours(self) -> list[tuple[I64, I64]]:
        """Pairs of neighbouring columns, at least one of them with runs: those one row down, then those to the right.

        Each pair is two (P,) of flat indices `row * W + column` into the grid (H,W).
        """
        height, width = self.shape
        there = np.zeros(height * width, bool)
        there[self.column] = True
        grid = there.reshape(self.shape)
        out = []
        for dy, dx in ((1, 0), (0, 1)):
            row, column = np.nonzero(grid[: height - dy, : width - dx] | grid[dy:, dx:])
            one = row * width + column
            out.append((one, one + dy * width + dx))
        return out


def make_dexels(columns: RayGrid, air: Gaps) -> Dexels:
    """Return the solid of `columns` without `air`: no voids, no specks, nothing that floats over or under the rest."""
    width = columns.inside.shape[1]
    hull = np.flatnonzero(columns.inside)
    # Every stretch of air ends one run and begins another.
    column = np.concatenate([hull, air.column])
    begin = np.concatenate([columns.front.reshape(-1)[hull], air.end])
    end = np.concatenate([columns.back.reshape(-1)[hull], air.begin])
    order, other = np.lexsort([begin, column]), np.lexsort([end, column])
    runs = Dexels(
        column=column[order], begin=begin[order], end=end[other], shape=(len(columns.inside), width)
    )
    runs = _select(runs, runs.low <= runs.high)
    full = _fill_voids(runs)
    held = _hold_parts(full)
    # Posts and dropped specks may leave new voids.
    return full if held is full else _fill_voids(held)


def _select(runs: Dexels, kept: Bool) -> Dexels:
    return replace(runs, column=runs.column[kept], begin=runs.begin[kept], end=runs.end[kept])


def _fill_between(runs: Dexels, after: Bool) -> Dexels:
    """The runs, each joined with the next one of its column where `after` (R,) is True."""
    if not after.any():
        return runs
    last = np.flatnonzero(~after)
    first = np.concatenate([[0], last[:-1] + 1])
    return replace(runs, column=runs.column[first], begin=runs.begin[first], end=runs.end[last])


def _pair_runs(first: I64, one: I64, other: I64) -> tuple[I64, I64]:
    """All pairs of a run of column `one` (N,) and a run of column `other` (N,)."""
    count_one, count_other = first[one + 1] - first[one], first[other + 1] - first[other]
    number = count_one * count_other
    pair = np.repeat(np.arange(len(one)), number)
    rank = np.arange(len(pair)) - np.repeat(np.cumsum(number) - number, number)
    return first[one[pair]] + rank // count_other[pair], first[other[pair]] + rank % count_other[pair]


def _label_components(links: list[tuple[I64, I64]], size: int) -> I64:
    """(size,) number of the component of each, joined by pairs."""
    one, other = (np.concatenate([pair[k] for pair in links]) for k in (0, 1))
    graph = sparse.coo_matrix((np.ones(len(one), bool), (one, other)), (size, size))
    label: I64 = csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return label


def _fill_voids(runs: Dexels) -> Dexels:
    """Fill air between two runs of a column that has no way out sideways."""
    size = len(runs.column)
    between = np.zeros(size, bool)
    between[:-1] = runs.column[1:] == runs.column[:-1]
    if not between.any():
        return runs
    low, high, first = runs.low, runs.high, runs.first
    # Air i is what follows run i; the last one stands for all outside.
    begins, ends = high + 1, np.concatenate([low[1:] - 1, [0]])
    links: list[tuple[I64, I64]] = []
    for one, other in runs.neighbours():
        for here, there in ((one, other), (other, one)):
            a, b = _pair_runs(first, here, there)
            a, b = a[between[a]], b[between[a]]
            meets = between[b] & (begins[a] <= ends[b]) & (begins[b] <= ends[a])
            links.append((a[meets], b[meets]))
        for here, there in ((one, other), (other, one)):
            # Out of the neighbour: before its first run, after its last, or where it has none.
            count = first[here + 1] - first[here]
            run = np.repeat(first[here] - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
            beside = np.repeat(there, count)
            kept = between[run]
            run, beside = run[kept], beside[kept]
            none = first[beside] == first[beside + 1]
            head = np.minimum(first[beside], size - 1)
            tail = np.maximum(first[beside + 1] - 1, 0)
            out = none | (begins[run] < low[head]) | (ends[run] > high[tail])
            links.append((run[out], np.full(int(out.sum()), size)))
    label = _label_components(links, size + 1)
    return _fill_between(runs, between & (label[:-1] != label[-1]))


def _hold_parts(runs: Dexels) -> Dexels:
    """Without specks, and every part held by another, before or behind it if it can be."""
    label = _label_bodies(runs)
    if not label.any():
        return runs
    size = np.bincount(label, runs.high - runs.low + 1)
    kept = size[label] >= _SPECK
    # A ray with nothing but specks keeps its first: the silhouette stays.
    bare = np.ones(runs.shape[0] * runs.shape[1], bool)
    bare[runs.column[kept]] = False
    first = np.diff(runs.column, prepend=-1) > 0
    kept |= first & bare[runs.column]
    runs, label = _select(runs, kept), label[kept]
    after = np.flatnonzero((runs.column[1:] == runs.column[:-1]) & (label[1:] != label[:-1]))
    if len(after):
        gap = runs.begin[after + 1] - runs.end[after]
        join = np.zeros(len(runs.column), bool)
        join[after[_choose_posts(runs, after, gap, np.stack([label[after], label[after + 1]], 1))]] = True
        runs = _fill_between(runs, join)
    return _hold_sideways(runs)


def _hold_sideways(runs: Dexels) -> Dexels:
    """Where parts touch in the picture but share no ray, the nearest runs beside each other made to overlap."""
    label, first = _label_bodies(runs), runs.first
    near, far = [], []
    for one, other in runs.neighbours():
        a, b = _pair_runs(first, one, other)
        apart = label[a] != label[b]
        a, b = a[apart], b[apart]
        before = runs.begin[a] < runs.begin[b]
        near.append(np.where(before, a, b))
        far.append(np.where(before, b, a))
    a, b = np.concatenate(near), np.concatenate(far)
    if not len(a):
        return runs
    held = _choose_posts(runs, a, runs.begin[b] - runs.end[a], np.stack([label[a], label[b]], 1))
    end = runs.end.copy()
    np.maximum.at(end, a[held], runs.begin[b[held]] + _HOLD)
    # What a longer run meets in its own column becomes part of it.
    deepest = np.maximum.accumulate(runs.column * _FAR + end) - runs.column * _FAR
    meets = np.zeros(len(end), bool)
    meets[:-1] = (runs.column[1:] == runs.column[:-1]) & (runs.low[1:] <= np.floor(deepest[:-1]) + 1)
    return _fill_between(replace(runs, end=np.where(end > runs.end, deepest, runs.end)), meets)


def _choose_posts(runs: Dexels, run: I64, gap: F64, bodies: I64) -> Bool:
    """(N,) which gaps to close so that all `bodies` (N,2) are one: those around the best place between two bodies.

    `run` (N,) says where each gap is. Narrow is good, and so are gaps all around: a post at a rim breaks off. The best
    first, until all that can be joined are (Kruskal 1956).
    """
    pairs, pair = np.unique(np.sort(bodies, axis=1), axis=0, return_inverse=True)
    pair = pair.reshape(-1)
    row, column = runs.column[run] // runs.shape[1], runs.column[run] % runs.shape[1]
    best, worth = np.zeros(len(pairs), np.int64), np.zeros(len(pairs))
    for number in range(len(pairs)):
        own = np.flatnonzero(pair == number)
        grid = np.zeros(runs.shape, np.float32)
        grid[row[own], column[own]] = 1
        support = ndimage.uniform_filter(grid, int(2 * _POST + 1), mode="constant")[row[own], column[own]]
        cost = (np.maximum(gap[own], 0) + _POST) / np.maximum(support, 1e-6)
        best[number], worth[number] = own[cost.argmin()], cost.min()
    owner = np.arange(bodies.max() + 1)
    out = np.zeros(len(gap), bool)
    for number in np.argsort(worth, kind="stable"):
        a, b = owner[pairs[number]]
        if a != b:
            at = best[number]
            out |= (pair == number) & ((row - row[at]) ** 2 + (column - column[at]) ** 2 <= _POST**2)
            owner[owner == b] = a
    return out


def _label_bodies(runs: Dexels) -> I64:
    """(R,) number of the body that each run belongs to."""
    low, high, first = runs.low, runs.high, runs.first
    links = []
    for one, other in runs.neighbours():
        a, b = _pair_runs(first, one, other)
        meets = (low[a] <= high[b]) & (low[b] <= high[a])
        links.append((a[meets], b[meets]))
    return _label_components(links, len(runs.column))
