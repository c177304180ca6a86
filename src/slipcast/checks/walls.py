"""Which parts of a solid are thinner than a process prints, and where: by layers, as a printer meets them.

A layer keeps its wall where a disc of the wall's width fits (morphological opening of the cross-section). What is left
over is a thin part only where it goes on for more than `_REACH` walls, sideways or upwards, from what the disc fills:
the sharp edge of a cape and the tip of a horn print, an antenna does not. Plates that lie flat print as layers do and
are no thin part.

Rejected: rays through the surface (thickness.py draws them for the report). They read every edge as thin: of 52
figurines of 75 mm they called 49 thin.

For the least wall of a solid (`measure_least_wall`) one wall does not do: beside a disc of 8 mm, 2 walls are 16 mm, and
a rod of 0.4 mm that is shorter than that is no part. So the wall grows from the process's on, until something is
thinner. Plates that lie flat are seen by the rays alone: the share of the surface that is thinner bounds the answer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F64, I64, U8, Bool, Mesh
from slipcast.mesh.thickness import measure_thickness
from slipcast.mesh.topology import to_manifold

if TYPE_CHECKING:
    import manifold3d

_REACH = 2.0
"""Walls that a thin part reaches beyond what is thick enough."""
_PIXELS = 4
"""Pixels of a wall."""
_FEWEST_PX, _MOST_PX = 200, 800
"""Pixels along the longest side; of a taller figurine walls are measured less finely."""
_THINNEST = 1 / 3
"""Of the reach: a pixel."""
_FEWEST = 4
"""Pixels of a part: fewer are the raster's own."""
_LINE, _LONG = 0.3125, 2.0
"""Width and length of a section's piece in walls from which on PrusaSlicer lays most of it (docs/print.md)."""
_MOSTLY = 0.8
"""Share of a part's pixels that are laid."""
_GROWTH = math.sqrt(2)
"""From one wall to the next that is tried: a part's own length in walls changes by less than its reach."""
_EDGES = 0.02
"""Share of the surface that may be thinner than the least wall: edges, tips, and small plates that lie flat."""


@dataclass(frozen=True, kw_only=True)
class ThinPart:
    """One part that is thinner than the wall asked for."""

    width_m: float
    """How thick it is at its thickest."""
    length_m: float
    """Diagonal of its box."""
    at_m: tuple[float, float, float]
    """Its middle, in world axes."""
    laid: bool
    """Whether its layers are long enough that a slicer lays them in one line: a sheet or a level bar, no pin."""


def find_thin_parts(mesh: Mesh, wall_m: float) -> tuple[ThinPart, ...] | None:
    """Return the parts of `mesh` (metres, world axes, +Y up) that are thinner than `wall_m`, the longest first.

    None where the mesh is no solid.

    >>> from slipcast.mesh.topology import make_mesh
    >>> corners = np.stack(np.meshgrid([0, 0.02], [0, 0.02], [0, 0.0004], indexing="ij"), -1).reshape(-1, 3)
    >>> sides = [[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]]
    >>> plate = make_mesh(corners, np.array([half for a, b, c, d in sides for half in ((a, b, c), (a, c, d))]))
    >>> [round(part.width_m * 1000, 1) for part in find_thin_parts(plate, 0.0008)]
    [0.4]
    """
    solid = to_manifold(mesh)
    if solid is None:
        return None
    low, high = mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)
    size = float((high - low).max())
    pixel = max(min(wall_m / _PIXELS, size / _FEWEST_PX), size / _MOST_PX)
    step = 2 * pixel

    import manifold3d

    upright = solid.transform(np.array([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]))
    layers = []
    for level in range(max(1, int((high - low)[1] / step))):
        section = upright.slice(low[1] + (level + 0.5) * step)

        def outlines(inset_m: float, section: "manifold3d.CrossSection" = section) -> list[F64]:
            piece = section.offset(-inset_m, manifold3d.JoinType.Miter, 2.0) if inset_m else section
            return [(np.asarray(line) - low[[0, 2]]) / pixel for line in piece.to_polygons()]

        rims = outlines(0.0)
        core = partial(outlines, _LINE * wall_m / 2)  # of the few layers that have a thin part
        layers.append(_open_layer(rims, core, wall_m / pixel) if rims else None)
    rise = max(1, round(_REACH * wall_m / step))
    spots, widths, lines = [], [], []
    for number, layer in enumerate(layers):
        if layer is None or not len(layer.thin):
            continue
        thin, width, laid = layer.thin, layer.width, layer.laid
        for other in layers[max(0, number - rise) : number + rise + 1]:
            if other is not None and other.reached and len(thin):
                free = ~other.keeps(thin)
                thin, width, laid = thin[free], width[free], laid[free]
        spots.append(
            np.column_stack(
                [thin[:, 1] * pixel, np.full(len(thin), (number + 0.5) * step), thin[:, 0] * pixel]
            )
        )
        widths.append(width * pixel)
        lines.append(laid)
    if not spots or not sum(map(len, spots)):
        return ()
    return _join_spots(
        np.concatenate(spots) + low, np.concatenate(widths), np.concatenate(lines), 1.5 * step, wall_m
    )


def measure_least_wall(mesh: Mesh, kept_m: float) -> float:
    """Return the thickness in metres that every part of `mesh`, a solid, has; edges and tips are none.

    `kept_m` is the wall at which `find_thin_parts` found nothing, and the least that is returned.

    >>> from slipcast.mesh.topology import make_mesh
    >>> corners = np.array([[0, 0, 0], [0.02, 0, 0], [0, 0.02, 0], [0, 0, 0.02]])
    >>> wedge = make_mesh(corners, np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]))
    >>> 0.0008 <= measure_least_wall(wedge, 0.0008) < 0.02
    True
    """
    most = max(measure_thickness(mesh).quantile_m(_EDGES), kept_m)
    finest = float(np.ptp(mesh.vertices, axis=0).max()) / _MOST_PX
    wall = kept_m
    while wall < most:
        last, wall = wall, min(max(wall * _GROWTH, finest), most)
        if parts := find_thin_parts(mesh, wall):
            return min(max(min(part.width_m for part in parts), last), wall)
    return most


@dataclass(frozen=True)
class _Layer:
    """One cross-section: what a disc of the wall's width reaches, and what is left."""

    corner: tuple[int, int]
    """Row and column of the crop's first pixel."""
    kept: Bool
    """(h,w) of the crop."""
    reached: bool
    """Whether the disc fits anywhere."""
    thin: I64
    """(N,2) row and column of each pixel that is left."""
    width: F64
    """(N,) the width of the section there in pixels."""
    laid: Bool
    """(N,) whether a slicer lays the piece of the section there in one line."""

    def keeps(self, places: I64) -> Bool:
        """(N,) whether each row and column is reached in this layer."""
        row, column = (places - self.corner).T
        height, width = self.kept.shape
        within = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        out = np.zeros(len(places), np.bool_)
        out[within] = self.kept[row[within], column[within]]
        return out


def _open_layer(lines: list[F64], find_cores: Callable[[], list[F64]], wall_px: float) -> _Layer:
    import cv2

    every = np.concatenate(lines)
    left, top = (int(value) - 2 for value in np.floor(every.min(0)))
    wide, tall = (int(value) + 3 for value in np.ceil(every.max(0)) - (left, top))
    image = _draw(lines, (left, top), (tall, wide))
    inside = cv2.distanceTransform(image, cv2.DIST_L2, cv2.DIST_MASK_5)
    # A polygon is drawn with its edge, and distances count to the next pixel's centre: one pixel too much on each side.
    inside = np.maximum(inside - 1, 0)
    core = (inside < wall_px / 2 - 0.25).astype(np.uint8)
    away = cv2.distanceTransform(core, cv2.DIST_L2, cv2.DIST_MASK_5) if not core.all() else np.inf
    kept = np.broadcast_to(away <= (_REACH + 0.5) * wall_px, image.shape)
    thin = np.argwhere((image > 0) & ~kept)
    width = 2.0 * inside[thin[:, 0], thin[:, 1]].astype(np.float64)
    laid = np.zeros(len(thin), np.bool_)
    if len(thin) and (cores := find_cores()):
        core = _draw(cores, (left, top), image.shape) > 0
        laid = _find_laid((image > 0) & ~kept, core, wall_px)[thin[:, 0], thin[:, 1]]
    return _Layer((top, left), kept, bool(kept.any()), thin + np.array([top, left]), width, laid)


def _draw(lines: list[F64], corner: tuple[int, int], shape: tuple[int, ...]) -> U8:
    """Polygons, in pixels, as 1 on 0; what they touch counts, so that slivers are seen."""
    import cv2

    image = np.zeros(shape, np.uint8)
    cv2.fillPoly(image, [np.round((line - corner - 0.5) * 16).astype(np.int32) for line in lines], 1, shift=4)
    return image


def _find_laid(thin: Bool, core: Bool, wall_px: float) -> Bool:
    """The pieces of a section's thin pixels (h,w) that are wide and long enough for one line of the nozzle.

    `core` is the section without half a line's least width along its rim.
    """
    labels = ndimage.label(thin, np.ones((3, 3)))[0]
    out = np.zeros(thin.shape, np.bool_)
    for number, window in enumerate(ndimage.find_objects(labels), 1):
        piece: Bool = labels[window] == number
        row, column = np.nonzero(core[window] & piece)
        if len(row) and math.hypot(np.ptp(row), np.ptp(column)) >= (_LONG - _LINE) * wall_px - 1:
            out[window] |= piece
    return out


def _join_spots(places: F64, widths: F64, laid: Bool, reach_m: float, wall_m: float) -> tuple[ThinPart, ...]:
    """Neighbouring places (N,3) as parts."""
    cell = np.floor((places - places.min(0)) / reach_m).astype(np.int64)
    grid = np.zeros(cell.max(0) + 1, np.bool_)
    grid[tuple(cell.T)] = True
    labels, count = ndimage.label(grid, np.ones((3, 3, 3)))
    owner = labels[tuple(cell.T)] - 1
    parts = []
    for number in range(count):
        here = places[owner == number]
        if len(here) < _FEWEST:
            continue
        low, high = here.min(0), here.max(0)
        if float(np.linalg.norm(high - low)) < wall_m:
            continue  # a tip
        middle = (low + high) / 2
        parts.append(
            ThinPart(
                width_m=min(max(float(widths[owner == number].max()), _THINNEST * reach_m), wall_m),
                length_m=float(np.linalg.norm(high - low)),
                at_m=(float(middle[0]), float(middle[1]), float(middle[2])),
                laid=float(laid[owner == number].mean()) >= _MOSTLY,
            )
        )
    return tuple(sorted(parts, key=lambda part: -part.length_m))
