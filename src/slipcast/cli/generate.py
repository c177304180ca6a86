"""`slipcast generate` and `slipcast refine`: words in, pictures on disk, one line for each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.live import Board
from slipcast.cli.options.common import FOLDER, PATH, dry_run_option, log_option
from slipcast.cli.options.prompt import (
    BuyWords,
    CascadeWords,
    SpecWords,
    ask_of,
    buy_options,
    cascade_of,
    cascade_options,
    limits_of,
    options_of,
    picture_of,
    provider_of,
    spec_options,
)
from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput
from slipcast.core.mention import count_of
from slipcast.core.options import fit, whole
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.prompt_file import PromptRow, rows_of

if TYPE_CHECKING:
    from slipcast.generate.ask import Asked
    from slipcast.generate.results import Bought, Plan
    from slipcast.jobs.generate import Generated

_OUT = click.option(
    "-o",
    "--out",
    default="pictures",
    show_default=True,
    type=FOLDER,
    help="Folder for the results.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line for each picture.")


@click.command()
@click.argument("subject", metavar="[WORDS...]", nargs=-1)
@click.option("--file", "file", type=PATH, help="File with prompts: .txt, .csv or .jsonl.")
@_OUT
@click.option("--name", default="", help="Name of the picture; default: from the words.")
@click.option("--count", default=1, show_default=True, help="Number of pictures of each prompt.")
@cascade_options
@click.option(
    "--batch", is_flag=True, help="Buy at half price within a day; `slipcast batches` collects the pictures."
)
@dry_run_option
@click.option(
    "--run", "run", default="", help="Name of the run: what it has spent before counts for --max-cost."
)
@spec_options
@buy_options
@_JSON
@log_option
@click.pass_obj
def generate(
    terminal: Terminal,
    /,
    subject: tuple[str, ...],
    file: Path | None,
    out: Path,
    name: str,
    count: int,
    batch: bool,
    dry_run: bool,
    run: str,
    as_json: bool,
    debug: bool,
    drafting: CascadeWords,
    spec: SpecWords,
    buying: BuyWords,
) -> int:
    """Buy pictures of figurines: of WORDS, or of each row of a file.

    OUT gets NAME.png (or .jpg, as it was received) and NAME.json with prompt, model, ids, tokens and cost.
    Pictures that are there already are not bought again, so that a stopped run goes on with the same command.
    """
    order = Order(
        subject=" ".join(subject),
        file=file,
        out=out,
        name=name,
        count=count,
        batch=batch,
        dry_run=dry_run,
        run=run,
        as_json=as_json,
    )
    done = attempt(lambda: _generate(terminal, order, drafting, spec, buying), debug=debug)
    if isinstance(done, Failure):
        terminal.complain(done)
        return done.exit_code
    return done


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is asked of `slipcast generate` beside its groups of options."""

    subject: str
    file: Path | None
    out: Path
    name: str
    count: int
    batch: bool
    dry_run: bool
    run: str
    as_json: bool


@click.command()
@click.argument("picture", type=PATH)
@click.argument("wishes", metavar="WISH...", nargs=-1, required=True)
@_OUT
@click.option(
    "--take",
    default=0,
    type=click.IntRange(0, 1_000_000),
    show_default=True,
    help="Number of the try; another one gives another picture for the same wish.",
)
@click.option("--block", type=PATH, help="File with forbidden phrases, one per line.")
@dry_run_option
@buy_options
@_JSON
@click.pass_obj
def refine(
    terminal: Terminal,
    /,
    picture: Path,
    wishes: tuple[str, ...],
    out: Path,
    take: int,
    block: Path | None,
    dry_run: bool,
    as_json: bool,
    buying: BuyWords,
) -> int:
    """Change PICTURE by each WISH in turn: slipcast refine owl.png "add battle damage to the left wing".

    Each step is a picture of its own (owl-edit1.png, owl-edit2.png ...), whose JSON holds the history; any step
    can be repeated from the picture before it (--take 1: owl-edit1-take1.png).
    """
    from slipcast.generate.money.prices import default_model
    from slipcast.jobs.generate import RefineJob, plan_refinement, refine_picture

    job = RefineJob(
        picture=picture,
        wishes=wishes,
        out=out,
        model=buying.model or default_model(),
        size=buying.size,
        take=take,
        limits=limits_of(block, shortest=3),
        options=options_of(buying),
    )
    provider = provider_of(buying, dry_run=dry_run)
    if dry_run:
        plan = plan_refinement(job, provider)
        steps = count_of(len(wishes), "step")
        terminal.say(f"{steps} of about ${plan.usd:.4f} each; nothing was bought")
        return 0
    with Board(terminal) as board:
        for done in refine_picture(job, provider, board.tell):
            say_picture(board.terminal, done, as_json=as_json)
    return 0


@dataclass
class Tally:
    """How a run went."""

    failures: list[Failure]
    pictures: int = 0
    kept: int = 0
    usd: float = 0.0


def _generate(
    terminal: Terminal, order: Order, drafting: CascadeWords, spec: SpecWords, buying: BuyWords
) -> int:
    from slipcast.generate.ask import name_apart
    from slipcast.generate.studio import Studio
    from slipcast.jobs.generate import GenerateJob, generate_pictures, plan_pictures

    if bool(order.subject) == bool(order.file):
        raise BadInput(
            "give either words or --file, and not both; for instance: slipcast generate a clockwork owl"
        )
    fit("--count", order.count, whole(1, 100_000, example=4))
    provider = provider_of(buying, dry_run=order.dry_run)
    drafts = cascade_of(drafting)
    tally = Tally(failures=[])
    asked = name_apart(_asked(terminal.complain, order, spec, buying, tally))
    if order.dry_run:
        with Studio(provider, options_of(buying)) as studio:
            plan = plan_pictures(studio, asked, drafts, batch=order.batch)
            say_plan(terminal, plan, as_json=order.as_json)
        return tally.failures[0].exit_code if tally.failures else 0
    if order.batch and drafts:
        raise BadInput("--batch takes a day, so it cannot choose among --drafts; leave one of them out")
    options = options_of(buying, run=order.run)
    if order.batch:
        from slipcast.cli.batches import submit_all

        worst = submit_all(terminal, provider, asked, order.out, options, as_json=order.as_json)
        return tally.failures[0].exit_code if tally.failures else worst
    board = Board(terminal)

    def complain(done: Failure, *, where: str) -> None:
        board.terminal.complain(done, where=where)

    asked = name_apart(_asked(complain, order, spec, buying, tally))
    job = GenerateJob(out=order.out, options=options, cascade=drafts)
    with board:
        for name, result in generate_pictures(asked, provider, job, board.tell):
            if isinstance(result, Failure):
                tally.failures.append(result)
                board.terminal.complain(result, where=f"{name}: ")
                if order.as_json:
                    board.terminal.say(
                        json.dumps({"name": name, "ok": False, "error": result.as_dict(terminal.mention)})
                    )
            elif result.kept:
                tally.kept += 1
            else:
                tally.pictures += 1
                tally.usd += result.usd
                say_picture(board.terminal, result, as_json=order.as_json)
    _say_sum(terminal, tally, as_json=order.as_json)
    return tally.failures[0].exit_code if tally.failures else 0


def _asked(
    complain: Callable[..., None], order: Order, spec: SpecWords, buying: BuyWords, tally: Tally
) -> "Iterator[Asked]":
    """The requests, read as they are wanted; a row that cannot be sent is told and left out."""
    options = picture_of(spec, buying)
    if order.subject:
        for take in range(order.count):
            yield ask_of(order.subject, spec, options, name=order.name, take=take)
        return
    assert order.file is not None

    def ask_row(row: PromptRow, take: int) -> "Asked":
        from slipcast.generate.ask import slug

        if row.problem:
            raise BadInput(row.problem)
        name = slug(row.name) if row.name else ""
        return ask_of(row.subject, spec, options, name=name, take=take, extra=row.fields)

    for row in rows_of(order.file):
        for take in range(order.count):
            done = attempt(partial(ask_row, row, take))
            if isinstance(done, Failure):
                tally.failures.append(done)
                complain(done, where=f"{order.file}, line {row.line}: ")
                break
            yield done


def say_plan(terminal: Terminal, plan: "Plan", *, as_json: bool) -> None:
    """One line about `plan`, and a line for each of its findings."""
    if as_json:
        findings = [finding.as_dict() for finding in plan.findings]
        whole = {"pictures": plan.pictures, "cached": plan.cached, "usd": plan.usd, "findings": findings}
        terminal.say_json(whole)
        return
    stored = f"{plan.cached} in the store already, " if plan.cached else ""
    calls = count_of(plan.pictures - plan.cached, "call")
    pictures = count_of(plan.pictures, "picture")
    terminal.say(f"{pictures}: {stored}{calls} for about ${plan.usd:.4f}; nothing was bought")
    for finding in plan.findings:
        terminal.say(f"  {finding.severity}: {finding.tell(terminal.mention)}")


def _say_sum(terminal: Terminal, tally: Tally, *, as_json: bool) -> None:
    if as_json or tally.pictures + tally.kept + len(tally.failures) < 2:
        if tally.kept and not as_json:
            terminal.say("the picture is there already; nothing was bought (another one: --count 2)")
        return
    parts = [f"{count_of(tally.pictures, 'picture')} for ${tally.usd:.4f}"]
    if tally.kept:
        parts.append(f"{tally.kept} were there already")
    if tally.failures:
        parts.append(f"{len(tally.failures)} failed")
    terminal.say(", ".join(parts))


def say_picture(terminal: Terminal, done: "Generated", *, as_json: bool) -> None:
    """One line about a picture that was bought."""
    bought = done.bought
    assert bought is not None
    if as_json:
        terminal.say_json(done.as_dict())
        return
    price = price_of(bought, done.usd)
    codes = f" | {' '.join(note.code for note in done.findings)}" if done.findings else ""
    size = f"{bought.facts['width_px']}x{bought.facts['height_px']}"
    terminal.say(f"{done.file} | {size} px | {price}{codes}")
    terminal.note(done.findings)


def price_of(bought: "Bought", usd: float) -> str:
    """What `bought` cost, in words; `usd` counts its drafts too."""
    if not usd and bought.cached:
        return "from the store"
    return f"${usd:.4f}" if "cost_usd" in bought.facts else "free"
