"""depth/elevation.py: where a figurine stands, the picture says how far the camera looked down."""

import math
from dataclasses import replace

import numpy as np
import pytest
from silhouettes import ball, picture_of

from slipcast.core.camera import world_from_camera
from slipcast.core.values import F64, Camera, Elevation, ModelInfo, Shells, Source
from slipcast.depth.elevation import ASSUMED, LEVEL, find_elevation
from slipcast.depth.place import PlaceOptions, place


def pillar(elevation_deg: float, half: tuple[float, float, float] = (0.5, 1.0, 0.5)) -> Shells:
    """A box of these half sides, seen from `elevation_deg` above: where each ray enters and leaves it."""
    camera = Camera.pinhole(160, 160, 24.0)
    cos, sin = math.cos(math.radians(elevation_deg)), math.sin(math.radians(elevation_deg))
    turn = np.array([[1, 0, 0], [0, -cos, sin], [0, -sin, -cos]])  # camera from world
    rays = camera.rays().astype(np.float64) @ turn
    eye = np.array([0.0, 0.0, -8.0]) @ turn
    sides = np.array(half)
    with np.errstate(divide="ignore"):
        one, other = (-sides - eye) / rays, (sides - eye) / rays
    enters: F64 = np.minimum(one, other).max(-1)
    leaves: F64 = np.maximum(one, other).min(-1)
    valid = enters < leaves
    return Shells(
        front=np.where(valid, enters, 0).astype(np.float32),
        back=np.where(valid, leaves, 0).astype(np.float32),
        valid=valid,
        camera=camera,
        model=ModelInfo(name="test"),
        back_source=Source.INVENTED,
    )


@pytest.mark.parametrize("degrees", [0.0, 6.0, 12.0, 20.0])
def test_a_flat_sole_says_how_far_the_camera_looked_down(degrees: float) -> None:
    found = find_elevation(pillar(degrees))
    assert found.source == "seen"
    assert found.degrees == pytest.approx(degrees, abs=max(1.5, 0.25 * degrees))  # drawn to what is likely
    assert found.certainty > 0.7
    assert 0 < found.likely_error_deg < ASSUMED.likely_error_deg


def test_a_ball_stands_any_way_and_its_certainty_is_low() -> None:
    found = find_elevation(replace(ball(160, 1.0, 8.0)[1], elevation=ASSUMED))
    assert found.source == "assumed"
    assert found.certainty < 0.3
    assert found.degrees == pytest.approx(ASSUMED.degrees, abs=1.5)
    assert found.likely_error_deg > 6


def test_what_is_certain_is_drawn_less_to_what_was_assumed() -> None:
    low, high = (replace(LEVEL, degrees=angle) for angle in (0.0, 10.0))
    for depth, least, most in ((pillar(6.0), 0.0, 3.0), (ball(160, 1.0, 8.0)[1], 7.0, 10.0)):
        below, above = (find_elevation(replace(depth, elevation=each)) for each in (low, high))
        assert least <= above.degrees - below.degrees <= most


def test_nothing_at_all_says_nothing() -> None:
    empty = replace(pillar(0.0), elevation=ASSUMED)
    assert find_elevation(replace(empty, valid=np.zeros_like(empty.valid))) == ASSUMED
    assert find_elevation(replace(empty, valid=np.zeros_like(empty.valid), elevation=None)) == LEVEL


def test_what_stands_on_a_sole_is_put_upright() -> None:
    depth = pillar(14.0)
    picture = picture_of(np.where(depth.valid, 255, 0).astype(np.uint8))
    placed = place(depth, picture, PlaceOptions())
    assert placed.elevation is not None
    assert placed.elevation.source == "seen"
    assert placed.back is not None
    rays = placed.camera.rays()[placed.valid]
    back = world_from_camera(placed.camera, rays * placed.back[placed.valid][:, None])
    sole = back[back[:, 1] < 0.004]
    assert np.ptp(sole[:, 2]) > 0.8 * np.ptp(back[:, 2])  # the whole depth stands on the ground, not an edge


def test_what_was_given_is_taken_and_what_the_outline_showed_comes_before_the_sole() -> None:
    depth = pillar(14.0)
    picture = picture_of(np.where(depth.valid, 255, 0).astype(np.uint8))
    given = place(depth, picture, PlaceOptions(elevation_deg=0.0)).elevation
    assert given == Elevation(degrees=0.0, likely_error_deg=0.0, source="given", certainty=1.0)
    seen = Elevation(degrees=3.0, likely_error_deg=1.5, source="seen", certainty=1.0)
    assert place(replace(depth, elevation=seen), picture, PlaceOptions()).elevation == seen
