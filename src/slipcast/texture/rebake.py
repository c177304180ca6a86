"""Figurine + another mesh of its shape -> that mesh with an atlas of its own, baked from the figurine.

The new faces get charts by the side of the box that they face, in few pieces, none over itself, packed by shape. Each
texel looks from its place on the new surface along its normal, outwards and inwards, for the figurine's: it takes that
place's colour, and what the figurine shades with there as a normal map. So a mesh of few faces is shaded like the one
of many.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.errors import StageFailed
from slipcast.core.scientific import spatial
from slipcast.core.values import F64, I32, I64, U8, Bool, Figurine, Mesh
from slipcast.mesh.charts import double_areas, join_charts, join_pieces, pieces_of
from slipcast.mesh.nearest import weigh_corners
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.pack import Outline, pack
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.raycast import Scene
from slipcast.mesh.sample import sample
from slipcast.mesh.tangents import split_vertices
from slipcast.mesh.topology import face_centres, face_normals
from slipcast.texture.atlas import GAP_PX, fill_between, seen_from
from slipcast.texture.normal_map import Frames

_SIDES = np.concatenate([np.eye(3), -np.eye(3)])
_MAY = 0.3
"""Cosine from which a face may lie on a side of the box."""
_REACH = 0.04
"""How far a texel looks, as a share of the size; what is farther off takes the nearest face."""
_FULL, _LESS = 0.72, 0.94
"""Share of the atlas that is tried to fill, and the step by which less is tried."""
_LARGEST_MAP_PX, _LEAST_PX = 2048, 512
_CHUNK = 300_000
_OVERLAP_PX = 512
"""Size at which pieces are drawn to find what lies over itself."""


@dataclass(frozen=True, kw_only=True)
class _Traced:
    """Texels of an atlas and where they look: faces and weights on the new mesh and on the figurine."""

    piece: I32
    """(H,W) of the new atlas, -1 where no face lies."""
    face: I64
    weights: F64
    old_face: I64
    old_weights: F64


def rebake(figurine: Figurine, mesh: Mesh) -> Figurine:
    """Return `mesh`, which lies near the surface of `figurine`, with its colours, occlusion and shading.

    The atlas is about as large as the figurine's: each side the nearest power of two, and no smaller than 512 pixels.
    Both halves of a quad lie in one piece.
    """
    sides = (2 ** round(math.log2(side)) for side in figurine.texture.pixels.shape[:2])
    height, width = (max(side, _LEAST_PX) for side in sides)
    corner = _lay_out(mesh, (width, height))
    uv = (corner / [width, height]).astype(np.float32)
    nearest = spatial.cKDTree(_middles(figurine.mesh)).query(_middles(mesh))[1]
    painted = replace(
        figurine,
        mesh=replace(mesh, source=figurine.mesh.source[nearest]),
        uv=uv,
        normal_map=None,
        occlusion=None,
        levels=(),
        hulls=(),
    )
    traced = _trace(painted, figurine, width, height)
    at = np.einsum("nk,nkc->nc", traced.old_weights, figurine.uv[traced.old_face].astype(np.float64))
    colors = _draw(traced, sample(figurine.texture.pixels, at.astype(np.float32)))
    occlusion = figurine.occlusion
    if occlusion is not None:
        gray = np.repeat(occlusion[..., None], 3, axis=2)
        occlusion = _draw(traced, sample(gray, at.astype(np.float32)))[..., 0]
    if max(width, height) > _LARGEST_MAP_PX:
        share = max(width, height) / _LARGEST_MAP_PX
        traced = _trace(painted, figurine, int(width / share), int(height / share))
    normals = _bake_normals(painted, figurine, traced)
    texture = replace(figurine.texture, pixels=colors)
    return replace(painted, texture=texture, occlusion=occlusion, normal_map=normals)


def bake_normal_map(painted: Figurine, figurine: Figurine, *, size_px: int = 1024) -> U8:
    """Return the normal map (H,W,3) with which `painted`, of fewer faces, is shaded like `figurine`, on its own atlas.

    The longer side has `size_px`.
    """
    height, width = (2 ** round(math.log2(side)) for side in painted.texture.pixels.shape[:2])
    share = size_px / max(height, width)
    return _bake_normals(
        painted, figurine, _trace(painted, figurine, round(width * share), round(height * share))
    )


def _middles(mesh: Mesh) -> F64:
    out: F64 = face_centres(mesh.vertices, mesh.faces)
    return out


def _lay_out(mesh: Mesh, size: tuple[int, int]) -> F64:
    """(F,3,2) places of the faces' corners in an atlas of `size`, width and height, in pixels."""
    normals, area = face_normals(mesh.vertices, mesh.faces)
    halves = 2 * mesh.quads
    flat, facing = normals.copy(), normals @ _SIDES.T
    if halves:  # a quad is one thing: both halves have its mean normal, and lie where both may
        both = (normals[:halves] * area[:halves, None]).reshape(-1, 2, 3).sum(axis=1)
        both /= np.maximum(np.linalg.norm(both, axis=1, keepdims=True), 1e-30)
        flat[:halves] = np.repeat(both, 2, axis=0)
        least = facing[:halves].reshape(-1, 2, len(_SIDES)).min(axis=1)
        facing[:halves] = np.repeat(least, 2, axis=0)
    chart = (flat @ _SIDES.T).argmax(axis=1)
    may = facing > _MAY
    may[np.arange(len(chart)), chart] = True
    chart = join_charts(mesh.faces, chart, may, area)
    chart[1:halves:2] = chart[:halves:2]
    everywhere = np.ones(len(chart), bool)
    piece, way = join_pieces(mesh.faces, pieces_of(mesh.faces, chart), everywhere, normals, area)
    corner = seen_from(mesh, way[piece])
    hidden = _find_overlaps(mesh, piece, way, corner)
    hidden[:halves] = np.repeat(hidden[:halves].reshape(-1, 2).any(axis=1), 2)
    piece = pieces_of(mesh.faces, 2 * piece + hidden)
    groups = np.split(np.argsort(piece, kind="stable"), np.cumsum(np.bincount(piece))[:-1])
    return _pack(corner, groups, size)


def _find_overlaps(mesh: Mesh, piece: I64, way: F64, corner: F64) -> Bool:
    """(F,) faces that another of their piece covers, as one looks against its direction."""
    hidden = np.zeros(len(piece), bool)
    deep = -np.einsum("fkc,fc->fk", mesh.vertices[mesh.faces].astype(np.float64), way[piece])
    for number in range(int(piece.max()) + 1):
        mine = np.flatnonzero(piece == number)
        flat = corner[mine] - corner[mine].min(axis=(0, 1))
        scale = _OVERLAP_PX / max(float(flat.max()), 1e-12)
        flat *= scale
        index = np.arange(3 * len(mine), dtype=np.int32).reshape(-1, 3)
        hits = rasterize(flat.reshape(-1, 2), deep[mine].reshape(-1), index, _OVERLAP_PX + 1, _OVERLAP_PX + 1)
        middle = flat.mean(axis=1).astype(np.int64)
        seen = hits.face[middle[:, 1], middle[:, 0]]
        # A neighbour may be met at a face's middle; one that is farther away than both are large lies over it.
        large = np.ptp(deep[mine], axis=1) + np.ptp(flat, axis=1).max(axis=1) / scale
        apart = deep[mine].mean(axis=1) - deep[mine][np.maximum(seen, 0)].mean(axis=1)
        hidden[mine] = (seen >= 0) & (apart > large + large[np.maximum(seen, 0)])
    return hidden


def _pack(corner: F64, groups: list[I64], size: tuple[int, int]) -> F64:
    """The corners as far apart as the atlas has room for."""
    area = sum(float(np.abs(double_areas(corner[group])).sum()) / 2 for group in groups)
    scale = float(np.sqrt(_FULL * size[0] * size[1] / max(area, 1e-30)))
    unit = scale
    flat = [corner[group] * unit for group in groups]
    outlines = [Outline.of(each) for each in flat]
    factor, placed = 1.0, None
    while placed is None:
        if factor * scale * float(np.sqrt(area)) < 1:
            raise StageFailed(f"{len(groups)} charts find no place in {size[0]} x {size[1]} pixels")
        placed = pack(outlines, [factor] * len(flat), size, GAP_PX, [False] * len(flat))
        factor *= 1.0 if placed is not None else _LESS
    out = np.empty_like(corner)
    for group, each, place in zip(groups, flat, placed, strict=True):
        out[group] = place.apply(each * factor)
    return out


def _trace(painted: Figurine, figurine: Figurine, width: int, height: int) -> _Traced:
    """Look from each texel of the new atlas to the figurine's surface."""
    new, old = painted.mesh, figurine.mesh
    screen = painted.uv.reshape(-1, 2).astype(np.float64) * [width, height]
    index = np.arange(len(screen), dtype=np.int32).reshape(-1, 3)
    hits = rasterize(screen, np.zeros(len(screen)), index, width, height)
    known = hits.face >= 0
    face, weights = hits.face[known].astype(np.int64), hits.weights[known].astype(np.float64)
    low, size = old.vertices.min(axis=0), float(np.ptp(old.vertices, axis=0).max())
    scene = Scene((old.vertices - low) / size, old.faces)
    tree = spatial.cKDTree(_middles(old))
    normals = vertex_normals(new.vertices, new.faces).astype(np.float64)
    old_face, old_weights = np.empty(len(face), np.int64), np.empty((len(face), 3))
    for start in range(0, len(face), _CHUNK):
        rows = slice(start, start + _CHUNK)
        corners = new.faces[face[rows]]
        place = np.einsum("nk,nkc->nc", weights[rows], new.vertices[corners].astype(np.float64))
        way = np.einsum("nk,nkc->nc", weights[rows], normals[corners])
        way /= np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-12)
        old_face[rows] = _meet(scene, tree, ((place - low) / size), way, place)
        corner = old.vertices[old.faces[old_face[rows]]].astype(np.float64)
        inside = np.clip(weigh_corners(place, corner), 0, 1)
        old_weights[rows] = inside / np.maximum(inside.sum(axis=1, keepdims=True), 1e-12)
    piece = np.full(known.shape, -1, np.int32)
    faces = split_vertices(new.faces, painted.uv)[1]
    piece[known] = pieces_of(faces, np.zeros(len(faces), np.int64))[face]
    return _Traced(piece=piece, face=face, weights=weights, old_face=old_face, old_weights=old_weights)


def _meet(scene: Scene, tree: "spatial.cKDTree", place: F64, way: F64, world: F64) -> I64:
    """(N,) the figurine's face before or behind each place along its normal, whichever is nearer and looks that way."""
    best, out = np.full(len(place), np.inf), np.full(len(place), -1, np.int64)
    for sign in (1.0, -1.0):
        origin = (place - sign * 1e-4 * way).astype(np.float32)
        length, normal, face = scene.first_faces(origin, (sign * way).astype(np.float32))
        fits = (length < _REACH) & (length < best) & ((normal * way).sum(axis=1) > 0)
        best[fits], out[fits] = length[fits], face[fits]
    lost = out < 0
    if lost.any():
        out[lost] = tree.query(world[lost])[1]
    return out


def _bake_normals(painted: Figurine, figurine: Figurine, traced: _Traced) -> U8:
    """(H,W,3) the figurine's shading in the frames of the new mesh; flat where no face lies."""
    old, new = Frames(figurine), Frames(painted)
    out = np.empty((len(traced.face), 3), np.uint8)
    for start in range(0, len(out), _CHUNK):
        rows = slice(start, start + _CHUNK)
        wanted = old.map_normals(traced.old_face[rows], traced.old_weights[rows])
        out[rows] = new.encode(traced.face[rows], traced.weights[rows], wanted)
    return _draw(traced, out)


def _draw(traced: _Traced, values: U8) -> U8:
    """(H,W,3) values of the known texels, and between them what is safe for smaller mips."""
    pixels = np.zeros((*traced.piece.shape, 3), np.uint8)
    pixels[traced.piece >= 0] = values
    return fill_between(pixels, traced.piece)
