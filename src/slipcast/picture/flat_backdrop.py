"""A backdrop of exactly one colour, as programs draw it: what is of that colour is backdrop, what is not is something.

Before such a backdrop (backdrop.py, `read_exact`) one level of 255 tells. Two things have its colour without being it:
a highlight that is burnt out, which fades in, where a gap has a sharp edge; and an eye or a panel, of which the network
is certain. What differs without being figurine is a shadow or a glow: it lies on the ground, or around most of the
figurine.
"""

from typing import NamedTuple

import numpy as np

from slipcast.core.masks import box_of, grow, shrink
from slipcast.core.values import F32, Bool
from slipcast.picture.faint import find_exact_parts

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


class Flat(NamedTuple):
    """What exact colours tell, at the size of what was looked at."""

    backdrop: Bool
    """(H,W) certainly backdrop."""
    part: Bool
    """(H,W) certainly figurine."""


def read_flat(away: F32, body: Bool, prior: F32) -> Flat:
    """Return what is certain before a backdrop of exactly one colour, from which a pixel is `away` (H,W).

    `body` (H,W) is what was found so far, `prior` (H,W) the network's opinion in [0, 1].
    """
    import cv2

    same, box = away == 0, box_of(body)
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
    return Flat(backdrop=backdrop, part=part | find_exact_parts(~same & ~backdrop, body))
