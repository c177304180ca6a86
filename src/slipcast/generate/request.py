"""The words of a paid call: what is asked, what is answered, what can happen on the way.

PictureRequest -> (queued, waiting, sent, receiving, checking) -> PictureAnswer, or CallFailed which says
whether asking again makes sense and whether the call was paid for.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Protocol

from slipcast.core.errors import SlipcastError
from slipcast.core.values import View
from slipcast.generate.money.prices import Usage


class Secret:
    """A text that shows itself only on request: `repr`, `str`, logs and copies as JSON give stars.

    >>> Secret("my key")
    Secret(***)
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one place that sends it.

        >>> Secret("my key").reveal()
        'my key'
        """
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled; pass it by environment")


@dataclass(frozen=True, kw_only=True, repr=False)
class Reference:
    """A picture that goes along with a prompt.

    >>> Reference(data=Path("knight.png").read_bytes(), mime="image/png").mime
    'image/png'
    """

    data: bytes
    """The file as it is."""
    mime: str
    """`image/png`, `image/jpeg` or `image/webp`."""

    @property
    def sha256(self) -> str:
        """Of `data`.

        >>> Reference(data=b"", mime="image/png").sha256[:8]
        'e3b0c442'
        """
        return hashlib.sha256(self.data).hexdigest()

    def __repr__(self) -> str:
        return f"Reference({self.mime}, {len(self.data)} bytes)"


@dataclass(frozen=True, kw_only=True)
class PictureRequest:
    """One picture, as it will be asked for."""

    text: str
    """The whole prompt."""
    subject: str = ""
    """The user's part of `text`; near prompts are told by it."""
    view: View = View.FRONT
    model: str
    ratio: str = "1:1"
    size: str = "1K"
    references: tuple[Reference, ...] = ()
    thinking: str = ""
    """Level of thinking, empty for the model's own."""
    take: int = 0
    """Number of the attempt at the same prompt: models give another picture each time."""
    priority: int = 0
    """The higher, the earlier, among all that wait on this machine."""
    name: str = ""
    """What the result is called; no part of the key."""
    facts: tuple[tuple[str, object], ...] = ()
    """JSON-ready extras for the picture's metadata; no part of the key."""

    def key(self, endpoint: str) -> str:
        """Names the request: equal for equal requests at the same `endpoint`, and for no others."""
        return _digest({"text": self.text, "take": self.take, **self._rest(endpoint)})

    def frame(self, endpoint: str) -> str:
        """Names all but the subject's words: requests with equal frames differ only in them (and in the
        take)."""
        around = self.text.lower().replace(self.subject.lower(), "\x00") if self.subject else ""
        return _digest({"around": around, **self._rest(endpoint)})

    def _rest(self, endpoint: str) -> dict[str, object]:
        return {
            "endpoint": endpoint,
            "model": self.model,
            "ratio": self.ratio,
            "size": self.size,
            "view": self.view.value,
            "references": [r.sha256 for r in self.references],
            "thinking": self.thinking,
        }


def _digest(data: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True, kw_only=True, repr=False)
class PictureAnswer:
    """One complete picture, as it was received."""

    data: bytes
    """The file as it came: PNG, JPEG or WebP."""
    mime: str
    """By content, not by what the answer claimed."""
    width_px: int
    height_px: int
    model_version: str = ""
    response_id: str = ""
    usage: Usage = field(default_factory=Usage)
    pictures: int = 1
    """How many finished pictures the answer held; the last one is taken."""

    @cached_property
    def sha256(self) -> str:
        """Of `data`.

        >>> Reference(data=b"", mime="image/png").sha256[:8]
        'e3b0c442'
        """
        return hashlib.sha256(self.data).hexdigest()

    def __repr__(self) -> str:
        return f"PictureAnswer({self.mime}, {self.width_px}x{self.height_px} px, {len(self.data)} bytes)"


class State(StrEnum):
    """How far a request has come."""

    QUEUED = "queued"
    WAITING = "waiting"
    SENT = "sent"
    RECEIVING = "receiving"
    CHECKING = "checking"
    STORED = "stored"
    CACHED = "cached"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Event:
    """Something that happened to a request."""

    request: str
    """The request's name, or the first characters of its key."""
    state: State
    detail: str = ""
    """One phrase: why it waits, what failed."""
    wait_s: float = 0.0
    """How long it waits."""
    tokens: int = 0
    """Tokens so far, where a stream tells them."""


Watch = Callable[[Event], None]


class Billed(StrEnum):
    """Whether a call was paid for."""

    NO = "no"
    MAYBE = "maybe"
    YES = "yes"


class Again(StrEnum):
    """Whether asking again makes sense."""

    NEVER = "never"
    BACKOFF = "backoff"
    """After a growing pause."""
    AFTER = "after"
    """After the pause that the server names."""


class CallFailed(Exception):
    """One call that brought no picture. Stays inside `slipcast.image`: users see its `error`."""

    def __init__(
        self,
        error: SlipcastError,
        *,
        again: Again = Again.NEVER,
        wait_s: float = 0.0,
        billed: Billed = Billed.NO,
        sick: bool = False,
        usage: Usage | None = None,
        daily: bool = False,
        empty: bool = False,
    ) -> None:
        super().__init__(str(error))
        self.error = error
        self.again = again
        self.wait_s = wait_s
        """The server's wish with AFTER."""
        self.billed = billed
        self.sick = sick
        """Whether the service itself is in trouble: counts for the circuit breaker."""
        self.usage = usage
        """Tokens, where the answer told them."""
        self.daily = daily
        """A quota that does not come back today: all other requests would fail too."""
        self.empty = empty
        """An answer came, without a usable picture."""


class Provider(Protocol):
    """Who delivers pictures. One row each in `slipcast.generate.providers.table.PROVIDERS`."""

    @property
    def endpoint(self) -> str:
        """Names whom we ask; part of each request's key, so that a stand-in's pictures are never taken for
        real."""
        ...

    @property
    def paid(self) -> bool:
        """Whether a picture costs money."""
        ...

    async def ask(self, request: PictureRequest, watch: Callable[[State, int], None]) -> PictureAnswer:
        """Ask for one picture, once. `watch(state, tokens)` follows it. Raises CallFailed."""
        ...

    async def aclose(self) -> None:
        """Let go of connections."""
        ...
