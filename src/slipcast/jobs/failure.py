"""The border of one entry: every way it can fail, as one sentence and one exit code.

The only place that catches more than named errors: a bug met in one picture must not take the other pictures with it,
and no user shall ever read a traceback. With `debug` it goes to a file.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from slipcast.core.errors import BadInput, DiskFull, SlipcastError, status_of
from slipcast.core.files import FULL
from slipcast.core.mention import FIELDS, Mention

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
    sentence: str
    """What happened and what to do, without `cure`."""
    exit_code: int
    field: str = ""
    """The option's field that is wrong: the sentence begins with its name."""
    cure: str = ""
    """The option that helps: the message ends with it."""

    @classmethod
    def of(cls, error: SlipcastError) -> "Failure":
        """What `error` says, and the exit code of its kind.

        >>> Failure.of(BadInput("owl.png does not exist")).kind
        'BadInput'
        """
        kind, code = type(error).__name__, status_of(error).exit_code
        if isinstance(error, BadInput):
            return cls(kind, error.sentence, code, error.field, error.cure)
        return cls(kind, str(error), code)

    @property
    def message(self) -> str:
        """One sentence; options are called by their fields.

        >>> Failure.of(BadInput("faces is 1; give 100 or more", field="faces")).message
        'faces is 1; give 100 or more'
        """
        return self.tell(FIELDS)

    def tell(self, mention: Mention) -> str:
        """One sentence, with the options called as `mention` calls them.

        >>> from slipcast.core.mention import FIELDS
        >>> Failure.of(BadInput("faces is 1; give 100 or more", field="faces")).tell(FIELDS)
        'faces is 1; give 100 or more'
        """
        return mention.fill(self.sentence, field=self.field, cure=self.cure)

    def as_dict(self, mention: Mention = FIELDS) -> dict[str, object]:
        """The failure as JSON-ready data: `kind`, `message`, `exit_code`.

        >>> Failure.of(BadInput("owl.png does not exist")).as_dict()["exit_code"]
        2
        """
        return {"kind": self.kind, "message": self.tell(mention), "exit_code": self.exit_code}


def attempt(work: Callable[[], T], *, debug: bool = False) -> T | Failure:
    """Do `work`; what it raises becomes a Failure. A request to stop (no Exception) goes through."""
    try:
        return work()
    except SlipcastError as error:
        if debug:
            _log(error)
        return Failure.of(error)
    except MemoryError:
        told = "there is not enough memory for this; use a smaller picture or"
        return Failure("MemoryError", told, 5, cure="detail=draft")
    except Exception as error:  # noqa: BLE001 - the border; see the module's docstring
        if isinstance(error, OSError) and error.errno in FULL:
            place = error.filename or "stdout or a temporary file"
            return Failure.of(DiskFull(f"{place} could not be written: the disk is full; free some space"))
        said = " ".join(str(error).split())
        told = f"unexpected {type(error).__name__}: {said[:200]}; please report it,"
        if debug:
            return Failure(type(error).__name__, f"{told} the details are in {_log(error)}", 1)
        return Failure(type(error).__name__, f"{told} with the details that you get with", 1, cure="debug")


def _log(error: Exception) -> str:
    """Append the traceback to a file here; returns its name."""
    with Path(DEBUG_LOG).open("a", encoding="utf-8") as file:
        file.write("".join(traceback.format_exception(error)) + "\n")
    return DEBUG_LOG
