"""scripts/bench: how fast and how good is ours beside the textbook pipeline, where does the time go, how does it grow?

    scripts/bench                     everything, on samples/
    scripts/bench --quick             two cases and 512 to 2048 pixels, once each
    scripts/bench --cases FOLDER --only A B --parts compare
    scripts/bench --against REV --repeat 5 --pictures FOLDER     this tree beside another commit, evaluation/against.py

compare   Both pipelines get the same true front depth of each case, in turn, each run in a process of its own. The
          textbook (evaluation/textbook.py) makes a relief of it. Ours needs a back too: once the product's own for
          this picture (its depth model, moved to the true front), once the true one. Depth is not timed.
stages    `convert` of a 1024 x 1024 picture: the first in a fresh process, and the median of those after it.
growth    the same picture at other sizes in a process that has converted a small one before.

Wall seconds mean little by themselves on a busy machine: look at ratios. All is kept in benchmarks/VERSION.json.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
from PIL import Image

from evaluation.against import measure
from evaluation.cases import Case, find_cases, true_depth
from evaluation.child import save_depth
from evaluation.evaluate import TABLE, table
from evaluation.protocol import score
from evaluation.shape import welded
from slipcast import __version__
from slipcast.core.errors import SlipcastError
from slipcast.core.values import Shells
from slipcast.pipeline.run import STAGES

ROOT = Path(__file__).parents[1]
FACES = 50_000
PIPELINES = {
    "tangent": "textbook, tangent planes",
    "camera": "textbook, quick",
    "ours": "ours, own back",
    "ours-true": "ours, true back",
}


def run_child(*words: str | Path | int) -> dict[str, object]:
    """Run evaluation.child with these words and return what it printed."""
    paths = os.pathsep.join((str(ROOT), str(ROOT / "src")))
    done = subprocess.run(
        [sys.executable, "-m", "evaluation.child", *map(str, words)],
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, words))} failed:\n{done.stderr[-2000:]}")
    told: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return told


def own_back(case: Case, true: Shells, model: str) -> Shells:
    """The true front with the back that the product sees in the picture, moved to the true front's depth."""
    from slipcast.depth.calibrate import CalibrateOptions, calibrate
    from slipcast.depth.models import DepthOptions, predict_depth
    from slipcast.picture.cut_out import CutoutOptions, cut_out
    from slipcast.picture.decode import read_picture

    cut = cut_out(read_picture(case.picture), CutoutOptions())
    said = calibrate(predict_depth(cut, DepthOptions(model=model, fov_deg=case.fov_deg)), CalibrateOptions())
    assert said.back is not None
    both = said.valid & true.valid
    # One unit of calibrated depth is one pixel at the figurine's middle.
    unit = float(np.median(true.front[both])) / true.camera.fy_px
    shift = float(np.median(true.front[both] - said.front[both] * unit))
    back = np.where(both, said.back * unit + shift, true.front)
    back = np.where(true.valid, np.maximum(back, true.front), 0)
    return replace(true, back=back.astype(np.float32))


def compare(asked: argparse.Namespace) -> dict[str, object]:
    """Both pipelines on the same depth maps."""
    cases = [case for case in find_cases(asked.cases) if not asked.only or case.name in asked.only]
    if asked.quick:
        cases = cases[:2]
    names = [name for name in PIPELINES if name not in asked.without]
    runs: dict[str, dict[str, list[dict[str, object]]]] = {name: {} for name in names}
    scores: dict[str, dict[str, dict[str, float]]] = {name: {} for name in names}
    with tempfile.TemporaryDirectory() as place:
        given, own, made = Path(place, "true.npz"), Path(place, "own.npz"), Path(place, "mesh.npz")
        for case in cases:
            depth = true_depth(case)
            save_depth(given, depth, case.fov_deg)
            save_depth(own, own_back(case, depth, asked.depth), case.fov_deg)
            for turn in range(asked.repeat):
                for name in names:
                    kind = name.removesuffix("-true")
                    told = run_child(kind, own if name == "ours" else given, made, FACES)
                    runs[name].setdefault(case.name, []).append(told)
                    if turn == 0:
                        with np.load(made) as held:
                            shape = welded(held["vertices"], held["faces"])
                        result = score(shape, case.true_shape(), distance=case.distance, fov_deg=case.fov_deg)
                        scores[name][case.name] = asdict(result)
                    print(
                        f"  {case.name} {name} {_number(told['wall_s']):.2f} s", file=sys.stderr, flush=True
                    )
    rows = {name: _summary(list(runs[name].values())) for name in names}
    print(
        f"\nAfter depth, {len(cases)} case(s), median of {asked.repeat}, sums over cases; ratio to «ours, own back»\n"
    )
    print("| | wall s | ratio | CPU s | ratio | peak MB | ratio |\n|---|---|---|---|---|---|---|")
    base = rows.get("ours", rows[names[-1]])
    for name, entry in rows.items():
        cells = [
            f"{entry[key]:.{0 if key == 'peak_mb' else 2}f} | {entry[key] / base[key]:.1f}"
            for key in ("wall_s", "cpu_s", "peak_mb")
        ]
        print(f"| {PIPELINES[name]} | " + " | ".join(cells) + " |")
    print("\nSteps, mean seconds: " + "; ".join(f"{PIPELINES[name]}: {_steps(runs[name])}" for name in names))
    means = {name: TABLE.mean(scores[name].values()) for name in names}
    print("\n```\n" + table("mean", {PIPELINES[name]: means[name] for name in names}) + "\n```")
    return {
        "cases": [case.name for case in cases],
        "repeat": asked.repeat,
        "times": rows,
        "means": means,
        "scores": scores,
        "runs": runs,
    }


def _summary(cases: Sequence[Sequence[Mapping[str, object]]]) -> dict[str, float]:
    """Sums over cases of the medians of times, and the highest of the median peaks."""

    def medians(key: str) -> list[float]:
        return [statistics.median(_number(run[key]) for run in case) for case in cases]

    return {
        "wall_s": sum(medians("wall_s")),
        "cpu_s": sum(medians("cpu_s")),
        "peak_mb": max(medians("peak_mb")),
    }


def _steps(cases: Mapping[str, Sequence[Mapping[str, object]]]) -> str:
    """Each step's mean over all runs."""
    total: dict[str, list[float]] = {}
    for case in cases.values():
        for run in case:
            steps = run["steps"]
            assert isinstance(steps, dict)
            for step, seconds in steps.items():
                total.setdefault(step, []).append(seconds)
    return ", ".join(f"{step} {statistics.mean(values):.2f}" for step, values in total.items())


def stages(asked: argparse.Namespace) -> dict[str, object]:
    """Where the time of one conversion goes."""
    told = run_child("convert", asked.picture, asked.depth, 1 + asked.repeat)
    runs = _runs(told)
    cold, warm = (
        runs[0],
        {kind: _median_stages([run[kind] for run in runs[1:]]) for kind in ("wall_s", "cpu_s")},
    )
    print(
        f"\n`convert` of {Path(asked.picture).name}, --depth {asked.depth}; median of {asked.repeat} warm runs\n"
    )
    print("| stage | first, wall s | warm, wall s | share | warm, CPU s |\n|---|---|---|---|---|")
    print(f"| imports | {_number(told['import_s']):.2f} | | | |")
    for stage in (*STAGES, "all"):
        share = warm["wall_s"][stage] / warm["wall_s"]["all"]
        print(
            f"| {stage} | {cold['wall_s'][stage]:.2f} | {warm['wall_s'][stage]:.2f} | {share:.0%} "
            f"| {warm['cpu_s'][stage]:.2f} |"
        )
    print(f"\npeak {_number(told['peak_mb']):.0f} MB")
    return {"picture": Path(asked.picture).name, "depth": asked.depth, **told}


def growth(asked: argparse.Namespace) -> dict[str, object]:
    """How stages grow with the picture."""
    sides = (512, 1024, 2048) if asked.quick else (512, 1024, 2048, 4096)
    repeat = 1 if asked.quick else asked.repeat
    seconds: dict[int, dict[str, float]] = {}
    peaks: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as place, Image.open(asked.picture) as picture:
        paths = {side: Path(place, f"{side}.png") for side in sides}
        for side, path in paths.items():
            picture.resize((side, side), Image.Resampling.LANCZOS).save(path, compress_level=1)
        for side, path in paths.items():
            told = run_child("convert", path, asked.depth, repeat, paths[sides[0]])
            seconds[side] = _median_stages([run["cpu_s"] for run in _runs(told)])
            peaks[side] = _number(told["peak_mb"])
            print(f"  {side} px {seconds[side]['all']:.2f} s", file=sys.stderr, flush=True)
    print(
        f"\nCPU seconds of `convert` by the picture's side, warm, median of {repeat}; time grows as pixels^exponent\n"
    )
    print(
        "| stage | "
        + " | ".join(f"{side}²" for side in sides)
        + " | exponent |\n|---"
        + "|---" * (len(sides) + 1)
        + "|"
    )
    exponents = {
        stage: _exponent({side: seconds[side][stage] for side in sides}) for stage in (*STAGES, "all")
    }
    for stage in (*STAGES, "all"):
        cells = " | ".join(f"{seconds[side][stage]:.2f}" for side in sides)
        print(f"| {stage} | {cells} | {exponents[stage]:.2f} |")
    print(
        "| peak MB | " + " | ".join(f"{peaks[side]:.0f}" for side in sides) + f" | {_exponent(peaks):.2f} |"
    )
    return {"depth": asked.depth, "cpu_s": seconds, "peak_mb": peaks, "exponents": exponents}


def _exponent(values: Mapping[int, float]) -> float:
    """The slope of log value over log pixels, least squares."""
    x = [2 * math.log(side) for side in values]
    y = [math.log(max(value, 1e-4)) for value in values.values()]
    return float(statistics.linear_regression(x, y).slope)


def _runs(told: Mapping[str, object]) -> list[dict[str, dict[str, float]]]:
    runs = told["runs"]
    assert isinstance(runs, list)
    return runs


def _median_stages(runs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {stage: statistics.median(run[stage] for run in runs) for stage in runs[0]}


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


PARTS = {"compare": compare, "stages": stages, "growth": growth}


def main() -> int:
    """The command."""
    asked = _arguments()
    if asked.quick:
        asked.repeat = 1
    kept = json.loads(asked.json.read_text(encoding="utf-8")) if asked.json.is_file() else {}
    kept |= {
        "slipcast": __version__,
        "machine": {
            "cpus": os.cpu_count(),
            "processor": platform.machine(),
            "python": platform.python_version(),
        },
    }
    try:
        if asked.against:
            kept.setdefault("against", {}).update([(asked.against, measure(asked))])
            asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
            return 0
        for part in asked.parts:
            told = {"load": round(os.getloadavg()[0], 1), **PARTS[part](asked)}
            if part == "compare":
                # Comparisons on other cases are kept beside it.
                kept.setdefault(part, {})[" ".join(map(str, _list(told["cases"])))] = told
            else:
                kept[part] = told
            asked.json.parent.mkdir(parents=True, exist_ok=True)
            asked.json.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    except SlipcastError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="two cases, three sizes, once each")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART")
    parser.add_argument("--cases", type=Path, default=ROOT / "samples", help="cases to compare on")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these cases alone")
    parser.add_argument("--without", nargs="+", choices=PIPELINES, default=[], help="pipelines to leave out")
    parser.add_argument("--repeat", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--depth", default="auto", help="the product's depth model")
    parser.add_argument(
        "--picture", type=Path, default=ROOT / "samples/knight/front.png", help="for stages, growth"
    )
    parser.add_argument("--against", metavar="REV", help="a commit to run in turn with this tree")
    parser.add_argument(
        "--pictures", type=Path, help="with --against: convert all pictures of this folder, too"
    )
    parser.add_argument("--most", type=int, default=60, help="with --pictures: at most so many")
    parser.add_argument("--jobs", type=int, default=2, help="with --pictures: processes")
    parser.add_argument("--json", type=Path, default=ROOT / f"benchmarks/{__version__}.json")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
