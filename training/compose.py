"""Meshes -> one mesh with parts that stand before parts: a thing held, limbs and plates before the body, a rider, a
companion. Figurines alone show few steps of depth, and the same ones in all views.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import trimesh
from numpy.typing import NDArray

from training.meshes import Textured, textured

_TILE_PX = 256
"""Side of each mesh's texture in the common one."""


def joined(first: Textured, second: Textured) -> Textured:
    """Both as one mesh, their textures side by side; centred, the longest side 1."""
    vertices = np.concatenate([first.vertices, second.vertices])
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    vertices = (vertices / np.ptp(vertices, axis=0).max()).astype(np.float32)
    faces = np.concatenate([first.faces, second.faces + len(first.vertices)])
    tiles, places = [], []
    for k, mesh in enumerate((first, second)):
        rows = np.linspace(0, len(mesh.texture) - 1e-3, _TILE_PX).astype(int)
        columns = np.linspace(0, mesh.texture.shape[1] - 1e-3, _TILE_PX).astype(int)
        tiles.append(mesh.texture[rows][:, columns])
        # A texture that repeats would show the neighbour's tile.
        uv = np.where((mesh.uv >= 0) & (mesh.uv <= 1), np.clip(mesh.uv, 0.002, 0.998), mesh.uv % 1.0)
        places.append(np.stack([uv[:, 0] / 2 + k / 2, uv[:, 1]], 1))
    return replace(
        textured(vertices, faces, np.concatenate(places).astype(np.float32), np.hstack(tiles)),
        plain=np.concatenate([first.plain, second.plain]),
        plain_color=first.plain_color,
    )


def solid(mesh: trimesh.Trimesh, rng: np.random.Generator) -> Textured:
    """A plain shape in one colour or in stripes of two."""
    vertices = np.asarray(mesh.vertices, np.float32)
    faces = np.asarray(mesh.faces, np.int32)
    count = 1 if rng.random() < 0.6 else 2 * int(rng.integers(1, 5))
    colors = np.tile(rng.integers(5, 250, (2, 3)), (max(count // 2, 1), 1))[:count]
    low, size = vertices.min(0), np.maximum(np.ptp(vertices, axis=0), 1e-6)
    uv = ((vertices - low) / size)[:, :2].astype(np.float32)
    return textured(vertices, faces, uv, colors[:, None].astype(np.uint8))


def plain_shape(rng: np.random.Generator) -> Textured:
    """A ball, box, plate, rod, cone, ring or limb, its longest side 1, turned at random."""
    kind = int(rng.integers(0, 7))
    if kind == 0:
        mesh = trimesh.creation.icosphere(subdivisions=3)
        mesh.apply_scale(rng.uniform(0.5, 1, 3))
    elif kind == 1:
        mesh = trimesh.creation.box(rng.uniform(0.2, 1, 3))
    elif kind == 2:
        mesh = trimesh.creation.cylinder(0.5, rng.uniform(0.04, 0.3), sections=32)
    elif kind == 3:
        mesh = trimesh.creation.cylinder(rng.uniform(0.02, 0.1), 1, sections=16)
    elif kind == 4:
        mesh = trimesh.creation.cone(rng.uniform(0.1, 0.5), 1, sections=24)
    elif kind == 5:
        mesh = trimesh.creation.torus(0.4, rng.uniform(0.03, 0.15), 32, 12)
    else:
        mesh = trimesh.creation.capsule(1, rng.uniform(0.08, 0.25), count=[12, 16])
        bend = np.asarray(mesh.vertices)
        bend[:, 0] += rng.uniform(-0.6, 0.6) * (bend[:, 2] - bend[:, 2].mean()) ** 2
        mesh.vertices = bend
    mesh.apply_transform(trimesh.transformations.random_rotation_matrix(rng.random(3)))
    mesh.vertices -= mesh.bounds.mean(0)
    mesh.apply_scale(1 / mesh.extents.max())
    return solid(mesh, rng)


def placed(mesh: Textured, scale: float, turn_deg: float, at: NDArray[np.floating]) -> Textured:
    """The mesh scaled, turned about +Y, its middle moved to `at` (3,)."""
    c, s = np.cos(np.radians(turn_deg)), np.sin(np.radians(turn_deg))
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    v = mesh.vertices - (mesh.vertices.min(0) + mesh.vertices.max(0)) / 2
    return replace(mesh, vertices=(v @ turn.T * scale + at).astype(np.float32))


def with_shapes(mesh: Textured, rng: np.random.Generator) -> Textured:
    """One to three plain shapes before, beside or behind the mesh."""
    for _ in range(int(rng.integers(1, 4))):
        size = float(rng.uniform(0.1, 0.45))
        mesh = joined(mesh, placed(plain_shape(rng), size, 0, _beside(mesh, size, rng)))
    return mesh


def with_other(mesh: Textured, other: Textured, rng: np.random.Generator) -> Textured:
    """Another mesh as a thing held, a rider or a companion."""
    kind = rng.random()
    turn = float(rng.normal(0, 40))
    if kind < 0.4:
        size = float(rng.uniform(0.15, 0.45))
        return joined(mesh, placed(other, size, turn, _beside(mesh, size, rng)))
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    if kind < 0.6:
        size = float(rng.uniform(0.35, 0.7))
        half = size * float(np.ptp(other.vertices[:, 1])) / 2
        at = np.array([0, low[1] + rng.uniform(0.45, 0.9) * (high[1] - low[1]) + half, 0])
        at[[0, 2]] = rng.normal(0, 0.12, 2)
        return joined(mesh, placed(other, size, turn, at))
    size = float(rng.uniform(0.5, 1.1))
    deep = (high[2] - low[2] + size * float(np.ptp(other.vertices[:, 2]))) / 2 + rng.uniform(-0.1, 0.12)
    rise = low[1] + size * float(np.ptp(other.vertices[:, 1])) / 2
    at = np.array([rng.normal(0, 0.28), rise, deep * rng.choice([-1, 1])])
    return joined(mesh, placed(other, size, turn, at))


def _beside(mesh: Textured, size: float, rng: np.random.Generator) -> NDArray[np.floating]:
    """A place for something of `size` near a random point of the surface, mostly before it."""
    point = mesh.vertices[rng.integers(len(mesh.vertices))]
    away = np.array([rng.normal(0, 0.1), rng.normal(0, 0.1), abs(rng.normal(0, 0.3)) + 0.05])
    away[2] *= rng.choice([1, -1], p=[0.8, 0.2])
    return np.asarray(point + away * (0.5 + size) * 0.8)
