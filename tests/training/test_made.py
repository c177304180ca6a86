"""Figurines made in code: every plan gives closed parts in the frame, no two alike, and pairs can be drawn of them."""

from pathlib import Path

import numpy as np
import pytest
import trimesh

from training import beings, made, members
from training.compose import joined, plain_shape, with_other, with_shapes
from training.meshes import Textured
from training.pool import make_shard
from training.render import FILL, View, render
from training.shapes import Part, assembled, block, curve, plate, tube, turned

PLANS = [
    beings.person,
    beings.beast,
    beings.bird,
    beings.fish,
    beings.insect,
    beings.serpent,
    made.machine,
    made.bust,
    made.thing,
    made.monster,
    made.heap,
]


def solid(part: Part) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh(part.vertices, part.faces)
    mesh.update_faces(mesh.nondegenerate_faces())  # at poles all points of a ring are one
    return mesh


def test_parts_are_closed_and_of_their_size() -> None:
    ball = solid(block((1, 2, 3), 0))
    assert ball.is_watertight
    assert ball.volume == pytest.approx(4 / 3 * np.pi * 6, rel=0.08)
    assert solid(block((1, 2, 3), 0, square=0.15)).volume > 0.8 * 48
    rod = solid(tube([(0, 0, 0), (0, 0, 1), (0, 0, 4)], [0.5, 0.5, 0.5], 0, sides=32))
    assert abs(rod.volume) == pytest.approx(np.pi * 0.25 * 4 + 4 / 3 * np.pi * 0.125, rel=0.05)
    drum = solid(turned([(1, 0), (1, 2)], 0, sides=64))
    assert drum.volume == pytest.approx(2 * np.pi, rel=0.01)
    angle = np.arange(24) / 24 * 2 * np.pi
    disc = solid(plate(np.stack([np.cos(angle), np.sin(angle)], 1), 0.1, 0))
    assert disc.extents == pytest.approx([2, 2, 0.1], rel=0.02)
    assert disc.is_watertight


def test_a_curve_goes_through_its_points() -> None:
    points = np.array([(0.0, 0.0), (1.0, 2.0), (3.0, 1.0)])
    line = curve(points, 4)
    assert len(line) == 9
    assert line[::4] == pytest.approx(points)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.__name__)
def test_every_plan_gives_figurines_no_two_alike(plan: made.Plan) -> None:
    sizes = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        parts = plan(rng)
        for part in parts:
            assert np.isfinite(part.vertices).all()
            assert 0 <= part.color < members.COLORS
            assert part.faces.max() < len(part.vertices)
        mesh = assembled(parts, members.palette(rng))
        assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(1, abs=1e-5)
        assert np.ptp(mesh.vertices, axis=0).min() > 0.02
        sizes.append(tuple(np.round(np.ptp(mesh.vertices, axis=0), 4)))
    assert len(set(sizes)) == 12


def test_a_part_and_its_mirror_image_face_outwards_alike() -> None:
    part = block((1, 2, 3), 0, at=(5, 0, 0))
    assert solid(part.mirrored()).volume == pytest.approx(solid(part).volume)
    assert part.mirrored().vertices[:, 0].max() < 0


def test_colours_of_both_meshes_survive_joining() -> None:
    rng = np.random.default_rng(0)
    one, two = (assembled([block((1, 1, 1), 0)], np.full((1, 8, 3), tone, np.uint8)) for tone in (10, 240))
    both = joined(one, two)
    column = (both.uv[:, 0] * both.texture.shape[1]).astype(int).clip(0, both.texture.shape[1] - 1)
    tones = both.texture[0, column, 0]
    assert (tones[: len(one.vertices)] == 10).all()
    assert (tones[len(one.vertices) :] == 240).all()
    more: Textured = with_other(with_shapes(one, rng), plain_shape(rng), rng)
    assert len(more.vertices) > len(one.vertices)
    assert np.ptp(more.vertices, axis=0).max() == pytest.approx(1, abs=1e-5)


def test_pairs_are_drawn_without_any_mesh_file() -> None:
    shard = make_shard([], 64, 6, np.random.default_rng(5), dict[Path, Textured](), 0.5)
    inside = np.isfinite(shard["front"].astype(np.float32))
    assert (inside.mean((1, 2)) > 0.01).all()
    assert len(np.unique(inside.sum((1, 2)))) > 3
    spans = [max(np.ptp(np.flatnonzero(mask.any(k))) + 1 for k in (0, 1)) for mask in inside]
    assert spans == pytest.approx([FILL * 64] * 6, abs=2)
    view = View(yaw_deg=20, pitch_deg=5, roll_deg=0, fov_deg=20)
    pair = render(made.made(np.random.default_rng(1)), view, 64, np.random.default_rng(0))
    assert (np.nan_to_num(pair["front"]) >= np.nan_to_num(pair["back"])).all()
