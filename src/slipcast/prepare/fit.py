"""A figurine that is too large for the printer -> one that fits with the base that it gets, leaning as it will.

A base of its own size stays as it is; one of no stated size follows the figurine. So the base is built, the whole is
turned as it will be printed, and measured, until it fits.
"""

import math

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.prepare.base import OVAL, BaseOptions, add_base
from slipcast.prepare.body import Body
from slipcast.prepare.orient import orient

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


def fit_printer(
    body: Body, base: BaseOptions, printer_mm: Printer | None, *, lean: str, process: str
) -> Body:
    """Return `body` as it is, or as much smaller as the printer needs for it and its base.

    `lean` and `process` are those of `orient`. Raises BadInput for a base that leaves a figurine no height.
    """
    if printer_mm is None:
        return body
    narrow, broad, high = *sorted(printer_mm[:2]), printer_mm[2]
    low, top = body.box_mm
    width, depth = sorted((top - low)[:2])
    tall = float(top[2] - low[2])
    factor = min(1.0, _ROOM * narrow / width, _ROOM * broad / depth, _ROOM * high / tall)
    fits = 0.0
    for _ in range(_ROUNDS):
        bare = body.scale(factor).drop()
        standing, report = add_base(bare, base)
        placed, orientation = orient(standing, lean, process)
        low, top = placed.box_mm
        width, depth = sorted((top - low)[:2])
        tall = float(np.ptp(bare.turn(-orientation.lean_deg, 0, 0).box_mm[:, 2]))
        room = _ROOM * high - (float(top[2] - low[2]) - tall)
        if room <= 0:
            raise BadInput(
                f"the base is {report.height_mm:.1f} mm high and the printer {high:g} mm; take a lower base",
                field="base",
            )
        share = min(_ROOM * narrow / width, _ROOM * broad / depth, room / tall)
        if share >= _CLOSE:
            fits = max(fits, factor)
        following = min(factor * share, 1.0)
        if abs(following / factor - 1) < 1 - _CLOSE:
            break
        factor = following
    return body.scale(fits or factor)
