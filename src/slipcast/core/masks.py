"""What every room does with masks: the box around one, a blur within it, the nearest known pixel, its edge moved.

Masks are (H,W) bool; boxes are in pixels, bottom and right one past the last.
"""

from typing import NamedTuple, TypeVar

import numpy as np

from slipcast.core.pixels import put_pixels
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, I32, I64, U8, Bool


class Box(NamedTuple):
    """Rows `top` to `bottom`, columns `left` to `right`."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def height(self) -> int:
        """Rows."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns."""
        return self.right - self.left

    @property
    def slices(self) -> tuple[slice, slice]:
        """What cuts the box out of an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def widen(self, margin: int, shape: tuple[int, ...]) -> "Box":
        """The box with `margin` pixels around it, within an array of `shape`."""
        return Box(
            max(self.top - margin, 0),
            min(self.bottom + margin, shape[0]),
            max(self.left - margin, 0),
            min(self.right + margin, shape[1]),
        )


def box_of(mask: Bool) -> Box:
    """The smallest box around what is set in `mask` (H,W), which must be something.

    >>> box_of(np.array([[False, False], [False, True]]))
    Box(top=1, bottom=2, left=1, right=2)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1)


def blur_within(values: F32, mask: Bool, sigma_px: float, *, truncate: float = 3.0) -> F32:
    """Gaussian blur of (H,W) `values` that takes nothing from outside `mask`."""
    weight = ndimage.gaussian_filter(mask.astype(np.float32), sigma_px, truncate=truncate)
    blurred = ndimage.gaussian_filter(
        np.where(mask, values, 0).astype(np.float32), sigma_px, truncate=truncate
    )
    out: F32 = (blurred / np.maximum(weight, 1e-4)).astype(np.float32)
    return out


def find_nearest(known: Bool) -> tuple[I64, I64]:
    """Row and column (H,W) of the nearest pixel that is `known`, exactly; some must be."""
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    return rows, columns


def measure_inside(mask: Bool) -> F32:
    """(H,W) how far each pixel of `mask` is from the nearest one outside of it, 0 there; beyond the frame is nothing.

    Exact (Felzenszwalb and Huttenlocher 2012, by OpenCV): 20 ms for 1024 x 1024 pixels where scipy's takes 67. OpenCV's
    last digit depends on where the array lies in memory; the squares are whole numbers, and up to 2,000 px tell which.

    >>> measure_inside(np.array([[False, True, True]])).tolist()
    [[0.0, 1.0, 2.0]]
    """
    import cv2

    nearly = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(np.sqrt(np.rint(np.square(nearly, dtype=np.float64))), np.float32)


_Colors = TypeVar("_Colors", U8, F32)


def fill_nearest(values: _Colors, known: Bool, reach_px: float = np.inf) -> tuple[_Colors, Bool]:
    """Return (H,W,C) `values`, elsewhere than `known` (H,W) as at the nearest pixel that is, and where that is near.

    Farther than `reach_px` they stay as they are. Distances are OpenCV's, within 2 % (Borgefors 1986): three
    times as fast as exact ones.

    >>> row = np.array([[[1], [0], [0], [4]]], np.float32)
    >>> fill_nearest(row, row[..., 0] > 0)[0][0, :, 0].tolist()
    [1.0, 1.0, 4.0, 4.0]
    """
    if not known.any():
        return values, known
    near, label, source = _label_nearest(known, reach_px)
    wanted = np.flatnonzero(near & ~known)
    out = np.array(values)
    put_pixels(out, wanted, np.take(values.reshape(-1, values.shape[-1]), source[np.take(label, wanted)], 0))
    return out, near


def near_pixels(known: Bool, reach_px: float) -> tuple[Bool, I64]:
    """Return (H,W) what lies within `reach_px` of `known` (H,W), and for each of these its nearest known pixel.

    That is (N,) row * W + column; distances are those of `fill_nearest`, and some pixel must be known.
    """
    near, label, source = _label_nearest(known, reach_px)
    return near, source[label[near]]


def _label_nearest(known: Bool, reach_px: float) -> tuple[Bool, I32, I64]:
    """(H,W) what is near, (H,W) a label for the nearest known pixel, and for each label that pixel's place."""
    import cv2

    way, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(int(label.max()) + 1, np.int64)
    places = np.flatnonzero(known)
    source[label.ravel()[places]] = places
    return way <= reach_px, label, source


def grow(mask: Bool, reach_px: int) -> Bool:
    """(H,W) `mask` and everything within a square of `reach_px` around it."""
    import cv2

    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def shrink(mask: Bool, reach_px: int) -> Bool:
    """(H,W) `mask` without what lies within a square of `reach_px` of its edge; the picture's border is no edge."""
    import cv2

    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    return np.asarray(cv2.erode(mask.astype(np.uint8), kernel, borderValue=1) > 0)
