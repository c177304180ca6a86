"""What the tests of buying share: a studio on a stand-in, with short pauses, and how a command that buys ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from standin import Standin

from slipcast.generate.providers.gemini.provider import Gemini, GeminiOptions
from slipcast.generate.request import PictureRequest, Secret
from slipcast.generate.results import GenerateOptions
from slipcast.generate.studio import Studio
from slipcast.generate.traffic.breaker import BreakerOptions
from slipcast.generate.traffic.retry import RetryOptions

MODEL = "gemini-nano-banana-2.1"
KEY = "AIzaSyD-not-a-key-of-anybody-1234567890"
QUICK = RetryOptions(first_wait_s=0.02, longest_wait_s=0.1, patience_s=60)


def request(text: str, **fields: Any) -> PictureRequest:
    """A request for a figurine of `text`."""
    whole = f"A figurine of {text}, on a plain background."
    return PictureRequest(**(dict[str, Any](text=whole, subject=text, name=text, model=MODEL) | fields))


@contextmanager
def studio(
    server: Standin, folder: Path, *, call_s: float = 20, stream: bool = False, **options: Any
) -> Iterator[Studio]:
    """A studio that buys from `server` and keeps everything in `folder`."""
    gemini = Gemini(
        GeminiOptions(key=Secret("key-of-the-test"), base_url=server.url, call_s=call_s, stream=stream)
    )
    plain = dict[str, Any](
        retry=QUICK,
        breaker=BreakerOptions(failures=8, rest_s=0.2),
        state=folder / "state",
        pictures=folder / "pictures",
    )
    with Studio(gemini, GenerateOptions(**(plain | options))) as opened:
        yield opened


class Buy(Protocol):
    """The fixture `buy` of conftest.py."""

    def __call__(self, *words: str, buys: bool = True) -> Ran: ...


class Ran:
    """A run's exit code and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err
        assert KEY not in out + err
        assert "Traceback" not in err

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]
