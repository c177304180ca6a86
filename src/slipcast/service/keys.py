"""API keys: random, shown once, stored as sha256 with a visible prefix.

A key is 32 random bytes, so that a plain sha256 is enough: there is nothing to guess. A slow hash would only give
strangers a way to keep the service busy.
"""

import hashlib
import hmac
import math
import secrets
import time
from dataclasses import dataclass

import sqlalchemy as sa

from slipcast.core.errors import BadInput
from slipcast.service.database.tables import api_key, tenant
from slipcast.service.jobs.queue import new_id

SCOPES = ("read", "write", "admin", "metrics")
_MOST_DAYS = 36525.0
"""read: see jobs and files; write: make, cancel and delete them; admin: all tenants; metrics: /metrics."""
_SEEN_S = 60.0
"""How old `last_used_at` may be before it is written anew: not with each request."""


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who makes a request."""

    tenant_id: str
    tenant_name: str
    key_id: str
    scopes: frozenset[str]
    requests_per_minute: int
    is_stale: bool = False
    """Whether it is time to note that the key is in use: `touch`."""

    @property
    def is_admin(self) -> bool:
        """Whether all tenants may be looked after."""
        return "admin" in self.scopes

    @property
    def actor(self) -> str:
        """For the audit log."""
        return f"key:{self.key_id}"


def issue(
    connection: sa.Connection,
    tenant_id: str,
    *,
    name: str,
    scopes: tuple[str, ...] = ("read", "write"),
    days: float | None = None,
    text: str | None = None,
) -> tuple[str, str]:
    """A new key's id and text; the text is never to be had again. Raises BadInput for an unknown scope."""
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise BadInput(
            f"the scope {unknown[0] if unknown else ''!r} is unknown; choose from {', '.join(SCOPES)}"
        )
    if text is None:
        text = f"sk_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    elif len(text) < 32:
        raise BadInput("a key that is given must have 32 characters or more")
    if days is not None and not 0 < days < _MOST_DAYS:
        raise BadInput(f"days is {days}; give more than 0 and at most {_MOST_DAYS:.0f}", field="days")
    id = new_id("key")
    connection.execute(
        sa.insert(api_key).values(
            id=id,
            tenant_id=tenant_id,
            name=name,
            prefix=prefix_of(text),
            sha256=hashlib.sha256(text.encode()).hexdigest(),
            scopes=" ".join(scopes),
            created_at=time.time(),
            expires_at=None if days is None else time.time() + days * 86400,
        )
    )
    return id, text


def prefix_of(text: str) -> str:
    """The part of a key that may be shown."""
    return text[:11]


def find(connection: sa.Connection, text: str) -> Caller | None:
    """Who the key belongs to; None when there is no such key, or it has expired or was revoked."""
    row = connection.execute(_caller().where(api_key.c.prefix == prefix_of(text))).first()
    given = hashlib.sha256(text.encode()).hexdigest()
    known = row.sha256 if row else "0" * 64  # as long for a wrong prefix as for a wrong key
    if not hmac.compare_digest(given, known) or row is None:
        return None
    return _allowed(row)


def find_by_id(connection: sa.Connection, id: str) -> Caller | None:
    """The same for a session that was begun with the key."""
    row = connection.execute(_caller().where(api_key.c.id == id)).first()
    return _allowed(row) if row else None


def touch(connection: sa.Connection, id: str) -> None:
    """Note that the key is in use."""
    connection.execute(sa.update(api_key).where(api_key.c.id == id).values(last_used_at=time.time()))


def revoke(connection: sa.Connection, id: str, *, in_s: float = 0.0) -> bool:
    """End a key, at once or after an overlap; False when it had ended or there is none."""
    when = time.time() + in_s
    values = {"expires_at": when} if in_s else {"revoked_at": when}
    done = connection.execute(
        sa.update(api_key).where(api_key.c.id == id, api_key.c.revoked_at.is_(None)).values(**values)
    )
    return done.rowcount == 1


def rotate(connection: sa.Connection, id: str, *, overlap_s: float) -> tuple[str, str]:
    """A new key with the rights and the end of `id`, which stays good for `overlap_s`, but not beyond its own end.

    Raises BadInput when there is none, or it has ended.
    """
    row = connection.execute(sa.select(api_key).where(api_key.c.id == id)).first()
    left_s = math.inf if row is None or row.expires_at is None else row.expires_at - time.time()
    if row is None or row.revoked_at is not None or left_s <= 0:
        raise BadInput("there is no such key, or it has ended; list the keys")
    days = None if math.isinf(left_s) else left_s / 86400
    made = issue(connection, row.tenant_id, name=row.name, scopes=tuple(row.scopes.split()), days=days)
    revoke(connection, id, in_s=min(max(overlap_s, 0.001), left_s))
    return made


def _caller() -> sa.Select[tuple[object, ...]]:
    return sa.select(
        api_key, tenant.c.name.label("tenant_name"), tenant.c.active, tenant.c.requests_per_minute
    ).join_from(api_key, tenant)


def _allowed(row: sa.Row[tuple[object, ...]]) -> Caller | None:
    ended = row.revoked_at is not None or (row.expires_at is not None and row.expires_at <= time.time())
    if ended or not row.active:
        return None
    return Caller(
        tenant_id=row.tenant_id,
        tenant_name=row.tenant_name,
        key_id=row.id,
        scopes=frozenset(row.scopes.split()),
        requests_per_minute=row.requests_per_minute,
        is_stale=row.last_used_at is None or time.time() - row.last_used_at > _SEEN_S,
    )
