"""Triangles -> which face covers which pixel: a z-buffer in numpy, without display, GPU or heavy imports.

Each face is cut into pixel rows, each row into the span where all three edge functions (Pineda 1988) are positive; the
spans of all faces are filled at once. Rejected: testing all pixels of the faces' boxes (ten times slower where faces
are long and thin); Open3D's ray casting (as fast, but 1.5 s of import).
"""

from dataclasses import dataclass

import numpy as np

from slipcast.values import F32, F64, I32, I64

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
    nearest = np.full(height_px * width_px, np.inf, np.float32)
    face = np.full(height_px * width_px, -1, np.int32)
    weights = np.zeros((height_px * width_px, 3), np.float32)
    corner = screen[faces]
    edge = corner[:, [1, 2, 0]] - corner
    area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
    top = np.maximum(np.ceil(corner[..., 1].min(1) - 0.5), 0).astype(np.int64)
    bottom = np.minimum(np.floor(corner[..., 1].max(1) - 0.5), height_px - 1).astype(np.int64)
    drawn = np.flatnonzero((bottom >= top) & (area < -1e-12))
    which, row = _repeated(drawn, top[drawn], (bottom - top + 1)[drawn])
    if not len(which):
        return Hits(face=face.reshape(height_px, width_px), weights=weights.reshape(height_px, width_px, 3))

    # Corner k's weight is offset + slope * x along a row.
    slope, offset = np.zeros((len(which), 3)), np.zeros((len(which), 3))
    left, right = np.full(len(which), 0.5), np.full(len(which), width_px - 0.5)
    for k in range(3):
        start, along = corner[which, (k + 1) % 3], edge[which, (k + 1) % 3]
        slope[:, k] = -along[:, 1] / area[which]
        offset[:, k] = (along[:, 0] * (row + 0.5 - start[:, 1]) + along[:, 1] * start[:, 0]) / area[which]
        with np.errstate(divide="ignore", invalid="ignore"):
            cross = -offset[:, k] / slope[:, k]
        left = np.where(slope[:, k] > 0, np.maximum(left, cross), left)
        right = np.where(slope[:, k] < 0, np.minimum(right, cross), right)
        right = np.where((slope[:, k] == 0) & (offset[:, k] < 0), -1.0, right)
    first = np.ceil(left - 0.5).astype(np.int64)
    length = np.maximum(np.floor(right - 0.5).astype(np.int64) - first + 1, 0)

    ends = np.cumsum(length)
    begin = 0
    while begin < len(which):
        end = max(begin + 1, int(np.searchsorted(ends, (ends[begin - 1] if begin else 0) + _CHUNK)))
        part = slice(begin, end)
        span, x = _repeated(np.arange(begin, min(end, len(which))), first[part], length[part])
        begin = end
        if not len(span):
            continue
        bary = (offset[span] + slope[span] * (x + 0.5)[:, None]).astype(np.float32)
        owner = which[span]
        deep = (bary * z[faces[owner]]).sum(1).astype(np.float32)
        pixel = row[span] * width_px + x
        # Far first: of equal pixels the last assignment, the nearest, stays. Ties go to the lower face index.
        closer = np.flatnonzero(deep < nearest[pixel])
        order = closer[np.lexsort((-owner[closer], -deep[closer]))]
        chosen = pixel[order]
        nearest[chosen] = deep[order]
        face[chosen] = owner[order]
        weights[chosen] = bary[order]
    return Hits(face=face.reshape(height_px, width_px), weights=weights.reshape(height_px, width_px, 3))


def _repeated(items: I64, first: I64, count: I64) -> tuple[I64, I64]:
    """Each item `count` times, beside the numbers first, first + 1, ..."""
    total = int(count.sum())
    start = np.cumsum(count) - count
    number = np.arange(total) - np.repeat(start - first, count)
    return np.repeat(items, count), number
