"""A painted surface -> one closed solid a colour, for slicers that take a part a filament instead of paint.

The colour of the largest area is the body; each other colour is an inlay as deep as asked, but never deeper than two
fifths of the wall. Outer faces are kept as they are, inner ones are the same faces moved inward, and a wall joins the
two along each border, so every solid is closed by construction and all of them together are the figurine.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F64, I32, I64
from slipcast.mesh.thickness import measure_thickness
from slipcast.prepare.body import MM, Surface
from slipcast.prepare.paint import Painted, measure_areas

INLAY_MM = 0.8
"""Two walls of a 0.4 mm nozzle: no other colour shines through."""
_SHARE_OF_WALL = 0.4
_LEAST_MM = 0.05


@dataclass(frozen=True, kw_only=True)
class ColorBody:
    """The solid of one colour."""

    color: int
    """Its number in the palette."""
    vertices_mm: F64
    """(V,3) print frame."""
    faces: I32
    """(F,3) closed, counter-clockwise seen from outside."""


def split_colors(painted: Painted, depth_mm: float = INLAY_MM) -> list[ColorBody]:
    """Return a solid for each colour that `painted` shows, the body first; inlays are up to `depth_mm` deep."""
    surface, index = painted.surface, painted.index
    area = np.bincount(index, measure_areas(surface), len(painted.palette.colors))
    order = [int(k) for k in np.argsort(-area, kind="stable") if (index == k).any()]
    count = len(surface.vertices_mm)
    places = np.concatenate([surface.vertices_mm, _move_inward(surface, depth_mm)])
    faces = surface.faces.astype(np.int64)
    main = order[0]
    out = []
    for color in order:
        own = index == color
        if color == main:
            walls = _walls(faces, ~own, count)
            out.append(
                _pack(color, places, np.concatenate([faces[own], faces[~own] + count, walls[:, ::-1]]))
            )
        else:
            walls = _walls(faces, own, count)
            out.append(_pack(color, places, np.concatenate([faces[own], faces[own][:, ::-1] + count, walls])))
    return out


def _walls(faces: I64, own: np.ndarray, count: int) -> I64:
    """(N,3) faces from the outer to the inner edge along the border of the `own` faces, seen from beside them."""
    start = faces[own]
    edge = np.stack([start, np.roll(start, -1, axis=1)], 2).reshape(-1, 2)
    key, twin = edge[:, 0] * count + edge[:, 1], edge[:, 1] * count + edge[:, 0]
    a, b = edge[~np.isin(key, twin)].T
    return np.concatenate([np.stack([b, a, a + count], 1), np.stack([b, a + count, b + count], 1)])


def _pack(color: int, places: F64, faces: I64) -> ColorBody:
    used, packed = np.unique(faces, return_inverse=True)
    return ColorBody(color=color, vertices_mm=places[used], faces=packed.reshape(-1, 3).astype(np.int32))


def _move_inward(surface: Surface, depth_mm: float) -> F64:
    """(V,3) each vertex moved against its normal, by less where the wall is thin."""
    corner = surface.vertices_mm[surface.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    at_vertex = np.zeros_like(surface.vertices_mm)
    wall = measure_thickness(surface.as_mesh()).per_face_m.astype(np.float64) * MM
    thinnest = np.full(len(at_vertex), np.inf)
    for k in range(3):
        np.add.at(at_vertex, surface.faces[:, k], normal)
        np.minimum.at(thinnest, surface.faces[:, k], wall)
    at_vertex /= np.maximum(np.linalg.norm(at_vertex, axis=1, keepdims=True), 1e-12)
    depth = np.clip(_SHARE_OF_WALL * thinnest, _LEAST_MM, depth_mm)
    return np.asarray(surface.vertices_mm - at_vertex * depth[:, None], np.float64)
