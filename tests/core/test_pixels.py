"""Pixels of three channels: the same as numpy says, to the last digit."""

import numpy as np
import pytest

from slipcast.core.pixels import dot_pixels, largest_channel, put_pixels


def test_products_and_maxima_are_numpys() -> None:
    random = np.random.default_rng(3)
    one, other = random.normal(size=(2, 40, 50, 3)).astype(np.float32)
    assert np.array_equal(dot_pixels(one, other), np.einsum("ijk,ijk->ij", one, other))
    assert np.array_equal(largest_channel(one), one.max(-1))


def test_places_are_written_and_no_others() -> None:
    random = np.random.default_rng(4)
    pixels = random.integers(0, 256, (20, 30, 3), np.uint8)
    chosen = random.random((20, 30)) < 0.3
    values = random.integers(0, 256, (int(chosen.sum()), 3), np.uint8)
    wanted = pixels.copy()
    wanted[chosen] = values
    put_pixels(pixels, np.flatnonzero(chosen), values)
    assert np.array_equal(pixels, wanted)


def test_a_view_that_would_be_copied_is_refused() -> None:
    with pytest.raises(ValueError, match="one piece"):
        put_pixels(np.zeros((4, 4, 3), np.uint8)[:, :2], np.array([0]), np.ones((1, 3), np.uint8))
