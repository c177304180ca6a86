"""A field of several views becomes one body: crumbs go, parts that an outline shows are tied on."""

import numpy as np
from scipy import ndimage
from turnarounds import FOUR, turnaround

from slipcast.core.values import F32
from slipcast.reconstruct.views.connect import connect_bodies
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid_grid import Grid, hull_on_grid, make_grid


def _solid() -> tuple[list[Side], Grid, F32]:
    cutouts, depths = turnaround(FOUR)
    sides, _ = make_sides(cutouts, depths, fov_deg=24)
    grid = make_grid(sides, 64)
    hull, _ = hull_on_grid(sides, grid, 0.05)
    return list(sides), grid, hull


def _bodies(field: F32) -> int:
    return int(ndimage.label(field > 0, np.ones((3, 3, 3)))[1])


def test_a_crumb_that_no_outline_needs_is_dropped() -> None:
    sides, grid, field = _solid()
    carved = field.copy()
    z = np.argwhere(field > 0)[:, 2]
    middle = (int(z.min()) + int(z.max())) // 2
    carved[:, :, middle - 1 : middle + 1] = -grid.pitch  # the hull in two halves
    front = carved.copy()
    front[:, :, :middle] = -grid.pitch
    front[32:34, 32:34, middle - 4 : middle - 2] = grid.pitch  # a speck behind the front half
    assert _bodies(front) == 2
    connect_bodies(front, sides[:1], grid)
    assert _bodies(front) == 1
    assert front[32, 32, middle - 3] < 0


def test_a_part_that_an_outline_shows_is_tied_on() -> None:
    sides, grid, field = _solid()
    cut = field.copy()
    rows = np.flatnonzero((cut > 0).any((0, 2)))
    level = int(rows[0] + 0.85 * (rows[-1] - rows[0]))
    cut[:, level : level + 2] = -grid.pitch  # the head comes off
    assert _bodies(cut) > 1
    connect_bodies(cut, sides, grid)
    assert _bodies(cut) == 1
    assert (cut[:, level + 2 :] > 0).any()
