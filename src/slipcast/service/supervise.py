"""The worker processes beside the API: started, restarted when they die, drained at the end.

What a dead one was working on goes back to the queue at once; the lease is for whole machines that die.
"""

import json
import logging
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress

import sqlalchemy as sa

from slipcast.service.database.engine import Database
from slipcast.service.jobs.queue import give_back_all, new_id
from slipcast.service.logs import log
from slipcast.service.settings import Settings

_LOOK_S = 0.2
_QUICK_S = 5.0
"""A worker that dies sooner is restarted with a pause."""


class Supervisor:
    """Keeps `settings.workers` processes running on a thread of its own."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self.settings, self.database = settings, database
        self._running: dict[str, tuple[subprocess.Popen[bytes], float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start the workers."""
        self._thread.start()

    def stop(self) -> None:
        """Drain: workers finish what they have, or give it back."""
        self._ended.set()
        self._thread.join()
        for process, _ in self._running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self.settings.drain_s + 15
        for process, _ in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _run(self) -> None:
        pause_s = 0.0
        while not self._ended.wait(pause_s or _LOOK_S):
            pause_s = 0.0
            for id, (process, begun) in list(self._running.items()):
                if process.poll() is None:
                    continue
                del self._running[id]
                log("serve", "a worker ended", level=logging.WARNING, worker=id, code=process.returncode)
                with suppress(sa.exc.SQLAlchemyError):
                    give_back_all(self.database, id, f"its worker ended with code {process.returncode}")
                if time.monotonic() - begun < _QUICK_S:
                    pause_s = 1.0
            while len(self._running) < self.settings.workers and not pause_s:
                self._start()

    def _start(self) -> None:
        id = new_id("worker")
        process = subprocess.Popen(
            [sys.executable, "-m", "slipcast.service.worker"], stdin=subprocess.PIPE, start_new_session=True
        )
        order = {"id": id, "settings": self.settings.model_dump(mode="json", exclude={"admin_key"})}
        assert process.stdin
        with suppress(BrokenPipeError):
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
        self._running[id] = (process, time.monotonic())
