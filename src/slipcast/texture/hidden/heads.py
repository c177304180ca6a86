"""Regions of a picture -> the hair, hood or hat that covers the back of a head.

A face in front is no face behind: what lies on top of it goes down there. A face is a piece of the colour of skin near
the top of the figurine that has one other region above nearly all its columns.

Measured on 219 pictures of textured meshes of 71 artists against their true backs (CIE Lab, at most 50 a pixel): of 41
such faces, from 0.008 of the figurine on, the region above is 16.5 off, what the outline alone says 23.2, skin 30.5.
Rejected: faces farther down (18 more, on which the region above is farther off: bellies and legs under coats); pieces
of any colour that one region surrounds, for screens and emblems (233 of them: 17.7 for what surrounds them, 16.9 for
what the outline says).
"""

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I64, Bool

_HUES, _CHROMA, _LIGHT = (0.35, 1.4), (12.0, 42.0), (25.0, 92.0)
"""Of skin in CIE Lab: radians, chroma, lightness."""
_TOP, _COVERED, _LARGEST = 0.12, 0.7, 0.3
"""How far from the top a face begins, as a share of the longer side; what share of its columns is covered; the largest
as a share of the figurine."""
_LEAST, _LEAST_PX = 0.02, 2
"""Share of the figurine from which a piece is a face, and how thick at least what covers it."""
_DOWN, _TALL = 0.75, 1.3
"""How far down it is covered, as a share of its height, which is at most so many times its width: below is the neck."""


def is_skin(lab: F32 | F64) -> Bool:
    """(N,) which of the colours (N,3) in CIE Lab may be skin.

    >>> is_skin(np.array([[65.0, 18.0, 25.0], [65.0, 40.0, 60.0]])).tolist()  # a fox is more vivid
    [True, False]
    """
    chroma, hue = np.hypot(lab[:, 1], lab[:, 2]), np.arctan2(lab[:, 2], lab[:, 1])
    values = (hue, _HUES), (chroma, _CHROMA), (lab[:, 0], _LIGHT)
    out: Bool = np.all([(low < value) & (value < high) for value, (low, high) in values], axis=0)
    return out


def find_covers(label: I64, count: int, mask: Bool, lab: F32) -> I64:
    """(H,W) which of `count` regions covers a place behind, where it has a face before; -1 elsewhere.

    `label` (H,W) are the regions of a picture in CIE `lab` (H,W,3), -1 outside `mask`.

    >>> label = np.zeros((40, 20), np.int64)
    >>> label[3:12], label[12:] = 1, 2  # hair, a face, a coat
    >>> lab = np.array([[20, 5, 5], [65, 18, 25], [40, 0, -30]], np.float32)[label]
    >>> find_covers(label, 3, np.ones((40, 20), bool), lab)[[1, 5, 11, 20], 10].tolist()
    [-1, 0, -1, -1]
    """
    out = np.full(mask.shape, -1, np.int64)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    top, size = rows[0], max(np.ptp(rows), np.ptp(columns)) + 1
    skin = is_skin(np.array([np.median(lab[label == k], axis=0) for k in range(count)]))
    for k in np.flatnonzero(skin):
        piece, pieces = ndimage.label(label == k)
        for number, (tall, wide) in enumerate(ndimage.find_objects(piece, pieces), 1):
            face = piece == number
            area = face.sum() / mask.sum()
            if not _LEAST < area < _LARGEST or tall.start - top > _TOP * size:
                continue
            votes = np.zeros(count)
            for x in range(wide.start, wide.stop):
                begin = int(face[:, x].argmax())
                above = label[:begin, x][::-1]
                above = above[: int(np.argmin(np.append(above, -1) >= 0))]
                if len(above) >= _LEAST_PX:
                    votes[int(np.bincount(above, minlength=count).argmax())] += 1
            votes[skin] = 0
            if votes.max() > _COVERED * (wide.stop - wide.start):
                height = min(tall.stop - tall.start, _TALL * (wide.stop - wide.start))
                face[tall.start + round(_DOWN * height) :] = False
                out[face] = int(votes.argmax())
    return out
