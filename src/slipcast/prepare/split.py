"""A figurine that is larger than the printer -> parts that fit, cut at narrow places, joined by dowels.

Cuts into a number of parts are level. Each lies where the cross-section is smallest within the stretch that the
printer's height allows, and rather not in the upper fifth, where the face is. Head, arms and base are cut off by name
where they have a narrow neck (necks.py), each as a part that lies on its cut. A dowel needs a hole on both sides and is
a part of its own, so both parts lie flat; it stands at the centre of the largest circle that fits into the cut, and
takes half of its diameter. A part that two cuts bound shares its height among the holes of both; a second hole keeps
away from the first.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import manifold3d
import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32, F64, U8, Bool
from slipcast.prepare.body import Body, Kind, Origin, body_from_solid
from slipcast.prepare.hollow import rasterize
from slipcast.prepare.necks import find_necks

CLEARANCE_MM = {"fdm": 0.2, "resin": 0.15}
"""Between a dowel and its hole, a side."""
_THINNEST_DOWEL_MM = 3.0
_DEPTHS_MM = (8, 7, 6, 5, 4, 3, 2)
"""How deep a dowel goes into each side, at most its diameter."""
_FLOOR_MM = 1.5
"""What is left between a dowel's hole and the outside or another hole."""
_PIXEL_MM = 0.25
_DOWEL_SEGMENTS = 48
_BESIDE_MM = 0.01
"""From a cut to the sections that are taken for its own."""
_STRETCH = 0.25
"""How far a cut may move from its even place, as a share of a part's height."""
_VENT_MM, _FARTHEST_MM = 0.8, 1000.0
"""Width and depth of the groove that lets air into a hole that lies on the plate; and what is outside of any part."""
_CUT_TOP_MM = 4.0
"""How far below a part's top its neck's cut may lie for a vent to go through it."""
Dowel = tuple[float, float, float, float]
"""x, y, diameter and depth into each side."""


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One cut."""

    z_mm: float
    """How high it is in the figurine; of an arm's its middle."""
    area_mm2: float
    dowels: tuple[tuple[float, float, float, float], ...]
    """x, y, diameter and depth into each side; empty where no hole fits inside the parts. Of a cut that leans, x and y
    are those of the figurine turned so that it is level."""
    part: str = ""
    """What it takes off, where that has a name."""
    lean_deg: float = 0.0
    """How far it leans to the viewer's right (90: upright)."""


@dataclass(frozen=True, kw_only=True)
class SplitPart:
    """One piece, lying on z = 0."""

    name: str
    body: Body
    quantity: int = 1
    cut_above: bool = False
    """Whether its top is a cut."""
    vented: manifold3d.Manifold = field(default_factory=manifold3d.Manifold)
    """Holes that lie on the plate and get air through a groove, if it is of resin."""

    @property
    def is_dowel(self) -> bool:
        """Whether it is a dowel, and no piece of the figurine."""
        return self.name.startswith("dowel")


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
    cuts: list[Cut] = []
    out: list[SplitPart] = []
    rest, below_it = body, manifold3d.Manifold()
    gap = CLEARANCE_MM[process]
    for z, following in zip(heights, [*heights[1:], math.inf], strict=True):
        above, below = rest.solid.split_by_plane((0, 0, 1), z)
        dowels = _place_dowels(below, above, z, gap, (following - z - _FLOOR_MM) / 2 - gap)
        cutter = _drill(dowels, z, gap)
        out.append(
            _lay(f"part{len(out) + 1}", Body(below, rest.origins) - cutter, vented=below_it, cut_above=True)
        )
        rest, below_it = _open_below(Body(above, rest.origins), cutter, dowels, z, process)
        cuts.append(
            Cut(z_mm=round(z, 2), area_mm2=round(float(body.solid.slice(z).area()), 1), dowels=tuple(dowels))
        )
    out.append(_lay(f"part{len(out) + 1}", rest, vented=below_it))
    return out + _make_dowels(cuts), cuts


def take_apart(
    body: Body, words: tuple[str, ...], *, process: str, texture: U8 | None = None
) -> tuple[list[SplitPart], list[Cut]]:
    """Return `body`, standing on z = 0, without its `head`, `arms` or `base`, which are parts that lie on their cuts.

    The first part is what stays, the `body`. `texture` (H,W,3) shows where the face is, which no cut goes through.
    Raises BadInput for a word for which there is no narrow place.
    """
    parts: list[SplitPart] = []
    cuts: list[Cut] = []
    rest, below_it = body, manifold3d.Manifold()
    for neck in find_necks(body, words, texture):
        turned = rest.turn(0, -neck.lean_deg, 0)
        inside = Body(manifold3d.Manifold.cube((0.01,) * 3, True).translate(tuple(neck.inside_mm)))
        x, y, z = inside.turn(0, -neck.lean_deg, 0).box_mm.mean(0).tolist()
        above, below = turned.solid.split_by_plane((0, 0, 1), neck.offset_mm)
        pieces = above.decompose()
        piece = next(each for each in pieces if rasterize(each, z, np.array([x, y]), 1.0, (1, 1))[0, 0])
        # What else the plane cuts is joined again: a staff beside a neck stays whole. What it does not cut, pieces that
        # touch nothing, goes with a head, or with what stands on a base.
        others = [each for each in pieces if each is not piece]
        loose = [
            each
            for each in others
            if not neck.lean_deg and each.bounding_box()[2] > neck.offset_mm + _BESIDE_MM
        ]
        kept = manifold3d.Manifold.batch_boolean(
            [below, *(each for each in others if each not in loose)], manifold3d.OpType.Add
        )
        dowels = _place_dowels(below, piece, neck.offset_mm, CLEARANCE_MM[process], math.inf)
        cutter = _drill(dowels, neck.offset_mm, CLEARANCE_MM[process])
        section = piece.slice(neck.offset_mm + 1e-4)
        middle = Body(piece.trim_by_plane((0, 0, -1), -neck.offset_mm - 0.1)).turn(0, neck.lean_deg, 0)
        cuts.append(
            Cut(
                z_mm=round(float(middle.box_mm[:, 2].mean()), 2),
                area_mm2=round(float(section.area()), 1),
                dowels=tuple(dowels),
                part="base" if neck.name == "body" else neck.name,
                lean_deg=neck.lean_deg,
            )
        )
        whole = Body(manifold3d.Manifold.compose([piece, *loose]), rest.origins)
        taken, vented = _open_below(whole, cutter, dowels, neck.offset_mm, process)
        rest = (Body(kept, rest.origins) - cutter).turn(0, neck.lean_deg, 0)
        if neck.name == "body":  # which goes on being cut, and its base is done
            parts.append(_lay("base", rest, cut_above=True))
            rest, below_it = taken, vented
        else:
            parts.append(_lay(neck.name, taken, vented=vented))
    under_head = (
        any(part.name == "head" for part in parts) and cuts[-1].z_mm > rest.box_mm[1, 2] - _CUT_TOP_MM
    )
    stays = _lay("body", rest, vented=below_it, cut_above=under_head)
    return [stays, *parts, *_make_dowels(cuts)], cuts


def _drill(dowels: Sequence[Dowel], z: float, gap: float) -> Body:
    """The holes of a cut's dowels."""
    holes = [
        manifold3d.Manifold.cylinder(
            2 * depth + 2 * gap, diameter / 2 + gap, diameter / 2 + gap, _DOWEL_SEGMENTS, True
        ).translate((x, y, z))
        for x, y, diameter, depth in dowels
    ]
    return body_from_solid(
        manifold3d.Manifold.batch_boolean(holes, manifold3d.OpType.Add) if holes else manifold3d.Manifold(),
        Origin(kind=Kind.CAVITY),
    )


def _open_below(
    above: Body, cutter: Body, dowels: Sequence[Dowel], z: float, process: str
) -> tuple[Body, manifold3d.Manifold]:
    """What lies on the cut at `z` with its holes, and those that get air through grooves, which resin needs."""
    if process != "resin":
        return above - cutter, manifold3d.Manifold()
    return above - cutter - _vent(dowels, above.solid, z), cutter.solid


def _vent(dowels: Sequence[Dowel], above: manifold3d.Manifold, z: float) -> Body:
    """Grooves in the cut at `z` from the holes in what lies on it to the outside.

    A hole that the plate closes is a suction cup. The groove goes the shortest way, rather to the back, along the seam.
    """
    section = above.slice(z + _BESIDE_MM)
    grooves = []
    for x, y, diameter, _ in dowels:
        ways: list[tuple[float, float, float]] = []
        for angle in range(0, 360, 15):
            reach = _measure_reach(section, x, y, angle)
            # The farther from straight back, the dearer.
            ways.append((reach * (1.5 - 0.5 * math.sin(math.radians(angle))), reach, float(angle)))
        _, reach, turn = min(ways)
        length = reach + diameter
        groove = manifold3d.Manifold.cube((length, _VENT_MM, 2 * _VENT_MM), True).translate(
            (length / 2, 0, 0)
        )
        grooves.append(groove.rotate((0, 0, turn)).translate((x, y, z)))
    return body_from_solid(
        manifold3d.Manifold.batch_boolean(grooves, manifold3d.OpType.Add)
        if grooves
        else manifold3d.Manifold(),
        Origin(kind=Kind.CAVITY),
    )


def _measure_reach(section: manifold3d.CrossSection, x: float, y: float, angle_deg: float) -> float:
    """How far a way from x, y leaves the section for good."""
    thin = manifold3d.CrossSection([[(0.0, -0.01), (_FARTHEST_MM, -0.01), (_FARTHEST_MM, 0.01), (0.0, 0.01)]])
    met = (thin.rotate(angle_deg).translate((x, y)) ^ section).translate((-x, -y)).rotate(-angle_deg)
    return 0.0 if met.is_empty() else float(met.bounds()[2])


def _make_dowels(cuts: Sequence[Cut]) -> list[SplitPart]:
    """The dowels of all cuts, one part for each size."""
    sizes = Counter((diameter, depth) for cut in cuts for _, _, diameter, depth in cut.dowels)
    out: list[SplitPart] = []
    for k, ((diameter, depth), quantity) in enumerate(sorted(sizes.items())):
        pin = manifold3d.Manifold.cylinder(2 * depth, diameter / 2, diameter / 2, _DOWEL_SEGMENTS)
        shape = body_from_solid(pin, Origin(kind=Kind.PIN, color=(150, 150, 150)))
        out.append(SplitPart(name=f"dowel{k + 1}", body=shape, quantity=quantity))
    return out


def _lay(
    name: str, body: Body, *, vented: manifold3d.Manifold | None = None, cut_above: bool = False
) -> SplitPart:
    """The part on z = 0, above the origin."""
    low, high = body.box_mm
    middle = (low + high) / 2
    way = -float(middle[0]), -float(middle[1]), -float(low[2])
    vented = vented.translate(way) if vented is not None else manifold3d.Manifold()
    return SplitPart(name=name, body=body.move(*way), cut_above=cut_above, vented=vented)


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
    below: manifold3d.Manifold, above: manifold3d.Manifold, z: float, gap: float, above_mm: float
) -> list[Dowel]:
    """A dowel in each area of the cut at `z` that is wide enough, two in a large one.

    `below` and `above` are what the cut parts, with the holes of earlier cuts; no hole goes higher than `above_mm`.
    """
    low, high = Body(above).box_mm
    shape = (np.ceil((high - low)[:2] / _PIXEL_MM).astype(int) + 3).tolist()
    origin: F64 = low[:2] - _PIXEL_MM
    depths = [depth for depth in _DEPTHS_MM if depth <= above_mm]
    if not depths:
        return []
    inside: list[Bool] = []  # in every cross-section from z - k mm to z + k mm
    for k in range(math.ceil(depths[0] + gap + _FLOOR_MM) + 1):
        away = max(k, _BESIDE_MM)
        near = [
            rasterize(solid, z + dz, origin, _PIXEL_MM, (shape[0], shape[1]))
            for solid, dz in ((below, -away), (above, away))
        ]
        inside.append(np.logical_and.reduce([*near, *inside[-1:]]))
    labels, count = ndimage.label(inside[2])
    found: list[Dowel] = []
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
