"""What is thinner than a printer can hold grows to the asked thickness; all else stays as it is.

The middle of each thin wall is a point of the medial surface: half of the ray's length below the sample. Balls of the
asked thickness around all of them, as one field on a grid, are added to the solid.
"""

from dataclasses import dataclass

import manifold3d
import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import ndimage, spatial
from slipcast.mesh.marching_tetrahedra import march_tetrahedra
from slipcast.mesh.thickness import measure_thickness
from slipcast.mesh.topology import face_normals
from slipcast.prepare.body import MM, Body, Kind, Origin, body_from_solid, read_surface

_MOST_SAMPLES = 30_000_000
_FINEST_MM = 0.1
_SIMPLIFIED, _FACETED = 0.02, 0.01
"""Of the thickness: how far simplification and the grid's flat faces may lie below a ball; so much more is grown."""


@dataclass(frozen=True, kw_only=True)
class ThickenReport:
    """What grew."""

    grown_share: float
    """Share of the surface that was too thin."""
    added_mm3: float
    largest_mm: float
    """How far the surface moved, at most."""


def thicken(body: Body, thickness_mm: float) -> tuple[Body, ThickenReport]:
    """Return `body` with its thin parts grown to `thickness_mm`; raises BadInput unless that is 0.2 to 5."""
    if not 0.2 <= thickness_mm <= 5:
        raise BadInput(f"thicken_mm must be 0.2 to 5, got {thickness_mm}; 0.8 suits a 0.4 mm nozzle")
    mesh = read_surface(body).as_mesh()
    walls = measure_thickness(mesh)
    length = walls.samples_m.astype(np.float64) * MM
    thin = np.isfinite(length) & (length < thickness_mm)
    share = float(walls.area_m2[thin].sum() / max(float(walls.area_m2.sum()), 1e-30))
    if not thin.any():
        return body, ThickenReport(grown_share=0.0, added_mm3=0.0, largest_mm=0.0)
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    inward = -normals[walls.face[thin]]
    x, y, z = ((walls.points_m[thin] + inward * (walls.samples_m[thin, None] / 2)) * MM).T
    middle = np.stack([x, -z, y], 1)
    slack = _SIMPLIFIED * thickness_mm + _FACETED * thickness_mm
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
    vertices, faces = march_tetrahedra(field)
    grown = manifold3d.Manifold(
        manifold3d.Mesh((low + vertices * step).astype(np.float32), faces.astype(np.uint32))
    ).simplify(_SIMPLIFIED * thickness_mm)
    before = body.volume_mm3
    out = body + body_from_solid(grown, Origin(kind=Kind.CUT))
    return out, ThickenReport(
        grown_share=round(share, 5),
        added_mm3=round(out.volume_mm3 - before, 3),
        largest_mm=round(float((thickness_mm - length[thin]).max()) / 2 + slack, 3),
    )
