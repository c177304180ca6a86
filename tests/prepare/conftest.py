"""A textured figurine of known size for the print steps."""

import pytest
from blocks import textured_pillar

from slipcast.core.values import Figurine


@pytest.fixture
def statue() -> Figurine:
    """A textured pillar of 30 x 20 x 60 mm."""
    return textured_pillar()
