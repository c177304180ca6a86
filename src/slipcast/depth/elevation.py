"""Shells -> how far the camera looked down, from what the figurine stands on.

Nothing in a picture says where up is, but figurines stand: on a base, on soles, on paws. For each elevation the
shells are tilted back by it, and the stretch of depth that touches the ground is measured, as a share of the whole
depth. Where the elevation is right a sole lies flat and that share is large; where it is wrong only an edge touches.
With a normal prior about what people photograph that gives a likelihood for every angle. Its mean is drawn back to what
the depth model assumes, the more the wider it is spread: certainty = 4 / (4 + variance), in square degrees.

Judged by how far the up that comes out lies from the true one after the predicted shells are laid on the true ones,
on 342 pictures of meshes by artists that the network never saw (the camera -4 to 32 degrees up): level is 11.4
degrees off (median 8.0), always 5 degrees 10.1 (6.0), this 9.0 (5.0); on bases 8.9, 7.5, 4.6. With the certainty the
median falls from 8.0 degrees (below 0.1) over 5 to 2.7 (above 0.9). The best constant is not 0: where a picture does
not say it, the network lets its shells lean by the mean of what it learned from. `ASSUMED` is 3: of 2, 3, 4 and 5 the
errors are all 9.0 to 9.1, and 7.8, 7.9, 7.9, 8.0 on pictures from at most 14 degrees above, as most are. A base whose
ellipse is seen says it better than all this (round_base.py).

Rejected: the mean taken whole where its spread is below 2 degrees, and nothing else (9.2; on bases 4.9); certainty
times the touching width or depth, which are larger on bases (9.1 to 9.3); only with the mass centre above the
contact (9.5); by the elevation alone: the touching area (mean error 6.3 degrees instead of 5.8), the slope of the
middle surface (correlation with the elevation 0.05); a learned head over picture and shells (7.0 against 8.8 on
held-out characters, but 4.6 to 9.9 on the 16 cases, where level is 5.2). For what would fall over: the least turn, by
up to 8 degrees, with which it stands, since figurines stand (of 17 pictures whose shells tip at less than 2 degrees 3
would stand; the others have narrow feet far before their middle, or paws of unequal height).
"""

import math

import numpy as np

from slipcast.core.values import F64, Elevation, Shells

_ANGLES_DEG = np.arange(-10.0, 46.0)
_LIKELY_DEG, _SPREAD_DEG = 5.0, 7.0
"""The prior: pictures of figurines are taken from a little above."""
_TRUST = 20.0
"""Log likelihood for a contact along the whole depth."""
_BAND = 0.02
"""What lies within this share of the height above the lowest point touches the ground."""
_SURE_DEG = 2.0
"""At this spread the certainty is a half."""
_SEEN = 0.5
"""From this certainty on the answer counts as seen."""
_MOST = 12_000
"""Pixels that are looked at."""
_LEVEL_DEG = 1.5
"""Less than this is level: pictures made by programs are."""
_OFF_DEG = (8.0, 3.0)
"""The median error of an answer at certainty 0 and 1."""
ASSUMED = Elevation(degrees=3.0, likely_error_deg=6.0, source="assumed")
"""What the bundled network's shells are tilted by where nothing says more, and the median error of that."""
LEVEL = Elevation(degrees=0.0, likely_error_deg=8.0, source="assumed")
"""For shells of any other origin."""


def find_elevation(depth: Shells) -> Elevation:
    """Return the elevation at which METRIC `depth` with both shells stands, drawn to its model's assumption.

    Where the depth does not say it, that assumption comes back, or level where there is none.
    """
    assumed = depth.elevation or LEVEL
    if depth.back is None or int(depth.valid.sum()) < 64:
        return assumed
    up, near = _points(depth)
    whole = float(np.ptp(near))
    if not whole > 0:
        return assumed
    share = np.array([_contact(up, near, math.radians(angle)) for angle in _ANGLES_DEG])
    log = _TRUST * share - 0.5 * ((_ANGLES_DEG - _LIKELY_DEG) / _SPREAD_DEG) ** 2
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float(weight @ _ANGLES_DEG)
    variance = float(weight @ (_ANGLES_DEG - mean) ** 2)
    certainty = _SURE_DEG**2 / (_SURE_DEG**2 + variance)
    degrees = assumed.degrees + certainty * (mean - assumed.degrees)
    return Elevation(
        degrees=round(degrees, 1) if abs(degrees) >= _LEVEL_DEG else 0.0,
        likely_error_deg=round(_OFF_DEG[0] + certainty * (_OFF_DEG[1] - _OFF_DEG[0]), 1),
        source="seen" if certainty >= _SEEN else "assumed",
        certainty=round(certainty, 2),
    )


def _points(depth: Shells) -> tuple[F64, F64]:
    """(N,) how far up and how near the points of both shells are, in the camera's axes."""
    row, column = np.nonzero(depth.valid)
    step = max(1, len(row) // _MOST)
    row, column = row[::step], column[::step]
    slope = (depth.camera.cy_px - row - 0.5) / depth.camera.fy_px
    front, back = (shell[row, column].astype(np.float64) for shell in (depth.front, depth.back))
    return np.concatenate([slope * front, slope * back]), -np.concatenate([front, back])


def _contact(up: F64, near: F64, angle: float) -> float:
    """The depth of what touches the ground over the whole depth, after tilting by `angle`."""
    height = up * math.cos(angle) + near * math.sin(angle)
    depth = near * math.cos(angle) - up * math.sin(angle)
    height -= height.min()
    touching = depth[height < _BAND * height.max()]
    low, high = np.quantile(touching, [0.02, 0.98])
    return float((high - low) / np.ptp(depth))
