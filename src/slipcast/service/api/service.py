"""What a request handler needs: settings, database, store, metrics, signer, limits; made once a process."""

import secrets
from dataclasses import dataclass

import sqlalchemy as sa
from fastapi import Request
from itsdangerous import URLSafeTimedSerializer

from slipcast.service.api.broadcast import Broadcast
from slipcast.service.api.limits import Limits
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
    """Signs links; the same for all processes."""
    broadcast: Broadcast
    limits: Limits
    draining: bool = False
    """Whether the process is about to end: streams close, /health/ready says no."""

    def signer(self, purpose: str) -> URLSafeTimedSerializer:
        """Signs what only this service shall have made; one `purpose` does not read another's."""
        return URLSafeTimedSerializer(self.secret, salt=f"slipcast.{purpose}")


def read_secret(database: Database) -> str:
    """The secret that all processes share; made once, by whoever comes first."""
    with database.write() as connection:
        row = connection.execute(sa.select(head).where(head.c.name == "secret").with_for_update()).one()
        if row.text:
            return str(row.text)
        made = secrets.token_urlsafe(48)
        connection.execute(sa.update(head).where(head.c.name == "secret").values(text=made))
        return made


async def service_of(request: Request) -> Service:
    """For `Depends`; async, since a plain function would be sent to a thread of its own for each request."""
    found: Service = request.app.state.service
    return found
