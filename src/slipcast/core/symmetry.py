"""How much a figurine's outline is its own mirror image, and which picture may stand for a side that has none."""

from collections.abc import Iterable

import numpy as np

from slipcast.core.values import Bool, View

_SIDE_PX = 128
_ALIKE = 0.8
"""Share of the front's silhouette and its mirror image from which on both sides are taken to look alike."""
ACROSS = {
    View.LEFT: View.RIGHT,
    View.FRONT_LEFT: View.FRONT_RIGHT,
    View.BACK_LEFT: View.BACK_RIGHT,
    View.RIGHT: View.LEFT,
    View.FRONT_RIGHT: View.FRONT_LEFT,
    View.BACK_RIGHT: View.BACK_LEFT,
}
"""The side that a mirrored picture of a side shows, where both sides are alike."""


def find_side_to_mirror(views: Iterable[View], front: Bool) -> View | None:
    """Return which of `views`, mirrored, may stand for the side that none of them shows.

    None where both sides or neither has a view, or where the outline `front` (H,W) is not its own mirror image.

    >>> find_side_to_mirror([View.FRONT, View.LEFT], np.ones((30, 20), bool))
    <View.LEFT: 'left'>
    >>> find_side_to_mirror([View.FRONT, View.LEFT, View.RIGHT], np.ones((30, 20), bool))
    """
    given = set(views)
    sides = (list(ACROSS)[:3], list(ACROSS)[3:])
    left, right = ([view for view in side if view in given] for side in sides)
    if bool(left) == bool(right) or measure_mirror(front) < _ALIKE:
        return None
    return (left or right)[0]


def measure_mirror(mask: Bool) -> float:
    """Return how much a silhouette (H,W) shares with its mirror image, laid over it as well as can be: 0 to 1 (IoU)."""
    import cv2

    scale = _SIDE_PX / max(mask.shape)
    size = max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale))
    few = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) >= 128
    # Common pixels for each place of the mirror's line: rows folded with themselves.
    length = 2 * size[0]
    spectrum = np.fft.rfft(few, length, axis=1)
    common = np.fft.irfft(spectrum**2, length, axis=1).sum(0).max()
    return float(common / max(2 * few.sum() - common, 1e-9))
