"""USDZ -> triangles, materials and textures, through usd-core (the extra `usd`).

The package is unzipped here; its first layer is opened by usd-core in a process of its own (sandbox.py). References to
layers in the package are followed; one that leads elsewhere is refused, so that nothing outside is opened. Instances
and point instancers are followed. What is drawn counts: purpose default or render, and visible; the rest is told.
"""

import io
import json
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.core.values import F64, I64
from slipcast.formats.common import sandbox
from slipcast.formats.common.helpers import find_helpers
from slipcast.formats.common.reading import (
    MAX_FACES,
    MAX_PARTS,
    MAX_VERTICES,
    Content,
    MaterialFact,
    check_faces,
    check_points,
    texture_fact,
)
from slipcast.formats.common.zip import unpack

_LAYERS = (".usdc", ".usda", ".usd")
_PICTURES = (".png", ".jpg", ".jpeg")
_MAX_NESTED = 8
_USED_FOR = {"diffuseColor": "base color", "normal": "normal"}


def read_usdz(path: Path) -> Content:
    """Read every mesh of the package's first layer and of those it composes; polygons are fanned.

    Raises BadInput for a file that is no USDZ, and where usd-core is not installed.
    """
    parts = unpack(path, "USDZ")
    name = next(iter(parts), "")
    if not name.lower().endswith(_LAYERS):
        raise BadInput(f"{path} is not a USDZ: its first part is not a USD layer")
    if find_spec("pxr") is None:
        raise BadInput(f"{path} needs usd-core to be read: run `pip install 'slipcast[usd]'`")
    try:
        found = sandbox.decode(layer_arrays, _pack_layers(parts))
        about = json.loads(found["about"].tobytes())
    except ValueError as error:
        raise BadInput(f"{path} is not a USDZ that can be read: {error}") from error
    points = check_points(path, found["points"])
    return Content(
        format="usdz",
        points=points,
        faces=check_faces(path, found["faces"], len(points)),
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
        findings=(
            *(finding("FILE_LEFT_OUT", {"what": about["left_out"]}) for _ in about["left_out"][:1]),
            *find_helpers(about["titles"]).tell(about["titles"]),
        ),
    )


def _pack_layers(parts: dict[str, bytes]) -> bytes:
    """The layers of a package as a zip, the first one first: textures stay here."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        for name, data in parts.items():
            if name.lower().endswith(_LAYERS):
                package.writestr(name, data)
    return out.getvalue()


def layer_arrays(data: bytes) -> "dict[str, np.typing.NDArray[np.generic]]":
    """In the child: layers as a zip -> of the first `points` (V,3), `faces` (F,3), `about` (JSON as bytes).

    Raises ValueError for a layer that is damaged or refers to a file that is not in the package.
    """
    from pxr import Usd, UsdGeom

    with tempfile.TemporaryDirectory(prefix="slipcast-usd-") as folder:
        places = _unpack_layers(data, Path(folder).resolve())
        try:
            layer = _open_layers(places)
            stage = Usd.Stage.Open(layer)
            unit_m = float(UsdGeom.GetStageMetersPerUnit(stage))
            if not 1e-9 < unit_m < 1e9:
                raise ValueError(f"it states a unit of {unit_m} m")
            return _meshes(stage, layer, unit_m)
        except RuntimeError as error:  # what pxr raises
            raise ValueError("its layer cannot be understood") from error


def _unpack_layers(data: bytes, home: Path) -> list[Path]:
    """Write the layers below `home`, where they refer to each other as they do in the package."""
    places = []
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        for name in package.namelist():
            place = (home / name).resolve()
            if not place.is_relative_to(home):
                raise ValueError("a part's name leads out of the package")
            try:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(package.read(name))
            except OSError as error:
                raise ValueError("its parts' names are no files' names") from error
            places.append(place)
    return places


def _open_layers(places: list[Path]) -> Any:
    """The first layer; ValueError where one that it composes is damaged or not among `places`."""
    from pxr import Sdf

    opened: dict[Path, Any] = {}
    waiting = places[:1]
    while waiting:
        place = waiting.pop()
        if place in opened:
            continue
        layer = opened[place] = Sdf.Layer.FindOrOpen(str(place))
        if layer is None:
            raise ValueError("its layer is damaged")
        for reference in filter(
            None, layer.GetCompositionAssetDependencies()
        ):  # one inside the layer names no file
            target = Path(Sdf.ComputeAssetPathRelativeToLayer(layer, reference)).resolve()
            if target not in places:
                raise ValueError("its layer refers to another file, which is not opened")
            waiting.append(target)
    return opened[places[0]]


def _meshes(stage: Any, layer: Any, unit_m: float) -> "dict[str, np.typing.NDArray[np.generic]]":
    """All meshes that are drawn, in world space as one soup, with what is told about them."""
    from pxr import Usd, UsdGeom, UsdShade

    soup = _Soup()
    materials: list[dict[str, object]] = []
    walk = iter(Usd.PrimRange.Stage(stage, Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)))
    for prim in walk:
        if prim.IsA(UsdShade.Material) and len(materials) < MAX_PARTS:
            materials.append(_material(prim))
        if prim.IsA(UsdGeom.PointInstancer):
            walk.PruneChildren()  # its prototypes are drawn where it puts them only
            if not soup.hides(prim):
                _instances(soup, prim)
        elif prim.IsA(UsdGeom.Gprim) and not soup.hides(prim):
            soup.add(prim, np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(_now())))
    if not soup.points:
        only = f", only {soup.say_left_out()}" if soup.left_out else ""
        raise ValueError(
            f"it holds no mesh that is drawn{only}; shapes such as Cube and Sphere are not read: make meshes of them"
        )
    points, faces, names, titles = soup.join()
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
        "titles": titles,
        "attributes": sorted(soup.attributes),
        "materials": materials,
        "generator": str(told.get("generator", ""))[:200] or None,
        "metadata": metadata if isinstance(metadata, dict) else {},
        "left_out": soup.say_left_out(),
    }
    text = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    return {"points": points, "faces": faces, "about": text}


class _Soup:
    """The meshes so far; `left_out` counts what is no mesh or not drawn."""

    def __init__(self) -> None:
        self.points: list[F64] = []
        self.faces: list[I64] = []
        self.names: list[str] = []
        self.objects: list[str] = []
        """What holds each mesh alone is called, or it: a modelling program gives an object and its mesh two names."""
        self.attributes: set[str] = set()
        self.left_out: dict[str, int] = {}
        self._vertices = 0
        self._faces = 0

    def join(self) -> tuple[F64, I64, list[str], list[str]]:
        """(V,3) points and (F,3) faces of the meshes that serve no other one in an engine alone, and their names.

        The last are the names among which those that were left out are found.
        """
        titles = list(dict.fromkeys([*self.objects, *self.names]))
        helpers = find_helpers(titles)
        hidden = {titles[k] for k in helpers.levels | helpers.bodies}
        kept = [
            k for k, pair in enumerate(zip(self.objects, self.names, strict=True)) if not hidden & {*pair}
        ]
        if not kept:
            kept, titles = list(range(len(self.names))), []
        before = np.cumsum([0, *(len(self.points[k]) for k in kept)])
        faces = [self.faces[k] + start for k, start in zip(kept, before, strict=False)]
        points = np.concatenate([self.points[k] for k in kept])
        return points, np.concatenate(faces), [self.names[k] for k in kept], titles

    def hides(self, prim: Any) -> bool:
        """Whether a prim is not drawn: a proxy or guide, or invisible."""
        from pxr import UsdGeom

        shown = UsdGeom.Imageable(prim)
        purpose = str(shown.ComputePurpose())
        word = purpose if purpose in ("proxy", "guide") else ""
        if not word and str(shown.ComputeVisibility(_now())) == "invisible":
            word = "invisible"
        if word:
            self._count(f"{word} {prim.GetTypeName()}")
        return bool(word)

    def add(self, prim: Any, world: F64) -> None:
        """Add a mesh under `world` (4,4), for row vectors; any other shape is counted."""
        from pxr import UsdGeom

        if not prim.IsA(UsdGeom.Mesh):
            self._count(str(prim.GetTypeName()))
            return
        mesh = UsdGeom.Mesh(prim)
        local = np.asarray(mesh.GetPointsAttr().Get(_now()) or [], dtype=np.float64).reshape(-1, 3)
        count = np.asarray(mesh.GetFaceVertexCountsAttr().Get(_now()) or [], dtype=np.int64)
        flat = np.asarray(mesh.GetFaceVertexIndicesAttr().Get(_now()) or [], dtype=np.int64)
        if count.min(initial=0) < 0 or int(count.sum()) != len(flat):
            raise ValueError("its polygons do not fit together")
        if count.min(initial=3) < 3:
            self._count("Mesh with faces of fewer than three corners")
        if flat.min(initial=0) < 0 or flat.max(initial=-1) >= len(local):
            raise ValueError("a face names a point that is not there")
        start, fan = np.cumsum(count) - count, np.maximum(count - 2, 0)
        first = np.repeat(start, fan)
        step = np.arange(len(first)) - np.repeat(np.cumsum(fan) - fan, fan)
        index = np.stack([flat[first], flat[first + step + 1], flat[first + step + 2]], axis=1)
        # Both a left-handed orientation and a mirroring transform turn the winding round.
        left = str(mesh.GetOrientationAttr().Get(_now())) == "leftHanded"
        if left != bool(np.linalg.det(world[:3, :3]) < 0):
            index = index[:, ::-1]
        self.points.append(local @ world[:3, :3] + world[3, :3])
        self.faces.append(index)
        self._vertices += len(local)
        self._faces += len(index)
        self.names.append(_title(prim))
        self.objects.append(_object_title(prim))
        if mesh.GetNormalsAttr().HasAuthoredValue():
            self.attributes.add("normals")
        if UsdGeom.PrimvarsAPI(prim).HasPrimvar("st"):
            self.attributes.add("uv")
        if len(self.names) > MAX_PARTS:
            raise ValueError(f"it has more than {MAX_PARTS} meshes")
        if self._vertices > MAX_VERTICES or self._faces > MAX_FACES:
            raise ValueError(f"it adds up to more than {MAX_VERTICES} vertices or {MAX_FACES} faces")

    def say_left_out(self) -> str:
        """How many there are of what is no mesh or not drawn, in words."""
        return ", ".join(f"{count} x {word}" for word, count in self.left_out.items())

    def _count(self, word: str) -> None:
        self.left_out[word] = self.left_out.get(word, 0) + 1


def _instances(soup: _Soup, prim: Any, outer: F64 | None = None, depth: int = 0) -> None:
    """Add the prototypes of a point instancer at each of its places, those inside one another too."""
    from pxr import Usd, UsdGeom

    if depth > _MAX_NESTED:
        raise ValueError("its instancers are nested too deeply")
    instancer = UsdGeom.PointInstancer(prim)
    targets = instancer.GetPrototypesRel().GetForwardedTargets()
    which = np.asarray(instancer.GetProtoIndicesAttr().Get(_now()) or [], dtype=np.int64)
    if len(which) > MAX_PARTS:
        raise ValueError(f"it has more than {MAX_PARTS} instances")
    places = instancer.ComputeInstanceTransformsAtTime(_now(), _now()) or []
    mask = list(instancer.ComputeMaskAtTime(_now())) or [True] * len(which)
    if outer is None:
        outer = np.array(UsdGeom.Xformable(prim).ComputeLocalToWorldTransform(_now()))
    kept = [number for number, shown in zip(which.tolist(), mask, strict=False) if shown]
    for number, place in zip(kept, places, strict=False):
        if not 0 <= number < len(targets):
            raise ValueError("an instancer names a prototype that it does not have")
        prototype = prim.GetStage().GetPrimAtPath(targets[number])
        if not prototype:
            raise ValueError("an instancer names a prototype that is not there")
        cache = UsdGeom.XformCache(_now())
        above = np.linalg.inv(np.array(cache.GetLocalToWorldTransform(prototype)))
        # As OpenUSD's own imaging does: a prototype may stand under an `over`, so that it is not drawn by itself.
        drawn = Usd.PrimIsActive & Usd.PrimIsLoaded & ~Usd.PrimIsAbstract
        walk = iter(Usd.PrimRange(prototype, Usd.TraverseInstanceProxies(drawn)))
        for part in walk:
            if not part.IsA(UsdGeom.Boundable) or soup.hides(part):
                continue
            local = np.array(cache.GetLocalToWorldTransform(part)) @ above
            world = local @ np.array(place) @ outer
            if part.IsA(UsdGeom.PointInstancer):
                walk.PruneChildren()
                _instances(soup, part, world, depth + 1)
            elif part.IsA(UsdGeom.Gprim):
                soup.add(part, world)


def _title(prim: Any) -> str:
    return str(prim.GetDisplayName() or prim.GetName())


def _object_title(prim: Any) -> str:
    """What the object of a mesh is called: the transform that holds it alone, else the mesh."""
    from pxr import UsdGeom

    above = prim.GetParent()
    return _title(above if above.IsA(UsdGeom.Xform) and len(above.GetChildren()) == 1 else prim)


def _now() -> Any:
    """The time that is read: the first one, where values change over time."""
    from pxr import Usd

    return Usd.TimeCode.EarliestTime()


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
