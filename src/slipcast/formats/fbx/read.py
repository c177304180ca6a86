"""FBX, binary or text -> triangles where the scene puts them, materials and textures.

Skins are left at the node's own transform: that is the pose in which the file was written.
"""

import json
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.core.values import F64, I32
from slipcast.formats.common.helpers import find_helpers
from slipcast.formats.common.reading import (
    MAX_PARTS,
    Content,
    MaterialFact,
    Tally,
    TextureFact,
    check_faces,
    check_points,
    file_texture,
    read_bytes,
    texture_fact,
)
from slipcast.formats.fbx.read_nodes import Element, array, broken, parse
from slipcast.formats.fbx.scene import axes, instances, links

_CM_M = 0.01
_CARRIED = {"LayerElementNormal": "normals", "LayerElementUV": "uv", "LayerElementColor": "colors"}
_SLOTS = {
    "DiffuseColor": "base color",
    "NormalMap": "normal",
    "Bump": "bump",
    "EmissiveColor": "emissive",
    "AmbientColor": "ambient",
    "SpecularColor": "specular",
    "ShininessExponent": "shininess",
    "ReflectionFactor": "metallic",
    "TransparentColor": "opacity",
    "TransparencyFactor": "opacity",
    "DisplacementColor": "displacement",
}
"""A material's property that takes a texture -> its word; others keep their name."""
_NOTHING = Element("", [], [])


def read_fbx(path: Path) -> Content:
    """Read every geometry where each model shows it; polygons are fanned, curves and the like are told.

    Raises BadInput for a file that is damaged, holds no mesh or states an impossible unit.
    """
    root = parse(path, read_bytes(path))
    objects = root.find("Objects") or _NOTHING
    settings = (root.find("GlobalSettings") or objects.find("GlobalSettings") or _NOTHING).settings()
    turn, up = axes(settings)
    points: list[F64] = []
    faces: list[I32] = []
    names: list[str] = []
    owners: list[I32] = []
    found: set[str] = set()
    tally = Tally(path)
    known: dict[int, tuple[F64, I32]] = {}
    left_out: Counter[str] = Counter()
    shown = instances(path, root, objects)
    titles = [entry.name or entry.geometry.title() for entry in shown]
    helpers = find_helpers(titles)
    for place, entry in enumerate(shown):
        if place in helpers.levels or place in helpers.bodies:
            continue
        mesh = known.get(id(entry.geometry)) or _mesh(path, entry.geometry)
        if mesh is None:
            kind = entry.geometry.text(2)[:40]
            left_out["mesh without faces" if kind in ("", "Mesh") else kind] += 1
            continue
        known[id(entry.geometry)] = mesh
        local, triangles = mesh
        before = tally.add(len(local), len(triangles))
        world = turn @ entry.world[:3, :3]
        # A mirroring transform turns the winding round.
        faces.append((triangles if np.linalg.det(world) >= 0 else triangles[:, ::-1]) + np.int32(before))
        owners.append(np.full(len(triangles), len(owners), np.int32))
        points.append(local @ world.T + turn @ entry.world[:3, 3])
        names.append(titles[place])
        found |= {word for kind, word in _CARRIED.items() if entry.geometry.find(kind) is not None}
    if not points:
        raise BadInput(f"{path} holds no mesh")
    unit = (settings.get("UnitScaleFactor") or (1.0,))[0]
    if not isinstance(unit, int | float) or not 1e-9 < unit < 1e9:
        raise BadInput(f"{path} states a unit of {str(unit)[:20]} centimetres, which no program uses")
    return Content(
        format="fbx",
        points=check_points(path, np.concatenate(points)),
        faces=np.concatenate(faces),
        unit_m=_CM_M * float(unit),
        unit_is_custom=False,
        up=up,
        meshes=tuple(dict.fromkeys(names)),
        mesh_of=np.concatenate(owners),
        attributes=tuple(sorted(found)),
        materials=_materials(root, objects),
        textures=tuple(_texture(path, entry) for entry in islice(objects.all("Video"), MAX_PARTS)),
        generator=(root.find("Creator") or _NOTHING).text() or None,
        metadata=_metadata(objects),
        findings=(
            *(
                finding(
                    "FILE_LEFT_OUT",
                    {"what": ", ".join(f"{count} x {word}" for word, count in left_out.items())},
                )
                for _ in [*left_out][:1]
            ),
            *helpers.tell(titles),
        ),
    )


def _mesh(path: Path, geometry: Element) -> tuple[F64, I32] | None:
    """Points and triangles; None for a curve, a shape key or a geometry without any polygon of three corners."""
    vertices, polygons = geometry.find("Vertices"), geometry.find("PolygonVertexIndex")
    if vertices is None or polygons is None:
        return None
    flat, ring = array(path, vertices), array(path, polygons)
    if len(flat) % 3:
        raise broken(path)
    triangles = _fan(ring.astype(np.int64)) if len(ring) else ring
    if len(triangles) == 0:
        return None
    local = check_points(path, flat.reshape(-1, 3))
    return local, check_faces(path, triangles, len(local))


def _fan(ring: "np.typing.NDArray[np.int64]") -> "np.typing.NDArray[np.int64]":
    """(F,3) triangles of polygons whose last corner is marked by its complement; some programs forget the last mark."""
    last = np.flatnonzero(np.append(ring[:-1] < 0, True))
    corner = np.where(ring < 0, ~ring, ring)
    first = np.concatenate([[0], last[:-1] + 1])
    fan = np.maximum(last - first - 1, 0)
    start = np.repeat(first, fan)
    step = np.arange(len(start)) - np.repeat(np.cumsum(fan) - fan, fan)
    return np.stack([corner[start], corner[start + step + 1], corner[start + step + 2]], axis=1)


def _materials(root: Element, objects: Element) -> tuple[MaterialFact, ...]:
    """The materials, each with the words of its textures in the order of the connections."""
    drawn = {entry.key() for kind in ("Texture", "LayeredTexture") for entry in objects.all(kind)}
    used: dict[object, dict[str, None]] = {}
    for child, target, slot in links(root, "OP"):
        if child in drawn:
            used.setdefault(target, {})[_SLOTS.get(slot, slot)] = None
    listed = islice(objects.all("Material"), MAX_PARTS)
    return tuple(_material(entry, tuple(used.get(entry.key(), ()))[:MAX_PARTS]) for entry in listed)


def _material(node: Element, textures: tuple[str, ...]) -> MaterialFact:
    """Read roughness back as Blender does."""
    shine = _first(node, "Shininess")
    roughness = 1 - max(0.0, float(shine)) ** 0.5 / 10 if isinstance(shine, int | float) else None
    factor = _first(node, "ReflectionFactor")
    return MaterialFact(
        name=node.title(),
        metallic=float(factor) if isinstance(factor, int | float) else None,
        roughness=None if roughness is None else round(roughness, 4),
        textures=textures,
    )


def _first(node: Element, name: str) -> object:
    """The first value of a property, or None."""
    return next(iter(node.settings().get(name, ())), None)


def _texture(path: Path, node: Element) -> TextureFact:
    """A texture inside the file or, where it is not embedded, beside it."""
    content, name = node.find("Content"), node.find("RelativeFilename")
    reference = name.text() if name else node.title()
    data = content.properties[0] if content and content.properties else b""
    if isinstance(data, bytes) and data:
        return texture_fact(reference, data)
    return file_texture(path, reference)


def _metadata(objects: Element) -> dict[str, object]:
    """What Slipcast wrote as the model's user property."""
    for model in objects.all("Model"):
        text = _first(model, "slipcast")
        if isinstance(text, bytes):
            try:
                value = json.loads(text)
            except (ValueError, RecursionError):
                return {}
            return value if isinstance(value, dict) else {}
    return {}
