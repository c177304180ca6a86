"""A worker process: claim, work, hand in; heartbeat, reaper and drain beside it.

What it holds in its hands it may lose at any moment (SIGKILL, power): then the lease ends and another one begins anew.
Files go into the store before the job's row says so, in one transaction with events, money, messages and audit; so
nobody ever sees half a result, and a late worker's result changes nothing.
"""

import errno
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from slipcast._version import __version__
from slipcast.core.errors import DiskFull, SlipcastError, status_of
from slipcast.service import audit
from slipcast.service.database.engine import Database, persist
from slipcast.service.database.tables import file, job, tenant, worker
from slipcast.service.erase import lock_tenant
from slipcast.service.errors import LimitReached, code_of
from slipcast.service.files import mime_of
from slipcast.service.jobs import queue
from slipcast.service.jobs.outbox import announce
from slipcast.service.jobs.queue import Claim, new_id
from slipcast.service.jobs.states import State
from slipcast.service.jobs.view import show_job
from slipcast.service.logs import context, log
from slipcast.service.metrics import Metrics
from slipcast.service.moderation import ContentRefused, ask_command
from slipcast.service.settings import Settings
from slipcast.service.storage import check_room, unnamed
from slipcast.service.store import Store
from slipcast.service.tenants import for_tenant
from slipcast.service.tracing import note_span, span
from slipcast.service.worker.child import Child, Failed
from slipcast.service.worker.work import Order, Outcome

_PATIENCE_S = 600.0
"""How long a worker waits for a database that is away before it lets a job go."""
_AGAIN = ("ProviderError", "ProviderTimeout", "BadAnswer", "DiskFull")
_FLUSH_S = 0.25
"""How often progress is written, at most."""


class Worker:
    """One worker. `run` works until `drain` was called and the job in hand is done or given back."""

    def __init__(
        self, settings: Settings, database: Database, store: Store, metrics: Metrics, id: str = ""
    ) -> None:
        self.settings, self.database, self.store, self.metrics = settings, database, store, metrics
        self.id = id or new_id("worker")
        self.child = Child(settings.job_memory_mb, max(1, (os.cpu_count() or 1) // max(settings.workers, 1)))
        self._claim: Claim | None = None
        self._wish: Failed | None = None
        self._draining = threading.Event()
        self._drained_at = 0.0
        self._ended = threading.Event()

    def run(self) -> None:
        """Work until drained."""
        self._sign_in()
        threads = [
            threading.Thread(target=each, daemon=True) for each in (self._keep_beating, self._keep_reaping)
        ]
        for thread in threads:
            thread.start()
        log("worker", "started", worker=self.id)
        try:
            while not self._draining.is_set():
                try:
                    claimed = queue.claim(self.database, self.id)
                except sa.exc.SQLAlchemyError as error:
                    log("worker", "the database is away", error=type(error).__name__)
                    self._draining.wait(1.0)
                    continue
                if claimed is None:
                    self._draining.wait(0.25)
                    continue
                self._work_on(claimed)
        finally:
            self._ended.set()
            self.child.end()
            self._sign_out()
            log("worker", "ended", worker=self.id)

    def drain(self) -> None:
        """Take no more jobs; give the one in hand back when it is not done in time."""
        self._drained_at = time.monotonic()
        self._draining.set()

    def _work_on(self, claimed: Claim) -> None:
        row = claimed.row
        self._wish, self._claim = None, claimed
        begun = time.monotonic()
        with (
            context(job=claimed.id, tenant=row["tenant_id"], request=row["request_id"]),
            span(f"job {row['kind']}", row["trace"], job=claimed.id, attempt=claimed.attempt),
        ):
            log("worker", "job begun", kind=row["kind"], attempt=claimed.attempt)
            self.metrics.wait_seconds.labels(row["kind"]).observe(max(0.0, time.time() - row["created_at"]))
            folder = self.settings.scratch
            try:
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    folder = Path(tempfile.mkdtemp(prefix=f"{claimed.id[-8:]}-", dir=folder))
                    done = self._done(claimed, folder)
                except OSError as error:
                    done = _disk_problem(error)
                self._hand_in(claimed, folder, done, time.monotonic() - begun)
            except sa.exc.SQLAlchemyError as error:
                log("worker", "let go: the database stayed away", error=type(error).__name__)
            finally:
                self._claim = None
                if folder != self.settings.scratch:
                    shutil.rmtree(folder, ignore_errors=True)

    def _done(self, claimed: Claim, folder: Path) -> Outcome | Failed:
        """Fetch, buy, ask the content rules, let the child work."""
        row = claimed.row
        try:
            order = self._order(row, folder)
            progress = _Progress(self, claimed)
            done = self.child.run(
                order, limit_s=self.settings.job_limit_s, told=progress.add, stop=self._stop(progress)
            )
            if isinstance(done, Outcome):
                progress.flush()
            return done
        except ContentRefused as error:
            self.metrics.refused.labels("command").inc()
            return Failed(code="ContentRefused", message=str(error), http=422)
        except SlipcastError as error:
            code = code_of(error)
            if code == "PictureRefused":
                self.metrics.refused.labels("provider").inc()
            return Failed(code=code, message=str(error), http=status_of(error).http, again=code in _AGAIN)
        except FileNotFoundError:
            return Failed(code="StageFailed", message="a file of the job is gone from the store")

    def _stop(self, progress: "_Progress") -> Any:
        def stop() -> Failed | None:
            progress.flush_some()
            late = self._draining.is_set() and time.monotonic() - self._drained_at > self.settings.drain_s
            if self._wish is None and late:
                self._wish = Failed(code="Drained", message="the worker was asked to stop", again=True)
            return self._wish

        return stop

    def _order(self, row: queue.Row, folder: Path) -> Order:
        """Everything that the child needs, in `folder`."""
        inputs = folder / "in"
        inputs.mkdir()
        order = dict(row["order"])
        options = dict(order.get("options", {}))
        with self.database.read() as connection:
            owner = (
                connection.execute(sa.select(tenant).where(tenant.c.id == row["tenant_id"])).mappings().one()
            )
        if row["variant"] == "canary":
            options |= owner["canary"]
        pictures: list[tuple[str, str, Mapping[str, object]]] = []
        for number, each in enumerate(order.get("pictures", [])):
            name = f"{number}{Path(each['name']).suffix.lower() or '.png'}"
            (inputs / name).write_bytes(self.store.get(row["tenant_id"], each["sha256"]))
            pictures.append((name, each["view"], {"file": each["name"]} if row["kind"] == "convert" else {}))
        ask_command(
            self.settings.moderation_command,
            kind=row["kind"],
            tenant=row["tenant_id"],
            subject=str(order.get("words", {}).get("subject", "")),
            pictures=[inputs / name for name, _, _ in pictures],
        )
        if row["kind"] == "make":
            pictures = self._buy(row, inputs, owner["region"], folder)
        return Order(
            kind=row["kind"], name=row["name"], folder=folder, options=options, pictures=tuple(pictures)
        )

    def _buy(
        self, row: queue.Row, inputs: Path, region: str, folder: Path
    ) -> list[tuple[str, str, Mapping[str, object]]]:
        from slipcast.service.worker.buy import buy_pictures

        begun = time.monotonic()
        bought = buy_pictures(
            row,
            settings=self.settings,
            database=self.database,
            store=self.store,
            region=region,
            scratch=folder,
            metrics=self.metrics,
        )
        claimed = self._claim
        if claimed:
            queue.tell_progress(self.database, claimed, [("picture", 0, time.monotonic() - begun)])
        pictures: list[tuple[str, str, Mapping[str, object]]] = []
        for each in bought:
            suffix = {"image/jpeg": ".jpg", "image/webp": ".webp"}.get(each.mime, ".png")
            name = f"{each.view}{suffix}"
            (inputs / name).write_bytes(each.data)
            facts = {key: value for key, value in each.facts.items() if key != "view"}
            pictures.append((name, each.view, facts))
        return pictures

    def _hand_in(self, claimed: Claim, folder: Path, done: Outcome | Failed, took_s: float) -> None:
        if isinstance(done, Failed) and done.code == "Lost":
            log("worker", "the job was given to another worker; nothing is handed in")
            return
        stored: list[dict[str, Any]] = []
        if isinstance(done, Outcome):
            try:
                stored = self._store(claimed, folder, done)
            except (DiskFull, OSError) as error:
                log("worker", "the store takes no files", error=str(error))
                done = Failed(
                    code="DiskFull", message="the store has no room for the result", http=507, again=True
                )
        state, done = persist(
            lambda: self._write_end(claimed, done, stored),
            patience_s=_PATIENCE_S,
            ended=lambda: (
                self._draining.is_set() and time.monotonic() - self._drained_at > self.settings.drain_s
            ),
        )
        log("worker", "job ended", state=state or "lost", seconds=round(took_s, 3))
        if state:
            self._count(claimed, done, state, took_s)

    def _store(self, claimed: Claim, folder: Path, done: Outcome) -> list[dict[str, Any]]:
        tenant_id = claimed.row["tenant_id"]
        rows = []
        for place, names in (("out", done.files), ("in", self._bought_names(claimed, folder))):
            for name in names:
                data = (folder / place / name).read_bytes()
                shown = name if place == "out" else f"picture.{name}"
                rows.append(
                    {
                        "job_id": claimed.id,
                        "role": "output",
                        "name": shown,
                        "tenant_id": tenant_id,
                        "sha256": self.store.put(tenant_id, data),
                        "bytes": len(data),
                        "mime": mime_of(shown),
                        "created_at": time.time(),
                    }
                )
        return rows

    def _bought_names(self, claimed: Claim, folder: Path) -> tuple[str, ...]:
        if claimed.row["kind"] != "make":
            return ()
        return tuple(sorted(path.name for path in (folder / "in").iterdir()))

    def _write_end(
        self, claimed: Claim, done: Outcome | Failed, stored: list[dict[str, Any]]
    ) -> tuple[str, Outcome | Failed]:
        """The end of an attempt in one transaction; the state, or nothing when the job is another's, and what ended it:
        a result that the tenant's storage has no room for is a failure."""
        with self.database.write() as connection:
            if isinstance(done, Outcome):
                if connection.scalar(sa.select(job.c.id).where(claimed.owns()).with_for_update()) is None:
                    return "", done
                lock_tenant(connection, claimed.row["tenant_id"])
                if (full := self._refuse(connection, claimed, stored)) is not None:
                    done, stored = full, []
            if isinstance(done, Failed) and done.again:
                pause_s = min(60.0, 2.0**claimed.attempt) if done.code in _AGAIN else 0.0
                state = queue.give_back(
                    connection, claimed, done.message, pause_s=pause_s, counts=done.code != "Drained"
                )
                if state is None or state is State.QUEUED:
                    return state.value if state else "", done
                row = dict(connection.execute(sa.select(job).where(job.c.id == claimed.id)).mappings().one())
            else:
                if isinstance(done, Outcome):
                    if not all(self.store.has(each["tenant_id"], each["sha256"]) for each in stored):
                        state = queue.give_back(
                            connection, claimed, "a file was removed while it was handed in"
                        )
                        return state.value if state else "", done
                    if stored:
                        connection.execute(sa.insert(file), stored)
                    ended = queue.end(connection, claimed, State.SUCCEEDED, result=done.result)
                else:
                    error = {"code": done.code, "message": done.message, "status": done.http}
                    final = State.CANCELLED if done.code == "Cancelled" else State.FAILED
                    ended = queue.end(connection, claimed, final, error=error)
                if ended is None:
                    return "", done
                row = dict(ended)
            detail: dict[str, object] = {"state": row["state"], "attempt": row["attempt"]}
            if isinstance(done, Failed):
                detail["code"] = done.code
            else:
                detail["files"] = {each["name"]: each["sha256"] for each in stored}
            audit.record(
                connection,
                actor=f"worker:{self.id}",
                action="job.end",
                target=claimed.id,
                tenant=row["tenant_id"],
                detail=detail,
            )
            announce(connection, row["tenant_id"], f"job.{row['state']}", show_job(row, stored))
            return str(row["state"]), done

    def _refuse(
        self, connection: sa.Connection, claimed: Claim, stored: list[dict[str, Any]]
    ) -> Failed | None:
        """Why the tenant's storage does not take the result, whose files are removed then; None where it does."""
        scope = for_tenant(connection, claimed.row["tenant_id"])
        sums = {each["sha256"]: each["bytes"] for each in stored}
        try:
            check_room(scope, sums)
        except LimitReached as full:
            for sha256 in unnamed(scope, sums):
                self.store.delete(scope.tenant_id, sha256)
            return Failed(code=code_of(full), message=f"the result cannot be kept: {full}", http=429)
        return None

    def _count(self, claimed: Claim, done: Outcome | Failed, state: str, took_s: float) -> None:
        row, metrics = claimed.row, self.metrics
        if state == State.QUEUED:
            assert isinstance(done, Failed)
            metrics.attempts.labels(done.code).inc()
            return
        metrics.jobs.labels(row["kind"], state, row["variant"]).inc()
        metrics.job_seconds.labels(row["kind"], row["variant"]).observe(took_s)
        if isinstance(done, Failed):
            metrics.errors.labels(done.code).inc()
            return
        metrics.verdicts.labels(str(done.result.get("verdict", "none")), row["variant"]).inc()
        for name, score in (done.result.get("scores") or {}).items():
            if isinstance(score, int | float):
                metrics.scores.labels(name).observe(score)

    def _keep_beating(self) -> None:
        pause_s = self.settings.lease_s / 4
        while not self._ended.wait(pause_s):
            claimed = self._claim
            try:
                with self.database.write() as connection:
                    connection.execute(
                        sa.update(worker)
                        .where(worker.c.id == self.id)
                        .values(seen_at=time.time(), draining=self._draining.is_set())
                    )
                if claimed is None:
                    continue
                wish = queue.beat(self.database, claimed)
            except sa.exc.SQLAlchemyError:
                continue  # the database is away: nobody can take the job either
            if self._claim is not claimed:
                continue
            if wish is None and self._wish is None:
                self._wish = Failed(code="Lost", message="another worker has it")
            elif wish:
                self._wish = Failed(code="Cancelled", message="it was cancelled while it ran", http=409)

    def _keep_reaping(self) -> None:
        reaper = queue.Reaper(self.database, self.settings.lease_s)
        while not self._ended.wait(self.settings.lease_s / 6):
            with suppress(sa.exc.SQLAlchemyError):
                if count := reaper.reap():
                    log("worker", "took back jobs of silent workers", count=count)
                    self.metrics.attempts.labels("silent").inc(count)

    def _sign_in(self) -> None:
        with self.database.write() as connection:
            connection.execute(sa.delete(worker).where(worker.c.seen_at < time.time() - 86400))
            connection.execute(
                sa.insert(worker).values(
                    id=self.id,
                    host=socket.gethostname()[:100],
                    pid=os.getpid(),
                    version=__version__,
                    started_at=time.time(),
                    seen_at=time.time(),
                )
            )

    def _sign_out(self) -> None:
        with suppress(sa.exc.SQLAlchemyError):
            queue.give_back_all(self.database, self.id, "its worker ended")
            with self.database.write() as connection:
                connection.execute(sa.delete(worker).where(worker.c.id == self.id))


def _disk_problem(error: OSError) -> Failed:
    """What a worker says that could not write beside its job: another attempt may go better."""
    told = (
        "the worker's disk is full" if error.errno == errno.ENOSPC else "the worker could not write its files"
    )
    return Failed(code="DiskFull", message=told, http=507, again=True)


class _Progress:
    """Steps of a job, written a few times a second."""

    def __init__(self, owner: Worker, claimed: Claim) -> None:
        self.owner, self.claimed = owner, claimed
        self.steps: list[tuple[str, int, float]] = []
        self.written = time.monotonic()

    def add(self, stage: str, percent: int, seconds: float) -> None:
        """Note a step; one that ended is counted."""
        if seconds:
            self.owner.metrics.stage_seconds.labels(stage).observe(seconds)
            note_span(f"stage {stage}", seconds)
        self.steps.append((stage, percent, seconds))
        self.flush_some()

    def flush_some(self) -> None:
        """Write what is there when the last time was long enough ago."""
        if self.steps and time.monotonic() - self.written > _FLUSH_S:
            self.flush()

    def flush(self) -> None:
        """Write what is there; progress is not worth waiting for a database that is away."""
        steps, self.steps = self.steps, []
        if steps:
            with suppress(sa.exc.SQLAlchemyError):
                queue.tell_progress(self.owner.database, self.claimed, steps)
        self.written = time.monotonic()
