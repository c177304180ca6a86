"""Where an asset is going: one row a program or printer, with the reason for each choice.

A target picks the format, the texture, the naming rule, and axes and unit for the formats that state none
(obj, ply, stl). The face budget is for `convert`: an existing asset is never thinned out behind its user's
back.
"""

from dataclasses import dataclass, field

from slipcast.core.options import Table
from slipcast.formats.table import EXPORTERS, ExportOptions, Naming


@dataclass(frozen=True, kw_only=True)
class Target:
    """One row of the table."""

    name: str
    format: str
    """The key in EXPORTERS that suits it best."""
    faces: int
    """Triangles that one figurine may well have there."""
    texture_max_px: int | None
    """None: the atlas as it is."""
    wall_m: float = 0.0008
    """The thinnest wall that holds there; for programs that print nothing, filament's."""
    texture_type: str = "png"
    quantize: bool = False
    up: str | None = None
    """For formats that state no axes; None is the format's custom."""
    unit: str | None = None
    """For formats that state no unit; None is the format's custom."""
    green_down: bool = False
    """Normal maps with green downwards (DirectX) instead of upwards (OpenGL)."""
    naming: Naming = field(default_factory=Naming)
    levels: bool = True
    """Whether its importer reads levels of detail from the file."""
    unity_script: bool = False
    """Whether a script beside the file tells its importer what a collision body is."""
    sentence: str
    """Why it is so."""

    def options(self) -> ExportOptions:
        """The options that every exporter takes."""
        return ExportOptions(
            texture_type=self.texture_type,
            texture_max_px=self.texture_max_px,
            quantize=self.quantize,
            up=self.up,
            unit=self.unit,
            green_down=self.green_down,
            naming=self.naming,
            levels=self.levels,
            unity_script=self.unity_script,
        )

    @property
    def axes(self) -> str:
        """The axis that points up in the target's format."""
        return self.up if self.up and self.format in ("obj", "ply", "stl") else EXPORTERS[self.format].up

    @property
    def file_unit(self) -> str:
        """The unit of the target's format."""
        return (
            self.unit if self.unit and self.format in ("obj", "ply", "stl") else EXPORTERS[self.format].unit
        )


TARGETS: dict[str, Target] = {
    row.name: row
    for row in (
        Target(
            name="blender",
            format="glb",
            faces=200_000,
            texture_max_px=None,
            unit="m",
            sentence="its glTF importer keeps roughness, names and metadata and turns Y up into Z up; "
            "stl and ply are written in metres, since Blender reads their numbers as metres",
        ),
        Target(
            name="unity",
            format="fbx",
            faces=50_000,
            texture_max_px=2048,
            up="y",
            unit="m",
            naming=Naming(hull="{mesh}_Collider{number}"),
            unity_script=True,
            sentence="its own importer reads FBX and its unit without a package; 2048 px is its default limit",
        ),
        Target(
            name="unreal",
            format="fbx",
            faces=100_000,
            texture_max_px=4096,
            up="z",
            unit="cm",
            green_down=True,
            naming=Naming(
                file="SM_{name}",
                mesh="SM_{name}",
                material="M_{name}",
                base_color="T_{name}_BC",
                orm="T_{name}_ORM",
                normal="T_{name}_N",
                hull="UCX_{mesh}_{number:02d}",
            ),
            sentence="centimetres are its unit, SM_, M_ and T_ its naming convention, and it takes normal maps as "
            "DirectX does, green downwards",
        ),
        Target(
            name="godot",
            format="glb",
            faces=50_000,
            texture_max_px=2048,
            naming=Naming(
                file="{snake}",
                base_color="{snake}_basecolor",
                normal="{snake}_normal",
                mesh="{name}",
                hull="{mesh}_hull{number}-convcolonly",
            ),
            levels=False,
            sentence="glTF is its first choice; file names in snake_case, since packed projects mind the case",
        ),
        Target(
            name="web",
            format="glb",
            faces=20_000,
            texture_max_px=1024,
            texture_type="jpeg",
            quantize=True,
            naming=Naming(file="{slug}", base_color="{slug}-basecolor", normal="{slug}-normal"),
            sentence="one small file, JPEG and 16-bit positions inside, with a name that a URL need not escape",
        ),
        Target(
            name="print-fdm",
            format="3mf",
            faces=60_000,
            texture_max_px=2048,
            up="z",
            unit="mm",
            sentence="3MF states its unit, so no slicer asks; colour is kept for printers that can use it; more faces "
            "are finer than a 0.4 mm nozzle draws",
        ),
        Target(
            name="print-resin",
            format="stl",
            faces=200_000,
            texture_max_px=None,
            wall_m=0.0003,
            up="z",
            unit="mm",
            sentence="resin shows detail of 0.05 mm, and its slicers all read STL in millimetres",
        ),
    )
}
TARGETS = Table("target", TARGETS)  # another name is refused with those there are
"""Every target, by name."""
