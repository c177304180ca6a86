"""Is a depth map sane for its outline, and what to take where it is not.

A figurine is about as deep as its outline is wide at its widest place: where the largest disc fits into the outline,
its thickness is compared with the disc's diameter. Of 52 pictures of figurines the good results have 0.63 to 1.28; what
became a slab or a disc has less than 0.4, and there the inflated outline (`dome`) looks like the figurine again.

Rejected: depth over the whole width (a panda turned duck has 1.53, within one sigma of all figurines); to stretch the
answer to the wanted depth (its folds stay folds); and to replace what is too deep. Of the 16 cases of known shape five
have 1.7 to 3.3, and there the network's chamfer distance is 0.079 in the mean, the inflated outline's 0.150: an animal
seen from the front is that deep. What is too deep is said (checks/depth.py), not replaced.
"""

from dataclasses import replace

import numpy as np

from slipcast.core.findings import finding
from slipcast.core.masks import box_of, measure_inside
from slipcast.core.values import Bool, Cutout, Shells, Source
from slipcast.depth.dome import Dome

LEAST = 0.4
"""Depth over outline below which an answer is not believed."""


def depth_over_outline(depth: Shells) -> float:
    """Return the thickness of METRIC `depth` at its outline's widest place over the width there; 0 without outline."""
    if not depth.valid.any():
        return 0.0
    place, radius_px = _widest(depth.valid)
    reach = max(radius_px / 3, 1.0)
    top, left = (max(0, int(at - reach)) for at in place)
    part = np.s_[top : int(place[0] + reach) + 1, left : int(place[1] + reach) + 1]
    rows, columns = (
        each + first for each, first in zip(np.nonzero(depth.valid[part]), (top, left), strict=True)
    )
    near = (rows - place[0]) ** 2 + (columns - place[1]) ** 2 <= reach**2
    rows, columns = rows[near], columns[near]
    front, back = depth.front[rows, columns], depth.back[rows, columns]
    width = 2 * radius_px * float(np.median(front + back)) / 2 / depth.camera.fx_px
    return float(np.median(back - front)) / max(width, 1e-12)


def replace_implausible(depth: Shells, picture: Cutout) -> Shells:
    """Return METRIC `depth`, or the inflated outline where it is far too flat for its own; a finding says so."""
    ratio = depth_over_outline(depth)
    if not depth.valid.any() or ratio >= LEAST:
        return depth
    sane = Dome().predict(picture)
    noted = finding("DEPTH_IMPLAUSIBLE", {"model": depth.model.name, "ratio": f"{ratio:.1f}"})
    return replace(
        sane,
        implausible_ratio=ratio,
        back_source=Source.INVENTED,
        findings=(*depth.findings, *sane.findings, noted),
    )


def _widest(mask: Bool) -> tuple[tuple[int, int], float]:
    """Row and column of the largest disc that fits into `mask`, and its radius in pixels."""
    box = box_of(mask)
    inside = measure_inside(np.pad(mask[box.slices], 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(inside.argmax()), inside.shape)
    return (box.top + int(row), box.left + int(column)), float(inside[row, column])
