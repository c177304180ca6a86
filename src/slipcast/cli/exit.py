"""The process's border: every way a command can end, as one sentence and one exit code.

The only place that catches more than named errors: a bug met in one picture must not take the other pictures with it,
and no user shall ever read a traceback. `--debug` writes it to a file.
"""

import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeVar

from slipcast.core.errors import SlipcastError, status_of

T = TypeVar("T")

DEBUG_LOG = "slipcast-debug.log"


class Stopped(BaseException):
    """Ctrl-C or a request to end; not an Exception, so that nothing mistakes it for a failure."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@dataclass(frozen=True)
class Failure:
    """Why a piece of work came to nothing."""

    kind: str
    """The error's class: BadInput, StageFailed ..., or the foreign one's name."""
    message: str
    exit_code: int

    def as_dict(self) -> dict[str, object]:
        """The failure as JSON-ready data."""
        return {"kind": self.kind, "message": self.message, "exit_code": self.exit_code}


def attempt(work: Callable[[], T], *, debug: bool = False) -> T | Failure:
    """Do `work`; what it raises becomes a Failure. `Stopped` and a closed pipe go through."""
    try:
        return work()
    except SlipcastError as error:
        if debug:
            _log(error)
        return Failure(type(error).__name__, str(error), status_of(error).exit_code)
    except BrokenPipeError:
        raise
    except MemoryError:
        told = "there is not enough memory for this; use a smaller picture or --detail draft"
        return Failure("MemoryError", told, 5)
    except Exception as error:  # noqa: BLE001 - the border; see the module's docstring
        where = f"the details are in {_log(error)}" if debug else "run it again with --debug for the details"
        said = " ".join(str(error).split())
        told = f"unexpected {type(error).__name__}: {said[:200]}; please report it, {where}"
        return Failure(type(error).__name__, told, 1)


@contextmanager
def allow_stop() -> Iterator[None]:
    """Inside the block, Ctrl-C and SIGTERM raise Stopped."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _log(error: Exception) -> str:
    """Append the traceback to a file here; returns its name."""
    with Path(DEBUG_LOG).open("a", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)) + "\n")
    return DEBUG_LOG
