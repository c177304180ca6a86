"""How a correction of the inflated silhouette becomes a solid: rods are round, rims have no wall."""

import numpy as np
import pytest

from slipcast.depth.figurine.model import calm_noise
from slipcast.depth.figurine.profile import half_thickness, local_radius
from slipcast.depth.inflate import inflate_small


def test_a_thin_rod_is_as_thick_as_wide() -> None:
    mask = np.zeros((200, 200), bool)
    mask[20:180, 97:103] = True
    dome = inflate_small(mask) / np.float32(1000)
    half = half_thickness(dome, np.ones_like(dome), 0.015, mask, 1000.0)
    # 6 px wide in a square of 1000; the oval bar with its wall was 0.038.
    assert 2 * half[100, 99:101].max() == pytest.approx(0.006, rel=0.2)
    assert half[100, 97] < 0.6 * half[100, 99]


def test_a_body_keeps_its_thickness_and_its_rim_goes_to_nothing() -> None:
    y, x = np.mgrid[:200, :200] - 99.5
    mask = np.hypot(y, x) < 90
    dome = inflate_small(mask) / np.float32(200)
    half = half_thickness(dome, np.ones_like(dome), 0.015, mask, 200.0)
    assert half[100, 100] == pytest.approx(0.45 + 0.015, rel=0.02)
    assert (half - dome)[mask].min() < 0.65 * 0.015


def test_local_radius_is_that_of_the_widest_disc() -> None:
    mask = np.zeros((300, 300), bool)
    mask[50:250, 100:106] = True
    mask[150:290, 20:280] = True
    radius = local_radius(mask, 300.0)
    assert radius[80, 103] == pytest.approx(3 / 300, rel=0.25)
    assert radius[220, 150] == pytest.approx(0.024, rel=0.05)


def test_noise_from_pixel_to_pixel_is_calmed_within_the_silhouette_alone() -> None:
    rng = np.random.default_rng(0)
    inside = np.zeros((64, 64), bool)
    inside[10:50, 10:50] = True
    noisy = np.where(inside, 1 + rng.normal(0, 0.2, inside.shape), 9).astype(np.float32)
    calm = calm_noise(noisy, inside)
    assert calm[inside].std() < 0.06
    assert calm[inside].mean() == pytest.approx(1, abs=0.02)
