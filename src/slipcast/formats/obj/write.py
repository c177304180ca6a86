"""Figurine -> Wavefront OBJ with .mtl and texture, in metres and Y up unless told.

Positions are shared (`v`), UV and normals have lists of their own (`vt`, `vn`): a writer that repeats a
position at each seam leaves the mesh open for a slicer. `Kd 1 1 1` keeps the texture's brightness, `Ns` is
left out since Godot makes metal of it; `Pr` and `Pm` carry the physical factors. A normal map stands as `norm`,
which three.js and assimp read. Blender 5.0 does not; it would read `map_Bump`, but as sRGB, which bends every normal.
"""

import numpy as np

from slipcast.core.values import I64, Export, Figurine
from slipcast.formats.common import texture_files
from slipcast.formats.common.axes import Frame
from slipcast.formats.common.losses import find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.common.rows import write_lines
from slipcast.formats.table import ExportOptions
from slipcast.mesh import tangents
from slipcast.mesh.normals import vertex_normals


def write_obj(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.obj`, `<name>.mtl` and the texture files."""
    names = Names(figurine, options.naming)
    found = find_losses("obj", figurine, options)
    options = texture_files.restrict_to_common(options)
    frame = Frame("obj", options)
    textures = {
        names.base_color + texture_files.choose_suffix(options): texture_files.encode_base_color(
            figurine, options
        )
    }
    if figurine.normal_map is not None:
        file = names.normal + texture_files.choose_suffix(options, data=True)
        textures[file] = texture_files.encode(figurine.normal_map, options, data=True)
    return Export(
        files={
            f"{names.file}.obj": _geometry(figurine, names, frame),
            f"{names.file}.mtl": _material(figurine, names, list(textures)),
            **textures,
        },
        findings=found,
    )


def _geometry(figurine: Figurine, names: Names, frame: Frame) -> bytes:
    """Write the .obj; every number has the 9 digits that give the same float32 back."""
    mesh = figurine.mesh
    corner, uv_index = tangents.split_vertices(np.zeros_like(mesh.faces), figurine.uv)
    uv = figurine.uv.reshape(-1, 2)[corner].astype(np.float64)
    uv[:, 1] = 1 - uv[:, 1]  # OBJ's origin is bottom left
    normals = frame.directions(vertex_normals(mesh.vertices, mesh.faces))
    v, t = mesh.faces.astype(np.int64) + 1, uv_index.astype(np.int64) + 1
    corners = np.stack([v, t, v], axis=-1)
    parts = [
        f"# Slipcast, {frame.unit}, {frame.up.upper()} up\nmtllib {names.file}.mtl\no {names.mesh}\n",
        write_lines("v %.9g %.9g %.9g\n", frame.positions(mesh.vertices)),
        write_lines("vt %.9g %.9g\n", uv),
        write_lines("vn %.5f %.5f %.5f\n", normals),
        f"usemtl {names.material}\ns 1\n",
        write_lines("f %d/%d/%d %d/%d/%d %d/%d/%d %d/%d/%d\n", _join_quads(corners[: 2 * mesh.quads])),
        write_lines("f %d/%d/%d %d/%d/%d %d/%d/%d\n", corners[2 * mesh.quads :]),
    ]
    return "".join(parts).encode()


def _join_quads(corners: I64) -> I64:
    """(Q,4,3) the corners of quads of (2Q,3,3) those of their halves, a, b, c and a, c, d."""
    out: I64 = np.concatenate([corners[::2], corners[1::2, 2:]], axis=1)
    return out


def _material(figurine: Figurine, names: Names, textures: list[str]) -> bytes:
    """Write the .mtl; `textures` are the base colour's file and, where there is one, the normal map's."""
    lines = [
        f"newmtl {names.material}",
        "Ka 0 0 0",
        "Kd 1 1 1",
        "Ks 0 0 0",
        "d 1",
        "illum 1",
        f"Pr {figurine.material.roughness:.6g}",
        f"Pm {figurine.material.metallic:.6g}",
        f"map_Kd {textures[0]}",
        *(f"norm {file}" for file in textures[1:]),
    ]
    return ("\n".join(lines) + "\n").encode()
