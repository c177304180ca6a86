"""What is in a mesh file: the facts behind `slipcast inspect`."""

import math
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.core.values import I32
from slipcast.formats.common.reading import Content, drop_loose, tell_unopened
from slipcast.formats.table import EXPORTERS
from slipcast.mesh.bodies import find_bodies
from slipcast.mesh.topology import count_edges
from slipcast.mesh.weld import find_equal

READERS = {row.suffix: row for row in EXPORTERS.values()}
"""Suffix -> the row whose `read` reads it."""


def read_content(path: Path) -> Content:
    """Read the surface in a mesh file of any format in READERS: vertices in no face are left out, and told.

    Raises BadInput for what cannot be read or trusted.
    """
    if path.is_dir():
        raise BadInput(f"{path} is a folder; name a file in it, of {', '.join(READERS)}")
    row = READERS.get(path.suffix.lower())
    if row is None:
        raise BadInput(f"{path} has the suffix {path.suffix!r}; readable are {', '.join(READERS)}")
    with np.errstate(all="ignore"):  # numbers beyond any scale are refused by the readers
        return drop_loose(path, row.read(path))


def describe(path: Path) -> dict[str, object]:
    """Return JSON-ready facts about a mesh file; sizes in millimetres, measured and not taken from its
    metadata."""
    content = read_content(path)
    scale_mm = content.unit_m * 1000
    low, high = content.points.min(axis=0), content.points.max(axis=0)
    size = (high - low) * scale_mm
    up, depth = (1, 2) if content.up == "y" else (2, 1)
    first, index = find_equal(content.points.astype(np.float32))
    edges, turned = _count_flawed_edges(content, index[content.faces], len(first))
    bodies = find_bodies(content.points[first], index[content.faces])
    corner = content.points[content.faces] - low
    volume = np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6
    listed = content.metadata.get("findings")
    wrong = int(bodies.inside_out.sum())
    noticed = [
        *content.findings,
        *(finding("MESH_TURNED", {"edges": turned}) for _ in range(turned > 0)),
        *(finding("MESH_INSIDE_OUT", {"count": wrong}) for _ in range(wrong > 0)),
        *tell_unopened(content.textures),
    ]
    shown = _plain({key: value for key, value in content.metadata.items() if key != "findings"})
    return {
        "file": path.name,
        "path": str(path),
        "ok": True,
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
        "bodies": bodies.count,
        "cavities": int(bodies.cavity.sum()),
        "inside_out": wrong,
        "volume_mm3": round(float(volume) * scale_mm**3, 3),
        "meshes": _plain(content.meshes),
        "attributes": list(content.attributes),
        "materials": _plain([vars(entry) for entry in content.materials]),
        "textures": _plain([vars(entry) for entry in content.textures]),
        "generator": _plain(content.generator),
        "metadata": shown,
        "findings": _plain(
            [*(listed if isinstance(listed, list) else []), *(entry.as_dict() for entry in noticed)]
        ),
    }


def _count_flawed_edges(content: Content, faces: I32, count: int) -> tuple[int, int]:
    """Open and turned edges of the file's meshes: together, or each mesh by itself where fewer are open.

    One body may be spread over meshes, one a material; levels of detail and collision bodies lie within each other and
    share corners.
    """
    together = _count(faces)
    if not together[0] or content.mesh_of is None:
        return together
    # A corner is another one in another mesh.
    _, apart = np.unique(content.mesh_of[:, None].astype(np.int64) * count + faces, return_inverse=True)
    return min(together, _count(apart.reshape(faces.shape).astype(np.int32)))


def _count(faces: I32) -> tuple[int, int]:
    open_, crowded, turned = count_edges(faces)
    return open_ + crowded, turned


def _plain(value: object, depth: int = 32) -> object:
    """Foreign metadata as JSON that can be written: numbers finite, text of whole characters, not too deep."""
    if depth == 0:
        return "..."
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(entry, depth - 1) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry, depth - 1) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return value
