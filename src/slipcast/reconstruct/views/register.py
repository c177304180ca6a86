"""Cameras of sides that do not quite agree, found by what their silhouettes say of each other.

A pixel inside one silhouette is the shadow of something that all other silhouettes must show too. Where along its ray
every point is outside some other outline, one of the two cameras is off. The rays' deepest points give a least-squares
problem in all cameras at once (yaw, pitch, size, shift), solved by damped Gauss-Newton steps with a pull towards what
was asked for: hull, reproject, correct (after Cheung et al. 2003 and Hernandez et al. 2007, who move cameras so that
silhouettes are coherent). The front stays as it is: it says what the frame is.

Rejected: a smooth offset of the outlines, of at most 2 % of the size, where others show what they cut off: it makes the
hull larger everywhere (five disagreeing figurines, hull's f05 0.780 to 0.772).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.masks import box_of
from slipcast.core.orbit import OrbitCamera
from slipcast.core.values import F32, F64, View
from slipcast.reconstruct.views.silhouettes import WORK_PX, Side, march

_STEPS = 80
_RADIUS = 0.75
_ROUNDS = 14
_RAYS = 500
"""Rays of each side: along its outline, just inside."""
_PRIOR = {"yaw": 4.0, "pitch": 2.0, "size": 0.02, "x": 0.02, "y": 0.015}
"""How far the cameras are off, likely: degrees, and shares of the figurine's size."""
_NOISE = 0.004
"""How far an outline is off by itself, in units of the frame."""
_EXACT = 0.0008
"""Where the outlines' rays miss the hull by no more than this on average, nothing is moved."""
_MARGIN = 0.004
_CONTRADICTS = 0.003
"""No cameras explain such a miss: one side may show something else. It is left out where the rest misses half of it."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    """Sides whose cameras agree as well as they can."""

    sides: tuple[Side, ...]
    miss: float
    """Mean distance by which rays along the outlines miss the others' hull, in units of the frame."""
    before: float
    """The same with the cameras that were asked for."""
    left_out: tuple[View, ...] = ()
    """Sides that contradict the others wherever their cameras stand: they would cut away what all others show."""


def register(sides: Sequence[Side]) -> Registered:
    """Return the sides with cameras that agree; exact ones come back as they are."""
    before = measure_miss(sides)
    if before <= _EXACT or len(sides) < 2:
        return Registered(sides=tuple(sides), miss=before, before=before)
    best, miss = _solve(stand_together(sides))
    found = Registered(sides=tuple(best), miss=miss, before=before)
    if miss <= _CONTRADICTS or len(sides) < 3:
        return found
    rest = min(
        ([side for side in best if side is not other] for other in best[1:]),
        key=measure_miss,
    )
    kept = {side.view for side in rest}
    fewer = register([side for side in sides if side.view in kept])
    if fewer.miss > miss / 2:
        return found
    gone = tuple(side.view for side in sides if side.view not in kept)
    return replace(fewer, left_out=(*gone, *fewer.left_out))


def stand_together(sides: Sequence[Side]) -> list[Side]:
    """The sides scaled and shifted so that heights, base lines and middles agree with the front's.

    Opposite sides share their boxes' middles; so does, as a first guess, every other side.
    """
    front = sides[0]
    top, bottom, left, right = _box(front)
    out = []
    for side in sides:
        if side.view is View.TOP:
            out.append(_top_started(side, front))
            continue
        a, b, c, d = _box(side)
        scale = (b - a) / (bottom - top)
        # Pixels of a unit follow the height; the lens stays as strong as it was.
        camera = side.camera
        distance = camera.distance * front.camera.focal_px / camera.focal_px
        focal = front.camera.focal_px * scale
        distance = front.camera.distance
        middle = (a + b) / 2 - ((top + bottom) / 2 - front.camera.cy_px) * scale
        shift = 0.0
        if side is front or side.view is View.BACK:
            own = (left + right) / 2 - front.camera.cx_px
            shift = own if side is front else -own
        out.append(
            side.move_to(
                camera.turn(
                    focal_px=focal, distance=distance, cx_px=(c + d) / 2 - shift * scale, cy_px=middle
                )
            )
        )
    return out


def _top_started(side: Side, front: Side) -> Side:
    """Seen from above the width is the front's."""
    _, _, left, right = _box(front)
    a, b, c, d = _box(side)
    scale = (d - c) / (right - left)
    return side.move_to(
        side.camera.turn(
            focal_px=front.camera.focal_px * scale,
            distance=front.camera.distance,
            cx_px=(c + d) / 2 - ((left + right) / 2 - front.camera.cx_px) * scale,
            cy_px=(a + b) / 2,
        )
    )


def _box(side: Side) -> tuple[float, float, float, float]:
    top, bottom, left, right = box_of(side.cover >= 0.5)
    return float(top), float(bottom), float(left), float(right)


def outline_rays(side: Side, count: int = _RAYS) -> tuple[F32, F32]:
    """Return x and y (N,) in pixels of the side's working picture, just inside the outline; N is `count` at most.

    They are chosen evenly, row by row. A silhouette without an inside gives none.
    """
    margin = max(1.5, _MARGIN * WORK_PX)
    y, x = np.nonzero((side.outline_px > margin) & (side.outline_px <= margin + 1.2))
    if not len(x):
        y, x = np.nonzero(side.outline_px > 0)
    pick = np.linspace(0, len(x) - 1, min(count, len(x))).astype(int)
    return x[pick].astype(np.float32) + np.float32(0.5), y[pick].astype(np.float32) + np.float32(0.5)


@dataclass(frozen=True)
class _Touch:
    """The deepest point of each ray."""

    depth: F32
    point: F32
    by: np.ndarray
    x_px: F32
    y_px: F32
    z: F32


def _touches(sides: Sequence[Side], index: int, pixels: tuple[F32, F32]) -> _Touch:
    rays = march(sides, index, *pixels, _STEPS, _RADIUS)
    best = rays.inside.argmax(1)
    pick = np.arange(len(best))
    return _Touch(
        depth=rays.inside[pick, best],
        point=rays.points[pick, best],
        by=rays.by[pick, best],
        x_px=pixels[0],
        y_px=pixels[1],
        z=rays.z[best],
    )


def measure_miss(sides: Sequence[Side]) -> float:
    """By how far the outlines' rays miss the other sides' silhouettes on average, in units of the figurine's box."""
    total = [np.maximum(-_touches(sides, k, outline_rays(side)).depth, 0) for k, side in enumerate(sides)]
    return float(np.concatenate(total).mean())


def _move(camera: OrbitCamera, step: F64) -> OrbitCamera:
    """The camera after yaw, pitch (degrees), log size, x, y (units)."""
    scale = camera.scale_px
    return camera.turn(
        yaw_deg=camera.yaw_deg + step[0],
        pitch_deg=camera.pitch_deg + step[1],
        focal_px=camera.focal_px * float(np.exp(step[2])),
        cx_px=camera.cx_px + step[3] * scale,
        cy_px=camera.cy_px + step[4] * scale,
    )


def _solve(sides: Sequence[Side]) -> tuple[list[Side], float]:
    """Damped Gauss-Newton over all cameras but the front's."""
    start = list(sides)
    spread = np.array([_PRIOR["yaw"], _PRIOR["pitch"], _PRIOR["size"], _PRIOR["x"], _PRIOR["y"]])
    count = len(start)
    state = np.zeros((count, 5))
    pixels = [outline_rays(side) for side in start]

    def at(state: F64) -> list[Side]:
        return [side.move_to(_move(side.camera, step)) for side, step in zip(start, state, strict=True)]

    def cost(touches: list[_Touch], state: F64) -> float:
        bad = np.concatenate([np.maximum(-touch.depth, 0) for touch in touches]) / _NOISE
        return float((bad * bad / (1 + bad / 8)).sum() + _WEIGHT * ((state / spread) ** 2).sum())

    now = at(state)
    touches = [_touches(now, k, pixels[k]) for k in range(count)]
    value, damping = cost(touches, state), 1.0
    for _ in range(_ROUNDS):
        normal, slope = _normal_equations(now, touches)
        prior = np.tile(_WEIGHT / spread**2, count)
        normal[np.diag_indices_from(normal)] += prior * 1.0
        slope += prior * state.ravel()
        free = np.arange(5, 5 * count)
        matrix = normal[np.ix_(free, free)]
        matrix[np.diag_indices_from(matrix)] *= 1 + 0.3 * damping
        step = np.zeros(5 * count)
        step[free] = np.linalg.solve(matrix, -slope[free])
        trial = state + step.reshape(count, 5)
        trial = np.clip(trial, -3 * spread, 3 * spread)
        moved = at(trial)
        found = [_touches(moved, k, pixels[k]) for k in range(count)]
        worth = cost(found, trial)
        if worth < value:
            gain = value - worth
            state, now, touches, value, damping = trial, moved, found, worth, damping / 3
            if gain < 1e-3 * value:
                break
        else:
            damping *= 4
            if damping > 300:
                break
    missed = np.concatenate([np.maximum(-touch.depth, 0) for touch in touches])
    return now, float(missed.mean())


_WEIGHT = 25.0
"""Outline pixels that the pull towards the cameras asked for is worth."""


def _normal_equations(sides: Sequence[Side], touches: Sequence[_Touch]) -> tuple[F64, F64]:
    """The sums over all rays that miss: how their deepest point's depth follows each camera."""
    size = 5 * len(sides)
    normal, slope = np.zeros((size, size)), np.zeros(size)
    for index, touch in enumerate(touches):
        bad = np.flatnonzero(touch.depth < 0)
        if not len(bad):
            continue
        rows = np.zeros((len(bad), size))
        # The point moves with the ray's own camera, and its pixel in the blocking side with that side's camera.
        for step in range(5):
            nudge = np.zeros(5)
            nudge[step] = _NUDGE[step]
            own = _move(sides[index].camera, nudge).lift(touch.x_px[bad], touch.y_px[bad], touch.z[bad])
            for number, side in enumerate(sides):
                mine = touch.by[bad] == number
                if number == index or not mine.any():
                    continue
                here = side.distances(touch.point[bad][mine])
                moved_ray = side.distances(own[mine])
                moved_side = side.move_to(_move(side.camera, nudge)).distances(touch.point[bad][mine])
                rows[mine, 5 * index + step] += (moved_ray - here) / _NUDGE[step]
                rows[mine, 5 * number + step] += (moved_side - here) / _NUDGE[step]
        miss = touch.depth[bad].astype(np.float64) / _NOISE
        weight = 1 / (1 + np.abs(miss) / 8)
        rows /= _NOISE
        normal += (rows * weight[:, None]).T @ rows
        slope += (rows * weight[:, None]).T @ miss
    return normal, slope


_NUDGE = np.array([0.5, 0.5, 0.004, 0.004, 0.004])
