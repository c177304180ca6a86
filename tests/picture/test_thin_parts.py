"""thin.py: wires and antennae before a drawn colour, and what is none."""

import cv2
import numpy as np
import pytest

from slipcast.core.values import U8, Bool
from slipcast.picture.thin import find_thin_parts

GREY = np.array([128, 128, 128], np.uint8)


def scene() -> tuple[U8, Bool]:
    """A red disc before grey, and where it is."""
    pixels = np.full((700, 600, 3), 128, np.uint8)
    body = np.zeros((700, 600), np.uint8)
    for canvas, color in ((pixels, (200, 40, 40)), (body, 1)):
        cv2.circle(canvas, (300, 480), 180, color, -1)
    return pixels, body > 0


@pytest.mark.parametrize("width", [1, 2, 4])
@pytest.mark.parametrize("tone", [100, 150, 20])
def test_an_antenna_is_found_with_its_knob(width: int, tone: int) -> None:
    pixels, body = scene()
    cv2.line(pixels, (320, 310), (360, 60), (tone, tone, tone), width, cv2.LINE_AA)
    cv2.circle(pixels, (360, 60), width + 8, (tone, tone, tone), -1, cv2.LINE_AA)
    found = find_thin_parts(pixels, GREY, body)
    true = (np.abs(pixels.astype(int) - 128).max(2) > 8) & ~body
    assert not found.doubt
    assert (found.part & true).sum() > 0.95 * true.sum()
    assert not (found.part & ~true).any()


def test_a_wire_that_does_not_begin_at_the_figurine_is_doubted() -> None:
    pixels, body = scene()
    cv2.line(pixels, (320, 288), (360, 60), (20, 20, 20), 2, cv2.LINE_AA)
    found = find_thin_parts(pixels, GREY, body)
    assert (found.doubt, bool(found.part.any())) == (True, False)


def test_shadows_and_what_is_far_away_are_no_thin_parts() -> None:
    pixels, body = scene()
    shade = np.zeros((700, 600), np.float32)
    cv2.ellipse(shade, (300, 660), (240, 30), 0, 0, 360, 1, -1)
    dark = cv2.GaussianBlur(shade, (0, 0), 8)[..., None] * 90
    pixels[~body] = (pixels - dark).round().astype(np.uint8)[~body]
    cv2.line(pixels, (20, 20), (580, 20), (0, 0, 0), 2)
    found = find_thin_parts(pixels, GREY, body)
    assert (found.doubt, bool(found.part.any())) == (False, False)
