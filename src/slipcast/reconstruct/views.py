"""Several sides of one figurine -> one closed mesh: the visual hull, rounded and given depth by a small network.

The hull of the silhouettes gives what is certainly air; the network says how deep each point within lies, from the
silhouettes' rows and columns and from the depth model's shells, which are too unsure to carve with. What a silhouette
shows must be there: where the solid leaves a pixel of one uncovered, it grows at the likeliest place of that ray. At
last it is made one body (connect.py).
"""

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from slipcast.core.values import F32
from slipcast.reconstruct.connect import connect_bodies
from slipcast.reconstruct.features import make_maps, point_features
from slipcast.reconstruct.fusion_net import depth_inside
from slipcast.reconstruct.silhouettes import Side
from slipcast.reconstruct.solid_grid import Grid, hull_on_grid, make_grid

_CHUNK = 60_000
_CALM = 0.8
"""Nodes over which the network's field is blurred."""
_COVERED = 4
"""How often what is uncovered is grown."""
_SKIN = 0.6
"""Nothing is thinner than twice this, in fine nodes: the surface would break up."""


def fuse_field(sides: Sequence[Side], nodes: int, slack: float = 0.0) -> tuple[Grid, F32]:
    """A grid and the signed depth (X,Y,Z) at its nodes, in units of the frame, positive inside the figurine.

    The network is asked on a grid of `nodes` nodes along the longest side, the hull on one twice as fine. `slack` is
    how far the solid may leave the hull, for outlines that do not agree to the pixel.
    """
    grid = make_grid(sides, nodes)
    hull, near = hull_on_grid(sides, grid, slack + 2.5 * grid.pitch)
    maps = make_maps(sides)
    field = hull.copy()
    index = np.flatnonzero(near)
    flat = field.reshape(-1)
    for first in range(0, len(index), _CHUNK):
        part = index[first : first + _CHUNK]
        flat[part] = depth_inside(*point_features(maps, grid.points(part)))
    field = np.minimum(ndimage.gaussian_filter(field, _CALM), hull + np.float32(slack))
    for _ in range(_COVERED):
        _cover(field, hull + np.float32(slack), sides, grid)
    fine = grid.halved()
    outer, _ = hull_on_grid(sides, fine, slack + 2.5 * fine.pitch)
    field = _halve(field)
    field = np.minimum(field, outer + np.float32(slack))
    # Fins and antennae are thinner than a node: there the hull, as thick as a node at least, is the solid.
    thick = ndimage.maximum_filter(outer, size=3) / np.float32(fine.pitch)
    kept = outer + np.float32(fine.pitch) * np.clip(_SKIN - thick, 0, _SKIN)
    for _ in range(2):
        _cover(field, kept, sides, fine)
    connect_bodies(field, sides, fine)
    field[[0, -1]] = field[:, [0, -1]] = field[:, :, [0, -1]] = -fine.pitch
    return fine, field


def _halve(field: F32) -> F32:
    """The field on a grid twice as fine, linear between nodes."""
    for axis in range(3):
        low, high = (
            field.take(range(field.shape[axis] - 1), axis),
            field.take(range(1, field.shape[axis]), axis),
        )
        shape = list(field.shape)
        shape[axis] = 2 * shape[axis] - 1
        out = np.empty(shape, np.float32)
        even: list[slice] = [slice(None)] * 3
        odd = list(even)
        even[axis], odd[axis] = slice(None, None, 2), slice(1, None, 2)
        out[tuple(even)], out[tuple(odd)] = field, (low + high) / 2
        field = out
    return field


def _cover(field: F32, hull: F32, sides: Sequence[Side], grid: Grid) -> None:
    """Raise the field, in place, where a silhouette's pixel has nothing behind it: at the ray's deepest node."""
    index = np.flatnonzero(hull > -0.5 * grid.pitch)
    values = field.reshape(-1)[index]
    allowed = hull.reshape(-1)[index]
    points = grid.points(index)
    short = np.zeros(field.size, np.float32)
    for side in sides:
        x, y, z = side.camera.project(points)
        size_px = float(side.camera.scale_px) * grid.pitch * 1.2
        rows, columns = (int(n / size_px) + 2 for n in side.outline_px.shape)
        pixel = np.clip((y / size_px).astype(np.int64), 0, rows - 1) * columns + np.clip(
            (x / size_px).astype(np.int64), 0, columns - 1
        )
        # The deepest node of each ray, and how deep the outline says that it should be at least.
        order = np.lexsort((values, pixel))
        last = np.flatnonzero(np.diff(pixel[order], append=-1))
        best = order[last]
        wanted = np.minimum(
            side.distances_at(x[best], y[best], z[best]), np.minimum(allowed[best], 0.5 * grid.pitch)
        )
        missing = np.clip(wanted - values[best], 0, 0.06)
        np.maximum.at(short, index[best], missing)
    if not short.any():
        return
    grown = ndimage.grey_dilation(short.reshape(field.shape), size=(3, 3, 3))
    grown = ndimage.gaussian_filter(grown, 1.0)
    np.minimum(field + grown, np.maximum(hull, field), out=field)
