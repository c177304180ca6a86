"""numpy's products of matrices by one thread while a conversion runs: no matrix here is large, and threads that wait
for each other spin: 0.3 s of CPU a picture on two cores.

A process of ours says so before numpy is imported (cli/__init__.py). In a process of somebody else OpenBLAS, with which
numpy comes, is asked at run time, and gets its threads back when the last conversion is over.
"""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

_NAMES = ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads")
"""Of OpenBLAS's functions in numpy's wheels, with whole numbers of 64 bits and of 32."""
_lock = threading.Lock()
_running, _threads = 0, 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Let numpy's BLAS use one thread inside `with`, where it is OpenBLAS; several may overlap."""
    global _running, _threads
    library = _functions()
    if library is None:
        yield
        return
    get, set_ = library
    with _lock:
        if not _running:
            _threads = get()
            set_(1)
        _running += 1
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running:
                set_(_threads)


@cache
def _functions() -> tuple[Any, Any] | None:
    """OpenBLAS's functions that tell and set the count of its threads; None where numpy has another BLAS."""
    place = Path(np.__file__).parent
    for file in (*place.with_name("numpy.libs").glob("*openblas*"), *place.glob(".dylibs/*openblas*")):
        try:
            library = ctypes.CDLL(str(file))
        except OSError:
            continue
        for name in _NAMES:
            get, set_ = (getattr(library, name.format(word), None) for word in ("get", "set"))
            if get is not None and set_ is not None:
                return get, set_
    return None
