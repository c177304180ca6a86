"""A figurine's mesh -> the buffer, accessors and primitive of a glTF document, plain, quantized or compressed.

Faces are ordered by where they come from (`Source`), so that counts alone say which is which. Draco orders faces
anew; there each face's source is kept as a string of labels.
"""

from dataclasses import dataclass, field, replace

import numpy as np
import pygltflib as gl

from slipcast.core.values import F32, F64, Figurine, Hull, Mesh, Source
from slipcast.formats.common.labels import write_labels
from slipcast.formats.gltf import compress
from slipcast.formats.gltf.solid import describe_solid, find_merges, is_manifold
from slipcast.formats.table import ExportOptions
from slipcast.mesh import tangents as shading
from slipcast.mesh.normals import vertex_normals

_COMPONENT = {
    "float32": gl.FLOAT,
    "uint32": gl.UNSIGNED_INT,
    "uint16": gl.UNSIGNED_SHORT,
    "int8": gl.BYTE,
}
_SHAPE = {1: gl.SCALAR, 2: gl.VEC2, 3: gl.VEC3, 4: gl.VEC4}

Array = np.typing.NDArray[np.generic]


class Buffer:
    """One binary buffer that grows view by view; with `packed` vertex data and indices are encoded with meshopt.

    Packed views lie, as they will be once decoded, in a second buffer that no file has: `fallback_bytes` is its
    length.
    """

    def __init__(self, *, packed: bool) -> None:
        self.packed = packed
        self.data = bytearray()
        self.fallback_bytes = 0
        self.views: list[gl.BufferView] = []
        self.accessors: list[gl.Accessor] = []

    def view(self, data: bytes) -> int:
        """Append a view of plain bytes aligned to 4 and return its index."""
        self.views.append(gl.BufferView(buffer=0, byteOffset=self._put(data), byteLength=len(data)))
        return len(self.views) - 1

    def _put(self, data: bytes) -> int:
        self.data += b"\0" * (-len(self.data) % 4)
        at = len(self.data)
        self.data += data
        return at

    def accessor(self, array: Array, target: int, *, bounds: bool = False) -> int:
        """Append an accessor over (N,) or (N,k) `array` and return its index; small vertex data is normalized."""
        rows = array.reshape(len(array), -1)
        vertices = target == gl.ARRAY_BUFFER
        bytes_used = rows.shape[1] * rows.itemsize
        padding = -bytes_used % 4 if vertices else 0
        padded = np.zeros((len(rows), rows.shape[1] + padding // rows.itemsize), rows.dtype)
        padded[:, : rows.shape[1]] = rows
        stride = bytes_used + padding
        view = gl.BufferView(
            buffer=0, byteLength=padded.nbytes, byteStride=stride if padding else None, target=target
        )
        if self.packed:
            content = compress.meshopt_pack(padded, indices=not vertices)
            view.buffer, view.byteOffset = 1, self.fallback_bytes
            view.byteStride = stride if vertices else None
            view.extensions[compress.MESHOPT] = {
                "buffer": 0,
                "byteOffset": self._put(content),
                "byteLength": len(content),
                "byteStride": stride,
                "mode": "ATTRIBUTES" if vertices else "TRIANGLES",
                "count": len(rows),
            }
            self.fallback_bytes += padded.nbytes + -padded.nbytes % 4
        else:
            view.byteOffset = self._put(padded.tobytes())
        self.views.append(view)
        self.accessors.append(
            _accessor(rows, len(self.views) - 1, normalized=vertices and array.dtype != np.float32)
        )
        if bounds:
            _bound(self.accessors[-1], rows)
        return len(self.accessors) - 1

    def outline(self, array: Array, *, bounds: bool = False) -> int:
        """Append an accessor that only says what a Draco buffer will unpack to; return its index."""
        rows = array.reshape(len(array), -1)
        self.accessors.append(_accessor(rows, None, normalized=False))
        if bounds:
            _bound(self.accessors[-1], rows)
        return len(self.accessors) - 1


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What the document needs beside the buffer."""

    primitive: "gl.Primitive"
    scale: list[float] | None = None
    translation: list[float] | None = None
    """The node's, which undo the grid of quantized positions."""
    extras: dict[str, object] = field(default_factory=dict)
    """The mesh's: which faces come from where."""
    extensions: tuple[str, ...] = ()
    solid: dict[str, object] | None = None
    """The mesh's EXT_mesh_manifold; None where the mesh is open, or packed."""


def add_geometry(figurine: Figurine, buffer: Buffer, options: ExportOptions) -> Geometry:
    """Write the mesh into `buffer` as `options.compress` and `options.quantize` say."""
    mapped = figurine.normal_map is not None
    if options.compress == "draco":
        return _draco(figurine, buffer)
    figurine = _by_source(figurine)
    mesh = figurine.mesh
    corner, faces = shading.split_vertices(
        mesh.faces, figurine.uv, shading.measure_handedness(figurine) if mapped else None
    )
    normals = vertex_normals(mesh.vertices, mesh.faces)[mesh.faces.reshape(-1)[corner]]
    tangents = shading.make_tangents(figurine, normals, corner, faces) if mapped else None
    if options.compress == "meshopt":
        faces, order = compress.good_order(faces, mesh.source)
        corner, normals = corner[order], normals[order]
        tangents = None if tangents is None else tangents[order]
    vertex, uv = mesh.faces.reshape(-1)[corner], figurine.uv.reshape(-1, 2)[corner]
    primitive = gl.Primitive(material=0)
    attributes, scale, translation = primitive.attributes, None, None
    small = options.quantize or options.compress == "meshopt"
    points: Array = mesh.vertices[vertex]
    rows: dict[str, Array] = {"NORMAL": normals, "TEXCOORD_0": uv}
    if tangents is not None:
        rows["TANGENT"] = tangents
    if small:
        grid, scale, translation = _on_a_grid(mesh.vertices)
        points = grid[vertex]
        rows = {key: _small(key, value) for key, value in rows.items()}
    attributes.POSITION = buffer.accessor(points, gl.ARRAY_BUFFER, bounds=True)
    for key, value in rows.items():
        setattr(attributes, key, buffer.accessor(value, gl.ARRAY_BUFFER))
    index_type = np.uint16 if len(corner) < 0xFFFF else np.uint32
    primitive.indices = buffer.accessor(faces.astype(index_type).reshape(-1), gl.ELEMENT_ARRAY_BUFFER)
    solid = None
    if options.compress == "none" and is_manifold(mesh.faces, len(mesh.vertices)):
        at, merged = find_merges(faces.astype(np.int32), vertex.astype(np.int64))
        if len(at):  # without a seam the drawn mesh is the solid, as it stands
            views = (
                buffer.view(at.astype(np.uint32).tobytes()),
                buffer.view(merged.astype(index_type).tobytes()),
            )
            drawn = buffer.accessors[primitive.indices]
            solid = describe_solid(drawn, attributes.POSITION, views, at, buffer.accessors)
    counted = np.bincount(mesh.source, minlength=len(Source))
    return Geometry(
        primitive=primitive,
        scale=scale,
        translation=translation,
        extras={"faces_by_source": {source.name: int(counted[source]) for source in Source}},
        extensions=(
            *(("KHR_mesh_quantization",) if small else ()),
            *((compress.MESHOPT,) if options.compress == "meshopt" else ()),
        ),
        solid=solid,
    )


def add_hull(hull: Hull, buffer: Buffer) -> "gl.Primitive":
    """Write a collision body: positions and indices, never packed, without a material."""
    plain = Buffer(packed=False)
    plain.data, plain.views, plain.accessors = buffer.data, buffer.views, buffer.accessors
    primitive = gl.Primitive()
    primitive.attributes.POSITION = plain.accessor(hull.vertices, gl.ARRAY_BUFFER, bounds=True)
    primitive.indices = plain.accessor(hull.faces.astype(np.uint16).reshape(-1), gl.ELEMENT_ARRAY_BUFFER)
    return primitive


def _draco(figurine: Figurine, buffer: Buffer) -> Geometry:
    """The mesh as one Draco buffer; tangents are left to the reader, since Draco would store them unpacked."""
    mesh = figurine.mesh
    corner, faces = shading.split_vertices(mesh.faces, figurine.uv)
    vertex = mesh.faces.reshape(-1)[corner]
    packed = compress.draco_pack(
        mesh.vertices[vertex],
        vertex_normals(mesh.vertices, mesh.faces)[vertex],
        figurine.uv.reshape(-1, 2)[corner],
        faces,
    )
    primitive = gl.Primitive(material=0)
    for key, unique in packed.ids.items():
        array = packed.mesh.attributes[unique]
        setattr(primitive.attributes, key, buffer.outline(array, bounds=key == "POSITION"))
    index_type = np.uint16 if len(packed.mesh.points) < 0xFFFF else np.uint32
    primitive.indices = buffer.outline(packed.mesh.faces.astype(index_type).reshape(-1))
    primitive.extensions = {
        compress.DRACO: {"bufferView": buffer.view(packed.data), "attributes": packed.ids}
    }
    return Geometry(
        primitive=primitive,
        extras={"source_of_faces": write_labels(mesh.source[packed.face])},
        extensions=(compress.DRACO,),
    )


def _accessor(rows: Array, view: int | None, *, normalized: bool) -> "gl.Accessor":
    return gl.Accessor(
        bufferView=view,
        byteOffset=None if view is None else 0,
        componentType=_COMPONENT[rows.dtype.name],
        normalized=normalized,
        count=len(rows),
        type=_SHAPE[rows.shape[1]],
    )


def _bound(accessor: "gl.Accessor", rows: Array) -> None:
    accessor.min, accessor.max = np.asarray(rows).min(axis=0).tolist(), np.asarray(rows).max(axis=0).tolist()


def _by_source(figurine: Figurine) -> Figurine:
    """The same figurine with its faces ordered by source."""
    mesh = figurine.mesh
    order = np.argsort(mesh.source, kind="stable")
    ordered = Mesh(vertices=mesh.vertices, faces=mesh.faces[order], source=mesh.source[order])
    return replace(figurine, mesh=ordered, uv=figurine.uv[order])


def _small(key: str, rows: Array) -> Array:
    """Texture coordinates as 16-bit, directions as 8-bit fractions."""
    if key == "TEXCOORD_0":
        return np.rint(np.clip(rows, 0, 1).astype(np.float64) * 65535).astype(np.uint16)
    return np.rint(np.asarray(rows, dtype=np.float64) * 127).astype(np.int8)


def _on_a_grid(points: F32) -> "tuple[np.typing.NDArray[np.uint16], list[float], list[float]]":
    """(V,3) positions as 0..65535 along the longest side, with the node's scale and translation that undo it.

    A figurine of 75 mm lies on a grid of 1.1 micrometres, so nothing that was apart falls together.
    """
    low: F64 = points.min(axis=0).astype(np.float64)
    side = float(np.ptp(points.astype(np.float64), axis=0).max()) or 1.0
    grid = np.rint((points - low) / side * 65535).astype(np.uint16)
    return grid, [side] * 3, low.tolist()
