"""The `slipcast` command as a child process: what a server calls that has other things to do meanwhile.

A child can be stopped at any moment and leaves nothing half-written, gives its memory back, and cannot write into the
stdout on which a protocol is spoken. Rejected: threads of this process. They stop between two stages only, seconds
later, and what silences the native libraries takes the protocol's stdout away for as long.
"""

import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.text import TextReceiveStream

_MAIN = "import sys; from slipcast.cli.main import main; sys.exit(main())"
_GRACE_S = 20.0

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
    process = await anyio.open_process(
        [
            sys.executable,
            "-P",
            "-c",
            _MAIN,
            *words,
        ],  # -P: a click.py in the folder must not be taken for click
        stdin=subprocess.DEVNULL,
        env={**os.environ, "SLIPCAST_PROGRESS": "json"},
        cwd=folder,
    )
    out: list[str] = []
    said: list[str] = []

    async def listen(line: str) -> None:
        if line.startswith('{"stage"'):
            if on_stage:
                event = json.loads(line)
                await on_stage(event["stage"], event["done"], event["of"])
        elif line.strip():
            said.append(line.removeprefix("slipcast: "))

    async def keep(line: str) -> None:
        out.append(line + "\n")

    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read_lines, process.stdout, keep)
            tasks.start_soon(_read_lines, process.stderr, listen)
        code = await process.wait()
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process)
    return Ended(code=code, out="".join(out), said="\n".join(said))


async def _read_lines(stream: ByteReceiveStream | None, take: Callable[[str], Awaitable[None]]) -> None:
    assert stream is not None
    rest = ""
    async for text in TextReceiveStream(stream, errors="replace"):
        *lines, rest = (rest + text).split("\n")
        for line in lines:
            await take(line)
    if rest:
        await take(rest)


async def _end(process: Process) -> None:
    """Stop the child if it still runs: kindly, so that it clears up, and after a while by force."""
    if process.returncode is None:
        process.terminate()
        with anyio.move_on_after(_GRACE_S):
            await process.wait()
        if process.returncode is None:
            process.kill()
    await process.aclose()
