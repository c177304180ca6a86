"""STL, binary or text -> its triangles."""

import codecs
import re
from array import array
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import F32, F64
from slipcast.formats.common.reading import MAX_FACES, Content, check_faces, check_points, read_bytes
from slipcast.formats.stl.write import HEADER_BYTES, RECORD
from slipcast.formats.table import UNITS_M

_START = HEADER_BYTES + 4
_NAME = re.compile(
    rb"^[ \t]*(?:end[ \t]*)?solid\b(?:(?!\sfacet\s+normal\s)[^\r\n])*", re.MULTILINE | re.IGNORECASE
)
"""A first or last line, whose name may hold any word; the facets may follow on the same line."""
_END = re.compile(rb"(?:^|\s)end[ \t]*solid\b", re.IGNORECASE)
_WORD = re.compile(
    rb"(?<!\S)(?:(?P<vertex>vertex)(?:\s+(\S{1,40})\s+(\S{1,40})\s+(\S{1,40})(?!\S))?|(?:end)?(?:facet|loop)|outer)(?!\S)",
    re.IGNORECASE,
)
_UNKNOWN = (0, 2**32 - 1)
"""What programs announce that write the number of faces before they know it."""


def read_stl(path: Path) -> Content:
    """Read an STL; millimetres and Z up unless Slipcast's own header says otherwise, since the format says
    nothing. Raises BadInput for a file that is damaged or no STL."""
    data = read_bytes(path)
    count = int.from_bytes(data[HEADER_BYTES:_START], "little")
    text = data.removeprefix(codecs.BOM_UTF8).lstrip()
    points: F32 | F64
    # The number of faces of a text would be its letters 81 to 84: more than any file holds.
    if len(data) >= _START and count not in _UNKNOWN and _START + count * RECORD.itemsize <= len(data):
        points, findings = _binary(path, data, count)
    elif _is_text(data) and re.match(rb"(?:solid|facet)\b", text, re.IGNORECASE):
        points, findings = _text(path, text)
    elif count in _UNKNOWN and len(data) > _START and (len(data) - _START) % RECORD.itemsize == 0:
        points, findings = _binary(path, data, (len(data) - _START) // RECORD.itemsize)
        findings = (finding("FILE_DAMAGED", {"what": "it does not announce how many faces it has"}),)
    elif len(data) < _START:
        raise BadInput(f"{path} is not an STL: it is neither text nor long enough for a header")
    else:
        held = (len(data) - _START) // RECORD.itemsize
        raise BadInput(
            f"{path} is not an STL, or is cut off: it announces {count} faces and has bytes for {held}"
        )
    checked = check_points(path, points)
    faces = check_faces(path, np.arange(len(checked)).reshape(-1, 3), len(checked))
    title = data[:HEADER_BYTES].splitlines()[0].decode("ascii", "replace").strip("\0 ")
    ours = title.startswith("Slipcast, binary STL, ")
    unit, _, up = title.removeprefix("Slipcast, binary STL, ").partition(", ") if ours else ("mm", "", "Z up")
    return Content(
        format="stl",
        points=checked,
        faces=faces,
        unit_m=UNITS_M.get(unit, 0.001),
        unit_is_custom=not ours,
        up="y" if up.startswith("Y") else "z",
        generator=title or None,
        findings=findings,
    )


def _is_text(data: bytes) -> bool:
    """Whether the first lines are letters: the header of a binary file may begin with `solid` too."""
    return not re.search(rb"[\0-\x08\xff]", data[:_START])


def _binary(path: Path, data: bytes, count: int) -> tuple[F32, tuple[Finding, ...]]:
    """(3F,3) corners of `count` records; what stands behind them is told."""
    if count > MAX_FACES:
        raise BadInput(f"{path} has {count} faces; at most {MAX_FACES} are read")
    points = np.frombuffer(data, RECORD, count, _START)["corners"].reshape(-1, 3)
    behind = len(data) - _START - count * RECORD.itemsize
    if not behind:
        return points, ()
    return points, (finding("FILE_LEFT_OUT", {"what": f"{behind} bytes behind the last face"}),)


def _text(path: Path, data: bytes) -> tuple[F64, tuple[Finding, ...]]:
    """(3F,3) corners of the facets, polygons fanned; words in any case, on any lines."""
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    flat, ring = array("d"), list[float]()

    def close() -> None:
        if len(ring) < 9:
            raise BadInput(f"{path} has a facet of {len(ring) // 3} corners; the file is damaged")
        for at in range(3, len(ring) - 3, 3):
            flat.extend((*ring[:3], *ring[at : at + 6]))
        ring.clear()

    grouped, last = False, b""
    for match in _WORD.finditer(_NAME.sub(b"", data)):
        if match["vertex"] is None:
            grouped, last = True, match[0].lower()
            if ring:
                close()
            continue
        try:
            x, y, z = match.groups()[1:]
            ring += (float(x), float(y), float(z))
        except (ValueError, TypeError) as error:
            raise BadInput(f"{path} has a vertex that is not three numbers") from error
        if not grouped and len(ring) == 9:
            close()  # bare vertices without facets
        if len(flat) + 3 * len(ring) > 9 * (MAX_FACES + 3):
            raise BadInput(f"{path} has more than {MAX_FACES} faces, which is too many")
    if ring or last in (b"facet", b"outer", b"loop"):
        raise BadInput(f"{path} is cut off inside its last facet")
    if _END.search(data, max(0, len(data) - 4096)):
        return np.frombuffer(flat, np.float64).reshape(-1, 3), ()
    told = "its last line is not `endsolid`; should faces be missing, it was cut off"
    return np.frombuffer(flat, np.float64).reshape(-1, 3), (finding("FILE_DAMAGED", {"what": told}),)
