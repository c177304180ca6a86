"""depth/figurine/rods.py on outlines whose rods are known."""

import numpy as np
import pytest

from slipcast.core.values import F32, Bool
from slipcast.depth.figurine.rods import straighten_rods

SIDE = 384.0


def body_with_pole(gap: bool = False) -> tuple[Bool, Bool]:
    """(400,400) a block with a hand, and the pole of 8 px that the hand holds; with `gap` the hand is before it."""
    body = np.zeros((400, 400), bool)
    body[60:360, 160:330] = True
    body[190:230, 60:170] = True
    pole = np.zeros_like(body)
    pole[40:390, 76:84] = True
    if gap:
        body[185:235, 60:100] = True
    return body, pole & ~body


def test_a_pole_that_winds_becomes_a_line_and_the_body_stays() -> None:
    body, pole = body_with_pole(gap=True)
    mask = body | pole
    row = np.arange(400)[:, None]
    wave = np.broadcast_to(0.03 * np.sin(row / 40), mask.shape).astype(np.float32)
    half = np.where(body, 0.1, 0.01).astype(np.float32)
    out = straighten_rods(np.where(body, 0, wave).astype(np.float32), half, mask, SIDE)
    inner = pole & (np.abs(np.arange(400) - 79.5) < 2)[None]
    for part in (slice(45, 170), slice(250, 385)):
        values = out[part][inner[part]].reshape(-1, 4).mean(1)
        bent = np.abs(np.diff(values, 2)).max()
        before = np.abs(np.diff(wave[part, 80], 2)).max()
        assert np.ptp(values - np.linspace(values[0], values[-1], len(values))) < 0.004
        assert bent < 3 * before
    far = body.copy()
    far[180:240, :110] = False
    assert np.array_equal(out[far], np.zeros(int(far.sum()), np.float32))


def test_the_line_goes_on_above_and_below_the_hand() -> None:
    body, pole = body_with_pole(gap=True)
    row = np.broadcast_to(np.arange(400)[:, None], body.shape)
    middle = np.where(pole, np.where(row < 200, 0.02, -0.02), 0).astype(np.float32)
    out = straighten_rods(middle, np.where(body, 0.1, 0.01).astype(np.float32), body | pole, SIDE)
    above, below = out[45:170, 80], out[250:385, 80]
    slopes = [float(np.polyfit(np.arange(len(part)), part, 1)[0]) for part in (above, below)]
    assert slopes[0] == pytest.approx(slopes[1], rel=0.3)
    assert slopes[0] < -5e-5


@pytest.mark.parametrize("shift", [0.3, -0.3])
def test_a_rod_stays_in_the_body_that_it_touches(shift: float) -> None:
    body, pole = body_with_pole(gap=True)
    middle = np.where(pole, shift, 0).astype(np.float32)
    out = straighten_rods(middle, np.where(body, 0.1, 0.01).astype(np.float32), body | pole, SIDE)
    assert abs(out[182, 80]) < 0.2
    assert abs(out[50, 80]) > 0.2


def tail() -> Bool:
    """A quarter of a ring, 8 px wide."""
    y, x = np.indices((400, 400))
    away = np.hypot(y - 100, x - 100)
    out: Bool = (np.abs(away - 200) < 4) & (y > 100) & (x > 100)
    return out


@pytest.mark.parametrize("mask", [tail(), np.pad(np.ones((200, 200), bool), 100)])
def test_what_is_curved_or_thick_is_left_alone(mask: Bool) -> None:
    rng = np.random.default_rng(0)
    middle: F32 = rng.normal(size=mask.shape).astype(np.float32)
    out = straighten_rods(middle, np.full(mask.shape, 0.01, np.float32), mask, SIDE)
    assert np.array_equal(out, middle)
