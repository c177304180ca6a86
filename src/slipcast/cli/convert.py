"""`slipcast convert`: pictures in, assets on disk, one line for each."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slipcast.cli.exit import Failure, attempt
from slipcast.cli.memory import forget_peak_memory, peak_memory_mb
from slipcast.cli.options import recipe as recipes
from slipcast.cli.options.asset import asset_options, recipe_from
from slipcast.cli.sources import Entry, Task, entries_of, names_of
from slipcast.cli.terminal import Terminal, quiet
from slipcast.cli.view_sets import sides_of_words, split_sheet, views_of_words
from slipcast.core.errors import BadInput, DiskFull, QualityGate, StageFailed, status_of
from slipcast.core.findings import USUAL, Finding
from slipcast.core.values import View
from slipcast.jobs.runners import LIMIT_S, Lost, count_workers, run_jobs
from slipcast.workspace.resume import files_of, find_made, mark_of

if TYPE_CHECKING:
    from slipcast.pipeline.run import Result, Watch


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is the same for every picture of a run."""

    out: Path
    keep: bool
    report: bool
    resume: bool
    """Leave what an earlier run made of the same picture with the same options, and share the rest with other runs."""
    tasks: tuple[Task, ...]
    """In the order asked for."""

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Every picture of the run: none of them is ever overwritten."""
        return tuple(path for task in self.tasks for path in (task.picture, *task.others.values()))


@dataclass(frozen=True, kw_only=True)
class Done:
    """One picture's asset on disk."""

    files: tuple[Path, ...]
    asset: dict[str, object]
    """The JSON beside the asset."""
    findings: tuple[Finding, ...]
    summary: str
    missed: Failure | None
    """What to say where a gate was not met."""
    resumed: bool = False
    """Whether an earlier run, or another one beside this, made it."""


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--from-list",
    "listed",
    type=click.Path(path_type=Path),
    help="More pictures: a text with a path a line (- reads stdin), or a manifest (.csv, .jsonl).",
)
@click.option(
    "-o",
    "--out",
    default="out",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results.",
)
@click.option(
    "--name", "pattern", default="{stem}", show_default=True, help="Of the results; also knows {folder}."
)
@click.option(
    "--view", default=View.FRONT.value, show_default=True, help=f"The side in the picture: {', '.join(View)}."
)
@click.option(
    "--views", default="", help="Pictures of one figurine's sides: front=a.png,left=b.png,back=c.png."
)
@click.option(
    "--sheet", default="", help="The PICTURE shows these sides side by side: front,left,back,right."
)
@click.option(
    "--fov", default=recipes.FOV_DEG, show_default=True, help="The camera's vertical field of view, degrees."
)
@asset_options
@click.option(
    "--jobs",
    default=1,
    show_default=True,
    type=click.IntRange(0),
    help="Worker processes; 0: what fits here.",
)
@click.option(
    "--job-limit", default=LIMIT_S, show_default=True, help="Seconds a worker may take for a picture."
)
@click.option("--resume", is_flag=True, help="Leave what is there already, of the same picture and options.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each picture.")
@click.option("--json-lines", is_flag=True, help="Print an entry as soon as its picture is done, one a line.")
@click.option("--debug", is_flag=True, help="Show what the libraries print; log unexpected errors.")
@click.pass_obj
def convert(
    terminal: Terminal,
    /,
    pictures: tuple[Path, ...],
    listed: Path | None,
    out: Path,
    pattern: str,
    view: str,
    views: str,
    sheet: str,
    fov: float,
    jobs: int,
    job_limit: float,
    resume: bool,
    as_json: bool,
    json_lines: bool,
    debug: bool,
    **words: Any,
) -> int:
    """Turn each PICTURE of a figurine into a closed, textured 3D asset; a folder stands for the pictures in it.

    Pictures of several sides become one asset: --views front=a.png,left=b.png, a folder with front.png, left.png,
    back.png ..., or --sheet front,left,back,right for one picture with all sides. Left shows the figurine's own left
    side: it looks towards the picture's left edge.

    The folder OUT gets NAME.glb (or what --format says), NAME.json with sizes, options, findings and seconds per
    stage, and NAME.preview.png with the picture and four views. NAME is the picture's, without its suffix; where all
    pictures are called front.png, --name "{folder}" takes their folders' names. A result that does not meet --gate is
    written all the same, marked in its JSON, and the exit code says so.
    """

    def prepared() -> Job:
        if as_json and json_lines:
            raise BadInput("--json and --json-lines are two ways to print the same; give one of them")
        entries = viewed(views, entries_of(pictures, listed) if pictures or listed or not views else ())
        sides = sides_of_words(sheet) if sheet else ()
        job = Job(
            tasks=tasks_of(entries, pattern, words, view=view, fov_deg=fov, sheet=sides),
            out=out,
            keep=words["keep"],
            report=words["report"],
            resume=resume,
        )
        check_places(job)
        return job

    entries: list[dict[str, object]] = []
    failures: list[Failure] = []

    def close(path: Path | None, done: Done | Failure) -> None:
        entry = _entry(path, done)
        entries.append(entry)
        if json_lines:
            terminal.say(json.dumps(entry, ensure_ascii=False))
        if isinstance(done, Failure):
            failures.append(done)
            terminal.complain(done.message)
        elif not (as_json or json_lines):
            terminal.say(done.summary)
            terminal.note(done.findings)
        if isinstance(done, Done) and done.missed:
            failures.append(done.missed)
            terminal.complain(done.missed.message)

    job = attempt(prepared, debug=debug)
    count = 1 if isinstance(job, Failure) else len(job.tasks)
    try:
        if isinstance(job, Failure):
            close(None, job)
        else:
            begun = time.monotonic()
            for number, (task, done) in enumerate(
                _worked_on(terminal, job, jobs=jobs or count_workers(), limit_s=job_limit, debug=debug), 1
            ):
                close(task.picture, done)
                if count > 1:
                    terminal.log(progress_line(number, count, task, done, time.monotonic() - begun))
    finally:
        if as_json:
            terminal.say(json.dumps(entries, indent=2, ensure_ascii=False))
    full = [failure for failure in failures if failure.kind == DiskFull.__name__]
    if full and len(entries) < count:
        terminal.complain(
            f"stopped after {len(entries)} of {count} pictures, since the disk is full; free some space and run it "
            "again with --resume"
        )
    elif failures and count > 1:
        terminal.complain(f"{len(failures)} of {count} pictures failed")
    return (*full, *failures)[0].exit_code if failures else 0


def tasks_of(
    entries: tuple[Entry, ...],
    pattern: str,
    words: dict[str, Any],
    *,
    view: str,
    fov_deg: float,
    sheet: tuple[View, ...] = (),
) -> tuple[Task, ...]:
    """One task a picture: the command's words, and over them those that a manifest says of the picture."""
    names = names_of(entries, pattern)
    common = recipe_from(words, fov_deg=fov_deg)
    tasks = []
    for entry in entries:
        own = {key: word for key, word in entry.words.items() if key not in ("name", "view")}
        try:
            recipe = recipe_from(words, own=own, fov_deg=fov_deg) if own else common
            side = recipes.view_of(entry.words.get("view", view))
        except BadInput as problem:
            if not entry.where:
                raise
            raise BadInput(f"{entry.where}: {problem}") from problem
        tasks.append(
            Task(
                picture=entry.picture,
                name=names[entry.picture],
                view=View.FRONT if entry.others else side,
                recipe=recipe,
                others=entry.others,
                sheet=sheet,
            )
        )
    return tuple(tasks)


def viewed(words: str, entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The entries, with the figurine that `--views` names; it takes no PICTURE beside it."""
    if not words:
        return entries
    if entries:
        raise BadInput("--views names the pictures itself; leave PICTURE away, or --views")
    views = views_of_words(words)
    front, *_ = views.values()
    return (Entry(picture=front, others={view: path for view, path in views.items() if path != front}),)


def progress_line(number: int, count: int, task: Task, done: Done | Failure, passed_s: float) -> str:
    """How far a run of several pictures is, for a log: what is done, when, and how long the rest may take."""
    how = "failed" if isinstance(done, Failure) else str(done.asset.get("verdict", "done"))
    if isinstance(done, Done) and done.resumed:
        how += ", was there already"
    left_s = passed_s / number * (count - number)
    left = f", about {_duration(left_s)} left" if number < count else ""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    return f"{now} {number} of {count} {task.picture.name}: {how}; {_duration(passed_s)} so far{left}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def check_places(job: Job) -> None:
    """Refuse, before any work, an output folder that cannot take the results or would lose a picture to them."""
    from slipcast.workspace.files import check_folder

    check_folder(job.out)
    pictures = {path.resolve() for path in job.pictures}
    for task in job.tasks:
        for ending in ("json", "preview.png"):
            target = job.out / f"{task.name}.{ending}"
            if target.resolve() in pictures:
                raise BadInput(
                    f"{target} is a picture and would be overwritten; choose another folder with --out"
                )


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What a worker process is given: one task of the job, light enough to be pickled."""

    task: Task
    job: Job
    wait: bool
    debug: bool


def _work(order: _Order) -> Done | Failure | None:
    """A worker's part, without a terminal."""
    return _claimed(None, order.task, order.job, wait=order.wait, debug=order.debug)


def _each(
    terminal: Terminal, tasks: Sequence[Task], job: Job, *, wait: bool, jobs: int, limit_s: float, debug: bool
) -> Iterator[tuple[Task, Done | Failure | None]]:
    """Each task with what came of it, here or by worker processes."""
    workers = min(jobs, len(tasks))
    if workers < 2:
        for task in tasks:
            yield task, _claimed(terminal, task, job, wait=wait, debug=debug)
        return
    orders = [_Order(task=task, job=job, wait=wait, debug=debug) for task in tasks]
    for order, done in run_jobs(_work, orders, workers=workers, limit_s=limit_s):
        if isinstance(done, Lost):
            yield order.task, _lost(order.task, done)
        else:
            yield order.task, done


def _lost(task: Task, lost: Lost) -> Failure:
    error = StageFailed(f"{task.picture} was tried twice and given up: {lost.reason}")
    return Failure(type(error).__name__, str(error), status_of(error).exit_code)


def _worked_on(
    terminal: Terminal, job: Job, *, jobs: int, limit_s: float, debug: bool
) -> Iterator[tuple[Task, Done | Failure]]:
    """Each task with what came of it; ends early where the disk is full.

    With --resume another process may work in the same folder: what it has claimed comes last, when it is done there.
    """
    elsewhere: list[Task] = []
    for wait, tasks in ((False, job.tasks), (True, elsewhere)):
        for task, done in _each(terminal, tasks, job, wait=wait, jobs=jobs, limit_s=limit_s, debug=debug):
            if done is None:
                elsewhere.append(task)
                continue
            yield task, done
            if isinstance(done, Failure) and done.kind == DiskFull.__name__:
                return


def _claimed(
    terminal: Terminal | None, task: Task, job: Job, *, wait: bool, debug: bool
) -> Done | Failure | None:
    """What came of `task`; None where another process is at it."""
    if not job.resume:
        return _convert_one(terminal, task, job, debug=debug)
    from slipcast.workspace.claims import claim
    from slipcast.workspace.files import tell_writing

    was_there = job.out.is_dir()

    def claimed() -> Done | Failure | None:
        with tell_writing(job.out):
            job.out.mkdir(parents=True, exist_ok=True)
            with claim(job.out, task.name, wait=wait) as mine:
                return _convert_one(terminal, task, job, debug=debug) if mine else None

    done = attempt(claimed, debug=debug)
    if isinstance(done, Failure) and not was_there:
        with suppress(OSError):  # it holds something, of another process maybe
            job.out.rmdir()
    return done


def _convert_one(terminal: Terminal | None, task: Task, job: Job, *, debug: bool) -> Done | Failure:
    from slipcast.pipeline.run import STAGES

    if job.resume:
        found = attempt(lambda: _found(task, job), debug=debug)
        if found:
            return found
    shown = terminal.progress(task.picture.name, STAGES) if terminal else nullcontext()
    with shown as watch, nullcontext() if debug else quiet():
        return attempt(lambda: _made(task, job, watch), debug=debug)


def _mark(picture_sha256: str, task: Task, job: Job) -> str:
    others = [
        (view.value, hashlib.sha256(path.read_bytes()).hexdigest()) for view, path in task.others.items()
    ]
    more = (others, [side.value for side in task.sheet]) if others or task.sheet else ()
    return mark_of(picture_sha256, task.recipe, task.view, job.keep, *more)


def _found(task: Task, job: Job) -> Done | None:
    """The asset of `task` when another run made it, of this picture and with these options."""
    place = job.out / f"{task.name}.json"
    if not all(path.is_file() for path in (task.picture, place, *task.others.values())):
        return None
    asset = find_made(place, _mark(hashlib.sha256(task.picture.read_bytes()).hexdigest(), task, job))
    if asset is None or (job.report and not (job.out / f"{task.name}.report.html").is_file()):
        return None
    files = files_of(place, asset)
    summary = f"{files[0]} | was there already, of this picture and with these options"
    missed = missed_gates(asset.get("gates", []), files[0])
    return Done(files=files, asset=asset, findings=(), summary=summary, missed=missed, resumed=True)


def _made(task: Task, job: Job, watch: "Watch | None") -> Done:
    from slipcast.picture.decode import read_picture
    from slipcast.pipeline.run import make
    from slipcast.workspace.files import write

    started, begun = datetime.now(UTC), time.perf_counter()
    forget_peak_memory()
    picture = read_picture(task.picture, view=task.view)
    digest = str(picture.source["sha256"])
    others = [read_picture(path, view=view) for view, path in task.others.items()]
    if task.sheet:
        picture, *others = split_sheet(picture, task.sheet).values()
    read_s = time.perf_counter() - begun
    result = make(picture, task.recipe, name=task.name, watch=watch, **({"others": others} if others else {}))
    run: dict[str, object] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": {"read": round(read_s, 3), **result.seconds},
        "total_s": round(time.perf_counter() - begun, 3),
        "peak_memory_mb": peak_memory_mb(),
        "mark": _mark(digest, task, job),
    }
    page = None
    if job.report:
        from slipcast.report.report import draw_report

        page = draw_report(result, run=run)
    files = write(result, job.out, run=run, keep=job.keep, report=page, spare=job.pictures)
    findings = _findings(result)
    return Done(
        files=files,
        asset={**result.metadata, "run": run},
        findings=findings,
        summary=_summary(result, files, findings, time.perf_counter() - begun),
        missed=missed_gates(result.metadata.get("gates", []), files[0]),
    )


def missed_gates(gates: object, file: Path) -> Failure | None:
    """What to say of an asset on disk whose JSON has these `gates`; None where it meets all of them."""
    assert isinstance(gates, list)
    missed = [gate for gate in gates if not gate["passed"]]
    if not missed:
        return None
    from slipcast.checks.gates import say_measured

    words = ", ".join(f"{gate['gate']} (measured: {say_measured(gate['measured'])})" for gate in missed)
    error = QualityGate(f"{file} does not meet --gate {words}; it is kept and marked as failing in its JSON")
    return Failure(type(error).__name__, str(error), status_of(error).exit_code)


def _findings(result: "Result") -> tuple[Finding, ...]:
    """The asset's findings, then what each format could not carry; each once."""
    found = [*result.figurine.findings]
    for export in result.exports.values():
        found += [finding for finding in export.findings if finding not in found]
    return tuple(found)


def _summary(result: "Result", files: tuple[Path, ...], findings: tuple[Finding, ...], total_s: float) -> str:
    """Where it is, its size, its faces, how long it took, which findings: one line."""
    others = [key for key in result.exports][1:]
    mesh = result.figurine.mesh
    width, height, depth = (mesh.vertices.max(axis=0) - mesh.vertices.min(axis=0)) * 1000
    closed = "open" if any(finding.code == "MESH_OPEN" for finding in findings) else "closed"
    parts = [
        f"{files[0]}" + (f" (and {', '.join(others)})" if others else ""),
        f"{height:.1f} mm tall, {width:.1f} wide, {depth:.1f} deep",
        f"{len(mesh.faces)} faces, {closed}",
        f"{total_s:.1f} s",
    ]
    parts.append(result.verdict.value)
    codes = [finding.code for finding in findings if finding.code not in USUAL]
    if codes:
        parts.append(" ".join(codes))
    return " | ".join(parts)


def _entry(path: Path | None, done: Done | Failure) -> dict[str, object]:
    """One picture's part of the JSON list."""
    picture = None if path is None else str(path)
    if isinstance(done, Failure):
        return {"picture": picture, "ok": False, "error": done.as_dict()}
    error = {"error": done.missed.as_dict()} if done.missed else {}
    return {
        "picture": picture,
        "ok": done.missed is None,
        "resumed": done.resumed,
        **error,
        "files": [str(file) for file in done.files],
        "findings": [finding.as_dict() for finding in done.findings] or done.asset.get("findings", []),
        "asset": done.asset,
    }
