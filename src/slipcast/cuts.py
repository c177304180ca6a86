"""Planned gaps -> the faces around them: both shells cut, and each part closed by itself.

Nodes in a gap carry four depths instead of two: front, a, b, back. Where a part ends at a step, its two sides meet in
the middle of the edge; where the gap ends, both its sides meet in one point; along the rim each part has a vertex of
its own. So the surface stays closed and oriented whatever the depths are. Nodes around which a rule does not hold
(three parts behind each other, steps that end where another begins) are filled again, and so are the thickest nodes of
a part that would float in the air: it is held there.

Rejected so far: two closed layers, one behind each shell, joined by manifold3d's exact union, with the hidden sides
read off a coarse Poisson field. Three parts behind each other come out right and no curtain is left (F at 0.05 on true
depth 0.967 to 0.978, scorpion 0.91 to 0.99), but thin sheets and air that ends in a wedge are pinched by the collapse:
100 to 2,300 pairs of faces cross in ten of sixteen figurines, which untangling does not part, and it takes 1 to 4 s of
CPU more. The same field in place of the inflated thickness, with the faces made here: as many faces cross.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.gaps import Edges, Plan, Shells, components, key_of, reached, whole
from slipcast.values import F64, I64, Bool

_ROUNDS = 40
"""How often nodes are filled at most; then all gaps are given up."""
_PATIENCE = 3
"""After so many rounds a gap that is still no surface is given up as a whole."""
_POST = 0.3
"""A part that would float is held where it is thicker than all but this share of its greatest thickness."""


@dataclass(frozen=True, kw_only=True)
class Gaps:
    """What replaces some of the triangles."""

    touched: Bool
    """(T,) True for triangles that `faces` replaces, in both shells."""
    faces: I64
    """(F,3) surface vertices; those from `first` on are new."""
    position: F64
    """(N,2) of the new vertices."""
    depth: F64
    """(N,)."""
    rim: Bool
    """(V,) True for vertices of the rim where both parts end by themselves, without a wall between them."""


def open_gaps(shells: Shells, plan: Plan, first: int) -> Gaps | None:
    """Cut `shells` as planned, new vertices numbered from `first`; None where that leaves nothing to cut."""
    open_, apart, near, far = plan.open_, plan.apart, plan.near, plan.far
    for number in range(_ROUNDS):
        open_ = reached(shells, open_, near, far)
        if not (open_.any() or len(apart)):
            return None
        gaps, bad, joined = _build(shells, plan, open_, apart, first)
        if not (bad.any() or joined.any()):
            thick = plan.a - shells.front, shells.back - plan.b
            bad, joined = _stray(shells, gaps, open_, thick, first + len(gaps.depth))
        if not (bad.any() or joined.any()):
            return gaps
        if number >= _PATIENCE:
            bad |= whole(shells, open_, bad)
        open_ = open_ & ~bad
        ends = np.stack([apart // len(open_), apart % len(open_)], 1)
        apart = apart[~joined[ends].any(1)]
    return None


def _build(shells: Shells, plan: Plan, open_: Bool, apart: I64, first: int) -> tuple[Gaps, Bool, Bool]:
    """The faces around all gaps, and the nodes to be filled and to be joined because there they are no surface."""
    count = len(open_)
    near, far = plan.near, plan.far
    rim, inner = _open_rim(shells, open_)
    maker = _Maker(shells, plan, open_ | rim, first, rim)
    fronts = maker.mouths(near, (shells.front + plan.a) / 2)
    backs = maker.mouths(far, (plan.b + shells.back) / 2)
    maker.part_rim(inner)
    filled, open_ = open_, open_ | rim

    # Turned so that gap nodes come first: one, two or three of them.
    around = key_of(shells.triangles, np.roll(shells.triangles, -1, axis=1), count)
    touched = np.asarray(open_[shells.triangles].any(1) | np.isin(around, apart).any(1))
    corner = shells.triangles[touched]
    is_open = open_[corner]
    number = is_open.sum(1)
    shift = np.where(number == 2, (np.argmin(is_open, 1) + 1) % 3, np.argmax(is_open, 1))
    shift[number == 3] = 0
    corner = np.take_along_axis(corner, (shift[:, None] + np.arange(3)) % 3, 1)
    around = key_of(corner, np.roll(corner, -1, axis=1), count)
    in_front, behind = np.isin(around, fronts[0]), np.isin(around, backs[0])
    # A gap node between one that only the near part covers and one that only the far part does.
    between = (number == 1) & (in_front[:, 0] & behind[:, 2] | behind[:, 0] & in_front[:, 2])
    between &= (in_front & behind).sum(1) == 0
    apart = np.union1d(apart, around[between, 1])
    apart = apart[~open_[apart // count] & ~open_[apart % count]]
    torn = np.isin(around, apart)
    # A part that comes to an end beside a gap of another kind is joined.
    odd = torn.any(1) & (number > 0) & ~between
    # At the rim two walls meet already, and one more edge of theirs would have four faces.
    thick = shells.on_rim & (shells.front_index != shells.back_index)
    odd |= (torn.sum(1) == 1) & (number == 0) & (thick[corner] & np.roll(torn, -1, axis=1)).any(1)
    joined = np.zeros(count, bool)
    joined[corner[odd]] = True
    bad = np.zeros(count, bool)
    bad[corner[odd]] = True

    plain = ~torn.any(1)
    closing = maker.closing(corner[plain], in_front[plain], behind[plain], bad)
    upper, lower = maker.sheets(closing)
    faces, owner = [], []
    rows = np.flatnonzero(plain)
    for mouths, shown, hidden, back in (
        (fronts, maker.front, upper, False),
        (backs, maker.back, lower, True),
    ):
        one, two, of = _cut(corner[rows], number[rows], mouths, count, (shown, hidden))
        faces += [one[:, ::-1], two] if back else [one, two[:, ::-1]]
        owner += [rows[of], rows[of]]
    sides, of = maker.parts(corner, number, apart, torn, between, in_front, fronts, backs, upper, lower)
    faces.append(sides)
    owner.append(of)
    surface, of = np.concatenate(faces), np.concatenate(owner)
    wrong = corner[of[_crowded(shells, corner, surface, count, maker.fresh, rim)]]
    bad[wrong] = joined[wrong] = True
    bad[inner[bad & rim]] = True
    surface = np.concatenate([surface, _rim_walls(shells, rim, closing, maker)])
    gaps = Gaps(
        touched=touched,
        faces=surface,
        position=np.concatenate(maker.position),
        depth=np.concatenate(maker.depth),
        rim=rim,
    )
    return gaps, bad & filled, joined


def _open_rim(shells: Shells, open_: Bool) -> tuple[Bool, I64]:
    """(V,) True for vertices of the rim at a gap; and the nearest inner neighbour of all vertices of the rim."""
    count = len(open_)
    corner = shells.triangles
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pairs = pairs[shells.on_rim[pairs[:, 0]] & ~shells.on_rim[pairs[:, 1]]]
    far = np.linalg.norm(shells.position[pairs[:, 0]] - shells.position[pairs[:, 1]], axis=1)
    order = np.lexsort((pairs[:, 1], -far))
    inner = np.arange(count)
    inner[pairs[order, 0]] = pairs[order, 1]
    return shells.on_rim & open_[inner], inner


def _rim_walls(shells: Shells, rim: Bool, closing: I64, maker: "_Maker") -> I64:
    """Where a wall along the rim ends at a gap: one face from the wall's edge to the part that is left."""
    edges = rim_edges(shells.triangles, shells.on_rim)
    f, k = shells.front_index, shells.back_index
    thick = f != k
    out = []
    for own, other, turn in ((0, 1, False), (1, 0, True)):
        opened, wall = edges[:, own], edges[:, other]
        at = rim[opened] & ~rim[wall] & thick[wall]
        opened, wall = opened[at], wall[at]
        # The gap ends in the wall's front vertex or in its back one: the other part meets its whole edge.
        whole = np.where(closing[wall] == f[wall], maker.back[opened], maker.front[opened])
        ring = [f[wall], whole, k[wall]]
        out.append(np.stack(ring[::-1] if turn else ring, 1))
    return np.concatenate(out)


def rim_edges(triangles: I64, on_rim: Bool) -> I64:
    """(E,2) directed edges of the outline, as their triangles run along them."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    edges = edges[on_rim[edges].all(1)].astype(np.int64)
    size = len(on_rim)
    out: I64 = edges[~np.isin(edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0])]
    return out


class _Maker:
    """New vertices of the surface, numbered as they come."""

    def __init__(self, shells: Shells, plan: Plan, open_: Bool, first: int, rim: Bool) -> None:
        self.shells, self.plan, self.open_, self.rim = shells, plan, open_, rim
        self.fresh = first
        self.front, self.back = shells.front_index.copy(), shells.back_index.copy()
        self.position: list[F64] = []
        self.depth: list[F64] = []

    def add(self, position: F64, depth: F64) -> I64:
        """(N,) numbers of new vertices."""
        self.position.append(np.asarray(position, np.float64))
        self.depth.append(np.asarray(depth, np.float64))
        self.fresh += len(depth)
        return np.arange(self.fresh - len(depth), self.fresh)

    def mouths(self, edges: Edges, depth: F64) -> tuple[I64, I64]:
        """Keys of the edges where a gap opens, ascending, and the vertex in the middle of each."""
        place = self.shells.position.astype(np.float64)
        cut = self.open_[edges.start] & ~self.open_[edges.end]
        start, end = edges.start[cut], edges.end[cut]
        key = key_of(start, end, len(self.open_))
        order = np.argsort(key)
        key, start, end = key[order], start[order], end[order]
        return key, self.add(self._evened(key, place[start], place[end]), depth[start])

    def _evened(self, key: I64, start: F64, end: F64, sweeps: int = 8) -> F64:
        """(N,2) where the edges are cut: in the middle, then moved along them until the cut runs evenly."""
        around = key_of(self.shells.triangles, np.roll(self.shells.triangles, -1, axis=1), len(self.open_))
        is_cut = np.isin(around, key)
        two = np.flatnonzero(is_cut.sum(1) == 2)
        pairs = np.searchsorted(key, around[two][is_cut[two]].reshape(-1, 2))
        pairs = np.concatenate([pairs, pairs[:, ::-1]])
        number = np.bincount(pairs[:, 0], minlength=len(key))
        chain = number > 1
        along: F64 = end - start
        length: F64 = np.maximum((along**2).sum(1), 1e-12)
        at: F64 = (start + end) / 2
        for _ in range(sweeps):
            mean: F64 = np.stack([np.bincount(pairs[:, 0], at[pairs[:, 1], k], len(key)) for k in (0, 1)], 1)
            goal: F64 = (mean / np.maximum(number, 1)[:, None] + at) / 2
            way: F64 = np.clip(((goal - start) * along).sum(1) / length, 0.1, 0.9)
            at = np.where(chain[:, None], start + along * way[:, None], at)
        return at

    def part_rim(self, inner: I64) -> None:
        """Give each part its own vertex on the rim at a gap."""
        at = np.flatnonzero(self.rim)
        place, node = self.shells.position[at].astype(np.float64), inner[at]
        self.front[at] = self.add(place, (self.shells.front + self.plan.a)[node] / 2)
        self.back[at] = self.add(place, (self.plan.b + self.shells.back)[node] / 2)

    def closing(self, corner: I64, front: Bool, back: Bool, bad: Bool) -> I64:
        """(V,) the vertex in which gaps end at nodes beside them: in a shell beside its mouth, else within."""
        shells, open_ = self.shells, self.open_
        count = len(open_)
        closes = np.zeros((2, count), bool)
        closes[0, corner[front.any(1)]] = closes[1, corner[back.any(1)]] = True
        closes &= ~open_
        meets = shells.front_index == shells.back_index
        torn = closes[0] & closes[1] & ~meets
        bad[corner[torn[corner].any(1)]] = True
        beside = np.zeros(count, bool)
        beside[corner[open_[corner].any(1)]] = True
        beside &= ~open_
        out = np.full(count, -1, np.int64)
        out[beside & meets] = shells.front_index[beside & meets]
        out[closes[0]] = shells.front_index[closes[0]]
        out[closes[1]] = shells.back_index[closes[1]]
        # On the rim there may be a wall: the gap ends at its front edge.
        wall = beside & shells.on_rim & (out < 0)
        out[wall] = shells.front_index[wall]
        at = np.flatnonzero(beside & (out < 0))
        thick, beyond = (self.plan.a - shells.front)[at], (shells.back - self.plan.b)[at]
        share = np.where(thick + beyond > 0, thick / np.maximum(thick + beyond, 1e-9), 0.5)
        out[at] = self.add(
            shells.position[at].astype(np.float64),
            shells.front[at] + share * (shells.back[at] - shells.front[at]),
        )
        return out

    def sheets(self, closing: I64) -> tuple[I64, I64]:
        """(V,) vertices of the near part's hidden side and of the far part's."""
        at = np.flatnonzero(self.open_ & ~self.rim)
        place = self.shells.position[at].astype(np.float64)
        upper, lower = closing.copy(), closing.copy()
        upper[at] = self.add(place, self.plan.a[at])
        lower[at] = self.add(place, self.plan.b[at])
        upper[self.rim], lower[self.rim] = self.front[self.rim], self.back[self.rim]
        return upper, lower

    def parts(
        self,
        corner: I64,
        number: I64,
        apart: I64,
        torn: Bool,
        between: Bool,
        in_front: Bool,
        fronts: tuple[I64, I64],
        backs: tuple[I64, I64],
        upper: I64,
        lower: I64,
    ) -> tuple[I64, I64]:
        """Faces of triangles along whose edges parts are apart, and each face's triangle."""
        shells, count = self.shells, len(self.open_)
        f, k = self.front, self.back
        place = shells.position.astype(np.float64)
        i, j = apart // count, apart % count
        rim = [
            self.add((place[i] + place[j]) / 2, (shells.front[end] + shells.back[end]) / 2) for end in (i, j)
        ]
        faces: list[I64] = []
        owner: list[I64] = []

        def end_of(start: I64, end: I64) -> I64:
            """The rim of the part at `start` on the edge to `end`."""
            at = np.searchsorted(apart, key_of(start, end, count))
            return np.where(start < end, rim[0][at], rim[1][at])

        def mouth(mouths: tuple[I64, I64], start: I64, end: I64) -> I64:
            return mouths[1][np.searchsorted(mouths[0], key_of(start, end, count))]

        def both(rows: I64, outer: tuple[I64, ...], inner: tuple[I64, ...]) -> None:
            """A fan in front and the same behind."""
            for second in range(1, len(outer) - 1):
                faces.append(np.stack([outer[0], outer[second], outer[second + 1]], 1))
                faces.append(np.stack([inner[0], inner[second + 1], inner[second]], 1))
                owner.extend([rows, rows])

        edges = torn.sum(1)
        for turn in range(3):
            # One edge apart, opposite the first corner; two, both at it.
            c = np.roll(corner, -turn, axis=1)
            t = np.roll(torn, -turn, axis=1)
            rows = np.flatnonzero((number == 0) & (edges == 1) & t[:, 1])
            r, x, y = c[rows].T
            mx, my = end_of(x, y), end_of(y, x)
            both(rows, (f[r], f[x], mx), (k[r], k[x], mx))
            both(rows, (f[r], my, f[y]), (k[r], my, k[y]))
            thick = f[r] != k[r]
            faces.append(np.stack([mx, k[r], f[r]], 1)[thick])
            faces.append(np.stack([my, f[r], k[r]], 1)[thick])
            owner.extend([rows[thick], rows[thick]])
            rows = np.flatnonzero((number == 0) & (edges == 2) & t[:, 0] & t[:, 2])
            q, x, y = c[rows].T
            ends = end_of(q, x), end_of(q, y)
            both(rows, (f[q], *ends), (k[q], *ends))
            mx, my = end_of(x, q), end_of(y, q)
            both(rows, (f[x], f[y], my, mx), (k[x], k[y], my, mx))
            rows = np.flatnonzero((number == 0) & (edges == 3))
            q, x, y = c[rows].T
            ends = end_of(q, x), end_of(q, y)
            both(rows, (f[q], *ends), (k[q], *ends))
        for first in (True, False):
            # The near part goes on to the corner across which the back's mouth is, the far part to the other.
            rows = np.flatnonzero(between & (number == 1) & (in_front[:, 0] == first))
            p, x, y = corner[rows].T
            mx, my = end_of(x, y), end_of(y, x)
            if first:
                cut = mouth(fronts, p, x), mouth(backs, p, y)
                both(rows, (f[p], cut[0], my, f[y]), (upper[p], cut[0], my, k[y]))
                both(rows, (lower[p], f[x], mx, cut[1]), (k[p], k[x], mx, cut[1]))
            else:
                cut = mouth(fronts, p, y), mouth(backs, p, x)
                both(rows, (f[p], f[x], mx, cut[0]), (upper[p], k[x], mx, cut[0]))
                both(rows, (lower[p], cut[1], my, f[y]), (k[p], cut[1], my, k[y]))
        return np.concatenate(faces), np.concatenate(owner)


def _cut(
    corner: I64, number: I64, mouths: tuple[I64, I64], count: int, sheets: tuple[I64, I64]
) -> tuple[I64, I64, I64]:
    """Both sheets of a part over all triangles, without what lies beyond its edge, and each face's triangle.

    Corners in a gap come first.
    """
    key, vertex = mouths
    after = np.roll(corner, -1, axis=1)
    wanted = np.minimum(corner, after) * count + np.maximum(corner, after)
    at = np.minimum(np.searchsorted(key, wanted), max(len(key) - 1, 0))
    cut = (key[at] == wanted) if len(key) else np.zeros(wanted.shape, bool)
    middle = vertex[at] if len(key) else np.zeros(wanted.shape, np.int64)
    outer: list[I64] = []
    inner: list[I64] = []
    owner: list[I64] = []
    one, two = number == 1, number == 2
    first, second, third = cut.T
    # Of 0 1 2 the corners, of 3 4 5 the middles of the edges that run from them.
    for chosen, rings in (
        (~cut.any(1), ((0, 1, 2),)),
        (one & first & third, ((0, 3, 5),)),
        (one & first & ~third, ((0, 3, 2),)),
        (one & ~first & third, ((0, 1, 5),)),
        (two & second & third, ((0, 1, 4), (0, 4, 5))),
        (two & second & ~third, ((0, 1, 4), (0, 4, 2))),
        (two & ~second & third, ((1, 2, 5), (0, 1, 5))),
    ):
        rows = np.flatnonzero(chosen)
        for ring in rings:
            for sheet, out in zip(sheets, (outer, inner), strict=True):
                out.append(np.concatenate([sheet[corner[rows]], middle[rows]], 1)[:, ring])
            owner.append(rows)
    return np.concatenate(outer), np.concatenate(inner), np.concatenate(owner)


def _crowded(shells: Shells, corner: I64, faces: I64, count: int, size: int, rim: Bool) -> Bool:
    """(F,) True for faces at an edge that has not exactly one face on each side."""
    start, end = faces.ravel(), np.roll(faces, -1, axis=1).ravel()
    key, index, used = np.unique(
        np.minimum(start, end) * size + np.maximum(start, end), return_inverse=True, return_counts=True
    )
    index = index.reshape(-1)
    turned = np.bincount(index, np.where(start < end, 1, -1), len(key))
    wrong = (used != 2) | (turned != 0)
    # Where the triangles end, the untouched ones go on with one face in each shell.
    pairs = np.concatenate([corner[:, [0, 1]], corner[:, [1, 2]], corner[:, [2, 0]]])
    edge, times = np.unique(pairs.min(1) * count + pairs.max(1), return_counts=True)
    i, j = edge[times == 1] // count, edge[times == 1] % count
    # Along the rim walls follow, except where both parts end by themselves.
    goes_on = ~(rim[i] & rim[j])
    i, j = i[goes_on], j[goes_on]
    for sheet in (shells.front_index, shells.back_index):
        p, q = sheet[i], sheet[j]
        outer = np.minimum(p, q) * size + np.maximum(p, q)
        at = np.minimum(np.searchsorted(key, outer), len(key) - 1)
        at = at[key[at] == outer]
        wrong[at[used[at] == 1]] = False
    out: Bool = wrong[index].reshape(-1, 3).any(1)
    return out


def _stray(shells: Shells, gaps: Gaps, open_: Bool, thick: tuple[F64, F64], size: int) -> tuple[Bool, Bool]:
    """(V,) True for gap nodes to be filled, so that no part floats, where it is thickest; and nodes to be joined."""
    rest = shells.triangles[~gaps.touched]
    faces = np.concatenate([shells.front_index[rest], shells.back_index[rest], gaps.faces])
    rim = np.flatnonzero(shells.on_rim & ~gaps.rim)
    pairs = np.concatenate(
        [faces[:, [0, 1]], faces[:, [1, 2]], np.stack([shells.front_index[rim], shells.back_index[rim]], 1)]
    )
    flat = np.concatenate([shells.triangles[:, [0, 1]], shells.triangles[:, [1, 2]]])
    _, solid = components(pairs, size)
    _, part = components(flat, len(open_))
    # Of each part of the silhouette the largest solid stays.
    at = np.flatnonzero(~gaps.rim)
    front = solid[shells.front_index[at]]
    number = np.bincount(front, minlength=solid.max() + 1)
    number += np.bincount(solid[shells.back_index[at]], minlength=solid.max() + 1)
    order = np.argsort(number[front], kind="stable")
    main = np.zeros(part.max(initial=0) + 1, np.int64)
    main[part[at[order]]] = front[order]
    bad, joined = np.zeros(len(open_), bool), np.zeros(len(open_), bool)
    for sheet, own in zip((shells.front_index, shells.back_index), thick, strict=True):
        lost = (solid[sheet] != main[part]) & ~gaps.rim
        loose = open_ & lost
        for label in np.unique(solid[sheet][lost]):
            nodes = np.flatnonzero(loose & (solid[sheet] == label))
            if len(nodes):
                bad[nodes[own[nodes] >= (1 - _POST) * own[nodes].max()]] = True
            else:
                joined |= lost & (solid[sheet] == label)
    return bad, joined
