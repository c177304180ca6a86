"""Layers that a printer would leave empty, and what grows so that it lays them.

A slicer leaves out a pin that is narrower than its line, and a layer in which nothing else is stays empty: what is
above it has nothing to stand on. A short wall counts as such a pin; a longer one is laid as a single line
(docs/print.md has the measured limits).

The narrow end at the top is left out: every tip has one, and nothing stands on it.
"""

from dataclasses import dataclass

import manifold3d
import numpy as np

from slipcast.core.findings import Finding, finding
from slipcast.prepare.body import Body
from slipcast.prepare.inspect_print import Process, name_place
from slipcast.prepare.thicken import ThickenReport, thicken

_STEP_MM = 0.2
"""Between the sections that are looked at."""
_SINGLE_MM, _LENGTH_MM = 0.25, 1.6
"""Width and length from which a wall is laid as one line."""
_PLENTY_MM2 = 20.0
"""A section of so much area is laid: of bits that are not, it would need fifteen."""


@dataclass(frozen=True, kw_only=True)
class EmptyLayers:
    """A run of layers in which a printer lays nothing."""

    low_mm: float
    high_mm: float
    at_mm: tuple[float, float, float]
    """The middle of what should be there."""


def grow_empty_layers(body: Body, process: Process) -> tuple[Body, ThickenReport | None, list[Finding]]:
    """Return `body`, on z = 0, with what is too narrow in empty layers grown to `process.grown_mm`, and what to say.

    The report is None where no layer is empty. All other layers stay as they are, but for `grown_mm` above and below.
    """
    empty = find_empty_layers(body.solid, process)
    if not empty:
        return body, None, []
    runs = [(run.low_mm, run.high_mm) for run in empty]
    grown, report = thicken(body, process.grown_mm, between_mm=runs)
    if not report.added_mm3:
        return body, None, tell_empty_layers(body, process)
    about: dict[str, object] = {"thickness_mm": process.grown_mm, "moved_mm": report.largest_mm}
    grew = finding("PRINT_GREW", _describe(empty, body, process) | about)
    return grown, report, [grew, *tell_empty_layers(grown, process)]


def tell_empty_layers(body: Body, process: Process) -> list[Finding]:
    """Return what to say of the layers of `body` that stay empty."""
    empty = find_empty_layers(body.solid, process)
    return [finding("PRINT_EMPTY_LAYERS", _describe(empty, body, process))] if empty else []


def _describe(empty: list[EmptyLayers], body: Body, process: Process) -> dict[str, object]:
    return {
        "low_mm": round(empty[0].low_mm, 1),
        "high_mm": round(empty[-1].high_mm, 1),
        "place": name_place(empty[0].at_mm, body.box_mm),
        "limit_mm": process.line_mm,
    }


def find_empty_layers(solid: manifold3d.Manifold, process: Process) -> list[EmptyLayers]:
    """Return the runs of empty layers of `solid`, which stands on z = 0, from below.

    >>> from slipcast.prepare.inspect_print import PROCESSES
    >>> post = manifold3d.Manifold.cylinder(20, 0.3).translate((0, 0, 5))
    >>> ball = manifold3d.Manifold.sphere(5, 32)
    >>> (run,) = find_empty_layers(post + ball.translate((0, 0, 5)) + ball.translate((0, 0, 25)), PROCESSES["fdm"])
    >>> round(run.low_mm), round(run.high_mm)
    (10, 20)
    """
    runs: list[EmptyLayers] = []
    first: float | None = None
    middle = (0.0, 0.0, 0.0)
    for z in np.arange(_STEP_MM / 2, solid.bounding_box()[5], _STEP_MM).tolist():
        section = solid.slice(z)
        if _is_laid(section, process.line_mm):
            if first is not None:
                runs.append(EmptyLayers(low_mm=first, high_mm=z - _STEP_MM / 2, at_mm=middle))
            first = None
        elif first is None:
            first = z - _STEP_MM / 2
            box = np.array(section.bounds(), np.float64).reshape(2, 2)
            x, y = (0.0, 0.0) if section.is_empty() else box.mean(0).tolist()
            middle = (x, y, z)
    return runs


def _is_laid(section: manifold3d.CrossSection, line_mm: float) -> bool:
    """Whether a printer lays something in `section`."""
    if section.area() > _PLENTY_MM2 or not section.offset(-line_mm / 2).is_empty():
        return True
    width = min(_SINGLE_MM, line_mm)
    for piece in section.offset(-width / 2).decompose():
        low, high = np.array(piece.bounds(), np.float64).reshape(2, 2)
        if not piece.is_empty() and np.hypot(*(high - low)) >= _LENGTH_MM - width:
            return True
    return False
