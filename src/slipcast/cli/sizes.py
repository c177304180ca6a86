"""Text -> metres: `75mm`, `7.5cm`, `0.075m`, `3in`, `3"`; a bare number is millimetres."""

import math
import re

from slipcast.errors import BadInput

METRES = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254, '"': 0.0254}
SMALLEST_M, LARGEST_M = 0.001, 10.0

_SIZE = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)\s*([a-z\"]*)", re.IGNORECASE | re.ASCII)


def parse_height(text: str) -> float:
    """The height in metres; BadInput unless it is a length of 1 mm to 10 m in a known unit."""
    match = _SIZE.fullmatch(text.strip())
    unit = match[2].lower() or "mm" if match else ""
    if match is None or unit not in METRES:
        raise BadInput(f"--height {text!r} is not a length; write for example 75mm, 7.5cm, 0.075m or 3in")
    height_m = float(match[1]) * METRES[unit]
    if not (math.isfinite(height_m) and SMALLEST_M <= height_m <= LARGEST_M):
        raise BadInput(f"--height {text} is out of range; figurines from 1 mm to 10 m can be made")
    return height_m
