"""reconstruct/disc.py: a ragged base becomes an exact disc, and what stands on it stays."""

import manifold3d
import numpy as np
import pytest

from slipcast.core.round_base import RoundBase
from slipcast.core.values import Camera
from slipcast.reconstruct.disc import put_disc

# The camera stands at the world's origin and looks along -Z, its y down: the base's middle is at (0, -1, -5).
CAMERA = Camera.pinhole(400, 400, 24.0)
BASE = RoundBase(x=0.0, y=1.0, z=5.0, radius=0.5, height=0.1, elevation_deg=0.0)


def ragged() -> manifold3d.Manifold:
    """A gear of 24 teeth for a base, 3 % too wide and too narrow in turn, and a pillar on it."""
    angle = np.arange(48) * 2 * np.pi / 48
    radius = np.where(np.arange(48) % 2, 0.515, 0.485)
    outline = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    gear = manifold3d.CrossSection([outline.tolist()]).extrude(0.1)
    pillar = manifold3d.Manifold.cylinder(1.0, 0.2, 0.2, 32)
    return (gear + pillar).rotate((-90.0, 0.0, 0.0)).translate((0.0, -1.0, -5.0))


def points_of(solid: manifold3d.Manifold) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.asarray(solid.to_mesh().vert_properties, np.float64)[:, :3] - [0, -1, -5]


def test_the_wall_is_round_and_what_stands_on_it_stays() -> None:
    made = put_disc(ragged(), BASE, CAMERA, 50_000)
    x, y, z = points_of(made).T
    radius = np.hypot(x, z)
    wall = radius > 0.4
    assert radius[wall & (y > 0.02) & (y < 0.08)] == pytest.approx(0.5, abs=1e-5)
    assert radius.max() == pytest.approx(0.5, abs=1e-5)
    assert y.min() == pytest.approx(0, abs=1e-6)
    assert y.max() == pytest.approx(1.0, abs=1e-6)
    assert y[wall].max() == pytest.approx(0.106, abs=1e-5)  # 1.2 % of the radius above the samples' top
    assert len(made.decompose()) == 1
    disc = np.pi * 0.5**2 * 0.106
    assert made.volume() == pytest.approx(disc + np.pi * 0.2**2 * 0.894, rel=0.01)


def test_few_faces_are_not_spent_on_the_circle() -> None:
    assert put_disc(ragged(), BASE, CAMERA, 2_000).num_tri() < 500
    assert put_disc(ragged(), BASE, CAMERA, 50_000).num_tri() > 1_000


def test_a_base_with_nothing_on_it_is_left_alone() -> None:
    plate = manifold3d.Manifold.cylinder(0.1, 0.5, 0.5, 32).rotate((-90.0, 0.0, 0.0))
    plate = plate.translate((0.0, -1.0, -5.0))
    assert put_disc(plate, BASE, CAMERA, 50_000).num_tri() == plate.num_tri()
