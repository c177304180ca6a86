"""The command line's words -> the recipe; every default and every choice comes from the stages and their tables."""

from typing import TYPE_CHECKING

from slipcast.cli.options.length import parse_elevation, parse_height
from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.depth.device import DEVICES as DEVICES
from slipcast.depth.models import DepthOptions, choose
from slipcast.depth.place import PlaceOptions
from slipcast.formats.table import ExportOptions
from slipcast.reconstruct.points import DETAILS as DETAILS
from slipcast.reconstruct.points import PointOptions
from slipcast.reconstruct.reconstruct import METHODS as METHODS
from slipcast.reconstruct.reconstruct import SurfaceOptions
from slipcast.reconstruct.simplify import MAX_FACES, MIN_FACES, RepairOptions
from slipcast.texture.normal_map import MODES

if TYPE_CHECKING:
    from slipcast.pipeline.run import Recipe
    from slipcast.prepare.engine import EngineOptions

NORMAL_MAPS = MODES
DETAILS_TOLD = ", ".join(f"{name} {samples}" for name, samples in DETAILS.items()) + " (twice the time)"

HEIGHT = f"{PlaceOptions.height_m * 1000:g}mm"
ELEVATION = "level"
FACES = RepairOptions.faces
DEPTH = DepthOptions.model
DEVICE = DepthOptions.device
FOV_DEG = DepthOptions.fov_deg
DETAIL = PointOptions.detail
SURFACE = SurfaceOptions.method
NORMAL_MAP = "auto"
"""The defaults of the options: those of the stages."""


def recipe_of(
    *,
    formats: str,
    height: str,
    elevation: str,
    faces: int,
    depth: str,
    device: str,
    fov_deg: float,
    detail: str,
    surface: str,
    normal_map: str,
    export: ExportOptions,
    engine: "EngineOptions",
    gates: str,
    wall_m: float,
) -> "Recipe":
    """The recipe that the words ask for; BadInput names the word that cannot be followed and the choices."""
    height_m, elevation_deg = parse_height(height), parse_elevation(elevation)
    keys = formats_of(formats)
    device = one_of("--device", device, DEVICES)
    detail = one_of("--detail", detail, tuple(DETAILS))
    surface = one_of("--surface", surface, METHODS)
    normal_map = one_of("--normal-map", normal_map, NORMAL_MAPS)
    if not MIN_FACES <= faces <= MAX_FACES:
        raise BadInput(f"--faces {faces} is out of range; from {MIN_FACES} to {MAX_FACES} can be made")
    if not 1.0 <= fov_deg <= 120.0:  # also refuses nan
        raise BadInput(
            f"--fov {fov_deg:g} is out of range; lenses of 1 to 120 degrees are understood, 24 is usual"
        )

    from slipcast.checks.gates import parse_gates
    from slipcast.pipeline.run import Recipe
    from slipcast.texture.paint import TextureOptions

    met = parse_gates(gates)
    choose(depth)  # an unknown or missing model is refused before the first picture is read
    return Recipe(
        depth=DepthOptions(model=depth, device=device, fov_deg=fov_deg),
        place=PlaceOptions(height_m=height_m, elevation_deg=elevation_deg),
        points=PointOptions(detail=detail),
        surface=SurfaceOptions(method=surface),
        repair=RepairOptions(faces=faces),
        texture=TextureOptions(normal_map=normal_map),
        formats=keys,
        export=export,
        engine=engine,
        gates=met,
        wall_m=wall_m,
    )


def formats_of(words: str) -> tuple[str, ...]:
    """`glb,fbx` -> the keys of EXPORTERS, each once, in order; BadInput lists them when one is unknown."""
    from slipcast.formats.table import EXPORTERS

    keys = tuple(
        dict.fromkeys(word.strip().lower().removeprefix(".") for word in words.split(",") if word.strip())
    )
    for key in keys:
        if key not in EXPORTERS:
            raise BadInput(f"--format {key!r} is unknown; choose from {', '.join(EXPORTERS)}")
        EXPORTERS[key].require()
    if not keys:
        raise BadInput(f"--format names no format; choose from {', '.join(EXPORTERS)}")
    return keys


def whole_number(flag: str, word: str) -> int:
    """The whole number that `word` is; BadInput when it is none."""
    try:
        return int(word)
    except ValueError:
        raise BadInput(f"{flag} {word!r} is no whole number; write for instance 50000") from None


def one_of(flag: str, word: str, choices: tuple[str, ...]) -> str:
    """`word` in lower case; BadInput lists the choices when it is none of them."""
    if word.lower() not in choices:
        raise BadInput(f"{flag} {word!r} is unknown; choose from {', '.join(choices)}")
    return word.lower()


def view_of(word: str) -> View:
    """The view of that name."""
    return View(one_of("--view", word, tuple(View)))
