"""Faces of a print part -> a picture from outside, with light, and marks where something is: no display needed."""

from collections.abc import Sequence

import cv2
import numpy as np

from slipcast.core.values import F64, I32, U8
from slipcast.mesh.rasterize import rasterize

_GROUND = 240
_LIGHT = np.array([-0.45, 0.7, 0.55]) / np.linalg.norm([-0.45, 0.7, 0.55])


def draw_faces(
    vertices_mm: F64,
    faces: I32,
    colors: U8,
    *,
    side_px: int = 512,
    yaw_deg: float = -25.0,
    pitch_deg: float = 15.0,
    marks: Sequence[tuple[float, float, float]] = (),
) -> U8:
    """Return (S,S,3): faces (F,3) in their colours (F,3), seen without perspective from the front, turned by `yaw_deg`.

    `pitch_deg` is how far the camera looks down. Each of `marks`, places in the print frame, gets a red ring.
    """
    yaw, pitch = np.radians(yaw_deg), np.radians(pitch_deg)
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1]])
    middle = (vertices_mm.min(0) + vertices_mm.max(0)) / 2

    def look(points: F64) -> tuple[F64, F64, F64]:
        x, y, z = ((points - middle) @ turn.T).T
        return x, y * np.cos(pitch) - z * np.sin(pitch), z * np.cos(pitch) + y * np.sin(pitch)

    x, deep, up = look(vertices_mm)
    scale = 0.92 * 2 * side_px / max(float(np.ptp(x)), float(np.ptp(up)), 1e-9)
    shift = np.array([(x.min() + x.max()) / 2, (up.min() + up.max()) / 2])
    screen = np.stack([(x - shift[0]) * scale + side_px, -(up - shift[1]) * scale + side_px], 1)
    hits = rasterize(screen, deep, faces.astype(np.int32), 2 * side_px, 2 * side_px)
    corner = np.stack([x, -deep, up], 1)[faces]
    normal = np.cross(corner[:, 2] - corner[:, 0], corner[:, 1] - corner[:, 0])  # these axes are left-handed
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    shade = 0.55 + 0.45 * np.clip(normal @ _LIGHT, 0, 1)
    canvas = np.full((2 * side_px, 2 * side_px, 3), _GROUND, np.float32)
    shown = hits.face >= 0
    canvas[shown] = np.clip(colors[hits.face[shown]] * shade[hits.face[shown], None], 0, 255)
    out = np.asarray(cv2.resize(canvas, (side_px, side_px), interpolation=cv2.INTER_AREA)).astype(np.uint8)
    for place in marks:
        across, _, high = look(np.array([place], np.float64))
        at = ((across[0] - shift[0]) * scale + side_px) / 2, (-(high[0] - shift[1]) * scale + side_px) / 2
        cv2.circle(out, (round(float(at[0])), round(float(at[1]))), 7, (214, 30, 30), 2, cv2.LINE_AA)
    return out
