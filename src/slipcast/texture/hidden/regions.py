"""Picture -> regions of one colour: hair, skin, coat; shades and grain of one material are one region.

Colours are clustered in CIE Lab, in which lightness counts little and chroma is that of a surface in full light, so
that a shadow stays with its surface: the widest group is halved along its longest axis, again and again, and k-means
goes on from there. Nothing is drawn by chance, so that the same figurine a few pixels larger has much the same
clusters. They become one where the picture goes smoothly from one to the other, or where they lie in each other as
grain does, the less the farther the two regions are apart as wholes; lines and spots go to what is around them.

The back of a picture that is 7 % larger, 21 pictures, in CIE Lab; true backs of 8 samples and of 16 turnarounds, at
most 50 a pixel; of 65 pictures of textured meshes:

                                                       7 % larger   above 10   samples   turnarounds   meshes
    k-means from chosen-at-random colours, 12                5.66          4     20.68         10.26    19.24
    halved groups                                            4.52          3         -             -        -
    and regions that are far apart, and soft belts           3.71          2     20.51         10.32        -
    the same with 16 clusters                                3.41          1     19.93         10.36    19.23

Rejected: 20 and 26 clusters (of the ten worst 8.9 and 8.0 off when larger, with 16 5.3: a lantern flips); nine
clusterings by chance of which most must agree (4.1 of 17 pictures, at nine times the cost; five that differ in number
and limits 7.6; three halvings into 10, 12 and 14 10.2 of the ten worst instead of 8.4); regions that claim the outline
for each other as far as their colours are alike (8.5 instead of 8.4, and true backs 23.5 instead of 23.3); the whole
regions' difference from 0 or 18 on instead of 25 (a knight, a witch and a dwarf flip instead of a tiger).
Thresholds on the distance of colours alone (a shaded goblin has a bright green and a dark one that are farther apart
than skin and leather).
"""

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I32, I64, U8, Bool

_CLUSTERS, _ROUNDS, _FEWER_ROUNDS = 16, 15, 4
_LIGHTNESS = 0.3
"""How much lightness counts beside chroma."""
_DARKEST = 45.0
"""Lightness plus 16 below which chroma is mostly noise, and is not raised further."""
_STEP, _GRAINY, _MOST_GRAINY = 8.0, 20.0, 0.5
"""Difference across a border up to which it is none, and how much more that may be where all is border."""
_FAR, _HARDER = 25.0, 0.5
"""Difference of whole regions from which on it counts against joining them, and how much."""
_NEUTRAL, _GREYS = 8.0, 0.8
"""Chroma up to which colours are greys, wholly, and twice of it, not at all; how much lightness counts of those."""
_ALIKE, _VIVID, _SHADED = 9.0, 20.0, 0.4
_LEAST_BORDER_PX = 12
_THIN_PX = 2.1
"""Half the width up to which a piece is a line or a spot."""
_GLINT_PX, _GLINT = 3.3, 0.12
"""The same for a small share of a region that lies elsewhere: light at the rim looks like grey cloth."""

_COLORED, _TURN, _DARKER, _NO_MORE_VIVID = 18.0, 0.85, 8.0, 1.5
"""Chroma in full light from which a colour has a hue, by how much light may turn that (radians), and how much darker
the shade is at least; how much more vivid it may be."""
_LEAST_LIT, _FACING, _LARGER = 0.03, 0.45, 5.0
"""Share of the figurine that a shaded half has, how much of it lies opposite to its lit half, and how many times as
large that may be."""


def find_regions(pixels: U8, mask: Bool, clusters: int = _CLUSTERS) -> tuple[I64, int]:
    """Return (H,W) the number of each pixel's region, -1 outside `mask`, and how many there are.

    A region may lie in several places. It is meant for a figurine of some 100 to 200 pixels, of which so many
    `clusters` of colours are made at first.

    >>> picture = np.zeros((40, 40, 3), np.uint8)
    >>> picture[:20], picture[20:] = (200, 40, 30), (30, 60, 200)
    >>> label, count = find_regions(picture, np.ones((40, 40), bool))
    >>> count, bool(label[3, 3] == label[33, 3])
    (2, False)
    """
    import cv2

    feature = _measure(cv2.medianBlur(np.ascontiguousarray(pixels), 3))
    inner = cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    some = feature[inner if inner.any() else mask]
    centre = _find_colors(some, clusters)
    count = len(centre)
    nearest = (-2 * feature @ centre.T + (centre**2).sum(1)).argmin(-1)
    votes = [cv2.GaussianBlur(((nearest == k) & mask).astype(np.float32), (0, 0), 0.8) for k in range(count)]
    label = np.where(mask, np.argmax(votes, axis=0), -1).astype(np.int64)
    label = _absorb_thin(_join_alike(_join_smooth(label, feature, count), feature), feature, mask)
    return number_anew(label, mask)


def _find_colors(some: F32, clusters: int) -> F32:
    """(K,3) colours that stand for `some` (N,3): the group that is spread most is halved until there are enough."""
    which = np.zeros(len(some), np.int32)
    for k in range(1, min(clusters, len(np.unique(np.round(some), axis=0)))):
        groups = [some[which == j] for j in range(k)]
        # Of few colours a group may have lost all its own.
        spread = [float(((each - each.mean(0)) ** 2).sum()) if len(each) else 0.0 for each in groups]
        widest = int(np.argmax(spread))
        if not spread[widest]:
            break
        off = groups[widest] - groups[widest].mean(0)
        longest = np.linalg.eigh(off.T @ off)[1][:, -1]
        which[which == widest] = np.where(off @ longest > 0, k, widest)
        if k % 3 == 0:  # groups that are settled now and then are halved where it matters
            which, _ = _settle(some, which, k + 1, _FEWER_ROUNDS)
    return _settle(some, which, int(which.max()) + 1, _ROUNDS)[1]


def _settle(some: F32, which: I32, count: int, rounds: int) -> tuple[I32, F32]:
    """Groups (N,) and their middles (K,3) after so many `rounds` of k-means that begin with the groups `which` (N,)."""
    import cv2

    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, rounds, 0.1)
    _, found, middle = cv2.kmeans(some, count, which[:, None].copy(), stop, 1, cv2.KMEANS_USE_INITIAL_LABELS)
    return np.asarray(found, np.int32)[:, 0], np.asarray(middle, np.float32)


def number_anew(label: I64, mask: Bool) -> tuple[I64, int]:
    """Return (H,W) `label` with numbers from 0 on in `mask`, -1 outside it, and how many there are."""
    there, number = np.unique(label[mask], return_inverse=True)
    out = np.full(mask.shape, -1, np.int64)
    out[mask] = number.ravel()
    return out, len(there)


def join_lit_and_shaded(label: I64, count: int, pixels: U8, mask: Bool) -> tuple[I64, int]:
    """Return `find_regions` with the dark half of what lies mirrored to a light half of much the same hue joined to it.

    `label` (H,W) has `count` numbers from 0 on in `mask` (H,W) and -1 outside; `pixels` are (H,W,3) sRGB. Returned are
    such labels and their number. Light from one side splits a body of one colour down its middle. Clothes of two
    colours differ in hue as well.
    """
    lab = to_lab(pixels)
    middle = np.array([np.median(lab[label == k], axis=0) for k in range(count)])
    hue = np.arctan2(middle[:, 2], middle[:, 1])
    # As in full light: shade takes light away, it makes no colour more vivid.
    chroma = np.hypot(middle[:, 1], middle[:, 2]) * 70 / np.maximum(middle[:, 0] + 16, _DARKEST)
    vivid = chroma > _COLORED
    area = np.bincount(label[mask], minlength=count)
    there = _mirror(label, mask)
    out = label.copy()
    for dark in np.argsort(middle[:, 0]):
        facing = there[(label == dark) & (there >= 0)]
        if not vivid[dark] or area[dark] < _LEAST_LIT * mask.sum() or len(facing) < 0.5 * area[dark]:
            continue
        share = np.bincount(facing, minlength=count) / len(facing)
        turn = np.abs(np.angle(np.exp(1j * (hue - hue[dark]))))
        fits = vivid & (turn < _TURN) & (middle[:, 0] > middle[dark, 0] + _DARKER)
        fits &= chroma[dark] < _NO_MORE_VIVID * chroma
        fits &= (area > area[dark] / 2) & (area < _LARGER * area[dark])
        fits &= (share > _FACING) & (share > 1.5 * share[dark])
        if fits.any():
            out[out == dark] = int(np.where(fits, share, 0).argmax())
    return number_anew(out, mask)


def _mirror(label: I64, mask: Bool) -> I64:
    """(H,W) the label of each pixel's mirror image, laid over the silhouette as well as can be; -1 where none."""
    wide = mask.shape[1]
    common = np.fft.irfft(np.fft.rfft(mask, 2 * wide, axis=1) ** 2, 2 * wide, axis=1).sum(0)
    column = int(common.argmax()) - np.arange(wide)  # a column and its mirror image's have one sum
    inside = (column >= 0) & (column < wide)
    out: I64 = np.where(inside, label[:, np.clip(column, 0, wide - 1)], -1)
    return out


def to_lab(pixels: U8) -> F32:
    """(H,W,3) sRGB in CIE Lab."""
    import cv2

    return np.asarray(cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)


def _measure(pixels: U8) -> F32:
    lab = to_lab(pixels)
    light = lab[..., :1]
    # A surface in the shade has a third power less of all three (the definition of Lab).
    chroma = lab[..., 1:] * np.float32(70) / np.maximum(light + 16, np.float32(_DARKEST))
    return np.concatenate([light * np.float32(_LIGHTNESS), chroma], -1)


def _join_smooth(label: I64, feature: F32, count: int) -> I64:
    """Clusters become one where the step across their border is small for how much they lie in each other."""
    group = np.arange(count)
    one, other, gap = _borders(label, feature)
    area = np.bincount(label[label >= 0], minlength=count).astype(np.float64)
    total = np.stack(
        [np.bincount(label[label >= 0], feature[..., c][label >= 0], count) for c in range(3)], -1
    )
    while len(gap):
        pair = one * count + other
        order = np.argsort(pair, kind="stable")
        pairs, first = np.unique(pair[order], return_index=True)
        best, which = np.inf, -1
        for each, steps in zip(pairs, np.split(gap[order], first[1:]), strict=True):
            if len(steps) < _LEAST_BORDER_PX:
                continue
            pick = each // count, each % count
            share = len(steps) / min(area[pick[0]], area[pick[1]])
            apart = _measure_apart(total[pick[0]] / area[pick[0]], total[pick[1]] / area[pick[1]])
            score = (
                float(np.median(steps))
                - _GRAINY * min(share, _MOST_GRAINY)
                + _HARDER * max(0.0, apart - _FAR)
            )
            if score < best:
                best, which = score, int(each)
        if best > _STEP:
            break
        keep, gone = divmod(which, count)
        group[group == gone] = keep
        area[keep] += area[gone]
        total[keep] += total[gone]
        one, other = np.where(one == gone, keep, one), np.where(other == gone, keep, other)
        one, other = np.minimum(one, other), np.maximum(one, other)
        there = one != other
        one, other, gap = one[there], other[there], gap[there]
    out: I64 = np.where(label >= 0, group[label], -1)
    return out


def _measure_apart(one: F64, other: F64) -> float:
    """Difference of two regions' colours; of greys, lightness counts more: nothing else tells them apart."""
    off = one - other
    grey = np.clip(2 - max(np.hypot(*one[1:]), np.hypot(*other[1:])) / _NEUTRAL, 0, 1)
    off[0] *= 1 + grey * (_GREYS / _LIGHTNESS - 1)
    return float(np.linalg.norm(off))


def _borders(label: I64, feature: F32) -> tuple[I64, I64, F64]:
    """Of pixels beside one of another cluster: both clusters, the smaller first, and the step one pixel beyond."""
    ones, others, gaps = [], [], []
    for axis in (0, 1):
        at, values = np.moveaxis(label, axis, 0), np.moveaxis(feature, axis, 0)
        one, other = at[1:-2], at[2:-1]
        across = (one != other) & (np.minimum(one, other) >= 0) & (at[:-3] >= 0) & (at[3:] >= 0)
        ones.append(np.minimum(one, other)[across])
        others.append(np.maximum(one, other)[across])
        gaps.append(np.linalg.norm(values[3:][across] - values[:-3][across], axis=-1))
    return np.concatenate(ones), np.concatenate(others), np.concatenate(gaps).astype(np.float64)


def _join_alike(label: I64, feature: F32) -> I64:
    """Clusters of nearly one colour become one, also where they do not touch."""
    out = label.copy()
    while True:
        there = np.unique(out[out >= 0])
        if len(there) < 2:
            return out
        centre = np.array([np.median(feature[out == k], axis=0) for k in there])
        # Of a vivid colour, the lighter and the darker are one surface in light and shade.
        vivid = np.linalg.norm(centre[:, 1:], axis=-1) > _VIVID
        off = centre[:, None] - centre
        off[..., 0] *= np.where(vivid[:, None] & vivid, _SHADED, 1)
        apart = np.linalg.norm(off, axis=-1)
        np.fill_diagonal(apart, np.inf)
        one, other = divmod(int(apart.argmin()), len(there))
        if apart[one, other] > _ALIKE:
            return out
        out[out == there[other]] = there[one]


def _absorb_thin(label: I64, feature: F32, mask: Bool) -> I64:
    """Lines and spots take the region around them."""
    import cv2

    number = np.pad(np.where(mask, label + 1, 0), 1).astype(np.uint16)
    # Pixels that have their own region all around are no line's.
    inner = [
        cv2.erode(number, disk) == cv2.dilate(number, disk) for disk in (_disk(_THIN_PX), _disk(_GLINT_PX))
    ]
    thin = np.zeros(number.shape, bool)
    rim = np.pad(mask & ~ndimage.binary_erosion(mask, iterations=2), 1)
    for k in np.unique(label[mask]):
        count, piece = cv2.connectedComponents((number == k + 1).astype(np.uint8), connectivity=4)
        area = np.bincount(piece.ravel(), minlength=count)
        line, spot = (np.bincount(piece[each], minlength=count) == 0 for each in inner)
        at_rim = np.bincount(piece[rim], minlength=count) > 0.3 * area
        aside = spot & (area < _GLINT * area[1:].sum()) & at_rim
        if np.linalg.norm(np.median(feature[label == k], axis=0)[1:]) > _VIVID:
            aside[:] = False
        found = line | aside
        found[0] = False
        thin |= found[piece]
    keep = mask & ~thin[1:-1, 1:-1]
    if not keep.any():
        return label
    row, column = ndimage.distance_transform_edt(~keep, return_distances=False, return_indices=True)
    return np.where(mask, label[row, column], -1)


def _disk(radius: float) -> U8:
    """The pixels nearer to the middle one than `radius`."""
    reach = np.arange(-int(radius), int(radius) + 1)
    out: U8 = (np.hypot(reach[:, None], reach) < radius).astype(np.uint8)
    return out
