"""Tangents of a figurine's surface, and the vertices that a format must split for them."""

import numpy as np

from slipcast.core.values import F32, F64, I32, Figurine
from slipcast.mesh.topology import dot, unit


def measure_handedness(figurine: Figurine) -> F32:
    """Return (F,3) +1 or -1: -1 where the chart is laid out mirrored."""
    (du_1, dv_1), (du_2, dv_2) = (
        (figurine.uv[:, k].astype(np.float64) - figurine.uv[:, 0]).T for k in (1, 2)
    )
    # UV's origin is top left: V runs against the bitangent, so an unmirrored chart has a negative area.
    hand = np.where(du_1 * dv_2 - du_2 * dv_1 <= 0, 1.0, -1.0)
    return np.repeat(hand[:, None], 3, axis=1).astype(np.float32)


def make_tangents(figurine: Figurine, normals: F32, corner: I32, faces: I32) -> F32:
    """Return (N,4) tangents of split vertices as glTF wants them: xyz along +U, w the sign of the bitangent.

    `corner` and `faces` come from `split_vertices` with `keep=handedness(figurine)`; `normals` (N,3) belong to the
    split vertices. Weighted as MikkTSpace does (Mikkelsen 2008), which is what programs use that make their own.
    """
    at = np.ascontiguousarray(figurine.mesh.faces.T)
    points = np.take(np.ascontiguousarray(figurine.mesh.vertices.T, np.float64), at, axis=1).swapaxes(0, 1)
    (du_1, dv_1), (du_2, dv_2) = (
        (figurine.uv[:, k].astype(np.float64) - figurine.uv[:, 0]).T for k in (1, 2)
    )
    area = du_1 * dv_2 - du_2 * dv_1
    along = ((points[1] - points[0]) * dv_2 - (points[2] - points[0]) * dv_1) * np.sign(area)
    edge = [points[(k + 1) % 3] - points[k] for k in range(3)]
    normal = np.ascontiguousarray(normals.T, np.float64)
    index = np.ascontiguousarray(faces.T)
    total = np.zeros((3, len(corner)))
    for k in range(3):
        up = np.take(normal, index[k], axis=1)
        a, b = unit(_flatten(edge[k], up)), unit(_flatten(-edge[k - 1], up))
        mine = unit(_flatten(along, up)) * np.arccos(np.clip(dot(a, b), -1.0, 1.0))
        for axis in range(3):
            total[axis] += np.bincount(index[k], mine[axis], minlength=len(corner))
    # Any direction in the plane will do where the charts gave none.
    helper = np.where(np.abs(normal[0]) < 0.9, [[1.0], [0.0], [0.0]], [[0.0], [1.0], [0.0]])
    weak = np.sqrt(dot(total, total)) < 1e-9
    total[:, weak] = _flatten(helper, normal)[:, weak]
    hand = measure_handedness(figurine).reshape(-1)[corner]
    return np.concatenate([unit(total).T.astype(np.float32), hand[:, None]], axis=1)


def make_corner_tangents(figurine: Figurine, normals: F32) -> F32:
    """Return (F,3,4) the tangents at each face's corners, as `make_tangents` gives them; `normals` (V,3)."""
    faces = figurine.mesh.faces
    corner, split_faces = split_vertices(faces, figurine.uv, measure_handedness(figurine))
    made = make_tangents(figurine, normals[faces.reshape(-1)[corner]], corner, split_faces)
    return made[split_faces]


def split_vertices(faces: I32, uv: F32, keep: F32 | None = None) -> tuple[I32, I32]:
    """Split shared vertices where their UV differ (or `keep`, one more number per face corner).

    Returns `(corner, faces)`: `corner` (N,) indexes the flattened (F*3) corners, one for each new vertex in
    order of first use; `faces` (F,3) index the new vertices.
    """
    count = faces.size
    key = np.zeros((count, 4), dtype=np.uint32)
    key[:, 0] = faces.reshape(-1).astype(np.uint32)
    key[:, 1:3] = (uv.reshape(-1, 2) + np.float32(0)).view(np.uint32)  # + 0 turns -0 into 0
    if keep is not None:
        key[:, 3] = np.ascontiguousarray(keep.reshape(-1), dtype=np.float32).view(np.uint32)
    # Two 64-bit halves sort ten times faster than rows.
    halves = key.view(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))
    ordered = halves[order]
    fresh = np.ones(count, dtype=bool)
    fresh[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    group = np.empty(count, dtype=np.int64)
    group[order] = np.cumsum(fresh) - 1
    first = order[fresh]  # lexsort is stable, so this is the first corner of each group
    by_use = np.argsort(first, kind="stable")
    rank = np.empty(len(first), dtype=np.int32)
    rank[by_use] = np.arange(len(first), dtype=np.int32)
    return first[by_use].astype(np.int32), rank[group].reshape(faces.shape)


def _flatten(vectors: F64, normals: F64) -> F64:
    """(3,N) vectors without their part along unit normals (3,N)."""
    out: F64 = vectors - normals * dot(normals, vectors)
    return out
