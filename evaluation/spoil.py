"""Good picture -> the same picture spoiled in one known way, to measure what the picture checks notice.

Every way is a function of a `Scene` (a good picture with its clean cutout) and a random generator; it returns the
spoiled picture. How strongly is drawn at random from the range in the
function: from «a user would complain» upwards, not from «barely measurable».
"""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from evaluation.scenery import clutter
from slipcast.core.values import F32, U8, Bool, Picture


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A good picture, and its figurine by itself."""

    name: str
    picture: Picture
    """As it was read: with its own alpha or without."""
    cut: Picture
    """The clean cutout: colours continued outwards, alpha."""

    @property
    def solid(self) -> Bool:
        """(H,W) where the figurine is."""
        assert self.cut.alpha is not None
        return np.asarray(self.cut.alpha >= 128)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Top, bottom, left, right of the figurine; bottom and right are one past its last pixel."""
        rows, cols = np.flatnonzero(self.solid.any(1)), np.flatnonzero(self.solid.any(0))
        return int(rows[0]), int(rows[-1]) + 1, int(cols[0]), int(cols[-1]) + 1


Way = Callable[[Scene, np.random.Generator], Picture]


# --------------------------------------------------------------------------------------------- pixels alone


def blur(scene: Scene, rng: np.random.Generator) -> Picture:
    """Out of focus: a Gaussian of 0.5 to 1.2 % of the figurine's height."""
    top, bottom, _, _ = scene.box
    sigma = max(1.5, rng.uniform(0.005, 0.012) * (bottom - top))
    return _with(scene, lambda pixels: cv2.GaussianBlur(pixels, (0, 0), sigma))


def noise(scene: Scene, rng: np.random.Generator) -> Picture:
    """Grain of 18 to 40 levels."""
    sigma = rng.uniform(18, 40)
    return _with(scene, lambda pixels: _levels(pixels + rng.normal(0, sigma, pixels.shape)))


def jpeg(scene: Scene, rng: np.random.Generator) -> Picture:
    """Saved as JPEG of quality 5 to 15."""
    quality = int(rng.integers(5, 16))
    return _with(scene, lambda pixels: _jpeg(pixels, quality))


def dark(scene: Scene, rng: np.random.Generator) -> Picture:
    """Three to five stops too dark."""
    factor = 2.0 ** -rng.uniform(3, 5)
    return _with(scene, lambda pixels: _exposed(pixels, factor))


def bright(scene: Scene, rng: np.random.Generator) -> Picture:
    """So bright that the figurine's middle tones lie at 0.8 to 1.3 of white."""
    middle = float(np.median(scene.cut.pixels[scene.solid].max(axis=1))) / 255
    factor = rng.uniform(0.8, 1.3) / max(middle, 0.02) ** 2.2
    return _with(scene, lambda pixels: _exposed(pixels, factor))


def light(scene: Scene, rng: np.random.Generator) -> Picture:
    """One hard lamp from the side: the far side of a form inflated from the silhouette lies in the dark."""
    solid = scene.solid.astype(np.uint8)
    top, bottom, left, right = scene.box
    reach = cv2.distanceTransform(np.pad(solid, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    dome = cv2.GaussianBlur(np.sqrt(reach), (0, 0), 0.03 * max(bottom - top, right - left))
    dx = cv2.Sobel(dome, cv2.CV_32F, 1, 0, ksize=3) / 8
    dy = cv2.Sobel(dome, cv2.CV_32F, 0, 1, ksize=3) / 8
    size = np.sqrt(dx * dx + dy * dy)
    steep = max(1e-6, float(np.percentile(size[scene.solid], 80)))
    angle = rng.uniform(-0.5, 0.5) + (np.pi if rng.random() < 0.5 else 0)
    toward = (dx * np.cos(angle) + dy * np.sin(angle)) / steep
    # A lamp at 70 degrees from the camera with little fill: the terminator runs over the form.
    shade = np.clip(0.45 + 0.9 * toward, 0.12, 1.25).astype(np.float32)
    return _with(scene, lambda pixels: _exposed(pixels, np.where(scene.solid, shade, 1)[..., None]))


# -------------------------------------------------------------------------------------------------- framing


def cut_bottom(scene: Scene, rng: np.random.Generator) -> Picture:
    """The frame cuts off the lowest 15 to 45 % of the figurine."""
    top, bottom, _, _ = scene.box
    return _cropped(scene, slice(0, int(bottom - rng.uniform(0.15, 0.45) * (bottom - top))), slice(None))


def cut_top(scene: Scene, rng: np.random.Generator) -> Picture:
    """The frame cuts off the highest 10 to 30 %."""
    top, bottom, _, _ = scene.box
    return _cropped(scene, slice(int(top + rng.uniform(0.1, 0.3) * (bottom - top)), None), slice(None))


def cut_limb(scene: Scene, rng: np.random.Generator) -> Picture:
    """The frame cuts off 12 to 30 % of the width, left or right: an arm, a wing, a tail."""
    _, _, left, right = scene.box
    share = rng.uniform(0.12, 0.3) * (right - left)
    if rng.random() < 0.5:
        return _cropped(scene, slice(None), slice(int(left + share), None))
    return _cropped(scene, slice(None), slice(0, int(right - share)))


def tiny(scene: Scene, rng: np.random.Generator) -> Picture:
    """Saved so small that the figurine's longer side is 60 to 130 px."""
    top, bottom, left, right = scene.box
    factor = rng.uniform(60, 130) / max(bottom - top, right - left)
    return _resized(scene.picture, factor)


def far(scene: Scene, rng: np.random.Generator) -> Picture:
    """The figurine's longer side is only 10 to 22 % of the picture's shorter one."""
    height, width = scene.solid.shape
    top, bottom, left, right = scene.box
    factor = rng.uniform(0.10, 0.22) * min(height, width) / max(bottom - top, right - left)
    return _placed(scene, rng, factor, rng.uniform(0.35, 0.65), rng.uniform(0.4, 0.7))


def off_centre(scene: Scene, rng: np.random.Generator) -> Picture:
    """Half as large, in a corner or at a side, whole."""
    height, width = scene.solid.shape
    top, bottom, left, right = scene.box
    factor = rng.uniform(0.38, 0.45) * min(height, width) / max(bottom - top, right - left)
    x = float(rng.choice([0.24, 0.76]))
    return _placed(scene, rng, factor, x, rng.uniform(0.3, 0.7))


def two(scene: Scene, rng: np.random.Generator) -> Picture:
    """The same figurine twice, side by side, as large as fits."""
    height, width = scene.solid.shape
    top, bottom, left, right = scene.box
    factor = min(0.44 * width / (right - left), 0.8 * height / (bottom - top))
    one = _placed(scene, rng, factor, 0.26, 0.5)
    again = _scaled(scene.cut, factor)
    return _placed_over(one, again, 0.74, 0.5 + rng.uniform(-0.03, 0.03), mirrored=rng.random() < 0.5)


# -------------------------------------------------------------------------------------------------- around it


def busy(scene: Scene, rng: np.random.Generator) -> Picture:
    """Before a street, foliage, shelves or a crowd of shapes."""
    height, width = scene.solid.shape
    assert scene.cut.alpha is not None
    return Picture(pixels=_over(scene.cut.pixels, scene.cut.alpha, clutter(rng, height, width)))


def shadow_alpha(scene: Scene, rng: np.random.Generator) -> Picture:
    """A hard cast shadow left in the picture's own alpha: black, half transparent, a third of the figurine's height."""
    assert scene.cut.alpha is not None
    veil = rng.uniform(0.55, 0.8) * _cast(scene, rng)
    opacity = scene.cut.alpha.astype(np.float32) / 255
    whole = opacity + veil * (1 - opacity)
    pixels = scene.cut.pixels * (opacity / np.maximum(whole, 1e-6))[..., None]
    return Picture(pixels=_levels(pixels), alpha=_levels(whole * 255))


def _cast(scene: Scene, rng: np.random.Generator) -> F32:
    """(H,W) in [0, 1]: the silhouette laid on the ground, its edge a little soft."""
    height, width = scene.solid.shape
    top, bottom, _, _ = scene.box
    assert scene.cut.alpha is not None
    lean, squash = rng.uniform(0.5, 1.1) * rng.choice([-1, 1]), rng.uniform(0.25, 0.4)
    # A row `up` above the feet comes to lie squash * up above them.
    matrix = np.array([[1, -lean, lean * bottom], [0, squash, bottom - squash * bottom]], np.float32)
    laid = cv2.warpAffine(scene.cut.alpha, matrix, (width, height))
    soft = cv2.GaussianBlur(laid, (0, 0), max(1.0, 0.004 * (bottom - top)))
    return np.asarray(soft, dtype=np.float32) / np.float32(255)


WAYS: dict[str, Way] = {
    "blur": blur,
    "noise": noise,
    "jpeg": jpeg,
    "dark": dark,
    "bright": bright,
    "light": light,
    "cut_bottom": cut_bottom,
    "cut_top": cut_top,
    "cut_limb": cut_limb,
    "tiny": tiny,
    "far": far,
    "off_centre": off_centre,
    "two": two,
    "busy": busy,
    "shadow_alpha": shadow_alpha,
}


# ---------------------------------------------------------------------------------------------------- tools


def _with(scene: Scene, change: Callable[[U8], U8]) -> Picture:
    """The picture with its pixels changed; a blurred picture's alpha stays as sharp as a cutout made later."""
    picture = scene.picture
    pixels = scene.cut.pixels if picture.alpha is not None else picture.pixels
    return Picture(pixels=np.ascontiguousarray(change(pixels)), alpha=picture.alpha, view=picture.view)


def _levels(values: np.ndarray[tuple[int, ...], np.dtype[np.floating]]) -> U8:
    out: U8 = np.clip(np.round(values), 0, 255).astype(np.uint8)
    return out


def _exposed(pixels: U8, factor: float | F32) -> U8:
    """sRGB levels after multiplying linear light."""
    linear = (pixels.astype(np.float32) / 255) ** 2.2 * factor
    return _levels(np.clip(linear, 0, 1) ** (1 / 2.2) * 255)


def _jpeg(pixels: U8, quality: int) -> U8:
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def _over(pixels: U8, alpha: U8, back: U8) -> U8:
    """`pixels` with `alpha` over `back`."""
    opacity = alpha[..., None].astype(np.float32) / 255
    return _levels(pixels * opacity + back * (1 - opacity))


def _backdrop(scene: Scene, rng: np.random.Generator) -> U8:
    """The picture's own background without the figurine; a studio grey or white for a picture with alpha."""
    height, width = scene.solid.shape
    if scene.picture.alpha is not None:
        return np.full((height, width, 3), int(rng.choice([255, 235, 205])), np.uint8)
    # Each row's own colour: keeps a gradient from top to bottom and a horizon, loses the figurine.
    outside = ~cv2.dilate(scene.solid.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    edge = np.zeros_like(outside)
    edge[:, : max(1, width // 20)] = edge[:, -max(1, width // 20) :] = True
    known = outside & edge if (outside & edge).any() else outside
    if not known.any():
        return np.full((height, width, 3), 235, np.uint8)
    whole = np.median(scene.picture.pixels[known], axis=0)
    rows = np.array(
        [
            np.median(scene.picture.pixels[row][known[row]], axis=0) if known[row].any() else whole
            for row in range(height)
        ],
        np.float32,
    )
    rows = cv2.GaussianBlur(rows[:, None], (1, 0x7), 3)[:, 0]
    return _levels(np.repeat(rows[:, None], width, axis=1))


def _opaque(scene: Scene, rng: np.random.Generator) -> Picture:
    """The picture itself, one with alpha before a studio's background."""
    if scene.picture.alpha is None:
        return scene.picture
    assert scene.cut.alpha is not None
    return Picture(pixels=_over(scene.cut.pixels, scene.cut.alpha, _backdrop(scene, rng)))


def _cropped(scene: Scene, rows: slice, cols: slice) -> Picture:
    picture = scene.picture
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[rows, cols])
    return Picture(pixels=np.ascontiguousarray(picture.pixels[rows, cols]), alpha=alpha, view=picture.view)


def _resized(picture: Picture, factor: float) -> Picture:
    size = (max(32, round(picture.width_px * factor)), max(32, round(picture.height_px * factor)))
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    alpha = None if picture.alpha is None else cv2.resize(picture.alpha, size, interpolation=method)
    return Picture(
        pixels=cv2.resize(picture.pixels, size, interpolation=method), alpha=alpha, view=picture.view
    )


def _scaled(cut: Picture, factor: float) -> Picture:
    """The figurine alone, cropped to its box, at another size."""
    assert cut.alpha is not None
    solid = cut.alpha > 0
    rows, cols = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    box = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    whole = Picture(pixels=np.ascontiguousarray(cut.pixels[box]), alpha=np.ascontiguousarray(cut.alpha[box]))
    return _resized(whole, factor)


def _placed(scene: Scene, rng: np.random.Generator, factor: float, x: float, y: float) -> Picture:
    """The figurine at another size with its middle at (x, y) of a picture of the same size."""
    return _placed_over(Picture(pixels=_backdrop(scene, rng)), _scaled(scene.cut, factor), x, y)


def _placed_over(back: Picture, figure: Picture, x: float, y: float, *, mirrored: bool = False) -> Picture:
    assert figure.alpha is not None
    pixels = figure.pixels[:, ::-1] if mirrored else figure.pixels
    alpha = figure.alpha[:, ::-1] if mirrored else figure.alpha
    height, width = back.pixels.shape[:2]
    tall, wide = min(alpha.shape[0], height), min(alpha.shape[1], width)
    top = int(np.clip(y * height - tall / 2, 0, height - tall))
    left = int(np.clip(x * width - wide / 2, 0, width - wide))
    out = back.pixels.copy()
    part = np.s_[top : top + tall, left : left + wide]
    out[part] = _over(pixels[:tall, :wide], alpha[:tall, :wide], out[part])
    return Picture(pixels=out)
