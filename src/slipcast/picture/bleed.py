"""Picture and alpha -> the figurine's colours carried on outwards, so that nothing sampled at the rim is background."""

import math

import numpy as np

from slipcast.core.values import U8


def bleed_colors(pixels: U8, alpha: U8) -> U8:
    """Continue the figurine's colours (H,W,3) over everything that `alpha` (H,W) leaves out, blending over its rim."""
    import cv2

    height, width = alpha.shape
    solid = cv2.erode((alpha >= 250).astype(np.uint8), np.ones((3, 3), np.uint8))
    if not solid.any():
        solid = (alpha >= 128).astype(np.uint8)
    step = max(1, math.ceil(max(height, width) / 2048))
    size = (math.ceil(width / step), math.ceil(height / step))
    known = solid if step == 1 else cv2.resize(solid, size, interpolation=cv2.INTER_NEAREST)
    colors = pixels if step == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_NEAREST)
    _, labels = cv2.distanceTransformWithLabels(1 - known, cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    # With a fourth channel a colour is one number, and taken at once.
    four = np.dstack([colors, known])
    table = np.zeros(int(labels.max()) + 1, np.uint32)
    at = np.flatnonzero(known)
    table[labels.ravel()[at]] = four.view(np.uint32).ravel()[at]
    carried = np.take(table, labels).view(np.uint8).reshape(*labels.shape, 4)
    nearest = cv2.blur(np.ascontiguousarray(carried[..., :3]), (3, 3))
    out = pixels.copy()
    rim = (solid == 0) & (alpha >= 128)
    if step == 1:
        out = np.asarray(cv2.copyTo(nearest, (alpha < 128).astype(np.uint8), out), np.uint8)
        out[rim] = (out[rim].astype(np.uint16) + nearest[rim]) // 2
        return out
    for top in range(
        0, height, 512
    ):  # in strips: a full-size copy of the nearest colours would double the memory
        strip = np.s_[top : min(height, top + 512)]
        index = np.minimum(np.arange(top, min(height, top + 512)) // step, size[1] - 1)
        part = cv2.resize(nearest[index], (width, len(index)), interpolation=cv2.INTER_NEAREST)
        outside = alpha[strip] < 128
        out[strip][outside] = part[outside]
        out[strip][rim[strip]] = (out[strip][rim[strip]].astype(np.uint16) + part[rim[strip]]) // 2
    return out
