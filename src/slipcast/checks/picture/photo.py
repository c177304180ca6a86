"""How the figurine was photographed: size, sharpness, grain, compression, exposure, light.

Each function measures one thing on a `View512` and returns a score with what was measured; checks/picture/judge.py
turns that into
checks. Thresholds were chosen on one half of the pictures of `scripts/calibrate-checks` and are reported on the other.

Rejected, with false alarms at 90 % detection: variance of the Laplacian inside the figurine 8 % (a smooth figurine has
little however sharp it is), the same divided by the gradient's 10 %, against 0 % of the edge widths below; blown-out
pixels counted only where all three channels are full 22 % (a red figurine blows out one), against 2 %; brightness left
of the middle against right of it 5 % (a figurine with one dark arm), against 1 % of the regression on the form.
"""

from typing import NamedTuple

import numpy as np

from slipcast.checks.picture.view import View512, ramp, steepness
from slipcast.checks.verdict import Measured
from slipcast.core.masks import box_of, grow, shrink
from slipcast.core.pixels import largest_channel
from slipcast.core.values import F32, Bool

_LINE = 128
"""The brightest channel of a drawn line is darker than this."""


class Measure(NamedTuple):
    """What one check measured."""

    score: float | None
    """In [0, 1]; None where nothing can be said."""
    values: dict[str, Measured]


def size(sight: View512) -> Measure:
    """Pixels of the figurine's longer side: 512 are enough, below 256 detail is lost."""
    side_px = sight.side_px
    return Measure(ramp(side_px, good=512, bad=0), {"side_px": side_px})


def sharpness(sight: View512) -> Measure:
    """How abrupt the strongest edges are: gradient over local contrast, a width in pixels turned upside down.

    A crisp edge has about 0.4 in the copy of 512 px, one blurred by 0.5 % of the figurine's height under 0.2. With the
    background the rim counts too, since a smooth figurine has no edge of its own; the rim of a picture with alpha
    says nothing, as it may have been cut after the blur.
    """
    import cv2

    luma = sight.luma
    region = shrink(sight.solid, 4) if sight.own_alpha else grow(sight.solid, 3)
    window = np.ones((11, 11), np.uint8)
    brightest = cv2.dilate(np.where(region, luma, 0) if sight.own_alpha else luma, window)
    darkest = cv2.erode(np.where(region, luma, 255) if sight.own_alpha else luma, window)
    contrast = brightest - darkest
    slope = steepness(luma)
    slope = cv2.dilate(np.where(region, slope, 0) if sight.own_alpha else slope, np.ones((5, 5), np.uint8))
    telling = region & (contrast >= 20)
    if int(telling.sum()) < 200:
        return Measure(None, {"edge_sharpness": None})
    strong = telling & (contrast >= np.percentile(contrast[telling], 50))
    value = float(np.percentile(slope[strong] / contrast[strong], 70))
    good, bad = (0.26, 0.14) if sight.own_alpha else (0.31, 0.18)
    return Measure(ramp(value, good=good, bad=bad), {"edge_sharpness": round(value, 4)})


def grain(sight: View512) -> Measure:
    """Noise in the figurine's calmest fifth, as a standard deviation in levels (Immerkaer's operator, 1996)."""
    import cv2

    luma, solid = _patch(sight)
    inner = shrink(solid, 2)
    if not inner.any():
        return Measure(None, {"noise_levels": None})
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
    response = cv2.blur(np.abs(cv2.filter2D(luma, -1, kernel)), (9, 9)) / 6 * np.sqrt(np.pi / 2)
    value = float(np.percentile(response[inner], 20))
    return Measure(ramp(value, good=4.0, bad=10.0), {"noise_levels": round(value, 3)})


def compression(sight: View512) -> Measure:
    """Steps every 8 pixels that JPEG leaves: the jump on the grid against the mean jump, whatever the grid's phase.

    The grid runs both ways, unlike stripes, so the weaker way counts; edges above 16 levels are the figurine's own.
    """
    luma, solid = _patch(sight)
    inner = shrink(solid, 2)
    ratios = []
    for levels, inside in ((luma, inner), (luma.T, inner.T)):
        if levels.shape[1] < 32:
            continue
        step = np.abs(np.diff(levels, axis=1))
        jump = np.clip(step[:, 1:-1] - (step[:, :-2] + step[:, 2:]) / 2, -16, 16)
        known = inside[:, 1:-2] & inside[:, 2:-1]
        if int(known.sum()) < 500:
            continue
        phases = []
        for phase in range(8):
            values = jump[:, phase::8][known[:, phase::8]]
            phases.append(float(values.mean()) if values.size > 20 else 0.0)
        usual = max(float(np.abs(jump[known]).mean()), 0.15)
        ratios.append((max(phases) - float(np.median(phases))) / usual)
    if len(ratios) < 2:
        return Measure(None, {"blockiness": None})
    value = min(ratios)
    return Measure(ramp(value, good=0.4, bad=1.2), {"blockiness": round(value, 4)})


def exposure(sight: View512) -> Measure:
    """Too dark when even the brightest twentieth is dark, too bright when a large share has no tone left.

    A black figurine has highlights, a white one has shading: both pass. White that ends at a line is drawn: where light
    burns out, tones rise towards it.
    """
    brightest = largest_channel(sight.pixels)[sight.solid]
    top = float(np.percentile(brightest, 95))
    blown = float(_burnt(sight).sum()) / max(1, int(sight.solid.sum()))
    score = min(ramp(top, good=115, bad=75), ramp(blown, good=0.08, bad=0.32))
    return Measure(score, {"highlight_level": round(top), "blown_share": round(blown, 4)})


def _burnt(sight: View512) -> Bool:
    """(h,w) white of the figurine without the pieces of which most of the rim is a sudden step, as beside a line."""
    import cv2

    level = np.where(sight.solid, largest_channel(sight.pixels), 255).astype(
        np.uint8
    )  # its own lines, no backdrop
    white = sight.solid & (level >= 254)
    darkest = cv2.erode(level, np.ones((7, 7), np.uint8))
    count, label = cv2.connectedComponents(white.astype(np.uint8), connectivity=4)
    rim = white & ~shrink(white, 1)
    sharp = np.bincount(label[rim & (darkest < _LINE)], minlength=count)
    drawn = sharp > 0.7 * np.maximum(np.bincount(label[rim], minlength=count), 1)
    return np.asarray(white & ~drawn[label])


def light(sight: View512) -> Measure:
    """How much of the brightness follows the form sideways, as under one hard lamp.

    The silhouette is inflated to a dome; the slope of log-brightness over the dome's sideways normal is the light's
    own gradient. Light from above is natural and does not count.
    """
    import cv2

    top, bottom, left, right = sight.box
    inner = shrink(sight.solid, 2)
    if int(inner.sum()) < 500:
        return Measure(None, {"light_slope": None})
    reach = cv2.distanceTransform(np.pad(sight.solid, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    dome = np.sqrt(reach * float(reach.max()))
    dome = cv2.GaussianBlur(dome, (0, 0), 0.02 * max(bottom - top, right - left))
    along_x = cv2.Sobel(dome, cv2.CV_32F, 1, 0, ksize=3) / 8
    along_y = cv2.Sobel(dome, cv2.CV_32F, 0, 1, ksize=3) / 8
    length = np.sqrt(1 + along_x * along_x + along_y * along_y)
    brightness = np.log((sight.luma[inner] / 255) ** 2.2 + 0.01).astype(np.float64)
    normals = np.stack(
        [np.ones(brightness.size), -(along_x / length)[inner], -(along_y / length)[inner]], axis=1
    )
    # Normal equations: three unknowns, a hundred thousand rows.
    factors = np.linalg.lstsq(normals.T @ normals, normals.T @ brightness, rcond=None)[0]
    value = abs(float(factors[1]))
    return Measure(ramp(value, good=0.55, bad=1.05), {"light_slope": round(value, 4)})


def _patch(sight: View512) -> tuple[F32, Bool]:
    """Brightness and silhouette of the figurine's box on the original grid."""
    import cv2

    solid = sight.cut.alpha >= 128
    top, bottom, left, right = box_of(solid)
    window = np.s_[top:bottom, left:right]
    luma = cv2.cvtColor(np.ascontiguousarray(sight.full[window]), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return luma, solid[window]
