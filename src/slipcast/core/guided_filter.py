"""A coarse mask -> one that follows the edges of a picture.

The guided filter (He, Sun and Tang, 2013): in each window the mask is a line over the guide's values, and every pixel
takes the mean of the lines of its windows.
"""

import numpy as np

from slipcast.core.values import F32


def fit_lines(values: F32, guide: F32, reach_px: int, *, contrast: float) -> tuple[F32, F32]:
    """Return slope (H,W,C) and shift (H,W) with `values` (H,W) about slope . guide + shift, guide is (H,W,C).

    Windows have a side of 2 * `reach_px` + 1 pixels; where the guide varies less than `contrast`, its variance, the
    slope is about 0 and the shift is the mean.
    """
    import cv2

    side = (2 * reach_px + 1, 2 * reach_px + 1)

    def mean(each: F32) -> F32:
        blurred = cv2.blur(each, side, borderType=cv2.BORDER_REFLECT)
        return np.asarray(blurred, np.float32).reshape(each.shape)

    channels = guide.shape[2]
    middle, color = mean(values), mean(guide)
    together = mean(guide * values[..., None]) - color * middle[..., None]
    products = mean((guide[..., :, None] * guide[..., None, :]).reshape(*values.shape, channels**2))
    spread = products.reshape(*values.shape, channels, channels) - color[..., :, None] * color[..., None, :]
    spread += np.float32(contrast) * np.eye(channels, dtype=np.float32)
    solved = (
        together / spread[..., 0] if channels == 1 else np.linalg.solve(spread, together[..., None])[..., 0]
    )
    slope: F32 = solved.astype(np.float32)
    shift: F32 = (middle - (slope * color).sum(-1)).astype(np.float32)
    return mean(slope), mean(shift)


def filter_guided(values: F32, guide: F32, reach_px: int, *, contrast: float) -> F32:
    """Return `values` (H,W) drawn to the edges of `guide` (H,W,C); see `fit_lines`.

    >>> edge = np.repeat(np.array([[0, 0, 1, 1]], np.float32), 4, 0)
    >>> filter_guided(edge, edge[..., None], 1, contrast=1e-4).round(1)[0].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    slope, shift = fit_lines(values, guide, reach_px, contrast=contrast)
    out: F32 = (slope * guide).sum(-1) + shift
    return out
