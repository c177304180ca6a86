"""Mesh + Shells -> charts, and their places in one atlas.

front  what the picture shows, one piece as far as it hangs together, at the picture's own pixels, upright
back   what looks away, as the picture's camera sees through to it
side   what lies between, on edge or hidden: in pieces, each as seen from its own mean direction

Pieces are as few as they can be, since each costs a gutter and a seam: noise at the borders is voted away, crumbs that
an overhang turns over are unfolded into the chart around them, and pieces of the side join where they look one way.
They are packed by their shape, turned by quarters, into the smallest atlas that takes the front as it is and the rest
at no less than `_LEAST_SCALE` of it. The knight, fox, owl, witch, dragon and mech (draft detail) have 32, 10, 25, 30,
36 and 49 pieces and use 0.49, 0.57, 0.56, 0.50, 0.46 and 0.38 of the atlas.
Rejected: densities tried by halving the range (fewer packings, but those that succeed take longer than those that do
not: 0.15 s of CPU instead of 0.14 on average of six).
No texel of a mip down to that of 64 lies over two pieces (python -m evaluation.mips). Before, pieces kept 8 texels
apart and no more: the mip of 64 was off by more than 8 of 255 in 3.9, 6.3 and 1.8 % of the knight's, mech's and owl's
texels, now in 0.7, 0.3 and 0.2 %. Back and side are as dense to the front as 0.76, 0.78 and 0.72 (before 0.80, 0.78,
0.79), over eight pictures 2.6 % less on average. None of them has a larger atlas; of the eight true depths dragon and
witch have.
Rejected: pieces a whole such texel apart, so that filtering between texels of that mip mixes none either (7 % less
dense); gaps of four times the width (an atlas of twice the size).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from slipcast.core.camera import project
from slipcast.core.masks import near_pixels
from slipcast.core.pixels import put_pixels
from slipcast.core.values import F32, F64, I32, I64, U8, Bool, Mesh, Shells, Source
from slipcast.mesh.charts import double_areas, join_charts, join_crumbs, join_pieces, pieces_of
from slipcast.mesh.neighbours import Neighbours, find_neighbours
from slipcast.mesh.pack import Outline, Placed, measure_cell, pack, turn
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.topology import face_centres, face_normals

_Texels = TypeVar("_Texels", I32, I64)
GAP_PX = 8
"""Between pieces; half of it repeats the rim of each."""
FRONT, BACK, SIDE = 0, 1, 2
SLANTED = 0.2
"""Cosine to the ray below which a pixel would be drawn out to five times its width: such faces are on the side."""
_ASIDE = ((1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.0))
"""From where the side is seen before its pieces are joined, in world axes."""
_LEAST = 0.05
"""Cosine from which a face may lie on front or back where its neighbours do."""
_BEHIND = 0.02
"""A face that looks away and lies before the back shell by more of the height than this is hidden between parts."""
_CRUMB = 0.001
"""Share of the surface below which a piece of front or back may join the side's."""
_FAR = (0.5, 3.0, 3.0, 3.0, 3.0, 3.0)
"""How far a crumb's vertices may move on each chart, in its own width: on the front they would move the picture."""
_SIZES = (256, 512, 1024, 2048, 4096)
_LEAST_SCALE, _MOST, _SPARSER = 0.7, 2.0, 0.95
"""Of the back and the side to the front: as dense as there is room for, and the step by which less is tried."""
_SMALLER = 0.85
"""The step by which all is made smaller for an atlas that may not be as large as it takes."""
_DENSEST = 0.72
"""Share of an atlas that is tried to fill; no packing was seen to take more."""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Pieces in an atlas. Places are pixels, x and y, y down."""

    size: tuple[int, int]
    """Width and height of the atlas."""
    scale: float
    """Of the front to the picture: 1 where the atlas may be as large as it takes."""
    kind: I64
    """(F,) FRONT, BACK or SIDE."""
    corner: F64
    """(F,3,2) in the atlas."""
    screen: F64
    """(F,3,3) in the picture's box and, in such pixels, from the camera, times `scale`."""
    piece: I64
    """(F,)."""
    placed: tuple[Placed, ...]
    """For each piece: from its flat corners to the atlas."""
    scales: F64
    """For each piece, of its flat corners to the picture's box times `scale`; 0 on the side."""


def lay_out(mesh: Mesh, depth: Shells, box: tuple[slice, slice], most_px: int) -> Layout:
    """Return charts and atlas of `mesh` before the camera of `depth`; `box` is the picture's part with the figurine."""
    normals, area = face_normals(mesh.vertices, mesh.faces)
    screen, z = project(depth.camera, mesh.vertices)
    screen = screen - [box[1].start, box[0].start]
    neighbours = find_neighbours(mesh.faces)
    chosen = choose_charts(mesh, depth, neighbours)
    chart, flat = _unfolded(mesh, chosen, screen, area, neighbours)
    piece = pieces_of(mesh.faces, chart, neighbours)
    large = np.bincount(piece, area)[piece] >= _CRUMB * area.sum()
    free = (chart >= SIDE) | ~large
    piece, way = join_pieces(mesh.faces, piece, free, normals, area, neighbours)
    kind = np.where(free, SIDE, chart)
    corner = np.where((kind == SIDE)[:, None, None], seen_from(mesh, way[piece]), flat)
    dense = depth.camera.fy_px / float(np.median(z))
    corner[kind == SIDE] *= dense
    groups = [np.flatnonzero(piece == k) for k in range(len(way))]
    kinds = np.array([kind[group[0]] for group in groups])
    size, scale, scales, placed = _arrange([corner[group] for group in groups], kinds, most_px)
    laid = np.empty_like(corner)
    for group, each, factor in zip(groups, placed, scales, strict=True):
        laid[group] = each.apply(corner[group] * factor)
    return Layout(
        size=size,
        scale=scale,
        kind=kind,
        corner=laid,
        screen=np.concatenate([screen, z[:, None] * measure_px(depth)], 1)[mesh.faces] * scale,
        piece=piece,
        placed=tuple(placed),
        scales=np.where(kinds == SIDE, 0.0, scales / scale),
    )


def measure_px(depth: Shells) -> float:
    """Pixels to a metre at the figurine's middle distance."""
    return depth.camera.fy_px / float(np.median(depth.front[depth.valid]))


def choose_charts(mesh: Mesh, depth: Shells, neighbours: Neighbours | None = None) -> I64:
    """(F,) 0 front, 1 back, from 2 on the side by its direction.

    In few and large pieces, since each seam costs texels and filtering.
    """
    normals, area = face_normals(mesh.vertices, mesh.faces)
    centre = face_centres(mesh.vertices, mesh.faces)
    turned, shift = depth.camera.camera_from_world[:3, :3], depth.camera.camera_from_world[:3, 3]
    ray = centre + shift @ turned
    facing: F64 = -(normals * ray).sum(1) / np.maximum(np.linalg.norm(ray, axis=1), 1e-12)
    # The hidden sides of parts that stand before others would lie over the back: they stay with what is before them.
    pixel, z = project(depth.camera, centre)
    height, width = depth.valid.shape
    x = np.clip(pixel[:, 0].astype(np.int64), 0, width - 1)
    y = np.clip(pixel[:, 1].astype(np.int64), 0, height - 1)
    rows = np.flatnonzero(depth.valid.any(1))
    slack_px = np.maximum(_BEHIND * (rows[-1] - rows[0]), 3 + 3 / np.maximum(np.abs(facing), 0.1))
    slack = slack_px * z / depth.camera.fy_px
    inside = depth.valid[y, x]
    seen = mesh.source == int(Source.SEEN)
    # Which of front and back a face may lie on: it must not fold over, nor lie under another.
    may = np.zeros((len(facing), SIDE + len(_ASIDE)), bool)
    may[:, 0] = (facing > _LEAST) & (seen | (inside & (z - depth.front[y, x] <= slack)))
    may[:, 1] = (facing < -_LEAST) & ~(inside & (depth.back[y, x] - z > slack))
    aside = normals @ np.array(_ASIDE).T
    may[:, SIDE:] = aside > 0.15
    chart = SIDE + aside.argmax(axis=1)
    may[np.arange(len(chart)), chart] = True
    chart[may[:, 0] & (facing > SLANTED)] = 0
    chart[may[:, 1] & ~seen] = 1
    return join_charts(mesh.faces, chart, may, area, neighbours)


def draw_front_and_back(atlas: U8, layout: Layout, front: U8, back: U8) -> I32:
    """Copy the front's pixels, and the back's, turned and scaled, under their pieces and half the gap around.

    Returns (H,W) which piece lies there, -1 for none.
    """
    import cv2

    done = np.full(atlas.shape[:2], -1, np.int32)
    for number, faces in _pieces(layout, FRONT, BACK):
        rows, columns, mask = _cover(layout.corner[faces], layout.size)
        placed, scale = layout.placed[number], float(layout.scales[number])
        # From the atlas to the chart: pixels' middles lie at whole numbers for OpenCV.
        way = turn(np.eye(2), -placed.quarters).T / scale
        start = np.array([columns.start, rows.start]) + 0.5 - placed.shift
        matrix = np.concatenate([way, (way @ start - 0.5)[:, None]], 1)
        source = front if layout.kind[faces[0]] == FRONT else back
        size = (mask.shape[1], mask.shape[0])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(source, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        atlas[rows, columns] = cv2.copyTo(drawn, mask.view(np.uint8), atlas[rows, columns])
        done[rows, columns][mask] = number
    return done


def draw_sides(atlas: U8, layout: Layout, color: Callable[[F32, F32], F32]) -> I32:
    """Give each texel under the side's faces, and around them, the `color` of its place (N,2) and depth (N,).

    Returns (H,W) which piece lies there, -1 for none.
    """
    mine = np.flatnonzero(layout.kind == SIDE)
    done = np.full(atlas.shape[:2], -1, np.int32)
    if not len(mine):
        return done
    width, height = layout.size
    laid, screen = layout.corner[mine], layout.screen[mine]
    # Faces are drawn that run against the clock where y runs down, which on the side all do.
    hits = rasterize(
        laid.reshape(-1, 2),
        np.zeros(3 * len(mine)),
        np.arange(3 * len(mine), dtype=np.int32).reshape(-1, 3),
        width,
        height,
    )
    known = hits.face >= 0
    met = np.flatnonzero(known)
    place = np.zeros((height * width, 3), np.float32)
    # A face smaller than a texel is met by none: its middle is painted too.
    middle = np.clip(laid.mean(axis=1).astype(np.int64), 0, [width - 1, height - 1])
    place[middle[:, 1] * width + middle[:, 0]] = screen.mean(axis=1)
    corner = np.take(screen.astype(np.float32), np.take(hits.face, met), 0)
    shown = np.einsum("nk,nkc->nc", np.take(hits.weights.reshape(-1, 3), met, 0), corner)
    put_pixels(place, met, shown)
    known[middle[:, 1], middle[:, 0]] = True
    piece = np.full(height * width, -1, np.int32)
    piece[middle[:, 1] * width + middle[:, 0]] = layout.piece[mine]
    piece[met] = layout.piece[mine[hits.face.reshape(-1)[met]]]
    near, source = near_pixels(known, GAP_PX / 2 + 1)
    at = np.take(place, source, 0)
    put_pixels(atlas, np.flatnonzero(near), np.rint(color(at[:, :2], at[:, 2])).astype(np.uint8))
    done[near] = piece[source]
    return done


def fill_between(atlas: U8, piece: I32) -> U8:
    """Return `atlas` (H,W,3) with the rest filled so that no mip down to that of 64 mixes texels of two pieces.

    `piece` (H,W) is a number for what is drawn, below 0 elsewhere; no cell has two. A texel takes the nearest drawn
    one, but in a cell with a piece it takes that one's: the nearest of all or else the nearest in the cell. Sides are
    powers of two.
    """
    drawn = piece >= 0
    _, source = near_pixels(drawn, np.inf)
    cell = measure_cell((piece.shape[1], piece.shape[0]))
    owner, nearest = _cut_cells(piece, cell), _cut_cells(source.reshape(piece.shape), cell)
    most = owner.max(axis=(1, 2), keepdims=True)
    stray = (most >= 0) & (np.take(piece, nearest) != most)
    (held,) = np.nonzero(stray.any(axis=(1, 2)))
    if len(held):
        # One below the other, so far apart that none is nearer to another's texels than to its own.
        apart = np.zeros((len(held), 3 * cell, cell), bool)
        apart[:, :cell] = owner[held] >= 0
        _, found = near_pixels(apart.reshape(-1, cell), np.inf)
        found = found.reshape(len(held), 3 * cell, cell)[:, :cell].reshape(len(held), -1) % (3 * cell * cell)
        own = np.take_along_axis(nearest[held].reshape(len(held), -1), found, 1).reshape(-1, cell, cell)
        nearest[held] = np.where(stray[held], own, nearest[held])
    tall, wide = (side // cell for side in piece.shape)
    chosen = nearest.reshape(tall, wide, cell, cell).swapaxes(1, 2).reshape(-1)
    return np.take(atlas.reshape(-1, atlas.shape[-1]), chosen, 0).reshape(atlas.shape)


def _cut_cells(values: _Texels, cell: int) -> _Texels:
    """(H,W) as (N,cell,cell)."""
    tall, wide = (side // cell for side in values.shape)
    return values.reshape(tall, cell, wide, cell).swapaxes(1, 2).reshape(-1, cell, cell)


def _pieces(layout: Layout, *kinds: int) -> Iterator[tuple[int, I64]]:
    order = np.argsort(layout.piece, kind="stable")
    ends = np.cumsum(np.bincount(layout.piece))
    for number, faces in enumerate(np.split(order, ends[:-1])):
        if layout.kind[faces[0]] in kinds:
            yield number, faces


def _cover(corner: F64, size: tuple[int, int]) -> tuple[slice, slice, Bool]:
    """Rows and columns of an atlas around triangles (F,3,2), and where in them a pixel is within half the gap."""
    import cv2

    half = GAP_PX // 2
    low = np.maximum(np.floor(corner.min(axis=(0, 1))).astype(int) - half, 0)
    high = np.minimum(np.ceil(corner.max(axis=(0, 1))).astype(int) + half + 1, size)
    mask = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
    cv2.fillPoly(mask, list(np.rint((corner - low - 0.5) * 16).astype(np.int32)), 1, shift=4)
    mask = cv2.dilate(mask, np.ones((2 * half + 1,) * 2, np.uint8))
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])), mask > 0


def _unfolded(mesh: Mesh, chart: I64, screen: F64, area: F64, neighbours: Neighbours) -> tuple[I64, F64]:
    """Charts without crumbs, and the faces' corners (F,3,2) as the camera sees them; the side's have no use."""
    x, y, z = mesh.vertices.astype(np.float64).T
    seen = screen * [1, -1]
    aside = ((-z, y), (z, y), (x, -z), (x, z))
    flat = [seen, seen * [-1, 1], *(np.stack(pair, 1) for pair in aside)]
    out, corner = join_crumbs(mesh.faces, chart, flat, area, _FAR, neighbours=neighbours)
    corner[out == FRONT] *= [1, -1]
    corner[out == BACK] *= [-1, -1]
    return out, corner


def seen_from(mesh: Mesh, way: F64) -> F64:
    """(F,3,2) each face's corners as one sees them looking against its direction (F,3), y down."""
    up = np.where(np.abs(way[:, 1:2]) < 0.9, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
    right = np.cross(up, way)
    right /= np.maximum(np.linalg.norm(right, axis=1, keepdims=True), 1e-12)
    up = np.cross(way, right)
    corner = mesh.vertices[mesh.faces].astype(np.float64)
    return np.stack([np.einsum("fkc,fc->fk", corner, right), -np.einsum("fkc,fc->fk", corner, up)], -1)


def _arrange(pieces: list[F64], kinds: I64, most_px: int) -> tuple[tuple[int, int], float, F64, list[Placed]]:
    """Size of the atlas, scale of the front, scale of each piece, and where the pieces lie."""
    sides = [side for side in _SIZES if side <= most_px]
    sizes = sorted(
        ((w, h) for w in sides for h in sides if max(w, h) <= 2 * min(w, h)),
        key=lambda size: (size[0] * size[1], -size[0]),
    )
    front = kinds == FRONT
    areas = np.array([np.abs(double_areas(piece)).sum() / 2 for piece in pieces])
    upright, outlines = front.tolist(), [Outline.of(piece) for piece in pieces]
    scale = 1.0
    while True:
        for size in sizes:
            space = _DENSEST * size[0] * size[1] / scale**2 - areas[front].sum()
            rest = min(_MOST, np.sqrt(max(space, 0) / max(areas[~front].sum(), 1e-9)))
            while rest >= _LEAST_SCALE:
                factors = np.where(front, 1.0, rest) * scale
                placed = pack(outlines, factors.tolist(), size, GAP_PX, upright)
                if placed is not None:
                    return size, scale, factors, placed
                rest *= _SPARSER
        scale *= _SMALLER
