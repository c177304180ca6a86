"""Cutout + Shells -> the picture without its soft light: colours that an engine can light anew.

The light from all around a matt body is nearly a quadratic of its normal: nine spherical harmonics (Ramamoorthi and
Hanrahan 2001). Their weights are found from the front shell's normals and the picture alone: between places a little
apart the brightness of one colour changes with the light, and where the colour itself changes it does so by a step
(Land and McCann 1971). So the logarithms' differences are fitted with weights that leave large misfits out (Geman and
McClure 1985), over pairs of like hue, at four distances. What is fitted is divided out; hard shadows, highlights and
what parts shade on each other stay. Against the true colours of 8 samples: `python -m evaluation.delight samples`.
Rejected: hollows of the depth, at 3 and 8 % of the height, as two more terms (no sample better by over 0.15 Delta E).

    image    log light difference = sum of weights * difference of harmonics + step of colour (left out)
"""

from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I64, U8, Bool, Cutout, Shells
from slipcast.texture.normal_map import find_depth_normals

_HEIGHT_PX = 256
"""At which the light is fitted: it is soft."""
_APART = (3, 7, 13, 23)
"""Pixels between the two places of a pair, along rows and columns."""
_HUE = 0.06
"""How far chromaticities (r, g of r + g + b = 1) of a pair may lie apart."""
_STEP = 0.15
"""Misfit, in natural logarithms, at which a pair counts for a quarter."""
_ROUNDS = 20
_RIDGE = 1e-3
_SOFT = 0.012
"""Blur of the normals, as a share of the height: no noise of the depth becomes a pattern of colours."""
_MOST = 0.6
"""Largest logarithm that is divided out: a factor of 1.8."""
_DARKEST, _BRIGHTEST = 0.01, 0.97
"""Linear brightness between which a pixel tells of the light."""


@dataclass(frozen=True, kw_only=True)
class Light:
    """The soft light of a picture."""

    logarithm: F32
    """(H,W) natural logarithm of the light, 0 in the middle of the figurine; 0 where there is none."""
    stops: float
    """Between its darkest and its brightest twentieth, in factors of two."""


def remove_light(picture: Cutout, depth: Shells, strength: float) -> tuple[Cutout, dict[str, float]]:
    """Return `picture` with its soft light divided out by `strength` (0 nothing, 1 all), and what was removed.

    Alpha stays. `stops` tells how far apart the darkest and brightest twentieth of the light were.
    """
    if strength == 0 or not depth.valid.any():
        return picture, {}
    light = estimate_light(picture, depth)
    linear = _to_linear(picture.pixels)
    linear *= np.exp(-strength * light.logarithm)[..., None]
    told = {"strength": strength, "stops": round(strength * light.stops, 2)}
    return replace(picture, pixels=_to_srgb(linear)), told


def estimate_light(picture: Cutout, depth: Shells) -> Light:
    """Return the light on the front shell of `depth`, which is as large as the picture."""
    import cv2

    height, width = depth.valid.shape
    shrink = max(1, round(height / _HEIGHT_PX))
    size = -(-width // shrink), -(-height // shrink)
    mask = cv2.resize(depth.valid.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.99
    if mask.sum() < 100:
        return Light(logarithm=np.zeros((height, width), np.float32), stops=0.0)
    linear = _to_linear(np.asarray(cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA)))
    harmonics, known = _harmonics(depth, size)
    mask &= known
    bright = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    usable = mask & (bright > _DARKEST) & (linear.max(axis=2) < _BRIGHTEST)
    one, other = _find_pairs(usable, linear / np.maximum(linear.sum(axis=2, keepdims=True), 1e-4))
    logarithm = np.log(np.maximum(bright, _DARKEST)).ravel()
    flat = harmonics.reshape(-1, harmonics.shape[-1])
    weights = _fit(flat[one] - flat[other], (logarithm[one] - logarithm[other]).astype(np.float64))
    light = (harmonics @ weights).astype(np.float32)
    light -= np.median(light[mask])
    light = np.clip(light, -_MOST, _MOST)
    spread = np.percentile(light[mask], [5, 95])
    light = np.where(mask, light, 0).astype(np.float32)
    # Carried over the rim, so that the reduced mask's border does not show.
    nearest = ndimage.distance_transform_edt(~mask, return_indices=True)[1]
    whole = cv2.resize(light[tuple(nearest)], (width, height), interpolation=cv2.INTER_LINEAR)
    return Light(
        logarithm=np.where(depth.valid, whole, 0).astype(np.float32),
        stops=float((spread[1] - spread[0]) / np.log(2)),
    )


def _harmonics(depth: Shells, size: tuple[int, int]) -> tuple[F64, Bool]:
    """(h,w,8) spherical harmonics of the front's blurred normals without the constant, and where they are known."""
    import cv2

    height, width = depth.valid.shape
    rows, columns = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    at = np.stack(np.meshgrid(columns * width / size[0], rows * height / size[1]), -1).reshape(-1, 2)
    normals, known, _ = find_depth_normals(depth.front, depth, at)
    there = known.reshape(size[1], size[0])
    field = np.where(known[:, None], normals, 0).reshape(size[1], size[0], 3)
    sigma = max(_SOFT * size[1], 0.5)
    n = cv2.GaussianBlur(field, (0, 0), sigma)
    n /= np.maximum(np.linalg.norm(n, axis=2, keepdims=True), 1e-9)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    return np.stack([x, y, z, x * y, y * z, x * z, x * x - y * y, 3 * z * z - 1], -1), there


def _find_pairs(usable: Bool, hue: F32) -> tuple[I64, I64]:
    """Pairs of usable pixels, of one hue and on one row or column, as indices into the flat picture."""
    height, width = usable.shape
    number = np.arange(height * width).reshape(height, width)
    one, other = [], []
    for apart in _APART:
        for down, right in ((apart, 0), (0, apart)):
            a, b = np.s_[: height - down, : width - right], np.s_[down:, right:]
            like = np.abs(hue[a] - hue[b]).max(axis=2) < _HUE
            both = usable[a] & usable[b] & like
            one.append(number[a][both])
            other.append(number[b][both])
    return np.concatenate(one), np.concatenate(other)


def _fit(harmonics: F64, change: F64) -> F64:
    """(8,) weights of the harmonics whose differences (N,8) explain the changes (N,) of most pairs."""
    count = harmonics.shape[1]
    out: F64 = np.zeros(count)
    if len(change) < 10 * count:
        return out
    ridge = _RIDGE * len(change) * np.eye(count)
    for _ in range(_ROUNDS):
        off = change - harmonics @ out
        weight = 1 / (1 + (off / _STEP) ** 2) ** 2
        weighted = harmonics * weight[:, None]
        solved = np.linalg.solve(weighted.T @ harmonics + ridge, weighted.T @ change)
        out = np.asarray(solved, np.float64)
    return out


def _to_linear(pixels: U8) -> F32:
    value = np.arange(256) / 255
    table = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    out: F32 = table.astype(np.float32)[pixels]
    return out


def _to_srgb(linear: F32) -> U8:
    value = np.clip(linear, 0, 1)
    shown = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    out: U8 = np.rint(shown * 255).astype(np.uint8)
    return out
