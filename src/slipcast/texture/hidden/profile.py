"""Outline -> whether the picture shows a beast or a thing from its side.

Seen from its other side it looks the same, so the picture itself, mirrored, is its back. A figure that looks at the
camera has an outline that is much like its mirror image, and is mostly taller than wide. Of 64 pictures (40 public, 8
samples, 16 turnarounds) a horse and a unicorn from their sides have outlines that share 0.46 and 0.43 with their mirror
image and are 0.97 and 1.11 times as wide as tall. Of all others those that share less than 0.6 are at most 0.87 times
as wide as tall (figures that stretch one arm, sitting foxes), and those as wide as tall share 0.62 and more.
"""

from slipcast.core.masks import box_of
from slipcast.core.symmetry import measure_mirror
from slipcast.core.values import Bool

_MOST_SHARED, _LEAST_WIDE = 0.56, 0.95


def is_profile(mask: Bool) -> bool:
    """Return whether the silhouette (H,W) is that of something seen from its side.

    >>> is_profile(np.ones((30, 40), bool))
    False
    """
    if not mask.any():
        return False
    box = box_of(mask)
    if box.width < _LEAST_WIDE * box.height:
        return False
    return measure_mirror(mask[box.slices]) < _MOST_SHARED
