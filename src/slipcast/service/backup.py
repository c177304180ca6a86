"""Backup and restore of database and store: one tar with a JSON-lines file a table, every stored file, and their sums.

The tables are read in one snapshot (SQLite: a read transaction; PostgreSQL: REPEATABLE READ) while the service runs.
A file is immutable, so that whatever the rows name is as it was; one that was deleted meanwhile is said. The form is
the same for both databases: a backup of the one can be restored into the other.
"""

import hashlib
import io
import json
import os
import tarfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from slipcast._version import __version__
from slipcast.core.errors import BadInput
from slipcast.service.database.engine import Database
from slipcast.service.database.migrate import check_version, newest, upgrade, version_of
from slipcast.service.database.tables import file, head, metadata, purchase, session, worker
from slipcast.service.jobs.states import State
from slipcast.service.store import Store

_LEFT_OUT = (worker.name, session.name)
_MANIFEST = "manifest.json"
_AT_ONCE = 500


def back_up(database: Database, store: Store, target: Path) -> dict[str, Any]:
    """Write `target`, whole or not at all; returns the manifest. Raises BadInput when it is there already."""
    if target.exists():
        raise BadInput(f"{target} is there already; choose another name")
    check_version(database)
    part = target.with_name(f".{target.name}.part")
    manifest: dict[str, Any] = {
        "slipcast": __version__,
        "version": newest(),
        "made_at": round(time.time(), 3),
        "tables": {},
        "files": 0,
        "missing": [],
        "sums": {},
    }
    part.unlink(missing_ok=True)
    try:
        with (
            os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out,
            tarfile.open(fileobj=out, mode="w") as tar,
            database.engine.connect() as connection,
        ):
            if not database.is_sqlite:
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                wanted: set[tuple[str, str]] = set()
                for table in metadata.sorted_tables:
                    if table.name in _LEFT_OUT:
                        continue
                    rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                    if table in (file, purchase):
                        wanted |= {(row["tenant_id"], row["sha256"]) for row in rows}
                    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
                    manifest["tables"][table.name] = len(rows)
                    _add(tar, f"tables/{table.name}.jsonl", text.encode(), manifest)
            for tenant_id, sha256 in sorted(wanted):
                try:
                    data = store.get(tenant_id, sha256)
                except FileNotFoundError:
                    manifest["missing"].append(f"{tenant_id}/{sha256}")
                    continue
                manifest["files"] += 1
                _add(tar, f"files/{tenant_id}/{sha256}", data, None)
            _add(tar, _MANIFEST, json.dumps(manifest, indent=2).encode(), None)
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def restore(database: Database, store: Store, source: Path) -> dict[str, Any]:
    """Fill an empty database and store from `source`; returns the manifest.

    Jobs that were running go back to the queue. Raises BadInput for a damaged backup, one of another version, or a
    database that is not empty: then nothing has changed.
    """
    try:
        with tarfile.open(source, "r") as tar:
            manifest = json.loads(_read(tar, _MANIFEST))
            if manifest["version"] != newest():
                raise BadInput(f"{source} is of version {manifest['version']}, this program makes {newest()}")
            if version_of(database) is None:
                upgrade(database)
            check_version(database)
            with database.write() as connection:
                _check_empty(connection)
                connection.execute(sa.delete(head))
                for table in metadata.sorted_tables:
                    if table.name in manifest["tables"]:
                        _fill(connection, table, _checked(tar, f"tables/{table.name}.jsonl", manifest))
                _wake(connection)
                for member in tar:
                    parts = member.name.split("/")
                    if parts[0] != "files" or len(parts) != 3:
                        continue
                    stream = tar.extractfile(member)
                    assert stream
                    if store.put(parts[1], stream.read()) != parts[2]:
                        raise BadInput(f"{source} is damaged: the file {parts[2][:12]} has another sum")
    except tarfile.ReadError:
        raise BadInput(f"{source} cannot be restored: it is no tar, or a damaged one") from None
    except (OSError, tarfile.TarError, KeyError, ValueError) as problem:
        raise BadInput(f"{source} cannot be restored: {str(problem).splitlines()[0]}") from None
    return dict(manifest)


def _wake(connection: sa.Connection) -> None:
    from slipcast.service.database.tables import job

    connection.execute(
        sa.update(job)
        .where(job.c.state == State.RUNNING)
        .values(state=State.QUEUED, worker=None, stage="", progress=0, attempt=job.c.attempt + 1)
    )


def _check_empty(connection: sa.Connection) -> None:
    for table in metadata.sorted_tables:
        if table is not head and connection.scalar(sa.select(sa.func.count()).select_from(table)):
            raise BadInput(f"the database is not empty ({table.name} has rows); restore into a new one")


def _fill(connection: sa.Connection, table: sa.Table, data: bytes) -> None:
    rows = [json.loads(line) for line in data.decode().splitlines()]
    for at in range(0, len(rows), _AT_ONCE):
        connection.execute(sa.insert(table), rows[at : at + _AT_ONCE])
    serial = table.autoincrement_column
    if rows and serial is not None and connection.dialect.name == "postgresql":
        most = max(row[serial.name] for row in rows)
        connection.execute(sa.select(sa.func.setval(f"{table.name}_{serial.name}_seq", most)))


def _add(tar: tarfile.TarFile, name: str, data: bytes, manifest: dict[str, Any] | None) -> None:
    if manifest is not None:
        manifest["sums"][name] = hashlib.sha256(data).hexdigest()
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = len(data), int(time.time()), 0o600
    tar.addfile(info, io.BytesIO(data))


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    stream = tar.extractfile(name)
    assert stream
    return stream.read()


def _checked(tar: tarfile.TarFile, name: str, manifest: dict[str, Any]) -> bytes:
    data = _read(tar, name)
    if hashlib.sha256(data).hexdigest() != manifest["sums"][name]:
        raise BadInput(f"the backup is damaged: {name} has another sum than its manifest says")
    return data
