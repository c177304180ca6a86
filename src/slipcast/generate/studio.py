"""PictureRequests -> bought pictures, at a known price and through every failure that the provider has.

    queued -> in the cache? -> only one asks for the same thing -> limits -> budget, ledger -> call -> check -> stored

`AsyncStudio` does the work; `Studio` is the same for programs without an event loop. Both are silent: they tell what
happens through `watch`, or as an async iterator of events.
"""

import asyncio
import secrets
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from slipcast.core.errors import ProviderError, ProviderTimeout, SlipcastError
from slipcast.core.findings import Finding, finding
from slipcast.core.paths import pictures_folder, state_folder
from slipcast.generate.money.ledger import Entry, Ledger
from slipcast.generate.money.prices import PictureModel, model_row
from slipcast.generate.prompt_checks import rough_tokens
from slipcast.generate.request import (
    Again,
    Billed,
    CallFailed,
    Event,
    PictureAnswer,
    PictureRequest,
    Provider,
    State,
    Watch,
)
from slipcast.generate.results import Bought, GenerateOptions, Outcome, Plan
from slipcast.generate.stock.cache import Cache, CacheOptions, Kept
from slipcast.generate.traffic.breaker import Breaker
from slipcast.generate.traffic.limits import Limits
from slipcast.generate.traffic.retry import RetryPlan

if TYPE_CHECKING:
    from tenacity import RetryCallState

_LARGE_BYTES = 4_000_000
"""A picture of this size and more is stored on another thread: writing it would hold up the others. Smaller ones are
written at once, 1 ms for each megabyte: on a busy machine the hop alone took 2 to 7 ms."""
WATERMARK = "carries the invisible SynthID mark of AI-made pictures"


class AsyncStudio:
    """Buys pictures from one provider. Use it as an async context manager."""

    def __init__(self, provider: Provider, options: GenerateOptions | None = None) -> None:
        self.provider = provider
        self.options = options or GenerateOptions()
        self.run = self.options.run or secrets.token_hex(6)
        state = self.options.state or state_folder()
        with ExitStack() as opened:
            folder = self.options.pictures or pictures_folder()
            self.cache = Cache(CacheOptions(folder=folder, most_bytes=self.options.cache_bytes))
            opened.callback(self.cache.close)
            self.ledger = Ledger(state)
            opened.callback(self.ledger.close)
            self.limits = Limits(state, self.options.limits)
            opened.callback(self.limits.close)
            self._opened = opened.pop_all()
        self._breaker = Breaker(self.options.breaker)
        self._hopeless: dict[str, CallFailed] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close connections and files."""
        async with AsyncExitStack() as stack:
            stack.callback(self._opened.close)
            await self.provider.aclose()

    async def buy(self, request: PictureRequest, watch: Watch | None = None) -> Bought:
        """The picture for `request`, from the store or from the provider.

        Raises BadInput for a request that the model cannot fulfil, ProviderError (ProviderTimeout, QuotaExceeded,
        PictureRefused, BadAnswer) when there will be no picture; QuotaExceeded also for the budget.
        """
        row = model_row(request.model)
        if self.provider.paid:
            row.check(
                ratio=request.ratio,
                size=request.size,
                references=len(request.references),
                thinking=request.thinking,
            )
        key = request.key(self.provider.endpoint)
        work = _Work(request=request, key=key, row=row, watch=watch)
        work.tell(State.QUEUED)
        try:
            if not self.provider.paid:
                return self._bought(work, await self._ask_free(work))
            if found := self._stored(work):
                return found
            async with self.cache.turn(key):
                if found := self._stored(work):  # another one asked the same while we waited
                    return found
                return await self._buy_new(work)
        except SlipcastError as error:
            work.tell(State.FAILED, str(error))
            raise

    async def buy_many(
        self, requests: Iterable[PictureRequest], watch: Watch | None = None
    ) -> AsyncGenerator[Outcome]:
        """Outcomes in order of completion. `requests` is read as there is room: it may be endless.

        What `requests` itself raises as SlipcastError is raised when all that is on its way has come: a call that is
        cut off may have been paid for.
        """
        running: set[asyncio.Task[Outcome]] = set()
        source, broken = iter(requests), None
        more = True
        try:
            while more or running:
                while more and len(running) < self.options.concurrency:
                    try:
                        request = next(source, None)
                    except SlipcastError as problem:
                        request, broken = None, problem
                    more = request is not None
                    if request is not None:
                        running.add(asyncio.create_task(self._outcome(request, watch)))
                if running:
                    done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        yield task.result()
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if broken:
            raise broken

    async def events(self, requests: Iterable[PictureRequest]) -> AsyncIterator[Event | Outcome]:
        """Everything that happens to `requests`, and each one's outcome, as it happens."""
        queue: asyncio.Queue[Event | Outcome | None] = asyncio.Queue()

        async def work() -> None:
            try:
                async for outcome in self.buy_many(requests, queue.put_nowait):
                    await queue.put(outcome)
            finally:
                await queue.put(None)

        task = asyncio.create_task(work())
        try:
            while (event := await queue.get()) is not None:
                yield event
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def plan(self, requests: Iterable[PictureRequest], *, batch: bool = False) -> Plan:
        """Count what `requests` would cost. Raises BadInput for one that its model cannot fulfil."""
        pictures, cached, usd = 0, 0, 0.0
        notes: dict[str, Finding] = {}
        for request in requests:
            pictures += 1
            row = model_row(request.model)
            row.check(
                ratio=request.ratio,
                size=request.size,
                references=len(request.references),
                thinking=request.thinking,
            )
            work = _Work(request=request, key=request.key(self.provider.endpoint), row=row, watch=None)
            if self.provider.paid and self._stored(work):
                cached += 1
            elif self.provider.paid:
                usd += work.expected_usd(batch=batch)
                notes |= {note.message: note for note in row.notes(size=request.size, batch=batch)}
        return Plan(pictures=pictures, cached=cached, usd=round(usd, 6), findings=tuple(notes.values()))

    def keep(self, request: PictureRequest, answer: PictureAnswer, *, batch: bool = False) -> Bought:
        """Store an answer that came another way (a batch) as if it had been bought here."""
        key = request.key(self.provider.endpoint)
        work = _Work(request=request, key=key, row=model_row(request.model), watch=None)
        facts = self._facts(work, answer, batch=batch)
        return self._bought(work, answer, facts, self._put(work, answer, facts))

    async def _outcome(self, request: PictureRequest, watch: Watch | None) -> Outcome:
        try:
            return Outcome(request=request, bought=await self.buy(request, watch))
        except SlipcastError as error:
            return Outcome(request=request, error=error)

    def _stored(self, work: "_Work") -> Bought | None:
        """The picture from the store, when there is one and it is wanted."""
        if not self.options.cached or self.options.refresh:
            return None
        request = work.request
        kept = self.cache.get(work.key)
        if kept is None and self.options.similar is not None and request.subject:
            frame = request.frame(self.provider.endpoint)
            kept = self.cache.near(frame, request.take, request.subject, least=self.options.similar)
        if kept is None:
            return None
        work.tell(State.CACHED, "" if kept.similarity is None else f"similarity {kept.similarity}")
        return _from_store(kept, dict(request.facts))

    async def _ask_free(self, work: "_Work") -> PictureAnswer:
        failed: CallFailed | None = None
        try:
            return await self.provider.ask(work.request, work.follow)
        except CallFailed as problem:
            failed = problem
        raise failed.error

    async def _buy_new(self, work: "_Work") -> Bought:
        from tenacity import AsyncRetrying, retry_if_exception, stop_never

        plan = RetryPlan(self.options.retry)

        def tell_pause(state: "RetryCallState") -> None:
            problem = state.outcome.exception() if state.outcome else None
            pause_s = state.next_action.sleep if state.next_action else 0.0
            if pause_s > 0.3:
                work.tell(State.WAITING, f"trying again: {problem}", wait_s=pause_s)

        error: SlipcastError
        try:
            async with asyncio.timeout(self.options.retry.patience_s):
                async for attempt in AsyncRetrying(
                    retry=retry_if_exception(plan.again),
                    wait=plan.pause_s,
                    stop=stop_never,
                    before_sleep=tell_pause,
                    reraise=True,
                ):
                    with attempt:
                        return await self._call(work, plan)
            raise AssertionError("tenacity neither returned nor raised")
        except CallFailed as failed:
            error = failed.error
        except TimeoutError:
            seconds, last = self.options.retry.patience_s, f" (at last: {plan.last})" if plan.last else ""
            error = ProviderTimeout(
                f"no picture came within {seconds:g} s, waiting included{last}; try again or be more patient"
            )
        raise error  # out here: no foreign error hangs on it

    async def _call(self, work: "_Work", plan: RetryPlan) -> Bought:
        """One call, from waiting for its turn to the entry in the ledger."""
        model = work.request.model
        if model in self._hopeless:
            raise self._hopeless[model]
        circuit = f"{self.provider.endpoint} {model}"
        await self._rest(circuit, work, plan)
        try:
            await self.limits.acquire(
                model,
                priority=work.request.priority,
                patience_s=plan.left_s,
                tell=lambda wait_s, reason: work.tell(State.WAITING, reason, wait_s=wait_s),
            )
        except TimeoutError as problem:
            raise CallFailed(
                ProviderTimeout(f"{problem} and patience ends before; try again later")
            ) from None
        entry = Entry(
            run=self.run,
            tenant=self.options.tenant,
            provider=self.provider.endpoint,
            model=model,
            size=work.request.size,
            key=work.key,
        )
        number = self.ledger.begin(entry, work.expected_usd(), self.options.budget)
        billed, reason = Billed.MAYBE, "interrupted"  # what is true when the call is cut off from here on
        usage, cost_usd, response_id = None, 0.0, ""
        try:
            async with self._breaker.guard(circuit):
                answer = await self.provider.ask(work.request, work.follow)
            usage, billed, reason, response_id = answer.usage, Billed.YES, "", answer.response_id
            facts = self._facts(work, answer)
            cost_usd = float(str(facts["cost_usd"]))
            if len(answer.data) < _LARGE_BYTES:
                unkept = self._put(work, answer, facts)
            else:
                unkept = await asyncio.shield(asyncio.to_thread(self._put, work, answer, facts))
        except CallFailed as failed:
            usage, billed, reason = failed.usage, failed.billed, str(failed.error)
            cost_usd = work.row.cost_usd(usage) if usage else 0.0
            self._learn(model, failed)
            raise
        finally:
            self.ledger.end(
                number, billed=billed, usage=usage, cost_usd=cost_usd, response_id=response_id, reason=reason
            )
        work.tell(State.STORED)
        return self._bought(work, answer, facts, unkept)

    async def _rest(self, circuit: str, work: "_Work", plan: RetryPlan) -> None:
        """Wait while the circuit breaker says that the service needs rest."""
        while (rest_s := await self._breaker.rest_s(circuit)) > 0:
            if rest_s > plan.left_s:
                who = self.provider.endpoint
                raise CallFailed(
                    ProviderError(f"{who} failed too often; it gets a rest of {rest_s:.0f} s, try again then")
                )
            work.tell(State.WAITING, "the service is in trouble and gets a rest", wait_s=rest_s)
            await asyncio.sleep(rest_s)

    def _learn(self, model: str, failed: CallFailed) -> None:
        """What one failure means for the other requests."""
        if failed.daily:
            self._hopeless[model] = failed
        if failed.again is Again.AFTER:
            self.limits.pause(model, failed.wait_s, "the provider's quota, as it says")

    def _facts(self, work: "_Work", answer: PictureAnswer, *, batch: bool = False) -> dict[str, object]:
        request = work.request
        facts: dict[str, object] = {
            "provider": self.provider.endpoint,
            "response_id": answer.response_id,
            "key": work.key,
            "prompt": request.text,
            "subject": request.subject,
            "view": request.view.value,
            "take": request.take,
            "sha256": answer.sha256,
            "mime": answer.mime,
            "width_px": answer.width_px,
            "height_px": answer.height_px,
        }
        if self.provider.paid:  # a picture from the disk was made by nobody knows what
            tokens = answer.usage
            facts |= {
                "model": request.model,
                "model_version": answer.model_version,
                "ratio": request.ratio,
                "size": request.size,
                "references": [reference.sha256 for reference in request.references],
                "pictures_in_answer": answer.pictures,
                "tokens": {
                    "text_in": tokens.text_in,
                    "image_out": tokens.image_out,
                    "text_out": tokens.text_out,
                },
                "cost_usd": work.cost_usd(answer, batch=batch),
                "price_of": str(work.row.checked),
                "ai_generated": True,
                "watermark": WATERMARK,
            }
        return facts | dict(request.facts)

    def _put(self, work: "_Work", answer: PictureAnswer, facts: Mapping[str, object]) -> tuple[Finding, ...]:
        """Store a picture; a store that fails must not lose what was paid for, so that it is only a finding."""
        request = work.request
        try:
            self.cache.put(
                work.key,
                frame=request.frame(self.provider.endpoint),
                subject=request.subject,
                take=request.take,
                data=answer.data,
                sha256=answer.sha256,
                mime=answer.mime,
                facts=facts,
            )
        except (OSError, sqlite3.Error) as problem:
            return (finding("PICTURE_UNKEPT", {"reason": str(problem)}),)
        return ()

    def _bought(
        self,
        work: "_Work",
        answer: PictureAnswer,
        facts: Mapping[str, object] | None = None,
        notes: tuple[Finding, ...] = (),
    ) -> Bought:
        wanted = work.row.size_px(work.request.ratio, work.request.size) if self.provider.paid else None
        got = (answer.width_px, answer.height_px)
        if wanted and wanted != got:
            values = {"got": f"{got[0]}x{got[1]}", "wanted": f"{wanted[0]}x{wanted[1]}"}
            notes = (*notes, finding("PICTURE_OTHER_SIZE", values))
        facts = facts or self._facts(work, answer)
        return Bought(data=answer.data, mime=answer.mime, facts=facts, findings=notes)


@dataclass(frozen=True, kw_only=True)
class _Work:
    """A request on its way."""

    request: PictureRequest
    key: str
    row: PictureModel
    watch: Watch | None

    def tell(self, state: State, detail: str = "", *, wait_s: float = 0.0, tokens: int = 0) -> None:
        if self.watch:
            name = self.request.name or self.key[:8]
            self.watch(Event(request=name, state=state, detail=detail, wait_s=wait_s, tokens=tokens))

    def follow(self, state: State, tokens: int) -> None:
        self.tell(state, tokens=tokens)

    def expected_usd(self, *, batch: bool = False) -> float:
        request = self.request
        return self.row.expected_usd(
            text_tokens=rough_tokens(request.text),
            references=len(request.references),
            size=request.size,
            batch=batch,
        )

    def cost_usd(self, answer: PictureAnswer, *, batch: bool = False) -> float:
        """By the tokens that the answer tells, or as expected where it tells none."""
        if answer.usage.total:
            return self.row.cost_usd(answer.usage, batch=batch)
        return self.expected_usd(batch=batch)


def _from_store(kept: Kept, extra: Mapping[str, object]) -> Bought:
    notes: tuple[Finding, ...] = ()
    if kept.similarity is not None:
        notes = (finding("PICTURE_SIMILAR", {"similarity": kept.similarity, "prompt": kept.subject}),)
        extra = {**extra, "similarity": kept.similarity}
    return Bought(data=kept.data, mime=kept.mime, facts={**kept.facts, **extra}, cached=True, findings=notes)


class Studio:
    """`AsyncStudio` for programs without an event loop; works in notebooks too, on a thread of its own."""

    def __init__(self, provider: Provider, options: GenerateOptions | None = None) -> None:
        from anyio.from_thread import start_blocking_portal

        self._stack = ExitStack()
        self._portal = self._stack.enter_context(start_blocking_portal())
        try:
            self.studio = AsyncStudio(provider, options)
        except SlipcastError:
            self._stack.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._portal.call(self.studio.aclose)
        finally:
            self._stack.__exit__(kind, problem, trace)

    def buy(self, request: PictureRequest, watch: Watch | None = None) -> Bought:
        """See `AsyncStudio.buy`; `watch` is called on another thread."""
        return self._portal.call(self.studio.buy, request, watch)

    def buy_many(self, requests: Iterable[PictureRequest], watch: Watch | None = None) -> Iterator[Outcome]:
        """See `AsyncStudio.buy_many`."""
        outcomes = self.studio.buy_many(requests, watch)

        async def following() -> Outcome | None:
            return await anext(outcomes, None)

        try:
            while (outcome := self._portal.call(following)) is not None:
                yield outcome
        finally:
            self._portal.call(outcomes.aclose)

    def plan(self, requests: Iterable[PictureRequest], *, batch: bool = False) -> Plan:
        """See `AsyncStudio.plan`."""
        return self.studio.plan(requests, batch=batch)
