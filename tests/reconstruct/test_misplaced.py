"""Diagonal views that are named for another: found, put right and said."""

from dataclasses import replace

import numpy as np
import pytest
from turnarounds import FOUR, turnaround

from slipcast.core.values import Cutout, Shells, View
from slipcast.reconstruct.views.agreement import Settled, mirror, settle_views

SIX = (*FOUR, View.FRONT_LEFT, View.BACK_LEFT)
EIGHT = (*SIX, View.FRONT_RIGHT, View.BACK_RIGHT)
Shots = tuple[dict[View, Cutout], dict[View, Shells]]


@pytest.fixture(scope="module")
def shots() -> Shots:
    return turnaround(EIGHT)


def _settle(shots: Shots, views: tuple[View, ...], shown: dict[View, View]) -> tuple[Settled, list[str]]:
    """The views of a set in which the picture of `shown[view]` is named `view`, and the findings' codes."""
    cutouts, depths = shots
    named = {view: cutouts[shown.get(view, view)] for view in views}
    told = {view: depths[shown.get(view, view)] for view in views}
    settled = settle_views(named, told)
    return settled, [found.code for found in settled.findings]


@pytest.mark.parametrize("views", [SIX, EIGHT])
def test_diagonals_that_are_named_rightly_stay(shots: Shots, views: tuple[View, ...]) -> None:
    settled, codes = _settle(shots, views, {})
    assert codes == []
    assert settled.exchanged == ()


@pytest.mark.parametrize(
    ("views", "one", "other"),
    [
        (SIX, View.FRONT_LEFT, View.BACK_LEFT),
        (SIX, View.FRONT_LEFT, View.LEFT),
        (SIX, View.BACK_LEFT, View.LEFT),
        (SIX, View.BACK_LEFT, View.BACK),
        (EIGHT, View.FRONT_RIGHT, View.BACK_RIGHT),
        (EIGHT, View.FRONT_LEFT, View.FRONT_RIGHT),
        (EIGHT, View.BACK_LEFT, View.BACK_RIGHT),
    ],
)
def test_an_exchanged_diagonal_is_exchanged_back(
    shots: Shots, views: tuple[View, ...], one: View, other: View
) -> None:
    settled, codes = _settle(shots, views, {one: other, other: one})
    assert codes == ["VIEWS_SWAPPED"]
    assert set(settled.exchanged) == {one, other}
    assert settled.turned == ()
    assert settled.dropped == ()
    assert {view: cut.view for view, cut in settled.cutouts.items()} == {view: view for view in views}


@pytest.mark.parametrize("straight", [FOUR, FOUR[:3]])
@pytest.mark.parametrize(
    ("named", "shown"),
    [
        (View.BACK_LEFT, View.FRONT_LEFT),
        (View.FRONT_RIGHT, View.FRONT_LEFT),
        (View.FRONT_LEFT, View.BACK_LEFT),
        (View.BACK_RIGHT, View.BACK_LEFT),
    ],
)
def test_a_diagonal_alone_under_another_name_gets_its_own(
    shots: Shots, straight: tuple[View, ...], named: View, shown: View
) -> None:
    settled, codes = _settle(shots, (*straight, named), {named: shown})
    assert codes == ["VIEW_RENAMED"]
    assert settled.renamed == {named: shown}
    assert settled.findings[0].values == {"view": named.value, "shown": shown.value}
    assert {view: cut.view for view, cut in settled.cutouts.items()} == {
        view: view for view in (*straight, shown)
    }


def test_two_diagonals_on_the_wrong_side_get_their_names(shots: Shots) -> None:
    shown = {View.FRONT_RIGHT: View.FRONT_LEFT, View.BACK_RIGHT: View.BACK_LEFT}
    settled, _ = _settle(shots, (*FOUR, *shown), shown)
    assert settled.renamed == shown


def test_a_mirrored_diagonal_is_turned(shots: Shots) -> None:
    cutouts, depths = shots
    wrong = {view: cutouts[view] for view in FOUR} | {View.FRONT_LEFT: mirror(cutouts[View.FRONT_LEFT])}
    settled = settle_views(wrong, {view: depths[view] for view in FOUR})
    assert (settled.turned, settled.renamed) == ((View.FRONT_LEFT,), {})
    assert np.array_equal(settled.cutouts[View.FRONT_LEFT].pixels, cutouts[View.FRONT_LEFT].pixels)


def test_without_colours_and_with_one_outline_nothing_is_renamed(shots: Shots) -> None:
    # One picture from everywhere, with another pixel each: no name is better than another.
    y, x = np.mgrid[:256, :256]
    alpha = np.where(np.hypot(x - 127.5, y - 127.5) < 90, 255, 0).astype(np.uint8)
    ball = {}
    for number, view in enumerate((*FOUR, View.BACK_RIGHT)):
        pixels = np.random.default_rng(number).integers(90, 160, (256, 256, 1)).repeat(3, 2).astype(np.uint8)
        ball[view] = replace(shots[0][View.FRONT], view=view, pixels=pixels, alpha=alpha)
    assert settle_views(ball).renamed == {}


def test_a_mirrored_side_is_not_taken_for_a_diagonal(shots: Shots) -> None:
    cutouts, depths = shots
    named = {view: cutouts[view] for view in SIX}
    told = {view: depths[view] for view in SIX}
    settled = settle_views({**named, View.LEFT: mirror(cutouts[View.LEFT])}, told)
    assert settled.exchanged == ()
    assert [found.code for found in settled.findings] == ["VIEW_TURNED"]


def test_sides_named_in_a_circle_are_doubted(shots: Shots) -> None:
    shown = {View.FRONT: View.LEFT, View.BACK: View.FRONT, View.RIGHT: View.BACK}
    settled, codes = _settle(shots, (View.FRONT, View.BACK, View.RIGHT), shown)
    assert "VIEWS_MISNAMED" in codes
    said = next(found for found in settled.findings if found.code == "VIEWS_MISNAMED")
    assert said.message.startswith("back is the mirror image of right (")
    assert said.message.endswith("the sides may be named wrongly")
