"""checks/mesh.py, thickness.py and mesh/self_intersection.py on shapes whose answers are known."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import cube, figure, sphere
from silhouettes import disc, flat, picture_of

from slipcast.checks.mesh import (
    MeshLimits,
    check_budget,
    check_closed,
    check_crossing,
    check_figurine,
    check_invented,
    check_oriented,
    check_outline,
    check_overlap,
    check_texels,
    check_thickness,
    outlines,
)
from slipcast.checks.standing import check_islands, check_lean, check_parts, check_stands, check_tunnels
from slipcast.checks.verdict import Verdict
from slipcast.core.values import F32, I32, Mesh, Picture, Source
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.mesh.thickness import measure_thickness
from slipcast.mesh.topology import closedness, make_mesh, take_apart

WALL_M = 0.0008
ONE = disc(64, 20) >= 128
"""An outline of one piece without a hole."""


def joined(*parts: Mesh) -> Mesh:
    """All parts as one mesh of several bodies."""
    vertices = np.concatenate([part.vertices for part in parts])
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
    return make_mesh(vertices, faces.astype(np.int32))


def moved(mesh: Mesh, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
    return replace(mesh, vertices=mesh.vertices + np.array([x, y, z], np.float32))


def inverted(mesh: Mesh) -> Mesh:
    return replace(mesh, faces=np.ascontiguousarray(mesh.faces[:, ::-1]))


def block(width_m: float, height_m: float, depth_m: float) -> Mesh:
    """A box that stands on y = 0."""
    return replace(
        cube(1.0), vertices=cube(1.0).vertices * np.array([width_m, height_m, depth_m], np.float32)
    )


def hollow_sphere(wall_m: float) -> Mesh:
    outer = sphere(0.02, 90, 120, lift_m=0.02)
    inner = inverted(sphere(0.02 - wall_m, 90, 120, lift_m=0.02))
    return joined(outer, inner)


def torus(ring_m: float = 0.02, tube_m: float = 0.005, around: int = 80, along: int = 40) -> Mesh:
    u = 2 * np.pi * np.arange(around) / around
    v = 2 * np.pi * np.arange(along) / along
    reach = ring_m + tube_m * np.cos(v)[None, :]
    height = tube_m * np.sin(v)[None, :]
    x, y, z = np.broadcast_arrays(reach * np.cos(u)[:, None], height, reach * np.sin(u)[:, None])
    points = np.stack([x, y, z], -1)
    i, j = np.meshgrid(np.arange(around), np.arange(along), indexing="ij")
    a, b = i * along + j, (i + 1) % around * along + j
    c, d = (i + 1) % around * along + (j + 1) % along, i * along + (j + 1) % along
    faces = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([a, d, c], -1).reshape(-1, 3)])
    return make_mesh(points.reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


# closed and oriented


def test_a_torus_is_closed_oriented_one_body_and_as_thick_as_its_tube() -> None:
    mesh = torus()
    state = closedness(mesh)
    assert state.volume_m3 == pytest.approx(2 * math.pi**2 * 0.02 * 0.005**2, rel=0.01)
    assert check_closed(state).verdict is Verdict.APPROVE
    assert check_oriented(state).verdict is Verdict.APPROVE
    assert check_islands(take_apart(mesh), ONE).values["bodies"] == 1
    assert len(find_crossing_faces(mesh)) == 0
    thickness = measure_thickness(mesh)
    assert thickness.quantile_m(0.005) == pytest.approx(0.01, rel=0.02)
    assert thickness.quantile_m(0.2) == pytest.approx(0.01, rel=0.02)


def test_a_missing_face_is_three_open_edges() -> None:
    whole = sphere()
    state = closedness(replace(whole, faces=whole.faces[1:], source=whole.source[1:]))
    check = check_closed(state)
    assert (check.score, check.verdict) == (0, Verdict.REJECT)
    assert check.values["open_edges"] == 3
    assert [entry.code for entry in check.findings] == ["MESH_OPEN"]


def test_an_inverted_shell_is_closed_and_inside_out() -> None:
    state = closedness(inverted(sphere()))
    assert check_closed(state).score == 1
    check = check_oriented(state)
    assert check.verdict is Verdict.REJECT
    assert [entry.code for entry in check.findings] == ["MESH_INSIDE_OUT"]


def test_one_turned_face_is_three_turned_edges() -> None:
    faces = np.array(sphere().faces)
    faces[7] = faces[7, ::-1]
    check = check_oriented(closedness(replace(sphere(), faces=faces)))
    assert check.verdict is Verdict.REJECT
    assert check.values["turned_edges"] == 3
    assert [entry.code for entry in check.findings] == ["MESH_TURNED"]


# thickness


def test_a_sphere_with_a_wall_of_one_millimetre() -> None:
    thickness = measure_thickness(hollow_sphere(0.001))
    # Flat faces on a ball of 90 rings: the wall varies by a hundredth.
    assert thickness.quantile_m(0.005) == pytest.approx(0.001, rel=0.02)
    assert thickness.quantile_m(0.5) == pytest.approx(0.001, rel=0.02)
    assert thickness.per_face_m.min() > 0.00095
    assert thickness.quantile_m(0.0) > 0.0009
    assert thickness.quantile_m(0.99) < 0.0011
    mesh = hollow_sphere(0.001)
    good, thin = (check_thickness(mesh, MeshLimits(wall_m=wall)) for wall in (WALL_M, 0.0015))
    assert (good.score, good.findings) == (1, ())
    assert good.values["thickness_mm"] == 0.8
    assert (thin.score, thin.verdict) == (0, Verdict.REVIEW)
    assert [entry.code for entry in thin.findings] == ["MESH_THIN"]
    assert thin.values["thickness_mm"] == pytest.approx(1.0, abs=0.4)


def test_a_thin_fin_is_named_with_its_place_and_a_sharp_edge_is_not() -> None:
    """Rays called each of these thin; a printer succeeds with the wedge."""
    fin = moved(block(0.0002, 0.01, 0.01), x=0.008, y=0.02)
    check = check_thickness(joined(cube(0.02), fin), MeshLimits())
    assert check.verdict is Verdict.REVIEW
    assert check.values["thin_parts"] == 1
    assert check.values["thickness_mm"] == pytest.approx(0.2, abs=0.15)
    assert "the 0.8 mm that filament needs" in check.findings[0].message
    assert "right, 2" in check.findings[0].message
    resin = check_thickness(joined(cube(0.02), fin), MeshLimits(wall_m=0.0001))
    assert (resin.score, resin.findings) == (1, ())
    wedge = np.array([[-0.01, 0, -0.01], [0.01, 0, -0.01], [0, 0, 0.01]], np.float32)
    prism = make_mesh(
        np.concatenate([wedge, wedge + np.array([0, 0.03, 0], np.float32)]),
        np.array(
            [[0, 1, 2], [3, 5, 4], [0, 3, 4], [0, 4, 1], [1, 4, 5], [1, 5, 2], [2, 5, 3], [2, 3, 0]], np.int32
        ),
    )
    assert check_thickness(prism, MeshLimits()).values["thin_parts"] == 0


@pytest.mark.parametrize(
    ("across", "thin", "lines"), [((0.0005, 0.0005), 1, 0), ((0.0005, 0.01), 0, 1), ((0.0002, 0.01), 1, 0)]
)
def test_a_pin_is_left_out_and_a_wall_of_one_line_is_laid(
    across: tuple[float, float], thin: int, lines: int
) -> None:
    """What a slicer lays in one line is no thin part, but the thinnest wall is told all the same."""
    part = moved(block(across[0], 0.01, across[1]), x=0.004, y=0.02)
    check = check_thickness(joined(cube(0.02), part), MeshLimits())
    assert (check.values["thin_parts"], check.values["single_lines"]) == (thin, lines)
    assert float(str(check.values["thickness_mm"])) < 0.8
    told = re.findall(r"prints at a height of (\d+) mm", " ".join(entry.message for entry in check.findings))
    assert [int(height) > 1.9 * 30 for height in told] == [True] * thin


@pytest.mark.parametrize(
    ("mesh", "least_mm"),
    [
        (hollow_sphere(0.001), 1.0),
        (sphere(0.02, 36, 48, lift_m=0.02), 40),
        (joined(cube(0.03), moved(block(0.002, 0.015, 0.002), y=0.03)), 2.0),  # a rod on a block
        (joined(block(0.06, 0.002, 0.06), moved(cube(0.03), y=0.002)), 2.0),  # a plate
    ],
)
def test_the_least_wall_is_measured_however_thick(mesh: Mesh, least_mm: float) -> None:
    for wall in (0.0003, 0.0008):
        values = check_thickness(mesh, MeshLimits(wall_m=wall, measure_wall=True)).values
        assert values["thickness_mm"] == pytest.approx(least_mm, rel=0.21)


def test_a_thin_part_is_the_least_wall_of_a_statue_whose_pixels_are_wider() -> None:
    statue = joined(block(0.4, 0.8, 0.4), moved(block(0.0003, 0.2, 0.0003), y=0.8))
    values = check_thickness(statue, MeshLimits()).values
    assert (values["thin_parts"], float(str(values["thickness_mm"])) < 0.8) == (1, True)


# standing


def test_a_tower_leans_as_far_as_its_foot_and_height_say() -> None:
    check = check_stands(block(0.01, 0.04, 0.03))
    assert check.values["stands_deg"] == pytest.approx(math.degrees(math.atan(5 / 20)), abs=0.1)
    assert check.verdict is Verdict.APPROVE
    narrow = check_stands(block(0.002, 0.04, 0.03))
    assert narrow.values["stands_deg"] == pytest.approx(math.degrees(math.atan(1 / 20)), abs=0.1)
    assert [entry.code for entry in narrow.findings] == ["MESH_TIPS_OVER"]


def test_what_leans_beyond_its_foot_falls_and_says_which_way() -> None:
    tower = block(0.01, 0.04, 0.01)
    leaning = tower.vertices + np.outer(tower.vertices[:, 1], [0, 0, 0.6]).astype(np.float32)
    check = check_stands(replace(tower, vertices=leaning.astype(np.float32)))
    assert float(str(check.values["stands_deg"])) < 0
    assert check.score == 0
    assert "forwards" in check.findings[0].message


def test_what_leans_forwards_is_said_though_it_stands_on_a_wide_foot() -> None:
    foot, tower = block(0.05, 0.004, 0.036), block(0.01, 0.05, 0.01)
    assert (check_lean(joined(foot, tower)).score or 0) > 0.9
    slanted = tower.vertices + np.outer(tower.vertices[:, 1], [0, 0, 0.4]).astype(np.float32)
    check = check_lean(joined(foot, replace(tower, vertices=slanted.astype(np.float32))))
    assert 15 < float(str(check.values["lean_deg"])) < 23
    assert check.verdict is Verdict.REVIEW
    assert "forwards" in check.findings[0].message
    assert check_lean(block(0.02, 0.01, 0.05)).score is None


def test_what_a_knock_throws_over_is_said_and_approved_and_what_hardly_stands_is_looked_at() -> None:
    for foot_m, verdict in ((0.0025, Verdict.APPROVE), (0.001, Verdict.REVIEW)):
        check = check_stands(block(foot_m, 0.04, 0.03))
        assert [entry.code for entry in check.findings] == ["MESH_TIPS_OVER"]
        assert check.verdict is verdict


# bodies, parts, tunnels


def test_a_body_that_floats_is_rejected_and_one_that_stands_beside_is_looked_at() -> None:
    beside = check_islands(take_apart(joined(cube(0.02), moved(cube(0.01), x=0.02))), ONE)
    assert (beside.verdict, beside.values["floating"]) == (Verdict.REVIEW, 0)
    assert beside.values["gap_mm"] == pytest.approx(7.07, abs=0.1)
    floats = check_islands(take_apart(joined(cube(0.02), moved(cube(0.01), y=0.025))), ONE)
    assert (floats.verdict, floats.values["floating"]) == (Verdict.REJECT, 1)
    assert "2 separate bodies where the outline has 1 piece:" in floats.findings[0].message


def test_a_part_that_the_mesh_lacks_is_named_with_its_place() -> None:
    wanted = np.zeros((120, 60), np.bool_)
    wanted[20:110, 20:40] = True
    drawn = wanted.copy()
    wanted[10:20, 36:38] = True  # an antenna
    deviation = Deviation(largest_m=0.001, mean_m=0.0001)
    check = check_parts(wanted, drawn, deviation, 0.1)
    assert check.values["lost_mm"] == pytest.approx(10, abs=0.1)
    assert check.verdict is Verdict.REJECT
    assert "10.0 mm of it, 99 mm above the ground, at the right" in check.findings[0].message
    assert check_parts(drawn, drawn, deviation, 0.1).score == 1


def test_holes_of_the_mesh_are_counted_beside_those_of_the_outline() -> None:
    ring = ONE.copy()
    ring[28:36, 28:36] = False
    assert check_tunnels(take_apart(torus()), ring).values == {"genus": 1, "outline_holes": 1}
    assert check_tunnels(take_apart(torus()), ONE).values == {"genus": 1, "outline_holes": 0}
    assert check_tunnels(take_apart(sphere()), ONE).values["genus"] == 0


# more of walls


def test_a_second_body_inside_is_no_wall() -> None:
    thickness = measure_thickness(joined(cube(0.02), moved(cube(0.01), y=0.005)))
    outer = thickness.per_face_m[:12]
    assert outer == pytest.approx(np.full(12, 0.02), rel=1e-3)


def test_thickness_does_not_depend_on_place_and_follows_size() -> None:
    mesh = figure().mesh
    here = measure_thickness(mesh).quantile_m(0.3)
    far = measure_thickness(moved(mesh, x=3.0, z=-2.0)).quantile_m(0.3)
    large = measure_thickness(replace(mesh, vertices=mesh.vertices * np.float32(24))).quantile_m(0.3)
    assert far == pytest.approx(here, rel=1e-2)
    assert large == pytest.approx(24 * here, rel=1e-4)


def test_an_open_sheet_has_no_thickness() -> None:
    sheet = make_mesh(cube().vertices, cube().faces[:1])
    assert check_thickness(sheet, MeshLimits()).score is None


# faces that cross


@pytest.mark.parametrize("mesh", [sphere(), cube(), torus(), figure().mesh, hollow_sphere(0.001)])
def test_sound_shapes_do_not_cross(mesh: Mesh) -> None:
    assert len(find_crossing_faces(mesh)) == 0
    assert check_crossing(mesh).score == 1


def test_two_overlapping_balls_cross_along_a_circle() -> None:
    ball = sphere(0.02, 40, 60)
    pairs = find_crossing_faces(joined(ball, moved(ball, x=0.02)))
    own = len(ball.faces)
    assert len(pairs)
    assert ((pairs.min(1) < own) != (pairs.max(1) < own)).all(), "a face of one with a face of the other"
    centres = joined(ball, moved(ball, x=0.02))
    corner = centres.vertices[centres.faces[np.unique(pairs)]].mean(1)
    assert corner[:, 0] == pytest.approx(np.full(len(corner), 0.01), abs=0.0015)
    reach = np.hypot(corner[:, 1] - 0.02, corner[:, 2])
    assert reach == pytest.approx(np.full(len(corner), 0.02 * math.sqrt(3) / 2), abs=0.0015)


@pytest.mark.parametrize("shift", [(0.01, 0.0, 0.0), (0.01, 0.003, 0.002), (0.0, 0.0, 0.005)])
def test_overlapping_boxes_cross_also_where_sides_are_coplanar(shift: tuple[float, float, float]) -> None:
    both = joined(cube(), moved(cube(), *shift))
    check = check_crossing(both)
    assert check.values["crossing_faces"]
    assert check.verdict is Verdict.REVIEW
    assert [entry.code for entry in check.findings] == ["MESH_CROSSING"]
    assert check_islands(take_apart(both), ONE).values["bodies"] == 2


def test_crossing_faces_are_not_looked_for_where_who_made_the_mesh_parted_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(mesh: Mesh) -> None:
        raise AssertionError("looked for")

    monkeypatch.setattr("slipcast.checks.mesh.find_crossing_faces", refuse)
    assert check_crossing(sphere(), parted=True).score == 1
    with pytest.raises(AssertionError, match="looked for"):
        check_crossing(sphere())


@pytest.mark.parametrize("other", [moved(cube(), x=0.03), moved(cube(0.01), y=0.005)])
def test_bodies_beside_and_inside_each_other_do_not_cross(other: Mesh) -> None:
    assert len(find_crossing_faces(joined(cube(), other))) == 0


def test_neighbours_that_fold_through_each_other_are_found() -> None:
    # Two faces that share only the origin; the second's far edge runs through the first.
    vertices = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0.5, 0.5, -1], [0.5, 0.5, 1]], np.float32)
    fold = make_mesh(vertices, np.array([[0, 1, 2], [0, 3, 4]], np.int32))
    assert len(find_crossing_faces(fold)) == 1
    apart = make_mesh(vertices + np.array([0, 0, 3], np.float32) * (np.arange(5) > 2)[:, None], fold.faces)
    assert len(find_crossing_faces(apart)) == 0


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_it_agrees_with_every_pair_tested_by_open3d(seed: int) -> None:
    """Loose triangles, so that no corner is shared: Open3D's own test of all pairs is the judge."""
    import open3d as o3d

    random = np.random.default_rng(seed)
    count = int(random.integers(2, 14))
    middle = random.uniform(0, 1, (count, 1, 3))
    corner = (middle + random.normal(0, 0.25, (count, 3, 3))).astype(np.float32)
    mesh = make_mesh(corner.reshape(-1, 3), np.arange(3 * count, dtype=np.int32).reshape(-1, 3))
    judge = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(mesh.vertices.astype(np.float64)),
        o3d.utility.Vector3iVector(np.array(mesh.faces)),
    )
    theirs = {tuple(sorted(pair)) for pair in np.asarray(judge.get_self_intersecting_triangles()).tolist()}
    assert len(find_crossing_faces(mesh)) == len(theirs)


def test_a_heap_of_rubbish_ends() -> None:
    random = np.random.default_rng(3)
    corner = random.uniform(0, 1, (3 * 600, 3)).astype(np.float32)
    heap = make_mesh(corner, np.arange(1800, dtype=np.int32).reshape(-1, 3))
    assert len(find_crossing_faces(heap)) > 1000
    assert len(find_crossing_faces(make_mesh(corner, np.zeros((0, 3), np.int32)))) == 0


# bodies, budget, origin


def test_one_body_is_one() -> None:
    check = check_islands(take_apart(sphere()), ONE)
    assert (check.score, check.values["bodies"], check.values["gap_mm"]) == (1, 1, 0.0)
    two = check_islands(take_apart(joined(cube(0.02), moved(cube(0.01), x=0.1))), ONE)
    assert two.values["largest_share"] == pytest.approx(0.8)
    assert [entry.code for entry in two.findings] == ["MESH_SEVERAL"]


def test_the_budget() -> None:
    assert check_budget(cube(), 12).score == 1
    check = check_budget(cube(), 6)
    assert (check.score, check.verdict) == (0.5, Verdict.REVIEW)
    assert [entry.code for entry in check.findings] == ["MESH_OVER_BUDGET"]


def test_the_share_that_no_picture_shows() -> None:
    source = np.full(12, int(Source.INVENTED), np.uint8)
    source[:2], source[2:6] = int(Source.SEEN), int(Source.MIRRORED)
    check = check_invented(replace(cube(), source=source))
    assert check.score == pytest.approx(1 / 6)
    assert check.values["mirrored_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert check.findings[0].message == ("83 % of the surface was not in the picture: it is invented")
    assert check_invented(replace(cube(), source=np.zeros(12, np.uint8))).findings == ()


def test_what_another_picture_shows_is_not_invented() -> None:
    source = np.full(12, int(Source.BACK_VIEW), np.uint8)
    source[:3] = int(Source.SEEN)
    assert check_invented(replace(cube(), source=source)).findings == ()
    source[3:5], source[5] = int(Source.MIRRORED), int(Source.INVENTED)
    check = check_invented(replace(cube(), source=source))
    assert check.score == pytest.approx(3 / 4)
    (found,) = check.findings
    assert found.message == "25 % of the surface was not in any picture: it is mirrored from the seen side"


# the texture


def _quad(uv: F32, faces: I32, side_m: float = 0.02, texture_px: int = 256) -> "tuple[Mesh, F32, Picture]":
    corner = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32) * np.float32(side_m)
    return (
        make_mesh(corner, faces),
        uv[faces],
        Picture(pixels=np.zeros((texture_px, texture_px, 3), np.uint8)),
    )


_SQUARE = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
_HALVES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def test_texel_density_of_a_square() -> None:
    mesh, uv, texture = _quad(_SQUARE * np.float32(0.5), _HALVES)
    check = check_texels(replace(figure(), mesh=mesh, uv=uv, texture=texture), 512)
    # Half of 256 texels over 20 mm.
    assert check.values["texels_per_mm"] == pytest.approx(6.4, abs=1e-3)
    assert check.values["texels_along_height"] == 128
    assert check.score == pytest.approx(0.25)
    assert [entry.code for entry in check.findings] == ["TEXTURE_COARSE"]


def test_uv_that_do_not_overlap_and_uv_that_lie_twofold() -> None:
    mesh, uv, texture = _quad(_SQUARE * np.float32(0.8) + np.float32(0.1), _HALVES)
    plain = replace(figure(), mesh=mesh, uv=uv, texture=texture)
    assert check_overlap(plain).values["uv_overlap_share"] == pytest.approx(0, abs=0.005)
    assert check_overlap(plain).values["atlas_used_share"] == pytest.approx(0.64, abs=0.005)
    twice = replace(plain, uv=np.ascontiguousarray(uv[[0, 0]]))
    check = check_overlap(twice)
    assert check.values["uv_overlap_share"] == pytest.approx(0.5, abs=0.005)
    assert check.score == pytest.approx(0.5, abs=0.005)
    mirrored = replace(plain, uv=np.ascontiguousarray(uv[[0, 0]][:, [0, 2, 1]]))
    assert check_overlap(mirrored).values["uv_overlap_share"] == pytest.approx(0.5, abs=0.005)


def test_uv_without_area_say_nothing() -> None:
    assert check_overlap(replace(figure(), uv=np.zeros_like(figure().uv))).score is None


# the outline


def test_outlines_are_compared_by_area() -> None:
    wanted, drawn = np.zeros((40, 40), bool), np.zeros((40, 40), bool)
    wanted[:, :20], drawn[:, 10:30] = True, True
    check = check_outline(wanted, drawn)
    assert check.values == {"iou": round(1 / 3, 4), "missing_share": 0.5, "added_share": 0.5}
    assert check.verdict is Verdict.REJECT
    assert [entry.code for entry in check.findings] == ["OUTLINE_DIFFERS"]
    assert check_outline(wanted, wanted).score == 1
    assert check_outline(wanted & False, drawn & False).score is None


def test_a_ball_covers_its_own_picture() -> None:
    # The camera of `flat` looks along -Z from the origin; a ball there is a disc in the picture's middle.
    depth = flat(disc(200, 60), 0.9, 1.1)
    radius = 60 / depth.camera.fx_px
    ball = moved(sphere(radius, 60, 90, lift_m=0.0), z=-1.0)
    wanted, drawn = outlines(ball, depth, replace(picture_of(disc(200, 60)), alpha=disc(200, 60)))
    assert wanted.shape == drawn.shape == (200, 200)
    assert check_outline(wanted, drawn).values["iou"] == pytest.approx(1, abs=0.02)
    wide, _ = outlines(ball, flat(disc(1600, 400), 0.9, 1.1), picture_of(disc(1600, 400)))
    assert wide.shape == (640, 640)


def test_all_checks_of_a_figurine() -> None:
    depth = flat(disc(64, 20), 0.9, 1.1)
    same = Deviation(largest_m=0.0, mean_m=0.0)
    judged = check_figurine(figure(), figure().mesh, depth, picture_of(disc(64, 20)), MeshLimits(), same)
    names = [check.name for check in judged.checks]
    assert names == [
        "closed", "oriented", "crossing", "thickness", "islands", "stands", "lean", "parts", "tunnels",
        "budget", "texels", "overlap", "iou", "invented",
    ]  # fmt: skip
    assert len(judged.thickness.per_face_m) == len(figure().mesh.faces)
