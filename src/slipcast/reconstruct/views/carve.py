"""The fine light and dark of each view -> a little relief on the solid that all views made.

The solid of several views knows nothing finer than its grid; eyes, beards and belts are in the pictures. What a view
sees, and sees from the front, is moved along its rays by what that picture's relief says (depth/relief.py).
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from slipcast.core.orbit import sample
from slipcast.core.values import F32, Camera, Cutout, Mesh, View
from slipcast.depth.figurine.model import FILL
from slipcast.depth.relief import relief
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.raycast import Scene

_FACING = (0.35, 0.75)
"""Cosines between a ray and the surface from which on relief begins to count, and counts wholly."""
_HIDDEN = 0.004
"""What lies behind the first hit of its ray by more than this share of the size is hidden."""


def carve(mesh: Mesh, cutouts: Mapping[View, Cutout], cameras: Mapping[View, Camera]) -> Mesh:
    """The mesh (metres, in the world of `cameras`) with vertices moved along the rays of the views that see them.

    `cutouts` have alpha. A vertex moves by 0.4 % of the figurine's longer side at most; where views overlap, by their
    mean, weighted by how squarely each sees it.
    """
    size = float(np.ptp(mesh.vertices, axis=0).max())
    scene = Scene(mesh.vertices / np.float32(size), mesh.faces)
    normals = vertex_normals(mesh.vertices, mesh.faces).astype(np.float32)
    moved, total = np.zeros_like(mesh.vertices), np.zeros(len(mesh.vertices), np.float32)
    for view, camera in cameras.items():
        cut = cutouts[view]
        turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
        eye = (-shift @ turn).astype(np.float32)
        way = mesh.vertices - eye
        far = np.linalg.norm(way, axis=1)
        way /= far[:, None]
        weight = np.clip((-(way * normals).sum(1) - _FACING[0]) / (_FACING[1] - _FACING[0]), 0, 1)
        seen = np.flatnonzero(weight > 0)
        start = np.broadcast_to(eye / np.float32(size), (len(seen), 3))
        first, _ = scene.first_hits(start, way[seen])
        seen = seen[far[seen] - first * np.float32(size) < _HIDDEN * size]
        height = _heights(cut, camera, mesh.vertices[seen])
        moved[seen] -= (weight[seen] * height)[:, None] * way[seen]
        total[seen] += weight[seen]
    vertices = mesh.vertices + moved / np.maximum(total, 1)[:, None]
    return replace(mesh, vertices=vertices.astype(np.float32))


def _heights(cut: Cutout, camera: Camera, points: F32) -> F32:
    """(N,) how far the picture lifts what it shows at points (N,3), towards the viewer, in metres."""
    mask = cut.alpha >= 128
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    side_px = max(int(np.ptp(rows)), int(np.ptp(columns)), 1) / FILL
    across, down, away = (points @ camera.camera_from_world[:3, :3].T + camera.camera_from_world[:3, 3]).T
    x = across / away * camera.fx_px + camera.cx_px
    y = down / away * camera.fy_px + camera.cy_px
    lifted = sample(relief(cut.pixels, mask, side_px), x.astype(np.float32), y.astype(np.float32))
    out: F32 = (lifted * side_px / camera.fy_px * away).astype(np.float32)
    return out
