"""Normals of vertices, weighted by the area of the faces around them."""

import numpy as np

from slipcast.core.values import F32, I32
from slipcast.mesh.topology import corners, cross, dot


def vertex_normals(vertices: F32, faces: I32) -> F32:
    """Return (V,3) unit normals, the area-weighted mean of the faces around each vertex."""
    corner = corners(vertices, faces)
    face = cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    at = np.ascontiguousarray(faces.T)
    total = np.zeros((3, len(vertices)))
    for axis in range(3):
        for k in range(3):
            total[axis] += np.bincount(at[k], face[axis], len(vertices))
    length = np.sqrt(dot(total, total))
    flat = length < 1e-30
    total[:, flat], length[flat] = [[0], [0], [1]], 1
    out: F32 = np.ascontiguousarray((total / length).T, np.float32)
    return out
