"""GLB and glTF -> their JSON and buffers, checked: the rooms in which a scene lies.

Understood: textures inside or beside the file, data URIs, sparse accessors, geometry compressed with meshopt or Draco
(with the extra `compress`). A required extension is refused with a sentence only where it may touch geometry: by where
it stands in the document, or by name where it is known not to.
"""

import base64
import json
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import F64
from slipcast.formats.common.reading import (
    MAX_FILE_BYTES,
    MAX_VERTICES,
    TextureFact,
    beside,
    file_texture,
    read_bytes,
)
from slipcast.formats.gltf import compress

Json = dict[str, object]

_COMPONENT = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTH = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
INSTANCING, TRANSFORM = "EXT_mesh_gpu_instancing", "KHR_texture_transform"
VISIBILITY = "KHR_node_visibility"
LOD = "MSFT_lod"
"""Lower levels are nodes that no scene lists, so that a reader without the extension draws the finest alone."""
_UNDERSTOOD = (
    "EXT_texture_webp",
    "KHR_mesh_quantization",
    INSTANCING,
    TRANSFORM,
    VISIBILITY,
    compress.MESHOPT,
    compress.KHR_MESHOPT,
    compress.DRACO,
)
_HARMLESS = (
    "KHR_materials_",
    "KHR_lights_",
    "EXT_lights_",
    "KHR_xmp",
    "KHR_audio",
    "KHR_interactivity",
    "KHR_node_hoverability",
    "KHR_node_selectability",
    "EXT_structural_",
    LOD,
    "EXT_mesh_manifold",
    "VRM",
)
"""How the names of extensions begin that stand on nodes or primitives and move no vertex."""
_GEOMETRY = ("buffers", "bufferViews", "accessors", "meshes", "nodes", "skins", "scenes")
"""Where an extension stands that may move one."""
_MAX_JSON_VALUES = 4_000_000
_MAX_DRACO = 10_000
"""Draco meshes in one file."""


@dataclass(frozen=True)
class Document:
    """A parsed glTF with its buffers in memory."""

    path: Path
    json: Json
    buffers: tuple[bytes, ...]
    _unpacked: dict[object, bytes | compress.DracoMesh] = field(default_factory=dict)
    """What was decoded, by the buffer view's index."""
    unopened: dict[str, TextureFact] = field(default_factory=dict)
    """The textures beside the file that were asked for and could not be opened, by their names."""

    def fail(self, what: str) -> BadInput:
        """The error that says what is wrong in this file."""
        return BadInput(f"{self.path} is not a glTF that can be read: {what}")

    def objects(self, key: str) -> list[Json]:
        """The list of objects at `key`, checked to be one."""
        return objects(self, self.json, key)

    @property
    def ignored(self) -> tuple[str, ...]:
        """The required extensions that are not understood; BadInput where they are no list."""
        required = self.json.get("extensionsRequired") or []
        if not isinstance(required, list):
            raise self.fail("`extensionsRequired` is not a list")
        return tuple(str(name) for name in required if name not in _UNDERSTOOD)

    def at(self, key: str, index: object) -> Json:
        """Object `index` of the list at `key`; BadInput where there is none."""
        entries = self.objects(key)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(entries):
            raise self.fail(f"{key}[{index!r}] does not exist")
        return entries[index]

    def view(self, index: object) -> tuple[bytes | memoryview, int | None]:
        """The bytes of a buffer view, unpacked, and its stride."""
        view = self.at("bufferViews", index)
        packed = _find_packing(view)
        if packed is not None:
            return self._meshopt(index, packed), integer(self, view, "byteStride", 0) or None
        return self._slice(view, index), integer(self, view, "byteStride", 0) or None

    def _slice(self, view: Json, index: object) -> memoryview:
        """The bytes that `view` names by buffer, byteOffset and byteLength."""
        buffer = integer(self, view, "buffer", 0)
        if buffer >= len(self.buffers):
            raise self.fail(f"buffer {buffer} does not exist")
        start, length = integer(self, view, "byteOffset", 0), integer(self, view, "byteLength")
        if start + length > len(self.buffers[buffer]):
            raise self.fail(f"bufferViews[{index}] reaches beyond its buffer")
        return memoryview(self.buffers[buffer])[start : start + length]

    def _meshopt(self, index: object, packed: Json) -> bytes:
        """The bytes behind a meshopt compression; all of them together are held to MAX_FILE_BYTES."""
        known = self._unpacked.get(index)
        if isinstance(known, bytes):
            return known
        count, stride = integer(self, packed, "count"), integer(self, packed, "byteStride")
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
        """The primitive's Draco mesh with the ids of its attributes; None where it has none, BadInput where damaged."""
        packed = extension(primitive, compress.DRACO)
        if packed is None:
            return None
        index, ids = packed.get("bufferView"), packed.get("attributes")
        if not isinstance(ids, dict):
            raise self.fail("a Draco mesh does not say its attributes")
        known = self._unpacked.get(index)
        if not isinstance(known, compress.DracoMesh):
            known = self._unpack_draco(index)
        return known, ids

    def _unpack_draco(self, index: object) -> compress.DracoMesh:
        """The Draco mesh in buffer view `index`; with the first one all of the file are decoded, in one child."""
        wanted = {index: self.view(index)[0]}
        if not any(isinstance(entry, compress.DracoMesh) for entry in self._unpacked.values()):
            wanted |= self._find_draco()
        try:
            made = compress.draco_unpack(list(wanted.values()))
        except ValueError as error:
            if len(wanted) == 1:
                raise self.fail(f"bufferViews[{index}] cannot be unpacked as Draco: {error}") from error
            # One of them is damaged, maybe not this one.
            try:
                wanted = {index: wanted[index]}
                made = compress.draco_unpack(list(wanted.values()))
            except ValueError as own:
                raise self.fail(f"bufferViews[{index}] cannot be unpacked as Draco: {own}") from own
        self._unpacked.update(zip(wanted, made, strict=True))
        return made[0]

    def _find_draco(self) -> dict[object, bytes | memoryview]:
        """The bytes of each Draco mesh of the file, as far as they are there."""
        found: dict[object, bytes | memoryview] = {}
        for mesh in self.objects("meshes"):
            primitives = mesh.get("primitives")
            for primitive in primitives if isinstance(primitives, list) else ():
                packed = extension(primitive, compress.DRACO) if isinstance(primitive, dict) else None
                if packed is None or not isinstance(packed.get("bufferView"), int):
                    continue
                with suppress(BadInput):  # it is told when the mesh is read
                    found[packed["bufferView"]] = self.view(packed["bufferView"])[0]
                if len(found) > _MAX_DRACO:
                    raise self.fail(f"it has more than {_MAX_DRACO} Draco meshes")
        return found

    def accessor(self, index: object) -> "np.typing.NDArray[np.generic]":
        """(N,k) array of an accessor, a copy; normalized integers become floats.

        Raises BadInput for a type that glTF lacks, more entries than a figurine can have, and bytes that are not there.
        """
        accessor = self.at("accessors", index)
        kind, width = accessor.get("componentType"), accessor.get("type")
        if (
            not isinstance(kind, int)
            or kind not in _COMPONENT
            or not isinstance(width, str)
            or width not in _WIDTH
        ):
            raise self.fail(f"accessors[{index}] has an unknown type")
        count = integer(self, accessor, "count")
        dtype, columns = np.dtype(_COMPONENT[kind]), _WIDTH[width]
        if count > 3 * MAX_VERTICES or count * columns * dtype.itemsize > MAX_FILE_BYTES:
            raise self.fail(f"accessors[{index}] has {count} entries, which is too many")
        sparse = accessor.get("sparse")
        where = f"accessors[{index}]"
        if "bufferView" in accessor or sparse is None:
            array = self._rows(accessor, where, dtype, columns, count)
        else:
            array = np.zeros((count, columns), dtype)
        if sparse is not None:
            self._replace(array, sparse, where)
        if accessor.get("normalized") and dtype.kind in "iu":
            return np.maximum(array.astype(np.float32) / np.iinfo(dtype).max, -1.0)
        return array

    def _rows(
        self, holder: Json, where: str, dtype: "np.dtype[np.generic]", columns: int, count: int
    ) -> "np.typing.NDArray[np.generic]":
        """(count,columns) rows from the buffer view that `holder` names, a copy."""
        row = dtype.itemsize * columns
        data, stride = self.view(holder.get("bufferView"))
        stride = stride or row
        start = integer(self, holder, "byteOffset", 0)
        if stride < row or count < 1 or start + stride * (count - 1) + row > len(data):
            raise self.fail(f"{where} reaches beyond its buffer view")
        return np.ndarray(
            (count, columns), dtype, buffer=data, offset=start, strides=(stride, dtype.itemsize)
        ).copy()

    def _replace(self, array: "np.typing.NDArray[np.generic]", sparse: object, where: str) -> None:
        """Put a sparse accessor's own rows into `array`."""
        told = sparse if isinstance(sparse, dict) else {}
        indices, values = told.get("indices"), told.get("values")
        indices, values = (
            indices if isinstance(indices, dict) else {},
            values if isinstance(values, dict) else {},
        )
        kind, count = indices.get("componentType"), told.get("count")
        if kind not in (5121, 5123, 5125) or not isinstance(count, int) or not 1 <= count <= len(array):
            raise self.fail(f"{where} is sparse without saying where")
        assert isinstance(kind, int)
        at = self._rows(indices, where, np.dtype(_COMPONENT[kind]), 1, count).reshape(-1).astype(np.int64)
        if at.max() >= len(array):
            raise self.fail(f"{where} replaces rows that it does not have")
        array[at] = self._rows(values, where, array.dtype, array.shape[1], count)

    def image(self, index: object) -> bytes | memoryview | None:
        """The encoded bytes of an image, inside the buffers or beside the file; None where that cannot be opened."""
        image = self.at("images", index)
        if "bufferView" in image:
            return self.view(image["bufferView"])[0]
        fact = self.texture_file(image)
        if fact is None and not image.get("uri"):
            fact = TextureFact(name=str(image.get("name") or f"image {index}"), media_type="missing", bytes=0)
        if fact is not None and not fact.is_opened:
            self.unopened[fact.name] = fact
            return None
        return _resource(self.path, image.get("uri"), MAX_FILE_BYTES)

    def texture_file(self, image: Json) -> TextureFact | None:
        """What lies beside the file as an image, by its path; None for an image that is inside."""
        uri = image.get("uri")
        if "bufferView" in image or not isinstance(uri, str) or not uri or uri.startswith("data:"):
            return None
        return file_texture(self.path, uri, quoted=True)


def parse(path: Path) -> Document:
    """Read a .glb or .gltf; which one is told by its content.

    Raises BadInput for what is no glTF 2.0, is cut short or has more values than a figurine's file can have.
    """
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
    bare = Document(path, document, ())
    unknown = [name for name in bare.ignored if _may_move(bare, name)]
    if unknown:
        raise BadInput(
            f"{path} needs the glTF extensions {', '.join(unknown)[:200]}, which are not supported and may change the "
            "geometry; export it without them"
        )
    buffers: list[bytes] = []
    holders = [view.get("buffer") for view in bare.objects("bufferViews") if _find_packing(view)]
    unpacked = {index for index in holders if isinstance(index, int)}
    for index, buffer in enumerate(bare.objects("buffers")):
        inside = index == 0 and "uri" not in buffer and binary is not None
        if "uri" not in buffer and not inside and index in unpacked:
            buffers.append(b"")  # what would lie there is unpacked from elsewhere
            continue
        left = MAX_FILE_BYTES - sum(len(entry) for entry in buffers)
        content = binary if inside and binary is not None else _resource(path, buffer.get("uri"), left)
        length = integer(bare, buffer, "byteLength")
        if len(content) < length:
            raise BadInput(f"{path} is cut off: buffer {index} has {len(content)} of {length} bytes")
        buffers.append(content[:length])
    return Document(path, document, tuple(buffers))


def _may_move(document: Document, name: str) -> bool:
    """Whether an extension that is not understood may change the geometry."""
    if name.startswith(_HARMLESS):
        return False
    holders = [entry for key in _GEOMETRY for entry in document.objects(key)]
    for mesh in document.objects("meshes"):
        holders += objects(document, mesh, "primitives")
    found = (entry.get("extensions") for entry in holders)
    return any(isinstance(extensions, dict) and name in extensions for extensions in found)


def extension(holder: Json, name: str) -> Json | None:
    """The object of one extension, or None."""
    all_of_them = holder.get("extensions")
    found = all_of_them.get(name) if isinstance(all_of_them, dict) else None
    return found if isinstance(found, dict) else None


def _find_packing(view: Json) -> Json | None:
    """How a buffer view is compressed with meshopt, or None."""
    return extension(view, compress.MESHOPT) or extension(view, compress.KHR_MESHOPT)


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


def objects(document: Document, holder: Json, key: str) -> list[Json]:
    """Return the objects listed under `key`, none where it is absent; BadInput for anything else there."""
    entries = holder.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise document.fail(f"`{key}` is not a list of objects")
    return entries


def integer(document: Document, holder: Json, key: str, default: int | None = None) -> int:
    """Return the whole number from 0 on under `key`, or `default`; BadInput for anything else there."""
    value = holder.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**40:
        raise document.fail(f"`{key}` is {value!r}, which is not a whole number in range")
    return value


def numbers(document: Document, node: Json, key: str, default: list[float]) -> F64:
    """Return (N,) the numbers under `key`, as many as `default` has; BadInput for anything else there."""
    value = node.get(key, default)
    if (
        not isinstance(value, list)
        or len(value) != len(default)
        or not all(isinstance(entry, int | float) and abs(entry) < 1e12 for entry in value)
    ):
        raise document.fail(f"`{key}` of a node is not {len(default)} numbers")
    return np.array(value, dtype=np.float64)
