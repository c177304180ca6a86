"""What the service's tests share: a service in this process, a worker whose child is this process, a small picture."""

import io
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa
from fastapi.testclient import TestClient
from PIL import Image

from slipcast.service import keys
from slipcast.service.api.app import create_app
from slipcast.service.database.engine import Database, normal_url
from slipcast.service.database.migrate import upgrade
from slipcast.service.jobs import queue
from slipcast.service.metrics import Metrics
from slipcast.service.settings import Settings
from slipcast.service.store import Store
from slipcast.service.tenants import create_tenant
from slipcast.service.worker.child import Failed, attempt
from slipcast.service.worker.work import Order, Outcome
from slipcast.service.worker.worker import Worker

ROOT = Path(__file__).resolve().parents[1]


class Here:
    """A child that works in this process."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.answer: Outcome | Failed | None = None

    def run(
        self,
        order: Order,
        *,
        limit_s: float,
        told: Callable[[str, int, float], None],
        stop: Callable[[], Failed | None],
    ) -> Outcome | Failed:
        """Do it at once, or give the answer that a test set."""
        self.orders.append(order)
        return self.answer or stop() or attempt(order, told)

    def end(self) -> None:
        """Nothing to stop."""


@dataclass
class House:
    """A whole service without a socket."""

    settings: Settings
    database: Database
    store: Store
    metrics: Metrics
    client: TestClient
    worker: Worker
    child: Here
    keys: dict[str, str] = field(default_factory=dict)
    tenants: dict[str, str] = field(default_factory=dict)

    def tenant(self, name: str, *, scopes: tuple[str, ...] = ("read", "write"), **limits: object) -> str:
        """Make a tenant with a key; returns the tenant's id."""
        with self.database.write() as connection:
            id = create_tenant(connection, name, **limits)
            _, self.keys[name] = keys.issue(connection, id, name=name, scopes=scopes)
        self.tenants[name] = id
        return id

    def call(self, method: str, path: str, *, who: str = "first", **words: Any) -> Any:
        """A request with a tenant's key."""
        headers = {"Authorization": f"Bearer {self.keys[who]}", **words.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **words)

    def send(
        self, *, who: str = "first", options: str = '{"depth":"dome","report":false}', **words: Any
    ) -> dict[str, Any]:
        """Send the small picture; returns the job."""
        headers = words.pop("headers", {})
        answer = self.call(
            "POST",
            "/v1/jobs/upload",
            who=who,
            files={"picture": ("knight.png", picture(), "image/png")},
            data={"options": options, **words},
            headers=headers,
        )
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def work(self, most: int = 100) -> int:
        """Let the worker do what waits; returns how many jobs it had."""
        count = 0
        while count < most and (claimed := queue.claim(self.database, self.worker.id)) is not None:
            self.worker._work_on(claimed)
            count += 1
        return count


def make_house(folder: Path, url: str = "", *, tenant: str = "first", **words: Any) -> House:
    """A service with its files in `folder`."""
    settings = Settings(data=folder, database=url or new_url(folder, has_tables=True), lease_s=0.5, **words)
    folder.mkdir(parents=True, exist_ok=True)
    database, store = Database(settings.database_url), Store(settings.store_url)
    upgrade(database)
    metrics = Metrics()
    client = TestClient(create_app(settings, database, store, metrics), base_url="http://127.0.0.1")
    worker, child = Worker(settings, database, store, metrics, id="worker_here"), Here()
    worker.child = child  # type: ignore[assignment]
    house = House(settings, database, store, metrics, client, worker, child)
    if tenant:
        house.tenant(tenant)
    return house


def new_url(folder: Path, name: str = "service", *, has_tables: bool = False) -> str:
    """An empty database: SQLite in `folder`, or a new one on the server that SLIPCAST_TEST_DATABASE names."""
    server = os.environ.get("SLIPCAST_TEST_DATABASE", "")
    if not server:
        folder.mkdir(parents=True, exist_ok=True)
        place = folder / f"{name}.sqlite"
        if has_tables:
            shutil.copy(_tables(), place)
        return f"sqlite:///{place}"
    made = f"slipcast_{secrets.token_hex(6)}"
    template = f" TEMPLATE {_tables()}" if has_tables else ""
    engine = sa.create_engine(normal_url(server), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {made}{template}"))
    engine.dispose()
    return f"{server.rsplit('/', 1)[0]}/{made}"


_TABLES = tempfile.TemporaryDirectory(prefix="slipcast-tables-")


@cache
def _tables() -> str:
    """A database with the tables and nothing in them, to be copied: all migrations take longer than most tests.

    SQLite's file, or the name of the database on the server.
    """
    url = new_url(Path(_TABLES.name))
    database = Database(url)
    upgrade(database)
    database.close()
    return url.removeprefix("sqlite:///") if database.is_sqlite else url.rsplit("/", 1)[1]


def picture(side: int = 64) -> bytes:
    """A red figure on white, as a PNG."""
    pixels = np.full((side, side * 3 // 4, 3), 255, np.uint8)
    pixels[side // 8 : side * 7 // 8, side // 4 : side // 2] = (200, 40, 40)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


@contextmanager
def running(folder: Path, *words: str) -> Iterator[tuple[str, str]]:
    """`slipcast serve` in a process of its own, on a free port: its address and first key."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    code = "import sys; from slipcast.cli.main import main; sys.exit(main(sys.argv[1:]))"
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    surroundings.pop("PROMETHEUS_MULTIPROC_DIR", None)
    process = subprocess.Popen(
        [sys.executable, "-c", code, "serve", "--data", str(folder), "--port", str(port), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=surroundings,
        text=True,
    )
    try:
        assert process.stdout
        key = process.stdout.readline().rsplit(" ", 1)[-1].strip()
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(f"{url}/health/live", trust_env=False)
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url, key
    finally:
        process.terminate()
        process.wait(60)
        if process.stdout:
            process.stdout.close()
