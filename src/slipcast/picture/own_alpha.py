"""Picture with alpha -> whether that alpha is a cutout, and what of it is figurine.

An alpha may be a frame: the margin around a window's screenshot, rounded corners, a letterbox, a round portrait, a
photograph that was turned. Then what it shows is a shape that is convex and its own mirror image both ways, or a
rectangle, and inside it stands something before a backdrop; a figurine that is a plain box or ball has nothing standing
inside.

A cutout that was faded as a whole counts as it was before; a wing of glass is figurine, a black veil of the same
opacity a shadow. Small round holes deep inside are what cutout tools make of highlights: they close, and larger ones
are counted. A hole beside the outline, or one that is not round, is an ear, a handle or the gap under an arm: of 34
public cutouts 8 had such gaps deep inside, and none a lost highlight. They stay and are counted too, without a warning:
a long glint beside the outline is one.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.findings import Finding, finding
from slipcast.core.masks import box_of
from slipcast.core.values import U8, Bool, Picture
from slipcast.picture.backdrop import LIKE, fit_backdrop
from slipcast.picture.bleed import bleed_colors
from slipcast.picture.saliency import DEFAULT_MODEL, find_saliency

_OPAQUE = 0.98
"""An alpha that shows so much of the picture is no cutout."""
_LOOK_PX = 384
_SYMMETRIC = 0.985
_HIGHLIGHT = 0.004
"""A hole of at most this share of the figurine may be a highlight."""
_SEEN = 2e-4
"""A hole of at most this share of the figurine is not worth a word."""


@dataclass(frozen=True, kw_only=True)
class OwnCutout:
    """A cutout that came with the picture."""

    alpha: U8
    """(H,W), as it was before it was faded, and without the holes of tools."""
    pixels: U8
    """(H,W,3), with colours where holes were."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, kw_only=True)
class Window:
    """An opaque picture, and where in its frame it lies."""

    top: int
    bottom: int
    left: int
    right: int
    pixels: U8
    """(bottom - top, right - left, 3): opaque, with its colours carried on into rounded corners."""
    shown: Bool
    """(bottom - top, right - left): what the alpha shows."""

    @property
    def box(self) -> tuple[slice, slice]:
        """The window as an index of the picture."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def has_own_cutout(picture: Picture) -> bool:
    """Whether the picture came with its figurine cut out."""
    return (
        picture.alpha is not None and bool(_as_before(picture.alpha).any()) and find_window(picture) is None
    )


def find_window(picture: Picture) -> Window | None:
    """Return the opaque picture that the alpha of `picture` frames; None where the alpha is a cutout.

    Without an alpha the window is the whole picture.
    """
    height, width = picture.pixels.shape[:2]
    everything = Window(
        top=0,
        bottom=height,
        left=0,
        right=width,
        pixels=picture.pixels,
        shown=np.ones((height, width), np.bool_),
    )
    if picture.alpha is None:
        return everything
    alpha = _as_before(picture.alpha)
    solid = alpha >= 240
    if float(solid.mean()) >= _OPAQUE:
        return everything
    if not solid.any():
        return None
    top, bottom, left, right = box_of(solid)
    shown = np.ascontiguousarray(solid[top:bottom, left:right])
    if min(shown.shape) < 32 or not _is_frame(shown):
        return None
    pixels = np.ascontiguousarray(picture.pixels[top:bottom, left:right])
    if not shown.all():
        pixels = bleed_colors(pixels, np.where(shown, 255, 0).astype(np.uint8))
    if not _holds_a_picture(pixels, shown):
        return None
    return Window(top=top, bottom=bottom, left=left, right=right, pixels=pixels, shown=shown)


def read_own_cutout(picture: Picture) -> OwnCutout:
    """Return the figurine in the alpha of `picture`, for which `find_window` gave None."""
    assert picture.alpha is not None
    alpha = _with_glass(_as_before(picture.alpha), picture.pixels)
    return _without_tool_holes(alpha, picture.pixels)


def _as_before(alpha: U8) -> U8:
    """The alpha before the whole picture was faded."""
    seen = alpha[alpha > 8]
    if not seen.size:
        return np.zeros_like(alpha)
    peak = float(np.percentile(seen, 99))
    if peak >= 250:
        return alpha
    faded: U8 = np.clip(np.round(alpha * (255 / peak)), 0, 255).astype(np.uint8)
    return faded


# ----------------------------------------------------------------------------------------------- frames


def _is_frame(shown: Bool) -> bool:
    """Whether the shape is convex and a mirror image of itself both ways, or a tilted rectangle."""
    import cv2

    scale = min(1.0, _LOOK_PX / max(shown.shape))
    size = (max(8, round(shown.shape[1] * scale)), max(8, round(shown.shape[0] * scale)))
    small = cv2.resize(shown.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) >= 128
    outlines, _ = cv2.findContours(small.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    if not outlines:
        return False
    hull, tilted = np.zeros(small.shape, np.uint8), np.zeros(small.shape, np.uint8)
    corners = cv2.convexHull(np.concatenate(outlines))
    cv2.fillConvexPoly(hull, corners, 1)
    cv2.fillConvexPoly(tilted, np.rint(cv2.boxPoints(cv2.minAreaRect(corners))).astype(np.int32), 1)

    def is_like(*others: Bool) -> bool:
        return all(float((small & each).sum() / (small | each).sum()) > _SYMMETRIC for each in others)

    return is_like(hull > 0, small[::-1], small[:, ::-1]) or is_like(tilted > 0)


def _holds_a_picture(pixels: U8, shown: Bool) -> bool:
    """Whether one large thing stands inside before a plain backdrop, or the network sees one."""
    import cv2

    scale = min(1.0, _LOOK_PX / max(shown.shape))
    size = (max(8, round(shown.shape[1] * scale)), max(8, round(shown.shape[0] * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    image = small.astype(np.float32) / np.float32(255)
    inside = cv2.resize(shown.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST) > 0
    # A frame may have a drawn border of its own.
    deep = cv2.erode(np.pad(inside.astype(np.uint8), 1), np.ones((9, 9), np.uint8))[1:-1, 1:-1] > 0
    model = fit_backdrop(image[4:-4, 4:-4], np.zeros((size[1] - 8, size[0] - 8), np.bool_))
    if model is not None:
        off = image[4:-4, 4:-4] - model
        thing = np.zeros(inside.shape, np.bool_)
        thing[4:-4, 4:-4] = np.einsum("ijk,ijk->ij", off, off) > (1.5 * LIKE) ** 2
        return _is_one_large_thing(thing & deep, inside)
    seen = find_saliency(small, DEFAULT_MODEL) > 0.5  # asked only where colours do not tell
    return _is_one_large_thing(seen & inside, inside)


def _is_one_large_thing(thing: Bool, inside: Bool) -> bool:
    import cv2

    joined = cv2.morphologyEx(thing.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    if count < 2:
        return False
    largest = stats[1:][int(stats[1:, cv2.CC_STAT_AREA].argmax())]
    area = int(stats[1:, cv2.CC_STAT_AREA].sum())
    extent = max(largest[cv2.CC_STAT_WIDTH] / inside.shape[1], largest[cv2.CC_STAT_HEIGHT] / inside.shape[0])
    return bool(largest[cv2.CC_STAT_AREA] > 0.6 * area and extent > 0.35 and area < 0.8 * float(inside.sum()))


# ---------------------------------------------------------------------------------------------- cutouts


def _with_glass(alpha: U8, pixels: U8) -> U8:
    """Wide parts of less than half opacity are figurine where they have a colour; black ones are shadows."""
    import cv2

    reach = max(5, round(0.012 * max(alpha.shape)))
    thin = ((alpha >= 40) & (alpha < 128)).astype(np.uint8)
    if not thin.any():
        return alpha
    wide = cv2.morphologyEx(thin, cv2.MORPH_OPEN, np.ones((reach, reach), np.uint8))
    count, label, _, _ = cv2.connectedComponentsWithStats(wide, connectivity=8)
    out = alpha.copy()
    for piece in range(1, count):
        here = label == piece
        color = np.median(pixels[here], axis=0)
        if float(color.max()) > 60:
            near = cv2.dilate(here.astype(np.uint8), np.ones((reach + 2, reach + 2), np.uint8)) > 0
            out[near & (thin > 0)] = 255
    return out


def _is_spot(hole: Bool) -> bool:
    """Whether a hole is as round as a highlight; between limbs and struts gaps are long, bent or three-cornered."""
    import cv2

    outlines, _ = cv2.findContours(hole.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    _, sides, _ = cv2.minAreaRect(np.concatenate(outlines))
    short, long = sorted(side + 1 for side in sides)
    return bool(hole.sum() > 0.65 * short * long and long < 2.5 * short)


def _without_tool_holes(alpha: U8, pixels: U8) -> OwnCutout:
    """Close the small holes deep inside, and count the larger ones."""
    import cv2

    solid = alpha >= 128
    count, label, stats, _ = cv2.connectedComponentsWithStats((~solid).astype(np.uint8), connectivity=4)
    rim = np.unique(np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]]))
    inner = np.setdiff1d(np.arange(1, count), rim)
    none = OwnCutout(alpha=alpha, pixels=pixels, findings=())
    if not len(inner) or not solid.any():
        return none
    body = int(solid.sum())
    open_air = np.isin(label, rim[rim > 0])
    from_air = cv2.distanceTransform(np.pad((~open_air).astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    closed = np.zeros_like(solid)
    shut = left_open = gaps = 0
    for hole in inner:
        left, top, wide, tall, area = (int(value) for value in stats[hole])
        part = np.s_[top : top + tall, left : left + wide]
        here = label[part] == hole
        across = 2 * np.sqrt(area / np.pi)
        wall = float(from_air[part][here].min())
        round_ = area > 0.4 * wide * tall and max(wide, tall) < 3 * min(wide, tall)
        if area <= _HIGHLIGHT * body and round_ and wall > 1.2 * across:
            closed[part] |= here
            shut += area > 2
        elif area > _SEEN * body:
            spot = bool(wall > 0.5 * across) and _is_spot(here)
            left_open += spot
            gaps += not spot
    findings = []
    if shut:
        findings.append(finding("HOLES_CLOSED", {"count": shut}))
    if gaps:
        findings.append(finding("HOLES_KEPT", {"count": gaps}))
    if left_open:
        findings.append(finding("HOLES_IN_ALPHA", {"count": left_open}))
    if not closed.any():
        return OwnCutout(alpha=alpha, pixels=pixels, findings=tuple(findings))
    soft = cv2.dilate(closed.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0  # with the holes' soft edges
    filled = np.where(soft, 255, alpha).astype(np.uint8)
    around = bleed_colors(pixels, np.where(soft, 0, alpha).astype(np.uint8))
    brighter = pixels[closed].mean() > around[closed].mean() + 30  # the tool kept the highlight's colour
    painted = pixels if brighter else np.where(soft[..., None], around, pixels).astype(np.uint8)
    return OwnCutout(alpha=filled, pixels=painted, findings=tuple(findings))
