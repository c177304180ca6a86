"""How long a conversion in `asyncio.to_thread` keeps an event loop from running: `python -m evaluation.stalls PICTURE`.

A ticker asks for 10 ms of sleep again and again while one conversion runs in a thread. A stall is what goes by between
two ticks beyond that, in CPU seconds of the process, which a busy machine lengthens by a third at most (wall seconds it
lengthens at will). Beside each stall stands where the conversion was when the loop ran again: code that keeps the
interpreter's lock for itself.
"""

# ruff: noqa: T201 - a command: it prints

import asyncio
import sys
import threading
import time
import traceback
from pathlib import Path

from slipcast import convert

_TICK_S = 0.01
_SHOWN = 12


async def watch(picture: Path) -> list[tuple[float, str]]:
    """(stall in CPU seconds, place) of each tick that came late, while `picture` is converted."""
    found: list[tuple[float, str]] = []
    worker = [0]

    def work() -> None:
        worker[0] = threading.get_ident()
        convert(picture)

    task = asyncio.create_task(asyncio.to_thread(work))
    while not task.done():
        before = time.process_time()
        await asyncio.sleep(_TICK_S)
        late = time.process_time() - before - 2 * _TICK_S  # two threads may work while it sleeps
        frame = sys._current_frames().get(worker[0])
        if late > 0 and frame is not None:
            found.append((late, _place(traceback.extract_stack(frame))))
    await task
    return found


def _place(stack: traceback.StackSummary) -> str:
    """The innermost function of Slipcast's own."""
    own = [entry for entry in stack if "slipcast" in Path(entry.filename).parts]
    return f"{own[-1].name} ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else "elsewhere"


def main() -> None:
    """The command."""
    picture = Path(sys.argv[1])
    convert(picture)  # imports and networks
    found = sorted(asyncio.run(watch(picture)), reverse=True)
    print(f"{len(found)} late ticks, {sum(late for late, _ in found):.2f} CPU s of stalls in all")
    for late, place in found[:_SHOWN]:
        print(f"{late:6.3f} s  {place}")


if __name__ == "__main__":
    main()
