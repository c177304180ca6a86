"""Geometry -> fewer bytes, for glTF: EXT_meshopt_compression and KHR_draco_mesh_compression.

Both codecs come with the extra `compress`: meshopt (MIT; meshoptimizer 1.3 inside) and DracoPy (Apache-2.0; Google's
Draco inside). meshopt unpacks at gigabytes a second and keeps the order of faces; Draco makes smaller files and is
what Blender reads.

Rejected for the codecs: `meshoptimizer` of PyPI (an alpha without wheels) and `almeshopt` (states no licence).
Rejected for textures as KTX2 (KHR_texture_basisu): `pyktx` and `basisu` have no wheels, `alktx2` states no licence,
`opengl_basisu` only unpacks; WebP is offered instead.
Rejected for Draco: its sequential method, which keeps the order of faces (543 KB where 202 KB suffice).
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import spatial
from slipcast.core.values import F32, I32, U8
from slipcast.formats.common import sandbox

MESHOPT = "EXT_meshopt_compression"
KHR_MESHOPT = "KHR_meshopt_compression"
"""The same with a newer codec of attributes and a filter for colours: read, not written."""
DRACO = "KHR_draco_mesh_compression"

_MODULE = {"meshopt": "meshopt", "draco": "DracoPy"}
POSITION_BITS = 16
"""1.1 micrometres on a figurine of 75 mm, so nothing that was apart falls together."""
_NORMAL_BITS = 10
_UV_BITS = 14
"""An eighth of a pixel of a 2048 px texture."""
_DRACO_LEVEL = 7
"""Of 10; the last three cost time and give 1.5 %."""


def require(kind: str) -> None:
    """Raise BadInput, with the command that helps, when the codec of `kind` is not installed."""
    if kind != "none" and find_spec(_MODULE[kind]) is None:
        raise BadInput(f"{kind} compression needs {_MODULE[kind]}: run `pip install 'slipcast[compress]'`")


def _codec(kind: str) -> ModuleType:
    require(kind)
    return import_module(_MODULE[kind])


def meshopt_pack(rows: "np.typing.NDArray[np.generic]", *, indices: bool) -> bytes:
    """Encode (N,k) vertex rows of whole 4 bytes, or (F,3) indices; the order stays, corners of a face may rotate."""
    codec = _codec("meshopt")
    if indices:
        packed = codec.encode_gltf_buffer(np.ascontiguousarray(rows).reshape(-1), "TRIANGLES")
    else:
        packed = codec.encode_gltf_buffer(np.ascontiguousarray(rows), "ATTRIBUTES")
    assert isinstance(packed, bytes)
    return packed


def meshopt_unpack(data: memoryview, count: int, stride: int, mode: str, filter: str) -> bytes:
    """Decode one buffer view to `count * stride` bytes; ValueError where `data` does not hold that."""
    codec = _codec("meshopt")
    try:
        plain = codec.decode_gltf_buffer(data, count, stride, mode, None if filter == "NONE" else filter)
    except (RuntimeError, TypeError, OverflowError) as error:
        raise ValueError(str(error)) from error
    return np.ascontiguousarray(plain).tobytes()


def good_order(faces: I32, groups: U8) -> tuple[I32, I32]:
    """Order faces for small codes and fast drawing, without mixing `groups` (F,), which must be sorted.

    Returns `(faces, vertex)`: (F,3) faces over renumbered vertices, and (N,) the old number of each new one.
    """
    codec = _codec("meshopt")
    parts = []
    for group in np.unique(groups):
        flat = faces[groups == group].astype(np.uint32).reshape(-1)
        local, place = np.unique(flat, return_inverse=True)
        ordered, remap, _ = codec.reorder_mesh(place.astype(np.uint32), True, True)
        old = np.empty(len(local), dtype=np.uint32)
        old[remap] = local
        parts.append(old[ordered])
    joined = np.concatenate(parts)
    _, first = np.unique(joined, return_index=True)
    vertex = joined[np.sort(first)]
    number = np.empty(int(faces.max()) + 1, dtype=np.int32)
    number[vertex] = np.arange(len(vertex), dtype=np.int32)
    return number[joined].reshape(-1, 3), vertex.astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class DracoMesh:
    """What a Draco buffer holds, decoded."""

    points: F32
    """(N,3)."""
    faces: I32
    """(F,3)."""
    attributes: "dict[int, np.typing.NDArray[np.generic]]"
    """Unique id -> (N,k)."""


@dataclass(frozen=True, kw_only=True)
class DracoPacked:
    """An encoded mesh, and what a reader will find in it."""

    data: bytes
    mesh: DracoMesh
    ids: dict[str, int]
    """glTF's attribute name -> unique id."""
    face: I32
    """(F,) which face each decoded one was."""


def draco_pack(points: F32, normals: F32, uv: F32, faces: I32) -> DracoPacked:
    """Encode (N,3) points, (N,3) normals and (N,2) uv of split vertices with (F,3) faces; faces change their order.

    Raises BadInput where Draco cannot encode the mesh, or its package is not installed.
    """
    codec = _codec("draco")
    try:
        data = codec.encode(
            points,
            faces,
            quantization_bits=POSITION_BITS,
            compression_level=_DRACO_LEVEL,
            normals=normals.astype(np.float64),
            normal_quantization_bits=_NORMAL_BITS,
            tex_coord=uv.astype(np.float64),
            tex_coord_quantization_bits=_UV_BITS,
        )
    except codec.EncodingFailedException as error:
        raise BadInput(f"Draco cannot encode this mesh ({error}); use meshopt") from error
    mesh, kinds = _decode(codec, data)
    centre, decoded = (
        vertices.astype(np.float64)[index].mean(axis=1)
        for vertices, index in ((points, faces), (mesh.points, mesh.faces))
    )
    _, face = spatial.cKDTree(centre).query(decoded)
    names = {0: "POSITION", 1: "NORMAL", 3: "TEXCOORD_0"}
    return DracoPacked(
        data=data,
        mesh=mesh,
        ids={names[kind]: unique for unique, kind in kinds.items()},
        face=np.asarray(face, dtype=np.int32),
    )


def draco_unpack(packed: Sequence[bytes | memoryview]) -> list[DracoMesh]:
    """Decode Draco meshes in one process of their own: it takes longer to start than to decode a mesh.

    Raises ValueError when one of them is none.
    """
    require("draco")
    sizes = [len(data) for data in packed]
    head = struct.pack(f"<{len(sizes) + 1}Q", len(sizes), *sizes)
    found = sandbox.decode(draco_arrays, head + b"".join(packed))
    parts: list[dict[str, np.typing.NDArray[np.generic]]] = [{} for _ in packed]
    for key, rows in found.items():
        number, _, name = key.partition(".")
        parts[int(number)][name] = rows
    return [
        DracoMesh(
            points=part["points"].astype(np.float32),
            faces=part["faces"].astype(np.int32),
            attributes={int(name): rows for name, rows in part.items() if name.isdigit()},
        )
        for part in parts
    ]


def draco_arrays(data: bytes) -> "dict[str, np.typing.NDArray[np.generic]]":
    """What `draco_unpack` asks its child for: of mesh k, `k.points` (N,3), `k.faces` (F,3), `k.ID` (N,c) attributes.

    Raises ValueError for data that is no Draco mesh.
    """
    codec = _codec("draco")
    (count,) = struct.unpack_from("<Q", data)
    sizes = struct.unpack_from(f"<{count}Q", data, 8)
    at, out = 8 * (count + 1), {}
    for number, size in enumerate(sizes):
        try:
            mesh, _ = _decode(codec, data[at : at + size])
        except (codec.FileTypeException, RuntimeError, AttributeError, TypeError, MemoryError) as error:
            raise ValueError("it is no Draco mesh") from error
        named = {str(unique): rows for unique, rows in mesh.attributes.items()}
        for name, rows in {"points": mesh.points, "faces": mesh.faces, **named}.items():
            out[f"{number}.{name}"] = rows
        at += size
    return out


def _decode(codec: ModuleType, data: bytes) -> tuple[DracoMesh, dict[int, int]]:
    """The mesh, and each attribute's kind by unique id (0 position, 1 normal, 3 texture coordinate)."""
    made = codec.decode(data)
    attributes = {int(entry["unique_id"]): np.asarray(entry["data"]) for entry in made.attributes}
    kinds = {int(entry["unique_id"]): int(entry["attribute_type"]) for entry in made.attributes}
    mesh = DracoMesh(
        points=np.asarray(made.points, dtype=np.float32),
        faces=np.asarray(made.faces, dtype=np.int32).reshape(-1, 3),
        attributes=attributes,
    )
    return mesh, kinds
