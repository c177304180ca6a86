"""From shapes to triangles: a part's surface, and the one closed mesh of a whole figurine.

Each part is meshed alone (marching cubes on a grid that is only evaluated near the surface), which keeps the edges
between colours crisp in the picture. The true mesh is the exact boolean union of the parts, freed of inner hollows
and simplified; the colour of a face is that of the part which lies outermost there.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """The closed mesh of all parts in mm with at most `budget` faces, and the index of the part of each face.

    The faces go by Manifold's own simplification, which keeps the surface closed; quadric collapse
    (fast-simplification 0.2) tore it in two of two figurines.
    """
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
    body, tolerance = bodies[0], 0.02
    while body.num_tri() > budget:
        body, tolerance = body.simplify(tolerance), tolerance * 1.3
    out = body.to_mesh()
    mesh = trimesh.Trimesh(out.vert_properties[:, :3], out.tri_verts, process=False)
    centres = mesh.triangles_center.astype(np.float32)
    return mesh, np.argmin(np.stack([s.part.shape(centres) for s in surfaces]), 0)
