"""What makes a mesh a solid: the checks and the door to manifold3d, shared by reconstruct/reconstruct.py and
reconstruct/simplify.py.

A solid here is closed (every edge has exactly two faces after equal positions are welded), oriented (the two run along
it in opposite directions) and has positive volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from slipcast.core.scientific import csgraph, sparse
from slipcast.core.values import F32, F64, I32, Mesh, Source
from slipcast.mesh.bodies import Bodies, find_bodies
from slipcast.mesh.weld import weld

if TYPE_CHECKING:
    import manifold3d

_Vectors = TypeVar("_Vectors", F32, F64)
NUDGE_M = 1e-6
"""How far sheets that touch at an edge or a vertex are pushed apart: far below any printer, far above float32."""
SLIVER_M = 2e-8
"""Faces lower than this are as good as lines: readers drop them (trimesh below 1e-8) and leave a hole."""


@dataclass(frozen=True, kw_only=True)
class Closedness:
    """Counts over a mesh whose equal positions are welded."""

    open_edges: int
    """Edges with one face."""
    crowded_edges: int
    """Edges with more than two faces."""
    turned_edges: int
    """Edges whose two faces run along it in the same direction."""
    slivers: int
    """Faces lower than `SLIVER_M`."""
    volume_m3: float
    """Signed; positive when the faces look outward."""
    inside_out: int = 0
    """Bodies whose faces look inward; a cavity inside another body is sound."""

    @property
    def closed(self) -> bool:
        """True for a closed solid of positive volume, each of its bodies oriented."""
        flaws = self.open_edges + self.crowded_edges + self.turned_edges + self.slivers + self.inside_out
        return not flaws and self.volume_m3 > 0


def make_mesh(vertices: F32, faces: I32) -> Mesh:
    """A mesh of `vertices` (V,3) in metres and `faces` (F,3), all INVENTED until someone knows better."""
    source = np.full(len(faces), int(Source.INVENTED), np.uint8)
    return Mesh(vertices=vertices.astype(np.float32), faces=faces.astype(np.int32), source=source)


@dataclass(frozen=True, kw_only=True)
class Welded:
    """A mesh whose equal positions are one, and the bodies that it holds: what several checks begin with."""

    vertices: F32
    """(V,3)."""
    faces: I32
    """(F,3), without those that collapsed."""
    bodies: Bodies

    @cached_property
    def state(self) -> Closedness:
        """What `closedness` says of it."""
        return _count_flaws(self.vertices, self.faces, int(self.bodies.inside_out.sum()))


def take_apart(mesh: Mesh) -> Welded:
    """Weld equal positions and find the bodies."""
    vertices, faces = weld(mesh)
    return Welded(vertices=vertices, faces=faces, bodies=find_bodies(vertices, faces))


def closedness(mesh: Mesh, welded: Welded | None = None) -> Closedness:
    """Count what keeps a mesh from being a solid; `welded` is what `take_apart` made of it, if somebody has."""
    return (welded or take_apart(mesh)).state


def is_shut(mesh: Mesh) -> bool:
    """Whether a mesh is closed, oriented and of positive volume as a whole: `closedness` in half the time.

    Its bodies are not judged one by one.
    """
    return _count_flaws(*weld(mesh), 0).closed


def _count_flaws(vertices: F32, faces: I32, inside_out: int) -> Closedness:
    if not len(faces):
        return Closedness(open_edges=0, crowded_edges=0, turned_edges=0, slivers=0, volume_m3=0.0)
    open_, crowded, turned = count_edges(faces)
    corner = corners(vertices, faces)
    return Closedness(
        open_edges=open_,
        crowded_edges=crowded,
        turned_edges=turned,
        slivers=int((_heights(vertices, faces) < SLIVER_M).sum()),
        volume_m3=float(_volumes(corner).sum()),
        inside_out=inside_out,
    )


def count_edges(faces: I32) -> tuple[int, int, int]:
    """How many edges of (F,3) `faces` are open, crowded, and turned, as `Closedness` means it."""
    start = faces.ravel().astype(np.int64)
    end = np.roll(faces, -1, axis=1).ravel().astype(np.int64)
    # One number for each half-edge: its edge, and in the last bit which way it runs.
    edge = np.minimum(start, end) * (int(faces.max(initial=0)) + 1) + np.maximum(start, end)
    half_edge = np.sort(edge * 2 + (start < end))
    first = np.flatnonzero(np.diff(half_edge >> 1, prepend=-1))
    count = np.diff(first, append=len(half_edge))
    forward = np.add.reduceat(half_edge & 1, first)
    return int((count == 1).sum()), int((count > 2).sum()), int(((count == 2) & (forward != 1)).sum())


def corners(vertices: F32 | F64, faces: I32) -> F64:
    """(3,3,F): axis, corner, face; by axes and corners, since numpy is slow along axes of three."""
    out: F64 = np.take(np.ascontiguousarray(vertices.T, np.float64), faces.T, axis=1)
    return out


def cross(a: _Vectors, b: _Vectors) -> _Vectors:
    """(3,N) cross products of (3,N) and (3,N)."""
    out: _Vectors = np.stack(
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
    )
    return out


def dot(a: _Vectors | Sequence[_Vectors], b: _Vectors | Sequence[_Vectors]) -> _Vectors:
    """(N,) dot products of (3,N) and (3,N)."""
    x, y, z = (one * other for one, other in zip(a, b, strict=True))  # as one sum it costs mypy seconds
    out: _Vectors = x + y + z
    return out


def unit(vectors: F64) -> F64:
    """(3,N) vectors of length 1; a vector without length stays."""
    out: F64 = vectors / np.maximum(np.sqrt(dot(vectors, vectors)), 1e-300)
    return out


def _volumes(corner: F64) -> F64:
    """(F,) signed volumes of the tetrahedra between the faces of `corners` and the origin."""
    return dot(corner[:, 0], cross(corner[:, 1], corner[:, 2])) / 6


def to_manifold(mesh: Mesh) -> "manifold3d.Manifold | None":
    """The mesh as a manifold3d solid, or None where it is not closed and oriented."""
    import manifold3d

    solid = manifold3d.Manifold(
        manifold3d.Mesh(np.array(mesh.vertices, np.float32), np.array(mesh.faces, np.uint32))
    )
    return solid if solid.status() == manifold3d.Error.NoError and solid.num_tri() else None


def from_manifold(solid: "manifold3d.Manifold") -> Mesh:
    """A solid as a mesh; sheets that touch are pushed apart by `NUDGE_M`, so that welding cannot join them."""
    made = solid.to_mesh()
    vertices = np.array(made.vert_properties[:, :3], np.float32)
    faces = np.array(made.tri_verts, np.int32)
    return make_mesh(open_slivers(_push_apart(vertices, faces), faces), faces)


def _push_apart(vertices: F32, faces: I32) -> F32:
    """Move vertices at equal positions inward along their own normals."""
    key = np.ascontiguousarray(vertices + np.float32(0)).view(np.dtype((np.void, 12))).ravel()
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    shared = count[inverse.reshape(-1)] > 1
    if not shared.any():
        return vertices
    normals = face_normals(vertices, faces)[0]
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(normals[:, axis], 3), len(vertices)) for axis in range(3)], 1
    )
    length = np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    # A rank among the twins makes the steps differ even where normals are opposite or vanish.
    rank = np.zeros(len(vertices))
    order = np.argsort(inverse.reshape(-1), kind="stable")
    starts = np.concatenate([[0], np.cumsum(count)[:-1]])
    rank[order] = np.arange(len(vertices)) - np.repeat(starts, count)
    step = NUDGE_M * (1 + rank[shared, None])
    out = vertices.astype(np.float64)
    out[shared] -= total[shared] / length[shared] * step
    return out.astype(np.float32)


def _heights(vertices: F32, faces: I32) -> F64:
    """(F,) height of each face over its longest edge, in metres."""
    corner = corners(vertices, faces)
    edge = np.roll(corner, -1, axis=1) - corner
    longest = np.sqrt(np.max([dot(edge[:, k], edge[:, k]) for k in range(3)], axis=0))
    normal = cross(edge[:, 0], edge[:, 1])
    heights: F64 = np.sqrt(dot(normal, normal)) / np.maximum(longest, 1e-30)
    return heights


def open_slivers(vertices: F32, faces: I32, rounds: int = 6) -> F32:
    """Move the middle corner of each sliver off its longest edge, by far less than anybody sees."""
    for attempt in range(1, rounds + 1):
        thin = np.flatnonzero(_heights(vertices, faces) < 2 * SLIVER_M)
        if not len(thin):
            break
        corner = vertices[faces[thin]].astype(np.float64)
        # Edge k runs from corner k to the next; the corner after both is the one to move.
        edge = np.roll(corner, -1, axis=1) - corner
        long = np.linalg.norm(edge, axis=2).argmax(1)
        row = np.arange(len(thin))
        along = edge[row, long]
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-30)
        apex = (long + 2) % 3
        off = corner[row, apex] - corner[row, long]
        off -= (off * along).sum(1, keepdims=True) * along
        # A corner exactly on its edge goes to a side of its own.
        lost = np.linalg.norm(off, axis=1) < 1e-12
        off[lost] = np.cross(along[lost], np.roll(along[lost], 1, axis=1) + np.array([0.3, 0.5, 0.7]))
        off /= np.maximum(np.linalg.norm(off, axis=1, keepdims=True), 1e-30)
        moved = vertices.astype(np.float64)
        moved[faces[thin, apex]] += off * (4 * SLIVER_M * attempt)
        vertices = moved.astype(np.float32)
    return vertices


def face_normals(vertices: F32, faces: I32) -> tuple[F64, F64]:
    """(F,3) unit normals (zero for a face without area) and (F,) areas."""
    corner = corners(vertices, faces)
    normal = cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    length = np.sqrt(dot(normal, normal))
    normal /= np.maximum(length, 1e-30)
    return np.ascontiguousarray(normal.T), length / 2


def face_centres(vertices: F32, faces: I32) -> F64:
    """(F,3) the means of the faces' corners; numpy's own mean over an axis of three takes five times as long."""
    columns = np.ascontiguousarray(vertices.T, np.float64)
    a, b, c = (np.take(columns, each, 1) for each in np.ascontiguousarray(faces.T))
    return np.ascontiguousarray(((a + b + c) / 3).T)


def count_pieces(mesh: Mesh) -> int:
    """How many pieces of `mesh` share no vertex: at most as many as there are shells, in a quarter of the time."""
    faces, count = mesh.faces, len(mesh.vertices)
    start, end = faces[:, :2].ravel(), faces[:, 1:].ravel()
    graph = sparse.coo_matrix((np.ones(len(start), np.int8), (start, end)), (count, count))
    label = csgraph.connected_components(graph, directed=False)[1]
    return len(np.unique(label[faces[:, 0]]))


def bound_pieces(mesh: Mesh) -> int:
    """A number that `count_pieces` does not exceed, in a quarter of its time: vertices before all their neighbours."""
    columns = np.ascontiguousarray(mesh.faces.T)
    least = np.minimum(np.minimum(columns[0], columns[1]), columns[2])
    first = np.zeros(len(mesh.vertices), bool)
    first[least] = True
    for column in columns:
        first[column[column > least]] = False
    return int(first.sum())


def bodies_of(mesh: Mesh) -> Bodies:
    """Shells, cavities and bodies of a mesh; equal positions are welded first."""
    return find_bodies(*weld(mesh))


def count_bodies(mesh: Mesh) -> int:
    """How many bodies are not connected with each other; a cavity is none."""
    return bodies_of(mesh).count


def source_shares(mesh: Mesh) -> dict[Source, float]:
    """The share of the surface's area that comes from each source."""
    _, area = face_normals(mesh.vertices, mesh.faces)
    total = np.bincount(mesh.source, area, len(Source))
    return {kind: float(total[kind] / max(total.sum(), 1e-30)) for kind in Source}
