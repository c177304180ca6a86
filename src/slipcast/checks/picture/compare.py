"""Several pictures of one figurine -> checks: do the views fit each other, do the drafts agree, is the prompt met?

`check_views` compares the views of a turntable: one height and one baseline in all of them, the outline from behind the
mirror image of the one from the front (left and right likewise), colours that all share. Every picture is a cutout.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from slipcast.checks.picture.palette import NAMES, named_colors, palette, plain_colors, share_colors
from slipcast.checks.picture.view import ramp
from slipcast.checks.verdict import LIMITS, Check
from slipcast.core.findings import Finding, finding
from slipcast.core.masks import Box, box_of
from slipcast.core.values import Bool, Cutout, View

_ROWS = 128
"""Height to which outlines are scaled before they are compared."""


def check_views(views: Mapping[View, Cutout]) -> tuple[Check, ...]:
    """Judge two or more cutouts of one figurine by each other; no checks for fewer."""
    if len(views) < 2:
        return ()
    return (_heights(views), _baselines(views), _mirrors(views), _colors(views))


def check_drafts(drafts: Sequence[Cutout]) -> Check:
    """Whether cutouts of drafts of one prompt show much the same figurine: the least alike pair counts."""
    pairs = [
        (0.5 * _overlap(_outline(one), _outline(other)) + 0.5 * share_colors(palette(one), palette(other)))
        for one, other in combinations(drafts, 2)
    ]
    if not pairs:
        return Check(name="drafts", score=None, values={"alike_share": None})
    score = ramp(min(pairs), good=0.8, bad=0.5)
    alarm = score < LIMITS["drafts"].review
    said = (finding("DRAFTS_DIFFER", {"percent": round(100 * min(pairs))}),) if alarm else ()
    return Check(name="drafts", score=score, values={"alike_share": round(min(pairs), 4)}, findings=said)


def check_prompt(cut: Cutout, subject: str) -> Check:
    """Whether the figurine has the colours that `subject`, the user's own words, names: half a per cent is enough."""
    words = named_colors(subject)
    if not words:
        return Check(name="prompt_colors", score=None, values={"missing": None})
    shares = plain_colors(cut)
    missing = [word for word in words if sum(shares[name] for name in NAMES[word]) < 0.005]
    score = 1 - len(missing) / len(words)
    said = (finding("PROMPT_COLORS_MISSING", {"what": ", ".join(missing)}),) if missing else ()
    return Check(name="prompt_colors", score=score, values={"missing": ", ".join(missing)}, findings=said)


def _heights(views: Mapping[View, Cutout]) -> Check:
    heights = []
    for cut in views.values():
        top, bottom, _, _ = _box(cut)
        heights.append((bottom - top) / cut.height_px)
    spread = max(heights) / min(heights) - 1
    return _judged(
        "views_height",
        ramp(spread, good=0.08, bad=0.16),
        {"spread_share": round(spread, 4)},
        finding("VIEWS_HEIGHT", {"percent": round(100 * spread)}),
    )


def _baselines(views: Mapping[View, Cutout]) -> Check:
    levels = [_box(cut)[1] / cut.height_px for cut in views.values()]
    spread = max(levels) - min(levels)
    return _judged(
        "views_baseline",
        ramp(spread, good=0.025, bad=0.055),
        {"spread_share": round(spread, 4)},
        finding("VIEWS_BASELINE", {"percent": round(100 * spread)}),
    )


def _mirrors(views: Mapping[View, Cutout]) -> Check:
    """A camera at a finite distance sees near parts larger, so even true opposites share only 0.76 and more."""
    worst: tuple[float, float, View, View] | None = None
    for one, other in ((View.FRONT, View.BACK), (View.LEFT, View.RIGHT)):
        if one not in views or other not in views:
            continue
        outline, opposite = _outline(views[one]), _outline(views[other])
        mirrored, plain = _overlap(outline, opposite[:, ::-1]), _overlap(outline, opposite)
        # A «back» that is the front once more, or mirrored by mistake, fits better as it is.
        score = min(ramp(mirrored, good=0.8, bad=0.66), ramp(plain - mirrored, good=0.01, bad=0.09))
        if worst is None or score < worst[0]:
            worst = (score, mirrored, one, other)
    if worst is None:
        return Check(name="views_mirror", score=None, values={"mirrored_iou": None})
    score, mirrored, one, other = worst
    said = finding(
        "VIEWS_NOT_MIRRORED", {"one": one.value, "other": other.value, "percent": round(100 * mirrored)}
    )
    return _judged("views_mirror", score, {"mirrored_iou": round(mirrored, 4)}, said)


def _colors(views: Mapping[View, Cutout]) -> Check:
    colors = {view: palette(cut) for view, cut in views.items()}
    pairs = [(share_colors(colors[one], colors[other]), one, other) for one, other in combinations(colors, 2)]
    least, one, other = min(pairs)
    return _judged(
        "views_colors",
        ramp(least, good=0.96, bad=0.88),
        {"shared_share": round(least, 4)},
        finding("VIEWS_COLORS", {"one": one.value, "other": other.value, "percent": round(100 * least)}),
    )


def _judged(name: str, score: float, values: Mapping[str, float], said: Finding) -> Check:
    alarm = score < LIMITS[name].review
    return Check(name=name, score=score, values=values, findings=(said,) if alarm else ())


def _box(cut: Cutout) -> Box:
    return box_of(cut.alpha >= 128)


def _outline(cut: Cutout) -> Bool:
    """(128, W) the silhouette scaled to one height, its middle of area in the middle of a wide picture."""
    import cv2

    top, bottom, left, right = _box(cut)
    wide = max(1, min(4 * _ROWS, round((right - left) * _ROWS / (bottom - top))))
    body = cv2.resize(cut.alpha[top:bottom, left:right], (wide, _ROWS), interpolation=cv2.INTER_AREA) >= 128
    out = np.zeros((_ROWS, 10 * _ROWS + 1), np.bool_)
    middle = round(float(np.nonzero(body)[1].mean())) if body.any() else wide // 2
    start = out.shape[1] // 2 - middle
    out[:, start : start + wide] = body
    return out


def _overlap(one: Bool, other: Bool) -> float:
    """Intersection over union at the best sideways shift of at most a fifth of the height."""
    best = 0.0
    for shift in range(-_ROWS // 5, _ROWS // 5 + 1):
        moved = np.roll(other, shift, axis=1)
        best = max(best, float((one & moved).sum() / max(1, int((one | moved).sum()))))
    return best
