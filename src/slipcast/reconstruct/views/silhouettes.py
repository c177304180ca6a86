"""Cutouts of several sides -> distance fields of their outlines, and rays that march through all of them.

Each silhouette says where nothing is: a point that lies outside one outline is air. The visual hull (Laurentini 1994)
is what no silhouette forbids: the smallest of the signed distances to all outlines, positive inside.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.orbit import OrbitCamera, sample
from slipcast.core.values import F32, I64, U8, Bool, View

WORK_PX = 448
"""Longest side of the figurine in the maps that the solid is made from."""
FAR = 0.25
"""Distances to outlines are cut off here, in units of the frame."""


@dataclass(frozen=True, kw_only=True)
class Side:
    """One view of the figurine, at working size."""

    view: View
    camera: OrbitCamera
    cover: F32
    """(H,W) opacity in [0, 1]."""
    outline_px: F32
    """(H,W) distance to the outline in pixels, positive inside."""
    front: F32 | None = None
    """(H,W) what a model says: distance of the seen side in pixels, measured as in a `Shells`; None without."""
    back: F32 | None = None
    """(H,W) where the ray leaves."""
    rgb: U8 | None = None
    """(H,W,3) the picture; None where only the outline is known."""

    @property
    def inside(self) -> Bool:
        """(H,W) the silhouette."""
        return self.outline_px > 0

    def distances(self, points: F32) -> F32:
        """(N,) signed distances of (N,3) points to the outline, in units of the frame, positive inside."""
        x, y, z = self.camera.project(points)
        return self.distances_at(x, y, z)

    def distances_at(self, x_px: F32, y_px: F32, z: F32) -> F32:
        """(...) signed distances to the outline at pixels x, y and camera z, each (...); otherwise as `distances`."""
        px = sample(self.outline_px, x_px, y_px)
        # Beyond the picture the distance to its frame is added.
        height, width = self.outline_px.shape
        beyond = np.maximum(np.maximum(-x_px, x_px - width), np.maximum(-y_px, y_px - height))
        px = np.where(beyond > 0, np.minimum(px, 0) - beyond, px)
        out: F32 = np.clip(px * z / np.float32(self.camera.focal_px), -FAR, FAR)
        return out

    def move_to(self, camera: OrbitCamera) -> "Side":
        """The same picture by another camera."""
        return replace(self, camera=camera)


def outline_distance(cover: F32) -> F32:
    """(H,W) distance in pixels to where `cover` passes one half, positive inside, by Euclidean distance transform."""
    import cv2

    mask = (cover >= 0.5).astype(np.uint8)
    inner = cv2.distanceTransform(mask, cv2.DIST_L2, 5)
    outer = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 5)
    out: F32 = np.where(mask > 0, inner - 0.5, 0.5 - outer).astype(np.float32)
    return out


def hull_distances(sides: Sequence[Side], points: F32) -> F32:
    """(N,) signed distances of (N,3) points to the visual hull's faces, positive inside."""
    out = np.full(len(points), FAR, np.float32)
    for side in sides:
        np.minimum(out, side.distances(points), out=out)
    return out


@dataclass(frozen=True, kw_only=True)
class March:
    """Rays of one side, sampled along their way through the frame."""

    x_px: F32
    """(N,) pixels."""
    y_px: F32
    z: F32
    """(S,) camera z of the samples, the same for all rays."""
    points: F32
    """(N,S,3) the samples."""
    inside: F32
    """(N,S) smallest signed distance to the other sides' outlines."""
    by: I64
    """(N,S) which side that is."""


def march(sides: Sequence[Side], index: int, x_px: F32, y_px: F32, steps: int, radius: float) -> March:
    """Rays of `sides[index]` through the pixels (N,), sampled `steps` times within `radius` of the axis' middle."""
    camera = sides[index].camera
    z = np.linspace(camera.distance - radius, camera.distance + radius, steps, dtype=np.float32)
    points = camera.lift(x_px[:, None], y_px[:, None], z[None, :])
    flat = points.reshape(-1, 3)
    inside = np.full(len(flat), FAR, np.float32)
    by = np.full(len(flat), index, np.int64)
    for number, side in enumerate(sides):
        if number == index:
            continue
        mine = side.distances(flat)
        less = mine < inside
        inside[less] = mine[less]
        by[less] = number
    shape = (len(x_px), steps)
    return March(x_px=x_px, y_px=y_px, z=z, points=points, inside=inside.reshape(shape), by=by.reshape(shape))


def pixels_of(side: Side, step_px: float) -> tuple[F32, F32]:
    """Pixels of the silhouette on a lattice of `step_px`, and all along its outline: (N,) x and y."""
    height, width = side.outline_px.shape
    x, y = np.meshgrid(
        np.arange(step_px / 2, width, step_px, dtype=np.float32),
        np.arange(step_px / 2, height, step_px, dtype=np.float32),
    )
    there = sample(side.outline_px, x, y) > 0
    return x[there], y[there]
