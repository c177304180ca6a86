"""A mesh from elsewhere that is open -> a closed one where that is a small repair, or a refusal that names the hole.

Vertices that lie together are joined, faces without area and doubled ones go, faces that look another way than those
around them are turned, and so is each body that is inside out. A hole is closed by a flat cover, triangulated in the
plane that fits its rim best (manifold3d), unless it is wider than a fifth of the figurine: what belongs there nobody
knows. Several bodies that overlap become one.

Rejected: pymeshfix, which drops all bodies but the largest and fills cavities.
"""

from dataclasses import asdict, dataclass, replace

import manifold3d
import numpy as np

from slipcast.core.errors import StageFailed
from slipcast.core.findings import Finding, finding
from slipcast.core.scientific import spatial
from slipcast.core.values import F32, F64, I64, Bool, Figurine, Mesh
from slipcast.formats.gltf.solid import is_manifold
from slipcast.mesh.topology import Closedness, closedness, open_slivers
from slipcast.mesh.winding import find_inward, find_turned
from slipcast.prepare.body import MM, Body, body_from_mesh, read_surface
from slipcast.prepare.inspect_print import name_place

WIDEST = 0.2
"""Of the figurine's size: a wider hole is not covered."""
_TOGETHER = 1e-6
"""Share of the size within which vertices are one."""


@dataclass(frozen=True, kw_only=True)
class MendReport:
    """What was repaired."""

    holes: int
    covered_mm2: float
    deviation_mm: float
    """How far a rim lies from its flat cover, at most."""
    joined: int
    """Vertices that were joined."""
    dropped: int
    """Faces without area, and doubled ones."""
    turned: int
    """Faces that looked the wrong way."""


def mend(figurine: Figurine) -> tuple[Figurine, MendReport | None]:
    """Return `figurine` closed and turned outward, with what was done; None where nothing was needed.

    Raises StageFailed, naming place and width of the largest hole, where it cannot be closed.
    """
    state = closedness(figurine.mesh)
    joined_already = is_manifold(figurine.mesh.faces, len(figurine.mesh.vertices))
    if state.closed and state.volume_m3 > 0 and joined_already:
        return figurine, None
    mended, joined = _join(figurine)
    mended, dropped = _drop(mended)
    wrong = find_turned(mended.mesh.faces)
    mended = _turn(mended, wrong)
    loops = _find_loops(mended.mesh)
    covered, deviation = 0.0, 0.0
    for loop in loops:
        mended, area, away = _cover(mended, loop)
        covered, deviation = covered + area, max(deviation, away)
    inward = find_inward(mended.mesh.vertices, mended.mesh.faces)
    mended = _turn(mended, inward)
    after = closedness(mended.mesh)
    if after.slivers:
        vertices = open_slivers(mended.mesh.vertices, mended.mesh.faces)
        mended = replace(mended, mesh=replace(mended.mesh, vertices=vertices))
        after = closedness(mended.mesh)
    if not after.closed:
        raise StageFailed(
            f"the mesh cannot be closed: {_say_flaws(after)}; repair it in the program that made it"
        )
    return mended, MendReport(
        holes=len(loops),
        covered_mm2=round(covered, 2),
        deviation_mm=round(deviation, 3),
        joined=joined,
        dropped=dropped,
        turned=int((wrong ^ inward[: len(wrong)]).sum()),
    )


def _say_flaws(state: Closedness) -> str:
    """What keeps a mesh from being a solid, each with its number."""
    told = {
        "open edges": state.open_edges,
        "edges that more than two faces share": state.crowded_edges,
        "edges between faces that look opposite ways": state.turned_edges,
        "faces as thin as a line": state.slivers,
        "bodies that are inside out": state.inside_out,
    }
    return ", ".join(f"{count} {word}" for word, count in told.items() if count) or "it encloses no volume"


def _turn(figurine: Figurine, chosen: Bool) -> Figurine:
    """The figurine with its `chosen` faces (F,) running the other way round."""
    if not chosen.any():
        return figurine
    faces, uv = figurine.mesh.faces.copy(), figurine.uv.copy()
    faces[chosen], uv[chosen] = faces[chosen, ::-1], uv[chosen, ::-1]
    return replace(figurine, mesh=replace(figurine.mesh, faces=faces), uv=uv)


def make_solid(figurine: Figurine) -> tuple[Figurine, tuple[Finding, ...]]:
    """Return `figurine` as one closed solid that looks outward: mended, bodies that overlap joined; and what was done.

    Raises StageFailed as `mend` does. One that is a solid already comes back as it is.
    """
    mended, report = mend(figurine)
    found = () if report is None else (finding("PRINT_MENDED", asdict(report)),)
    body = body_from_mesh(mended.mesh, mended.uv)
    joined = join_bodies(body)
    if joined is body:
        return mended, found
    surface = read_surface(joined)
    return replace(mended, mesh=surface.as_mesh(), uv=np.nan_to_num(surface.uv), normal_map=None), found


def join_bodies(body: Body) -> Body:
    """Return bodies that overlap as one solid; a cavity, which is a body turned inward, stays one."""
    parts = body.solid.decompose()
    if len(parts) < 2 or min(part.volume() for part in parts) <= 0:
        return body
    return Body(manifold3d.Manifold.batch_boolean(parts, manifold3d.OpType.Add), body.origins)


def _join(figurine: Figurine) -> tuple[Figurine, int]:
    points = figurine.mesh.vertices.astype(np.float64)
    size = float(np.ptp(points, axis=0).max()) or 1.0
    cells = np.round(points / (size * _TOGETHER)).astype(np.int64)
    _, first, place = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    faces = place.reshape(-1)[figurine.mesh.faces].astype(np.int32)
    mesh = Mesh(vertices=figurine.mesh.vertices[first], faces=faces, source=figurine.mesh.source)
    return replace(figurine, mesh=mesh), len(points) - len(first)


def _drop(figurine: Figurine) -> tuple[Figurine, int]:
    faces = figurine.mesh.faces
    whole = (faces != np.roll(faces, -1, axis=1)).all(1)
    _, first = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    keep = np.zeros(len(faces), bool)
    keep[first] = True
    keep &= whole
    if keep.all():
        return figurine, 0
    mesh = replace(figurine.mesh, faces=faces[keep], source=figurine.mesh.source[keep])
    return replace(figurine, mesh=mesh, uv=figurine.uv[keep]), int((~keep).sum())


def _find_loops(mesh: Mesh) -> list[I64]:
    """The rims of all holes, each in the order in which its cover goes around."""
    start = mesh.faces.astype(np.int64).ravel()
    end = np.roll(mesh.faces.astype(np.int64), -1, axis=1).ravel()
    count = len(mesh.vertices)
    open_ = ~np.isin(start * count + end, end * count + start)
    a, b = end[open_], start[open_]  # the cover runs the other way round
    if len(np.unique(a)) != len(a) or len(np.unique(b)) != len(b):
        raise StageFailed(
            f"the mesh cannot be closed: holes meet in a point {_place(mesh, a[:1])}; repair it where it was made"
        )
    follows = dict(zip(a.tolist(), b.tolist(), strict=True))
    loops = []
    while follows:
        first, place = follows.popitem()
        loop = [first]
        while place != first:
            loop.append(place)
            if place not in follows:
                raise StageFailed(
                    f"the mesh cannot be closed: its faces look different ways {_place(mesh, np.array(loop))}; "
                    "recalculate its normals where it was made"
                )
            place = follows.pop(place)
        loops.append(np.array(loop, np.int64))
    return loops


def _cover(figurine: Figurine, loop: I64) -> tuple[Figurine, float, float]:
    """The figurine with one hole closed, the cover's area in mm2 and how far the rim lies from it in mm."""
    mesh = figurine.mesh
    rim = mesh.vertices[loop].astype(np.float64)
    width, size = float(np.ptp(rim, axis=0).max()), float(np.ptp(mesh.vertices, axis=0).max())
    if width > WIDEST * size:
        raise StageFailed(
            f"the mesh has a hole of {width * MM:.1f} mm {_place(mesh, loop)}; nobody knows what belongs there: "
            "close it in a modelling program, or convert its picture again"
        )
    away = rim - rim.mean(0)
    following = np.roll(away, -1, axis=0)
    normal = np.cross(away, following).sum(0)
    normal /= max(float(np.linalg.norm(normal)), 1e-30)
    helper = np.eye(3)[int(np.abs(normal).argmin())]
    u = np.cross(normal, helper)
    u /= max(float(np.linalg.norm(u)), 1e-30)
    flat = np.stack([away @ u, away @ np.cross(normal, u)], 1) * MM
    triangles = np.asarray(manifold3d.triangulate([flat]), np.int64).reshape(-1, 3)
    if (
        len(triangles) != len(loop) - 2
    ):  # the rim crosses itself in its own plane: a fan, which is closed all the same
        triangles = np.array([(0, k, k + 1) for k in range(1, len(loop) - 1)], np.int64)
    faces = loop[triangles].astype(np.int32)
    corner: F64 = mesh.vertices[faces].astype(np.float64) * MM
    area = float(
        np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1).sum() / 2
    )
    uv = np.repeat(_uv_near(figurine, rim.mean(0))[None], len(faces), axis=0)
    closed = Mesh(
        vertices=mesh.vertices,
        faces=np.concatenate([mesh.faces, faces]),
        source=np.concatenate([mesh.source, np.full(len(faces), 3, np.uint8)]),
    )
    out = replace(figurine, mesh=closed, uv=np.concatenate([figurine.uv, uv]).astype(np.float32))
    return out, area, float(np.abs(away @ normal).max()) * MM


def _uv_near(figurine: Figurine, place: F64) -> F32:
    """(3,2) texture coordinates of the face nearest to a place: one colour for a cover."""
    middle = figurine.mesh.vertices[figurine.mesh.faces].astype(np.float64).mean(1)
    _, nearest = spatial.cKDTree(middle).query(place)
    return np.repeat(figurine.uv[int(nearest)].mean(0, keepdims=True), 3, axis=0).astype(np.float32)


def _place(mesh: Mesh, vertices: I64) -> str:
    """Where some vertices lie, in words."""
    x, y, z = mesh.vertices.astype(np.float64).T * MM
    points = np.stack([x, -z, y], 1)
    low = points.min(0)
    at = points[vertices].mean(0) - [0, 0, low[2]]
    box = np.stack([low, points.max(0)]) - [0, 0, low[2]]
    return name_place((float(at[0]), float(at[1]), float(at[2])), box)
