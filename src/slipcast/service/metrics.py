"""What Prometheus scrapes.

Several processes write (the API, each worker), so prometheus_client runs in its multiprocess mode: counters and
histograms add up over the processes' files. Gauges are not written at all: in that mode a gauge that is set by a
function reads 0 without a word. What is a state (queue, workers, money) is read from the database when a scrape comes,
by a collector in a registry made for that scrape.
"""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy as sa

from slipcast.core.errors import DiskFull
from slipcast.service.database.engine import Database
from slipcast.service.database.tables import delivery, job, worker
from slipcast.service.jobs.states import State

if TYPE_CHECKING:
    from prometheus_client.core import GaugeMetricFamily

ALIVE_S = 90.0
"""A worker that was not seen for so long does not count as alive."""
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 900)
_QUICK = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


def prepare_folder(folder: Path, *, clean: bool) -> None:
    """Say where this machine's processes keep their numbers; before prometheus_client is imported.

    `clean` removes the files of processes that ended before `serve` began; where the system shows which live, those of
    another service on the same folder stay.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if clean:
        for file in folder.glob("*.db"):
            if not Path("/proc", file.stem.rpartition("_")[2], "stat").exists():
                file.unlink(missing_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.resolve())


_ROOM = {"counter": 128 * 1024, "histogram": 512 * 1024}
"""Kind of metric -> bytes of its file: more than every label that there is takes."""


def reserve_room() -> None:
    """Write this process's files in full before prometheus_client opens them. Raises DiskFull where there is no room.

    It would make them with a hole (findings/prometheus-client-full-disk-kills.sh) and write through memory: where the
    disk is full by then, no error comes but SIGBUS, and API and workers die at the next count.
    """
    folder = Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])
    for kind, size in _ROOM.items():
        file = folder / f"{kind}_{os.getpid()}.db"
        if file.exists():
            continue
        try:
            with file.open("wb") as stream:
                stream.write(bytes(size))
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as problem:
            file.unlink(missing_ok=True)
            raise DiskFull(
                f"{folder} has no room for the metrics ({problem.strerror}); free some space"
            ) from None


class Metrics:
    """Every counter and histogram. Made once a process, after `prepare_folder`."""

    def __init__(self) -> None:
        reserve_room()
        from prometheus_client import CollectorRegistry, Counter, Histogram

        registry = CollectorRegistry()
        self.requests = Counter(
            "slipcast_requests_total", "Requests.", ("method", "route", "status"), registry=registry
        )
        self.request_seconds = Histogram(
            "slipcast_request_seconds",
            "Time to answer.",
            ("method", "route"),
            buckets=_QUICK,
            registry=registry,
        )
        self.jobs = Counter(
            "slipcast_jobs_total", "Jobs that ended.", ("kind", "state", "variant"), registry=registry
        )
        self.errors = Counter(
            "slipcast_errors_total", "Jobs that failed, by the error.", ("code",), registry=registry
        )
        self.attempts = Counter(
            "slipcast_attempts_lost_total", "Attempts that were given back.", ("reason",), registry=registry
        )
        self.wait_seconds = Histogram(
            "slipcast_queue_wait_seconds",
            "From sent to begun.",
            ("kind",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.job_seconds = Histogram(
            "slipcast_job_seconds",
            "From begun to ended.",
            ("kind", "variant"),
            buckets=_SECONDS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "slipcast_stage_seconds", "Each stage.", ("stage",), buckets=_SECONDS, registry=registry
        )
        self.provider_seconds = Histogram(
            "slipcast_provider_seconds",
            "Each call of a provider.",
            ("provider",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.provider_calls = Counter(
            "slipcast_provider_calls_total",
            "Calls of a provider, by how they ended.",
            ("provider", "outcome"),
            registry=registry,
        )
        self.tokens = Counter(
            "slipcast_tokens_total", "Tokens that were paid for.", ("provider", "kind"), registry=registry
        )
        self.cost = Counter("slipcast_cost_usd_total", "Paid for pictures.", ("provider",), registry=registry)
        self.verdicts = Counter(
            "slipcast_verdicts_total", "Verdicts of results.", ("verdict", "variant"), registry=registry
        )
        self.scores = Histogram(
            "slipcast_check_score",
            "Scores of the checks.",
            ("check",),
            buckets=(0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
            registry=registry,
        )
        self.refused = Counter(
            "slipcast_content_refused_total", "Content that was refused.", ("by",), registry=registry
        )
        self.hooks = Counter("slipcast_webhooks_total", "Messages to hooks.", ("outcome",), registry=registry)


def scrape(database: Database) -> bytes:
    """The text of one scrape: the numbers of all processes here, and the state of the queue."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    registry.register(_Queue(database))
    return generate_latest(registry)


class _Queue:
    """The state of the queue, read when it is asked for."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def collect(self) -> "Iterator[GaugeMetricFamily]":
        """Depth, age, workers, messages; `slipcast_up` is 0 when the database is away."""
        from prometheus_client.core import GaugeMetricFamily as Gauge

        try:
            with self.database.read() as connection:
                states: dict[str, int] = {
                    state: count
                    for state, count in connection.execute(
                        sa.select(job.c.state, sa.func.count())
                        .where(job.c.state.in_((State.QUEUED, State.RUNNING)))
                        .group_by(job.c.state)
                    )
                }
                oldest = connection.scalar(
                    sa.select(sa.func.min(job.c.created_at)).where(job.c.state == State.QUEUED)
                )
                alive = connection.scalar(
                    sa.select(sa.func.count()).where(worker.c.seen_at > time.time() - ALIVE_S)
                )
                poison = connection.scalar(sa.select(sa.func.count()).where(job.c.poison))
                hooks: dict[str, int] = {
                    state: count
                    for state, count in connection.execute(
                        sa.select(delivery.c.state, sa.func.count()).group_by(delivery.c.state)
                    )
                }
        except sa.exc.SQLAlchemyError:
            yield Gauge("slipcast_up", "Whether the database answers.", value=0)
            return
        yield Gauge("slipcast_up", "Whether the database answers.", value=1)
        depth = Gauge("slipcast_jobs", "Jobs that wait or run.", labels=["state"])
        for state in (State.QUEUED, State.RUNNING):
            depth.add_metric([state.value], float(states.get(state.value, 0)))
        yield depth
        yield Gauge(
            "slipcast_oldest_queued_seconds",
            "Age of the job that waits longest.",
            value=max(0.0, time.time() - oldest) if oldest else 0.0,
        )
        yield Gauge("slipcast_workers_alive", "Workers seen lately.", value=float(alive or 0))
        yield Gauge(
            "slipcast_jobs_set_aside", "Jobs given up after their attempts.", value=float(poison or 0)
        )
        waiting = Gauge("slipcast_webhook_messages", "Messages to hooks.", labels=["state"])
        for state_ in ("pending", "dead"):
            waiting.add_metric([state_], float(hooks.get(state_, 0)))
        yield waiting
