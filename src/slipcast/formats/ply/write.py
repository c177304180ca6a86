"""Figurine -> binary PLY with a normal and a colour per vertex, in metres and Z up unless told.

PLY says neither axes nor unit; Z up is how Blender and scanners take it (Y up lies on its back there).

The texture is sampled at each vertex; where a seam gives a vertex several places in the atlas, their colours
are averaged, so that the mesh stays closed. No long comments: several readers stop at 1024 bytes a line.
"""

import numpy as np

from slipcast.core.values import U8, Export, Figurine
from slipcast.formats.common.axes import Frame
from slipcast.formats.common.losses import find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.table import ExportOptions
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.sample import sample

VERTEX = np.dtype([("position", "<f4", 3), ("normal", "<f4", 3), ("color", "u1", 3)])
FACE = np.dtype([("count", "u1"), ("vertices", "<i4", 3)])


def write_ply(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.ply`; the texture becomes colours per vertex (COLOR_REDUCED)."""
    frame = Frame("ply", options)
    vertices = np.zeros(len(figurine.mesh.vertices), dtype=VERTEX)
    vertices["position"] = frame.positions(figurine.mesh.vertices)
    vertices["normal"] = frame.directions(vertex_normals(figurine.mesh.vertices, figurine.mesh.faces))
    vertices["color"] = sample_vertex_colors(figurine)
    faces = np.zeros(len(figurine.mesh.faces), dtype=FACE)
    faces["count"] = 3
    faces["vertices"] = figurine.mesh.faces
    header = (
        "ply\nformat binary_little_endian 1.0\n"
        f"comment Slipcast, {frame.unit}, {frame.up.upper()} up\n"
        f"element vertex {len(vertices)}\n"
        + "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
        + "".join(f"property uchar {name}\n" for name in ("red", "green", "blue"))
        + f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    data = header.encode("ascii") + vertices.tobytes() + faces.tobytes()
    return Export(
        files={f"{Names(figurine, options.naming).file}.ply": data},
        findings=find_losses("ply", figurine, options),
    )


def sample_vertex_colors(figurine: Figurine) -> U8:
    """Return (V,3) sRGB: the mean over the corners that meet at each vertex; 128 where none does."""
    corner = sample(figurine.texture.pixels, figurine.uv).reshape(-1, 3)
    index = figurine.mesh.faces.reshape(-1)
    count = np.bincount(index, minlength=len(figurine.mesh.vertices))
    out = np.full((len(count), 3), 128.0)
    for channel in range(3):
        total = np.bincount(index, corner[:, channel], minlength=len(count))
        np.divide(total, count, out=out[:, channel], where=count > 0)
    colors: U8 = np.rint(out).astype(np.uint8)
    return colors
