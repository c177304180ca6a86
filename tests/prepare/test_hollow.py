"""Hollow parts: the wall is as thick as asked, the resin drains, and nothing is hollowed that does not gain."""

from functools import cache

import manifold3d
import numpy as np
import pytest
from blocks import ball, box
from scipy import ndimage

from slipcast.core.errors import BadInput
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.mesh.thickness import measure_thickness
from slipcast.prepare.body import Body, Kind, Origin, body_from_solid, read_surface
from slipcast.prepare.hollow import HollowOptions, HollowReport, _label_rooms, hollow, measure_depth
from slipcast.prepare.layers import slice_layers


@pytest.mark.parametrize("reach", [3, 9, 200])
def test_depth_is_exact_as_far_as_it_is_asked(reach: int) -> None:
    mask = np.pad(ndimage.gaussian_filter(np.random.default_rng(0).random((30, 40, 50)), 3) > 0.5, 2)
    true = ndimage.distance_transform_edt(mask)
    depth = measure_depth(mask, reach)
    assert np.allclose(depth[true <= reach], true[true <= reach], atol=1e-5)
    assert (depth[true > reach] > reach).all()


@cache
def sealed_ball() -> tuple[Body, HollowReport]:
    return hollow(ball(30), HollowOptions(wall_mm=2.0, holes=0))


def test_a_ball_keeps_the_wall_that_is_asked() -> None:
    body, report = sealed_ball()
    assert not report.refused
    inner = report.before_mm3 - report.after_mm3
    assert inner == pytest.approx(4 / 3 * np.pi * 28**3, rel=0.01)
    walls = measure_thickness(read_surface(body).as_mesh()).samples_m * 1000
    assert np.quantile(walls, 0.01) == pytest.approx(2.0, abs=0.06)
    assert np.median(walls[walls < 5]) == pytest.approx(2.0, abs=0.05)


def test_holes_join_the_cavity_with_the_outside() -> None:
    sealed, _ = sealed_ball()
    drained, report = hollow(ball(30), HollowOptions(holes=2))
    assert slice_layers(sealed, layer_mm=0.4, pixel_mm=0.4).trapped_mm3 > 50_000
    assert slice_layers(drained, layer_mm=0.4, pixel_mm=0.4).trapped_mm3 == 0
    kinds = [hole.kind for hole in report.holes]
    assert kinds == ["drain", "drain", "vent"]
    assert max(hole.at_mm[2] for hole in report.holes if hole.kind == "drain") < 6
    vent = report.holes[-1]
    assert vent.at_mm[1] > 0  # at the back
    assert vent.at_mm[2] > 40


def test_a_cavity_that_narrows_downwards_gets_both_its_drains() -> None:
    post = manifold3d.Manifold.cylinder(12, 4.3, 4.3, 48)
    egg = manifold3d.Manifold.sphere(25, 64).translate((0, 0, 35))
    _, report = hollow(body_from_solid(post + egg, Origin(kind=Kind.BASE)), HollowOptions(hole_mm=3))
    drains = [hole for hole in report.holes if hole.kind == "drain"]
    assert len(drains) == 2
    assert drains[0].at_mm[2] == 0


def test_a_room_beyond_a_narrow_neck_is_one_of_its_own() -> None:
    room = np.full((9, 9, 30), -1, np.float32)
    room[2:7, 2:7, 2:12] = room[2:7, 2:7, 15:28] = 2.0
    room[4, 4, 12:15] = 0.2  # the neck
    room[1, 1, 14] = 0.2  # shallow all over
    labels, count = _label_rooms(room, 0.5)
    assert count == 2
    assert labels[4, 4, 5] != labels[4, 4, 20]
    assert labels[4, 4, 12:15].all()
    assert labels[1, 1, 14] == labels[0, 0, 0] == 0


def test_the_hollow_body_is_one_closed_solid() -> None:
    body, _ = hollow(box(40, 40, 60), HollowOptions())
    assert body.solid.status() == manifold3d.Error.NoError
    assert len(body.solid.decompose()) == 1


def test_two_chambers_drain_each() -> None:
    block = manifold3d.Manifold.cube((30, 30, 70), True).translate((0, 0, 35))
    neck = manifold3d.Manifold.cube((40, 40, 20), True).translate((0, 0, 35))
    neck = neck - manifold3d.Manifold.cube((5, 5, 40), True).translate((0, 0, 35))
    two = type(box(1, 1, 1))(block - neck, {})
    _, report = hollow(two, HollowOptions())
    assert report.cavities == 2
    assert sum(hole.kind == "drain" for hole in report.holes) == 4


def test_a_small_or_thin_figurine_stays_solid_with_the_reason() -> None:
    small, report = hollow(box(20, 20, 40), HollowOptions())
    assert "40 mm tall" in report.refused
    assert small.volume_mm3 == pytest.approx(16_000)
    assert "thick enough" in hollow(box(3, 3, 80), HollowOptions())[1].refused


@pytest.mark.parametrize(
    ("field", "value"), [("wall_mm", 0.1), ("hole_mm", 0.5), ("holes", 20), ("closing_mm", -1)]
)
def test_options_refuse_when_they_are_made(field: str, value: float) -> None:
    with pytest.raises(BadInput, match=field):
        HollowOptions(**{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [0, 4])
def test_no_face_of_a_knobbly_cavity_runs_through_another(seed: int) -> None:
    rng = np.random.default_rng(seed)
    radius, place = rng.uniform(5, 12, 14), rng.uniform(-16, 16, (14, 3)) * (1, 1, 1.8) + (0, 0, 32)
    knobs = [
        manifold3d.Manifold.sphere(float(r), 48).translate((float(x), float(y), float(z)))
        for r, (x, y, z) in zip(radius, place, strict=True)
    ]
    post = manifold3d.Manifold.cube((14, 14, 62), True).translate((0, 0, 31))
    solid = manifold3d.Manifold.batch_boolean([post, *knobs], manifold3d.OpType.Add)
    hollowed, report = hollow(body_from_solid(solid, Origin(kind=Kind.BASE)), HollowOptions())
    assert not report.refused
    assert not len(find_crossing_faces(read_surface(hollowed).as_mesh()))


def test_a_vent_through_a_cut_leaves_from_the_highest_place() -> None:
    """Of a plinth, whose rim is lower than the cut; through the rim the wall is the thinnest."""
    cylinder = manifold3d.Manifold.cylinder
    plinth = Body(cylinder(10, 35, 35, 96) + cylinder(2.5, 24, 4, 96).translate((0, 0, 10)))
    made, report = hollow(plinth, HollowOptions(), tall_mm=100, cut_above=True)
    assert not report.refused
    assert slice_layers(made, layer_mm=0.2, pixel_mm=0.2).cup_mm3 < 100


def head_with_a_chin(turn_deg: float, foot_mm: float) -> Body:
    """A narrow head on a thin post; its underside is flat behind, and rises to the front; turned about z."""
    side = manifold3d.CrossSection([[(-16, 98), (9, 76), (14, 76), (14, 112), (-16, 112)]])  # y, z
    head = side.extrude(9).translate((0, 0, -4.5)).rotate((90, 0, 90))
    post = manifold3d.Manifold.cylinder(foot_mm + 2, 1.5, 1.5, 16).translate((0, 12.5, 76 - foot_mm))
    return body_from_solid((head + post).rotate((0, 0, turn_deg)), Origin(kind=Kind.CUT)).drop()


@pytest.mark.parametrize(
    ("turn_deg", "foot_mm", "drains"),
    [(0, 76, 1), (180, 76, 2), (0, 20, 2)],
    ids=["the front", "the back", "lower down"],
)
def test_no_drain_opens_through_the_front_of_the_head(turn_deg: float, foot_mm: float, drains: int) -> None:
    """There is room for one drain in the flat; the second would open in the slope."""
    body, report = hollow(head_with_a_chin(turn_deg, foot_mm), HollowOptions())
    assert sum(hole.kind == "drain" for hole in report.holes) == drains
    assert slice_layers(body, layer_mm=0.4, pixel_mm=0.4).trapped_mm3 == 0
