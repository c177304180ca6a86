"""Result of several views -> the report's rows: each picture beside the asset seen from there, and the difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from slipcast.core.camera import project
from slipcast.core.masks import box_of
from slipcast.core.values import F32, U8, Bool, Figurine
from slipcast.mesh.rasterize import rasterize
from slipcast.pipeline.preview import look_up
from slipcast.pipeline.several_views import SeenView
from slipcast.report.pictures import ADDED, MISSING, Shown, show_image

_TALL_PX = 320
_FULL = 64.0
"""A difference of so many levels is drawn at full strength."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One view on the page."""

    view: str
    picture: Shown
    asset: Shown
    difference: Shown
    yaw_deg: float
    pitch_deg: float
    turned: bool
    outline_iou: float
    """Of the picture's silhouette and the asset's."""
    color_error: float
    """Mean absolute difference where both are, of 255."""


def compare_views(figurine: Figurine, views: Sequence[SeenView]) -> tuple[Compared, ...]:
    """Draw `figurine` as the camera of each of `views` sees it; one entry a view, in their order."""
    return tuple(_compare(figurine, view) for view in views)


def _compare(figurine: Figurine, view: SeenView) -> Compared:
    cut = view.cutout
    step = max(1, round(cut.height_px / (2 * _TALL_PX)))
    wide, tall = -(-cut.width_px // step), -(-cut.height_px // step)
    at, z = project(view.seen.camera, figurine.mesh.vertices)
    hits = rasterize(at / step, z, figurine.mesh.faces, wide, tall)
    drawn = hits.face >= 0
    asset = np.zeros((tall, wide, 3), np.float32)
    asset[drawn] = look_up(figurine, hits.face[drawn], hits.weights[drawn])
    middle = step // 2
    there = cut.alpha[middle::step, middle::step] >= 128
    picture = cut.pixels[middle::step, middle::step].astype(np.float32)
    there, picture = _fill(there, (tall, wide)), _fill(picture, (tall, wide))
    apart = np.abs(asset - picture).mean(2)
    both = there & drawn
    box = _box(there | drawn)
    return Compared(
        view=view.cutout.view.value.replace("_", " "),
        picture=_show(picture, there, box),
        asset=_show(asset, drawn, box),
        difference=_show(_paint_difference(apart, there, drawn), there | drawn, box),
        yaw_deg=round(view.yaw_deg % 360, 1),
        pitch_deg=round(view.pitch_deg, 1),
        turned=view.turned,
        outline_iou=float(both.sum() / max(1, int((there | drawn).sum()))),
        color_error=float(apart[both].mean()) if both.any() else 0.0,
    )


def _paint_difference(apart: F32, there: Bool, drawn: Bool) -> F32:
    """(H,W,3) white where both agree, dark where they differ, and the colours of what one lacks."""
    out = np.repeat(255 * (1 - np.clip(apart / _FULL, 0, 1))[..., None], 3, axis=2).astype(np.float32)
    out[there & ~drawn] = MISSING
    out[drawn & ~there] = ADDED
    return out


def _fill(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The values, their last row or column again where a picture's size is no multiple of the step."""
    more = [(0, max(0, want - got)) for want, got in zip(shape, values.shape, strict=False)]
    return np.pad(values, [*more, *[(0, 0)] * (values.ndim - 2)], mode="edge")[: shape[0], : shape[1]]


def _box(mask: Bool) -> tuple[slice, slice]:
    if not mask.any():
        return slice(0, mask.shape[0]), slice(0, mask.shape[1])
    return box_of(mask).widen(4, mask.shape).slices


def _show(color: F32, mask: Bool, box: tuple[slice, slice]) -> Shown:
    pixels: U8 = np.dstack([np.clip(color, 0, 255), np.where(mask, 255, 0)]).astype(np.uint8)
    return show_image(Image.fromarray(pixels[box]), _TALL_PX)
