"""Print -> NAME.print.html: one page with all that one looks at before a printer runs for hours.

Per part: the printed colours, wall thickness as a heat map, overhangs and islands, the part cut open, and every number
with its limit. Pictures are in the page and nothing is fetched, as in the report of an asset.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from slipcast.core.values import F64, U8
from slipcast.mesh.thickness import measure_thickness
from slipcast.prepare.body import MM, Body, Kind, read_surface
from slipcast.prepare.draw import draw_faces
from slipcast.prepare.inspect_print import PROCESSES, PartReport, name_place
from slipcast.prepare.print import Print
from slipcast.prepare.split import SplitPart
from slipcast.prepare.stand import SHAKY_DEG
from slipcast.report.model import thickness_level
from slipcast.report.page import css
from slipcast.report.pictures import THICKNESS, Color, Shown, show_image
from slipcast.report.report import template

_SIDE_PX = 460
_PLAIN: Color = (200, 202, 205)
_CUT: Color = (232, 168, 72)
HANGING: tuple[tuple[str, float, Color], ...] = (
    ("45 to 60 degrees: clean on most printers", 45.0, (250, 220, 150)),
    ("60 to 75 degrees: droops", 60.0, (240, 150, 70)),
    ("more: needs support", 75.0, (190, 40, 50)),
)
"""Lean from upright -> colour."""
STATUS = {"healthy": "Ready to print", "warning": "Have a look", "error": "Not a solid"}
_CHIP = {"healthy": "approve", "warning": "review", "error": "reject"}


@dataclass(frozen=True, kw_only=True)
class PartPage:
    """One part on the page."""

    name: str
    quantity: int
    rows: list[tuple[str, str, str]]
    """What, measured, and the limit or place in words."""
    islands: list[tuple[str, str]]
    """Where in words, and how large."""
    pins: list[tuple[str, str]]
    """Where in words, and how thin and long."""
    pictures: list[tuple[str, str, Shown]]
    """Title, text, picture."""


def draw_print_report(made: Print) -> bytes:
    """Return the page of `made` as one HTML file."""
    described = made.describe()
    status = str(_mapping(described["printability"])["status"])
    process = PROCESSES[made.options.process]
    pages = []
    for number, (part, report) in enumerate(zip(made.parts, made.reports, strict=True)):
        colors = None
        if made.painted:
            painted = made.painted[number]
            own = np.array(painted.palette.colors, np.uint8)[painted.index]
            colors = painted.surface.vertices_mm, painted.surface.faces, own
        pages.append(_page_of(part, report, colors, made))
    page = {
        "name": made.name,
        "generator": str(made.provenance.get("generator", "Slipcast")),
        "status": status,
        "status_title": STATUS[status],
        "chip": _CHIP[status],
        "process": process.name,
        "findings": [entry.as_dict() for entry in made.findings],
        "parts": pages,
        "rows": _rows_of(made, described),
        "palette": [] if made.palette is None else [css(color) for color in made.palette.colors],
        "thickness": [(f"{walls * process.wall_mm:g} mm", css(color)) for walls, color in THICKNESS],
        "hanging": [(word, css(color)) for word, _, color in HANGING],
    }
    return template("print.html.jinja").render(page).encode()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _rows_of(made: Print, described: Mapping[str, object]) -> list[tuple[str, str]]:
    """What holds for the whole print."""
    base = made.base
    stands = f"{base.after.tipping_deg:.0f}°"
    if base.shape == "none":
        how = "hardly stands" if base.after.stands else "does not stand"
        how = "stands" if base.after.tipping_deg >= SHAKY_DEG else how
        rows = [("Base", f"none: it {how} by itself"), ("Tips over in use at", stands)]
    else:
        size = f"{base.shape}, {base.size_mm:g} mm, {base.height_mm:g} mm high"
        alone = f"{stands}, without the base {base.before.tipping_deg:.0f}°"
        rows = [("Base", size), ("Tips over in use at", alone)]
    rows.append(("Leans back", f"{made.orientation.lean_deg:g}°"))
    weights = _mapping(described["weight_g"])
    rows.append(("Weight", ", ".join(f"{weight} g {name}" for name, weight in weights.items())))
    if described["cost"] is not None:
        rows.append(("Material cost", f"{described['cost']}"))
    if made.hollow:
        saved = (made.hollow.before_mm3 - made.hollow.after_mm3) / 1000
        share = f"{100 * made.hollow.saved:.0f} % ({saved:.1f} ml) saved"
        rows.append(("Hollow", made.hollow.refused or f"{share} by {made.hollow.cavities} cavities"))
        for hole in made.hollow.holes:
            at = ", ".join(f"{value:g}" for value in hole.at_mm)
            size = f"{hole.diameter_mm:g} mm wide, {hole.length_mm:g} mm long"
            rows.append((hole.kind.capitalize(), f"{size}, at {at} mm"))
    if made.thickened:
        grown, moved = 100 * made.thickened.grown_share, made.thickened.largest_mm
        rows.append(("Thickened", f"{grown:.2f} % of the surface, which moved by {moved:g} mm at most"))
    if made.mended:
        area, off = made.mended.covered_mm2, made.mended.deviation_mm
        rows.append(("Repaired", f"{made.mended.holes} holes, {area:g} mm² covered, {off:g} mm off"))
    if made.palette:
        mean, largest = made.palette.mean_error, made.palette.largest_error
        rows.append(("Colours", f"off by {mean:g} (CIEDE2000) on average, {largest:g} at most"))
    return rows


def _page_of(
    part: SplitPart, report: PartReport, colored: tuple[F64, np.ndarray, U8] | None, made: Print
) -> PartPage:
    process = PROCESSES[made.options.process]
    layers, walls = report.layers, report.walls
    sides = " × ".join(f"{side:g}" for side in report.size_mm)
    rows = [
        (
            "Size",
            f"{sides} mm",
            "" if report.fits is None else "fits the printer" if report.fits else "does not fit the printer",
        ),
        ("Closed, no face crosses", "yes" if report.sound else "no", ""),
        ("Thinnest wall", f"{walls.thinnest_mm:g} mm", f"{process.wall_mm:g} mm hold; {walls.place}"),
        ("Thinner than that", f"{100 * walls.below_limit:.2f} % of the surface", ""),
        ("Thin pins", str(len(report.pins)), f"thinner than {process.pin_mm:g} mm, and longer than wide"),
        ("Layers", f"{layers.count} of {layers.layer_mm:g} mm", f"the first {layers.first_layer_mm2:g} mm²"),
        ("Overhang", f"{layers.overhang_mm2:g} mm²", "steeper than 45°, all layers"),
        (
            "On the plate",
            f"tips over at {report.stance.tipping_deg:.0f}°",
            "as it lies there, without supports",
        ),
        ("Islands", str(layers.island_count), "begin in the air"),
        ("Closed in", f"{layers.trapped_mm3:g} mm³", "resin or air that nothing drains"),
        ("Suction cups", f"{layers.cup_mm3:g} mm³", "open only downwards"),
    ]
    islands = [(name_place(spot.at_mm, report.box_mm), f"{spot.area_mm2:g} mm²") for spot in layers.islands]
    return PartPage(
        name=part.name,
        quantity=part.quantity,
        rows=rows,
        islands=islands,
        pins=[
            (name_place(pin.at_mm, report.box_mm), f"{pin.diameter_mm:g} mm thick, {pin.length_mm:g} mm long")
            for pin in report.pins
        ],
        pictures=_draw_part(part.body, report, colored, process.wall_mm),
    )


def _draw_part(
    body: Body, report: PartReport, colored: tuple[F64, np.ndarray, U8] | None, wall_mm: float
) -> list[tuple[str, str, Shown]]:
    surface = read_surface(body)
    vertices, faces = surface.vertices_mm, surface.faces
    plain = np.full((len(faces), 3), _PLAIN, np.uint8)
    heat = color_thickness(measure_thickness(surface.as_mesh()).per_face_m.astype(np.float64), wall_mm / MM)
    hanging = color_overhangs(vertices, faces)
    marks = [spot.at_mm for spot in report.layers.islands]
    shots: list[tuple[str, str, U8]] = []
    whole = colored or (vertices, faces, plain)
    shots.append(("Front", "as it is printed", draw_faces(*whole, side_px=_SIDE_PX)))
    shots.append(("Back", "as it is printed", draw_faces(*whole, side_px=_SIDE_PX, yaw_deg=155)))
    for word, yaw in (("front", -25.0), ("back", 155.0)):
        shots.append(
            (
                f"Walls, {word}",
                "warm is thin",
                draw_faces(vertices, faces, heat, side_px=_SIDE_PX, yaw_deg=yaw),
            )
        )
    below = draw_faces(vertices, faces, hanging, side_px=_SIDE_PX, pitch_deg=-20, marks=marks)
    shots.append(("Overhangs", "from below the front; a red ring is where an island begins", below))
    cut = cut_open(body)
    if cut is not None:
        shots.append(("Cut open", "at the middle, seen from its right", cut))
    return [(title, text, show_image(Image.fromarray(pixels), _SIDE_PX)) for title, text, pixels in shots]


def color_thickness(thickness_m: F64, wall_m: float) -> U8:
    """Return a colour (F,3) for each wall: warm is what may break, on a scale of octaves about `wall_m`."""
    level = thickness_level(thickness_m, wall_m).astype(np.float64)
    stops = [(np.log2(walls) + 2) / 7 * 255 for walls, _ in THICKNESS]
    channels = [np.interp(level, stops, [color[k] for _, color in THICKNESS]) for k in range(3)]
    return np.asarray(np.rint(np.stack(channels, 1)), np.uint8)


def color_overhangs(vertices_mm: F64, faces: np.ndarray) -> U8:
    """Return a colour (F,3) for each face by how far it leans out over what is below; what lies on the bed is plain."""
    a, b, c = (vertices_mm[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    down = -normal[:, 2] / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
    lean = np.degrees(np.arcsin(np.clip(down, -1, 1)))
    out = np.full((len(faces), 3), _PLAIN, np.uint8)
    for _, least, color in HANGING:
        out[lean > least] = color
    out[np.maximum(np.maximum(a[:, 2], b[:, 2]), c[:, 2]) < 0.3] = _PLAIN
    return out


def cut_open(body: Body) -> U8 | None:
    """Return (H,W,3) a drawing of the half of a part that lies left of its middle; None where nothing is left.

    The cut and the walls of cavities have colours of their own.
    """
    middle = float(body.box_mm[:, 0].mean())
    half = body.solid.trim_by_plane((-1.0, 0.0, 0.0), -middle)
    if half.is_empty():
        return None
    surface = read_surface(Body(half, body.origins))
    colors = np.full((len(surface.faces), 3), _PLAIN, np.uint8)
    colors[surface.kind == int(Kind.CAVITY)] = (176, 196, 214)
    corner = surface.vertices_mm[surface.faces]
    colors[np.abs(corner[..., 0] - middle).max(1) < 1e-3] = _CUT
    return draw_faces(
        surface.vertices_mm, surface.faces, colors, side_px=_SIDE_PX, yaw_deg=-75.0, pitch_deg=10.0
    )
