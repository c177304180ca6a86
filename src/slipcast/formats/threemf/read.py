"""3MF -> triangles, textures and metadata.

The start part is the one that the package's relationships name. Components are followed, also into other parts
(production extension), and placed by their transforms; supports, what is declared to be no model and items that are not
to be printed are left out and told. A placement that mirrors turns the winding round, so that a solid stays one.
"""

import json
import posixpath
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import F64, I32, U8
from slipcast.formats.common.reading import (
    MAX_FACES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    Tally,
    TextureFact,
    check_faces,
    check_points,
    texture_fact,
)
from slipcast.formats.common.zip import unpack

_CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02 "
"""The core's namespace as expat writes it before a name."""
_BETA = "http://schemas.microsoft.com/3dmanufacturing/2013/01 "
"""The core's before version 1.0, with the same words."""
_MATERIALS = "http://schemas.microsoft.com/3dmanufacturing/material/2015/02 "
_PATH = "http://schemas.microsoft.com/3dmanufacturing/production/2015/06 path"
_START = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_KNOWN = ("/core/2015/02", "/material/2015/02", "/production/2015/06", "/trianglesets/2021/07")
"""How the namespaces end that change no geometry beyond what is read here."""
_SOLID = {
    "beam": "beams of a lattice",
    "booleanshape": "boolean shapes",
    "displacementmesh": "displaced meshes",
    "levelset": "level sets",
    "slicestack": "stacks of slices",
}
"""Elements of extensions that hold geometry of their own, and their names in a sentence."""
_SHOWN = ("model", "surface")
"""Types of objects that are the thing itself; supports and `other` are not."""
_MAX_DEPTH = 32
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


@dataclass(frozen=True)
class _Placement:
    """An item of the build or a component: which object, of which part, and where."""

    object: str
    part: str | None
    """None: of the same part."""
    transform: str | None
    printable: bool = True
    """False for an item that slicers show and leave out of the print."""


class _Object:
    """One object's mesh or components while its numbers come in."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.vertices, self.triangles = array("d"), array("q")
        self.components: list[_Placement] = []
        self.has_mesh = False
        self.extra: dict[str, int] = {}
        """What it holds beside its triangles: see `_SOLID`."""
        self.paint: tuple[str, str] = ("", "0")
        """Group and index of the colour of triangles that name none."""
        self.shades = array("i")
        """Rows of the model's colours, one a corner; -1 for none. Empty where the model has no colours so far."""
        self.mesh: tuple[F64, I32, U8 | None] | None = None


class _Model:
    """What a model part says, read element by element: a tree of it would take ten times the memory."""

    def __init__(self, path: Path, spent: int) -> None:
        self.path = path
        self.unit = "millimeter"
        self.objects: dict[str, _Object] = {}
        self.items: list[_Placement] = []
        self.metadata: dict[str, str] = {}
        self.textures: list[str] = []
        self.has_colors = False
        self.colors = bytearray()
        """Red, green, blue of all groups' colours, one after the other."""
        self._groups: dict[str, int] = {}
        """Where in `colors` each group begins, in rows."""
        self.extra: dict[str, int] = {}
        """Geometry of extensions that stands outside objects."""
        self.needs: list[str] = []
        self._spaces: dict[str, str] = {}
        self._at: _Object | None = None
        self._told: str | None = None
        self._left = _MAX_TEXT
        self.elements = spent
        self._placements = 0

    def read(self, text: bytes) -> None:
        """Parse the part; BadInput for what is no model."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = self._text, self._doctype
        parser.StartNamespaceDeclHandler = self._space
        parser.buffer_text = True
        try:
            parser.Parse(text, True)
        except expat.ExpatError as error:
            raise BadInput(f"{self.path} is not a 3MF: its model is not XML") from error
        except (KeyError, ValueError, OverflowError) as error:
            raise BadInput(f"{self.path} has a vertex or triangle that is not made of numbers") from error

    def _space(self, prefix: str | None, uri: str) -> None:
        self._spaces[prefix or ""] = uri

    def _doctype(self, *_: object) -> None:
        raise BadInput(f"{self.path} declares XML entities, which no 3MF may; it is not read")

    def _start(self, name: str, values: dict[str, str]) -> None:
        self.elements += 1
        if self.elements > _MAX_ELEMENTS:
            raise BadInput(f"{self.path} has more than {_MAX_ELEMENTS} XML elements, which is too many")
        if name.startswith(_MATERIALS):
            self._material(name[len(_MATERIALS) :], values)
            return
        space, _, word = name.rpartition(" ")
        at = self._at
        if f"{space} " not in (_CORE, _BETA):
            if word in _SOLID:
                extra = self.extra if at is None else at.extra
                extra[_SOLID[word]] = extra.get(_SOLID[word], 0) + 1
            return
        if word == "vertex" and at is not None:
            at.vertices.extend((float(values["x"]), float(values["y"]), float(values["z"])))
            if len(at.vertices) > 3 * MAX_VERTICES:
                raise BadInput(f"{self.path} has more than {MAX_VERTICES} vertices, which is too many")
        elif word == "triangle" and at is not None:
            at.triangles.extend((int(values["v1"]), int(values["v2"]), int(values["v3"])))
            if self._groups:
                at.shades.extend(self._shades(at, values))
            if len(at.triangles) > 3 * MAX_FACES:
                raise BadInput(f"{self.path} has more than {MAX_FACES} faces, which is too many")
        elif word == "object":
            made = _Object(values.get("name", "")[:200], values.get("type", "model"))
            made.paint = values.get("pid", ""), values.get("pindex", "0")
            at = self._at = self.objects[values.get("id", "")] = made
        elif word == "mesh" and at is not None:
            at.has_mesh = True
        elif word == "component" and at is not None:
            at.components.append(_placement(values))
            self._placements += 1
        elif word == "item":
            self.items.append(_placement(values))
            self._placements += 1
        elif word == "basematerials":
            self._begin_group(values)
        elif word == "base":
            self._add_color(values.get("displaycolor", ""))
        elif word == "metadata":
            self._told = values.get("name", "")[:200]
        elif word == "model":
            self.unit = values.get("unit", self.unit)
            spaces = [self._spaces.get(prefix, "") for prefix in values.get("requiredextensions", "").split()]
            self.needs = [uri for uri in spaces if not uri.endswith(_KNOWN)]
        if max(len(self.objects), self._placements, len(self.metadata), len(self.textures)) > MAX_PARTS:
            raise BadInput(f"{self.path} has more than {MAX_PARTS} objects, items or lines of metadata")

    def _material(self, word: str, values: dict[str, str]) -> None:
        if word == "texture2d":
            self.textures.append(values.get("path", "")[:1000])
        elif word == "colorgroup":
            self._begin_group(values)
        elif word == "color":
            self._add_color(values.get("color", ""))

    def _begin_group(self, values: dict[str, str]) -> None:
        self.has_colors = True
        self._groups[values.get("id", "")] = len(self.colors) // 3

    def _add_color(self, text: str) -> None:
        """Add `#RRGGBB` or `#RRGGBBAA`; white for what is neither."""
        try:
            self.colors += (bytes.fromhex(text[1:7]) + b"\xff\xff\xff")[:3]
        except ValueError:
            self.colors += b"\xff\xff\xff"

    def _shades(self, at: _Object, values: dict[str, str]) -> tuple[int, int, int]:
        """The colours of a triangle's corners: its own, else its object's."""
        group, first = (values["pid"], values.get("p1", "0")) if "pid" in values else at.paint
        if "pid" not in values and "p1" in values:
            first = values["p1"]
        start = self._groups.get(group)
        if start is None:
            return -1, -1, -1
        a, b, c = (start + int(values.get(key, first)) for key in ("p1", "p2", "p3"))
        return a, b, c

    def _end(self, name: str) -> None:
        if name in (f"{_CORE}object", f"{_BETA}object"):
            self._at = None
        elif name in (f"{_CORE}metadata", f"{_BETA}metadata"):
            self._told = None

    def _text(self, text: str) -> None:
        if self._told is None:
            return
        self._left -= len(text)
        if self._left < 0:
            raise BadInput(f"{self.path} has more than {_MAX_TEXT} characters of metadata")
        self.metadata[self._told] = self.metadata.get(self._told, "") + text


def _placement(values: dict[str, str]) -> _Placement:
    printable = values.get("printable", "1").strip().lower() not in ("0", "false")
    return _Placement(values.get("objectid", ""), values.get(_PATH), values.get("transform"), printable)


def read_threemf(path: Path) -> Content:
    """Read the build's objects with their placement and components.

    Raises BadInput for a file that is damaged or builds nothing.
    """
    package = _Package(path, unpack(path, "3MF"))
    start = package.start()
    model = package.model(start)
    shown = list(package.find_meshes(start))
    if not shown:
        what = f": it holds only {', '.join(sorted(package.left_out))}" if package.left_out else ""
        raise BadInput(f"{path} builds nothing{what}")
    metadata: dict[str, object] = {}
    for key, text in model.metadata.items():
        metadata |= _unpacked(text) if key == "slipcast:provenance" else {key: text}
    textures = {name: package.find(name) for read in package.models.values() for name in read.textures}
    colored = any(read.has_colors for read in package.models.values())
    painted = [colors for _, _, _, colors in shown]
    whites = (np.full((len(faces), 3, 3), 255, np.uint8) for _, faces, _, _ in shown)
    return Content(
        format="3mf",
        points=check_points(path, np.concatenate([points for points, _, _, _ in shown])),
        faces=np.concatenate([faces for _, faces, _, _ in shown]),
        colors=np.concatenate([w if c is None else c for w, c in zip(whites, painted, strict=True)])
        if any(colors is not None for colors in painted)
        else None,
        unit_m=package.unit_m(model),
        unit_is_custom=False,
        up="z",
        meshes=tuple(dict.fromkeys(name for _, _, name, _ in shown)),
        attributes=(*(("colors",) if colored else ()), *(("uv",) if textures else ())),
        textures=tuple(
            texture_fact(name.lstrip("/"), package.parts[part])
            if part is not None
            else TextureFact(name=name, media_type="missing", bytes=0)
            for name, part in textures.items()
        ),
        generator=str(metadata.get("Application", "")) or None,
        metadata=metadata,
        findings=package.findings(),
    )


@dataclass
class _Package:
    """The parts of one file; model parts are parsed when they are asked for."""

    path: Path
    parts: dict[str, bytes]
    models: dict[str, _Model] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._names = {_plain(name): name for name in self.parts}
        self._tally = Tally(self.path)

    def find(self, name: str) -> str | None:
        """The part of that name, however it is spelled; None where there is none."""
        return self._names.get(_plain(name))

    def start(self) -> str:
        """The model part that the relationships name; the first one where they name none that is there.

        Raises BadInput where the package has no model part.
        """
        for target in _targets(self.parts.get(self.find("_rels/.rels") or "", b"")):
            found = self.find(target)
            if found is not None:
                return found
        first = next((name for name in self.parts if name.lower().endswith(".model")), None)
        if first is None:
            raise BadInput(f"{self.path} is not a 3MF: it has no model part")
        return first

    def model(self, part: str) -> _Model:
        """A model part, parsed once."""
        if part not in self.models:
            made = _Model(self.path, spent=sum(read.elements for read in self.models.values()))
            made.read(self.parts[part])
            self.models[part] = made
        return self.models[part]

    def unit_m(self, model: _Model) -> float:
        """Metres in one unit of a model part; BadInput for a unit that 3MF lacks."""
        if model.unit not in _UNIT_M:
            raise BadInput(f"{self.path} uses the unit {model.unit[:40]!r}, which 3MF does not have")
        return _UNIT_M[model.unit]

    def find_meshes(self, part: str) -> Iterator[tuple[F64, I32, str, U8 | None]]:
        """Of each mesh: points in the start part's unit, faces that index all points so far, name, corners' colours."""
        model = self.model(part)
        # Where none is to be printed, somebody switched them all off and still wants to look at them.
        items = [item for item in model.items if item.printable] or model.items
        if len(items) < len(model.items):
            self.left_out["item that is not to be printed"] = len(model.items) - len(items)
        waiting = [(part, item, np.eye(4), 0, "") for item in reversed(items)]
        visited = 0
        while waiting:
            where, placed, parent, depth, above = waiting.pop()
            visited += 1
            if depth > _MAX_DEPTH or visited > 10 * MAX_PARTS:
                raise BadInput(f"{self.path} nests its components too deeply or in a circle")
            source = where if placed.part is None else self.find(placed.part)
            target = None if source is None else self.model(source).objects.get(placed.object)
            if target is not None:
                for word, count in target.extra.items():
                    self.left_out[word] = self.left_out.get(word, 0) + count
                if target.extra and not target.triangles and not target.components:
                    continue
            if source is None or target is None or not (target.has_mesh or target.components):
                raise BadInput(f"{self.path} builds an object that is missing")
            if target.kind not in _SHOWN:
                word = target.kind[:40]
                self.left_out[word] = self.left_out.get(word, 0) + 1
                continue
            # A part may count in a unit of its own.
            ratio = self.unit_m(self.model(source)) / self.unit_m(self.model(where))
            world = np.diag([ratio, ratio, ratio, 1.0]) @ _matrix(self.path, placed.transform) @ parent
            name = target.name or above
            waiting += [(source, entry, world, depth + 1, name) for entry in reversed(target.components)]
            if target.has_mesh and not target.triangles:
                self.left_out["object without faces"] = self.left_out.get("object without faces", 0) + 1
            elif target.has_mesh:
                points, faces, colors = self._mesh(target, self.model(source))
                before = self._tally.add(len(points), len(faces))
                if np.linalg.det(world[:3, :3]) < 0:
                    faces, colors = faces[:, ::-1], None if colors is None else colors[:, ::-1]
                yield points @ world[:3, :3] + world[3, :3], faces + np.int32(before), name, colors

    def _mesh(self, read: _Object, model: _Model) -> tuple[F64, I32, U8 | None]:
        if read.mesh is None:
            points = check_points(self.path, np.array(read.vertices, dtype=np.float64).reshape(-1, 3))
            index = np.array(read.triangles, dtype=np.int64).reshape(-1, 3)
            faces = check_faces(self.path, index, len(points))
            colors = None
            if len(read.shades) == index.size and max(read.shades, default=-1) >= 0:
                known = np.frombuffer(bytes(model.colors), np.uint8).reshape(-1, 3)
                shades = np.array(read.shades, np.int64)
                shades[(shades < 0) | (shades >= len(known))] = len(known)
                colors = np.concatenate([known, np.full((1, 3), 255, np.uint8)])[shades].reshape(-1, 3, 3)
            read.mesh = points, faces, colors
        return read.mesh

    def findings(self) -> tuple[Finding, ...]:
        """What of the package was not read."""
        left = dict(self.left_out)
        for read in self.models.values():
            left |= {word: left.get(word, 0) + count for word, count in read.extra.items()}
        words = [f"{count} x {kind}" for kind, count in left.items()]
        needs = dict.fromkeys(uri for read in self.models.values() for uri in read.needs)
        words += [f"the extension {uri[:120] or 'without a namespace'}" for uri in needs]
        return tuple(finding("FILE_LEFT_OUT", {"what": ", ".join(words)}) for _ in words[:1])


def _plain(name: str) -> str:
    """A part's name as packages compare it: from the root, without regard to case."""
    return posixpath.normpath("/" + name.replace("\\", "/").lstrip("/")).lower()


def _targets(relations: bytes) -> list[str]:
    """What the relationships call the start part; nothing where they cannot be read."""
    found: list[str] = []

    def begin(name: str, values: dict[str, str]) -> None:
        if name.endswith("Relationship") and values.get("Type") == _START and len(found) < MAX_PARTS:
            found.append(values.get("Target", ""))

    def refuse(*_: object) -> None:
        raise ValueError("entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.StartDoctypeDeclHandler = begin, refuse
    try:
        parser.Parse(relations, True)
    except (expat.ExpatError, ValueError):
        return found
    return found


def _matrix(path: Path, transform: str | None) -> F64:
    """(4,4) of a 4 x 3 transform written row by row, for row vectors."""
    out = np.eye(4)
    if transform is None:
        return out
    try:
        out[:, :3] = np.array([float(entry) for entry in transform.split()]).reshape(4, 3)
    except ValueError as error:
        raise BadInput(f"{path} places an object by something that is not 12 numbers") from error
    return out


def _unpacked(text: str) -> dict[str, object]:
    """Our metadata out of its JSON; as it is where it is not ours."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"slipcast:provenance": text}
    return value if isinstance(value, dict) else {"slipcast:provenance": text}
