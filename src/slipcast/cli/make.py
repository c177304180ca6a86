"""`slipcast make`: words -> prompt -> picture -> asset, in one folder that goes on where it was stopped.

`OUT/NAME.picture.png` and `OUT/NAME.picture.json` are the bought picture and its story, the rest is what `convert`
writes. The asset's metadata carries the story too. A picture that is paid for is never paid for again; an asset that
was made from it with the same options is not made again.
"""

import json
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slipcast.cli.convert import missed_gates
from slipcast.cli.exit import Failure, attempt
from slipcast.cli.generate import cascade_of, plan_of, price_of, say_plan
from slipcast.cli.live import Board
from slipcast.cli.options.asset import asset_options, recipe_from
from slipcast.cli.options.prompt import (
    Asked,
    ask_for,
    buy_options,
    options_of,
    provider_of,
    sidecar,
    spec_options,
)
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput
from slipcast.core.findings import USUAL
from slipcast.workspace.resume import find_made, mark_of

if TYPE_CHECKING:
    from slipcast.core.values import Picture
    from slipcast.generate.results import Bought
    from slipcast.generate.turnaround import SidesOptions
    from slipcast.pipeline.run import Recipe, Result, Watch


@click.command()
@click.argument("subject", metavar="WORDS...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    default="out",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for the results.",
)
@click.option("--name", default="", help="Of the asset; from the words by default.")
@click.option(
    "--take", default=0, show_default=True, help="Another number gives another picture of the same words."
)
@asset_options
@click.option("--drafts", default=0, help="Buy so many cheap drafts, redraw the best on --final.")
@click.option(
    "--draft", default="gemini-3.1-flash-lite-image", show_default=True, help="Model of the drafts."
)
@click.option(
    "--final", default="gemini-3-pro-image", show_default=True, help="Model of the redrawn picture."
)
@click.option(
    "--views", "view_count", default=1, show_default=True, help="Pictures of so many sides: 1, 4 or 6."
)
@click.option(
    "--retries", default=1, show_default=True, help="How often a side that does not fit is bought again."
)
@click.option(
    "--mirror-symmetric", is_flag=True, help="Buy one of two opposite sides and mirror it to the other."
)
@click.option("--dry-run", is_flag=True, help="Say what would be bought and for how much; buy nothing.")
@spec_options
@buy_options
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--debug", is_flag=True, help="Show what the libraries print; log unexpected errors.")
@click.pass_obj
def make(terminal: Terminal, /, subject: tuple[str, ...], out: Path, as_json: bool, **words: Any) -> int:
    """Make a 3D asset of a figurine from WORDS.

    Buys a picture (or takes it from the disk: --provider folder --pictures DIR), then converts it. Run it again
    after a stop: what is done is not done again, what is paid for is not paid for again.
    """
    done = attempt(
        lambda: _make(terminal, " ".join(subject), out, words, as_json=as_json), debug=words["debug"]
    )
    if isinstance(done, Failure):
        if as_json:
            terminal.say(json.dumps({"ok": False, "error": done.as_dict()}))
        terminal.complain(done.message)
        return done.exit_code
    return done


def _make(terminal: Terminal, subject: str, out: Path, words: dict[str, Any], *, as_json: bool) -> int:
    from slipcast.generate.request import Reference
    from slipcast.generate.studio import Studio
    from slipcast.generate.turnaround import Side, buy_sides, plan_sides
    from slipcast.workspace.files import check_folder, write_files

    asked = ask_for(subject, words, name=words["name"], take=words["take"])
    recipe = recipe_from(words)
    name = asked.request.name
    if "/" in name or name in (".", ".."):
        raise BadInput(f"--name {name!r} is no file name; use plain letters")
    wanted = _sides_wanted(asked, words)
    with Studio(provider_of(words), options_of(words)) as studio:
        if words["dry_run"]:
            plan = plan_of(studio, [asked], words)
            if wanted:
                plan = plan.plus(studio.plan(plan_sides(wanted)))
            say_plan(terminal, plan, as_json=as_json)
            return 0
        check_folder(out)
        with Board(terminal) as board:
            bought, usd = _bought(studio, asked, words, board)
            sides: tuple[Side, ...] = ()
            if wanted:
                front = Reference(data=bought.data, mime=bought.mime)
                sides = buy_sides(studio, front, bought.picture(), wanted, name=name, watch=board.watch)
                usd += sum(side.cost_usd for side in sides)
    story = {f"{name}.picture{bought.suffix}": bought.data}
    story[f"{name}.picture.json"] = sidecar(bought.facts, (*asked.findings, *bought.findings))
    for side in sides:
        story[f"{name}.picture.{side.view}{side.suffix}"] = side.data
        facts = {**side.facts, "fits": side.fits, "tries": side.tries}
        story[f"{name}.picture.{side.view}.json"] = sidecar(facts, side.findings)
    write_files(out, story)
    mark = mark_of(str(bought.facts["sha256"]), recipe, *(str(side.facts["key"]) for side in sides))
    shown = not words["report"] or (out / f"{name}.report.html").is_file()
    if shown and not words["refresh"] and find_made(out / f"{name}.json", mark):
        terminal.say(
            f"{out / name}.json is there already, of this picture and with these options; nothing was done"
        )
        return _told(terminal, _missed_before(out / f"{name}.json"))
    for side in sides:
        if not side.fits:
            why = "; ".join(found.message for found in side.findings) or "no figurine can be made out"
            terminal.complain(f"the {side.view} picture does not fit after {side.tries} tries: {why}")
    distinct = {str(side.facts["sha256"]): side.picture() for side in reversed(sides)}
    distinct.pop(str(bought.facts["sha256"]), None)
    others = tuple(distinct.values())
    return _convert(
        terminal, bought, usd, asked, recipe, out, name, mark, words, others=others, as_json=as_json
    )


def _sides_wanted(asked: Asked, words: dict[str, Any]) -> "SidesOptions | None":
    """The sides that `--views` asks for beside the front; None for the front alone."""
    from slipcast.generate.turnaround import SETS, SidesOptions

    if words["view_count"] == 1:
        return None
    if words["view_count"] not in SETS:
        raise BadInput(f"--views {words['view_count']} is no set of sides; choose from 1, 4, 6")
    request = asked.request
    return SidesOptions(
        sides=SETS[words["view_count"]][1:],
        model=request.model if not words["drafts"] else words["final"],
        ratio=request.ratio,
        size=request.size,
        retries=words["retries"],
        mirror_symmetric=words["mirror_symmetric"],
    )


def _bought(studio: Any, asked: Asked, words: dict[str, Any], board: Board) -> "tuple[Bought, float]":
    """The picture, and what it cost now, its drafts included."""
    if not words["drafts"]:
        bought: Bought = studio.buy(asked.request, board.watch)
        return bought, bought.cost_usd
    from slipcast.generate.cascade import cascade

    made = cascade(studio, asked.request, cascade_of(words), board.watch)
    return made.final, made.cost_usd


def _convert(
    terminal: Terminal,
    bought: "Bought",
    usd: float,
    asked: Asked,
    recipe: "Recipe",
    out: Path,
    name: str,
    mark: str,
    words: dict[str, Any],
    *,
    others: "tuple[Picture, ...]",
    as_json: bool,
) -> int:
    from slipcast.pipeline.run import STAGES
    from slipcast.pipeline.run import make as make_asset
    from slipcast.workspace.files import write

    started, begun = datetime.now(UTC), time.perf_counter()
    picture = bought.picture()
    picture = replace(picture, findings=(*asked.findings, *picture.findings))

    more: dict[str, Any] = {"others": others} if others else {}

    def work(watch: "Watch | None") -> Any:
        return _with_material(make_asset(picture, recipe, name=name, watch=watch, **more), bought, recipe)

    with terminal.progress(name, STAGES) as watch, nullcontext() if words["debug"] else quiet():
        result = work(watch)
    total_s = time.perf_counter() - begun
    run = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": dict(result.seconds),
        "total_s": round(total_s, 3),
        "mark": mark,
        "cost_usd": usd,
    }
    page = None
    if words["report"]:
        from slipcast.report.report import draw_report

        page = draw_report(result, run=run)
    spare = [out / f"{name}.picture{bought.suffix}"]
    files = write(result, out, run=run, keep=words["keep"], report=page, spare=spare)
    missed = missed_gates(result.metadata["gates"], files[0])
    if as_json:
        shown: dict[str, object] = {"ok": missed is None}
        if missed:
            shown["error"] = missed.as_dict()
        shown |= {"files": [str(file) for file in files], "asset": {**result.metadata, "run": run}}
        terminal.say(json.dumps(shown, ensure_ascii=False))
        return _told(terminal, missed)
    price = price_of(bought, usd)
    faces = len(result.figurine.mesh.faces)
    codes = " ".join(dict.fromkeys(f.code for f in result.figurine.findings if f.code not in USUAL))
    terminal.say(
        f"{files[0]} | picture {price} | {faces} faces | {total_s:.1f} s" + (f" | {codes}" if codes else "")
    )
    terminal.note(result.figurine.findings)
    return _told(terminal, missed)


def _told(terminal: Terminal, missed: Failure | None) -> int:
    """Say which gates were not met; the exit code."""
    if missed is None:
        return 0
    terminal.complain(missed.message)
    return missed.exit_code


def _missed_before(path: Path) -> Failure | None:
    """The gates that the asset whose JSON is at `path` did not meet when it was made."""
    known = json.loads(path.read_text("utf-8"))
    return missed_gates(known.get("gates", []), path)


def _with_material(result: "Result", bought: "Bought", recipe: "Recipe") -> "Result":
    """`result` with the material that the prompt named, exported anew; unchanged where it named none."""
    named = bought.facts.get("material")
    if not isinstance(named, dict):
        return result
    from slipcast.core.values import Material
    from slipcast.formats.table import EXPORTERS
    from slipcast.pipeline import metadata

    figurine = replace(result.figurine, material=Material(**named))
    exports = {key: EXPORTERS[key].export(figurine, recipe.export) for key in recipe.formats}
    described = metadata.describe(figurine, exports, checks=result.checks, passages=result.passages)
    return replace(result, figurine=figurine, exports=exports, metadata=described)
