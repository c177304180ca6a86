"""PLY, text or binary of either byte order -> its triangles."""

import io
from array import array
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import UNITS_M
from slipcast.formats.reading import (
    MAX_FACES,
    MAX_VERTICES,
    Content,
    checked_faces,
    checked_points,
    read_bytes,
)

_TYPE = {
    name: code
    for names, code in (
        (("char", "int8"), "i1"),
        (("uchar", "uint8"), "u1"),
        (("short", "int16"), "i2"),
        (("ushort", "uint16"), "u2"),
        (("int", "int32"), "i4"),
        (("uint", "uint32"), "u4"),
        (("float", "float32"), "f4"),
        (("double", "float64"), "f8"),
    )
    for name in names
}
_ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_MAX_HEADER_BYTES = 64 * 1024


@dataclass
class _Element:
    name: str
    count: int
    properties: list[tuple[str, str, str | None]]
    """(name, type, type of the list's length or None)"""


def read_ply(path: Path) -> Content:
    """Read the vertices and triangular faces; metres and Z up unless Slipcast's own comment says
    otherwise."""
    data = read_bytes(path)
    order, elements, comments, body = _header(path, data)
    vertices, faces = _binary(path, body, elements, order) if order != "=" else _text(path, body, elements)
    names = next((entry for entry in elements if entry.name == "vertex"), _Element("", 0, [])).properties
    known = {name for name, _, _ in names}
    attributes = [
        word
        for word, property_name in (("colors", "red"), ("normals", "nx"), ("uv", "s"))
        if property_name in known
    ]
    points = checked_points(path, vertices)
    ours = next((comment for comment in comments if comment.startswith("Slipcast, ")), "Slipcast, m, Z up")
    unit, _, up = ours.removeprefix("Slipcast, ").partition(", ")
    return Content(
        format="ply",
        points=points,
        faces=checked_faces(path, faces, len(points)),
        unit_m=UNITS_M.get(unit, 1.0),
        unit_is_custom=ours not in comments,
        up="y" if up.startswith("Y") else "z",
        attributes=tuple(attributes),
        generator="; ".join(comments)[:200] or None,
    )


def _header(path: Path, data: bytes) -> tuple[str, list[_Element], list[str], bytes]:
    """Return byte order, elements, comments and the body."""
    end = data.find(b"end_header", 0, _MAX_HEADER_BYTES)
    body = data.find(b"\n", end) + 1 if end >= 0 else 0
    if not data.startswith(b"ply") or not body:
        raise BadInput(f"{path} is not a PLY: its header has no beginning or no end")
    order, elements, comments = "", list[_Element](), []
    for line in data[:end].decode("utf-8", "replace").splitlines()[1:]:
        match line.split():
            case ["format", kind, *_] if kind in _ORDER:
                order = _ORDER[kind]
            case ["comment", *_]:
                comments.append(line.partition(" ")[2].strip())
            case ["element", name, count] if count.isdigit() and int(count) <= MAX_VERTICES:
                elements.append(_Element(name, int(count), []))
            case ["property", "list", length, kind, name] if elements and length in _TYPE and kind in _TYPE:
                elements[-1].properties.append((name, _TYPE[kind], _TYPE[length]))
            case ["property", kind, name] if elements and kind in _TYPE:
                elements[-1].properties.append((name, _TYPE[kind], None))
            case [] | ["obj_info", *_]:
                pass
            case _:
                raise BadInput(f"{path} has the PLY header line {line[:80]!r}, which is not understood")
    if not order:
        raise BadInput(f"{path} is a PLY that does not say its format")
    return order, elements, comments, data[body:]


def _binary(
    path: Path, body: bytes, elements: list[_Element], order: str
) -> "tuple[np.typing.NDArray[np.float64], np.typing.NDArray[np.int64]]":
    """Read fixed-size elements; every list must have three entries."""
    vertices, faces, at = np.zeros((0, 3)), np.zeros((0, 3), np.int64), 0
    for element in elements:
        fields: list[tuple[str, str] | tuple[str, str, int]] = []
        for name, kind, length in element.properties:
            if length is not None:
                fields += [(f"{name} count", order + length), (name, order + kind, 3)]
            else:
                fields.append((name, order + kind))
        if not fields and element.count:
            raise BadInput(f"{path} has a list of {element.name} without any property")
        try:
            dtype = np.dtype(fields)
        except ValueError as error:
            raise BadInput(f"{path} names a property twice") from error
        if at + dtype.itemsize * element.count > len(body):
            raise BadInput(
                f"{path} is cut off inside its {element.name} list, or has faces that are not triangles"
            )
        rows = np.frombuffer(body, dtype, element.count, at) if element.count else np.zeros(0, dtype)
        at += dtype.itemsize * element.count
        if element.name == "vertex":
            vertices = _xyz(path, rows)
        elif element.name == "face":
            name = _index_name(path, element)
            if len(rows) > MAX_FACES or (rows[f"{name} count"] != 3).any():
                raise BadInput(f"{path} has faces that are not triangles; triangulate it first")
            faces = rows[name].astype(np.int64)
    return vertices, faces


def _text(
    path: Path, body: bytes, elements: list[_Element]
) -> "tuple[np.typing.NDArray[np.float64], np.typing.NDArray[np.int64]]":
    """Read the elements line by line."""
    vertices, faces = np.zeros((0, 3)), np.zeros((0, 3), np.int64)
    lines = iter(io.BytesIO(body))
    for element in elements:
        numbers, indices, rows = array("d"), array("q"), 0
        try:
            places = (
                [[name for name, _, _ in element.properties].index(axis) for axis in "xyz"]
                if element.name == "vertex"
                else []
            )
            for line in islice(lines, element.count):
                rows += 1
                if places:
                    words = line.split()
                    numbers.extend(float(words[k]) for k in places)
                elif element.name == "face":
                    count, *corner = line.split()
                    if count != b"3":
                        raise BadInput(f"{path} has faces that are not triangles; triangulate it first")
                    indices.extend(int(entry) for entry in corner[:3])
        except (ValueError, IndexError, OverflowError) as error:
            raise BadInput(f"{path} has a {element.name} that is not made of numbers") from error
        if rows < element.count or len(numbers) % 3 or len(indices) % 3:
            raise BadInput(f"{path} is cut off inside its {element.name} list")
        if places:
            vertices = np.frombuffer(numbers, np.float64).reshape(-1, 3) if rows else vertices
        elif element.name == "face" and rows:
            faces = np.frombuffer(indices, np.int64).reshape(-1, 3)
    return vertices, faces


def _xyz(path: Path, rows: "np.typing.NDArray[np.void]") -> "np.typing.NDArray[np.float64]":
    names = rows.dtype.names or ()
    if not {"x", "y", "z"} <= set(names):
        raise BadInput(f"{path} has vertices without x, y and z")
    return np.stack([rows[axis].astype(np.float64) for axis in "xyz"], axis=1)


def _index_name(path: Path, element: _Element) -> str:
    """The name of the face's list of vertices."""
    for name, _, length in element.properties:
        if length is not None and name in ("vertex_indices", "vertex_index"):
            return name
    raise BadInput(f"{path} has faces without a list of vertices")
