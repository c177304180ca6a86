"""Pictures -> assets on disk: one entry a picture, here or in worker processes, with resume and claims.

`convert_pictures` yields each task with what came of it; a bad picture does not stop the others, a full disk does.
"""

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput, DiskFull, QualityGate, StageFailed
from slipcast.core.findings import Finding
from slipcast.core.options import fit, real, whole
from slipcast.core.values import View
from slipcast.jobs.events import EntryDone, Found, Progress, Tell, ignore, watch_stages
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.memory import forget_peak_memory, peak_memory_mb
from slipcast.jobs.on_ray import is_ray, run_on_ray
from slipcast.jobs.runners import LIMIT_S, Lost, run_jobs
from slipcast.workspace.resume import files_of, find_made, mark_of

if TYPE_CHECKING:
    from slipcast.core.values import Picture
    from slipcast.depth.models import DepthModels
    from slipcast.pipeline.recipe import Recipe
    from slipcast.pipeline.result import Result
    from slipcast.pipeline.run import Start


@dataclass(frozen=True, kw_only=True)
class ConvertTask:
    """One picture to be converted."""

    picture: Path
    name: str
    """Of the asset."""
    recipe: "Recipe"
    view: View = View.FRONT
    """The side that the picture shows."""
    others: Mapping[View, Path] = field(default_factory=dict)
    """Pictures of its other sides."""
    sheet: tuple[View, ...] = ()
    """The sides that the picture shows side by side, from left to right; empty for one."""


@dataclass(frozen=True, kw_only=True)
class ConvertJob:
    """What is to be converted, and what is the same for all of it."""

    tasks: tuple[ConvertTask, ...]
    """In the order asked for."""
    out: Path
    keep: bool = False
    """Also write the values between the stages."""
    report: bool = False
    """Also write a page that shows the asset."""
    resume: bool = False
    """Leave what an earlier run made of the same picture with the same options, and share the rest with other runs."""
    workers: int = 1
    """Processes; with 1 the work is done in this one."""
    runner: str = "local"
    """Where: `local`, `ray` (RAY_ADDRESS, else this machine), or `ray://HOST:PORT`, where 0 workers are all."""
    limit_s: float = LIMIT_S
    """What a worker process may take for one picture."""
    debug: bool = False
    """Log unexpected errors."""
    spare: tuple[Path, ...] = ()
    """Files beside the job's own pictures that are never overwritten."""

    def __post_init__(self) -> None:
        fit("workers", self.workers, whole(0, 4096, example=4))
        fit("limit_s", self.limit_s, real(0.001, 604_800, example=600, unit="seconds"))
        if self.runner != "local" and not is_ray(self.runner):
            raise BadInput(
                f"runner {self.runner!r} is unknown; use local, ray or ray://HOST:PORT", field="runner"
            )

    @property
    def pictures(self) -> tuple[Path, ...]:
        """Every picture of the job, and `spare`: none of them is ever overwritten."""
        own = (path for task in self.tasks for path in (task.picture, *task.others.values()))
        return (*own, *self.spare)

    def part_of(self, task: ConvertTask) -> "ConvertJob":
        """The job of `task` alone, small enough to be sent to a worker process; it spares the others' pictures too."""
        out = self.out.resolve()
        near = tuple(path for path in self.pictures if out in path.resolve().parents)
        return replace(self, tasks=(task,), spare=near)


@dataclass(frozen=True, kw_only=True)
class Done:
    """One picture's asset on disk; small, so that a worker process can send it home."""

    files: tuple[Path, ...]
    """Main file first."""
    asset: Mapping[str, object]
    """The JSON beside the asset."""
    findings: tuple[Finding, ...] = ()
    missed: Failure | None = None
    """What to say where a gate was not met."""
    resumed: bool = False
    """Whether an earlier run, or another one beside this, made it; then the figures below are those of nothing."""
    formats: tuple[str, ...] = ()
    size_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Width, height, depth."""
    faces: int = 0
    closed: bool = True
    verdict: str = ""
    total_s: float = 0.0

    def as_dict(self) -> dict[str, object]:
        """JSON-ready data."""
        return {
            "ok": self.missed is None,
            "resumed": self.resumed,
            **({"error": self.missed.as_dict()} if self.missed else {}),
            "files": [str(file) for file in self.files],
            "findings": [found.as_dict() for found in self.findings] or self.asset.get("findings", []),
            "peak_memory_mb": self._run().get("peak_memory_mb"),
            "asset": dict(self.asset),
        }

    def _run(self) -> Mapping[str, object]:
        """The `run` block of the asset's JSON."""
        run = self.asset.get("run")
        return run if isinstance(run, Mapping) else {}


def convert_pictures(
    job: ConvertJob, tell: Tell | None = None
) -> Iterator[tuple[ConvertTask, Done | Failure]]:
    """Convert each task of `job` and yield it with what came of it; end early where the disk is full.

    With `resume` another process may work in the same folder: what it has claimed comes last, when it is done there.
    Raises BadInput, before any work, for a folder that cannot take the results or would lose a picture to them.
    """
    tell = tell or ignore
    check_places(job)
    begun, failed = time.monotonic(), 0
    for number, (task, done) in enumerate(_worked_on(job, tell), 1):
        if isinstance(done, Done):
            for found in done.findings:
                tell(Found(entry=task.name, finding=found))
        failed += isinstance(done, Failure) or done.missed is not None
        tell(EntryDone(entry=task.name, outcome=done))
        if len(job.tasks) > 1:
            passed_s = time.monotonic() - begun
            tell(
                Progress(entry=task.name, done=number, total=len(job.tasks), failed=failed, passed_s=passed_s)
            )
        yield task, done


def check_places(job: ConvertJob) -> None:
    """Raise BadInput, before any work, for a folder that cannot take the results or would lose a picture to them."""
    from slipcast.core.files import check_folder

    check_folder(job.out)
    pictures = {path.resolve() for path in job.pictures}
    for task in job.tasks:
        for ending in ("json", "preview.png"):
            target = job.out / f"{task.name}.{ending}"
            if target.resolve() in pictures:
                raise BadInput(f"{target} is a picture and would be overwritten; choose another folder")


def convert_one(
    task: ConvertTask, job: ConvertJob, tell: Tell | None = None, *, models: "DepthModels | None" = None
) -> Done:
    """Convert one task of `job` and write its files; raises what reading, the pipeline and writing raise."""
    from slipcast.picture.decode import read_picture

    begun = time.perf_counter()
    picture = read_picture(task.picture, view=task.view)
    digest = str(picture.source["sha256"])
    others = [read_picture(path, view=view) for view, path in task.others.items()]
    if task.sheet:
        from slipcast.picture.sheet import split_sheet

        picture, *others = split_sheet(picture, task.sheet).values()
    return make_files(
        picture,
        task.recipe,
        name=task.name,
        others=others,
        place=Place(out=job.out, keep=job.keep, report=job.report, spare=job.pictures),
        run={"mark": mark_of_task(digest, task, job)},
        read_s=time.perf_counter() - begun,
        tell=tell,
        models=models,
    )


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the files of an asset go, and which of those that may be left out are wanted."""

    out: Path
    keep: bool = False
    report: bool = False
    spare: tuple[Path, ...] = ()
    """Files that are never overwritten."""


def make_files(
    picture: "Picture",
    recipe: "Recipe",
    *,
    name: str,
    place: Place,
    others: Sequence["Picture"] = (),
    run: Mapping[str, object] | None = None,
    read_s: float = 0.0,
    tell: Tell | None = None,
    models: "DepthModels | None" = None,
    start: "Start | None" = None,
) -> Done:
    """Make the asset of decoded pictures and write its files; with `start` from values that are there.

    `run` goes into the JSON's `run` block beside when it was made, how long it took and how much memory.
    """
    from slipcast.pipeline import run as pipeline
    from slipcast.workspace.files import write

    started, begun = datetime.now(UTC), time.perf_counter()
    forget_peak_memory()
    watch = watch_stages(name, tell) if tell else None
    result = pipeline.run(picture, recipe, name=name, others=others, watch=watch, models=models, start=start)
    total_s = read_s + time.perf_counter() - begun
    block: dict[str, object] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": {**({"read": round(read_s, 3)} if read_s else {}), **result.seconds},
        "total_s": round(total_s, 3),
        "peak_memory_mb": peak_memory_mb(),
        **(run or {}),
    }
    page = None
    if place.report:
        from slipcast.report.report import draw_report

        page = draw_report(result, run=block)
    files = write(result, place.out, run=block, keep=place.keep, report=page, spare=place.spare)
    findings = _findings(result)
    vertices = result.figurine.mesh.vertices
    width, height, depth = (float(side) * 1000 for side in vertices.max(axis=0) - vertices.min(axis=0))
    return Done(
        files=files,
        asset={**result.metadata, "run": block},
        findings=findings,
        missed=missed_gates(result.metadata.get("gates", []), files[0]),
        formats=tuple(result.exports),
        size_mm=(width, height, depth),
        faces=len(result.figurine.mesh.faces),
        closed=not any(found.code == "MESH_OPEN" for found in findings),
        verdict=result.verdict.value,
        total_s=read_s + time.perf_counter() - begun,
    )


def missed_gates(gates: object, file: Path) -> Failure | None:
    """What to say of an asset on disk whose JSON has these `gates`; None where it meets all of them."""
    assert isinstance(gates, list)
    missed = [gate for gate in gates if not gate["passed"]]
    if not missed:
        return None
    from slipcast.checks.gates import say_measured

    words = ", ".join(
        f"{gate['gate']} (measured: {say_measured(gate['measured'], gate['gate'])})" for gate in missed
    )
    return Failure.of(
        QualityGate(f"{file} does not meet {words}; it is kept and marked as failing in its JSON")
    )


def mark_of_task(picture_sha256: str, task: ConvertTask, job: ConvertJob) -> str:
    """Names the work of `task`: equal for equal pictures, options and version."""
    others = [
        (view.value, hashlib.sha256(path.read_bytes()).hexdigest()) for view, path in task.others.items()
    ]
    more = (others, [side.value for side in task.sheet]) if others or task.sheet else ()
    return mark_of(picture_sha256, task.recipe, task.view, job.keep, *more)


@dataclass(frozen=True, kw_only=True)
class _Order:
    """What a worker process is given: one task of the job, light enough to be pickled."""

    task: ConvertTask
    job: ConvertJob
    wait: bool


def _work(order: _Order) -> Done | Failure | None:
    """A worker's part; nobody listens to its stages."""
    return _claimed(order.task, order.job, ignore, models_of_worker(), wait=order.wait)


@cache
def models_of_worker() -> "DepthModels":
    """The depth models of this worker process, which has them until it ends."""
    from slipcast.depth.models import DepthModels

    return DepthModels()


def _each(
    tasks: Sequence[ConvertTask], job: ConvertJob, tell: Tell, *, wait: bool
) -> Iterator[tuple[ConvertTask, Done | Failure | None]]:
    """Each task with what came of it, here or by worker processes."""
    workers = min(job.workers, len(tasks))
    if workers < 2 and job.runner == "local":
        from slipcast.depth.models import DepthModels

        with DepthModels() as models:
            for task in tasks:
                yield task, _claimed(task, job, tell, models, wait=wait)
        return
    orders = [_Order(task=task, job=job.part_of(task), wait=wait) for task in tasks]
    runs = (
        run_on_ray(_work, orders, address=job.runner, workers=workers, limit_s=job.limit_s)
        if is_ray(job.runner)
        else run_jobs(_work, orders, workers=workers, limit_s=job.limit_s)
    )
    for order, done in runs:
        if isinstance(done, Lost):
            error = StageFailed(f"{order.task.picture} was tried twice and given up: {done.reason}")
            yield order.task, Failure.of(error)
        else:
            yield order.task, done


def _worked_on(job: ConvertJob, tell: Tell) -> Iterator[tuple[ConvertTask, Done | Failure]]:
    """Each task with what came of it; what another process has claimed comes last."""
    elsewhere: list[ConvertTask] = []
    for wait, tasks in ((False, job.tasks), (True, elsewhere)):
        for task, done in _each(tasks, job, tell, wait=wait):
            if done is None:
                elsewhere.append(task)
                continue
            yield task, done
            if isinstance(done, Failure) and done.kind == DiskFull.__name__:
                return


def _claimed(
    task: ConvertTask, job: ConvertJob, tell: Tell, models: "DepthModels", *, wait: bool
) -> Done | Failure | None:
    """What came of `task`; None where another process is at it."""
    if not job.resume:
        return _done(lambda: convert_one(task, job, tell, models=models), job)
    from slipcast.core.files import tell_writing
    from slipcast.workspace.claims import claim

    was_there = job.out.is_dir()

    def claimed() -> Done | Failure | None:
        with tell_writing(job.out):
            job.out.mkdir(parents=True, exist_ok=True)
            with claim(job.out, task.name, wait=wait) as mine:
                if not mine:
                    return None
                found = attempt(lambda: _found(task, job), debug=job.debug)
                return found if found else _done(lambda: convert_one(task, job, tell, models=models), job)

    done = attempt(claimed, debug=job.debug)
    if isinstance(done, Failure) and not was_there:
        with suppress(OSError):  # it holds something, of another process maybe
            job.out.rmdir()
    return done


def _done(work: Callable[[], Done], job: ConvertJob) -> Done | Failure:
    return attempt(work, debug=job.debug)


def _found(task: ConvertTask, job: ConvertJob) -> Done | None:
    """The asset of `task` when another run made it, of this picture and with these options."""
    place = job.out / f"{task.name}.json"
    if not all(path.is_file() for path in (task.picture, place, *task.others.values())):
        return None
    asset = find_made(place, mark_of_task(hashlib.sha256(task.picture.read_bytes()).hexdigest(), task, job))
    if asset is None or (job.report and not (job.out / f"{task.name}.report.html").is_file()):
        return None
    files = files_of(place, asset)
    return Done(files=files, asset=asset, missed=missed_gates(asset.get("gates", []), files[0]), resumed=True)


def _findings(result: "Result") -> tuple[Finding, ...]:
    """The asset's findings, then what each format could not carry; each once."""
    found = [*result.figurine.findings]
    for export in result.exports.values():
        found += [finding for finding in export.findings if finding not in found]
    return tuple(found)
