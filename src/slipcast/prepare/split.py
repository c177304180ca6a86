"""A figurine that is larger than the printer -> parts that fit, cut at narrow places, joined by dowels.

Cuts are level. Each lies where the cross-section is smallest within the stretch that the printer's height allows, and
rather not in the upper fifth, where the face is. A dowel needs a hole on both sides and is a part of its own, so both
parts lie flat; it stands at the centre of the largest circle that fits into the cut, and takes half of its diameter.
"""

import math
from dataclasses import dataclass

import cv2
import manifold3d
import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import ndimage
from slipcast.core.values import F64
from slipcast.prepare.body import Body, Kind, Origin, body_from_solid
from slipcast.prepare.hollow import rasterize

CLEARANCE_MM = {"fdm": 0.2, "resin": 0.15}
"""Between a dowel and its hole, a side."""
_THINNEST_DOWEL_MM = 3.0
_PIXEL_MM = 0.25
_DOWEL_SEGMENTS = 48
_STRETCH = 0.25
"""How far a cut may move from its even place, as a share of a part's height."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One level cut."""

    z_mm: float
    area_mm2: float
    dowels: tuple[tuple[float, float, float], ...]
    """x, y and diameter of each; empty where the cut is too narrow for one."""


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
    pins: dict[float, int] = {}
    for z in heights:
        above, below = rest.solid.split_by_plane((0, 0, 1), z)
        lower, rest = Body(below, rest.origins), Body(above, rest.origins)
        dowels = _place_dowels(body, z)
        for x, y, diameter in dowels:
            hole = manifold3d.Manifold.cylinder(
                2 * diameter + 2 * gap, diameter / 2 + gap, diameter / 2 + gap, _DOWEL_SEGMENTS, True
            ).translate((x, y, z))
            cutter = body_from_solid(hole, Origin(kind=Kind.CAVITY))
            lower, rest = lower - cutter, rest - cutter
            pins[diameter] = pins.get(diameter, 0) + 1
        parts.append(lower)
        cuts.append(
            Cut(z_mm=round(z, 2), area_mm2=round(float(body.solid.slice(z).area()), 1), dowels=tuple(dowels))
        )
    parts.append(rest)
    out = [SplitPart(name=f"part{k + 1}", body=_lay(part)) for k, part in enumerate(parts)]
    for k, (diameter, quantity) in enumerate(sorted(pins.items())):
        pin = manifold3d.Manifold.cylinder(2 * diameter, diameter / 2, diameter / 2, _DOWEL_SEGMENTS)
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


def _place_dowels(body: Body, z: float) -> list[tuple[float, float, float]]:
    """x, y, diameter of a dowel in each area of the cut that is wide enough, two in a large one."""
    low, high = body.box_mm
    shape = (np.ceil((high - low)[:2] / _PIXEL_MM).astype(int) + 3).tolist()
    origin: F64 = low[:2] - _PIXEL_MM
    areas = [
        rasterize(body.solid, z + dz, origin, _PIXEL_MM, (shape[0], shape[1])) for dz in (-2.0, 0.0, 2.0)
    ]
    common = np.logical_and.reduce(areas)  # the hole must stay inside above and below
    labels, count = ndimage.label(common)
    found: list[tuple[float, float, float]] = []
    for number in range(1, count + 1):
        inner = cv2.distanceTransform((labels == number).astype(np.uint8), cv2.DIST_L2, 5)
        for _ in range(2):
            place = np.unravel_index(int(inner.argmax()), inner.shape)
            radius = float(inner[place]) * _PIXEL_MM
            diameter = min(math.floor(radius * 2 * 0.5 * 2) / 2, 8.0)
            if diameter < _THINNEST_DOWEL_MM:
                break
            x, y = origin + np.array(place) * _PIXEL_MM
            found.append((round(float(x), 2), round(float(y), 2), diameter))
            yy, xx = np.indices(inner.shape)
            inner[np.hypot(yy - place[0], xx - place[1]) * _PIXEL_MM < radius + diameter] = 0
    return found
