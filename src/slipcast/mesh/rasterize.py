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
    # Axis by axis and corner by corner: numpy is slow along axes of two or three.
    at = np.ascontiguousarray(faces.T)
    x, y = np.take(np.ascontiguousarray(screen.T, np.float64), at, axis=1)
    wide, tall = np.roll(x, -1, 0) - x, np.roll(y, -1, 0) - y
    area = wide[0] * tall[1] - wide[1] * tall[0]
    top = np.maximum(np.ceil(np.minimum(np.minimum(y[0], y[1]), y[2]) - 0.5), 0).astype(np.int64)
    bottom = np.maximum(np.maximum(y[0], y[1]), y[2])
    bottom = np.minimum(np.floor(bottom - 0.5), height_px - 1).astype(np.int64)
    drawn = np.flatnonzero((bottom >= top) & (area < -1e-12))
    x, y, wide, tall, area = (np.take(part, drawn, -1) for part in (x, y, wide, tall, area))
    deep = np.take(z.astype(np.float64), np.take(at, drawn, 1))
    # The weight of corner k rises by `slope` a pixel along a row and by `rise` from row to row.
    slope = np.stack([-tall[(k + 1) % 3] / area for k in range(3)])
    rise = np.stack([wide[(k + 1) % 3] / area for k in range(3)])
    base = np.stack([-(slope[k] * x[(k + 1) % 3] + rise[k] * y[(k + 1) % 3]) for k in range(3)])
    which, row = _repeat(top[drawn], (bottom - top + 1)[drawn])

    left, right = np.full(len(which), 0.5), np.full(len(which), width_px - 0.5)
    middle = row + 0.5
    for k in range(3):
        along = np.take(slope[k], which)
        offset = np.take(rise[k], which) * middle
        offset += np.take(base[k], which)
        with np.errstate(divide="ignore", invalid="ignore"):
            cross = -offset / along
        # Where a row runs along the edge it is on one side of it: all or nothing.
        np.maximum(left, np.where(along > 0, cross, 0.5), out=left)
        np.minimum(right, np.where(along < 0, cross, width_px - 0.5), out=right)
        right[(along == 0) & (offset < 0)] = -1.0
    first = np.ceil(left - 0.5).astype(np.int64)
    length = np.maximum(np.floor(right - 0.5).astype(np.int64) - first + 1, 0)

    # Depth is linear over a face as well: one slope and one value for each row's first pixel.
    fall = (slope * deep).sum(0)
    start = (base * deep).sum(0)[which] + (rise * deep).sum(0)[which] * middle + fall[which] * (first + 0.5)
    begin, ends = 0, np.cumsum(length)
    while begin < len(which):
        end = max(begin + 1, int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + _CHUNK)))
        end = min(end, len(which))
        part = slice(begin, end)
        begin = end
        span, step = _repeat(np.zeros(end - part.start, np.int64), length[part])
        span += part.start
        if not len(span):
            continue
        owner = which[span]
        near = (start[span] + fall[owner] * step).astype(np.float32)
        pixel = (row * width_px + first)[span] + step
        np.minimum.at(best, pixel, _sort(near) << np.uint64(32) | drawn[owner].astype(np.uint64))

    face = np.full(height_px * width_px, -1, np.int32)
    weights = np.zeros((height_px * width_px, 3), np.float32)
    shown = np.flatnonzero(best != np.iinfo(np.uint64).max)
    face[shown] = (best[shown] & np.uint64(0xFFFFFFFF)).astype(np.int32)
    rows = shown // width_px
    across, down = shown - rows * width_px + 0.5, rows + 0.5
    place = np.empty(len(faces), np.int32)
    place[drawn] = np.arange(len(drawn), dtype=np.int32)
    own = place[face[shown]]
    parts = np.empty((len(shown), 3), np.float32)
    for k in range(3):
        weight = np.take(slope[k], own) * across
        weight += np.take(base[k], own)
        weight += np.take(rise[k], own) * down
        parts[:, k] = weight
    whole = np.dtype((np.void, weights.itemsize * 3))  # three numbers are moved as one
    weights.view(whole)[shown] = parts.view(whole)
    return Hits(face=face.reshape(height_px, width_px), weights=weights.reshape(height_px, width_px, 3))


def _sort(values: F32) -> "np.typing.NDArray[np.uint64]":
    """Whole numbers of 32 bits in the order of the values."""
    bits = (values + np.float32(0)).view(np.int32)  # -0 becomes 0
    # Of a negative value all bits turn, else the first alone.
    turned = (bits >> 31).view(np.uint32) | np.uint32(1 << 31)
    return (bits.view(np.uint32) ^ turned).astype(np.uint64)


def _repeat(first: I64, count: I64) -> tuple[I64, I64]:
    """The numbers 0, 1, ... of `count` (N,), each so many times, beside first, first + 1, ..."""
    start = np.cumsum(count) - count - first
    number = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(number))
    step -= np.take(start, number)
    return number, step
