"""Triangles -> which face covers which pixel: a z-buffer in numpy, without display, GPU or heavy imports.

Triangles are sorted into groups by the size of their box on the screen; all pixels of all boxes of a group are tested
at once by edge functions (Pineda 1988). 50,000 faces at 768 x 768 take about 0.2 s on one core; Open3D's ray casting is as
fast but costs 1.5 s of import.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.values import F32, F64, I32

_CHUNK = 4_000_000
"""Candidate pixels at a time: bounds the memory to some 200 MB."""


@dataclass(frozen=True, kw_only=True)
class Hits:
    """What is nearest in each pixel."""

    face: I32
    """(H,W) index of the face, -1 for none."""
    weights: F32
    """(H,W,3) barycentric weights of the face's corners, linear on the screen."""


def rasterize(screen: F64, z: F64, faces: I32, width_px: int, height_px: int) -> Hits:
    """Draw faces (F,3) with corners at `screen` (V,2) x, y in pixels and depth `z` (V,), small is near."""
    nearest = np.full(height_px * width_px, np.inf, np.float32)
    face = np.full(height_px * width_px, -1, np.int32)
    weights = np.zeros((height_px * width_px, 3), np.float32)
    corner = screen[faces]
    low = np.floor(corner.min(1) - 0.5).astype(np.int64)
    high = np.ceil(corner.max(1) - 0.5).astype(np.int64)
    low = np.maximum(low, 0)
    high = np.minimum(high, [width_px - 1, height_px - 1])
    size = (high - low + 1).max(1)
    edge = corner[:, [1, 2, 0]] - corner
    area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
    drawn = np.flatnonzero((high >= low).all(1) & (np.abs(area) > 1e-12))
    step = 2
    while len(drawn):
        group, drawn = drawn[size[drawn] <= step], drawn[size[drawn] > step]
        dy, dx = (axis.ravel() for axis in np.mgrid[:step, :step])
        per = max(1, _CHUNK // (step * step))
        for begin in range(0, len(group), per):
            part = group[begin : begin + per]
            x, y = low[part, 0, None] + dx, low[part, 1, None] + dy
            inside = (x <= high[part, 0, None]) & (y <= high[part, 1, None])
            u = np.zeros((len(part), step * step, 3), np.float32)
            for k in range(3):
                a, e = corner[part, (k + 1) % 3], edge[part, (k + 1) % 3]
                u[..., k] = (
                    e[:, 0, None] * (y + 0.5 - a[:, 1, None]) - e[:, 1, None] * (x + 0.5 - a[:, 0, None])
                ) / area[part, None]
            inside &= (u >= 0).all(2)
            which, where = np.nonzero(inside)
            if not len(which):
                continue
            bary = u[which, where]
            deep = (bary * z[faces[part[which]]]).sum(1).astype(np.float32)
            pixel = y[which, where] * width_px + x[which, where]
            # Far first: of equal pixels the last assignment, the nearest, stays. Ties go to the lower face index.
            order = np.lexsort((-part[which], -deep))
            order = order[deep[order] < nearest[pixel[order]]]
            chosen = pixel[order]
            nearest[chosen] = deep[order]
            face[chosen] = part[which[order]]
            weights[chosen] = bary[order]
        step *= 2
    return Hits(face=face.reshape(height_px, width_px), weights=weights.reshape(height_px, width_px, 3))
