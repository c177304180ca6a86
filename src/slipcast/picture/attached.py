"""Picture before a plain backdrop and a coarse mask -> what hangs together with the figurine and the network left out.

Networks that look for the salient thing leave out the plain base under a figurine, a plinth, an arm of skin colour on
white, the shoulders that run out of the frame. Before a plain backdrop (backdrop.py) the picture tells: air is what can
be reached from the frame over pixels that show the backdrop or shade it softly; what cannot be reached and touches the
figurine belongs to it. A shadow darkens the backdrop, keeps its hue and has no edge, so air flows over it; a base has
one. A hard shadow has one too: what is grey and lies beside the feet instead of under them is left out, and the doubt
is said, as it is where edges in the air tell of a thing whose outline is lost in places.

What is enclosed and repeats the backdrop exactly is a hole, since figurines have shading; what comes near to it is a
part. Clipped white and black have no shading left: there a thin closed outline makes a part and thick limbs a hole, and
the network decides only where it is sure; white figures drawn with outlines are read by drawing.py. Everything happens
at `_SIDE_PX`.

Rejected: differences from the backdrop alone (a soft contact shadow came along with every base), and a second look of
the network at the base alone (it takes any plinth for furniture).
"""

from typing import NamedTuple

import numpy as np

from slipcast.core.masks import box_of
from slipcast.core.pixels import dot_pixels
from slipcast.core.values import F32, U8, Bool
from slipcast.picture.backdrop import LIKE, Backdrop, read_backdrop, read_exact
from slipcast.picture.drawing import read_drawing
from slipcast.picture.faint import find_clean_rows, find_faint_parts
from slipcast.picture.flat_backdrop import read_flat
from slipcast.picture.thin import find_thin_parts

_SIDE_PX = 512
_EDGE, _WINDOW, _SUDDEN = 0.009, 11, 2.5
"""An edge is at least so steep (of 1, a pixel), and so many times steeper than the mean of a window about it: a step of
`_WINDOW` pixels or more is five times as steep, the flank of a soft shadow hardly steeper than its neighbours."""
_TINT = 0.035
"""So far from the backdrop's hue no shadow is."""
_FAR = 0.012
"""So far from a clipped backdrop is a part, also low down, where the network does not see a hole."""
_HOLLOW = 0.25
"""Holes of this share of the figurine before clipped white or black are doubted."""
_LINE, _LINE_TONE = 0.03, 24
"""How wide a line around the picture may be, of the shorter side, and levels of 255 within which it has one tone."""
_RIM_PX, _SOFT = 7, 0.25
"""What is narrower is a rim or a limb; darker than this is no shade that is not said."""
_WORTH_DOUBT = 0.015
"""A left out piece of this share of the figurine outside its hull may be a base; under its belly it is shade."""

_GAP = (60, 12)
"""Pixels of a gap that the network took for figurine, and of its inside, from which on it is seen."""
_GLOSSY = 0.2
"""Gloss around a pore is brighter than the backdrop along so much of its border; shade in a gap is darker."""
_OVERRULED = 0.5
"""Where the network saw less than this share of what was found, what is white before white may still be missing."""


class Attached(NamedTuple):
    """What was found."""

    coarse: F32
    """(H,W), 0 to 1: the coarse mask with what it lacked."""
    doubt: bool
    """Whether a shadow may have been taken for a part, or a part for a shadow."""


def add_attached_parts(pixels: U8, coarse: F32) -> Attached:
    """Add to `coarse` (H,W) what it lacks of the subject in `pixels` (H,W,3).

    Unchanged where the backdrop is not plain or nothing is missing.
    """
    import cv2

    height, width = coarse.shape
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small: U8 = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    image = small.astype(np.float32) / np.float32(255)
    prior: F32 = cv2.resize(coarse, size, interpolation=cv2.INTER_AREA)
    known = prior > 0.5
    if not known.any():
        return Attached(coarse, False)
    backdrop = read_backdrop(small, prior)
    if backdrop is None:
        line = _measure_line(pixels)
        if not line:
            return Attached(coarse, False)
        within = np.s_[line:-line, line:-line]
        found = add_attached_parts(np.ascontiguousarray(pixels[within]), np.ascontiguousarray(coarse[within]))
        out = np.zeros_like(coarse)
        out[within] = found.coarse
        return Attached(out, found.doubt)
    shade, rest = _shade(image, backdrop.model)
    tint = np.sqrt(np.einsum("ijk,ijk->ij", rest, rest))
    # Under a shadow tiles stay tiles; only the factor is smooth. On black there is no shadow, and no factor.
    level = backdrop.level
    seen = np.dstack([shade * level, rest]) if level > 0.15 else backdrop.off
    edge, bare = _edges(seen, backdrop.noise, known), backdrop.find_bare()
    shaded = (shade < 1.0) & (shade > 0.25) & (tint < _TINT)
    lit = (shade >= 1.0) & (shade < 1.8) & (tint < 2 * _TINT)  # a floor under a lamp, which no model fits
    air = _air(bare & (prior < 0.9), (shaded | lit) & ~edge & (prior < 0.9))
    drawing = read_drawing(bare, air, prior)
    if drawing is not None:
        air |= drawing.holes
        known = (known | drawing.inside) & ~drawing.holes
        prior = np.where(drawing.holes, 0, np.where(drawing.inside, 1, prior)).astype(np.float32)
    thing = ~air & ~known
    new = _touching(thing, known, bare)
    hidden = _hides(image, backdrop.model)
    dark = np.where(shaded, 1 - shade, 0)
    part, doubt = _accepted(new, known, air, dark, edge, prior, hidden, backdrop.drawn is not None)
    under = _find_shade_under(part, known, dark, edge, prior)
    if under.any():  # what is left is judged without it
        part, doubt = _accepted(
            part & ~under, known, air, dark, edge, prior, hidden, backdrop.drawn is not None
        )
    if hidden is not None and part.any():  # a part of one tile's tone is bare where such tiles are
        closed = cv2.morphologyEx(part.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((45, 45), np.uint8))
        part |= (closed > 0) & hidden & ~air
    if level > 0.97:
        part |= find_faint_parts(backdrop, part | known)
        air &= ~part
    flat = None
    exact = None if drawing else read_exact(small, part | known, prior)
    if exact is not None:
        flat = read_flat(exact, part | known, prior)
        doubt |= int((flat.backdrop & ~air).sum()) > _HOLLOW * int((part | known).sum())
        known, part = known & ~flat.backdrop, (part | flat.part) & ~flat.backdrop
        air = (air | flat.backdrop) & ~part
    part |= _white_parts(part | known, air, bare, prior, backdrop)
    part |= _find_pores(part, known, air, backdrop)
    if backdrop.clipped:  # inside bold outlines white may be the figurine or a hole
        doubt |= int((~air & bare & ~part & ~known).sum()) > _HOLLOW * int((part | known).sum())
    doubt |= _has_open_edges(edge, part | known, air)
    out = coarse
    if drawing is None:
        holes = _repeats(known & bare & ~air, backdrop)
        if flat is not None:
            holes |= flat.backdrop & (prior > 0.1)
    else:
        holes, doubt = drawing.holes, doubt | drawing.doubt
        part |= drawing.inside
        out = np.maximum(out, _blurred(drawing.inside, (width, height)))
    if holes.any():
        out = np.minimum(out, 1 - _blurred(holes, (width, height)))
    if (part & ~known).any():
        out = np.maximum(out, _blurred(part | (known & ~air & ~bare), (width, height)))
    if backdrop.drawn is not None and drawing is None:
        thin = find_thin_parts(pixels, backdrop.drawn, out > 0.5)
        out = np.maximum(out, thin.part.astype(np.float32))
        doubt |= thin.doubt or float((coarse > 0.5).sum()) < _OVERRULED * float((out > 0.5).sum())
    return Attached(out, doubt)


def _measure_line(pixels: U8) -> int:
    """How many pixels at each side of `pixels` (H,W,3) a line takes that was drawn all around; 0 where none was."""
    most = round(_LINE * min(pixels.shape[:2]))
    color = np.median(pixels[0], axis=0)
    for ring in range(most + 1):
        inner = pixels[ring : len(pixels) - ring, ring : pixels.shape[1] - ring]
        sides = (inner[0], inner[-1], inner[:, 0], inner[:, -1])
        alike = [float((np.abs(side - color).max(1) < _LINE_TONE).mean()) for side in sides]
        if min(alike) < 0.95:
            return ring + 2 if ring else 0  # and its soft edge
    return 0


def _blurred(mask: Bool, size: tuple[int, int]) -> F32:
    import cv2

    soft = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.7)
    grown: F32 = cv2.resize(soft, size, interpolation=cv2.INTER_LINEAR)
    return grown


def _hides(image: F32, model: F32) -> Bool | None:
    """(H,W) where the tiles of a backdrop do not show through, as they do in a shadow; None where there are none."""
    import cv2

    seen, tiles = image.mean(2), model.mean(2)
    side = (25, 25)
    spread = cv2.blur(tiles * tiles, side) - cv2.blur(tiles, side) ** 2
    if float(np.median(spread)) < 0.03**2:
        return None
    slope = (cv2.blur(tiles * seen, side) - cv2.blur(tiles, side) * cv2.blur(seen, side)) / (spread + 1e-5)
    return np.asarray(slope < 0.4)


def _repeats(inside: Bool, backdrop: Backdrop) -> Bool:
    """Holes that the network took for figurine: large pieces of `inside` that are the backdrop and no clipped part."""
    import cv2

    out = np.zeros_like(inside)
    if backdrop.clipped:
        return out
    small = np.ones((3, 3), np.uint8)
    opened = cv2.morphologyEx(inside.astype(np.uint8), cv2.MORPH_OPEN, small)
    count, label, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    for piece in range(1, count):
        if stats[piece, cv2.CC_STAT_AREA] < _GAP[0]:
            continue
        here = label == piece
        deep = cv2.erode(opened * here, small) > 0  # its rim is mixed with the figurine
        if deep.sum() >= _GAP[1] and backdrop.is_repeated(deep):
            out |= here
    return out


def _shade(image: F32, model: F32) -> tuple[F32, F32]:
    """(H,W) the factor that darkens the backdrop to the picture, and (H,W,3) what it leaves over."""
    factor = dot_pixels(image, model) / np.maximum(dot_pixels(model, model), 1e-4)
    rest: F32 = (image - factor[..., None] * model).astype(np.float32)
    return factor.astype(np.float32), rest


def _edges(off: F32, noise: float, known: Bool) -> Bool:
    """(H,W) where the picture changes suddenly; the figurine's own edge does not outshine a faint one beside it."""
    import cv2

    here = np.zeros(off.shape[:2], np.float32)
    about = np.zeros(off.shape[:2], np.float32)
    beside = (cv2.dilate(known.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0).astype(np.uint8)
    for way in ((1, 0), (0, 1)):
        slope = cv2.Sobel(off, cv2.CV_32F, *way, ksize=3) / 8
        mean = cv2.blur(cv2.copyTo(slope, beside), (_WINDOW, _WINDOW))
        here += np.einsum("ijk,ijk->ij", slope, slope)
        about += np.einsum("ijk,ijk->ij", mean, mean)
    here, about = np.sqrt(here), np.sqrt(about)
    sudden = ((here > max(_EDGE, 2.5 * noise)) & (here > _SUDDEN * about)).astype(np.uint8)
    _, label, stats, _ = cv2.connectedComponentsWithStats(sudden, connectivity=8)
    long = stats[:, cv2.CC_STAT_AREA] >= 16  # grain makes shorter ones
    long[0] = False
    return np.asarray(long[label])


def _air(bare: Bool, shaded: Bool) -> Bool:
    """What can be reached from the frame, over the backdrop by gaps of 5 pixels, over its shade by wider ones.

    A base of a shadow's tone has no edge where it meets one: air must not pass there.
    """
    import cv2

    narrow, wide = (cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)) for side in (5, 13))
    border = wide.shape[0]
    free = np.pad(bare, border, mode="edge").astype(np.uint8)
    both = np.pad(bare | shaded, border, mode="edge").astype(np.uint8)
    near, far = cv2.erode(free, narrow), cv2.erode(both, wide)
    _, label = cv2.connectedComponents(near | far, connectivity=4)
    rim = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    # A plinth of the backdrop's hue that runs out of the picture is no shade: no bare backdrop hangs together with it.
    rim = rim[(rim > 0) & (np.bincount(label[free > 0], minlength=label.max() + 1)[rim] > 0)]
    seed = np.isin(label, rim).astype(np.uint8)
    reached = (cv2.dilate(seed & near, narrow) | cv2.dilate(seed & far, wide)) > 0
    return np.asarray(reached[border:-border, border:-border])


def _touching(thing: Bool, known: Bool, bare: Bool) -> Bool:
    """The pieces of `thing` that differ from the backdrop and hang together with the figurine."""
    import cv2

    solid = thing & ~bare
    solid = cv2.morphologyEx(solid.astype(np.uint8), cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)).astype(bool)
    _, label = cv2.connectedComponents((solid | known).astype(np.uint8), connectivity=8)
    return np.asarray(np.isin(label, np.unique(label[known])) & (label > 0) & ~known)


def _find_shade_under(new: Bool, known: Bool, dark: F32, edge: Bool, prior: F32) -> Bool:
    """What of the parts `new` is soft shade between feet, which the matte's rim around them made one.

    A base shows at the feet's outer sides as well.
    """
    import cv2

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_RIM_PX, _RIM_PX))
    wide = cv2.morphologyEx(new.astype(np.uint8), cv2.MORPH_OPEN, disc)
    count, label, stats, _ = cv2.connectedComponentsWithStats(wide, connectivity=8)
    rows, hull = np.flatnonzero(known.any(1)), _hull(known)
    out = np.zeros_like(new)
    for piece in range(1, count):
        here = label == piece
        low = stats[piece, cv2.CC_STAT_TOP] + stats[piece, cv2.CC_STAT_HEIGHT] / 2 > rows.mean()
        grey = float((dark[here] > 0).mean()) > 0.9 and float(dark[here].mean()) < _SOFT
        unseen = float(prior[here].mean()) < 0.1 and float(edge[here].mean()) < 0.3
        if low and grey and unseen and float(hull[here].mean()) > 0.9:
            out |= here
    return out


def _accepted(
    new: Bool, known: Bool, air: Bool, dark: F32, edge: Bool, prior: F32, hidden: Bool | None, drawn: bool
) -> tuple[Bool, bool]:
    """Of the pieces `new` those that are no shadow and no table, and whether one may be either.

    `dark` (H,W) is how much darker than the backdrop a pixel of its hue is, `hidden` (H,W) where its tiles are gone;
    `drawn` says that a program drew the backdrop.
    """
    import cv2

    count, label, stats, _ = cv2.connectedComponentsWithStats(new.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    doubt = False
    size = int(known.sum())
    rows = np.flatnonzero(known.any(1))
    feet = np.flatnonzero(known[rows[-1] - (rows[-1] - rows[0]) // 8 : rows[-1] + 1].any(0))
    near_edge = cv2.dilate(edge.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    hull = _hull(known)
    for piece in range(1, count):
        here = label == piece
        border = (cv2.dilate(here.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & air
        if border.any() and float(near_edge[border].mean()) < 0.6:
            continue  # a thing has an edge all round; light and shade on a floor have none
        left, top, wide, tall, area = (int(value) for value in stats[piece])
        if hidden is not None and area > 0.01 * size and float(hidden[here].mean()) > 0.7:
            keep[piece] = not _is_table(here | known, here, drawn)
            continue  # tiles show through a shadow
        grey = float((dark[here] > 0).mean()) > 0.8 and float(prior[here].mean()) < 0.3
        if grey and area < 0.005 * size and float(edge[here].mean()) < 0.5:
            continue  # a shadow in a corner that air did not reach
        low = top + tall / 2 > (rows[0] + rows[-1]) / 2
        outside = int((here & ~hull).sum())
        if grey and low and _fades(here, dark, known, air):
            # A base under a contact shadow is dark at the feet too, but it ends in an edge all round.
            if outside < _WORTH_DOUBT * size or not border.any() or float(near_edge[border].mean()) < 0.9:
                continue
            keep[piece] = not _is_table(here | known, here, drawn)
            continue
        beside = abs(left + wide / 2 - (feet[0] + feet[-1]) / 2) > 0.25 * wide
        if grey and low and beside and area > 0.01 * size:
            doubt |= outside > _WORTH_DOUBT * size
            continue
        keep[piece] = not _is_table(here | known, here, drawn)
        # A plinth that the frame cuts off; a hard shadow that reaches the frame looks alike.
        doubt |= bool(keep[piece]) and grey and bool(here[-1].any() or here[:, 0].any() or here[:, -1].any())
    out = np.asarray(keep[label])
    # The network may have left the legs out: the ground lies under all that was found.
    rows = np.flatnonzero((known | out).any(1))
    ground = np.zeros_like(known)
    ground[rows[-1] - (rows[-1] - rows[0]) // 4 :] = True
    grey_ends = out & ground & (dark > 0) & (prior < 0.3)
    return out & ~_spurs(grey_ends, known | out, rows[-1] - rows[0] + 1), doubt


def _spurs(grey: Bool, body: Bool, tall: int) -> Bool:
    """What of `grey` is flat on the ground and belongs to nothing of some height: a shadow's sharp end beside the feet.

    The ends of a base are as flat, but its middle is not; a sole is as flat, but has the rest of `body` (H,W) on it.
    """
    import cv2

    if not grey.any():
        return grey
    upright = np.ones((max(5, round(0.03 * tall)), 1), np.uint8)
    high = cv2.morphologyEx(grey.astype(np.uint8), cv2.MORPH_OPEN, upright) > 0
    _, label = cv2.connectedComponents(grey.astype(np.uint8), connectivity=8)
    area, solid = np.bincount(label[grey]), np.bincount(label[grey], weights=high[grey])
    top = grey & ~np.roll(grey, 1, 0)
    under = top & np.roll(body, 1, 0)
    width, borne = (np.bincount(label[part], minlength=len(area)) for part in (top, under))
    flat = (solid < 0.3 * np.maximum(area, 1)) & (borne < 0.7 * width)
    return np.asarray(grey & flat[label])


def _hull(known: Bool) -> Bool:
    import cv2

    y, x = np.nonzero(known)
    out = np.zeros(known.shape, np.uint8)
    cv2.fillConvexPoly(out, cv2.convexHull(np.stack([x, y], 1).astype(np.int32)), 1)
    return out > 0


def _fades(piece: Bool, dark: F32, known: Bool, air: Bool) -> bool:
    """Whether a grey piece is dark at the figurine and hardly so at the air, as a shadow is and a base is not."""
    import cv2

    about = [cv2.dilate(part.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0 for part in (known, air)]
    inner, outer = (piece & near for near in about)
    inner &= ~about[1]
    if not inner.any() or not outer.any():
        return False
    return float(dark[outer].mean()) < 0.5 * float(dark[inner].mean())


def _has_open_edges(edge: Bool, body: Bool, air: Bool) -> bool:
    """Whether edges lie in the air beside the figurine, as of a thing whose outline is lost in places."""
    import cv2

    box = box_of(body)
    size = max(box.height, box.width) - 1
    away = cv2.dilate(body.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    stray = (edge & air & ~away).astype(np.uint8)
    near = cv2.dilate(body.astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    about = cv2.dilate(body.astype(np.uint8), np.ones((65, 65), np.uint8)) > 0
    count, label, stats, _ = cv2.connectedComponentsWithStats(stray, connectivity=8)
    for piece in range(1, count):
        left, top, wide, tall, _ = (int(value) for value in stats[piece])
        if left < 8 or top < 8 or left + wide > edge.shape[1] - 8 or top + tall > edge.shape[0] - 8:
            continue  # a floor's horizon
        # A straight line counts only beside or below the figurine; one that bends or has a corner is no horizon.
        foot = box.bottom - 1
        below = top > foot and box.left < left + wide / 2 < box.right - 1 and top - foot < 0.5 * size
        reach = about if min(wide, tall) > 0.05 * size else near
        if max(wide, tall) > 0.3 * size and (below or bool((reach & (label == piece)).any())):
            return True
    return False


def _is_table(whole: Bool, piece: Bool, drawn: bool) -> bool:
    """Whether a piece is what the figurine stands on or before: it runs out of the picture.

    Before a colour that a program drew there is no room with a table in it, and what runs out is the figurine, unless
    it fills a side: then the colour is one of a scene's.
    """
    sides = [
        (piece[0], whole[0]),
        (piece[-1], whole[-1]),
        (piece[:, 0], whole[:, 0]),
        (piece[:, -1], whole[:, -1]),
    ]
    touched = [float(all_of.mean()) for mine, all_of in sides if float(mine.mean()) > 0.03]
    return (len(touched) > 1 and not drawn) or any(share > 0.85 for share in touched)


def _find_pores(part: Bool, known: Bool, air: Bool, backdrop: Backdrop) -> Bool:
    """What no air reaches in a part that was added: its brightest pixels repeat the backdrop by chance.

    A narrow one may be as long as it likes: gloss that is brighter than the backdrop has its colour along a line.
    """
    import cv2

    out = np.zeros_like(part)
    if not part.any():
        return out
    count, label, stats, _ = cv2.connectedComponentsWithStats(
        (~air & ~part & ~known).astype(np.uint8), connectivity=4
    )
    most = 0.02 * part.sum()
    brighter = part & (backdrop.off.mean(2) > LIKE)
    for piece in range(1, count):
        left, top, wide, tall, area = (int(value) for value in stats[piece])
        about = np.s_[max(0, top - 1) : top + tall + 1, max(0, left - 1) : left + wide + 1]
        here = label[about] == piece
        border = (cv2.dilate(here.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & ~here
        if area >= most:
            glossy = float((brighter[about] & border).sum()) > _GLOSSY * int(border.sum())
            if not glossy or not _is_narrow(here) or backdrop.is_repeated(label == piece):
                continue
        if float(part[about][border].mean()) > 0.25 and not (air[about] & border).any():
            out[about] |= here
    return out


def _is_narrow(here: Bool) -> bool:
    """Whether a piece is nowhere wider than five pixels."""
    import cv2

    return not cv2.erode(np.pad(here, 3).astype(np.uint8), np.ones((5, 5), np.uint8)).any()


def _white_parts(body: Bool, air: Bool, bare: Bool, prior: F32, backdrop: Backdrop) -> Bool:
    """Pieces of backdrop colour that no air reaches: white parts behind an outline, not holes."""
    import cv2

    out = np.zeros_like(body)
    inside = (~air & ~body & bare).astype(np.uint8)
    count, label, stats, _ = cv2.connectedComponentsWithStats(inside, connectivity=4)
    if count < 2:
        return out
    box = box_of(body)
    stroke = max(3.0, 0.02 * (max(box.height, box.width) - 1))
    clean = find_clean_rows(~bare | (np.abs(backdrop.off).max(2) > _FAR), body)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    from_air = cv2.distanceTransform((~air).astype(np.uint8), cv2.DIST_L2, 5)
    for piece in range(1, count):
        left, top, wide, tall, area = (int(v) for v in stats[piece])
        part = np.s_[max(0, top - 2) : top + tall + 2, max(0, left - 2) : left + wide + 2]
        here = label[part] == piece
        border = cv2.dilate(here.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~here
        open_ = bool((air[part] & border).any())
        if area < 4 or (open_ and float(depth[part][here].max()) < 5):
            continue  # a slit that air does not pass at its mouth
        thin = float((from_air[part][border] < stroke + 1).mean())
        sure = float(prior[part][here].mean())
        deep = here & (depth[part] > min(3.0, 0.6 * float(depth[part][here].max())))
        whole = np.zeros_like(body)
        whole[part] = deep
        same = backdrop.is_repeated(whole)
        high = top + tall < (box.top + box.bottom - 1) / 2  # where no shade of a floor is
        if not high and sure > 0.2 and bool(clean[top : top + tall].all()):
            high = float(np.linalg.norm(backdrop.off[whole].mean(0))) > _FAR
        if same and not backdrop.clipped:
            continue
        shaded = (
            backdrop.clipped and not same and high and not open_
        )  # no clipped backdrop has shade by itself
        if shaded or sure > (0.1 if thin > 0.2 and not open_ else 0.5):
            out[part] |= here
    return out
