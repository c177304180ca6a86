"""What is thinner than a printer can hold grows to the asked thickness; all else stays as it is.

The middle of each thin wall is a point of the medial surface: half of the ray's length below the sample. Balls of the
asked thickness around all of them, as one field on a grid, are added to the solid.

The samples lie so densely that the balls make one smooth skin; a few for each face left a row of beads. What is thin
because two faces meet at an edge is no thin wall, and neither is a spot smaller than the ball: both grew warts, on the
28 mm knight in his eyes and along his base.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import manifold3d
import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import csgraph, ndimage, sparse, spatial
from slipcast.core.values import F32, F64, I64, Bool, Mesh
from slipcast.mesh.marching_tetrahedra import march_tetrahedra
from slipcast.mesh.thickness import measure_thickness, spread_samples
from slipcast.mesh.topology import face_normals
from slipcast.prepare.body import MM, Body, Kind, Origin, body_from_solid, read_surface
from slipcast.prepare.pins import build_scene

_MOST_SAMPLES = 30_000_000
_FINEST_MM = 0.1
_SIMPLIFIED, _FACETED, _BLURRED = 0.02, 0.01, 0.01
"""Of the thickness: how far simplification, the grid's flat faces and the blur may lie below a ball; so much more is
grown."""
_CALM = 1.0
"""Width of the blur, in cells."""
_SPACING = 0.2
"""Of samples, over the thickness."""
_LONGEST = 0.4
"""Edge of the pieces that hold them, over the thickness: samples lie alike in all triangles, so those around a long
slim pin would leave gaps between them."""
_FACING = 0.7
"""Cosine between the faces of a wall: at an edge sharper than 45 degrees two are one."""
_LEAST = 1.0
"""Surface of the smallest thin part that grows, over the thickness squared."""


@dataclass(frozen=True, kw_only=True)
class ThickenReport:
    """What grew."""

    grown_share: float
    """Share of the surface that was too thin."""
    added_mm3: float
    largest_mm: float
    """How far the surface moved, at most."""


def thicken(
    body: Body, thickness_mm: float, *, between_mm: Sequence[tuple[float, float]] | None = None
) -> tuple[Body, ThickenReport]:
    """Return `body` with its thin parts grown to `thickness_mm`; raises BadInput unless that is 0.2 to 5.

    `between_mm`: only at these heights (lowest and highest z of each run), and as far as `thickness_mm` beyond them.
    """
    if not 0.2 <= thickness_mm <= 5:
        raise BadInput(f"thicken_mm must be 0.2 to 5, got {thickness_mm}; 0.8 suits a 0.4 mm nozzle")
    mesh = read_surface(body).as_mesh()
    walls = measure_thickness(mesh)
    length = walls.samples_m.astype(np.float64) * MM
    thin = np.isfinite(length) & (length < thickness_mm)
    if between_mm is not None:
        up = walls.points_m[:, 1].astype(np.float64) * MM
        thin &= _lie_between(up, up, between_mm)
    share = float(walls.area_m2[thin].sum() / max(float(walls.area_m2.sum()), 1e-30))
    faces = np.unique(walls.face[thin])
    if between_mm is not None:  # all of them: a short pin has few of the body's samples
        tall = mesh.vertices[mesh.faces][:, :, 1].astype(np.float64) * MM
        faces = np.flatnonzero(_lie_between(tall.min(1), tall.max(1), between_mm))
    if not len(faces):
        return body, ThickenReport(grown_share=0.0, added_mm3=0.0, largest_mm=0.0)
    middle, moves = _find_middles(mesh, faces, thickness_mm)
    if between_mm is not None:
        reach = [(low - thickness_mm, high + thickness_mm) for low, high in between_mm]
        near = _lie_between(middle[:, 2], middle[:, 2], reach)
        middle, moves = middle[near], moves[near]
    if not len(middle):
        return body, ThickenReport(grown_share=share, added_mm3=0.0, largest_mm=0.0)
    slack = (_SIMPLIFIED + _FACETED + _BLURRED) * thickness_mm
    radius = thickness_mm / 2 + slack
    low, high = middle.min(0) - 3 * radius, middle.max(0) + 3 * radius
    step = max(thickness_mm / 6, _FINEST_MM, float(np.prod(high - low) / _MOST_SAMPLES) ** (1 / 3))
    shape = np.ceil((high - low) / step).astype(int) + 1
    seeds = np.ones(shape, bool)
    at = np.clip(np.rint((middle - low) / step).astype(int), 1, shape - 2)
    seeds[at[:, 0], at[:, 1], at[:, 2]] = False
    rough = ndimage.distance_transform_edt(seeds, sampling=step)
    near = rough < radius + 2 * step
    field = np.full(shape, -radius, np.float32)
    where = np.argwhere(near)
    distance, _ = spatial.cKDTree(middle).query(low + where * step)
    field[near] = radius - distance
    vertices, triangles = march_tetrahedra(ndimage.gaussian_filter(field, _CALM))
    grown = manifold3d.Manifold(
        manifold3d.Mesh((low + vertices * step).astype(np.float32), triangles.astype(np.uint32))
    ).simplify(_SIMPLIFIED * thickness_mm)
    before = body.volume_mm3
    out = body + body_from_solid(grown, Origin(kind=Kind.CUT))
    return out, ThickenReport(
        grown_share=round(share, 5),
        added_mm3=round(out.volume_mm3 - before, 3),
        largest_mm=round(float(moves.max()) + slack, 3),
    )


def _lie_between(low: F64, high: F64, runs: Sequence[tuple[float, float]]) -> Bool:
    """(N,) which stretches from `low` (N,) to `high` (N,) meet one of the `runs`."""
    meets = np.zeros(len(low), bool)
    for lowest, highest in runs:
        meets |= (high >= lowest) & (low <= highest)
    return meets


def _halve_long(corner: F32, longest_m: float) -> tuple[I64, F32]:
    """The triangles (N,3,3) halved at their longest edge until none is longer: (M,) which each was, and (M,3,3)."""
    parent = np.arange(len(corner))
    small: list[tuple[I64, F32]] = []
    while len(corner):
        edge = np.linalg.norm(np.roll(corner, -1, axis=1) - corner, axis=2)
        long = edge.max(1) > longest_m
        small.append((parent[~long], corner[~long]))
        first = edge[long].argmax(1)
        a, b, c = (corner[long, (first + k) % 3] for k in range(3))
        middle = (a + b) / 2
        corner = np.concatenate([np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)])
        parent = np.concatenate([parent[long]] * 2)
    return np.concatenate([own for own, _ in small]), np.concatenate([own for _, own in small])


def _find_middles(mesh: Mesh, faces: I64, thickness_mm: float) -> tuple[F64, F64]:
    """(N,3) middles, in the print frame, of what is thin below the `faces`; (N,) how far their surface moves, in mm."""
    normals, _ = face_normals(mesh.vertices, mesh.faces[faces])
    cell = _SPACING * thickness_mm
    parent, corner = _halve_long(mesh.vertices[mesh.faces[faces]], _LONGEST * thickness_mm / MM)
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2
    count = 1 + np.floor(area * MM**2 / cell**2).astype(np.int64)
    owner, points = spread_samples(corner, count)
    way = -normals[parent[owner]].astype(np.float64)
    scene, low, size = build_scene(mesh)
    start = (points - low) / size + way * 1e-6
    length, opposite = scene.first_hits(start.astype(np.float32), way.astype(np.float32))
    deep = length.astype(np.float64) * size * MM
    faced = (opposite * way).sum(1) > _FACING
    own = np.flatnonzero(np.isfinite(deep) & (deep < thickness_mm) & faced)
    middle = points[own] * MM + way[own] * deep[own, None] / 2
    x, y, z = middle.T
    middle = np.stack([x, -z, y], 1)
    pairs = (
        spatial.cKDTree(middle).query_pairs(2 * cell, output_type="ndarray")
        if len(own)
        else np.zeros((0, 2), int)
    )
    joined = sparse.coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (len(own),) * 2)
    groups, label = csgraph.connected_components(joined, directed=False)
    stands_for = (area[owner] / count[owner])[own] * MM**2
    large = np.bincount(label, stands_for, groups) > _LEAST * thickness_mm**2
    keep = large[label]
    return middle[keep], (thickness_mm - deep[own][keep]) / 2
