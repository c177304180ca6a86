"""EXT_mesh_manifold: a mesh that is split at UV seams says how it welds back to the exact solid.

Beside the drawn primitive stands one that shares its positions and, but for the corners of seams, its indices: a sparse
accessor replaces those by the vertex that they fall together with. So the solid is known without comparing positions,
which would also join what only touches. Written by manifold's tools too; readers without the extension see nothing of
it. It costs eight bytes a corner at a seam.
"""

from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.values import F32, I32, I64
from slipcast.formats.gltf.document import Document, Json, extension

if TYPE_CHECKING:
    import pygltflib as gl

EXTENSION = "EXT_mesh_manifold"


def is_manifold(faces: I32 | I64, count: int) -> bool:
    """Whether each halfedge of (F,3) faces over `count` vertices has exactly one twin: an oriented closed surface."""
    start = faces.astype(np.int64)
    end = np.roll(start, -1, axis=1)
    key, twin = (start * count + end).ravel(), (end * count + start).ravel()
    key.sort()
    twin.sort()
    return bool(len(key) and (key[1:] != key[:-1]).all() and (key == twin).all())


def find_merges(faces: I32, vertex: I64) -> tuple[I64, I64]:
    """Return which of the 3 F indices of (F,3) `faces` a solid replaces, and by what; `vertex` (V,) joins vertices."""
    _, first, place = np.unique(vertex, return_index=True, return_inverse=True)
    drawn = faces.reshape(-1).astype(np.int64)
    merged = first[place.reshape(-1)][drawn]
    at = np.flatnonzero(merged != drawn)
    return at.astype(np.int64), merged[at].astype(np.int64)


def read_solid(document: Document, mesh: Json, primitive: Json, points: F32, faces: I32) -> I32 | None:
    """Return the (F,3) indices of the solid that `mesh` describes for its one `primitive`, or None.

    Every replaced corner must lie where it lay: what says otherwise is not followed.
    """
    told = extension(mesh, EXTENSION)
    solid = told.get("manifoldPrimitive") if told is not None else None
    if not isinstance(solid, dict) or solid.get("mode", 4) != 4 or primitive.get("mode", 4) != 4:
        return None
    own, drawn = solid.get("attributes"), primitive.get("attributes")
    if (
        not isinstance(own, dict)
        or not isinstance(drawn, dict)
        or own.get("POSITION") != drawn.get("POSITION")
    ):
        return None
    index = document.accessor(solid.get("indices"))
    if index.shape != (faces.size, 1) or index.dtype.kind not in "ui" or index.max(initial=0) >= len(points):
        return None
    wanted = index.reshape(-1, 3).astype(np.int32)
    for turned in (wanted, np.ascontiguousarray(wanted[:, ::-1])):
        if np.array_equal(points[turned], points[faces]):
            return turned if is_manifold(turned, len(points)) else None
    return None


def describe_solid(
    indices: "gl.Accessor", position: int, sparse: tuple[int, int], at: I64, accessors: list["gl.Accessor"]
) -> dict[str, object]:
    """Append the accessors of the solid and return the extension's object.

    `indices` is the drawn primitive's accessor, `position` the number of its positions', `sparse` the buffer views of
    what is replaced and by what, `at` (R,) the places in the list of indices that are replaced. `accessors` is changed.
    The extension is EXT_mesh_manifold.
    """
    import pygltflib as gl  # only writers need it; tests/clients/write_usdz.py reads without

    where, values = sparse
    kind = gl.UNSIGNED_INT
    solid = gl.Accessor(
        bufferView=indices.bufferView,
        byteOffset=0,
        componentType=indices.componentType,
        count=indices.count,
        type=gl.SCALAR,
        sparse=gl.Sparse(
            count=len(at),
            indices=gl.AccessorSparseIndices(bufferView=where, byteOffset=0, componentType=kind),
            values=gl.AccessorSparseValues(bufferView=values, byteOffset=0),
        ),
    )
    first = len(accessors)
    accessors.append(solid)
    for view, component in ((where, kind), (values, indices.componentType)):
        accessors.append(
            gl.Accessor(bufferView=view, byteOffset=0, componentType=component, count=len(at), type=gl.SCALAR)
        )
    return {
        "manifoldPrimitive": {"mode": 4, "indices": first, "attributes": {"POSITION": position}},
        "mergeIndices": first + 1,
        "mergeValues": first + 2,
    }
