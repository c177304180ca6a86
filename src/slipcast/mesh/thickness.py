"""How thick a solid is, everywhere: rays go inward from the surface and stop where they leave the solid.

From samples spread evenly over the area (at least one a face) a ray goes against the face's normal; its length to the
first face that it leaves through is the wall's thickness there (the single-ray case of the shape diameter function,
Shapira and others 2008). A body inside, which it enters and leaves again, is passed.

Embree casts the rays (mesh/raycast.py). Rejected: inscribed balls by nearest neighbours (Ma and others 2012),
which read every edge as thin.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F32, F64, I64, Mesh
from slipcast.mesh.raycast import Scene
from slipcast.mesh.topology import face_normals

_SAMPLES = 40_000
_PASSES = 6
"""Faces that a ray passes at most, two for each body inside."""


@dataclass(frozen=True, kw_only=True)
class Thickness:
    """Thickness over a surface; infinite where a ray left through a hole."""

    per_face_m: F32
    """(F,) mean over the face's samples."""
    samples_m: F32
    """(N,) at each sample."""
    points_m: F32
    """(N,3) the samples."""
    area_m2: F64
    """(N,) the area that each stands for."""
    face: I64
    """(N,) the face that each lies on."""

    def quantile_m(self, share: float) -> float:
        """The thickness that all but `share` of the area reach; infinite where nothing was hit."""
        order = np.argsort(self.samples_m, kind="stable")
        below = np.cumsum(self.area_m2[order])
        if not len(order) or below[-1] <= 0:
            return float("inf")
        at = min(int(np.searchsorted(below, share * below[-1])), len(order) - 1)
        return float(self.samples_m[order[at]])


def measure_thickness(mesh: Mesh) -> Thickness:
    """Return the thickness of `mesh`, whose faces look outward."""
    normals, area = face_normals(mesh.vertices, mesh.faces)
    owner, points = _spread(mesh, area)
    lengths = _inward(mesh, points, normals[owner]) if len(owner) else np.zeros(0, np.float32)
    count = np.bincount(owner, minlength=len(mesh.faces))
    known = np.where(np.isfinite(lengths), lengths, 0)
    hit = np.bincount(owner, np.isfinite(lengths), len(mesh.faces))
    total = np.bincount(owner, known, len(mesh.faces))
    return Thickness(
        per_face_m=np.where(hit > 0, total / np.maximum(hit, 1), np.inf).astype(np.float32),
        samples_m=lengths,
        points_m=points.astype(np.float32),
        area_m2=area[owner] / np.maximum(count[owner], 1),
        face=owner,
    )


def _spread(mesh: Mesh, area: F64) -> tuple[I64, F64]:
    """(N,) the face of each sample and (N,3) where it is; faces without area have none."""
    wanted = 1 + np.floor(area / max(float(area.sum()), 1e-30) * _SAMPLES).astype(np.int64)
    return spread_samples(mesh.vertices[mesh.faces], np.where(area > 0, wanted, 0))


def spread_samples(corners: F32, count: I64) -> tuple[I64, F64]:
    """Return (N,) the triangle of each sample and (N,3) where it is: (F,) `count` of each triangle (F,3,3), evenly.

    The R2 sequence (Roberts 2018) fills a square evenly at any length; its fold fills the triangle. The first sample
    is the centre.

    >>> owner, points = spread_samples(np.float32([[[0, 0, 0], [3, 0, 0], [0, 3, 0]]]), np.array([1]))
    >>> owner.tolist(), points.tolist()
    ([0], [[1.0, 1.0, 0.0]])
    """
    owner = np.repeat(np.arange(len(count)), count)
    number = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    u = np.where(number == 0, 1 / 3, (0.5 + 0.7548776662466927 * number) % 1)
    v = np.where(number == 0, 1 / 3, (0.5 + 0.5698402909980532 * number) % 1)
    over = u + v > 1
    u, v = np.where(over, 1 - u, u), np.where(over, 1 - v, v)
    weights = np.stack([1 - u - v, u, v], 1)
    return owner, np.einsum("nk,nkc->nc", weights, corners[owner].astype(np.float64))


def _inward(mesh: Mesh, points: F64, normals: F64) -> F32:
    """(N,) length of the ray from each point against its normal to where it leaves the solid."""
    # Brought to size 1: Embree works in float32 and near 1.
    low, high = mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)
    size = float((high - low).max()) or 1.0
    scene = Scene(((mesh.vertices - low) / size).astype(np.float32), mesh.faces)
    origin, way = (points - low) / size, -normals
    out = np.full(len(points), np.inf)
    gone, inside = np.zeros(len(points)), np.zeros(len(points), np.int64)
    step = 1e-6
    open_ = np.arange(len(points))
    for _ in range(1 + _PASSES):
        if not len(open_):
            break
        start = origin[open_] + way[open_] * (gone[open_] + step)[:, None]
        answer, normal = scene.first_hits(start.astype(np.float32), way[open_].astype(np.float32))
        length = answer.astype(np.float64)
        hit = np.isfinite(length)
        leaves = (normal * way[open_]).sum(1) > 0
        gone[open_] += np.where(hit, length + step, 0)
        ends = hit & leaves & (inside[open_] == 0)
        out[open_[ends]] = gone[open_[ends]]
        inside[open_] += np.where(leaves, -1, 1)
        open_ = open_[hit & ~ends]
    lengths: F32 = (out * size).astype(np.float32)
    return lengths
