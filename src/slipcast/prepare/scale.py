"""Names of sizes that modellers use -> height in metres: `1:7`, `28mm`, `6in`.

A ratio is that of a person of 1.75 m, whatever the figurine shows: 1:7 is 250 mm. Wargamers' 28 mm and 32 mm are taken
as the figurine's whole height without its base.
"""

import math
import re

from slipcast.core.errors import BadInput

PERSON_M = 1.75
SMALLEST_M, LARGEST_M = 0.005, 2.0
"""Heights that can be printed."""
_UNITS = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254, "inch": 0.0254, '"': 0.0254}
_RATIO = re.compile(r"1\s*[:/]\s*(\d+(?:\.\d+)?)")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(mm|cm|m|inch|in|\")", re.IGNORECASE)


def parse_scale(text: str) -> float:
    """Return the height in metres; raises BadInput for anything but `1:N` or a length with its unit.

    >>> parse_scale("1:7")
    0.25
    >>> parse_scale("28mm")
    0.028
    """
    ratio, length = _RATIO.fullmatch(text.strip()), _LENGTH.fullmatch(text.strip())
    if ratio and float(ratio[1]) > 0:
        height_m = PERSON_M / float(ratio[1])
    elif length:
        height_m = float(length[1]) * _UNITS[length[2].lower()]
    else:
        raise BadInput(f"scale {text!r} is unknown; write 1:7, 1:12, 28mm, 75mm or 6in", field="scale")
    if not (math.isfinite(height_m) and SMALLEST_M <= height_m <= LARGEST_M):
        raise BadInput(
            f"scale {text} gives {height_m * 1000:g} mm; figurines from 5 mm to 2 m can be printed",
            field="scale",
        )
    return round(height_m, 9)
