"""Picture with alpha -> the round base that a figurine stands on, as a solid of revolution, and the shells with it.

Figurines are drawn on round bases, and a network of 128 px turns them into ramps. Their outline says nearly all there
is to know: the width of the wall is the diameter, and the curve of the lower border is the near half of a circle seen
from above, so it says how far the camera looked down as well. What the outline does not say is how far away the base
is: it is put under the figurine's middle, where a sculptor would put it.

A base is taken for one where the lower border is half an ellipse to within 2 % of the radius, the wall above it is
upright, and above the wall the outline steps inwards, on both sides where nothing leans on one. Shoes, paws, skirts and
busts fail at one of these; there nothing changes. Of 84 pictures (samples, evaluation cases, pictures by image models)
all with a round base whose ellipse is seen are found, and nothing else.

On five samples (camera at 0 degrees; the first is the astronaut) the elevation comes out at 1.4, 0.5, 0.0, -0.1, 0.4
degrees. The true centre lies 2, 2, 14, 48 and 3 thousandths of the frame from the middle of what stands above the
base, and 46 to 99 from where the network's front of the base puts it; hence the former.

The network's ramp behind the feet is cut off: below a band that lies a little above the base the back goes on as thick
as it is there, by the outline's inflated thickness, about the same middle. Five samples, without and with it: cd 0.037
and 0.038, f05 0.768 and 0.765, f10 0.909 and 0.911, nc 0.767 and 0.765, up 1.4 and 0.7 degrees; in clay a figurine
that stands on a disc instead of a bell. Rejected: asking the network again for what stands above the base, without
what is below (no ramp, but it sees no feet, and the owl became half as thick again) or with the outline's last row
drawn downwards (ramps again).

Where one limit of the back takes over from the next it is rounded; cut off hard, knight, owl and witch had a ledge
behind at a tenth of their height. Rejected, on knight, owl and astronaut in clay: the back straight down into the
disc, without the slope on the disc behind it (no teeth where both meet, but torn edges where the body ends aside; and
for all columns, or those that rise by 0.12 radii above the base, or faded into the slope aside); what rises but
little from the base as round about its axis as it is wide, or as lumps on the axis (flaps and crumbs).

A lump of rock is no disc, though its border may be as near to an ellipse: as a disc the astronaut's moon was a plate
with splinters where its shoulders were. Its border waves: smoothed over 0.1 radii it is still 0.0070 of the radius
off, where six discs, among them a toothed wheel, have 0.0006 to 0.0036. Its shoulders tell less: at the rear rim they
are 0.89 of the radius wide, a bust's foot is 0.86.

From 30 degrees above, what stands on the base is still a ramp before the feet, and hangs over the disc. Rejected, both
on three pictures from 15 and 30 degrees above: the top's bare part by watershed from its near rim to the body above,
put level (a robe's hem and a tabard hung in the air with torn edges, since the network leans them forward too); what
stands on it begins no farther forward than its lower body does (a cliff in the place of the overhang; chess knight f05
0.650 to 0.639, cd as before).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.round_base import RoundBase
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, I64, Bool, Camera, Elevation, Shells
from slipcast.depth.inflate import inflate_small

_LOWEST = 0.45
"""A base lies within this share of the height from below."""
_STALL, _GROWTH = 0.05, 0.012
"""The wall begins where the outline widens by no more than the second, over a height of the first times its width."""
_STEPPED, _ABOVE, _INWARD = 0.02, 0.12, 0.03
"""A side's wall ends where it stands back by the first of the width; within a height of the second times the width it
stands back by the third."""
_LEAN = 0.0085
"""Half way up a wall stands back by no more than this share of the width: a skirt does by more."""
_AFTER = math.sqrt(1 - (1 - 2 * _STEPPED) ** 2)
"""Half heights of the upper ellipse from its middle, where its outline ends the wall, to where that is noticed."""
_BORDER, _WORST = 0.02, 0.045
"""Root mean square and 98th percentile of the border's distance from the ellipse, in radii."""
_WAVE, _WAVES = 0.1, 0.005
"""Radii over which the border is smoothed, so that teeth go, and by how much it may still wave: rock does by more."""
_WIDE = (0.2, 0.8)
"""A base's width over the figurine's height."""
_WALL = (0.035, 0.9)
"""The wall's height in radii."""
_ROUND = (0.05, 0.6)
"""The ellipse's half height in radii; a straight border may be a box's."""
_SLIM_PX = 256
"""Working size for the outline without its base."""
_REACH, _FLARE = 0.9, 2.0
"""What stands on a base reaches backwards to this share of its radius, and by this much more than it is above it."""
_BAND = (0.85, 0.55)
"""Radii above the base, from and to: what stands on it is no ramp yet there; its thickness and middle go on below."""
_SPARE, _BLUR = 1.25, 0.15
"""How much thicker it may be below; radii over which thickness and middle are smoothed."""
_SOFT = 0.12
"""Radii within which one limit of the back goes over into the next: a crease would show where it begins."""
_ERROR_DEG = 1.5
"""Likely error of the elevation."""
_FIT_STEPS = 60
"""Most steps of the circle's fit; 5 to 20 are usual."""


def find_base(mask: Bool, camera: Camera) -> RoundBase | None:
    """Return the round base at the foot of the outline `mask` (H,W) with its centre at z = 1, or None."""
    rows = np.flatnonzero(mask.any(1))
    if not len(rows) or rows[-1] == mask.shape[0] - 1:
        return None  # cropped below: nobody knows what it stands on
    wall = _find_wall(mask, int(rows[0]), int(rows[-1]))
    if wall is None:
        return None
    reach = 0.95 * wall.radius
    column = np.arange(math.ceil(wall.x - reach), math.floor(wall.x + reach) + 1)
    part = mask[rows[0] : rows[-1] + 1, column]
    border = rows[-1] + 1.0 - part[::-1].argmax(0)
    border[~part.any(0)] = rows[0]
    if not _is_half_ellipse(wall, column.astype(np.float64), border):
        return None
    return _fit_circle(wall, column.astype(np.float64), border, camera)


@dataclass(frozen=True)
class _Wall:
    """The upright part of an outline's foot, in pixels."""

    x: float
    radius: float
    top: float
    """Row where the first side steps inwards."""


def _find_wall(mask: Bool, first: int, last: int) -> _Wall | None:
    """The lowest stretch of the outline that is upright and ends in a step inwards on both sides."""
    tall = last + 1 - first
    row = np.arange(last, max(first, last - int(_LOWEST * tall)), -1)
    left = mask[row].argmax(1).astype(np.float64)
    right = mask.shape[1] - mask[row, ::-1].argmax(1).astype(np.float64)
    width = right - left
    low = 0
    while True:  # from below the outline widens until the wall begins
        ahead = low + max(3, int(_STALL * width[low]))
        if ahead >= len(row):
            return None
        if width[ahead] <= (1 + _GROWTH) * width[low]:
            break
        low += 1
    whole = np.flatnonzero(width[low:ahead] >= 0.99 * width[low:ahead].max()) + low
    at = float(np.median(left[whole])), float(np.median(right[whole]))
    wide = at[1] - at[0]
    if not _WIDE[0] * tall <= wide <= _WIDE[1] * tall:
        return None
    tops = []
    for gap in ((left - at[0]) / wide, (at[1] - right) / wide):
        stepped, covered = (np.flatnonzero(found[low:]) for found in (gap > _STEPPED, gap < -_STEPPED))
        if not len(covered) and not len(stepped):
            return None
        if len(stepped) and not (len(covered) and covered[0] < stepped[0]):
            top = int(low + stepped[0])
            inward = float(gap[top : top + max(3, int(_ABOVE * wide))].max())
            if inward < _INWARD or gap[(low + top) // 2] > max(_LEAN, 1 / wide):
                return None
            tops.append((row[top] + 1.0, inward))
    # What leans on the base, a broom or a cat, hides one side's step; a step too high may be its own.
    if not tops or (len(tops) == 1 and tops[0][1] < 2 * _INWARD):
        return None
    return _Wall(x=sum(at) / 2, radius=wide / 2, top=float(max(top for top, _ in tops)))


def _is_half_ellipse(wall: _Wall, column: F64, border: F64) -> bool:
    """Whether the lower border is the near half of an ellipse about the wall's axis."""
    arc = np.sqrt(np.maximum(1 - ((column + 0.5 - wall.x) / wall.radius) ** 2, 0))
    design, weight = np.stack([np.ones_like(arc), arc], 1), np.ones_like(arc)
    for _ in range(4):
        (middle, half), *_rest = np.linalg.lstsq(design * weight[:, None], border * weight, rcond=None)
        away = (border - middle - half * arc) / wall.radius
        off = np.abs(away)
        weight = 1 / np.sqrt(np.maximum(off / 0.01, 1))
    waves = ndimage.gaussian_filter1d(away, _WAVE * wall.radius, mode="nearest")
    tall = (middle - wall.top - _AFTER * half) / wall.radius
    return bool(
        _ROUND[0] <= half / wall.radius <= _ROUND[1]
        and _WALL[0] <= tall <= _WALL[1]
        and math.sqrt(float((off**2).mean())) <= _BORDER
        and float(np.quantile(off, 0.98)) <= _WORST
        and math.sqrt(float((waves**2).mean())) <= _WAVES
    )


def _fit_circle(wall: _Wall, column: F64, border: F64, camera: Camera) -> RoundBase | None:
    """The circle in space whose near half is the border and whose width is the wall's."""

    f = camera.fy_px
    angle = np.linspace(0, math.pi, 121)
    cos, sin = np.cos(angle), np.sin(angle)

    def away(guess: F64) -> F64:
        elevation, y, x, radius = guess
        z = 1 - radius * sin * math.cos(elevation)
        u = f * (x + radius * cos) / z + camera.cx_px
        v = f * (y + radius * sin * math.sin(elevation)) / z + camera.cy_px
        order = np.argsort(u)
        rows = (np.interp(column + 0.5, u[order], v[order]) - border) / math.sqrt(len(column))
        sides = [u.max() - wall.x - wall.radius, u.min() - wall.x + wall.radius]
        return np.concatenate([rows, sides])

    low = float(border.min())
    begin = [0.05, (low - camera.cy_px) / f, (wall.x - camera.cx_px) / f, wall.radius / f]
    found = _fit_softly(away, np.array(begin), max(0.005 * wall.radius, 0.5))
    elevation, y, x, radius = (float(value) for value in found)
    if not abs(elevation) < math.radians(60) or not radius > 0:
        return None
    tilt = math.sin(elevation + math.atan(y))
    top = (wall.top + _AFTER * tilt * wall.radius - camera.cy_px) / f
    height = (y - top) / (math.cos(elevation) - top * math.sin(elevation))
    if not height > 0:
        return None
    return RoundBase(x=x, y=y, z=1.0, radius=radius, height=height, elevation_deg=math.degrees(elevation))


def _fit_softly(away: Callable[[F64], F64], begin: F64, soft: float) -> F64:
    """The values for which `away` is least, each of its distances d counting as 2 soft² (sqrt(1 + (d / soft)²) - 1).

    Levenberg and Marquardt's method with weights for that loss. scipy.optimize.least_squares finds the same to 1e-6 and
    costs 0.055 s of CPU for its import.
    """

    def cost(off: F64) -> float:
        return float((np.sqrt(1 + (off / soft) ** 2) - 1).sum())

    at, off, damping = begin, away(begin), 1e-3
    for _ in range(_FIT_STEPS):
        step = 1e-7 * np.maximum(np.abs(at), 1e-2)
        slope = np.stack(
            [(away(at + np.eye(len(at))[k] * step[k]) - off) / step[k] for k in range(len(at))], 1
        )
        weighted = slope / np.sqrt(1 + (off / soft) ** 2)[:, None]
        normal, pull = slope.T @ weighted, weighted.T @ off
        while damping < 1e8:
            move = -np.linalg.solve(normal + damping * np.diag(np.maximum(np.diag(normal), 1e-12)), pull)
            there = away(at + move)
            if cost(there) < cost(off):
                break
            damping *= 10
        else:
            break
        gain = cost(off) - cost(there)
        at, off, damping = at + move, there, max(damping / 10, 1e-9)
        if gain < 1e-12 * cost(off):
            break
    return at


def stand_on_base(depth: Shells, base: RoundBase) -> Shells:
    """Return METRIC `depth` with both shells of `base` under it, and the elevation that its ellipse shows."""
    camera = depth.camera
    up, near = base.axes()
    center = np.array([base.x, base.y, 1.0])
    rear = center + base.height * up - base.radius * near
    rim = camera.fy_px * rear[1] / rear[2] + camera.cy_px  # the lowest row that shows nothing of the base
    row = np.arange(depth.valid.shape[0])
    body = depth.valid & (row < rim)[:, None]
    if int(body.sum()) < 64:
        return depth
    slim, wide = _inflate_apart(depth.valid, math.floor(rim))
    depth = _slim(depth, slim, wide, math.floor(rim))
    middle = _middle(depth, body, -near)
    distance = middle / float(-near @ center)
    depth = _hold_over(depth, base, -near, middle, rim)
    soft = _SOFT * base.radius * distance
    depth = _go_straight_down(depth, slim, base.radius * camera.fy_px, -near, math.floor(rim), soft)
    first = max(0, math.floor(rim))
    valid = depth.valid[first:]
    y, x = np.nonzero(valid)
    ray = np.stack(
        [
            (x + 0.5 - camera.cx_px) / camera.fx_px,
            (y + first + 0.5 - camera.cy_px) / camera.fy_px,
            np.ones(len(x)),
        ],
        1,
    )
    enter, leave, hit = _cross(ray, base, center, up)
    front, back = depth.front.copy(), depth.back.copy()
    ahead, behind = front[first:], back[first:]
    lateral = (ray @ up) * enter - center @ up < base.height * (1 - 1e-6)
    enter, leave = enter * distance, leave * distance
    y, x = y[hit], x[hit]
    enter, leave, lateral = enter[hit], leave[hit], lateral[hit]
    seen = np.where(lateral, enter, np.minimum(ahead[y, x], enter))
    ahead[y, x], behind[y, x] = seen, np.maximum(leave, seen)
    _fill(ahead, behind, valid, y, x, row[first:] > camera.fy_px * (base.y - base.height) + camera.cy_px)
    return replace(
        depth,
        front=front,
        back=back,
        base=base.scale(distance),
        elevation=Elevation(
            degrees=round(base.elevation_deg, 1), likely_error_deg=_ERROR_DEG, certainty=1.0, source="seen"
        ),
    )


def _inflate_apart(valid: Bool, rim: int) -> tuple[F32, F32]:
    """Half thickness, in pixels of a smaller size, of the outline with its row `rim` drawn downwards, and as it is."""
    import cv2

    factor = min(1.0, _SLIM_PX / max(valid.shape))
    height, width = (max(1, round(size * factor)) for size in valid.shape)
    small = cv2.resize(valid.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) >= 0.5
    cut = min(max(1, math.floor(rim * factor) - 1), height)
    alone = small.copy()
    alone[cut:] = small[cut - 1]
    wide = inflate_small(small)
    wide[cut:] = 0
    return inflate_small(alone), wide


def _slim(depth: Shells, slim: F32, wide: F32, rim: int) -> Shells:
    """The shells above the row `rim` as thick as they would be if the outline below went on as it is there.

    The network's thickness is a factor on the inflated outline's, which the wide base below makes thick at the ankles.
    """
    import cv2

    core = wide > 1
    if not core.any():
        return depth
    share = np.where(core, np.minimum(slim / np.maximum(wide, 1e-6), 1), 0).astype(np.float32)
    weight = cv2.GaussianBlur(core.astype(np.float32), (0, 0), 2)
    share = np.where(weight > 0.02, cv2.GaussianBlur(share, (0, 0), 2) / np.maximum(weight, 0.02), 1)
    large = cv2.resize(share.astype(np.float32), depth.valid.shape[::-1], interpolation=cv2.INTER_LINEAR)
    thinner = (depth.back - depth.front) * (1 - np.minimum(large, 1)) / 2
    thinner[rim:] = 0
    return replace(
        depth,
        front=(depth.front + thinner).astype(np.float32),
        back=(depth.back - thinner).astype(np.float32),
    )


def _hold_over(depth: Shells, base: RoundBase, away: F64, middle: float, rim: float) -> Shells:
    """The shells with a back that does not hang over the rear of the base, whose highest row is `rim`, near it.

    `middle` is how far the base's axis is along the ground `away` from the camera, in `depth`'s unit.
    """
    camera, row = depth.camera, np.arange(depth.valid.shape[0])
    over = np.maximum(rim - row, 0) / camera.fy_px
    slope = (row + 0.5 - camera.cy_px) / camera.fy_px
    reach = middle * (1 + _REACH * base.radius + _FLARE * over)
    far = (reach / (away[1] * slope + away[2]))[:, None]
    held = _soft_minimum(depth.back, far, _SOFT * base.radius * middle)
    return replace(depth, back=np.maximum(held, depth.front).astype(np.float32))


def _soft_minimum(one: F32 | F64, other: F32 | F64, soft: float) -> F64:
    """The smaller of both, less by up to a quarter of `soft` where they differ by less than it, without a crease."""
    near = np.maximum(soft - np.abs(one - other), 0)
    out: F64 = np.minimum(one, other) - near**2 / (4 * soft)
    return out


def _go_straight_down(depth: Shells, slim: F32, radius: float, away: F64, rim: int, soft: float) -> Shells:
    """The shells with a back that goes straight down to the base, whose highest row is `rim` and `radius` in pixels.

    `slim` is `_inflate_apart`'s; `away` is level ground away from the camera; limits are `soft`.
    """
    import cv2

    camera, (height, width) = depth.camera, depth.valid.shape
    first, last = (int(rim - share * radius) for share in _BAND)
    if first < 0 or last <= first:
        return depth
    low = np.s_[first:rim]
    grown = cv2.resize(slim, (width, height), interpolation=cv2.INTER_LINEAR)[low] * (height / slim.shape[0])
    inside = depth.valid[low] & (grown > 1)
    slope = (np.arange(first, rim) + 0.5 - camera.cy_px) / camera.fy_px
    ground = (away[1] * slope + away[2]).astype(np.float32)[:, None]  # along it, for each unit of depth
    front, back = depth.front[low] * ground, depth.back[low] * ground
    band = np.where(inside, grown, 0)[: last - first]
    weight, count = band.sum(0), inside[: last - first].sum(0)
    known = np.flatnonzero(weight)
    if not len(known):
        return depth

    def smooth(total: F32) -> F32:
        """Of each column the mean, over near columns too, of what `total` is the sum of."""
        parts = cv2.GaussianBlur(
            np.stack([total, weight]).astype(np.float32), (0, 0), _BLUR * radius, sigmaY=1e-3
        )
        out: F32 = np.interp(np.arange(width), known, (parts[0] / np.maximum(parts[1], 1e-6))[known])
        return out

    part = np.where(band > 0, 1, 0)
    thick = smooth(((back - front)[: last - first] * part).sum(0))
    middle = smooth(weight * ((back + front)[: last - first] * part).sum(0) / np.maximum(2 * count, 1))
    limit = _soft_minimum(depth.back[low], (middle + _SPARE / 2 * thick * grown) / ground, soft)
    share = np.clip((np.arange(first, rim) - first) / (last - first), 0, 1)[:, None] * inside
    held = depth.back.copy()
    held[low] = np.maximum(share * limit + (1 - share) * depth.back[low], depth.front[low])
    return replace(depth, back=held)


def _middle(depth: Shells, body: Bool, away: F64) -> float:
    """How far what stands on the base reaches along the ground `away` from the camera: its middle, by volume."""
    camera = depth.camera
    row, column = np.nonzero(body)
    front, back = depth.front[row, column].astype(np.float64), depth.back[row, column].astype(np.float64)
    slope = (column + 0.5 - camera.cx_px) / camera.fx_px, (row + 0.5 - camera.cy_px) / camera.fy_px
    ray = away[0] * slope[0] + away[1] * slope[1] + away[2]
    thick = np.maximum(back - front, 1e-9)
    return float(((front + back) / 2 * ray * thick).sum() / thick.sum())


def _cross(ray: F64, base: RoundBase, center: F64, up: F64) -> tuple[F64, F64, Bool]:
    """Where rays (N,3) with z = 1 enter and leave the cylinder, (N,) each, and which do."""
    climb, foot = ray @ up, center @ up
    across, middle = ray - climb[:, None] * up, center - foot * up
    a, b = (across**2).sum(1), across @ middle
    root = b**2 - a * (middle @ middle - base.radius**2)
    wide = np.sqrt(np.maximum(root, 0))
    slope = np.where(np.abs(climb) < 1e-9, 1e-9, climb)
    ends = np.sort(np.stack([foot / slope, (foot + base.height) / slope]), axis=0)
    enter, leave = np.maximum((b - wide) / a, ends[0]), np.minimum((b + wide) / a, ends[1])
    return enter, leave, (root > 0) & (leave > enter)


def _fill(front: F32, back: F32, valid: Bool, y: I64, x: I64, wall: Bool) -> None:
    """Give the wall's pixels that the cylinder misses, teeth and chamfers, the depth of their neighbours, in place."""
    known = np.zeros(valid.shape, bool)
    known[y, x] = True
    missed = valid & ~known & wall[:, None]
    if not missed.any() or not known.any():
        return
    rows, columns = ndimage.distance_transform_edt(~known, return_distances=False, return_indices=True)
    at = rows[missed], columns[missed]
    front[missed], back[missed] = front[at], back[at]
