"""`slipcast resume`: go on from stages that somebody edited."""

from contextlib import nullcontext
from functools import partial
from pathlib import Path

import click

from slipcast.cli.convert import summarize
from slipcast.cli.live import StageBar
from slipcast.cli.options.common import FOLDER, PATH, debug_option
from slipcast.cli.terminal import Terminal, quiet
from slipcast.jobs.convert import Done
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.resume import resume_stages


@click.command()
@click.argument("folders", metavar="STAGES...", nargs=-1, required=True, type=PATH)
@click.option(
    "--from",
    "since",
    default="",
    help="Stage to go on from: mask, depth, steps, mesh or texture; default: the first that was edited.",
)
@click.option("-o", "--out", type=FOLDER, help="Folder for the results; default: where it was.")
@click.option(
    "--recipe",
    "recipe_file",
    type=PATH,
    help="Recipe file (TOML) instead of the one that made the asset.",
)
@click.option(
    "--report", is_flag=True, help="Also write NAME.report.html; one that is there is always drawn anew."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each folder.")
@debug_option
@click.pass_obj
def resume(
    terminal: Terminal,
    folders: tuple[Path, ...],
    since: str,
    out: Path | None,
    recipe_file: Path | None,
    report: bool,
    as_json: bool,
    debug: bool,
) -> int:
    """Make assets again from STAGES: folders NAME.stages that `--keep` wrote and that you edited.

    Paint mask.png, depth_front.png, depth_back.png or steps.png, sculpt mesh.ply (or put a mesh.glb beside it), retouch
    atlas.png or picture.png. Slipcast notices what you edited and makes everything after it again, nothing before it.
    The metadata says what was edited.
    """
    from slipcast.pipeline.recipe import Recipe
    from slipcast.pipeline.run import STAGES

    recipe = Recipe.load(recipe_file) if recipe_file else None

    def work(folder: Path, bar: StageBar) -> Done:
        return resume_stages(folder, out=out, since=since, recipe=recipe, report=report, tell=bar.tell)

    entries: list[dict[str, object]] = []
    code = 0
    for folder in folders:
        with StageBar(terminal, STAGES) as bar, nullcontext() if debug else quiet():
            done = attempt(
                partial(work, folder, bar),
                debug=debug,
            )
        if isinstance(done, Failure):
            code = code or done.exit_code
            terminal.complain(done)
            entries.append({"stages": str(folder), "ok": False, "error": done.as_dict(terminal.mention)})
            continue
        if done.missed:
            code = code or done.missed.exit_code
            terminal.complain(done.missed)
        entries.append({"stages": str(folder), **done.as_dict()})
        if not as_json:
            edited = done.asset.get("edited")
            told = f" | edited: {', '.join(edited)}" if isinstance(edited, list) else ""
            terminal.say(summarize(done) + told)
            terminal.note(done.findings)
    if as_json:
        terminal.say_json(entries, indent=2)
    return code
