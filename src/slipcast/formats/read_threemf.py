"""3MF -> triangles, textures and metadata."""

import io
import json
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats.reading import (
    MAX_FILE_BYTES,
    Content,
    TextureFact,
    checked_faces,
    checked_points,
    read_bytes,
    texture_fact,
)
from slipcast.values import F64, I32

_CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
_UNIT_M = {
    "micron": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "foot": 0.3048,
    "meter": 1.0,
}
_MAX_PARTS = 1000


def read_threemf(path: Path) -> Content:
    """Read the build's objects with their placement; components are refused."""
    parts = _unzip(path)
    name = next((entry for entry in parts if entry.lower().endswith(".model")), None)
    if name is None:
        raise BadInput(f"{path} is not a 3MF: it has no model part")
    if b"<!DOCTYPE" in parts[name] or b"<!ENTITY" in parts[name]:
        raise BadInput(f"{path} declares XML entities, which no 3MF may; it is not read")
    try:
        root = ElementTree.fromstring(parts[name])
    except ElementTree.ParseError as error:
        raise BadInput(f"{path} is not a 3MF: its model is not XML") from error
    unit = root.get("unit", "millimeter")
    if unit not in _UNIT_M:
        raise BadInput(f"{path} uses the unit {unit!r}, which 3MF does not have")
    objects = {entry.get("id"): entry for entry in root.iter(f"{_CORE}object")}
    points: list[F64] = []
    faces: list[I32] = []
    names: list[str] = []
    for item in list(root.iter(f"{_CORE}item"))[:_MAX_PARTS]:
        target = objects.get(item.get("objectid"))
        mesh = None if target is None else target.find(f"{_CORE}mesh")
        if target is None or mesh is None:
            raise BadInput(
                f"{path} builds an object that is missing or made of components, which are not supported"
            )
        local, index = _mesh(path, mesh)
        faces.append((index + sum(len(entry) for entry in points)).astype(np.int32))
        points.append(_placed(path, local, item.get("transform")))
        names.append(target.get("name", ""))
    if not points:
        raise BadInput(f"{path} builds nothing")
    joined = np.concatenate(points)
    metadata: dict[str, object] = {}
    for entry in root.iter(f"{_CORE}metadata"):
        key, text = entry.get("name", ""), entry.text or ""
        metadata |= _unpacked(text) if key == "slipcast:provenance" else {key: text}
    textures = [
        (entry, data) for entry, data in parts.items() if entry.lower().endswith((".png", ".jpg", ".jpeg"))
    ]
    return Content(
        format="3mf",
        points=checked_points(path, joined),
        faces=np.concatenate(faces),
        unit_m=_UNIT_M[unit],
        unit_is_custom=False,
        up="z",
        meshes=tuple(dict.fromkeys(names)),
        attributes=("uv",) if textures else (),
        textures=tuple(_texture(entry, data) for entry, data in textures),
        generator=str(metadata.get("Application", "")) or None,
        metadata=metadata,
    )


def _texture(name: str, data: bytes) -> TextureFact:
    return texture_fact(name, data)


def _unzip(path: Path) -> dict[str, bytes]:
    """Return every part; the sum of their sizes is held to MAX_FILE_BYTES whatever the directory says."""
    parts: dict[str, bytes] = {}
    left = MAX_FILE_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(read_bytes(path))) as package:
            for entry in package.infolist()[:_MAX_PARTS]:
                with package.open(entry) as stream:
                    data = stream.read(left + 1)
                left -= len(data)
                if left < 0:
                    raise BadInput(
                        f"{path} unpacks to more than {MAX_FILE_BYTES / 2**20:.0f} MB; it is not read"
                    )
                parts[entry.filename] = data
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise BadInput(f"{path} is not a 3MF: its zip package is damaged or cut off") from error
    return parts


def _mesh(path: Path, mesh: ElementTree.Element) -> tuple[F64, I32]:
    try:
        vertices = [[float(entry.attrib[axis]) for axis in "xyz"] for entry in mesh.iter(f"{_CORE}vertex")]
        triangles = [
            [int(entry.attrib[corner]) for corner in ("v1", "v2", "v3")]
            for entry in mesh.iter(f"{_CORE}triangle")
        ]
        points = checked_points(path, np.array(vertices, dtype=np.float64).reshape(-1, 3))
        return points, checked_faces(path, np.array(triangles, dtype=np.int64).reshape(-1, 3), len(points))
    except (KeyError, ValueError, OverflowError) as error:
        raise BadInput(f"{path} has a vertex or triangle that is not made of numbers") from error


def _placed(path: Path, points: F64, transform: str | None) -> F64:
    """Apply an item's 4 x 3 transform, written row by row."""
    if transform is None:
        return points
    try:
        rows = np.array([float(entry) for entry in transform.split()]).reshape(4, 3)
    except ValueError as error:
        raise BadInput(f"{path} places an object by something that is not 12 numbers") from error
    placed: F64 = points @ rows[:3] + rows[3]
    return placed


def _unpacked(text: str) -> dict[str, object]:
    """Our metadata out of its JSON; as it is where it is not ours."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"slipcast:provenance": text}
    return value if isinstance(value, dict) else {"slipcast:provenance": text}
