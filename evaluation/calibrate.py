"""scripts/calibrate-checks: how often do the picture checks notice what is wrong, and how often do they cry wolf?

    scripts/calibrate-checks                          # the samples in this repository
    scripts/calibrate-checks FOLDER...                # and every picture in these folders
    scripts/calibrate-checks FOLDER --store KEPT      # keeps cutouts, so that a second run only judges

Good pictures are the samples (all views) and the folders' own; spoiled ones are made of the samples' front views and
of the folders' pictures (every second one of those for each way) as evaluation/spoil.py says; pictures without a
figurine are drawn by evaluation/scenery.py. Half of the figurines, picked by their names, served to choose the
thresholds; the other half did not and are what docs/calibration.md reports. Spoiled pictures have at most 640 px a
side, since each is cut out anew.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import hashlib
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from pathlib import Path

import cv2
import numpy as np

from evaluation.scenery import NOTHING
from evaluation.spoil import WAYS, Scene
from slipcast.checks.picture.compare import check_prompt, check_views
from slipcast.checks.picture.judge import Judgement, check_picture, judge_picture
from slipcast.checks.picture.palette import plain_colors
from slipcast.checks.verdict import LIMITS, Check
from slipcast.core.findings import Finding
from slipcast.core.values import Cutout, CutoutFacts, Picture, View
from slipcast.picture.decode import read_picture

ROOT = Path(__file__).parents[1]
TARGETS: dict[str, str] = {
    "nothing": "figurine",
    "cut_bottom": "whole",
    "cut_top": "whole",
    "cut_limb": "whole",
    "two": "subjects",
    "tiny": "size",
    "far": "framing",
    "off_centre": "framing",
    "blur": "sharpness",
    "dark": "exposure",
    "bright": "exposure",
    "light": "light",
    "busy": "background",
    "shadow_alpha": "shadow",
    "noise": "grain",
    "jpeg": "compression",
    "one smaller": "views_height",
    "one higher": "views_baseline",
    "back not mirrored": "views_mirror",
    "back of another": "views_mirror",
    "hue turned": "views_colors",
    "of another": "views_colors",
    "other colours named": "prompt_colors",
}
"""Way of spoiling -> the check that is to notice it."""
TRUE_OF = {
    "instantmesh_genshin_teapot": "size",  # 129 px
    "instantmesh_genshin_building": "size",  # 191 px
    "trellis_typical_creature_dragon": "whole",  # its wing ends at the frame
}
"""Pictures that are called good and truly have one fault: left out for that check alone."""
COLORS = {
    "astronaut": (("white", "orange", "blue", "red"), ("purple", "green", "pink")),
    "bust": (("ivory", "black"), ("red", "green", "blue", "purple")),
    "dragon": (("green", "orange"), ("blue", "purple", "pink")),
    "fox": (("orange", "white"), ("green", "blue", "purple", "pink")),
    "knight": (("silver", "red", "blue"), ("green", "purple", "pink")),
    "mech": (("yellow", "orange", "grey"), ("green", "purple", "pink")),
    "owl": (("teal", "gold"), ("purple", "pink", "red")),
    "witch": (("purple", "orange", "green"), ("turquoise",)),
}
"""Colours that a sample has, as a prompt would name them, and colours that it has not."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The scores of one picture, or of one set of views."""

    figurine: str
    way: str
    """How it was spoiled; `good`."""
    scores: Mapping[str, float | None]

    @property
    def chosen(self) -> bool:
        """Whether it is of the half on which thresholds were chosen."""
        return zlib.crc32(self.figurine.partition("-")[0].encode()) % 2 == 0


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="scripts/calibrate-checks", description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, help="more good pictures")
    parser.add_argument("--store", type=Path, help="keep cutouts here, and take those that are there")
    parser.add_argument("--json", type=Path, help="write all scores")
    words = parser.parse_args()
    results = []
    for number, result in enumerate(_results(words.folders, words.store), 1):
        results.append(result)
        print(f"\r{number} {result.figurine} {result.way}".ljust(70)[:70], end="", flush=True)
    print("\r" + " " * 70, end="\r")
    for line in table(results):
        print(line)
    if words.json:
        plain = [{"figurine": r.figurine, "way": r.way, "scores": dict(r.scores)} for r in results]
        words.json.write_text(json.dumps(plain, indent=1), encoding="utf-8")
    return 0


def table(results: list[Result]) -> Iterator[str]:
    """The table of docs/calibration.md: one row a way of spoiling; all figures are of the half that chose nothing."""
    yield "| check | spoiled by | pictures | noticed | false alarms | at 90 % noticed | from the other half |"
    yield "|---|---|---|---|---|---|---|"
    for way, check in TARGETS.items():
        good = _scores(results, "good", check)
        spoiled = _scores(results, way, check)
        if not spoiled or not good:
            continue
        limit = LIMITS[check].review
        noticed = sum(score < limit for score in spoiled) / len(spoiled)
        alarms = sum(score < limit for score in good)
        other = _midway(
            _scores(results, "good", check, chosen=True), _scores(results, way, check, chosen=True)
        )
        edge = float(np.sort(spoiled)[int(np.ceil(0.9 * len(spoiled))) - 1])
        at_90 = sum(score <= min(edge, 1 - 1e-9) for score in good) / len(good)
        row = (
            f"`{check}`",
            way.replace("_", " "),
            str(len(spoiled)),
            f"{100 * noticed:.0f} %",
            f"{alarms} of {len(good)}",
            f"{100 * at_90:.1f} %" if edge < 1 else "never",
            f"{100 * sum(score < other for score in spoiled) / len(spoiled):.0f} %, "
            f"{sum(score < other for score in good)} of {len(good)}",
        )
        yield f"| {' | '.join(row)} |"
    for half in (True, False):
        counts = {verdict: 0 for verdict in ("approve", "review", "reject")}
        for result in results:
            if result.way == "good" and "figurine" in result.scores and result.chosen is half:
                worst = max((_rank(name, score) for name, score in result.scores.items()), default=0)
                counts[list(counts)[worst]] += 1
        told = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        yield f"\nGood pictures of the half that {'chose' if half else 'is reported'}: {told}"


def _midway(good: list[float], spoiled: list[float]) -> float:
    """The threshold that one half alone would set: between its worst twentieth of good and its best of spoiled."""
    if not good or not spoiled:
        return 0.5
    return float(np.percentile(good, 5) + np.percentile(spoiled, 95)) / 2


def _scores(results: list[Result], way: str, check: str, *, chosen: bool = False) -> list[float]:
    out = []
    for result in results:
        score = result.scores.get(check)
        fault = TRUE_OF.get(result.figurine, "")
        excused = way == "good" and bool(fault) and check.startswith(fault)
        if result.way == way and result.chosen is chosen and score is not None and not excused:
            out.append(score)
    return out


def _rank(name: str, score: float | None) -> int:
    return (
        0 if score is None else 2 if score < LIMITS[name].reject else 1 if score < LIMITS[name].review else 0
    )


def _results(folders: list[Path], store: Path | None) -> Iterator[Result]:
    samples = sorted((ROOT / "samples").glob("*/*.png"))
    others = [path for folder in folders for path in sorted(folder.iterdir())]
    others = [path for path in others if path.suffix.lower() in (".png", ".jpg", ".jpeg", ".webp")]
    cuts: dict[tuple[str, View], Cutout] = {}
    for number, path in enumerate((*samples, *others)):
        sample = number < len(samples)
        name = f"{path.parent.name}-{path.stem}" if sample else path.stem
        figurine = path.parent.name if sample else path.stem
        picture, cut, scores = _judged(store, f"{name}~good", partial(_read, path))
        yield Result(figurine=name if name in TRUE_OF else figurine, way="good", scores=scores)
        if cut is None:
            continue
        if sample:
            cuts[figurine, View(path.stem)] = cut
            if path.stem != "front":
                continue
        ways = [way for order, way in enumerate(WAYS) if sample or (number + order) % 2 == 0]
        for way, scores in _spoiled(name, picture, cut, ways, store):
            yield Result(figurine=figurine, way=way, scores=scores)
    for kind in NOTHING:
        for take in range(6):
            _, _, scores = _judged(store, f"{kind}{take}~nothing", partial(_scenery, kind, take))
            yield Result(figurine=f"{kind}{take}", way="nothing", scores=scores)
    yield from _together(cuts)


def _spoiled(
    name: str, picture: Picture, cut: Cutout, ways: list[str], store: Path | None
) -> Iterator[tuple[str, dict[str, float | None]]]:
    """Each way with the scores of the picture spoiled that way."""

    @cache
    def scene() -> Scene:
        small = _limited(picture, 640)
        clean = cut if small is picture else judge_picture(small).cut
        assert clean is not None
        return Scene(name=name, picture=small, cut=clean)

    def spoil(way: str) -> Picture:
        seed = int(hashlib.sha256(f"{name} {way}".encode()).hexdigest()[:8], 16)
        return WAYS[way](scene(), np.random.default_rng(seed))

    for way in ways:
        yield way, _judged(store, f"{name}~{way}", partial(spoil, way))[2]


def _read(path: Path) -> Picture:
    return _limited(read_picture(path), 1024)


def _scenery(kind: str, take: int) -> Picture:
    rng = np.random.default_rng([take, len(kind) * 31 + ord(kind[0])])
    return Picture(pixels=np.ascontiguousarray(NOTHING[kind](rng, 640, 640)))


def _together(cuts: Mapping[tuple[str, View], Cutout]) -> Iterator[Result]:
    """Views against each other, and prompts against pictures."""
    names = list(dict.fromkeys(name for name, _ in cuts))
    for index, name in enumerate(names):
        views = {view: cuts[name, view] for view in View}
        other = names[(index + 1) % len(names)]
        yield from _colors(name, views[View.FRONT])
        if (
            name == "mech"
        ):  # the cutout loses its feet in the back view; the views say so, and prove nothing here
            continue
        yield Result(figurine=name, way="good", scores=_by_name(check_views(views)))
        for seed, view in enumerate((View.FRONT, View.LEFT, View.BACK, View.RIGHT)):
            rng = np.random.default_rng([index, seed])
            changed = dict(views)
            changed[view] = _moved(views[view], rng.uniform(0.7, 0.82), 0.0)
            yield Result(figurine=name, way="one smaller", scores=_by_name(check_views(changed)))
            changed[view] = _moved(views[view], 1.0, rng.uniform(0.06, 0.1))
            yield Result(figurine=name, way="one higher", scores=_by_name(check_views(changed)))
            changed[view] = _turned(views[view], int(rng.choice([-60, 60, 120])))
            shares = plain_colors(views[view])
            if shares["black"] + shares["white"] + shares["grey"] < 0.7:  # grey has no hue to turn
                yield Result(figurine=name, way="hue turned", scores=_by_name(check_views(changed)))
            changed[view] = cuts[other, view]
            yield Result(figurine=name, way="of another", scores=_by_name(check_views(changed)))
        flipped = views | {View.BACK: _flipped(views[View.BACK])}
        if name not in ("owl", "bust"):  # symmetric: nobody can tell
            yield Result(figurine=name, way="back not mirrored", scores=_by_name(check_views(flipped)))
        for step in (1, 2, 3):
            strange = views | {View.BACK: cuts[names[(index + step) % len(names)], View.BACK]}
            yield Result(figurine=name, way="back of another", scores=_by_name(check_views(strange)))


def _colors(name: str, front: Cutout) -> Iterator[Result]:
    """Prompts that name one colour that the figurine has, or has not."""
    has, lacks = COLORS[name]
    for way, colors in (("good", has), ("other colours named", lacks)):
        for color in colors:
            scores = _by_name((check_prompt(front, f"a {color} figure"),))
            yield Result(figurine=name, way=way, scores=scores)


def _by_name(checks: tuple[Check, ...]) -> dict[str, float | None]:
    return {check.name: check.score for check in checks}


def _judged(
    store: Path | None, key: str, make: Callable[[], Picture]
) -> tuple[Picture, Cutout | None, dict[str, float | None]]:
    """Picture, cutout and scores, from the store where it is there."""
    kept = None if store is None else _load(store / f"{key}.npz")
    if kept is None:
        picture = make()
        judged = judge_picture(picture)
        if store is not None:
            _save(store / f"{key}.npz", picture, judged)
        return picture, judged.cut, _by_name(judged.checks)
    picture, cut = kept
    if cut is None:
        return picture, None, {"figurine": 0.0}
    return picture, cut, _by_name(check_picture(picture, cut))


def _save(path: Path, picture: Picture, judged: Judgement) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    none = np.zeros((0, 0), np.uint8)
    cut = judged.cut
    said = [] if cut is None else [{"code": each.code, "values": dict(each.values)} for each in cut.findings]
    new = path.with_suffix(".new.npz")
    np.savez(
        new,
        pixels=picture.pixels,
        alpha=none if picture.alpha is None else picture.alpha,
        cut_pixels=none if cut is None else cut.pixels,
        cut_alpha=none if cut is None else cut.alpha,
        findings=np.array(json.dumps(said)),
        facts=np.array(json.dumps({} if cut is None else asdict(cut.facts))),
    )
    new.replace(path)


def _load(path: Path) -> tuple[Picture, Cutout | None] | None:
    if not path.is_file():
        return None
    with np.load(path) as kept:
        alpha = kept["alpha"]
        picture = Picture(pixels=kept["pixels"], alpha=alpha if alpha.size else None)
        if not kept["cut_pixels"].size:
            return picture, None
        said = tuple(
            Finding(code=row["code"], values=row["values"]) for row in json.loads(str(kept["findings"]))
        )
        facts = CutoutFacts(**json.loads(str(kept["facts"])))
        return picture, Cutout(pixels=kept["cut_pixels"], alpha=kept["cut_alpha"], findings=said, facts=facts)


def _limited(picture: Picture, side_px: int) -> Picture:
    factor = side_px / max(picture.width_px, picture.height_px)
    if factor >= 1:
        return picture
    size = (round(picture.width_px * factor), round(picture.height_px * factor))
    alpha = None if picture.alpha is None else cv2.resize(picture.alpha, size, interpolation=cv2.INTER_AREA)
    return Picture(pixels=cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), alpha=alpha)


def _moved(cut: Cutout, scale: float, up: float) -> Cutout:
    """The cutout scaled about its feet and moved up by a share of the picture's height."""
    assert cut.alpha is not None
    foot = int(np.flatnonzero((cut.alpha >= 128).any(axis=1))[-1])
    middle = cut.width_px / 2
    matrix = np.array(
        [[scale, 0, middle * (1 - scale)], [0, scale, foot * (1 - scale) - up * cut.height_px]], np.float32
    )
    size = (cut.width_px, cut.height_px)
    pixels = cv2.warpAffine(cut.pixels, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    return replace(cut, pixels=pixels, alpha=cv2.warpAffine(cut.alpha, matrix, size))


def _turned(cut: Cutout, degrees: int) -> Cutout:
    """The cutout with another hue."""
    hsv = cv2.cvtColor(cut.pixels, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + degrees // 2) % 180
    return replace(cut, pixels=cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))


def _flipped(cut: Cutout) -> Cutout:
    assert cut.alpha is not None
    return replace(
        cut,
        pixels=np.ascontiguousarray(cut.pixels[:, ::-1]),
        alpha=np.ascontiguousarray(cut.alpha[:, ::-1]),
    )


if __name__ == "__main__":
    raise SystemExit(main())
