"""The `slipcast` command as a child process: what a server calls that has other things to do meanwhile.

A child can be stopped at any moment and leaves nothing half-written, gives its memory back, and cannot write into the
stdout on which a protocol is spoken. Rejected: threads of this process. They stop between two stages only, seconds
later, and what silences the native libraries takes the protocol's stdout away for as long.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio

_GRACE_S = 20.0
_LONGEST_LINE = 1 << 20
"""Of stderr, in bytes."""

OnStage = Callable[[str, int, int], Awaitable[None]]
"""`await on_stage(stage, done, of)`: a stage begins, `done` of `of` are behind it."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a run of the command ended."""

    code: int
    """The exit code, as the README's table says."""
    out: str
    """What it printed as result."""
    said: str
    """The sentences of stderr, a line each, without the command's name."""


async def call_slipcast(
    words: Sequence[str], *, folder: Path | None = None, on_stage: OnStage | None = None
) -> Ended:
    """Run `slipcast WORDS...` in `folder` and return how it ended; a cancelled caller ends the child first.

    >>> import anyio
    >>> anyio.run(call_slipcast, ["--version"]).out.startswith("slipcast")
    True
    """
    process = await asyncio.create_subprocess_exec(
        # -P: a click.py in the folder must not be taken for click
        *(sys.executable, "-P", "-m", "slipcast", *words),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SLIPCAST_PROGRESS": "json"},
        cwd=folder,
        limit=_LONGEST_LINE,
    )
    assert process.stdout
    assert process.stderr
    said: list[str] = []
    try:
        reading = asyncio.ensure_future(process.stdout.read())
        async for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip("\n")
            if line.startswith('{"stage"'):
                if on_stage:
                    event = json.loads(line)
                    await on_stage(event["stage"], event["done"], event["of"])
            elif line.strip():
                said.append(line.removeprefix("slipcast: "))
        out = await reading
        code = await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
    return Ended(code=code, out=out.decode(errors="replace"), said="\n".join(said))


async def _end(process: asyncio.subprocess.Process) -> None:
    """Stop the child if it still runs: kindly, so that it clears up, and after a while by force."""
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_GRACE_S):
            await process.wait()
        if process.returncode is None:
            process.kill()
            await process.wait()
