"""Memory that was freed goes back to the system: what glibc keeps for later makes the peak of a run, and never ends.

After the networks are loaded glibc holds 45 MB that nobody uses, after a surface of 350,000 faces 100 MB and more.
"""

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Return freed memory to the system where the C library can (glibc); a few milliseconds."""
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        return ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # musl
        return None
