"""checks/depth.py on depth maps whose answers are known."""

import math
from dataclasses import replace

import numpy as np
import pytest
from silhouettes import depth_of, disc, flat, grid, map_of

from slipcast.checks.depth import (
    check_agreement,
    check_certainty,
    check_depth,
    check_leak,
    check_proportion,
    check_relief,
    check_tilt,
)
from slipcast.checks.verdict import Check, Verdict
from slipcast.core.values import DepthKind, DepthMap, Shells, Source
from slipcast.depth.calibrate import CalibrateOptions, calibrate, depth_prior
from slipcast.depth.fuse import fuse

SIZE, RADIUS = 200, 80
FAR = 1000.0
"""Distance in pixels: far enough that perspective hardly matters."""


def _fov_deg() -> float:
    """The field of view in which one pixel at `FAR` is one unit."""
    return 2 * math.degrees(math.atan(SIZE / 2 / FAR))


def _dish(front: "np.typing.NDArray[np.float64]", thick: float = 100.0) -> Shells:
    return depth_of(disc(SIZE, RADIUS), front, front + thick, fov_deg=_fov_deg())


def _ball() -> Shells:
    """The front half of a ball and the back half behind it."""
    x, y = grid(SIZE, SIZE)
    half = np.sqrt(np.clip(RADIUS**2 - (x - SIZE / 2) ** 2 - (y - SIZE / 2) ** 2, 0, None))
    return depth_of(disc(SIZE, RADIUS), FAR - half, FAR + half, fov_deg=_fov_deg())


def _plane(across: float, down: float) -> "np.typing.NDArray[np.float64]":
    """Distance of a plane with these slopes over x and y, along the rays of a pinhole."""
    x, y = grid(SIZE, SIZE)
    return np.asarray(FAR / (1 - (across * (x - SIZE / 2) + down * (y - SIZE / 2)) / FAR))


def _codes(check: Check) -> list[str]:
    return [entry.code for entry in check.findings]


def test_a_ball_has_nothing_to_say() -> None:
    checks = check_depth(_ball())
    assert [check.name for check in checks] == [
        "relief",
        "tilt",
        "proportion",
        "leak",
        "agreement",
        "certainty",
    ]
    assert all(check.score == 1 for check in checks[:4])
    assert checks[4].score is None
    assert checks[5].score is None
    assert not [entry for check in checks for entry in check.findings]
    assert checks[0].values["relief_over_width"] == pytest.approx(0.43, abs=0.03)
    assert checks[1].values["tilt_deg"] == pytest.approx(0, abs=0.5)
    assert checks[2].values["depth_over_width"] == pytest.approx(1, abs=0.03)


def test_a_plane_is_flat_whatever_its_tilt() -> None:
    for slope in (0.0, 0.3, -1.2):
        check = check_relief(_dish(_plane(slope, -slope / 2)))
        assert check.values["relief_over_width"] == pytest.approx(0, abs=1e-3)
        assert _codes(check) == ["DEPTH_SHALLOW"]
    assert check_relief(flat(disc(SIZE, RADIUS), 900, 1000)).verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("across", "down", "way"),
    [
        (0.0, 1.7, "its feet recede"),
        (0.0, -1.7, "its top recedes"),
        (1.7, 0.0, "its right side recedes"),
        (-1.7, 0.0, "its left side recedes"),
    ],
)
def test_tilt_is_measured_in_degrees_and_says_which_way(across: float, down: float, way: str) -> None:
    check = check_tilt(_dish(_plane(across, down)))
    assert check.values["tilt_deg"] == pytest.approx(math.degrees(math.atan(1.7)), abs=0.2)
    assert way in check.findings[0].message
    assert check.verdict is Verdict.REVIEW


@pytest.mark.parametrize("factor", [0.25, 4.0])
def test_a_depth_that_figurines_do_not_have_is_said(factor: float) -> None:
    valid = disc(SIZE, RADIUS) >= 128
    wanted = depth_prior(valid) * factor * 2 * RADIUS
    check = check_proportion(flat(disc(SIZE, RADIUS), FAR - wanted / 2, FAR + wanted / 2, fov_deg=_fov_deg()))
    assert check.values["depth_over_width"] == pytest.approx(factor * depth_prior(valid), rel=0.02)
    assert check.values["depth_over_outline"] == pytest.approx(factor * depth_prior(valid), rel=0.03)
    assert _codes(check) == ["DEPTH_UNUSUAL"]
    assert check.verdict is not Verdict.APPROVE


def test_depth_that_other_views_show_is_not_called_unusual() -> None:
    deep = flat(disc(SIZE, RADIUS), FAR - 300, FAR + 300, fov_deg=_fov_deg())
    assert _codes(check_proportion(deep)) == ["DEPTH_UNUSUAL"]
    seen = check_proportion(replace(deep, back_source=Source.BACK_VIEW))
    assert seen.score is None
    assert seen.findings == ()


def test_a_rim_that_falls_to_the_background_is_measured() -> None:
    x, y = grid(SIZE, SIZE)
    away = RADIUS - np.hypot(x - SIZE / 2, y - SIZE / 2)
    half = x > SIZE / 2
    ball = _ball()
    leaking = replace(
        ball, front=np.where(half & (away < 4) & ball.valid, FAR + 300, ball.front).astype(np.float32)
    )
    check = check_leak(leaking)
    assert check.values["rim_behind_share"] == pytest.approx(0.5, abs=0.03)
    assert _codes(check) == ["DEPTH_LEAK"]
    assert check.verdict is Verdict.REJECT


def test_two_models_that_agree_and_two_that_do_not() -> None:
    ball = _ball()
    relative = map_of(disc(SIZE, RADIUS), 5 - ball.front / 300, DepthKind.AFFINE_DISPARITY)

    def both(fine: DepthMap) -> Shells:
        return calibrate(fuse(ball, fine), CalibrateOptions())

    alike = both(relative)
    assert alike.agreement == pytest.approx(1, abs=0.02)
    assert check_agreement(alike).verdict is Verdict.APPROVE
    opposite = both(replace(relative, front=-relative.front))
    assert opposite.agreement == pytest.approx(-1, abs=0.02)
    assert np.array_equal(opposite.front, ball.front)
    check = check_agreement(opposite)
    assert (check.score, _codes(check)) == (0, ["DEPTH_DISAGREES"])
    noise = np.random.default_rng(1).normal(size=ball.front.shape).astype(np.float32)
    assert check_agreement(both(replace(relative, front=noise))).values["correlation"] == pytest.approx(
        0, abs=0.05
    )


def test_nothing_can_be_said_of_an_empty_map() -> None:
    empty = replace(_ball(), valid=np.zeros((SIZE, SIZE), bool))
    assert [check.score for check in check_depth(empty)] == [None] * 6


def test_a_back_that_is_a_guess_asks_for_a_look() -> None:
    ball = _ball()
    sure, unsure = (
        check_certainty(replace(ball, spread=np.full((2, SIZE, SIZE), share, np.float32)))
        for share in (0.131, 0.143)
    )
    assert _codes(sure) == []
    assert sure.values["back_error_share"] == pytest.approx(0.131)
    assert _codes(unsure) == ["BACK_UNSURE"]
    assert unsure.verdict is Verdict.REVIEW
    assert sure.verdict is Verdict.APPROVE
