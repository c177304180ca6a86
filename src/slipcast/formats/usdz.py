"""Figurine -> USDZ for AR Quick Look, through usd-core (the extra `usd`).

The layer must be binary (.usdc) for Apple's rules, and only usd-core writes that, into a file: hence the
temporary folder. The package itself is zipped here: stored, each file aligned to 64 bytes, with a fixed
date.
"""

import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import ExportOptions, atlas, shading
from slipcast.formats.names import Names
from slipcast.values import Export, Figurine

ALIGNMENT_BYTES = 64


def export_usdz(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.usdz` with the textures inside; raises BadInput where usd-core is not installed."""
    names = Names(figurine, options.naming)
    textures = {"textures/basecolor" + atlas.suffix(options): atlas.encode(figurine.texture.pixels, options)}
    if figurine.normal_map is not None:
        file = "textures/normal" + atlas.suffix(options, data=True)
        textures[file] = atlas.encode(figurine.normal_map, options, data=True)
    parts = {"figurine.usdc": _layer(figurine, names, list(textures)), **textures}
    return Export(files={f"{names.file}.usdz": _package(parts)})


def _layer(figurine: Figurine, names: Names, textures: list[str]) -> bytes:
    """Write the scene as a binary USD layer."""
    try:
        from pxr import Gf, Sdf, Usd, UsdGeom, UsdShade, Vt
    except ImportError as error:
        raise BadInput("usdz needs usd-core: install it with `pip install 'slipcast[usd]'`") from error
    mesh = figurine.mesh
    corner, faces = shading.split(mesh.faces, figurine.uv)
    vertex = mesh.faces.reshape(-1)[corner]
    points = mesh.vertices[vertex]
    uv = figurine.uv.reshape(-1, 2)[corner].copy()
    uv[:, 1] = 1 - uv[:, 1]  # USD's origin is bottom left
    with tempfile.TemporaryDirectory(prefix="slipcast-usd-") as folder:
        path = Path(folder) / "figurine.usdc"
        stage = Usd.Stage.CreateNew(str(path))
        UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
        UsdGeom.SetStageMetersPerUnit(stage, 1.0)
        root = UsdGeom.Xform.Define(stage, "/Figurine")
        root.GetPrim().SetDisplayName(names.mesh)
        stage.SetDefaultPrim(root.GetPrim())
        Usd.ModelAPI(root.GetPrim()).SetKind("component")
        shape = UsdGeom.Mesh.Define(stage, "/Figurine/Mesh")
        shape.GetPrim().SetDisplayName(names.mesh)
        shape.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(points))
        shape.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(np.full(len(faces), 3, np.int32)))
        shape.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.reshape(-1)))
        shape.CreateSubdivisionSchemeAttr("none")
        shape.CreateExtentAttr(
            [Gf.Vec3f(*bound.tolist()) for bound in (points.min(axis=0), points.max(axis=0))]
        )
        shape.CreateNormalsAttr(Vt.Vec3fArray.FromNumpy(shading.vertex_normals(mesh)[vertex]))
        shape.SetNormalsInterpolation(UsdGeom.Tokens.vertex)
        UsdGeom.PrimvarsAPI(shape).CreatePrimvar(
            "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
        ).Set(Vt.Vec2fArray.FromNumpy(uv))
        material = UsdShade.Material.Define(stage, "/Figurine/Material")
        material.GetPrim().SetDisplayName(names.material)
        surface = UsdShade.Shader.Define(stage, "/Figurine/Material/Surface")
        surface.CreateIdAttr("UsdPreviewSurface")
        surface.CreateInput("roughness", Sdf.ValueTypeNames.Float).Set(float(figurine.material.roughness))
        surface.CreateInput("metallic", Sdf.ValueTypeNames.Float).Set(float(figurine.material.metallic))
        reader = UsdShade.Shader.Define(stage, "/Figurine/Material/Uv")
        reader.CreateIdAttr("UsdPrimvarReader_float2")
        reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set("st")
        reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
        for file, slot, kind, space in zip(
            textures,
            ("diffuseColor", "normal"),
            (Sdf.ValueTypeNames.Color3f, Sdf.ValueTypeNames.Normal3f),
            ("sRGB", "raw"),
            strict=False,
        ):
            sampler = UsdShade.Shader.Define(stage, f"/Figurine/Material/{slot}")
            sampler.CreateIdAttr("UsdUVTexture")
            sampler.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(f"./{file}")
            sampler.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
            for wrap in ("wrapS", "wrapT"):
                sampler.CreateInput(wrap, Sdf.ValueTypeNames.Token).Set("clamp")
            if slot == "normal":  # 0..1 in the file is -1..1 in the shader
                sampler.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
                sampler.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
            sampler.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(
                reader.ConnectableAPI(), "result"
            )
            sampler.CreateOutput("rgb", Sdf.ValueTypeNames.Float3)
            surface.CreateInput(slot, kind).ConnectToSource(sampler.ConnectableAPI(), "rgb")
        surface.CreateOutput("surface", Sdf.ValueTypeNames.Token)
        material.CreateSurfaceOutput().ConnectToSource(surface.ConnectableAPI(), "surface")
        UsdShade.MaterialBindingAPI.Apply(shape.GetPrim()).Bind(material)
        stage.GetRootLayer().customLayerData = {"generator": "Slipcast"}
        stage.GetRootLayer().Save()
        return path.read_bytes()


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
