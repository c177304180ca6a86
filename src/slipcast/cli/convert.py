"""`slipcast convert`: pictures in, assets on disk, one line for each."""

import hashlib
import json
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slipcast.cli import recipe as recipes
from slipcast.cli.again import made_before, mark_of
from slipcast.cli.guard import Failure, attempt
from slipcast.cli.making import making_options, recipe_from
from slipcast.cli.terminal import Terminal, quiet
from slipcast.errors import BadInput, QualityGate, status_of
from slipcast.findings import Finding
from slipcast.values import View

if TYPE_CHECKING:
    from slipcast.pipeline import Recipe, Result, Watch


@dataclass(frozen=True, kw_only=True)
class Job:
    """What is the same for every picture of a run."""

    recipe: "Recipe"
    view: View
    out: Path
    keep: bool
    report: bool
    resume: bool
    """Leave what an earlier run made of the same picture with the same options."""
    names: dict[Path, str]
    """Picture -> the name of its asset, in the order asked for."""


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


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True, type=click.Path(path_type=Path))
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
    "--fov", default=recipes.FOV_DEG, show_default=True, help="The camera's vertical field of view, degrees."
)
@making_options
@click.option("--resume", is_flag=True, help="Leave what is there already, of the same picture and options.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each picture.")
@click.option("--debug", is_flag=True, help="Show what the libraries print; log unexpected errors.")
@click.pass_obj
def convert(
    terminal: Terminal,
    /,
    pictures: tuple[Path, ...],
    out: Path,
    pattern: str,
    view: str,
    fov: float,
    resume: bool,
    as_json: bool,
    debug: bool,
    **words: Any,
) -> int:
    """Turn each PICTURE of a figurine into a closed, textured 3D asset.

    The folder OUT gets NAME.glb (or what --format says), NAME.json with sizes, options, findings and seconds per
    stage, and NAME.preview.png with the picture and four views. NAME is the picture's, without its suffix; where all
    pictures are called front.png, --name "{folder}" takes their folders' names. A result that does not meet --gate is
    written all the same, marked in its JSON, and the exit code says so.
    """

    def prepared() -> Job:
        recipe = recipe_from(words, fov_deg=fov)
        names = names_of(pictures, pattern)
        job = Job(
            recipe=recipe,
            view=recipes.view_of(view),
            out=out,
            keep=words["keep"],
            report=words["report"],
            resume=resume,
            names=names,
        )
        check_places(job)
        return job

    entries: list[dict[str, object]] = []
    failures: list[Failure] = []

    def close(path: Path | None, done: Done | Failure) -> None:
        entries.append(_entry(path, done))
        if isinstance(done, Failure):
            failures.append(done)
            terminal.complain(done.message)
        elif not as_json:
            terminal.say(done.summary)
            terminal.note(done.findings)
        if isinstance(done, Done) and done.missed:
            failures.append(done.missed)
            terminal.complain(done.missed.message)

    job = attempt(prepared, debug=debug)
    try:
        if isinstance(job, Failure):
            close(None, job)
        else:
            for path in job.names:
                close(path, _convert_one(terminal, path, job, debug=debug))
    finally:
        if as_json:
            terminal.say(json.dumps(entries, indent=2, ensure_ascii=False))
    if failures and len(entries) > 1:
        terminal.complain(f"{len(failures)} of {len(pictures)} pictures failed")
    return failures[0].exit_code if failures else 0


def names_of(pictures: tuple[Path, ...], pattern: str) -> dict[Path, str]:
    """Picture -> name of its asset, from a pattern with `{stem}` and `{folder}`.

    Two pictures that would get one name are refused, since their results would overwrite each other; case is ignored
    because some disks ignore it. Nothing is renamed behind the user's back: the same call gives the same files.
    """
    plain = pattern.replace("{stem}", "").replace("{folder}", "")
    if not pattern or set(plain) & set("/\\{}\0"):
        raise BadInput(
            f"--name {pattern!r} is no pattern for file names; use {{stem}}, {{folder}} and plain letters"
        )
    names: dict[Path, str] = {}
    first: dict[str, Path] = {}
    for path in dict.fromkeys(pictures):
        name = pattern.replace("{stem}", path.stem).replace("{folder}", path.absolute().parent.name)
        if name in ("", ".", "..") or not name.isprintable():
            raise BadInput(f"{path} gives its asset the name {name!r}, which is no file name; use --name")
        other = first.setdefault(name.casefold(), path)
        if other is not path:
            raise BadInput(
                f"{other} and {path} would both be called {name}; rename one, or try --name '{{folder}}-{{stem}}'"
            )
        names[path] = name
    return names


def check_places(job: Job) -> None:
    """Refuse, before any work, an output folder that cannot take the results or would lose a picture to them."""
    from slipcast.store import check_folder

    check_folder(job.out)
    pictures = {path.resolve() for path in job.names}
    for name in job.names.values():
        for ending in ("json", "preview.png"):
            target = job.out / f"{name}.{ending}"
            if target.resolve() in pictures:
                raise BadInput(
                    f"{target} is a picture and would be overwritten; choose another folder with --out"
                )


def _convert_one(terminal: Terminal, path: Path, job: Job, *, debug: bool) -> Done | Failure:
    from slipcast.pipeline import STAGES

    if job.resume:
        found = attempt(lambda: _found(path, job), debug=debug)
        if found:
            return found
    with terminal.progress(path.name, STAGES) as watch, nullcontext() if debug else quiet():
        return attempt(lambda: _made(path, job, watch), debug=debug)


def _mark(picture_sha256: str, job: Job) -> str:
    return mark_of(picture_sha256, job.recipe, job.view, job.keep)


def _found(path: Path, job: Job) -> Done | None:
    """The asset of `path` when an earlier run made it, of this picture and with these options."""
    place = job.out / f"{job.names[path]}.json"
    if not (path.is_file() and place.is_file()):
        return None
    asset = made_before(place, _mark(hashlib.sha256(path.read_bytes()).hexdigest(), job))
    if asset is None or (job.report and not (job.out / f"{job.names[path]}.report.html").is_file()):
        return None
    files = tuple(job.out / name for name in asset["files"])
    summary = f"{files[0]} | was there already, of this picture and with these options"
    missed = missed_gates(asset.get("gates", []), files[0])
    return Done(files=files, asset=asset, findings=(), summary=summary, missed=missed)


def _made(path: Path, job: Job, watch: "Watch | None") -> Done:
    from slipcast.image.folder import read_picture
    from slipcast.pipeline import make
    from slipcast.store import write

    started, begun = datetime.now(UTC), time.perf_counter()
    picture = read_picture(path, view=job.view)
    read_s = time.perf_counter() - begun
    result = make(picture, job.recipe, name=job.names[path], watch=watch)
    run: dict[str, object] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": {"read": round(read_s, 3), **result.seconds},
        "total_s": round(time.perf_counter() - begun, 3),
        "peak_memory_mb": _peak_memory_mb(),
        "mark": _mark(str(picture.source["sha256"]), job),
    }
    page = None
    if job.report:
        from slipcast.report import draw_report

        page = draw_report(result, run=run)
    files = write(result, job.out, run=run, keep=job.keep, report=page, spare=job.names)
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
    from slipcast.checks.gates import told

    words = ", ".join(f"{gate['gate']} (measured: {told(gate['measured'])})" for gate in missed)
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
    if findings:
        parts.append(" ".join(finding.code for finding in findings))
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
        **error,
        "files": [str(file) for file in done.files],
        "findings": [finding.as_dict() for finding in done.findings] or done.asset.get("findings", []),
        "asset": done.asset,
    }


def _peak_memory_mb() -> int | None:
    """The most memory that this process has held so far; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))
