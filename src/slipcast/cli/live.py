"""What is seen while pictures are bought: a line for each one on its way, and how many are done."""

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from slipcast.cli.terminal import Terminal

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from slipcast.generate.request import Event

_MOST = 12
"""Lines at most; the rest is counted."""


@dataclass(frozen=True)
class Above(Terminal):
    """A terminal whose lines appear above what is being redrawn."""

    console: "Console"

    def say(self, line: str) -> None:
        """One line of result."""
        if self.out.isatty():
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            super().say(line)

    def complain(self, sentence: str) -> None:
        """One sentence about what went wrong."""
        self.console.print(f"slipcast: {sentence}", markup=False, highlight=False, soft_wrap=True)


class Board:
    """Shows events on stderr while it is open; nothing where nobody looks."""

    def __init__(self, terminal: Terminal) -> None:
        self._shown = terminal.err.isatty()
        self.terminal = terminal
        """Where to write while the board is open."""
        self._live: Live | None = None
        self._lock = threading.Lock()
        self._on_the_way: dict[str, tuple[Event, float]] = {}
        self._ended: dict[str, int] = {}

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self.terminal.err)
            self.terminal = Above(self.terminal.out, self.terminal.err, console)
            self._live = Live(
                console=console, transient=True, refresh_per_second=5, get_renderable=self._table
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def watch(self, event: "Event") -> None:
        """Take note of an event; called from other threads."""
        with self._lock:
            if event.state.value in ("stored", "cached", "failed"):
                self._on_the_way.pop(event.request, None)
                self._ended[event.state.value] = self._ended.get(event.state.value, 0) + 1
            else:
                self._on_the_way[event.request] = (event, time.monotonic())

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
            table.add_row(Text(name), Text(event.state.value), Text(left), Text(tokens + event.detail[:80]))
        more = f"{len(rows) - _MOST} more on the way, " if len(rows) > _MOST else ""
        table.add_row(
            Text(more + ", ".join(f"{count} {state}" for state, count in ended.items()) or "starting")
        )
        return table
