"""The door to the database: SQLite for one machine, PostgreSQL for several.

SQLite runs in WAL mode and takes its write lock when a transaction begins (BEGIN IMMEDIATE): one that begins as a
reader and then writes would fail at once where another one wrote meanwhile, whatever the timeout says.

PostgreSQL is spoken to by pg8000 (BSD); psycopg, which is quicker, is LGPL.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import sqlalchemy as sa

from slipcast.core.errors import BadInput

T = TypeVar("T")

BUSY_S = 30
"""How long a writer of SQLite waits for another one."""


class Database:
    """One pool of connections.

    >>> database = Database("sqlite:///:memory:")
    >>> with database.read() as connection:
    ...     connection.scalar(sa.text("SELECT 1"))
    1
    """

    def __init__(self, url: str) -> None:
        """Connect to nothing yet. Raises BadInput for an address of another kind of database."""
        self.url = normal_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        if self.is_sqlite:
            self.engine = sa.create_engine(self.url, connect_args={"timeout": BUSY_S})
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            self.engine = sa.create_engine(
                self.url,
                pool_size=10,
                max_overflow=40,
                pool_pre_ping=True,
                connect_args={"timeout": 30, "application_name": "slipcast"},
            )

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may write: all of it or nothing."""
        with (
            self.engine.connect().execution_options(slipcast_writes=True) as connection,
            connection.begin(),
        ):
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def normal_url(url: str) -> str:
    """The address with the driver that we use; BadInput for another kind of database."""
    if url.startswith("sqlite:"):
        return url
    for head in ("postgresql+pg8000://", "postgresql://", "postgres://"):
        if url.startswith(head):
            full = "postgresql+pg8000://" + url.removeprefix(head)
            if not sa.make_url(full).username:
                raise BadInput("the database's address names no user; give postgresql://USER@HOST/NAME")
            return full
    kind = url.split(":", 1)[0]
    raise BadInput(f"the database {kind}: is unknown; give sqlite:///FILE or postgresql://USER@HOST/NAME")


def is_away(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether the database itself is out of reach, and not a statement wrong.

    pg8000 says it with InterfaceError where the others say OperationalError, and while the server stops or starts with
    a plain DatabaseError whose SQLSTATE tells (57P..: shutdown, 08...: connection, 53...: no room, too many clients).
    """
    if isinstance(error, sa.exc.TimeoutError):  # no connection of the pool became free
        return True
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    if isinstance(error, sa.exc.OperationalError) or error.connection_invalidated:
        return True
    if isinstance(error, sa.exc.InterfaceError):
        return type(error.orig).__module__.startswith("pg8000")
    return _state_of(error).startswith(("08", "53", "57P"))


def is_full(error: sa.exc.SQLAlchemyError) -> bool:
    """Whether the disk of the database has no room."""
    if not isinstance(error, sa.exc.DBAPIError):
        return False
    return "disk is full" in str(error.orig) or _state_of(error) == "53100"


def _state_of(error: sa.exc.DBAPIError) -> str:
    """PostgreSQL's SQLSTATE, from what pg8000 passes on; empty without one."""
    said = error.orig.args[0] if error.orig is not None and error.orig.args else None
    return str(said.get("C", "")) if isinstance(said, dict) else ""


def persist(work: Callable[[], T], *, patience_s: float, ended: Callable[[], bool] = lambda: False) -> T:
    """Do `work`, again and again while the database is away: a worker with a finished job must not lose it.

    Raises the last error after `patience_s` or when `ended` says so, and at once what is no matter of the database's.
    """
    begun, pause_s = time.monotonic(), 0.1
    while True:
        try:
            return work()
        except sa.exc.SQLAlchemyError as error:
            if not is_away(error) or time.monotonic() - begun > patience_s or ended():
                raise
            time.sleep(pause_s)
            pause_s = min(pause_s * 2, 5.0)


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = (
        None  # the driver shall not begin transactions of its own: _begin_sqlite does
    )
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")  # a job that was accepted survives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("slipcast_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
