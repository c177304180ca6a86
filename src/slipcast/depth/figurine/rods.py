"""Middle surface -> the same with straight rods: poles, brooms and aerials, which are straight bars in the outline.

A network of 128 px draws a thin part's depth towards what lies beside it: from the side a pole winds from the hand to
the flag to the ground. What is straight and thin in the picture is a straight rod, seldom a wave that only the viewer
cannot see; so its middle becomes a line over its length, the one that fits the network's answer best in the mean
absolute sense. Where the line would leave the body that the rod touches it bends back to it.

Only free stretches are moved: where a rod crosses a body its outline says nothing. What is curved in the picture, a
tail or a leg, is left alone.
"""

import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I64, Bool
from slipcast.depth.figurine.profile import THIN, local_radius

_SIDE_PX = 384
"""Working size along the square."""
_NARROW = 0.95
"""A rod's radius over the largest that local radii are measured to."""
_SLENDER = 5.0
"""Length of a rod over its width, at least."""
_LATERAL = 0.75
"""Standard deviation across the rod in its radii, at most; a straight bar has 0.58."""
_FEWEST = 16
"""Pixels of a rod."""
_BEND = 4.0
"""Radii over which a rod bends back to the body that it touches."""


def straighten_rods(middle: F32, half: F32, mask: Bool, side_px: float) -> F32:
    """Return `middle` (H,W) in sides of the square with the middle of each straight thin part on a line.

    `half` (H,W) is the half thickness in the same unit, `side_px` the square's side in pixels of `mask`.
    """
    import cv2

    factor = min(1.0, _SIDE_PX / side_px)
    size = (max(1, round(mask.shape[1] * factor)), max(1, round(mask.shape[0] * factor)))
    share = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small: Bool = share >= 0.5
    radius = cv2.resize(local_radius(mask, side_px), size, interpolation=cv2.INTER_AREA)
    thin: Bool = small & (radius < _NARROW * THIN[1])
    labels, count = ndimage.label(thin, np.ones((3, 3)))
    if not count:
        return middle
    values, thick = (
        cv2.resize(np.where(mask, each, 0).astype(np.float32), size, interpolation=cv2.INTER_AREA)
        / np.maximum(share, 0.5)
        for each in (middle, half)
    )
    unit = side_px * factor
    moved = np.zeros(small.shape, np.float32)
    rods = np.zeros(small.shape, bool)
    for place, along, wide in _find_rods(labels, radius * np.float32(unit)):
        line = _line(along, values[tuple(place.T)].astype(np.float64))
        shift = line - values[tuple(place.T)] + _hold(place, small & ~thin, line, values, thick, wide)
        moved[tuple(place.T)] = shift
        rods[tuple(place.T)] = True
    if not rods.any():
        return middle
    # Outside the outline the shift goes on, so that a rod's rim moves as its middle does.
    nearest = ndimage.distance_transform_edt(~rods, return_distances=False, return_indices=True)
    spread = np.where(rods | (small & ~rods), moved, moved[tuple(nearest)]).astype(np.float32)
    large = cv2.resize(spread, mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    near = cv2.resize(rods.astype(np.float32), mask.shape[::-1], interpolation=cv2.INTER_LINEAR)
    reach = cv2.dilate((near > 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    out: F32 = np.where(mask & reach, middle + large, middle).astype(np.float32)
    return out


def _find_rods(labels: I64, radius_px: F32) -> list[tuple[I64, F64, float]]:
    """Of each straight rod the rows and columns (N,2), how far along it they lie (N,), and its radius, in pixels.

    Pieces on one line, above and below a hand, are one rod.
    """
    found: list[tuple[I64, F64, float]] = []
    for number, window in enumerate(ndimage.find_objects(labels), 1):
        place = np.argwhere(labels[window] == number) + [part.start for part in window]
        wide = float(np.median(radius_px[tuple(place.T)]))
        along = _along(place, wide)
        if along is None:
            continue
        for k, (other, _, width) in enumerate(found):
            both = np.concatenate([other, place])
            together = _along(both, min(wide, width))
            if together is not None:
                found[k] = both, together, min(wide, width)
                break
        else:
            found.append((place, along, wide))
    return found


def _along(place: I64, radius_px: float) -> F64 | None:
    """(N,) how far along its rod each row and column (N,2) lies, in pixels; None where the part is no straight bar."""
    if len(place) < _FEWEST:
        return None
    centred = place - place.mean(0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    across, along = (centred @ axes).T
    wide = max(radius_px, 1.0)
    straight = float(across.std()) <= _LATERAL * wide and float(np.ptp(along)) >= _SLENDER * 2 * wide
    return along if straight else None


def _line(along: F64, values: F64) -> F64:
    """The line through values that is nearest in the mean absolute sense, at each place."""
    design, weight = np.stack([np.ones_like(along), along], 1), np.ones_like(values)
    fitted = values
    for _ in range(8):
        root = np.sqrt(weight)
        fitted = design @ np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
        weight = 1 / np.maximum(np.abs(values - fitted), 1e-4)
    return fitted


def _hold(place: I64, body: Bool, line: F64, values: F32, thick: F32, radius_px: float) -> F64:
    """(N,) what brings the line back into the bodies that the rod touches, fading along the rod."""
    rod = np.zeros(body.shape, bool)
    rod[tuple(place.T)] = True
    touching = body & ndimage.binary_dilation(rod, np.ones((3, 3)), iterations=2)
    labels, count = ndimage.label(touching, np.ones((3, 3)))
    out = np.zeros(len(line))
    for number in range(1, count + 1):
        spot = np.argwhere(labels == number)
        away = np.sqrt(((place[:, None] - spot[None, ::4]) ** 2).sum(2)).min(1)
        end = float(line[int(away.argmin())])
        low = float((values - thick)[tuple(spot.T)].mean())
        high = float((values + thick)[tuple(spot.T)].mean())
        out += (float(np.clip(end, low, high)) - end) * np.exp(-away / (_BEND * max(radius_px, 1.0)))
    return out
