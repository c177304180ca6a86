"""`slipcast batches`, and what `generate --batch` does: pictures at half price, submitted now, collected later."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from slipcast.cli.options.prompt import Asked, Words, buy_options, options_of, provider_of, sidecar
from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput, QuotaExceeded, SlipcastError, status_of

if TYPE_CHECKING:
    from slipcast.generate.batches import Batches, Job
    from slipcast.generate.providers.gemini.provider import Gemini
    from slipcast.generate.request import PictureAnswer, Provider
    from slipcast.generate.studio import AsyncStudio

MOST = 500
"""Pictures in one job; more make several jobs."""


@click.command()
@click.option("--wait", type=float, default=0.0, help="Seconds to wait for jobs that are not done.")
@click.option("--every", default=30.0, show_default=True, help="Seconds between looks while waiting.")
@click.option("--cancel", default="", help="Title of a job to stop and forget.")
@click.option("--all", "everything", is_flag=True, help="Also list what was collected before.")
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
    **words: Any,
) -> int:
    """Look after the jobs of `generate --batch`: say how they stand, write the pictures of those that are done."""
    return asyncio.run(_look(terminal, words, wait, every, cancel, everything=everything, as_json=as_json))


def submit_all(
    terminal: Terminal,
    provider: "Provider",
    asked: Iterable[Asked],
    out: Path,
    words: Words,
    *,
    as_json: bool,
) -> int:
    """Send everything that is not in the store as jobs of at most MOST pictures."""
    gemini = _gemini(provider)
    return asyncio.run(_submit(terminal, gemini, asked, out, words, as_json=as_json))


async def _submit(
    terminal: Terminal, gemini: "Gemini", asked: Iterable[Asked], out: Path, words: Words, *, as_json: bool
) -> int:
    from slipcast.generate.batches import Batches
    from slipcast.generate.money.ledger import Entry
    from slipcast.generate.money.prices import model_row
    from slipcast.generate.prompt_checks import rough_tokens
    from slipcast.generate.stock.database import state_folder
    from slipcast.generate.studio import AsyncStudio
    from slipcast.workspace.files import check_folder

    check_folder(out)
    jobs = Batches(state_folder())
    options = options_of(words, run=words["run"])
    count = worst = underway = 0
    try:
        sent = {key for job in jobs.jobs() if not job.collected for key in job.requests}
        async with AsyncStudio(gemini, options) as studio:
            numbers: dict[str, int] = {}
            waiting = []
            for one in asked:
                request = one.request
                row, key = model_row(request.model), request.key(gemini.endpoint)
                try:
                    row.check(
                        ratio=request.ratio,
                        size=request.size,
                        references=len(request.references),
                        thinking=request.thinking,
                    )
                except BadInput as problem:
                    terminal.complain(f"{request.name}: {problem}")
                    worst = worst or status_of(problem).exit_code
                    continue
                if key in numbers:
                    continue
                if key in sent:  # paid for already: it waits to be collected
                    underway += 1
                    continue
                if options.cached and not options.refresh and (found := studio.cache.get(key)):
                    _write(out, request.name, found.data, found.mime, dict(found.facts))
                    continue
                usd = row.expected_usd(
                    text_tokens=rough_tokens(request.text),
                    references=len(request.references),
                    size=request.size,
                    batch=True,
                )
                entry = Entry(
                    run=studio.run,
                    tenant=options.tenant,
                    provider=gemini.endpoint,
                    model=request.model,
                    size=request.size,
                    key=key,
                )
                try:
                    numbers[key] = studio.ledger.begin(entry, usd, options.budget)
                except QuotaExceeded as problem:  # what fits the budget is sent, as `generate` buys what fits
                    terminal.complain(f"{request.name}: {problem}")
                    worst = status_of(problem).exit_code
                    break
                waiting.append(request)
                if len(waiting) == MOST:
                    count += await _send(
                        terminal, jobs, gemini, waiting, numbers, out, words, as_json=as_json
                    )
                    sent |= set(numbers)
                    waiting, numbers = [], {}
            if waiting:
                count += await _send(terminal, jobs, gemini, waiting, numbers, out, words, as_json=as_json)
    finally:
        jobs.close()
    if underway and not as_json:
        terminal.say(f"{underway} are on their way in jobs sent before; `slipcast batches` collects them")
    elif not count and not worst and not as_json:
        terminal.say("everything was in the store already; no job was sent")
    return worst


async def _send(
    terminal: Terminal,
    jobs: "Batches",
    gemini: "Gemini",
    requests: list[Any],
    numbers: dict[str, int],
    out: Path,
    words: Words,
    *,
    as_json: bool,
) -> int:
    job = await jobs.submit(gemini, requests, out=out.absolute(), tenant=words["tenant"], ledger=numbers)
    _say(terminal, job, as_json=as_json)
    return 1


async def _look(
    terminal: Terminal,
    words: Words,
    wait_s: float,
    every_s: float,
    cancel: str,
    *,
    everything: bool,
    as_json: bool,
) -> int:
    from slipcast.generate.batches import Batches
    from slipcast.generate.stock.database import state_folder
    from slipcast.generate.studio import AsyncStudio

    jobs = Batches(state_folder())
    worst = 0
    try:
        listed = jobs.jobs()
        if cancel and not any(job.title == cancel for job in listed):
            raise BadInput(f"there is no job «{cancel}»; `slipcast batches` lists them")
        if not [job for job in listed if everything or not job.collected]:
            terminal.say("no job is waiting; `slipcast generate --batch` makes one")
            return 0
        gemini = _gemini(provider_of(words))
        for endpoint, number in Counter(
            job.endpoint for job in listed if job.endpoint != gemini.endpoint and not job.collected
        ).items():
            terminal.complain(
                f"{number} of the jobs were sent to {endpoint}, not to {gemini.endpoint}; look there with --base-url"
            )
        async with AsyncStudio(gemini, options_of(words)) as studio:
            until = None
            while True:
                pending = 0
                for job in jobs.jobs():
                    if job.endpoint != gemini.endpoint or (job.collected and not everything):
                        continue
                    if job.title == cancel:
                        await jobs.cancel(gemini, job)
                        jobs.drop(job)
                        terminal.say(f"{job.title} | stopped and forgotten")
                        continue
                    if not job.collected:
                        job = await jobs.refresh(gemini, job)
                    if job.state == "LOST":
                        worst = max(worst, _forget(terminal, jobs, studio, job))
                        continue
                    if job.ended and not job.collected:
                        worst = max(worst, await _collect(terminal, jobs, studio, gemini, job))
                    elif not job.collected:
                        pending += 1
                    _say(terminal, job, as_json=as_json)
                until = until or time.monotonic() + wait_s  # after the first look, which opens the connection
                if not pending or time.monotonic() >= until:
                    return worst
                await asyncio.sleep(max(0.01, min(every_s, until - time.monotonic())))
    finally:
        jobs.close()


async def _collect(
    terminal: Terminal, jobs: "Batches", studio: "AsyncStudio", gemini: "Gemini", job: "Job"
) -> int:
    """Store and write the pictures of an ended job; returns the worst exit code."""
    worst = 0
    for key, result in (await jobs.results(gemini, job)).items():
        request = job.requests[key]
        if isinstance(result, SlipcastError):
            terminal.complain(f"{request.name}: {result}")
            _book(studio, job, key, reason=str(result))
            worst = max(worst, status_of(result).exit_code)
            continue
        bought = studio.keep(request, result, batch=True)
        _book(studio, job, key, answer=result, cost_usd=bought.cost_usd)
        _write(Path(job.out), request.name, bought.data, bought.mime, dict(bought.facts))
    jobs.mark_collected(job)
    return worst


def _forget(terminal: Terminal, jobs: "Batches", studio: "AsyncStudio", job: "Job") -> int:
    """Drop a job that never arrived: nothing was paid for it."""
    for key in job.ledger:
        _book(studio, job, key, reason="the batch never arrived")
    jobs.drop(job)
    terminal.complain(f"{job.title} with {_counted(job)} never arrived; send it again")
    return 3


def _book(
    studio: "AsyncStudio",
    job: "Job",
    key: str,
    *,
    answer: "PictureAnswer | None" = None,
    cost_usd: float = 0.0,
    reason: str = "",
) -> None:
    from slipcast.generate.request import Billed

    if key in job.ledger:
        studio.ledger.end(
            job.ledger[key],
            billed=Billed.YES if answer else Billed.NO,
            usage=answer.usage if answer else None,
            cost_usd=cost_usd,
            response_id=answer.response_id if answer else "",
            reason=reason,
        )


def _write(out: Path, name: str, data: bytes, mime: str, facts: dict[str, object]) -> None:
    from slipcast.generate.stock.cache import SUFFIXES
    from slipcast.workspace.files import write_files

    write_files(out, {f"{name}{SUFFIXES[mime]}": data, f"{name}.json": sidecar(facts, ())})


def _gemini(provider: "Provider") -> "Gemini":
    from slipcast.generate.providers.gemini.provider import Gemini

    if not isinstance(provider, Gemini):
        raise BadInput("batches are Gemini's; leave out --provider")
    if provider.options.vertex_project:
        raise BadInput("batches go through the Developer API here; leave out --vertex-project")
    return provider


def _say(terminal: Terminal, job: "Job", *, as_json: bool) -> None:
    made = datetime.fromtimestamp(job.made, UTC).isoformat(timespec="minutes")
    state = "collected" if job.collected else job.state.lower()
    if as_json:
        entry = {
            "title": job.title,
            "name": job.name,
            "state": state,
            "pictures": len(job.requests),
            "made": made,
        }
        terminal.say(json.dumps(entry | {"model": job.model, "out": job.out}))
        return
    terminal.say(f"{job.title} | {job.name} | {state} | {_counted(job)} | {made} | {job.out}")


def _counted(job: "Job") -> str:
    number = len(job.requests)
    return f"{number} picture" if number == 1 else f"{number} pictures"
