"""What a picture's light says of a surface too fine for the depth network."""

import numpy as np
import pytest

from slipcast.depth.relief import HEIGHT, relief


def _painted() -> tuple[np.ndarray, np.ndarray]:
    """A pale disc with a dark eye, and its mask."""
    y, x = np.mgrid[:400, :400] - 199.5
    mask = np.hypot(y, x) < 180
    pixels = np.full((400, 400, 3), 200, np.uint8)
    pixels[np.hypot(y + 60, x - 50) < 5] = 20
    return pixels, mask


def test_a_dark_eye_lies_deeper_and_no_deeper_than_the_bound() -> None:
    pixels, mask = _painted()
    found = relief(pixels, mask, 400.0)
    assert found[140, 249] < -0.5 * HEIGHT
    assert np.abs(found).max() <= HEIGHT
    assert np.abs(found[300:, 150:250]).max() == pytest.approx(0, abs=1e-6)


def test_the_background_carves_no_rim() -> None:
    pixels, mask = _painted()
    pixels[~mask] = 0
    found = relief(pixels, mask, 400.0)
    y, x = np.mgrid[:400, :400] - 199.5
    far_from_the_eye = mask & (np.hypot(y + 60, x - 50) > 40)
    assert np.abs(found[far_from_the_eye]).max() < 0.02 * HEIGHT
    assert not found[~mask].any()


def test_a_slow_shade_is_no_relief() -> None:
    _, mask = _painted()
    shade = np.linspace(60, 220, 400).astype(np.uint8)
    pixels = np.repeat(np.broadcast_to(shade, (400, 400))[..., None], 3, 2)
    core = mask.copy()
    core[:, :40] = core[:, -40:] = False
    assert np.abs(relief(np.ascontiguousarray(pixels), mask, 400.0)[core]).max() < 0.12 * HEIGHT
