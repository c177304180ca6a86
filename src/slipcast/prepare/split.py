"""A figurine that is larger than the printer -> parts that fit, cut at narrow places, joined by dowels.

Cuts are level. Each lies where the cross-section is smallest within the stretch that the printer's height allows, and
rather not in the upper fifth, where the face is. A dowel needs a hole on both sides and is a part of its own, so both
parts lie flat; it stands at the centre of the largest circle that fits into the cut, and takes half of its diameter.
A part that two cuts bound shares its height among the holes of both; a second hole keeps away from the first.
"""

import math
from dataclasses import dataclass

import cv2
import manifold3d
import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, Bool
from slipcast.prepare.body import Body, Kind, Origin, body_from_solid
from slipcast.prepare.hollow import rasterize

CLEARANCE_MM = {"fdm": 0.2, "resin": 0.15}
"""Between a dowel and its hole, a side."""
_THINNEST_DOWEL_MM = 3.0
_DEPTHS_MM = (8, 7, 6, 5, 4, 3, 2)
"""How deep a dowel goes into each side, at most its diameter."""
_FLOOR_MM = 1.5
"""What is left between a dowel's hole and the outside or another hole."""
_PIXEL_MM = 0.25
_DOWEL_SEGMENTS = 48
_STRETCH = 0.25
"""How far a cut may move from its even place, as a share of a part's height."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One level cut."""

    z_mm: float
    area_mm2: float
    dowels: tuple[tuple[float, float, float, float], ...]
    """x, y, diameter and depth into each side; empty where no hole fits inside the parts."""


@dataclass(frozen=True, kw_only=True)
class SplitPart:
    """One piece, lying on z = 0."""

    name: str
    body: Body
    quantity: int = 1


def split(
    body: Body, *, count: int | None, printer_mm: tuple[float, float, float] | None, process: str
) -> tuple[list[SplitPart], list[Cut]]:
    """Return the parts of `body` and its cuts; one part where it fits and no `count` is asked.

    `count` None takes as many as `printer_mm` needs. Raises BadInput for a count outside 1 to 8, and when the body is
    wider than the printer, which level cuts cannot mend.
    """
    low, high = body.box_mm
    size = high - low
    if count is not None and not 1 <= count <= 8:
        raise BadInput(f"split must be auto or 1 to 8 parts, got {count}")
    if printer_mm is not None:
        wide, deep = sorted(size[:2])
        share = min(min(printer_mm[:2]) / wide, max(printer_mm[:2]) / deep)
        if share < 1:
            raise BadInput(
                f"the figurine is {size[0]:.0f} x {size[1]:.0f} mm wide and deep and the printer {printer_mm[0]:g} x "
                f"{printer_mm[1]:g} mm; level cuts do not help, choose a height of at most "
                f"{math.floor(0.97 * share * size[2])} mm"
            )
    needed = count or (math.ceil(float(size[2]) / (printer_mm[2] * 0.98)) if printer_mm else 1)
    if needed == 1:
        return [SplitPart(name="figurine", body=body)], []
    heights = [_find_neck(body, float(low[2]), float(size[2]), k / needed, needed) for k in range(1, needed)]
    cuts, parts, rest = [], [], body
    gap = CLEARANCE_MM[process]
    pins: dict[tuple[float, float], int] = {}
    for z, following in zip(heights, [*heights[1:], math.inf], strict=True):
        dowels = _place_dowels(rest, z, gap, (following - z - _FLOOR_MM) / 2 - gap)
        above, below = rest.solid.split_by_plane((0, 0, 1), z)
        lower, rest = Body(below, rest.origins), Body(above, rest.origins)
        for x, y, diameter, depth in dowels:
            hole = manifold3d.Manifold.cylinder(
                2 * depth + 2 * gap, diameter / 2 + gap, diameter / 2 + gap, _DOWEL_SEGMENTS, True
            ).translate((x, y, z))
            cutter = body_from_solid(hole, Origin(kind=Kind.CAVITY))
            lower, rest = lower - cutter, rest - cutter
            pins[diameter, depth] = pins.get((diameter, depth), 0) + 1
        parts.append(lower)
        cuts.append(
            Cut(z_mm=round(z, 2), area_mm2=round(float(body.solid.slice(z).area()), 1), dowels=tuple(dowels))
        )
    parts.append(rest)
    out = [SplitPart(name=f"part{k + 1}", body=_lay(part)) for k, part in enumerate(parts)]
    for k, ((diameter, depth), quantity) in enumerate(sorted(pins.items())):
        pin = manifold3d.Manifold.cylinder(2 * depth, diameter / 2, diameter / 2, _DOWEL_SEGMENTS)
        shape = body_from_solid(pin, Origin(kind=Kind.PIN, color=(150, 150, 150)))
        out.append(SplitPart(name=f"dowel{k + 1}", body=shape, quantity=quantity))
    return out, cuts


def _lay(body: Body) -> Body:
    low, high = body.box_mm
    middle = (low + high) / 2
    return body.move(-float(middle[0]), -float(middle[1]), -float(low[2]))


def _find_neck(body: Body, low: float, tall: float, share: float, parts: int) -> float:
    """Where the cross-section is smallest near `share` of the height."""
    reach = _STRETCH / parts
    best: tuple[float, float] | None = None
    for at in np.linspace(share - reach, share + reach, 31):
        z = low + tall * float(at)
        section = body.solid.slice(z)
        area = float(section.area())
        if area <= 0:
            continue
        pieces = len(
            section.decompose()
        )  # a cut through a sword as well leaves a piece that no dowel can hold
        cost = area * (1 + abs(at - share) / reach * 0.3) * (2.0 if at > 0.8 else 1.0) * (0.5 + 0.5 * pieces)
        if best is None or cost < best[0]:
            best = cost, z
    return best[1] if best else low + tall * share


def _place_dowels(
    body: Body, z: float, gap: float, above_mm: float
) -> list[tuple[float, float, float, float]]:
    """x, y, diameter and depth of a dowel in each area of the cut that is wide enough, two in a large one.

    `body` is what is left above the cut before, with the holes of that; no hole goes higher than `above_mm`.
    """
    low, high = body.box_mm
    shape = (np.ceil((high - low)[:2] / _PIXEL_MM).astype(int) + 3).tolist()
    origin: F64 = low[:2] - _PIXEL_MM
    depths = [depth for depth in _DEPTHS_MM if depth <= above_mm]
    if not depths:
        return []
    inside: list[Bool] = []  # in every cross-section from z - k mm to z + k mm
    for k in range(math.ceil(depths[0] + gap + _FLOOR_MM) + 1):
        near = [rasterize(body.solid, z + dz, origin, _PIXEL_MM, (shape[0], shape[1])) for dz in {-k, k}]
        inside.append(np.logical_and.reduce([*near, *inside[-1:]]))
    labels, count = ndimage.label(inside[2])
    found: list[tuple[float, float, float, float]] = []
    for number in range(1, count + 1):
        area = labels == number
        best: tuple[float, int, F32] | None = None
        for depth in depths:
            room = area & inside[math.ceil(depth + gap + _FLOOR_MM)]
            inner = cv2.distanceTransform(room.astype(np.uint8), cv2.DIST_L2, 5)
            wide = _choose_diameter(float(inner.max()) * _PIXEL_MM)
            hold = wide * min(wide, depth)
            if wide >= _THINNEST_DOWEL_MM and (best is None or hold > best[0]):
                best = hold, depth, inner
        if best is None:
            continue
        _, depth, inner = best
        for _ in range(2):
            place = np.unravel_index(int(inner.argmax()), inner.shape)
            radius = float(inner[place]) * _PIXEL_MM
            diameter = _choose_diameter(radius)
            if diameter < _THINNEST_DOWEL_MM:
                break
            x, y = origin + np.array(place) * _PIXEL_MM
            found.append((round(float(x), 2), round(float(y), 2), diameter, min(float(depth), diameter)))
            yy, xx = np.indices(inner.shape)
            inner[np.hypot(yy - place[0], xx - place[1]) * _PIXEL_MM < radius + diameter] = 0
    return found


def _choose_diameter(radius_mm: float) -> float:
    """Of a dowel in a circle of this radius: half of the circle's, in steps of 0.5 mm."""
    return min(math.floor(radius_mm * 2) / 2, 8.0)
