"""The measure of steps of depth: a known step, a blurred one, one in the wrong place or the wrong way."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from evaluation.edges import in_sides, measure, row, steps
from slipcast.core.errors import BadInput
from slipcast.core.values import F32, Bool, Camera, DepthKind, DepthMap, ModelInfo

SIDE_PX = 256


def plate_before_wall(shift_px: int = 0) -> tuple[F32, Bool]:
    """Front and validity: a square plate 0.2 before a wall, and a steep bump beside it."""
    front = np.full((SIDE_PX, SIDE_PX), -0.1, np.float32)
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX] - 180.0
    front = np.maximum(front, 0.3 * (1 - (x**2 + y**2) / 40**2) - 0.1)
    front[60:120, 60 + shift_px : 120 + shift_px] = 0.1
    valid = np.zeros(front.shape, bool)
    valid[20:236, 20:236] = True
    return np.where(valid, front, 0).astype(np.float32), valid


def test_the_plates_edges_are_steps_and_slopes_and_the_outline_are_none() -> None:
    front, valid = plate_before_wall()
    there = steps(front, valid)
    assert there.sum() == pytest.approx(4 * 60, abs=2)
    assert there[90, 59]
    assert there[90, 119]
    assert not there[130:, 130:].any()


def test_the_truth_rises_wholly_and_a_blur_little() -> None:
    truth, valid = plate_before_wall()
    same = measure(truth, truth, valid, valid)
    assert same.rise == pytest.approx(same.true_rise)
    assert same.cut == same.true_steps == pytest.approx(4 * 60, abs=2)
    assert same.right == same.steps > 0
    soft = measure(cv2.GaussianBlur(truth, (0, 0), 8).astype(np.float32), truth, valid, valid)
    assert 0 < soft.rise < 0.4 * soft.true_rise
    assert soft.steps == 0
    twice = same + same
    assert (twice.true_steps, twice.rise) == (2 * same.true_steps, 2 * same.rise)
    assert row("plate", same).split()[1:4] == ["1.000", "1.000", "1.000"]


def test_what_is_elsewhere_or_the_wrong_way_does_not_count() -> None:
    truth, valid = plate_before_wall()
    aside, _ = plate_before_wall(12)
    moved = measure(aside, truth, valid, valid)
    # The plate's upper and lower edge are still there, its sides are not.
    assert moved.cut == pytest.approx(moved.true_steps * 0.4, rel=0.1)
    assert moved.right < 0.6 * moved.steps
    turned = measure(-truth, truth, valid, valid)
    assert turned.rise == pytest.approx(-turned.true_rise)
    assert turned.cut == 0
    beyond = measure(3 * truth, truth, valid, valid)
    assert beyond.rise == pytest.approx(beyond.true_rise)


def test_depth_is_brought_to_sides_of_the_square() -> None:
    valid = np.zeros((100, 120), bool)
    valid[6:94, 20:100] = True
    camera = Camera.pinhole(120, 100, 24.0)
    depth = DepthMap(
        front=np.where(valid, camera.fy_px - 20, 0).astype(np.float32),
        back=np.where(valid, camera.fy_px + 20, 0).astype(np.float32),
        valid=valid,
        camera=camera,
        kind=DepthKind.METRIC,
        model=ModelInfo(name="test"),
    )
    # The square's side is 88 / 0.88 pixels of the plane in the middle.
    assert in_sides(depth)[50, 50] == pytest.approx(0.2, rel=1e-3)
    assert in_sides(depth)[0, 0] == 0
    with pytest.raises(BadInput, match="no scale"):
        in_sides(replace(depth, kind=DepthKind.AFFINE_DISPARITY))
