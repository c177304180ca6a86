"""What the user reads: results on stdout, everything else on stderr, and nothing that a native library prints.

onnxruntime and others write to the file descriptors 1 and 2 behind Python's back. `quiet` points those two at
nothing for as long as it holds; `Terminal` keeps copies of the real ones.

Where stdout cannot take the results: a full disk is DiskFull. A reader who has left ends a command that only prints,
as it ends other Unix tools; one that makes files goes on without printing and says so.
"""

import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TextIO

from slipcast.cli.exit import PIPE, Stopped
from slipcast.cli.retell import retell
from slipcast.core.errors import DiskFull
from slipcast.core.files import FULL
from slipcast.core.findings import USUAL, Finding
from slipcast.core.mention import FIELDS, Mention
from slipcast.jobs.failure import Failure


@dataclass
class Terminal:
    """The process's real stdout and stderr."""

    out: TextIO
    err: TextIO
    mention: Mention = FIELDS
    """How options are called: by the flags of the command that runs, once it is known."""
    makes: bool = False
    """Whether the command that runs makes more than what it prints."""
    resumes: bool = False
    """Whether it has `--resume`."""

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["Terminal"]:
        """Copy the descriptors 1 and 2; a closed one becomes a place where everything is lost.

        So does a closed 0: no file that is opened later may get one of the three numbers.
        """
        for number in (0, 1, 2):
            if not _is_open(number):
                os.open(os.devnull, os.O_RDWR)
        terminal = cls(
            _copy_of(1), _Heedless(_copy_of(2).detach(), encoding="utf-8", errors="surrogateescape")
        )
        try:
            yield terminal
        finally:
            for stream in (terminal.out, terminal.err):
                with suppress(OSError):  # what could not be said before; that is known
                    stream.close()

    def say(self, line: str) -> None:
        """One line of result. Raises DiskFull; Stopped when nobody reads what a command only prints."""
        try:
            self.out.write(line + "\n")
            self.out.flush()
        except BrokenPipeError:
            _lose(self.out.fileno())
            if not self.makes:
                raise Stopped(PIPE) from None
            self.complain("nobody reads the results any more; the work goes on without printing them")
        except OSError as error:
            if error.errno not in FULL:
                raise
            _lose(self.out.fileno())
            told = "the results could not be printed: the disk that stdout goes to is full; free some space"
            again = "run it again with --resume" if self.resumes else "run it again"
            raise DiskFull(f"{told} and {again}; what was made before is complete") from error

    def say_json(self, data: object, *, indent: int | None = None) -> None:
        """The result as JSON: one line, or spread over lines that are indented by `indent` blanks."""
        self.say(json.dumps(retell(data, self.mention), indent=indent, ensure_ascii=False))

    def note(self, findings: tuple[Finding, ...]) -> None:
        """The findings' sentences below a result, for a reader; a program finds them in the JSON."""
        if self.out.isatty():
            for finding in (found for found in findings if found.code not in USUAL):
                self.say(f"  {finding.severity}: {finding.tell(self.mention)}")

    def complain(self, problem: str | Failure, *, where: str = "") -> None:
        """One sentence about what went wrong, after `where`."""
        told = problem if isinstance(problem, str) else problem.tell(self.mention)
        self.err.write(f"slipcast: {where}{told}\n")
        self.err.flush()

    def log(self, sentence: str) -> None:
        """One line about how far the work is, where no progress bar shows it."""
        if not self.err.isatty():
            self.complain(sentence)

    @contextmanager
    def download(self, title: str) -> Iterator[Callable[[str, int, int], None] | None]:
        """Draw the bytes of each file as they come; yields the callback, None when nobody looks."""
        if not self.err.isatty():
            yield None
            return
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=Console(file=self.err), transient=True) as bar:
            task = bar.add_task(title, total=None)

            def watch(file: str, done: int, total: int) -> None:
                bar.update(task, description=f"{title}: {file}", completed=done, total=total)

            yield watch


class _Heedless(io.TextIOWrapper):
    """A stream whose own troubles are passed over: what cannot be said on stderr can be said nowhere."""

    def write(self, text: str, /) -> int:
        """Write what can be written."""
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        """Write out what can be written."""
        with suppress(OSError):
            super().flush()


@contextmanager
def quiet() -> Iterator[None]:
    """Lose whatever is printed to the descriptors 1 and 2 inside the block."""
    flush()
    saved = [(number, os.dup(number)) for number in (1, 2) if _is_open(number)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number, _ in saved:
        os.dup2(nowhere, number)
    os.close(nowhere)
    try:
        yield
    finally:
        flush()
        for number, copy in saved:
            os.dup2(copy, number)
            os.close(copy)


def flush() -> None:
    """Empty Python's own buffers; a process started without stdout or stderr has none."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def give_up() -> None:
    """Lose what Python's own buffers hold and cannot be written, or the interpreter stumbles over it at its end."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except OSError:
            _lose(number)


def _lose(number: int) -> None:
    """Let the descriptor `number` lead nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def _copy_of(number: int) -> io.TextIOWrapper:
    return os.fdopen(os.dup(number), "w", encoding="utf-8", errors="surrogateescape")


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
