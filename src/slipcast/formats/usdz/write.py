"""Figurine -> USDZ for AR Quick Look, through usd-core (the extra `usd`).

The layer must be binary (.usdc) for Apple's rules, and only usd-core writes that, into a file: hence the
temporary folder. The package itself is zipped here: stored, each file aligned to 64 bytes, with a fixed
date. Prims carry the figurine's name as far as USD allows it in a path; the exact name is their display
name.
"""

import json
import struct
import tempfile
import zlib
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import Export, Figurine
from slipcast.formats.common import texture_files
from slipcast.formats.common.losses import describe_kept, find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.table import ExportOptions
from slipcast.mesh import tangents
from slipcast.mesh.normals import vertex_normals

ALIGNMENT_BYTES = 64
_LAYER = "figurine.usdc"


def write_usdz(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.usdz` with the textures inside; raises BadInput where usd-core is not installed."""
    names = Names(figurine, options.naming)
    found = find_losses("usdz", figurine, options)
    figurine = describe_kept("usdz", figurine, options)
    options = texture_files.restrict_to_common(options)
    textures = {
        "textures/basecolor" + texture_files.choose_suffix(options): texture_files.encode_base_color(
            figurine, options
        )
    }
    if figurine.normal_map is not None:
        file = "textures/normal" + texture_files.choose_suffix(options, data=True)
        textures[file] = texture_files.encode(
            figurine.normal_map, replace(options, green_down=False), data=True
        )
    parts = {_LAYER: _layer(figurine, names, list(textures)), **textures}
    return Export(files={f"{names.file}.usdz": _package(parts)}, findings=found)


def _pxr(module: str) -> ModuleType:
    """Import one of usd-core's modules."""
    try:
        return import_module(f"pxr.{module}")
    except ImportError as error:
        raise BadInput("usdz needs usd-core: run `pip install 'slipcast[usd]'`") from error


def _layer(figurine: Figurine, names: Names, textures: list[str]) -> bytes:
    """Write the scene as a binary USD layer."""
    Usd, UsdGeom, UsdShade, Tf = (_pxr(module) for module in ("Usd", "UsdGeom", "UsdShade", "Tf"))
    root_path = f"/{Tf.MakeValidIdentifier(names.mesh)}"
    with tempfile.TemporaryDirectory(prefix="slipcast-usd-") as folder:
        path = Path(folder) / _LAYER
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = UsdGeom.Xform.Define(stage, root_path)
        stage.SetDefaultPrim(root.GetPrim())
        Usd.ModelAPI(root.GetPrim()).SetKind("component")
        shape = _mesh(stage, f"{root_path}{root_path}", figurine)
        material = _material(stage, root_path, figurine, names, textures)
        UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(material)
        for prim, name in ((root, names.mesh), (shape, names.mesh), (material, names.material)):
            prim.GetPrim().SetDisplayName(name)
        about = {**figurine.provenance, "findings": [entry.as_dict() for entry in figurine.findings]}
        stage.GetRootLayer().customLayerData = {
            "generator": "Slipcast",
            "slipcast": json.dumps(about, allow_nan=False),
        }
        stage.GetRootLayer().Save()
        return path.read_bytes()


def _mesh(stage: Any, path: str, figurine: Figurine) -> Any:
    """Add the mesh, its vertices split at UV seams, and return the prim."""
    Gf, Sdf, UsdGeom, Vt = (_pxr(module) for module in ("Gf", "Sdf", "UsdGeom", "Vt"))
    corner, faces = tangents.split_vertices(figurine.mesh.faces, figurine.uv)
    vertex = figurine.mesh.faces.reshape(-1)[corner]
    points = figurine.mesh.vertices[vertex]
    uv = figurine.uv.reshape(-1, 2)[corner].copy()
    uv[:, 1] = 1 - uv[:, 1]  # USD's origin is bottom left
    shape = UsdGeom.Mesh.Define(stage, path)
    shape.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
    shape.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
    shape.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1)))
    shape.CreateSubdivisionSchemeAttr("none")
    bounds = (points.min(axis=0), points.max(axis=0))
    shape.CreateExtentAttr([Gf.Vec3f(*bound.tolist()) for bound in bounds])
    shape.CreateNormalsAttr(
        Vt.Vec3fArray.FromNumpy(vertex_normals(figurine.mesh.vertices, figurine.mesh.faces)[vertex])
    )
    shape.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
    primvar = UsdGeom.PrimvarsAPI(shape).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
    )
    primvar.Set(Vt.Vec2fArray.FromNumpy(uv))
    return shape


def _material(stage: Any, root_path: str, figurine: Figurine, names: Names, textures: list[str]) -> Any:
    """Add a UsdPreviewSurface with its textures and return the material."""
    Gf, Sdf, UsdShade, Tf = (_pxr(module) for module in ("Gf", "Sdf", "UsdShade", "Tf"))
    kinds = Sdf.ValueTypeNames
    path = f"{root_path}/M_{Tf.MakeValidIdentifier(names.material)}"
    material = UsdShade.Material.Define(stage, path)

    def shader(name: str, kind: str) -> Any:
        made = UsdShade.Shader.Define(stage, f"{path}/{name}")
        made.CreateIdAttr(kind)
        return made

    surface = shader("surface", "UsdPreviewSurface")
    surface.CreateInput("roughness", kinds.Float).Set(float(figurine.material.roughness))
    surface.CreateInput("metallic", kinds.Float).Set(float(figurine.material.metallic))
    reader = shader("uv", "UsdPrimvarReader_float2")
    reader.CreateInput("varname", kinds.String).Set("st")
    reader.CreateOutput("result", kinds.Float2)
    slots = (("diffuseColor", kinds.Color3f, "sRGB"), ("normal", kinds.Normal3f, "raw"))
    for file, (slot, kind, space) in zip(textures, slots, strict=False):
        sampler = shader(slot, "UsdUVTexture")
        sampler.CreateInput("file", kinds.Asset).Set(f"./{file}")
        sampler.CreateInput("sourceColorSpace", kinds.Token).Set(space)
        for wrap in ("wrapS", "wrapT"):
            sampler.CreateInput(wrap, kinds.Token).Set("clamp")
        if slot == "normal":  # 0..1 in the file is -1..1 in the shader
            sampler.CreateInput("scale", kinds.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
            sampler.CreateInput("bias", kinds.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        sampler.CreateInput("st", kinds.Float2).ConnectToSource(reader.ConnectableAPI(), "result")
        sampler.CreateOutput("rgb", kinds.Float3)
        surface.CreateInput(slot, kind).ConnectToSource(sampler.ConnectableAPI(), "rgb")
    surface.CreateOutput("surface", kinds.Token)
    material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
    return material


def _package(parts: dict[str, bytes]) -> bytes:
    """Zip `parts` as USDZ wants it: stored, content at multiples of 64 bytes; equal parts give equal
    bytes."""
    out, directory = bytearray(), bytearray()
    for name, data in parts.items():
        label = name.encode("ascii")
        offset = len(out)
        # The extra field takes at least its own 4 bytes of head.
        padding = -(offset + 30 + len(label) + 4) % ALIGNMENT_BYTES
        extra = struct.pack("<HH", 0x1986, padding) + b"\0" * padding
        sizes = struct.pack("<HHHHHIII", 10, 0, 0, 0, 33, zlib.crc32(data), len(data), len(data))
        out += b"PK\3\4" + sizes + struct.pack("<HH", len(label), len(extra)) + label + extra + data
        directory += b"PK\1\2" + struct.pack("<H", 10) + sizes
        directory += struct.pack("<HHHHHII", len(label), 0, 0, 0, 0, 0, offset) + label
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, len(parts), len(parts), len(directory), len(out), 0)
    return bytes(out + directory + end)
