"""Wavefront OBJ and its .mtl -> triangles and materials.

The dialects of other programs are read too: any white space, any case, byte order marks, any line ends, lines continued
with a backslash, numbers before a comment, several libraries, colours behind a vertex, options before a texture's name.
"""

import codecs
import io
import math
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import U8
from slipcast.formats.common.helpers import find_helpers
from slipcast.formats.common.reading import (
    MAX_FACES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    MaterialFact,
    TextureFact,
    beside,
    check_faces,
    check_points,
    file_texture,
    read_bytes,
)
from slipcast.formats.table import UNITS_M

_MAX_LIBRARY_BYTES = 4 * 2**20
_MAX_LINE_BYTES = 16 * 2**20
"""Also of one that continues over many: its words take ten times as much."""
_MAPS = {
    "map_kd": "base color",
    "norm": "normal",
    "map_kn": "normal",
    "map_bump": "bump",
    "bump": "bump",
    "map_pr": "roughness",
    "map_pm": "metallic",
    "map_ke": "emissive",
    "map_ka": "ambient",
    "map_ks": "specular",
    "map_ns": "shininess",
    "map_d": "opacity",
    "disp": "displacement",
    "map_disp": "displacement",
}
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_OPTION = re.compile(
    rf"-(?:(?:s|o|t)(?:\s+{_NUMBER}){{1,3}}|mm(?:\s+{_NUMBER}){{2}}|(?:bm|boost|texres)\s+{_NUMBER}"
    r"|(?:blendu|blendv|cc|clamp)\s+(?:on|off)|imfchan\s+[rgbmlz]|type\s+\w+|colorspace\s+\S+)(?=\s|$)",
    re.IGNORECASE,
)
"""One option of a texture statement, with its values."""


@dataclass
class _Parts:
    """What the statements add up to."""

    points: "array[float]" = field(
        default_factory=lambda: array("d")
    )  # lists of lists would take ten times as much
    faces: "array[int]" = field(default_factory=lambda: array("q"))
    colors: "array[float]" = field(default_factory=lambda: array("f"))
    """Of the first vertices, to the last one that has any; white where one has none."""
    painted: bytearray = field(default_factory=bytearray)
    """Colours in ZBrush's comments, red, green, blue of each vertex."""
    names: dict[str, int] = field(default_factory=dict)
    """Of objects and groups, with their places."""
    object: int = -1
    """Place of the name that the next faces have; -1 for none."""
    group: int = -1
    runs: "array[int]" = field(default_factory=lambda: array("q"))
    """Object, group and number of faces before them, each time one of the two changes."""
    libraries: dict[str, None] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)
    flat: int = 0
    """Points, lines and faces of fewer than three corners."""
    curved: int = 0
    """Surfaces and curves by formula."""


def read_obj(path: Path) -> Content:
    """Read vertices, polygons (fanned) and the material libraries beside the file.

    It states no unit: metres and Y up are taken unless Slipcast's own first line says otherwise.
    Raises BadInput for a line that is none of an OBJ's, and for a file without vertices.
    """
    data = _plain_lines(read_bytes(path))
    parts, line = _Parts(), b""
    try:
        for line in _statements(path, data):
            _take(parts, line)
            if len(parts.points) > 3 * MAX_VERTICES or len(parts.faces) > 3 * MAX_FACES:
                raise BadInput(f"{path} has more than {MAX_VERTICES} vertices or {MAX_FACES} faces")
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path} has a line that is not an OBJ's: {_text(line[:60])!r}") from error
    if not parts.points:
        raise BadInput(f"{path} is not an OBJ: it has no vertices")
    materials, textures = _libraries(path, parts.libraries)
    head = _text(data[:200].partition(b"\n")[0]).removeprefix("# ").strip()
    ours = head.startswith("Slipcast, ")
    unit, _, up = head.removeprefix("Slipcast, ").partition(", ") if ours else ("m", "", "Y up")
    checked = check_points(path, np.frombuffer(parts.points, np.float64).reshape(-1, 3))
    faces = check_faces(path, np.frombuffer(parts.faces, np.int64).reshape(-1, 3), len(checked), first=1)
    colors = _color_vertices(parts)
    content = Content(
        format="obj",
        points=checked,
        faces=faces,
        colors=None if colors is None else colors[faces],
        unit_m=UNITS_M.get(unit, 1.0),
        unit_is_custom=not ours,
        up="z" if up.startswith("Z") else "y",
        meshes=tuple(parts.names),
        attributes=tuple(sorted(parts.attributes)),
        materials=materials,
        textures=textures,
        generator=head.lstrip("# ")[:200] or None if data.startswith(b"#") else None,
        findings=_left_out(parts),
    )
    return _leave_out_helpers(parts, content)


def _plain_lines(data: bytes) -> bytes:
    """The text without a byte order mark, its lines ended by a line feed alone."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        data = data.decode("utf-16", "replace").encode()
    data = data.removeprefix(codecs.BOM_UTF8)
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data


def _statements(path: Path, data: bytes) -> Iterator[bytes]:
    """The lines without white space around them, those that end in a backslash joined with the next.

    A comment never continues: paths of Windows end in a backslash there.
    """
    begun = b""
    for raw in io.BytesIO(data):
        line = raw.strip()
        if begun:
            line = begun + b" " + line
        if len(line) > _MAX_LINE_BYTES:
            raise BadInput(f"{path} has a line of more than {_MAX_LINE_BYTES >> 20} MB; it is not read")
        if line.endswith(b"\\") and not line.startswith(b"#"):
            begun = line[:-1]
            continue
        begun = b""
        yield line
    yield begun


def _take(parts: _Parts, line: bytes) -> None:
    """Add one statement; ValueError for a vertex or face that is none."""
    words = line.split(None, 1)
    if not words:
        return
    rest = words[1] if len(words) == 2 else b""
    match words[0].lower():
        case b"v":
            numbers = _values(rest)
            x, y, z = numbers[:3]
            parts.points.extend((float(x), float(y), float(z)))
            if len(numbers) >= 6:
                parts.attributes.add("colors")
                parts.colors.extend([math.nan] * (len(parts.points) - 3 - len(parts.colors)))
                parts.colors.extend(float(word) for word in numbers[3:6])
        case b"f" | b"fo":
            corners = _values(rest)
            if len(corners) < 3:
                parts.flat += 1
            else:
                _fan(parts.faces, corners, len(parts.points) // 3)
        case b"vt":
            parts.attributes.add("uv")
        case b"vn":
            parts.attributes.add("normals")
        case b"#mrgb":  # ZBrush writes the vertices' colours into comments
            parts.attributes.add("colors")
            parts.painted += _read_paint(rest)
        case b"o" | b"g" if rest:
            _begin(parts, words[0].lower(), _text(rest)[:200])
        case b"mtllib" if rest and len(parts.libraries) < MAX_PARTS:
            parts.libraries[_text(rest)] = None
        case b"p" | b"l":
            parts.flat += 1
        case b"curv" | b"curv2" | b"surf":
            parts.curved += 1


def _begin(parts: _Parts, kind: bytes, name: str) -> None:
    """Let the next faces be of the object or the group `name`; names beyond MAX_PARTS are none."""
    place = parts.names.setdefault(name, len(parts.names)) if len(parts.names) < MAX_PARTS else -1
    if kind == b"o":
        parts.object, parts.group = place, -1
    else:
        parts.group = place
    parts.runs.extend((parts.object, parts.group, len(parts.faces) // 3))


def _leave_out_helpers(parts: _Parts, content: Content) -> Content:
    """`content` without the faces of objects and groups that serve others in an engine alone, and the word of it."""
    names = list(parts.names)
    helpers = find_helpers(names)
    hidden = sorted(helpers.levels | helpers.bodies)
    if not hidden:
        return content
    runs = np.frombuffer(parts.runs, np.int64).reshape(-1, 3)
    count = np.diff(runs[:, 2], append=len(content.faces))
    named = np.concatenate([np.full((runs[0, 2], 2), -1), np.repeat(runs[:, :2], count, axis=0)])
    keep = ~np.isin(named, hidden).any(axis=1)
    if keep.all() or not keep.any():
        return content
    # Points that served what is left out alone go with it; those that no face uses are told by whoever reads.
    used = [np.zeros(len(content.points), bool) for _ in range(2)]
    used[0][content.faces], used[1][content.faces[keep]] = True, True
    kept = used[1] | ~used[0]
    number = np.cumsum(kept) - 1
    return replace(
        content,
        points=content.points[kept],
        faces=number[content.faces[keep]].astype(np.int32),
        colors=None if content.colors is None else content.colors[keep],
        meshes=tuple(name for place, name in enumerate(names) if place not in hidden),
        findings=(*content.findings, *helpers.tell(names)),
    )


def _read_paint(rest: bytes) -> bytes:
    """Red, green and blue of each vertex of a line of ZBrush's: eight hexadecimal digits, mask before colour."""
    digits = bytes.fromhex(rest.strip().decode("ascii", "replace"))
    return bytes(value for at, value in enumerate(digits) if at % 4)


def _color_vertices(parts: _Parts) -> U8 | None:
    """(V,3) sRGB of the vertices, white where none is told; None where none has any.

    Programs write fractions; some write numbers to 255.
    """
    count = len(parts.points) // 3
    if parts.painted:
        told = np.frombuffer(bytes(parts.painted[: 3 * count]), np.uint8).reshape(-1, 3)
    elif parts.colors:
        shares = np.frombuffer(parts.colors, np.float32).reshape(-1, 3)
        shares = np.where(np.isfinite(shares).all(1, keepdims=True), shares, 1)
        most = 255.0 if shares.max() > 1.001 else 1.0
        told = np.rint(np.clip(shares / most, 0, 1) * 255).astype(np.uint8)
    else:
        return None
    return np.concatenate([told, np.full((count - len(told), 3), 255, np.uint8)])


def _values(rest: bytes) -> list[bytes]:
    """The words of a statement made of numbers, without a comment behind them."""
    return rest.partition(b"#")[0].split() if b"#" in rest else rest.split()


def _fan(faces: "array[int]", words: list[bytes], vertices: int) -> None:
    """Add the triangles of one polygon; ValueError for what is none."""
    corner = [int(entry.partition(b"/")[0]) for entry in words]
    if 0 in corner:
        raise ValueError
    ring = [index - 1 if index > 0 else vertices + index for index in corner]
    for k in range(1, len(ring) - 1):
        faces.extend((ring[0], ring[k], ring[k + 1]))


def _left_out(parts: _Parts) -> tuple[Finding, ...]:
    """What was in the file and is no triangle."""
    told = []
    if parts.flat:
        told.append(f"{parts.flat} points and lines")
    if parts.curved:
        told.append(f"{parts.curved} curves and surfaces that are given by formula")
    return (finding("FILE_LEFT_OUT", {"what": " and ".join(told)}),) if told else ()


def _libraries(
    path: Path, references: dict[str, None]
) -> tuple[tuple[MaterialFact, ...], tuple[TextureFact, ...]]:
    """Read the material libraries; the first that defines a name counts, one that is missing is told."""
    materials: dict[str, MaterialFact] = {}
    textures: dict[str, TextureFact] = {}
    for reference in references:
        for name in _file_names(path, reference):
            fact = file_texture(path, name)
            if not fact.is_opened:
                textures.setdefault(name, fact)
                continue
            target = beside(path, name)
            for entry in _entries(target):
                if entry["newmtl"] in materials or len(materials) == MAX_PARTS:
                    continue
                maps = {key: _map_file(entry[key]) for key in _MAPS if key in entry}
                for file in maps.values():
                    if file and file not in textures:
                        textures[file] = file_texture(target, file)
                materials[entry["newmtl"]] = MaterialFact(
                    name=entry["newmtl"],
                    metallic=_number(entry.get("pm")),
                    roughness=_number(entry.get("pr")),
                    textures=tuple(dict.fromkeys(_MAPS[key] for key, file in maps.items() if file)),
                )
    return tuple(materials.values()), tuple(textures.values())


def _file_names(path: Path, reference: str) -> list[str]:
    """The files of one `mtllib`: the whole text where it is one file's name with spaces, else its words."""
    whole = reference.strip('"')
    words = reference.split()
    if len(words) < 2 or reference != whole or file_texture(path, whole).media_type != "missing":
        return [whole]
    every_word_is_one = all(word.lower().endswith(".mtl") for word in words)
    some_are_there = any(
        file_texture(path, word).media_type not in ("missing", "not opened") for word in words
    )
    return words[:MAX_PARTS] if every_word_is_one or some_are_there else [whole]


def _entries(target: Path) -> list[dict[str, str]]:
    """The materials of a library: keyword in small letters -> the rest of its line."""
    materials: list[dict[str, str]] = []
    for line in _statements(target, _plain_lines(read_bytes(target, _MAX_LIBRARY_BYTES))):
        word, *rest = _text(line).split(None, 1)[:2] or [""]
        key = word.lower()
        if key == "newmtl":
            if len(materials) == MAX_PARTS:
                break
            materials.append({"newmtl": rest[0] if rest else ""})
        elif materials and rest and (key in _MAPS or key in ("pr", "pm")):
            materials[-1][key] = rest[0]
    return materials


def _map_file(statement: str) -> str:
    """The file's name in a texture statement: options may stand before it or behind, quotes around it."""
    rest = statement.strip()
    while found := _OPTION.match(rest):
        left = rest[found.end() :].strip()
        if not left:  # a file that is called as a number
            return rest.split()[-1]
        rest = left
    while found := next((m for m in _OPTION.finditer(rest) if m.start() and m.end() == len(rest)), None):
        rest = rest[: found.start()].strip()
    return rest[1:-1] if len(rest) > 2 and rest[0] == rest[-1] == '"' else rest


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text.split()[0])
    except (ValueError, IndexError):
        return None


def _text(data: bytes) -> str:
    """A name's letters: UTF-8, or what older programs of the West wrote."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
