"""From shapes to triangles: a part's surface, and the one closed mesh of a whole figurine.

Each part is meshed alone (marching cubes on a grid that is only evaluated near the surface), which keeps the edges
between colours crisp in the picture. The true mesh is the exact boolean union of the parts, freed of inner hollows
and simplified; the colour of a face is that of the part which lies outermost there.
"""

from __future__ import annotations

from dataclasses import dataclass

import bpy
import manifold3d
import numpy as np
import trimesh
from shapes import Array, Shape
from skimage.measure import marching_cubes

COARSE_MM = (7.0, 2.5, 1.0)
"""Steps of the grids that find where a part is."""
BLOCK = 8
CRUMB_MM3 = 1.0


@dataclass(frozen=True)
class Part:
    """One colour of a figurine."""

    name: str
    shape: Shape
    colour: str
    """sRGB as rrggbb."""
    finish: str = "satin"
    """matte, satin, gloss or metal."""
    voxel_mm: float | None = None
    """Grid step; None picks it from the part's size."""


@dataclass(frozen=True)
class Surface:
    """A meshed part: vertices (V, 3) in mm, normals (V, 3), faces (F, 3)."""

    part: Part
    vertices: Array
    normals: Array
    faces: Array


def mesh_part(part: Part, low: Array, high: Array, coarsen: float = 1.25) -> Surface:
    """The surface of a part inside the box from `low` to `high` (mm)."""
    for step in COARSE_MM:
        axes = [np.arange(a, b + step, step, dtype=np.float32) for a, b in zip(low, high, strict=True)]
        points = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        near = points[part.shape(points) < step * 1.8]
        if not len(near):
            raise ValueError(f"part {part.name} is empty")
        low, high = near.min(0) - step * 0.9, near.max(0) + step * 0.9
    voxel = part.voxel_mm or float(np.clip((high - low).max() / 75, 0.14, 0.5))
    voxel *= coarsen
    counts = np.ceil((high - low) / voxel / BLOCK).astype(int)
    centre = (
        np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), -1) + 0.5
    ) * BLOCK * voxel + low
    value = part.shape(centre.reshape(-1, 3).astype(np.float32)).reshape(counts)
    field = np.kron(np.sign(value) + (value == 0), np.ones((BLOCK,) * 3, np.float32)) * voxel * BLOCK
    local = np.stack(np.meshgrid(*[np.arange(BLOCK)] * 3, indexing="ij"), -1).reshape(-1, 3)
    for block in np.argwhere(np.abs(value) < voxel * BLOCK * 1.5):
        index = block * BLOCK + local
        field[tuple(index.T)] = part.shape((index * voxel + low).astype(np.float32))
    vertices, faces, _, _ = marching_cubes(field, 1e-4, allow_degenerate=False)
    vertices = (vertices * voxel + low).astype(np.float32)
    return Surface(part, vertices, _normals(part.shape, vertices, voxel * 0.5), faces.astype(np.int32))


def _normals(shape: Shape, points: Array, step: float) -> Array:
    corners = np.array([[1, -1, -1], [-1, -1, 1], [-1, 1, -1], [1, 1, 1]], np.float32)
    normals = sum(c * shape(points + c * np.float32(step))[:, None] for c in corners)
    return (normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)).astype(np.float32)


def unite(surfaces: list[Surface], budget: int) -> tuple[trimesh.Trimesh, Array]:
    """The closed mesh of all parts in mm with at most `budget` faces, and the index of the part of each face."""
    solids = []
    for s in surfaces:
        solid = manifold3d.Manifold(
            manifold3d.Mesh(vert_properties=s.vertices, tri_verts=s.faces.astype(np.uint32))
        )
        if solid.status() != manifold3d.Error.NoError:
            raise ValueError(f"part {s.part.name} is not closed: {solid.status()}")
        solids.append(solid)
    whole = manifold3d.Manifold.batch_boolean(solids, manifold3d.OpType.Add)
    bodies = [b for b in whole.decompose() if b.volume() > CRUMB_MM3]  # hollows inside have a negative volume
    if len(bodies) != 1:
        boxes = [np.round(b.bounding_box(), 1).tolist() for b in bodies]
        raise ValueError(f"the figurine falls into {len(bodies)} bodies: {boxes}")
    mesh = _simplified(bodies[0], budget)
    centres = mesh.triangles_center.astype(np.float32)
    return mesh, np.argmin(np.stack([s.part.shape(centres) for s in surfaces]), 0)


def _simplified(body: manifold3d.Manifold, budget: int) -> trimesh.Trimesh:
    """A light pass of Manifold's, then Blender's edge collapse, which keeps a closed surface closed.

    Tried on the knight and the fox: Manifold's alone gets stuck at about 25,000 faces, and below that only a tolerance
    of millimetres goes on (the fox lost half of its volume); fast-simplification 0.2 leaves 4 to 12 edges with four
    faces; Blender's leaves none, and 0.4 % of the volume goes.
    """
    out = body.simplify(0.01).to_mesh()
    data = bpy.data.meshes.new("whole")
    data.from_pydata(out.vert_properties[:, :3].tolist(), [], out.tri_verts.tolist())
    thing = bpy.data.objects.new("whole", data)
    bpy.context.scene.collection.objects.link(thing)
    collapse = thing.modifiers.new("collapse", "DECIMATE")
    collapse.ratio = min(1.0, 0.995 * budget / len(out.tri_verts))
    collapse.use_collapse_triangulate = True
    small = thing.evaluated_get(bpy.context.evaluated_depsgraph_get()).to_mesh()
    small.calc_loop_triangles()
    vertices = np.array([v.co for v in small.vertices])
    mesh = _parted(trimesh.Trimesh(vertices, [t.vertices for t in small.loop_triangles], process=False))
    bpy.data.objects.remove(thing)
    mesh = max(
        mesh.split(only_watertight=False), key=lambda piece: piece.area
    )  # slivers come off where sheets touch
    if not closed(mesh) or len(mesh.faces) > budget or abs(mesh.volume / body.volume() - 1) > 0.01:
        raise ValueError(
            f"simplified badly: closed {closed(mesh)}, {len(mesh.faces)} faces, volume {mesh.volume:.0f}"
        )
    return mesh


def _parted(mesh: trimesh.Trimesh, apart_mm: float = 2e-3) -> trimesh.Trimesh:
    """Vertices at one place (sheets that touch) each go a little inwards, so that readers who weld see two sheets."""
    place = np.round(np.asarray(mesh.vertices) / 1e-4).astype(np.int64)
    _, group, count = np.unique(place, axis=0, return_inverse=True, return_counts=True)
    touching = count[group.ravel()] > 1
    vertices = np.array(mesh.vertices)
    vertices[touching] -= mesh.vertex_normals[touching] * apart_mm
    return trimesh.Trimesh(vertices, mesh.faces, process=False)


def closed(mesh: trimesh.Trimesh) -> bool:
    """Whether each edge has two faces once equal positions are welded, in the file's metres."""
    welded = trimesh.Trimesh(np.asarray(mesh.vertices / 1000, np.float32), mesh.faces, process=False)
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    return bool(welded.is_watertight and welded.is_winding_consistent)
