"""A level of detail beside the finest -> how large on the screen it may stand for it.

Two things limit that: its largest deviation is one pixel at most, and its picture differs from the finest's by at most
MOST_DIFFERENT of 255. The second is measured: both are drawn from four sides at the height in question, textured and
lit by one lamp, without normal map. Where they differ by more, a smaller height is tried, since a smaller picture
averages over more of the surface: the knight's level of 956 faces differs by 10.0 at 256 px, 9.1 at 128, 6.5 at 32.
"""

import math
from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F32, F64, Bool, Figurine
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.sample import sample

SCREEN_PX = 1080
"""Lines of a screen: a level that could be shown higher than that is shown at that height."""
MOST_DIFFERENT = 10.0
"""Mean over the pixels that either picture shows, of 255."""
_LEAST_PX = 2.0
_SMALLER = 0.85
_SIDES_DEG = (0, 90, 180, 270)
_LAMP = np.array([0.3, 0.5, 0.81])
_FINE = (128, 640)
"""Rows that are drawn at least and at most: each pixel is a mean, as a screen filters. A higher picture is judged by
one of 640 rows, in a third of the time: the knight's level of 19,132 faces differs by 1.58 there and at 1,080."""


@dataclass(frozen=True, kw_only=True)
class TakeOver:
    """Up to which height in pixels a level may stand for the finest."""

    height_px: float
    difference: float
    """Of the pictures at that height, of 255."""


def find_take_over(level: Figurine, finest: Figurine, most_px: float) -> TakeOver:
    """Return the largest height up to `most_px` at which the pictures differ by MOST_DIFFERENT at most.

    Tried are `most_px`, or a screen's height where that is less, and heights that fall by 15 %, down to two pixels.
    """
    height_px = min(most_px, SCREEN_PX)
    while True:
        difference = measure_difference(level, finest, height_px)
        if difference <= MOST_DIFFERENT or height_px <= _LEAST_PX:
            return TakeOver(height_px=height_px, difference=difference)
        height_px = max(height_px * _SMALLER, _LEAST_PX)


def measure_difference(level: Figurine, finest: Figurine, height_px: float) -> float:
    """Return the mean difference of both pictures' colours, 0 to 255, where the finest is `height_px` high.

    It counts the pixels that either shows, from four sides.
    """
    low, high = (edge(finest.mesh.vertices.astype(np.float64), axis=0) for edge in (np.min, np.max))
    total, count = 0.0, 0
    normals = [vertex_normals(each.mesh.vertices, each.mesh.faces) for each in (level, finest)]
    for yaw_deg in _SIDES_DEG:
        (one, seen), (other, also) = (
            _draw(figurine, own, yaw_deg, (low, high), height_px)
            for figurine, own in zip((level, finest), normals, strict=True)
        )
        either = seen | also
        total += float(np.abs(one - other).mean(2)[either].sum())
        count += int(either.sum())
    return total / max(count, 1)


def _draw(
    figurine: Figurine, normals: F32, yaw_deg: float, box: tuple[F64, F64], height_px: float
) -> tuple[F32, Bool]:
    """(H,W,3) colours on white, and where the figurine is; the corners of `box` fit in with a pixel to spare."""
    yaw = math.radians(yaw_deg)
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    low, high = box
    least, most = _FINE
    height_px = min(height_px, most)
    fine = max(math.ceil(least / height_px), min(4, int(most / height_px)))
    scale = fine * height_px / max(high[1] - low[1], 1e-9)
    across = np.abs(turn) @ (high - low)
    wide, tall = (fine * (math.ceil(across[k] * scale / fine) + 2) for k in (0, 1))
    at = (figurine.mesh.vertices.astype(np.float64) - (low + high) / 2) @ turn.T
    screen = at[:, :2] * [scale, -scale] + [wide / 2, tall / 2]
    hits = rasterize(screen, -at[:, 2], figurine.mesh.faces, wide, tall)
    shown = hits.face >= 0
    face, weights = hits.face[shown], hits.weights[shown]
    normal = np.einsum("nk,nkc->nc", weights, normals[figurine.mesh.faces[face]])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    uv = np.einsum("nk,nkc->nc", weights, figurine.uv[face])
    light = 0.35 + 0.65 * np.clip(normal @ (turn.T @ _LAMP), 0, 1)
    picture = np.full((tall, wide, 3), 255, np.float32)
    picture[shown] = sample(figurine.texture.pixels, uv) * light[:, None]
    inside: Bool = np.asarray(shown.reshape(tall // fine, fine, wide // fine, fine).any(axis=(1, 3)))
    return picture.reshape(tall // fine, fine, wide // fine, fine, 3).mean(axis=(1, 3)), inside
