"""`slipcast watch`: a folder's pictures become assets as they arrive."""

from contextlib import nullcontext
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import click

from slipcast.cli.convert import summarize
from slipcast.cli.options.asset import AssetWords, asset_options, recipe_from
from slipcast.cli.options.common import PATH, debug_option, jobs_option, json_lines_option, out_option
from slipcast.cli.options.flags import Option
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput
from slipcast.core.mention import Mention
from slipcast.jobs.convert import ConvertJob, Done
from slipcast.jobs.events import Event
from slipcast.jobs.failure import Failure
from slipcast.jobs.runners import LIMIT_S, count_workers
from slipcast.jobs.sources import SUFFIXES
from slipcast.jobs.watch import FAILED, FolderGone, WatchOptions, watch_folder


@click.command()
@click.argument("folder", metavar="IN", type=PATH)
@out_option
@asset_options
@click.option("--move", type=PATH, help="Move pictures that are done to this folder.")
@click.option(
    "--settle",
    cls=Option,
    fields=("settle_s",),
    default=WatchOptions.settle_s,
    show_default=True,
    help="Seconds without a change after which a file is whole.",
)
@click.option(
    "--views-wait",
    cls=Option,
    fields=("views_wait_s",),
    default=WatchOptions.views_wait_s,
    show_default=True,
    help="Seconds that owl_left.png waits for more sides of the owl.",
)
@click.option("--once", is_flag=True, help="End when all pictures in the folder are done.")
@jobs_option
@json_lines_option
@debug_option
@click.pass_obj
def watch(
    terminal: Terminal,
    /,
    folder: Path,
    out: Path,
    move: Path | None,
    settle: float,
    views_wait: float,
    once: bool,
    jobs: int,
    json_lines: bool,
    debug: bool,
    asset: AssetWords,
) -> int:
    """Convert each picture that arrives in the folder IN, and print a line for each asset. It runs for weeks.

    A file is read when it no longer changes. Views of one figurine (owl_front.png, owl_left.png ...) wait for each
    other. An asset that exists already, of the same picture with the same options, is not made again: after a stop the
    same command goes on. A picture that fails gets a JSON in OUT/failed, and is tried again when it changes. The folder
    may lie on a network share and may disappear for a while.
    """
    if find_spec("watchfiles") is None:
        raise BadInput("slipcast watch needs watchfiles: run `pip install 'slipcast[watch]'`")
    options = WatchOptions(settle_s=settle, views_wait_s=views_wait, move=move, once=once)
    job = ConvertJob(
        tasks=(),
        out=out,
        keep=asset.keep,
        report=asset.report,
        workers=jobs or count_workers(),
        limit_s=LIMIT_S,
        debug=debug,
    )

    def tell(event: Event) -> None:
        if isinstance(event, FolderGone):
            terminal.complain(
                f"{_now()} {folder} cannot be read ({event.reason}); it is looked for until it is there again"
            )

    code, came = 0, False
    with nullcontext() if debug else quiet():
        for task, done in watch_folder(folder, recipe_from(asset), job, options, tell):
            came = True
            if json_lines:
                terminal.say_json({"picture": str(task.picture), **_entry(done, terminal.mention)})
            elif isinstance(done, Done):
                terminal.say(f"{_now()} {summarize(done)}")
            error = done.missed if isinstance(done, Done) else done
            if error is not None:
                code = code or error.exit_code
                told = error.tell(terminal.mention)
                terminal.complain(f"{_now()} {told}; see {out / FAILED / task.name}.json")
    if not came:
        terminal.complain(f"{folder} has no picture that is new; pictures are {', '.join(sorted(SUFFIXES))}")
    return code


def _entry(done: Done | Failure, mention: Mention) -> dict[str, object]:
    return done.as_dict() if isinstance(done, Done) else {"ok": False, "error": done.as_dict(mention)}


def _now() -> str:
    return datetime.now().astimezone().isoformat(timespec="seconds")
