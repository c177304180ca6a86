"""Figurine -> the few hundred kilobytes that the report's viewer draws: quantised, compressed, in base64.

Not the GLB itself: the viewer needs no loader then, gets thickness and source per vertex beside the colours, and the
page stays small (knight, 50,000 faces: 0.6 MB instead of 1.9). Layout, little endian, one block after the other:
index (3 F of uint16 or uint32), positions (3 V uint16, in steps of `size` / 65535 from `low`), UV (2 V uint16),
normals (3 V int8), thickness (V uint8, steps of half an octave from a quarter wall), source (V uint8), and where there
is a normal map the tangents that it was made for (4 V int8).
"""

import base64
import gzip
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slipcast.core.values import F32, F64, I32, U8, Figurine
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.tangents import make_tangents, measure_handedness, split_vertices
from slipcast.mesh.thickness import Thickness


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A figurine for the viewer."""

    data: str
    """Base64 of the gzipped blocks."""
    layout: dict[str, object]
    """vertices, faces, wide (whether the index is uint32), mapped (whether tangents follow), low and size in metres."""


def pack(figurine: Figurine, thickness: Thickness, wall_m: float) -> Packed:
    """Pack `figurine` with the thickness of its faces."""
    mesh = figurine.mesh
    mapped = figurine.normal_map is not None
    corner, index = split_vertices(mesh.faces, figurine.uv, measure_handedness(figurine) if mapped else None)
    owner = mesh.faces.reshape(-1)[corner]
    uv = np.clip(np.round(figurine.uv.reshape(-1, 2)[corner].astype(np.float64) * 65535), 0, 65535)
    low = mesh.vertices.min(0).astype(np.float64)
    size = float(np.ptp(mesh.vertices, axis=0).max()) or 1.0
    position = np.round((mesh.vertices.astype(np.float64) - low) / size * 65535).astype("<u2")
    normal = vertex_normals(mesh.vertices, mesh.faces)
    wide = len(corner) > 65535
    blocks = [
        index.reshape(-1).astype("<u4" if wide else "<u2"),
        position[owner],
        uv.astype("<u2"),
        _signed(normal)[owner],
        thickness_level(_per_vertex(mesh.faces, thickness.per_face_m, len(mesh.vertices)), wall_m)[owner],
        _source(figurine)[owner],
    ]
    if mapped:
        blocks.append(_signed(make_tangents(figurine, normal[owner], corner, index)))
    raw = b"".join(np.ascontiguousarray(block).tobytes() for block in blocks)
    return Packed(
        data=base64.b64encode(gzip.compress(raw, 6, mtime=0)).decode(),
        layout={
            "vertices": len(corner),
            "faces": len(mesh.faces),
            "wide": wide,
            "mapped": mapped,
            "low": low.tolist(),
            "size": size,
        },
    )


def _signed(unit: F32) -> NDArray[np.int8]:
    """Numbers from -1 to 1 in steps of 1 / 127."""
    return np.asarray(np.round(unit * 127), np.int8)


def thickness_level(thickness_m: F32 | F64, wall_m: float) -> U8:
    """Return (N,) 0 at a quarter of a wall and below, 255 at 32 walls and above, by octaves.

    `thickness_m` (N,) is in metres, infinite where nothing was hit.
    """
    octave = np.log2(np.clip(thickness_m / wall_m, 0.25, 32))
    return np.asarray(np.round((octave + 2) / 7 * 255), np.uint8)


def _per_vertex(faces: I32, per_face_m: F32, count: int) -> F64:
    """(V,) the geometric mean of the faces around each vertex; infinite where none was hit.

    Not their minimum: a single sliver at the rim would paint all around it as thin.
    """
    known = np.isfinite(per_face_m) & (per_face_m > 0)
    octave = np.where(known, np.log2(np.where(known, per_face_m, 1)), 0).astype(np.float64)
    corner = faces.reshape(-1)
    total = np.bincount(corner, np.repeat(octave, 3), count)
    around = np.bincount(corner, np.repeat(known, 3), count)
    return np.where(around > 0, np.exp2(total / np.maximum(around, 1)), np.inf)


def _source(figurine: Figurine) -> U8:
    """(V,) the source of one of the faces around each vertex, the same one each time."""
    mesh = figurine.mesh
    out = np.zeros(len(mesh.vertices), np.uint8)
    for k in range(3):
        out[mesh.faces[:, k]] = mesh.source
    return out
