"""The words that say how an asset is made: shared by convert and make."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from slipcast.cli.options import recipe
from slipcast.cli.options.collect import collect
from slipcast.cli.options.export import EXPORT_OPTIONS, ExportWords, is_given, read_export_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipcast.pipeline.run import Recipe

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
    gate: str
    report: bool
    keep: bool


def _option(*flags: str, default: object, help: str) -> "Callable[[_Command], _Command]":
    return click.option(*flags, default=default, show_default=True, help=help)


_OPTIONS = (
    _option("-f", "--format", "formats", default="glb", help="Of `slipcast formats`, with commas between."),
    _option("--height", default=recipe.HEIGHT, help="Of the figurine: 75mm, 7.5cm, 0.075m, 3in."),
    _option(
        "--elevation", default=recipe.ELEVATION, help="How far the camera looked down: level, 12deg, -5deg."
    ),
    _option("--faces", default=recipe.FACES, help="Triangles, at most."),
    _option("--depth", default=recipe.DEPTH, help="auto, one of `slipcast models`, a folder or a hub id."),
    _option("--device", default=recipe.DEVICE, help=f"For the depth model: {', '.join(recipe.DEVICES)}."),
    _option("--detail", default=recipe.DETAIL, help=f"Samples along the longer side: {recipe.DETAILS_TOLD}."),
    _option("--surface", default=recipe.SURFACE, help=f"How it is made: {', '.join(recipe.METHODS)}."),
    _option(
        "--normal-map",
        default=recipe.NORMAL_MAP,
        help=f"Relief that the faces cannot hold: {', '.join(recipe.NORMAL_MAPS)}.",
    ),
    *EXPORT_OPTIONS,
    click.option(
        "--gate", default="", help="What the result must meet: 'closed,iou>=0.95,thickness>=0.8mm'."
    ),
    click.option(
        "--report", is_flag=True, help="Also write NAME.report.html: the model and all pictures on one page."
    ),
    click.option("--keep", is_flag=True, help="Also write the cutout, the depth and the bare surface."),
)


asset_options = collect("asset", AssetWords, *_OPTIONS)
"""Adds the options from `--format` to `--keep` to a command, whose parameter `asset` gets them as `AssetWords`."""


def recipe_from(
    words: AssetWords, *, own: Mapping[str, str] | None = None, fov_deg: float = recipe.FOV_DEG
) -> "Recipe":
    """The recipe of the running command's `words`; what the user did not say is the target's, where there is one.

    `own` holds what a manifest says of one picture, as text: it goes over the command's words. BadInput names the word
    that cannot be followed and the choices.
    """
    from slipcast.pipeline.run import Recipe

    own = own or {}
    written = read_export_options(
        words, formats=words.formats if words.target is None or is_given("formats") else None
    )
    said = written.target is None or is_given("faces")
    faces = words.faces if said or written.target is None else written.target.faces
    return recipe.recipe_of(
        formats=",".join(written.formats),
        export=written.options,
        engine=written.engine,
        faces=recipe.whole_number("--faces", own["faces"]) if "faces" in own else faces,
        fov_deg=fov_deg,
        gates=own.get("gate", words.gate),
        wall_m=Recipe.wall_m if written.target is None else written.target.wall_m,
        height=own.get("height", words.height),
        elevation=own.get("elevation", words.elevation),
        depth=own.get("depth", words.depth),
        device=own.get("device", words.device),
        detail=own.get("detail", words.detail),
        surface=own.get("surface", words.surface),
        normal_map=own.get("normal_map", words.normal_map),
    )
