"""Memory that was freed goes back to the system: what glibc keeps for later makes the peak of a run, and never ends.

After the networks are loaded glibc holds 45 MB that nobody uses, after a surface of 350,000 faces 100 MB and more. A
process of ours also keeps one heap for all threads, whose leftovers one trim finds, and large arrays on it, so that
their pages are not fetched anew each time: `convert` of the sample knight 614 -> 533 MB, 1.05 -> 0.61 s of the system's
CPU time (four runs in turn, a crowded machine). Memory goes back once a conversion is over; rejected: after each stage,
which fetches pages anew (237,000 faults instead of 162,000, 0.8 s of the system's CPU time instead of 0.47) for a peak
that is 12 MB lower; huge pages (GLIBC_TUNABLES=glibc.malloc.hugetlb=1: 18,000 faults instead of 130,000, but 1.2 s of
the system's CPU time instead of 0.4, three runs in turn).
"""

import ctypes
import gc
import sys
from functools import cache


def give_back() -> None:
    """Return freed memory to the system where the C library can (glibc); a few milliseconds.

    Cycles of new garbage are freed first.
    """
    gc.collect(0)
    library = _library()
    if library is not None:
        library.malloc_trim(0)


_ARENAS, _LARGE, _KEPT = -8, -3, -1
"""glibc's names for settings: how many heaps, from which size memory is mapped by itself, how much freed is kept."""


def share_one_heap() -> None:
    """Let all threads of this process use one heap (glibc); before it starts any, and where the process is ours."""
    library = _library()
    if library is not None:
        for setting, value in ((_ARENAS, 1), (_LARGE, 64 << 20), (_KEPT, 256 << 20)):
            library.mallopt(setting, value)


_SELDOM = (100_000, 10, 10)


def look_for_cycles_seldom() -> None:
    """Let Python look for cycles of garbage after 100,000 new objects instead of 700, in a process that is ours.

    Imports make no garbage, and looking for it took 0.05 s of CPU; `give_back` looks after each conversion.
    """
    gc.set_threshold(*_SELDOM)


@cache
def _library() -> ctypes.CDLL | None:
    """The C library where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    try:
        library = ctypes.CDLL(None)
    except OSError:
        return None
    has_both = hasattr(library, "malloc_trim") and hasattr(library, "mallopt")  # musl has neither
    return library if has_both else None
