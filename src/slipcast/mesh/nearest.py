"""Points -> distances to the nearest face of a mesh: exact, by trees of points and a few faces each.

The face with the nearest centre bounds a point's distance from above. Another can only be nearer if its centre lies
within that bound plus its own radius; faces are kept in classes of like radius, so that one large face does not widen
the search among the small ones. What is left, some ten faces a point, is measured exactly (Ericson 2005, closest point
on a triangle).

60,000 points against 342,000 and against 50,000 faces: 1.3 s of CPU each, trees included, and within 7e-9 m of
Open3D's RaycastingScene, which takes 0.3 s, but whose import costs 0.8 s and 165 MB more. embreex does not offer
Embree's point query. Rejected: numpy's own cross product, four times as slow.
"""

import numpy as np
from scipy.spatial import cKDTree

from slipcast.core.values import F32, F64, I32, I64

_CHUNK = 20_000
"""Points at a time: bounds the memory to some 50 MB."""


class NearestFaces:
    """The faces of a mesh, ready to be asked how far they are."""

    def __init__(self, vertices: F32, faces: I32) -> None:
        corner = vertices[faces].astype(np.float64)
        # A sphere about the middle of the longest edge's box would be smaller for slivers; the centroid is near enough.
        centre = corner.mean(1)
        radius = np.sqrt(((corner - centre[:, None]) ** 2).sum(-1).max(1))
        self._corner = corner
        self._centres = cKDTree(centre, balanced_tree=False)
        self._classes: list[tuple[I64, float, cKDTree]] = []
        size = np.floor(np.log2(np.maximum(radius, 1e-12))).astype(np.int64)
        for one in np.unique(size):
            members = np.flatnonzero(size == one)
            tree = cKDTree(centre[members], balanced_tree=False)
            self._classes.append((members, float(radius[members].max()), tree))

    def distances(self, points: F32) -> F32:
        """Return (N,) distances of the points (N,3) to the nearest face."""
        parts = [
            self._some(points[start : start + _CHUNK].astype(np.float64))
            for start in range(0, len(points), _CHUNK)
        ]
        return np.concatenate([np.zeros(0, np.float32), *parts])

    def _some(self, points: F64) -> F32:
        best = _squares(points, self._corner[self._centres.query(points)[1]])
        for members, radius, tree in self._classes:
            reach = np.sqrt(best) * (1 + 1e-9) + radius
            found = tree.query_ball_point(points, reach, return_sorted=False)
            count = np.fromiter(map(len, found), np.int64, len(found))
            if not count.any():
                continue
            owner = np.repeat(np.arange(len(points)), count)
            face = members[np.concatenate([np.asarray(each, np.int64) for each in found if each])]
            square = _squares(points[owner], self._corner[face])
            has = count > 0
            nearest = np.minimum.reduceat(square, (np.cumsum(count) - count)[has])
            best[has] = np.minimum(best[has], nearest)
        return np.sqrt(best).astype(np.float32)


def _squares(point: F64, corner: F64) -> F64:
    """(N,) squared distances of points (N,3) to triangles (N,3,3): inside by the plane, else by the nearest edge."""
    a, b, c = (np.ascontiguousarray(each.T) for each in corner.swapaxes(0, 1))
    at = np.ascontiguousarray(point.T)
    edges = ((a, b - a), (b, c - b), (c, a - c))
    normal = _cross(edges[0][1], -edges[2][1])
    length = (normal * normal).sum(0)
    inside = length > 0
    best = np.full(len(point), np.inf)
    for start, way in edges:
        off = at - start
        inside &= (_cross(way, off) * normal).sum(0) >= 0
        along = np.clip((off * way).sum(0) / np.maximum((way * way).sum(0), 1e-300), 0, 1)
        off -= along * way
        np.minimum(best, (off * off).sum(0), out=best)
    height = ((at - a) * normal).sum(0) ** 2 / np.where(length > 0, length, 1)
    out: F64 = np.where(inside, height, best)
    return out


def _cross(one: F64, other: F64) -> F64:
    """(3,N) cross products."""
    (x, y, z), (u, v, w) = one, other
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u])
