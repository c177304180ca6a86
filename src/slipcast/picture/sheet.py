"""A sheet with several sides of a figurine side by side -> one picture a side, on one scale and one base line."""

from dataclasses import replace

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import U8, Bool, Picture, View

_BACKDROP = 24
"""Levels by which a figurine's pixels differ from the sheet's border, at least."""
_SPECK = 0.04
"""What holds less of a sheet's figures than this is lettering or dirt."""


def split_sheet(picture: Picture, sides: tuple[View, ...]) -> dict[View, Picture]:
    """The figures of a sheet, from left to right; all keep one scale, one base line and the sheet's height.

    A sheet of equal canvases gives back these canvases, so that each keeps its camera. Else each figure has the middle
    of its picture and a margin.

    Raises BadInput where the figures touch, or are more or fewer than `sides`.
    """
    shown = _figure_mask(picture)
    columns = shown.sum(0)
    starts = np.flatnonzero(np.diff(np.r_[0, columns > 0].astype(np.int8)) == 1)
    ends = np.flatnonzero(np.diff(np.r_[columns > 0, 0].astype(np.int8)) == -1) + 1
    # What leans over a narrow gap is one figure; specks and letters are none.
    weight = np.array([columns[a:b].sum() for a, b in zip(starts, ends, strict=True)], float)
    runs = [
        (int(a), int(b)) for a, b, w in zip(starts, ends, weight, strict=True) if w > _SPECK * weight.sum()
    ]
    if len(runs) != len(sides):
        figures = "1 figure" if len(runs) == 1 else f"{len(runs)} figures"
        raise BadInput(
            f"the sheet shows {figures} side by side where {len(sides)} sides are named; leave a gap "
            "between figures, or cut it up and give the views one by one"
        )
    if _has_equal_canvases(shown, runs):
        width = picture.width_px // len(sides)
        cut = {
            view: _take(picture, view, picture.pixels[:, at : at + width], _columns(picture.alpha, at, width))
            for view, at in zip(sides, range(0, picture.width_px, width), strict=True)
        }
    else:
        cut = _centre(picture, sides, runs, shown)
    return dict(sorted(cut.items(), key=lambda item: list(View).index(item[0])))


def _has_equal_canvases(shown: Bool, runs: list[tuple[int, int]]) -> bool:
    """Whether the sheet is as many equal slices as figures: one figure in each, and nothing across their borders."""
    width, over = divmod(shown.shape[1], len(runs))
    if over:
        return False
    borders = np.arange(1, len(runs)) * width
    crossed = (shown[:, borders - 1] & shown[:, borders]).any()
    return not crossed and all(n * width <= a and b <= (n + 1) * width for n, (a, b) in enumerate(runs))


def _centre(
    picture: Picture, sides: tuple[View, ...], runs: list[tuple[int, int]], shown: Bool
) -> dict[View, Picture]:
    """Each figure in the middle of a picture as wide as the widest needs, filled up with the border's colour."""
    rows = np.flatnonzero(shown[:, runs[0][0] : runs[-1][1]].any(1))
    margin = max(8, (rows[-1] - rows[0]) // 20)
    wide, tall = max(b - a for a, b in runs) + 2 * margin, picture.height_px
    border = np.median(_border(picture.pixels), axis=0).astype(np.uint8)
    out: dict[View, Picture] = {}
    for view, (a, b), before, after in zip(
        sides,
        runs,
        [0, *(b for _, b in runs[:-1])],
        [*(a for a, _ in runs[1:]), picture.width_px],
        strict=True,
    ):
        middle = (a + b) // 2
        left, right = (
            max(middle - wide // 2, (a + before) // 2),
            min(middle + wide // 2, (b + after) // 2 + 1),
        )
        pixels = np.full((tall, wide, 3), border, np.uint8)
        at = left - (middle - wide // 2)
        pixels[:, at : at + right - left] = picture.pixels[:, left:right]
        alpha = None
        if picture.alpha is not None:
            alpha = np.zeros((tall, wide), np.uint8)
            alpha[:, at : at + right - left] = picture.alpha[:, left:right]
        out[view] = _take(picture, view, pixels, alpha)
    return out


def _columns(alpha: U8 | None, at: int, width: int) -> U8 | None:
    return None if alpha is None else alpha[:, at : at + width]


def _take(picture: Picture, view: View, pixels: U8, alpha: U8 | None) -> Picture:
    """A picture of the sheet, which says that it is a part of it."""
    source = dict(picture.source)
    source["sha256"] = f"{source.get('sha256', '')}:{view.value}"
    pixels = np.ascontiguousarray(pixels)
    alpha = None if alpha is None else np.ascontiguousarray(alpha)
    return replace(picture, pixels=pixels, alpha=alpha, view=view, source=source)


def _figure_mask(picture: Picture) -> Bool:
    if picture.alpha is not None and float((picture.alpha >= 128).mean()) < 0.98:
        return picture.alpha >= 128
    border = np.median(_border(picture.pixels), axis=0)
    far: Bool = np.abs(picture.pixels.astype(np.int16) - border.astype(np.int16)).max(2) > _BACKDROP
    return far


def _border(pixels: U8) -> U8:
    edge = max(1, min(pixels.shape[:2]) // 100)
    parts = (pixels[:edge], pixels[-edge:], pixels[:, :edge], pixels[:, -edge:])
    return np.concatenate([part.reshape(-1, 3) for part in parts])
