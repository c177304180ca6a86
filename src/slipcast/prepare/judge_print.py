"""What is told of a print before a printer runs for hours: how it stands in use, and what each part suffers from."""

from collections.abc import Mapping, Sequence

from slipcast.core.findings import Finding, finding
from slipcast.prepare.inspect_print import PartReport, Process, name_place
from slipcast.prepare.split import SplitPart
from slipcast.prepare.stand import SHAKY_DEG, Stance

_UPRIGHT_DEG = 1.0
"""Less is within what any camera is level by."""


def judge_upright(provenance: Mapping[str, object]) -> list[Finding]:
    """Return by how many degrees a figurine was stood upright, as the `camera` in its provenance says.

    >>> judge_upright({"camera": {"elevation_deg": 14.1, "likely_error_deg": 4.5}})[0].values["way"]
    'down'
    """
    camera = provenance.get("camera")
    if not isinstance(camera, Mapping):
        return []
    degrees, error = camera.get("elevation_deg"), camera.get("likely_error_deg")
    if not isinstance(degrees, int | float) or abs(degrees) < _UPRIGHT_DEG:
        return []
    way = "down" if degrees > 0 else "up"
    return [finding("PRINT_UPRIGHT", {"way": way, "degrees": abs(degrees), "error_deg": error or 0})]


def judge_stance(in_use: Stance, *, own_stand: bool) -> list[Finding]:
    """Return what to say of a figurine that does not stand safely in use, however it lies on the plate.

    `own_stand`: it was to have no base, and hangs on supports while it is printed, so nothing but an info is wanted.
    """
    if in_use.tipping_deg >= SHAKY_DEG:
        return []
    code = "PRINT_NEEDS_STAND" if own_stand else "PRINT_TIPS_OVER"
    return [finding(code, {"tipping_deg": round(in_use.tipping_deg, 1)})]


def judge_parts(
    parts: Sequence[SplitPart], reports: Sequence[PartReport], process: Process, *, as_in_use: bool = True
) -> list[Finding]:
    """Return what the user should know of each part before he prints; dowels are not judged.

    `as_in_use`: the figurine stands on the plate as it will in use, of which `judge_stance` tells.
    """
    found: list[Finding] = []
    for part, report in zip(parts, reports, strict=True):
        if part.is_dowel:
            continue
        values: dict[str, object] = {"part": part.name}
        if report.walls.thinnest_mm < process.wall_mm:
            where = {
                "thickness_mm": report.walls.thinnest_mm,
                "place": report.walls.place,
                "limit_mm": process.wall_mm,
            }
            found.append(finding("PRINT_THIN", values | where))
        if report.pins:
            thinnest = report.pins[0]
            about = {"count": len(report.pins), "limit_mm": process.pin_mm}
            about |= {"diameter_mm": thinnest.diameter_mm, "length_mm": thinnest.length_mm}
            place = name_place(thinnest.at_mm, part.body.box_mm)
            found.append(finding("PRINT_PIN", values | about | {"place": place}))
        if report.layers.trapped_mm3 > 0:
            found.append(finding("PRINT_TRAP", values | {"volume": report.layers.trapped_mm3}))
        if report.layers.islands:
            lowest = report.layers.islands[0]
            place = name_place(lowest.at_mm, part.body.box_mm)
            found.append(
                finding("PRINT_ISLANDS", values | {"count": report.layers.island_count, "place": place})
            )
        if process.name == "resin" and report.layers.cup_mm3 > 0:
            found.append(finding("PRINT_CUP", values | {"volume": report.layers.cup_mm3}))
        # Resin hangs on supports; a part of filament lies where it is put.
        if process.name == "fdm" and not as_in_use and report.stance.tipping_deg < SHAKY_DEG:
            tips = {"tipping_deg": round(report.stance.tipping_deg, 1)}
            found.append(finding("PRINT_FALLS_ON_PLATE", values | tips))
        if report.fits is False:
            found.append(
                finding(
                    "PRINT_TOO_LARGE",
                    values | {"size_mm": " x ".join(f"{side:.1f}" for side in report.size_mm)},
                )
            )
        if not report.sound:
            found.append(finding("PRINT_NOT_SOLID", values))
    return found
