"""untangle.py: faces that run through each other are parted, and nothing else moves."""

import numpy as np
import pytest
from shapes import sphere

from slipcast.core.values import Mesh
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.mesh.topology import closedness, make_mesh
from slipcast.mesh.untangle import untangle


def _dented(mesh: Mesh, depth: float, count: int = 1) -> Mesh:
    """The same with `count` corners pushed in, or out of the other side."""
    vertices = mesh.vertices.copy()
    chosen = np.random.default_rng(3).permutation(len(vertices))[:count]
    middle = vertices.mean(0)
    vertices[chosen] = middle + (vertices[chosen] - middle) * (1 - depth)
    return make_mesh(vertices, mesh.faces)


def test_what_does_not_cross_comes_back_as_it_was() -> None:
    mesh = sphere()
    made, left = untangle(mesh)
    assert left == 0
    assert made is mesh or np.array_equal(np.sort(made.vertices, 0), np.sort(mesh.vertices, 0))


@pytest.mark.parametrize("count", [1, 5])
def test_corners_pushed_out_of_the_other_side_come_back(count: int) -> None:
    broken = _dented(sphere(), 2.3, count)
    assert len(find_crossing_faces(broken))
    made, left = untangle(broken)
    assert left == 0
    assert len(find_crossing_faces(made)) == 0
    assert closedness(made).closed
    assert len(made.faces) == len(broken.faces)


def test_the_rest_stays_where_it_is() -> None:
    mesh = sphere()
    made, _ = untangle(_dented(mesh, 2.3))
    kept = {row.tobytes() for row in made.vertices} & {row.tobytes() for row in mesh.vertices}
    assert len(kept) > 0.5 * len(mesh.vertices)


def test_the_same_input_gives_the_same_bytes() -> None:
    one, two = (untangle(_dented(sphere(), 2.3, 5))[0] for _ in range(2))
    assert one.vertices.tobytes() == two.vertices.tobytes()
