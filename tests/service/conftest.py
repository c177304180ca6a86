"""A service for each test, on SQLite."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import House, make_house

from slipcast.pipeline.recipe import Recipe

_METRICS = tempfile.TemporaryDirectory(prefix="slipcast-metrics-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = _METRICS.name
"""Before prometheus_client is imported: it looks then, and once."""


@pytest.fixture
def house(tmp_path: Path, kitchen: list[Recipe]) -> Iterator[House]:
    """A service with one tenant, whose conversions take no time."""
    made = make_house(tmp_path / "data")
    yield made
    made.client.close()
    made.database.close()
