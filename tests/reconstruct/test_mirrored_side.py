"""A side without a picture is the other one in a mirror, where the figurine is alike on both sides."""

import numpy as np
import pytest
from turnarounds import FOUR, turnaround

from slipcast.core.values import View
from slipcast.reconstruct.views.fusion import _show_back
from slipcast.reconstruct.views.register import measure_miss
from slipcast.reconstruct.views.sides import make_sides, mirror_missing_side
from slipcast.reconstruct.views.silhouettes import Side


def _sides(*views: View) -> list[Side]:
    return make_sides(*turnaround(views), fov_deg=24)[0]


def test_the_missing_side_stands_across_and_agrees_with_all_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.core.symmetry.measure_mirror", lambda mask: 0.9)
    sides = _sides(View.FRONT, View.LEFT)
    other = mirror_missing_side(sides)
    assert other is not None
    assert other.view is View.RIGHT
    assert other.camera.yaw_deg == pytest.approx(270)
    assert np.array_equal(other.outline_px, sides[1].outline_px[:, ::-1])
    assert measure_miss([*sides, other]) < 0.004


def test_a_mirror_beside_the_axis_moves_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.core.symmetry.measure_mirror", lambda mask: 0.9)
    sides = _sides(View.FRONT, View.LEFT)
    apart = 0.1 * sides[0].camera.scale_px
    # The same figurine 0.1 farther to its own left, in the same frame.
    moved = [
        sides[0].move_to(sides[0].camera.turn(cx_px=sides[0].camera.cx_px - apart)),
        sides[1].move_to(sides[1].camera.turn(distance=sides[1].camera.distance + 0.1)),
    ]
    before, after = mirror_missing_side(sides), mirror_missing_side(moved)
    assert before is not None
    assert after is not None
    point = np.array([[0.05, 0.1, 0.1]], np.float32)
    old, new = before.camera.project(point), after.camera.project(point + np.array([[0.1, 0, 0]], np.float32))
    assert np.allclose(old, new, atol=0.05)


def test_a_lopsided_figurine_and_one_with_both_sides_have_no_mirrored_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("slipcast.core.symmetry.measure_mirror", lambda mask: 0.7)
    assert mirror_missing_side(_sides(View.FRONT, View.LEFT)) is None
    monkeypatch.setattr("slipcast.core.symmetry.measure_mirror", lambda mask: 0.9)
    assert mirror_missing_side(_sides(*FOUR)) is None
    assert mirror_missing_side(_sides(View.FRONT, View.BACK)) is None


@pytest.mark.parametrize(
    ("views", "shown"),
    [
        ((View.FRONT, View.LEFT), False),
        ((View.FRONT, View.LEFT, View.RIGHT), True),
        ((View.FRONT, View.BACK), True),
        ((View.FRONT, View.BACK_LEFT), True),
        ((View.FRONT, View.FRONT_LEFT, View.FRONT_RIGHT), False),
    ],
)
def test_both_sides_show_the_back_as_a_view_from_behind_does(views: tuple[View, ...], shown: bool) -> None:
    assert _show_back(views) is shown
