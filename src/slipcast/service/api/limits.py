"""How often a key may ask: counted in the database, so that all API processes together keep to one limit.

A process takes a twentieth of the minute's requests from the key's row at a time and hands them out from memory: one
small write for twenty parts of the limit and not one for each request. What it took and did not need is lost to the
others until the minute ends, so with many processes a key may be told to wait a little early, never too late.

Rejected: pyrate-limiter, which was here. Its buckets count in one process, or want psycopg (LGPL) or Redis.
"""

import threading
import time
from dataclasses import dataclass

import sqlalchemy as sa

from slipcast.service.database.engine import Database
from slipcast.service.database.tables import rate

_PARTS = 20
_MOST_KEYS = 10_000
_ASTRAY = 3
"""Minutes by which two machines' clocks may differ; a row from farther ahead is from before a clock was set back."""


@dataclass
class _Held:
    minute: int
    left: int
    """Requests in hand; -1: the minute's are used up."""


class Limits:
    """Requests a minute for each key.

    >>> from slipcast.service.database.tables import metadata
    >>> database = Database("sqlite:///:memory:")
    >>> metadata.create_all(database.engine)
    >>> limits = Limits(database)
    >>> [limits.wait_s("key", 2) > 0 for _ in range(3)]
    [False, False, True]
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def wait_s(self, key: str, per_minute: int) -> float:
        """0 when the request may pass, else for how long the client should wait."""
        now = time.time()
        minute = int(now // 60)
        if (known := self._use(key, minute)) is None:
            taken = self._take(key, minute, per_minute)
            with self._lock:
                if len(self._held) >= _MOST_KEYS:
                    self._held.clear()
                held = self._held.get(key)
                spare = held.left if held and held.minute == minute and held.left > 0 else 0
                self._held[key] = _Held(minute, taken - 1 + spare if taken else spare or -1)
            known = taken > 0
        return 0.0 if known else max(1.0, 60 - now % 60)

    def _use(self, key: str, minute: int) -> bool | None:
        """Whether one in hand could be used; None: the row must be asked."""
        with self._lock:
            held = self._held.get(key)
            if held is None or held.minute != minute or held.left == 0:
                return None
            if held.left < 0:
                return False
            held.left -= 1
            return True

    def _take(self, key: str, minute: int, per_minute: int) -> int:
        """Take a part of what the minute has left; 0 when nothing is."""
        for _ in range(2):
            try:
                with self._database.write() as connection:
                    row = connection.execute(
                        sa.select(rate.c.minute, rate.c.taken).where(rate.c.name == key).with_for_update()
                    ).first()
                    goes_on = row is not None and minute <= row.minute < minute + _ASTRAY
                    before = row.taken if row is not None and goes_on else 0
                    part = min(max(1, per_minute // _PARTS), per_minute - before)
                    if part <= 0:
                        return 0
                    values = {"minute": row.minute if row and goes_on else minute, "taken": before + part}
                    if row is None:
                        connection.execute(sa.insert(rate).values(name=key, **values))
                    else:
                        connection.execute(sa.update(rate).where(rate.c.name == key).values(**values))
                    return part
            except sa.exc.IntegrityError:  # another process made the row meanwhile
                continue
        return 0
