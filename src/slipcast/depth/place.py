"""Shells -> Shells in the world: metres, feet on y = 0, facing +Z; and all of it at the exact height."""

import math
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.errors import StageFailed
from slipcast.core.options import check, real
from slipcast.core.values import (
    F32,
    F64,
    Camera,
    Cutout,
    Elevation,
    Mesh,
    Shells,
)
from slipcast.depth.elevation import find_elevation

SMALLEST_M, LARGEST_M = 0.001, 10.0
"""Heights that a figurine can have."""
STEEPEST_DEG = 60.0
"""Seen from steeper above, a figurine's height is hardly in the picture."""


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Where and how large the figurine stands.

    >>> PlaceOptions(height_m=float("nan"))
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: height_m is nan; give metres from 0.001 to 10, for instance 0.075
    """

    height_m: float = 0.075
    """Height of the finished asset, feet to top, from `SMALLEST_M` to `LARGEST_M`."""
    elevation_deg: float | None = None
    """How far the camera looked down, from -`STEEPEST_DEG` to `STEEPEST_DEG`; None: as what the figurine stands on
    says (elevation.py), else as the depth model assumes, else level."""

    def __post_init__(self) -> None:
        check(
            self,
            height_m=real(SMALLEST_M, LARGEST_M, example=0.075, unit="metres"),
            elevation_deg=real(-STEEPEST_DEG, STEEPEST_DEG, example=12, unit="degrees").or_none(),
        )


def place(depth: Shells, picture: Cutout, options: PlaceOptions) -> Shells:
    """Return `depth` in metres with a camera that stands in the world.

    Raises StageFailed when no pixel is valid.
    """
    if not depth.valid.any():
        raise StageFailed("the depth map has no valid pixel; check the cutout")
    elevation = (
        Elevation(degrees=options.elevation_deg, likely_error_deg=0.0, source="given", certainty=1.0)
        if options.elevation_deg is not None
        else depth.elevation
        if depth.elevation and depth.elevation.source == "seen"
        else find_elevation(depth)
    )
    yaw, pitch = math.radians(picture.view.yaw_deg), math.radians(elevation.degrees)
    turn = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]])
    tilt = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    # Tilted before it is turned: the camera looks down at the figurine, whichever side it stands on.
    upright = np.diag([1.0, -1.0, -1.0]) @ tilt
    low, high = _extent(depth, upright)
    scale = options.height_m / max(high[1] - low[1], 1e-9)
    # The figurine's middle, its feet at the lowest y.
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2]) * scale
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = upright @ turn
    camera_from_world[:3, 3] = upright @ foot
    return replace(
        depth,
        front=(depth.front * np.float32(scale)).astype(np.float32),
        back=(depth.back * np.float32(scale)).astype(np.float32),
        base=depth.base.scale(scale) if depth.base else None,
        camera=replace(depth.camera, camera_from_world=camera_from_world),
        elevation=elevation,
    )


def _extent(depth: Shells, turn: F64) -> tuple[F64, F64]:
    """Lowest and highest x, y, z of both shells in axes that `turn` (3,3) turns into the camera's."""
    rows, columns = np.nonzero(depth.valid)
    camera = depth.camera
    x = (columns.astype(np.float32) + np.float32(0.5 - camera.cx_px)) / np.float32(camera.fx_px)
    y = (rows.astype(np.float32) + np.float32(0.5 - camera.cy_px)) / np.float32(camera.fy_px)
    ray = [x * float(a) + y * float(b) + np.float32(c) for a, b, c in turn.T]
    shells = [depth.front[depth.valid], depth.back[depth.valid]]
    low = np.array([min(float((along * z).min()) for z in shells) for along in ray])
    return low, np.array([max(float((along * z).max()) for z in shells) for along in ray])


@dataclass(frozen=True)
class Settling:
    """A move and a scale of the world: all that lies in it goes along, so that one frame remains."""

    origin: F64
    """(3,) the point that becomes the world's origin."""
    scale: float

    def move(self, points: F32) -> F32:
        """(N,3) points in the new world."""
        return ((points.astype(np.float64) - self.origin) * self.scale).astype(np.float32)

    def move_camera(self, camera: Camera) -> Camera:
        """A camera that sees the new world as it saw the old one."""
        away = camera.camera_from_world.copy()
        away[:3, 3] = (away[:3, 3] + away[:3, :3] @ self.origin) * self.scale
        return replace(camera, camera_from_world=away)

    def move_depth(self, depth: Shells) -> Shells:
        """Placed depth in the new world: both shells in metres."""
        scale = np.float32(self.scale)
        back = (depth.back * scale).astype(np.float32)
        front = (depth.front * scale).astype(np.float32)
        base = depth.base.scale(self.scale) if depth.base else None
        return replace(depth, front=front, back=back, base=base, camera=self.move_camera(depth.camera))


def find_settling(mesh: Mesh, options: PlaceOptions) -> Settling:
    """What makes the mesh's height exact, puts its feet on y = 0 and centres its x and z."""
    vertices = mesh.vertices.astype(np.float64)
    low, high = vertices.min(0), vertices.max(0)
    middle = (low + high) / 2
    origin = np.array([middle[0], low[1], middle[2]])
    return Settling(origin, options.height_m / max(float(high[1] - low[1]), 1e-12))


def settle(mesh: Mesh, full: Mesh, depth: Shells, options: PlaceOptions) -> tuple[Mesh, Mesh, Shells]:
    """Return the mesh at its exact height, with the surface `full` and the placed `depth` in the same new world."""
    settling = find_settling(mesh, options)
    return (
        replace(mesh, vertices=settling.move(mesh.vertices)),
        replace(full, vertices=settling.move(full.vertices)),
        settling.move_depth(depth),
    )
