"""reconstruct/disc.py: a ragged base becomes an exact disc, and what stands on it stays."""

from dataclasses import replace

import manifold3d
import numpy as np
import pytest

from slipcast.core.round_base import RoundBase
from slipcast.core.values import Camera, ModelInfo, Shells, Source
from slipcast.mesh.topology import from_manifold, is_shut
from slipcast.reconstruct import simplify
from slipcast.reconstruct.disc import measure_share, put_disc
from slipcast.reconstruct.simplify import Ground, decimate

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


def test_the_share_that_is_replaced_is_the_base() -> None:
    mesh = from_manifold(ragged().refine_to_length(0.02))
    middle = mesh.vertices[mesh.faces].mean(1)
    low = float((middle[:, 1] < -0.89).mean())  # the base's top is at -0.9
    assert 0.2 < low < 0.8
    assert measure_share(mesh, BASE, CAMERA) == pytest.approx(low, abs=0.02)
    assert measure_share(mesh, replace(BASE, x=5.0), CAMERA) == 0


def test_the_body_gets_faces_that_the_base_does_not_need(monkeypatch: pytest.MonkeyPatch) -> None:
    ball = manifold3d.Manifold.sphere(0.45, 96).translate((0.0, -0.5, -5.0))
    smooth, budget = from_manifold((ragged() + ball).refine_to_length(0.02)), 3_000
    rough = np.random.default_rng(1).normal(0, 0.002, smooth.vertices.shape)  # as samples leave a base
    mesh = replace(smooth, vertices=(smooth.vertices + rough).astype(np.float32))
    shown = np.full((400, 400), 5.0, np.float32)
    depth = Shells(
        front=shown,
        back=shown + 1,
        valid=np.ones((400, 400), np.bool_),
        camera=CAMERA,
        back_source=Source.INVENTED,
        model=ModelInfo(name="given"),
        base=BASE,
    )
    made = decimate(mesh, budget, Ground(depth))
    monkeypatch.setattr(simplify, "_GIVEN", 0.0)
    fewer = decimate(mesh, budget, Ground(depth))
    assert made is not None
    assert fewer is not None
    assert is_shut(made)
    assert 1.05 * len(fewer.faces) < len(made.faces) <= budget
