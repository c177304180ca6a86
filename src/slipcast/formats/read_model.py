"""A model of any format that `inspect` reads -> a Figurine without texture: its shape, and colours where it has them.

A print needs no texture. Rejected: to take over textures of OBJ, FBX and USDZ (four ways to say where they lie and how
they repeat); a modelling program writes them as glTF, which `read_asset` reads whole.
"""

from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import Figurine, Mesh, Picture
from slipcast.formats.inspect import READERS, read_content
from slipcast.formats.vertex_colors import bake_corners, linear_from_srgb
from slipcast.mesh.weld import find_equal

_WHITE = 255


def read_any(path: Path) -> tuple[Figurine, tuple[Finding, ...]]:
    """Read a 3D file of any format that `inspect` reads: glTF with its texture, others as `read_model` does.

    A glTF is told by its content where the suffix says nothing. Raises BadInput for what cannot be read or trusted.
    """
    from slipcast.formats.gltf.read_figurine import read_asset

    if path.suffix.lower() in (".glb", ".gltf"):
        return read_asset(path)
    if path.suffix.lower() not in READERS and path.is_file():
        with path.open("rb") as file:
            if file.read(4) == b"glTF":
                return read_asset(path)
    return read_model(path)


def read_model(path: Path) -> tuple[Figurine, tuple[Finding, ...]]:
    """Read a model's surface and colours per vertex, and say what is left out; metres, +Y up, facing +Z.

    Vertices at one place become one. Raises BadInput for what cannot be read or trusted.

    >>> lines = ("v 0 0 0", "v 2 0 0", "v 0 4 0", "f 1 2 3")
    >>> _ = Path("owl.obj").write_text("\\n".join(lines))
    >>> figurine, _ = read_model(Path("owl.obj"))
    >>> figurine.name, figurine.mesh.vertices.max(0).tolist()
    ('owl', [2.0, 4.0, 0.0])
    """
    content = read_content(path)
    points = content.points * content.unit_m
    if content.up == "z":
        points = np.stack([points[:, 0], points[:, 2], -points[:, 1]], axis=1)
    if float(np.ptp(points, axis=0).max()) <= 0:
        raise BadInput(f"{path} has no size: all its vertices lie at one place")
    first, index = find_equal(points.astype(np.float32))
    faces = index[content.faces].astype(np.int32)
    colors = content.colors
    if colors is None:
        colors = np.full((len(faces), 3, 3), _WHITE, np.uint8)
    baked = bake_corners(linear_from_srgb(colors))
    figurine = Figurine(
        name=path.stem,
        mesh=Mesh(
            vertices=points[first].astype(np.float32), faces=faces, source=np.zeros(len(faces), np.uint8)
        ),
        uv=baked.uv,
        texture=Picture(pixels=np.ascontiguousarray(baked.color)),
        provenance={},
    )
    lost = [finding("MATERIAL_REDUCED", {"name": path.stem, "what": "texture"})] if content.textures else []
    return figurine, (*content.findings, *lost)
