"""`slipcast check`: pictures in, what is wrong with them out, before money and minutes go into them."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.options.common import PATH, debug_option
from slipcast.cli.options.views import sides_of_words
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput
from slipcast.core.mention import Mention
from slipcast.core.values import View
from slipcast.jobs.failure import Failure, attempt
from slipcast.jobs.sources import entries_of, subfolders_left

if TYPE_CHECKING:
    from slipcast.jobs.check import Checked


@click.command()
@click.argument("pictures", metavar="PICTURE...", nargs=-1, required=True, type=PATH)
@click.option(
    "--views",
    default="",
    help="Sides that the pictures show, e.g. front,left,back,right; compares them as well.",
)
@click.option(
    "--sheet", default="", help="Sides that one PICTURE shows side by side; they are compared as views."
)
@click.option("--drafts", is_flag=True, help="Compare and rank the pictures as drafts of one prompt.")
@click.option(
    "--prompt", default="", help="Prompt of the picture; default: that in the JSON beside a bought picture."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each picture.")
@debug_option
@click.pass_obj
def check(
    terminal: Terminal,
    pictures: tuple[Path, ...],
    views: str,
    sheet: str,
    drafts: bool,
    prompt: str,
    as_json: bool,
    debug: bool,
) -> int:
    """Judge each PICTURE before an asset is made of it: verdict, scores, findings, and what to do about them.

    A folder stands for the pictures in it, without its subfolders. If they are views of one figurine (front.png,
    left.png ...), they are compared as well; so are the sides of one picture with --sheet front,left,back,right.

    The verdict is approve, review (look first) or reject. The exit code is 0 for approve and review, 6 when a picture
    is rejected, 2 when a file cannot be read.
    """
    from slipcast.jobs.check import CheckJob, check_pictures

    entries: list[dict[str, object]] = []
    failures: list[Failure] = []

    def complain(failure: Failure, picture: Path | None) -> None:
        failures.append(failure)
        entries.append(
            {
                "picture": None if picture is None else str(picture),
                "ok": False,
                "error": failure.as_dict(terminal.mention),
            }
        )
        terminal.complain(failure)

    named = attempt(lambda: _named(views, sheet, pictures), debug=debug)
    try:
        if isinstance(named, Failure):
            complain(named, None)
        else:
            for sentence in subfolders_left(pictures):
                terminal.complain(sentence)
            found, sides, side_by_side = named
            job = CheckJob(
                pictures=found, sides=sides, sheet=side_by_side, drafts=drafts, prompt=prompt, debug=debug
            )
            with nullcontext() if debug else quiet():
                for path, done in check_pictures(job):
                    if isinstance(done, Failure):
                        complain(done, path)
                        continue
                    entries.append(done.as_dict())
                    for line in () if as_json else _lines(done, terminal.mention):
                        terminal.say(line)
                    if done.rejected:
                        failures.append(done.rejected)
    finally:
        if as_json:
            terminal.say_json(entries, indent=2)
    return next((failure.exit_code for failure in failures if failure.exit_code != 6), 6 if failures else 0)


def _lines(done: "Checked", mention: Mention) -> Iterator[str]:
    """For a reader: the verdict, each score, each finding, then what to do, most effective first."""
    from slipcast.core.advice import advise

    yield f"{done.what} | {done.verdict.value}"
    scores = [f"{check.name} {check.score:.2f}" for check in done.checks if check.score is not None]
    for first in range(0, len(scores), 6):
        yield "  " + "  ".join(scores[first : first + 6])
    for found in done.findings:
        yield f"  {found.severity.value}: {found.tell(mention)}"
    for number, advice in enumerate(advise(done.findings), 1):
        yield f"  {number}. {advice.tell(mention)}"


def _named(
    views: str, sheet: str, places: tuple[Path, ...]
) -> tuple[tuple[Path, ...], dict[Path, View], tuple[View, ...]]:
    """The pictures that files and folders name, the side of each of a figurine's views, and the sides of a sheet."""
    entries = entries_of(places, None)
    pictures = tuple(path for entry in entries for path in (entry.picture, *entry.others.values()))
    if sheet:
        if views:
            raise BadInput("--sheet names the sides itself; leave --views away, or --sheet")
        if len(pictures) != 1:
            raise BadInput(
                f"--sheet takes one PICTURE with all sides, got {len(pictures)}; check one sheet at a time"
            )
        return pictures, {}, sides_of_words(sheet)
    if views or len(entries) != 1 or not entries[0].others:
        return pictures, _sides(views, pictures), ()
    sides = {path: side for side, path in entries[0].others.items()}
    return pictures, {entries[0].picture: View.FRONT, **sides}, ()


def _sides(views: str, pictures: tuple[Path, ...]) -> dict[Path, View]:
    """Picture -> the side that it shows; empty without --views."""
    if not views:
        return {}
    names = [name.strip() for name in views.split(",")]
    known = ", ".join(View)
    for name in names:
        if name not in {view.value for view in View}:
            raise BadInput(f"--views names {name!r}; choose from {known}")
    if len(names) != len(pictures) or len(set(pictures)) != len(pictures):
        raise BadInput(f"--views names {len(names)} sides for {len(pictures)} pictures; name one for each")
    if len(set(names)) != len(names):
        raise BadInput(f"--views names {views!r}, a side twice; name each once")
    return {path: View(name) for path, name in zip(pictures, names, strict=True)}
