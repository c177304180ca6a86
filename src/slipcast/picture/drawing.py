"""White figures drawn with an outline before white: what of the enclosed paper is figurine, and what is a gap.

The inside of a drawn figure has exactly the colour of its backdrop, so colours tell nothing. Three things do: which
areas the lines enclose, on how many sides of an area the air begins right behind one line, and the network's mean
opinion of the whole area. The network wavers inside bold outlines, pixel by pixel, but its mean over an area was above
0.8 for the insides of 44 made figures.

- An area with the air behind its line is the figure's inside, unless the network is sure that it is not; with the air
  along a third of its border it is a glove, a boot or a hat. Where the network is sure of the opposite, that is
  doubted. A ring by itself stays one.
- An area behind two lines is a panel, an eye or the gap between arm and body. What floats in it makes it a surface.
- Paper that runs to the open air between two lines, as between legs, is air, though the network takes it for a leg.
- Paper that runs to the open air through a door, and has the air behind a line on most of its sides, is the inside of
  a figure whose outline has a gap.

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
_LINED = 0.35
"""With the air right behind its line along so much of its border an area is no gap, whose sides are limbs."""
_ALONE = 0.5
"""An area of more of the figure is a ring's."""
_UNDECIDED = 0.5
"""What holds for larger areas behind two lines: the gap between arm and body is larger than an ear's inside."""
_GAP = 0.15
"""A gap's limb is narrower than this share of the figure's longer side."""
_ALONG = 0.4
"""A gap has a limb along so much of its border."""
_WORTH_DOUBT = 0.01
_HOLLOW = 0.25
"""An inside of this share of the figure in which nothing is drawn may be a ring's, several of them a cage's."""
_FLOATS_PX = 12
_DOORS = (0.02, 0.04, 0.07, 0.11, 0.16, 0.22)
"""A gap in an outline is at most so wide, of the figure's longer side."""
_ROOM = 1.3
"""A room is so many times as wide as its door: 1.5 to 18 behind gaps of 15 to 110 px in figures of 700 px."""
_WALL, _LIMB = 0.6, 0.045
"""So much of a room's border has the air behind it, within this share of the figure's longer side: 0.77 and more within
0.022 behind the gaps of 14 made drawings; the walls of 17 rooms between rendered limbs are 0.05 and more wide."""
_WIRES = 0.06
"""A figure of which more is loose line than this has lost an inside."""


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
    lined: bool
    """Whether it does so along a good part of its border."""
    floats: bool
    """Whether something drawn lies in it and touches no border of it."""
    limb: float
    """How much of its border has air within the width of a limb."""


def read_drawing(bare: Bool, air: Bool, prior: F32) -> Drawing | None:
    """Return what the lines enclose; None where the picture is no outline drawing.

    `bare` (H,W) shows the backdrop's colour, `air` (H,W) can be reached from the frame, `prior` (H,W) is the network's
    opinion in [0, 1].
    """

    # The network may take paper between two legs for figure; a line with a gap lets air in by a narrow mouth only.
    alleys = _find_alleys(bare, air)
    air = air | alleys
    rooms, doubt = _find_rooms(bare, air, prior)
    air = air & ~rooms
    figure, paper = ~air, bare & ~air
    if int(paper.sum()) < _BLANK * int(figure.sum()) or not paper.any():
        return None
    box = box_of(figure)
    side = max(box.height, box.width)
    rim = figure & grow(air, 1)
    behind = _measure_inside(~paper)[rim]
    if float((behind < _STROKE * side).mean()) < _OUTLINED:
        return None
    line = float(np.median(behind))
    from_air = _measure_inside(figure)
    size = int(figure.sum())
    inside, holes = np.zeros_like(bare), alleys
    empty, detailed = 0.0, False
    for area in _areas(paper, prior, from_air, 1.6 * line + 3, _GAP * side, size):
        sure = next((mean for share, mean in _SURE if area.share < share), _SURE[-1][1])
        if not area.outer and area.share >= _SURE[-1][0]:
            sure = _UNDECIDED
        if area.floats or (area.lined and area.share < _ALONE) or area.opinion > sure:
            inside |= area.here
            doubt |= area.opinion <= sure and not area.floats
        else:
            holes = holes | area.here
        like_gap = not area.outer and not area.floats and area.limb > _ALONG
        doubt |= like_gap and area.share > _WORTH_DOUBT and area.opinion > _SURE[0][1]
        doubt |= area.outer and not area.floats and area.share > _HOLLOW
        empty += 0.0 if area.floats else area.share
        detailed |= area.floats
    doubt |= empty > _HOLLOW and not detailed
    doubt |= _has_wires(figure & ~holes, inside, line)
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
                lined=float((away < line).mean()) > _LINED,
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


def _find_rooms(bare: Bool, air: Bool, prior: F32) -> tuple[Bool, bool]:
    """Paper behind a gap of an outline, and whether the network took it for air.

    A gap of any width lets the air in. Where the air is narrowed by half a door on each side, a room is cut off. The
    space between arm and body is a room too, but its walls are limbs and no lines.
    """
    import cv2

    rooms, doubt = np.zeros_like(air), False
    box = box_of(~air)
    side = max(box.height, box.width)
    doors = [max(3, round(share * side)) | 1 for share in _DOORS]
    # All around the box is air: nothing of it is looked at, but a margin through which air goes around.
    part, rim = box.widen(1, air.shape).slices, doors[-1]
    free, within = air[part], np.s_[rim:-rim, rim:-rim]
    # How far air is from a wall serves discs of all widths: 0.03 s of CPU for a picture of 512 px, where erosion by one
    # disc after the other takes 0.2.
    wall_px = _measure_inside(np.pad(free, rim, constant_values=True))
    for door in doors:
        reach = (door - 1) / 2
        _, label = cv2.connectedComponents((wall_px > reach).astype(np.uint8), connectivity=4)
        open_ = (_measure_inside(label != label[0, 0]) <= reach)[within]
        count, label, stats, _ = cv2.connectedComponentsWithStats(
            (free & ~open_ & ~rooms[part]).astype(np.uint8), connectivity=4
        )
        for piece in range(1, count):
            if stats[piece, cv2.CC_STAT_AREA] < 0.004 * side * side:
                continue
            here = label == piece
            mouth = here & grow(open_, 1)
            if not mouth.any() or 2 * float(_measure_inside(here).max()) < _ROOM * int(mouth.sum()):
                continue
            wall = grow(here, 1) & ~here & ~open_
            behind = _measure_inside(~open_)[wall]
            line = float(np.median(behind))
            if line < _LIMB * side and float((behind < 1.6 * line + 3).mean()) > _WALL:
                rooms[part] |= here & bare[part]
                doubt |= float(prior[part][here].mean()) < _UNDECIDED
    return rooms, doubt


def _measure_inside(mask: Bool) -> F32:
    """(H,W) how far the pixels of `mask` are from the nearest one outside of it, within 2 %."""
    import cv2

    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5))


def _has_wires(figure: Bool, inside: Bool, line: float) -> bool:
    """Whether much of the figure is loose line, with air on both sides: the outline of what the air got into."""
    import cv2

    side = 2 * math.ceil(2 * line) + 3
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    thick = cv2.morphologyEx((figure | inside).astype(np.uint8), cv2.MORPH_OPEN, disc) > 0
    return float((figure & ~thick).sum()) > _WIRES * float(figure.sum())


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
        across = 2 * float(_measure_inside(np.pad(mine, 1)).max())
        if mouth > 0.7 * across:
            out[part] |= mine
    return out
