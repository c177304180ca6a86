"""Which further side would help most: by what no picture shows, and by outlines that nobody has seen."""

from dataclasses import replace

import numpy as np
import pytest
from turnarounds import Field

from slipcast.core.values import Mesh, Source, View
from slipcast.mesh.topology import face_normals
from slipcast.reconstruct.views.next_view import find_next_view


def _ball(views: tuple[View, ...], also: Source | None = None) -> Mesh:
    """A ball whose faces are seen where a view looks at them; the rest is invented, or on its right `also`."""
    field = Field(41)
    mesh = field.mesh(field.ball((0, 0, 0), (0.4, 0.4, 0.4)))
    normals = face_normals(mesh.vertices, mesh.faces)[0]
    source = np.full(len(mesh.faces), int(Source.INVENTED), np.uint8)
    if also is not None:
        source[normals[:, 0] < -0.5] = int(also)
    for view in views:
        turn = np.radians(view.yaw_deg)
        source[normals @ [np.sin(turn), 0, np.cos(turn)] > 0.12] = int(Source.SEEN)
    return replace(mesh, source=source)


@pytest.mark.parametrize(
    ("views", "wanted"),
    [
        ((View.FRONT, View.BACK), View.LEFT),  # outlines of front and back are one
        ((View.FRONT, View.LEFT), View.BACK_RIGHT),  # between the two that nobody saw
        ((View.FRONT, View.FRONT_LEFT), View.RIGHT),
        ((View.FRONT, View.LEFT, View.BACK), View.BACK_RIGHT),
        ((View.FRONT, View.LEFT, View.BACK, View.RIGHT), View.BACK_LEFT),
    ],
)
def test_the_side_that_shows_most_is_wanted(views: tuple[View, ...], wanted: View) -> None:
    best = find_next_view(_ball(views), views)
    assert best is not None
    assert best.view is wanted


def test_four_straight_sides_leave_less_than_three_and_three_less_than_two() -> None:
    straight = (View.FRONT, View.LEFT, View.BACK, View.RIGHT)
    worth = [help.worth for n in (2, 3, 4) if (help := find_next_view(_ball(straight[:n]), straight[:n]))]
    assert worth == sorted(worth, reverse=True)
    assert worth[2] < 0.2 < worth[0]


def test_what_a_mirrored_picture_shows_is_half_seen() -> None:
    views = (View.FRONT, View.LEFT, View.BACK)
    invented, mirrored = (find_next_view(_ball(views, also), views) for also in (None, Source.MIRRORED))
    assert invented is not None
    assert mirrored is not None
    assert mirrored.unseen_share < 0.8 * invented.unseen_share


def test_a_part_that_others_hide_is_shown_by_no_side_that_it_hides_from() -> None:
    # A box that is open to the front alone.
    field = Field(41)
    box = field.box((-0.4, 0.4), (-0.3, 0.3), (-0.4, 0.4))
    hollow = field.box((-0.2, 0.2), (-0.2, 0.2), (-0.2, 0.6))
    mesh = field.mesh(np.minimum(box, -hollow))
    centre = mesh.vertices[mesh.faces].mean(1)
    source = np.full(len(mesh.faces), int(Source.SEEN), np.uint8)
    source[(np.abs(centre) < 0.25).all(1)] = int(Source.INVENTED)
    views = (View.BACK, View.LEFT, View.FRONT_LEFT, View.FRONT_RIGHT)
    best = find_next_view(replace(mesh, source=source), views)
    assert best is not None
    assert best.unseen_share < 0.02


def test_nothing_is_wanted_of_all_eight() -> None:
    views = tuple(view for view in View if view is not View.TOP)
    assert find_next_view(_ball(views), views) is None
