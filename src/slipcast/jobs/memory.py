"""How much memory one picture takes: the peak of this process since the picture was begun.

`getrusage` gives the peak since the process began, which the largest picture of a batch would set for all after it.
Linux can forget its peak (proc(5), `clear_refs`); other systems cannot, and there nothing is said.
"""

from contextlib import suppress
from pathlib import Path

_PROCESS = Path("/proc/self")


def forget_peak_memory() -> None:
    """Begin to measure anew; without effect where the system cannot."""
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text("5")


def peak_memory_mb() -> int | None:
    """The most MiB that this process has held since `forget_peak_memory`; None where the system cannot tell."""
    try:
        if not (_PROCESS / "clear_refs").exists():
            return None
        status = (_PROCESS / "status").read_text()
    except OSError:
        return None
    kib = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return round(int(kib[0]) / 1024) if kib else None
