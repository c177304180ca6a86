"""Pictures at half price: sent now as jobs of the provider's, collected later, in different processes if need be."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.errors import BadInput, QuotaExceeded, SlipcastError, status_of
from slipcast.core.mention import count_of
from slipcast.core.paths import state_folder
from slipcast.generate.batches import Batches, Job
from slipcast.generate.money.ledger import Entry
from slipcast.generate.money.prices import model_row
from slipcast.generate.prompt_checks import rough_tokens
from slipcast.generate.request import Billed
from slipcast.generate.stock.cache import SUFFIXES
from slipcast.generate.studio import AsyncStudio
from slipcast.jobs.events import Cost, EntryDone, Event, Tell, ignore
from slipcast.jobs.failure import Failure
from slipcast.jobs.generate import sidecar

if TYPE_CHECKING:
    from slipcast.generate.ask import Asked
    from slipcast.generate.providers.gemini.provider import Gemini
    from slipcast.generate.request import PictureAnswer, PictureRequest, Provider
    from slipcast.generate.results import GenerateOptions

MOST = 500
"""Pictures in one job; more make several jobs."""


@dataclass(frozen=True, kw_only=True)
class BatchSeen(Event):
    """How a job of the provider's stands; `entry` is its title."""

    name: str
    state: str
    pictures: int
    made: str
    """When it was sent, ISO 8601."""
    model: str
    out: str

    @classmethod
    def of(cls, job: Job) -> "BatchSeen":
        """The event about `job`."""
        return cls(
            entry=job.title,
            name=job.name,
            state="collected" if job.collected else job.state.lower(),
            pictures=len(job.requests),
            made=datetime.fromtimestamp(job.made, UTC).isoformat(timespec="minutes"),
            model=job.model,
            out=job.out,
        )


@dataclass(frozen=True, kw_only=True)
class BatchNote(Event):
    """A sentence about jobs that are somewhere else, lost or stopped."""

    sentence: str
    trouble: bool = True


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """What came of sending."""

    jobs: int
    """How many were sent."""
    underway: int
    """Pictures that an earlier job is to bring."""
    exit_code: int
    """0, or that of the last picture that could not be sent."""


def submit_pictures(
    asked: "Iterable[Asked]",
    provider: "Provider",
    out: Path,
    options: "GenerateOptions",
    tell: Tell | None = None,
) -> Submitted:
    """Send everything that is not in the store as jobs of at most MOST pictures; write what is.

    Raises BadInput for a provider without batches or a folder that cannot be written to.
    """
    return asyncio.run(_Submission(check_gemini(provider), out, options, tell or ignore).run(asked))


def check_gemini(provider: "Provider") -> "Gemini":
    """The provider as the one that has batches; BadInput for another."""
    from slipcast.generate.providers.gemini.provider import Gemini

    if not isinstance(provider, Gemini):
        raise BadInput("batches are Gemini's; leave out", cure="provider")
    if provider.options.vertex_project:
        raise BadInput("batches go through the Developer API here; leave out", cure="vertex_project")
    return provider


class _Submission:
    """One run of sending."""

    def __init__(self, gemini: "Gemini", out: Path, options: "GenerateOptions", tell: Tell) -> None:
        self.gemini, self.out, self.options, self.tell = gemini, out, options, tell
        self.numbers: dict[str, int] = {}
        """Key -> number in the ledger, of what waits to be sent."""
        self.waiting: list[PictureRequest] = []
        self.sent: set[str] = set()
        """Keys that are on their way: paid for already."""
        self.count = self.worst = self.underway = 0

    async def run(self, asked: "Iterable[Asked]") -> Submitted:
        from slipcast.core.files import check_folder

        check_folder(self.out)
        jobs = Batches(state_folder())
        try:
            self.sent = {key for job in jobs.jobs() if not job.collected for key in job.requests}
            async with AsyncStudio(self.gemini, self.options) as studio:
                for one in asked:
                    if not self._take(studio, one.request):
                        break
                    if len(self.waiting) == MOST:
                        await self._send(jobs)
                if self.waiting:
                    await self._send(jobs)
        finally:
            jobs.close()
        return Submitted(jobs=self.count, underway=self.underway, exit_code=self.worst)

    def _take(self, studio: AsyncStudio, request: "PictureRequest") -> bool:
        """Let a request wait to be sent, where it has to be; False where the budget ends."""
        row, key = model_row(request.model), request.key(self.gemini.endpoint)
        try:
            row.check(
                ratio=request.ratio,
                size=request.size,
                references=len(request.references),
                thinking=request.thinking,
            )
        except BadInput as problem:
            self._fail(request, problem)
            return True
        if key in self.numbers:
            return True
        if key in self.sent:
            self.underway += 1
            return True
        if self.options.cached and not self.options.refresh and (found := studio.cache.get(key)):
            _write(self.out, request.name, found.data, found.mime, dict(found.facts))
            return True
        usd = row.expected_usd(
            text_tokens=rough_tokens(request.text),
            references=len(request.references),
            size=request.size,
            batch=True,
        )
        entry = Entry(
            run=studio.run,
            tenant=self.options.tenant,
            provider=self.gemini.endpoint,
            model=request.model,
            size=request.size,
            key=key,
        )
        try:
            self.numbers[key] = studio.ledger.begin(entry, usd, self.options.budget)
        except QuotaExceeded as problem:  # what fits the budget is sent, as `generate` buys what fits
            self._fail(request, problem)
            self.worst = status_of(problem).exit_code
            return False
        self.waiting.append(request)
        return True

    def _fail(self, request: "PictureRequest", problem: SlipcastError) -> None:
        self.tell(EntryDone(entry=request.name, outcome=Failure.of(problem)))
        self.worst = self.worst or status_of(problem).exit_code

    async def _send(self, jobs: Batches) -> None:
        job = await jobs.submit(
            self.gemini,
            self.waiting,
            out=self.out.absolute(),
            tenant=self.options.tenant,
            ledger=self.numbers,
        )
        self.tell(BatchSeen.of(job))
        self.count += 1
        self.sent |= set(self.numbers)
        self.waiting, self.numbers = [], {}


@dataclass(frozen=True, kw_only=True)
class LookJob:
    """How the provider's jobs are looked after."""

    wait_s: float = 0.0
    """How long to wait for jobs that are not done."""
    every_s: float = 30.0
    """Between looks while waiting."""
    cancel: str = ""
    """Title of a job to stop and forget."""
    everything: bool = False
    """Also tell of what was collected before."""


def list_waiting(look: LookJob) -> list[Job]:
    """The jobs that `look` is about, without asking anybody; BadInput for a title to cancel that is not listed."""
    jobs = Batches(state_folder())
    try:
        listed = jobs.jobs()
    finally:
        jobs.close()
    if look.cancel and not any(job.title == look.cancel for job in listed):
        raise BadInput(f"there is no job «{look.cancel}»; `slipcast batches` lists them")
    return [job for job in listed if look.everything or not job.collected]


def collect_pictures(
    look: LookJob, provider: "Provider", options: "GenerateOptions", tell: Tell | None = None
) -> int:
    """Ask how the jobs stand, write the pictures of those that are done; returns the worst exit code."""
    return asyncio.run(_collect_all(look, check_gemini(provider), options, tell or ignore))


async def _collect_all(look: LookJob, gemini: "Gemini", options: "GenerateOptions", tell: Tell) -> int:
    jobs = Batches(state_folder())
    worst = 0
    try:
        elsewhere = (job for job in jobs.jobs() if job.endpoint != gemini.endpoint and not job.collected)
        for endpoint, number in Counter(job.endpoint for job in elsewhere).items():
            told = f"{number} of the jobs were sent to {endpoint}, not to {gemini.endpoint}"
            tell(BatchNote(entry=endpoint, sentence=f"{told}; look there with that address"))
        async with AsyncStudio(gemini, options) as studio:
            until = None
            while True:
                pending = 0
                for job in jobs.jobs():
                    if job.endpoint != gemini.endpoint or (job.collected and not look.everything):
                        continue
                    if job.title == look.cancel:
                        await jobs.cancel(gemini, job)
                        jobs.drop(job)
                        tell(
                            BatchNote(
                                entry=job.title,
                                sentence=f"{job.title} | stopped and forgotten",
                                trouble=False,
                            )
                        )
                        continue
                    if not job.collected:
                        job = await jobs.refresh(gemini, job)
                    if job.state == "LOST":
                        worst = max(worst, _forget(jobs, studio, job, tell))
                        continue
                    if job.ended and not job.collected:
                        worst = max(worst, await _collect(jobs, studio, gemini, job, tell))
                    elif not job.collected:
                        pending += 1
                    tell(BatchSeen.of(job))
                until = (
                    until or time.monotonic() + look.wait_s
                )  # after the first look, which opens the connection
                if not pending or time.monotonic() >= until:
                    return worst
                await asyncio.sleep(max(0.01, min(look.every_s, until - time.monotonic())))
    finally:
        jobs.close()


async def _collect(jobs: Batches, studio: AsyncStudio, gemini: "Gemini", job: Job, tell: Tell) -> int:
    """Store and write the pictures of an ended job; returns the worst exit code."""
    worst = 0
    for key, result in (await jobs.results(gemini, job)).items():
        request = job.requests[key]
        if isinstance(result, SlipcastError):
            tell(EntryDone(entry=request.name, outcome=Failure.of(result)))
            _book(studio, job, key, reason=str(result))
            worst = max(worst, status_of(result).exit_code)
            continue
        bought = studio.keep(request, result, batch=True)
        _book(studio, job, key, answer=result, cost_usd=bought.cost_usd)
        tell(Cost(entry=request.name, usd=bought.cost_usd, model=request.model))
        _write(Path(job.out), request.name, bought.data, bought.mime, dict(bought.facts))
    jobs.mark_collected(job)
    return worst


def _forget(jobs: Batches, studio: AsyncStudio, job: Job, tell: Tell) -> int:
    """Drop a job that never arrived: nothing was paid for it."""
    for key in job.ledger:
        _book(studio, job, key, reason="the batch never arrived")
    jobs.drop(job)
    sentence = f"{job.title} with {count_of(len(job.requests), 'picture')} never arrived; send it again"
    tell(BatchNote(entry=job.title, sentence=sentence))
    return 3


def _book(
    studio: AsyncStudio,
    job: Job,
    key: str,
    *,
    answer: "PictureAnswer | None" = None,
    cost_usd: float = 0.0,
    reason: str = "",
) -> None:
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
    from slipcast.core.files import write_files

    write_files(out, {f"{name}{SUFFIXES[mime]}": data, f"{name}.json": sidecar(facts, ())})
