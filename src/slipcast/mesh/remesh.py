"""Solid -> the same shape in evenly sized faces that flow along it: triangles, or quads with few triangles between.

Field-aligned meshing (Jakob, Tarini, Panozzo and Sorkine-Hornung 2015, «Instant Field-Aligned Meshes»), by the package
pyinstantmeshes (BSD), in a process of its own: it prints to the descriptors behind Python's back and works on files.
Only its files keep quads: what its Python function returns has been cut into triangles, and pentagons among them are
not all covered. Its result may be open or pass through itself where the shape is thinner than a face, so each is made a
solid and untangled, and other sizes are tried until one holds.

Rejected: pynanoinstantmeshes (the same without files, thus without quads) and pyQuadriFlow (no licence named).
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import spatial
from slipcast.core.values import F64, I64, Mesh
from slipcast.mesh.close_holes import close_holes
from slipcast.mesh.deviation import Deviation, measure_deviation
from slipcast.mesh.topology import closedness, count_bodies, from_manifold, make_mesh, to_manifold
from slipcast.mesh.untangle import untangle

if TYPE_CHECKING:
    import manifold3d

_TRIES = ((0.97, 2), (0.9, 2), (0.94, 0), (0.84, 3), (0.76, 1))
"""Share of the budget that is asked for, and rounds of smoothing; what comes is a few percent more or less."""
_MM = 1000.0
_TIMEOUT_S = 600
_SCRIPT = (
    "import sys, pyinstantmeshes as p; a, b, count, smooth, posy, rosy = sys.argv[1:]; p.remesh_file(a, b, "
    "target_face_count=int(count), smooth_iterations=int(smooth), posy=int(posy), rosy=int(rosy), "
    "deterministic=True)"
)
_SPECK = 0.002
"""Share of the volume below which a body is dropped."""
_FARTHEST = 0.05
"""Share of the height that no place may be off: what is farther is a part lost."""


def require_instant_meshes() -> None:
    """Raise BadInput, naming the extra, where pyinstantmeshes is not installed."""
    if find_spec("pyinstantmeshes") is None:
        raise BadInput(
            "topology needs pyinstantmeshes, which is not installed; run: pip install slipcast[topology]"
        )


def remesh(mesh: Mesh, faces: int, *, quads: bool) -> tuple[Mesh, Deviation] | None:
    """Return a closed solid of at most `faces` triangles, all INVENTED, and how far it is from `mesh`, a solid.

    With `quads` its first `Mesh.quads` pairs of triangles are the halves of quads. The same input gives the same bytes.
    None where each try loses a part of the shape: a leg, an aerial.
    """
    require_instant_meshes()
    height_m, bodies = float(np.ptp(mesh.vertices[:, 1])), count_bodies(mesh)
    for share, smooth in _TRIES:
        for drawn in _attempt(mesh, int(share * faces), smooth, quads):
            made = _fit_box(drawn, mesh)
            if not closedness(made).closed or len(made.faces) > faces or count_bodies(made) != bodies:
                continue
            deviation = measure_deviation(made, mesh, height_m=height_m)
            if deviation.largest_m <= _FARTHEST * height_m:
                return made, deviation
    return None


def _fit_box(mesh: Mesh, other: Mesh) -> Mesh:
    """`mesh` in the box of `other`: faces of one size blunt tips, so that a figurine would lose a percent of height."""
    low, high = mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)
    wanted_low, wanted_high = other.vertices.min(0), other.vertices.max(0)
    share = (mesh.vertices - low) / np.maximum(high - low, 1e-30)
    return replace(mesh, vertices=(wanted_low + share * (wanted_high - wanted_low)).astype(np.float32))


def _attempt(mesh: Mesh, faces: int, smooth: int, quads: bool) -> Iterator[Mesh]:
    """The solid that one run gives, or nothing."""
    vertices, polygons = _run(mesh, faces // 2 if quads else faces, smooth, quads)
    if not len(polygons):
        return
    halves, rest = _cut_polygons(polygons)
    covered = close_holes(vertices, np.concatenate([halves, rest]))
    if covered is None:
        return
    drawn = make_mesh((covered[0] / _MM).astype(np.float32), covered[1].astype(np.int32))
    solid = to_manifold(drawn)
    if solid is None:
        return
    made, crossing = untangle(from_manifold(_drop_specks(solid)))
    if not crossing:
        yield _find_quads(made, drawn, halves)


def _drop_specks(solid: "manifold3d.Manifold") -> "manifold3d.Manifold":
    """The solid without bodies of next to no volume."""
    import manifold3d

    bodies = solid.decompose()
    kept = [body for body in bodies if abs(body.volume()) > _SPECK * solid.volume()]
    return solid if len(kept) == len(bodies) else manifold3d.Manifold.compose(kept)


def _run(mesh: Mesh, count: int, smooth: int, quads: bool) -> tuple[F64, list[list[int]]]:
    """Vertices in millimetres and polygons of one run; none where it fails."""
    posy, rosy = (4, 4) if quads else (3, 6)
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given.obj", Path(folder) / "made.obj"
        points = (mesh.vertices.astype(np.float64) * _MM).reshape(-1).tolist()
        corners = (mesh.faces.astype(np.int64) + 1).reshape(-1).tolist()
        given.write_text(
            ("v %.6f %.6f %.6f\n" * len(mesh.vertices)) % tuple(points)
            + ("f %d %d %d\n" * len(mesh.faces)) % tuple(corners),
            encoding="ascii",
        )
        words = [str(given), str(made), *map(str, (count, smooth, posy, rosy))]
        try:
            done = subprocess.run(
                [sys.executable, "-c", _SCRIPT, *words], capture_output=True, timeout=_TIMEOUT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return np.zeros((0, 3)), []
        if done.returncode or not made.exists():
            return np.zeros((0, 3)), []
        return _read(made.read_text(encoding="ascii"))


def _read(text: str) -> tuple[F64, list[list[int]]]:
    rows = [line.split() for line in text.splitlines()]
    points = np.array([[float(word) for word in row[1:4]] for row in rows if row and row[0] == "v"])
    polygons = [[int(word.split("/")[0]) - 1 for word in row[1:]] for row in rows if row and row[0] == "f"]
    used = np.unique([corner for polygon in polygons for corner in polygon])
    number = np.full(len(points), -1)
    number[used] = np.arange(len(used))
    return points[used], [number[polygon].tolist() for polygon in polygons]


def _cut_polygons(polygons: list[list[int]]) -> tuple[I64, I64]:
    """Polygons as (2Q,3) halves of quads, two in a row, and (T,3) triangles."""
    halves: list[list[int]] = []
    rest: list[list[int]] = []
    for polygon in polygons:
        a = polygon[0]
        at = 1
        while at + 2 < len(polygon):
            b, c, d = polygon[at : at + 3]
            halves += [[a, b, c], [a, c, d]]
            at += 2
        if at + 1 < len(polygon):
            rest.append([a, polygon[at], polygon[at + 1]])
    return np.array(halves, np.int64).reshape(-1, 3), np.array(rest, np.int64).reshape(-1, 3)


def _find_quads(made: Mesh, drawn: Mesh, halves: I64) -> Mesh:
    """`made` with the quads first, of whose `halves` two in a row join: manifold3d keeps corners, not their order."""
    corner = spatial.cKDTree(drawn.vertices).query(made.vertices)[1][made.faces]
    place = {tuple(sorted(each)): k for k, each in enumerate(corner.tolist())}
    own, first = halves.tolist(), []
    for k in range(len(own) // 2):
        pair = [place.get(tuple(sorted(own[2 * k + half]))) for half in (0, 1)]
        if None in pair:
            continue
        quad = _join(*(made.faces[face].tolist() for face in pair if face is not None))
        if quad is not None:
            first.append((pair, quad))
    taken = {face for pair, _ in first for face in pair}
    rest = [face for face in range(len(made.faces)) if face not in taken]
    joined = np.array([half for _, pair in first for half in pair], np.int32).reshape(-1, 3)
    faces = np.concatenate([joined, made.faces[rest]]).astype(np.int32)
    return Mesh(vertices=made.vertices, faces=faces, source=made.source, quads=len(first))


def _join(one: list[int], other: list[int]) -> tuple[list[int], list[int]] | None:
    """The halves of a quad a, b, c, d as a, b, c and a, c, d; None where they share no edge."""
    shared = set(one) & set(other)
    if len(shared) != 2:
        return None
    b = next(k for k in range(3) if one[k] not in shared)
    a, c = one[b - 1], one[(b + 1) % 3]
    d = next(each for each in other if each not in shared)
    return [a, one[b], c], [a, c, d]
