"""Few colours for many texels: a palette in CIE Lab, or the filaments that somebody has.

Colours are compared where equal steps look equal, in CIE Lab (D65): the figurine's colours are grouped by average
linkage, and of the groups those are taken that leave the least difference in all others (k-medoids; every choice is
tried while there are few, else swaps lead from the one that helps most each time; none nearer to another than
`_APART`). A colour counts by the root of its importance, not by its area: a face of 2 % is what one looks at. Where
there is a face, its skin is one of three colours or more from the start, so that the others are chosen beside it. Of
two that would serve about as well the stronger colour is taken: who prints a red cape brown has lost more than who
prints brown hair grey. How far a figurine's colours lie from what will be printed is told as CIEDE2000 (Sharma, Wu and
Dalal 2005).

Rejected: k-means weighted by area. Of four colours the knight of samples/ got two blues and two greys, and a grey
face. Skin that counts four times besides being held: brown hair has its hue, and four colours of the knight became
silver, terracotta, blue and skin. Numbers for all that follows are the mean CIEDE2000 for 2, 3, 4, 6 and 8 colours of
5,000 faces of each sample and of 17 pictures by image models; as it is 12.0 10.1 8.3 6.7 6.1. The square of the
differences, capped at 45: a compromise between two colours beats either of them (13.1 10.7 8.7 6.9 6.6). Capped at 60
it leaves less of six colours off by more than 25 (1.0 % for 2.0 %), but a melon's red is lost. Costs that end at 28 to
35 (Welsch, Geman and McClure): 12.5 10.2 8.6 6.8 6.2, and the knight's shield turns grey for gold beside skin. Chroma
divided by lightness, so that shade is no second paint: 12.6 10.0 8.2 6.8 6.0, but the knight is no longer silver. With
distances in CIEDE2000, which has small steps between strong colours, the knight is skin, silver, grey and brown. With
a price on lost chroma he loses his blue shield or his silver. The lightness of all that a paint serves, whatever its
hue: a brown beside pale skin became a terracotta that is nowhere on the figurine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import hierarchy
from slipcast.core.values import F64, I64, U8, Bool
from slipcast.prepare.body import Color

MOST_COLORS = 16
_CELL = 4.0
_CELLS = 1500
_LIKE = 12.0
"""Colours nearer than this are one paint in more or less light."""
_APART = 14.0
"""Two filaments nearer than this would not be told apart."""
_FAR, _STEEP = 60.0, 1.5
"""Beyond this a colour is simply wrong, and the power of the difference up to there that it costs."""
_GROUPS = 18
_LEAST = 0.0015
"""Share of the importance below which a group is no colour of the figurine but a blend of two."""
_CHOICES = 20_000
_PAINT_LIGHTNESS, _GREY_LIGHTNESS = 0.5, 0.75
"""Weight of lightness against hue: baked light varies it over one colour of paint; greys differ in nothing else."""
_GREY_CHROMA = 12.0
_LIT = 0.7
"""Quantile of the lightness that stands for a paint."""
_FACED = 0.08
_FEWEST_WITH_SKIN = 3
"""Of fewer colours none is kept for a face: the knight would be skin all over, with red for the rest."""
_LIT_FACE, _LIT_WITHIN = 0.8, 8.0
"""Quantile of lightness, and what is near it, that stands for a face."""
_VIVID = 120.0
"""Chroma at which a colour counts twice."""
_FAMILY = 20.0
"""How near colours are that count as one, however many groups they fall into."""
_WHITE = np.array([0.95047, 1.0, 1.08883])
_XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_SHARE = np.arange(256) / 255
_LINEAR: F64 = np.where(_SHARE <= 0.04045, _SHARE / 12.92, ((_SHARE + 0.055) / 1.055) ** 2.4)
"""(256,) light of each value of an sRGB channel."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """The colours that are printed."""

    colors: tuple[Color, ...]
    mean_error: float
    """CIEDE2000, weighted by area."""
    largest_error: float
    """CIEDE2000 that 99 % of the area keep."""


def choose_palette(
    colors: U8, area: F64, count: int, importance: F64 | None = None, *, skin: F64 | None = None
) -> tuple[Palette, I64]:
    """Return the `count` colours that serve (N,3) sRGB `colors` of (N,) `area` best, and which each takes.

    `importance` (N,) says how much each is looked at; None takes the area. `skin` (3,) is a Lab colour that is one of
    them where they are three or more, and may be one of two. The colours are sorted by their area. Raises BadInput
    unless `count` is 1 to 16. Fewer colours come back where there are fewer.

    >>> armour, cape = [180, 184, 190], [215, 70, 75]
    >>> choose_palette(np.array([armour, cape], np.uint8), np.array([3.0, 1.0]), 2)[0].colors
    ((180, 184, 190), (215, 70, 75))
    """
    if not 1 <= count <= MOST_COLORS:
        raise BadInput(f"colors must be 1 to {MOST_COLORS}, got {count}")
    lab = lab_from_srgb(colors)
    space = compare_space(lab)
    looked_at = area if importance is None else importance
    centers, weight = _group(space, looked_at)
    paints = _light(lab, looked_at, space, centers)
    held = skin is not None and count >= _FEWEST_WITH_SKIN
    if skin is not None:
        paints = np.concatenate([paints, skin[None]])
    paints = paints[_choose(centers, weight, compare_space(paints), count, held=held)]
    made = _light(lab, looked_at, space, compare_space(paints))
    if held:
        made[-1] = skin
    index = _nearest(space, compare_space(made))
    order = np.argsort(-np.bincount(index, area, len(made)), kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return _judge(lab, area, srgb_from_lab(made[order]), rank[index])


def _light(lab: F64, weight: F64, space: F64, centers: F64) -> F64:
    """(K,3) Lab of what is printed for each of K groups, whose middles are (K,3) `centers` of the compared `space`.

    The hue is that of what is much like the middle, since blends with other groups do not count, and the lightness
    that of the lit part of what has this hue: shadows are no paint, and no other paint's light is this one's.
    """
    index = _nearest(space, centers)
    off = space - centers[index]
    near, of_hue = np.linalg.norm(off, axis=1) < _LIKE / 2, np.linalg.norm(off[:, 1:], axis=1) < _LIKE / 2
    out = []
    for k in range(len(centers)):
        group = (index == k) & (weight > 0)
        group = group if group.any() else np.arange(len(lab)) == ((space - centers[k]) ** 2).sum(1).argmin()
        own, lit = (chosen if chosen.any() else group for chosen in (group & near, group & of_hue))
        hue = _quantile(lab[own], weight[own], 0.5)
        hue[0] = _quantile(lab[lit, :1], weight[lit], _LIT)[0]
        out.append(hue)
    return np.array(out, np.float64).reshape(-1, 3)


def _choose(centers: F64, weight: F64, paints: F64, count: int, *, held: bool) -> I64:
    """Which `count` of (K,3) `paints` serve groups of (G,3) `centers` and (G,) `weight` best; `held`: the last does.

    No two are nearer to each other than `_APART`. The last of the answer is the held one.
    """
    share = weight / max(float(weight.sum()), 1e-30)
    apart = np.linalg.norm(centers[:, None] - centers[None], axis=2)
    # The root of what all groups of much the same colour weigh together: light and dark gold are not counted twice.
    family = np.exp(-((apart / _FAMILY) ** 2)) @ share
    vivid = 1 + np.hypot(centers[:, 1], centers[:, 2]) / _VIVID
    gap = np.linalg.norm(centers[:, None] - paints[None], axis=2)
    cost = (vivid * share / np.sqrt(np.maximum(family, 1e-30)))[:, None] * np.minimum(gap, _FAR) ** _STEEP
    close = np.linalg.norm(paints[:, None] - paints[None], axis=2) < _APART
    if not held:
        return _pick(cost, close, count)
    last = len(paints) - 1
    free = np.flatnonzero(~close[last, :last])
    if count == 1 or not len(free):
        return np.array([last], np.int64)
    cost = np.minimum(cost[:, free], cost[:, last:])
    return np.append(free[_pick(cost, close[np.ix_(free, free)], count - 1)], last)


def compare_space(lab: F64) -> F64:
    """Return (N,3) places whose distances say how different (N,3) Lab colours are as paint, light left aside.

    >>> light, dark, red = lab_from_srgb(np.array([[180, 120, 60], [120, 75, 30], [180, 60, 60]], np.uint8))
    >>> here, shade, other = compare_space(np.stack([light, dark, red]))
    >>> bool(np.linalg.norm(here - shade) < np.linalg.norm(here - other))
    True
    """
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    weight = _PAINT_LIGHTNESS + (_GREY_LIGHTNESS - _PAINT_LIGHTNESS) * np.exp(-((chroma / _GREY_CHROMA) ** 2))
    return np.stack([(lab[:, 0] - 50) * weight, lab[:, 1], lab[:, 2]], 1)


def match_skin(colors: U8, weight: F64 | None = None) -> Bool:
    """Return (N,) which of (N,3) sRGB colours may be the skin of a face, of any tone.

    Skin of all people lies in a narrow sector of hue, from orange to yellow, at low to middle chroma. Gold, cream and
    wood lie there too: where such colours are less than `_FACED` of the `weight` (N,) of the middle of a head (the
    knight's 18 %, the witch's 9 %; owl, fox, robot, dragon and astronaut of samples/ 2 to 7 %), there is no skin.

    >>> match_skin(np.array([[225, 172, 150], [70, 110, 190]], np.uint8)).tolist()
    [True, False]
    """
    lab = lab_from_srgb(colors)
    chroma, hue = np.hypot(lab[:, 1], lab[:, 2]), np.degrees(np.arctan2(lab[:, 2], lab[:, 1]))
    skin = (chroma > 9) & (chroma < 42) & (hue > 25) & (hue < 75) & (lab[:, 0] > 18)
    if weight is not None and weight[skin].sum() < _FACED * weight.sum():
        skin[:] = False
    return np.asarray(skin, np.bool_)


def find_skin(colors: U8, weight: F64) -> F64:
    """Return (3,) Lab of a face's lit part: of (N,3) sRGB `colors`, with (N,) the `weight` of each as skin, 0 for none.

    Gold and hair near the face blend it to a brown that no face has. The weights must not all be 0.

    >>> face = find_skin(np.array([[227, 188, 161], [70, 110, 190]], np.uint8), np.array([1.0, 0.0]))
    >>> srgb_from_lab(face[None]).tolist()
    [[227, 188, 161]]
    """
    lab = lab_from_srgb(colors)
    order = np.argsort(lab[:, 0], kind="stable")
    below = np.cumsum(weight[order]) / weight.sum()
    lit = lab[order[np.searchsorted(below, _LIT_FACE)], 0]
    face = weight * (np.abs(lab[:, 0] - lit) < _LIT_WITHIN)
    return np.asarray(np.average(lab, axis=0, weights=face), np.float64)


def _group(space: F64, weight: F64) -> tuple[F64, F64]:
    """(G,3) middles of at most `_GROUPS` groups of like colours, and (G,) how much each weighs."""
    _, inverse = np.unique(np.floor(space / _CELL).astype(np.int64), axis=0, return_inverse=True)
    inverse = inverse.ravel()
    mass = np.bincount(inverse, weight).astype(np.float64)
    sums = np.stack([np.bincount(inverse, weight * space[:, k]) for k in range(3)], 1)
    cells: F64 = sums / np.maximum(mass, 1e-30)[:, None]
    kept = np.argsort(-mass, kind="stable")[:_CELLS]
    cells, mass = cells[kept], mass[kept]
    if len(cells) == 1:
        return cells, mass
    label = hierarchy.fcluster(hierarchy.linkage(cells, "average"), _LIKE, "distance") - 1
    total = np.bincount(label, mass)
    # A group's middle is its heaviest cell and what lies around it, so that neighbours that blend do not pull it away.
    heaviest = np.array([cells[label == k][mass[label == k].argmax()] for k in range(len(total))])
    near = np.linalg.norm(cells - heaviest[label], axis=1) < _LIKE / 2
    summed = [np.bincount(label[near], mass[near] * cells[near, k], len(total)) for k in range(3)]
    beneath = np.maximum(np.bincount(label[near], mass[near], len(total)), 1e-30)
    middle: F64 = np.stack(summed, 1) / beneath[:, None]
    order = np.argsort(-total, kind="stable")
    order = order[total[order] > _LEAST * total.sum()][:_GROUPS]
    return np.asarray(middle[order], np.float64), np.asarray(total[order], np.float64)


def _pick(cost: F64, close: Bool, count: int) -> I64:
    """Which `count` of K paints cost (G,K) the groups least, each taking its cheapest; no two are `close` (K,K)."""
    for size in range(min(count, cost.shape[1]), 1, -1):
        if comb(cost.shape[1], size) > _CHOICES:
            return _swap(cost, close, _pick_greedily(cost, close, size))
        choices = np.array(list(combinations(range(cost.shape[1]), size)), np.int64)
        clash = [close[choices[:, one], choices[:, other]] for one, other in combinations(range(size), 2)]
        choices = choices[~np.any(clash, axis=0)]
        if len(choices):
            return np.asarray(choices[cost[:, choices].min(2).sum(0).argmin()], np.int64)
    return np.array([cost.sum(0).argmin()], np.int64)


def _pick_greedily(cost: F64, close: Bool, size: int) -> I64:
    """One paint after the other, whichever helps most."""
    chosen = [int(cost.sum(0).argmin())]
    while len(chosen) < size:
        total = np.minimum(cost[:, chosen].min(1)[:, None], cost).sum(0)
        total[close[:, chosen].any(1)] = np.inf
        if not np.isfinite(total).any():
            break
        chosen.append(int(total.argmin()))
    return np.array(chosen, np.int64)


def _swap(cost: F64, close: Bool, chosen: I64) -> I64:
    """`chosen` with one paint after the other put in another's place, the best swap first, while that helps."""
    chosen, best = chosen.copy(), float(cost[:, chosen].min(1).sum())
    while True:
        totals = np.full((len(chosen), cost.shape[1]), np.inf)
        for out in range(len(chosen)):
            kept = np.delete(chosen, out)
            rest = cost[:, kept].min(1, initial=np.inf)
            totals[out] = np.minimum(rest[:, None], cost).sum(0)
            totals[out, close[:, kept].any(1)] = np.inf
        out, new = divmod(int(totals.argmin()), cost.shape[1])
        if not totals[out, new] < best * (1 - 1e-9):
            return chosen
        chosen[out], best = new, float(totals[out, new])


def _quantile(lab: F64, weight: F64, share: float) -> F64:
    """The weighted quantile of each column."""
    out = []
    for column in lab.T:
        order = np.argsort(column, kind="stable")
        below = np.cumsum(weight[order]) / max(float(weight.sum()), 1e-30)
        out.append(column[order[min(int(np.searchsorted(below, share)), len(order) - 1)]])
    return np.array(out, np.float64)


def map_to_filaments(colors: U8, area: F64, filaments: Sequence[Color]) -> tuple[Palette, I64]:
    """Return the palette of `filaments`, and (N,) which of them each of `colors` (N,3) sRGB takes, by CIEDE2000.

    `area` (N,) weighs the colours. Raises BadInput for fewer than two filaments and for more than 16.

    >>> own = np.array([[250, 250, 250], [190, 40, 40]], np.uint8)
    >>> map_to_filaments(own, np.ones(2), [(204, 51, 51), (255, 255, 255)])[1].tolist()
    [1, 0]
    """
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


def _nearest(lab: F64, centers: F64) -> I64:
    return np.asarray(measure_gaps(lab, centers).argmin(1), np.int64)


def measure_gaps(places: F64, centers: F64) -> F64:
    """Return the (N,K) squared distances of (N,3) places from (K,3) centers, in the square of their unit.

    >>> measure_gaps(np.array([[3.0, 4.0, 0.0]]), np.zeros((1, 3))).tolist()
    [[25.0]]
    """
    out: F64 = (places**2).sum(1)[:, None] - 2 * (places @ centers.T) + (centers**2).sum(1)
    return np.maximum(out, 0)


def lab_from_srgb(rgb: U8) -> F64:
    """Return (N,3) CIE Lab (D65) of (N,3) sRGB of 8 bits: L in [0, 100], a and b about [-128, 127].

    >>> lab_from_srgb(np.array([[255, 0, 0]], np.uint8)).round(1).tolist()
    [[53.2, 80.1, 67.2]]
    """
    xyz = _LINEAR[rgb] @ _XYZ_FROM_RGB.T / _WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def srgb_from_lab(lab: F64) -> U8:
    """Return (N,3) sRGB of 8 bits of (N,3) CIE Lab (D65), clipped to what a screen shows.

    >>> srgb_from_lab(np.array([[53.24, 80.09, 67.20]])).tolist()
    [[255, 0, 0]]
    """
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
