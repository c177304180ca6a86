"""FBX's binary container: a tree of named nodes with typed properties.

Written from public descriptions of the format (the Blender Foundation's "FBX binary file format
specification" and the documentation of ufbx). After a header of 27 bytes each node is: end offset (u32, from
the file's start), count and byte size of its properties (u32, u32), name length (u8), name, properties,
children, and 13 zero bytes when it has children. Version 7.4 is the last with 32-bit offsets and the one
that every reader we know takes.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

VERSION = 7400
HEADER = b"Kaydara FBX Binary  \0\x1a\0" + struct.pack("<I", VERSION)
ZERO_RECORD = b"\0" * 13

CREATION_TIME = "1970-01-01 10:00:00:000"
# FileId and the footer's id are computed from the time stamp by Autodesk's SDK; these two belong to
# CREATION_TIME.
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
FOOT_ID = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
FOOT_MAGIC = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")

COMPRESS_FROM_BYTES = 128
_ARRAY_CODE = {"float64": b"d", "float32": b"f", "int32": b"i", "int64": b"l"}


class Long(int):
    """A 64-bit integer property: object ids."""


class Flag(int):
    """A one-byte boolean property."""


Array = np.typing.NDArray[np.float64] | np.typing.NDArray[np.int32]
Property = Long | Flag | int | float | str | bytes | Array


@dataclass(frozen=True)
class Node:
    """One node; `children` None is not the same as none: it writes no closing record."""

    name: str
    properties: Sequence[Property] = ()
    children: Sequence["Node"] | None = None

    def encode(self, offset: int) -> bytes:
        """Return the node's bytes for a node that begins at `offset` in the file."""
        name = self.name.encode("ascii")
        properties = b"".join(_encode_property(entry) for entry in self.properties)
        end = offset + 13 + len(name) + len(properties)
        body = bytearray()
        if self.children is not None:
            for child in self.children:
                body += child.encode(end + len(body))
            body += ZERO_RECORD
        head = struct.pack("<IIIB", end + len(body), len(self.properties), len(properties), len(name))
        return head + name + properties + bytes(body)


def encode_file(nodes: Sequence[Node]) -> bytes:
    """Return a whole file: header, top-level nodes and footer."""
    out = bytearray(HEADER)
    for node in nodes:
        out += node.encode(len(out))
    out += ZERO_RECORD + FOOT_ID + b"\0" * 4
    # 1 to 16 zeros up to the next multiple of 16, never none.
    out += b"\0" * (16 - len(out) % 16)
    out += struct.pack("<I", VERSION) + b"\0" * 120 + FOOT_MAGIC
    return bytes(out)


def _encode_property(value: Property) -> bytes:
    """Return type code and content; an array is deflated where that pays."""
    if isinstance(value, Long):
        return b"L" + struct.pack("<q", value)
    if isinstance(value, Flag):
        return b"C" + struct.pack("<b", value)
    if isinstance(value, int):
        return b"I" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"D" + struct.pack("<d", value)
    if isinstance(value, str):
        data = value.encode()
        return b"S" + struct.pack("<I", len(data)) + data
    if isinstance(value, bytes):
        return b"R" + struct.pack("<I", len(value)) + value
    raw = np.ascontiguousarray(value).tobytes()
    packed = zlib.compress(raw, 6) if len(raw) >= COMPRESS_FROM_BYTES else raw
    head = struct.pack("<III", value.size, int(packed is not raw), len(packed))
    return _ARRAY_CODE[value.dtype.name] + head + packed
