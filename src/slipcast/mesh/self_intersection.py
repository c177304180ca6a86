"""Which faces of a mesh run through each other: a bounding volume hierarchy and an exact-enough test, in numpy.

Broad: faces in Morton order are the leaves of a complete tree of boxes (a linear BVH, Lauterbach and others
2009); the tree is compared with itself level by level, all pairs of a level at once. Narrow: two triangles cross when
an edge of one runs through the inside of the other (signs of five tetrahedra's volumes, float64); a plane that has all
three corners on one side (Möller 1997) sorts most pairs out before.

Neighbours count as well when they fold through each other, but not for the corner or edge that they share. Positions
are moved by a billionth of the size, equal ones equally, so that coplanar sheets that overlap are found too and no
volume is exactly zero.

On a figurine of 50,000 faces: 0.2 s of CPU. Rejected: Open3D's `is_self_intersecting` (all pairs, 183 s at 200,000
faces, one yes or no); manifold3d (keeps crossings of the input and does not name them).
"""

import math
from collections.abc import Iterator

import numpy as np

from slipcast.core.values import F32, F64, I32, I64, Bool, Mesh
from slipcast.mesh.topology import cross, dot
from slipcast.mesh.weld import weld

_WIDTH = 4
"""Children of a box in the tree."""
_CHUNK = 1_600_000
"""Pairs of boxes at a time that the last level compares: bounds the memory to some 200 MB."""


def find_crossing_faces(mesh: Mesh, *, most: int = 1_000_000) -> I64:
    """Return (N,2) pairs of faces that run through each other, as indices into the welded faces of `mesh`.

    At most about `most` pairs are returned: a mesh of rubbish has more than anybody wants to know.
    """
    return find_crossing_pairs(*weld(mesh), most=most)


def find_crossing_pairs(
    vertices: F32, faces: I32, touching: Bool | None = None, *, most: int = 1_000_000
) -> I64:
    """The same of welded vertices (V,3) and faces (F,3); only pairs of which one or both are `touching` (F,)."""
    if len(faces) < 2:
        return np.zeros((0, 2), np.int64)
    corner = _unit_corners(vertices, faces)
    found: list[I64] = [np.zeros((2, 0), np.int64)]
    total = 0
    by_axis, by_corner = np.ascontiguousarray(corner.transpose(1, 2, 0)), np.ascontiguousarray(faces.T)
    for pairs in _near_pairs(corner, touching):
        crossing = _cross(by_axis, by_corner, pairs)
        found.append(crossing)
        total += crossing.shape[1]
        if total > most:
            break
    return np.ascontiguousarray(np.concatenate(found, 1).T)


def find_near_faces(vertices: F32, faces: I32, touching: Bool) -> I64:
    """Return the indices of the faces whose box meets that of one that is `touching` (F,), itself included."""
    near = np.zeros(len(faces), bool)
    for pairs in _near_pairs(_unit_corners(vertices, faces), touching):
        near[pairs] = True
    return np.flatnonzero(near)


def _unit_corners(vertices: F32, faces: I32) -> F64:
    """(F,3,3) corners, centred and brought to size 1: products neither vanish nor lose their digits to a far origin."""
    low, high = vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)
    size = float(np.max(high - low)) or 1.0
    jitter = np.random.default_rng(7).uniform(-1e-9, 1e-9, vertices.shape)
    corner: F64 = ((vertices - (low + high) / 2) / size + jitter)[faces]
    return corner


def _near_pairs(corner: F64, marked: Bool | None) -> Iterator[I64]:
    """Chunks of (2,N) face pairs whose boxes overlap, one or both marked, each once; a face may come with itself.

    None marks all.
    """
    order = np.argsort(_morton(corner.mean(1)), kind="stable")
    depth = max(1, math.ceil(math.log(len(order), _WIDTH)))
    # Faces spread over the leaves as evenly as possible; what is missing is an empty box that overlaps nothing.
    face = np.full(_WIDTH**depth, -1, np.int64)
    face[np.arange(len(order)) * len(face) // len(order)] = order
    low, high = np.full((3, len(face)), np.inf, np.float32), np.full((3, len(face)), -np.inf, np.float32)
    sorted_ = corner[order]
    low[:, face >= 0] = np.minimum(np.minimum(sorted_[:, 0], sorted_[:, 1]), sorted_[:, 2]).T
    high[:, face >= 0] = np.maximum(np.maximum(sorted_[:, 0], sorted_[:, 1]), sorted_[:, 2]).T
    mark = None if marked is None else (face >= 0) & marked[face]
    # float32 is rounded outward: the boxes may only grow.
    tree = [(np.nextafter(low, np.float32(-np.inf)), np.nextafter(high, np.float32(np.inf)), mark)]
    while tree[-1][0].shape[1] > _WIDTH:
        # Every fourth child with the others: numpy is slow along short axes.
        below, above, mark = tree[-1]
        tree.append(
            (
                np.minimum.reduce([below[:, k::_WIDTH] for k in range(_WIDTH)]),
                np.maximum.reduce([above[:, k::_WIDTH] for k in range(_WIDTH)]),
                None if mark is None else np.logical_or.reduce([mark[k::_WIDTH] for k in range(_WIDTH)]),
            )
        )
    pairs = np.zeros((2, 1), np.int64)
    for level in reversed(tree[1:]):
        pairs = _children(*level, pairs)
    step = _CHUNK // _WIDTH**2
    for begin in range(0, pairs.shape[1], step):
        yield face[_children(*tree[0], pairs[:, begin : begin + step])]


def _children(low: F32, high: F32, marked: Bool | None, pairs: I64) -> I64:
    """(2,M) pairs of children whose boxes (3,n) overlap, of (2,N) pairs of parents whose boxes do; each once.

    One of a pair or both are `marked` (n,), which all are where that is None.

    Child i of the first with child k of the second, for all pairs at once: numpy is slow along short axes.
    """
    first, second = pairs * _WIDTH
    alone = first == second
    a, b = (
        [(np.take(low, at + i, 1), np.take(high, at + i, 1)) for i in range(_WIDTH)] for at in (first, second)
    )
    found = []
    for i, (low_a, high_a) in enumerate(a):
        for k, (low_b, high_b) in enumerate(b):
            meets = ((low_a <= high_b) & (low_b <= high_a)).all(0)
            if i > k:
                meets &= ~alone
            if marked is not None:
                meets &= marked[first + i] | marked[second + k]
            at = np.flatnonzero(meets)
            found.append(np.stack([first[at] + i, second[at] + k]))
    return np.concatenate(found, 1)


def _cross(corner: F64, faces: I32, pairs: I64) -> I64:
    """The columns of (2,N) `pairs` whose triangles cross; `corner` is (3,3,F): corner, axis, face; `faces` (3,F)."""
    left, right = (np.take(faces, side, 1) for side in pairs)
    shared = np.zeros(pairs.shape[1], np.int8)
    for i in range(3):
        for k in range(3):
            shared += left[i] == right[k]
    keep = np.flatnonzero(shared < 2)  # two faces at one edge cannot cross
    normal = cross(corner[1] - corner[0], corner[2] - corner[0])
    for side in (0, 1):
        base, beside = pairs[side, keep], pairs[1 - side, keep]
        origin, upward = np.take(corner[0], base, 1), np.take(normal, base, 1)
        over, under = np.zeros(len(keep), bool), np.zeros(len(keep), bool)
        for k in range(3):
            height = dot(np.take(corner[k], beside, 1) - origin, upward)
            over |= height > 0
            under |= height < 0
        keep = keep[over & under]
    found = np.zeros(len(keep), bool)
    for side in (0, 1):
        at, other_at = pairs[side, keep], pairs[1 - side, keep]
        plane, other = np.take(corner, at, 2), np.take(corner, other_at, 2)
        ids, other_ids = np.take(faces, at, 1), np.take(faces, other_at, 1)
        meets = [(ids == other_ids[k]).any(0) for k in range(3)]
        for k in range(3):
            after = (k + 1) % 3
            # An edge that begins at a shared corner meets the other face there and nowhere else.
            found |= ~(meets[k] | meets[after]) & _pierces(
                plane, np.take(normal, at, 1), other[k], other[after]
            )
    return pairs[:, keep[found]]


def _pierces(triangle: F64, normal: F64, start: F64, end: F64) -> Bool:
    """Which segments (3,N) run through the inside of which triangles (3,3,N)."""
    along = end - start
    before, after = dot(triangle[0] - start, normal), dot(triangle[0] - end, normal)
    corner = triangle - start
    turns = [dot(along, cross(corner[k], corner[(k + 1) % 3])) for k in range(3)]
    left = (turns[0] > 0) & (turns[1] > 0) & (turns[2] > 0)
    right = (turns[0] < 0) & (turns[1] < 0) & (turns[2] < 0)
    out: Bool = (left | right) & (before * after < 0)
    return out


def _morton(points: F64) -> I64:
    """(N,) places along a Z-order curve of 2^10 cells a side."""
    low, high = points.min(0), points.max(0)
    cell = ((points - low) / np.maximum(high - low, 1e-30) * 1023).astype(np.int64)
    code = np.zeros(len(points), np.int64)
    for bit in range(10):
        for axis in range(3):
            code |= ((cell[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code
