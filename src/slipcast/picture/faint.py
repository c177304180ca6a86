"""White parts before a white backdrop that hardly differ from it: horns, a helmet, the tip of a tail.

A clipped backdrop has no shading of its own, so a difference of two levels is something, if it is not the grain of the
picture, the ringing of a compressor beside an edge, or the soft shadow of a floor. A part is what differs, hangs on the
figurine, reaches away from it and ends suddenly.
"""

import numpy as np

from slipcast.core.masks import box_of, grow
from slipcast.core.values import Bool
from slipcast.picture.backdrop import Backdrop

_RINGING_PX = 4
"""So far from an edge a compressor leaves its marks."""
_FEW_PX = 20
_MIDDLE_PX = 12
_AROUND = 0.5
"""What touches more of the figurine's rim than this share is a glow."""
_GROUND = 0.15
"""Of the height, from below: there the figurine shades what it stands on."""


def find_faint_parts(backdrop: Backdrop, body: Bool) -> Bool:
    """Return (H,W) what belongs to `body` (H,W) though it is nearly as white as the backdrop."""
    import cv2

    out = np.zeros_like(body)
    away, least = backdrop.soften(), backdrop.least
    clean = find_clean_rows(away > least, body)[:, None]
    box = box_of(body)
    clean[box.bottom - round(_GROUND * box.height) :] = False
    closed = _closed((away > least) & clean | body)
    fresh = closed & ~body & clean
    about = grow(body, 1)
    # What is no wider than a compressor's marks along the edge has no middle.
    middle = _opened(fresh & ~grow(body, _RINGING_PX))
    slope = cv2.magnitude(*(cv2.Sobel(away, cv2.CV_32F, *way, ksize=3) / 8 for way in ((1, 0), (0, 1))))
    count, label = cv2.connectedComponents(
        (fresh & grow(middle, _RINGING_PX + 2)).astype(np.uint8), connectivity=4
    )
    for piece in range(1, count):
        here = label == piece
        if not (here & about).any() or int((middle & here).sum()) < _FEW_PX:
            continue
        rim = here & grow(~closed, 1)
        if rim.any() and float((slope[rim] > 0.25 * least).mean()) > 0.6:
            out |= here
    return out


def find_exact_parts(differs: Bool, body: Bool) -> Bool:
    """Return (H,W) what of `differs` (H,W) hangs on `body` (H,W) above the ground, and does not run around it.

    Before a drawn backdrop no compressor and no grain are in the way: what differs by one level is judged by its place.
    """
    import cv2

    clean = find_clean_rows(differs, body)[:, None]
    box = box_of(body)
    clean[box.bottom - round(_GROUND * box.height) :] = False
    # A soft edge is two pixels wide; its outer one is mostly backdrop and left to the matte.
    fresh = grow(differs & ~grow(~differs, 2), 1) & differs & clean & ~body
    rim = grow(body, 1) & ~body & clean
    if (
        not fresh.any()
        or not rim.any()
        or float(fresh[grow(body, 3) & ~grow(body, 2) & clean].mean()) > _AROUND
    ):
        return np.zeros_like(body)
    _, label = cv2.connectedComponents(fresh.astype(np.uint8), connectivity=8)
    # An enlarged picture's edges are softer still: what is no wider than such an edge has no middle.
    middle = label[fresh & ~grow(body, 3)]
    found = np.intersect1d(label[rim & fresh], np.flatnonzero(np.bincount(middle, minlength=1) >= _MIDDLE_PX))
    return np.asarray(np.isin(label, found[found > 0]))


def _closed(mask: Bool) -> Bool:
    import cv2

    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)) > 0)


def _opened(mask: Bool) -> Bool:
    import cv2

    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0)


def find_clean_rows(differs: Bool, body: Bool) -> Bool:
    """(H,) rows that show nothing that differs on both sides of the figurine: no floor is there."""
    box = box_of(body)
    margin = max(8, max(box.height, box.width) // 32)
    beside = np.ones(body.shape[1], bool)
    beside[max(0, box.left - margin) : box.right + margin] = False
    if int(beside.sum()) <= 10:
        return np.zeros(len(body), bool)
    return np.asarray(differs[:, beside].mean(1) < 0.01)
