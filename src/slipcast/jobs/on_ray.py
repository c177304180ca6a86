"""Many small jobs on a Ray cluster: the same contract as runners.py, with actors instead of worker processes.

An actor loads the models once and has one job at a time. One that dies with its node, or takes longer than the limit,
costs the job that it had: that one is given to another actor once more, then it is a `Lost`. Ray's own retries are off,
since they would run a job whose worker is killed for memory four times, and say so only in a log. Pictures and results
go by place: every node sees the folders under the same path, and Ray's object store holds a few kilobytes a job.

One processor of the cluster is left to Ray. Rejected: Ray Data's `map_batches` (one bad row fails the run by default,
its checkpoint needs 10 actors of 1 GB each); Ray's runtime environments (they would install Slipcast anew on every
node; an image that holds it starts at once).
"""

from __future__ import annotations

import importlib.util
import logging
import os
import platform
import secrets
import socket
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from slipcast._version import __version__
from slipcast.core.errors import BadInput, StageFailed
from slipcast.jobs.runners import LIMIT_S, Lost

Job = TypeVar("Job")
Outcome = TypeVar("Outcome")

SCHEME = "ray"
_AHEAD = 4
_ATTEMPTS = 2
_ANSWER_S = 5.0
"""How long a cluster may take to open a connection."""
_STORE_BYTES = 200_000_000
"""Ray's object store in a cluster of this machine alone: it would take 30 % of the memory."""


def is_ray(runner: str) -> bool:
    """Whether a runner's name means a Ray cluster: `ray` or `ray://HOST:PORT`."""
    return runner == SCHEME or runner.removeprefix(f"{SCHEME}://") not in ("", runner)


def run_on_ray(
    work: Callable[[Job], Outcome],
    jobs: Iterable[Job],
    *,
    address: str = SCHEME,
    workers: int = 0,
    limit_s: float = LIMIT_S,
) -> Iterator[tuple[Job, Outcome | Lost]]:
    """Yield each job with what `work` made of it, in order, done by actors of a Ray cluster.

    `address` is `ray://HOST:PORT` of a cluster's client server, or `ray`: the cluster that RAY_ADDRESS names, else one
    on this machine for as long as it takes. `workers` actors share the work, 0 for all processors but one.

    `work` is a module's function of an installed package. Raises BadInput where Ray is not installed, the cluster does
    not answer or has another version of Slipcast or of Python; and what `work` raises.
    """
    if not _has_ray():
        raise BadInput(
            "runner=ray needs Ray, which is not installed; run: pip install slipcast[ray]", field="runner"
        )
    import ray

    ours = not ray.is_initialized()
    if ours:
        _connect(address)
    try:
        most = len(jobs) if isinstance(jobs, Sized) else sys.maxsize
        yield from _share(work, jobs, max(1, min(workers or _count_actors(), most)), limit_s)
    finally:
        if ours:
            ray.shutdown()


def _has_ray() -> bool:
    return importlib.util.find_spec("ray") is not None


class _Hand:
    """What runs on a node: one job after the other."""

    def __init__(self, folder: str, threads: int) -> None:
        # What a picture's path is relative to; a shared folder has the same path on all nodes.
        self.missing = "" if Path(folder).is_dir() else folder
        if not self.missing:
            os.chdir(folder)
        os.environ.setdefault("SLIPCAST_THREADS", str(threads))

    def tell(self) -> tuple[str, str, str]:
        """Versions of Slipcast and Python, and the folder that is not there."""
        return __version__, _python(), self.missing

    def do(self, work: Callable[[Any], Any], job: Any) -> tuple[bool, Any]:
        """Whether it went well, and the outcome or the error."""
        try:
            return True, work(job)
        except Exception as error:  # noqa: BLE001 - it is raised again where somebody reads it
            return False, error


class _Actor:
    """One hand of the cluster and the job that it has."""

    def __init__(self, folder: str, threads: int) -> None:
        import ray

        remote: Any = ray.remote(_Hand)
        options = {"num_cpus": threads, "max_restarts": 0, "max_task_retries": 0, "max_concurrency": 1}
        self.handle = remote.options(**options).remote(folder, threads)
        self.reference: Any = self.handle.tell.remote()
        self.number: int | None = None
        self.ready = False
        self.begun = time.monotonic()

    def give(self, work: Callable[[Any], Any], number: int, job: Any) -> None:
        """Send the job of this number."""
        self.number, self.begun = number, time.monotonic()
        self.reference = self.handle.do.remote(work, job)

    def end(self) -> None:
        """Stop at once."""
        import ray

        ray.kill(self.handle)


def _share(
    work: Callable[[Job], Outcome], jobs: Iterable[Job], workers: int, limit_s: float
) -> Iterator[tuple[Job, Outcome | Lost]]:
    """The loop: give, wait, take, in order."""
    import ray
    from ray.exceptions import RayError

    source = enumerate(jobs)
    again: deque[tuple[int, Job]] = deque()
    out: dict[int, Job] = {}
    tries: dict[int, int] = {}
    done: dict[int, tuple[Job, Any]] = {}
    following, ended, failed_starts = 0, False, 0
    folder = str(Path.cwd())
    pool = [_Actor(folder, 1) for _ in range(workers)]

    def lose(actor: _Actor, reason: str) -> None:
        """Replace an actor; its job is tried again, or lost."""
        nonlocal failed_starts
        pool.remove(actor)
        actor.end()
        failed_starts = 0 if actor.ready else failed_starts + 1
        if failed_starts > 2 * workers:
            raise StageFailed(f"the Ray cluster starts no worker: {reason}; look at `ray status`")
        if actor.number is not None:
            number = actor.number
            if tries[number] < _ATTEMPTS:
                again.append((number, out[number]))
            else:
                done[number] = (out.pop(number), Lost(reason=reason))
        pool.append(_Actor(folder, 1))

    try:
        while True:
            while following in done:
                yield done.pop(following)
                following += 1
            for actor in [each for each in pool if each.ready and each.number is None]:
                if again:
                    number, job = again.popleft()
                elif ended or (len(done) + len(out) >= _AHEAD * workers and following in out):
                    break
                else:
                    item = next(source, None)
                    if item is None:
                        ended = True
                        break
                    number, job = item
                out[number] = job
                tries[number] = tries.get(number, 0) + 1
                actor.give(work, number, job)
            if ended and not out and not again and not done:
                return
            waiting = {each.reference: each for each in pool if not each.ready or each.number is not None}
            ready, _ = ray.wait(list(waiting), num_returns=1, timeout=0.5)
            for reference in ready:
                actor = waiting.pop(reference)
                try:
                    told = ray.get(reference)
                except RayError as error:
                    lose(actor, _say(error))
                    continue
                if not actor.ready:
                    _check_versions(told)
                    actor.ready, failed_starts = True, 0
                elif not told[0]:
                    raise told[1]
                else:
                    assert actor.number is not None
                    done[actor.number] = (out.pop(actor.number), told[1])
                    actor.number = None
            for actor in waiting.values():
                if actor.number is not None and time.monotonic() - actor.begun > limit_s:
                    lose(actor, f"it took longer than {limit_s:g} s")
    finally:
        for actor in pool:
            actor.end()


def _connect(address: str) -> None:
    """Join the cluster, or start one on this machine."""
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    known = address if address != SCHEME else os.environ.get("RAY_ADDRESS", "")
    if known and known not in ("auto", "local"):
        _check_answers(known)
    try:
        if known and known != "local":
            ray.init(address=known, **quiet)
            return
        _let_start_without_home()
        ray.init(
            address="local",
            num_cpus=os.cpu_count(),
            include_dashboard=False,
            object_store_memory=_STORE_BYTES,
            **quiet,
        )
    except (ConnectionError, RuntimeError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        where = f"the Ray cluster {known}" if known else "a Ray cluster on this machine"
        raise BadInput(
            f"{where} cannot be used: {reason}; see `ray status`, or use", cure="runner=local"
        ) from None


def _check_answers(address: str) -> None:
    """Refuse at once an address that nobody listens at: Ray itself tries for half a minute."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parts.hostname, parts.port or (10001 if "://" in address else 6379)
        socket.create_connection((host or "", port), _ANSWER_S).close()
    except (OSError, ValueError):
        raise BadInput(
            f"the Ray cluster {address} does not answer; check the address, or start one with: ray start --head"
        ) from None


def _let_start_without_home() -> None:
    """Ray keeps the token of a cluster in ~/.ray, and fails where that cannot be written (containers)."""
    home = Path.home()
    if (
        not os.access(home, os.W_OK)
        and "RAY_AUTH_TOKEN" not in os.environ
        and "RAY_AUTH_TOKEN_PATH" not in os.environ
    ):
        handle, name = tempfile.mkstemp(prefix="slipcast-ray-")
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        os.environ["RAY_AUTH_TOKEN_PATH"] = name


def _count_actors() -> int:
    """All processors of the cluster but one, which Ray needs."""
    import ray

    return max(1, int(ray.cluster_resources().get("CPU", 1)) - 1)


def _check_versions(told: tuple[str, str, str]) -> None:
    slipcast, python, missing = told
    if slipcast != __version__:
        raise BadInput(
            f"the Ray cluster has Slipcast {slipcast}, this is {__version__}; install the same version on all nodes"
        )
    if python != _python():
        raise BadInput(
            f"the Ray cluster has Python {python}, this is {_python()}; use the same version on all nodes"
        )
    if missing:
        raise BadInput(
            f"the folder {missing} is not on every node of the Ray cluster; start the run in a folder that all nodes "
            "share under one path, with the pictures and the output in it"
        )


def _python() -> str:
    return ".".join(platform.python_version_tuple()[:2])


def _say(error: Exception) -> str:
    """The first line of Ray's words, as the end of a sentence."""
    name = type(error).__name__
    known = {
        "ActorDiedError": "its Ray actor or the node of it died",
        "ActorUnavailableError": "its Ray actor or the node of it died",
        "OutOfMemoryError": "Ray ended it for want of memory",
        "ActorUnschedulableError": "no node has a free processor for it",
    }
    cause = getattr(error, "cause", None)
    if isinstance(cause, ModuleNotFoundError) or "ModuleNotFoundError" in str(error):
        return "its node has no Slipcast: install the same version on all nodes"
    return known.get(name, f"{name}: {(str(error).strip().splitlines() or ['no words'])[0][:160]}")
