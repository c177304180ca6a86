"""Which faces of a mesh run through each other: a bounding volume hierarchy and an exact-enough test, in numpy.

Broad: faces in Morton order are the leaves of a complete binary tree of boxes (a linear BVH, Lauterbach and others
2009); the tree is compared with itself level by level, all pairs of a level at once. Narrow: two triangles cross when
an edge of one runs through the inside of the other (signs of five tetrahedra's volumes, float64); a plane that has all
three corners on one side (Möller 1997) sorts most pairs out before.

Neighbours count as well when they fold through each other, but not for the corner or edge that they share. Positions
are moved by a billionth of the size, equal ones equally, so that coplanar sheets that overlap are found too and no
volume is exactly zero.

On a figurine of 50,000 faces: 0.5 s of CPU. Rejected: Open3D's `is_self_intersecting` (all pairs, 183 s at 200,000
faces, one yes or no); manifold3d (keeps crossings of the input and does not name them).
"""

import numpy as np

from slipcast.solid import welded
from slipcast.values import F64, I64, Bool, Mesh

_LEAF = 4
"""Faces in a leaf of the tree."""
_CHUNK = 400_000
"""Pairs at a time in the narrow test: bounds the memory to some 200 MB."""


def crossing_faces(mesh: Mesh, *, most: int = 1_000_000) -> I64:
    """Return (N,2) pairs of faces that run through each other, as indices into the welded faces of `mesh`.

    At most about `most` pairs are returned: a mesh of rubbish has more than anybody wants to know.
    """
    vertices, faces = welded(mesh)
    if len(faces) < 2:
        return np.zeros((0, 2), np.int64)
    low, high = vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)
    size = float(np.max(high - low)) or 1.0
    # Centred and brought to size 1, so that products neither vanish nor lose their digits to a far origin.
    jitter = np.random.default_rng(7).uniform(-1e-9, 1e-9, vertices.shape)
    corner = ((vertices - (low + high) / 2) / size + jitter)[faces]
    found: list[I64] = []
    total = 0
    for pairs in _near_pairs(corner):
        crossing = _cross(corner, faces.astype(np.int64), pairs)
        found.append(pairs[crossing])
        total += int(crossing.sum())
        if total > most:
            break
    return np.concatenate(found) if found else np.zeros((0, 2), np.int64)


def _near_pairs(corner: F64) -> "list[I64]":
    """Chunks of (N,2) face pairs whose boxes overlap, each pair once."""
    low = np.minimum(np.minimum(corner[:, 0], corner[:, 1]), corner[:, 2])
    high = np.maximum(np.maximum(corner[:, 0], corner[:, 1]), corner[:, 2])
    order = np.argsort(_morton(corner.mean(1)), kind="stable")
    leaves = max(1, 1 << int(np.ceil(np.log2(max(1.0, len(order) / _LEAF)))))
    # Faces spread over the leaves as evenly as possible; what is missing is an empty box that overlaps nothing.
    slot = np.full((leaves, _LEAF), -1, np.int64)
    place = np.arange(len(order)) * leaves // len(order)
    slot[place, np.arange(len(order)) - np.searchsorted(place, place)] = order
    box_low = np.where((slot >= 0)[..., None], low[slot], np.inf).min(1).astype(np.float32)
    box_high = np.where((slot >= 0)[..., None], high[slot], -np.inf).max(1).astype(np.float32)
    # float32 is rounded outward: the boxes may only grow.
    tree = [(np.nextafter(box_low, np.float32(-np.inf)), np.nextafter(box_high, np.float32(np.inf)))]
    while len(tree[-1][0]) > 1:
        below, above = tree[-1]
        tree.append((np.minimum(below[::2], below[1::2]), np.maximum(above[::2], above[1::2])))
    pair = np.zeros((1, 2), np.int64)
    for below, above in reversed(tree[:-1]):
        first, second = 2 * pair[:, :1], 2 * pair[:, 1:]
        children = np.stack([np.hstack([first + i, second + j]) for i in (0, 1) for j in (0, 1)], 1).reshape(
            -1, 2
        )
        children = children[children[:, 0] <= children[:, 1]]
        pair = children[_overlap(below, above, children)]
    out: list[I64] = []
    step = max(1, _CHUNK // _LEAF)
    tight_low, tight_high = low.astype(np.float32), high.astype(np.float32)
    for begin in range(0, len(pair), step):
        part = pair[begin : begin + step]
        a, b = slot[part[:, 0]][:, :, None], slot[part[:, 1]][:, None, :]
        a, b = np.broadcast_arrays(a, b)
        same = (part[:, 0] == part[:, 1])[:, None, None]
        rank = np.arange(_LEAF)
        real = (a >= 0) & (b >= 0) & (~same | (rank[:, None] < rank[None, :]))
        near = np.stack([a[real], b[real]], 1)
        out.append(near[_overlap(tight_low, tight_high, near)])
    return out


def _overlap(low: "np.typing.NDArray[np.float32]", high: "np.typing.NDArray[np.float32]", pair: I64) -> Bool:
    """Which pairs of boxes overlap; an axis at a time, so that most pairs are read once."""
    keep = np.arange(len(pair))
    for axis in range(3):
        a, b = pair[keep, 0], pair[keep, 1]
        keep = keep[(low[a, axis] <= high[b, axis]) & (low[b, axis] <= high[a, axis])]
    out = np.zeros(len(pair), bool)
    out[keep] = True
    return out


def _cross(corner: F64, faces: I64, pairs: I64) -> Bool:
    """Which pairs of triangles cross."""
    a, b = pairs[:, 0], pairs[:, 1]
    # Axis by axis and corner by corner: numpy is slow along axes of three.
    shared = np.zeros(len(pairs), np.int8)
    for i in range(3):
        own = faces[a, i]
        for k in range(3):
            shared += own == faces[b, k]
    keep = np.flatnonzero(shared < 2)  # two faces at one edge cannot cross
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    for left, right in ((a, b), (b, a)):
        base, beside = left[keep], right[keep]
        over, under = np.zeros(len(keep), bool), np.zeros(len(keep), bool)
        for k in range(3):
            height = np.einsum("nc,nc->n", corner[beside, k] - corner[base, 0], normal[base])
            over |= height > 0
            under |= height < 0
        keep = keep[over & under]
    found = np.zeros(len(keep), bool)
    for left, right in ((a, b), (b, a)):
        plane, other = corner[left[keep]], corner[right[keep]]
        ids, other_ids = faces[left[keep]], faces[right[keep]]
        for k in range(3):
            start, end = other[:, k], other[:, (k + 1) % 3]
            # An edge that begins at a shared corner meets the other face there and nowhere else.
            touches = (ids == other_ids[:, k, None]).any(1) | (ids == other_ids[:, (k + 1) % 3, None]).any(1)
            found |= ~touches & _pierces(plane, start, end)
    out = np.zeros(len(pairs), bool)
    out[keep[found]] = True
    return out


def _pierces(triangle: F64, start: F64, end: F64) -> Bool:
    """Which segments run through the inside of which triangles."""
    along = end - start
    corner = triangle - start[:, None]
    normal = np.cross(triangle[:, 1] - triangle[:, 0], triangle[:, 2] - triangle[:, 0])
    before = np.einsum("nc,nc->n", triangle[:, 0] - start, normal)
    after = np.einsum("nc,nc->n", triangle[:, 0] - end, normal)
    turns = np.stack(
        [np.einsum("nc,nc->n", along, np.cross(corner[:, k], corner[:, (k + 1) % 3])) for k in range(3)], 1
    )
    inside = (turns > 0).all(1) | (turns < 0).all(1)
    out: Bool = inside & (before * after < 0)
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
