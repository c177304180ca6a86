"""Mesh -> Mesh: within the face budget, closed, oriented, every face labelled with where it comes from.

The budget is met by quadric edge collapse (Garland & Heckbert 1997; fast-simplification, MIT) a little below it; then
the ground is cut off. A collapse may leave sheets that touch along an edge; manifold3d takes these apart and they are
pushed 1 µm from each other. Where that does not give a solid, the collapse goes in two steps, to twice the budget and
then, on a solid again, to the budget; then manifold3d's error-bounded simplification goes before, within 1/10,000 of
the size and more; where nothing else helps it is bisected to the budget: always a solid, but faces are spent less well.
Faces that were pushed through each other are parted last (untangle.py); where some still cross, the other way is tried
too.

fast-simplification takes edges whose error is below a threshold that rises from pass to pass, and the thresholds have
no unit: on a figurine in metres the first one lies above all errors, and edges go in the order of the list. At a size
of 10 they are ordered. 362,760 faces of the sample knight to 50,000: from the full surface 0.0079 mm on average, 0.17
at most, in metres, and 0.0035 and 0.033 so; sample fox 0.0051 and 0.33, 0.0022 and 0.020; the whole in 0.95 s of CPU
instead of 1.44, since no second collapse is needed and the solid is cut when it is small.

Faces go to the collapse in the order of their first vertex: the net lists them by axis, and what it changes at once lay
all over the memory. Collapse of eight samples 0.39 to 0.89 s of CPU, 0.24 to 0.49 so; their mean distance from the full
surface is 1 % less, the largest less in six of eight. Along a Z-order curve it takes a quarter longer than so.

Rejected: meshoptimizer instead (0.21 s of CPU where the collapse takes 0.6, twice as far from the surface), or before
it, to 150,000 faces (0.41 s, a third farther); manifold3d's simplification before the collapse, always (twice the time,
as near to the surface); one collapse in metres from 500,000 to 50,000 faces (open in every second figurine); Open3D's
quadric decimation (21 s).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.camera import project, world_from_camera
from slipcast.core.errors import StageFailed
from slipcast.core.options import check, whole
from slipcast.core.values import F64, I32, U8, Mesh, Shells, Source
from slipcast.mesh.bodies import find_bodies
from slipcast.mesh.stance import convex_hull, mass_center, tipping_angle_deg
from slipcast.mesh.topology import (
    NUDGE_M,
    bodies_of,
    bound_pieces,
    closedness,
    count_pieces,
    face_centres,
    face_normals,
    from_manifold,
    is_shut,
    make_mesh,
    to_manifold,
)
from slipcast.mesh.untangle import untangle
from slipcast.reconstruct.disc import measure_share, put_disc

if TYPE_CHECKING:
    import manifold3d

MIN_FACES, MAX_FACES = 100, 2_000_000
_COARSER = (1e-4, 3e-4, 1e-3, 3e-3)
"""Shares of the size that are taken out first where the collapse leaves no solid or stalls: on very small budgets it
does among slivers (a ball of 75,000 faces ends at 1,672 where 100 were asked, and at 100 from 13,000 faces)."""
_WAYS = (0.98, 2.0, 1.5)
"""How many times the budget the first collapse leaves; the next where one leaves no solid or faces that cross. A cut at
the ground adds faces, 2 % of 50,000 at most in the samples."""
_NEARLY = 1.01
"""So many times the budget may be within it when faces like lines are gone: 1 to 3 % are. The sample knight, 50,038
faces after its cut, has 49,528 then; a second collapse for the 38 took 0.07 s of CPU."""
_GIVEN = 0.6
"""Share of the faces below a round base's top that the body gets; the disc and the cut above it need the rest. Of
50,000 the samples knight, owl and witch have 48,802, 48,448 and 48,318 so (42,776, 42,368 and 44,402 without), and lie
0.0031, 0.0031 and 0.0029 mm from the full surface (0.0036, 0.0036 and 0.0031); at 0.75 they have 49,682 to 49,860;
more than the budget is collapsed twice."""
_UNITS, _EAGERNESS = 10.0, 5
"""The size at which the collapse works, and how fast its threshold rises, of 10. At 3 it takes 0.93 s instead of 0.58
and is 5 % nearer to the surface; 6 is a twentieth faster and 25 % farther."""
_SOLE_SHARE, _SOLE_FULL, _SOLE_MOST, _SOLE_STEPS = 0.6, 0.04, 0.02, 16
"""When a sole counts as flat, and how much of the height may be cut to make it so: see `find_sole_m`."""
_SOLE_CONTACT, _SOLE_SAFE_DEG = 0.002, 10.0
"""Where the contact is taken, as a share of the height, and the lean that a sole must bear to be left alone."""
_SOLE_REACH = 0.3
"""The least width and depth of a contact over the figurine's."""
_ON_CUT = 1e-6
"""How far from a cut, as a share of the size, a corner lies on it."""
CRUMB = 5e-5
"""Bodies that hold no more than this share of the volume are dropped."""


@dataclass(frozen=True, kw_only=True)
class SimplifyOptions:
    """What the finished mesh may cost.

    >>> SimplifyOptions(faces=1)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: faces is 1; give a whole number from 100 to 2000000, for instance 50000
    """

    faces: int = 50_000
    """Most triangles that the mesh may have."""

    def __post_init__(self) -> None:
        check(
            self,
            faces=whole(MIN_FACES, MAX_FACES, example=50_000),
        )


@dataclass(frozen=True)
class Ground:
    """What a figurine stands on: a sole on which it would fall is levelled."""

    depth: Shells | None = None
    """The one picture's, whose lowest row says where the ground is: what hangs below is cut off, and a round base that
    it shows is made round; None: nothing does."""
    height_m: float | None = None
    """Where several views show it: what hangs below is cut off."""


@dataclass(frozen=True, kw_only=True)
class Simplified:
    """A finished mesh."""

    mesh: Mesh
    crossing: int
    """How many pairs of its faces run through each other."""


def simplify(mesh: Mesh, depth: Shells, options: SimplifyOptions, *, ground: Ground | None = None) -> Mesh:
    """Return the mesh of `simplify_and_part`."""
    return simplify_and_part(mesh, depth, options, ground=ground).mesh


def simplify_and_part(
    mesh: Mesh, depth: Shells, options: SimplifyOptions, *, ground: Ground | None = None
) -> Simplified:
    """Return a closed solid of at most `options.faces` triangles through `mesh`, faces labelled by `Source`.

    What hangs below the `ground`, that of the one picture where none is given, is cut off, and a sole on which it
    would fall is levelled.
    Raises StageFailed when no closed solid can be made.
    """
    if 4 * bound_pieces(mesh) > options.faces and 4 * count_pieces(mesh) > options.faces:
        # Said at once: ten thousand specks kept the search below busy for more than a minute.
        volumes = bodies_of(mesh).volume
        parts = int((volumes > CRUMB * volumes.sum()).sum())
        if 4 * parts > options.faces:
            raise StageFailed(
                f"{options.faces} faces cannot hold the {parts:,} separate parts of this silhouette closed; allow more "
                "faces, or cut the picture out more cleanly"
            )
    best, crossing = _decimate(mesh, options.faces, ground or Ground(depth))
    if best is None:
        raise StageFailed("no closed solid could be made of this surface; try another detail or depth model")
    return Simplified(mesh=replace(best, source=_label_sources(best, depth)), crossing=crossing)


def decimate(mesh: Mesh, faces: int, ground: Ground | None = None) -> Mesh | None:
    """Return a closed solid of at most `faces` triangles through the solid `mesh`, all INVENTED, or None.

    `ground` says what is cut off below. None where the budget cannot hold it closed.
    """
    return _decimate(mesh, faces, ground)[0]


def _decimate(mesh: Mesh, faces: int, ground: Ground | None) -> tuple[Mesh | None, int]:
    """`decimate`, and how many pairs of faces cross."""
    best, crossing = None, 1
    for made in _attempt_all(mesh, ground, faces):
        parted, left = untangle(made)
        if best is None or left < crossing:
            best, crossing = parted, left
        if not crossing:
            break
    return best, crossing


def _attempt_all(mesh: Mesh, ground: Ground | None, faces: int) -> Iterator[Mesh]:
    """Closed solids within the budget, the likeliest way first; each is made when it is asked for."""
    for way in _WAYS:
        made = _collapse_and_cut(way, mesh, ground, faces)
        if made is not None:
            yield made
    made = _coarsen(mesh, ground, faces)
    if made is not None:
        yield made


def _collapse_and_cut(share: float, mesh: Mesh, ground: Ground | None, faces: int) -> Mesh | None:
    """The collapse to a `share` of the budget, the cut, and the rest of the way; None where no closed solid is left."""
    solid = to_manifold(collapse(mesh, int(share * faces * (_spare(mesh, ground) if share < 1 else 1.0))))
    if solid is None:
        return None
    solid = _cut_at_ground(solid, ground, faces)
    made = _finish(solid, faces) if solid.num_tri() <= _NEARLY * faces else None
    if made is not None or solid.num_tri() <= faces:
        return made
    return _collapse_to_budget(from_manifold(solid), faces)


def _spare(mesh: Mesh, ground: Ground | None) -> float:
    """How many times its budget the collapse may leave where a round base is replaced, which takes its faces away."""
    if ground is None or ground.depth is None or ground.depth.base is None:
        return 1.0
    return 1 / (1 - _GIVEN * measure_share(mesh, ground.depth.base, ground.depth.camera))


def _coarsen(mesh: Mesh, ground: Ground | None, faces: int) -> Mesh | None:
    """The collapse after as little simplification as makes it work, or simplification alone; None as above."""
    solid = to_manifold(mesh)
    if solid is None:
        return None
    solid = _cut_at_ground(solid, ground, faces)
    for share in _COARSER:
        made = _collapse_to_budget(from_manifold(solid.simplify(share * _size(solid))), faces)
        if made is not None:
            return made
    made = _simplify_to_budget(solid, faces)
    return made if closedness(made).closed else None


def _size(solid: "manifold3d.Manifold") -> float:
    """Longest side of the box, in metres."""
    low_x, low_y, low_z, high_x, high_y, high_z = solid.bounding_box()
    return float(max(high_x - low_x, high_y - low_y, high_z - low_z))


def find_ground_m(depth: Shells, low_m: float, high_m: float) -> float | None:
    """Height at which a surface between `low_m` and `high_m` is cut to stand, or None where nothing is to be cut.

    The picture's lowest row is a ray that sinks (or rises) with depth, but the figurine stands on a plane, at the
    height of its nearest point there. Nothing is cut where that would take more than a tenth of the height.
    """
    camera, row = depth.camera, int(np.flatnonzero(depth.valid.any(1))[-1])
    nearest = float(depth.front[row][depth.valid[row]].min())
    below = np.array([[0.0, (row + 1 - camera.cy_px) / camera.fy_px * nearest, nearest]])
    ground = float(world_from_camera(camera, below)[0, 1])
    return ground if low_m < ground < low_m + 0.1 * (high_m - low_m) else None


def _cut_at_ground(solid: "manifold3d.Manifold", ground: Ground | None, faces: int) -> "manifold3d.Manifold":
    """Cut off what perspective lets hang below the ground, and level a sole that the model rounded.

    Where the picture shows a round base, the solid gets it, for a mesh of at most `faces`.
    """
    if ground is None:
        return solid
    if ground.depth is not None:
        if ground.depth.base is not None:
            solid = put_disc(solid, ground.depth.base, ground.depth.camera, faces)
        _, low, _, _, high, _ = solid.bounding_box()
        solid = _trim_below(solid, find_ground_m(ground.depth, low, high))
    solid = _trim_below(solid, ground.height_m)
    return level_sole(solid, find_sole_m(solid))


def level_sole(solid: "manifold3d.Manifold", height_m: float | None) -> "manifold3d.Manifold":
    """The solid with the sole that a cut at a height makes, set down to where it was lowest; itself for None.

    What the outlines show of the height stays: cut alone, figurines of several views lacked up to 2 % of it.
    """
    if height_m is None:
        return solid
    low, tall = solid.bounding_box()[1], _size(solid)
    cut = _trim_below(solid, height_m)

    def set_down(places: F64) -> F64:
        places[places[:, 1] < height_m + _ON_CUT * tall, 1] = low
        return places

    return cut.warp_batch(set_down)


def _trim_below(solid: "manifold3d.Manifold", height_m: float | None) -> "manifold3d.Manifold":
    """The solid above a height, or all of it for None and where nothing would be left."""
    if height_m is None:
        return solid
    cut = solid.trim_by_plane((0.0, 1.0, 0.0), height_m)
    return cut if cut.num_tri() else solid


def find_sole_m(solid: "manifold3d.Manifold") -> float | None:
    """Height at which a sole is cut flat, or None where it stands as it is, or has no sole.

    The rim of a silhouette comes out round, the foot of a base or a shoe with it, so that it would stand on a point. It
    is cut at the lowest height, within 2 % of the figurine's, where its section has 60 % of the area that it has at
    4 %. Where no height has, as on paws of unequal height, it is cut at the lowest at which it stands, if its contact
    is three tenths as wide and as deep as the figurine: a ball or a point does not reach that and stays.

    Rejected: cutting every rounded sole. With true depth it cut the paws of the samples fox and dragon, which stood
    well: outline IoU 0.993 to 0.950 and 0.974 to 0.915.
    """
    low_x, low, low_z, high_x, high, high_z = solid.bounding_box()
    upright = solid.rotate((90.0, 0.0, 0.0))  # +Y becomes +Z, along which manifold3d slices
    mesh = upright.to_mesh()
    center = mass_center(
        np.array(mesh.vert_properties[:, :3], np.float32), np.array(mesh.tri_verts, np.int32)
    )
    tall = high - low
    contact = _SOLE_CONTACT * tall

    def tipping_deg(height: float) -> float:
        hull = _hull_at(upright, height)
        return tipping_angle_deg(hull, center - np.array([0, 0, height]))

    if tipping_deg(low + contact) >= _SOLE_SAFE_DEG:
        return None
    wanted = _SOLE_SHARE * float(upright.slice(low + _SOLE_FULL * tall).area())
    heights = [float(low + share * tall) for share in np.linspace(0, _SOLE_MOST, _SOLE_STEPS + 1)]
    areas = [float(upright.slice(max(height, low + 1e-4 * tall)).area()) for height in heights]
    if areas[0] >= wanted:
        return None
    for height, area in zip(heights, areas, strict=True):
        if area >= wanted:
            return height
    least = _SOLE_REACH * np.array([high_x - low_x, high_z - low_z])
    for height in heights[1:]:
        hull = _hull_at(upright, height + contact)
        if (
            len(hull)
            and (np.ptp(hull, axis=0) >= least).all()
            and tipping_deg(height + contact) >= _SOLE_SAFE_DEG
        ):
            return height
    return None


def _hull_at(upright: "manifold3d.Manifold", height_m: float) -> F64:
    """(N,2) convex hull of the section of a solid with +Z up, empty where there is none."""
    outlines = [np.asarray(outline, np.float64) for outline in upright.slice(height_m).to_polygons()]
    return convex_hull(np.concatenate(outlines)) if outlines else np.zeros((0, 2))


def _collapse_to_budget(mesh: Mesh, faces: int) -> Mesh | None:
    """Quadric edge collapse to the budget, or None where it leaves no closed solid."""
    fewer = collapse(mesh, faces)
    solid = to_manifold(fewer) if len(fewer.faces) <= faces else None
    return None if solid is None else _finish(solid, faces)


def _finish(solid: "manifold3d.Manifold", faces: int) -> Mesh | None:
    """A solid as a mesh without crumbs and faces like lines, or None where it is not closed within the budget."""
    made = from_manifold(_drop_crumbs(solid).simplify(NUDGE_M / 2))
    return made if len(made.faces) <= faces and is_shut(made) else None


def collapse(mesh: Mesh, faces: int) -> Mesh:
    """Return `mesh`, open or closed, after quadric edge collapse to about `faces`, if it has more; all INVENTED then.

    What was closed may be open: `decimate` makes solids.
    """
    import fast_simplification

    if len(mesh.faces) <= faces:
        return mesh
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    middle, unit = (low + high) / 2, np.float32(max(float(np.max(high - low)), 1e-30) / _UNITS)
    # Faces that lie beside each other in space lie so in memory too.
    order = np.argsort(np.minimum.reduce([mesh.faces[:, k] for k in range(3)]), kind="stable")
    vertices, triangles = fast_simplification.simplify(
        np.ascontiguousarray((mesh.vertices - middle) / unit),
        mesh.faces[order],
        target_count=faces,
        agg=_EAGERNESS,
    )
    return make_mesh(vertices * unit + middle, _drop_fins(triangles.astype(np.int32)))


def _drop_fins(faces: I32) -> I32:
    """Drop pairs of faces on the same three vertices: collapsed slivers, back to back."""
    low, middle, high = np.sort(faces, axis=1).astype(np.int64).T
    size = int(high.max(initial=0)) + 1  # at most MAX_FACES, so the key fits
    _, index, count = np.unique((low * size + middle) * size + high, return_inverse=True, return_counts=True)
    out: I32 = faces[count[index.reshape(-1)] == 1]
    return out


def _drop_crumbs(solid: "manifold3d.Manifold") -> "manifold3d.Manifold":
    """Drop bodies and cavities that hold less than 1/20,000 of the volume, and bodies that are inside out."""
    import manifold3d

    made = solid.to_mesh()
    faces = np.asarray(made.tri_verts, np.int32)
    mesh = make_mesh(np.asarray(made.vert_properties[:, :3], np.float32), faces)
    if count_pieces(mesh) == 1:
        return solid
    bodies = find_bodies(mesh.vertices, mesh.faces)
    if len(bodies.volume) == 1:
        return solid
    kept = np.abs(bodies.volume) > CRUMB * solid.volume()
    kept &= ~bodies.inside_out & (bodies.cavity | (bodies.volume > 0))
    kept &= ~bodies.cavity | kept[bodies.around]  # a cavity goes with what is around it
    if kept.all() or not kept.any():
        return solid
    points = np.array(made.vert_properties[:, :3], np.float32)
    left = np.array(faces[kept[bodies.shell]], np.uint32)
    return manifold3d.Manifold(manifold3d.Mesh(points, left))


def _simplify_to_budget(solid: "manifold3d.Manifold", faces: int) -> Mesh:
    """manifold3d's simplification with about the smallest tolerance that meets the budget."""
    best, low, high = None, 0.0, _size(solid) * 1e-4
    for _ in range(7):  # up to a tenth of the size; more tears the shape and leaves more faces again
        made = from_manifold(_drop_crumbs(solid.simplify(high)))
        if len(made.faces) <= faces:
            best = made
            break
        low, high = high, high * 3
    if best is None:
        raise StageFailed(f"{faces} faces cannot hold this shape closed; allow more faces")
    for _ in range(5):
        if len(best.faces) >= 0.9 * faces:
            break
        middle = (low + high) / 2
        made = from_manifold(_drop_crumbs(solid.simplify(middle)))
        if len(made.faces) <= faces:
            best, high = made, middle
        else:
            low = middle
    return best


def _label_sources(mesh: Mesh, depth: Shells) -> U8:
    """(F,) of `Source`: SEEN where a face looks at the camera and lies on the front shell."""
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    centre = face_centres(mesh.vertices, mesh.faces)
    pixel, z = project(depth.camera, centre)
    x = np.clip(pixel[:, 0].astype(int), 0, depth.camera.width_px - 1)
    y = np.clip(pixel[:, 1].astype(int), 0, depth.camera.height_px - 1)
    turn, shift = depth.camera.camera_from_world[:3, :3], depth.camera.camera_from_world[:3, 3]
    eye = -shift @ turn
    ray = centre - eye
    facing = -(normals * ray).sum(1) / np.maximum(np.linalg.norm(ray, axis=1), 1e-12)
    width_m = z / depth.camera.fy_px
    # A face seen at a slant spans depth over one pixel: the tolerance grows with it.
    slack = width_m * (3 + 3 / np.maximum(np.abs(facing), 0.1))
    valid = depth.valid[y, x]
    on_front = ~valid | (np.abs(z - depth.front[y, x]) <= slack)
    on_back = ~valid | (np.abs(z - depth.back[y, x]) <= slack)
    source = np.full(len(centre), int(Source.INVENTED), np.uint8)
    source[(facing < 0) & on_back] = int(depth.back_source)
    source[(facing > 0.1) & on_front] = int(Source.SEEN)
    return source
