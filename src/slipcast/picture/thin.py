"""Antennae, strings, wires and rods before a backdrop of one drawn colour: what the network's small picture loses.

The network sees 320 x 320 pixels, and what hangs on the figurine is looked for in 512 (attached.py): there a wire of
three pixels is less than one. Before a colour that a program drew nothing else is thin: shadows are wide, a
compressor's marks stay beside the edge. So what differs from the colour, is narrow (a top hat, Serra, 1982), reaches
away from the figurine and begins at it is a part of it, with the knob at its end; what is narrow and begins beside the
figurine is doubted.
"""

from typing import NamedTuple

import numpy as np

from slipcast.core.masks import box_of, grow
from slipcast.core.values import U8, Bool

_DIFFERS = 8
"""Levels of 255 from the drawn colour, in any channel: less is a compressor's mark."""
_NARROW = 0.025
"""Narrower than this share of the figurine's longer side is thin."""
_REACH = 0.04
"""A thin part reaches so far away from the figurine, of its longer side."""
_BEGINS_PX, _BESIDE = 4, 0.04
"""A thin part begins so near to what was found; one that begins farther away, by a share of the longer side, is
doubted."""
_GROUND = 0.15
"""Of the height, from below: there a thin thing may be the sharp end of a shadow."""
_KNOB = 0.04
"""What hangs at a thin part's end is smaller than this share of the figurine's area."""


class Thin(NamedTuple):
    """What was found, at the size of the picture."""

    part: Bool
    """(H,W) thin parts with what hangs at their ends."""
    doubt: bool
    """Whether something thin lies beside the figurine and does not touch it."""


def find_thin_parts(pixels: U8, color: U8, body: Bool) -> Thin:
    """Return what is thin in `pixels` (H,W,3) and hangs on `body` (H,W), before a backdrop of the one `color` (3,)."""
    import cv2

    part, box = np.zeros_like(body), box_of(body)
    side = max(box.height, box.width)
    differs = np.abs(pixels.astype(np.int16) - color).max(2) > _DIFFERS
    wide = max(5, round(_NARROW * side)) | 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (wide, wide))
    opened = cv2.morphologyEx((differs | body).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    from_body = cv2.distanceTransform((~body).astype(np.uint8), cv2.DIST_L2, 5)
    thin = differs & ~opened & (from_body > 2)
    thin[box.bottom - round(_GROUND * box.height) :] = False
    count, label, stats, _ = cv2.connectedComponentsWithStats(thin.astype(np.uint8), connectivity=8)
    doubt = False
    for piece in range(1, count):
        left, top, across, tall, area = (int(value) for value in stats[piece])
        if max(across, tall) < _REACH * side or area < 12:
            continue
        about = np.s_[top : top + tall, left : left + across]
        here = label[about] == piece
        away = from_body[about][here]
        if float(away.max()) < _REACH * side:
            continue
        if float(away.min()) <= _BEGINS_PX:
            part[about] |= here
        else:
            doubt |= float(away.min()) < _BESIDE * side
    if part.any():
        part |= _knobs(differs & ~part & (from_body > 2) & ~thin, part, int(_KNOB * body.sum()))
    return Thin(part=part, doubt=doubt)


def _knobs(rest: Bool, part: Bool, most: int) -> Bool:
    """The small pieces of `rest` (H,W) that touch `part` (H,W)."""
    import cv2

    count, label, stats, _ = cv2.connectedComponentsWithStats(rest.astype(np.uint8), connectivity=8)
    touched = np.unique(label[grow(part, 2) & rest])
    small = np.flatnonzero(stats[:count, cv2.CC_STAT_AREA] < most)
    return np.asarray(np.isin(label, np.intersect1d(touched[touched > 0], small)))
