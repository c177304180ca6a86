"""Meshes -> a folder of records to train the networks of several views on (view_train.py, field_train.py).

A record has six views of one warped mesh at the product's lens: colour, silhouette, both true shells, what the
one-picture network says, and the mesh's true signed distance on a grid. Cameras that are off are made later, from the
same record many times. One record takes two seconds
of one core.
"""

from __future__ import annotations

import cv2
import numpy as np

from slipcast.core.values import LENS_FOV_DEG, Cutout
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.figurine.model import FigurineModel, FigurineOptions
from training.fusion_pairs import DISTANCE, YAWS_DEG, pick_mesh, stand
from training.meshes import Textured
from training.pool import make_parser, read_part
from training.render import Array, Caster, View, pair_of_shells, rotation, shade
from training.true_distance import true_distance

SIDE_PX = 128
"""Side of colours and depth maps."""
PICTURE_PX = 160
"""Side of the pictures that the one-picture network sees."""
FINE = 2
"""Silhouettes are that much finer than the maps."""
FOCAL_PX = SIDE_PX / 2 / float(np.tan(np.radians(LENS_FOV_DEG / 2)))


def rays(side_px: int) -> Array:
    """(S,S,3) rays of unit depth through a square picture at the product's lens."""
    half = float(np.tan(np.radians(LENS_FOV_DEG / 2)))
    g = ((np.arange(side_px) + 0.5) / side_px * 2 - 1) * half
    x, y = np.meshgrid(g, -g)
    return np.stack([x, y, -np.ones_like(x)], -1).astype(np.float32)


def photograph(mesh: Textured, vertices: Array, turn: Array, seed: int) -> dict[str, list[np.ndarray]]:
    """Of each view `picture` and `alpha` (160 px), `inside` (256 px), `front` and `back` behind the axis (128 px)."""
    out: dict[str, list[np.ndarray]] = {key: [] for key in ("picture", "alpha", "inside", "front", "back")}
    for yaw in YAWS_DEG:
        side = rotation(View(yaw_deg=-yaw, pitch_deg=0, roll_deg=0, fov_deg=LENS_FOV_DEG))
        caster = Caster(np.ascontiguousarray(vertices @ side.T, np.float32), mesh.faces)
        eye = np.array([0, 0, DISTANCE], np.float32)
        # One light for all views: the same dice.
        rgb, alpha, _ = shade(
            mesh, caster, side @ turn, rays(2 * PICTURE_PX), DISTANCE, np.random.default_rng(seed)
        )
        valid, front, back = pair_of_shells(caster, rays(SIDE_PX), DISTANCE)
        out["picture"].append(rgb)
        out["alpha"].append(alpha)
        out["inside"].append(np.isfinite(caster.cast(eye, rays(FINE * SIDE_PX))["t_hit"]))
        for key, shell in (("front", front), ("back", back)):
            out[key].append(np.where(valid, shell - np.float32(DISTANCE), np.nan).astype(np.float16))
    return out


def predict_shells(model: FigurineModel, views: dict[str, list[np.ndarray]]) -> list[np.ndarray] | None:
    """(2,S,S) of each view: the one-picture network's front and back, in units of the frame; None where it fails."""
    pictures = [
        Cutout(pixels=np.ascontiguousarray(rgb), alpha=np.ascontiguousarray(alpha))
        for rgb, alpha in zip(views["picture"], views["alpha"], strict=True)
    ]
    depths = [calibrate(depth, CalibrateOptions()) for depth in model.predict_many(pictures)]
    if not all(depth.valid.any() for depth in depths):
        return None
    said = []
    for depth in depths:
        assert depth.back is not None
        plane, unit = depth.camera.fy_px, DISTANCE / depth.camera.fy_px
        both = [
            np.where(depth.valid, (shell - plane) * unit, 0).astype(np.float32)
            for shell in (depth.front, depth.back)
        ]
        size = (SIDE_PX, SIDE_PX)
        said.append(np.stack([cv2.resize(shell, size, interpolation=cv2.INTER_NEAREST) for shell in both]))
    return said


def main() -> None:
    """Write records until there are enough."""
    say = make_parser(__doc__)
    say.add_argument("--count", type=int, default=1000)
    args = say.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = read_part(args.meshes, args.part)
    model = FigurineModel(FigurineOptions(mirrored=False))
    for number in range(args.count):
        path = args.out / f"{args.part}_{args.seed}_{number:04d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng([args.seed, number, args.part == "held"])
        mesh, facing_known = pick_mesh(rows, rng, int(rng.integers(1 << 30)))
        vertices, turn = stand(mesh, facing_known, rng)
        views = photograph(mesh, vertices, turn, args.seed * 1000 + number)
        said = predict_shells(model, views)
        if said is None:
            continue
        size = (SIDE_PX, SIDE_PX)
        unfinished = path.with_suffix(".part.npz")
        np.savez_compressed(
            unfinished,
            rgb=np.stack([cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) for rgb in views["picture"]]),
            inside=np.packbits(np.stack(views["inside"])),
            front=np.stack(views["front"]),
            back=np.stack(views["back"]),
            said=np.stack(said).astype(np.float16),
            distance=true_distance(vertices, mesh.faces),
        )
        unfinished.replace(path)


if __name__ == "__main__":
    main()
