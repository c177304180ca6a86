"""Binary FBX -> triangles, materials and textures of its geometries, without their scene transforms."""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats.fbx_nodes import HEADER
from slipcast.formats.reading import (
    MAX_FILE_BYTES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    MaterialFact,
    Tally,
    TextureFact,
    checked_faces,
    checked_points,
    file_texture,
    read_bytes,
    texture_fact,
)
from slipcast.values import F64, I32

_MAGIC = HEADER[:21]
_SCALAR = {b"C": "<b", b"B": "<b", b"Y": "<h", b"I": "<i", b"F": "<f", b"D": "<d", b"L": "<q"}
_ARRAY = {b"f": "<f4", b"d": "<f8", b"i": "<i4", b"l": "<i8", b"b": "<i1", b"c": "<i1"}
_MAX_DEPTH = 32
_MAX_NODES = 2_000_000
_CM_M = 0.01


@dataclass(frozen=True)
class _Read:
    """A node as read: properties decoded, children parsed."""

    name: str
    properties: list[object]
    children: "list[_Read]"

    def find(self, name: str) -> "_Read | None":
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> "Iterator[_Read]":
        return (child for child in self.children if child.name == name)

    def text(self, index: int = 0) -> str:
        """Property `index` as text without its class; empty where it is none."""
        value = self.properties[index] if index < len(self.properties) else b""
        return value.split(b"\0\x01")[0].decode("utf-8", "replace") if isinstance(value, bytes) else ""

    def settings(self) -> dict[str, object]:
        """The values of the node's Properties70, first value each."""
        table = self.find("Properties70")
        rows = table.all("P") if table else iter(())
        return {row.text(): row.properties[4] for row in rows if len(row.properties) > 4}


def read_fbx(path: Path) -> Content:
    """Read every geometry; polygons are fanned. ASCII FBX is refused."""
    data = read_bytes(path)
    if not data.startswith(_MAGIC) or len(data) < len(HEADER):
        raise BadInput(f"{path} is not a binary FBX; ASCII FBX is not read")
    version = struct.unpack_from("<I", data, 23)[0]
    try:
        top, _ = _nodes(path, data, len(HEADER), len(data), _Budget(), wide=version >= 7500, depth=0)
    except (struct.error, zlib.error) as error:
        raise _broken(path) from error
    root = _Read("", [], top)
    objects = root.find("Objects") or _Read("", [], [])
    settings = (root.find("GlobalSettings") or _Read("", [], [])).settings()
    points: list[F64] = []
    faces: list[I32] = []
    found: set[str] = set()
    tally = Tally(path)
    for geometry in objects.all("Geometry"):
        vertices, polygons = geometry.find("Vertices"), geometry.find("PolygonVertexIndex")
        if vertices is None or polygons is None:
            continue
        flat, ring = _array(path, vertices), _array(path, polygons)
        if len(flat) % 3:
            raise _broken(path)
        local = checked_points(path, flat.reshape(-1, 3))
        triangles = checked_faces(path, _fanned(path, ring.astype(np.int64)), len(local))
        faces.append((triangles + tally.add(len(local), len(triangles))).astype(np.int32))
        points.append(local)
        kinds = {"LayerElementNormal": "normals", "LayerElementUV": "uv", "LayerElementColor": "colors"}
        found |= {word for kind, word in kinds.items() if geometry.find(kind) is not None}
    if not points:
        raise BadInput(f"{path} holds no mesh")
    unit = settings.get("UnitScaleFactor", 1.0)
    if not isinstance(unit, int | float) or not 1e-9 < unit < 1e9:
        raise BadInput(f"{path} states a unit of {str(unit)[:20]} centimetres, which no program uses")
    return Content(
        format="fbx",
        points=np.concatenate(points),
        faces=np.concatenate(faces),
        unit_m=_CM_M * float(unit),
        unit_is_custom=False,
        up="z" if settings.get("UpAxis") == 2 else "y",
        meshes=tuple(
            model.text(1) for model in islice(objects.all("Model"), MAX_PARTS) if model.text(2) == "Mesh"
        ),
        attributes=tuple(sorted(found)),
        materials=tuple(_material(entry) for entry in islice(objects.all("Material"), MAX_PARTS)),
        textures=tuple(_texture(path, entry) for entry in islice(objects.all("Video"), MAX_PARTS)),
        generator=(root.find("Creator") or _Read("", [], [])).text() or None,
        metadata=_metadata(objects),
    )


class _Budget:
    """How many more nodes and properties are read: millions of tiny ones would take gigabytes."""

    def __init__(self) -> None:
        self.left = _MAX_NODES

    def spend(self, path: Path, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise BadInput(f"{path} has more than {_MAX_NODES} nodes and properties, which is too many")


def _nodes(
    path: Path, data: bytes, at: int, end: int, budget: _Budget, *, wide: bool, depth: int
) -> tuple[list[_Read], int]:
    """Parse nodes from `at` until the zero record or `end`; return them and where they end."""
    if depth > _MAX_DEPTH:
        raise _broken(path)
    head, size = ("<QQQB", 25) if wide else ("<IIIB", 13)
    out: list[_Read] = []
    while at + size <= end:
        stop, count, length, name_length = struct.unpack_from(head, data, at)
        if stop == 0:
            return out, at + size
        body = at + size + name_length
        if not body + length <= stop <= end:
            raise _broken(path)
        name = data[at + size : body].decode("ascii", "replace")
        budget.spend(path, 1 + min(count, length))
        properties = _properties(path, data[body : body + length], count)
        children: list[_Read] = []
        if body + length < stop:
            children, _ = _nodes(path, data, body + length, stop, budget, wide=wide, depth=depth + 1)
        out.append(_Read(name, properties, children))
        at = stop
    if depth == 0:
        raise BadInput(f"{path} is cut off: its list of nodes has no end")
    return out, at


def _properties(path: Path, data: bytes, count: int) -> list[object]:
    """Decode a node's properties; arrays stay packed as (code, header, bytes) until they are needed."""
    out: list[object] = []
    at = 0
    for _ in range(min(count, 4096)):
        code = data[at : at + 1]
        at += 1
        if code in _SCALAR:
            out.append(struct.unpack_from(_SCALAR[code], data, at)[0])
            at += struct.calcsize(_SCALAR[code])
        elif code in (b"S", b"R"):
            size = struct.unpack_from("<I", data, at)[0]
            out.append(data[at + 4 : at + 4 + size])
            at += 4 + size
        elif code in _ARRAY:
            entries, packed, size = struct.unpack_from("<III", data, at)
            out.append((code, entries, packed, data[at + 12 : at + 12 + size]))
            at += 12 + size
        else:
            raise _broken(path)
        if at > len(data):
            raise _broken(path)
    return out


def _array(path: Path, node: _Read) -> "np.typing.NDArray[np.generic]":
    """The node's array, unpacked to no more than it announces."""
    value = node.properties[0] if node.properties else None
    if not isinstance(value, tuple):
        raise _broken(path)
    code, entries, packed, content = value
    dtype = np.dtype(_ARRAY[code])
    if entries > 3 * MAX_VERTICES or entries * dtype.itemsize > MAX_FILE_BYTES:
        raise BadInput(f"{path} has an array of {entries} entries, which is too many")
    try:
        raw = zlib.decompressobj().decompress(content, entries * dtype.itemsize) if packed else content
    except zlib.error as error:
        raise _broken(path) from error
    if len(raw) != entries * dtype.itemsize:
        raise _broken(path)
    return np.frombuffer(raw, dtype)


def _fanned(path: Path, ring: "np.typing.NDArray[np.int64]") -> "np.typing.NDArray[np.int64]":
    """(F,3) triangles of polygons whose last corner is marked by its complement."""
    last = np.flatnonzero(ring < 0)
    if len(last) == 0 or last[-1] != len(ring) - 1:
        raise _broken(path)
    corner = np.where(ring < 0, ~ring, ring)
    first = np.concatenate([[0], last[:-1] + 1])
    fan = np.maximum(last - first - 1, 0)
    start = np.repeat(first, fan)
    step = np.arange(len(start)) - np.repeat(np.cumsum(fan) - fan, fan)
    return np.stack([corner[start], corner[start + step + 1], corner[start + step + 2]], axis=1)


def _material(node: _Read) -> MaterialFact:
    """Read roughness back as Blender does."""
    shine = node.settings().get("Shininess")
    roughness = 1 - max(0.0, float(shine)) ** 0.5 / 10 if isinstance(shine, int | float) else None
    factor = node.settings().get("ReflectionFactor")
    return MaterialFact(
        name=node.text(1),
        metallic=float(factor) if isinstance(factor, int | float) else None,
        roughness=None if roughness is None else round(roughness, 4),
    )


def _texture(path: Path, node: _Read) -> TextureFact:
    """A texture inside the file or, where it is not embedded, beside it."""
    content, name = node.find("Content"), node.find("RelativeFilename")
    reference = name.text() if name else node.text(1)
    data = content.properties[0] if content and content.properties else b""
    if isinstance(data, bytes) and data:
        return texture_fact(reference, data)
    return file_texture(path, reference)


def _metadata(objects: _Read) -> dict[str, object]:
    """What Slipcast wrote as the model's user property."""
    for model in objects.all("Model"):
        text = model.settings().get("slipcast")
        if isinstance(text, bytes):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                return {}
            return value if isinstance(value, dict) else {}
    return {}


def _broken(path: Path) -> BadInput:
    return BadInput(f"{path} is damaged or cut off: its FBX nodes do not fit together")
