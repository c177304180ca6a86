"""Occlusion of bodies whose answer is known."""

from dataclasses import replace

import manifold3d
import numpy as np
import pytest
from shapes import figure

from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine, Mesh
from slipcast.texture.occlusion import OcclusionOptions, bake_occlusion, measure_openness


def cube(side_m: float) -> Figurine:
    """A fine cube on the ground."""
    made = manifold3d.Manifold.cube((side_m,) * 3, False).refine(6).to_mesh()
    vertices, faces = np.array(made.vert_properties[:, :3], np.float32), np.array(made.tri_verts, np.int32)
    mesh = Mesh(vertices=vertices, faces=faces, source=np.zeros(len(faces), np.uint8))
    return replace(figure("cube"), mesh=mesh, uv=np.zeros((len(faces), 3, 2), np.float32))


def test_a_convex_body_off_the_ground_is_open_everywhere() -> None:
    plain = cube(0.01)
    assert measure_openness(plain, OcclusionOptions(ground=False)).min() > 0.99


def test_the_ground_halves_what_a_wall_sees() -> None:
    """At the foot of a wall that stands on the ground half of the cosine-weighted hemisphere is ground."""
    plain = cube(0.01)
    open_share = measure_openness(plain, OcclusionOptions(ground=True, rays=512, reach=2.0))
    x, y, z = plain.mesh.vertices.T / 0.01
    wall = (np.abs(z - 1) < 1e-3) & (np.abs(x - 0.5) < 0.3)
    foot, head = wall & (y > 0.1) & (y < 0.4), wall & (y > 0.8) & (y < 0.95)
    assert 0.4 < open_share[foot].mean() < open_share[head].mean() < 1


def test_a_crease_is_darker_than_a_bulge() -> None:
    whole = figure("knight")
    drawn = bake_occlusion(whole)
    assert drawn.dtype == np.uint8
    assert 20 < np.percentile(drawn, 1) < np.percentile(drawn, 90) <= 255
    assert (bake_occlusion(whole) == drawn).all()


@pytest.mark.parametrize("words", [{"rays": 1}, {"reach": 0.0}])
def test_other_options_are_refused(words: dict[str, float]) -> None:
    with pytest.raises(BadInput):
        OcclusionOptions(**words)  # type: ignore[arg-type]
