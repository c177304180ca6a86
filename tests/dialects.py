"""The cube that the readers' tests write in other programs' dialects, and what it is when it comes back."""

from pathlib import Path

import numpy as np
import pytest
from shapes import cube

from slipcast.formats.common.reading import Content
from slipcast.formats.inspect import read_content

MESH = cube(2.0)
V = "".join("v {:g} {:g} {:g}\n".format(*point) for point in MESH.vertices)
F = "".join("f {} {} {}\n".format(*(face + 1)) for face in MESH.faces)
CORNERS = MESH.vertices.astype("<f4")
QUADS = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
"""The cube's sides as `shapes.cube` splits them."""


def content_of(path: Path, data: str | bytes) -> Content:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_content(path)


def assert_cube(content: Content, faces: int = 12) -> None:
    """All faces are there, where the cube's are, and look outward."""
    assert len(content.faces) == faces
    assert content.points.max(0).tolist() == MESH.vertices.max(0).tolist()
    corner = content.points[content.faces]
    volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6
    assert volume == pytest.approx(8.0)
