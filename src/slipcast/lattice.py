"""A silhouette and two depths -> a triangulation of the silhouette with both shells at its vertices.

Marching squares (Lorensen & Cline's idea in the plane): nodes are pixels, or the centres of blocks of pixels; the rim
runs where the alpha crosses one half, to a fraction of a pixel; saddle cells are cut apart, so that the outline is a
set of simple loops whatever the mask. Thickness goes to the rim by its square: the square of a round edge's thickness
falls linearly with the distance to the rim, that of a flat edge stays.

A round edge turns away within a pixel or two of the rim, so its side would be a few long facets: edges there are split
until they are as long as the others, with the square of the thickness interpolated, which lays them on the circle.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeVar

import numpy as np

from slipcast.values import F32, F64, I32, I64, Bool

_Values = TypeVar("_Values", F32, Bool)

_LONGEST = 3.0
"""An edge at the rim longer than this many nodes' distance is split."""
_ROUND = 0.4
"""A rim that keeps less than this share of the square of the thickness two nodes further in is round: thin there."""
_SHARP = 3.0
"""A node's pixels that span more than this many nodes' distances of depth are of two parts."""


@dataclass(frozen=True, kw_only=True)
class Lattice:
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


def make_lattice(cover: F32, front: F32, back: F32, valid: Bool, *, step: int, unit: float) -> Lattice:
    """Triangulate where `cover` (H,W) in [0, 1] is at least one half.

    `front` and `back` (H,W) are depths on `valid`; `step` is the distance of nodes in pixels, `unit` the depth that one
    pixel is wide. The result has no triangles when the silhouette holds no cell.
    """
    cover, _ = _blocks(cover, np.ones(cover.shape, bool), step)
    near, share = _blocks(front, valid, step, sharp=_SHARP * unit * step)
    far, _ = _blocks(back, valid, step, sharp=_SHARP * unit * step)
    inside = (cover >= 0.5) & (share > 0)
    cover = np.where(inside, cover, np.minimum(cover, 0.499))
    height, width = inside.shape
    far = np.maximum(far, near)

    node = np.full(inside.shape, -1, np.int64)
    node[inside] = np.arange(int(inside.sum()))
    ys, xs = np.nonzero(inside)
    positions = [np.stack([xs, ys], 1).astype(np.float32)]
    thick = (far - near).astype(np.float64) ** 2
    middles: list[F64] = [((near + far)[inside] / 2).astype(np.float64)]
    squares: list[F64] = [thick[inside]]
    shares: list[F64] = [np.ones(len(xs))]
    limits: list[F64] = [thick[inside]]
    count = len(xs)
    edges: list[I64] = []
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
        # From the inner end of the edge, one and two nodes further in, to the rim: thickness by its square.
        outward = np.where(inside[y, x], 1, -1)
        py, px = np.where(outward > 0, y, y + dy), np.where(outward > 0, x, x + dx)
        way = np.where(outward > 0, part, 1 - part)
        square, deep = thick[py, px], np.ones(len(py), np.int64)
        for nodes in (1, 2):
            qy, qx = py - nodes * outward * dy, px - nodes * outward * dx
            known = (qy >= 0) & (qy < height) & (qx >= 0) & (qx < width)
            qy, qx = np.where(known, qy, py), np.where(known, qx, px)
            known &= inside[qy, qx] & (deep == nodes)
            deep = np.where(known, nodes + 1, deep)
            square = np.where(known, thick[qy, qx], square)
        # A part of one node across is taken as round.
        fall = np.where(deep > 1, (square - thick[py, px]) / np.maximum(deep - 1, 1), square)
        shares.append(np.clip((thick[py, px] - fall * way) / np.maximum(square, 1e-12), 0, 1))
        squares.append(square)
        # Where depth steps next to the rim, the nodes further in belong to another part.
        limits.append(thick[py, px])
        middles.append((near[py, px] + far[py, px]).astype(np.float64) / 2)
        edges.append(index)
    triangles, diagonal = _cells(inside, node, edges[0], edges[1])
    on_rim = np.arange(count) >= len(xs)
    # Block centres, in pixels of the box; the padding shifted all by one block.
    position = (np.concatenate(positions) - 0.5) * step
    used = np.zeros(count, bool)
    used[triangles] = True
    renumber = np.cumsum(used) - 1
    joined, on_rim = renumber[triangles].astype(np.int64), on_rim[used]
    if not len(joined):
        empty = np.zeros(0, np.float32)
        return Lattice(
            position=np.zeros((0, 2), np.float32),
            front=empty,
            back=empty,
            on_rim=on_rim,
            triangles=np.zeros((0, 3), np.int32),
            diagonal=diagonal,
        )
    kept = _evened_along_rim(np.concatenate(shares)[used], joined, on_rim)
    square = np.minimum(np.concatenate(squares)[used] * kept, np.concatenate(limits)[used])
    half = np.sqrt(square) / 2
    centre = np.concatenate(middles)[used]
    grid = Lattice(
        position=position[used].astype(np.float32),
        front=(centre - half).astype(np.float32),
        back=(centre + half).astype(np.float32),
        on_rim=on_rim,
        triangles=joined.astype(np.int32),
        diagonal=diagonal,
    )
    return _even_rim(grid)


def _evened_along_rim(share: F64, triangles: I64, on_rim: Bool, sweeps: int = 12) -> F64:
    """The share of the inner thickness's square that the rim keeps, evened along it; little is nothing."""
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    pairs = pairs[on_rim[pairs].all(1)]
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    count = 1 + np.bincount(pairs[:, 0], minlength=len(share))
    even = share.copy()
    for _ in range(sweeps):
        even = (even + np.bincount(pairs[:, 0], even[pairs[:, 1]], len(share))) / count
    return np.where(on_rim, np.where(even < _ROUND, 0, even), 1.0)


def _even_rim(grid: Lattice, sweeps: int = 4) -> Lattice:
    """Even out both shells on the nodes next to the rim.

    Depth knows whole pixels, the rim a fraction: the first nodes inside would stand out like teeth. The middle of the
    shells and the square of the thickness are close to linear there, so each node takes the mean of its neighbours,
    weighted by one over the square of their distance; the rim stays.
    """
    pairs = np.concatenate([grid.triangles[:, [0, 1]], grid.triangles[:, [1, 2]], grid.triangles[:, [2, 0]]])
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    near = np.zeros(len(grid.position), bool)
    near[pairs[grid.on_rim[pairs[:, 1]], 0]] = True
    near &= ~grid.on_rim
    pairs = pairs[near[pairs[:, 0]]]
    start, end = pairs[:, 0], pairs[:, 1]
    weight = 1 / np.maximum(((grid.position[start] - grid.position[end]) ** 2).sum(1), 1e-3)
    total = np.bincount(start, weight, len(near))[near]
    middle = (grid.front + grid.back).astype(np.float64) / 2
    square = (grid.back - grid.front).astype(np.float64) ** 2
    for _ in range(sweeps):
        for field in (middle, square):
            field[near] = np.bincount(start, weight * field[end], len(near))[near] / total
    half = np.sqrt(square) / 2
    return replace(grid, front=(middle - half).astype(np.float32), back=(middle + half).astype(np.float32))


def rounded(grid: Lattice, unit: float, step: int, kept: Bool | None = None, rounds: int = 4) -> Lattice:
    """Split long edges next to the rim, but none that ends where `kept` (V,) is True; new vertices come last.

    `unit` is the depth that one pixel is wide.
    """
    position = grid.position.astype(np.float64)
    middle = (grid.front + grid.back).astype(np.float64) / 2
    square = (grid.back - grid.front).astype(np.float64) ** 2
    at_rim, on_rim = grid.on_rim.copy(), grid.on_rim.copy()
    whole = np.zeros(len(position), bool) if kept is None else kept
    triangles, diagonal = grid.triangles.astype(np.int64), grid.diagonal
    for _ in range(rounds):
        marked = at_rim[triangles]
        near = np.flatnonzero(marked | marked[:, [1, 2, 0]])
        one, other = triangles.ravel()[near], triangles[near // 3, (near + 1) % 3]
        key, index = np.unique(
            np.minimum(one, other) * len(position) + np.maximum(one, other), return_inverse=True
        )
        a, b = key // len(position), key % len(position)
        half_a, half_b = np.sqrt(square[a]) / 2, np.sqrt(square[b]) / 2
        rise = np.abs(half_a - half_b)
        wanted = (
            ~(on_rim[a] & on_rim[b])
            & ~(whole[a] | whole[b])
            & (rise > _LONGEST * unit * step)
            & (np.abs(middle[a] - middle[b]) < rise)
        )
        if not wanted.any():
            break
        a, b = a[wanted], b[wanted]
        thin, thick = np.minimum(half_a, half_b)[wanted], np.maximum(half_a, half_b)[wanted]
        # Where the half thickness is the mean of the ends', measured from a, on a line of its square.
        way = (((thin + thick) / 2) ** 2 - half_a[wanted] ** 2) / (half_b[wanted] ** 2 - half_a[wanted] ** 2)
        fresh = np.full(len(key), -1)
        fresh[wanted] = len(position) + np.arange(len(a))
        position = np.concatenate([position, position[a] + (position[b] - position[a]) * way[:, None]])
        middle = np.concatenate([middle, middle[a] + (middle[b] - middle[a]) * way])
        square = np.concatenate([square, square[a] + (square[b] - square[a]) * way])
        at_rim = np.concatenate([at_rim, np.ones(len(a), bool)])
        on_rim = np.concatenate([on_rim, np.zeros(len(a), bool)])
        whole = np.concatenate([whole, np.zeros(len(a), bool)])
        cut = np.full(triangles.size, -1)
        cut[near] = fresh[index.reshape(-1)]
        triangles, diagonal = _split(triangles, diagonal, cut.reshape(-1, 3))
    half = np.sqrt(square) / 2
    return Lattice(
        position=position.astype(np.float32),
        front=(middle - half).astype(np.float32),
        back=(middle + half).astype(np.float32),
        on_rim=on_rim,
        triangles=triangles.astype(np.int32),
        diagonal=diagonal,
    )


def _split(triangles: I64, diagonal: Bool, fresh: I64) -> tuple[I64, Bool]:
    """Triangles with a new vertex on some edges (T,3; -1 for none, edge k runs from corner k) cut into smaller ones.

    Halves of full cells that stay whole keep their order; a half whose twin was cut is no half any more.
    """
    cut = (fresh >= 0) @ np.ones(3, np.int8)
    halves = np.flatnonzero(diagonal)
    twin = np.full(len(triangles), -1)
    first, second = halves[: len(halves) // 2], halves[len(halves) // 2 :]
    twin[first], twin[second] = second, first
    still = diagonal & (cut == 0)
    still[halves] &= cut[twin[halves]] == 0
    parts, kept = [triangles[cut == 0]], [still[cut == 0]]
    chosen = np.flatnonzero(cut)
    triangles, fresh, cut = triangles[chosen], fresh[chosen], cut[chosen]
    for shift in range(3):
        # Turn each triangle so that one pattern serves: one cut on edge 0; or two, on edges 0 and 1.
        corner, new = np.roll(triangles, -shift, axis=1), np.roll(fresh, -shift, axis=1)
        one = (cut == 1) & (new[:, 0] >= 0)
        a, b, c = corner[one].T
        m = new[one, 0]
        parts += [np.stack([a, m, c], 1), np.stack([m, b, c], 1)]
        two = (cut == 2) & (new[:, 0] >= 0) & (new[:, 1] >= 0)
        a, b, c = corner[two].T
        m, n = new[two, 0], new[two, 1]
        parts += [np.stack([m, b, n], 1), np.stack([a, m, n], 1), np.stack([a, n, c], 1)]
    three = cut == 3
    a, b, c = triangles[three].T
    m, n, o = fresh[three].T
    parts += [np.stack(ring, 1) for ring in ((a, m, o), (m, b, n), (o, n, c), (m, n, o))]
    made = np.concatenate(parts)
    whole = np.concatenate([kept[0], np.zeros(len(made) - len(kept[0]), bool)])
    return made, whole


def _blocks(values: F32, valid: Bool, step: int, sharp: float = np.inf) -> tuple[F32, F32]:
    """Mean of valid values in blocks of step x step, padded by one empty block; and the share of valid pixels.

    Where a block's values span more than `sharp`, a step runs through it: the half that has more pixels counts, so
    that no node hangs between two parts.
    """
    height, width = values.shape
    pad = ((0, -height % step), (0, -width % step))
    weight, block = _by_place(np.pad(valid, pad), step), _by_place(np.pad(values, pad), step)
    share = weight.mean((0, 1), dtype=np.float32)
    if step > 1:
        low, high = np.where(weight, block, np.inf).min((0, 1)), np.where(weight, block, -np.inf).max((0, 1))
        with np.errstate(invalid="ignore"):
            stepped, nearer = high - low > sharp, block - low < (high - low) / 2
        most = (nearer & weight).sum((0, 1)) * 2 >= weight.sum((0, 1))
        weight = weight & (~stepped | (nearer == most))
    total = np.where(weight, block, 0).sum(1, dtype=np.float32).sum(0)
    mean = total / np.maximum(weight.sum((0, 1)), 1).astype(np.float32)
    return np.pad(mean, 1), np.pad(share, 1)


def _by_place(values: _Values, step: int) -> _Values:
    """(H,W) as (step, step, h, w), place in the block first: numpy is slow along short axes that come last."""
    height, width = values.shape
    blocks = values.reshape(height // step, step, width // step, step)
    return np.ascontiguousarray(blocks.transpose(1, 3, 0, 2))


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


def _cells(inside: Bool, node: I64, across: I64, down: I64) -> tuple[I32, Bool]:
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
