"""A child process that works on one job after the other, and the parent's end of it.

It holds the models between jobs, has a limit on its memory, reads hostile pictures where nothing else lives, and can be
killed at any moment: that is how a job is cancelled. It ends by itself when its parent is gone.
"""

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from slipcast.core.errors import SlipcastError, status_of
from slipcast.service.worker.work import Order, Outcome, work

_LOOK_S = 0.2
_NICE = 10
"""How far conversions stand behind the API on a machine that has both: a request takes milliseconds, a job seconds."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """Why a job came to nothing, for its row."""

    code: str
    """The error's class: BadInput, StageFailed ...; `WorkerLost`, `TimedOut`, `Cancelled`, `Unexpected`."""
    message: str
    http: int = 500
    again: bool = False
    """Whether another attempt may go better."""


class Child:
    """The parent's end. Started on first use, and again when it has died."""

    def __init__(self, memory_mb: int, threads: int) -> None:
        self.memory_mb, self.threads = memory_mb, threads
        self._process: multiprocessing.process.BaseProcess | None = None
        self._pipe: Connection | None = None

    def run(
        self,
        order: Order,
        *,
        limit_s: float,
        told: Callable[[str, int, float], None],
        stop: Callable[[], Failed | None],
    ) -> Outcome | Failed:
        """Do `order`. `stop` is asked again and again: what it returns ends the child and the job."""
        pipe, deadline = self._started(), time.monotonic() + limit_s
        try:
            pipe.send(order)
            while True:
                if pipe.poll(_LOOK_S):
                    kind, value = pipe.recv()
                    if kind != "told":
                        done: Outcome | Failed = value
                        return done
                    told(*value)
                if (wish := stop()) is not None:
                    self.end()
                    return wish
                if time.monotonic() > deadline:
                    self.end()
                    return Failed(code="TimedOut", message=f"it took longer than {limit_s:g} s", http=504)
        except (EOFError, OSError):
            code = self._exit_code()
            self.end()
            return Failed(code="WorkerLost", message=_how(code), again=True)

    def end(self) -> None:
        """Stop it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None

    def _started(self) -> Connection:
        if self._process is None or not self._process.is_alive() or self._pipe is None:
            self.end()
            context = multiprocessing.get_context("spawn")
            self._pipe, far = context.Pipe()
            self._process = context.Process(
                target=_serve, args=(far, os.getpid(), self.memory_mb, self.threads), daemon=True
            )
            self._process.start()
            far.close()
        return self._pipe

    def _exit_code(self) -> int | None:
        if self._process is None:
            return None
        self._process.join(5)
        return self._process.exitcode


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the process that converts was ended by {signal.Signals(-code).name}"
    return f"the process that converts ended with code {code}"


def _serve(pipe: Connection, parent: int, memory_mb: int, threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a drain is the parent's business
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "SLIPCAST_THREADS"):
        os.environ.setdefault(name, str(threads))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _limit(memory_mb)
    give_way()
    quiet = open(os.devnull, "w")  # noqa: SIM115, PTH123 - what native libraries print is nobody's
    os.dup2(quiet.fileno(), 1)
    os.dup2(quiet.fileno(), 2)
    while True:
        try:
            order: Order = pipe.recv()
        except EOFError:
            return
        with contextlib.suppress(BrokenPipeError):
            pipe.send(("done", attempt(order, lambda *step: pipe.send(("told", step)))))


def attempt(order: Order, tell: Callable[[str, int, float], None]) -> Outcome | Failed:
    """The border: every way a job can end, without a traceback, a path or a key in it."""
    try:
        return work(order, tell)
    except SlipcastError as error:
        http = status_of(error).http
        message = str(error).replace(str(order.folder / "in") + os.sep, "").replace(str(order.folder), "")
        return Failed(
            code=type(error).__name__, message=_with_given_names(message, order), http=http, again=http == 507
        )
    except MemoryError:
        told = "there is not enough memory for this; send a smaller picture or ask for detail draft"
        return Failed(code="StageFailed", message=told)
    except (BrokenPipeError, ConnectionError):
        raise
    except Exception as error:  # noqa: BLE001 - a bug met in one job must not take the worker with it
        return Failed(code="Unexpected", message=f"unexpected {type(error).__name__}; please report it")


def _with_given_names(message: str, order: Order) -> str:
    """The sender knows a picture by its own name, not by its number."""
    for file, _, facts in order.pictures:
        name = str(facts.get("file", file))
        message = re.sub(rf"(?<![\w.]){re.escape(file)}", name.replace("\\", r"\\"), message)
    return message


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def give_way() -> None:
    """Let other processes of this machine go first."""
    if hasattr(os, "nice"):
        os.nice(_NICE)
    # Linux may share its processors by session first (sched(7), autogroup); then nice counts within a session alone.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(_NICE))


def _limit(memory_mb: int) -> None:
    if sys.platform != "linux":
        return
    import resource

    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    most = memory_mb * 2**20
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
