"""Several pictures of one figurine -> the same without the light that turned with the camera.

Each picture is darker where the surface turns away from its camera, and mostly on one side: so is every view, and where
two of them meet a figurine shows a dark stripe or a step. Places that two views see tell how much, since they have one
colour; so do places of one hue in one view, since most changes between them are light's. The logarithm of the
light is taken as linear in the normal as the camera sees it, with weights of its own for each view near a common one.
They are fitted to both kinds of pairs by least squares that leave large misfits out (Geman and McClure 1985).

What lies across and towards the camera is divided out, so that a surface is as bright as where it faces the camera.
Light from above stays, as with one picture, since all views agree in it; `delight` takes it out too.

The solid's normals are a third of a right angle off in the mean, so what is found is half to nine tenths of the true
light of shared test sets (0.06, 0.21 and 0.25 across, from above and towards the camera). Pairs nearer than a tenth of
the size see less of it.
"""

from collections.abc import Sequence

import numpy as np

from slipcast.core.camera import project
from slipcast.core.masks import find_nearest
from slipcast.core.orbit import sample
from slipcast.core.scientific import sparse, spatial
from slipcast.core.values import F32, F64, Bool, Camera, Mesh
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.topology import face_normals

_APART = (0.1, 0.2, 0.3, 0.5)
"""Shares of the size between the two places of a pair in one view."""
_MOST_FACES, _LEAST_PAIRS = 6000, 300
_HUE = 0.06
"""How far chromaticities (r, g, b of r + g + b = 1) of a pair may lie apart."""
_STEP = 0.15
"""Misfit, in natural logarithms, at which a pair counts for a quarter."""
_ROUNDS, _SMOOTHINGS = 12, 30
_ACROSS = 2.0
"""Weight of a place that two views see beside a pair in one view."""
_RIDGE, _OWN_RIDGE, _GAIN_RIDGE = 1e-4, 2e-2, 1e-4
"""Of the common weights, of how far a view's are from them, and of a view's brightness."""
_MOST = 0.5
"""Largest weight."""
_BLUR_PX = 2.5
_DARKEST, _BRIGHTEST = 0.01, 0.97
"""Linear brightness between which a pixel tells of the light."""


def remove_view_light(
    mesh: Mesh,
    charts: Sequence[F32],
    places: Sequence[F64],
    cameras: Sequence[Camera],
    good: Bool,
    neighbours: "sparse.csr_matrix",
    delight: float,
) -> float:
    """Divide out of the charts (H,W,3), in place, the light that turned with the camera; return its stops.

    `places` are the vertices' (V,2) pixels in each chart, `good` (F,K) which views see a face well, `neighbours` (F,F)
    is 1 where two faces share an edge. `delight` is how much of the light from above goes too, 0 to 1. Stops are
    between the darkest and the brightest twentieth of what was divided out, in factors of two.
    """
    import cv2

    normals = _smooth_normals(mesh, neighbours)
    seen = [normals @ camera.camera_from_world[:3, :3].T * [1, -1, -1] - [0, 0, 1] for camera in cameras]
    weights = _fit(mesh, charts, places, seen, good)
    weights[:, 1] *= delight
    size = len(mesh.vertices)
    corners = mesh.faces.ravel()
    ones, face = np.ones(len(corners)), np.repeat(np.arange(len(mesh.faces)), 3)
    around = sparse.csr_matrix((ones, (corners, face)), (size, len(mesh.faces)))
    around = sparse.diags(1 / np.maximum(np.asarray(around.sum(1)).ravel(), 1)) @ around
    told = []
    for chart, place, camera, normal, weight in zip(charts, places, cameras, seen, weights, strict=True):
        light = around @ (normal @ weight)
        height, width = chart.shape[:2]
        small = -(-height // 2), -(-width // 2)
        hits = rasterize(place / 2, project(camera, mesh.vertices)[1], mesh.faces, small[1], small[0])
        known = hits.face >= 0
        if not known.any():
            continue
        field = np.zeros(small, np.float32)
        field[known] = (hits.weights[known] * light[mesh.faces[hits.face[known]]]).sum(1)
        told.append(field[known][::16])
        field = cv2.GaussianBlur(field[find_nearest(known)], (0, 0), _BLUR_PX)
        factor = np.exp(-cv2.resize(field, (width, height), interpolation=cv2.INTER_LINEAR))
        chart[:] = _to_srgb(_to_linear(chart) * factor[..., None])
    if not told:
        return 0.0
    return float(np.diff(np.percentile(np.concatenate(told), [5, 95]))[0] / np.log(2))


def _smooth_normals(mesh: Mesh, neighbours: "sparse.csr_matrix") -> F64:
    """(F,3) normals without the surface's own noise."""
    normals, area = face_normals(mesh.vertices, mesh.faces)
    count = np.maximum(np.asarray(neighbours.sum(1)), 1)
    soft = normals * area[:, None] / area.mean()
    for _ in range(_SMOOTHINGS):
        soft = 0.5 * soft + 0.5 * (neighbours @ soft) / count
    out: F64 = soft / np.maximum(np.linalg.norm(soft, axis=1, keepdims=True), 1e-9)
    return out


def _fit(mesh: Mesh, charts: Sequence[F32], places: Sequence[F64], seen: Sequence[F64], good: Bool) -> F64:
    """(K,3) how the logarithm of each view's light grows with the normal that it sees: right, up, towards it."""
    import cv2

    some = np.arange(0, len(mesh.faces), -(-len(mesh.faces) // _MOST_FACES))
    centre = mesh.vertices[mesh.faces[some]].mean(1).astype(np.float64)
    views = len(charts)
    bright, hue, able = [], [], []
    for index, (chart, place) in enumerate(zip(charts, places, strict=True)):
        at = place[mesh.faces[some]].mean(1).astype(np.float32)
        color = _to_linear(sample(cv2.GaussianBlur(chart, (0, 0), _BLUR_PX), at[:, 0], at[:, 1]))
        light = color @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        bright.append(np.log(np.maximum(light, _DARKEST)))
        hue.append(color / np.maximum(color.sum(1, keepdims=True), 1e-4))
        able.append(good[some, index] & (light > _DARKEST) & (color.max(1) < _BRIGHTEST))
    rows: list[F64] = []
    changes: list[F64] = []
    counts: list[F64] = []

    def tell(one: int, other: int, first: F64, second: F64, change: F32, weight: float) -> None:
        """The change of light from a place with a normal `first` in view `one` to `second` in `other`."""
        row = np.zeros((len(change), 3 * (views + 1) + views))
        row[:, :3] = first - second
        row[:, 3 * one + 3 : 3 * one + 6] += first
        row[:, 3 * other + 3 : 3 * other + 6] -= second
        row[:, 3 * (views + 1) + one] += 1
        row[:, 3 * (views + 1) + other] -= 1
        rows.append(row)
        changes.append(change.astype(np.float64))
        counts.append(np.full(len(change), weight))

    tree, random = spatial.KDTree(centre), np.random.default_rng(0)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    for apart in _APART:
        step = random.normal(size=centre.shape)
        step *= apart * size / np.linalg.norm(step, axis=1, keepdims=True)
        other = tree.query(centre + step)[1]
        for k in range(views):
            alike = np.abs(hue[k] - hue[k][other]).max(1) < _HUE
            pair = np.flatnonzero(able[k] & able[k][other] & alike)
            normal = seen[k][some]
            tell(k, k, normal[pair], normal[other[pair]], bright[k][pair] - bright[k][other[pair]], 1)
    for one in range(views):
        for two in range(one + 1, views):
            alike = np.abs(hue[one] - hue[two]).max(1) < _HUE
            pair = np.flatnonzero(able[one] & able[two] & alike)
            change = bright[one][pair] - bright[two][pair]
            tell(one, two, seen[one][some[pair]], seen[two][some[pair]], change, _ACROSS)
    matrix, change, count = np.concatenate(rows), np.concatenate(changes), np.concatenate(counts)
    if len(change) < _LEAST_PAIRS:
        return np.zeros((views, 3))
    ridge = np.repeat([_RIDGE, _OWN_RIDGE, _GAIN_RIDGE], [3, 3 * views, views]) * len(change)
    found = np.zeros(matrix.shape[1])
    for _ in range(_ROUNDS):
        weight = count / (1 + ((change - matrix @ found) / _STEP) ** 2) ** 2
        weighted = matrix * weight[:, None]
        found = np.linalg.solve(weighted.T @ matrix + np.diag(ridge), weighted.T @ change)
    out: F64 = np.clip(found[:3] + found[3 : 3 * (views + 1)].reshape(views, 3), -_MOST, _MOST)
    return out


def _to_linear(color: F32) -> F32:
    """sRGB, 0 to 255, to linear, 0 to 1."""
    value = color / np.float32(255)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _to_srgb(color: F32) -> F32:
    value = np.clip(color, 0, 1)
    shown = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    return (shown * 255).astype(np.float32)
