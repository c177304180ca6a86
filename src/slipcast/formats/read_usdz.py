"""USDZ -> triangles, materials and textures, through usd-core (the extra `usd`).

The package is unzipped here; its first layer is opened by usd-core in a process of its own (sandbox.py). A layer that
refers to another is refused, so that nothing outside the package is opened.
"""

import json
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from slipcast.errors import BadInput
from slipcast.formats import sandbox
from slipcast.formats.packages import unpack
from slipcast.formats.reading import (
    MAX_PARTS,
    Content,
    MaterialFact,
    checked_faces,
    checked_points,
    texture_fact,
)

_LAYERS = (".usdc", ".usda", ".usd")
_PICTURES = (".png", ".jpg", ".jpeg")
_USED_FOR = {"diffuseColor": "base color", "normal": "normal"}


def read_usdz(path: Path) -> Content:
    """Read every mesh of the package's first layer; polygons are fanned."""
    parts = unpack(path, "USDZ")
    name, layer = next(iter(parts.items()), ("", b""))
    if not name.lower().endswith(_LAYERS):
        raise BadInput(f"{path} is not a USDZ: its first part is not a USD layer")
    if find_spec("pxr") is None:
        raise BadInput(f"{path} needs usd-core to be read: run `pip install 'slipcast[usd]'`")
    try:
        found = sandbox.decode("usd", name.encode("utf-8", "replace") + b"\0" + layer)
        about = json.loads(found["about"].tobytes())
    except ValueError as error:
        raise BadInput(f"{path} is not a USDZ that can be read: {error}") from error
    points = checked_points(path, found["points"])
    return Content(
        format="usdz",
        points=points,
        faces=checked_faces(path, found["faces"], len(points)),
        unit_m=about["unit_m"],
        unit_is_custom=False,
        up=about["up"],
        meshes=tuple(about["meshes"]),
        attributes=tuple(about["attributes"]),
        materials=tuple(
            MaterialFact(**entry | {"textures": tuple(entry["textures"])}) for entry in about["materials"]
        ),
        textures=tuple(
            texture_fact(part, data) for part, data in parts.items() if part.lower().endswith(_PICTURES)
        ),
        generator=about["generator"],
        metadata=about["metadata"],
    )


def layer_arrays(data: bytes) -> "dict[str, np.typing.NDArray[np.generic]]":
    """In the child: `name NUL layer` -> `points` (V,3), `faces` (F,3), `about` (JSON as bytes)."""
    from pxr import Sdf, Usd, UsdGeom

    name, _, content = data.partition(b"\0")
    with tempfile.TemporaryDirectory(prefix="slipcast-usd-") as folder:
        place = Path(folder) / f"layer{Path(name.decode('utf-8', 'replace')).suffix.lower()}"
        place.write_bytes(content)
        try:
            layer = Sdf.Layer.FindOrOpen(str(place))
            if layer is None:
                raise ValueError("its layer is damaged")
            if layer.GetCompositionAssetDependencies():
                raise ValueError("its layer refers to another file, which is not opened")
            stage = Usd.Stage.Open(layer)
            unit_m = float(UsdGeom.GetStageMetersPerUnit(stage))
            if not 1e-9 < unit_m < 1e9:
                raise ValueError(f"it states a unit of {unit_m} m")
            return _meshes(stage, layer, unit_m)
        except RuntimeError as error:  # what pxr raises
            raise ValueError("its layer cannot be understood") from error


def _meshes(stage: Any, layer: Any, unit_m: float) -> "dict[str, np.typing.NDArray[np.generic]]":
    """All meshes in world space as one soup, with what is told about them."""
    from pxr import UsdGeom, UsdShade

    points, faces, names, base = [], [], list[str](), 0
    materials: list[dict[str, object]] = []
    attributes: set[str] = set()
    for prim in stage.Traverse():
        if prim.IsA(UsdShade.Material) and len(materials) < MAX_PARTS:
            materials.append(_material(prim))
        if not prim.IsA(UsdGeom.Mesh):
            continue
        mesh = UsdGeom.Mesh(prim)
        local = np.asarray(mesh.GetPointsAttr().Get() or [], dtype=np.float64).reshape(-1, 3)
        count = np.asarray(mesh.GetFaceVertexCountsAttr().Get() or [], dtype=np.int64)
        flat = np.asarray(mesh.GetFaceVertexIndicesAttr().Get() or [], dtype=np.int64)
        if count.min(initial=3) < 3 or int(count.sum()) != len(flat):
            raise ValueError("its polygons do not fit together")
        world = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(0))
        points.append(local @ world[:3, :3] + world[3, :3])
        start, fan = np.cumsum(count) - count, count - 2
        first = np.repeat(start, fan)
        step = np.arange(len(first)) - np.repeat(np.cumsum(fan) - fan, fan)
        faces.append(np.stack([flat[first], flat[first + step + 1], flat[first + step + 2]], axis=1) + base)
        base += len(local)
        names.append(prim.GetDisplayName() or prim.GetName())
        if mesh.GetNormalsAttr().HasAuthoredValue():
            attributes.add("normals")
        if UsdGeom.PrimvarsAPI(prim).HasPrimvar("st"):
            attributes.add("uv")
        if len(names) > MAX_PARTS:
            raise ValueError(f"it has more than {MAX_PARTS} meshes")
    if not points:
        raise ValueError("it holds no mesh")
    told = dict(layer.customLayerData)
    provenance = told.get("slipcast")
    try:
        metadata = json.loads(provenance) if isinstance(provenance, str) else {}
    except (ValueError, RecursionError):
        metadata = {}
    about = {
        "unit_m": unit_m,
        "up": "z" if UsdGeom.GetStageUpAxis(stage) == "Z" else "y",
        "meshes": list(dict.fromkeys(names)),
        "attributes": sorted(attributes),
        "materials": materials,
        "generator": str(told.get("generator", ""))[:200] or None,
        "metadata": metadata if isinstance(metadata, dict) else {},
    }
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    return {"points": np.concatenate(points), "faces": np.concatenate(faces), "about": text}


def _material(prim: Any) -> dict[str, object]:
    """The factors and textures of a UsdPreviewSurface."""
    from pxr import UsdShade

    out: dict[str, object] = {"name": prim.GetDisplayName() or prim.GetName()}
    used: list[str] = []
    for child in prim.GetChildren():
        shader = UsdShade.Shader(child)
        if not shader or shader.GetIdAttr().Get() != "UsdPreviewSurface":
            continue
        for factor in ("metallic", "roughness"):
            value = shader.GetInput(factor).Get() if shader.GetInput(factor) else None
            out[factor] = round(float(value), 6) if isinstance(value, int | float) else None
        used += [
            word
            for slot, word in _USED_FOR.items()
            if shader.GetInput(slot) and shader.GetInput(slot).HasConnectedSource()
        ]
    return out | {"textures": used}
