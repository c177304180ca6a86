"""3MF -> triangles, textures and metadata."""

import json
from array import array
from pathlib import Path
from xml.parsers import expat

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats.packages import unpack
from slipcast.formats.reading import (
    MAX_FACES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    Tally,
    checked_faces,
    checked_points,
    texture_fact,
)
from slipcast.values import F64, I32

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02 "
"""The core's namespace as expat writes it before a name."""
_UNIT_M = {
    "micron": 1e-6,
    "millimeter": 1e-3,
    "centimeter": 1e-2,
    "inch": 0.0254,
    "foot": 0.3048,
    "meter": 1.0,
}
_MAX_ELEMENTS = 12_000_000
"""What MAX_FACES triangles need with their vertices and texture coordinates; 17 s of parsing."""
_MAX_TEXT = 2**20
"""Characters of all metadata together."""


class _Object:
    """One object's mesh while its numbers come in."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.vertices, self.triangles = array("d"), array("q")
        self.has_mesh = False


class _Model:
    """What the model part says, read element by element: a tree of it would take ten times the memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.unit = "millimeter"
        self.objects: dict[str, _Object] = {}
        self.items: list[tuple[str, str | None]] = []
        self.metadata: dict[str, str] = {}
        self._at: _Object | None = None
        self._told: str | None = None
        self._left = _MAX_TEXT
        self._elements = 0

    def read(self, text: bytes) -> None:
        """Parse the part; BadInput for what is no model."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._text, self._doctype
        parser.buffer_text = True
        try:
            parser.Parse(text, True)
        except expat.ExpatError as error:
            raise BadInput(f"{self.path} is not a 3MF: its model is not XML") from error
        except (KeyError, ValueError, OverflowError) as error:
            raise BadInput(f"{self.path} has a vertex or triangle that is not made of numbers") from error

    def _doctype(self, *_: object) -> None:
        raise BadInput(f"{self.path} declares XML entities, which no 3MF may; it is not read")

    def _start(self, name: str, values: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _MAX_ELEMENTS:
            raise BadInput(f"{self.path} has more than {_MAX_ELEMENTS} XML elements, which is too many")
        if not name.startswith(_CORE):
            return
        word, at = name[len(_CORE) :], self._at
        if word == "vertex" and at is not None:
            at.vertices.extend((float(values["x"]), float(values["y"]), float(values["z"])))
            if len(at.vertices) > 3 * MAX_VERTICES:
                raise BadInput(f"{self.path} has more than {MAX_VERTICES} vertices, which is too many")
        elif word == "triangle" and at is not None:
            at.triangles.extend((int(values["v1"]), int(values["v2"]), int(values["v3"])))
            if len(at.triangles) > 3 * MAX_FACES:
                raise BadInput(f"{self.path} has more than {MAX_FACES} faces, which is too many")
        elif word == "object":
            at = self._at = self.objects[values.get("id", "")] = _Object(values.get("name", "")[:200])
        elif word == "mesh" and at is not None:
            at.has_mesh = True
        elif word == "item":
            self.items.append((values.get("objectid", ""), values.get("transform")))
        elif word == "metadata":
            self._told = values.get("name", "")[:200]
        elif word == "model":
            self.unit = values.get("unit", self.unit)
        if len(self.objects) > MAX_PARTS or len(self.items) > MAX_PARTS or len(self.metadata) > MAX_PARTS:
            raise BadInput(f"{self.path} has more than {MAX_PARTS} objects, items or lines of metadata")

    def _end(self, name: str) -> None:
        if name == f"{_CORE}object":
            self._at = None
        elif name == f"{_CORE}metadata":
            self._told = None

    def _text(self, text: str) -> None:
        if self._told is None:
            return
        self._left -= len(text)
        if self._left < 0:
            raise BadInput(f"{self.path} has more than {_MAX_TEXT} characters of metadata")
        self.metadata[self._told] = self.metadata.get(self._told, "") + text


def read_threemf(path: Path) -> Content:
    """Read the build's objects with their placement; components are refused."""
    parts = unpack(path, "3MF")
    name = next((entry for entry in parts if entry.lower().endswith(".model")), None)
    if name is None:
        raise BadInput(f"{path} is not a 3MF: it has no model part")
    model = _Model(path)
    model.read(parts[name])
    if model.unit not in _UNIT_M:
        raise BadInput(f"{path} uses the unit {model.unit[:40]!r}, which 3MF does not have")
    points: list[F64] = []
    faces: list[I32] = []
    names: list[str] = []
    tally = Tally(path)
    for wanted, transform in model.items:
        target = model.objects.get(wanted)
        if target is None or not target.has_mesh:
            raise BadInput(
                f"{path} builds an object that is missing or made of components, which are not supported"
            )
        local, index = _mesh(path, target)
        faces.append((index + tally.add(len(local), len(index))).astype(np.int32))
        points.append(_placed(path, local, transform))
        names.append(target.name)
    if not points:
        raise BadInput(f"{path} builds nothing")
    joined = np.concatenate(points)
    metadata: dict[str, object] = {}
    for key, text in model.metadata.items():
        metadata |= _unpacked(text) if key == "slipcast:provenance" else {key: text}
    textures = [
        (entry, data) for entry, data in parts.items() if entry.lower().endswith((".png", ".jpg", ".jpeg"))
    ]
    return Content(
        format="3mf",
        points=checked_points(path, joined),
        faces=np.concatenate(faces),
        unit_m=_UNIT_M[model.unit],
        unit_is_custom=False,
        up="z",
        meshes=tuple(dict.fromkeys(names)),
        attributes=("uv",) if textures else (),
        textures=tuple(texture_fact(entry, data) for entry, data in textures),
        generator=str(metadata.get("Application", "")) or None,
        metadata=metadata,
    )


def _mesh(path: Path, read: _Object) -> tuple[F64, I32]:
    points = checked_points(path, np.array(read.vertices, dtype=np.float64).reshape(-1, 3))
    return points, checked_faces(path, np.array(read.triangles, dtype=np.int64).reshape(-1, 3), len(points))


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
