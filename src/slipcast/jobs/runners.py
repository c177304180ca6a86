"""Many small jobs on the cores of one machine: worker processes that load the models once, results in order.

A worker that dies (killed for memory, a crash in a library) or takes longer than the limit costs the job that it had:
that one is given to a new worker once more, then it is a `Lost`. No more jobs are out than there are workers, and no
more results wait for an earlier one than `_AHEAD` a worker, so memory does not grow with the run.

concurrent.futures does the same in fewer lines, but one killed worker breaks its whole pool, and it cannot stop one
that hangs; loky inherits both. Hence processes and pipes of the standard library.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

from slipcast.core.errors import BadInput
from slipcast.core.memory import look_for_cycles_seldom, share_one_heap
from slipcast.core.network import count_cores
from slipcast.core.scientific import leave_out_docs

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

WORKER_MB = 1300
"""What a conversion in standard detail takes at most; `count_workers` reserves it for each worker."""
LIMIT_S = 600.0
"""Default limit for one job; a conversion takes seconds, on a crowded machine a minute."""
_AHEAD = 4
_ATTEMPTS = 2


@dataclass(frozen=True, kw_only=True)
class Lost:
    """A job whose worker died or ran out of time, twice."""

    reason: str
    """Why, as the end of a sentence."""


class _Worker(Generic[Job]):
    """One process and the job that it has."""

    def __init__(self, work: Callable[[Job], Any], threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, far = context.Pipe()
        self.process = context.Process(target=_serve, args=(far, work, threads), daemon=True)
        self.process.start()
        far.close()
        self.number: int | None = None
        self.begun = 0.0

    def give(self, number: int, job: Job) -> None:
        """Send the job of this number."""
        self.number, self.begun = number, time.monotonic()
        self.pipe.send(job)

    def end(self) -> None:
        """Stop at once."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def run_jobs(
    work: Callable[[Job], Outcome], jobs: Iterable[Job], *, workers: int, limit_s: float = LIMIT_S
) -> Iterator[tuple[Job, Outcome | Lost]]:
    """Yield each job with what `work` made of it, in order, done by `workers` processes.

    `work` is a module's function; it, the jobs and the outcomes are pickled, so they should be small. What `work`
    raises comes out here. When the caller stops early, by an exception too, the workers end at once. Raises BadInput
    for fewer workers than one.

    >>> list(run_jobs(abs, [-1, -2], workers=1))
    [(-1, 1), (-2, 2)]
    """
    if workers < 1:
        raise BadInput(f"workers must be 1 or more, got {workers}")
    source = enumerate(jobs)
    again: deque[tuple[int, Job]] = deque()
    out: dict[int, Job] = {}
    tries: dict[int, int] = {}
    done: dict[int, tuple[Job, Any]] = {}
    following, ended = 0, False
    pool: list[_Worker[Job]] = []
    threads = max(1, count_cores() // workers)

    def finish(worker: _Worker[Job], outcome: Any) -> None:
        assert worker.number is not None
        done[worker.number] = (out.pop(worker.number), outcome)
        worker.number = None

    def lose(worker: _Worker[Job], reason: str) -> None:
        worker.end()
        pool.remove(worker)
        number = worker.number
        if number is None:
            return
        if tries[number] < _ATTEMPTS:
            again.append((number, out[number]))
        else:
            finish(worker, Lost(reason=reason))

    try:
        while True:
            while following in done:
                yield done.pop(following)
                following += 1
            idle = [worker for worker in pool if worker.number is None]
            while (again or not ended) and (idle or len(pool) < workers):
                if again:
                    number, job = again.popleft()
                elif len(done) + len(out) >= _AHEAD * workers and following in out:
                    break
                else:
                    item = next(source, None)
                    if item is None:
                        ended = True
                        break
                    number, job = item
                if idle:
                    worker = idle.pop()
                else:
                    worker = _Worker(work, threads)
                    pool.append(worker)
                out[number] = job
                tries[number] = tries.get(number, 0) + 1
                worker.number = number
                try:
                    worker.give(number, job)
                except OSError:  # it died while it was idle
                    lose(worker, "its worker process ended")
            if ended and not out and not again and not done:
                return
            busy = [worker for worker in pool if worker.number is not None]
            if not busy:
                continue
            next_limit = min(worker.begun for worker in busy) + limit_s - time.monotonic()
            ready = wait([worker.pipe for worker in busy], timeout=max(0.0, min(next_limit, 1.0)))
            for worker in busy:
                if worker.pipe in ready:
                    try:
                        ok, value = worker.pipe.recv()
                    except (EOFError, OSError):
                        worker.process.join()
                        lose(worker, _how_it_ended(worker.process.exitcode))
                        continue
                    if not ok:
                        raise value
                    finish(worker, value)
                elif time.monotonic() - worker.begun > limit_s:
                    lose(worker, f"it took longer than {limit_s:g} s")
    finally:
        for worker in list(pool):
            worker.end()


def count_workers() -> int:
    """Return how many workers fit this machine: one a core, as far as the free memory allows."""
    return max(1, min(count_cores(), _free_mb() // WORKER_MB))


def _serve(pipe: Connection, work: Callable[[Any], Any], threads: int) -> None:
    """A worker's life: one job after the other until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, who ends its workers
    os.environ.setdefault("SLIPCAST_THREADS", str(threads))
    share_one_heap()
    look_for_cycles_seldom()
    leave_out_docs()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        try:
            pipe.send((True, work(job)))
        except Exception as error:  # noqa: BLE001 - it is raised again where somebody reads it
            pipe.send((False, error))


def _how_it_ended(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = ", probably for want of memory: use fewer jobs" if name == "SIGKILL" else ""
        return f"its worker process was ended by {name}{hint}"
    return f"its worker process ended with code {code}"


def _free_mb() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - no file on a disk
            words = dict(line.split(":", 1) for line in file)
        return int(words["MemAvailable"].split()[0]) // 1024
    except (OSError, KeyError, ValueError):
        return 4 * WORKER_MB  # not known on this system
