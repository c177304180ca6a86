"""Few colours for many texels: a palette in CIE Lab, or the filaments that somebody has.

Colours are compared where equal steps look equal: k-means in CIE Lab (D65), weighted by area, started far apart
(k-means++ without chance: each further start is the colour that is worst served so far). How far a figurine's colours
lie from what will be printed is told as CIEDE2000 (Sharma, Wu and Dalal 2005).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import F64, I64, U8
from slipcast.prepare.body import Color

MOST_COLORS = 16
_ROUNDS = 25
LIGHTNESS = 0.5
"""Weight of lightness against hue while a palette is chosen: baked light varies it over one colour of paint."""
_WHITE = np.array([0.95047, 1.0, 1.08883])
_XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours that are printed."""

    colors: tuple[Color, ...]
    mean_error: float
    """CIEDE2000, weighted by area."""
    largest_error: float
    """CIEDE2000 that 99 % of the area keep."""


def choose_palette(colors: U8, area: F64, count: int) -> tuple[Palette, I64]:
    """Return the `count` colours that serve (N,3) sRGB `colors` of (N,) `area` best, and which each takes.

    Raises BadInput unless `count` is 1 to 16. Fewer colours come back where there are fewer.
    """
    if not 1 <= count <= MOST_COLORS:
        raise BadInput(f"colors must be 1 to {MOST_COLORS}, got {count}")
    lab = lab_from_srgb(colors)
    space = lab * np.array([LIGHTNESS, 1, 1])
    centers = _spread_starts(space, area, count)
    index = np.zeros(len(lab), np.int64)
    for _ in range(_ROUNDS):
        index = _nearest(space, centers)
        total = np.bincount(index, area, len(centers))
        moved = np.stack([np.bincount(index, area * space[:, k], len(centers)) for k in range(3)], 1)
        fresh = np.where(total[:, None] > 0, moved / np.maximum(total, 1e-12)[:, None], centers)
        if np.abs(fresh - centers).max() < 1e-3:
            break
        centers = fresh
    index = _nearest(space, centers)
    order = np.argsort(-np.bincount(index, area, len(centers)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    rgb = srgb_from_lab(centers[order] / np.array([LIGHTNESS, 1, 1]))
    return _judge(lab, area, rgb, rank[index])


def map_to_filaments(colors: U8, area: F64, filaments: Sequence[Color]) -> tuple[Palette, I64]:
    """Return which of `filaments` each colour takes, by CIEDE2000; raises BadInput for fewer than two."""
    if not 2 <= len(filaments) <= MOST_COLORS:
        raise BadInput(f"filaments must be 2 to {MOST_COLORS} colours, got {len(filaments)}")
    rgb = np.array(filaments, np.uint8)
    lab, own = lab_from_srgb(colors), lab_from_srgb(rgb)
    index = np.stack([ciede2000(lab, entry[None]) for entry in own], 1).argmin(1)
    return _judge(lab, area, rgb, index)


def _judge(lab: F64, area: F64, rgb: U8, index: I64) -> tuple[Palette, I64]:
    error = ciede2000(lab, lab_from_srgb(rgb)[index])
    order = np.argsort(error, kind="stable")
    share = np.cumsum(area[order]) / max(float(area.sum()), 1e-12)
    largest = error[order][min(int(np.searchsorted(share, 0.99)), len(order) - 1)]
    palette = Palette(
        colors=tuple((int(r), int(g), int(b)) for r, g, b in rgb),
        mean_error=round(float((error * area).sum() / max(area.sum(), 1e-12)), 2),
        largest_error=round(float(largest), 2),
    )
    return palette, np.asarray(index, np.int64)


def _spread_starts(lab: F64, area: F64, count: int) -> F64:
    """(K,3) colours far from each other: first the most frequent, then whichever is served worst so far."""
    _, inverse = np.unique((lab // 6).astype(np.int64), axis=0, return_inverse=True)
    weight = np.bincount(inverse.ravel(), area).astype(np.float64)
    sums = np.stack([np.bincount(inverse.ravel(), area * lab[:, k]) for k in range(3)], 1)
    cells: F64 = sums / np.maximum(weight, 1e-12)[:, None]
    chosen = [int(weight.argmax())]
    gap = np.linalg.norm(cells - cells[chosen[0]], axis=1)
    while len(chosen) < min(count, len(cells)):
        rank = gap**2 * np.sqrt(weight)
        worst = int(rank.argmax())
        if gap[worst] < 1e-6:
            break
        chosen.append(worst)
        gap = np.minimum(gap, np.linalg.norm(cells - cells[worst], axis=1))
    return np.asarray(cells[chosen], np.float64)


def _nearest(lab: F64, centers: F64) -> I64:
    gaps = ((lab[:, None, :] - centers[None]) ** 2).sum(2)
    return np.asarray(gaps.argmin(1), np.int64)


def lab_from_srgb(rgb: U8) -> F64:
    """Return (N,3) CIE Lab (D65) of (N,3) sRGB of 8 bits."""
    share = rgb.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_FROM_RGB.T / _WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def srgb_from_lab(lab: F64) -> U8:
    """Return (N,3) sRGB of 8 bits of (N,3) CIE Lab (D65), clipped to what a screen shows."""
    fy = (lab[:, 0] + 16) / 116
    f = np.stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200], 1)
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = np.clip(xyz @ np.linalg.inv(_XYZ_FROM_RGB).T, 0, 1)
    share = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(share * 255), np.uint8)


def ciede2000(a: F64, b: F64) -> F64:
    """Return the (N,) CIEDE2000 difference of (N,3) and (N,3) or (1,3) Lab colours.

    >>> pair = np.array([[50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485]])
    >>> round(float(ciede2000(pair[:1], pair[1:])[0]), 4)
    2.0425
    """
    mean_chroma = (np.hypot(a[:, 1], a[:, 2]) + np.hypot(b[:, 1], b[:, 2])) / 2
    g = 0.5 * (1 - np.sqrt(mean_chroma**7 / (mean_chroma**7 + 25.0**7)))
    a1, b1 = (1 + g) * a[:, 1], (1 + g) * b[:, 1]
    c1, c2 = np.hypot(a1, a[:, 2]), np.hypot(b1, b[:, 2])
    h1, h2 = (np.degrees(np.arctan2(y, x)) % 360 for y, x in ((a[:, 2], a1), (b[:, 2], b1)))
    dl, dc = b[:, 0] - a[:, 0], c2 - c1
    grey = c1 * c2 == 0
    turn = (h2 - h1 + 180) % 360 - 180
    turn = np.where(h2 - h1 == 180, 180, turn)
    dh = np.where(grey, 0, 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn) / 2))
    ml, mc = (a[:, 0] + b[:, 0]) / 2, (c1 + c2) / 2
    total, far = h1 + h2, np.abs(h1 - h2) > 180
    mh = np.where(
        grey, total, np.where(~far, total / 2, np.where(total < 360, (total + 360) / 2, (total - 360) / 2))
    )
    rad = np.radians
    t = (
        1
        - 0.17 * np.cos(rad(mh - 30))
        + 0.24 * np.cos(rad(2 * mh))
        + 0.32 * np.cos(rad(3 * mh + 6))
        - 0.20 * np.cos(rad(4 * mh - 63))
    )
    sl = 1 + 0.015 * (ml - 50) ** 2 / np.sqrt(20 + (ml - 50) ** 2)
    sc, sh = 1 + 0.045 * mc, 1 + 0.015 * mc * t
    rt = -2 * np.sqrt(mc**7 / (mc**7 + 25.0**7)) * np.sin(rad(60 * np.exp(-(((mh - 275) / 25) ** 2))))
    l_part, c_part, h_part = dl / sl, dc / sc, dh / sh
    return np.asarray(np.sqrt(l_part**2 + c_part**2 + h_part**2 + rt * c_part * h_part), np.float64)
