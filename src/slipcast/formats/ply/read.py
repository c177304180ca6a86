"""PLY, text or binary of either byte order -> its triangles.

Polygons are fanned and strips of triangles taken apart; elements and lists that are no surface are passed over.
"""

import io
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import F64, U8
from slipcast.formats.common.reading import (
    MAX_FACES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    check_faces,
    check_points,
    file_texture,
    read_bytes,
)
from slipcast.formats.ply.polygons import Lists, find_triangles
from slipcast.formats.table import UNITS_M

_TYPE = {
    name: code
    for names, code in (
        (("char", "int8"), "i1"),
        (("uchar", "uint8"), "u1"),
        (("short", "int16"), "i2"),
        (("ushort", "uint16"), "u2"),
        (("int", "int32"), "i4"),
        (("uint", "uint32"), "u4"),
        (("int64",), "i8"),
        (("uint64",), "u8"),
        (("float", "float32"), "f4"),
        (("double", "float64"), "f8"),
    )
    for name in names
}
_ORDER = {"binary_little_endian": "<", "binary_big_endian": ">", "ascii": "="}
_MAX_HEADER_BYTES = 2**20
_END = re.compile(rb"^[ \t]*end_header[ \t]*(?:\r\n|\n|\r|$)", re.MULTILINE)
_END_BY_RETURN = re.compile(rb"(?:^|(?<=\r))[ \t]*end_header[ \t]*\r")
_CHUNK_BYTES = 2**20
_ROWS = 4096
"""Of a text's vertices, taken at once."""
_ATTRIBUTES = {
    "colors": {"red", "r", "diffuse_red"},
    "normals": {"nx", "normal_x"},
    "uv": {"s", "u", "texture_u", "texture_s", "texcoord"},
}


@dataclass(frozen=True, kw_only=True)
class _Property:
    name: str
    type: str
    length: str | None = None
    """Type of a list's length; None for a single number."""


@dataclass(frozen=True, kw_only=True)
class _Element:
    name: str
    count: int
    properties: list[_Property]

    def place(self, *names: str) -> int | None:
        """Which property bears one of the names."""
        for at, entry in enumerate(self.properties):
            if entry.name.lower() in names:
                return at
        return None

    def corners(self, path: Path) -> int:
        """Which property lists the corners: by its name, else the only list of whole numbers.

        Raises BadInput where there is none.
        """
        lists = [k for k, entry in enumerate(self.properties) if entry.length and entry.type[0] in "iu"]
        named = [k for k in lists if self.properties[k].name.lower().startswith(("vertex_ind", "vertex_idx"))]
        if named or len(lists) == 1:
            return (named or lists)[0]
        raise BadInput(f"{path} has {self.name} elements without a list of vertices")


_SHADES = (("red", "r", "diffuse_red"), ("green", "g", "diffuse_green"), ("blue", "b", "diffuse_blue"))


@dataclass(kw_only=True)
class _Read:
    """What the body holds of a surface."""

    vertices: F64
    colors: U8 | None = None
    """(V,3) sRGB."""
    polygons: Lists | None = None
    strips: Lists | None = None
    ragged: bool = False
    """Whether lines hold more than the header announces."""


def read_ply(path: Path) -> Content:
    """Read the vertices and faces, polygons fanned; metres and Z up unless Slipcast's own comment says
    otherwise."""
    data = read_bytes(path)
    order, elements, comments, start = _header(path, data)
    body = memoryview(data)[start:]
    read = _binary(path, body, elements, order) if order != "=" else _text(path, body, elements)
    points = check_points(path, read.vertices)
    faces, flat = find_triangles(path, read.polygons, read.strips)
    checked = check_faces(path, faces, len(points))
    surface = [element for element in elements if element.name in ("vertex", "face", "tristrips")]
    known = {entry.name.lower() for element in surface for entry in element.properties}
    ours = next((comment for comment in comments if comment.startswith("Slipcast, ")), "Slipcast, m, Z up")
    unit, _, up = ours.removeprefix("Slipcast, ").partition(", ")
    textures = dict.fromkeys(
        comment.split(None, 1)[1]
        for comment in comments
        if comment.lower().startswith("texturefile ") and len(comment.split()) > 1
    )
    return Content(
        format="ply",
        points=points,
        faces=checked,
        colors=None if read.colors is None else read.colors[checked],
        unit_m=UNITS_M.get(unit, 1.0),
        unit_is_custom=ours not in comments,
        up="y" if up.startswith("Y") else "z",
        attributes=tuple(word for word, names in _ATTRIBUTES.items() if names & known),
        textures=tuple(file_texture(path, name) for name in list(textures)[:MAX_PARTS]),
        generator="; ".join(comments)[:200] or None,
        findings=(*_left_out(elements, flat), *([_RAGGED] if read.ragged else [])),
    )


def _header(path: Path, data: bytes) -> tuple[str, list[_Element], list[str], int]:
    """Return byte order, elements, comments and where the body starts."""
    # Where lines end in a carriage return alone, a line feed behind the last one is the body's.
    by_return = re.match(rb"ply[ \t]*\r(?!\n)", data) is not None
    end = (_END_BY_RETURN if by_return else _END).search(data, 0, _MAX_HEADER_BYTES)
    if not re.match(rb"ply\s", data) or end is None:
        raise BadInput(f"{path} is not a PLY: its header has no beginning or no end")
    order, elements, comments = "", list[_Element](), list[str]()
    for raw in re.split(rb"[\r\n]+", data[: end.start()])[1:]:
        line = raw.decode("utf-8", "replace")
        words = line.split()
        match [words[0].lower(), *words[1:]] if words else []:
            case ["format", kind, *_] if kind.lower() in _ORDER:
                order = _ORDER[kind.lower()]
            case ["comment", *_]:
                comments.append(line.strip()[len("comment") :].strip())
            case ["element", name, count, *_] if count.isdecimal() and int(count) <= MAX_VERTICES:
                elements.append(_Element(name=name.lower(), count=int(count), properties=[]))
            case ["property", "list", length, kind, name, *_] if (
                elements and _TYPE.get(length.lower(), "f")[0] in "iu" and kind.lower() in _TYPE
            ):
                kinds = _TYPE[kind.lower()], _TYPE[length.lower()]
                elements[-1].properties.append(_Property(name=name, type=kinds[0], length=kinds[1]))
            case ["property", kind, name, *_] if elements and kind.lower() in _TYPE:
                elements[-1].properties.append(_Property(name=name, type=_TYPE[kind.lower()]))
            case [] | ["obj_info", *_]:
                pass
            case [word, *_] if word not in ("format", "element", "property"):
                comments.append(line.strip())  # a maker's line without the word `comment`
            case _:
                raise BadInput(f"{path} has the PLY header line {line[:80]!r}, which is not understood")
    if not order:
        raise BadInput(f"{path} is a PLY that does not say its format")
    return order, elements, comments, end.end()


def _binary(path: Path, body: memoryview, elements: list[_Element], order: str) -> _Read:
    """Read the elements one after the other."""
    read, at = _Read(vertices=np.zeros((0, 3))), 0
    for element in elements:
        if not element.properties or not element.count:
            continue
        lengths = _same_lengths(body, element, at, order)
        if lengths is None:
            at = _ragged(path, body, element, at, order, read)
            continue
        dtype = _dtype(element, order, lengths)
        rows = np.frombuffer(body, dtype, element.count, at)
        at += dtype.itemsize * element.count
        if element.name == "vertex":
            _keep_vertices(
                read, element, [rows[f"{place}"].astype(np.float64) for place in _columns(path, element)]
            )
        elif element.name in ("face", "tristrips"):
            place = element.corners(path)
            values = rows[f"{place}"].astype(np.int64).ravel()
            _keep(read, element, Lists(values=values, lengths=np.full(len(rows), lengths[place], np.int64)))
    return read


def _dtype(element: _Element, order: str, lengths: list[int]) -> np.dtype[np.void]:
    """One row whose lists have these lengths; fields are called by their places, since names may come twice."""
    fields: list[tuple[str, str] | tuple[str, str, tuple[int]]] = []
    for place, (entry, length) in enumerate(zip(element.properties, lengths, strict=True)):
        if entry.length is None:
            fields.append((f"{place}", order + entry.type))
        else:
            fields.append((f"length {place}", order + entry.length))
            fields.append((f"{place}", order + entry.type, (length,)))
    return np.dtype(fields)


def _same_lengths(body: memoryview, element: _Element, at: int, order: str) -> list[int] | None:
    """The lengths of the first row's lists where all rows have the same, else None."""
    lengths, end = [], at
    for entry in element.properties:
        length = 1
        if entry.length is not None:
            kind = np.dtype(order + entry.length)
            if end + kind.itemsize > len(body):
                return None
            length = int(np.frombuffer(body, kind, 1, end)[0])
            end += kind.itemsize
        end += length * np.dtype(entry.type).itemsize
        lengths.append(length)
        if not 0 <= length <= len(body):
            return None
    if at + (end - at) * element.count > len(body):
        return None
    rows = np.frombuffer(body, _dtype(element, order, lengths), element.count, at)
    same = all(
        (rows[f"length {place}"] == length).all()
        for place, (entry, length) in enumerate(zip(element.properties, lengths, strict=True))
        if entry.length is not None
    )
    return lengths if same else None


def _ragged(path: Path, body: memoryview, element: _Element, at: int, order: str, read: _Read) -> int:
    """Read an element whose rows differ in length; returns where it ends.

    Each row is walked to find where its numbers start; they are then gathered at once.
    """
    axes = _columns(path, element) if element.name == "vertex" else []
    wanted = axes or ([element.corners(path)] if element.name in ("face", "tristrips") else [])
    starts = {place: array("q") for place in wanted}
    lengths = array("q")
    little: Literal["little", "big"] = "little" if order == "<" else "big"
    steps = [
        (place, np.dtype(entry.type).itemsize, np.dtype(entry.length).itemsize if entry.length else 0)
        for place, entry in enumerate(element.properties)
    ]
    signed = [bool(entry.length and entry.length[0] == "i") for entry in element.properties]
    size = len(body)
    for _ in range(element.count):
        for place, width, prefix in steps:
            length = 1
            if prefix:
                length = int.from_bytes(body[at : at + prefix], little, signed=signed[place])
                at += prefix
                if length < 0:
                    raise BadInput(f"{path} has a list of {length} entries among its {element.name} elements")
            if place in starts:
                starts[place].append(at)
                if prefix:
                    lengths.append(length)
            at += width * length
        if at > size:
            raise BadInput(f"{path} is cut off inside its {element.name} elements")
    if axes:
        columns = [
            _gather(body, starts[place], None, order + element.properties[place].type) for place in axes
        ]
        _keep_vertices(read, element, [column.astype(np.float64) for column in columns])
    elif wanted:
        kind = order + element.properties[wanted[0]].type
        values = _gather(body, starts[wanted[0]], lengths, kind).astype(np.int64)
        _keep(read, element, Lists(values=values, lengths=np.array(lengths, np.int64)))
    return at


def _gather(
    body: memoryview, starts: "array[int]", lengths: "array[int] | None", kind: str
) -> "np.typing.NDArray[np.generic]":
    """The numbers at byte offsets: one each, or `lengths` many in a row."""
    dtype = np.dtype(kind)
    first = np.array(starts, np.int64)
    if lengths is not None:
        count = np.array(lengths, np.int64)
        before = np.cumsum(count) - count
        first = np.repeat(first - before * dtype.itemsize, count) + np.arange(count.sum()) * dtype.itemsize
    raw = np.frombuffer(body, np.uint8)[first[:, None] + np.arange(dtype.itemsize)]
    out: np.typing.NDArray[np.generic] = np.ascontiguousarray(raw).view(dtype).ravel()
    return out


def _text(path: Path, body: memoryview, elements: list[_Element]) -> _Read:
    """Read the elements number by number: a row may lie on several lines.

    Where that does not come out even, but every row has a line, the rest of each line is passed over.
    """
    words = _words(path, body)
    try:
        read = _elements(path, elements, words, None)
        if next(words, None) is None:
            return read
        trouble = None
    except BadInput as error:
        trouble = error
    rows = sum(element.count for element in elements if element.properties)
    if sum(1 for _ in _lines(body)) == rows:
        read = _elements(path, elements, iter(()), _lines(body))
        read.ragged = True
    elif trouble is not None:
        raise trouble
    return read


def _elements(
    path: Path, elements: list[_Element], words: Iterator[bytes], lines: Iterator[bytes] | None
) -> _Read:
    """Read the elements word by word or, where `lines` are given, each row from its own line."""
    read = _Read(vertices=np.zeros((0, 3)))
    for element in elements:
        listed = any(entry.length for entry in element.properties)
        try:
            if element.name == "vertex" and lines is None and not listed:
                _keep_vertices(read, element, _take_columns(path, element, words))
            else:
                _rows(path, element, words, lines, read)
        except StopIteration as error:
            raise BadInput(f"{path} is cut off inside its {element.name} elements") from error
        except (ValueError, OverflowError) as error:
            raise BadInput(f"{path} has a {element.name} that is not made of numbers") from error
    return read


def _lines(body: memoryview) -> Iterator[bytes]:
    """The lines of the text that hold something."""
    return (line for line in io.BytesIO(bytes(body).replace(b"\r", b"\n")) if line.strip())


def _words(path: Path, body: memoryview) -> Iterator[bytes]:
    """The words of the text, taken in pieces: all at once would take ten times the memory."""
    rest = b""
    for at in range(0, len(body), _CHUNK_BYTES):
        piece = rest + bytes(body[at : at + _CHUNK_BYTES])
        words = piece.split()
        rest = words.pop() if words and not piece[-1:].isspace() else b""
        if len(rest) > _CHUNK_BYTES:
            raise BadInput(f"{path} has a word of more than {_CHUNK_BYTES} letters in its body")
        yield from words
    if rest:
        yield rest


def _take_columns(path: Path, element: _Element, words: Iterator[bytes]) -> list[F64]:
    """The columns that are kept of rows of one length; StopIteration where they end too early."""
    axes, wide = _columns(path, element), len(element.properties)
    columns = [array("d") for _ in axes]
    for first in range(0, element.count, _ROWS):
        rows = min(_ROWS, element.count - first)
        flat = list(islice(words, rows * wide))
        if len(flat) < rows * wide:
            raise StopIteration
        for column, place in zip(columns, axes, strict=True):
            column.extend(map(float, flat[place::wide]))
    return [np.frombuffer(column, np.float64) for column in columns]


def _rows(
    path: Path, element: _Element, words: Iterator[bytes], lines: Iterator[bytes] | None, read: _Read
) -> None:
    """Read rows with lists, each from its own line where `lines` are given; StopIteration where they end too early."""
    if not element.properties or not element.count:
        return
    axes = _columns(path, element) if element.name == "vertex" else []
    corners = element.corners(path) if element.name in ("face", "tristrips") else None
    points, indices, lengths = array("d"), array("q"), array("q")
    for _ in range(element.count):
        if lines is not None:
            words = iter(next(lines).split())
        row: list[float] = []
        for place, entry in enumerate(element.properties):
            if entry.length is None:
                word = next(words)
                row.append(float(word) if place in axes else 0.0)
                continue
            row.append(0.0)
            length = int(next(words))
            if length > MAX_VERTICES:
                raise BadInput(f"{path} has a list of {length} entries, which is too many")
            found = list(islice(words, length))  # ValueError for less than none
            if len(found) < length:
                raise StopIteration
            if place == corners:
                lengths.append(length)
                indices.extend(map(int, found))
        points.extend(row[place] for place in axes)
        if len(indices) > 6 * MAX_FACES + 3:
            raise BadInput(f"{path} has more than {MAX_FACES} faces, which is too many")
    if axes:
        _keep_vertices(read, element, [*np.frombuffer(points, np.float64).reshape(-1, len(axes)).T])
    elif corners is not None:
        _keep(read, element, Lists(values=np.array(indices, np.int64), lengths=np.array(lengths, np.int64)))


def _columns(path: Path, element: _Element) -> list[int]:
    """The places of x, y and z, and behind them those of red, green and blue where they are there."""
    found = _single(element, ("x",), ("y",), ("z",))
    if len(found) < 3:
        raise BadInput(f"{path} has vertices without x, y and z")
    shades = _single(element, *_SHADES)
    return found + shades if len(shades) == 3 else found


def _single(element: _Element, *names: tuple[str, ...]) -> list[int]:
    """The places of properties that are one number."""
    places = [element.place(*words) for words in names]
    return [place for place in places if place is not None and element.properties[place].length is None]


def _keep_vertices(read: _Read, element: _Element, columns: list[F64]) -> None:
    """Keep positions and colours; these count to 255, to 65,535 or, as fractions, to 1."""
    read.vertices = np.stack(columns[:3], axis=1)
    if len(columns) == 6:
        places = _single(element, *_SHADES)
        kinds = [element.properties[place].type for place in places]
        most = [1.0 if kind[0] == "f" else 65535.0 if kind == "u2" else 255.0 for kind in kinds]
        shares = np.clip(np.nan_to_num(np.stack(columns[3:], axis=1) / most), 0, 1)
        read.colors = np.rint(shares * 255).astype(np.uint8)


def _keep(read: _Read, element: _Element, lists: Lists) -> None:
    if element.name == "face":
        read.polygons = lists
    else:
        read.strips = lists


_RAGGED = finding("FILE_DAMAGED", {"what": "its rows hold more than its header announces"})


def _left_out(elements: list[_Element], flat: int) -> tuple[Finding, ...]:
    """What the file has beside its surface."""
    told = [f"{flat} faces of fewer than three corners"] if flat else []
    told += [
        f"{element.count} {element.name[:40]} elements"
        for element in elements
        if element.count and element.name not in ("vertex", "face", "tristrips")
    ][:5]
    return (finding("FILE_LEFT_OUT", {"what": ", ".join(told)}),) if told else ()
