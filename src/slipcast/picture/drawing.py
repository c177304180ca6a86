"""White figures drawn with an outline before white: what of the enclosed paper is figurine, and what is a gap.

The inside of a drawn figure has exactly the colour of its backdrop, so colours tell nothing. Three things do: which
areas the lines enclose, on how many sides of an area the air begins right behind one line, and the network's mean
opinion of the whole area. The network wavers inside bold outlines, pixel by pixel, but its mean over an area was above
0.8 for the insides of 44 made figures.

- An area with the air behind its line is the figure's inside, unless the network is sure that it is not.
- An area behind two lines is a panel, an eye or the gap between arm and body. What floats in it makes it a surface.
- Paper that runs to the open air between two lines, as between legs, is air, though the network takes it for a leg.

Rejected: a second look of the network at the picture with the sure inside painted grey: it still takes the gap in a
drawn cup's handle for figurine (1.0), and the inner ears of a bear for a hole (0.1 to 0.2).
"""

import math
from typing import NamedTuple

import numpy as np

from slipcast.core.masks import box_of, grow
from slipcast.core.values import F32, Bool

_STROKE = 0.09
"""A line is at most so wide, of the figure's longer side."""
_BLANK = 0.25
"""So much of a drawn figure is paper: 0.32 to 0.86 of 44 made ones; of 29 rendered ones before white at most 0.12."""
_OUTLINED = 0.7
"""So much of the figure's outline must be a line with paper behind it."""
_SURE = ((0.005, 0.1), (0.02, 0.2))
"""The network is sure of a hole below this mean: shares of the figure's area, and what holds up to them."""
_UNDECIDED = 0.5
"""What holds for larger areas behind two lines: the gap between arm and body is larger than an ear's inside."""
_GAP = 0.15
"""A gap's limb is narrower than this share of the figure's longer side."""
_ALONG = 0.4
"""A gap has a limb along so much of its border."""
_WORTH_DOUBT = 0.01
_HOLLOW = 0.25
"""An inside of this share of the figure in which nothing is drawn may be a ring's."""
_FLOATS_PX = 12


class Drawing(NamedTuple):
    """A drawn figure, at the size of what it was found in."""

    inside: Bool
    """(H,W) enclosed paper that is figurine, with the lines about it."""
    holes: Bool
    """(H,W) paper that is none, whatever the network says of it."""
    doubt: bool
    """Whether an area that was kept may be a gap, or one that was left out a panel."""


class _Area(NamedTuple):
    here: Bool
    share: float
    """Of the figure's area."""
    opinion: float
    """The network's mean."""
    outer: bool
    """Whether the air begins right behind a line of it."""
    floats: bool
    """Whether something drawn lies in it and touches no border of it."""
    limb: float
    """How much of its border has air within the width of a limb."""


def read_drawing(bare: Bool, air: Bool, prior: F32) -> Drawing | None:
    """Return what the lines enclose; None where the picture is no outline drawing.

    `bare` (H,W) shows the backdrop's colour, `air` (H,W) can be reached from the frame, `prior` (H,W) is the network's
    opinion in [0, 1].
    """
    import cv2

    # The network may take paper between two legs for figure; a line with a gap lets air in by a narrow mouth only.
    alleys = _find_alleys(bare, air)
    air = air | alleys
    figure, paper = ~air, bare & ~air
    if int(paper.sum()) < _BLANK * int(figure.sum()) or not paper.any():
        return None
    box = box_of(figure)
    side = max(box.height, box.width)
    rim = figure & grow(air, 1)
    behind = cv2.distanceTransform((~paper).astype(np.uint8), cv2.DIST_L2, 5)[rim]
    if float((behind < _STROKE * side).mean()) < _OUTLINED:
        return None
    line = float(np.median(behind))
    from_air = cv2.distanceTransform(figure.astype(np.uint8), cv2.DIST_L2, 5)
    size = int(figure.sum())
    inside, holes, doubt = np.zeros_like(bare), alleys, False
    for area in _areas(paper, prior, from_air, 1.6 * line + 3, _GAP * side, size):
        sure = next((mean for share, mean in _SURE if area.share < share), _SURE[-1][1])
        if not area.outer and area.share >= _SURE[-1][0]:
            sure = _UNDECIDED
        if area.floats or area.opinion > sure:
            inside |= area.here
        else:
            holes = holes | area.here
        like_gap = not area.outer and not area.floats and area.limb > _ALONG
        doubt |= like_gap and area.share > _WORTH_DOUBT and area.opinion > _SURE[0][1]
        doubt |= area.outer and not area.floats and area.share > _HOLLOW
    lines = (
        grow(inside, math.ceil(1.6 * line) + 1) & figure & ~bare & ~grow(air | holes, 1)
    )  # the matte has the rim
    return Drawing(inside=inside | lines, holes=holes, doubt=doubt)


def _areas(paper: Bool, prior: F32, from_air: F32, line: float, limb: float, size: int) -> list[_Area]:
    """The connected areas of `paper`; `line` and `limb` are widths in pixels."""
    import cv2

    count, label, stats, _ = cv2.connectedComponentsWithStats(paper.astype(np.uint8), connectivity=4)
    out = []
    for piece in range(1, count):
        left, top, wide, tall, area = (int(value) for value in stats[piece])
        if area < 4:
            continue
        part = np.s_[max(0, top - 1) : top + tall + 1, max(0, left - 1) : left + wide + 1]
        mine = label[part] == piece
        border = grow(mine, 1) & ~mine
        away = from_air[part][border]
        here = np.zeros_like(paper)
        here[part] = mine
        out.append(
            _Area(
                here=here,
                share=area / size,
                opinion=float(prior[part][mine].mean()),
                outer=float((away < line).mean()) > 0.2,
                floats=_holds_something(mine),
                limb=float((away < limb).mean()),
            )
        )
    return out


def _holds_something(mine: Bool) -> bool:
    """Whether a piece of the drawing lies in the area and touches nothing else: an eye, a button, a mouth."""
    import cv2

    count, label, stats, _ = cv2.connectedComponentsWithStats(
        np.pad(~mine, 1, constant_values=True).astype(np.uint8), connectivity=8
    )
    sizes = stats[1:, cv2.CC_STAT_AREA].copy()
    sizes[label[0, 0] - 1] = 0
    return bool(count > 2 and (sizes >= _FLOATS_PX).any())


def _find_alleys(bare: Bool, air: Bool) -> Bool:
    """Paper that is as wide at its mouth to the air as inside."""
    import cv2

    out = np.zeros_like(bare)
    count, label, stats, _ = cv2.connectedComponentsWithStats((bare & ~air).astype(np.uint8), connectivity=4)
    for piece in range(1, count):
        left, top, wide, tall, area = (int(value) for value in stats[piece])
        part = np.s_[max(0, top - 1) : top + tall + 1, max(0, left - 1) : left + wide + 1]
        mine = label[part] == piece
        mouth = int((mine & grow(air[part], 1)).sum())
        if area < 20 or not mouth:
            continue
        across = 2 * float(cv2.distanceTransform(np.pad(mine, 1).astype(np.uint8), cv2.DIST_L2, 5).max())
        if mouth > 0.7 * across:
            out[part] |= mine
    return out
