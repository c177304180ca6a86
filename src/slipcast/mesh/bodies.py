"""Which faces make a body, which shells are cavities, and which are inside out.

A shell is what hangs together by edges. One whose faces look inward encloses no matter but takes it away: it is a
cavity where other shells put matter around all of it (their winding number there is one or more), else a body that is
inside out. Winding is counted along a ray, by the sign of each face it crosses, as in the plane (Haines, "Point in
Polygon Strategies", Graphics Gems IV, 1994).

Rejected: the sign of the volume of the whole mesh: a small body that is inside out hides behind a large one. Rays
from a shell's three largest faces alone: one that lies half outside a body counted as its cavity.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from slipcast.core.scientific import sparse
from slipcast.core.values import F32, F64, I32, I64, Bool
from slipcast.mesh.neighbours import find_neighbours

_FLAT = 1e-7
"""Of the cube over its diagonal: a shell that holds less is a sheet, which has no inside."""
_OPEN = 0.1
"""Of a shell's area: what its faces' directions may add up to, a closed one's add up to nothing."""
_WAYS = np.array([way for way in product((-1.0, 0.0, 1.0), repeat=3) if any(way)])
"""(26,3) where a shell's ends are looked for: a ray starts at each."""
_TURN = np.linalg.qr(np.array([[0.62, 0.21, 0.37], [0.11, 0.83, 0.29], [0.47, 0.13, 0.71]]))[0]
"""Rotates the mesh before rays go along z: along an axis they would meet the edges of blocks."""
_PAIRS = 4_000_000
"""Of a face and a ray, looked at at once."""


@dataclass(frozen=True, kw_only=True)
class Bodies:
    """The S shells of a mesh and what they are."""

    shell: I64
    """(F,) number of the shell that each face belongs to."""
    volume: F64
    """(S,) signed volume, in cubic units of the points."""
    area: F64
    """(S,) surface, in square units."""
    around: I64
    """(S,) for a cavity the number of the shell around it, else -1."""
    inside_out: Bool
    """(S,) True for a shell that looks inward and has nothing around it."""

    @property
    def cavity(self) -> Bool:
        """(S,) True for a shell that is a hollow in another."""
        return self.around >= 0

    @property
    def count(self) -> int:
        """How many bodies there are; a cavity is none."""
        return int((~self.cavity).sum())

    @property
    def body_areas(self) -> F64:
        """(N,) surface of each body, its cavities' included."""
        owner = np.where(self.cavity, self.around, np.arange(len(self.area)))
        out: F64 = np.bincount(owner, self.area, len(self.area)).astype(np.float64)[~self.cavity]
        return out


def find_bodies(points: F32 | F64, faces: I32) -> Bodies:
    """Take (F,3) `faces` over (V,3) welded `points` apart into shells, and judge each.

    >>> points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float64)
    >>> bodies = find_bodies(points, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], np.int32))
    >>> bodies.count, bodies.inside_out.any()
    (1, np.False_)
    """
    shell = _label(faces)
    shells = int(shell.max(initial=-1)) + 1
    corner = points.astype(np.float64)[faces]
    order = np.argsort(shell, kind="stable") if shells > 1 else slice(None)
    first = np.flatnonzero(np.diff(shell[order], prepend=-1))
    low = np.minimum.reduceat(corner.min(axis=1)[order], first) if shells else np.zeros((0, 3))
    high = np.maximum.reduceat(corner.max(axis=1)[order], first) if shells else np.zeros((0, 3))
    middle = (low + high) / 2
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]) / 2
    # Around its own middle, so that a hole in a shell shifts its volume little.
    each = np.einsum("ij,ij->i", corner[:, 0] - middle[shell], normal) / 3
    volume: F64 = np.bincount(shell, each, shells).astype(np.float64)
    area: F64 = np.bincount(shell, np.linalg.norm(normal, axis=1), shells).astype(np.float64)
    total = np.stack([np.bincount(shell, normal[:, axis], shells) for axis in range(3)], axis=1)
    has_inside = np.linalg.norm(total, axis=1) < _OPEN * area
    negative = has_inside & (volume < -_FLAT * np.linalg.norm(high - low, axis=1) ** 3)
    around = np.full(shells, -1)
    if negative.any() and shells > 1:
        around = _surround(corner, normal, shell, negative, volume)
    return Bodies(shell=shell, volume=volume, area=area, around=around, inside_out=negative & (around < 0))


def _label(faces: I32) -> I64:
    """(F,) number of the shell, by edges that faces share."""
    if not len(faces):
        return np.zeros(0, np.int64)
    first, second = find_neighbours(faces)
    graph = sparse.coo_matrix((np.ones(len(first), bool), (first, second)), (len(faces), len(faces)))
    _, label = sparse.csgraph.connected_components(graph, directed=False)
    out: I64 = label.astype(np.int64)
    return out


def _surround(corner: F64, normal: F64, shell: I64, negative: Bool, volume: F64) -> I64:
    """(S,) the smallest shell around each shell in `negative` that matter surrounds, else -1."""
    shells = len(volume)
    corner, normal = corner @ _TURN, normal @ _TURN
    start, owner = _starts(corner, shell, np.flatnonzero(negative))
    total, solid = np.full(len(start), -np.inf), np.full(len(start), -np.inf)
    around = np.full(shells, -1)
    smallest = np.full(shells, np.inf)
    # A ray up and one down: where the shell around is open, one may leave through its hole.
    for mirror in (np.array([1.0, 1.0, 1.0]), np.array([1.0, 1.0, -1.0])):
        ray, other, sign = _crossings(corner * mirror, normal * mirror, shell, start * mirror, owner)
        # winding[k] of a ray and a shell: a few entries each, since few shells are around another.
        keys, sums = np.unique(ray * shells + other, return_inverse=True)
        winding = np.bincount(sums, sign, len(keys))
        ray, other = keys // shells, keys % shells
        total = np.maximum(total, np.bincount(ray, winding, len(start)))
        solid = np.maximum(solid, np.bincount(ray, winding * (volume[other] > 0), len(start)))
        holds = np.flatnonzero((winding > 0.5) & (volume[other] > 0))
        # The smallest last: it overwrites the larger ones.
        holds = holds[np.argsort(-volume[other[holds]], kind="stable")]
        found = np.full(shells, -1)
        found[owner[ray[holds]]] = other[holds]
        better = (found >= 0) & (volume[found] < smallest)
        around[better], smallest[better] = found[better], volume[found[better]]
    # An end that no body surrounds makes it no cavity; one that lies in another cavity may be where two run together.
    lost = np.bincount(owner, total < 0.5, shells) * 2 > np.bincount(owner, minlength=shells)
    lost[owner[solid < 0.5]] = True
    around[lost] = -1
    return around


def _starts(corner: F64, shell: I64, asked: I64) -> tuple[F64, I64]:
    """(R,3) where rays start, in the faces farthest out of each asked shell, and (R,) the shell of each."""
    faces = np.flatnonzero(np.isin(shell, asked))
    faces = faces[np.argsort(shell[faces], kind="stable")]
    # Uneven weights, so that a ray through a grid of vertices meets no edge.
    weight = np.array([0.4142135, 0.3190481, 0.2668184])
    place: F64 = np.einsum("k,fkj->fj", weight, corner[faces])
    first = np.searchsorted(shell[faces], asked)
    count = np.diff(first, append=len(faces))
    chosen = []
    for way in _WAYS:
        along = place @ way
        farthest = np.flatnonzero(along == np.repeat(np.maximum.reduceat(along, first), count))
        chosen.append(farthest[np.searchsorted(farthest, first)])
    ends = np.unique(np.concatenate(chosen))
    return place[ends], shell[faces[ends]]


def _crossings(corner: F64, normal: F64, shell: I64, start: F64, owner: I64) -> tuple[I64, I64, F64]:
    """Where rays along +z from (R,3) `start` cross faces of other shells: (C,) ray, shell, and +1 outward or -1."""
    by_x = np.argsort(start[:, 0], kind="stable")
    x = start[by_x, 0]
    flat = normal[:, 2] == 0
    first = np.searchsorted(x, corner[:, :, 0].min(axis=1))
    last = np.where(flat, first, np.searchsorted(x, corner[:, :, 0].max(axis=1), side="right"))
    many = np.maximum(last - first, 0)
    low_y, high_y, high_z = (
        corner[:, :, 1].min(axis=1),
        corner[:, :, 1].max(axis=1),
        corner[:, :, 2].max(axis=1),
    )
    found: list[tuple[I64, I64, F64]] = []
    faces = np.flatnonzero(many)
    before = np.cumsum(many[faces])
    at = 0
    while at < len(faces):
        done = before[at - 1] if at else 0
        end = max(at + 1, int(np.searchsorted(before, done + _PAIRS, side="right")))
        face = np.repeat(faces[at:end], many[faces[at:end]])
        count = many[faces[at:end]]
        step = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        ray = by_x[first[face] + step]
        y, z = start[ray, 1], start[ray, 2]
        near = (low_y[face] <= y) & (y <= high_y[face]) & (high_z[face] > z) & (shell[face] != owner[ray])
        face, ray = face[near], ray[near]
        hit = _above(corner[face], normal[face], start[ray])
        found.append((ray[hit], shell[face[hit]], np.sign(normal[face[hit], 2])))
        at = end
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    rays, shells, signs = zip(*found, strict=True)
    return np.concatenate(rays), np.concatenate(shells), np.concatenate(signs)


def _above(corner: F64, normal: F64, point: F64) -> Bool:
    """(N,) whether the face lies over the point: around it seen along z, and higher."""
    flat = corner[:, :, :2] - point[:, None, :2]
    following = np.roll(flat, -1, axis=1)
    side = flat[:, :, 0] * following[:, :, 1] - flat[:, :, 1] * following[:, :, 0]
    inside = (side >= 0).all(axis=1) | (side <= 0).all(axis=1)
    rise = np.einsum("ij,ij->i", corner[:, 0] - point, normal) * np.sign(normal[:, 2])
    out: Bool = inside & (rise > 0)
    return out
