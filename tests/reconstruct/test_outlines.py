"""A field of several views: calm, and still there where an outline shows something."""

import numpy as np
from turnarounds import FOUR, turnaround

from slipcast.core.values import F32, View
from slipcast.reconstruct.views.outlines import build_rods, calm, keep_sheets, lift_to_rims
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid_grid import Grid, hull_on_grid, make_grid


def _ball(nodes: int, radius: float) -> F32:
    at = np.stack(np.meshgrid(*[np.arange(nodes) - (nodes - 1) / 2] * 3, indexing="ij"), -1)
    out: F32 = (radius - np.linalg.norm(at, axis=-1)).astype(np.float32)
    return out


def _hull() -> tuple[list[Side], Grid, F32]:
    cutouts, depths = turnaround(FOUR)
    sides, _ = make_sides(cutouts, depths, fov_deg=24)
    grid = make_grid(sides, 64)
    return list(sides), grid, hull_on_grid(sides, grid, 0.1)[0]


def _seen(field: F32, side: Side, grid: Grid) -> np.ndarray:
    """Pixels, two nodes wide, in which the side sees the field."""
    x, y, _ = side.camera.project(grid.points(np.flatnonzero(field > 0)))
    size_px = side.camera.scale_px * grid.pitch * 2
    rows, columns = (int(n / size_px) + 2 for n in side.outline_px.shape)
    out = np.zeros((rows, columns), bool)
    out[(y / size_px).astype(int), (x / size_px).astype(int)] = True
    return out


def _missing(field: F32, limit: F32, sides: list[Side], grid: Grid) -> int:
    return sum(int((_seen(limit, side, grid) & ~_seen(field, side, grid)).sum()) for side in sides)


def test_a_calmed_ball_keeps_its_size_and_loses_its_steps() -> None:
    ball = _ball(41, 14)
    stepped = (np.round(ball / 3) * 3).astype(np.float32)  # terraces, as where another outline begins
    smooth = calm(stepped, 2.0)
    near = np.abs(ball) < 1.0
    assert abs(float((smooth - ball)[near].mean())) < 0.25
    assert float((smooth - ball)[near].std()) < 0.5 * float((stepped - ball)[near].std())


def test_what_a_blur_took_from_the_rims_comes_back_and_stays_in_the_hull() -> None:
    sides, grid, hull = _hull()
    shrunk = hull - np.float32(1.5 * grid.pitch)
    lifted = shrunk
    for _ in range(4):
        lifted = lift_to_rims(lifted, hull, sides, grid, spread=2.0, most=0.03)
    assert _missing(lifted, hull, sides, grid) < 0.6 * _missing(shrunk, hull, sides, grid)
    assert (lifted <= np.maximum(hull, shrunk)).all()


def test_nothing_is_lifted_where_every_rim_is_touched() -> None:
    sides, grid, hull = _hull()
    assert np.allclose(lift_to_rims(hull, hull, sides, grid, spread=2.0, most=0.03), hull)


def test_an_arm_that_is_gone_is_built_round() -> None:
    sides, grid, hull = _hull()
    wide = np.flatnonzero((hull > 0).any((1, 2)))
    tip = (wide[-1] - wide[0]) // 6
    cut = hull.copy()
    cut[wide[-1] - tip :] = -0.1  # the outermost part of one side is missing
    built = build_rods(cut, hull, sides, grid)
    assert _missing(built, hull, sides, grid) < 0.6 * _missing(cut, hull, sides, grid)
    assert (built <= np.maximum(hull, cut) + 1e-6).all()


def test_a_sheet_that_a_blur_took_is_certain_where_the_hull_is_thin() -> None:
    sides, grid, hull = _hull()
    sheet = np.abs(grid.points(np.arange(hull.size))[:, 0] - 0.1).reshape(hull.shape) < 1.5 * grid.pitch
    thin = np.where(sheet, hull, np.float32(-0.1))  # the hull of a cape that the left side sees whole
    gone = np.full_like(thin, -0.02)
    left = [side for side in sides if side.view is View.LEFT]
    kept = keep_sheets(gone, thin, left, grid)
    assert _missing(kept, thin, left, grid) < 0.1 * _missing(gone, thin, left, grid)
    assert (kept <= np.maximum(thin, gone)).all()
    # Where there is more room nobody knows the place.
    assert (keep_sheets(gone, hull, left, grid) > 0).sum() < 0.05 * (hull > 0).sum()


def test_a_rim_that_is_missed_is_no_sheet_where_outlines_do_not_agree() -> None:
    sides, grid, hull = _hull()
    left = [side for side in sides if side.view is View.LEFT]
    points = grid.points(np.arange(hull.size))
    sheet = np.abs(points[:, 0] - 0.1).reshape(hull.shape) < 1.5 * grid.pitch
    thin = np.where(sheet, hull, np.float32(-0.1))
    rim = left[0].distances(points).reshape(hull.shape) < 0.8 * grid.pitch
    rimless = np.where(rim, np.minimum(thin, np.float32(-0.02)), thin)
    exact = int((keep_sheets(rimless, thin, left, grid) > rimless).sum())
    loose = int((keep_sheets(rimless, thin, left, grid, agree=False) > rimless).sum())
    assert exact > 0
    assert loose < 0.5 * exact
