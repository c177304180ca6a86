"""Diagonals under another name, or mirrored, whether or not that other view is given too.

The straight sides' hull says where a diagonal's rays meet the figurine, and the straight sides next to a place say
which colours are there. In its own place a picture shows what they show, and its outline and theirs miss each other
least. Each diagonal is held against all four places, mirrored against its own, and exchanged with the straight side
next to it; what was given stands until something else is clearly better.

Views that disagree are compared as they came and once more with heights and middles laid over each other
(`stand_together`); the better of both counts. Measured in docs/views.md.

Rejected: colours of bands at one height, whole rows of two pictures against each other, with five views and more: of
132 exchanges 114 were told, of diagonals alone none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np

from slipcast.core.orbit import sample
from slipcast.core.values import F32, LENS_FOV_DEG, U8, Cutout, View
from slipcast.reconstruct.views.register import outline_rays, stand_together
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import Side, march, pixels_of

DIAGONALS = (View.FRONT_LEFT, View.FRONT_RIGHT, View.BACK_LEFT, View.BACK_RIGHT)
_STRAIGHT = (View.FRONT, View.LEFT, View.BACK, View.RIGHT)
_LEAST = 3
"""Fewer straight sides show too little of what is between them."""
_STEP_PX, _STEPS, _RADIUS = 10, 64, 0.75
"""Pixels between rays, and their samples within the frame."""
_RAYS = 160
"""Rays along each outline."""
_INSIDE_PX = 4
"""Colours nearer to an outline are mixed with the background's."""
_BLUR_PX = 3.0
_COLOR_NOISE, _MISS_NOISE = 1.5, 0.005
"""What colours (CIELAB, lightness by half) and outlines (units of the frame) differ by where nothing is wrong."""
_OUTLINES_COUNT = 0.3
"""What the miss of the outlines counts for beside the colours, both as logarithms."""
_SURE, _DOUBTED = 0.2, 0.08
"""From this gain on, in natural logarithms, another place is believed, and doubted."""
_FLIPPED_COSTS = 0.15
"""So much better must a mirrored picture be than one in another place: of a symmetric figurine both are the same."""
_CLEAR, _FAIR = 0.4, 0.2
"""With such a lead the names that were given need no second look; with the second nothing else is tried."""
_MOST_GAIN = 1.4
"""Of a channel, between two pictures' exposures."""
_NEXT_DEG = 60
"""Sides farther from a place do not show what it shows."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What pictures show that are named otherwise."""

    moved: Mapping[View, View]
    """The name given, and the side that is shown; two straight ones never, and no two show one side."""
    mirrored: tuple[View, ...]
    """Diagonals in their place that are mirrored."""
    sure: bool
    """False where it is only doubted."""


class _Option(NamedTuple):
    """What a picture may show."""

    place: View
    flipped: bool


def find_misplaced(cutouts: Mapping[View, Cutout]) -> Placed | None:
    """Return what the diagonals of `cutouts` (with alpha) show, where that is not what they are named.

    None without a diagonal, with fewer than three straight sides, or where the names given are about as good.
    """
    diagonals = [view for view in DIAGONALS if view in cutouts]
    straight = [view for view in _STRAIGHT if view in cutouts]
    if not diagonals or len(straight) < _LEAST:
        return None
    given_sides, _ = make_sides(
        {view: cutouts[view] for view in (*straight, *diagonals)}, {}, fov_deg=LENS_FOV_DEG
    )
    sides = [replace(side, rgb=_softened(side)) for side in given_sides]
    options = {
        view: [_Option(view, True), *(_Option(place, False) for place in DIAGONALS)] for view in diagonals
    }
    marks = _rate(sides, options)
    if _lead(marks) >= _CLEAR:
        return None
    marks = _best_of_both(sides, options, marks)
    if _lead(marks) >= _FAIR:
        return None
    given = sum(marks[view, _Option(view, False)] for view in diagonals)
    way = min(_ways(options), key=lambda way: sum(marks[entry] for entry in way.items()))
    gain = given - sum(marks[entry] for entry in way.items())
    moved = {view: option.place for view, option in way.items() if option.place is not view}
    mirrored = tuple(view for view, option in way.items() if option.flipped)
    own = {view: [_Option(view, False)] for view in diagonals}

    def gain_of(changed: Sequence[Side]) -> float:
        return given - sum(_best_of_both(changed, own, _rate(changed, own)).values())

    for one, other in product(diagonals, straight[1:]):
        if _apart(one.yaw_deg, other.yaw_deg) <= _NEXT_DEG:
            found = gain_of(_exchanged(sides, one, other))
            if found > gain:
                gain, moved, mirrored = found, {one: other, other: one}, ()
    if gain < _DOUBTED:
        return None
    # That a straight side is mirrored is found by its opposite; the diagonals wait until it has been turned.
    for view in straight[1:]:
        if gain_of([_flip(side) if side.view is view else side for side in sides]) > gain:
            return None
    return Placed(moved=moved, mirrored=mirrored, sure=gain >= _SURE)


_Marks = dict[tuple[View, _Option], float]
"""How ill each diagonal fits the straight sides as each of its options, a logarithm."""


def _lead(marks: _Marks) -> float:
    """By how much every diagonal's own place is better than its other options; negative where one is worse."""
    return min(
        mark - marks[view, _Option(view, False)]
        for (view, option), mark in marks.items()
        if option != (view, False)
    )


def _ways(options: Mapping[View, Sequence[_Option]]) -> list[dict[View, _Option]]:
    """All choices of one option for each diagonal, no two in one place."""
    chosen = (dict(zip(options, way, strict=True)) for way in product(*options.values()))
    return [way for way in chosen if len({option.place for option in way.values()}) == len(way)]


def _exchanged(sides: Sequence[Side], one: View, other: View) -> list[Side]:
    """The sides with two pictures used for each other."""
    names = {one: other, other: one}
    return [_placed(side, names.get(side.view, side.view)) for side in sides]


def _placed(side: Side, view: View) -> Side:
    return replace(side, view=view, camera=side.camera.turn(yaw_deg=view.yaw_deg))


def _apart(one_deg: float, other_deg: float) -> float:
    """Degrees between two directions."""
    turn = abs(one_deg - other_deg) % 360
    return min(turn, 360 - turn)


def _best_of_both(sides: Sequence[Side], options: Mapping[View, Sequence[_Option]], marks: _Marks) -> _Marks:
    """The better of `marks`, which are of the sides as they came, and of the sides laid over each other."""
    again = _rate(stand_together(sides), options)
    return {entry: min(mark, again[entry]) for entry, mark in marks.items()}


def _rate(sides: Sequence[Side], options: Mapping[View, Sequence[_Option]]) -> _Marks:
    straight = [side for side in sides if side.view not in options]
    # What the straight sides leave of each other's outlines does not depend on the diagonal.
    rays = [
        march(straight, index, *outline_rays(side, _RAYS), _STEPS, _RADIUS)
        for index, side in enumerate(straight)
    ]
    marks = {}
    for side in sides:
        for option in options.get(side.view, ()):
            placed = _placed(_flip(side) if option.flipped else side, option.place)
            unlike = _unlike(placed, straight)
            missed = [_outside(np.minimum(ray.inside, _along(placed, ray.points))) for ray in rays]
            own = march([*straight, placed], len(straight), *outline_rays(placed, _RAYS), _STEPS, _RADIUS)
            miss = float(np.concatenate([*missed, _outside(own.inside)]).mean())
            marks[side.view, option] = float(
                np.log(unlike + _COLOR_NOISE)
                + _OUTLINES_COUNT * np.log(miss + _MISS_NOISE)
                + _FLIPPED_COSTS * option.flipped
            )
    return marks


def _along(side: Side, points: F32) -> F32:
    """(N,S) signed distances of the samples (N,S,3) to a side's outline."""
    return side.distances(points.reshape(-1, 3)).reshape(points.shape[:2])


def _outside(inside: F32) -> F32:
    """(N,) how far each ray's deepest sample is outside."""
    out: F32 = np.maximum(-inside.max(1), 0)
    return out


def _flip(side: Side) -> Side:
    """The side with left and right exchanged."""
    return replace(
        side,
        cover=np.ascontiguousarray(side.cover[:, ::-1]),
        outline_px=np.ascontiguousarray(side.outline_px[:, ::-1]),
        rgb=None if side.rgb is None else np.ascontiguousarray(side.rgb[:, ::-1]),
        camera=side.camera.turn(cx_px=side.outline_px.shape[1] - side.camera.cx_px),
    )


def _softened(side: Side) -> U8:
    """(H,W,3) the picture without fine detail, blurred within the silhouette."""
    import cv2

    assert side.rgb is not None
    inside = side.inside.astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(inside, (0, 0), _BLUR_PX), np.float32(1e-3))
    colors = cv2.GaussianBlur(side.rgb.astype(np.float32) * inside[..., None], (0, 0), _BLUR_PX)
    out: U8 = np.clip(np.rint(colors / weight[..., None]), 0, 255).astype(np.uint8)
    return out


def _unlike(side: Side, straight: Sequence[Side]) -> float:
    """How far a diagonal's colours are from those of the straight sides next to it, at the same places of the hull."""
    x, y = pixels_of(side, _STEP_PX)
    well = sample(side.outline_px, x, y) > _INSIDE_PX
    x, y = x[well], y[well]
    near = [other for other in straight if _apart(other.camera.yaw_deg, side.camera.yaw_deg) <= _NEXT_DEG]
    if not len(x) or not near:
        return 0.0
    ray = march([*straight, side], len(straight), x, y, _STEPS, _RADIUS)
    # Where the ray enters the hull, or comes nearest to it.
    enter = (ray.inside >= np.minimum(ray.inside.max(1), 0)[:, None]).argmax(1)
    points = ray.points[np.arange(len(x)), enter]
    own = _colors(side, x, y)
    unlike = []
    for other in near:
        u, v, _ = other.camera.project(points)
        unlike.append(_color_difference(own, _colors(other, u, v)))
    return float(np.min(unlike, axis=0).mean())


def _colors(side: Side, x_px: F32, y_px: F32) -> F32:
    assert side.rgb is not None
    return sample(side.rgb, x_px, y_px)


def _color_difference(one: F32, other: F32) -> F32:
    """(N,) differences of (N,3) sRGB colours but for exposure and tint; lightness, which light changes, by half."""
    import cv2

    gain = np.clip(np.median((one + 5) / (other + 5), axis=0), 1 / _MOST_GAIN, _MOST_GAIN)
    lab = [
        cv2.cvtColor(np.clip(values, 0, 255).astype(np.float32)[None] / np.float32(255), cv2.COLOR_RGB2LAB)[0]
        for values in (one, other * gain)
    ]
    out: F32 = np.abs(lab[0] - lab[1]) @ np.array([0.5, 1, 1], np.float32)
    return out
