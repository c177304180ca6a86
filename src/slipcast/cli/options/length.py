"""Text -> metres: `75mm`, `7.5cm`, `0.075m`, `3in`, `3"`; a bare number is millimetres, where it can be no metres."""

import math
import re

from slipcast.core.errors import BadInput
from slipcast.depth.place import LARGEST_M, SMALLEST_M, STEEPEST_DEG

METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254, '"': 0.0254}
SMALLEST_BARE = 5.0
"""A bare number below this is asked for its unit: `1.8` is a person in metres rather than a grain of rice."""

_SIZE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z\"]*)", re.IGNORECASE | re.ASCII)


def parse_height(
    text: str, *, least_m: float = SMALLEST_M, most_m: float = LARGEST_M, verb: str = "made"
) -> float:
    """The height in metres; BadInput unless it is a length of `least_m` to `most_m` metres in a known unit.

    >>> parse_height("7.5cm")
    0.075
    """
    match = _SIZE.fullmatch(text.strip())
    unit = match[2].lower() or "mm" if match else ""
    if match is None or unit not in METRES:
        raise BadInput(f"--height {text!r} is not a length; write for example 75mm, 7.5cm, 0.075m or 3in")
    number = float(match[1])
    if not match[2] and 0 < number < SMALLEST_BARE:
        raise BadInput(f"--height {text} says no unit; write {match[1]}m or {match[1]}mm")
    height_m = number * METRES[unit]
    if not (math.isfinite(height_m) and least_m <= height_m <= most_m):
        raise BadInput(
            f"--height {text} is out of range; figurines from {1000 * least_m:g} mm to {most_m:g} m can be {verb}"
        )
    return height_m


_ANGLE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))\s*(deg|°)?", re.IGNORECASE | re.ASCII)


def parse_elevation(text: str) -> float | None:
    """Degrees that the camera looked down, None for `auto`; BadInput unless it is an angle that can be followed."""
    word = text.strip().lower()
    if word in ("auto", "level"):
        return None if word == "auto" else 0.0
    match = _ANGLE.fullmatch(text.strip())
    if match is None or not abs(float(match[1])) <= STEEPEST_DEG:
        raise BadInput(
            f"--elevation {text!r} cannot be followed; write auto, level, or degrees from {-STEEPEST_DEG:g}deg to "
            f"{STEEPEST_DEG:g}deg, for instance 12deg for a camera that looks down a little"
        )
    return float(match[1])
