"""More views never make a figurine worse: all of them are as good as the best of fewer, less 0.02."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from scipy.spatial import cKDTree
from turnarounds import FOUR, Shot, camera_of, figurine, shoot

from slipcast.checks.depth import check_certainty
from slipcast.core.values import Cutout, Mesh, Shells, View
from slipcast.reconstruct.views.fusion import Fused, fuse
from slipcast.reconstruct.views.register import register
from slipcast.reconstruct.views.sides import make_sides

SIX = (*FOUR, View.FRONT_LEFT, View.BACK_LEFT)
FEWER = ((View.FRONT, View.LEFT), (View.FRONT, View.BACK, View.LEFT), FOUR)


def _shots(yaws: dict[View, float]) -> tuple[dict[View, Cutout], dict[View, Shells]]:
    """Six sides; those in `yaws` from a camera that stands so many degrees beside where it should."""
    shots = {view: _shot(view, yaws.get(view, 0.0)) for view in SIX}
    return {view: shot.picture for view, shot in shots.items()}, {
        view: shot.depth for view, shot in shots.items()
    }


@cache
def _shot(view: View, off_deg: float) -> Shot:
    return shoot(figurine(), view, camera_of(view).turn(yaw_deg=view.yaw_deg + off_deg))


@cache
def _agreement_of(shots: tuple[tuple[View, float], ...]) -> float:
    """Of the figurine that is fused from these sides, each so many degrees off, with the true one."""
    cutouts, depths = _shots(dict(shots))
    return _agreement(_fuse(cutouts, depths, [view for view, _ in shots]).mesh, figurine())


def _fuse(cutouts: dict[View, Cutout], depths: dict[View, Shells], views: Sequence[View]) -> Fused:
    chosen = {view: cutouts[view] for view in views}
    return fuse(chosen, {view: depths[view] for view in views}, height_m=1.0, fov_deg=24, detail="draft")


@pytest.mark.parametrize(
    ("views", "codes"),
    [
        ((View.FRONT, View.LEFT), ["BACK_UNSURE"]),
        ((View.FRONT, View.BACK), []),
        ((View.FRONT, View.BACK_LEFT), []),
        ((View.FRONT, View.LEFT, View.RIGHT), []),
    ],
)
def test_a_back_that_views_show_is_no_guess(views: tuple[View, ...], codes: list[str]) -> None:
    cutouts, depths = _shots({})
    front = depths[View.FRONT]
    unsure = replace(front, spread=np.full((2, *front.valid.shape), 0.2, np.float32))
    check = check_certainty(_fuse(cutouts, {**depths, View.FRONT: unsure}, views).depth)
    assert [entry.code for entry in check.findings] == codes
    assert (check.score is None) is not bool(codes)


def _agreement(ours: Mesh, true: Mesh) -> float:
    """The share of corners within 3 % of the height of the other surface (harmonic mean of both ways)."""
    lowest, highest = true.vertices.min(0), true.vertices.max(0)
    foot = np.array([(lowest[0] + highest[0]) / 2, lowest[1], (lowest[2] + highest[2]) / 2])
    theirs = (true.vertices - foot) / (highest[1] - lowest[1])
    here = (cKDTree(theirs).query(ours.vertices)[0] < 0.03).mean()
    there = (cKDTree(ours.vertices).query(theirs)[0] < 0.03).mean()
    return float(2 * here * there / (here + there))


@pytest.mark.parametrize(
    "yaws",
    [
        {},
        {View.LEFT: 5.0, View.BACK_LEFT: -6.0, View.FRONT_LEFT: 4.0},
        {View.FRONT_LEFT: 100.0},
    ],
    ids=["exact", "cameras that are off", "one view that shows something else"],
)
def test_all_views_are_as_good_as_the_best_of_fewer(yaws: dict[View, float]) -> None:
    *fewer, every = (
        _agreement_of(tuple((view, yaws.get(view, 0.0)) for view in views)) for views in (*FEWER, SIX)
    )
    assert every >= max(fewer) - 0.02
    assert every > 0.6


def test_a_side_that_contradicts_all_others_is_left_out() -> None:
    cutouts, depths = _shots({View.FRONT_LEFT: 100.0})
    sides, _ = make_sides(cutouts, depths, fov_deg=24)
    assert register(sides).left_out == (View.FRONT_LEFT,)


def test_sides_that_are_a_little_off_are_all_kept() -> None:
    cutouts, depths = _shots({View.LEFT: 5.0, View.BACK_LEFT: -6.0, View.FRONT_LEFT: 4.0})
    sides, _ = make_sides(cutouts, depths, fov_deg=24)
    assert register(sides).left_out == ()
