"""How often do the depth checks notice what is wrong, and how often do they cry wolf?

    PYTHONPATH=src .venv/bin/python -m evaluation.calibrate_depth [FOLDER...]

Good depth is what the bundled model says of the samples' front views and of the folders' pictures; spoiled depth is
made of it: flattened to a twentieth of its relief, leaning and turned by 65 degrees, drawn out or squeezed to 4 and
1/4 times the usual ratio to the width, the rim of one half fallen back to a wall behind, and two models that do not
agree. An alarm is a verdict other than approve.
"""

# ruff: noqa: T201 - a command: it prints

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from slipcast.checks.depth import check_depth
from slipcast.checks.verdict import Check, Verdict
from slipcast.core.errors import SlipcastError
from slipcast.core.values import F32, DepthKind, DepthMap, Shells
from slipcast.depth.calibrate import CalibrateOptions, calibrate, depth_prior
from slipcast.depth.fuse import fuse
from slipcast.depth.models import DepthOptions, predict_depth
from slipcast.depth.place import PlaceOptions, place
from slipcast.picture.cut_out import CutoutOptions, cut_out
from slipcast.picture.decode import read_picture

ROOT = Path(__file__).parents[1]
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


def flattened(depth: Shells) -> Shells:
    """The front's relief at a twentieth."""
    middle = np.float32(np.median(depth.front[depth.valid]))
    return replace(
        depth, front=np.where(depth.valid, middle + (depth.front - middle) / 20, 0).astype(np.float32)
    )


def leaning(depth: Shells, axis: int, degrees: float = 65.0) -> Shells:
    """All of it turned about the picture's horizontal (axis 0) or vertical."""
    place_px = np.arange(depth.valid.shape[axis], dtype=np.float32)
    along = place_px[:, None] if axis == 0 else place_px[None, :]
    middle = float(np.median(np.broadcast_to(along, depth.valid.shape)[depth.valid]))
    slope = math.tan(math.radians(degrees)) / depth.camera.fx_px

    def turned(shell: F32) -> F32:
        far = float(np.median(shell[depth.valid]))
        moved = shell + np.float32(slope * far) * (along - np.float32(middle))
        return np.where(depth.valid, np.maximum(moved, np.float32(0.05 * far)), 0).astype(np.float32)

    return replace(depth, front=turned(depth.front), back=None if depth.back is None else turned(depth.back))


def stretched(depth: Shells, factor: float) -> Shells:
    """Depth over width at `factor` times the prior."""
    assert depth.back is not None
    front, back = depth.front[depth.valid], depth.back[depth.valid]
    columns = np.flatnonzero(depth.valid.any(0))
    middle = float(np.median(front + back)) / 2
    width = (columns[-1] - columns[0] + 1) * middle / depth.camera.fx_px
    now = float(np.quantile(back, 0.998) - np.quantile(front, 0.002)) / width
    scale = np.float32(factor * depth_prior(depth.valid) / now)

    def drawn(shell: F32) -> F32:
        return np.where(depth.valid, middle + (shell - np.float32(middle)) * scale, 0).astype(np.float32)

    return replace(depth, front=drawn(depth.front), back=drawn(depth.back))


def leaking(depth: Shells) -> Shells:
    """The rim of the right half, 0.6 % of the height wide, lies on a wall a width behind."""
    import cv2

    rows, columns = np.flatnonzero(depth.valid.any(1)), np.flatnonzero(depth.valid.any(0))
    away = cv2.distanceTransform(np.pad(depth.valid.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    rim = depth.valid & (away <= max(3.0, 0.006 * (rows[-1] - rows[0])))
    rim[:, : (columns[0] + columns[-1]) // 2] = False
    far = float(np.median(depth.front[depth.valid]))
    wall = np.float32(far * (1 + (columns[-1] - columns[0]) / depth.camera.fx_px))
    return replace(depth, front=np.where(rim, wall, depth.front).astype(np.float32))


def disagreeing(depth: Shells) -> Shells:
    """A second model that sees the front's mirror image: as smooth, and another thing."""
    other = np.where(depth.valid, depth.front[:, ::-1] + depth.front[::-1], 0).astype(np.float32)
    return calibrate(fuse(depth, _seen(depth, -other, DepthKind.AFFINE_DEPTH)), CalibrateOptions())


def _seen(depth: Shells, front: F32, kind: DepthKind) -> DepthMap:
    """What another model says of the same picture: a front alone."""
    return DepthMap(front=front, valid=depth.valid, camera=depth.camera, kind=kind, model=depth.model)


WAYS: dict[str, tuple[str, Callable[[Shells], Shells]]] = {
    "flat": ("relief", flattened),
    "leaning": ("tilt", lambda depth: leaning(depth, 0)),
    "turned": ("tilt", lambda depth: leaning(depth, 1)),
    "four times too deep": ("proportion", lambda depth: stretched(depth, 4.0)),
    "four times too shallow": ("proportion", lambda depth: stretched(depth, 0.25)),
    "rim on a wall": ("leak", leaking),
    "another front": ("agreement", disagreeing),
}


def main(folders: list[str]) -> None:
    """Measure and print a table."""
    good = list(_maps([Path(folder) for folder in folders]))
    print(f"{len(good)} pictures\n\n| spoiled | check | noticed |\n|---|---|---|")
    for way, (name, spoil) in WAYS.items():
        noticed = [_alarm(check_depth(spoil(depth)), name) for depth in good]
        print(f"| {way} | `{name}` | {sum(noticed)}/{len(noticed)} |")
    print("\n| check | false alarms |\n|---|---|")
    judged = [check_depth(depth) for depth in good]
    for name in dict.fromkeys(name for name, _ in WAYS.values()):
        print(f"| `{name}` | {sum(_alarm(checks, name) for checks in judged)}/{len(judged)} |")


def _maps(folders: list[Path]) -> Iterator[Shells]:
    paths = sorted(ROOT.glob("samples/*/front.png"))
    for folder in folders:
        paths += [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    for path in paths:
        try:
            cut = cut_out(read_picture(path), CutoutOptions())
            said = predict_depth(cut, DepthOptions(model="figurine"))
            yield place(calibrate(said, CalibrateOptions()), cut, PlaceOptions())
        except SlipcastError as error:
            print(f"{path.name}: {error}", file=sys.stderr)


def _alarm(checks: tuple[Check, ...], name: str) -> bool:
    return any(check.name == name and check.verdict is not Verdict.APPROVE for check in checks)


if __name__ == "__main__":
    main(sys.argv[1:])
