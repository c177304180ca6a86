"""GLB and glTF -> their JSON and buffers, checked; and the mesh in them.

Understood: triangles with or without indices, node transforms, textures inside or beside the file, data URIs,
geometry compressed with meshopt or Draco (with the extra `compress`).
Refused with a sentence: other required extensions, sparse accessors, cycles in the scene.
"""

import base64
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import compress
from slipcast.formats.reading import (
    MAX_FILE_BYTES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    MaterialFact,
    Tally,
    TextureFact,
    beside,
    checked_faces,
    checked_points,
    file_texture,
    read_bytes,
    texture_fact,
)
from slipcast.values import F64

Json = dict[str, object]

_COMPONENT = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_UNDERSTOOD = ("EXT_texture_webp", "KHR_mesh_quantization", compress.MESHOPT, compress.DRACO)
_TRIANGLES = 4
_MAX_DEPTH = 64
_MAX_JSON_VALUES = 4_000_000
_MAX_DRACO = 32
"""Draco meshes in one file: each takes a process of its own."""


@dataclass(frozen=True)
class Document:
    """A parsed glTF with its buffers in memory."""

    path: Path
    json: Json
    buffers: tuple[bytes, ...]
    _unpacked: dict[object, bytes | compress.DracoMesh] = field(default_factory=dict)
    """What was decoded, by the buffer view's index."""

    def fail(self, what: str) -> BadInput:
        """The error that says what is wrong in this file."""
        return BadInput(f"{self.path} is not a glTF that can be read: {what}")

    def objects(self, key: str) -> list[Json]:
        """The list of objects at `key`, checked to be one."""
        return _objects(self, self.json, key)

    def at(self, key: str, index: object) -> Json:
        """Object `index` of the list at `key`."""
        entries = self.objects(key)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(entries):
            raise self.fail(f"{key}[{index!r}] does not exist")
        return entries[index]

    def view(self, index: object) -> tuple[bytes | memoryview, int | None]:
        """The bytes of a buffer view, unpacked, and its stride."""
        view = self.at("bufferViews", index)
        packed = extension(view, compress.MESHOPT)
        if packed is not None:
            return self._meshopt(index, packed), _integer(self, view, "byteStride", 0) or None
        return self._slice(view, index), _integer(self, view, "byteStride", 0) or None

    def _slice(self, view: Json, index: object) -> memoryview:
        """The bytes that `view` names by buffer, byteOffset and byteLength."""
        buffer = _integer(self, view, "buffer", 0)
        if buffer >= len(self.buffers):
            raise self.fail(f"buffer {buffer} does not exist")
        start, length = _integer(self, view, "byteOffset", 0), _integer(self, view, "byteLength")
        if start + length > len(self.buffers[buffer]):
            raise self.fail(f"bufferViews[{index}] reaches beyond its buffer")
        return memoryview(self.buffers[buffer])[start : start + length]

    def _meshopt(self, index: object, packed: Json) -> bytes:
        """The bytes behind EXT_meshopt_compression; all of them together are held to MAX_FILE_BYTES."""
        known = self._unpacked.get(index)
        if isinstance(known, bytes):
            return known
        count, stride = _integer(self, packed, "count"), _integer(self, packed, "byteStride")
        mode, filter = packed.get("mode"), packed.get("filter", "NONE")
        spent = sum(len(entry) for entry in self._unpacked.values() if isinstance(entry, bytes))
        if not 1 <= stride <= 256 or spent + count * stride > MAX_FILE_BYTES:
            raise self.fail(f"bufferViews[{index}] unpacks to too much")
        source: Json = {
            key: packed.get(key) for key in ("buffer", "byteOffset", "byteLength") if key in packed
        }
        data = self._slice(source, index)
        try:
            made = compress.meshopt_unpack(data, count, stride, str(mode), str(filter))
        except ValueError as error:
            raise self.fail(f"bufferViews[{index}] cannot be unpacked") from error
        self._unpacked[index] = made
        return made

    def draco(self, primitive: Json) -> tuple[compress.DracoMesh, Json] | None:
        """The primitive's Draco mesh with the ids of its attributes; None where it has none."""
        packed = extension(primitive, compress.DRACO)
        if packed is None:
            return None
        index, ids = packed.get("bufferView"), packed.get("attributes")
        if not isinstance(ids, dict):
            raise self.fail("a Draco mesh does not say its attributes")
        known = self._unpacked.get(index)
        if not isinstance(known, compress.DracoMesh):
            data = self.view(index)[0]
            if len(self._unpacked) >= _MAX_DRACO:
                raise self.fail("it has too many Draco meshes")
            try:
                known = compress.draco_unpack(data)
            except ValueError as error:
                raise self.fail(f"bufferViews[{index}] cannot be unpacked as Draco: {error}") from error
            self._unpacked[index] = known
        return known, ids

    def accessor(self, index: object) -> "np.typing.NDArray[np.generic]":
        """(N,k) array of an accessor, a copy; normalized integers become floats."""
        accessor = self.at("accessors", index)
        if "sparse" in accessor:
            raise self.fail("it uses sparse accessors, which are not supported")
        kind, width = accessor.get("componentType"), accessor.get("type")
        if (
            not isinstance(kind, int)
            or kind not in _COMPONENT
            or not isinstance(width, str)
            or width not in _WIDTH
        ):
            raise self.fail(f"accessors[{index}] has an unknown type")
        count = _integer(self, accessor, "count")
        dtype = np.dtype(_COMPONENT[kind])
        row = dtype.itemsize * _WIDTH[width]
        if count > 3 * MAX_VERTICES:
            raise self.fail(f"accessors[{index}] has {count} entries, which is too many")
        data, stride = self.view(accessor.get("bufferView"))
        stride = stride or row
        start = _integer(self, accessor, "byteOffset", 0)
        if stride < row or count < 1 or start + stride * (count - 1) + row > len(data):
            raise self.fail(f"accessors[{index}] reaches beyond its buffer view")
        shape, strides = (count, _WIDTH[width]), (stride, dtype.itemsize)
        array = np.ndarray(shape, dtype, buffer=data, offset=start, strides=strides).copy()
        if accessor.get("normalized") and dtype.kind in "iu":
            return np.maximum(array.astype(np.float32) / np.iinfo(dtype).max, -1.0)
        return array

    def image(self, index: object) -> bytes | memoryview:
        """The encoded bytes of an image, inside the buffers or beside the file."""
        image = self.at("images", index)
        if "bufferView" in image:
            return self.view(image["bufferView"])[0]
        return _resource(self.path, image.get("uri"), MAX_FILE_BYTES)


def parse(path: Path) -> Document:
    """Read a .glb or .gltf; which one is told by its content."""
    data = read_bytes(path)
    binary: bytes | None = None
    text = data
    if data[:4] == b"glTF":
        text, binary = _chunks(path, data)
    if sum(text.count(mark) for mark in (b",", b"[", b"{")) > _MAX_JSON_VALUES:
        raise BadInput(f"{path} is a glTF of more than {_MAX_JSON_VALUES} values; it is not read")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is not a glTF: its JSON cannot be parsed") from error
    if not isinstance(document, dict) or not isinstance(document.get("asset"), dict):
        raise BadInput(f"{path} is not a glTF: it has no `asset`")
    if str(document["asset"].get("version", "")).partition(".")[0] != "2":
        raise BadInput(f"{path} is glTF {document['asset'].get('version')!r}; only version 2 is read")
    required = document.get("extensionsRequired") or []
    unknown = (
        [name for name in required if name not in _UNDERSTOOD] if isinstance(required, list) else [required]
    )
    if unknown:
        raise BadInput(f"{path} needs the glTF extensions {unknown}, which are not supported")
    bare = Document(path, document, ())
    buffers: list[bytes] = []
    for index, buffer in enumerate(bare.objects("buffers")):
        fallback = extension(buffer, compress.MESHOPT)
        if fallback is not None and fallback.get("fallback") is True and "uri" not in buffer:
            buffers.append(b"")  # what lies there is unpacked from elsewhere
            continue
        inside = index == 0 and "uri" not in buffer and binary is not None
        left = MAX_FILE_BYTES - sum(len(entry) for entry in buffers)
        content = binary if inside and binary is not None else _resource(path, buffer.get("uri"), left)
        length = _integer(bare, buffer, "byteLength")
        if len(content) < length:
            raise BadInput(f"{path} is cut off: buffer {index} has {len(content)} of {length} bytes")
        buffers.append(content[:length])
    return Document(path, document, tuple(buffers))


def triangles(document: Document) -> Iterator[tuple[Json, Json, F64]]:
    """Yield (mesh, primitive, world_from_mesh (4,4)) for every triangle primitive of the scene."""
    scene = document.at("scenes", document.json.get("scene", 0))
    roots = scene.get("nodes", [])
    if not isinstance(roots, list):
        raise document.fail("scene.nodes is not a list")
    waiting = [(index, np.eye(4), 0) for index in reversed(roots)]
    visited = 0
    while waiting:
        index, parent, depth = waiting.pop()
        visited += 1
        if depth > _MAX_DEPTH or visited > 10_000:
            raise document.fail("its nodes are nested too deeply or in a circle")
        node = document.at("nodes", index)
        world = parent @ _local(document, node)
        if "mesh" in node:
            mesh = document.at("meshes", node["mesh"])
            for primitive in _objects(document, mesh, "primitives"):
                if primitive.get("mode", _TRIANGLES) == _TRIANGLES:
                    yield mesh, primitive, world
        children = node.get("children", [])
        if not isinstance(children, list):
            raise document.fail("node.children is not a list")
        waiting += [(child, world, depth + 1) for child in reversed(children)]


def extension(holder: Json, name: str) -> Json | None:
    """The object of one extension, or None."""
    all_of_them = holder.get("extensions")
    found = all_of_them.get(name) if isinstance(all_of_them, dict) else None
    return found if isinstance(found, dict) else None


def attribute(document: Document, primitive: Json, name: str) -> "np.typing.NDArray[np.generic] | None":
    """The array of one vertex attribute, or None where the primitive has none."""
    attributes = primitive.get("attributes")
    if not isinstance(attributes, dict):
        raise document.fail("a primitive has no attributes")
    packed = document.draco(primitive)
    if packed is not None and name in packed[1]:
        unique = packed[1][name]
        if not isinstance(unique, int) or unique not in packed[0].attributes:
            raise document.fail(f"its Draco mesh has no {name}")
        return packed[0].attributes[unique]
    return document.accessor(attributes[name]) if name in attributes else None


def positions(document: Document, primitive: Json) -> "np.typing.NDArray[np.generic]":
    """(V,3) positions of a primitive."""
    points = attribute(document, primitive, "POSITION")
    if points is None or points.shape[1] != 3:
        raise document.fail("a primitive has no POSITION")
    return points


def indices(document: Document, primitive: Json, vertices: int) -> "np.typing.NDArray[np.generic]":
    """(F,3) indices of a primitive, not yet checked against `vertices`."""
    packed = document.draco(primitive)
    if packed is not None:
        return packed[0].faces
    flat = (
        document.accessor(primitive["indices"]).reshape(-1)
        if "indices" in primitive
        else np.arange(vertices, dtype=np.int64)
    )
    if flat.dtype.kind not in "iu" or len(flat) % 3:
        raise document.fail("a primitive's indices are not triangles")
    return flat.reshape(-1, 3)


def read_gltf(path: Path) -> Content:
    """Read a .glb or .gltf of any origin."""
    document = parse(path)
    points, faces, names, attributes, tally = [], [], [], set(), Tally(path)
    for mesh, primitive, world in triangles(document):
        local = checked_points(path, positions(document, primitive))
        index = checked_faces(path, indices(document, primitive, len(local)), len(local))
        # By the specification a mirroring transform turns the winding round.
        base = tally.add(len(local), len(index))
        faces.append((index if np.linalg.det(world[:3, :3]) > 0 else index[:, ::-1]) + base)
        points.append(local @ world[:3, :3].T + world[:3, 3])
        names.append(str(mesh.get("name", "")))
        found = primitive.get("attributes")
        assert isinstance(found, dict)
        shown = {"NORMAL": "normals", "TEXCOORD_0": "uv", "COLOR_0": "colors"}
        attributes |= {word for key, word in shown.items() if key in found}
    if not points:
        raise BadInput(f"{path} holds no triangles")
    joined = np.concatenate(points)
    asset = document.json["asset"]
    assert isinstance(asset, dict)
    extras = asset.get("extras")
    return Content(
        format="glb" if path.suffix.lower() != ".gltf" else "gltf",
        points=checked_points(path, joined),
        faces=checked_faces(path, np.concatenate(faces), len(joined)),
        unit_m=1.0,
        unit_is_custom=False,
        up="y",
        meshes=tuple(dict.fromkeys(names)),
        attributes=tuple(sorted(attributes)),
        materials=tuple(_material(document, entry) for entry in document.objects("materials")[:MAX_PARTS]),
        textures=tuple(
            _texture(document, index) for index in range(len(document.objects("images")[:MAX_PARTS]))
        ),
        generator=str(asset.get("generator", "")) or None,
        metadata=extras if isinstance(extras, dict) else {},
    )


def _texture(document: Document, index: int) -> TextureFact:
    image = document.at("images", index)
    name = str(image.get("name") or image.get("uri") or f"image {index}")[:200]
    uri = image.get("uri")
    if "bufferView" not in image and isinstance(uri, str) and uri and not uri.startswith("data:"):
        fact = file_texture(document.path, uri, quoted=True)
        if fact.media_type == "missing":
            raise BadInput(f"{document.path} needs {uri[:80]!r} beside it, which is missing")
        return replace(fact, name=name)
    return texture_fact(name, document.image(index))


def _material(document: Document, material: Json) -> MaterialFact:
    """What the metallic-roughness model says of a material; absent factors are 1 by the specification."""
    pbr = material.get("pbrMetallicRoughness", {})
    pbr = pbr if isinstance(pbr, dict) else {}
    metallic, roughness = (pbr.get(key, 1.0) for key in ("metallicFactor", "roughnessFactor"))
    used = [
        word
        for word, holder, key in (
            ("base color", pbr, "baseColorTexture"),
            ("metallic-roughness", pbr, "metallicRoughnessTexture"),
            ("normal", material, "normalTexture"),
            ("occlusion", material, "occlusionTexture"),
            ("emissive", material, "emissiveTexture"),
        )
        if key in holder
    ]
    return MaterialFact(
        name=str(material.get("name", "")),
        metallic=_fraction(metallic),
        roughness=_fraction(roughness),
        textures=tuple(used),
    )


def _fraction(value: object) -> float | None:
    """A factor from 0 to 1; None for what is none."""
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None


def _chunks(path: Path, data: bytes) -> tuple[bytes, bytes | None]:
    """Take a GLB apart into its JSON and, where there is one, its binary chunk."""
    if len(data) < 20:
        raise BadInput(f"{path} is cut off: a GLB has at least 20 bytes")
    version, length = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise BadInput(f"{path} is GLB version {version}; only version 2 is read")
    if length > len(data):
        raise BadInput(f"{path} is cut off: it has {len(data)} of {length} bytes")
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack_from("<I4s", data, at)
        if at + 8 + size > length:
            raise BadInput(f"{path} is cut off inside a chunk")
        found.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    if b"JSON" not in found:
        raise BadInput(f"{path} is a GLB without its JSON chunk")
    return found[b"JSON"], found.get(b"BIN\0")


def _resource(path: Path, uri: object, most: int) -> bytes:
    """Return the bytes behind a URI, at most `most`: a base64 data URI or a file beside the document."""
    if not isinstance(uri, str) or not uri:
        raise BadInput(f"{path} has a buffer or image without content")
    if uri.startswith("data:"):
        head, _, body = uri.partition(",")
        if not head.endswith(";base64"):
            raise BadInput(f"{path} has a data URI that is not base64")
        try:
            return base64.b64decode(body, validate=True)
        except ValueError as error:
            raise BadInput(f"{path} has a damaged data URI") from error
    target = beside(path, uri, quoted=True)
    if not target.is_file():
        raise BadInput(f"{path} needs {target.name!r} beside it, which is missing")
    return read_bytes(target, most)


def _objects(document: Document, holder: Json, key: str) -> list[Json]:
    entries = holder.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise document.fail(f"`{key}` is not a list of objects")
    return entries


def _integer(document: Document, holder: Json, key: str, default: int | None = None) -> int:
    value = holder.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise document.fail(f"`{key}` is {value!r}, which is not a whole number in range")
    return value


def _numbers(document: Document, node: Json, key: str, default: list[float]) -> F64:
    value = node.get(key, default)
    if (
        not isinstance(value, list)
        or len(value) != len(default)
        or not all(isinstance(entry, int | float) and abs(entry) < 1e12 for entry in value)
    ):
        raise document.fail(f"`{key}` of a node is not {len(default)} numbers")
    return np.array(value, dtype=np.float64)


def _local(document: Document, node: Json) -> F64:
    """(4,4) parent_from_node."""
    if "matrix" in node:
        identity = np.eye(4).reshape(-1).tolist()
        return _numbers(document, node, "matrix", identity).reshape(4, 4).T
    x, y, z, w = _numbers(document, node, "rotation", [0.0, 0.0, 0.0, 1.0])
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    out = np.eye(4)
    out[:3, :3] = turn * _numbers(document, node, "scale", [1.0, 1.0, 1.0])
    out[:3, 3] = _numbers(document, node, "translation", [0.0, 0.0, 0.0])
    return out
