"""How often may be asked: requests a minute, pictures a minute, requests a day, for each project and model.

Vendors count per project, not per key or process, so that the count lies in a file that all threads and
processes of this machine share (pyrate-limiter's sliding log on SQLite, under a file lock). Beside it lie
the queue, in which the highest priority of any process goes first and equals go in order of coming, and
the pauses that a server ordered (RetryInfo): what one process was told, all keep to.

Each request makes one picture, so that a limit on pictures a minute is one on requests. Windows are wider
than the vendor's by `GUARD_S`, since requests do not travel at the same speed.
"""

import asyncio
import os
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.options import check, real, text, whole
from slipcast.generate.stock.database import Database

if TYPE_CHECKING:
    from pyrate_limiter import SQLiteBucket

GUARD_S = 0.25
_ALIVE_S = 5.0
"""A waiter that did not show itself for so long is gone: its process was killed."""
_TABLES = """
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT, priority INTEGER, pid INTEGER, seen REAL);
CREATE INDEX IF NOT EXISTS waiting_lane ON waiting (lane, priority DESC, id);
CREATE TABLE IF NOT EXISTS pauses (lane TEXT PRIMARY KEY, until REAL, reason TEXT);
"""


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """What a project may ask of a model; None is no limit of ours (the server's 429 is still kept to).

    >>> LimitOptions(requests_per_minute=10).requests_per_minute
    10
    """

    project: str = "default"
    """Whose quota it is: all processes that name the same project share it."""
    requests_per_minute: int | None = None
    pictures_per_minute: int | None = None
    requests_per_day: int | None = None
    minute_s: float = 60.0
    """Length of the «minute», for tests."""

    def __post_init__(self) -> None:
        check(
            self,
            project=text(example="default"),
            requests_per_minute=whole(1, 10_000_000, example=10).or_none(),
            pictures_per_minute=whole(1, 10_000_000, example=10).or_none(),
            requests_per_day=whole(1, 10_000_000, example=10).or_none(),
            minute_s=real(0.001, 3600, example=60, unit="seconds"),
        )


@dataclass(frozen=True)
class Turn:
    """Whether a request may go now, and if not, when to look again and why."""

    go: bool
    wait_s: float = 0.0
    reason: str = ""


class Limits:
    """The shared count, queue and pauses in one folder."""

    def __init__(self, folder: Path, options: LimitOptions | None = None) -> None:
        """Open or make the files. Raises BadInput when the folder cannot be written."""
        self.options = options or LimitOptions()
        self._db = Database(folder / "queue.sqlite", _TABLES)
        self._folder = folder
        self._buckets: dict[str, SQLiteBucket] = {}
        self._lock = threading.Lock()

    async def acquire(
        self, model: str, *, priority: int = 0, patience_s: float, tell: Callable[[float, str], None]
    ) -> float:
        """Wait for a turn and take it; returns the seconds waited.

        `tell(wait_s, reason)` is called when the expected wait changes much. Raises TimeoutError when the
        turn cannot come within `patience_s`.
        """
        begun = time.monotonic()
        lane = self._lane(model)
        turn = self._first_look(lane)
        if turn.go:
            return 0.0
        ticket = self._join(lane, priority)
        told = 0.0
        try:
            while True:
                turn = self._look(lane, ticket)
                waited = time.monotonic() - begun
                if turn.go:
                    return waited
                if waited + turn.wait_s > patience_s:
                    raise TimeoutError(turn.reason)
                if told == 0.0 or abs(waited + turn.wait_s - told) > 5:
                    told = waited + turn.wait_s
                    tell(turn.wait_s, turn.reason)
                await asyncio.sleep(min(max(turn.wait_s, 0.02), 0.5))
        finally:
            self._leave(ticket)

    def pause(self, model: str, wait_s: float, reason: str) -> None:
        """Keep all requests to `model` from going for `wait_s`, in every process; the longest pause
        counts."""
        with self._db.write() as db:
            db.execute(
                "INSERT INTO pauses VALUES (?1, ?2, ?3) ON CONFLICT(lane) DO UPDATE SET"
                " until=excluded.until, reason=excluded.reason WHERE excluded.until > until",
                (self._lane(model), time.time() + wait_s, reason),
            )

    def close(self) -> None:
        """Close the files."""
        self._db.close()
        with self._lock:
            for bucket in self._buckets.values():
                bucket.conn.close()
            self._buckets.clear()

    def _lane(self, model: str) -> str:
        return re.sub(r"\W", "_", f"{self.options.project}__{model}")

    def _first_look(self, lane: str) -> Turn:
        """The quick way for the usual case: nobody waits, nothing is paused."""
        now = time.time()
        blocked = self._db.read(
            "SELECT 1 FROM waiting WHERE lane=?1 AND seen>?2 UNION ALL SELECT 1 FROM pauses WHERE lane=?1 AND until>?3",
            (lane, now - _ALIVE_S, now),
        )
        return Turn(False) if blocked else self._take(lane)

    def _join(self, lane: str, priority: int) -> int:
        with self._db.write() as db:
            row = db.execute(
                "INSERT INTO waiting (lane, priority, pid, seen) VALUES (?, ?, ?, ?)",
                (lane, priority, os.getpid(), time.time()),
            )
            return int(row.lastrowid or 0)

    def _leave(self, ticket: int) -> None:
        with self._db.write() as db:
            db.execute("DELETE FROM waiting WHERE id=? OR seen<?", (ticket, time.time() - 60))

    def _look(self, lane: str, ticket: int) -> Turn:
        """Show that the ticket is alive; take a slot when it is its turn."""
        now = time.time()
        with self._db.write() as db:
            db.execute("UPDATE waiting SET seen=? WHERE id=?", (now, ticket))
            pause = db.execute(
                "SELECT until, reason FROM pauses WHERE lane=? AND until>?", (lane, now)
            ).fetchone()
            if pause:
                return Turn(False, pause["until"] - now, pause["reason"])
            ahead = db.execute(
                "SELECT COUNT(*) AS n FROM waiting AS w JOIN waiting AS me ON me.id=?2 WHERE w.lane=?1 AND w.seen>?3"
                " AND (w.priority > me.priority OR (w.priority = me.priority AND w.id < me.id))",
                (lane, ticket, now - _ALIVE_S),
            ).fetchone()["n"]
        if ahead:
            return Turn(False, 0.05, f"{ahead} ahead")
        return self._take(lane)

    def _take(self, lane: str) -> Turn:
        """Count one request now, if all windows have room."""
        with self._lock:
            bucket = self._bucket(lane)
            if bucket is None:
                return Turn(True)
            from pyrate_limiter import RateItem

            now_ms = time.time_ns() // 1_000_000
            decision = bucket.put_decision(RateItem(lane, now_ms))
            assert not hasattr(decision, "__await__")  # the SQLite bucket is synchronous
            if decision.allowed:
                if now_ms % 64 == 0:
                    bucket.leak(now_ms)
                return Turn(True)
            rate = decision.failing_rate
            assert rate is not None
            return Turn(False, (decision.retry_after_ms or 20) / 1000, f"quota of {rate.limit} requests")

    def _bucket(self, lane: str) -> "SQLiteBucket | None":
        """The count of one lane; None without limits."""
        o = self.options
        minute = min((n for n in (o.requests_per_minute, o.pictures_per_minute) if n), default=None)
        if minute is None and o.requests_per_day is None:
            return None
        if lane not in self._buckets:
            from pyrate_limiter import Rate, SQLiteBucket

            day = [Rate(o.requests_per_day, 86_400_000)] if o.requests_per_day else []
            needed = minute and (not o.requests_per_day or minute < o.requests_per_day)
            rates = [Rate(minute, int((o.minute_s + GUARD_S) * 1000)), *day] if minute and needed else day
            self._buckets[lane] = SQLiteBucket.init_from_file(
                rates, table=lane, db_path=str(self._folder / "limits.sqlite"), use_file_lock=True
            )
        return self._buckets[lane]
