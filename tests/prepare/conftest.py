"""A textured figurine of known size for the print steps."""

import manifold3d
import numpy as np
import pytest

from slipcast.values import Figurine, Mesh, Picture


@pytest.fixture
def statue() -> Figurine:
    """A textured pillar of 30 x 20 x 60 mm: its left half (x < 0) is red, its right half blue, its top third green."""
    solid = manifold3d.Manifold.cube((0.03, 0.06, 0.02), False).translate((-0.015, 0, -0.01)).refine(4)
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
