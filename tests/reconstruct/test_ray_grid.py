"""reconstruct/ray_grid.py: what the rays of a grid meet, in nodes."""

from dataclasses import replace

import numpy as np
import pytest
from silhouettes import ball, box, depth_of, disc, flat, grid

from slipcast.core.camera import project, world_from_camera
from slipcast.core.values import F32, U8, Shells
from slipcast.reconstruct.ray_grid import RayGrid, sample_rays


def _columns(alpha: U8, depth: Shells, nodes: int = 1000) -> RayGrid:
    cover: F32 = (alpha / np.float32(255)).astype(np.float32)
    return sample_rays(depth, cover, nodes)


@pytest.mark.parametrize("nodes", [1000, 64, 45])
def test_places_are_points_of_the_picture_and_of_the_figurine(nodes: int) -> None:
    alpha, depth = ball(128, 1.0, 6.0)
    columns = _columns(alpha, depth, nodes)
    assert not columns.inside[[0, -1]].any()
    assert not columns.inside[:, [0, -1]].any()
    assert columns.inside.sum() * columns.pitch_px**2 == pytest.approx((alpha >= 128).sum(), rel=0.03)
    row, column = np.nonzero(columns.inside)
    for shell in (columns.front, columns.back):
        places = np.stack([row, column, shell[row, column]], 1).astype(np.float64)
        points = columns.points(depth.camera, places)
        reach = np.linalg.norm(points - [0, 0, 6], axis=1)
        assert np.median(np.abs(reach - 1)) < 0.01
        pixel, _ = project(depth.camera, world_from_camera(depth.camera, points))
        assert np.abs(pixel - columns.pixels(places)).max() < 1e-6


def test_a_node_is_as_deep_as_it_is_wide() -> None:
    alpha = box(96, 16, 16, 64, 64)
    near = _columns(alpha, flat(alpha, 200, 240, fov_deg=30.0))
    pixel = 200 / near.focal
    deep = (near.back - near.front)[near.inside]
    assert np.ptp(deep) < 1e-9
    # The logarithm: nodes grow with distance.
    assert deep[0] == pytest.approx(40 / pixel, rel=0.1)
    far = _columns(alpha, replace(flat(alpha, 400, 480, fov_deg=30.0)))
    assert (far.back - far.front)[far.inside] == pytest.approx(deep, rel=1e-5)


@pytest.mark.parametrize("pitch", [1.5, 2.0, 2.7, 3.0])
def test_no_node_hangs_between_two_parts(pitch: float) -> None:
    alpha = box(120, 10, 10, 100, 100)
    x, _ = grid(120, 120)
    front = np.where(x < 57, 2000.0, 2600.0)
    columns = _columns(alpha, depth_of(alpha, front, np.full((120, 120), 3000.0)), round(100 / pitch))
    z = columns.nearest * np.exp(columns.front[columns.inside] / columns.focal)
    assert np.minimum(np.abs(z - 2000), np.abs(z - 2600)).max() < 0.01


def test_cover_is_the_share_of_each_node() -> None:
    alpha = box(100, 10, 10, 70, 75)
    columns = _columns(alpha, flat(alpha, 900, 950), 30)
    assert columns.pitch_px == 2.5
    assert columns.cover.sum() * 2.5**2 == pytest.approx(70 * 75, rel=1e-5)


@pytest.mark.parametrize("lean", [3.0, 40.0])
def test_thin_slanted_parts_hang_together(lean: float) -> None:
    """A pixel is 8.5 units wide there: the second leans by five nodes from node to node."""
    x, y = grid(200, 200)
    alpha = ((np.abs(x - y) < 2.9) & (np.abs(x - 100) < 80)).astype(np.uint8) * 255
    depth = depth_of(alpha, 4000 + lean * x, 4000 + lean * x + 0.1)
    columns = _columns(alpha, depth, 54)
    there = {(int(row), int(column)) for row, column in np.argwhere(columns.inside)}
    for here in there:
        for other in {(here[0] + 1, here[1]), (here[0], here[1] + 1)} & there:
            low = max(columns.front[here], columns.front[other])
            assert min(columns.back[here], columns.back[other]) - low >= 1
    # From each node others lead all the way: no two touch by their corners alone.
    first = min(there)
    reached, edge = {first}, [first]
    while edge:
        row, column = edge.pop()
        beside = {(row + 1, column), (row - 1, column), (row, column + 1), (row, column - 1)}
        edge += (beside & there) - reached
        reached |= beside & there
    assert reached == there


def test_a_very_deep_figurine_gets_fewer_nodes() -> None:
    alpha = disc(96, 30)
    usual, deep = (_columns(alpha, flat(alpha, 1000, 1000 + thick), 60) for thick in (50, 1200))
    assert usual.pitch_px == 1.0
    assert deep.pitch_px > 1.4 * usual.pitch_px
