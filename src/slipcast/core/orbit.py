"""Cameras that go around one figurine, and how silhouettes are sampled from them.

The frame is the figurine's own: +Y up, it looks along +Z, the vertical axis that the cameras go around is x = z = 0,
and 1 is about the figurine's longest side. A camera at yaw 90 degrees stands at +X, the figurine's own left.
"""

from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.values import F32, F64, U8, Camera

_CHUNK = 1024
"""Points in a row of what OpenCV samples: it takes no side of 32,768 and more."""


@dataclass(frozen=True, kw_only=True)
class OrbitCamera:
    """A pinhole that looks at the axis from `distance`; angles in degrees, the rest in pixels of its picture."""

    yaw_deg: float
    pitch_deg: float = 0.0
    """Positive looks down."""
    focal_px: float
    distance: float
    """From the eye to the middle of the axis, in units of the frame."""
    cx_px: float
    cy_px: float
    """Where in the picture the middle of the axis is seen."""

    @property
    def scale_px(self) -> float:
        """Pixels of a unit at the axis."""
        return self.focal_px / self.distance

    def axes(self) -> F64:
        """(3,3): rows are the camera's right, down and away in the figurine's frame."""
        yaw, pitch = np.radians([self.yaw_deg, self.pitch_deg])
        back = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
        return np.stack([right, -np.cross(back, right), -back])

    def project(self, points: F32) -> tuple[F32, F32, F32]:
        """(N,) x and y in pixels and (N,) camera z of (N,3) points."""
        axes = self.axes().astype(np.float32)
        right, down, away = (points @ axis for axis in axes)
        z = away + np.float32(self.distance)
        focal = np.float32(self.focal_px) / np.maximum(z, np.float32(1e-3))
        return right * focal + np.float32(self.cx_px), down * focal + np.float32(self.cy_px), z

    def lift(self, x_px: F32, y_px: F32, z: F32) -> F32:
        """(...,3) points of the frame at pixels `x_px`, `y_px` and camera `z`, each (...); `project` undone.

        >>> camera = OrbitCamera(yaw_deg=30, pitch_deg=10, distance=5.0, focal_px=200.0, cx_px=64.0, cy_px=64.0)
        >>> point = np.array([[0.1, 0.2, 0.3]], np.float32)
        >>> np.allclose(camera.lift(*camera.project(point)), point, atol=1e-6)
        True
        """
        axes = self.axes().astype(np.float32)
        right = (x_px - np.float32(self.cx_px)) / np.float32(self.focal_px) * z
        down = (y_px - np.float32(self.cy_px)) / np.float32(self.focal_px) * z
        away = z - np.float32(self.distance)
        out: F32 = right[..., None] * axes[0] + down[..., None] * axes[1] + away[..., None] * axes[2]
        return out

    def turn(self, **fields: float) -> "OrbitCamera":
        """The camera with some fields changed."""
        return replace(self, **fields)

    def as_camera(self, width_px: int, height_px: int, *, unit: float, foot: F64) -> Camera:
        """The same camera in another world: `unit` of its lengths are one of the frame, `foot` (3,) is its origin."""
        away = np.eye(4)
        axes = self.axes()
        away[:3, :3] = axes
        # camera = axes @ frame + (0, 0, distance), and frame = world / unit + foot.
        away[:3, 3] = (axes @ foot + [0.0, 0.0, self.distance]) * unit
        return Camera(
            width_px=width_px,
            height_px=height_px,
            fx_px=self.focal_px,
            fy_px=self.focal_px,
            cx_px=self.cx_px,
            cy_px=self.cy_px,
            camera_from_world=away,
        )


def sample(values: F32 | U8, x_px: F32, y_px: F32, *, nearest: bool = False) -> F32:
    """Values (H,W) or (H,W,C) at pixel positions of any shape, linear between pixels' centres; the rim goes on.

    Of whole numbers (uint8) come whole numbers.

    >>> sample(np.array([[0, 10]], np.uint8), np.array([1.0], np.float32), np.array([0.5], np.float32))
    array([5.], dtype=float32)
    """
    import cv2

    shape = x_px.shape
    count = x_px.size
    rows = -(-count // _CHUNK)
    at = np.zeros((2, rows * _CHUNK), np.float32)
    at[0, :count], at[1, :count] = x_px.ravel(), y_px.ravel()
    at -= np.float32(0.5)
    grid = at.reshape(2, rows, _CHUNK)
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    parts: list[F32] = []
    for first in range(0, rows, 30_000):
        part = grid[:, first : first + 30_000]
        parts.append(
            np.asarray(cv2.remap(values, part[0], part[1], how, borderMode=cv2.BORDER_REPLICATE), np.float32)
        )
    flat: F32 = np.concatenate(parts).reshape(rows * _CHUNK, *values.shape[2:])[:count]
    out: F32 = flat.reshape(*shape, *values.shape[2:])
    return out
