"""Thin pins: staffs, antennas, blades' grips, tips of tails, whose section is small in both directions.

A wall is thin in one direction, a pin in two: through the middle of each thin place rays go sideways, all around. The
middles of a pin lie along a line, and all chords across that line are short; a ridge's are long where they go into the
body. Longer than wide, it stands alone and may break.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.scientific import csgraph, sparse, spatial
from slipcast.core.values import F32, F64, I64, Mesh
from slipcast.mesh.raycast import Scene
from slipcast.mesh.thickness import Thickness
from slipcast.mesh.topology import face_normals
from slipcast.prepare.body import MM

_WAYS = 8
"""Directions across a place, over half a turn."""
_SLIM = 2.0
"""Length over diameter from which it is a pin, and no knob; it is longer than the limit, too."""
_ROUND = 1.6
"""The longest chord across a pin over the limit: of a square one, seen askew."""
_FEWEST = 8
"""Places that a pin has; fewer are the end of an edge."""
_MOST = 12_000
"""Thin places that are looked at."""


@dataclass(frozen=True, kw_only=True)
class Pin:
    """A part of small section that stands alone."""

    diameter_mm: float
    """Of a round one with the same section, in the middle of its length."""
    length_mm: float
    """Of the stretch that is thinner than the limit."""
    at_mm: tuple[float, float, float]


def find_pins(mesh: Mesh, walls: Thickness, limit_mm: float) -> list[Pin]:
    """Return the pins of `mesh` (world, metres) thinner than `limit_mm`, the thinnest first, places in the print frame.

    `walls` is what `measure_thickness` says of it.
    """
    limit = limit_mm / MM
    thin = np.flatnonzero(walls.samples_m < limit)
    thin = thin[:: len(thin) // _MOST + 1]
    if len(thin) < _FEWEST:
        return []
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    normal = normals[walls.face[thin]].astype(np.float64)
    length = walls.samples_m[thin].astype(np.float64)
    middle = walls.points_m[thin].astype(np.float64) - normal * length[:, None] / 2
    scene, low, size = build_scene(mesh)
    origin = ((middle - low) / size).astype(np.float32)
    across = _measure_chords(scene, origin, normal).min(0) * size
    slender = across < limit
    places, found = middle * MM, []
    for group in _group(places[slender], limit_mm):
        rows = np.flatnonzero(slender)[group]
        if len(rows) < _FEWEST:
            continue
        # A ridge, too, is thin in two directions: around its length rays go deep into the body, out of a pin they come.
        axis = _find_axis(places[rows])
        around = _measure_chords(scene, origin[rows], np.broadcast_to(axis, (len(rows), 3))).max(0) * size
        rows = rows[around < _ROUND * limit]
        for part in _group(places[rows], limit_mm):
            own = rows[part]
            if len(own) < _FEWEST:
                continue
            diameter = float(np.median(np.sqrt(length[own] * across[own]))) * MM
            extent = float(np.ptp(places[own] @ _find_axis(places[own])))
            if extent >= max(_SLIM * diameter, limit_mm):
                x, y, z = (round(float(value), 1) for value in places[own].mean(0))
                found.append(
                    Pin(diameter_mm=round(diameter, 2), length_mm=round(extent, 1), at_mm=(x, -z, y))
                )
    return sorted(found, key=lambda pin: pin.diameter_mm)


def _find_axis(places: F64) -> F64:
    """(3,) unit vector along which (N,3) places are spread most."""
    _, _, axes = np.linalg.svd(places - places.mean(0), full_matrices=False)
    return np.asarray(axes[0], np.float64)


def build_scene(mesh: Mesh) -> tuple[Scene, F64, float]:
    """Return `mesh` for rays, brought to size 1, near which Embree works best, its lowest corner (3,) and its size."""
    low, high = mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)
    size = float((high - low).max()) or 1.0
    return Scene(((mesh.vertices - low) / size).astype(np.float32), mesh.faces), low, size


def _measure_chords(scene: Scene, origin: F32, axis: F64) -> F64:
    """(K,N) lengths of the chords through each place (N,3), in K directions across its `axis` (N,3)."""
    side = np.cross(axis, np.eye(3)[np.abs(axis).argmin(1)])
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-12)
    other = np.cross(axis, side)
    chords = []
    for angle in np.pi * np.arange(_WAYS) / _WAYS:
        way = (side * np.cos(angle) + other * np.sin(angle)).astype(np.float32)
        chords.append(scene.first_hits(origin, way)[0] + scene.first_hits(origin, -way)[0])
    return np.array(chords, np.float64)


def _group(places: F64, reach_mm: float) -> list[I64]:
    """Indices of (N,3) places that chains of steps of at most `reach_mm` join."""
    pairs = spatial.cKDTree(places).query_pairs(reach_mm, output_type="ndarray")
    joined = sparse.coo_matrix(
        (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (len(places), len(places))
    )
    count, label = csgraph.connected_components(joined, directed=False)
    return [np.flatnonzero(label == number) for number in range(count)]
