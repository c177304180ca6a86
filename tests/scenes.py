"""FBX scenes made for tests: models, parents and transforms around one tetrahedron, binary or text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from slipcast.formats.fbx.nodes import Long, Node, encode_file

CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])
RING = np.array([0, 2, ~1, 0, 1, ~3, 0, 3, ~2, 1, 2, ~3], dtype=np.int32)
VOLUME = 1.0

Values = Mapping[str, Sequence[float] | float | int]


@dataclass(frozen=True)
class Model:
    """One node of a scene; `below` is its parent's index, `drawn` whether it shows the geometry."""

    values: Values = field(default_factory=dict)
    below: int | None = None
    drawn: bool = True


def fbx(models: Sequence[Model], settings: Values | None = None, template: Values | None = None) -> bytes:
    """A binary FBX 7.4 in which every drawn model shows the same tetrahedron."""
    geometry = Node(
        "Geometry",
        (Long(1), "tetra\0\x01Geometry", "Mesh"),
        [Node("Vertices", (CORNERS.reshape(-1),)), Node("PolygonVertexIndex", (RING,))],
    )
    objects, links = [geometry], []
    for index, model in enumerate(models):
        key = Long(100 + index)
        kind = "Mesh" if model.drawn else "Null"
        objects.append(Node("Model", (key, f"model {index}\0\x01Model", kind), [_table(model.values)]))
        links.append(Node("C", ("OO", key, Long(0 if model.below is None else 100 + model.below))))
        if model.drawn:
            links.append(Node("C", ("OO", Long(1), key)))
    kinds = Node("PropertyTemplate", ("FbxNode",), [_table(template or {})])
    return encode_file(
        [
            Node("FBXHeaderExtension", (), [Node("FBXVersion", (7400,))]),
            Node("GlobalSettings", (), [_table(settings or {})]),
            Node("Definitions", (), [Node("ObjectType", ("Model",), [kinds])]),
            Node("Objects", (), objects),
            Node("Connections", (), links),
        ]
    )


def _table(values: Values) -> Node:
    rows = []
    for name, value in values.items():
        numbers = (
            [value] if isinstance(value, int) else np.atleast_1d(np.array(value, dtype=np.float64)).tolist()
        )
        rows.append(Node("P", (name, "any", "", "A", *numbers)))
    return Node("Properties70", (), rows)
