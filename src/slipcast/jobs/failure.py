"""The border of one entry: every way it can fail, as one sentence and one exit code.

The only place that catches more than named errors: a bug met in one picture must not take the other pictures with it,
and no user shall ever read a traceback. With `debug` it goes to a file.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from slipcast.core.errors import SlipcastError, status_of

T = TypeVar("T")

DEBUG_LOG = "slipcast-debug.log"


@dataclass(frozen=True)
class Failure:
    """Why a piece of work came to nothing.

    >>> Failure.of(BadInput("faces is 1; give 100 or more", field="faces")).exit_code
    2
    """

    kind: str
    """The error's class: BadInput, StageFailed ..., or the foreign one's name."""
    message: str
    exit_code: int

    @classmethod
    def of(cls, error: SlipcastError) -> "Failure":
        """What `error` says."""
        return cls(type(error).__name__, str(error), status_of(error).exit_code)

    def as_dict(self) -> dict[str, object]:
        """The failure as JSON-ready data."""
        return {"kind": self.kind, "message": self.message, "exit_code": self.exit_code}


def attempt(work: Callable[[], T], *, debug: bool = False) -> T | Failure:
    """Do `work`; what it raises becomes a Failure. A request to stop (no Exception) and a closed pipe go through."""
    try:
        return work()
    except SlipcastError as error:
        if debug:
            _log(error)
        return Failure.of(error)
    except BrokenPipeError:
        raise
    except MemoryError:
        told = "there is not enough memory for this; use a smaller picture or the detail draft"
        return Failure("MemoryError", told, 5)
    except Exception as error:  # noqa: BLE001 - the border; see the module's docstring
        where = f"the details are in {_log(error)}" if debug else "run it again with --debug for the details"
        said = " ".join(str(error).split())
        told = f"unexpected {type(error).__name__}: {said[:200]}; please report it, {where}"
        return Failure(type(error).__name__, told, 1)


def _log(error: Exception) -> str:
    """Append the traceback to a file here; returns its name."""
    with Path(DEBUG_LOG).open("a", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)) + "\n")
    return DEBUG_LOG
