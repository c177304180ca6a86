"""Shells -> checks: is the depth a figurine's, before (and after) a mesh is made of it.

All work on placed, calibrated depth (METRIC, metres); the model's own relief shows in it even where its scale is a
prior. evaluation/calibrate_depth.py measures how often they notice what is wrong and how often they cry wolf.
"""

import math

import numpy as np

from slipcast.checks.verdict import Check
from slipcast.core.findings import Finding, finding
from slipcast.core.masks import box_of, find_nearest, measure_inside
from slipcast.core.values import F64, Bool, Shells, Source
from slipcast.depth.plausible import depth_over_outline

_SHARES = (0.3, 0.4, 0.58, 0.65, 1.28, 1.35, 1.6, 2.0, 2.4)
_SCORES = (0.0, 0.06, 0.5, 1.0, 1.0, 0.5, 0.2, 0.05, 0.0)
"""Depth over outline, and the score for it: the good ones of 52 looked at have 0.63 to 1.28, true figurines up to 2."""
_GUESS = 0.14
"""A mean likely error of the back above this share of the longer side is a guess that matters. Of 52 pictures that a
person looked at no good result has more than 0.131. At 0.15 a house that is painted on a rock was approved."""
_MOST = 20_000
"""Pixels that a plane is fitted to."""


def check_depth(depth: Shells) -> tuple[Check, ...]:
    """Run all checks of this file on placed `depth`; an empty map gives checks without scores."""
    return (
        check_relief(depth),
        check_tilt(depth),
        check_proportion(depth),
        check_leak(depth),
        check_agreement(depth),
        check_certainty(depth),
    )


def check_relief(depth: Shells) -> Check:
    """The front is no plane: what is left of it beside its own plane, from 2 % to 98 %, over the width."""
    if int(depth.valid.sum()) < 16:
        return Check(name="relief", score=None)
    points = _front(depth)
    rest = points[:, 2] - _plane(points)[0]
    low, high = np.quantile(rest, [0.02, 0.98])
    relief = float((high - low) / max(float(np.ptp(points[:, 0])), 1e-12))
    told = relief < 0.08
    return Check(
        name="relief",
        score=float(np.clip((relief - 0.02) / 0.12, 0, 1)),
        values={"relief_over_width": round(relief, 4)},
        findings=(finding("DEPTH_SHALLOW", {"percent": f"{100 * relief:.0f}"}),) if told else (),
    )


def check_tilt(depth: Shells) -> Check:
    """The front does not lean: the angle of its plane to the picture's."""
    if int(depth.valid.sum()) < 16:
        return Check(name="tilt", score=None)
    _, across, down = _plane(_front(depth))
    turn, lean = math.degrees(math.atan(across)), math.degrees(math.atan(down))
    angle = math.degrees(math.atan(math.hypot(across, down)))
    told = angle > 45
    # Camera axes: y points down, so a depth that grows with y recedes at the feet.
    way = (
        ("its feet recede" if lean > 0 else "its top recedes")
        if abs(lean) > abs(turn)
        else ("its right side recedes" if turn > 0 else "its left side recedes")
    )
    return Check(
        name="tilt",
        score=float(np.clip((70 - angle) / 50, 0, 1)),
        values={"tilt_deg": round(angle, 1), "turn_deg": round(turn, 1), "lean_deg": round(lean, 1)},
        findings=(finding("DEPTH_TILTED", {"degrees": round(angle), "way": way}),) if told else (),
    )


def check_proportion(depth: Shells) -> Check:
    """It is about as deep as its outline is wide at its widest place; see depth/plausible.py for the numbers.

    A model's answer that was replaced since it was implausible asks for a look in any case. What other views show is
    measured and not judged: a koala on its branch is two and a half times as deep as wide.
    """
    if depth.back is None or not depth.valid.any() or depth.back_source is Source.BACK_VIEW:
        return Check(name="proportion", score=None)
    front, back = depth.front[depth.valid], depth.back[depth.valid]
    columns = np.flatnonzero(depth.valid.any(0))
    unit = float(np.median(front + back)) / 2 / depth.camera.fx_px
    width = (columns[-1] - columns[0] + 1) * unit
    ratio = float(np.quantile(back, 0.998) - np.quantile(front, 0.002)) / max(width, 1e-12)
    around = depth_over_outline(depth)
    score = float(np.interp(around, _SHARES, _SCORES))
    if depth.implausible_ratio is not None:
        score = min(score, 0.3)
    told = score < 0.5 and depth.implausible_ratio is None
    return Check(
        name="proportion",
        score=score,
        values={
            "depth_over_outline": round(around, 4),
            "depth_over_width": round(ratio, 4),
            "implausible_ratio": None
            if depth.implausible_ratio is None
            else round(depth.implausible_ratio, 4),
            "is_prior": depth.ratio_is_prior,
        },
        findings=(finding("DEPTH_UNUSUAL", {"ratio": f"{around:.2f}"}),) if told else (),
    )


def check_leak(depth: Shells) -> Check:
    """The rim does not fall back to the background: the share of it that lies far behind the figurine beside it.

    Far is a third of the width, from the rim's outermost pixels to those some steps further inside. A round body
    sinks as well at its rim, but not so far in so few pixels.
    """
    count = int(depth.valid.sum())
    if count < 256:
        return Check(name="leak", score=None)
    box = box_of(depth.valid).slices
    valid, front = np.pad(depth.valid[box], 1), np.pad(depth.front[box], 1)
    width = len(valid[0]) * float(np.median(front[valid])) / depth.camera.fx_px
    step = max(5.0, 0.04 * math.sqrt(count))
    away = measure_inside(valid)
    inner: Bool = away >= step
    if not inner.any():
        return Check(name="leak", score=None)
    nearest = find_nearest(inner)
    rim = valid & (away <= 2.5)
    fall = front[rim] - front[nearest[0], nearest[1]][rim]
    share = float((fall > width / 3).mean())
    told = share > 0.15
    return Check(
        name="leak",
        score=float(np.clip(1 - share / 0.4, 0, 1)),
        values={"rim_behind_share": round(share, 4)},
        findings=(finding("DEPTH_LEAK", {"percent": round(100 * share)}),) if told else (),
    )


def check_agreement(depth: Shells) -> Check:
    """Two models see the same front: the correlation of their depths; no score where one ran."""
    if depth.agreement is None:
        return Check(name="agreement", score=None)
    findings: tuple[Finding, ...] = ()
    if depth.agreement < 0.5:
        findings = (finding("DEPTH_DISAGREES", {"correlation": f"{depth.agreement:.2f}"}),)
    return Check(
        name="agreement",
        score=float(np.clip(depth.agreement, 0, 1)),
        values={"correlation": round(depth.agreement, 4)},
        findings=findings,
    )


def check_certainty(depth: Shells) -> Check:
    """How sure the model is: the mean likely error of front and back over the longer side.

    No score where it is mute, nor where other views show the back: then it is no guess of the model.

    Where the back is a guess that matters it asks for a look, and more views are advised: of 52 pictures that a person
    looked at these were 11, of which none was good and 8 bad.
    """
    if depth.spread is None or not depth.valid.any():
        return Check(name="certainty", score=None)
    front, back = (float(shell[depth.valid].mean()) for shell in depth.spread)
    told = back > _GUESS
    return Check(
        name="certainty",
        score=float(np.clip(1 - back / (2 * _GUESS), 0, 1)),
        values={"front_error_share": round(front, 4), "back_error_share": round(back, 4)},
        findings=(finding("BACK_UNSURE", {"percent": f"{100 * back:.0f}"}),) if told else (),
    )


def _front(depth: Shells) -> F64:
    """(N,3) points of the front in camera axes, thinned to `_MOST`."""
    row, column = np.nonzero(depth.valid)
    step = max(1, len(row) // _MOST)
    row, column = row[::step], column[::step]
    z = depth.front[row, column].astype(np.float64)
    x = (column + 0.5 - depth.camera.cx_px) / depth.camera.fx_px * z
    y = (row + 0.5 - depth.camera.cy_px) / depth.camera.fy_px * z
    return np.stack([x, y, z], 1)


def _plane(points: F64) -> tuple[F64, float, float]:
    """z of the least-squares plane at each point, and its slopes along x and y."""
    middle = points.mean(0)
    centred = points - middle
    slopes = np.linalg.lstsq(centred[:, :2], centred[:, 2], rcond=None)[0]
    out: F64 = centred[:, :2] @ slopes + middle[2]
    return out, float(slopes[0]), float(slopes[1])
