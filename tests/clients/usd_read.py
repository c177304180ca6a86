"""OpenUSD with all its validators (what `usdchecker` runs), and Apple's rules for the package."""

import struct
import zipfile
from pathlib import Path

import numpy as np
from clients.measure import Facts, main, measure
from pxr import Usd, UsdGeom, UsdShade, UsdValidation


def read(path: str) -> Facts:
    stage = Usd.Stage.Open(path)
    registry = UsdValidation.ValidationRegistry()
    errors = UsdValidation.ValidationContext(registry.GetOrLoadAllValidators()).Validate(stage)
    prim = next(entry for entry in stage.Traverse() if entry.IsA(UsdGeom.Mesh))
    mesh = UsdGeom.Mesh(prim)
    points = np.array(mesh.GetPointsAttr().Get(), dtype=np.float64) * UsdGeom.GetStageMetersPerUnit(stage)
    faces = np.array(mesh.GetFaceVertexIndicesAttr().Get(), dtype=np.int64).reshape(-1, 3)
    textures = []
    for entry in stage.Traverse():
        file = UsdShade.Shader(entry).GetInput("file") if entry.IsA(UsdShade.Shader) else None
        if file:
            textures.append(bool(file.Get().resolvedPath))
    content = Path(path).read_bytes()
    with zipfile.ZipFile(path) as package:
        parts = package.infolist()
    starts = [
        part.header_offset + 30 + sum(struct.unpack_from("<HH", content, part.header_offset + 26))
        for part in parts
    ]
    return {
        "program": "OpenUSD {}.{}".format(*Usd.GetVersion()[1:]),
        **measure(points, faces),
        "names": [prim.GetDisplayName()],
        "problems": [f"{error.GetName()}: {error.GetMessage()}" for error in errors],
        "up": str(UsdGeom.GetStageUpAxis(stage)),
        "textures": textures,
        "stored": all(part.compress_type == zipfile.ZIP_STORED for part in parts),
        "aligned": all(start % 64 == 0 for start in starts),
        "root": parts[0].filename,
    }


main(read)
