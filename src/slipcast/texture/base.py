"""Front picture -> the colours of a round base's wall, all around it.

The wall of a base is turned: what it shows at one height goes around, a gold rim, a black foot. So each height has one
colour, the middle one of those that the picture shows there well, and all that the picture does not show well takes it,
the underside that of the foot. On it lies the picture's grain, faint, folded to and fro between the two ends of what is
seen well, so that stone stays stone and letters are not read again behind.

Rejected: the rule for all other places (around.py, back.py), by which the wall behind took the colours of the skirt or
the ground above it, and a gold rim ended in a smear where the wall turns away.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.round_base import RoundBase
from slipcast.core.values import F32, F64, U8, Bool, Camera, Shells

_HEIGHTS, _ANGLES = 48, 61
"""How many heights and angles of the wall are looked up."""
_WELL_DEG, _FADED_DEG = 55.0, 72.0
"""From the direction of the camera: within the first the wall is seen well, beyond the second it is drawn."""
_NEAR = 0.04
"""Of the radius: how near to the wall a place lies on it."""
_HIDDEN = 0.03
"""Of the radius: what stands so far before the wall hides it."""
_MOST_GRAIN = 10.0
"""Of 255."""
_FEWEST = 5
"""Angles that must show a height."""


@dataclass(frozen=True, kw_only=True)
class Wall:
    """A base's wall as places of a chart: pixels, and pixels from the camera."""

    base: RoundBase
    camera: Camera
    start: tuple[float, float]
    """Column and row of the picture where the chart begins."""
    scale: float
    """Of the chart's pixels to the picture's."""
    unit: float
    """The chart's pixels to a unit of depth."""
    level: F32
    """(_HEIGHTS,3) colour from the foot to the rim."""
    grain: F32
    """(_HEIGHTS,_ANGLES,3) what the picture shows beside it, from -_WELL_DEG to _WELL_DEG."""

    def color(self, place: F32, depth: F32, color: F32) -> F32:
        """(N,3) `color` of places (N,2) at `depth` (N,), and the wall's where they lie on it and are not seen well."""
        points = self._points(place, depth)
        height, radius, angle = _measure(self.base, points)
        edge = _NEAR * self.base.radius
        foot = (height < edge) & (radius < self.base.radius + edge)
        wall = (
            (np.abs(radius - self.base.radius) < edge)
            & (height < self.base.height + edge / 2)
            & (height > -edge)
        )
        turned = np.clip((np.degrees(np.abs(angle)) - _WELL_DEG) / (_FADED_DEG - _WELL_DEG), 0, 1)
        share = np.where(wall, turned, np.where(foot, 1.0, 0.0)).astype(np.float32)[:, None]
        at = np.flatnonzero(share[:, 0] > 0)
        if not len(at):
            return color
        up = np.clip(height[at] / self.base.height, 0, 1) * (_HEIGHTS - 1)
        around = (_fold(np.degrees(angle[at])) / _WELL_DEG + 1) / 2 * (_ANGLES - 1)
        drawn = _look_up(self.level[:, None], np.zeros_like(up), up) + _look_up(self.grain, around, up)
        out = color.copy()
        out[at] += share[at] * (np.clip(drawn, 0, 255) - color[at])
        return out

    def draw(self, pixels: U8, depth: F32) -> U8:
        """`pixels` (H,W,3) of a chart whose shell lies at `depth` (H,W), with the wall drawn into them."""
        rows = np.arange(len(pixels))
        # No row above the base has a part of it.
        first = int(np.searchsorted(rows, self._first_row()))
        if first >= len(pixels):
            return pixels
        part = pixels[first:]
        place = np.stack(np.meshgrid(np.arange(part.shape[1]), np.arange(first, len(pixels))), -1) + 0.5
        colors = self.color(
            place.reshape(-1, 2).astype(np.float32),
            depth[first:].reshape(-1),
            part.reshape(-1, 3).astype(np.float32),
        )
        return np.concatenate([pixels[:first], np.rint(colors).astype(np.uint8).reshape(part.shape)])

    def _points(self, place: F32, depth: F32) -> F64:
        """(N,3) in the camera's axes, in the base's unit."""
        z = depth.astype(np.float64) / self.unit
        x = (place[:, 0] / self.scale + self.start[0] - self.camera.cx_px) / self.camera.fx_px * z
        y = (place[:, 1] / self.scale + self.start[1] - self.camera.cy_px) / self.camera.fy_px * z
        return np.stack([x, y, z], 1)

    def _first_row(self) -> float:
        """The chart's highest row that shows a part of the base."""
        rim = _points_on(self.base, np.linspace(0, 2 * np.pi, 33), np.array([self.base.height]))[0]
        return float(_project(self.camera, rim, self.start, self.scale)[:, 1].min()) - 2


def find_wall(
    pixels: U8, mask: Bool, depth: Shells, box: tuple[slice, slice], scale: float, unit: float
) -> Wall | None:
    """Return the wall of the base of `depth`, or None where there is none or too little of it is seen.

    `pixels` (H,W,3) and `mask` (H,W) are the front's chart, the picture's `box` at `scale`; `unit` are its pixels to
    a unit of depth.
    """
    import cv2

    base, camera = depth.base, depth.camera
    if base is None:
        return None
    start = float(box[1].start), float(box[0].start)
    angles = np.radians(np.linspace(-_WELL_DEG, _WELL_DEG, _ANGLES))
    heights = np.linspace(0, base.height, _HEIGHTS)
    points = _points_on(base, angles, heights)
    places = (
        _project(camera, points.reshape(-1, 3), start, scale).astype(np.float32).reshape(_HEIGHTS, _ANGLES, 2)
    )
    column, row = (np.ascontiguousarray(places[..., k] - np.float32(0.5)) for k in (0, 1))
    seen = np.asarray(cv2.remap(pixels, column, row, cv2.INTER_LINEAR), np.float32)
    inside = cv2.remap(mask.astype(np.uint8), column, row, cv2.INTER_NEAREST) > 0
    front = np.where(depth.valid, depth.front, np.inf)[box].astype(np.float32)
    nearest = cv2.remap(front, column / np.float32(scale), row / np.float32(scale), cv2.INTER_NEAREST)
    shown = inside & (points[..., 2] - nearest < _HIDDEN * base.radius)
    known = shown.sum(1) >= _FEWEST
    if not known.any():
        return None
    level = np.zeros((_HEIGHTS, 3), np.float32)
    for k in np.flatnonzero(known):
        level[k] = np.median(seen[k, shown[k]], axis=0)
    number = np.arange(_HEIGHTS)
    nearest_known = number[known][np.abs(number[:, None] - number[known]).argmin(1)]
    level = level[nearest_known]
    grain = np.where(shown[..., None], seen - level[:, None], 0)
    grain = (_MOST_GRAIN * np.tanh(grain / _MOST_GRAIN)).astype(np.float32)
    return Wall(base=base, camera=camera, start=start, scale=scale, unit=unit, level=level, grain=grain)


def _points_on(base: RoundBase, angle: F64, height: F64) -> F64:
    """(len(height),len(angle),3) points of the wall; angles in radians from the direction of the camera."""
    up, near = base.axes()
    around = np.sin(angle)[:, None] * np.array([1.0, 0, 0]) + np.cos(angle)[:, None] * near
    out: F64 = np.array([base.x, base.y, base.z]) + height[:, None, None] * up + base.radius * around[None]
    return out


def _measure(base: RoundBase, points: F64) -> tuple[F64, F64, F64]:
    """Of points (N,3): height above the underside, distance from the axis, and the angle as above."""
    up, near = base.axes()
    away = points - np.array([base.x, base.y, base.z])
    right, ahead = away[:, 0], away @ near
    return away @ up, np.hypot(right, ahead), np.arctan2(right, ahead)


def _project(camera: Camera, points: F64, start: tuple[float, float], scale: float) -> F64:
    """(N,2) places of points (N,3) in the chart."""
    x = camera.fx_px * points[:, 0] / points[:, 2] + camera.cx_px - start[0]
    y = camera.fy_px * points[:, 1] / points[:, 2] + camera.cy_px - start[1]
    out: F64 = np.stack([x, y], 1) * scale
    return out


def _fold(angle_deg: F64) -> F64:
    """Angles folded to and fro between -_WELL_DEG and _WELL_DEG, so that both ways around meet in 0 behind."""
    beyond = np.maximum(np.abs(angle_deg) - _WELL_DEG, 0) * 3 * _WELL_DEG / (180 - _WELL_DEG)
    turn = np.mod(np.minimum(np.abs(angle_deg), _WELL_DEG) + beyond + _WELL_DEG, 4 * _WELL_DEG)
    out: F64 = np.where(turn > 2 * _WELL_DEG, 4 * _WELL_DEG - turn, turn) - _WELL_DEG
    return np.asarray(np.where(angle_deg < 0, -out, out))


def _look_up(table: F32, column: F64, row: F64) -> F32:
    """(N,3) of a table (H,W,3) between its cells."""
    import cv2

    wide = 1024
    count = -(-len(row) // wide) * wide
    at = np.zeros((2, count), np.float32)
    at[:, : len(row)] = column, row
    x, y = at.reshape(2, -1, wide)
    drawn = cv2.remap(table, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    out: F32 = np.asarray(drawn, np.float32).reshape(-1, 3)[: len(row)]
    return out
