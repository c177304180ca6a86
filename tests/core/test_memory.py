"""core/memory.py: what glibc is told, where there is glibc."""

import subprocess
import sys

import pytest

SCRIPT = """
import ctypes, threading
from slipcast.core.memory import give_back, share_one_heap
share_one_heap()
blocks = []
def allocate():
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    blocks.append(library.malloc(ctypes.c_size_t(100_000)))
threads = [threading.Thread(target=allocate) for _ in range(4)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
give_back()
ctypes.CDLL(None).malloc_info(0, ctypes.c_void_p.in_dll(ctypes.CDLL(None), "stdout"))
ctypes.CDLL(None).fflush(None)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_all_threads_share_one_heap() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout.count("<heap nr=") == 1
