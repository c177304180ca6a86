"""Around the rim: what is seen well goes on as in a mirror, on the wall of each part its own colours."""

from dataclasses import replace

import numpy as np

from slipcast.core.values import F32
from slipcast.texture.around import Shown, color_around

SHAPE = (100, 160)
X = np.arange(SHAPE[1])


def plate(level: F32, *, wide: int = 150, well: int = 140) -> Shown:
    """A flat part of `wide` columns, grey by column, of which `well` are seen well."""
    pixels = np.repeat(np.broadcast_to(level, SHAPE).astype(np.uint8)[..., None], 3, 2)
    inside = np.broadcast_to(wide > X, SHAPE)
    return Shown.of(pixels, np.zeros(SHAPE, np.float32), inside, inside & (well > X))


def look(shown: Shown, x: float, depths: list[float]) -> F32:
    place = np.array([[x, 50.0]] * len(depths), np.float32)
    out: F32 = shown.look(place, np.array(depths, np.float32))[0][:, 0]
    return out


def test_a_wall_along_the_depth_is_no_streak() -> None:
    # Waves of three levels across, 7 pixels long: a mirror at column 140 shows them behind, one colour draws them out.
    waves = (120 + 6 * np.sin(2 * np.pi * X / 7)).astype(np.float32)
    seen = look(plate(waves), 149.5, list(np.arange(0.0, 30.0, 0.5)))
    assert np.ptp(seen) > 3


def test_the_mirror_stops_at_another_colour() -> None:
    edge = np.where(X < 137, 220, 60).astype(np.float32)
    assert look(plate(edge), 149.5, list(np.arange(0.0, 40.0, 0.5))).max() < 130


def test_what_is_seen_well_stays_itself() -> None:
    shown = plate(X.astype(np.float32))
    color, off = shown.look(np.array([[60.5, 50.5]], np.float32), np.zeros(1, np.float32))
    assert off[0] == 0
    assert abs(color[0, 0] - 60) < 1


def test_the_wall_of_a_part_before_another_has_its_colour() -> None:
    near = X < 70
    pixels = np.repeat(np.broadcast_to(np.where(near, 200, 40), SHAPE).astype(np.uint8)[..., None], 3, 2)
    depth = np.broadcast_to(np.where(near, 0, 30), SHAPE).astype(np.float32)
    inside = np.ones(SHAPE, bool)
    shown = Shown.of(pixels, depth, inside, inside)
    assert (look(shown, 69.5, [5, 15, 25]) > 180).all(), "seen at the near part's last pixel"
    assert (look(shown, 70.9, [5, 15, 25]) > 180).all(), "seen at the far part's first pixel"


def test_front_goes_over_into_back() -> None:
    front, back = plate(np.full(SHAPE[1], 200.0, np.float32)), plate(np.full(SHAPE[1], 50.0, np.float32))
    depth = np.linspace(0, 60, 13)
    back = replace(back, level=back.level - np.array([60, 60, 0], np.float32))
    seen = color_around(front, back, np.array([[149.5, 50.0]] * 13), depth)[:, 0]
    assert seen[0] > 180
    assert seen[-1] < 60
    assert (np.diff(seen) <= 0.01).all()
