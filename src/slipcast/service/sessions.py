"""Sessions of the web page: begun with a key; ended by signing out, by time, or with the key.

The cookie is 32 random bytes; the database keeps their sha256. A session that was ended is not there any more, so that
a copy of its cookie is good for nothing.
"""

import hashlib
import secrets
import time

import sqlalchemy as sa

from slipcast.service import audit, keys
from slipcast.service.database.tables import session
from slipcast.service.keys import Caller


def begin(connection: sa.Connection, caller: Caller, *, lasts_s: float) -> str:
    """What the cookie of a new session holds."""
    cookie = secrets.token_urlsafe(32)
    now = time.time()
    connection.execute(
        sa.insert(session).values(
            sha256=_sum(cookie), key_id=caller.key_id, created_at=now, ends_at=now + lasts_s
        )
    )
    _record(connection, caller, "session.begin")
    return cookie


def find(connection: sa.Connection, cookie: str) -> Caller | None:
    """Who is signed in; None when the session or its key has ended, or there never was one."""
    key_id = connection.scalar(
        sa.select(session.c.key_id).where(session.c.sha256 == _sum(cookie), session.c.ends_at > time.time())
    )
    return None if key_id is None else keys.find_by_id(connection, str(key_id))


def end(connection: sa.Connection, cookie: str) -> None:
    """End a session; nothing happens where there is none."""
    caller = find(connection, cookie)
    connection.execute(sa.delete(session).where(session.c.sha256 == _sum(cookie)))
    if caller is not None:
        _record(connection, caller, "session.end")


def forget(connection: sa.Connection) -> int:
    """Remove those whose time is over; returns how many."""
    return int(connection.execute(sa.delete(session).where(session.c.ends_at <= time.time())).rowcount)


def _record(connection: sa.Connection, caller: Caller, action: str) -> None:
    audit.record(connection, actor=caller.actor, action=action, target=caller.key_id, tenant=caller.tenant_id)


def _sum(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
