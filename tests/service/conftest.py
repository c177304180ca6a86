"""A service for each test, on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import House, make_house

from slipcast.pipeline.run import Recipe


@pytest.fixture
def house(tmp_path: Path, kitchen: list[Recipe]) -> Iterator[House]:
    """A service with one tenant, whose conversions take no time."""
    made = make_house(tmp_path / "data")
    yield made
    made.client.close()
    made.database.close()
