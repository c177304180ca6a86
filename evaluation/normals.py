"""How far shading normals are from the true surface's, with a normal map and without, by number of faces.

    PYTHONPATH=src .venv/bin/python -m evaluation.normals CASES                    # true depth in, as a perfect model
    PYTHONPATH=src .venv/bin/python -m evaluation.normals CASES --depth figurine   # what a model's depth holds

With true depth each case's true mesh is the judge, seen by the picture's camera and by one that looks the other way
through the same pixels (the first and the last surface on each ray); a pixel counts where mesh and truth lie within 1 %
of the height of each other. With a model's depth the judge is that depth itself: what the faces alone lose of it.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import sys
from pathlib import Path

import numpy as np

from evaluation.cases import Case, find_cases, true_cutout, true_depth
from slipcast.core.camera import project
from slipcast.core.errors import SlipcastError
from slipcast.core.values import F64, Cutout, Figurine, Shells
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.models import DepthOptions, predict_depth
from slipcast.depth.place import PlaceOptions, place
from slipcast.mesh.rasterize import rasterize
from slipcast.picture.cut_out import CutoutOptions, cut_out
from slipcast.picture.decode import read_picture
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import SurfaceOptions, reconstruct
from slipcast.reconstruct.simplify import SimplifyOptions, simplify
from slipcast.texture.normal_map import Frames
from slipcast.texture.paint import TextureOptions, paint


def truth_angles_deg(figurine: Figurine, case: Case, depth: Shells) -> tuple[float, float]:
    """Mean angle between the shading normals and the true mesh's, without the map and with it."""
    mesh, camera = figurine.mesh, depth.camera
    assert depth.back is not None
    rays = camera.rays().astype(np.float64) * [1.0, -1.0, -1.0]
    eye, beyond = np.broadcast_to([0.0, 0.0, case.distance], rays.shape), 2 * case.distance
    screen, z = project(camera, mesh.vertices)
    height_m = float(np.ptp(mesh.vertices[:, 1]))
    frames, shape = Frames(figurine), case.true_shape()
    plain: list[F64] = []
    mapped: list[F64] = []
    for shell, sign, start, way in (
        (depth.front, 1.0, eye, rays),
        (depth.back, -1.0, eye + rays * beyond, -rays),
    ):
        # Mirrored, so that faces that look away run as those that look here.
        mirrored = screen if sign > 0 else screen * [-1, 1] + [camera.width_px, 0]
        hits = rasterize(mirrored, sign * z, mesh.faces, camera.width_px, camera.height_px)
        face = hits.face if sign > 0 else hits.face[:, ::-1]
        weights = hits.weights if sign > 0 else hits.weights[:, ::-1]
        true = shape.normals_at(start, way)
        at = (face >= 0) & depth.valid
        own, share = face[at], weights[at].astype(np.float64)
        near = np.abs((share * z[mesh.faces[own]]).sum(1) - shell[at]) < 0.01 * height_m
        own, share, wanted = own[near], share[near], true[at][near]
        plain.append(_angles_deg(frames.plain(own, share), wanted))
        mapped.append(_angles_deg(frames.map_normals(own, share), wanted))
    return float(np.concatenate(plain).mean()), float(np.concatenate(mapped).mean())


def _angles_deg(one: F64, other: F64) -> F64:
    out: F64 = np.degrees(np.arccos(np.clip((one * other).sum(1), -1, 1)))
    return out


def _placed(case: Case, model: str) -> tuple[Shells, Cutout]:
    """Placed depth, true or a model's, and the picture with its alpha."""
    picture = read_picture(case.picture)
    if model == "truth":
        depth = true_depth(case, picture.height_px)
        cut = true_cutout(picture, depth)
    else:
        cut = cut_out(picture, CutoutOptions())
        depth = calibrate(predict_depth(cut, DepthOptions(model=model)), CalibrateOptions())
    return place(depth, cut, PlaceOptions()), cut


def _measured(case: Case, budgets: list[int], model: str, detail: str) -> list[tuple[float, float]]:
    """For each budget the mean angle without and with a map."""
    depth, cut = _placed(case, model)
    raw = reconstruct(make_points(depth, cut, PointOptions(detail=detail)), depth, SurfaceOptions())
    rows = []
    for faces in budgets:
        solid = simplify(raw, depth, SimplifyOptions(faces=faces))
        figurine = paint(solid, depth, cut, TextureOptions(normal_map="on"), name=case.name)
        if model == "truth":
            rows.append(truth_angles_deg(figurine, case, depth))
            continue
        told = figurine.provenance["normal_map"]
        assert isinstance(told, dict)
        rows.append((told["mean_angle_deg"]["without"], told["mean_angle_deg"]["with"]))
    return rows


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="evaluation.normals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the cases are, for instance samples")
    parser.add_argument("--depth", default="truth", help="truth, or a depth model")
    parser.add_argument("--detail", default="standard", help="draft, standard or fine")
    parser.add_argument("--faces", type=int, nargs="+", default=[10_000, 50_000, 200_000], help="budgets")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these cases alone")
    asked = parser.parse_args()
    head = "".join(f"{f'{faces:,} without':>17s}{'with':>7s}" for faces in asked.faces)
    print(f"{'mean angle, degrees':24s}{head}")
    rows = []
    try:
        for case in find_cases(asked.folder):
            if asked.only and case.name not in asked.only:
                continue
            rows.append(_measured(case, asked.faces, asked.depth, asked.detail))
            print(f"{case.name:24s}" + _line(rows[-1]), flush=True)
    except SlipcastError as error:
        print(f"normals: {error}", file=sys.stderr)
        return 2
    if rows:
        print(f"{f'MEAN of {len(rows)}':24s}" + _line(np.mean(rows, axis=0).tolist()))
    return 0


def _line(row: list[tuple[float, float]]) -> str:
    return "".join(f"{without:17.2f}{mapped:7.2f}" for without, mapped in row)


if __name__ == "__main__":
    sys.exit(main())
