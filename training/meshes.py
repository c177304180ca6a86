"""A folder of meshes with an INDEX.csv -> meshes in memory, warped, on bases; which characters are held out.

INDEX.csv needs the columns file (relative to the CSV or to the folder), character, kind,
facing_known and base.
Meshes are glTF files with at most one texture, +Y up, facing +Z where facing_known is y.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import trimesh
from numpy.typing import NDArray

HELD_OUT = 0.07
"""Share of characters that are never trained on, about."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the index."""

    path: Path
    character: str
    kind: str
    facing_known: bool
    on_base: bool

    @property
    def held_out(self) -> bool:
        """Whether the character belongs to the validation part; by its name, so that more meshes move nothing."""
        digest = hashlib.sha256(self.character.encode()).digest()
        return digest[0] / 256 < HELD_OUT


@dataclass(frozen=True, kw_only=True)
class Textured:
    """A mesh ready to be shaded: `vertices` (V,3), `faces` (F,3), `normals` (V,3) smooth over equal positions,
    `same` (V,) numbers of those positions, `uv` (V,2) with the origin top left, `texture` (H,W,3) uint8 sRGB,
    `plain` (F,) bool: faces that take `plain_color` (3,) instead of the texture."""

    vertices: NDArray[np.float32]
    faces: NDArray[np.int32]
    normals: NDArray[np.float32]
    same: NDArray[np.int64]
    uv: NDArray[np.float32]
    texture: NDArray[np.uint8]
    plain: NDArray[np.bool_]
    plain_color: NDArray[np.float32]


def read_index(path: Path) -> list[Row]:
    """The rows of an INDEX.csv whose files exist."""
    with path.open(newline="") as lines:
        rows = [
            Row(
                path=path.parent / line["file"],
                character=line["character"],
                kind=line["kind"],
                facing_known=line["facing_known"] == "y",
                on_base=line["base"] == "y",
            )
            for line in csv.DictReader(lines)
        ]
    return [row for row in rows if row.path.exists()]


def load(path: Path) -> Textured:
    """Read one glTF file; scaled so that the longest side is 1 and centred."""
    mesh = trimesh.load(path, process=False).to_mesh()
    vertices = np.asarray(mesh.vertices, np.float32)
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    vertices /= np.ptp(vertices, axis=0).max()
    faces = np.asarray(mesh.faces, np.int32)
    uv = np.zeros((len(vertices), 2), np.float32)
    texture = np.full((1, 1, 3), 186, np.uint8)
    found = getattr(mesh.visual, "uv", None)
    picture = getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None)
    if found is not None and picture is not None:
        uv = np.asarray(found, np.float32)
        uv = np.stack([uv[:, 0], 1 - uv[:, 1]], 1)
        texture = np.asarray(picture.convert("RGB"), np.uint8)
    return textured(vertices, faces, uv, texture)


def textured(
    vertices: NDArray[np.float32],
    faces: NDArray[np.int32],
    uv: NDArray[np.float32],
    texture: NDArray[np.uint8],
) -> Textured:
    """A mesh that takes all its colours from the texture; normals smooth over equal positions."""
    same = positions(vertices)
    return Textured(
        vertices=vertices,
        faces=faces,
        normals=smooth_normals(vertices, faces, same),
        same=same,
        uv=uv,
        texture=texture,
        plain=np.zeros(len(faces), bool),
        plain_color=np.zeros(3, np.float32),
    )


def positions(vertices: NDArray[np.float32]) -> NDArray[np.int64]:
    """A number for each vertex (V,), equal where the positions are."""
    _, same = np.unique(np.round(vertices, 5), axis=0, return_inverse=True)
    return np.asarray(same.reshape(-1), np.int64)


def smooth_normals(
    vertices: NDArray[np.float32], faces: NDArray[np.int32], same: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Area-weighted normals (V,3), shared by vertices at the same position."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    ids = same[faces].ravel()
    size = int(same.max()) + 1
    total = np.stack([np.bincount(ids, np.repeat(flat[:, k], 3), size) for k in range(3)], 1)
    normals = total[same]
    length = np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    return np.asarray(normals / np.maximum(length, 1e-12), np.float32)


def warp(mesh: Textured, rng: np.random.Generator) -> Textured:
    """Other proportions: width and depth change smoothly with height (a bigger head, thicker legs), heights too,
    and the figure bends a little. 245 characters are few; this makes each of them many."""
    v = mesh.vertices.copy()
    knots = np.linspace(v[:, 1].min(), v[:, 1].max() + 1e-6, 6)
    amount = rng.choice([0.0, 0.12, 0.25], p=[0.25, 0.4, 0.35])
    wide = np.interp(v[:, 1], knots, np.exp(rng.normal(0, amount, 6)))
    v[:, [0, 2]] *= wide[:, None]
    v[:, 2] *= np.exp(rng.normal(0, 0.08))
    v[:, 0] *= np.exp(rng.normal(0, 0.06))
    tall = np.exp(rng.normal(0, amount, 6))
    v[:, 1] = np.interp(v[:, 1], knots, np.cumsum(tall))
    v[:, 1] *= np.ptp(mesh.vertices[:, 1]) / max(float(np.ptp(v[:, 1])), 1e-6) * np.exp(rng.normal(0, 0.12))
    for axis in (0, 2):
        v[:, axis] += rng.normal(0, 0.06) * amount * 4 * (v[:, 1] - v[:, 1].mean()) ** 2
    if rng.random() < 0.5:
        # A turn that grows with height: the head looks elsewhere than the body.
        turn = np.radians(rng.normal(0, 25)) * v[:, 1] / max(float(np.ptp(v[:, 1])), 1e-6)
        x, z = v[:, 0].copy(), v[:, 2].copy()
        v[:, 0], v[:, 2] = np.cos(turn) * x + np.sin(turn) * z, np.cos(turn) * z - np.sin(turn) * x
    if rng.random() < 0.6:
        # Slow waves in all directions: limbs bend, bodies swell.
        size = float(np.ptp(v, axis=0).max())
        for _ in range(3):
            along = rng.normal(0, 2.5, 3) / size
            v += 0.025 * size * rng.normal(0, 1, 3) * np.sin(v @ along + rng.uniform(0, 6.3))[:, None]
    v = v - (v.min(0) + v.max(0)) / 2
    v = v / np.ptp(v, axis=0).max()
    v = v.astype(np.float32)
    return replace(mesh, vertices=v, normals=smooth_normals(v, mesh.faces, mesh.same))


def with_base(mesh: Textured, rng: np.random.Generator) -> Textured:
    """The mesh on a round plinth."""
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    radius = float(np.hypot(high[0] - low[0], high[2] - low[2]) / 2 * rng.uniform(0.6, 1.05))
    height = float(rng.uniform(0.02, 0.12))
    profile = [(0.0, -height), (radius * rng.uniform(1.0, 1.15), -height), (radius, 0.0), (0.0, 0.0)]
    disc = trimesh.creation.revolve(profile, sections=40)
    disc.apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]))
    v = np.asarray(disc.vertices, np.float32) + np.array([0, low[1] + 0.005, 0], np.float32)
    vertices = np.concatenate([mesh.vertices, v]).astype(np.float32)
    faces = np.concatenate([mesh.faces, np.asarray(disc.faces, np.int32) + len(mesh.vertices)])
    vertices -= (vertices.min(0) + vertices.max(0)) / 2
    vertices /= np.ptp(vertices, axis=0).max()
    uv = np.concatenate([mesh.uv, np.zeros((len(v), 2), np.float32)])
    return replace(
        textured(vertices, faces, uv, mesh.texture),
        plain=np.concatenate([mesh.plain, np.ones(len(disc.faces), bool)]),
        plain_color=rng.uniform(0.02, 0.8, 3).astype(np.float32),
    )
