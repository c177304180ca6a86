"""`slipcast make`: words -> prompt -> picture -> asset, in one folder that goes on where it was stopped."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.generate import price_of, say_plan
from slipcast.cli.live import Board, StageBar
from slipcast.cli.options.asset import AssetWords, asset_options, recipe_from
from slipcast.cli.options.common import (
    debug_option,
    dry_run_option,
    json_option,
    mirror_option,
    out_option,
    retries_option,
)
from slipcast.cli.options.prompt import (
    BuyWords,
    CascadeWords,
    SpecWords,
    ask_of,
    buy_options,
    cascade_of,
    cascade_options,
    options_of,
    picture_of,
    provider_of,
    spec_options,
)
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput
from slipcast.core.findings import USUAL
from slipcast.jobs.events import Event, StageBegan
from slipcast.jobs.failure import Failure, attempt

if TYPE_CHECKING:
    from slipcast.generate.ask import Asked
    from slipcast.generate.request import Provider
    from slipcast.generate.turnaround import SidesOptions
    from slipcast.jobs.make import Made, MakeJob


@click.command()
@click.argument("subject", metavar="WORDS...", nargs=-1, required=True)
@out_option
@click.option("--name", default="", help="Name of the asset; default: from the words.")
@click.option(
    "--take",
    default=0,
    type=click.IntRange(0, 1_000_000),
    show_default=True,
    help="Number of the try; another one gives another picture of the same words.",
)
@asset_options
@cascade_options
@click.option(
    "--views",
    "view_count",
    default=1,
    show_default=True,
    help="Number of sides to buy pictures of: 1, 4 or 6.",
)
@retries_option
@mirror_option
@dry_run_option
@spec_options
@buy_options
@json_option
@debug_option
@click.pass_obj
def make(
    terminal: Terminal,
    /,
    subject: tuple[str, ...],
    out: Path,
    name: str,
    take: int,
    view_count: int,
    retries: int,
    mirror_symmetric: bool,
    dry_run: bool,
    as_json: bool,
    debug: bool,
    asset: AssetWords,
    drafting: CascadeWords,
    spec: SpecWords,
    buying: BuyWords,
) -> int:
    """Make a 3D asset of a figurine from WORDS.

    Buys a picture (or takes it from the disk: --provider folder --pictures DIR), then converts it. Run it again
    after a stop: what is done is not done again, what is paid for is not paid for again.
    """

    def prepare() -> "MakeJob":
        from slipcast.jobs.make import MakeJob

        asked = ask_of(" ".join(subject), spec, picture_of(spec, buying), name=name, take=take)
        drafts = cascade_of(drafting)
        return MakeJob(
            asked=asked,
            recipe=recipe_from(asset),
            out=out,
            options=options_of(buying),
            drafts=drafts,
            sides=sides_of(
                view_count,
                asked,
                model=drafts.final if drafts else asked.request.model,
                retries=retries,
                mirror_symmetric=mirror_symmetric,
            ),
            keep=asset.keep,
            report=asset.report,
        )

    def work() -> int:
        from slipcast.jobs.make import plan_asset

        job = prepare()
        provider = provider_of(buying, dry_run=dry_run)
        if dry_run:
            say_plan(terminal, plan_asset(job, provider), as_json=as_json)
            return 0
        made = _follow(terminal, job, provider, debug=debug)
        _say(terminal, made, as_json=as_json)
        missed = made.done.missed
        if missed is None:
            return 0
        terminal.complain(missed)
        return missed.exit_code

    done = attempt(work, debug=debug)
    if isinstance(done, Failure):
        if as_json:
            terminal.say_json({"ok": False, "error": done.as_dict(terminal.mention)})
        terminal.complain(done)
        return done.exit_code
    return done


def sides_of(
    count: int, asked: "Asked", *, model: str, retries: int, mirror_symmetric: bool
) -> "SidesOptions | None":
    """Return the sides that `--views` asks for beside the front; None for 1, BadInput for a count that is no set."""
    from slipcast.generate.turnaround import SETS, SidesOptions

    if count == 1:
        return None
    if count not in SETS:
        raise BadInput(f"--views {count} is no set of sides; choose from 1, 4, 6")
    return SidesOptions(
        sides=SETS[count][1:],
        model=model,
        ratio=asked.request.ratio,
        size=asked.request.size,
        retries=retries,
        mirror_symmetric=mirror_symmetric,
    )


def _follow(terminal: Terminal, job: "MakeJob", provider: "Provider", *, debug: bool) -> "Made":
    """Do `job` while the user sees first the pictures on their way, then the stages."""
    from slipcast.jobs.make import make_asset
    from slipcast.pipeline.run import STAGES

    with Board(terminal) as board, StageBar(terminal, STAGES) as bar, nullcontext() if debug else quiet():

        def tell(event: Event) -> None:
            if isinstance(event, StageBegan):
                board.close()
            board.tell(event)
            bar.tell(event)

        return make_asset(job, provider, tell)


def _say(terminal: Terminal, made: "Made", *, as_json: bool) -> None:
    """The one line, or the JSON, about a finished asset."""
    done = made.done
    if done.resumed:
        place = next(path for path in done.files if path.suffix == ".json")
        terminal.say(f"{place} is there already, of this picture and with these options; nothing was done")
        return
    for sentence in made.unfit:
        terminal.complain(sentence)
    if as_json:
        shown: dict[str, object] = {"ok": done.missed is None}
        if done.missed:
            shown["error"] = done.missed.as_dict(terminal.mention)
        shown |= {"files": [str(file) for file in done.files], "asset": dict(done.asset)}
        terminal.say_json(shown)
        return
    price = price_of(made.bought, made.usd)
    codes = " ".join(dict.fromkeys(f.code for f in done.findings if f.code not in USUAL))
    line = f"{done.files[0]} | picture {price} | {done.faces} faces | {done.total_s:.1f} s"
    terminal.say(line + (f" | {codes}" if codes else ""))
    terminal.note(done.findings)
