"""FBX's container, binary or text -> a tree of elements, held to limits whatever it announces.

Binary: see formats/fbx/nodes.py; from version 7.5 the offsets have 64 bits. Before version 7 an array is a row of
scalar
properties, which is read in one go. Text: `Name: value, value { children }`, with `;` before comments; an array is
`*count { a: numbers }` or, before version 7, plainly the values.
"""

import base64
import codecs
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.formats.common.reading import MAX_FILE_BYTES, MAX_VERTICES
from slipcast.formats.fbx.nodes import HEADER

MAX_ELEMENTS = 2_000_000
_MAGIC = HEADER[:21]
_SCALAR = {b"C": "<b", b"B": "<b", b"Y": "<h", b"I": "<i", b"F": "<f", b"D": "<d", b"L": "<q"}
_ARRAY = {b"f": "<f4", b"d": "<f8", b"i": "<i4", b"l": "<i8", b"b": "<i1", b"c": "<i1"}
_MAX_DEPTH = 32
_ROW = 64
"""Scalars of one type in a row that count as an array."""
_HEAD = 65_536
"""Letters in which a text says that it is FBX: comments may stand before."""
_NONE = rb"[-+]?(?:[0-9]\.#[A-Za-z]+[0-9]*|(?i:nan(?:\([a-z]*\))?|inf(?:inity)?)(?![A-Za-z0-9_|:]))"
"""What programs write for a number that is none."""
_NUMBER = rb"(?:" + _NONE + rb"|[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)"
_TOKEN = re.compile(
    rb"(?P<skip>[\s,]+|;[^\n]*)"
    rb"|(?P<name>[A-Za-z_][A-Za-z0-9_|]*\s?:)"
    rb'|"(?P<text>[^"]*)"'
    rb"|(?P<numbers>" + _NUMBER + rb"(?:\s*,\s*" + _NUMBER + rb")*)"
    rb"|(?P<other>[{}]|\*[0-9]+|[A-Za-z])"
)

Array = np.typing.NDArray[np.generic]


@dataclass(frozen=True)
class Element:
    """A node as read: properties decoded, arrays still packed, children parsed."""

    name: str
    properties: list[object]
    children: "list[Element]"

    def find(self, name: str) -> "Element | None":
        """The first child of that name."""
        return next((child for child in self.children if child.name == name), None)

    def all(self, name: str) -> "Iterator[Element]":
        """Every child of that name."""
        return (child for child in self.children if child.name == name)

    def text(self, index: int = 0) -> str:
        """Property `index` as text without its class; empty where it is none."""
        value = self.properties[index] if index < len(self.properties) else b""
        if not isinstance(value, bytes):
            return ""
        return value.split(b"\0\x01")[0].decode("utf-8", "replace")

    def settings(self) -> dict[str, tuple[object, ...]]:
        """The values of the element's table of properties, by name."""
        for table, row, first in (("Properties70", "P", 4), ("Properties60", "Property", 3)):
            found = self.find(table)
            if found is not None:
                return {entry.text(): tuple(entry.properties[first:]) for entry in found.all(row)}
        return {}

    def key(self) -> object:
        """What connections call an object: its number, before version 7 its name and class."""
        named = self.properties[0] if self.properties else None
        return named if isinstance(named, int | float | bytes) else None

    def title(self) -> str:
        """An object's name without its class, which stands behind it in binary FBX and before it in text."""
        at = 0 if self.properties and isinstance(self.properties[0], bytes) else 1
        before, mark, after = self.text(at).partition("::")
        whole = self.properties[at] if at < len(self.properties) else b""
        return (
            after if mark and isinstance(whole, bytes) and b"\0\x01" not in whole else before + mark + after
        )


def parse(path: Path, data: bytes) -> Element:
    """Return the tree under one nameless root; BadInput for what is no FBX or damaged."""
    budget = _Budget()
    if data.startswith(_MAGIC) and len(data) >= len(HEADER):
        version = struct.unpack_from("<I", data, 23)[0]
        try:
            top, _ = _nodes(path, data, len(HEADER), len(data), budget, wide=version >= 7500, depth=0)
        except (struct.error, zlib.error) as error:
            raise broken(path) from error
        return Element("", [], top)
    text = data.removeprefix(codecs.BOM_UTF8)
    if not re.search(rb"^; FBX [0-9]|FBXHeaderExtension:", text[:_HEAD]):
        raise BadInput(f"{path} is not an FBX, neither binary nor text")
    return _text(path, text, budget)


def array(path: Path, element: Element) -> Array:
    """The element's array, unpacked to no more than it announces; BadInput where it is none, or too large."""
    listed = element.find("a")
    if listed is not None:  # text, from version 7
        return array(path, listed)
    value = element.properties[0] if element.properties else None
    if isinstance(value, np.ndarray):
        return value
    if not isinstance(value, tuple):
        row = element.properties
        if not row and element.name == "a":  # of no numbers
            return np.zeros(0)
        if not row or not all(isinstance(entry, int | float) for entry in row):
            raise broken(path)
        return np.array(row)
    code, entries, packed, content = value
    dtype = np.dtype(_ARRAY[code])
    if entries > 3 * MAX_VERTICES or entries * dtype.itemsize > MAX_FILE_BYTES:
        raise BadInput(f"{path} has an array of {entries} entries, which is too many")
    try:
        raw = zlib.decompressobj().decompress(content, entries * dtype.itemsize) if packed else content
    except zlib.error as error:
        raise broken(path) from error
    if len(raw) != entries * dtype.itemsize:
        raise broken(path)
    return np.frombuffer(raw, dtype)


def broken(path: Path) -> BadInput:
    """The error for nodes that do not fit together."""
    return BadInput(f"{path} is damaged or cut off: its FBX nodes do not fit together")


class _Budget:
    """How many more nodes and properties are read: millions of tiny ones would take gigabytes."""

    def __init__(self) -> None:
        self.left = MAX_ELEMENTS

    def spend(self, path: Path, count: int) -> None:
        self.left -= count
        if self.left < 0:
            raise BadInput(f"{path} has more than {MAX_ELEMENTS} nodes and properties, which is too many")


def _nodes(
    path: Path, data: bytes, at: int, end: int, budget: _Budget, *, wide: bool, depth: int
) -> tuple[list[Element], int]:
    """Parse nodes from `at` until the zero record or `end`; return them and where they end."""
    if depth > _MAX_DEPTH:
        raise broken(path)
    head, size = ("<QQQB", 25) if wide else ("<IIIB", 13)
    out: list[Element] = []
    while at + size <= end:
        stop, count, length, name_length = struct.unpack_from(head, data, at)
        if stop == 0:
            return out, at + size
        body = at + size + name_length
        if not body + length <= stop <= end:
            raise broken(path)
        name = data[at + size : body].decode("ascii", "replace")
        content = data[body : body + length]
        row = _row(content, count)
        budget.spend(path, 1 if row is not None else 1 + min(count, length))
        properties: list[object] = [row] if row is not None else _properties(path, content, count)
        children: list[Element] = []
        if body + length < stop:
            children, _ = _nodes(path, data, body + length, stop, budget, wide=wide, depth=depth + 1)
        out.append(Element(name, properties, children))
        at = stop
    if depth == 0:
        raise BadInput(f"{path} is cut off: its list of nodes has no end")
    return out, at


def _row(data: bytes, count: int) -> Array | None:
    """Many scalar properties of one type as one array; None where they are something else."""
    code = data[:1]
    if count < _ROW or code not in _SCALAR:
        return None
    record = np.dtype([("code", "S1"), ("value", _SCALAR[code])])
    if len(data) != count * record.itemsize:
        return None
    rows = np.frombuffer(data, record)
    return rows["value"].copy() if (rows["code"] == code).all() else None


def _properties(path: Path, data: bytes, count: int) -> list[object]:
    """Decode a node's properties; arrays stay packed as (code, entries, packed, bytes) until they are needed."""
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
            raise broken(path)
        if at > len(data):
            raise broken(path)
    return out


def _text(path: Path, data: bytes, budget: _Budget) -> Element:
    """Parse FBX as text."""
    root = Element("", [], [])
    parents, current, at = [root], root, 0
    while at < len(data):
        match = _TOKEN.match(data, at)
        if match is None:
            raise BadInput(f"{path} is damaged at byte {at}: it is no FBX text there")
        at = match.end()
        kind, value = match.lastgroup, match.group(match.lastgroup or 0)
        if kind == "skip":
            continue
        budget.spend(path, 1)
        if kind == "name":
            current = Element(value.rstrip(b": \t").decode("ascii"), [], [])
            parents[-1].children.append(current)
        elif value == b"{":
            if len(parents) > _MAX_DEPTH:
                raise broken(path)
            parents.append(current)
        elif value == b"}":
            if len(parents) == 1:
                raise broken(path)
            current = parents.pop()
        elif kind == "numbers":
            _take(path, current, value)
        elif kind == "text":
            current.properties.append(_content(path, value) if current.name == "Content" else value)
    if len(parents) > 1:
        raise BadInput(f"{path} is cut off: {len(parents) - 1} of its FBX nodes have no end")
    return root


def _take(path: Path, element: Element, listed: bytes) -> None:
    """Append a list of numbers: a long one as one array, a short one as numbers."""
    if listed.count(b",") >= _ROW:
        if element.properties:
            raise broken(path)
        plain = re.sub(_NONE, b"nan", listed) if re.search(rb"[#nN]", listed) else listed
        element.properties.append(np.fromstring(plain.decode("ascii"), sep=","))
        return
    for entry in listed.split(b","):
        if re.fullmatch(_NONE, entry.strip()):
            element.properties.append(float("nan"))
            continue
        whole = entry.strip().lstrip(b"+-").isdigit()
        element.properties.append(int(entry) if whole and len(entry) < 20 else float(entry))


def _content(path: Path, encoded: bytes) -> bytes:
    """An embedded file, which text holds as base64."""
    try:
        return base64.b64decode(encoded)
    except ValueError as error:
        raise broken(path) from error
