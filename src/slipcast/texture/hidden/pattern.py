"""Regions -> stripes and spots: many small pieces of one colour, strewn over another.

Such pieces are no features. They go on behind, where a face's eyes do not, so the region that they lie in takes them
and keeps them as its grain.

Of 72 pictures (45 public ones, 12 of several views, 8 samples, turnarounds) one had such a pattern, a tiger. It is
looked for in regions of fewer colours than the rest of the back: with 16 the tiger's fur is a tan and an orange one,
and its stripes are in neither. Rejected: pieces up to 0.031 of the figurine half as wide, or of any lightness (goblin,
dwarf, panda, teapot: bracers, buckles and scales became patterns); pieces that differ by 26 in CIE Lab (the tiger's
nose is one of them); lines within a region as pieces (joints of four
robots).
"""

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, I64, Bool
from slipcast.texture.hidden.regions import number_anew

PATTERN_COLORS = 12
"""How many clusters of colours a pattern is looked for in."""
_MOST, _LEAST_PX = 0.03, 6
"""Share of the figurine up to which a piece is small, and pixels from which it is one."""
_PIECES, _SHARE = 12, 0.05
"""How many pieces a pattern has, and what share of the figurine they cover together."""
_HALF_WIDTH = 0.026
"""Of the longer side: what is wider is a part."""
_ALIKE, _DARKER = 20.0, 10.0
"""Difference in CIE Lab up to which pieces are of one colour, and how much darker they are than what they lie in."""
_ONE_HOST, _SHARED = 0.55, 0.1
"""What share of them lies in one region, and from which share on a region has the pattern too."""
_STREWN = 0.12
"""Standard deviation of their places along the rows and the columns, as a share of the longer side."""


def find_pattern(label: I64, count: int, lab: F32, mask: Bool) -> tuple[I64, int, Bool]:
    """Return (H,W) `label` with each piece of a pattern in the region around it, its count, and where those pieces are.

    Regions that share a pattern are one: the lit and the shaded side of a coat.

    `label` are `count` regions of a picture (H,W,3) in CIE `lab`, -1 outside `mask`.
    """
    none = np.zeros(mask.shape, bool)
    size = max(np.ptp(np.flatnonzero(mask.any(axis))) + 1 for axis in (0, 1))
    piece = np.zeros(mask.shape, np.int64)
    number = 0
    for k in range(count):
        mine = label == k
        part, parts = ndimage.label(mine)
        area = np.bincount(part.ravel(), minlength=parts + 1)
        small = (area >= _LEAST_PX) & (area < _MOST * mask.sum())
        wide = ndimage.maximum(ndimage.distance_transform_edt(mine), part, np.arange(parts + 1))
        small &= np.asarray(wide) < _HALF_WIDTH * size
        small[0] = False
        own = np.where(small, number + np.cumsum(small), 0)[part]
        piece = np.where(own > 0, own, piece)
        number += int(small.sum())
    if number < _PIECES:
        return label, count, none
    index = np.arange(1, number + 1)
    area = np.bincount(piece.ravel(), minlength=number + 1)[1:]
    middle = np.stack([ndimage.median(lab[..., c], piece, index) for c in range(3)], -1)
    around = _find_surroundings(np.where(piece > 0, -1, label), piece, number, count)
    rest = [lab[(label == k) & (piece == 0)] for k in range(count)]
    hosts = np.array([np.median(each, axis=0) if len(each) else np.full(3, np.nan) for each in rest])
    stands_out = np.linalg.norm(middle - hosts[np.maximum(around, 0)], axis=-1) > _ALIKE / 2
    able = (around >= 0) & stands_out
    if able.sum() < _PIECES:
        return label, count, none
    # The colour that has most of the pieces' area around it.
    near = np.linalg.norm(middle[:, None] - middle, axis=-1) < _ALIKE
    centre = int(((near & able) @ area * able).argmax())
    own = near[centre] & able
    chosen = np.concatenate([[False], own])[piece]
    row, column = np.nonzero(chosen)
    if own.sum() < _PIECES or chosen.sum() < _SHARE * mask.sum():
        return label, count, none
    if min(row.std(), column.std()) < _STREWN * size:
        return label, count, none
    host = np.concatenate([[-1], around])[piece]
    held = np.bincount(around[own], area[own], count)
    main = int(held.argmax())
    darker = hosts[main, 0] - np.average(middle[own][:, 0], weights=area[own])
    if held[main] < _ONE_HOST * held.sum() or darker < _DARKER:
        return label, count, none
    out = np.where(chosen, host, label)
    # Thin ones are lines in their region already.
    line = find_odd(out, lab, mask & (out >= 0)) & np.isin(out, np.flatnonzero(held))
    chosen |= line & (np.linalg.norm(lab - middle[centre], axis=-1) < _ALIKE)
    out[np.isin(out, np.flatnonzero(held > _SHARED * held.sum()))] = main
    return *number_anew(out, mask), chosen


def find_odd(label: I64, lab: F32, mask: Bool) -> Bool:
    """(H,W) lines and spots that differ from most of their region."""
    out = np.zeros(mask.shape, bool)
    for k in np.unique(label[mask]):
        mine = label == k
        off = np.linalg.norm(
            (lab - np.median(lab[mine], axis=0)) * np.array([0.7, 1, 1], np.float32), axis=-1
        )
        out |= mine & (off > 1.5 * np.median(off[mine]) + 14)
    return out


def _find_surroundings(label: I64, piece: I64, number: int, count: int) -> I64:
    """(N,) the region of which a piece has most beside it, -1 for none; `label` has -1 where pieces are."""
    votes = np.zeros((number + 1, count), np.int64)
    for axis in (0, 1):
        for shift in (-2, 2):
            other = np.roll(label, shift, axis)
            at = (piece > 0) & (other >= 0)
            np.add.at(votes, (piece[at], other[at]), 1)
    out: I64 = np.where(votes.any(1), votes.argmax(1), -1)[1:]
    return out
