"""A mesh -> its true signed distance on a grid, as it is seen from outside.

Training meshes are not closed bodies: shirts overlap arms, cloaks are one sheet, heads are hollow. So what counts as
air is what sees the open sky: a node from which two of 26 rays meet nothing. Everything else is solid, and distances
are to the border between both.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import open3d as o3d
from numpy.typing import NDArray
from scipy import ndimage

from training.render import Array

NODES = 72
PITCH = 1 / 64
"""The grid's nodes along each axis and the way between them, the figurine's longest side being 1."""
LOW = -(NODES - 1) / 2 * PITCH
REACH = 0.08
"""Distances are cut off here."""
_OPEN = 2


def true_distance(vertices: Array, faces: NDArray[np.int32]) -> NDArray[np.int8]:
    """(NODES,NODES,NODES) signed distances, positive inside, in 127ths of `REACH`, of a mesh around the origin."""
    tensor: Any = o3d.core.Tensor
    scene = o3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(
        tensor(np.ascontiguousarray(vertices, np.float32)), tensor(np.ascontiguousarray(faces, np.uint32))
    )
    at = np.arange(NODES, dtype=np.float32) * np.float32(PITCH) + np.float32(LOW)
    points = np.stack(np.meshgrid(at, at, at, indexing="ij"), -1).reshape(-1, 3)
    low, high = vertices.min(0) - REACH, vertices.max(0) + REACH
    index = np.flatnonzero(((points > low) & (points < high)).all(1))
    distance = np.full(len(points), REACH, np.float32)
    distance[index] = scene.compute_distance(tensor(points[index]), nthreads=1).numpy()
    within = index[((points[index] > vertices.min(0)) & (points[index] < vertices.max(0))).all(1)]
    opened = np.zeros(len(within), np.int8)
    for way in product((-1, 0, 1), repeat=3):
        if not any(way):
            continue
        left = np.flatnonzero(opened < _OPEN)
        rays = np.concatenate(
            [points[within[left]], np.broadcast_to(np.array(way, np.float32), (len(left), 3))], 1
        )
        opened[left] += ~scene.test_occlusions(tensor(rays.astype(np.float32)), nthreads=1).numpy()
    solid = np.zeros((NODES, NODES, NODES), bool)
    solid.reshape(-1)[within] = opened < _OPEN
    unsigned = distance.reshape(NODES, NODES, NODES)
    within_steps, beyond_steps = (ndimage.distance_transform_edt(each) for each in (solid, ~solid))
    stairs = np.asarray(np.where(solid, within_steps, beyond_steps), np.float32)
    stairs = (stairs - np.float32(0.5)) * np.float32(PITCH)
    # Sheets within the body, and shells too thin for the grid, are no border.
    clear = np.where(np.abs(unsigned - stairs) > 1.2 * PITCH, stairs, unsigned)
    signed = np.where(solid, clear, -clear)
    return np.rint(np.clip(signed / REACH, -1, 1) * 127).astype(np.int8)
