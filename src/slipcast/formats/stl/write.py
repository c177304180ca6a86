"""Figurine -> binary STL in millimetres, Z up: what slicers take an STL to be, since it says neither."""

import numpy as np

from slipcast.core.values import F32, F64, Export, Figurine
from slipcast.formats.common.axes import Frame
from slipcast.formats.common.losses import find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.table import ExportOptions

RECORD = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
"""One triangle, 50 bytes."""

HEADER_BYTES = 80


def write_stl(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.stl`; colours are left out (TEXTURE_DROPPED)."""
    frame = Frame("stl", options)
    data = pack_stl(frame.positions(figurine.mesh.vertices)[figurine.mesh.faces], frame.unit, frame.up)
    return Export(
        files={f"{Names(figurine, options.naming).file}.stl": data},
        findings=find_losses("stl", figurine, options),
    )


def pack_stl(corners: F32 | F64, unit: str, up: str) -> bytes:
    """Return the file of (F,3,3) corners; `unit` and `up` go into the header, for people."""
    records = np.zeros(len(corners), dtype=RECORD)
    records["corners"] = corners
    edges = corners.astype(np.float64)
    normal = np.cross(edges[:, 1] - edges[:, 0], edges[:, 2] - edges[:, 0])
    records["normal"] = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
    # It must not begin with "solid": readers would take the file for text.
    header = f"Slipcast, binary STL, {unit}, {up.upper()} up".encode().ljust(HEADER_BYTES)
    data: bytes = header + np.uint32(len(records)).astype("<u4").tobytes() + records.tobytes()
    return data
