"""Mesh + several cutouts with their cameras -> which view sees each face, and how well.

A view sees a face well that it looks at squarely, away from the figurine's outline and from the outlines of parts
that stand before others: there a solid that is a little off takes the colour of what is beside it. A side that no
picture shows is seen by the opposite side's picture, mirrored, where the figurine is about the same on both sides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.camera import project
from slipcast.core.symmetry import find_side_to_mirror
from slipcast.core.values import F32, F64, Bool, Camera, Cutout, Mesh, View
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.raycast import Scene
from slipcast.mesh.topology import face_normals

LEAST_COSINE = 0.12
RIM = 0.012
"""Within this share of the figurine's height from an outline a view is trusted less."""
_AT_RIM = 0.02
"""Trust at an outline."""
_PARTS_LEAST = 0.3
"""The same at the outline of a part before another, before it is squared."""
_BEFORE = 0.04
"""A part stands before another where the depth steps by more of the size than this."""
_STEP_PX = 400
"""Longer side of the picture at which steps are looked for."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One view in the world that the mesh lies in."""

    cutout: Cutout
    camera: Camera


def mirror_missing(mesh: Mesh, views: Mapping[View, Seen]) -> list[Seen]:
    """Return the opposite side of the one side that is there, mirrored, where the front is about symmetric.

    None where both sides or neither has a view.
    """
    side = find_side_to_mirror(views, views[View.FRONT].cutout.alpha >= 128)
    if side is None:
        return []
    given = views[side]
    low, high = mesh.vertices[:, 0].min(), mesh.vertices[:, 0].max()
    over = np.diag([-1.0, 1.0, 1.0, 1.0])
    over[0, 3] = float(low) + float(high)
    turned = np.diag([-1.0, 1.0, 1.0, 1.0])
    camera = replace(
        given.camera,
        cx_px=given.camera.width_px - given.camera.cx_px,
        camera_from_world=turned @ given.camera.camera_from_world @ over,
    )
    cutout = replace(
        given.cutout,
        pixels=np.ascontiguousarray(given.cutout.pixels[:, ::-1]),
        alpha=np.ascontiguousarray(given.cutout.alpha[:, ::-1]),
    )
    return [Seen(cutout=cutout, camera=camera)]


def score_sight(mesh: Mesh, views: list[Seen]) -> tuple[F64, list[F64]]:
    """Return (F,K) how well each view sees each face, 0 for not at all, and (V,2) pixels of the vertices in each."""
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    centre = mesh.vertices[mesh.faces].mean(1)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    scene = Scene(mesh.vertices / np.float32(size), mesh.faces)
    scores, pixels = np.zeros((len(mesh.faces), len(views))), []
    for index, seen in enumerate(views):
        camera = seen.camera
        eye = -camera.camera_from_world[:3, 3] @ camera.camera_from_world[:3, :3]
        way = eye - centre
        far = np.linalg.norm(way, axis=1)
        cosine = (normals * way).sum(1) / far
        able = np.flatnonzero(cosine > LEAST_COSINE)
        start = (centre[able] + normals[able] * (2e-3 * size)) / size
        unit = way[able] / far[able, None]
        hit, _ = scene.first_hits(start.astype(np.float32), unit.astype(np.float32))
        able = able[~np.isfinite(hit)]
        place, depth = project(camera, mesh.vertices)
        mask = seen.cutout.alpha >= 128
        rows = np.flatnonzero(mask.any(1))
        wide = RIM * (rows[-1] - rows[0] + 1)
        at, _ = project(camera, centre[able])
        outline = _pick(_distance(mask), at, 1)
        part = max(camera.width_px, camera.height_px) / _STEP_PX
        parts = (
            _pick(_distance(~_find_steps(mesh, place / part, depth, mask.shape, part, size)), at, part) * part
        )
        rim = np.clip(outline / wide, 0, 1) * np.clip(parts / wide, _PARTS_LEAST, 1)
        scores[able, index] = cosine[able] ** 2 * (rim**2 * (1 - _AT_RIM) + _AT_RIM * (outline > 1))
        pixels.append(place)
    return scores, pixels


def _find_steps(mesh: Mesh, place: F64, depth: F64, shape: tuple[int, ...], part: float, size: float) -> Bool:
    """(h,w) where one part stands before another, on both sides of the step; not at the silhouette."""
    import cv2

    tall, wide = (max(1, round(side / part)) for side in shape)
    hits = rasterize(place, depth, mesh.faces, wide, tall)
    known = hits.face >= 0
    far = np.full(known.shape, -1.0, np.float32)
    far[known] = (hits.weights[known] * depth[mesh.faces[hits.face[known]]]).sum(1)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    high = cv2.dilate(far, cross)
    low = cv2.erode(np.where(known, far, np.float32(1e9)), cross)
    return np.asarray(known & (high - low > _BEFORE * size))


def _distance(mask: Bool) -> F32:
    """(H,W) pixels from what is not in the mask; height and width together where all is in it."""
    import cv2

    apart = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 5)
    return np.minimum(np.asarray(apart, np.float32), np.float32(sum(mask.shape)))


def _pick(values: F32, at: F64, part: float) -> F32:
    """(N,) values (H,W) at places (N,2), which are pixels `part` times as small."""
    column = np.clip((at[:, 0] / part).astype(int), 0, values.shape[1] - 1)
    row = np.clip((at[:, 1] / part).astype(int), 0, values.shape[0] - 1)
    out: F32 = values[row, column]
    return out
