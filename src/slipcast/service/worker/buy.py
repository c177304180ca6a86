"""The paid half of a `make` job: words -> pictures, with every call in the service's own ledger.

`Remembering` stands around a provider. What was bought for a tenant is kept with its sum before anything else happens,
so that a job that is worked on again (on any machine) takes it from there: no picture is paid for twice. A call that
never got its answer stays in the ledger as perhaps paid for.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from slipcast.core.errors import BadInput, QuotaExceeded
from slipcast.core.values import View
from slipcast.generate.money.prices import Usage, default_model, model_row
from slipcast.generate.prompt import FigurineSpec, apply_preset, compose
from slipcast.generate.prompt_checks import PromptLimits, rough_tokens
from slipcast.generate.request import Billed, CallFailed, PictureAnswer, PictureRequest, Provider
from slipcast.generate.request import State as CallState
from slipcast.service import money
from slipcast.service.database.engine import Database
from slipcast.service.database.tables import purchase
from slipcast.service.jobs.options import Words
from slipcast.service.jobs.queue import Row
from slipcast.service.logs import log
from slipcast.service.metrics import Metrics
from slipcast.service.settings import Settings
from slipcast.service.store import Store
from slipcast.service.tenants import for_tenant

if TYPE_CHECKING:
    from slipcast.generate.turnaround import SidesOptions


@dataclass(frozen=True, kw_only=True)
class BoughtPicture:
    """A picture of one side, with what is known of it."""

    view: str
    data: bytes
    mime: str
    facts: Mapping[str, object]
    fits: bool = True


def request_of(words: Words, settings: Settings, name: str) -> PictureRequest:
    """The request for the front. Raises BadInput for words that must not be sent."""
    limits = PromptLimits(blocked=settings.blocked_words)
    spec = FigurineSpec(subject=words.subject)
    if words.preset:
        spec = apply_preset(spec, words.preset)
    model = words.model or settings.picture_model or default_model()
    row = model_row(model)
    row.check(ratio="1:1", size=words.size)
    return PictureRequest(
        text=compose(spec, limits=limits),
        subject=" ".join(words.subject.split()).rstrip(" .,;:!"),
        model=model,
        size=words.size,
        take=words.take,
        name=name,
    )


def most_usd(words: Words, settings: Settings) -> float:
    """What the words may cost at most: each side as often as it may be bought again."""
    if settings.provider != "gemini":
        return 0.0
    from slipcast.generate.turnaround import plan_sides

    front = request_of(words, settings, "figurine")
    row = model_row(front.model)
    usd = row.expected_usd(text_tokens=rough_tokens(front.text), references=0, size=front.size)
    sides = sides_of(words, front.model)
    for each in plan_sides(sides) if sides else ():
        usd += (1 + words.retries) * row.expected_usd(
            text_tokens=rough_tokens(each.text), references=len(each.references), size=each.size
        )
    return usd


def sides_of(words: Words, model: str) -> "SidesOptions | None":
    """The sides beside the front; None for the front alone."""
    from slipcast.generate.turnaround import SETS, SidesOptions

    if words.views == 1:
        return None
    return SidesOptions(sides=SETS[words.views][1:], model=model, size=words.size, retries=words.retries)


def open_provider(settings: Settings, region: str) -> Provider:
    """The provider for a tenant. Raises BadInput where its region cannot be kept."""
    from slipcast.generate.providers.gemini.provider import GeminiOptions
    from slipcast.generate.providers.table import open_provider as open_row

    if settings.provider == "none":
        raise BadInput("this service buys no pictures; send a picture instead of words")
    if not region:
        gemini = GeminiOptions(base_url=settings.provider_url) if settings.provider == "gemini" else None
        try:
            return open_row(settings.provider, gemini=gemini, pictures=settings.provider_pictures)
        except BadInput as problem:  # the cure is the operator's, who reads the log
            log("worker", "the provider cannot be opened", provider=settings.provider, problem=str(problem))
            raise BadInput(
                "this service cannot buy pictures, since its provider is not set up; send a picture instead of words, "
                "or ask whoever runs it"
            ) from None
    if settings.provider != "gemini" or not settings.vertex_project:
        raise BadInput(
            f"this tenant's data may be worked on in {region} only, and the service has no provider there; "
            "set vertex_project"
        )
    return open_row(
        "gemini",
        gemini=GeminiOptions(
            base_url=settings.provider_url,
            vertex_project=settings.vertex_project,
            vertex_location=region,
            credentials=_credentials(settings),
        ),
    )


def _credentials(settings: Settings) -> Any:
    """The machine's own; towards another address a token that is good for nothing."""
    if not settings.provider_url:
        return None
    from google.oauth2.credentials import Credentials

    return Credentials(token="none")  # type: ignore[no-untyped-call]


class Remembering:
    """A provider whose pictures are kept, and whose calls are booked, before anybody sees them."""

    def __init__(
        self, inner: Provider, database: Database, store: Store, row: Row, metrics: Metrics, name: str
    ) -> None:
        self.inner, self.database, self.store, self.row = inner, database, store, row
        self.metrics, self.name = metrics, name

    @property
    def endpoint(self) -> str:
        """The inner one's."""
        return self.inner.endpoint

    @property
    def paid(self) -> bool:
        """The inner one's."""
        return self.inner.paid

    async def ask(self, request: PictureRequest, watch: Callable[[CallState, int], None]) -> PictureAnswer:
        """The picture that was bought before, or a new one. Raises CallFailed."""
        key = request.key(self.endpoint)
        kept = await asyncio.to_thread(self._kept, key)
        if kept is not None:
            return kept
        once = f"{self.row['id']}:{self.row['attempt']}:{key[:24]}:{secrets.token_hex(4)}"
        model = model_row(request.model)
        usd = (
            model.expected_usd(
                text_tokens=rough_tokens(request.text), references=len(request.references), size=request.size
            )
            if self.paid
            else 0.0
        )
        await asyncio.to_thread(self._enter, once, request, money.micro_of(usd))
        begun = time.monotonic()
        try:
            answer = await self.inner.ask(request, watch)
        except CallFailed as failed:
            cost = model.cost_usd(failed.usage) if failed.usage else usd
            paid = cost if self.paid and failed.billed is not Billed.NO else 0.0
            self._count(type(failed.error).__name__, time.monotonic() - begun, failed.usage, paid)
            await asyncio.to_thread(self._failed, once, failed, money.micro_of(cost))
            raise
        cost = (model.cost_usd(answer.usage) if answer.usage.total else usd) if self.paid else 0.0
        self._count("ok", time.monotonic() - begun, answer.usage, cost)
        await asyncio.to_thread(self._keep, once, key, request, answer, money.micro_of(cost))
        return answer

    def _count(self, outcome: str, took_s: float, usage: Usage | None, usd: float) -> None:
        """A call for the metrics; `usd` is what it cost, perhaps or for sure."""
        self.metrics.provider_seconds.labels(self.name).observe(took_s)
        self.metrics.provider_calls.labels(self.name, outcome).inc()
        self.metrics.cost.labels(self.name).inc(usd)
        for kind in ("text_in", "image_out", "text_out"):
            if usage is not None:
                self.metrics.tokens.labels(self.name, kind).inc(getattr(usage, kind))

    async def aclose(self) -> None:
        """Close the inner one."""
        await self.inner.aclose()

    def _kept(self, key: str) -> PictureAnswer | None:
        tenant = self.row["tenant_id"]
        with self.database.read() as connection:
            found = connection.execute(
                sa.select(purchase).where(purchase.c.tenant_id == tenant, purchase.c.key == key)
            ).first()
        if found is None:
            return None
        try:
            data = self.store.get(tenant, found.sha256)
        except FileNotFoundError:
            return None
        facts = found.facts
        return PictureAnswer(
            data=data,
            mime=found.mime,
            width_px=facts["width_px"],
            height_px=facts["height_px"],
            model_version=facts["model_version"],
            response_id=facts["response_id"],
            usage=Usage(**facts["usage"]),
        )

    def _enter(self, once: str, request: PictureRequest, micro: int) -> None:
        if not self.paid:
            return
        with self.database.write() as connection:
            scope = for_tenant(connection, self.row["tenant_id"])
            try:
                money.check_caps(scope, micro, with_reserved=False)
            except QuotaExceeded as error:
                raise CallFailed(error) from None
            money.enter(scope, self.row, what=f"picture {request.model}", micro=micro, once=once)

    def _failed(self, once: str, failed: CallFailed, micro: int) -> None:
        if not self.paid:
            return
        with self.database.write() as connection:
            money.settle(
                connection,
                once,
                micro=0 if failed.billed is Billed.NO else micro,
                sure=failed.billed is not Billed.MAYBE,
                detail={"failed": type(failed.error).__name__},
            )

    def _keep(self, once: str, key: str, request: PictureRequest, answer: PictureAnswer, micro: int) -> None:
        tenant = self.row["tenant_id"]
        sha256 = self.store.put(tenant, answer.data)
        tokens = answer.usage
        counts = {
            "text_in": tokens.text_in,
            "image_out": tokens.image_out,
            "text_out": tokens.text_out,
        }
        facts = {
            "width_px": answer.width_px,
            "height_px": answer.height_px,
            "model_version": answer.model_version,
            "response_id": answer.response_id,
            "usage": counts,
        }
        with self.database.write() as connection:
            if self.paid:
                detail = {"response_id": answer.response_id, **counts, "endpoint": self.endpoint}
                money.settle(connection, once, micro=micro, sure=True, detail=detail)
            known = connection.scalar(
                sa.select(purchase.c.key).where(purchase.c.tenant_id == tenant, purchase.c.key == key)
            )
            if known is None:
                connection.execute(
                    sa.insert(purchase).values(
                        tenant_id=tenant,
                        key=key,
                        sha256=sha256,
                        mime=answer.mime,
                        bytes=len(answer.data),
                        facts=facts,
                        at=time.time(),
                    )
                )


def buy_pictures(
    row: Row,
    *,
    settings: Settings,
    database: Database,
    store: Store,
    region: str,
    scratch: Path,
    metrics: Metrics,
) -> list[BoughtPicture]:
    """The pictures of a `make` job, front first. Raises BadInput and ProviderError."""
    from slipcast.generate.request import Reference
    from slipcast.generate.results import GenerateOptions
    from slipcast.generate.studio import Studio
    from slipcast.generate.turnaround import buy_sides

    words = Words.model_validate(row["order"]["words"])
    request = request_of(words, settings, row["name"])
    provider = Remembering(open_provider(settings, region), database, store, row, metrics, settings.provider)
    options = GenerateOptions(
        tenant=row["tenant_id"],
        run=f"{row['id']}-{row['attempt']}",
        cached=False,  # what was bought is kept by Remembering, for its tenant alone
        state=settings.data / "buying",
        pictures=scratch / "bought",
    )
    with Studio(provider, options) as studio:
        front = studio.buy(request)
        pictures = [
            BoughtPicture(view=View.FRONT.value, data=front.data, mime=front.mime, facts=dict(front.facts))
        ]
        sides = sides_of(words, request.model)
        if sides:
            reference = Reference(data=front.data, mime=front.mime)
            for side in buy_sides(studio, reference, front.picture(), sides, name=row["name"]):
                facts, mime = dict(side.facts), str(side.facts.get("mime", "image/png"))
                known = BoughtPicture(
                    view=side.view.value, data=side.data, mime=mime, facts=facts, fits=side.fits
                )
                if all(known.data != other.data for other in pictures):
                    pictures.append(known)
    return pictures
