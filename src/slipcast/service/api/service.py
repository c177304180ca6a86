"""What a request handler needs: settings, database, store, metrics, signer, limits; made once a process."""

import secrets
import threading
import time
from dataclasses import dataclass, field

import sqlalchemy as sa
from fastapi import Request
from itsdangerous import URLSafeTimedSerializer
from pyrate_limiter import InMemoryBucket, Rate, RateItem

from slipcast.service.api.broadcast import Broadcast
from slipcast.service.database.engine import Database
from slipcast.service.database.tables import head
from slipcast.service.metrics import Metrics
from slipcast.service.settings import Settings
from slipcast.service.store import Store


@dataclass(kw_only=True)
class Service:
    """The parts, for one process."""

    settings: Settings
    database: Database
    store: Store
    metrics: Metrics
    secret: str
    """Signs links and sessions; the same for all processes."""
    broadcast: Broadcast
    limits: "Limits" = field(default_factory=lambda: Limits())
    draining: bool = False
    """Whether the process is about to end: streams close, /health/ready says no."""

    def signer(self, purpose: str) -> URLSafeTimedSerializer:
        """Signs what only this service shall have made; one `purpose` does not read another's."""
        return URLSafeTimedSerializer(self.secret, salt=f"slipcast.{purpose}")


class Limits:
    """Requests a minute for each key, in this process: with N API processes a client may send up to N times as many."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, int], InMemoryBucket] = {}

    def wait_s(self, key: str, per_minute: int) -> float:
        """0 when the request may pass, else for how long the client should wait."""
        now = time.monotonic_ns() // 1_000_000
        with self._lock:
            if len(self._buckets) > 10_000:
                self._buckets.clear()
            bucket = self._buckets.setdefault((key, per_minute), InMemoryBucket([Rate(per_minute, 60_000)]))
            bucket.leak(now)
            item = RateItem(key, now)
            if bucket.put(item):
                return 0.0
            return max(1.0, float(bucket.waiting(item)) / 1000)  # type: ignore[arg-type]


def read_secret(database: Database) -> str:
    """The secret that all processes share; made once, by whoever comes first."""
    with database.write() as connection:
        row = connection.execute(sa.select(head).where(head.c.name == "secret").with_for_update()).one()
        if row.text:
            return str(row.text)
        made = secrets.token_urlsafe(48)
        connection.execute(sa.update(head).where(head.c.name == "secret").values(text=made))
        return made


def service_of(request: Request) -> Service:
    """For `Depends`."""
    found: Service = request.app.state.service
    return found
