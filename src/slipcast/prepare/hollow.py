"""A solid -> the same with a cavity and holes that let the resin out.

The depth below the surface is sampled on a grid (nearest of many points on the surface). The cavity is where the depth
exceeds the wall, less what a ball of the closing radius cannot reach from deeper inside: channels too thin to drain
(offset by wall + closing, then grown back; as PrusaSlicer's SLA hollowing does). Its wall is meshed by marching
tetrahedra, simplified, and subtracted, so it faces inward: slicers print an outward one solid.

Rejected: manifold3d's simplification of the cavity (its faces cross in every second figurine, by less than its
tolerance: up to 13 pairs, and another simplification of the whole, half a second a try, did not help all);
 `minkowski_difference` with a ball (10 ms a face: 8 minutes for 50,000 faces, and the wall comes out thinner
than asked, since the ball is inscribed).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import manifold3d
import numpy as np

from slipcast.core.options import check, flag, real, whole
from slipcast.core.scientific import ndimage, spatial
from slipcast.core.values import F32, F64, I32, Bool
from slipcast.mesh.marching_tetrahedra import march_tetrahedra
from slipcast.mesh.topology import from_manifold
from slipcast.prepare.body import MM, Body, Kind, Origin, Surface, body_from_solid, read_surface
from slipcast.reconstruct.simplify import decimate

SMALLEST_FIGURINE_MM = 50.0
"""Below this height a wall eats what hollowing would save."""
SMALLEST_CAVITY_MM3 = 150.0
"""A smaller cavity saves less resin than its holes cost work; it is filled."""
SMALLEST_SAVING = 0.08
"""Share of the volume."""
_SAMPLES_ALONG = 110
"""Of the longest side. At 150, hollowing takes twice the time and the resin differs by 2 % at most."""
_COLLAPSE, _FEWEST = 8, 2000
"""Of how many of the cavity's faces one is kept, and how many at least."""
_SLIVER_MM = 0.02
"""How far the cavity's wall may move when the slivers are taken out that marching through cells leaves."""
_CALM = 0.6
"""Width of the blur, in cells, that takes the steps out of a cavity's wall."""
_FLOOR_MM = 12.0
"""How far above a cavity's lowest place a drain may begin, where those below it lie too near to each other."""
_NECK = 0.5
"""Half the width, in cells, of a channel that stays open."""
_HEAD = 2 / 3
"""Share of the figurine's height above which its head is sought."""
_FRONTAL = 0.35
"""Cosine between a wall and the front from which that shows it."""
_TRIES = 200
"""Places for the drains of one cavity at most, those included that would open through the head's front."""
_NARROWEST_MM = 1.5
"""Thinner drain holes clog."""


@dataclass(frozen=True, kw_only=True)
class HollowOptions:
    """How a solid is hollowed.

    >>> HollowOptions(wall_mm=0)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: wall_mm is 0; give millimetres from 0.6 to 20, for instance 2
    """

    wall_mm: float = 2.0
    closing_mm: float = 1.5
    """Channels of the cavity narrower than twice this are filled."""
    holes: int = 2
    """Drain holes a cavity, as low as can be."""
    hole_mm: float = 3.0
    """Diameter of a drain hole."""
    vent: bool = True
    """One more hole at the cavity's highest place, through the back, that lets air in."""

    def __post_init__(self) -> None:
        check(
            self,
            wall_mm=real(0.6, 20, example=2, unit="millimetres"),
            closing_mm=real(0, 10, example=1.5, unit="millimetres"),
            holes=whole(0, 8, example=2),
            hole_mm=real(_NARROWEST_MM, 20, example=3, unit="millimetres"),
            vent=flag(),
        )


@dataclass(frozen=True, kw_only=True)
class Hole:
    """One drilled hole."""

    kind: str
    """`drain` or `vent`."""
    at_mm: tuple[float, float, float]
    """Where it opens on the outside, in the frame of its part."""
    diameter_mm: float
    length_mm: float
    part: int = 1
    """Which part it is in, from 1."""


@dataclass(frozen=True, kw_only=True)
class HollowReport:
    """What hollowing did."""

    refused: str = ""
    """Why the body stayed solid; empty where it did not."""
    before_mm3: float = 0.0
    after_mm3: float = 0.0
    cavities: int = 0
    filled: int = 0
    """Cavities that were too small, or that no hole reaches."""
    holes: tuple[Hole, ...] = field(default=())

    @property
    def saved(self) -> float:
        """Share of the material that is saved."""
        return 1 - self.after_mm3 / self.before_mm3 if self.before_mm3 else 0.0


@dataclass(frozen=True)
class _Front:
    """What is seen of the head from the front: no hole opens there."""

    way: F64
    """(3,) towards the viewer."""
    up: F64
    """(3,) upwards on the figurine."""
    head: float
    """Where its head begins along `up`, in mm."""

    def shows(self, grid: "_Grid", at_mm: F64) -> bool:
        """Whether the wall at (3,) belongs to the head, faces the front, and nothing stands before it."""
        if float(at_mm @ self.up) < self.head:
            return False
        around = (
            np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), -1).reshape(-1, 3) * grid.step_mm
        )
        outward = (around * ~grid.holds(at_mm + around)[:, None]).sum(0)
        length = float(np.linalg.norm(outward))
        if not length or float(outward @ self.way) < _FRONTAL * length:
            return False
        steps = grid.step_mm * np.arange(4, sum(grid.inside.shape))
        return not grid.holds(at_mm + steps[:, None] * self.way).any()


@dataclass(frozen=True)
class _Grid:
    """Samples of the depth below the surface."""

    low_mm: F64
    step_mm: float
    depth_mm: F32
    """(X,Y,Z), 0 outside."""
    inside: Bool

    def holds(self, points_mm: F64) -> Bool:
        """(N,) whether the solid is at (N,3) places; outside the grid it is not."""
        index = np.rint((points_mm - self.low_mm) / self.step_mm).astype(int)
        known = ((index >= 0) & (index < self.inside.shape)).all(1)
        out = np.zeros(len(index), bool)
        out[known] = self.inside[tuple(index[known].T)]
        return out

    def place(self, index: F64) -> F64:
        """(N,3) print frame of (N,3) grid places."""
        return np.asarray(self.low_mm + index * self.step_mm, np.float64)


def hollow_parts(
    bodies: Sequence[Body],
    options: HollowOptions,
    *,
    cut_above: Sequence[bool],
    tall_mm: float,
    lean_deg: float = 0.0,
) -> tuple[list[Body], HollowReport]:
    """Return the parts of a cut figurine hollow, each with a wall on its cuts and around its dowels, and one report.

    Parts that would gain nothing stay solid; `refused` has a reason where all do. `tall_mm` is the figurine's height,
    which decides whether it is too small; `cut_above` says of each part whether its top is a cut; `lean_deg` is how far
    back they lean.
    """
    made = [
        hollow(body, options, tall_mm=tall_mm, cut_above=above, lean_deg=lean_deg)
        for body, above in zip(bodies, cut_above, strict=True)
    ]
    reports = [report for _, report in made]
    return [body for body, _ in made], HollowReport(
        refused="" if any(not report.refused for report in reports) else reports[0].refused,
        before_mm3=sum(report.before_mm3 for report in reports),
        after_mm3=sum(report.after_mm3 for report in reports),
        cavities=sum(report.cavities for report in reports),
        filled=sum(report.filled for report in reports),
        holes=tuple(
            replace(hole, part=number) for number, report in enumerate(reports, 1) for hole in report.holes
        ),
    )


def hollow(
    body: Body,
    options: HollowOptions,
    *,
    keep_below_mm: float = 0.0,
    tall_mm: float | None = None,
    cut_above: bool = False,
    lean_deg: float = 0.0,
) -> tuple[Body, HollowReport]:
    """Return `body` with a cavity and its holes, or unchanged with the reason in the report.

    `keep_below_mm` keeps a base of that height solid; the holes go through it. `tall_mm` is the height of the
    figurine that `body` is a part of; where its top is a cut (`cut_above`), the vent goes through that, out of sight.
    No hole opens through what the front of a body that leans `lean_deg` back shows of the head, its upper third.
    """
    before = body.volume_mm3
    tall = float(np.ptp(body.box_mm[:, 2])) if tall_mm is None else tall_mm
    if tall < SMALLEST_FIGURINE_MM:
        reason = (
            f"it is {tall:.0f} mm tall; below {SMALLEST_FIGURINE_MM:.0f} mm a wall eats what hollowing saves"
        )
        return body, HollowReport(refused=reason, before_mm3=before, after_mm3=before)
    grid = _sample_depth(body, options.wall_mm, options.closing_mm)
    room = grid.depth_mm - np.float32(options.wall_mm)
    if options.closing_mm:
        shallow = room <= options.closing_mm
        reach = grid.step_mm * measure_depth(shallow, int(options.closing_mm / grid.step_mm) + 2)
        room = np.minimum(room, np.float32(options.closing_mm) - reach)
    if keep_below_mm:
        z = grid.place(np.stack([np.zeros(room.shape[2])] * 2 + [np.arange(room.shape[2])], 1))[:, 2]
        room = np.minimum(room, (z - keep_below_mm).astype(np.float32)[None, None, :])
    labels, count = _label_rooms(room, _NECK * grid.step_mm)
    volume = np.bincount(labels.ravel(), minlength=count + 1)[1:] * grid.step_mm**3
    front = None if cut_above else _find_front(grid, lean_deg)
    drilled: list[tuple[manifold3d.Manifold, Hole]] = []
    keep = np.zeros(count + 1, bool)
    for number in 1 + np.flatnonzero(volume >= SMALLEST_CAVITY_MM3):
        own = _drill(grid, labels == number, options, front=front)
        if own is not None:
            keep[number] = True
            drilled += own
    kept, filled = int(keep.sum()), count - int(keep.sum())
    room[(room > 0) & ~keep[labels]] = -grid.step_mm
    if not kept:
        reason = (
            f"no part of it is thick enough for a wall of {options.wall_mm:g} mm and a cavity that drains"
        )
        return body, HollowReport(refused=reason, before_mm3=before, after_mm3=before, filled=filled)
    cavity = _mesh_cavity(room, grid)
    lining = Origin(kind=Kind.CAVITY)
    cutters = [cavity, *(cutter for cutter, _ in drilled)]
    room_of_all = manifold3d.Manifold.batch_boolean(cutters, manifold3d.OpType.Add)
    hollowed = body - body_from_solid(room_of_all, lining)
    after = hollowed.volume_mm3
    if 1 - after / before < SMALLEST_SAVING:
        reason = (
            f"it would save {100 * (1 - after / before):.0f} % of the material, which is not worth the holes"
        )
        return body, HollowReport(refused=reason, before_mm3=before, after_mm3=before, filled=filled)
    return hollowed, HollowReport(
        before_mm3=before,
        after_mm3=after,
        cavities=kept,
        filled=filled,
        holes=tuple(hole for _, hole in drilled),
    )


def _label_rooms(room: F32, neck_mm: float) -> tuple[I32, int]:
    """(X,Y,Z) which room each cell of air belongs to, 0 for walls and for air that is shallow all over; their number.

    A neck below twice `neck_mm` may close when the cavity is meshed: what lies beyond one is a room of its own.
    """
    labels, count = ndimage.label(room > neck_mm)
    joined, pieces = ndimage.label(room > 0)
    deep = np.zeros(pieces + 1, bool)
    deep[joined[labels > 0]] = True
    _, (x, y, z) = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    return np.where(deep[joined] & (room > 0), labels[x, y, z], 0).astype(np.int32), count


def _mesh_cavity(room: F32, grid: _Grid) -> manifold3d.Manifold:
    """The solid of the air: where `room` (X,Y,Z), mm, is positive."""
    # The closing counts in cells, which leaves steps: flat among themselves, they collapse into sheets that touch.
    vertices, faces = march_tetrahedra(ndimage.gaussian_filter(room, _CALM, truncate=2.5))
    full = manifold3d.Manifold(
        manifold3d.Mesh((grid.place(vertices) / MM).astype(np.float32), faces.astype(np.uint32))
    )
    # Slivers first, of which the surface's cells have many: among them the collapse ends in sheets that touch.
    clean = from_manifold(full.simplify(_SLIVER_MM / MM))
    made = decimate(clean, max(len(faces) // _COLLAPSE, _FEWEST)) or clean
    return manifold3d.Manifold(
        manifold3d.Mesh(np.array(made.vertices) * np.float32(MM), np.array(made.faces, np.uint32))
    )


def _sample_depth(body: Body, wall_mm: float, closing_mm: float) -> _Grid:
    """Depth below the surface on a grid around the body."""
    low, high = body.box_mm
    step = min(max(float((high - low).max()) / _SAMPLES_ALONG, 0.3), wall_mm / 1.5)
    low = low - 2 * step
    shape = np.ceil((high + 2 * step - low) / step).astype(int) + 1
    inside = np.zeros(shape, bool)
    for k in range(shape[2]):
        inside[:, :, k] = rasterize(body.solid, low[2] + k * step, low[:2], step, (shape[0], shape[1]))
    depth = np.float32(step) * measure_depth(inside, int((wall_mm + closing_mm) / step) + 3)
    # Exact where the cavity's wall will be; deeper inside nobody asks, and the look-up would take a minute.
    band = inside & (np.abs(depth - wall_mm) < 1.5 * step)
    where = np.argwhere(band)
    # Balanced: a wide flat sole has many points of one height, and an unbalanced tree takes 4 s for it instead of 0.3.
    tree = spatial.cKDTree(_spread(read_surface(body), 0.8 * step), compact_nodes=False)
    distance, _ = tree.query(low + where * step, distance_upper_bound=wall_mm + 2 * step)
    depth[band] = np.where(np.isfinite(distance), distance, depth[band])
    return _Grid(low, step, depth, inside)


def measure_depth(mask: Bool, reach: int) -> F32:
    """(X,Y,Z) cells from each True cell to the nearest False one, 0 where False; beyond `reach` it is `reach` + 1.

    Squared distances axis by axis (Saito and Toriwaki 1994), only as far as anybody asks.

    >>> measure_depth(np.ones((1, 1, 3), bool) & (np.arange(3) > 0), 8)[0, 0].tolist()
    [0.0, 1.0, 2.0]
    """
    far = (reach + 1) ** 2
    squared = mask.astype(np.uint16 if reach < 180 else np.uint32) * far
    for axis in range(3):
        before = np.moveaxis(squared, axis, 0).copy()
        after = np.moveaxis(squared, axis, 0)
        for shift in range(1, min(reach, len(before) - 1) + 1):
            np.minimum(after[shift:], before[:-shift] + shift**2, out=after[shift:])
            np.minimum(after[:-shift], before[shift:] + shift**2, out=after[:-shift])
    return np.asarray(np.sqrt(np.minimum(squared, far), dtype=np.float32))


def rasterize(
    solid: manifold3d.Manifold, z_mm: float, low_mm: F64, step_mm: float, shape: tuple[int, int]
) -> Bool:
    """(X,Y) which samples at low + index * step lie in the body's cross-section at `z_mm`."""
    canvas = np.zeros((shape[1], shape[0]), np.uint8)
    polygons = solid.slice(float(z_mm)).to_polygons()
    if polygons:
        scaled = [
            np.rint((np.asarray(polygon) - low_mm[:2]) / step_mm * 256).astype(np.int32)
            for polygon in polygons
        ]
        cv2.fillPoly(canvas, scaled, 1, lineType=cv2.LINE_8, shift=8)
    return np.asarray(canvas.T, bool)


def _spread(surface: Surface, spacing_mm: float) -> F64:
    """(N,3) points on the surface, no hole between them wider than about `spacing_mm`: the vertices, and the middles
    of equal parts of each triangle. No point comes twice, as it would on the edges."""
    corner = surface.vertices_mm[surface.faces]
    longest = np.linalg.norm(np.roll(corner, -1, axis=1) - corner, axis=2).max(1)
    pieces = np.minimum(np.ceil(longest / spacing_mm).astype(int), 64)
    points = [surface.vertices_mm]
    for count in np.unique(pieces):
        u, v = np.divmod(np.arange(count * count), count)
        # A square of cells: those beyond the diagonal are the triangles that point the other way.
        turned = u + v >= count
        u, v = np.where(turned, count - u - 1 / 3, u + 1 / 3), np.where(turned, count - v - 1 / 3, v + 1 / 3)
        weights = np.stack([count - u - v, u, v], 1) / count
        points.append(np.einsum("nk,fkc->fnc", weights, corner[pieces == count]).reshape(-1, 3))
    return np.concatenate(points)


def _find_front(grid: _Grid, lean_deg: float) -> _Front:
    """The front of a body that leans back, and where its upper third begins."""
    sin, cos = np.sin(np.radians(lean_deg)), np.cos(np.radians(lean_deg))
    up = np.array([0.0, sin, cos])
    height = grid.place(np.argwhere(grid.inside).astype(np.float64)) @ up
    low, high = float(height.min()), float(height.max())
    return _Front(np.array([0.0, -cos, sin]), up, low + _HEAD * (high - low))


def _drill(
    grid: _Grid, cavity: Bool, options: HollowOptions, *, front: _Front | None
) -> list[tuple[manifold3d.Manifold, Hole]] | None:
    """Cutters for the holes of one cavity; None where none of the asked drain holes reaches it.

    `front` is None for a part whose top is a cut: the head is in another one, and the vent goes through the cut.
    """
    cut_above = front is None
    places = np.argwhere(cavity)
    low = int(places[:, 2].min())
    out: list[tuple[manifold3d.Manifold, Hole]] = []
    count = 0
    radius = options.hole_mm / 2
    # Downwards from the lowest places, first from those with most air around them.
    air = ndimage.distance_transform_edt(cavity.any(2)) * grid.step_mm
    floor = places[places[:, 2] <= low + max(int(_FLOOR_MM / grid.step_mm), 1)].astype(np.float64)
    roomy = np.minimum(air[floor[:, 0].astype(int), floor[:, 1].astype(int)], radius)
    rank = roomy - (floor[:, 2] - low) * grid.step_mm
    for _ in range(_TRIES):
        best = int(rank.argmax())
        if count == options.holes or not np.isfinite(rank[best]):
            break
        place = floor[best]
        beside = np.linalg.norm((floor - place)[:, :2], axis=1) * grid.step_mm
        cutter = _cylinder(grid, place, np.array([0.0, 0, -1]), radius, "drain")
        if cutter and front and front.shows(grid, np.array(cutter[1].at_mm)):
            rank[beside <= radius] = -np.inf
            continue
        count += 1
        rank[beside < 2 * options.hole_mm] = -np.inf
        if cutter:
            out.append(cutter)
    if options.holes and not out:
        return None
    if options.vent and options.holes:
        high = int(places[:, 2].max())
        top = places[places[:, 2] >= high - max(int(3.0 / grid.step_mm), 1)]
        top = top[:: max(len(top) // 64, 1)]
        way = np.array([0.0, 0, 1] if cut_above else [0.0, 1, 0])
        ways = [(place, _cylinder(grid, place.astype(np.float64), way, radius, "vent")) for place in top]
        found = [(place, made) for place, made in ways if made]
        if found:
            # Through a cut all ways are about as short; below the highest place, air would stay.
            deep = 2 * grid.step_mm if cut_above else 0.0
            _, vent = min(found, key=lambda way: way[1][1].length_mm + deep * (high - int(way[0][2])))
            out.append(vent)
    return out


def _cylinder(
    grid: _Grid, start: F64, way: F64, radius_mm: float, kind: str
) -> tuple[manifold3d.Manifold, Hole] | None:
    """A cutter from inside a cavity along an axis until it has left the solid, and a little more."""
    axis, sign = int(np.flatnonzero(way)[0]), int(way[way != 0][0])
    index = start.astype(int)
    line = [index.copy()]
    while 0 <= line[-1][axis] + sign < grid.inside.shape[axis]:
        following = line[-1].copy()
        following[axis] += sign
        line.append(following)
    solid = np.array([grid.inside[tuple(place)] for place in line])
    if solid.all():
        return None
    length = float(np.argmin(solid)) * grid.step_mm
    mouth = grid.place(start[None])[0] + way * length
    reach = length + 1.5 * grid.step_mm + radius_mm
    body = manifold3d.Manifold.cylinder(reach + 0.5 * radius_mm, radius_mm, radius_mm, 32)
    body = body.translate((0, 0, -0.5 * radius_mm))
    turned = body.rotate((90 * sign - 90, 0, 0)) if axis == 2 else body.rotate((-90, 0, 0))
    at = grid.place(start[None])[0]
    hole = Hole(
        kind=kind,
        at_mm=(round(float(mouth[0]), 2), round(float(mouth[1]), 2), round(max(float(mouth[2]), 0.0), 2)),
        diameter_mm=2 * radius_mm,
        length_mm=round(length, 2),
    )
    return turned.translate((float(at[0]), float(at[1]), float(at[2]))), hole
