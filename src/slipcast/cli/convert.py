"""`slipcast convert`: pictures in, assets on disk, one line for each."""

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

import click

from slipcast.cli.live import StageBar
from slipcast.cli.options import recipe as recipes
from slipcast.cli.options.asset import AssetWords, asset_options, recipe_from
from slipcast.cli.options.common import PATH, debug_option, jobs_option, json_lines_option, out_option
from slipcast.cli.options.export import is_given
from slipcast.cli.options.flags import Option, refuse_empty
from slipcast.cli.options.views import sides_of_words, views_of_words
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput, DiskFull
from slipcast.core.findings import USUAL
from slipcast.core.mention import Mention
from slipcast.core.scientific import leave_out_docs
from slipcast.core.values import View
from slipcast.jobs.convert import ConvertJob, ConvertTask, Done, check_places, convert_pictures
from slipcast.jobs.events import Event, Progress
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.on_ray import is_ray
from slipcast.jobs.runners import LIMIT_S, count_workers
from slipcast.jobs.sources import Entry, entries_of, names_of, subfolders_left


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, type=PATH)
@click.option(
    "--from-list",
    "listed",
    type=PATH,
    help="List of more pictures: one path per line (- reads stdin), or a manifest (.csv, .jsonl).",
)
@out_option
@click.option(
    "--name",
    "pattern",
    cls=Option,
    fields=("name",),
    default="{stem}",
    show_default=True,
    help="Name pattern for the results: {stem}, {folder}, {suffix}.",
)
@click.option(
    "--view",
    default=View.FRONT.value,
    show_default=True,
    help=f"Side that the picture shows: {', '.join(View)}.",
)
@click.option(
    "--views",
    callback=refuse_empty,
    default="",
    help="Pictures of one figurine's sides: front=a.png,left=b.png,back=c.png.",
)
@click.option(
    "--sheet",
    callback=refuse_empty,
    default="",
    help="Sides that one PICTURE shows side by side: front,left,back,right.",
)
@click.option(
    "--fov",
    cls=Option,
    fields=("fov_deg",),
    default=recipes.FOV_DEG,
    show_default=True,
    help="Vertical field of view of the camera in degrees.",
)
@asset_options
@jobs_option
@click.option(
    "--runner",
    default="local",
    show_default=True,
    help="Place where the jobs run: local, ray, or ray://HOST:PORT; on Ray --jobs 0 takes all processors but one.",
)
@click.option(
    "--job-limit",
    cls=Option,
    fields=("limit_s",),
    default=LIMIT_S,
    show_default=True,
    help="Time limit for one picture in a worker, in seconds.",
)
@click.option(
    "--resume", is_flag=True, help="Skip pictures whose asset exists already, made with the same options."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each picture.")
@json_lines_option
@debug_option
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
    runner: str,
    job_limit: float,
    resume: bool,
    as_json: bool,
    json_lines: bool,
    debug: bool,
    asset: AssetWords,
) -> int:
    """Turn each PICTURE of a figurine into a closed, textured 3D asset; a folder stands for the pictures in it,
    without its subfolders.

    Pictures of several sides become one asset: --views front=a.png,left=b.png, a folder with front.png, left.png,
    back.png ..., or --sheet front,left,back,right for one picture with all sides. Left shows the figurine's own left
    side: it looks towards the picture's left edge.

    The folder OUT gets NAME.glb (or what --format says), NAME.json with sizes, options, findings and seconds per
    stage, and NAME.preview.png with the picture and four views. NAME is the picture's, without its suffix; where all
    pictures are called front.png, --name "{folder}" takes their folders' names. A result that does not meet --gate is
    written all the same, marked in its JSON, and the exit code says so.
    """

    leave_out_docs()

    def prepare() -> ConvertJob:
        if as_json and json_lines:
            raise BadInput("--json and --json-lines are two ways to print the same; give one of them")
        entries = viewed(views, entries_of(pictures, listed) if pictures or listed or not views else ())
        sides = sides_of_words(sheet) if sheet else ()
        if sides and is_given("view"):
            raise BadInput("--sheet names the sides itself; leave --view away, or --sheet")
        tasks = tasks_of(entries, pattern, asset, view=view, fov_deg=fov, sheet=sides)
        job = ConvertJob(
            tasks=tasks,
            out=out,
            keep=asset.keep,
            report=asset.report,
            resume=resume,
            workers=jobs or (0 if is_ray(runner) else count_workers()),
            runner=runner,
            limit_s=job_limit,
            debug=debug,
        )
        check_places(job)
        return job

    entries: list[dict[str, object]] = []
    failures: list[Failure] = []

    def close(path: Path | None, done: Done | Failure) -> None:
        entry = _entry(path, done, terminal.mention)
        entries.append(entry)
        if json_lines:
            terminal.say_json(entry)
        if isinstance(done, Failure):
            failures.append(done)
            terminal.complain(done)
        elif not (as_json or json_lines):
            terminal.say(summarize(done))
            terminal.note(done.findings)
        if isinstance(done, Done) and done.missed:
            failures.append(done.missed)
            terminal.complain(done.missed)

    from slipcast.pipeline.run import STAGES

    job = attempt(prepare, debug=debug)
    count = 1 if isinstance(job, Failure) else len(job.tasks)
    try:
        if isinstance(job, Failure):
            close(None, job)
        else:
            for sentence in subfolders_left(pictures, out=out):
                terminal.complain(sentence)
            passed: list[Progress] = []
            with StageBar(terminal, STAGES) as bar, nullcontext() if debug else quiet():

                def tell(event: Event) -> None:
                    bar.tell(event)
                    if isinstance(event, Progress):
                        passed.append(event)

                for task, done in convert_pictures(job, tell):
                    close(task.picture, done)
                    if passed:
                        terminal.log(progress_line(passed.pop(), task, done))
    finally:
        if as_json:
            terminal.say_json(entries, indent=2)
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
    words: AssetWords,
    *,
    view: str,
    fov_deg: float,
    sheet: tuple[View, ...] = (),
) -> tuple[ConvertTask, ...]:
    """One task a picture: the command's words, and over them those that a manifest says of the picture.

    Raises BadInput for what does not fit; it begins with the manifest's file and line where the words are of there.
    """
    names = names_of(entries, pattern)
    fov = fov_deg if is_given("fov") else None
    common = recipe_from(words, fov_deg=fov)
    tasks = []
    for entry in entries:
        own = {key: word for key, word in entry.words.items() if key not in ("name", "view")}
        try:
            recipe = recipe_from(words, own=own, fov_deg=fov) if own else common
            side = recipes.view_of(entry.words.get("view", view))
        except BadInput as problem:
            if not entry.where:
                raise
            raise BadInput(f"{entry.where}: {problem}") from problem
        tasks.append(
            ConvertTask(
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
    """The entries, with the figurine that `--views` names; it takes no PICTURE and no `--view` beside it.

    Raises BadInput for these, and for views that `views_of_words` does not understand.
    """
    if not words:
        return entries
    if entries:
        raise BadInput("--views names the pictures itself; leave PICTURE away, or --views")
    if is_given("view"):
        raise BadInput("--views names the side of each picture itself; leave --view away, or --views")
    views = views_of_words(words)
    front, *_ = views.values()
    return (Entry(picture=front, others={view: path for view, path in views.items() if path != front}),)


def progress_line(progress: Progress, task: ConvertTask, done: Done | Failure) -> str:
    """How far a run of several pictures is, for a log: what is done, when, and how long the rest may take."""
    how = "failed" if isinstance(done, Failure) else str(done.asset.get("verdict", "done"))
    if isinstance(done, Done) and done.resumed:
        how += ", was there already"
    left = f", about {_duration(progress.left_s)} left" if progress.done < progress.total else ""
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    passed = _duration(progress.passed_s)
    return f"{now} {progress.done} of {progress.total} {task.picture.name}: {how}; {passed} so far{left}"


def _duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def summarize(done: Done) -> str:
    """Where it is, its size, its faces, how long it took, which findings: one line."""
    if done.resumed:
        return f"{done.files[0]} | was there already, of this picture and with these options"
    others = done.formats[1:]
    width, height, depth = done.size_mm
    parts = [
        f"{done.files[0]}" + (f" (and {', '.join(others)})" if others else ""),
        f"{height:.1f} mm tall, {width:.1f} wide, {depth:.1f} deep",
        f"{done.faces} faces, {'closed' if done.closed else 'open'}",
        f"{done.total_s:.1f} s",
        done.verdict,
    ]
    codes = [finding.code for finding in done.findings if finding.code not in USUAL]
    if codes:
        parts.append(" ".join(codes))
    return " | ".join(parts)


def _entry(path: Path | None, done: Done | Failure, mention: Mention) -> dict[str, object]:
    """One picture's part of the JSON list."""
    picture = {"picture": None if path is None else str(path)}
    if isinstance(done, Failure):
        return {**picture, "ok": False, "error": done.as_dict(mention)}
    return {**picture, **done.as_dict()}
