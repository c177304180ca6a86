"""Wavefront OBJ and its .mtl -> triangles and materials."""

from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import UNITS_M
from slipcast.formats.reading import (
    Content,
    MaterialFact,
    TextureFact,
    beside,
    checked_faces,
    checked_points,
    file_texture,
    read_bytes,
)

_MAPS = {"map_Kd": "base color", "norm": "normal", "map_Bump": "bump", "bump": "bump"}


def read_obj(path: Path) -> Content:
    """Read vertices, polygons (fanned) and the material library beside the file.

    It states no unit: metres and Y up are taken unless Slipcast's own first line says otherwise.
    """
    text = read_bytes(path).decode("utf-8", "replace")
    points: list[list[float]] = []
    faces: list[tuple[int, int, int]] = []
    names: list[str] = []
    libraries: list[str] = []
    found: set[str] = set()
    try:
        for line in text.splitlines():
            word, _, rest = line.strip().partition(" ")
            if word == "v":
                points.append([float(entry) for entry in rest.split()[:3]])
            elif word == "f":
                corner = [int(entry.partition("/")[0]) for entry in rest.split()]
                ring = [index - 1 if index > 0 else len(points) + index for index in corner]
                if 0 in corner or len(ring) < 3:
                    raise ValueError
                faces += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
            elif word in ("vt", "vn"):
                found.add("uv" if word == "vt" else "normals")
            elif word in ("o", "g") and rest:
                names.append(rest.strip())
            elif word == "mtllib":
                libraries.append(rest.strip())
        array = np.array(points, dtype=np.float64).reshape(-1, 3)
        index = np.array(faces, dtype=np.int64).reshape(-1, 3)
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{path} has a line that is not an OBJ's: {line.strip()[:60]!r}") from error
    if not points:
        raise BadInput(f"{path} is not an OBJ: it has no vertices")
    materials, textures = _library(path, libraries[0]) if libraries else ((), ())
    head = text.partition("\n")[0].removeprefix("# ").strip()
    ours = head.startswith("Slipcast, ")
    unit, _, up = head.removeprefix("Slipcast, ").partition(", ") if ours else ("m", "", "Y up")
    checked = checked_points(path, array)
    return Content(
        format="obj",
        points=checked,
        faces=checked_faces(path, index, len(checked)),
        unit_m=UNITS_M.get(unit, 1.0),
        unit_is_custom=not ours,
        up="z" if up.startswith("Z") else "y",
        meshes=tuple(dict.fromkeys(names)),
        attributes=tuple(sorted(found)),
        materials=materials,
        textures=textures,
        generator=head[:200] if line_is_comment(text) else None,
    )


def line_is_comment(text: str) -> bool:
    """Whether the first line is a comment."""
    return text.startswith("#")


def _library(path: Path, reference: str) -> tuple[tuple[MaterialFact, ...], tuple[TextureFact, ...]]:
    """Read the material library; one that is missing gives nothing."""
    target = beside(path, reference)
    if not target.is_file():
        return (), (TextureFact(name=reference, media_type="missing", bytes=0),)
    materials: list[dict[str, str]] = []
    for line in read_bytes(target).decode("utf-8", "replace").splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "newmtl":
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
