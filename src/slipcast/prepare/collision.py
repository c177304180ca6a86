"""A figurine -> simple convex bodies around it, for an engine's collisions.

`hull` is one convex body, `convex` several (V-HACD, the extra `collision`), `box` and `capsule` are primitives. Each
body has at most 32 vertices. Bodies of `convex` leave gaps between them, and a hull of fewer points lies inside the
full one: each place of the surface becomes a point of the body that it lies nearest to, and each body is grown about
its middle until together they hold 99.5 % of the surface (the gauge function of a convex body says at once how far).

Rejected: bodies grown a percent at a time alone. The knight's eight had 1.63 of its volume, now 1.29; of a ball's
surface 32 held 98.5 % and no more.

Parts of a figurine that do not touch get bodies of their own where `convex` may have as many; else a body stands for
the gap between them too, and `spans` says so.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.options import check, choice, whole
from slipcast.core.scientific import sparse, spatial
from slipcast.core.values import F64, I64, Hull, Mesh
from slipcast.mesh.bodies import find_bodies
from slipcast.mesh.topology import closedness, make_mesh
from slipcast.mesh.weld import weld
from slipcast.reconstruct.simplify import CRUMB, decimate

if TYPE_CHECKING:
    import manifold3d

KINDS = ("none", "hull", "convex", "box", "capsule")
MOST_VERTICES = 32
CONTAINED = 0.995
_ENOUGH = 0.9955
"""Share of the places that bodies hold: a little more than CONTAINED, since places are a sample."""
_HELD = (0.9965, 0.998, 0.999, 1.0)
"""Share of the places that bodies are grown to hold, tried in turn: what is cut off of them may cost some again."""
_PLACES = 20_000
_ROUNDING = 1e-6
_BUDGETS = (MOST_VERTICES, 28, 24, 20, 16, 12)
"""Vertices of a body before it is cut, tried in turn. Of 12 a cut leaves 31 at most, 11 and a place in each of 20
faces, so the last holds what it was grown to hold."""
_MOST_PARTS = 32
_MOST_BODIES = 200
"""A mesh of more is taken as one: it is hair or grass."""
_SIMPLE_FACES = 6000
"""V-HACD's voxels are coarser than this."""


@dataclass(frozen=True, kw_only=True)
class CollisionOptions:
    """What stands for the figurine in an engine's physics.

    >>> CollisionOptions(kind="convex", parts=4).parts
    4
    """

    kind: str = "none"
    parts: int = 8
    """Of `convex`, at most."""

    def __post_init__(self) -> None:
        check(
            self,
            kind=choice(KINDS),
            parts=whole(1, _MOST_PARTS, example=8),
        )

    @classmethod
    def parse(cls, text: str) -> "CollisionOptions":
        """Return the options of `hull`, `box`, `capsule`, `none` or `convex:8`; BadInput for another word.

        >>> CollisionOptions.parse("convex:4").parts
        4
        """
        kind, _, parts = text.partition(":")
        odd = parts and (kind != "convex" or not parts.isascii() or not parts.isdigit())
        if odd or kind not in KINDS:
            raise BadInput(
                f"collision {text!r} is not understood; write hull, convex:8, box, capsule or none",
                field="collision",
            )
        return cls(kind=kind, parts=int(parts) if parts else cls.parts)


@dataclass(frozen=True, kw_only=True)
class Collision:
    """All bodies, and how well they stand for the figurine."""

    kind: str
    hulls: tuple[Hull, ...]
    contained: float
    """Share of the figurine's surface that lies in one of them."""
    volume_ratio: float
    """Volume of their union over the figurine's."""
    spans: int = 1
    """How many parts that do not touch fewer bodies, not made to be boxes, stand for; 1 where none does."""

    def as_dict(self) -> dict[str, object]:
        """The collision as JSON-ready data."""
        return {
            "kind": self.kind,
            "parts": len(self.hulls),
            "vertices": [len(hull.vertices) for hull in self.hulls],
            "contained": round(self.contained, 5),
            "volume_ratio": round(self.volume_ratio, 4),
        }


def make_collision(mesh: Mesh, options: CollisionOptions) -> Collision | None:
    """Return what collides in place of the closed `mesh`; None for the kind `none`.

    Raises BadInput where `convex` is asked for without the extra that makes it.
    """
    if options.kind == "none":
        return None
    points = mesh.vertices.astype(np.float64)
    apart = _take_apart(mesh) if options.kind in ("hull", "convex") else []
    places = _scatter(mesh)
    parts = _decompose_all(mesh, apart, options.parts) if options.kind == "convex" else []
    hulls = _fit(
        lambda most: _stand_in(options.kind, points, parts, places, most), places, float(points[:, 1].min())
    )
    import manifold3d

    union = manifold3d.Manifold.batch_boolean([_solid(hull) for hull in hulls], manifold3d.OpType.Add)
    return Collision(
        kind=options.kind,
        hulls=tuple(hulls),
        contained=_contain(hulls, places),
        volume_ratio=float(union.volume()) / max(closedness(mesh).volume_m3, 1e-18),
        spans=len(apart) if len(apart) > len(hulls) else 1,
    )


def _fit(make: Callable[[int], list[Hull]], places: F64, ground: float) -> list[Hull]:
    """The bodies of `make` grown, cut off at `ground`, and of at most 32 vertices: the first that hold the places."""
    hulls: list[Hull] = []
    for most in _BUDGETS:
        bodies = make(most)
        for held in _HELD:
            cut = [_cut(hull, ground) for hull in _hold(bodies, places, held)]
            many = any(len(hull.vertices) > MOST_VERTICES for hull in cut)
            hulls = [_choose(hull.vertices.astype(np.float64)) for hull in cut] if many else cut
            if _contain(hulls, places) >= _ENOUGH:
                return hulls
    return hulls


def _contain(hulls: list[Hull], places: F64) -> float:
    """The share of (N,3) places that are in one of the hulls."""
    return float((_gauges(hulls, places).min(0) <= 1 + _ROUNDING).mean())


def _stand_in(kind: str, points: F64, parts: list[F64], places: F64, most: int) -> list[Hull]:
    """The bodies before they are grown, a hull or a part of `convex` of at most `most` vertices."""
    if kind == "box":
        return [_box(points)]
    if kind == "capsule":
        return [_capsule(points)]
    return [_choose(points, most)] if kind == "hull" else _share(parts, places, most)


def _cut(hull: Hull, ground: float) -> Hull:
    """The part of the hull above the plane y = `ground`."""
    points = hull.vertices.astype(np.float64)
    above = points[:, 1] - ground
    if above.min() >= 0:
        return hull
    a, b = np.concatenate([hull.faces[:, [k, (k + 1) % 3]] for k in range(3)]).T
    crossed = (above[a] > 0) & (above[b] < 0)  # each edge once: its other face has it the other way round
    a, b = a[crossed], b[crossed]
    share = (above[a] / (above[a] - above[b]))[:, None]
    rim = points[a] + share * (points[b] - points[a])
    rim[:, 1] = ground
    return _hull_of(np.concatenate([points[above >= 0], rim]))


def _solid(hull: Hull) -> "manifold3d.Manifold":
    import manifold3d

    return manifold3d.Manifold(
        manifold3d.Mesh(np.array(hull.vertices, np.float32), np.array(hull.faces, np.uint32))
    )


def _hull_of(points: F64) -> Hull:
    """The convex hull of (N,3) points, its faces turned outward."""
    found = spatial.ConvexHull(points)
    vertices = points[found.vertices]
    number = np.full(len(points), -1)
    number[found.vertices] = np.arange(len(found.vertices))
    faces = number[found.simplices]
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    inward = (np.cross(b - a, c - a) * found.equations[:, :3]).sum(1) < 0
    faces[inward] = faces[inward][:, ::-1]
    return Hull(vertices=vertices.astype(np.float32), faces=faces.astype(np.int32))


def _choose(points: F64, most: int = MOST_VERTICES) -> Hull:
    """A hull of at most `most` of (N,3) points, those that stand out most."""
    full = points[spatial.ConvexHull(points).vertices]
    if len(full) <= most:
        return _hull_of(full)
    # The six extremes, then whichever point lies farthest outside the hull of those chosen so far.
    chosen = list({int(full[:, k].argmin()) for k in range(3)} | {int(full[:, k].argmax()) for k in range(3)})
    if len(chosen) < 4 or np.linalg.matrix_rank(full[chosen] - full[chosen[0]], tol=1e-9) < 3:
        spread = np.linspace(0, len(full) - 1, 8).astype(int).tolist()
        chosen = sorted({*chosen, *spread})
    while len(chosen) < most:
        planes = spatial.ConvexHull(full[chosen]).equations
        outside = (full @ planes[:, :3].T + planes[:, 3]).max(1)
        farthest = int(outside.argmax())
        if outside[farthest] <= 1e-9:
            break
        chosen.append(farthest)
    return _hull_of(full[chosen])


def _share(parts: list[F64], places: F64, most: int) -> list[Hull]:
    """Hulls of the parts' points and of all (N,3) places, each place in the hull to which it is nearest."""
    own = _gauges([_choose(points) for points in parts], places).argmin(0)
    return [_choose(np.concatenate([points, places[own == k]]), most) for k, points in enumerate(parts)]


def _hold(hulls: list[Hull], places: F64, held: float = _HELD[0]) -> list[Hull]:
    """The hulls grown, each about its middle, until together they hold a share of (N,3) places."""
    gauge = _gauges(hulls, places)
    nearest, own = gauge.min(0), gauge.argmin(0)
    kept = nearest <= np.quantile(nearest, held, method="higher")
    out = []
    for k, hull in enumerate(hulls):
        mine = nearest[kept & (own == k)]
        middle = _middle(hull)
        factor = max(float(mine.max(initial=1.0)), 1.0) * (1 + 2 * _ROUNDING)
        grown = middle + (hull.vertices - middle) * factor
        out.append(Hull(vertices=grown.astype(np.float32), faces=hull.faces))
    return out


def _gauges(hulls: list[Hull], points: F64) -> F64:
    """(K,N) by how much each hull must be grown about its middle to reach each of (N,3) points; 1 is on it."""
    out = np.empty((len(hulls), len(points)))
    for k, hull in enumerate(hulls):
        planes = spatial.ConvexHull(hull.vertices.astype(np.float64)).equations
        middle = _middle(hull)
        inside = -(planes[:, :3] @ middle + planes[:, 3])
        out[k] = ((points - middle) @ (planes[:, :3] / inside[:, None]).T).max(1)
    return out


def _middle(hull: Hull) -> F64:
    """(3,) a place inside."""
    out: F64 = hull.vertices.astype(np.float64).mean(0)
    return out


def _scatter(mesh: Mesh) -> F64:
    """(N,3) places on the surface, evenly by its area: the R2 sequence within faces (Roberts 2018)."""
    corner = mesh.vertices[mesh.faces].astype(np.float64)
    a, b, c = corner[:, 0], corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]
    area = np.cumsum(np.linalg.norm(np.cross(b, c), axis=1))
    number = np.arange(_PLACES) + 0.5
    face = np.minimum(np.searchsorted(area, number / _PLACES * area[-1]), len(area) - 1)
    u, v = (number * 0.7548776662466927) % 1, (number * 0.5698402909980532) % 1
    over = u + v > 1
    u, v = np.where(over, 1 - u, u)[:, None], np.where(over, 1 - v, v)[:, None]
    out: F64 = a[face] + u * b[face] + v * c[face]
    return out


def _box(points: F64) -> Hull:
    low, high = points.min(0), points.max(0)
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], np.float64)
    return _hull_of(low + corners * (high - low))


def _capsule(points: F64) -> Hull:
    """An upright capsule around the points: two rings of eight and a pole at each end, 32 vertices less six."""
    low, high = points.min(0), points.max(0)
    middle = (low + high) / 2
    radius = float(np.hypot(points[:, 0] - middle[0], points[:, 2] - middle[2]).max()) / math.cos(math.pi / 8)
    half = float(high[1] - low[1]) / 2
    shaft = max(half - radius, 0.0)
    angle = np.arange(8) * math.pi / 4
    rings = []
    for side in (1, -1):
        rings.append(np.stack([radius * np.cos(angle), np.full(8, side * shaft), radius * np.sin(angle)], 1))
        small = radius * math.sin(math.pi / 4)
        rise = shaft + radius * math.cos(math.pi / 4)
        turned = angle[::2] + math.pi / 8
        rings.append(np.stack([small * np.cos(turned), np.full(4, side * rise), small * np.sin(turned)], 1))
        rings.append(np.array([[0.0, side * (shaft + radius), 0.0]]))
    return _hull_of(middle + np.concatenate(rings))


def require_vhacdx() -> None:
    """Raise BadInput, which names the extra, where `convex` cannot be made."""
    if find_spec("vhacdx") is None:
        raise BadInput(
            "collision convex needs vhacdx: run `pip install 'slipcast[collision]'`, or choose hull"
        )


def _take_apart(mesh: Mesh) -> list[Mesh]:
    """The parts of the mesh with a gap between their hulls, crumbs left out, the largest first; itself for one."""
    vertices, faces = weld(mesh)
    bodies = find_bodies(vertices, faces)
    owner = np.where(bodies.cavity, bodies.around, np.arange(len(bodies.volume)))
    large = np.flatnonzero(~bodies.cavity & (bodies.volume > CRUMB * bodies.volume.sum()))
    if not 2 <= len(large) <= _MOST_BODIES:
        return [mesh]
    held = [faces[owner[bodies.shell] == number] for number in large]
    group = _group([vertices[np.unique(each)].astype(np.float64) for each in held])
    out = []
    for number in np.unique(group):
        together = np.concatenate([each for each, own in zip(held, group, strict=True) if own == number])
        used, index = np.unique(together, return_inverse=True)
        out.append(make_mesh(vertices[used], index.reshape(-1, 3).astype(np.int32)))
    return sorted(out, key=lambda part: -closedness(part).volume_m3)


def _group(clouds: list[F64]) -> I64:
    """(N,) which of N clouds of (K,3) points belong together, since their hulls run into each other."""
    solids = [_solid(_hold([_choose(points)], points)[0]) for points in clouds]
    low, high = (np.array([edge(points, axis=0) for points in clouds]) for edge in (np.min, np.max))
    near = np.zeros((len(clouds), len(clouds)), bool)
    for a in range(len(clouds)):
        for b in np.flatnonzero((low[a] < high).all(1) & (low < high[a]).all(1)):
            near[a, b] = b > a and (solids[a] ^ solids[int(b)]).volume() > 0
    out: I64 = sparse.csgraph.connected_components(sparse.coo_matrix(near), directed=False)[1].astype(
        np.int64
    )
    return out


def _decompose_all(mesh: Mesh, apart: list[Mesh], parts: int) -> list[F64]:
    """The points of at most `parts` convex parts: of each body its share by volume where there are enough for all."""
    if len(apart) == 1 or len(apart) > parts:
        return _decompose(mesh, parts)
    volume = np.array([closedness(body).volume_m3 for body in apart])
    spare = np.floor((parts - len(apart)) * volume / volume.sum()).astype(int)
    spare[0] += parts - len(apart) - spare.sum()
    out: list[F64] = []
    for body, more in zip(apart, spare.tolist(), strict=True):
        out += _decompose(body, 1 + more) if more else [body.vertices.astype(np.float64)]
    return out


def _decompose(mesh: Mesh, parts: int) -> list[F64]:
    """The points of each part of an approximate convex decomposition."""
    require_vhacdx()
    import vhacdx

    simple = decimate(mesh, _SIMPLE_FACES) if len(mesh.faces) > _SIMPLE_FACES else None
    mesh = simple or mesh
    faces = np.concatenate([np.full((len(mesh.faces), 1), 3), mesh.faces], axis=1).ravel().astype(np.uint32)
    # In units of the size: V-HACD's limits are absolute.
    size = float(np.ptp(mesh.vertices, axis=0).max())
    hulls = vhacdx.compute_vhacd(
        mesh.vertices.astype(np.float64) / size,
        faces,
        maxConvexHulls=parts,
        maxNumVerticesPerCH=MOST_VERTICES,
        resolution=100_000,
    )
    return [np.asarray(vertices, np.float64) * size for vertices, _ in hulls]
