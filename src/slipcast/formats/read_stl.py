"""STL, binary or text -> its triangles."""

import re
from array import array
from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import UNITS_M
from slipcast.formats.reading import MAX_FACES, Content, checked_faces, checked_points, read_bytes
from slipcast.formats.stl import HEADER_BYTES, RECORD

_VERTEX = re.compile(rb"^[ \t]*vertex[ \t]+(\S{1,40})[ \t]+(\S{1,40})[ \t]+(\S{1,40})[ \t\r]*$", re.MULTILINE)


def read_stl(path: Path) -> Content:
    """Read an STL; millimetres and Z up unless Slipcast's own header says otherwise, since the format says
    nothing."""
    data = read_bytes(path)
    count = int.from_bytes(data[HEADER_BYTES : HEADER_BYTES + 4], "little")
    binary = len(data) >= HEADER_BYTES + 4 and len(data) == HEADER_BYTES + 4 + RECORD.itemsize * count
    if binary:
        if count > MAX_FACES:
            raise BadInput(f"{path} has {count} faces; at most {MAX_FACES} are read")
        points = np.frombuffer(data, RECORD, count, HEADER_BYTES + 4)["corners"].reshape(-1, 3)
    elif data.lstrip()[:5].lower() == b"solid":
        if b"endsolid" not in data[-400:].lower():
            raise BadInput(f"{path} is cut off: its last line is not `endsolid`")
        flat = array("d")
        try:
            for match in _VERTEX.finditer(data):
                flat.extend(map(float, match.groups()))
                if len(flat) > 9 * MAX_FACES:
                    raise BadInput(f"{path} has more than {MAX_FACES} faces, which is too many")
            points = np.frombuffer(flat, np.float64).reshape(-1, 3)
        except ValueError as error:
            raise BadInput(f"{path} has a vertex that is not three numbers") from error
        if len(points) % 3:
            raise BadInput(f"{path} has {len(points)} vertices, which are not whole triangles")
    else:
        raise BadInput(
            f"{path} is not an STL: its {len(data)} bytes do not fit the {count} faces that it announces"
        )
    checked = checked_points(path, points)
    faces = checked_faces(path, np.arange(len(checked)).reshape(-1, 3), len(checked))
    title = data[:HEADER_BYTES].split(b"\n")[0].decode("ascii", "replace").strip("\0 ")
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
    )
