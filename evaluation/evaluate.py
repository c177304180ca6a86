"""scripts/evaluate: how good is what the product makes of pictures whose true mesh is known?

    scripts/evaluate samples                                 # every sample, the product's default depth
    scripts/evaluate CASES --depth dome --json dome.json     # another depth model
    scripts/evaluate CASES --depth truth                     # true front and back: what the geometry alone can do
    scripts/evaluate CASES --assets FOLDER                   # ready NAME.glb files, of any program
    scripts/evaluate CASES --against dome.json               # and the difference to earlier results, or to other assets

CASES holds samples (NAME/case.json) or NAME.png, NAME.gt.glb and NAME.case.json. evaluation/protocol.py says what is
measured. One case takes about as long as its conversion and six seconds more.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import math
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from evaluation.cases import Case, find_cases, true_cutout, true_depth
from evaluation.protocol import COLUMNS, LOWER_IS_BETTER, NEAREST_ONE, Scores, score
from evaluation.shape import read_shape
from evaluation.sheet import bare_figurine, row, sheet
from evaluation.tables import Table
from slipcast import __version__, convert
from slipcast.core.errors import BadInput, SlipcastError
from slipcast.core.values import U8, Cutout, Figurine, Picture, Shells
from slipcast.reconstruct.points import PointOptions
from slipcast.reconstruct.simplify import SimplifyOptions

TRUTH = "truth"
TABLE = Table(columns=COLUMNS, whole={"crossing", "faces"})
_SAME = 5e-4
"""A smaller difference does not show in the table and counts for neither side."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One case and how its asset is to be had."""

    case: Case
    depth: str
    """A depth model's name, or `truth`."""
    assets: Path | None
    """Where ready assets are; None: convert."""
    out: Path | None
    """Where converted assets are written."""
    faces: int
    detail: str
    drawn: bool
    """Whether a row of the sheet is wanted."""
    workers: int
    """Threads to look up neighbours with."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One case's scores, or why there are none."""

    name: str
    scores: Scores | None = None
    problem: str = ""
    seconds: float = 0.0
    """What the conversion took; 0 for ready assets."""
    pixels: U8 | None = None
    """The case's row of the sheet."""


def judge(task: Task) -> Outcome:
    """Have the case's asset made or read, and score it."""
    case = task.case
    try:
        begun = time.perf_counter()
        if task.assets is not None:
            ours = read_shape(task.assets / f"{case.name}.glb")
            seconds, made = 0.0, None
        else:
            made = make_of_truth(task.case, task.faces, task.detail) if task.depth == TRUTH else _made(task)
            seconds = time.perf_counter() - begun
            if task.out is not None:
                (task.out / f"{case.name}.glb").write_bytes(made.content)
            ours = read_shape(made.content)
        scores = score(
            ours,
            case.true_shape(),
            distance=case.distance,
            fov_deg=case.fov_deg,
            pitch_deg=case.pitch_deg,
            workers=task.workers,
        )
        pixels = None
        if task.drawn and made is not None:
            pixels = row(made.figurine, made.picture, made.depth)
        elif task.drawn:
            pixels = row(bare_figurine(case.name, ours), _picture(case), None, textured=False)
    except SlipcastError as error:
        return Outcome(name=case.name, problem=str(error))
    return Outcome(name=case.name, scores=scores, seconds=seconds, pixels=pixels)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A conversion's result, as far as it is looked at."""

    figurine: Figurine
    picture: Cutout
    depth: Shells
    content: bytes
    """The GLB."""


def _made(task: Task) -> Made:
    """What the product makes of the picture."""
    name = task.case.name
    result = convert(task.case.picture, depth=task.depth, faces=task.faces, detail=task.detail, name=name)
    content = result.exports["glb"].main
    return Made(figurine=result.figurine, picture=result.picture, depth=result.depth, content=content)


def make_of_truth(case: Case, faces: int = SimplifyOptions.faces, detail: str = PointOptions.detail) -> Made:
    """The pipeline from calibrated depth on, with the truth for depth."""
    from slipcast.depth.place import place, settle
    from slipcast.formats.table import EXPORTERS
    from slipcast.pipeline.recipe import Recipe
    from slipcast.reconstruct.points import make_points
    from slipcast.reconstruct.reconstruct import reconstruct
    from slipcast.reconstruct.simplify import simplify
    from slipcast.texture.paint import paint

    recipe = Recipe(points=PointOptions(detail=detail), simplify=SimplifyOptions(faces=faces))
    picture = _picture(case)
    depth = true_depth(case, picture.height_px)
    if depth.valid.shape != picture.pixels.shape[:2]:
        raise BadInput(f"{case.picture} must be square for --depth truth")
    cut = true_cutout(picture, depth)
    depth = place(depth, cut, recipe.place)
    raw = reconstruct(make_points(depth, cut, recipe.points), depth, recipe.surface)
    solid = simplify(raw, depth, recipe.simplify)
    solid, raw, depth = settle(solid, raw, depth, recipe.place)
    figurine = paint(solid, depth, cut, recipe.texture, name=case.name)
    content = EXPORTERS["glb"].export(figurine, recipe.export).main
    return Made(figurine=figurine, picture=cut, depth=depth, content=content)


def _picture(case: Case) -> Picture:
    from slipcast.picture.decode import read_picture

    return read_picture(case.picture)


def outcomes(tasks: list[Task], jobs: int) -> Iterator[Outcome]:
    """Judge all tasks, in order, in `jobs` processes."""
    if jobs == 1:
        yield from map(judge, tasks)
        return
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // jobs)))
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(judge, tasks)


def table(title: str, rows: Mapping[str, Mapping[str, float]]) -> str:
    """Rows of numbers under the columns' names, aligned."""
    shape = replace(TABLE, wide=max([len(title), *map(len, rows)]))
    return "\n".join([shape.heading(title), *(shape.line(name, entry) for name, entry in rows.items())])


def compare(ours: Mapping[str, Mapping[str, float]], theirs: Mapping[str, Mapping[str, float]]) -> str:
    """Ours less theirs over the cases that both have, and in how many cases ours is better or worse."""
    common = [name for name in ours if name in theirs]
    if not common:
        raise BadInput("--against has no case in common with these")
    mine, other = (TABLE.mean(part[name] for name in common) for part in (ours, theirs))
    rows = {
        f"ours, mean of {len(common)}": mine,
        "theirs": other,
    }
    difference = {column: mine[column] - other[column] for column in COLUMNS}
    votes = []
    for column in COLUMNS:
        gains = [_gain(column, ours[name][column], theirs[name][column]) for name in common]
        votes.append(f"{sum(g > _SAME for g in gains)}:{sum(g < -_SAME for g in gains)}")
    text = table("against", rows)
    wide = max(len(line) for line in rows)
    return "\n".join(
        [
            text,
            replace(TABLE, wide=wide).line("difference", difference, signed=True),
            f"{'better:worse':{wide}s}" + "".join(f"{vote:>9s}" for vote in votes),
        ]
    )


def _gain(column: str, ours: float, theirs: float) -> float:
    """How much better ours is; of a ratio the distance to 1 counts, in octaves."""
    if column in NEAREST_ONE:
        return abs(math.log(max(theirs, 1e-6))) - abs(math.log(max(ours, 1e-6)))
    return theirs - ours if column in LOWER_IS_BETTER or column == "faces" else ours - theirs


def read_rows(path: Path) -> dict[str, dict[str, float]]:
    """The cases' numbers of a JSON file that --json wrote. Raises BadInput when it is none."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))["cases"]
        # A column that is missing or null counts as not measured.
        return {
            name: {
                column: math.nan if entry.get(column) is None else float(entry[column]) for column in COLUMNS
            }
            for name, entry in told.items()
            if entry
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} is no JSON that scripts/evaluate --json wrote ({error})") from error


def main() -> int:
    """The command."""
    asked = _arguments()
    try:
        return _run(asked)
    except SlipcastError as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return 2


def _run(asked: argparse.Namespace) -> int:
    cases = find_cases(asked.folder, views=asked.views)
    cases = tuple(case for case in cases if not asked.only or case.name in asked.only)
    if not cases:
        raise BadInput(f"--only names no case of {asked.folder}")
    if asked.out:
        asked.out.mkdir(parents=True, exist_ok=True)
    tasks = [
        Task(
            case=case,
            depth=asked.depth,
            assets=asked.assets,
            out=asked.out,
            faces=asked.faces,
            detail=asked.detail,
            drawn=asked.sheet is not None,
            workers=-1 if asked.jobs == 1 else 1,
        )
        for case in cases
    ]
    wide = max(len("MEAN of 99 of 99"), *(len(case.name) for case in cases))
    shape = replace(TABLE, wide=wide)
    print(shape.heading("case"))
    rows: dict[str, dict[str, float]] = {}
    seconds: dict[str, float] = {}
    problems: dict[str, str] = {}
    drawn: list[tuple[str, U8]] = []
    for outcome in outcomes(tasks, asked.jobs):
        if outcome.scores is None:
            problems[outcome.name] = outcome.problem
            print(f"{outcome.name:{wide}s}  {outcome.problem}", flush=True)
            continue
        entry = rows[outcome.name] = asdict(outcome.scores)
        seconds[outcome.name] = round(outcome.seconds, 2)
        print(shape.line(outcome.name, entry), flush=True)
        if outcome.pixels is not None:
            label = f"{outcome.name}   cd {entry['cd']:.3f}  f10 {entry['f10']:.3f}  iou {entry['iou']:.3f}"
            drawn.append((label, outcome.pixels))
    if rows:
        mean = TABLE.mean(rows.values())
        print(shape.line(f"MEAN of {len(rows)} of {len(cases)}", mean))
        if asked.against:
            print()
            print(compare(rows, _against(asked, tasks)))
        if asked.json:
            _write_json(asked, rows, mean, seconds, problems)
        if asked.sheet:
            sheet(drawn).save(asked.sheet)
    return 0 if len(rows) == len(cases) else 1


def _against(asked: argparse.Namespace, tasks: list[Task]) -> dict[str, dict[str, float]]:
    """The other results: read, or assets scored now."""
    if asked.against.is_file():
        return read_rows(asked.against)
    others = [replace(task, assets=asked.against, out=None, drawn=False) for task in tasks]
    there = [task for task in others if (asked.against / f"{task.case.name}.glb").is_file()]
    return {outcome.name: asdict(outcome.scores) for outcome in outcomes(there, asked.jobs) if outcome.scores}


def _write_json(
    asked: argparse.Namespace,
    rows: Mapping[str, Mapping[str, float]],
    mean: Mapping[str, float],
    seconds: Mapping[str, float],
    problems: Mapping[str, str],
) -> None:
    def plain(entry: Mapping[str, float]) -> dict[str, float | None]:
        return {key: None if math.isnan(value) else round(value, 5) for key, value in entry.items()}

    document = {
        "slipcast": __version__,
        "made_by": "ready assets" if asked.assets else f"--depth {asked.depth} --detail {asked.detail}",
        "mean": plain(mean),
        "cases": {name: plain(entry) for name, entry in rows.items()},
        "seconds": dict(seconds),
        "problems": dict(problems),
    }
    asked.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/evaluate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where the cases are, for instance samples")
    parser.add_argument("--depth", default="auto", help="depth model, or truth for the true front and back")
    parser.add_argument("--detail", default="standard", help="draft, standard or fine")
    parser.add_argument("--faces", type=int, default=50_000, help="face budget of the assets")
    parser.add_argument("--assets", type=Path, help="score NAME.glb of this folder instead of converting")
    parser.add_argument(
        "--against", type=Path, help="compare with this JSON of --json, or folder of NAME.glb"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these cases alone")
    parser.add_argument(
        "--views", action="store_true", help="each picture of a turnaround is a case of its own"
    )
    parser.add_argument("--jobs", type=int, default=1, choices=range(1, 65), metavar="N", help="processes")
    parser.add_argument("--out", type=Path, help="write the converted assets into this folder")
    parser.add_argument("--json", type=Path, help="write the numbers here")
    parser.add_argument("--sheet", type=Path, metavar="PNG", help="write a picture of every case here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
