"""Figurine -> Export: one row a format; each exporter lives in its own file and is loaded when it is used.

An exporter is pure: value in, bytes out; no clock, no random ids, no files. A format whose axes, unit or
colour differ from ours converts in its own file and says by a finding what it could not carry.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

from slipcast.core.errors import BadInput
from slipcast.core.options import Table, check, choice, flag, instance, text, whole

if TYPE_CHECKING:
    from pathlib import Path

    from slipcast.core.values import Export, Figurine
    from slipcast.formats.common.reading import Content

TEXTURE_TYPES = ("png", "jpeg", "webp")
COMPRESSIONS = ("none", "meshopt", "draco")
UNITS_M = {"m": 1.0, "cm": 0.01, "mm": 0.001}
"""Metres in one of each unit that a format may be written in."""


@dataclass(frozen=True, kw_only=True)
class Naming:
    """How files and objects are called: patterns with `{name}`, the figurine's name.

    They also take `{snake}` and `{slug}`, the name in plain small letters joined by `_` or `-`, and
    `{material}`, the material's own name.

    >>> Naming(file="SM_{name}").mesh
    '{name}'
    """

    file: str = "{name}"
    """The main file, without its suffix."""
    mesh: str = "{name}"
    """The node and mesh: what an outliner shows."""
    material: str = "{material}"
    base_color: str = "{name}_basecolor"
    normal: str = "{name}_normal"
    orm: str = "{name}_orm"
    """Occlusion, roughness and metallic in one texture."""
    level: str = "{mesh}_LOD{level}"
    """A level of detail; `{mesh}` is the mesh's name, the figurine itself is level 0."""
    hull: str | None = None
    """A collision body, with `{mesh}` and `{number}` from 1; None: the importer knows no name for one, so none is
    written."""

    def __post_init__(self) -> None:
        check(
            self,
            file=text(example="{name}"),
            mesh=text(example="{name}"),
            material=text(example="{material}"),
            base_color=text(example="{name}"),
            normal=text(example="{name}"),
            orm=text(example="{name}"),
            level=text(example="{mesh}_LOD{level}"),
            hull=text(example="UCX_{mesh}_{number}").or_none(),
        )


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What a user or a target may choose; the defaults keep everything that a format can carry.

    >>> ExportOptions(texture_max_px=1)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: texture_max_px is 1; give a whole number from 16 to 16384, for instance 2048, or None
    """

    texture_type: str = "png"
    """`png` (lossless), `jpeg` (about a fifth of the size) or `webp` (less still; glTF only, the others get png)."""
    texture_max_px: int | None = None
    """Longest edge of a written texture; None keeps the atlas as it is."""
    jpeg_quality: int = 90
    """1 to 95, as Pillow counts; also for WebP."""
    quantize: bool = False
    """glTF only: 16-bit positions and UV, 8-bit normals (KHR_mesh_quantization): half the bytes per vertex."""
    compress: str = "none"
    """glTF only: `meshopt` (implies `quantize`; unpacks fastest) or `draco` (smallest), with the extra `compress`."""
    up: str | None = None
    """`y` or `z` for the formats that state no axes themselves (obj, ply, stl); None is the format's
    custom."""
    unit: str | None = None
    """`m`, `cm` or `mm` for the formats that state no unit themselves (obj, ply, stl); None is their
    custom."""
    green_down: bool = False
    """FBX and OBJ: normal maps as DirectX and Unreal read them, green downwards; in glTF and USDZ it is upwards."""
    naming: Naming = field(default_factory=Naming)
    levels: bool = True
    """glTF and FBX: write the figurine's levels of detail; False for importers that make their own."""
    unity_script: bool = False
    """FBX: where there are collision bodies, write beside it the script that makes Unity take them for such."""

    def __post_init__(self) -> None:
        check(
            self,
            texture_type=choice(TEXTURE_TYPES),
            texture_max_px=whole(16, 16384, example=2048).or_none(),
            jpeg_quality=whole(1, 95, example=90),
            quantize=flag(),
            compress=choice(COMPRESSIONS),
            up=choice(("y", "z")).or_none(),
            unit=choice(UNITS_M).or_none(),
            green_down=flag(),
            naming=instance(Naming),
            levels=flag(),
            unity_script=flag(),
        )


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """One row of the table of formats."""

    name: str
    """What the user types and the key in EXPORTERS."""
    suffix: str
    """Of the main file, with its dot."""
    media_type: str
    keeps_texture: bool
    """The atlas arrives whole."""
    keeps_color: bool
    """At least some colour arrives."""
    unit: str
    """The unit of the numbers in the file: `m`, `cm` or `mm`."""
    up: str
    """The axis that points up in the file: `y` or `z`."""
    carries: frozenset[str]
    """What else arrives: `normal map`, `occlusion`, `levels` (of detail, and collision bodies), `compression`."""
    entry: str
    """`module:function` that writes it, loaded on first use."""
    reader: str
    """`module:function` that reads it."""
    sentence: str
    """What it is for, for `slipcast formats`."""
    extra: tuple[str, str] | None = None
    """(module, name of Slipcast's extra that brings it) for a format that needs more than Slipcast itself."""

    @property
    def is_installed(self) -> bool:
        """Whether the format's extra is there, where it needs one."""
        return self.extra is None or find_spec(self.extra[0]) is not None

    def require(self) -> None:
        """Raise BadInput, with the command that helps, when the format's extra is not installed."""
        if self.extra and not self.is_installed:
            raise BadInput(
                f"{self.name} needs {self.extra[0]}: run `pip install 'slipcast[{self.extra[1]}]'`"
            )

    @property
    def export(self) -> "Callable[[Figurine, ExportOptions], Export]":
        """The exporter, `(figurine, options) -> Export`; loading it may raise BadInput for a missing
        extra."""
        module, _, function = self.entry.partition(":")
        return cast("Callable[[Figurine, ExportOptions], Export]", getattr(import_module(module), function))

    @property
    def read(self) -> "Callable[[Path], Content]":
        """The reader, `path -> Content`; raises BadInput for what cannot be read or trusted."""
        module, _, function = self.reader.partition(":")
        return cast("Callable[[Path], Content]", getattr(import_module(module), function))


def _row(
    name: str,
    media_type: str,
    sentence: str,
    *,
    color: str = "texture",
    unit: str = "m",
    up: str = "y",
    carries: str = "",
    folder: str = "",
    write: str = "",
    extra: tuple[str, str] | None = None,
) -> Exporter:
    """Make a row; `color` is `texture`, `vertex` or `none`, `carries` has commas between.

    `folder` and `write` are said where the folder or the writer's place is not called as the format.
    """
    folder = folder or name
    write = write or f"write:write_{folder}"
    return Exporter(
        name=name,
        suffix=f".{name}",
        media_type=media_type,
        keeps_texture=color == "texture",
        keeps_color=color != "none",
        unit=unit,
        up=up,
        carries=frozenset(filter(None, carries.split(", "))),
        entry=f"slipcast.formats.{folder}.{write}",
        reader=f"slipcast.formats.{folder}.read:read_{folder}",
        sentence=sentence,
        extra=extra,
    )


EXPORTERS: dict[str, Exporter] = {
    row.name: row
    for row in (
        _row(
            "glb",
            "model/gltf-binary",
            "glTF in one file: web, Godot, Blender, viewers of Windows and Android; programs on assimp misread what "
            "quantizing and compression pack, without a word: give them the plain file",
            carries="normal map, occlusion, levels, compression",
            folder="gltf",
            write="glb:write_glb",
        ),
        _row(
            "gltf",
            "model/gltf+json",
            "glTF in three files (.gltf, .bin, texture): easy to look into",
            carries="normal map, occlusion, levels, compression",
        ),
        _row(
            "obj",
            "model/obj",
            "Wavefront OBJ with .mtl and texture: every modelling program",
            carries="normal map",
        ),
        _row(
            "fbx",
            "application/vnd.autodesk.fbx",
            "binary FBX 7.4, texture embedded and beside it: Unity, Unreal, Maya, 3ds Max",
            unit="cm",
            carries="normal map, occlusion, levels",
        ),
        _row("stl", "model/stl", "binary STL: every slicer; no colours", color="none", unit="mm", up="z"),
        _row(
            "3mf",
            "model/3mf",
            "3MF with texture: slicers and colour printers",
            unit="mm",
            up="z",
            folder="threemf",
        ),
        _row(
            "ply", "model/x-ply", "binary PLY, colour per vertex: MeshLab, scanners", color="vertex", up="z"
        ),
        _row(
            "usdz",
            "model/vnd.usdz+zip",
            "USDZ: iPhone and Vision Pro; needs the extra usd-core",
            carries="normal map",
            extra=("pxr", "usd"),
        ),
    )
}
EXPORTERS = Table("format", EXPORTERS)  # another name is refused with those there are
"""Every format that Slipcast writes, by name."""
