"""Triangles -> which face covers which pixel: a z-buffer in numpy, without display, GPU or heavy imports.

Each face is cut into pixel rows, each row into the span where all three edge functions (Pineda 1988) are positive; the
spans of all faces are filled at once. Rejected: testing all pixels of the faces' boxes (ten times slower where faces
are long and thin); Open3D's ray casting (as fast, but 1.5 s of import).
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F32, F64, I32, I64

_CHUNK = 2_000_000
"""Pixels at a time: bounds the memory to some 200 MB."""


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What is nearest in each pixel."""

    face: I32
    """(H,W) index of the face, -1 for none."""
    weights: F32
    """(H,W,3) barycentric weights of the face's corners, linear on the screen."""


def rasterize(screen: F64, z: F64, faces: I32, width_px: int, height_px: int) -> Hits:
    """Draw faces (F,3) with corners at `screen` (V,2) x, y in pixels, y down, and depth `z` (V,), small is near.

    Faces that look away (clockwise on the screen) are not drawn: in a solid they are never nearest.
    """
    # Of each pixel the smallest key, nearness before index: depth in the upper half, the face in the lower one.
    best = np.full(height_px * width_px, np.iinfo(np.uint64).max, np.uint64)
    face = np.full(height_px * width_px, -1, np.int32)
    weights = np.zeros((height_px * width_px, 3), np.float32)
    # Axis by axis and corner by corner: numpy is slow along axes of two or three.
    x, y = np.ascontiguousarray(screen.T)[:, faces.T]
    wide, tall = np.roll(x, -1, 0) - x, np.roll(y, -1, 0) - y
    area = wide[0] * tall[1] - wide[1] * tall[0]
    top = np.maximum(np.ceil(np.minimum(np.minimum(y[0], y[1]), y[2]) - 0.5), 0).astype(np.int64)
    bottom = np.maximum(np.maximum(y[0], y[1]), y[2])
    bottom = np.minimum(np.floor(bottom - 0.5), height_px - 1).astype(np.int64)
    drawn = np.flatnonzero((bottom >= top) & (area < -1e-12))
    which, row = _repeat(drawn, top[drawn], (bottom - top + 1)[drawn])
    if not len(which):
        return Hits(face=face.reshape(height_px, width_px), weights=weights.reshape(height_px, width_px, 3))

    # Corner k's weight is offset + slope * x along a row.
    slope, offset = np.zeros((3, len(which))), np.zeros((3, len(which)))
    left, right = np.full(len(which), 0.5), np.full(len(which), width_px - 0.5)
    for k in range(3):
        after = (k + 1) % 3
        slope[k] = -tall[after][which] / area[which]
        rise = wide[after][which] * (row + 0.5 - y[after][which])
        offset[k] = (rise + (tall[after] * x[after])[which]) / area[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            cross = -offset[k] / slope[k]
        left = np.where(slope[k] > 0, np.maximum(left, cross), left)
        right = np.where(slope[k] < 0, np.minimum(right, cross), right)
        right = np.where((slope[k] == 0) & (offset[k] < 0), -1.0, right)
    first = np.ceil(left - 0.5).astype(np.int64)
    length = np.maximum(np.floor(right - 0.5).astype(np.int64) - first + 1, 0)

    corner_z = z[faces.T]
    ends = np.cumsum(length)
    begin = 0
    while begin < len(which):
        end = max(begin + 1, int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + _CHUNK)))
        part = slice(begin, end)
        span, column = _repeat(np.arange(begin, min(end, len(which))), first[part], length[part])
        begin = end
        if not len(span):
            continue
        owner = which[span]
        bary = [(offset[k][span] + slope[k][span] * (column + 0.5)).astype(np.float32) for k in range(3)]
        deep = sum(bary[k] * corner_z[k][owner] for k in range(3)).astype(np.float32)
        pixel = row[span] * width_px + column
        key = _sort(deep) << np.uint64(32) | owner.astype(np.uint64)
        np.minimum.at(best, pixel, key)
        chosen = np.flatnonzero(best[pixel] == key)
        pixel = pixel[chosen]
        face[pixel] = owner[chosen]
        for k in range(3):
            weights[pixel, k] = bary[k][chosen]
    return Hits(face=face.reshape(height_px, width_px), weights=weights.reshape(height_px, width_px, 3))


def _sort(values: F32) -> "np.typing.NDArray[np.uint64]":
    """Whole numbers of 32 bits in the order of the values."""
    bits = (values + np.float32(0)).view(np.uint32)  # -0 becomes 0
    negative = bits >> np.uint32(31) > 0
    return np.where(negative, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)


def _repeat(items: I64, first: I64, count: I64) -> tuple[I64, I64]:
    """Each item `count` times, beside the numbers first, first + 1, ..."""
    total = int(count.sum())
    start = np.cumsum(count) - count
    number = np.arange(total) - np.repeat(start - first, count)
    return np.repeat(items, count), number
