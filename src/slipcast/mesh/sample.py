"""Colours of a texture between its pixels."""

import numpy as np

from slipcast.core.values import F32, U8


def sample(pixels: U8, uv: F32) -> U8:
    """Return (...,3) colours of `pixels` (H,W,3) at `uv` (...,2), bilinear, clamped at the rim.

    The origin of UV is the upper left corner, as in glTF; a pixel's middle lies half a pixel from its edges.

    >>> pixels = np.array([[[0, 0, 0], [200, 100, 0]]], np.uint8)
    >>> sample(pixels, np.array([[0.5, 0.5], [1.0, 0.5]], np.float32)).tolist()
    [[100, 50, 0], [200, 100, 0]]
    """
    height, width = pixels.shape[:2]
    x = np.clip(uv[..., 0].astype(np.float64) * width - 0.5, 0, width - 1)
    y = np.clip(uv[..., 1].astype(np.float64) * height - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left)[..., None], (y - top)[..., None]
    upper = pixels[top, left] * (1 - fx) + pixels[top, right] * fx
    lower = pixels[bottom, left] * (1 - fx) + pixels[bottom, right] * fx
    out: U8 = np.rint(upper * (1 - fy) + lower * fy).astype(np.uint8)
    return out
