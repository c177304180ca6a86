"""Cutouts and what a depth model says of them -> sides at working size, with the cameras that were asked for."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from slipcast.core.masks import box_of
from slipcast.core.orbit import OrbitCamera
from slipcast.core.symmetry import ACROSS, find_side_to_mirror
from slipcast.core.values import F32, U8, Bool, Cutout, Shells, View
from slipcast.reconstruct.views.silhouettes import WORK_PX, Side, outline_distance


def make_sides(
    cutouts: Mapping[View, Cutout], depths: Mapping[View, Shells], *, fov_deg: float
) -> tuple[list[Side], dict[View, float]]:
    """The sides, front first, as one camera at one distance would see them, and working pixels per picture's pixel.

    `depths` may lack some or all views. Cutouts need alpha with a figurine in it.
    """
    order = sorted(cutouts, key=lambda view: list(View).index(view))
    longest = {view: _longest(cutouts[view]) for view in order}
    front = cutouts[order[0]]
    reference = max(longest[view] * front.height_px / cutouts[view].height_px for view in order)
    sides, scales = [], {}
    for view in order:
        cut = cutouts[view]
        # One scale for all pictures of one framing, so that a pixel stays a pixel of the same size.
        scale = WORK_PX / (reference * cut.height_px / front.height_px)
        sides.append(_side(cut, depths.get(view), view, scale, fov_deg))
        scales[view] = scale
    return sides, scales


def mirror_missing_side(sides: Sequence[Side]) -> Side | None:
    """The side that no picture shows, as the opposite one seen in a mirror; None where they are not alike.

    `sides` (front first) stand where they were found; the mirror is upright, in the middle of the front's outline.
    """
    front = sides[0]
    view = find_side_to_mirror([side.view for side in sides], front.inside)
    if view is None:
        return None
    given = next(side for side in sides if side.view is view)
    box = box_of(front.inside)
    middle = ((box.left + box.right) / 2 - front.camera.cx_px) / front.camera.scale_px
    camera = given.camera
    turned = camera.turn(yaw_deg=-camera.yaw_deg % 360, cx_px=given.outline_px.shape[1] - camera.cx_px)
    # The mirror need not hold the axis: what lies at x is seen at twice its place less x.
    right, _, away = turned.axes() @ np.array([2 * middle, 0.0, 0.0])
    turned = turned.turn(
        distance=turned.distance - away,
        focal_px=turned.focal_px,
        cx_px=turned.cx_px - right * turned.focal_px / turned.distance,
    )

    def flip(values: F32 | None) -> F32 | None:
        return None if values is None else np.ascontiguousarray(values[:, ::-1])

    return replace(
        given,
        view=ACROSS[view],
        camera=turned,
        cover=np.ascontiguousarray(given.cover[:, ::-1]),
        outline_px=np.ascontiguousarray(given.outline_px[:, ::-1]),
        front=flip(given.front),
        back=flip(given.back),
        rgb=None if given.rgb is None else np.ascontiguousarray(given.rgb[:, ::-1]),
    )


def _longest(cut: Cutout) -> float:
    box = box_of(cut.alpha >= 128)
    return float(max(box.height, box.width))


def _side(cut: Cutout, depth: Shells | None, view: View, scale: float, fov_deg: float) -> Side:
    size = max(8, round(cut.width_px * scale)), max(8, round(cut.height_px * scale))
    cover = _resized(np.asarray(cut.alpha, np.float32) / np.float32(255), size)
    focal = size[1] / 2 / math.tan(math.radians(fov_deg) / 2)
    pitch = 90.0 if view is View.TOP else 0.0
    camera = OrbitCamera(
        yaw_deg=view.yaw_deg,
        pitch_deg=pitch,
        focal_px=focal,
        distance=focal / WORK_PX,
        cx_px=size[0] / 2,
        cy_px=size[1] / 2,
    )
    # At the picture's own size the outline is known better than at the working size.
    fine = outline_distance(np.asarray(cut.alpha, np.float32) / np.float32(255))
    outline = _resized(fine, size) * np.float32(scale)
    shells: list[F32 | None] = [None, None]
    if depth is not None and depth.back is not None:
        valid: Bool = depth.valid
        plane = np.float32(depth.camera.fy_px)
        for k, shell in enumerate((depth.front, depth.back)):
            near = _nearest(np.where(valid, shell - plane, 0).astype(np.float32), size)
            shells[k] = near * np.float32(scale)
    return Side(
        view=view,
        camera=camera,
        cover=cover,
        outline_px=outline,
        front=shells[0],
        back=shells[1],
        rgb=_resized_colors(cut.pixels, size),
    )


def _resized(values: F32, size: tuple[int, int]) -> F32:
    import cv2

    how = cv2.INTER_AREA if size[0] < values.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size, interpolation=how), np.float32)


def _resized_colors(values: U8, size: tuple[int, int]) -> U8:
    import cv2

    how = cv2.INTER_AREA if size[0] < values.shape[1] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(values), size, interpolation=how), np.uint8)


def _nearest(values: F32, size: tuple[int, int]) -> F32:
    import cv2

    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_NEAREST), np.float32)
