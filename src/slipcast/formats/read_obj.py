"""Wavefront OBJ and its .mtl -> triangles and materials."""

import io
from array import array
from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import UNITS_M
from slipcast.formats.reading import (
    MAX_FACES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    MaterialFact,
    TextureFact,
    beside,
    checked_faces,
    checked_points,
    file_texture,
    read_bytes,
)

_MAX_LIBRARY_BYTES = 4 * 2**20
_MAPS = {"map_Kd": "base color", "norm": "normal", "map_Bump": "bump", "bump": "bump"}


def read_obj(path: Path) -> Content:
    """Read vertices, polygons (fanned) and the material library beside the file.

    It states no unit: metres and Y up are taken unless Slipcast's own first line says otherwise.
    """
    data = read_bytes(path)
    points, faces = array("d"), array("q")  # lists of lists would take ten times the memory
    names: dict[str, None] = {}
    libraries: list[str] = []
    found: set[str] = set()
    line = ""
    try:
        for raw in io.BytesIO(data):
            line = raw.decode("utf-8", "replace").strip()
            word, _, rest = line.partition(" ")
            if word == "v":
                x, y, z = rest.split()[:3]
                points.extend((float(x), float(y), float(z)))
            elif word == "f":
                _fan(faces, rest.split(), len(points) // 3)
            elif word in ("vt", "vn"):
                found.add("uv" if word == "vt" else "normals")
            elif word in ("o", "g") and rest and len(names) < MAX_PARTS:
                names[rest.strip()[:200]] = None
            elif word == "mtllib" and not libraries:
                libraries.append(rest.strip())
            if len(points) > 3 * MAX_VERTICES or len(faces) > 3 * MAX_FACES:
                raise BadInput(f"{path} has more than {MAX_VERTICES} vertices or {MAX_FACES} faces")
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path} has a line that is not an OBJ's: {line[:60]!r}") from error
    if not points:
        raise BadInput(f"{path} is not an OBJ: it has no vertices")
    materials, textures = _library(path, libraries[0]) if libraries else ((), ())
    text = data[:200].decode("utf-8", "replace")
    head = text.partition("\n")[0].removeprefix("# ").strip()
    ours = head.startswith("Slipcast, ")
    unit, _, up = head.removeprefix("Slipcast, ").partition(", ") if ours else ("m", "", "Y up")
    checked = checked_points(path, np.frombuffer(points, np.float64).reshape(-1, 3))
    return Content(
        format="obj",
        points=checked,
        faces=checked_faces(path, np.frombuffer(faces, np.int64).reshape(-1, 3), len(checked)),
        unit_m=UNITS_M.get(unit, 1.0),
        unit_is_custom=not ours,
        up="z" if up.startswith("Z") else "y",
        meshes=tuple(names),
        attributes=tuple(sorted(found)),
        materials=materials,
        textures=textures,
        generator=head[:200] if line_is_comment(text) else None,
    )


def _fan(faces: "array[int]", words: list[str], vertices: int) -> None:
    """Add the triangles of one polygon; ValueError for what is none."""
    corner = [int(entry.partition("/")[0]) for entry in words]
    ring = [index - 1 if index > 0 else vertices + index for index in corner]
    if 0 in corner or len(ring) < 3:
        raise ValueError
    for k in range(1, len(ring) - 1):
        faces.extend((ring[0], ring[k], ring[k + 1]))


def line_is_comment(text: str) -> bool:
    """Whether the first line is a comment."""
    return text.startswith("#")


def _library(path: Path, reference: str) -> tuple[tuple[MaterialFact, ...], tuple[TextureFact, ...]]:
    """Read the material library; one that is missing gives nothing."""
    target = beside(path, reference)
    if not target.is_file():
        return (), (TextureFact(name=reference, media_type="missing", bytes=0),)
    materials: list[dict[str, str]] = []
    for line in read_bytes(target, _MAX_LIBRARY_BYTES).decode("utf-8", "replace").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "newmtl":
            if len(materials) == MAX_PARTS:
                break
            materials.append({"newmtl": rest.strip()})
        elif materials and (word in _MAPS or word in ("Pr", "Pm")):
            materials[-1][word] = rest.strip()
    textures = {entry[key]: None for entry in materials for key in _MAPS if key in entry}
    return (
        tuple(
            MaterialFact(
                name=entry["newmtl"],
                metallic=_number(entry.get("Pm")),
                roughness=_number(entry.get("Pr")),
                textures=tuple(use for key, use in _MAPS.items() if key in entry),
            )
            for entry in materials
        ),
        tuple(file_texture(target, reference) for reference in textures),
    )


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
