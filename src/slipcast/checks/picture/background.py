"""What is around the figurine: whether there is one at all, background, shadow in the alpha.

Tried and dropped: lettering, by lines of letter-like marks. On 52 pictures of figurines it fired on spots, scales and a
mushroom's gills, and missed words on clothes.

Rejected: a cast shadow taken as body by its colour (a darker shade of the ground, soft at its edge): a grey bear on a
pink ground and an ivory bust on white are that too, 30 and 17 % of their area; and the cutout takes hard shadows, which
were painted under 31 figurines, into the body in 1 case. What does happen is a shadow left in a picture's own alpha.
"""

import numpy as np

from slipcast.checks.picture.photo import Measure
from slipcast.checks.picture.view import View512, ramp, steepness
from slipcast.core.masks import grow, shrink
from slipcast.picture.backdrop import find_drawn_color


def figurine(sight: View512) -> Measure:
    """Whether what was cut out is a figurine: the model was sure, and the rim is an edge.

    Three ways to be none. The model wavered over areas far wider than its edge (a page, a shelf, noise); the rim is
    no clearer than what else is in the picture and its colours are those beside it (a range of hills); or the rim is
    no clearer and the thing leans on the frame (a house front). A picture's own alpha is its owner's word.
    """
    undecided = sight.cut.facts.undecided_cells
    if sight.own_alpha:
        return Measure(1.0, {"undecided_cells": None})
    solid, lab = sight.solid, sight.lab
    slope = grow_max(steepness(lab))
    rim = grow(solid, 1) & ~shrink(solid, 1)
    outside = ~grow(solid, 6)
    usual = float(np.percentile(slope[outside], 75)) if outside.any() else 0.0
    clearness = float(np.median(slope[rim])) / (usual + 1)
    step = _step(sight)
    touch = max(float(np.mean(line)) for line in (solid[0], solid[-1], solid[:, 0], solid[:, -1]))
    # A blurred or dark figurine has a poor rim too, but nothing much beside it.
    unclear = max(ramp(clearness, good=9.0, bad=6.0), ramp(usual, good=1.0, bad=2.0))
    score = min(
        ramp(undecided, good=4.0, bad=7.0),
        max(unclear, ramp(step, good=50.0, bad=36.0)),
        max(unclear, ramp(touch, good=0.2, bad=0.6)),
    )
    return Measure(
        score,
        {
            "undecided_cells": undecided,
            "rim_step": round(step, 2),
            "rim_clearness": round(clearness, 2),
            "outside_slope": round(usual, 2),
        },
    )


def background(sight: View512) -> Measure:
    """Mean gradient of the background away from the figurine: plain or shaded it has under 0.6 levels a pixel.

    Before one drawn colour nothing is busy: what changes there is the figurine's and was left out.
    """
    import cv2

    if sight.own_alpha:
        return Measure(None, {"background_slope": None})
    top, bottom, left, right = sight.box
    outside = ~grow(sight.solid, max(4, round(0.03 * max(bottom - top, right - left))))
    if float(outside.mean()) < 0.01:
        return Measure(None, {"background_slope": None})
    slope = steepness(cv2.GaussianBlur(sight.lab, (0, 0), 1.0))
    value = float(slope[outside].mean())
    score = ramp(value, good=0.6, bad=1.2)
    if sight.cut.facts.unsure:
        score = min(score, 0.49)
    drawn = find_drawn_color(sight.pixels, sight.solid) is not None
    return Measure(score, {"background_slope": round(value, 4), "drawn": drawn})


def shadow(sight: View512) -> Measure:
    """Share of the body that is half transparent in the picture's own alpha, away from its rim: a shadow."""
    import cv2

    if sight.opacity is None:
        return Measure(None, {"veil_share": None})
    opacity = sight.opacity
    solid = opacity >= 128
    reach = max(4, round(0.012 * sight.side_px))
    half = (opacity >= 24) & (opacity < 250)
    veil = cv2.morphologyEx(half.astype(np.uint8), cv2.MORPH_OPEN, np.ones((reach, reach), np.uint8)) > 0
    value = float(veil.sum()) / max(1, int(solid.sum()))
    return Measure(ramp(value, good=0.03, bad=0.12), {"veil_share": round(value, 4)})


def grow_max(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """(h,w) the largest value among each pixel and its eight neighbours."""
    import cv2

    return np.asarray(cv2.dilate(values, np.ones((3, 3), np.uint8)), dtype=np.float32)


def _step(sight: View512) -> float:
    """Median distance in CIELAB between the colours just inside and just outside the rim."""
    import cv2

    solid, lab = sight.solid, sight.lab
    sides = []
    for band in (solid & ~shrink(solid, 6), grow(solid, 8) & ~grow(solid, 2)):
        weight = band.astype(np.float32)
        count = cv2.blur(weight, (13, 13))
        mean = cv2.blur(lab * weight[..., None], (13, 13)) / np.maximum(count, 1e-3)[..., None]
        sides.append((mean, count > 0.02))
    (inside, known), (beside, known_too) = sides
    rim = grow(solid, 1) & ~solid & known & known_too
    if not rim.any():
        return 255.0
    return float(np.median(np.linalg.norm((inside - beside)[rim], axis=1)))
