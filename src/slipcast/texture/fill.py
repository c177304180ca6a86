"""Values that are known at some pixels -> at all that lie near them: each takes those of the nearest."""

from typing import TypeVar

import numpy as np

from slipcast.core.values import F32, U8, Bool

_Values = TypeVar("_Values", U8, F32)


def fill_nearest(values: _Values, known: Bool, reach_px: float = np.inf) -> tuple[_Values, Bool]:
    """Return (H,W,C) `values`, elsewhere than `known` (H,W) as at the nearest pixel that is, and where that is near.

    Farther than `reach_px` they stay as they are. Distances are OpenCV's, within 2 % (Borgefors 1986): three
    times as fast as exact ones.

    >>> row = np.array([[[1], [0], [0], [4]]], np.float32)
    >>> fill_nearest(row, row[..., 0] > 0)[0][0, :, 0].tolist()
    [1.0, 1.0, 4.0, 4.0]
    """
    import cv2

    if not known.any():
        return values, known
    way, label = cv2.distanceTransformWithLabels(
        (~known).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    source = np.zeros(int(label.max()) + 1, np.int64)
    places = np.flatnonzero(known)
    source[label.ravel()[places]] = places
    near = way <= reach_px
    wanted = near & ~known
    out = values.copy()
    out[wanted] = values.reshape(-1, values.shape[-1])[source[label[wanted]]]
    return out, near
