"""A blade before the body lies where its tip, above the head, says; nothing else is moved."""

from dataclasses import replace

import numpy as np
from turnarounds import FOUR, camera_of, shoot

from slipcast.core.values import F32, View
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.level_set import mesh_level_set
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid_grid import Grid, hull_on_grid, make_grid
from slipcast.reconstruct.views.thin import _have_color, _is_held, place_thin_parts

_BLADE_X, _BLADE_Z = 0.36, 0.13
_SIZE = 1.4
"""Makes the scene as tall as the frame of the sides, in which the longest side is 1."""


def _scene(
    *,
    blade: bool,
    flat: float = 1.0,
    middle: float = 0.13,
    half: float = 0.25,
    views: tuple[View, ...] = FOUR,
) -> tuple[list[Side], Grid, F32]:
    """A ball on a stem, a blade at its own left, before its middle and higher than it; the hull of four sides."""
    axis = np.linspace(-0.42, 0.42, 145, dtype=np.float32)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    solid = 0.24 - np.sqrt(x**2 + (y + 0.05) ** 2 + z**2)
    arm = 0.03 - np.hypot(np.hypot(y + 0.12, z - 0.03), np.maximum(np.abs(x - 0.18) - 0.17, 0))
    solid = np.maximum(solid, arm)
    if blade:
        across = np.hypot((x - _BLADE_X) * flat, z - _BLADE_Z)
        rod = 0.014 * min(1.0, 1.7 * flat) - np.hypot(across, np.maximum(np.abs(y - middle) - half, 0))
        solid = np.maximum(solid, rod)
    nodes, faces = mesh_level_set(solid.astype(np.float32))
    mesh = make_mesh((_SIZE * (nodes * (axis[1] - axis[0]) + axis[0])).astype(np.float32), faces)
    shots = {view: shoot(mesh, view, camera_of(view)) for view in views}
    sides, _ = make_sides(
        {view: shot.picture for view, shot in shots.items()},
        {view: shot.depth for view, shot in shots.items()},
        fov_deg=24,
    )
    grid = make_grid(sides, 96)
    return list(sides), grid, hull_on_grid(sides, grid, 0.1)[0]


def _blade(field: F32, grid: Grid) -> F32:
    """(N,) how far nodes of the blade, below its tip, lie from where it is."""
    points = grid.points(np.flatnonzero(field > 0)) / np.float32(_SIZE)
    mine = (np.abs(points[:, 0] - _BLADE_X) < 0.03) & (points[:, 1] > -0.05) & (points[:, 1] < 0.35)
    out: F32 = np.abs(points[mine, 2] - np.float32(_BLADE_Z))
    return out


def test_a_blade_is_one_rod_where_its_tip_says() -> None:
    sides, grid, hull = _scene(blade=True)
    smeared, placed = _blade(hull, grid), _blade(place_thin_parts(hull, hull, sides, grid)[0], grid)
    assert smeared.max() > 0.07  # the hull allows it anywhere beside the ball
    assert len(placed) > 50
    assert placed.max() < 0.03


def test_a_body_without_thin_parts_is_left_alone() -> None:
    sides, grid, hull = _scene(blade=False)
    assert np.array_equal(place_thin_parts(hull, hull, sides, grid)[0], hull)


def test_a_blade_is_as_flat_before_the_ball_as_its_tip_shows() -> None:
    sides, grid, hull = _scene(blade=True, flat=0.35)
    placed, limit, blades = place_thin_parts(hull, hull, sides, grid)
    assert blades
    assert all(part.flat < 0.7 for _, part in blades)
    points = grid.points(np.flatnonzero(placed > 0)) / np.float32(_SIZE)
    mine = points[(np.abs(points[:, 0] - _BLADE_X) < 0.03) & (points[:, 1] > 0.0) & (points[:, 1] < 0.3)]
    assert np.ptp(mine[:, 2] - np.polyval(np.polyfit(mine[:, 1], mine[:, 2], 1), mine[:, 1])) < 0.035
    assert (placed <= np.maximum(limit, hull)).all()


def test_what_views_tear_apart_goes_on_from_where_it_is_held() -> None:
    # Seen from its left the blade is wholly before the ball.
    sides, grid, hull = _scene(blade=True, middle=-0.03, half=0.15, views=(View.FRONT, View.LEFT))
    points = grid.points(np.arange(hull.size)) / np.float32(_SIZE)
    blade = (points[:, 0] > _BLADE_X - 0.04) & (points[:, 1] > -0.2)
    # Below it is where it is held, above it was laid behind the middle.
    behind = np.abs(points[:, 2] - np.where(points[:, 1] < 0.0, 0.03, -0.13)) < 0.03
    torn = np.where((blade & ~behind).reshape(hull.shape), np.float32(-0.04), hull)
    whole = place_thin_parts(torn, hull, sides, grid)[0]

    def heights(field: F32) -> tuple[float, float]:
        """Of the blade's nodes: the spread of the depths, and the largest gap between heights."""
        mine = points[(field.ravel() > 0) & blade & (points[:, 1] > -0.09)]
        return float(np.ptp(mine[:, 2])), float(np.diff(np.unique(mine[:, 1])).max())

    assert heights(torn)[0] > 0.13
    assert heights(whole)[0] < 0.1
    assert heights(whole)[1] < 2 * grid.pitch / _SIZE


def test_a_run_of_another_colour_is_another_part() -> None:
    sides, grid, hull = _scene(blade=True)
    grey = [replace(side, rgb=np.full_like(side.rgb, 90)) for side in sides if side.rgb is not None]
    color = np.full((*sides[0].inside.shape, 3), 90, np.uint8) * np.array([2, 0, 0], np.uint8)
    red = [grey[0], *(replace(side, rgb=color) for side in grey[1:])]
    at = np.array([128.0], np.float32)
    where = np.zeros((1, 1, 3), np.float32)
    assert _have_color(grey, 0, at, at, where).all()
    assert not _have_color(red, 0, at, at, where).any()
    assert _have_color([replace(side, rgb=None) for side in sides], 0, at, at, where).all()
    assert place_thin_parts(hull, hull, red, grid)[2] == []


def test_a_blade_that_one_side_placed_is_not_placed_again_by_another() -> None:
    sides, grid, hull = _scene(blade=True, flat=0.35)
    _, _, placed = place_thin_parts(hull, hull, sides, grid)
    side, part = placed[0]
    assert len(placed) == 1
    assert _is_held(side, part, side, part)
    assert not _is_held(side, replace(part, z=part.z + np.float32(0.1)), side, part)
