"""Collision bodies are convex, small, and hold the figurine."""

from dataclasses import replace
from functools import cache

import manifold3d
import numpy as np
import pytest
from scipy.spatial import ConvexHull
from shapes import cube, figure, sphere

from slipcast.core.errors import BadInput
from slipcast.core.values import Hull, Mesh
from slipcast.mesh.topology import make_mesh
from slipcast.prepare import collision
from slipcast.prepare.collision import CONTAINED, MOST_VERTICES, Collision, CollisionOptions, make_collision
from slipcast.prepare.engine import EngineOptions, prepare_for_engine


@cache
def made_of(text: str) -> Collision:
    made = make_collision(figure("figurine").mesh, CollisionOptions.parse(text))
    assert made is not None
    return made


@pytest.mark.parametrize("text", ["hull", "box", "capsule", "convex:4"])
def test_bodies_are_convex_small_and_hold_the_surface(text: str) -> None:
    made = made_of(text)
    assert made.contained >= CONTAINED
    assert 1 <= len(made.hulls) <= (4 if text == "convex:4" else 1)
    for hull in made.hulls:
        assert len(hull.vertices) <= MOST_VERTICES
        solid = manifold3d.Manifold(manifold3d.Mesh(np.array(hull.vertices), np.array(hull.faces, np.uint32)))
        assert solid.status() == manifold3d.Error.NoError
        assert solid.volume() == pytest.approx(ConvexHull(hull.vertices).volume, rel=1e-4)
    assert made.volume_ratio > 1


@pytest.mark.parametrize("text", ["hull", "box", "capsule", "convex:4"])
def test_no_body_reaches_below_the_figurine(text: str) -> None:
    """An engine lifted a figurine whose bodies were grown through the ground."""
    ground = float(figure("figurine").mesh.vertices[:, 1].min())
    made = made_of(text)
    assert min(float(hull.vertices[:, 1].min()) for hull in made.hulls) >= ground - 1e-7
    assert made.contained >= CONTAINED


def test_a_cut_that_makes_too_many_vertices_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ball's hull of 32 vertices, grown and cut at the ground, has 39; made of 24 it has 1.37 of the volume."""
    counts: list[int] = []
    cut = collision._cut

    def watch(hull: Hull, ground: float) -> Hull:
        made = cut(hull, ground)
        counts.append(len(made.vertices))
        return made

    monkeypatch.setattr(collision, "_cut", watch)
    made = make_collision(sphere(0.02, 40, 48), CollisionOptions(kind="hull"))
    assert made is not None
    assert max(counts) > MOST_VERTICES
    assert len(made.hulls[0].vertices) <= MOST_VERTICES
    assert made.contained >= CONTAINED
    assert made.volume_ratio < 1.3


@pytest.mark.parametrize("share", [0.95, 0.5])
def test_parts_with_gaps_between_them_hold_the_surface(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    ball = sphere(0.02, 40, 48, lift_m=0.0)
    points = ball.vertices.astype(np.float64)
    parts = []
    for signs in np.ndindex(2, 2, 2):
        eighth = points[((points > 0) == np.array(signs, bool)).all(1)]
        eighth = np.concatenate([eighth, np.zeros((1, 3))])
        parts.append(eighth.mean(0) + share * (eighth - eighth.mean(0)))
    monkeypatch.setattr(collision, "_decompose_all", lambda *_: parts)
    made = make_collision(ball, CollisionOptions(kind="convex"))
    assert made is not None
    assert made.contained >= CONTAINED
    assert 0.8 < made.volume_ratio < 1.15  # small parts leave a ball's middle empty
    rng = np.random.default_rng(1)
    corner = ball.vertices[ball.faces]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    middle = corner.mean(1)[rng.choice(len(area), 2000, p=area / area.sum())]
    planes = [ConvexHull(hull.vertices.astype(np.float64)).equations for hull in made.hulls]
    held = [(middle @ each[:, :3].T + each[:, 3] <= 1e-9).all(1) for each in planes]
    assert np.any(held, axis=0).mean() >= CONTAINED


@pytest.mark.parametrize(("text", "count", "spans"), [("hull", 1, 2), ("convex:2", 2, 1), ("convex:1", 1, 2)])
def test_parts_that_do_not_touch_get_a_body_each_or_it_is_said(text: str, count: int, spans: int) -> None:
    box, ball = cube(0.02), sphere(0.02, 12, 12)
    parts = [(box, 0.0), (ball, 0.08), (cube(0.01), 0.08)]  # the last is inside the ball's hull
    start, vertices, faces = 0, [], []
    for part, x in parts:
        vertices.append(part.vertices + np.array([x, 0, 0], np.float32))
        faces.append(part.faces + np.int32(start))
        start += len(part.vertices)
    mesh = make_mesh(np.concatenate(vertices), np.concatenate(faces))
    made = make_collision(mesh, CollisionOptions.parse(text))
    assert made is not None
    assert (len(made.hulls), made.spans) == (count, spans)
    if count == 2:
        assert sorted(round(float(hull.vertices[:, 0].mean()), 2) for hull in made.hulls) == [0, 0.08]
        assert made.contained >= CONTAINED


def test_one_hull_over_a_gap_is_a_finding() -> None:
    one = figure("figurine")
    both = replace(
        one,
        mesh=make_mesh(
            np.concatenate([one.mesh.vertices, one.mesh.vertices + np.array([0.2, 0, 0], np.float32)]),
            np.concatenate([one.mesh.faces, one.mesh.faces + np.int32(len(one.mesh.vertices))]),
        ),
        uv=np.concatenate([one.uv, one.uv]),
    )
    _, found = prepare_for_engine(both, EngineOptions(collision=CollisionOptions(kind="hull")))
    assert [entry.message[:38] for entry in found] == ["1 convex body stands for 2 parts that "]


@pytest.mark.parametrize("text", ["hull", "convex:4"])
def test_a_figurine_in_several_parts_is_held_too(text: str) -> None:
    mesh = figure("figurine").mesh
    count = len(mesh.vertices)
    beside = Mesh(
        vertices=np.concatenate([mesh.vertices, mesh.vertices + np.array([0.08, 0, 0], np.float32)]),
        faces=np.concatenate([mesh.faces, mesh.faces + count]).astype(np.int32),
        source=np.concatenate([mesh.source, mesh.source]),
    )
    made = make_collision(beside, CollisionOptions.parse(text))
    assert made is not None
    assert made.contained >= CONTAINED
    assert all(len(hull.vertices) <= MOST_VERTICES for hull in made.hulls)


def test_none_is_none() -> None:
    assert make_collision(figure("figurine").mesh, CollisionOptions()) is None


@pytest.mark.parametrize("text", ["sphere", "hull:3", "convex:0", "convex:99", "convex:x"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"collision|kind|parts"):
        CollisionOptions.parse(text)
