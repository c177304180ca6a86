"""Picture -> regions of one colour: hair, skin, coat; shades and grain of one material are one region.

Colours are clustered by k-means in CIE Lab, in which lightness counts little and chroma is that of a surface in full
light, so that a shadow stays with its surface. Clusters become one where the picture goes smoothly from one to the
other, or where they lie in each other as grain does; lines and spots go to what is around them.

Rejected: thresholds on the distance of colours alone (a shaded goblin has a bright green and a dark one that are
farther apart than skin and leather). The back of a picture that is 7 % smaller differs by 4.1 in CIE Lab (38 pictures,
by more than 10 in 4); k-means started eight times does not help (4.4; from 8,000 colours 3.4, but by more than 10 in 5,
and 4 samples are 24.0 instead of 23.4 off).
"""

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I64, U8, Bool

_CLUSTERS, _SAMPLES = 12, 2000
_LIGHTNESS = 0.3
"""How much lightness counts beside chroma."""
_DARKEST = 45.0
"""Lightness plus 16 below which chroma is mostly noise, and is not raised further."""
_STEP, _GRAINY, _MOST_GRAINY = 8.0, 20.0, 0.5
"""Difference across a border up to which it is none, and how much more that may be where all is border."""
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


def find_regions(pixels: U8, mask: Bool) -> tuple[I64, int]:
    """Return (H,W) the number of each pixel's region, -1 outside `mask`, and how many there are.

    A region may lie in several places. It is meant for a figurine of some 100 to 200 pixels.

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
    some = np.ascontiguousarray(some[:: max(1, len(some) // _SAMPLES)])
    count = min(_CLUSTERS, len(np.unique(np.round(some), axis=0)))
    cv2.setRNGSeed(7)  # the same picture has the same regions
    stop = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 15, 0.5)
    start = np.zeros((len(some), 1), np.int32)
    _, _, centre = cv2.kmeans(some, count, start, stop, 1, cv2.KMEANS_PP_CENTERS)
    nearest = (-2 * feature @ centre.T + (centre**2).sum(1)).argmin(-1)
    votes = [cv2.GaussianBlur(((nearest == k) & mask).astype(np.float32), (0, 0), 0.8) for k in range(count)]
    label = np.where(mask, np.argmax(votes, axis=0), -1).astype(np.int64)
    label = _absorb_thin(_join_alike(_join_smooth(label, feature, count), feature), feature, mask)
    return number_anew(label, mask)


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
    out = label.copy()
    while True:
        one, other, gap = _borders(out, feature)
        if not len(gap):
            return out
        area = np.bincount(out[out >= 0], minlength=count)
        pair = one * count + other
        order = np.argsort(pair, kind="stable")
        pairs, first = np.unique(pair[order], return_index=True)
        best, which = np.inf, -1
        for each, steps in zip(pairs, np.split(gap[order], first[1:]), strict=True):
            if len(steps) < _LEAST_BORDER_PX:
                continue
            share = len(steps) / min(area[each // count], area[each % count])
            score = float(np.median(steps)) - _GRAINY * min(share, _MOST_GRAINY)
            if score < best:
                best, which = score, int(each)
        if best > _STEP:
            return out
        out[out == which % count] = which // count


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
    thin = np.zeros(mask.shape, bool)
    rim = np.pad(mask & ~ndimage.binary_erosion(mask, iterations=2), 1)
    for k in np.unique(label[mask]):
        mine = np.pad(label == k, 1)
        piece, count = ndimage.label(mine)
        wide = ndimage.maximum(ndimage.distance_transform_edt(mine), piece, np.arange(1, count + 1))
        area = np.bincount(piece.ravel(), minlength=count + 1)[1:]
        at_rim = np.bincount(piece[rim], minlength=count + 1)[1:] > 0.3 * area
        aside = (np.asarray(wide) < _GLINT_PX) & (area < _GLINT * area.sum()) & at_rim
        if np.linalg.norm(np.median(feature[label == k], axis=0)[1:]) > _VIVID:
            aside[:] = False
        thin |= np.concatenate([[False], (np.asarray(wide) < _THIN_PX) | aside])[piece][1:-1, 1:-1]
    keep = mask & ~thin
    if not keep.any():
        return label
    row, column = ndimage.distance_transform_edt(~keep, return_distances=False, return_indices=True)
    return np.where(mask, label[row, column], -1)
