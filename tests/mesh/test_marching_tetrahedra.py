"""A field's zero surface is closed whatever the field."""

import manifold3d
import numpy as np
import pytest
from scipy import ndimage

from slipcast.mesh.marching_tetrahedra import march_tetrahedra


def test_a_ball_has_its_volume_and_looks_outward() -> None:
    away = np.linalg.norm(np.indices((40, 44, 48)) - np.array([20, 22, 24])[:, None, None, None], axis=0)
    vertices, faces = march_tetrahedra((15 - away).astype(np.float32))
    solid = manifold3d.Manifold(manifold3d.Mesh(vertices.astype(np.float32), faces.astype(np.uint32)))
    assert solid.status() == manifold3d.Error.NoError
    assert solid.volume() == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.005)


@pytest.mark.parametrize("seed", range(4))
def test_any_field_gives_a_manifold(seed: int) -> None:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(24, 24, 24)), 1.0).astype(
        np.float32
    )
    field[field < -0.2] = 0  # zeros exactly, which belong to the outside
    for axis in range(3):
        np.moveaxis(field, axis, 0)[[0, -1]] = -1
    vertices, faces = march_tetrahedra(field)
    solid = manifold3d.Manifold(manifold3d.Mesh(vertices.astype(np.float32), faces.astype(np.uint32)))
    assert solid.status() == manifold3d.Error.NoError
    assert 0.5 < solid.volume() / (field > 0).sum() < 1.2


def test_nothing_positive_gives_nothing() -> None:
    vertices, faces = march_tetrahedra(np.full((4, 4, 4), -1, np.float32))
    assert len(vertices) == len(faces) == 0
