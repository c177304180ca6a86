"""Equal positions are one vertex."""

import numpy as np

from slipcast.core.values import Mesh
from slipcast.mesh.weld import find_equal, weld


def test_minus_zero_is_zero_and_the_first_use_names_the_place() -> None:
    points = np.array([[1, 0, 0], [-0.0, 2, 0], [0.0, 2, 0], [1, 0, -0.0]], np.float32)
    first, index = find_equal(points)
    assert first.tolist() == [0, 1]
    assert index.tolist() == [0, 1, 1, 0]


def test_random_copies_are_found_as_a_plain_dictionary_finds_them() -> None:
    rng = np.random.default_rng(3)
    points = rng.integers(-2, 3, (500, 3)).astype(np.float32)
    places: dict[tuple[float, ...], int] = {}
    plain = [places.setdefault(tuple(point), len(places)) for point in points.tolist()]
    first, index = find_equal(points)
    assert index.tolist() == plain
    assert np.array_equal(points[first][index], points)


def test_faces_that_collapse_go() -> None:
    mesh = Mesh(
        vertices=np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0]], np.float32),
        faces=np.array([[0, 1, 2], [0, 1, 3]], np.int32),
        source=np.zeros(2, np.uint8),
    )
    vertices, faces = weld(mesh)
    assert vertices.shape == (3, 3)
    assert vertices[faces].tolist() == [mesh.vertices[:3].tolist()]
