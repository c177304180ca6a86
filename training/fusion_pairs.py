"""Meshes -> a folder of records to train the fusion of several views on (src/slipcast/reconstruct/views/fusion_net.py).

A record has six views of one warped mesh at the product's lens (silhouette, the bundled network's front and back) and
points around it with their true signed distance. One record takes about a second on one core.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from slipcast.core.values import LENS_FOV_DEG, Cutout
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.figurine.model import FigurineModel, FigurineOptions
from training.made import made
from training.meshes import Row, Textured, load, read_index, warp, with_base
from training.render import Array, Caster, View, rotation, shade

YAWS_DEG = (0.0, 90.0, 180.0, 270.0, 45.0, 135.0)
SIDE_PX = 224
FRAME = 1.25
"""The picture's side over the figurine's longest side."""
DISTANCE = float(0.5 * FRAME / np.tan(np.radians(LENS_FOV_DEG / 2)))
POINTS = 9000
_MADE = 0.3
"""Share of meshes that are made in code."""


def pick_mesh(rows: list[Row], rng: np.random.Generator, number: int) -> tuple[Textured, bool]:
    """A warped mesh, sometimes on a base, and whether +Z is its front."""
    names = sorted({row.character for row in rows})
    if not names or rng.random() < _MADE:
        return warp(made(rng), rng), True
    poses = [row for row in rows if row.character == names[number % len(names)]]
    row = poses[rng.integers(len(poses))]
    mesh = warp(load(row.path), rng)
    if not row.on_base and rng.random() < 0.15:
        mesh = with_base(mesh, rng)
    return mesh, row.facing_known


def stand(mesh: Textured, facing_known: bool, rng: np.random.Generator) -> tuple[Array, Array]:
    """(V,3) vertices turned, centred, the longest side 1, and the turn."""
    yaw = rng.normal(0, 6) if facing_known else rng.uniform(0, 360)
    if rng.random() < 0.1:
        yaw += rng.uniform(-40, 40)
    turn = rotation(View(yaw_deg=yaw, pitch_deg=0, roll_deg=0, fov_deg=LENS_FOV_DEG))
    v = mesh.vertices @ turn.T
    v = v - (v.min(0) + v.max(0)) / 2
    return (v / np.ptp(v, axis=0).max()).astype(np.float32), turn


def photograph(mesh: Textured, vertices: Array, turn: Array, seed: int) -> list[Cutout]:
    """The six views as pictures with alpha."""
    half = float(np.tan(np.radians(LENS_FOV_DEG / 2)))
    g = ((np.arange(2 * SIDE_PX) + 0.5) / (2 * SIDE_PX) * 2 - 1) * half
    x, y = np.meshgrid(g, -g)
    rays = np.stack([x, y, -np.ones_like(x)], -1).astype(np.float32)
    pictures = []
    for yaw in YAWS_DEG:
        side = rotation(View(yaw_deg=-yaw, pitch_deg=0, roll_deg=0, fov_deg=LENS_FOV_DEG))
        caster = Caster(np.ascontiguousarray(vertices @ side.T, np.float32), mesh.faces)
        # One light for all views: the same dice.
        rgb, alpha, _ = shade(mesh, caster, side @ turn, rays, DISTANCE, np.random.default_rng(seed))
        pictures.append(Cutout(pixels=np.ascontiguousarray(rgb), alpha=np.ascontiguousarray(alpha)))
    return pictures


def sample_distances(
    vertices: Array, faces: NDArray[np.int32], pictures: list[Cutout], rng: np.random.Generator
) -> tuple[Array, Array]:
    """(N,3) points near the surface and inside the hull of the first four views, and (N,) signed distances."""
    corner = vertices[faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    face = rng.choice(len(area), POINTS, p=area / area.sum())
    near = (corner[face] * rng.dirichlet([1, 1, 1], POINTS)[..., None]).sum(1)
    near += rng.normal(0, 1, (POINTS, 3)) * rng.choice([0.01, 0.03, 0.07], POINTS)[:, None]
    anywhere = rng.uniform(vertices.min(0) - 0.03, vertices.max(0) + 0.03, (5 * POINTS, 3))
    keep = np.ones(len(anywhere), bool)
    focal = SIDE_PX / 2 / np.tan(np.radians(LENS_FOV_DEG / 2))
    for yaw, picture in zip(YAWS_DEG[:4], pictures, strict=False):
        turn = rotation(View(yaw_deg=-yaw, pitch_deg=0, roll_deg=0, fov_deg=LENS_FOV_DEG))
        q = anywhere @ turn.T
        at = q[:, :2] / (DISTANCE - q[:, 2:]) * focal * [1, -1] + SIDE_PX / 2
        column, row = np.clip(at.astype(int), 0, SIDE_PX - 1).T
        keep &= np.asarray(picture.alpha)[row, column] > 100
    points = np.concatenate([near, anywhere[keep][:POINTS]]).astype(np.float32)
    tensor: Any = o3d.core.Tensor
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(tensor(vertices), tensor(faces.astype(np.uint32)))
    query = tensor(points)
    inside = scene.compute_occupancy(query, nthreads=1, nsamples=5).numpy() > 0.5
    distance = scene.compute_distance(query, nthreads=1).numpy()
    return points, np.where(inside, distance, -distance).astype(np.float32)


def main() -> None:
    """Write records until there are enough."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--meshes", type=Path, help="INDEX.csv; without it all meshes are made in code")
    say.add_argument("--out", type=Path, required=True)
    say.add_argument("--count", type=int, default=200)
    say.add_argument("--seed", type=int, default=0)
    args = say.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = [row for row in read_index(args.meshes) if not row.held_out] if args.meshes else []
    model = FigurineModel(FigurineOptions(mirrored=False))
    for number in range(args.count):
        path = args.out / f"{args.seed}_{number:04d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([args.seed, number])
        mesh, facing_known = pick_mesh(rows, rng, number)
        vertices, turn = stand(mesh, facing_known, rng)
        pictures = photograph(mesh, vertices, turn, args.seed * 1000 + number)
        depths = [calibrate(depth, CalibrateOptions()) for depth in model.predict_many(pictures)]
        if not all(depth.valid.any() for depth in depths):
            continue
        points, distance = sample_distances(vertices, mesh.faces, pictures, rng)
        np.savez(
            path,
            alpha=np.stack([np.asarray(picture.alpha) for picture in pictures]),
            front=np.stack([depth.front for depth in depths]),
            back=np.stack([np.asarray(depth.back) for depth in depths]),
            points=points,
            distance=distance,
        )


if __name__ == "__main__":
    main()
