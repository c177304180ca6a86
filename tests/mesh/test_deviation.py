"""deviation.py: known distances between known shapes, at the height that was asked for."""

from dataclasses import replace

import numpy as np
import pytest
from shapes import cube, sphere
from silhouettes import ball, picture_of

from slipcast.core.values import F64, I32, Mesh
from slipcast.depth.place import place
from slipcast.mesh.deviation import measure_deviation
from slipcast.mesh.topology import face_normals, make_mesh
from slipcast.pipeline.recipe import Recipe
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import reconstruct
from slipcast.reconstruct.simplify import SimplifyOptions, simplify


def _icosphere(times: int) -> Mesh:
    """A sphere of radius 1: an icosahedron whose faces were quartered `times` times."""
    from scipy.spatial import ConvexHull

    golden = (1 + 5**0.5) / 2
    points: F64 = np.array(
        [np.roll([0, one, golden * two], turn) for turn in range(3) for one in (-1, 1) for two in (-1, 1)]
    )
    faces = ConvexHull(points).simplices
    for _ in range(times):
        corner = points[faces]
        between = (corner + np.roll(corner, -1, axis=1)) / 2
        a, b, c = corner.swapaxes(0, 1)
        ab, bc, ca = between.swapaxes(0, 1)
        parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        points = np.concatenate([np.stack(part, 1) for part in parts]).reshape(-1, 3)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        faces = np.arange(len(points)).reshape(-1, 3)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    return make_mesh(points.astype(np.float32), faces.astype(np.int32))


def test_a_mesh_does_not_deviate_from_itself() -> None:
    same = measure_deviation(sphere(), sphere(), height_m=0.04)
    assert same.largest_m == pytest.approx(0, abs=1e-8)
    assert same.mean_m == pytest.approx(0, abs=1e-8)


def test_a_coarse_ball_lies_inside_the_fine_one_by_its_faces_height() -> None:
    coarse, fine = _icosphere(1), _icosphere(6)
    height_m = 0.075
    radius_m = height_m / float(np.ptp(coarse.vertices[:, 1]))
    known = measure_deviation(coarse, fine, height_m=height_m)
    normals, areas = face_normals(coarse.vertices, coarse.faces)
    corner = coarse.vertices[coarse.faces].astype(np.float64)
    offset = (normals * corner[:, 0]).sum(1, keepdims=True)
    outward, plane = normals * np.sign(offset), np.abs(offset[:, 0])
    # Farthest is the middle of the largest face; at the corners the two touch.
    assert known.largest_m == pytest.approx((1 - plane.min()) * radius_m, rel=0.02)
    # Inside the ball the way out is 1 - r, averaged over points spread over each face; from the ball it is the way to
    # the plane that lies farthest out.
    share = np.random.default_rng(1).dirichlet([1, 1, 1], 2_000)
    inside = 1 - np.linalg.norm(np.einsum("sk,fkj->fsj", share, corner), axis=2).mean(1)
    centre = fine.vertices[fine.faces].astype(np.float64).mean(1)
    outside = (centre @ outward.T - plane).max(1)
    mean = (np.average(inside, weights=areas) + outside.mean()) / 2
    assert known.mean_m == pytest.approx(mean * radius_m, rel=0.03)


def test_what_was_cut_away_or_added_counts_both_ways() -> None:
    one = cube(0.02)
    far: I32 = np.concatenate([one.faces, one.faces + len(one.vertices)]).astype(np.int32)
    two = make_mesh(np.concatenate([one.vertices, one.vertices + np.array([0.1, 0, 0], np.float32)]), far)
    # The far cube's far side is 0.1 m from the near side that looks at it.
    assert measure_deviation(one, two, height_m=0.02).largest_m == pytest.approx(0.1, rel=1e-5)
    assert measure_deviation(two, one, height_m=0.02).largest_m == pytest.approx(0.1, rel=1e-5)
    assert measure_deviation(two, one, height_m=0.2).largest_m == pytest.approx(1.0, rel=1e-5)


def test_what_was_cut_to_stand_does_not_count() -> None:
    tall = cube(0.02)
    cut = replace(tall, vertices=np.maximum(tall.vertices, np.array([-1, 0.005, -1], np.float32)))
    assert measure_deviation(cut, tall, height_m=0.015).largest_m > 0.004
    kept = measure_deviation(cut, tall, height_m=0.015, ground_m=0.005)
    assert kept.largest_m == pytest.approx(0, abs=1e-8)


def test_fewer_faces_deviate_more() -> None:
    alpha, depth = ball(128, 1.0, 6.0)
    picture = picture_of(alpha)
    placed = place(depth, picture, Recipe().place)
    raw = reconstruct(make_points(placed, picture, PointOptions()), placed, Recipe().surface)
    solids = [simplify(raw, placed, SimplifyOptions(faces=faces)) for faces in (200, 2_000, 20_000)]
    # What was cut off to stand does not count.
    known = [
        measure_deviation(solid, raw, height_m=0.075, ground_m=float(solid.vertices[:, 1].min()))
        for solid in solids
    ]
    assert known[0].mean_m > 3 * known[1].mean_m > 9 * known[2].mean_m
    assert known[0].largest_m > known[1].largest_m > known[2].largest_m
    # An edge of a ball of 200 even triangles is about 0.36 of the radius long, its face 0.02 of it below the ball.
    assert known[0].mean_m == pytest.approx(0.0375 * 0.01, rel=0.7)
    assert known[2].largest_m < 0.0003
