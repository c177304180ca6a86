"""Several processes share one folder of results: each claims an asset before it makes it.

A claim is a lock on a hidden file in the folder (filelock: flock, on Windows msvcrt). The system drops the lock when
its process dies, however it dies, so no claim goes stale and none needs a clock. Rejected: marker files with a host, a
process id and a time of their own; a machine that sleeps looks like one that died.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def claim(folder: Path, name: str, *, wait: bool) -> Iterator[bool]:
    """Hold the claim on the asset `name` in `folder` inside the block; yields False where another process holds it.

    With `wait` the block begins when the other process has let go, and True is yielded. The folder must exist.

    >>> with claim(Path(), "knight", wait=False) as mine:
    ...     mine
    True
    """
    from filelock import FileLock, Timeout

    # A hash keeps the name short enough for every disk, whatever the asset is called.
    place = folder / f".slipcast-{hashlib.sha256(name.encode()).hexdigest()[:16]}.claim"
    lock = FileLock(place, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        # Unlinked while it is held: whoever waits on the old file sees that it has no name any more and makes another.
        with suppress(OSError):  # Windows does not remove an open file; it stays, empty and free
            place.unlink()
        lock.release()
