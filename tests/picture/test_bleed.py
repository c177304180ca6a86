"""bleed.py: the rim's pixels are half the background's, so they are blended with the figurine's own nearest colour."""

import numpy as np

from slipcast.picture.bleed import bleed_colors


def test_the_rim_is_blended_with_the_nearest_solid_colour() -> None:
    pixels = np.full((40, 40, 3), 255, np.uint8)  # a white background
    alpha = np.zeros((40, 40), np.uint8)
    pixels[10:30, 10:30], alpha[10:30, 10:30] = (200, 0, 0), 255
    pixels[10:30, 30], alpha[10:30, 30] = (228, 128, 128), 140
    out = bleed_colors(pixels, alpha)
    assert np.abs(out[20, 30].astype(int) - (214, 64, 64)).max() <= 2, "halfway to the figurine's red"
    assert np.abs(out[20, 33].astype(int) - (200, 0, 0)).max() <= 2, "outside is the figurine's"
    assert (out[15:25, 15:25] == pixels[15:25, 15:25]).all()
