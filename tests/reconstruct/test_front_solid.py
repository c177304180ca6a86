"""When the front's own solid stands for views that tell no depth, and when it does not."""

from dataclasses import replace

import numpy as np
import pytest
from turnarounds import turnaround

from slipcast.core.values import Cutout, Shells, View
from slipcast.depth.place import PlaceOptions, place
from slipcast.reconstruct.views.front_solid import fits_diagonal, keeps_front, lack_side, take_front_solid


@pytest.mark.parametrize(
    ("others", "lacks"),
    [
        ([View.BACK], True),
        ([View.FRONT_LEFT], True),
        ([View.BACK, View.BACK_LEFT], True),
        ([View.FRONT_LEFT, View.BACK_RIGHT], True),  # one line: their outlines are mirror images
        ([View.FRONT_LEFT, View.FRONT_RIGHT], False),
        ([View.BACK, View.LEFT], False),
        ([View.TOP], False),
    ],
)
def test_one_diagonal_is_less_than_a_side(others: list[View], lacks: bool) -> None:
    assert lack_side([View.FRONT, *others]) is lacks


def _flatten(depth: Shells, share: float) -> Shells:
    """Both shells, with `share` of their distance from the figurine's middle."""
    middle = (depth.front[depth.valid].min() + depth.back[depth.valid].max()) / 2
    return replace(
        depth,
        front=middle + share * (depth.front - middle),
        back=middle + share * (depth.back - middle),
    )


def _fits(cutouts: dict[View, Cutout], front: Shells) -> bool:
    placed = place(front, cutouts[View.FRONT], PlaceOptions())
    solid = take_front_solid(cutouts, placed, fov_deg=24, detail="draft")
    return fits_diagonal(solid, cutouts)


@pytest.mark.parametrize("views", [(View.FRONT, View.FRONT_LEFT), (View.FRONT, View.BACK, View.FRONT_LEFT)])
def test_a_solid_too_flat_for_the_diagonal_does_not_fit_it(views: tuple[View, ...]) -> None:
    cutouts, depths = turnaround(views)
    assert _fits(cutouts, depths[View.FRONT])
    assert not _fits(cutouts, _flatten(depths[View.FRONT], 0.2))


def test_without_a_diagonal_nothing_speaks_against_the_front() -> None:
    cutouts, depths = turnaround((View.FRONT, View.BACK))
    assert _fits(cutouts, _flatten(depths[View.FRONT], 0.2))


def test_a_solid_that_lost_half_of_the_front_does_not_keep_it() -> None:
    cutouts, depths = turnaround((View.FRONT, View.BACK))
    placed = place(depths[View.FRONT], cutouts[View.FRONT], PlaceOptions())
    solid = take_front_solid(cutouts, placed, fov_deg=24, detail="draft")
    assert keeps_front(solid, cutouts)
    narrow = replace(solid.mesh, vertices=solid.mesh.vertices * np.array([0.6, 1, 1], np.float32))
    assert not keeps_front(replace(solid, mesh=narrow), cutouts)
