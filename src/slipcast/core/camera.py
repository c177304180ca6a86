"""World and camera: points from one into the other, and into the picture."""

import numpy as np

from slipcast.core.values import F32, F64, Camera


def world_from_camera(camera: Camera, points: F32 | F64) -> F64:
    """Return (N,3) points in camera axes as world points."""
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    out: F64 = (points.astype(np.float64) - shift) @ turn
    return out


def camera_from_world(camera: Camera, points: F32 | F64) -> F64:
    """Return (N,3) world points in camera axes."""
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    out: F64 = points.astype(np.float64) @ turn.T + shift
    return out


def project(camera: Camera, points: F32 | F64) -> tuple[F64, F64]:
    """Return (N,2) pixel coordinates (x, y) and (N,) camera z of (N,3) world points."""
    local = camera_from_world(camera, points)
    z = local[:, 2]
    pixels = local[:, :2] / np.maximum(z, 1e-12)[:, None] * [camera.fx_px, camera.fy_px]
    return pixels + np.array([camera.cx_px, camera.cy_px]), z
