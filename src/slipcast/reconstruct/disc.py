"""The round base of a figurine, made round.

A surface through samples on a grid leaves the wall of a disc fluted and its edges ragged: where the wall turns away
from the camera, one step of the grid is a step of the radius. Of the sample knight's base, 45 mm wide, corners lay from
1.4 % of the radius within the disc to 1.6 % outside, and light bent around the upper edge differently at each of them.
The disc is known, so it takes the place of what the samples say of it.

Rejected: moving the corners onto the disc and its edges (the collapse leaves them at all heights near the edge, so the
wall shades as raggedly as before). The teeth where a body meets the ground behind are shading: both share normals at
that corner, and the collapse leaves faces of all lengths beside it. Rejected against them: the body's lowest 0.03 radii
as an upright wall, cut and drawn down onto the disc (the samples' ground lies above it, and got a torn wall instead).
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.camera import world_from_camera
from slipcast.core.round_base import RoundBase
from slipcast.core.values import F64, Camera, Mesh

if TYPE_CHECKING:
    import manifold3d

_AROUND = 1.06
"""Of the radius: what lies within and below the top is the base."""
_LIFT = 0.012
"""Of the radius: how much higher the disc is, so that the samples' ragged rim lies within it."""
_BEVEL = 0.015
"""Of the radius: an edge's bevel, and how far from it the next ring of corners lies. Normals are shared by the faces at
a corner; so light turns on the bevel and nowhere else."""
_SEGMENTS = (16, 128)
"""Of the circle, at least and at most: with 128, 45 mm wide, the disc is 0.007 mm too small between two corners."""
_FACES_A_SEGMENT = 200
"""A mesh that may have so many faces spends one segment more on the circle."""


def put_disc(
    solid: "manifold3d.Manifold", base: RoundBase, camera: Camera, faces: int
) -> "manifold3d.Manifold":
    """Return `solid`, in world axes and metres, with an exact upright disc where `base` says that one is.

    `base` is in the axes of `camera` and in metres; `faces` are the most that the mesh may have. The solid comes back
    as it is where nothing of it stands above the base.
    """
    x, y, z = find_centre(base, camera)
    segments = min(max(faces // _FACES_A_SEGMENT, _SEGMENTS[0]), _SEGMENTS[1])
    radius, height = base.radius, top_of(base)
    # Flats between corners lie within the circle: the wider one is widened by as much.
    wide = _AROUND * radius / math.cos(math.pi / segments)
    below = _revolve([(0, -height), (wide, -height), (wide, height), (0, height)], segments)
    above = solid - below.translate((x, y, z))
    if not above.num_tri():
        return solid
    bevel = min(_BEVEL * radius, height / 6)
    rim = [(radius - 2 * bevel, 0), (radius - bevel, 0), (radius, bevel), (radius, 2 * bevel)]
    outline = [(0, 0), *rim, *((r, height - h) for r, h in reversed(rim)), (0, height)]
    return above + _revolve(outline, segments).translate((x, y, z))


def measure_share(mesh: Mesh, base: RoundBase, camera: Camera) -> float:
    """Share of the faces of `mesh`, in world axes and metres, that `put_disc` would replace."""
    x, y, z = find_centre(base, camera)
    aside = np.hypot(mesh.vertices[:, 0] - np.float32(x), mesh.vertices[:, 2] - np.float32(z))
    within = (aside < _AROUND * base.radius) & (mesh.vertices[:, 1] < y + top_of(base))
    return float(within[mesh.faces[:, 0]].mean()) if len(mesh.faces) else 0.0


def top_of(base: RoundBase) -> float:
    """Height of the disc that stands for `base`, in the base's unit."""
    return base.height + _LIFT * base.radius


def _revolve(outline: list[tuple[float, float]], segments: int) -> "manifold3d.Manifold":
    """The solid of distances from the axis and heights, counter-clockwise, turned about +Y."""
    import manifold3d

    return manifold3d.CrossSection([outline]).revolve(segments).rotate((-90.0, 0.0, 0.0))


def find_centre(base: RoundBase, camera: Camera) -> F64:
    """(3,) the middle of the underside of `base` in world axes, in its own unit."""
    out: F64 = world_from_camera(camera, np.array([[base.x, base.y, base.z]]))[0]
    return out
