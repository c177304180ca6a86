"""Bodies with known answers, in the print frame, for the tests of print steps."""

import manifold3d
import numpy as np

from slipcast.core.values import Figurine, Mesh, Picture
from slipcast.prepare.body import Body, Kind, Origin, body_from_solid


def box(wide: float, deep: float, tall: float) -> Body:
    """A block about the z axis, standing on z = 0."""
    solid = manifold3d.Manifold.cube((wide, deep, tall), False).translate((-wide / 2, -deep / 2, 0))
    return body_from_solid(solid, Origin(kind=Kind.CUT))


def ball(radius: float) -> Body:
    """A ball that touches z = 0."""
    return body_from_solid(
        manifold3d.Manifold.sphere(radius, 96).translate((0, 0, radius)), Origin(kind=Kind.CUT)
    )


def textured_pillar(pieces: int = 4) -> Figurine:
    """A textured pillar of 30 x 20 x 60 mm: its left half (x < 0) is red, its right half blue, its top third green.

    Each edge of the block is cut into so many `pieces`.
    """
    solid = manifold3d.Manifold.cube((0.03, 0.06, 0.02), False).translate((-0.015, 0, -0.01)).refine(pieces)
    mesh = solid.to_mesh()
    vertices = np.array(mesh.vert_properties[:, :3], np.float32)
    faces = np.array(mesh.tri_verts, np.int32)
    uv = np.stack([vertices[:, 0] / 0.03 + 0.5, 1 - vertices[:, 1] / 0.06], 1)[faces].astype(np.float32)
    pixels = np.zeros((60, 60, 3), np.uint8)
    pixels[:, :30], pixels[:, 30:], pixels[:20] = (200, 30, 30), (30, 40, 200), (40, 190, 60)
    return Figurine(
        name="statue",
        mesh=Mesh(vertices=vertices, faces=faces, source=np.zeros(len(faces), np.uint8)),
        uv=uv,
        texture=Picture(pixels=pixels),
        provenance={"prompt": "a pillar"},
    )
