"""What the service writes is its user's alone: database, files and scratch hold tenants' pictures and prompts."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from slipcast.service.settings import Settings


@contextmanager
def private_files(settings: Settings) -> Iterator[None]:
    """What is made within is closed to other users, and so is what an earlier version made in the data folder.

    The data folder is made when absent. One that is there keeps its mode: it may hold more than ours.
    """
    before = os.umask(0o077)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        for path in _list_places(settings):
            mode = path.stat().st_mode & 0o777 if path.exists() else 0
            if mode & 0o077 and _is_ours(path):
                path.chmod(mode & 0o700)
        yield
    finally:
        os.umask(before)


def _list_places(settings: Settings) -> list[Path]:
    paths = [settings.data / "files", settings.metrics_folder, settings.scratch, settings.data / "buying"]
    if settings.database_url.startswith("sqlite") and (file := sa.make_url(settings.database_url).database):
        paths += [Path(f"{file}{ending}") for ending in ("", "-wal", "-shm")]
    return paths


def _is_ours(path: Path) -> bool:
    return not hasattr(os, "geteuid") or path.stat().st_uid == os.geteuid()
