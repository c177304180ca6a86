"""The words that say how files are written: shared by convert, make and export."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from slipcast.cli.options.collect import collect
from slipcast.cli.options.flags import Option, refuse_empty
from slipcast.cli.options.recipe import formats_of
from slipcast.core.errors import BadInput
from slipcast.formats.table import ExportOptions

if TYPE_CHECKING:
    from slipcast.pipeline.recipe import Recipe
    from slipcast.prepare.engine import EngineOptions
    from slipcast.prepare.targets import Target

EXPORT_OPTIONS = (
    click.option(
        "--target",
        help="Target program (see `slipcast targets`): sets format, names, textures, axes and unit.",
    ),
    click.option(
        "--texture-size",
        cls=Option,
        fields=("texture_max_px",),
        type=int,
        help="Maximum texture size in pixels.",
    ),
    click.option("--texture-type", help="Texture format: png, jpeg, or webp (glTF only)."),
    click.option("--quantize", is_flag=True, help="16-bit positions in glTF: half the bytes per vertex."),
    click.option(
        "--compress",
        help="glTF compression: none, meshopt (unpacks fastest) or draco (smallest); needs the extra `compress`.",
    ),
    click.option(
        "--topology",
        callback=refuse_empty,
        help="Remesh for artists: triangles or quads, and how many faces (quads:5000 is 2500 quads); needs the "
        "extra `topology`.",
    ),
    click.option(
        "--lods",
        cls=Option,
        callback=refuse_empty,
        fields=("shares",),
        help="Levels of detail: a number (3), or shares of the faces (1,0.5,0.2).",
    ),
    click.option(
        "--collision",
        cls=Option,
        callback=refuse_empty,
        fields=("parts",),
        help="Collision bodies: hull, convex:8, box, capsule or none.",
    ),
    click.option(
        "--pivot",
        default="bottom",
        show_default=True,
        help="Origin: bottom, center, or a point, e.g. 0,20mm,0.",
    ),
    click.option(
        "--facing",
        default="+Z",
        show_default=True,
        help="Direction that the figurine faces: +Z, -Z, +X or -X (Y up); -Y for Z up.",
    ),
    click.option(
        "--occlusion", is_flag=True, help="Bake ambient occlusion into a texture with roughness and metallic."
    ),
)


@dataclass(frozen=True, kw_only=True)
class ExportWords:
    """The words as they were typed; None where the user said nothing."""

    target: str | None
    texture_size: int | None
    texture_type: str | None
    quantize: bool
    compress: str | None
    topology: str | None
    lods: str | None
    collision: str | None
    pivot: str
    facing: str
    occlusion: bool


export_options = collect("written", ExportWords, *EXPORT_OPTIONS)
"""Adds the options from `--target` to `--facing` to a command, whose parameter `written` gets them."""


def is_given(parameter: str) -> bool:
    """Whether the user gave this parameter of the running command, so that a target must not decide it."""
    source = click.get_current_context().get_parameter_source(parameter)
    return source is not None and source is not click.core.ParameterSource.DEFAULT


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the words ask for."""

    formats: tuple[str, ...]
    """Keys of EXPORTERS; none where the words name neither format nor target."""
    options: ExportOptions
    target: "Target | None"
    engine: "EngineOptions"


def read_export_options(words: ExportWords, *, formats: str | None, base: "Recipe | None" = None) -> Wanted:
    """The words as options: those of `base` or a target, changed by what stands beside; BadInput names a wrong word."""
    from slipcast.prepare.engine import EngineOptions

    chosen = None if words.target is None else target_of(words.target)
    options = chosen.options() if chosen else base.export if base else ExportOptions()
    if words.texture_size is not None:
        options = replace(options, texture_max_px=words.texture_size)
    if words.texture_type is not None:
        options = replace(options, texture_type=words.texture_type)
    if words.quantize:
        options = replace(options, quantize=True)
    if words.compress is not None:
        from slipcast.formats.gltf.compress import require

        options = replace(options, compress=words.compress)
        require(options.compress)
    engine = EngineOptions.parse(
        topology=words.topology,
        lods=words.lods,
        collision=words.collision,
        pivot=words.pivot,
        facing=words.facing,
        occlusion=words.occlusion,
    )
    if base:  # what was not said is the recipe's
        names = ("topology", "lods", "collision", "pivot", "facing", "occlusion")
        engine = replace(base.engine, **{name: getattr(engine, name) for name in names if is_given(name)})
    keys = formats_of(formats) if formats is not None else (chosen.format,) if chosen else ()
    return Wanted(formats=keys, options=options, target=chosen, engine=engine)


def target_of(name: str) -> "Target":
    """The row of that name; BadInput lists the choices when there is none."""
    from slipcast.prepare.targets import TARGETS

    if name.lower() not in TARGETS:
        raise BadInput(f"--target {name!r} is unknown; choose from {', '.join(TARGETS)}")
    return TARGETS[name.lower()]
