"""Highlights before white, as on an eye, are no holes."""

import numpy as np
import pytest

from slipcast.picture import cut_out as cutout


@pytest.mark.parametrize(
    ("radius", "at", "opinion", "filled"),
    [
        (5, 100, 0.6, True),  # a highlight on an eye: small, and far from the air
        (5, 100, 0.3, False),  # the model is sure that it is a hole
        (5, 32, 0.6, False),  # behind a thin limb
        (40, 100, 0.6, False),  # no highlight is so large
    ],
)
def test_a_small_hole_far_from_the_air_is_a_highlight(
    radius: int, at: int, opinion: float, filled: bool
) -> None:
    rows, columns = np.mgrid[:200, :200]
    body = np.hypot(rows - 100, columns - 100) < 80
    hole = np.hypot(rows - 100, columns - at) < radius
    opacity = (body & ~hole).astype(np.float32)
    image = np.where((body & ~hole)[..., None], np.float32(0.3), np.float32(1)).repeat(3, 2)
    got = cutout._fill_false_holes(image, opacity, np.full_like(opacity, opinion), spread=20)
    assert bool(got[100, at] > 0.5) is filled


def test_a_hole_that_shows_a_colored_backdrop_stays() -> None:
    """Between a figure's legs and a cat before a wall: far from the air, and the model is not sure."""
    rows, columns = np.mgrid[:200, :200]
    away = np.hypot(rows - 100, columns - 100)
    opacity = ((away < 80) & (away > 5)).astype(np.float32)
    image = np.where(opacity[..., None] > 0, 0.3, np.array([0.85, 0.8, 0.9])).astype(np.float32)
    got = cutout._fill_false_holes(image, opacity, np.full_like(opacity, 0.6), spread=20)
    assert got[100, 100] == 0


@pytest.mark.parametrize(
    ("through", "beside", "filled"), [(0.05, 1.0, False), (0.3, 1.0, True), (0.3, 0.7, False)]
)
def test_a_narrow_hole_beside_gloss_that_lets_hardly_any_background_through_is_none(
    through: float, beside: float, filled: bool
) -> None:
    image = np.full((300, 300, 3), 0.8, np.float32)
    image[100:160, 204:210] = beside
    opacity = np.zeros((300, 300), np.float32)
    opacity[60:240, 60:240] = 1
    opacity[100:160, 200:204] = through
    got = cutout._fill_false_holes(image, opacity, np.full_like(opacity, 0.6), spread=20)
    assert bool((got[100:160, 200:204] == 1).all()) is filled
