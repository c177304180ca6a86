"""python -m evaluation.colors CASES: how far are the colours of what no picture showed from the true ones?

    python -m evaluation.colors samples                      # the product's default depth, every sample
    python -m evaluation.colors samples --depth truth        # the true shape: the colours alone are judged
    python -m evaluation.colors CASES --json FILE            # keep the numbers
    python -m evaluation.colors CASES --against FILE         # and the difference to earlier ones

CASES holds NAME/case.json with the pictures of a turntable, of which the front alone is given to the product. Its asset
is photographed without light by the camera of each other picture, heights matched and boxes centred, and compared with
that picture, which is lit. What counts are pixels in which both show the figurine.

    front left back right    mean difference in CIE Lab (Delta E 1976)
    sides                    mean of left, back and right
    hidden                   mean over pixels of left, back and right whose true place the front's camera does not see
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from evaluation.cases import Case, find_turntables
from evaluation.evaluate import TRUTH, make_of_truth
from evaluation.tables import Table
from slipcast import convert
from slipcast.core.errors import SlipcastError
from slipcast.core.values import F64, U8, Bool, Camera, Figurine
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.sample import sample

SIDE_PX = 256
"""Side of the pictures that are compared."""
SIDES = ("left", "back", "right")
COLUMNS = ("front", *SIDES, "sides", "hidden")
TABLE = Table(columns=COLUMNS, digits=2)


def judge(views: Mapping[str, Case], figurine: Figurine) -> dict[str, float]:
    """Return the columns' numbers for `figurine`, which stands as the product writes it, by the cases of its sides."""
    front = views["front"]
    placed = _place_like(figurine, replace(front, yaw_deg=0.0))
    scores, hidden = {}, []
    for view in ("front", *SIDES):
        case = views[view]
        mask, colors = photograph(case, placed)
        true_mask, true_colors, seen = true_view(case, front)
        both = mask & true_mask
        off = np.linalg.norm(to_lab(colors[both]) - to_lab(true_colors[both]), axis=1)
        scores[view] = float(off.mean()) if len(off) else float("nan")
        if view != "front":
            hidden.append(off[~seen[both]])
    scores["sides"] = float(np.mean([scores[view] for view in SIDES]))
    scores["hidden"] = float(np.concatenate(hidden).mean())
    return scores


def photograph(case: Case, figurine: Figurine) -> tuple[Bool, U8]:
    """Where a figurine in the true mesh's own frame is in the case's picture, and its colours without light."""
    camera = Camera.pinhole(SIDE_PX, SIDE_PX, case.fov_deg)
    local = (figurine.mesh.vertices.astype(np.float64) - case.target) @ case.turn.T
    z = case.distance - local[:, 2]
    screen = np.stack(
        [
            camera.cx_px + local[:, 0] / z * camera.fx_px,
            camera.cy_px - local[:, 1] / z * camera.fy_px,
        ],
        1,
    )
    hits = rasterize(screen, z, figurine.mesh.faces, SIDE_PX, SIDE_PX)
    mask = hits.face >= 0
    uv = (figurine.uv[hits.face[mask]] * hits.weights[mask][..., None]).sum(1).astype(np.float32)
    colors = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    colors[mask] = sample(figurine.texture.pixels, uv)
    return mask, colors


@cache
def true_view(case: Case, front: Case) -> tuple[Bool, U8, Bool]:
    """Where the true mesh is in the case's picture, the picture, small, and what of it `front`'s camera sees too."""
    from PIL import Image

    image = Image.open(case.picture).convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BOX)
    shape = case.true_shape()
    rays = Camera.pinhole(SIDE_PX, SIDE_PX, case.fov_deg).rays().astype(np.float64) * [1.0, -1.0, -1.0]
    eye = np.array([0.0, 0.0, case.distance])
    way = shape.hits(np.broadcast_to(eye, rays.shape), rays)
    mask = np.isfinite(way)
    # The other camera in this one's axes.
    other = np.array([0.0, 0.0, front.distance]) @ front.turn @ case.turn.T
    there = eye + rays[mask] * way[mask][:, None] - other
    met = shape.hits(np.broadcast_to(other, there.shape), there)
    seen = np.zeros_like(mask)
    seen[mask] = np.abs(met - 1) < 4e-3
    return mask, np.asarray(image), seen


def to_lab(pixels: U8) -> F64:
    """(N,3) sRGB colours in CIE Lab."""
    import cv2

    lab: F64 = cv2.cvtColor((pixels[None].astype(np.float32) / 255), cv2.COLOR_RGB2LAB)[0].astype(np.float64)
    return lab


def _place_like(figurine: Figurine, case: Case) -> Figurine:
    """The figurine in the true mesh's own frame: as tall, the boxes' middles in one place."""
    low, high = (corner + np.array(case.target) for corner in case.true_shape().bounds)
    vertices = figurine.mesh.vertices.astype(np.float64)
    own_low, own_high = vertices.min(0), vertices.max(0)
    scale = (high - low)[1] / (own_high - own_low)[1]
    moved = (vertices - (own_low + own_high) / 2) * scale + (low + high) / 2
    return replace(figurine, mesh=replace(figurine.mesh, vertices=moved.astype(np.float32)))


def _measured(task: tuple[Mapping[str, Case], str]) -> dict[str, float] | str:
    views, depth = task
    front = views["front"]
    try:
        if depth == TRUTH:
            figurine = make_of_truth(front).figurine
        else:
            figurine = convert(front.picture, depth=depth, normal_map="off").figurine
    except SlipcastError as error:
        return str(error)
    return judge(views, figurine)


def _rows(asked: argparse.Namespace) -> Iterator[tuple[str, dict[str, float] | str]]:
    turntables = find_turntables(asked.folder, ("front", *SIDES))
    names = [name for name in turntables if not asked.only or name in asked.only]
    tasks = [(turntables[name], asked.depth) for name in names]
    if asked.jobs == 1:
        yield from zip(names, map(_measured, tasks), strict=True)
        return
    with ProcessPoolExecutor(asked.jobs, mp_context=get_context("spawn")) as pool:
        yield from zip(names, pool.map(_measured, tasks), strict=True)


def main() -> int:
    """The command."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("folder", type=Path, metavar="CASES")
    say.add_argument("--depth", default="auto", help="a depth model, or truth for the true shape")
    say.add_argument("--only", nargs="+", metavar="NAME", help="these cases alone")
    say.add_argument("--json", type=Path, help="write the numbers here")
    say.add_argument("--against", type=Path, help="compare with a file of --json")
    say.add_argument("--jobs", type=int, default=1, help="processes")
    asked = say.parse_args()
    try:
        rows, _ = TABLE.show("case", _rows(asked))
    except SlipcastError as error:
        print(f"colors: {error}", file=sys.stderr)
        return 2
    if not rows:
        return 1
    if asked.against:
        before = json.loads(asked.against.read_text(encoding="utf-8"))
        common = [name for name in rows if name in before]
        ours, theirs = (TABLE.mean(part[name] for name in common) for part in (rows, before))
        print(TABLE.line(f"before, {len(common)}", theirs))
        print(TABLE.line("ratio", {column: ours[column] / theirs[column] for column in COLUMNS}))
    if asked.json:
        asked.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
