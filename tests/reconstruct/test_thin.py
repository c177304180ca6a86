"""A blade before the body lies where its tip, above the head, says; nothing else is moved."""

import numpy as np
from turnarounds import FOUR, camera_of, shoot

from slipcast.core.values import F32
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.level_set import mesh_level_set
from slipcast.reconstruct.sides import make_sides
from slipcast.reconstruct.silhouettes import Side
from slipcast.reconstruct.solid_grid import Grid, hull_on_grid, make_grid
from slipcast.reconstruct.thin import place_thin_parts

_BLADE_X, _BLADE_Z = 0.36, 0.13
_SIZE = 1.4
"""Makes the scene as tall as the frame of the sides, in which the longest side is 1."""


def _scene(*, blade: bool) -> tuple[list[Side], Grid, F32]:
    """A ball on a stem, a blade at its own left, before its middle and higher than it; the hull of four sides."""
    axis = np.linspace(-0.42, 0.42, 145, dtype=np.float32)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    solid = 0.24 - np.sqrt(x**2 + (y + 0.05) ** 2 + z**2)
    arm = 0.03 - np.hypot(np.hypot(y + 0.12, z - 0.03), np.maximum(np.abs(x - 0.18) - 0.17, 0))
    solid = np.maximum(solid, arm)
    if blade:
        rod = 0.014 - np.hypot(np.hypot(x - _BLADE_X, z - _BLADE_Z), np.maximum(np.abs(y - 0.13) - 0.25, 0))
        solid = np.maximum(solid, rod)
    nodes, faces = mesh_level_set(solid.astype(np.float32))
    mesh = make_mesh((_SIZE * (nodes * (axis[1] - axis[0]) + axis[0])).astype(np.float32), faces)
    shots = {view: shoot(mesh, view, camera_of(view)) for view in FOUR}
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
    smeared, placed = _blade(hull, grid), _blade(place_thin_parts(hull, hull, sides, grid), grid)
    assert smeared.max() > 0.07  # the hull allows it anywhere beside the ball
    assert len(placed) > 50
    assert placed.max() < 0.03


def test_a_body_without_thin_parts_is_left_alone() -> None:
    sides, grid, hull = _scene(blade=False)
    assert np.array_equal(place_thin_parts(hull, hull, sides, grid), hull)
