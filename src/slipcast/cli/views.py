"""`slipcast views`: a front picture in, a folder with pictures of the figurine's other sides out."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.live import Board
from slipcast.cli.options.common import (
    FOLDER,
    PATH,
    debug_option,
    dry_run_option,
    json_option,
    mirror_option,
    retries_option,
)
from slipcast.cli.options.prompt import BuyWords, buy_options, options_of, provider_of
from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.jobs.events import EntryDone, Event
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.view_sets import SIDES

if TYPE_CHECKING:
    from slipcast.jobs.views import ViewsJob


@click.command()
@click.argument("front", metavar="FRONT", type=PATH)
@click.option(
    "-o",
    "--out",
    default="out",
    show_default=True,
    type=FOLDER,
    help="Folder for the results: OUT/NAME/front.png, left.png ...",
)
@click.option("--name", default="", help="Name of the figurine; default: the picture's.")
@click.option(
    "--sides",
    default="left,back,right,front_left,back_left",
    show_default=True,
    help=f"Sides to buy, of {SIDES}.",
)
@retries_option
@mirror_option
@dry_run_option
@buy_options
@json_option
@debug_option
@click.pass_obj
def views(
    terminal: Terminal,
    /,
    front: Path,
    out: Path,
    name: str,
    sides: str,
    retries: int,
    mirror_symmetric: bool,
    dry_run: bool,
    as_json: bool,
    debug: bool,
    buying: BuyWords,
) -> int:
    """Buy the other sides of a figurine whose FRONT picture is there.

    Each side goes with the front and the sides before as references, and is judged with them: mirrored ones, copies and
    other figurines are bought again, --retries times at most and within --max-cost. Then: slipcast convert OUT/NAME.
    """

    def work() -> int:
        from slipcast.cli.generate import say_plan
        from slipcast.generate.ask import read_reference
        from slipcast.generate.money.prices import default_model
        from slipcast.generate.turnaround import SidesOptions
        from slipcast.jobs.views import ViewsJob, plan_views

        wanted = SidesOptions(
            sides=_sides(sides),
            model=buying.model or default_model(),
            ratio=buying.ratio,
            size=buying.size,
            retries=retries,
            mirror_symmetric=mirror_symmetric,
        )
        job = ViewsJob(
            front=front,
            out=out,
            sides=wanted,
            name=name,
            options=options_of(buying),
        )
        read_reference(front)  # what is wrong with it is said before a key is asked for
        if dry_run:
            provider = provider_of(buying, dry_run=True)
            say_plan(terminal, plan_views(job, provider), as_json=as_json)
            return 0
        _buy(terminal, job, buying, as_json=as_json)
        return 0

    done = attempt(work, debug=debug)
    if isinstance(done, Failure):
        if as_json:
            terminal.say(json.dumps({"ok": False, "error": done.as_dict(terminal.mention)}))
        terminal.complain(done)
        return done.exit_code
    return done


def _sides(words: str) -> tuple[View, ...]:
    wanted = [word.strip() for word in words.split(",") if word.strip()]
    for word in wanted:
        if word not in set(View):
            raise BadInput(f"--sides names {word!r}; choose from {SIDES}")
    return tuple(View(word) for word in wanted)


def _buy(terminal: Terminal, job: "ViewsJob", buying: BuyWords, *, as_json: bool) -> None:
    from slipcast.generate.turnaround import Side
    from slipcast.jobs.views import buy_views

    def tell(event: Event) -> None:
        board.tell(event)
        side = event.outcome if isinstance(event, EntryDone) else None
        if isinstance(side, Side) and not as_json:
            fits = (
                "fits"
                if side.fits
                else "does not fit: " + "; ".join(f.tell(terminal.mention) for f in side.findings)
            )
            place = f"{job.folder / side.view}{side.suffix}"
            terminal.say(f"{place} | {side.tries} tries | ${side.cost_usd:.4f} | {fits}")

    with Board(terminal) as board:
        sides = buy_views(job, provider_of(buying), tell)
    if as_json:
        told = [
            {"view": side.view, "fits": side.fits, "tries": side.tries, "cost_usd": side.cost_usd}
            for side in sides
        ]
        terminal.say(json.dumps({"ok": True, "folder": str(job.folder), "sides": told}))
        return
    spent = sum(side.cost_usd for side in sides)
    terminal.say(f"{len(sides)} sides for ${spent:.4f}; now: slipcast convert {job.folder}")
