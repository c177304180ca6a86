"""How a command is stopped: Ctrl-C, SIGTERM, a reader who leaves, as an exception that is no failure."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

PIPE = 13
"""SIGPIPE, which Windows does not name."""


class Stopped(BaseException):
    """Ctrl-C, a request to end, a closed pipe; not an Exception, so that nothing mistakes it for a failure."""

    last: int = signal.SIGINT
    """The signal that came last: a library may swallow the exception and tell of an interrupt in its own way."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.exit_code = 128 + number


@contextmanager
def allow_stop() -> Iterator[None]:
    """Inside the block, Ctrl-C and SIGTERM raise Stopped; behind it they do what they did before. Main thread only."""

    def stop(number: int, frame: FrameType | None) -> None:
        Stopped.last = number
        raise Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
