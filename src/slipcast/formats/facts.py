"""What is in a mesh file: the facts behind `slipcast inspect`."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import cast

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats.reading import Content, open_edges, welded

READERS = {
    ".glb": "read_gltf:read_gltf",
    ".gltf": "read_gltf:read_gltf",
    ".obj": "read_obj:read_obj",
    ".fbx": "read_fbx:read_fbx",
    ".stl": "read_stl:read_stl",
    ".3mf": "read_threemf:read_threemf",
    ".ply": "read_ply:read_ply",
}
"""Suffix -> `module:function` of this package; each gives a Content or raises BadInput."""


def read_content(path: Path) -> Content:
    """Read a mesh file of any format in READERS; raises BadInput for what cannot be read or trusted."""
    entry = READERS.get(path.suffix.lower())
    if entry is None:
        raise BadInput(f"{path} has the suffix {path.suffix!r}; readable are {', '.join(READERS)}")
    module, _, function = entry.partition(":")
    read = getattr(import_module(f"slipcast.formats.{module}"), function)
    return cast(Callable[[Path], Content], read)(path)


def describe(path: Path) -> dict[str, object]:
    """Return JSON-ready facts about a mesh file; sizes in millimetres, measured and not taken from its
    metadata."""
    content = read_content(path)
    scale_mm = content.unit_m * 1000
    low, high = content.points.min(axis=0), content.points.max(axis=0)
    size = (high - low) * scale_mm
    up, depth = (1, 2) if content.up == "y" else (2, 1)
    first, index = welded(content.points.astype(np.float32))
    edges = open_edges(index[content.faces])
    corner = content.points[content.faces] - low
    volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6
    findings = content.metadata.get("findings")
    return {
        "file": path.name,
        "format": content.format,
        "bytes": path.stat().st_size,
        "width_mm": round(float(size[0]), 4),
        "height_mm": round(float(size[up]), 4),
        "depth_mm": round(float(size[depth]), 4),
        "unit_m": content.unit_m,
        "unit_is_custom": content.unit_is_custom,
        "up": content.up,
        "faces": len(content.faces),
        "vertices": len(content.points),
        "positions": len(first),
        "open_edges": edges,
        "closed": edges == 0,
        "volume_mm3": round(float(volume) * scale_mm**3, 3),
        "meshes": list(content.meshes),
        "attributes": list(content.attributes),
        "materials": [vars(entry) | {"textures": list(entry.textures)} for entry in content.materials],
        "textures": [vars(entry) for entry in content.textures],
        "generator": content.generator,
        "metadata": {key: value for key, value in content.metadata.items() if key != "findings"},
        "findings": findings if isinstance(findings, list) else [],
    }
