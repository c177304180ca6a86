"""How the figurine stands in its frame: cut off, small, off centre, whole, alone; and its silhouette's free limbs.

Rejected, because the silhouette of one picture cannot tell: fused limbs (a fused knight and a teapot have the same
gaps: filling the gaps of 24 figurines left 68 % of the good ones as compact as the 10 % least compact fused ones; so
`limbs` measures and does not judge), a lens too wide (the width at the feet of pictures warped as from above and near
lies among that of any large-headed figurine: 82 % false alarms at 90 % detection, so there is no such check), a body
cut off level inside the frame (a base is a level end too: 8 % at best, by the share of the width that ends on one line
times the width there), two figurines that touch by the silhouette's waist (a scorpion has one too).
"""

import numpy as np

from slipcast.checks.picture.photo import Measure
from slipcast.checks.picture.view import View512, ramp


def framing(sight: View512) -> Measure:
    """Share of the picture's shorter side that the figurine's longer one takes, and how far off the middle it is."""
    height, width = sight.solid.shape
    top, bottom, left, right = sight.box
    fill = max(bottom - top, right - left) / min(height, width)
    off = max(abs((left + right) / 2 / width - 0.5), abs((top + bottom) / 2 / height - 0.5))
    score = min(ramp(fill, good=0.45, bad=0.15), ramp(off, good=0.1, bad=0.26))
    return Measure(score, {"fill_share": round(fill, 4), "off_centre_share": round(off, 4)})


def whole(sight: View512) -> Measure:
    """How much of the figurine's side lies at the picture's edge; whether it is cut off there, the cutout says."""
    solid = sight.solid
    top, bottom, left, right = sight.box
    touch = max(
        float(solid[0].sum()) / (right - left),
        float(solid[-1].sum()) / (right - left),
        float(solid[:, 0].sum()) / (bottom - top),
        float(solid[:, -1].sum()) / (bottom - top),
    )
    score = 0.49 * ramp(touch, good=0.0, bad=1.0) if sight.cut.facts.cropped else 1.0
    return Measure(score, {"touch_share": round(touch, 4)})


def subjects(sight: View512) -> Measure:
    """One, or several bodies apart: the second's area over the first's."""
    import cv2

    count, _, stats, _ = cv2.connectedComponentsWithStats(sight.solid.astype(np.uint8), connectivity=4)
    areas = np.sort(stats[1:, cv2.CC_STAT_AREA])[::-1]
    second = float(areas[1] / areas[0]) if count > 2 else 0.0
    score = ramp(second, good=0.0, bad=0.5)
    if sight.cut.facts.subjects > 1:
        score = min(score, 0.49)
    return Measure(score, {"second_share": round(second, 4)})


def limbs(sight: View512) -> Measure:
    """Holes of the silhouette and the share of its rows that cross it more than once: measured, not judged."""
    import cv2

    top, bottom, left, right = sight.box
    body = sight.solid[top:bottom, left:right]
    outside = np.pad(~body, 1, constant_values=True).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    holes = int((stats[1:, cv2.CC_STAT_AREA] > 0.001 * body.sum()).sum()) - 1
    starts = (np.diff(np.pad(body, ((0, 0), (1, 1))).astype(np.int8), axis=1) == 1).sum(axis=1)
    return Measure(None, {"holes": holes, "split_rows_share": round(float((starts > 1).mean()), 4)})
