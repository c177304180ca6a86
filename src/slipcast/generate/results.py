"""The words of buying: how pictures are bought (GenerateOptions), what came of it (Bought, Outcome, Plan)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipcast.core.errors import SlipcastError
from slipcast.core.findings import Finding
from slipcast.core.options import check, flag, instance, path, real, text, whole
from slipcast.core.values import Picture
from slipcast.generate.money.ledger import Budget
from slipcast.generate.request import PictureRequest
from slipcast.generate.stock.cache import SUFFIXES
from slipcast.generate.traffic.breaker import BreakerOptions
from slipcast.generate.traffic.limits import LimitOptions
from slipcast.generate.traffic.retry import RetryOptions

CACHE_BYTES = 4_000_000_000
"""Size limit of the store of pictures: 4 GB, of which 1 GB is a thousand million bytes."""


@dataclass(frozen=True, kw_only=True)
class GenerateOptions:
    """How pictures are bought.

    >>> GenerateOptions(similar=2)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: similar is 2; give a number from 0 to 1, for instance 0.85, or None
    """

    tenant: str = "default"
    """For whom; the ledger sums by it."""
    run: str = ""
    """Name of the run in the ledger: what was spent under it counts for the run's budget. A new one by default."""
    budget: Budget = field(default_factory=Budget)
    limits: LimitOptions = field(default_factory=LimitOptions)
    retry: RetryOptions = field(default_factory=RetryOptions)
    breaker: BreakerOptions = field(default_factory=BreakerOptions)
    concurrency: int = 4
    """Pictures asked for at the same time."""
    cached: bool = True
    """Take pictures that were bought before; False buys and stores anew only what nobody asked for."""
    refresh: bool = False
    """Buy anew and let the new picture replace the old one."""
    similar: float | None = None
    """0 to 1: take a picture that was bought for words at least so alike (see generate/stock/similar.py)."""
    cache_bytes: int = CACHE_BYTES
    """Size limit of the store of pictures."""
    state: Path | None = None
    """Folder of ledger and limits; the system's place for it by default."""
    pictures: Path | None = None
    """Folder of the store of pictures; the system's place by default."""

    def __post_init__(self) -> None:
        check(
            self,
            tenant=text(example="default"),
            run=text(example="monday", empty=True),
            budget=instance(Budget),
            limits=instance(LimitOptions),
            retry=instance(RetryOptions),
            breaker=instance(BreakerOptions),
            concurrency=whole(1, 1000, example=4),
            cached=flag(),
            refresh=flag(),
            similar=real(0, 1, example=0.85).or_none(),
            cache_bytes=whole(1, 10**18, example=CACHE_BYTES),
            state=path(example="state").or_none(),
            pictures=path(example="store").or_none(),
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Bought:
    """A complete picture and everything known about it."""

    data: bytes
    """The file as it was received."""
    mime: str
    facts: Mapping[str, object]
    """JSON-ready: provider, model, ids, prompt, tokens, cost; no clock, no path, no secret."""
    cached: bool = False
    """Whether it came from the store, so that nothing was paid now."""
    findings: tuple[Finding, ...] = ()

    def __repr__(self) -> str:
        return f"Bought({self.mime}, {len(self.data)} bytes, cached={self.cached})"

    @property
    def suffix(self) -> str:
        """`.png`, `.jpg` or `.webp`, by content."""
        return SUFFIXES[self.mime]

    @property
    def cost_usd(self) -> float:
        """What it cost now: 0 from the store."""
        cost = self.facts.get("cost_usd", 0.0)
        return 0.0 if self.cached or not isinstance(cost, int | float) else float(cost)

    def picture(self) -> Picture:
        """It, decoded, for the pipeline; `source` holds the facts."""
        from slipcast.picture.decode import read_picture

        read = read_picture(self.data, view=str(self.facts.get("view", "front")))
        source = {**read.source, **self.facts}
        return replace(read, source=source, findings=(*read.findings, *self.findings))


@dataclass(frozen=True, kw_only=True, repr=False)
class Outcome:
    """How one request ended: `bought` or `error`, never both."""

    request: PictureRequest
    bought: Bought | None = None
    error: SlipcastError | None = None

    def __repr__(self) -> str:
        return f"Outcome({self.request.name!r}, {self.bought or self.error!r})"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a list of requests would do, without doing it."""

    pictures: int
    cached: int
    """Of these, how many are in the store already."""
    usd: float
    """Expected price of the others, rather too much than too little."""
    findings: tuple[Finding, ...] = ()

    def plus(self, other: "Plan") -> "Plan":
        """Both lists together."""
        return Plan(
            pictures=self.pictures + other.pictures,
            cached=self.cached + other.cached,
            usd=round(self.usd + other.usd, 6),
            findings=(*self.findings, *(each for each in other.findings if each not in self.findings)),
        )
