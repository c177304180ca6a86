"""`slipcast serve`: database up to date, first key, workers, housekeeping, then uvicorn until a signal comes."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType

import sqlalchemy as sa
import uvicorn

from slipcast.core.errors import BadInput
from slipcast.core.host import is_loopback
from slipcast.service import audit, keys
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import upgrade
from slipcast.service.database.tables import api_key, tenant
from slipcast.service.erase import sweep
from slipcast.service.logs import log, set_up
from slipcast.service.metrics import Metrics, prepare_folder
from slipcast.service.settings import Settings
from slipcast.service.store import Store
from slipcast.service.supervise import Supervisor
from slipcast.service.tenants import check_canary, create_tenant
from slipcast.service.tracing import set_up_tracing
from slipcast.service.webhooks import send_due

FIRST_TENANT = "default"
ALL = ("read", "write", "admin", "metrics")
_SWEEP_S = 3600.0


def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT. Raises BadInput for an address that must not be opened without keys."""
    settings.data.mkdir(parents=True, exist_ok=True)
    set_up(settings.log_level)
    _try_address(settings.host, settings.port)
    prepare_folder(settings.metrics_folder, clean=True)
    set_up_tracing(settings.trace_exporter, "slipcast-api")
    database, store = Database(settings.database_url), Store(settings.store_url)
    upgrade(database)
    if not is_loopback(settings.host) and not has_keys(database) and not _given_key(settings):
        raise BadInput(
            f"host {settings.host} is open to other machines and there is no key yet: run `slipcast admin key "
            "create` first, or start once on 127.0.0.1"
        )
    for name, problem in wrong_canaries(database):
        say(f"the tenant {name} has a canary that cannot work: {problem}")
    if (key := make_first_key(database, settings)) is not None:
        say(f"admin key, shown this once: {key}")

    from slipcast.service.api.app import create_app

    metrics = Metrics()
    app = create_app(settings, database, store, metrics)
    supervisor = Supervisor(settings, database)
    keeper = Housekeeper(settings, database, store, metrics)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=15,
        timeout_keep_alive=30,
        backlog=2048,
    )
    say(f"listening on http://{settings.host}:{settings.port} with {settings.workers} worker(s)")
    supervisor.start()
    keeper.start()
    try:
        _Server(config, app.state.service).run()
    finally:
        keeper.stop()
        supervisor.stop()
        database.close()
        log("serve", "ended")


def _given_key(settings: Settings) -> str:
    """The first admin key that was given; empty for none, as an unset variable of a compose file is."""
    return settings.admin_key.get_secret_value() if settings.admin_key else ""


def _try_address(host: str, port: int) -> None:
    """Raise BadInput where nothing can listen, before anything of a service that runs there is touched."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as trial:
            if os.name != "nt":  # there it would let two listen at one address
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or error
        raise BadInput(
            f"nothing can listen on {host}:{port} ({why}); choose another port or host", field="port"
        ) from None


class _Server(uvicorn.Server):
    """Lets streams go as soon as a signal comes: they would hold up the end."""

    def __init__(self, config: uvicorn.Config, service: object) -> None:
        super().__init__(config)
        self._service = service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Not ready any more, then uvicorn's own way."""
        from slipcast.service.api.service import Service

        assert isinstance(self._service, Service)
        self._service.draining = True
        self._service.broadcast.wake_all()
        super().handle_exit(sig, frame)


class Housekeeper:
    """Messages to hooks, and once an hour what retention removes; safe to run in several places."""

    def __init__(self, settings: Settings, database: Database, store: Store, metrics: Metrics) -> None:
        self.settings, self.database, self.store, self.metrics = settings, database, store, metrics
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._send, self._sweep)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, after the message that is on its way."""
        self._ended.set()
        for thread in self._threads:
            thread.join(20)

    def _send(self) -> None:
        while not self._ended.wait(1.0):
            try:
                while not self._ended.is_set() and send_due(
                    self.database, self.metrics, allow_private=self.settings.allow_private_urls
                ):
                    pass
            except sa.exc.SQLAlchemyError:
                self._ended.wait(5.0)

    def _sweep(self) -> None:
        pause_s = 60.0
        while not self._ended.wait(pause_s):
            pause_s = _SWEEP_S
            try:
                counts = sweep(self.database, self.store, audit_days=self.settings.audit_days)
                log("serve", "swept", **counts)
            except (sa.exc.SQLAlchemyError, OSError) as error:
                log("serve", "could not sweep", error=type(error).__name__)


def has_keys(database: Database) -> bool:
    """Whether anybody could sign in."""
    with database.read() as connection:
        good = sa.select(api_key.c.id).where(
            api_key.c.revoked_at.is_(None),
            sa.or_(api_key.c.expires_at.is_(None), api_key.c.expires_at > time.time()),
        )
        return connection.scalar(good.limit(1)) is not None


def wrong_canaries(database: Database) -> list[tuple[str, str]]:
    """Tenants whose canary was stored by a version that took other options, and what is wrong with it."""
    found = []
    with database.read() as connection:
        for row in connection.execute(sa.select(tenant.c.name, tenant.c.canary).order_by(tenant.c.name)):
            try:
                check_canary(row.canary or {})
            except BadInput as problem:
                found.append((row.name, str(problem)))
                log("serve", "a canary cannot work", level=logging.WARNING, tenant=row.name)
    return found


def make_first_key(database: Database, settings: Settings) -> str | None:
    """The admin key of a database that never had one; None otherwise. One that was given is not told again."""
    with database.write() as connection:
        if connection.scalar(sa.select(api_key.c.id).limit(1)) is not None:
            return None
        owner = connection.scalar(sa.select(tenant.c.id).where(tenant.c.name == FIRST_TENANT))
        owner = owner or create_tenant(connection, FIRST_TENANT)
        given = _given_key(settings) or None
        id, text = keys.issue(connection, owner, name="first admin", scopes=ALL, text=given)
        audit.record(connection, actor="service", action="key.create", target=id, tenant=owner)
    return None if given else text
