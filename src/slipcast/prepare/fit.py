"""A figurine that is too large for the printer -> one that fits with the base that it gets.

A base of its own size stays as it is; one of no stated size follows the figurine. So the base is built and measured
until both fit.
"""

import math

from slipcast.core.errors import BadInput
from slipcast.prepare.base import OVAL, BaseOptions, add_base
from slipcast.prepare.body import Body

_ROOM = 0.99
"""Share of the printer that is filled; thickening may add a little."""
_ROUNDS = 8
_CLOSE = 0.999
"""Near enough to what fits; the rest is within `_ROOM`."""

Printer = tuple[float, float, float]


def check_base(base: BaseOptions, printer_mm: Printer | None) -> None:
    """Raise BadInput for a base of a stated size that is wider than the printer, whatever stands on it.

    >>> check_base(BaseOptions(shape="round", size_mm=80), (60, 60, 60))
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: base round:80mm is 80 x 80 mm and the printer 60 x 60 mm; take one of at most 60 mm
    """
    if printer_mm is None or base.size_mm is None:
        return
    wide = {"oval": OVAL, "hex": 2 / math.sqrt(3)}.get(base.shape, 1.0)
    narrow, broad = sorted(printer_mm[:2])
    most = min(narrow, broad / wide)
    if base.size_mm > most:
        size = f"{wide * base.size_mm:.0f} x {base.size_mm:.0f} mm"
        raise BadInput(
            f"base {base.shape}:{base.size_mm:g}mm is {size} and the printer "
            f"{printer_mm[0]:g} x {printer_mm[1]:g} mm; take one of at most {math.floor(most)} mm",
            field="base",
        )


def fit_printer(body: Body, base: BaseOptions, printer_mm: Printer | None) -> Body:
    """Return `body` as it is, or as much smaller as the printer needs for it and its base.

    Raises BadInput for a base that leaves a figurine no height.
    """
    if printer_mm is None:
        return body
    narrow, broad, high = *sorted(printer_mm[:2]), printer_mm[2]
    low, top = body.box_mm
    width, depth = sorted((top - low)[:2])
    tall = float(top[2] - low[2])
    largest = factor = min(1.0, _ROOM * narrow / width, _ROOM * broad / depth, _ROOM * high / tall)
    fits = 0.0
    for _ in range(_ROUNDS):
        standing, report = add_base(body.scale(factor).drop(), base)
        low, top = standing.box_mm
        width, depth = sorted((top - low)[:2])
        added = float(top[2] - low[2]) - tall * factor
        room = _ROOM * high - added
        if room <= 0:
            raise BadInput(
                f"the base is {report.height_mm:.1f} mm high and the printer {high:g} mm; take a lower base",
                field="base",
            )
        share = min(_ROOM * narrow / width, _ROOM * broad / depth, room / (tall * factor))
        if share >= _CLOSE:
            fits = max(fits, factor)
        following = min(factor * share, largest)
        if abs(following / factor - 1) < 1 - _CLOSE:
            break
        factor = following
    return body.scale(fits or factor)
