"""The words that say how an asset is made: shared by convert and make."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from slipcast.cli import recipe
from slipcast.cli.written import given, written_as, written_options

if TYPE_CHECKING:
    from slipcast.pipeline import Recipe

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _shown(*flags: str, default: object, help: str) -> Callable[[_Command], _Command]:
    return click.option(*flags, default=default, show_default=True, help=help)


_OPTIONS = (
    _shown("-f", "--format", "formats", default="glb", help="Of `slipcast formats`, with commas between."),
    _shown("--height", default=recipe.HEIGHT, help="Of the figurine: 75mm, 7.5cm, 0.075m, 3in."),
    _shown(
        "--elevation", default=recipe.ELEVATION, help="How far the camera looked down: level, 12deg, -5deg."
    ),
    _shown("--faces", default=recipe.FACES, help="Triangles, at most."),
    _shown("--depth", default=recipe.DEPTH, help="auto, one of `slipcast models`, a folder or a hub id."),
    _shown("--device", default=recipe.DEVICE, help=f"For the depth model: {', '.join(recipe.DEVICES)}."),
    _shown("--detail", default=recipe.DETAIL, help=f"Samples along the longer side: {recipe.DETAILS_TOLD}."),
    _shown("--surface", default=recipe.SURFACE, help=f"How it is made: {', '.join(recipe.METHODS)}."),
    _shown(
        "--normal-map",
        default=recipe.NORMAL_MAP,
        help=f"Relief that the faces cannot hold: {', '.join(recipe.NORMAL_MAPS)}.",
    ),
    written_options,
    click.option(
        "--gate", default="", help="What the result must meet: 'closed,iou>=0.95,thickness>=0.8mm'."
    ),
    click.option(
        "--report", is_flag=True, help="Also write NAME.report.html: the model and all pictures on one page."
    ),
    click.option("--keep", is_flag=True, help="Also write the cutout, the depth and the bare surface."),
)


def making_options(command: _Command) -> _Command:
    """Add the options from `--format` to `--keep` to a command, those of `written_options` among them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def recipe_from(
    words: Mapping[str, Any], *, own: Mapping[str, str] | None = None, fov_deg: float = recipe.FOV_DEG
) -> "Recipe":
    """The recipe of the running command's `words`; what the user did not say is the target's, where there is one.

    `own` holds what a manifest says of one picture, as text: it goes over the command's words. BadInput names the word
    that cannot be followed and the choices.
    """
    from slipcast.pipeline import Recipe

    own = own or {}
    written = written_as(
        formats=words["formats"] if words["target"] is None or given("formats") else None,
        **{name: words[name] for name in ("target", "texture_size", "texture_type", "quantize", "compress")},
    )
    said = written.target is None or given("faces")
    faces = words["faces"] if said or written.target is None else written.target.faces
    return recipe.recipe_of(
        formats=",".join(written.formats),
        export=written.options,
        faces=recipe.whole_number("--faces", own["faces"]) if "faces" in own else faces,
        fov_deg=fov_deg,
        gates=own.get("gate", words["gate"]),
        wall_m=Recipe.wall_m if written.target is None else written.target.wall_m,
        **{
            name: own.get(name, words[name])
            for name in ("height", "elevation", "depth", "device", "detail", "surface", "normal_map")
        },
    )
