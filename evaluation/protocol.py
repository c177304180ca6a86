"""Our mesh and the true one -> Scores.

The true mesh is in the picture's camera frame: +X right, +Y up, +Z towards the viewer, the camera at (0, 0, distance)
looking along -Z. Ours stands as the product writes it, +Y up and facing +Z. Both are centred on their boxes; the true
one's longest side becomes 2, ours is scaled by the ratio of heights. A trimmed (90 %) rigid ICP with the scale held in
[0.8, 1.25] then removes what a single picture cannot tell. Distances are plain L2, on area-uniform points of the outer
surface: the definition of Chamfer distance and F-score that SF3D and SPAR3D use.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.spatial import cKDTree

from evaluation.shape import Shape
from evaluation.sides import compare_sides
from slipcast.core.values import F64, Bool
from slipcast.mesh.self_intersection import find_crossing_pairs

SAMPLES = 100_000
_TRIM, _LEAST, _MOST, _STEPS = 0.9, 0.8, 1.25, 40


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One asset against its truth; lengths in units of half the true mesh's longest side."""

    cd: float
    """Mean of `acc` and `com`."""
    acc: float
    """Accuracy: mean distance from our points to the true ones."""
    com: float
    """Completeness: mean distance from the true points to ours."""
    f05: float
    """F-score at 0.05."""
    f10: float
    """F-score at 0.1."""
    vis: float
    """Completeness over true points that the picture's camera sees; nan where there are none."""
    hid: float
    """Completeness over the others."""
    nc: float
    """Mean |cosine| between normals of nearest points."""
    dw: float
    """Our depth over width, over the true one: 1 is right, near 0 is a relief."""
    side: float
    """Mean angle in degrees between our normals and the true ones, seen from the left and from the right."""
    rough: float
    """Our sides' roughness over the true sides': 1 is right, above is lumpy, below too smooth (evaluation/sides.py)."""
    up: float
    """Degrees between our up and the true one after alignment; nan where the true one is not known."""
    iou: float
    """Overlap of the silhouettes that the picture's camera sees, intersection over union."""
    closed: float
    """1 for a closed, oriented mesh of positive volume, else 0."""
    crossing: float
    """How many pairs of our triangles run through each other."""
    faces: float
    """How many triangles ours has."""


COLUMNS = tuple(entry.name for entry in fields(Scores))
LOWER_IS_BETTER = frozenset({"cd", "acc", "com", "vis", "hid", "side", "up", "crossing"})
NEAREST_ONE = frozenset({"dw", "rough"})
"""Ratios: the nearer to 1 the better."""


def score(
    ours: Shape,
    true: Shape,
    *,
    distance: float,
    fov_deg: float,
    pitch_deg: float | None = None,
    samples: int = SAMPLES,
    workers: int = -1,
) -> Scores:
    """Return the scores of `ours` against `true`, which a camera at (0, 0, `distance`) sees.

    The camera looks down by `pitch_deg`, None where that is not known. `workers` threads look up
    neighbours, -1 for all cores; the result does not depend on it.
    """
    low, high = true.bounds
    scale = 2 / float((high - low).max())
    eye = (np.array([0.0, 0.0, distance]) - (low + high) / 2) * scale
    truth = true.moved(-(low + high) / 2, scale)
    true_size = (high - low) * scale
    low, high = ours.bounds
    size = high - low
    mine = ours.moved(-(low + high) / 2, float(true_size[1] / size[1]))

    g, g_normals = outer_points(truth, samples, seed=0)
    p, p_normals = outer_points(mine, samples, seed=1)
    my_outline, outline = mine.silhouette(eye, fov_deg), truth.silhouette(eye, fov_deg)
    rng = np.random.default_rng(2)
    turn, shift, factor = align(
        p[rng.permutation(len(p))[: samples // 10]],
        g[rng.permutation(len(g))[: samples // 5]],
        workers=workers,
    )
    p, p_normals = factor * p @ turn.T + shift, p_normals @ turn.T
    acc, to_true = cKDTree(g).query(p, workers=workers)
    com, to_ours = cKDTree(p).query(g, workers=workers)
    seen = _seen_from_front(truth, g)
    side, rough = compare_sides(mine.moved(shift / factor, factor, turn), truth)
    cosines = [
        np.abs(np.einsum("ij,ij->i", p_normals, g_normals[to_true])).mean(),
        np.abs(np.einsum("ij,ij->i", g_normals, p_normals[to_ours])).mean(),
    ]
    return Scores(
        cd=float(acc.mean() + com.mean()) / 2,
        acc=float(acc.mean()),
        com=float(com.mean()),
        f05=_f_score(acc, com, 0.05),
        f10=_f_score(acc, com, 0.1),
        vis=_mean(com[seen]),
        hid=_mean(com[~seen]),
        nc=float(np.mean(cosines)),
        dw=float((size[2] / size[0]) / (true_size[2] / true_size[0])),
        side=side,
        rough=rough,
        up=_lean_deg(turn, pitch_deg),
        iou=float((my_outline & outline).sum() / max(int((my_outline | outline).sum()), 1)),
        closed=float(mine.closed),
        crossing=float(
            len(find_crossing_pairs(ours.vertices.astype(np.float32), ours.faces.astype(np.int32)))
        ),
        faces=float(len(ours.faces)),
    )


def outer_points(shape: Shape, count: int, seed: int) -> tuple[F64, F64]:
    """At most `count` area-uniform points that can be seen from some of 48 sides, and their normals."""
    rng = np.random.default_rng(seed)
    points, normals = _sampled(shape, 3 * count, seed)
    low, high = shape.bounds
    size = float(np.linalg.norm(high - low))
    sides = rng.normal(size=(48, 3))
    sides /= np.linalg.norm(sides, axis=1, keepdims=True)
    seen = np.zeros(len(points), bool)
    for side in sides:
        open_ = np.flatnonzero(~seen)
        start = points[open_] + side * size
        reached = shape.hits(start, np.broadcast_to(-side, start.shape))
        seen[open_] = np.abs(reached - size) < 2e-3 * size
    kept = rng.permutation(np.flatnonzero(seen))[:count]
    return points[kept], normals[kept]


def align(ours: F64, true: F64, *, workers: int = -1) -> tuple[F64, F64, float]:
    """Trimmed ICP with scale: (3,3) turn, (3,) shift and factor that lay `ours` (N,3) on `true` (M,3)."""
    tree = cKDTree(true)
    turn, shift, factor = np.eye(3), np.zeros(3), 1.0
    for _ in range(_STEPS):
        distance, nearest = tree.query(factor * ours @ turn.T + shift, workers=workers)
        kept = distance <= np.quantile(distance, _TRIM)
        a, b = ours[kept], true[nearest[kept]]
        mean_a, mean_b = a.mean(0), b.mean(0)
        u, singular, vt = np.linalg.svd((b - mean_b).T @ (a - mean_a))
        flip = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
        turn = (u * flip) @ vt
        factor = float(np.clip((singular * flip).sum() / ((a - mean_a) ** 2).sum(), _LEAST, _MOST))
        shift = mean_b - factor * mean_a @ turn.T
    return turn, shift, factor


def _sampled(shape: Shape, count: int, seed: int) -> tuple[F64, F64]:
    """Area-uniform points of all faces and their normals."""
    rng = np.random.default_rng(seed)
    normals, areas = shape.normals_and_areas
    edge = np.cumsum(areas)
    face = np.minimum(np.searchsorted(edge, rng.random(count) * edge[-1]), len(areas) - 1)
    a, b = rng.random((count, 2)).T
    beyond = a + b > 1
    a, b = np.where(beyond, 1 - a, a), np.where(beyond, 1 - b, b)
    corner = shape.vertices[shape.faces[face]]
    points = (
        corner[:, 0] + a[:, None] * (corner[:, 1] - corner[:, 0]) + b[:, None] * (corner[:, 2] - corner[:, 0])
    )
    return points, normals[face]


def _seen_from_front(shape: Shape, points: F64) -> Bool:
    """(N,) True for points that nothing hides when one looks along -Z."""
    low, high = shape.bounds
    size = float(np.linalg.norm(high - low))
    start = points + np.array([0.0, 0.0, size])
    reached = shape.hits(start, np.broadcast_to([0.0, 0.0, -1.0], start.shape))
    out: Bool = np.abs(reached - size) < 5e-3 * size
    return out


def _lean_deg(turn: F64, pitch_deg: float | None) -> float:
    """Between +Y after `turn` and the up of a world that the camera looks down at by `pitch_deg`."""
    if pitch_deg is None:
        return float("nan")
    up = np.array([0.0, np.cos(np.radians(pitch_deg)), np.sin(np.radians(pitch_deg))])
    return float(np.degrees(np.arccos(np.clip(turn[:, 1] @ up, -1, 1))))


def _f_score(acc: F64, com: F64, radius: float) -> float:
    precision, recall = float((acc < radius).mean()), float((com < radius).mean())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _mean(values: F64) -> float:
    return float(values.mean()) if len(values) else float("nan")
