"""Picture and cutout -> what the picture checks look at: a copy in which the figurine is 512 px, and its original grid.

Blur, light and framing are judged relative to the figurine, so that one threshold holds for every picture size; grain
and compression live on the original grid and are lost when a picture is made smaller.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from slipcast.core.masks import Box, box_of
from slipcast.core.values import F32, U8, Bool, Cutout, Picture
from slipcast.picture.bleed import bleed_colors
from slipcast.picture.own_alpha import Window, find_window

SIDE_PX = 512
"""Longer side of the figurine in the copy; a smaller figurine stays as it is."""


@dataclass(frozen=True, kw_only=True)
class View512:
    """One picture as the checks see it; `look_at` makes it."""

    cut: Cutout
    """The cutout at full size."""
    own_alpha: bool
    """Whether the picture came with its alpha: what lies behind it is then no background to judge."""
    opacity: U8 | None
    """(H,W) of the full picture: the alpha that it came with."""
    full: U8
    """(H,W,3) of the full picture; of one with alpha the cutout's colours, which continue outwards."""
    pixels: U8
    """(h,w,3) of the copy; a picture with alpha lies on white or, where the figurine is bright, on near black."""
    solid: Bool
    """(h,w) where the figurine is in the copy."""

    @cached_property
    def luma(self) -> F32:
        """(h,w) brightness of the copy, 0 to 255."""
        import cv2

        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2GRAY), dtype=np.float32)

    @cached_property
    def lab(self) -> F32:
        """(h,w,3) CIELAB of the copy, each scaled to 0 to 255."""
        import cv2

        return np.asarray(cv2.cvtColor(self.pixels, cv2.COLOR_RGB2LAB), dtype=np.float32)

    @cached_property
    def box(self) -> Box:
        """Top, bottom, left, right of the figurine in the copy; bottom and right are one past its last pixel."""
        return box_of(self.solid)

    @cached_property
    def side_px(self) -> int:
        """Longer side of the figurine's box in the full picture."""
        top, bottom, left, right = box_of(self.cut.alpha >= 128)
        return max(bottom - top, right - left)


def look_at(picture: Picture, cut: Cutout) -> View512:
    """Prepare `picture` and its cutout `cut` (same size, not empty)."""
    import cv2

    window = find_window(picture)
    own = window is None
    full = shown = _whole(picture, window)
    if own:
        full = cut.pixels
        behind = 255.0 if float(full[cut.alpha >= 128].mean()) < 140 else 30.0
        opacity = cut.alpha[..., None].astype(np.float32) / 255
        shown = np.round(full * opacity + behind * (1 - opacity)).astype(np.uint8)
    top, bottom, left, right = box_of(cut.alpha >= 128)
    scale = min(1.0, SIDE_PX / max(bottom - top, right - left))
    alpha = cut.alpha
    if scale < 1:
        size = (max(8, round(picture.width_px * scale)), max(8, round(picture.height_px * scale)))
        shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
    return View512(
        cut=cut,
        own_alpha=own,
        opacity=picture.alpha if own else None,
        full=full,
        pixels=np.ascontiguousarray(shown),
        solid=alpha >= 128,
    )


def _whole(picture: Picture, window: Window | None) -> U8:
    """The picture's pixels; where its alpha is a frame, its colours go on into it."""
    if window is None or window.pixels.shape == picture.pixels.shape:
        return picture.pixels if window is None else window.pixels
    alpha = np.zeros(picture.pixels.shape[:2], np.uint8)
    alpha[window.box] = np.where(window.shown, 255, 0)
    return bleed_colors(picture.pixels, alpha)


def steepness(values: F32) -> F32:
    """(h,w) length of the gradient of (h,w) or (h,w,3) values, per pixel."""
    import cv2

    layers = values[..., None] if values.ndim == 2 else values
    total = np.zeros(values.shape[:2], np.float32)
    for layer in range(layers.shape[2]):
        plane = np.ascontiguousarray(layers[..., layer])
        along_x = cv2.Sobel(plane, cv2.CV_32F, 1, 0, ksize=3) / 8
        along_y = cv2.Sobel(plane, cv2.CV_32F, 0, 1, ksize=3) / 8
        total += along_x * along_x + along_y * along_y
    out: F32 = np.sqrt(total)
    return out


def ramp(value: float, *, good: float, bad: float) -> float:
    """1 at `good` and beyond, 0 at `bad` and beyond, linear between: the threshold is in the middle."""
    return float(min(1.0, max(0.0, (value - bad) / (good - bad))))
