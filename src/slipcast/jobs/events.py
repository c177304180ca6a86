"""What happens to a job: small frozen records that a terminal, a stream, a metric and an audit line all read.

Every job takes `tell`, a function that is called with each event as it happens, in the job's own thread or, for what
happens to a paid call, in another one. In worker processes the stages of an entry are not told, what came of it is.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from slipcast.core.findings import Finding

if TYPE_CHECKING:
    from slipcast.generate.request import Event as PictureEvent


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened."""

    entry: str
    """Name of the asset or picture that it happened to."""

    def as_dict(self) -> dict[str, object]:
        """The event as JSON-ready data; `event` names its kind: `stage_began`, `cost` ..."""
        kind = "".join(f"_{c.lower()}" if c.isupper() else c for c in type(self).__name__).lstrip("_")
        return {"event": kind} | {entry.name: _plain(getattr(self, entry.name)) for entry in fields(self)}


@dataclass(frozen=True, kw_only=True)
class StageBegan(Event):
    """A stage of `slipcast.pipeline.run.STAGES` began."""

    stage: str


@dataclass(frozen=True, kw_only=True)
class StageEnded(Event):
    """A stage ended."""

    stage: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Buying(Event):
    """How far a picture is on its way from the provider."""

    state: str
    """One of `slipcast.generate.request.State`."""
    detail: str = ""
    """One phrase: why it waits, what failed."""
    wait_s: float = 0.0
    tokens: int = 0


@dataclass(frozen=True, kw_only=True)
class Cost(Event):
    """Money that was spent just now."""

    usd: float
    model: str
    """The picture model; empty where the provider names none."""


@dataclass(frozen=True, kw_only=True)
class Found(Event):
    """A finding about an entry, when the entry is done."""

    finding: Finding


@dataclass(frozen=True, kw_only=True)
class EntryDone(Event):
    """An entry came to its end; `outcome` is what the job yields for it, or a `Failure`."""

    outcome: Any


@dataclass(frozen=True, kw_only=True)
class Progress(Event):
    """How far a job of several entries is; `entry` is the one that was done last."""

    done: int
    total: int
    failed: int
    passed_s: float
    """Since the job began."""

    @property
    def left_s(self) -> float:
        """How long the rest may take, at the pace so far."""
        return self.passed_s / max(self.done, 1) * (self.total - self.done)


Tell = Callable[[Event], None]
"""Takes an event; it must not raise."""


def ignore(event: Event) -> None:
    """A `Tell` for whom nobody listens."""


def watch_stages(entry: str, tell: Tell) -> Callable[[str, int, int], None]:
    """The pipeline's `watch` for this entry: it tells when a stage begins and ends, with its seconds."""
    begun: dict[str, float] = {}

    def watch(stage: str, done: int, total: int) -> None:
        if done == 0:
            begun[stage] = time.perf_counter()
            tell(StageBegan(entry=entry, stage=stage))
        elif done >= total:
            passed_s = time.perf_counter() - begun.get(stage, time.perf_counter())
            tell(StageEnded(entry=entry, stage=stage, seconds=round(passed_s, 3)))

    return watch


def watch_buying(tell: Tell) -> Callable[["PictureEvent"], None]:
    """The studio's `watch`: it tells how far each picture is on its way."""

    def watch(event: "PictureEvent") -> None:
        tell(
            Buying(
                entry=event.request,
                state=event.state.value,
                detail=event.detail,
                wait_s=event.wait_s,
                tokens=event.tokens,
            )
        )

    return watch


def _plain(value: object) -> object:
    if hasattr(value, "as_dict"):
        return value.as_dict()
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
