"""Regions of a picture -> what goes around the figurine at one height: belts, hems, bodies.

A region that lies at both ends of a row and fills much of it goes around there. It may be broken by what lies before
it, a belly or an apron, but not by what has more of the outline: wings are broken by a body. What lies within a frame
of other colours is a screen, and does not go around, unless it reaches the outline elsewhere, as a body between wings
does. No limit is a switch, so that one more pixel turns no back over. Skin at both ends is bare arms: no frame, and no
body that a shirt breaks.

Mean difference of the region chosen for each place behind from the true back, CIE Lab, at most 50: 142 pictures of
textured meshes 13.16, the 8 samples 21.62, 11 turnarounds 13.34; before (what fills 0.6 of a row, whatever its frame
and what breaks it) 13.18, 22.02, 13.70.

Of the ten pictures whose backs changed most with the picture's size, one 7 % larger has a back 7.74 off with hard
limits (true backs of nine figurines 20.39 off), 7.44 with soft ones (20.26), 6.64 where a frame is no frame for what
has outline elsewhere (20.06; an owl's body is no longer as golden as its face). Rejected: the frame at 1 to 5 pixels
instead of 3 (7.30, but 20.64: a robot's 18.2 instead of 15.1).

Rejected, each against those: ends at the outline itself (turnarounds 13.24, but every second mesh 12.86 to 13.02: no
shirt goes around between bare arms); bodies broken by anything (the dragon's back 4.7 worse: its wings went around);
what lies nearer to the camera claims less of the outline (13.09, 23.55, 13.53; by the depth of the whole figurine
13.46, 23.72, 13.17); stripes as belts in turns, which speak loudly (sleeves break the rows of a striped coat); a
softmax over 44 features, eight of them of the depth, beside the claim, learned on three quarters of the artists (the
others' meshes 14.48 to 14.11, samples 21.47, turnarounds 13.64: little for its size).
"""

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I64, Bool
from slipcast.texture.hidden.heads import is_skin

_THROUGH, _ALONE, _MUCH = (0.2, 0.4), (0.5, 0.7), 0.6
"""Shares of a row that a region fills, from where it goes around not at all to where it does: unbroken, and broken by
anything; and from which on it is said as loudly as can be."""
_BROKEN = (0.05, 0.15)
"""Shares of a row that what has more of the outline fills, from where that does not matter to where it is the body."""
_HELD = (0.4, 0.8)
"""Outline of a piece for its size, 1 as the figurine has: from where a frame makes it a screen to where it does not."""
_BELT = 0.08
"""What speaks for what fills a row."""
_LEAST_PX, _RIM_PX = 8, 3
"""Width of a row from which it is looked at, and how far in the outermost colour is sure."""


def find_belts(label: I64, able: I64, mask: Bool, claim: F32, lab: F32) -> F32:
    """(K,H,W) what speaks for each of the regions `able` (K,) at the height of a place.

    `label` (H,W) are regions of a picture in CIE `lab` (H,W,3), -1 outside `mask` and where nothing may go around;
    `claim` (H,W) is how much each place counts for the outline.

    >>> label = np.zeros((30, 20), np.int64)
    >>> label[10:14] = 1
    >>> claim, lab = np.ones((30, 20), np.float32), np.zeros((30, 20, 3), np.float32)
    >>> (find_belts(label, np.arange(2), np.ones((30, 20), bool), claim, lab)[1, [5, 12], 10] > 0).tolist()
    [False, True]
    """
    count = max(int(label.max()), int(able.max())) + 1
    known = label >= 0
    share: F64 = np.bincount(label[known], claim[known], count).astype(np.float64)
    skin = np.zeros(count, bool)
    there = np.unique(label[known])
    skin[there] = is_skin(np.array([np.median(lab[label == k], axis=0) for k in there]).reshape(-1, 3))
    held = _measure_hold(label, there, claim)
    speaks = np.zeros((count, *mask.shape), np.float32)
    for y, (row, inside) in enumerate(zip(label, mask, strict=True)):
        ends = np.flatnonzero(np.diff(np.concatenate([[False], inside, [False]])))
        for start, end in ends.reshape(-1, 2):
            k, sure = _find_belt(row[start:end], held[y, start:end], share, skin)
            if k >= 0:
                speaks[k, y, start:end] = _BELT * sure
    return speaks[able]


def _measure_hold(label: I64, there: I64, claim: F32) -> F64:
    """(H,W) how much of the outline a place's piece has for its size; 1 is as much as the figurine has."""
    out = np.zeros(label.shape)
    usual = claim[label >= 0].sum() / max(1, (label >= 0).sum())
    for k in there:
        piece, count = ndimage.label(label == k)
        area = np.bincount(piece.ravel(), minlength=count + 1)
        held = np.bincount(piece.ravel(), claim.ravel(), count + 1) / (area * usual + 1e-9)
        held[0] = 0
        out += held[piece]
    return out


def _find_belt(row: I64, held: F64, share: F64, skin: Bool) -> tuple[int, float]:
    """The region that may go around in a row from outline to outline, -1 for none, and how surely, up to 1."""
    wide = len(row)
    inner, rim = wide // 8, min(wide // 8, _RIM_PX)
    k, frame = int(row[inner]), row[[rim, -1 - rim]]
    if wide < _LEAST_PX or k < 0 or row[-1 - inner] != k:
        return -1, 0.0
    sure = 1.0
    if np.all((frame >= 0) & (frame != k) & ~skin[frame]):
        sure = _rise(min(held[inner], held[-1 - inner]), _HELD)
    filled = np.bincount(row[row >= 0], minlength=len(share)) / wide
    through = _rise(filled[k], _ALONE)
    if not skin[k]:
        broken = _rise(filled[share > share[k]].sum(), _BROKEN)
        through = max(through, _rise(filled[k], _THROUGH) * (1 - broken))
    return k, sure * through * min(1.0, float(filled[k]) / _MUCH)


def _rise(value: float, limits: tuple[float, float]) -> float:
    low, high = limits
    return float(np.clip((value - low) / (high - low), 0, 1))
