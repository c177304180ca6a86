"""`slipcast batches`, and what `generate --batch` says: pictures at half price, submitted now, collected later."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.options.prompt import BuyWords, buy_options, options_of, provider_of
from slipcast.cli.terminal import Terminal
from slipcast.core.mention import count_of
from slipcast.jobs.events import EntryDone, Event, Tell
from slipcast.jobs.failure import Failure

if TYPE_CHECKING:
    from slipcast.generate.ask import Asked
    from slipcast.generate.request import Provider
    from slipcast.generate.results import GenerateOptions


@click.command()
@click.option("--wait", type=float, default=0.0, help="Seconds to wait for jobs that are not done.")
@click.option("--every", default=30.0, show_default=True, help="Seconds between looks while waiting.")
@click.option("--cancel", default="", help="Title of a job to stop and forget.")
@click.option("--all", "everything", is_flag=True, help="Also list jobs that were collected before.")
@buy_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object a line for each job.")
@click.pass_obj
def batches(
    terminal: Terminal,
    /,
    wait: float,
    every: float,
    cancel: str,
    everything: bool,
    as_json: bool,
    buying: BuyWords,
) -> int:
    """List the jobs of `generate --batch`, and write the pictures of those that are done."""
    from slipcast.jobs.batches import LookJob, collect_pictures, list_waiting

    look = LookJob(wait_s=wait, every_s=every, cancel=cancel, everything=everything)
    if not list_waiting(look):
        terminal.say("no job is waiting; `slipcast generate --batch` makes one")
        return 0
    return collect_pictures(look, provider_of(buying), options_of(buying), _say(terminal, as_json=as_json))


def submit_all(
    terminal: Terminal,
    provider: "Provider",
    asked: "Iterable[Asked]",
    out: Path,
    options: "GenerateOptions",
    *,
    as_json: bool,
) -> int:
    """Send everything that is not in the store, and say what was sent."""
    from slipcast.jobs.batches import submit_pictures

    done = submit_pictures(asked, provider, out, options, _say(terminal, as_json=as_json))
    if done.underway and not as_json:
        terminal.say(
            f"{done.underway} are on their way in jobs sent before; `slipcast batches` collects them"
        )
    elif not done.jobs and not done.exit_code and not as_json:
        terminal.say("everything was in the store already; no job was sent")
    return done.exit_code


def _say(terminal: Terminal, *, as_json: bool) -> Tell:
    """Says each event as it happens."""
    from slipcast.jobs.batches import BatchNote, BatchSeen

    def tell(event: Event) -> None:
        if isinstance(event, EntryDone) and isinstance(event.outcome, Failure):
            terminal.complain(event.outcome, where=f"{event.entry}: ")
        elif isinstance(event, BatchNote):
            (terminal.complain if event.trouble else terminal.say)(event.sentence)
        elif isinstance(event, BatchSeen) and as_json:
            entry = {
                "title": event.entry,
                "name": event.name,
                "state": event.state,
                "pictures": event.pictures,
                "made": event.made,
            }
            terminal.say(json.dumps(entry | {"model": event.model, "out": event.out}))
        elif isinstance(event, BatchSeen):
            count = count_of(event.pictures, "picture")
            terminal.say(
                f"{event.entry} | {event.name} | {event.state} | {count} | {event.made} | {event.out}"
            )

    return tell
