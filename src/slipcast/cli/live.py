"""What is seen of a job while it runs: the stages of the asset that is made, a line for each picture on its way."""

import json
import os
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from slipcast.cli.terminal import Terminal
from slipcast.jobs.events import Buying, EntryDone, Event, StageBegan, StageEnded
from slipcast.jobs.failure import Failure

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.progress import Progress, TaskID
    from rich.table import Table

_MOST = 12
"""Lines at most; the rest is counted."""


@dataclass(kw_only=True)
class Above(Terminal):
    """A terminal whose lines appear above what is being redrawn."""

    console: "Console"

    def say(self, line: str) -> None:
        """One line of result."""
        if self.out.isatty():
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            super().say(line)

    def complain(self, problem: str | Failure, *, where: str = "") -> None:
        """One sentence about what went wrong, after `where`."""
        told = problem if isinstance(problem, str) else problem.tell(self.mention)
        self.console.print(f"slipcast: {where}{told}", markup=False, highlight=False, soft_wrap=True)


class Board:
    """Shows events on stderr while it is open; nothing where nobody looks."""

    def __init__(self, terminal: Terminal) -> None:
        self._shown = terminal.err.isatty()
        self.terminal = terminal
        """Where to write while the board is open."""
        self._live: Live | None = None
        self._lock = threading.Lock()
        self._on_the_way: dict[str, tuple[Buying, float]] = {}
        self._ended: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.terminal.err)
            plain = self.terminal
            self.terminal = Above(
                out=plain.out, err=plain.err, mention=plain.mention, makes=plain.makes, console=console
            )
            self._live = Live(
                console=console, transient=True, refresh_per_second=5, get_renderable=self._table
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Draw no more; what is said from now on stays where it is written."""
        if self._live:
            self._live.stop()
            self._live = None

    def tell(self, event: Event) -> None:
        """Take note of an event; called from other threads."""
        if not isinstance(event, Buying):
            return
        with self._lock:
            if event.state in ("stored", "cached", "failed"):
                self._on_the_way.pop(event.entry, None)
                self._ended[event.state] = self._ended.get(event.state, 0) + 1
            else:
                self._on_the_way[event.entry] = (event, time.monotonic())

    def _table(self) -> "Table":
        from rich.table import Table
        from rich.text import Text

        table = Table.grid(padding=(0, 2))
        with self._lock:
            rows, ended = list(self._on_the_way.items()), dict(self._ended)
        for name, (event, since) in rows[:_MOST]:
            passed = time.monotonic() - since
            left = f"{max(0.0, event.wait_s - passed):.0f} s" if event.wait_s >= 1 else f"{passed:.0f} s"
            tokens = f"{event.tokens} tokens " if event.tokens else ""
            table.add_row(Text(name), Text(event.state), Text(left), Text(tokens + event.detail[:80]))
        more = f"{len(rows) - _MOST} more on the way, " if len(rows) > _MOST else ""
        table.add_row(
            Text(more + ", ".join(f"{count} {state}" for state, count in ended.items()) or "starting")
        )
        return table


class StageBar:
    """Draws the stages of the asset that is worked on, on stderr; nothing where nobody looks.

    With SLIPCAST_PROGRESS=json in the environment a program looks: each stage that begins is a line of JSON on
    stderr, {"stage": "depth", "done": 1, "of": 9, "entry": "knight"}.
    """

    def __init__(self, terminal: Terminal, stages: tuple[str, ...]) -> None:
        self._terminal, self._stages = terminal, stages
        self._for_program = os.environ.get("SLIPCAST_PROGRESS") == "json"
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def tell(self, event: Event) -> None:
        """Take note of an event."""
        if isinstance(event, EntryDone):
            self._close()
        elif self._for_program:
            if isinstance(event, StageBegan):
                done = self._stages.index(event.stage)
                line = {"stage": event.stage, "done": done, "of": len(self._stages), "entry": event.entry}
                self._terminal.err.write(json.dumps(line) + "\n")
                self._terminal.err.flush()
        elif isinstance(event, StageBegan | StageEnded) and self._terminal.err.isatty():
            if self._bar is None:
                self._open(event.entry)
            assert self._bar is not None
            assert self._task is not None
            ended = isinstance(event, StageEnded)
            completed = self._stages.index(event.stage) + ended
            self._bar.update(self._task, description=event.stage, completed=completed)

    def _open(self, title: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (
            SpinnerColumn(),
            TextColumn("{task.fields[title]}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
        )
        self._bar = Progress(*columns, console=Console(file=self._terminal.err), transient=True)
        self._task = self._bar.add_task("reading", total=len(self._stages), title=title)
        self._bar.start()

    def _close(self) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None
