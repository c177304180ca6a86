"""A thin plate that hangs before two legs: seen on edge from both sides, in full from the front alone."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from turnarounds import FOUR, Field, shoot

from slipcast.core.values import F32, LENS_FOV_DEG, U8, Mesh
from slipcast.reconstruct.views.plates import find_plates, hold_plates
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid_grid import hull_on_grid, make_grid

PLATE = ((-0.09, 0.07), (-0.34, 0.06), (0.235, 0.265))
"""From where to where it reaches in x, y and z."""


@cache
def _walker() -> Mesh:
    """A body on two legs and the plate, which touches neither."""
    field = Field(121)
    legs = [field.ball((side * 0.14, -0.22, 0), (0.1, 0.28, 0.1)) for side in (1, -1)]
    head = field.ball((0, 0.2, 0), (0.24, 0.3, 0.18))
    nose = field.ball((0, 0.2, 0.15), (0.05, 0.05, 0.14))
    return field.mesh(head, nose, *legs, field.box(*PLATE))


def _red_plate(points: F32) -> U8:
    on_plate = points[:, 2] > 0.22
    on_plate &= points[:, 1] < 0.1
    return np.where(on_plate[:, None], (200, 40, 45), (110, 115, 125)).astype(np.uint8)


def _all_grey(points: F32) -> U8:
    return np.full((len(points), 3), (110, 115, 125), np.uint8)


@cache
def _sides(painted: bool = True) -> tuple[Side, ...]:
    paint = _red_plate if painted else _all_grey
    cutouts = {view: shoot(_walker(), view, paint=paint).picture for view in FOUR}
    return tuple(make_sides(cutouts, {}, fov_deg=LENS_FOV_DEG)[0])


def _box(low_high: tuple[tuple[float, float], ...], inset: float = 0.015) -> F32:
    """Points of a box in the sides' frame, whose unit is the figurine's longest side."""
    rng = np.random.default_rng(0)
    low, high = np.array(low_high).T
    return rng.uniform(low + inset, high - inset, (400, 3)).astype(np.float32)


def test_a_plate_is_found_where_the_front_shows_its_color() -> None:
    plates = find_plates(_sides())
    assert {plate.side.view.value for plate in plates} == {"front"}
    for plate in plates:
        row, column = np.nonzero(plate.edge_px > 0)
        unit = 1 / plate.side.camera.scale_px
        assert np.ptp(column) * unit == pytest.approx(0.16, abs=0.03)
        assert np.ptp(row) * unit == pytest.approx(0.4, abs=0.05)
        assert plate.half == pytest.approx(0.015, abs=0.008)


def test_a_held_plate_is_there_and_nothing_beside_it() -> None:
    sides = _sides()
    grid = make_grid(sides, 96)
    hull, _ = hull_on_grid(sides, grid, 2.5 * grid.pitch)
    held, limit = hold_plates(np.full_like(hull, -0.05), hull, find_plates(sides), grid)
    at = np.round((_box(PLATE, 0.012) - grid.low) / grid.pitch).astype(int)
    assert (held[tuple(at.T)] > 0).mean() > 0.9
    beside = _box(((0.1, 0.22), PLATE[1], PLATE[2]), 0.01)
    at = np.round((beside - grid.low) / grid.pitch).astype(int)
    assert (held[tuple(at.T)] > 0).mean() < 0.02
    assert (limit >= hull).all()


def test_without_its_own_color_no_plate_is_believed() -> None:
    assert find_plates(_sides(painted=False)) == []


def test_a_plate_that_only_one_view_shows_is_no_plate() -> None:
    front, *others = _sides()
    assert find_plates([replace(front, rgb=None), *others]) == []
