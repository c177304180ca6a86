"""depth/elevation.py: where a figurine stands, the picture says how far the camera looked down."""

import math
from dataclasses import replace

import numpy as np
import pytest
from silhouettes import ball, picture_of

from slipcast.core.camera import world_from_camera
from slipcast.core.values import F64, Camera, DepthMap, Elevation, ModelInfo, Source
from slipcast.depth.elevation import ASSUMED, LEVEL, find_elevation
from slipcast.depth.place import PlaceOptions, place


def pillar(elevation_deg: float, half: tuple[float, float, float] = (0.5, 1.0, 0.5)) -> DepthMap:
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
    return DepthMap(
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
    assert found is not None
    assert found.source == "seen"
    assert found.degrees == pytest.approx(degrees, abs=1.5)
    assert 0 < found.likely_error_deg < ASSUMED.likely_error_deg


def test_a_camera_that_hardly_looks_down_is_level() -> None:
    found = find_elevation(pillar(0.7))
    assert found is not None
    assert found.degrees == 0


def test_a_ball_stands_any_way_and_says_nothing() -> None:
    assert find_elevation(ball(160, 1.0, 8.0)[1]) is None


def test_nothing_at_all_says_nothing() -> None:
    empty = pillar(0.0)
    assert find_elevation(replace(empty, valid=np.zeros_like(empty.valid))) is None
    assert find_elevation(replace(empty, back=None)) is None


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


def test_what_was_given_is_taken_and_what_a_model_assumes_comes_before_level() -> None:
    alpha, depth = ball(160, 1.0, 8.0)
    picture = picture_of(alpha)
    given = place(pillar(14.0), picture, PlaceOptions(elevation_deg=0.0)).elevation
    assert given == Elevation(degrees=0.0, likely_error_deg=0.0, source="given")
    assert place(replace(depth, elevation=ASSUMED), picture, PlaceOptions()).elevation == ASSUMED
    assert place(depth, picture, PlaceOptions()).elevation == LEVEL
