"""Two meshes, one laid on the other -> how they look from the left and from the right, where no camera stood.

Both are seen along the X axis on a grid of parallel rays. What is compared is the direction in which the surface faces,
and how restless it is: the second difference of its normals from node to node. A plane and a cylinder have none, a ball
hardly any, a lumpy wall a lot; so it says what the mean distance does not see and the eye sees first.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from evaluation.shape import Shape
from slipcast.core.values import F64, Bool

PITCH = 1 / 64
"""From ray to ray, in units of half the true mesh's longest side."""
_STEP = 2
"""Nodes between which normals are compared: 1/32, 1.2 mm on a figurine of 75 mm."""
_SHEET = 3.0
"""Nodes that lie deeper or nearer than so many pitches a node are of another sheet."""
_CALM_DEG = 1.0
"""Added to both roughnesses, so that a mesh that has none can be compared."""


@dataclass(frozen=True, kw_only=True)
class SideView:
    """What parallel rays along X meet, (H,W) over y and z."""

    seen: Bool
    points: F64
    """(H,W,3), zeros where nothing is."""
    normals: F64
    """(H,W,3) unit, towards the viewer."""


def look_from_side(shape: Shape, sign: float) -> SideView:
    """The shape from +X (`sign` 1) or -X (-1)."""
    low, high = shape.bounds
    y, z = (
        np.arange(np.floor(a / PITCH), np.ceil(b / PITCH) + 1) * PITCH
        for a, b in zip(low[1:], high[1:], strict=True)
    )
    far = float(np.abs([low[0], high[0]]).max()) + 1.0
    start = np.stack(np.broadcast_arrays(sign * far, y[:, None], z[None, :]), -1)
    ray = np.broadcast_to([-sign, 0.0, 0.0], start.shape)
    reached = shape.hits(start, ray).astype(np.float64)
    seen: Bool = np.isfinite(reached)
    points = np.where(seen[..., None], start + ray * np.where(seen, reached, 0)[..., None], 0)
    return SideView(seen=seen, points=points, normals=shape.normals_at(start, ray))


def roughness_deg(view: SideView) -> float:
    """Mean second difference of the normals in degrees along rows and columns, within one sheet; nan for none."""
    found = []
    for axis in (0, 1):
        seen, depth, normals = (
            np.moveaxis(values, axis, 0) for values in (view.seen, view.points[..., 0], view.normals)
        )
        if len(seen) <= 2 * _STEP:
            continue
        a, b, c = (slice(k * _STEP, len(seen) - (2 - k) * _STEP) for k in range(3))
        one: Bool = (seen[a] > 0) & (seen[b] > 0) & (seen[c] > 0)
        for near, far in ((a, b), (b, c)):
            one &= np.abs(depth[near] - depth[far]) <= _SHEET * _STEP * PITCH
        found.append(np.linalg.norm(normals[a] - 2 * normals[b] + normals[c], axis=-1)[one])
    values = np.concatenate(found) if found else np.zeros(0)
    return float(np.degrees(values.mean())) if len(values) else float("nan")


def compare_sides(ours: Shape, true: Shape) -> tuple[float, float]:
    """Mean angle in degrees between the sides' normals at nearest points, both ways, and our roughness over the true.

    `ours` lies on `true`, whose longest side is 2. nan where a side shows nothing.
    """
    angles, rough = [], []
    for sign in (1.0, -1.0):
        views = [look_from_side(shape, sign) for shape in (ours, true)]
        if not all(view.seen.any() for view in views):
            return float("nan"), float("nan")
        rough.append([roughness_deg(view) for view in views])
        points, normals = zip(
            *((view.points[view.seen], view.normals[view.seen]) for view in views), strict=True
        )
        for one, other in ((0, 1), (1, 0)):
            nearest = cKDTree(points[other]).query(points[one])[1]
            cosine = np.einsum("ij,ij->i", normals[one], normals[other][nearest])
            angles.append(float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean()))
    mine, theirs = np.mean(rough, axis=0) + _CALM_DEG
    return float(np.mean(angles)), float(mine / theirs)
