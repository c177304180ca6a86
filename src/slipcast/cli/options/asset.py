"""The words that say how an asset is made: shared by convert and make."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from slipcast.cli.options import recipe
from slipcast.cli.options.collect import collect
from slipcast.cli.options.common import PATH
from slipcast.cli.options.export import EXPORT_OPTIONS, ExportWords, is_given, read_export_options
from slipcast.cli.options.flags import Option, refuse_empty
from slipcast.cli.options.length import parse_elevation, parse_height
from slipcast.core.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipcast.pipeline.recipe import Recipe

_Command = TypeVar("_Command", bound="Callable[..., Any]")


@dataclass(frozen=True, kw_only=True)
class AssetWords(ExportWords):
    """The words as they were typed; their defaults are the stages'."""

    formats: str
    height: str
    elevation: str
    faces: int
    depth: str
    device: str
    detail: str
    surface: str
    normal_map: str
    delight: bool
    gate: str
    recipe: Path | None
    save_recipe: Path | None
    report: bool
    keep: bool


def _option(
    *flags: str, default: object, help: str, fields: tuple[str, ...] = ()
) -> "Callable[[_Command], _Command]":
    return click.option(*flags, cls=Option, default=default, show_default=True, help=help, fields=fields)


_OPTIONS = (
    _option(
        "-f",
        "--format",
        "formats",
        default="glb",
        help="Output formats, comma-separated (see `slipcast formats`).",
    ),
    _option(
        "--height",
        fields=("height_m",),
        default=recipe.HEIGHT,
        help="Height of the figurine, e.g. 75mm, 7.5cm or 3in.",
    ),
    _option(
        "--elevation",
        fields=("elevation_deg",),
        default=recipe.ELEVATION,
        help="Camera elevation: auto, level, 12deg (looking down), -5deg.",
    ),
    _option("--faces", default=recipe.FACES, help="Maximum number of triangles."),
    _option(
        "--depth",
        fields=("model",),
        default=recipe.DEPTH,
        help="Depth model: auto, one of `slipcast models`, a folder or a hub id.",
    ),
    _option(
        "--device", default=recipe.DEVICE, help=f"Device of the depth model: {', '.join(recipe.DEVICES)}."
    ),
    _option(
        "--detail", default=recipe.DETAIL, help=f"Sampling along the longer side: {recipe.DETAILS_TOLD}."
    ),
    _option(
        "--surface",
        fields=("method",),
        default=recipe.SURFACE,
        help=f"Surface reconstruction: {', '.join(recipe.METHODS)}.",
    ),
    _option(
        "--normal-map",
        default=recipe.NORMAL_MAP,
        help=f"Normal map for relief finer than the faces: {', '.join(recipe.NORMAL_MAPS)}.",
    ),
    click.option(
        "--delight",
        is_flag=True,
        help="Divide the picture's soft light out of its colours, for engines that light.",
    ),
    *EXPORT_OPTIONS,
    click.option(
        "--gate",
        cls=Option,
        fields=("gates",),
        callback=refuse_empty,
        default="",
        help="Minimum requirements, e.g. 'closed,iou>=0.95,thickness>=0.8mm'.",
    ),
    click.option("--recipe", type=PATH, help="Recipe file (TOML); options beside it win."),
    click.option(
        "--save-recipe",
        type=PATH,
        help="File for all choices that differ from the defaults (TOML).",
    ),
    click.option(
        "--report", is_flag=True, help="Also write NAME.report.html: the model and all pictures on one page."
    ),
    click.option("--keep", is_flag=True, help="Also write the cutout, the depth and the bare surface."),
)


asset_options = collect("asset", AssetWords, *_OPTIONS)
"""Adds the options from `--format` to `--keep` to a command, whose parameter `asset` gets them as `AssetWords`."""


def recipe_from(
    words: AssetWords, *, own: Mapping[str, str] | None = None, fov_deg: float | None = None
) -> "Recipe":
    """The recipe of the running command's `words`, and written to `--save-recipe`.

    What the user did not say is that of `--recipe`, or the target's, where there is one. `own` holds what a manifest
    says of one picture, as text: it goes over the command's words. BadInput names the word that cannot be followed and
    the choices.
    """
    from slipcast.depth.models import choose
    from slipcast.pipeline.recipe import Recipe

    own = own or {}

    def said(name: str) -> Any:
        """What the manifest or the user says; None where nothing was said."""
        return own.get(name, getattr(words, name) if is_given(name) else None)

    made = _load(words.recipe) if words.recipe else Recipe()
    height, elevation, faces = said("height"), said("elevation"), said("faces")
    written = read_export_options(words, formats=said("formats"), base=made)
    made = replace(made, export=written.options, engine=written.engine)
    if written.formats:
        made = replace(made, formats=written.formats)
    if written.target:
        made = replace(made.change(faces=written.target.faces), wall_m=written.target.wall_m)
    if elevation is not None:
        made = replace(made, place=replace(made.place, elevation_deg=parse_elevation(elevation)))
    made = made.change(
        height_m=None if height is None else parse_height(height),
        faces=recipe.whole_number("--faces", faces) if isinstance(faces, str) else faces,
        depth=said("depth"),
        device=said("device"),
        fov_deg=fov_deg,
        detail=said("detail"),
        surface=said("surface"),
        normal_map=said("normal_map"),
        delight=1.0 if said("delight") else None,
        gates=said("gate"),
    )
    choose(made.depth.model)  # an unknown or missing model is refused before the first picture is read
    if words.save_recipe and not own:
        made.save(words.save_recipe)
    return made


def _load(path: Path) -> "Recipe":
    from slipcast.pipeline.recipe import Recipe

    try:
        return Recipe.load(path)
    except BadInput as problem:
        raise BadInput(f"--recipe {problem}") from None
