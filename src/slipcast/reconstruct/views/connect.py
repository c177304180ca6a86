"""A field of several views in one body: crumbs that no outline needs go, parts that one needs are tied to the rest.

Where views do not agree to the pixel, a speck of the solid stays before or behind the body that already fills its
place in every outline. What is needed, a blade's tip or an antenna's ball, hangs on by a bridge as thick as the grid
can hold, along the shortest way, if every outline allows it there; what no way leads to stays by itself, and the
checks say so.
"""

from collections.abc import Sequence

import numpy as np

from slipcast.core.scientific import ndimage, spatial
from slipcast.core.values import F32, I64, Bool
from slipcast.reconstruct.views.silhouettes import Side, hull_distances
from slipcast.reconstruct.views.solid_grid import Grid

_NEEDED = 0.002
"""A body is needed where it alone fills this share of an outline's area, or half of its own."""
_LONGEST = 0.06
"""A bridge is no longer, in units of the frame."""
_BRIDGE = 0.9
"""Half its thickness, in nodes."""


def connect_bodies(field: F32, sides: Sequence[Side], grid: Grid) -> None:
    """Join or drop, in place, the bodies of `field` (X,Y,Z; positive inside) other than the largest."""
    label, count = ndimage.label(field > 0)  # by faces: the surface may part where only corners touch
    if count < 2:
        return
    sizes = np.bincount(label.ravel())
    sizes[0] = 0
    order = np.argsort(-sizes[1:], kind="stable") + 1
    body = label == order[0]
    for number in order[1:]:
        part = np.flatnonzero(label.ravel() == number)
        if not _is_needed(part, body, sides, grid):
            field.reshape(-1)[part] = -grid.pitch
            continue
        _build_bridge(field, part, body, sides, grid)
        body |= label == number


def _is_needed(part: I64, body: Bool, sides: Sequence[Side], grid: Grid) -> bool:
    """Whether an outline shows `part` (flat indices) where `body` is not."""
    rest = grid.points(np.flatnonzero(body.ravel()))
    for side in sides:
        size_px = float(side.camera.scale_px) * grid.pitch
        mine, there = (_pixels(points, side, size_px) for points in (grid.points(part), rest))
        # In the part's own box, and one pixel around it, of which the body's neighbours count as the body.
        low = mine.min(1, keepdims=True) - 1
        shape = tuple(mine.max(1) - low[:, 0] + 2)
        there = (there - low)[:, ((there >= low) & (there - low < np.array(shape)[:, None])).all(0)]
        shown, covered = np.zeros((2, *shape), bool)
        shown[tuple(mine - low)] = True
        covered[tuple(there)] = True
        alone = shown & ~ndimage.binary_dilation(covered, np.ones((3, 3)))
        area = float(side.inside.sum()) / size_px**2
        if alone.sum() > _NEEDED * area and alone.sum() > 0.1 * shown.sum():
            return True
    return False


def _pixels(points: F32, side: Side, size_px: float) -> I64:
    """(2,N) row and column of the pixels, `size_px` wide, that points are seen in."""
    x, y, _ = side.camera.project(points)
    return np.stack([y / size_px, x / size_px]).astype(np.int64)


def _build_bridge(field: F32, part: I64, body: Bool, sides: Sequence[Side], grid: Grid) -> None:
    """Raise the field along the shortest line from `part` to `body` where all outlines hold it."""
    shell = np.flatnonzero((body & ~ndimage.binary_erosion(body)).ravel())
    there, here = grid.points(shell), grid.points(part)
    way, nearest = spatial.cKDTree(there).query(here)
    best = int(way.argmin())
    if way[best] > _LONGEST:
        return
    start, end = here[best], there[nearest[best]]
    line = start + np.linspace(0, 1, 2 + int(way[best] / grid.pitch * 2), dtype=np.float32)[:, None] * (
        end - start
    )
    if float(hull_distances(sides, line).min()) < -1.5 * grid.pitch:
        return
    low = np.maximum(np.floor((line.min(0) - grid.low) / grid.pitch).astype(int) - 2, 0)
    high = np.ceil((line.max(0) - grid.low) / grid.pitch).astype(int) + 3
    box = tuple(slice(a, min(b, n)) for a, b, n in zip(low, high, grid.shape, strict=True))
    nodes = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), -1)
    at = (nodes * grid.pitch + grid.low).astype(np.float32)
    apart = spatial.cKDTree(line).query(at.reshape(-1, 3))[0].reshape(at.shape[:3])
    field[box] = np.maximum(field[box], np.float32(_BRIDGE * grid.pitch) - apart.astype(np.float32))
