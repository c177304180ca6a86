"""A backdrop of exactly one colour, as programs draw it: what is of that colour is backdrop, what is not is something.

A photograph's backdrop has grain and a compressor leaves marks beside every edge; a drawn one has neither, and then one
level of 255 tells. Two things have the backdrop's colour without being it: a highlight that is burnt out, which fades
in, where a gap has a sharp edge; and an eye or a panel, of which the network is certain. What differs without being
figurine is a shadow or a glow: it lies on the ground, or around most of the figurine.
"""

from typing import NamedTuple

import numpy as np

from slipcast.core.masks import box_of, grow, shrink
from slipcast.core.values import F32, U8, Bool
from slipcast.picture.faint import find_clean_rows

_SHARE = 0.5
"""So much of what is not figurine must have exactly the backdrop's colour."""
_EDGE = 24 / 255
_MARKED = 0.75
"""Less than this share beside edges has exactly the backdrop's colour in a compressed picture: 0.47 to 0.56."""
_AIR = 0.05
_CERTAIN = 0.9
"""Above this the network is believed against the colour of what the frame reaches."""
_PANEL = 0.95
"""Above this, of what is enclosed: eyes and panels have 0.99 and more, a gap between legs had 0.93."""
_SPOT, _DOUBT = 0.002, 0.5
"""What is enclosed and smaller than this share of the figurine is a gap only below this opinion: a highlight on an eye,
with a sharp edge as pictures are reduced, had 0.92."""
_HOLE_PX = 40
_SHARP, _ABRUPT = 0.8, 8 / 255
"""So much of a gap's rim differs so much from the backdrop within two pixels."""
_MIDDLE_PX = 12
_AROUND = 0.5
"""What touches more of the figurine's rim than this share is a glow."""


class Flat(NamedTuple):
    """What exact colours tell, at the size of what was looked at."""

    backdrop: Bool
    """(H,W) certainly backdrop."""
    part: Bool
    """(H,W) certainly figurine."""


def read_flat(image: U8, body: Bool, prior: F32) -> Flat | None:
    """Return what is certain before a backdrop of exactly one colour; None where `image` (H,W,3) has none.

    `body` (H,W) is what was found so far, `prior` (H,W) the network's opinion in [0, 1].
    """
    import cv2

    frame = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])
    color = np.median(frame, axis=0).astype(np.uint8)
    away = np.abs(image.astype(np.int16) - color).max(2).astype(np.float32) / np.float32(255)
    same = away == 0
    free, box = ~grow(body, 3), box_of(body)
    if not free.any() or float(same[free].mean()) < _SHARE:
        return None
    thing = away > _EDGE
    beside = grow(thing, 10) & ~grow(thing, 3) & ~body & (prior < _AIR)
    beside[box.bottom - box.height // 3 :] = False  # where shadows lie
    if not beside.any() or float(same[beside].mean()) < _MARKED:
        return None
    opened = cv2.morphologyEx(same.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, label, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    rim = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    air = np.isin(label, rim[rim > 0])
    backdrop, part = air & (prior < _CERTAIN), np.zeros_like(body)
    near = cv2.dilate(away, np.ones((5, 5), np.uint8))
    from_air = cv2.distanceTransform((~air).astype(np.uint8), cv2.DIST_L2, 5)
    stroke = max(3.0, 0.02 * max(box.height, box.width)) + 2
    for piece in np.setdiff1d(np.arange(1, count), rim):
        here = label == piece
        edge = here & ~shrink(here, 1)
        sharp = float((near[edge] > _ABRUPT).mean()) > _SHARP
        opinion = float(prior[here].mean())
        outlined = (
            float((from_air[grow(here, 1) & ~here] < stroke).mean()) > 0.2
        )  # a white cap, behind its line
        if not sharp and opinion > 0.1:
            part |= here
        elif sharp and not outlined:
            area = int(stats[piece, cv2.CC_STAT_AREA])
            believed = _PANEL if area >= _SPOT * body.sum() else _DOUBT
            if area >= _HOLE_PX and opinion < believed:
                backdrop |= here
    return Flat(backdrop=backdrop, part=part | _faint(~same & ~backdrop, body))


def _faint(differs: Bool, body: Bool) -> Bool:
    """What differs, hangs on the figurine above the ground, and does not run around it."""
    import cv2

    clean = find_clean_rows(differs, body)[:, None]
    box = box_of(body)
    clean[box.bottom - round(0.15 * box.height) :] = False
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
