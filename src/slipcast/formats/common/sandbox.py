"""Foreign decoders (Draco, USD) in a process of their own: what they do to a hostile file does not reach this one.

The child has a limit on memory and on CPU time, and gives back arrays. A child that dies, takes too long or says no
is one ValueError.
"""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

import numpy as np

Array = np.typing.NDArray[np.generic]

SECONDS = 60
MEMORY_BYTES = 4 * 2**30
Task = Callable[[bytes], dict[str, Array]]
"""What a child does: bytes in, named arrays out, ValueError for what cannot be read. A module's own function."""


def decode(task: Task, data: bytes | memoryview) -> dict[str, Array]:
    """Run `task` on `data` in a child, which finds it by its name; ValueError, with its words, when it cannot."""
    surroundings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "slipcast.formats.common.sandbox", task.__module__, task.__name__],
            input=data,
            capture_output=True,
            env=surroundings,
            timeout=4 * SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ValueError("it took too long to unpack") from error
    if done.returncode == 3:
        lines = (
            done.stderr.decode("utf-8", "replace").strip().splitlines()
        )  # libraries talk before the last one
        raise ValueError(lines[-1][-200:] if lines else "it cannot be read")
    if done.returncode != 0:
        raise ValueError("it is damaged, or unpacks to more than memory holds")
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as found:
        return {name: found[name] for name in found.files}


def _limit() -> None:
    """Hold this process to its memory and time, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    limits = [(resource.RLIMIT_CPU, SECONDS)]
    if sys.platform == "linux":
        limits.append((resource.RLIMIT_AS, MEMORY_BYTES))
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _main(module: str, name: str) -> int:
    _limit()
    work: Task = getattr(import_module(module), name)
    try:
        found = work(sys.stdin.buffer.read())
    except ValueError as error:
        sys.stderr.write(f"\n{error}")
        return 3
    out = io.BytesIO()
    np.savez(out, allow_pickle=False, **found)
    sys.stdout.buffer.write(out.getvalue())
    sys.stdout.flush()
    os._exit(0)  # USD's own threads may crash while a process ends


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
