"""Collision bodies are convex, small, and hold the figurine."""

import manifold3d
import numpy as np
import pytest
from scipy.spatial import ConvexHull
from shapes import figure

from slipcast.core.errors import BadInput
from slipcast.prepare.collision import CONTAINED, MOST_VERTICES, CollisionOptions, make_collision


@pytest.mark.parametrize("text", ["hull", "box", "capsule", "convex:4"])
def test_bodies_are_convex_small_and_hold_the_surface(text: str) -> None:
    mesh = figure("figurine").mesh
    made = make_collision(mesh, CollisionOptions.parse(text))
    assert made is not None
    assert made.contained >= CONTAINED
    assert 1 <= len(made.hulls) <= (4 if text == "convex:4" else 1)
    for hull in made.hulls:
        assert len(hull.vertices) <= MOST_VERTICES
        solid = manifold3d.Manifold(manifold3d.Mesh(np.array(hull.vertices), np.array(hull.faces, np.uint32)))
        assert solid.status() == manifold3d.Error.NoError
        assert solid.volume() == pytest.approx(ConvexHull(hull.vertices).volume, rel=1e-4)
    assert made.volume_ratio > 1


def test_several_parts_are_nearer_than_one() -> None:
    mesh = figure("figurine").mesh
    one = make_collision(mesh, CollisionOptions(kind="hull"))
    several = make_collision(mesh, CollisionOptions(kind="convex", parts=8))
    assert one is not None
    assert several is not None
    assert several.volume_ratio < one.volume_ratio


def test_none_is_none() -> None:
    assert make_collision(figure("figurine").mesh, CollisionOptions()) is None


@pytest.mark.parametrize("text", ["sphere", "hull:3", "convex:0", "convex:99", "convex:x"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="collision"):
        CollisionOptions.parse(text)
