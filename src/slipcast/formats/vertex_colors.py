"""Colours per vertex -> an atlas in which each face has a triangle of texels of its own.

Two faces share a square of texels: one has the corner at the top left, the other that at the bottom right. Between
its corners a face's texels blend in linear light, as glTF's renderers do. A face is one texel smaller than its half,
so that bilinear filtering reads no texel of the other.

Rejected: one texel a vertex (a face whose three vertices lie anywhere in the atlas blends over all that lies between).
"""

import numpy as np

from slipcast.core.values import F32, U8
from slipcast.formats.join_atlas import FLAT_PX, LARGEST_PX, Tile

_SIDE_PX = 2048
"""Of the atlas, where faces are few enough."""
_LEAST_PX, _MOST_PX = 6, 64
"""Side of a square."""


def bake_corners(colors: F32) -> Tile:
    """Return the texels and coordinates of faces with (F,3,3) linear `colors` at their corners, 0 to 1."""
    first = colors[0, 0]
    if (colors == first).all():
        flat = srgb_from_linear(first)
        return Tile(
            np.broadcast_to(flat, (FLAT_PX, FLAT_PX, 3)), None, np.full((len(colors), 3, 2), 0.5, np.float32)
        )
    squares = (len(colors) + 1) // 2
    across = int(np.ceil(np.sqrt(squares)))
    side = max(min(_SIDE_PX // across, _MOST_PX), min(_LEAST_PX, LARGEST_PX // across))
    down = -(-squares // across)
    pixels = np.zeros((down * side, across * side, 3), np.uint8)
    uv = np.empty((len(colors), 3, 2), np.float64)
    near, far = 0.5, side - 0.5
    corners = (
        np.array([[near, near], [far - 1, near], [near, far - 1]]),
        np.array([[far, far], [near + 2, far], [far, near + 2]]),
    )
    column, row = np.meshgrid(np.arange(side) + 0.5, np.arange(side) + 0.5)
    second = column + row > side + 0.5
    for half, corner in enumerate(corners):
        own = colors[half::2]
        place = np.arange(len(own))
        origin = np.stack([place % across, place // across], 1) * side
        uv[half::2] = origin[:, None] + corner
        inside = second if half else ~second
        texel = np.stack([column[inside], row[inside]], 1)
        weights = _weigh(texel, corner)
        y, x = np.nonzero(inside)
        for start in range(0, len(own), _AT_ONCE):
            some = slice(start, start + _AT_ONCE)
            shown = srgb_from_linear(np.clip(np.einsum("tk,fkc->ftc", weights, own[some]), 0, 1))
            pixels[origin[some, 1, None] + y, origin[some, 0, None] + x] = shown
    uv /= [pixels.shape[1], pixels.shape[0]]
    return Tile(pixels, None, uv.astype(np.float32))


_AT_ONCE = 4096


def _weigh(texels: "np.typing.NDArray[np.float64]", corner: "np.typing.NDArray[np.float64]") -> F32:
    """(T,3) how much each corner of a triangle counts at (T,2) texels, also beyond its edges."""
    matrix = np.stack([corner[1] - corner[0], corner[2] - corner[0]], 1)
    b, c = np.linalg.solve(matrix, (texels - corner[0]).T)
    return np.stack([1 - b - c, b, c], 1).astype(np.float32)


def srgb_from_linear(linear: F32) -> U8:
    """Return sRGB of 8 bits of `linear` light, 0 to 1; its shape, (...,3), stays (IEC 61966-2-1).

    >>> srgb_from_linear(np.array([0.0, 0.2158605, 1.0], np.float32)).tolist()
    [0, 128, 255]
    """
    out = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(out * 255), np.uint8)


def linear_from_srgb(color: U8) -> F32:
    """Return linear light, 0 to 1, of sRGB of 8 bits; the shape of `color`, (...,3), stays (IEC 61966-2-1).

    >>> linear_from_srgb(np.array([0, 128, 255], np.uint8)).astype(float).round(3).tolist()
    [0.0, 0.216, 1.0]
    """
    value = color.astype(np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)
