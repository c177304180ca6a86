"""DepthMap -> PointCloud: from camera axes to the world, the only file that does it.

`place` puts a calibrated depth map into the world (metres, feet on y = 0, facing +Z). `make_points` samples both shells
on one lattice over the picture and knows how neighbours join, so the surface stage may use the connectivity or not.

Front and back share the lattice's rim where they meet and are joined by a wall where the figurine ends thick. Where
depth steps, the shells are cut (gaps.py): what lies between a near and a far part is left out.

Normals are cross products of finite differences of the back-projected lattice, so perspective is in them.
Rejected: normals from 30 neighbours and orientation by tangent planes (29 s for one 1024 x 1024 picture on two cores).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from slipcast.cuts import open_gaps, rim_edges
from slipcast.errors import BadInput, StageFailed
from slipcast.gaps import Shells, plan_gaps
from slipcast.lattice import Lattice, make_lattice, rounded
from slipcast.solid import corners, cross, dot
from slipcast.values import (
    F32,
    F64,
    I32,
    I64,
    Bool,
    Camera,
    DepthKind,
    DepthMap,
    Figurine,
    Mesh,
    Picture,
    PointCloud,
    Source,
    View,
)

DETAILS = {"draft": 256, "standard": 512, "fine": 1024}
"""Samples along the figurine's longer side, never more than the picture has."""
_YAW_DEG = {View.FRONT: 0.0, View.LEFT: 90.0, View.BACK: 180.0, View.RIGHT: 270.0}


@dataclass(frozen=True, kw_only=True)
class PlaceOptions:
    """Where and how large the figurine stands."""

    height_m: float = 0.075
    """Height of the finished asset, feet to top."""


@dataclass(frozen=True, kw_only=True)
class PointOptions:
    """How densely the shells are sampled."""

    detail: str = "standard"
    """`draft`, `standard` or `fine`: 256, 512 or 1024 samples along the figurine's longer side, never more than the
    picture has."""


def place(depth: DepthMap, picture: Picture, options: PlaceOptions) -> DepthMap:
    """Return `depth` in metres with a camera that stands in the world.

    Takes METRIC depth with both shells; raises BadInput for a height that is not positive and StageFailed when no
    pixel is valid.
    """
    if not (math.isfinite(options.height_m) and options.height_m > 0):
        raise BadInput(f"height must be a positive length, got {options.height_m} m; try 75mm")
    if not depth.valid.any():
        raise StageFailed("the depth map has no valid pixel; check the cutout (--keep writes it)")
    if depth.kind is not DepthKind.METRIC or depth.back is None:
        raise ValueError("place needs calibrated depth with both shells")
    low, high = _extent(depth)
    scale = options.height_m / max(high[1] - low[1], 1e-9)
    low, high = low * scale, high * scale
    yaw = math.radians(_YAW_DEG[picture.view])
    # The figurine's middle in camera axes, its feet at the lowest y (camera y points down).
    foot = np.array([(low[0] + high[0]) / 2, high[1], (low[2] + high[2]) / 2])
    turn = np.array([[math.cos(yaw), 0, -math.sin(yaw)], [0, 1, 0], [math.sin(yaw), 0, math.cos(yaw)]])
    camera_from_world = np.eye(4)
    camera_from_world[:3, :3] = np.diag([1.0, -1.0, -1.0]) @ turn
    camera_from_world[:3, 3] = foot
    return replace(
        depth,
        front=(depth.front * np.float32(scale)).astype(np.float32),
        back=(depth.back * np.float32(scale)).astype(np.float32),
        camera=replace(depth.camera, camera_from_world=camera_from_world),
    )


def _extent(depth: DepthMap) -> tuple[F64, F64]:
    """Lowest and highest x, y, z of both shells in camera axes."""
    assert depth.back is not None
    rows, columns = np.nonzero(depth.valid)
    camera = depth.camera
    x = (columns.astype(np.float32) + np.float32(0.5 - camera.cx_px)) / np.float32(camera.fx_px)
    y = (rows.astype(np.float32) + np.float32(0.5 - camera.cy_px)) / np.float32(camera.fy_px)
    shells = [depth.front[depth.valid], depth.back[depth.valid]]
    axes = [[x * z for z in shells], [y * z for z in shells], shells]
    low = np.array([min(float(values.min()) for values in axis) for axis in axes])
    return low, np.array([max(float(values.max()) for values in axis) for axis in axes])


def make_points(depth: DepthMap, picture: Picture, options: PointOptions) -> PointCloud:
    """Return both shells of placed `depth` as one cloud, joined along the lattice, (N,3) in world axes and metres.

    Raises BadInput for an unknown detail and StageFailed when the silhouette is too small to hold a cell.
    """
    if options.detail not in DETAILS:
        raise BadInput(f"detail must be one of {', '.join(DETAILS)}, got {options.detail}")
    if depth.back is None:
        raise ValueError("make_points needs both shells")
    rows, columns = np.flatnonzero(depth.valid.any(1)), np.flatnonzero(depth.valid.any(0))
    if not len(rows):
        raise StageFailed("the depth map has no valid pixel; check the cutout (--keep writes it)")
    longest_px = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    step = max(1, round(longest_px / DETAILS[options.detail]))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    opacity = 255 if picture.alpha is None else picture.alpha
    cover: F32 = (np.where(depth.valid, opacity, 0) / np.float32(255)).astype(np.float32)
    unit = float(np.median(depth.front[depth.valid])) / depth.camera.fy_px
    grid = make_lattice(cover[box], depth.front[box], depth.back[box], depth.valid[box], step=step, unit=unit)
    if not len(grid.triangles):
        raise StageFailed("the silhouette is too small to make a solid of; use a larger picture")
    return _cloud(grid, depth, picture, (float(rows[0]), float(columns[0])), unit * step, step)


def settle(figurine: Figurine, options: PlaceOptions) -> Figurine:
    """Scale and move a finished figurine so that its height is exact, its feet are on y = 0 and x and z are centred."""
    vertices = figurine.mesh.vertices.astype(np.float64)
    low, high = vertices.min(0), vertices.max(0)
    middle = (low + high) / 2
    origin = np.array([middle[0], low[1], middle[2]])
    moved = (vertices - origin) * (options.height_m / max(high[1] - low[1], 1e-12))
    mesh = Mesh(vertices=moved.astype(np.float32), faces=figurine.mesh.faces, source=figurine.mesh.source)
    return replace(figurine, mesh=mesh)


def world_from_camera(camera: Camera, points: F32 | F64) -> F64:
    """Return (N,3) points in camera axes as world points."""
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    out: F64 = (points.astype(np.float64) - shift) @ turn
    return out


def camera_from_world(camera: Camera, points: F32 | F64) -> F64:
    """Return (N,3) world points in camera axes."""
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    out: F64 = points.astype(np.float64) @ turn.T + shift
    return out


def project(camera: Camera, points: F32 | F64) -> tuple[F64, F64]:
    """Return (N,2) pixel coordinates (x, y) and (N,) camera z of (N,3) world points."""
    local = camera_from_world(camera, points)
    z = local[:, 2]
    pixels = local[:, :2] / np.maximum(z, 1e-12)[:, None] * [camera.fx_px, camera.fy_px]
    return pixels + np.array([camera.cx_px, camera.cy_px]), z


def _cloud(
    grid: Lattice, depth: DepthMap, picture: Picture, corner: tuple[float, float], spacing: float, step: int
) -> PointCloud:
    """Back-project both shells, give normals, colours and sources, and join them."""
    camera = depth.camera
    unit = spacing / step
    plan = plan_gaps(_shells(grid, spacing, step))
    grid = rounded(grid, unit, step, None if plan is None else plan.open_)
    pixel = grid.position + np.array([corner[1], corner[0]], np.float32)
    ray = _rays(camera, grid.position, corner)
    shells = _shells(grid, spacing, step)
    front, back, back_index = shells.front * unit, shells.back * unit, shells.back_index
    vertex_count, meets = len(pixel), back_index == shells.front_index
    points = np.concatenate([ray * front[:, None], (ray * back[:, None])[~meets]])
    gaps = None if plan is None else open_gaps(shells, plan.grown(shells), len(points))
    triangles, diagonal, opened = grid.triangles, grid.diagonal, np.zeros(vertex_count, bool)
    if gaps is not None:
        points = np.concatenate([points, _rays(camera, gaps.position, corner) * (gaps.depth * unit)[:, None]])
        triangles, diagonal = _untouched(triangles, diagonal, gaps.touched)
        opened = gaps.rim
    front_faces = _best_diagonals(triangles, diagonal, ray * front[:, None])
    back_faces = back_index[_best_diagonals(triangles, diagonal, ray * back[:, None])][:, ::-1]
    walls = _walls(rim_edges(shells.triangles, grid.on_rim), back_index, opened)
    faces = np.concatenate([front_faces, back_faces, walls]).astype(np.int32)
    if gaps is not None:
        faces = np.concatenate([faces, gaps.faces.astype(np.int32)])
    source = np.full(len(points), int(depth.back_source), np.uint8)
    source[:vertex_count] = int(Source.SEEN)
    place: list[F32] = [pixel, pixel[~meets]]
    if gaps is not None:
        source[len(source) - len(gaps.depth) :] = int(Source.INVENTED)
        place.append((gaps.position + np.array([corner[1], corner[0]])).astype(np.float32))
    # The rim's vertices at a gap were replaced by one for each part.
    used = np.zeros(len(points), bool)
    used[faces] = True
    faces = (np.cumsum(used) - 1)[faces].astype(np.int32)
    world = world_from_camera(camera, points[used]).astype(np.float32)
    x, y = np.concatenate(place)[used].astype(int).T
    x, y = np.clip(x, 0, picture.width_px - 1), np.clip(y, 0, picture.height_px - 1)
    return PointCloud(
        points=world,
        normals=vertex_normals(world, faces),
        colors=picture.pixels[y, x],
        source=source[used],
        joins=faces,
    )


def _shells(grid: Lattice, spacing: float, step: int) -> Shells:
    """The lattice with a skin: both shells' depths in pixels' widths, and which vertices they share."""
    thick = (grid.back - grid.front).astype(np.float64)
    middle = (grid.front + grid.back).astype(np.float64) / 2
    # Where the rim is thinner than this the shells share one vertex; inside, a skin is kept so that they never touch.
    meets = grid.on_rim & (thick < 0.75 * spacing)
    skin = np.where(meets, 0, np.maximum(thick, 0.5 * spacing))
    front_index = np.arange(len(thick))
    back_index = front_index.copy()
    back_index[~meets] = len(thick) + np.arange(int((~meets).sum()))
    unit = spacing / step
    return Shells(
        position=grid.position,
        front=(middle - skin / 2) / unit,
        back=(middle + skin / 2) / unit,
        front_index=front_index,
        back_index=back_index,
        on_rim=grid.on_rim,
        triangles=grid.triangles.astype(np.int64),
        step=step,
    )


def _rays(camera: Camera, position: F32 | F64, corner: tuple[float, float]) -> F64:
    """(N,3) rays with z = 1 through positions in the box whose corner is at row, column `corner`."""
    ray = np.ones((len(position), 3), np.float64)
    ray[:, 0] = (position[:, 0] + corner[1] - camera.cx_px) / camera.fx_px
    ray[:, 1] = (position[:, 1] + corner[0] - camera.cy_px) / camera.fy_px
    return ray


def _untouched(triangles: I32, diagonal: Bool, touched: Bool) -> tuple[I32, Bool]:
    """The other triangles; a half of a cell whose twin is touched is no half any more."""
    halves = np.flatnonzero(diagonal)
    first, second = halves[: len(halves) // 2], halves[len(halves) // 2 :]
    alone = touched[first] | touched[second]
    still = diagonal.copy()
    still[first[alone]] = still[second[alone]] = False
    return triangles[~touched], still[~touched]


def _best_diagonals(triangles: I32, full: Bool, points: F64) -> I32:
    """Turn the diagonal of each full cell to the shorter one in space, so that edges of depth run straight."""
    out = triangles.copy()
    halves = np.flatnonzero(full)
    # The two halves of a cell are (0, 2, 1) and (0, 3, 2); all first halves come before all second ones.
    first, second = halves[: len(halves) // 2], halves[len(halves) // 2 :]
    a, c, b = triangles[first].T
    d = triangles[second, 1]
    other = ((points[b] - points[d]) ** 2).sum(1) < ((points[a] - points[c]) ** 2).sum(1)
    out[first[other]] = np.stack([a, d, b], 1)[other]
    out[second[other]] = np.stack([b, d, c], 1)[other]
    return out


def _walls(rim: I64, back_index: I64, opened: Bool) -> I32:
    """Faces between the front rim and the back rim wherever they are apart and no gap opens between them."""
    a, b = rim[~opened[rim].any(1)].T
    back_a, back_b = back_index[a], back_index[b]
    upper = np.stack([b, a, back_a], 1)[back_a != a]
    lower = np.stack([b, back_a, back_b], 1)[back_b != b]
    out: I32 = np.concatenate([upper, lower]).astype(np.int32)
    return out


def vertex_normals(vertices: F32, faces: I32) -> F32:
    """Return (V,3) unit normals, the area-weighted mean of the faces around each vertex."""
    corner = corners(vertices, faces)
    face = cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    at = np.ascontiguousarray(faces.T)
    total = np.zeros((3, len(vertices)))
    for axis in range(3):
        for k in range(3):
            total[axis] += np.bincount(at[k], face[axis], len(vertices))
    length = np.sqrt(dot(total, total))
    flat = length < 1e-30
    total[:, flat], length[flat] = [[0], [0], [1]], 1
    out: F32 = np.ascontiguousarray((total / length).T, np.float32)
    return out
