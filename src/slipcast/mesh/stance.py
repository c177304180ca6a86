"""Does a solid stand: its centre of mass, its contact with the ground, and the angle at which it tips.

The solid tips about the edge of the contact's convex hull that is nearest to the plumb line of its centre of mass:
tan(angle) = distance / height of the centre of mass. Below 0 it has already fallen.
"""

import math

import numpy as np

from slipcast.core.scientific import spatial
from slipcast.core.values import F32, F64, I32


def mass_center(vertices: F32 | F64, faces: I32) -> F64:
    """Return the (3,) centre of mass of a closed surface of one density, by signed tetrahedra."""
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)) / 6
    center: F64 = ((a + b + c) / 4 * volume[:, None]).sum(0) / volume.sum()
    return center


def tipping_angle_deg(hull: F64, center: F64) -> float:
    """Return the tipping angle of a mass at `center` (3,), z up, on the convex (N,2) contact `hull` at z = 0.

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
        return np.asarray(points[spatial.ConvexHull(points).vertices], np.float64)
    except (spatial.QhullError, ValueError):
        return np.zeros((0, 2))
