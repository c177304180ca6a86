"""SQLite as limits, ledger and cache use it: one file, many processes, short transactions.

WAL with synchronous=NORMAL: a killed process loses nothing, a crashed computer at most its last moments.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slipcast.core.errors import BadInput
from slipcast.core.paths import HOME


class Database:
    """One SQLite file with its tables, for all threads of this process."""

    def __init__(self, path: Path, tables: str) -> None:
        """Open or make `path`. Raises BadInput when the folder or file cannot be used."""
        self.path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as problem:
            raise BadInput(
                f"{path} cannot be used ({problem}); set {HOME} to a folder that can be written"
            ) from None
        try:
            self._db.row_factory = sqlite3.Row
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(tables)
        except sqlite3.Error as problem:
            self._db.close()
            raise BadInput(f"{path} is not a database of Slipcast ({problem}); move it away") from None

    def __repr__(self) -> str:
        return f"Database({self.path.name})"

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that sees and changes the newest state, alone among all processes."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def read(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
