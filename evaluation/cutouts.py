"""scripts/calibrate-cutout: how near are cutouts to the truth, before which backgrounds and on which bases?

    scripts/calibrate-cutout                     # the samples in this repository
    scripts/calibrate-cutout FOLDER...           # and every picture with alpha, and every case, in these folders

Each figurine whose outline is known (a sample's from its true mesh, a picture's from its own alpha) is put before
five backgrounds, by itself and on a drawn base: before each a round base, a box, a column or a slab, of a random tone
or colour, with and without a soft shadow around its foot. True is the figurine with its base; a shadow is not.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from evaluation.cases import find_cases
from slipcast.core.errors import NoFigurine
from slipcast.core.values import F32, U8, Picture
from slipcast.picture.bleed import bleed_colors
from slipcast.picture.cut_out import cut_out
from slipcast.picture.decode import read_picture

ROOT = Path(__file__).parents[1]
SIDE_PX = 768
"""Side of the pictures that are made."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figurine by itself, as large as its box."""

    name: str
    pixels: U8
    alpha: U8


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One picture, what is true of it, and what came out."""

    figure: str
    background: str
    base: str
    iou: float
    unsure: bool


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/calibrate-cutout", description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, help="more figurines")
    parser.add_argument("--json", type=Path, help="write all trials")
    words = parser.parse_args()
    trials = []
    for trial in run(words.folders):
        trials.append(trial)
        print(
            f"\r{len(trials)} {trial.figure} {trial.background} {trial.base}".ljust(70)[:70],
            end="",
            flush=True,
        )
    print("\r" + " " * 70, end="\r")
    for line in table(trials):
        print(line)
    if words.json:
        words.json.write_text(json.dumps([vars(trial) for trial in trials], indent=1), encoding="utf-8")
    return 0


def table(trials: list[Trial]) -> Iterator[str]:
    """The table of docs/calibration.md."""
    yield "| background | base | pictures | IoU mean | worst | unsure | mean of the others | worst of the others |"
    yield "|---|---|---|---|---|---|---|---|"
    for background in (*BACKGROUNDS, "all"):
        for based in (False, True):
            some = [t for t in trials if background in ("all", t.background) and (t.base != "none") is based]
            if not some:
                continue
            all_of = [t.iou for t in some]
            sure = [t.iou for t in some if not t.unsure] or [float("nan")]
            row = (
                background,
                "drawn" if based else "none",
                str(len(some)),
                f"{np.mean(all_of):.4f}",
                f"{min(all_of):.4f}",
                str(len(some) - sum(not t.unsure for t in some)),
                f"{np.mean(sure):.4f}",
                f"{min(sure):.4f}",
            )
            yield f"| {' | '.join(row)} |"


def run(folders: list[Path]) -> Iterator[Trial]:
    """Every figurine before every background, by itself and on a base."""
    for figure in figures(folders):
        for background in BACKGROUNDS:
            for based in (False, True):
                picture, truth, base = scene(figure, background, based=based)
                yield trial(figure, background, base, picture, truth)


def trial(figure: Figure, background: str, base: str, picture: U8, truth: U8) -> Trial:
    """Cut `picture` out and compare with `truth`."""
    try:
        cut = cut_out(Picture(pixels=picture))
    except NoFigurine:
        return Trial(figure=figure.name, background=background, base=base, iou=0.0, unsure=True)
    assert cut.alpha is not None
    got, true = cut.alpha >= 128, truth >= 128
    iou = float((got & true).sum() / max(1, (got | true).sum()))
    unsure = any(each.code == "CUTOUT_UNSURE" for each in cut.findings)
    return Trial(figure=figure.name, background=background, base=base, iou=iou, unsure=unsure)


# --------------------------------------------------------------------------------------------- figurines


def figures(folders: list[Path]) -> Iterator[Figure]:
    """The samples, the cases in `folders`, and the pictures with alpha in `folders`."""
    yield from _of_cases(ROOT / "samples")
    for folder in folders:
        if any(folder.glob("*.case.json")):
            yield from _of_cases(folder)
            continue
        for path in sorted(folder.iterdir()):
            if path.suffix.lower() in (".png", ".webp"):
                picture = read_picture(path)
                if picture.alpha is not None and 0.02 < float((picture.alpha >= 128).mean()) < 0.9:
                    yield _boxed(path.stem, picture.pixels, picture.alpha)


def _of_cases(folder: Path) -> Iterator[Figure]:
    for case in find_cases(folder):
        picture = read_picture(case.picture)
        side = max(picture.width_px, picture.height_px)
        eye = np.array([0.0, 0.0, case.distance])
        outline = case.true_shape().silhouette(eye, case.fov_deg, 2 * side)
        alpha = cv2.resize(outline.astype(np.uint8) * 255, (side, side), interpolation=cv2.INTER_AREA)
        yield _boxed(case.name, picture.pixels, alpha)


def _boxed(name: str, pixels: U8, alpha: U8) -> Figure:
    """Its largest piece alone, with the colours of its inside up to its edge."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha >= 128).astype(np.uint8), connectivity=8)
    body = (labels == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    alpha = np.where(cv2.dilate(body, np.ones((3, 3), np.uint8)) > 0, alpha, 0).astype(np.uint8)
    rows, cols = np.flatnonzero((alpha > 0).any(1)), np.flatnonzero((alpha > 0).any(0))
    box = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return Figure(name=name, pixels=np.ascontiguousarray(bleed_colors(pixels, alpha)[box]), alpha=alpha[box])


# ------------------------------------------------------------------------------------------------ scenes


def scene(figure: Figure, background: str, *, based: bool) -> tuple[U8, U8, str]:
    """The picture (H,W,3), the true alpha (H,W), and the base's kind."""
    rng = np.random.default_rng(zlib.crc32(f"{figure.name} {background} {based}".encode()))
    behind = BACKGROUNDS[background](rng)
    tall, wide = figure.alpha.shape
    room = 0.66 if based else 0.8
    scale = min(room * SIDE_PX / tall, (0.58 if based else 0.8) * SIDE_PX / wide)
    size = (max(8, round(wide * scale)), max(8, round(tall * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    alpha = cv2.resize(figure.alpha, size, interpolation=method)
    pixels = cv2.resize(figure.pixels, size, interpolation=method)
    left = (SIDE_PX - size[0]) // 2
    foot = int(0.80 * SIDE_PX) if based else SIDE_PX // 2 + size[1] // 2
    # How wide the base is, the lowest tenth of the figurine says.
    low = np.flatnonzero((alpha[-max(2, size[1] // 10) :] >= 128).any(0))
    middle, half = left + (low[0] + low[-1]) / 2, max(0.1 * SIDE_PX, 0.62 * (low[-1] - low[0] + 1))
    kind = "none"
    canvas, truth = behind.astype(np.float32), np.zeros((SIDE_PX, SIDE_PX), np.float32)
    if rng.random() < 0.6 or (based and background == "studio"):
        y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32)
        at = foot + (0.07 * SIDE_PX if based else 0)
        soft = np.exp(
            -(((x - middle - 0.1 * half) / (1.25 * half)) ** 2) - ((y - at) / (0.018 * SIDE_PX)) ** 2
        )
        canvas *= 1 - rng.uniform(0.2, 0.6) * soft[..., None]
    if based:
        kind = str(rng.choice(list(BASES)))
        layer, shape = BASES[kind](rng, middle, half, float(foot), float(behind[int(foot), 8].mean()))
        canvas = canvas * (1 - shape[..., None]) + layer * shape[..., None]
        truth = np.maximum(truth, shape)
        y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX].astype(np.float32)
        contact = (
            np.exp(-(((x - middle) / (0.7 * half)) ** 2) - ((y - foot) / (0.008 * SIDE_PX)) ** 2) * shape
        )
        canvas *= 1 - 0.4 * contact[..., None]
    part = np.s_[foot - size[1] : foot, left : left + size[0]]
    opacity = alpha.astype(np.float32) / 255
    canvas[part] = canvas[part] * (1 - opacity[..., None]) + pixels * opacity[..., None]
    truth[part] = np.maximum(truth[part], opacity)
    noise = rng.normal(0, rng.choice([0.0, 1.5]), canvas.shape)
    return _levels(canvas + noise), _levels(truth * 255), kind


def _white(rng: np.random.Generator) -> U8:
    return np.full((SIDE_PX, SIDE_PX, 3), int(rng.choice([255, 255, 250, 244])), np.uint8)


def _grey(rng: np.random.Generator) -> U8:
    y = np.mgrid[0:SIDE_PX, 0:SIDE_PX][0] / SIDE_PX
    level = rng.uniform(110, 215) + rng.uniform(-25, 25) * y
    return _levels(level[..., None] * rng.uniform(0.96, 1.04, 3))


def _black(rng: np.random.Generator) -> U8:
    return np.full((SIDE_PX, SIDE_PX, 3), int(rng.choice([0, 8, 20])), np.uint8)


def _checkerboard(rng: np.random.Generator) -> U8:
    tile = int(rng.choice([8, 12, 16, 20, 32]))
    dark, bright = (204, 255) if rng.random() < 0.6 else (153, 204)
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    plane = np.where((x // tile + y // tile) % 2 == 0, bright, dark)
    return np.repeat(plane[..., None], 3, axis=2).astype(np.uint8)


def _studio(rng: np.random.Generator) -> U8:
    """A wall that darkens upwards, a floor that is lighter, a horizon that is a line or a soft cove."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX] / SIDE_PX
    wall = rng.uniform(150, 225) - rng.uniform(0, 50) * (1 - y)
    floor = wall + rng.uniform(-28, 22) + 25 * (y - 0.7)
    horizon, soft = rng.uniform(0.6, 0.78), float(rng.choice([0.002, 0.03, 0.1]))
    share = 1 / (1 + np.exp(-np.clip((y - horizon) / soft, -40, 40)))
    light = 1 - rng.uniform(0, 0.25) * ((x - rng.uniform(0.3, 0.7)) ** 2 + (y - 0.4) ** 2)
    return _levels(((wall * (1 - share) + floor * share) * light)[..., None] * rng.uniform(0.93, 1.05, 3))


BACKGROUNDS: dict[str, Callable[[np.random.Generator], U8]] = {
    "white": _white,
    "grey": _grey,
    "black": _black,
    "checkerboard": _checkerboard,
    "studio": _studio,
}

Base = Callable[[np.random.Generator, float, float, float, float], tuple[F32, F32]]


def _tone(rng: np.random.Generator, behind: float) -> F32:
    """A grey at least 25 levels from the ground, or one time in three a colour."""
    while True:
        level = float(rng.uniform(25, 240))
        if abs(level - behind) >= 25:
            break
    tint = np.ones(3) if rng.random() < 0.67 else rng.uniform(0.55, 1.0, 3)
    return (level * tint).astype(np.float32)


def _drawn(
    top: list[tuple[float, float]], bottom: list[tuple[float, float]], tone: F32, lift: float
) -> tuple[F32, F32]:
    """A body of two outlines, the upper one brighter by `lift`: colours (H,W,3) and coverage (H,W)."""
    fine = 4
    shapes = []
    for points in (bottom, top):
        mask = np.zeros((SIDE_PX * fine, SIDE_PX * fine), np.uint8)
        cv2.fillPoly(mask, [np.round(np.array(points) * fine).astype(np.int32)], 255)
        shapes.append(
            cv2.resize(mask, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
        )
    body, lid = shapes
    whole = np.maximum(body, lid)
    x = np.linspace(-1, 1, SIDE_PX, dtype=np.float32)[None, :, None]
    colors = tone * (1 - 0.1 * x) * (1 - lid[..., None]) + np.clip(tone * lift, 0, 255) * lid[..., None]
    return np.clip(np.broadcast_to(colors, (SIDE_PX, SIDE_PX, 3)), 0, 255).astype(np.float32), whole


def _ellipse(x: float, y: float, a: float, b: float) -> list[tuple[float, float]]:
    return [(x + a * float(np.cos(t)), y + b * float(np.sin(t))) for t in np.linspace(0, 2 * np.pi, 96)]


def _round(rng: np.random.Generator, x: float, half: float, foot: float, behind: float) -> tuple[F32, F32]:
    tall, squash = rng.uniform(0.03, 0.08) * SIDE_PX, rng.uniform(0.12, 0.24)
    lid = _ellipse(x, foot - 0.3 * squash * half, half, squash * half)
    under = _ellipse(x, foot - 0.3 * squash * half + tall, half, squash * half)
    bottom = lid[48:] + under[:48]
    return _drawn(lid, bottom, _tone(rng, behind), rng.uniform(0.95, 1.12))


def _box(rng: np.random.Generator, x: float, half: float, foot: float, behind: float) -> tuple[F32, F32]:
    tall, deep = rng.uniform(0.04, 0.1) * SIDE_PX, rng.uniform(0.02, 0.05) * SIDE_PX
    lid = [
        (x - half, foot + 0.4 * deep),
        (x - 0.85 * half, foot - 0.6 * deep),
        (x + 0.85 * half, foot - 0.6 * deep),
        (x + half, foot + 0.4 * deep),
    ]
    bottom = [lid[0], lid[3], (x + half, foot + 0.4 * deep + tall), (x - half, foot + 0.4 * deep + tall)]
    return _drawn(lid, bottom, _tone(rng, behind), rng.uniform(0.95, 1.15))


def _column(rng: np.random.Generator, x: float, half: float, foot: float, behind: float) -> tuple[F32, F32]:
    """A statue's plinth, narrower than the slab on it and as tall as there is room."""
    tall, slab = rng.uniform(0.1, 0.16) * SIDE_PX, 0.02 * SIDE_PX
    lid = [(x - half, foot - 4), (x + half, foot - 4), (x + half, foot + slab), (x - half, foot + slab)]
    bottom = [
        (x - 0.85 * half, foot),
        (x + 0.85 * half, foot),
        (x + 0.85 * half, foot + tall),
        (x - 0.85 * half, foot + tall),
    ]
    return _drawn(lid, bottom, _tone(rng, behind), rng.uniform(0.9, 1.1))


def _slab(rng: np.random.Generator, x: float, half: float, foot: float, behind: float) -> tuple[F32, F32]:
    """A thin disc, much wider than the figurine."""
    wide = min(1.5 * half, 0.46 * SIDE_PX)
    lid = _ellipse(x, foot - 4, wide, 0.12 * wide)
    under = _ellipse(x, foot - 4 + 0.012 * SIDE_PX, wide, 0.12 * wide)
    return _drawn(lid, lid[48:] + under[:48], _tone(rng, behind), rng.uniform(0.95, 1.1))


BASES: dict[str, Base] = {"round": _round, "box": _box, "column": _column, "slab": _slab}


def _levels(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> U8:
    out: U8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return out


if __name__ == "__main__":
    raise SystemExit(main())
