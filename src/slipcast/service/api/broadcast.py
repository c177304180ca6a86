"""Tells streams that their job has something new: one query for all of them, a few times a second.

A thousand clients that listen cost one SELECT a tick, not a thousand. A job's events are numbered in its own row, under
its lock: a stream that reads behind the last number that it saw misses none, whatever order transactions end in.
"""

import asyncio
from contextlib import suppress

import sqlalchemy as sa

from slipcast.service.database.engine import Database
from slipcast.service.database.tables import job

TICK_S = 0.3
_AT_ONCE = 500


class Broadcast:
    """Wakes whoever waits for a job."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._seen: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    def join(self, job_id: str) -> asyncio.Event:
        """An event that is set each time the job has news. Call on the event loop."""
        event = asyncio.Event()
        self._waiting.setdefault(job_id, set()).add(event)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())
        return event

    def leave(self, job_id: str, event: asyncio.Event) -> None:
        """The stream has ended."""
        events = self._waiting.get(job_id, set())
        events.discard(event)
        if not events:
            self._waiting.pop(job_id, None)
            self._seen.pop(job_id, None)

    async def close(self) -> None:
        """Let all streams go."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self.wake_all()

    def wake_all(self) -> None:
        """Let every stream look whether it should end."""
        for events in list(self._waiting.values()):
            for event in events:
                event.set()

    async def _run(self) -> None:
        while self._waiting:
            ids = list(self._waiting)
            with suppress(sa.exc.SQLAlchemyError):
                for id, seq in await asyncio.to_thread(self._look, ids):
                    if self._seen.get(id) != seq:
                        self._seen[id] = seq
                        for event in self._waiting.get(id, ()):
                            event.set()
            await asyncio.sleep(TICK_S)

    def _look(self, ids: list[str]) -> list[tuple[str, int]]:
        found: list[tuple[str, int]] = []
        with self.database.read() as connection:
            for at in range(0, len(ids), _AT_ONCE):
                query = sa.select(job.c.id, job.c.seq).where(job.c.id.in_(ids[at : at + _AT_ONCE]))
                found += [(row.id, row.seq) for row in connection.execute(query)]
        return found
