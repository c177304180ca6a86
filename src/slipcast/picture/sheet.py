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
    """The figures of a sheet, from left to right, each with a margin; all keep one scale and one base line.

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
        raise BadInput(
            f"the sheet shows {len(runs)} figures side by side where {len(sides)} sides are named; leave a gap "
            "between figures, or cut it up and give the views one by one"
        )
    rows = np.flatnonzero(shown[:, runs[0][0] : runs[-1][1]].any(1))
    margin = max(8, (rows[-1] - rows[0]) // 20)
    wide = max(b - a for a, b in runs) + 2 * margin
    top, bottom = max(0, rows[0] - margin), min(picture.height_px, rows[-1] + 1 + margin)
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
        pixels = np.full((bottom - top, wide, 3), border, np.uint8)
        at = left - (middle - wide // 2)
        pixels[:, at : at + right - left] = picture.pixels[top:bottom, left:right]
        alpha = None
        if picture.alpha is not None:
            alpha = np.zeros((bottom - top, wide), np.uint8)
            alpha[:, at : at + right - left] = picture.alpha[top:bottom, left:right]
        source = dict(picture.source)
        source["sha256"] = f"{source.get('sha256', '')}:{view.value}"
        out[view] = replace(picture, pixels=pixels, alpha=alpha, view=view, source=source)
    return dict(sorted(out.items(), key=lambda item: list(View).index(item[0])))


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
