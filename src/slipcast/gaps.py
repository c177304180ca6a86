"""Steps of depth -> gaps: where one part stands before another, what lies between them is air, not a curtain.

Two shells say what a ray meets first and last. Where the front shell steps (an arm before the body) or the back shell
does (the body behind the arm), the lattice alone would bridge the step with a steep face, a curtain, and fill all that
lies behind the near part. Here the shells are cut along such steps, and each part gets the side that no camera saw:

    ray through both:   front [near part] a   gap   b [far part] back

The near part's thickness u^2 and the far part's v^2 are those of an inflated outline (lap u^2 = -8 makes a strip's
section a circle), 0 at the part's own edge and continuing the thickness that the shells show where the other part ends;
far from all steps both return to the full thickness, so that gaps end by themselves. A gap is where u + v leaves room.

A slope, however steep, is no step, and soft steps, as a network of low resolution gives them, are slopes: they stay as
they were. cuts.py makes the faces. With sharp steps a 1024 x 1024 picture takes 0.4 to 4.8 s of CPU more than without
the cuts (0.2 to 1.4 s), most of it in rounds of cuts.py that make all faces anew after a few nodes were filled.

Rejected: returning to the full thickness within 32 nodes of a step (a wall behind every large part); a step wherever
the rise is steep (round sides fall to pieces: F at 0.05 of the stretching cat 0.883 instead of 0.929); between three
parts behind each other, filling the nodes at the step (walls again), or what is nearer to its far side (0.897).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from slipcast.values import F32, F64, I64, Bool

_STEEP = 3.0
"""A step rises more than this times its width on the picture."""
_STEEP_BESIDE = 12.0
"""The same beside the outline."""
_SMALL = 40
"""Gaps of fewer nodes than this stay filled."""
_SHARE = 0.5
"""At least this share of the rise must be more than what the slopes on both sides explain."""
_CLOSING = 0.5
"""It is no step where the other shell comes towards it by more than this share of the rise."""
_ROOM = 1.0
"""A gap narrower than this many nodes' distance stays filled."""
_LEAST = 0.25
"""Nothing is thinner than this, in nodes' distances."""
_BLOCK = 6
"""Nodes a side that the coarse solution takes as one."""


@dataclass(frozen=True, kw_only=True)
class Shells:
    """A triangulated silhouette with a front and a back vertex at each of its vertices."""

    position: F32
    """(V,2) x, y in pixels."""
    front: F64
    """(V,) depth in pixels' widths."""
    back: F64
    """(V,)."""
    front_index: I64
    """(V,) vertex of the surface."""
    back_index: I64
    """(V,) the same where the shells meet."""
    on_rim: Bool
    """(V,)."""
    triangles: I64
    """(T,3) counter-clockwise as the camera sees them, y up."""
    step: int
    """Distance of nodes in pixels."""


@dataclass(frozen=True, kw_only=True)
class Edges:
    """Steps of one shell: from the node whose part ends there (V indices) to the one where the other part shows."""

    start: I64
    end: I64


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where gaps are and how thick the parts are beside them."""

    open_: Bool
    """(V,) True for nodes whose ray meets air between two parts."""
    a: F64
    """(V,) depth where the near part ends."""
    b: F64
    """(V,) depth where the far part begins."""
    near: Edges
    far: Edges
    apart: I64
    """Keys of edges whose two ends belong to parts that do not touch."""

    def grown(self, shells: Shells) -> "Plan":
        """The same for a triangulation that got more vertices behind the others; there is no gap at them."""
        old, count = len(self.open_), len(shells.front)
        i, j = self.apart // old, self.apart % old
        return Plan(
            open_=np.concatenate([self.open_, np.zeros(count - old, bool)]),
            a=np.concatenate([self.a, shells.front[old:]]),
            b=np.concatenate([self.b, shells.back[old:]]),
            near=self.near,
            far=self.far,
            apart=i * count + j,
        )


def plan_gaps(shells: Shells) -> Plan | None:
    """Find the gaps of `shells`, whose nodes are those of a regular grid; None where there are none."""
    nodes = _nodes(shells)
    near, far = _steps(shells, nodes, 1.0), _steps(shells, nodes, -1.0)
    if not len(near.start) + len(far.start):
        return None
    upper, lower = _thickness(shells, nodes, near, far)
    a, b = shells.front + upper, shells.back - lower
    is_node = np.zeros(len(a), bool)
    is_node[nodes[nodes >= 0]] = True
    open_ = reached(shells, is_node & (b - a > _ROOM * shells.step), near, far)
    open_ = _undisputed(shells, open_, near, far)
    apart = _apart(shells, near, far)
    if not (open_.any() or len(apart)):
        return None
    return Plan(open_=open_, a=a, b=b, near=near, far=far, apart=apart)


def _apart(shells: Shells, near: Edges, far: Edges) -> I64:
    """Keys of edges whose ends lie wholly behind each other: there one part stands before the other's side."""
    count = len(shells.front)
    keys = key_of(near.start, near.end, count)
    keys = keys[np.isin(keys, key_of(far.start, far.end, count))]
    i, j = keys // count, keys % count
    room = np.maximum(shells.front[i], shells.front[j]) - np.minimum(shells.back[i], shells.back[j])
    return np.unique(keys[room > _ROOM * shells.step])


def _nodes(shells: Shells) -> I64:
    """(H,W) vertex at each node of the grid, -1 for none; vertices between nodes are in no place."""
    place = shells.position / shells.step + 0.5
    whole = np.abs(place - np.round(place)).max(1) < 1e-3
    whole &= ~shells.on_rim
    index = np.flatnonzero(whole)
    column, row = np.round(place[index]).astype(np.int64).T
    nodes = np.full((row.max(initial=0) + 2, column.max(initial=0) + 2), -1, np.int64)
    nodes[row, column] = index
    return nodes


def _steps(shells: Shells, nodes: I64, sign: float) -> Edges:
    """Edges between nodes along which the front (`sign` 1) or the back (-1) steps, from the end that covers the other.

    A steep slope is no step: what counts is the rise that is left when both sides go on to the middle as they come.
    """
    depth, other = (shells.front, shells.back) if sign > 0 else (shells.back, shells.front)
    grid = np.pad(nodes, 2, constant_values=-1)
    height, width = grid.shape
    value = np.where(grid >= 0, sign * depth[np.maximum(grid, 0)], np.nan)
    starts, ends = [], []
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):

        def at(times: int, dy: int = dy, dx: int = dx) -> tuple[slice, slice]:
            return (
                slice(2 + times * dy, height - 2 + times * dy),
                slice(2 + times * dx, width - 2 + times * dx),
            )

        before, first, second, after = (value[at(times)] for times in (-1, 0, 1, 2))
        rise = second - first
        slopes = np.stack([first - before, after - second]) * np.sign(rise)
        # Beside the outline one side is unknown and taken to be like the other, but round sides fall away there: what
        # counts as a step must be higher. With neither side known it is none.
        beside = np.isnan(slopes).any(0)
        slopes = np.where(np.isnan(slopes), slopes[::-1], slopes)
        slopes = np.maximum(slopes, 0).sum(0)
        left = np.abs(rise) - slopes / 2
        steep = np.where(beside, _STEEP_BESIDE, _STEEP)
        step = (left > steep * shells.step * np.hypot(dy, dx)) & (left > _SHARE * np.abs(rise))
        a, b = grid[at(0)][step], grid[at(1)][step]
        forward = rise[step] > 0
        starts.append(np.where(forward, a, b))
        ends.append(np.where(forward, b, a))
    start, end = np.concatenate(starts), np.concatenate(ends)
    if not len(start):
        return Edges(start=start, end=end)
    count = len(depth)
    corner = shells.triangles
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    # Few vertices stand at a step; only edges between these are sorted.
    known = np.zeros(count, bool)
    known[start] = known[end] = True
    pairs = pairs[known[pairs[:, 0]] & known[pairs[:, 1]]]
    there = np.isin(key_of(start, end, count), key_of(pairs[:, 0], pairs[:, 1], count))
    # Where the other shell comes to meet it, a round side closes.
    closing = sign * (other[start] - other[end]) > _CLOSING * np.abs(depth[end] - depth[start])
    there &= ~closing
    return Edges(start=start[there], end=end[there])


def _thickness(shells: Shells, nodes: I64, near: Edges, far: Edges) -> tuple[F64, F64]:
    """(V,) thickness in pixels of the near and of the far part; the full one where there is no step nearby."""
    full = (shells.back - shells.front) / shells.step
    count = len(full)
    band = nodes >= 0
    unknown = np.full(count, -1, np.int64)
    inside = nodes[band]
    unknown[inside] = np.arange(len(inside))

    cut = np.unique(
        np.concatenate(
            [
                near.start * count + near.end,
                near.end * count + near.start,
                far.start * count + far.end,
                far.end * count + far.start,
            ]
        )
    )
    rows, columns = [], []
    for a, b in ((nodes[:, :-1], nodes[:, 1:]), (nodes[:-1], nodes[1:])):
        linked = (a >= 0) & (b >= 0)
        i, j = a[linked], b[linked]
        linked = (unknown[i] >= 0) & (unknown[j] >= 0) & ~np.isin(i * count + j, cut)
        rows.append(unknown[i[linked]])
        columns.append(unknown[j[linked]])
    i, j = np.concatenate(rows), np.concatenate(columns)
    size = len(inside)
    links = sparse.coo_matrix((np.ones(len(i)), (i, j)), (size, size)).tocsr()
    links = links + links.T
    diagonal = np.asarray(links.sum(1)).ravel() + 1e-6
    right = np.full((2, size), 8.0)
    for edges, other in ((near, 1), (far, 0)):
        at = unknown[edges.start]
        # The part's own edge is half a node away, the other part's first node a whole one; one weight for both.
        diagonal += np.bincount(at, np.full(len(at), 2.0), size)
        right[other] += np.bincount(at, 2.0 * full[edges.end] ** 2, size)
    row, column = np.nonzero(nodes >= 0)
    solve = _solver(links, diagonal, (row // _BLOCK) * nodes.shape[1] + column // _BLOCK)
    out = []
    for wanted in right:
        thick = full.copy()
        thick[inside] = np.sqrt(np.clip(solve(wanted), _LEAST**2, None))
        out.append(np.minimum(thick, full) * shells.step)
    return out[0], out[1]


def _solver(links: "sparse.csr_matrix", diagonal: F64, block: I64) -> Callable[[F64], F64]:
    """Solves diagonal x - links x = right by conjugate gradients to within a thousandth.

    The preconditioner is the diagonal and, added, the exact solution on what hangs together within each `block`.
    """
    from scipy.sparse.linalg import splu

    size = len(diagonal)
    own = links.tocoo()
    same = block[own.row] == block[own.col]
    number, group = components(np.stack([own.row, own.col], 1)[same].astype(np.int64), size)
    spread = sparse.csr_matrix((np.ones(size), (np.arange(size), group)), (size, number))
    matrix = (sparse.diags(diagonal) - links).tocsr()
    coarse = splu((spread.T @ matrix @ spread).tocsc(), permc_spec="MMD_AT_PLUS_A")

    def better(residual: F64) -> F64:
        fixed: F64 = residual / diagonal + coarse.solve(np.bincount(group, residual, number))[group]
        return fixed

    def solve(right: F64) -> F64:
        x: F64 = coarse.solve(np.bincount(group, right, number))[group]
        residual = right - matrix @ x
        direction = fixed = better(residual)
        weight = float(residual @ fixed)
        least = 1e-6 * abs(float(right @ x))
        for _ in range(200):
            if weight <= least:
                break
            image = matrix @ direction
            length = weight / float(direction @ image)
            x = x + length * direction
            residual = residual - length * image
            fixed = better(residual)
            before, weight = weight, float(residual @ fixed)
            direction = fixed + weight / before * direction
        return x

    return solve


def reached(shells: Shells, open_: Bool, near: Edges, far: Edges) -> Bool:
    """Only gaps that open somewhere: no voids."""
    corner = shells.triangles
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    pairs = pairs[open_[pairs].all(1)]
    count = len(open_)
    _, label = components(pairs, count)
    reached = np.zeros(label.max(initial=0) + 1, bool)
    for edges in (near, far):
        mouth = open_[edges.start] & ~open_[edges.end]
        reached[label[edges.start[mouth]]] = True
    return open_ & reached[label]


def whole(shells: Shells, open_: Bool, some: Bool) -> Bool:
    """All nodes of the gaps that hold `some`."""
    corner = shells.triangles
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    number, label = components(pairs[open_[pairs].all(1)], len(open_))
    hit = np.zeros(number, bool)
    hit[label[some & open_]] = True
    return open_ & hit[label]


def _undisputed(shells: Shells, open_: Bool, near: Edges, far: Edges) -> Bool:
    """Where a step runs from one gap into another, three parts lie behind each other: the larger gap stays."""
    count = len(open_)
    corner = shells.triangles
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    cut = np.concatenate([key_of(near.start, near.end, count), key_of(far.start, far.end, count)])
    pairs = pairs[open_[pairs].all(1) & ~np.isin(key_of(pairs[:, 0], pairs[:, 1], count), cut)]
    number, label = components(pairs, count)
    worth, disputes = np.zeros(number), []
    for edges, depth in ((near, shells.front), (far, shells.back)):
        rise = np.abs(depth[edges.end] - depth[edges.start])
        at = open_[edges.start]
        worth += np.bincount(label[edges.start[at]], rise[at], number)
        both = at & open_[edges.end]
        disputes.append(np.stack([label[edges.start[both]], label[edges.end[both]]], 1))
    pair = np.concatenate(disputes)
    pair = np.unique(pair[pair[:, 0] != pair[:, 1]], axis=0)
    kept = np.bincount(label, minlength=number) >= _SMALL
    rank = np.argsort(np.argsort(-worth, kind="stable"))
    # The better one of each pair stays, if nothing better than itself has ousted it.
    first = np.where(rank[pair[:, 0]] < rank[pair[:, 1]], pair[:, 0], pair[:, 1])
    second = pair.sum(1) - first
    for place in np.argsort(rank[first], kind="stable"):
        if kept[first[place]]:
            kept[second[place]] = False
    return open_ & kept[label]


def key_of(i: I64, j: I64, count: int) -> I64:
    """One number for an edge, whichever way it runs."""
    return np.minimum(i, j) * count + np.maximum(i, j)


def components(pairs: I64, size: int) -> tuple[int, I64]:
    graph = sparse.coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (size, size))
    number, label = sparse.csgraph.connected_components(graph, directed=False)
    return int(number), label.astype(np.int64)
