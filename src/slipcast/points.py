"""DepthMap -> PointCloud: from camera axes to the world, the only file that does it.

`place` puts a calibrated depth map into the world (metres, feet on y = 0, facing +Z). `make_points` samples both shells
on one lattice over the picture and knows how neighbours join, so the surface stage may use the connectivity or not.

The lattice is a marching-squares triangulation of the silhouette (Lorensen & Cline's cases in the plane): its nodes are
pixels, or the centres of blocks of pixels; its rim runs where the alpha crosses one half, to a fraction of a pixel, and
saddle cells are cut apart, so that the outline is a set of simple loops whatever the mask. Front and back share the
rim where they meet and are joined by a wall where the figurine ends thick. Thickness goes to the rim by its square:
the square of a round edge's thickness falls linearly with the distance to the rim, that of a flat edge stays.

Normals are cross products of finite differences of the back-projected lattice, so perspective is in them.
Rejected: normals from 30 neighbours and orientation by tangent planes (29 s for one 1024 x 1024 picture on two cores).
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from slipcast.errors import BadInput, StageFailed
from slipcast.values import (
    F32,
    F64,
    I32,
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

_ROWS = {"draft": 256, "standard": 512, "fine": 1024}
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
    if depth.kind is not DepthKind.METRIC or depth.back is None:
        raise ValueError("place needs calibrated depth with both shells")
    if not depth.valid.any():
        raise StageFailed("the depth map has no valid pixel; check the cutout (--keep writes it)")
    rays = depth.camera.rays()[depth.valid]
    points = np.concatenate([rays * depth.front[depth.valid, None], rays * depth.back[depth.valid, None]])
    low, high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)
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


def make_points(depth: DepthMap, picture: Picture, options: PointOptions) -> PointCloud:
    """Return both shells of placed `depth` as one cloud, joined along the lattice, (N,3) in world axes and metres.

    Raises BadInput for an unknown detail and StageFailed when the silhouette is too small to hold a cell.
    """
    if options.detail not in _ROWS:
        raise BadInput(f"detail must be one of {', '.join(_ROWS)}, got {options.detail}")
    if depth.back is None:
        raise ValueError("make_points needs both shells")
    rows, columns = np.flatnonzero(depth.valid.any(1)), np.flatnonzero(depth.valid.any(0))
    if not len(rows):
        raise StageFailed("the depth map has no valid pixel; check the cutout (--keep writes it)")
    longest_px = max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    step = max(1, round(longest_px / _ROWS[options.detail]))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    cover = (
        np.where(depth.valid, 255, 0) if picture.alpha is None else np.where(depth.valid, picture.alpha, 0)
    )
    grid = _lattice(
        cover[box].astype(np.float32) / 255, depth.front[box], depth.back[box], depth.valid[box], step
    )
    if not len(grid.triangles):
        raise StageFailed("the silhouette is too small to make a solid of; use a larger picture")
    return _cloud(grid, depth, picture, (float(rows[0]), float(columns[0])), step)


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


@dataclass(frozen=True, kw_only=True)
class _Lattice:
    """The triangulated silhouette in block coordinates, with both shells at each vertex."""

    position: F32
    """(V,2) x, y in pixels of the box."""
    front: F32
    """(V,) camera z."""
    back: F32
    """(V,)."""
    on_rim: Bool
    """(V,) True where the alpha crosses one half."""
    triangles: I32
    """(T,3) counter-clockwise as the camera sees them, y up."""
    diagonal: Bool
    """(T,) True for the halves of full cells, whose diagonal each shell may choose anew."""


def _blocks(values: F32, valid: Bool, step: int) -> tuple[F32, F32]:
    """Mean of valid values in blocks of step x step, padded by one empty block; and the share of valid pixels."""
    height, width = values.shape
    pad = ((0, -height % step), (0, -width % step))
    weight = np.pad(valid.astype(np.float32), pad)
    total = np.pad(np.where(valid, values, 0).astype(np.float32), pad)

    def summed(array: F32) -> F32:
        tall, wide = array.shape
        return array.reshape(tall // step, step, wide // step, step).sum((1, 3), dtype=np.float32)

    share = summed(weight)
    mean = summed(total) / np.maximum(share, 1e-6)
    return np.pad(mean, 1), np.pad(share / step**2, 1)


def _lattice(cover: F32, front: F32, back: F32, valid: Bool, step: int) -> _Lattice:
    """Triangulate where `cover` is at least one half, with the rim at the crossing."""
    cover, _ = _blocks(cover, np.ones(cover.shape, bool), step)
    near, share = _blocks(front, valid, step)
    far, _ = _blocks(back, valid, step)
    inside = (cover >= 0.5) & (share > 0)
    cover = np.where(inside, cover, np.minimum(cover, 0.499))
    height, width = inside.shape
    far = np.maximum(far, near)

    node = np.full(inside.shape, -1, np.int64)
    node[inside] = np.arange(int(inside.sum()))
    ys, xs = np.nonzero(inside)
    positions = [np.stack([xs, ys], 1).astype(np.float32)]
    fronts, backs = [near[inside]], [far[inside]]
    count = len(xs)
    edges: list[np.ndarray] = []
    for dy, dx in ((0, 1), (1, 0)):
        index = np.full(inside.shape, -1, np.int64)
        a = (slice(0, height - dy), slice(0, width - dx))
        b = (slice(dy, height), slice(dx, width))
        crossing = inside[a] != inside[b]
        y, x = np.nonzero(crossing)
        index[a][crossing] = count + np.arange(len(y))
        count += len(y)
        cover_a, cover_b = cover[y, x], cover[y + dy, x + dx]
        part = np.clip((cover_a - 0.5) / (cover_a - cover_b), 0.02, 0.98).astype(np.float32)
        positions.append(np.stack([x + part * dx, y + part * dy], 1).astype(np.float32))
        # From the inner end of the edge, one node further in, to the rim: thickness by its square.
        outward = np.where(inside[y, x], 1, -1)
        py, px = np.where(outward > 0, y, y + dy), np.where(outward > 0, x, x + dx)
        way = np.where(outward > 0, part, 1 - part)
        qy = np.clip(py - outward * dy, 0, height - 1)
        qx = np.clip(px - outward * dx, 0, width - 1)
        thick, further = far[py, px] - near[py, px], far[qy, qx] - near[qy, qx]
        further = np.where(inside[qy, qx], further, 2 * thick)
        square = thick**2 - np.maximum(further**2 - thick**2, 0) * way
        rim = np.sqrt(np.maximum(square, 0)).astype(np.float32)
        middle = (near[py, px] + far[py, px]) / 2
        fronts.append(middle - rim / 2)
        backs.append(middle + rim / 2)
        edges.append(index)
    triangles, diagonal = _cells(inside, node, edges[0], edges[1])
    on_rim = np.arange(count) >= len(xs)
    # Block centres, in pixels of the box; the padding shifted all by one block.
    position = (np.concatenate(positions) - 0.5) * step
    used = np.zeros(count, bool)
    used[triangles] = True
    renumber = np.cumsum(used) - 1
    return _Lattice(
        position=position[used].astype(np.float32),
        front=np.concatenate(fronts)[used].astype(np.float32),
        back=np.concatenate(backs)[used].astype(np.float32),
        on_rim=on_rim[used],
        triangles=renumber[triangles].astype(np.int32),
        diagonal=diagonal,
    )


# Corners of a cell: 0 top left, 1 top right, 2 bottom right, 3 bottom left; edges: 4 top, 5 right, 6 bottom, 7 left.
# Key: bit i is set when corner i is inside. Polygons run clockwise on the screen; they are turned when triangulated.
_POLYGONS: dict[int, tuple[tuple[int, ...], ...]] = {
    1: ((0, 4, 7),),
    2: ((4, 1, 5),),
    4: ((5, 2, 6),),
    8: ((6, 3, 7),),
    3: ((0, 1, 5, 7),),
    6: ((4, 1, 2, 6),),
    12: ((5, 2, 3, 7),),
    9: ((0, 4, 6, 3),),
    5: ((0, 4, 7), (5, 2, 6)),
    10: ((4, 1, 5), (6, 3, 7)),
    7: ((0, 1, 2, 6, 7),),
    14: ((4, 1, 2, 3, 7),),
    13: ((0, 4, 5, 2, 3),),
    11: ((0, 1, 5, 6, 3),),
    15: ((0, 1, 2, 3),),
}


def _cells(inside: Bool, node: np.ndarray, across: np.ndarray, down: np.ndarray) -> tuple[I32, Bool]:
    """Triangles of all cells, and which of them are halves of a full cell."""
    key = inside[:-1, :-1] * 1 + inside[:-1, 1:] * 2 + inside[1:, 1:] * 4 + inside[1:, :-1] * 8
    slots = (
        node[:-1, :-1],
        node[:-1, 1:],
        node[1:, 1:],
        node[1:, :-1],
        across[:-1, :-1],
        down[:-1, 1:],
        across[1:, :-1],
        down[:-1, :-1],
    )
    parts, full = [], []
    for case, polygons in _POLYGONS.items():
        cells = key == case
        if not cells.any():
            continue
        for polygon in polygons:
            ring = [slots[corner][cells] for corner in polygon]
            for second, third in pairwise(ring[1:]):
                parts.append(np.stack([ring[0], third, second], 1))
                full.append(np.full(len(second), case == 15))
    if not parts:
        return np.zeros((0, 3), np.int32), np.zeros(0, bool)
    return np.concatenate(parts).astype(np.int32), np.concatenate(full)


def _cloud(
    grid: _Lattice, depth: DepthMap, picture: Picture, corner: tuple[float, float], step: int
) -> PointCloud:
    """Back-project both shells, give normals, colours and sources, and join them."""
    camera = depth.camera
    pixel = grid.position + np.array([corner[1], corner[0]], np.float32)
    ray = np.ones((len(pixel), 3), np.float64)
    ray[:, 0] = (pixel[:, 0] - camera.cx_px) / camera.fx_px
    ray[:, 1] = (pixel[:, 1] - camera.cy_px) / camera.fy_px
    spacing = float(np.median(grid.front)) / camera.fy_px * step
    thick = grid.back - grid.front
    middle = (grid.front + grid.back) / 2
    # Where the rim is thinner than this the shells share one vertex; inside, a skin is kept so that they never touch.
    meets = grid.on_rim & (thick < 0.75 * spacing)
    skin = np.where(meets, 0, np.maximum(thick, 0.5 * spacing))
    front, back = middle - skin / 2, middle + skin / 2
    points = np.concatenate([ray * front[:, None], (ray * back[:, None])[~meets]])
    vertex_count = len(pixel)
    back_index = np.arange(vertex_count)
    back_index[~meets] = vertex_count + np.arange(int((~meets).sum()))
    front_faces = _best_diagonals(grid.triangles, grid.diagonal, ray * front[:, None])
    back_faces = back_index[_best_diagonals(grid.triangles, grid.diagonal, ray * back[:, None])][:, ::-1]
    walls = _walls(grid.triangles, back_index)
    faces = np.concatenate([front_faces, back_faces, walls]).astype(np.int32)
    world = world_from_camera(camera, points).astype(np.float32)
    normals = vertex_normals(world, faces)
    is_back = np.arange(len(points)) >= vertex_count
    x = np.clip(pixel[:, 0].astype(int), 0, picture.width_px - 1)
    y = np.clip(pixel[:, 1].astype(int), 0, picture.height_px - 1)
    colors = picture.pixels[y, x]
    return PointCloud(
        points=world,
        normals=normals,
        colors=np.concatenate([colors, colors[~meets]]),
        source=np.where(is_back, int(depth.back_source), int(Source.SEEN)).astype(np.uint8),
        joins=faces,
    )


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


def _walls(triangles: I32, back_index: np.ndarray) -> I32:
    """Faces between the front rim and the back rim wherever they are apart."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]).astype(
        np.int64
    )
    size = int(triangles.max()) + 1
    forward, backward = edges[:, 0] * size + edges[:, 1], edges[:, 1] * size + edges[:, 0]
    rim = edges[~np.isin(forward, backward)]
    a, b = rim[:, 0], rim[:, 1]
    back_a, back_b = back_index[a], back_index[b]
    upper = np.stack([b, a, back_a], 1)[back_a != a]
    lower = np.stack([b, back_a, back_b], 1)[back_b != b]
    out: I32 = np.concatenate([upper, lower]).astype(np.int32)
    return out


def vertex_normals(vertices: F32, faces: I32) -> F32:
    """Return (V,3) unit normals, the area-weighted mean of the faces around each vertex."""
    corner = vertices[faces].astype(np.float64)
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.stack(
        [np.bincount(faces.ravel(), np.repeat(face[:, axis], 3), len(vertices)) for axis in range(3)], 1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    flat = length[:, 0] < 1e-30
    total[flat], length[flat] = [0, 0, 1], 1
    out: F32 = (total / length).astype(np.float32)
    return out
