"""Defaults and choices of the options that make an asset: those of the stages and their tables."""

from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.depth.device import DEVICES as DEVICES
from slipcast.depth.models import DepthOptions
from slipcast.depth.place import PlaceOptions
from slipcast.reconstruct.dexels import DETAILS as DETAILS
from slipcast.reconstruct.points import PointOptions
from slipcast.reconstruct.reconstruct import METHODS as METHODS
from slipcast.reconstruct.reconstruct import SurfaceOptions
from slipcast.reconstruct.simplify import SimplifyOptions
from slipcast.texture.normal_map import MODES

NORMAL_MAPS = MODES
DETAILS_TOLD = ", ".join(f"{name} {samples}" for name, samples in DETAILS.items()) + " (twice the time)"

HEIGHT = f"{PlaceOptions.height_m * 1000:g}mm"
ELEVATION = "auto"
FACES = SimplifyOptions.faces
DEPTH = DepthOptions.model
DEVICE = DepthOptions.device
FOV_DEG = DepthOptions.fov_deg
DETAIL = PointOptions.detail
SURFACE = SurfaceOptions.method
NORMAL_MAP = "auto"
"""The defaults of the options: those of the stages."""


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
