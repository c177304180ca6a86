"""Does it stand: contact, centre of mass, and the angle at which it tips.

The contact is the convex hull of the cross-section just above the bed. The figurine tips about the hull's edge that is
nearest to the plumb line of its centre of mass: tan(angle) = distance / height of the centre of mass. Below 0 it has
already fallen. No slicer reports it.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.spatial import ConvexHull, QhullError

from slipcast.prepare.body import Body, Surface, read_surface
from slipcast.values import F64

CONTACT_MM = 0.15
"""Where the contact is taken above the bed: within the first layer of any printer."""


@dataclass(frozen=True, kw_only=True)
class Stance:
    """How a body stands on the bed."""

    tipping_deg: float
    """The smallest lean that tips it over; negative when it falls by itself."""
    contact_mm2: float
    """Area of the cross-section just above the bed."""
    contact: F64
    """(N,2) convex hull of that cross-section, counter-clockwise, mm; empty without contact."""
    mass_center_mm: F64
    """(3,) centre of mass."""

    @property
    def stands(self) -> bool:
        """Whether it stays where it is put."""
        return self.tipping_deg > 0


def measure_stance(body: Body) -> Stance:
    """Return how `body` stands when its lowest point lies on z = 0."""
    section = body.solid.slice(CONTACT_MM)
    outlines = [np.asarray(polygon, np.float64) for polygon in section.to_polygons()]
    center = mass_center(read_surface(body))
    hull = convex_hull(np.concatenate(outlines)) if outlines else np.zeros((0, 2))
    return Stance(
        tipping_deg=tipping_angle_deg(hull, center),
        contact_mm2=float(section.area()),
        contact=hull,
        mass_center_mm=center,
    )


def mass_center(surface: Surface) -> F64:
    """Return the (3,) centre of mass of a closed surface of one density, by signed tetrahedra."""
    a, b, c = (surface.vertices_mm[surface.faces[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    center: F64 = ((a + b + c) / 4 * volume[:, None]).sum(0) / volume.sum()
    return center


def tipping_angle_deg(hull: F64, center: F64) -> float:
    """Return the tipping angle of a mass at `center` (3,) on the convex (N,2) contact `hull`.

    Without contact, or on a line, it is -90.

    >>> square = np.array([[-1.0, -1], [1, -1], [1, 1], [-1, 1]])
    >>> round(tipping_angle_deg(square, np.array([0.0, 0, 1])), 6)
    45.0
    """
    if len(hull) < 3:
        return -90.0
    edge = np.roll(hull, -1, axis=0) - hull
    length = np.linalg.norm(edge, axis=1)
    to_center = center[:2] - hull
    inward = (edge[:, 0] * to_center[:, 1] - edge[:, 1] * to_center[:, 0]) / np.maximum(length, 1e-12)
    return math.degrees(math.atan2(float(inward.min()), max(float(center[2]), 1e-9)))


def convex_hull(points: F64) -> F64:
    """Return the (M,2) convex hull of (N,2) points, counter-clockwise; empty where they lie on a line."""
    try:
        return np.asarray(points[ConvexHull(points).vertices], np.float64)
    except (QhullError, ValueError):
        return np.zeros((0, 2))
