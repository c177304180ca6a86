"""Views named for each other where one of them is a diagonal.

Two pictures that are exchanged contradict all others twice: rays along their outlines miss what the others show, and
neighbours on the way round no longer have the same colours at one height. The order that was given is held against
each single exchange of a diagonal with another diagonal or with the side next to it.

Rejected: outlines alone. Front left and back left of a figurine that is its own mirror image have about the same
outline: of 33 such exchanges 24 were told just above what the right sets reach, with colours 26 at twice that. Cameras
that were moved together first (`stand_together`), with colours: 24.
Measured in docs/views.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from slipcast.core.masks import box_of
from slipcast.core.values import F32, LENS_FOV_DEG, Cutout, View
from slipcast.reconstruct.register import measure_miss
from slipcast.reconstruct.sides import make_sides
from slipcast.reconstruct.silhouettes import Side

DIAGONALS = (View.FRONT_LEFT, View.FRONT_RIGHT, View.BACK_LEFT, View.BACK_RIGHT)
_ROWS, _COLUMNS, _BAND = 64, 48, 4
"""A figurine's box for colours, and the rows of it that are compared at once."""
_LEVELS = tuple(np.linspace(0.05, 0.95, 10))
"""Quantiles of each channel by which the colours of a band are compared."""
_NEAR, _FAR = 1.0, 0.4
"""What neighbours 45 and 90 degrees apart count for."""
_COLORS_COUNT = 5.0
"""What a share of the colours' difference is worth in natural logarithms of the miss."""
_SURE = 0.5
"""From here on an exchange is believed; the most of 33 sets as they are is 0.22."""
_MISS_NOISE = 5e-5
"""What outlines miss each other by where nothing is wrong, in units of the frame."""
_LEAST = 5
"""Of four views with diagonals one set of 33, which was right, was called exchanged."""


def find_exchanged(cutouts: Mapping[View, Cutout]) -> tuple[View, View] | None:
    """Return the two views of `cutouts` (with alpha) that are named for each other, one of them a diagonal.

    None without a diagonal, with fewer than five views, or where the order that was given is about as good.
    """
    given: list[View] = [view for view in cutouts if view is not View.TOP]
    if len(given) < _LEAST or not any(view in DIAGONALS for view in given):
        return None
    sides, _ = make_sides({view: cutouts[view] for view in given}, {}, fov_deg=LENS_FOV_DEG)
    unlike = _unlike_colors(cutouts, given)

    def measure(order: Mapping[View, View]) -> tuple[float, float]:
        """Miss of the outlines and unlikeness of neighbours' colours; `order` says as what each picture is used."""
        return _miss(sides, order), _neighbours(unlike, order)

    as_named: dict[View, View] = {view: view for view in given}
    miss, colors = measure(as_named)
    gains = {}
    for one, other in _exchanges(given):
        tried, shown = measure({**as_named, one: other, other: one})
        gain = float(np.log((miss + _MISS_NOISE) / (tried + _MISS_NOISE)))
        gains[one, other] = gain + _COLORS_COUNT * (colors - shown) / max(colors, 1.0)
    best = max(gains, key=lambda pair: gains[pair])
    # The straight sides' order and a mirrored one are settled elsewhere: where they explain more, nothing is said.
    if gains[best] <= _SURE or not any(view in DIAGONALS for view in best):
        return None
    mirrored = min(
        (
            _miss([_flip(side) if side.view is view else side for side in sides], as_named)
            for view in given
            if view is not View.FRONT
        ),
        default=miss,
    )
    return best if np.log((miss + _MISS_NOISE) / (mirrored + _MISS_NOISE)) < gains[best] else None


def _flip(side: Side) -> Side:
    """The side with left and right exchanged."""
    return replace(
        side,
        cover=np.ascontiguousarray(side.cover[:, ::-1]),
        outline_px=np.ascontiguousarray(side.outline_px[:, ::-1]),
    )


def _exchanges(given: Sequence[View]) -> list[tuple[View, View]]:
    """Pairs that may be named for each other: neighbours on the way round, two diagonals, two straight sides."""
    others = [view for view in given if view is not View.FRONT]
    return [
        (one, other)
        for one, other in combinations(others, 2)
        if _apart(one, other) <= 45 or (one in DIAGONALS) == (other in DIAGONALS)
    ]


def _apart(one: View, other: View) -> float:
    """Degrees between two views' cameras."""
    turn = abs(one.yaw_deg - other.yaw_deg)
    return min(turn, 360 - turn)


def _miss(sides: Sequence[Side], order: Mapping[View, View]) -> float:
    used = [
        replace(side, view=order[side.view], camera=side.camera.turned(yaw_deg=order[side.view].yaw_deg))
        for side in sides
    ]
    return measure_miss(sorted(used, key=lambda side: list(View).index(side.view)))


def _neighbours(unlike: Mapping[frozenset[View], float], order: Mapping[View, View]) -> float:
    total = 0.0
    for pair, far in unlike.items():
        one, other = pair
        apart = _apart(order[one], order[other])
        total += far * (_NEAR if apart <= 45 else _FAR if apart <= 90 else 0)
    return total


def _unlike_colors(cutouts: Mapping[View, Cutout], given: Sequence[View]) -> dict[frozenset[View], float]:
    """How far the colours of each two views are apart at one height, in levels; exposure and tint do not count."""
    bands = {view: _bands(cutouts[view]) for view in given}
    out = {}
    for one, other in combinations(given, 2):
        total = weight = 0.0
        for (count, level), (also, their) in zip(bands[one], bands[other], strict=True):
            fewer = min(count, also)
            if fewer >= _BAND:
                total += fewer * float(np.abs(level - their).mean())
                weight += fewer
        out[frozenset((one, other))] = total / max(weight, 1)
    return out


def _bands(cut: Cutout) -> list[tuple[int, F32]]:
    """From top to bottom each band's pixels and (Q,3) its colours' quantiles, of a picture whose mean is grey."""
    import cv2

    box = box_of(cut.alpha >= 128).slices
    size = (_COLUMNS, _ROWS)
    inside = cv2.resize(cut.alpha[box], size, interpolation=cv2.INTER_AREA) >= 128
    pixels = cv2.resize(cut.pixels[box].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    pixels = pixels * (128 / (pixels[inside].mean(0) + 1))
    out = []
    for top in range(0, _ROWS, _BAND):
        rows = slice(top, top + _BAND)
        seen = pixels[rows][inside[rows]]
        level = np.quantile(seen, _LEVELS, axis=0) if len(seen) else np.zeros((len(_LEVELS), 3))
        out.append((len(seen), level.astype(np.float32)))
    return out
