"""A service for each test, on SQLite."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import House, make_house

from slipcast.pipeline.recipe import Recipe
from slipcast.service.database.engine import Database

_METRICS = tempfile.TemporaryDirectory(prefix="slipcast-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _METRICS.name
"""Before prometheus_client is imported: it looks then, and once."""


@pytest.fixture(autouse=True)
def _close_databases(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what a test opened: PostgreSQL's sockets would be warned of later, in another test."""
    made: list[Database] = []
    begin = Database.__init__

    def note(self: Database, url: str) -> None:
        begin(self, url)
        made.append(self)

    monkeypatch.setattr(Database, "__init__", note)
    yield
    for database in made:
        database.close()


@pytest.fixture
def house(tmp_path: Path, kitchen: list[Recipe]) -> Iterator[House]:
    """A service with one tenant, whose conversions take no time."""
    made = make_house(tmp_path / "data")
    yield made
    made.client.close()
    made.database.close()
