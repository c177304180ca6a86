"""A picture once paid for is never paid for twice: request -> picture, as it was received.

Pictures lie as files named by their content (`ab/ab12….png`), an SQLite index leads from a request's key
to them. Everything is safe under concurrent processes: files appear whole, the index changes in
transactions, and `turn` lets only one of all equal requests on this machine ask while the others wait for
its picture. Beyond the size limit the pictures that were unused for longest go.
"""

import asyncio
import hashlib
import json
import os
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipcast.core.errors import BadInput
from slipcast.core.options import check, path, whole
from slipcast.generate.stock.database import Database
from slipcast.generate.stock.similar import similarity

SUFFIXES = {"image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
"""Mime type -> a file's suffix."""
_TABLES = """
CREATE TABLE IF NOT EXISTS pictures (
    key TEXT PRIMARY KEY, frame TEXT, subject TEXT, take INTEGER, sha256 TEXT, mime TEXT, bytes INTEGER,
    facts TEXT, used REAL);
CREATE INDEX IF NOT EXISTS pictures_frame ON pictures (frame, take);
CREATE INDEX IF NOT EXISTS pictures_used ON pictures (used);
"""


@dataclass(frozen=True, kw_only=True)
class CacheOptions:
    """Where bought pictures are kept, and how many.

    >>> CacheOptions(folder="store").folder.name
    'store'
    """

    folder: Path
    """Where."""
    most_bytes: int = 4_000_000_000
    """Beyond this the longest unused pictures go."""

    def __post_init__(self) -> None:
        check(
            self,
            folder=path(example="store"),
            most_bytes=whole(1, 10**18, example=4_000_000_000),
        )


@dataclass(frozen=True, kw_only=True, repr=False)
class Kept:
    """A picture from the store."""

    data: bytes
    mime: str
    facts: Mapping[str, Any]
    """What was noted with it, JSON-ready."""
    subject: str = ""
    """The user's words that it was bought for."""
    similarity: float | None = None
    """To the words asked for; None for an equal request."""

    def __repr__(self) -> str:
        return f"Kept({self.mime}, {len(self.data)} bytes, similarity {self.similarity})"


class Cache:
    """The store in one folder."""

    def __init__(self, options: CacheOptions) -> None:
        """Open or make it. Raises BadInput when the folder cannot be written."""
        if options.most_bytes < 1:
            raise BadInput(f"the cache's limit is {options.most_bytes} bytes; give a positive number")
        self.options = options
        self._db = Database(options.folder / "index.sqlite", _TABLES)
        self._since = (
            options.most_bytes
        )  # bytes put since the limit was last looked at: look at the first put

    def get(self, key: str) -> Kept | None:
        """The picture of an equal request, or None; a file that is gone or damaged is as none."""
        rows = self._db.read("SELECT * FROM pictures WHERE key=?", (key,))
        return self._load(rows[0], None) if rows else None

    def near(self, frame: str, take: int, subject: str, *, least: float) -> Kept | None:
        """The picture whose words are nearest to `subject`, if they are `least` (0 to 1) alike; see
        similar.py."""
        rows = self._db.read(
            "SELECT * FROM pictures WHERE frame=? AND take=? AND subject<>'' ORDER BY used DESC LIMIT 5000",
            (frame, take),
        )
        scored = [(score, row) for row in rows if (score := similarity(subject, row["subject"])) >= least]
        scored.sort(key=lambda pair: -pair[0])
        return next((kept for score, row in scored if (kept := self._load(row, round(score, 3)))), None)

    def put(
        self,
        key: str,
        *,
        frame: str,
        subject: str,
        take: int,
        data: bytes,
        sha256: str,
        mime: str,
        facts: Mapping[str, object],
    ) -> None:
        """Keep a picture, `sha256` its digest; an equal request's older one is replaced."""
        path = self._path(sha256, mime)
        row = (key, frame, subject, take, sha256, mime, len(data), json.dumps(dict(facts)), time.time())
        with self._db.write() as db:  # the file too: no other process may evict it before its row is there
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_name(f".{os.getpid()}-{secrets.token_hex(4)}.part")
                try:
                    part.write_bytes(data)
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
            db.execute("INSERT OR REPLACE INTO pictures VALUES (?,?,?,?,?,?,?,?,?)", row)
        self._since += len(data)
        if self._since > min(self.options.most_bytes // 16, 64 * 1024**2):
            self._since = 0
            self._evict()

    def size(self) -> tuple[int, int]:
        """How many requests have a picture, and the bytes that they take."""
        row = self._db.read(
            "SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM (SELECT MAX(bytes) AS bytes FROM pictures GROUP BY sha256)"
        )[0]
        return int(self._db.read("SELECT COUNT(*) FROM pictures")[0][0]), int(row[1])

    @asynccontextmanager
    async def turn(self, key: str) -> AsyncIterator[None]:
        """Only one holder per key on this machine: the others wait here, then find its picture with `get`."""
        from filelock import FileLock, Timeout

        folder = self.options.folder / "turns"
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / f"{key[:4]}.lock", thread_local=False)
        while True:
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                await asyncio.sleep(0.05)
        try:
            yield
        finally:
            lock.release()

    def close(self) -> None:
        """Close the index."""
        self._db.close()

    def _path(self, sha256: str, mime: str) -> Path:
        return self.options.folder / sha256[:2] / f"{sha256}{SUFFIXES[mime]}"

    def _load(self, row: sqlite3.Row, score: float | None) -> Kept | None:
        try:
            data = self._path(row["sha256"], row["mime"]).read_bytes()
        except OSError:
            data = b""
        with self._db.write() as db:
            if hashlib.sha256(data).hexdigest() != row["sha256"]:
                db.execute("DELETE FROM pictures WHERE key=? AND sha256=?", (row["key"], row["sha256"]))
                self._path(row["sha256"], row["mime"]).unlink(missing_ok=True)
                return None
            db.execute("UPDATE pictures SET used=? WHERE key=?", (time.time(), row["key"]))
        facts = json.loads(row["facts"])
        return Kept(data=data, mime=row["mime"], facts=facts, subject=row["subject"], similarity=score)

    def _evict(self) -> None:
        """Let the longest unused pictures go until the rest fits; the newest stays, whatever its size."""
        if self.size()[1] <= self.options.most_bytes:
            return
        with self._db.write() as db:
            rows = db.execute(
                "SELECT sha256, mime, MAX(bytes) AS bytes, MAX(used) AS used FROM pictures GROUP BY sha256"
                " ORDER BY used DESC"
            ).fetchall()
            kept = 0
            for place, row in enumerate(rows):
                kept += row["bytes"]
                if place and kept > self.options.most_bytes:
                    kept -= row["bytes"]
                    db.execute("DELETE FROM pictures WHERE sha256=?", (row["sha256"],))
                    self._path(row["sha256"], row["mime"]).unlink(missing_ok=True)
