"""Picture before a plain backdrop and a coarse mask -> the part of the subject that the frame cuts off.

Networks that look for the salient thing take a bust's head and leave out the shoulders that run out of the picture.
Before a plain backdrop, colours tell: what differs from it, hangs together with what was found and leaves through one
side of the frame belongs to the figurine. A shadow differs in lightness alone, a table leaves through several sides:
neither is taken. Everything here happens at `_SIDE_PX`.
"""

import numpy as np

from slipcast.values import F32, U8, Bool

_SIDE_PX = 256
_LIKE = 0.05
"""A pixel so near to the backdrop's colour (of 1) belongs to it."""
_COLOURED, _STRONG = 0.1, 0.55
"""So far from it in hue, or so far at all, a pixel is no shadow that reaches the frame."""


def with_cut_off_part(pixels: U8, coarse: F32) -> F32:
    """`coarse` (H,W), 0 to 1, with what it lacks of a subject in `pixels` (H,W,3) that the frame cuts off."""
    import cv2

    height, width = coarse.shape
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    image: F32 = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    known = cv2.resize(coarse, size, interpolation=cv2.INTER_AREA) > 0.5
    off = _off_backdrop(image, known)
    if off is None or not known.any():
        return coarse
    away = np.linalg.norm(off, axis=2)
    no_shadow = (np.linalg.norm(off - off.mean(2, keepdims=True), axis=2) > _COLOURED) | (away > _STRONG)
    other = (away > 1.6 * _LIKE).astype(np.uint8)
    other = cv2.morphologyEx(other, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    near = cv2.dilate(known.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    _, label = cv2.connectedComponents(other | known.astype(np.uint8), connectivity=8)
    part = np.isin(label, np.unique(label[known])) & (label > 0)
    new = part & ~near
    if (
        new.sum() < 0.1 * known.sum()
        or no_shadow[new].mean() < 0.25
        or not _leaves_by_one_side(part & no_shadow)
    ):
        return coarse
    grown = cv2.resize(part.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    out: F32 = np.maximum(coarse, grown)
    return out


def _off_backdrop(image: F32, known: Bool) -> F32 | None:
    """(H,W,3) difference from the backdrop, a smooth gradient fitted to the frame; None where there is none."""
    height, width = known.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], 2).astype(np.float32)
    frame = np.zeros(known.shape, bool)
    frame[:2], frame[-2:], frame[:, :2], frame[:, -2:] = True, True, True, True
    start = np.median(image[frame & ~known], axis=0) if (frame & ~known).any() else image[0, 0]
    alike = ~known & (np.linalg.norm(image - start, axis=2) < 3 * _LIKE)
    off = image - start
    for _ in range(4):
        if (alike & frame).sum() < 0.5 * frame.sum():
            return None
        fit, *_ = np.linalg.lstsq(terms[alike], image[alike], rcond=None)
        off = (image - terms @ fit).astype(np.float32)
        alike = ~known & (np.linalg.norm(off, axis=2) < _LIKE)
    return off if (alike & frame).sum() >= 0.5 * frame.sum() else None


def _leaves_by_one_side(part: Bool) -> bool:
    """Whether `part` runs into exactly one side of the frame, and not along all of it."""
    shares = [float(line.mean()) for line in (part[0], part[-1], part[:, 0], part[:, -1])]
    touched = [share for share in shares if share > 0.03]
    return len(touched) == 1 and touched[0] < 0.85
