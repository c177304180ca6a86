"""Figurine -> parts that a printer makes: the list of print steps, and what came of them.

    scale -> thicken -> base -> orient -> split -> hollow and drain -> paint -> inspect

`PrintOptions` has the defaults of each step; a step that is off costs nothing.
"""

import io
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace

import manifold3d
import numpy as np
from PIL import Image

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.options import Rule, check, choice, flag, instance, real, several, text, whole
from slipcast.core.values import U8, Figurine
from slipcast.formats.stl.write import pack_stl
from slipcast.formats.threemf.painted import PaintedPart, write_painted_threemf
from slipcast.prepare.base import BaseOptions, BaseReport, add_base
from slipcast.prepare.body import MM, Body, Surface, body_from_mesh, read_surface
from slipcast.prepare.color_bodies import split_colors
from slipcast.prepare.draw import draw_faces
from slipcast.prepare.empty_layers import grow_empty_layers, tell_empty_layers
from slipcast.prepare.fit import check_base, fit_printer
from slipcast.prepare.hollow import HollowOptions, HollowReport, hollow_parts
from slipcast.prepare.inspect_print import PROCESSES, PartReport, inspect_part, name_place
from slipcast.prepare.judge_print import judge_parts, judge_stance, judge_upright
from slipcast.prepare.mend import MendReport, join_bodies, mend
from slipcast.prepare.necks import WORDS
from slipcast.prepare.orient import Orientation, is_lean, orient
from slipcast.prepare.paint import Painted, PaintOptions, paint_surface, pick_palette
from slipcast.prepare.palette import Palette
from slipcast.prepare.scale import LARGEST_M, SMALLEST_M
from slipcast.prepare.split import Cut, SplitPart, split, take_apart
from slipcast.prepare.stand import measure_stance
from slipcast.prepare.thicken import ThickenReport, thicken
from slipcast.prepare.uncross import uncross

_GAP_MM = 4.0
"""Between parts on the plate."""
_LARGEST_MM = 2000.0
"""Of what is printed without a height that somebody asked for."""
_SMALLEST_MM = 1.0
"""Of the same, in its longest direction: what is smaller has faces that no measure tells from slivers."""


def _fit_split(value: object) -> object:
    if isinstance(value, tuple | list):
        words = [word.strip().lower() if isinstance(word, str) else "" for word in value]
        if not words or not set(words) <= set(WORDS):
            raise ValueError
        return tuple(word for word in WORDS if word in words)
    return whole(1, 8, example=2).fit(value)


_SPLIT = Rule(
    _fit_split, f"a whole number from 1 to 8, for instance 2, or what to cut off of {', '.join(WORDS)}"
)


def _fit_thicken(value: object) -> object:
    return value if value == "auto" else real(0.2, 5, example=0.8, unit="millimetres").fit(value)


_THICKEN = Rule(_fit_thicken, "auto, or millimetres from 0.2 to 5, for instance 0.8")
_LOOSE = 20
"""Pieces of a body whose distance from the rest is measured."""


@dataclass(frozen=True, kw_only=True)
class PrintOptions:
    """Everything that `print_figurine` can do.

    >>> PrintOptions(process="resin", hollow=HollowOptions()).hollow.wall_mm
    2.0
    """

    process: str = "fdm"
    """`fdm` or `resin`."""
    height_m: float | None = None
    """Height of the figurine without its base; None keeps it."""
    base: BaseOptions = field(default_factory=BaseOptions)
    hollow: HollowOptions | None = None
    split: int | tuple[str, ...] | None = 1
    """Number of parts; None: as many as the printer needs; or what is cut off: `head`, `arms`, `base`."""
    printer_mm: tuple[float, float, float] | None = None
    """Width, depth and height that the printer can build."""
    scale_to_fit: bool = False
    """Make a figurine that is too large for the printer smaller."""
    paint: PaintOptions | None = None
    orient: str = "stand"
    """`stand`, `auto` (resin leans back where that saves supports) or degrees."""
    thicken_mm: float | str | None = "auto"
    """Grow thinner parts to this; `auto`: what the printer would leave layers empty for, and nothing else."""
    stl_per_color: bool = False
    """Also write a closed STL for each colour, for slicers that take a part a filament."""
    price_per_kg: float | None = None
    """Of the material; gives the cost."""

    def __post_init__(self) -> None:
        check(
            self,
            process=choice(PROCESSES),
            height_m=real(SMALLEST_M, LARGEST_M, example=0.075, unit="metres").or_none(),
            base=instance(BaseOptions),
            hollow=instance(HollowOptions).or_none(),
            split=_SPLIT.or_none(),
            printer_mm=several(real(20, 2000, example=256, unit="millimetres"), least=3, most=3).or_none(),
            scale_to_fit=flag(),
            stl_per_color=flag(),
            paint=instance(PaintOptions).or_none(),
            orient=text(example="stand"),
            thicken_mm=_THICKEN.or_none(),
            price_per_kg=real(0, 10_000, example=25, unit="money").or_none(),
        )
        if not is_lean(self.orient):
            raise BadInput(
                f"orient is {self.orient!r}; give stand, auto or degrees from 0 to 60, for instance 30",
                field="orient",
            )
        if isinstance(self.split, tuple) and self.orient not in ("stand", "auto"):
            raise BadInput(
                "orient leans a whole figurine, and what split takes off lies on its cut; leave out one of them",
                field="orient",
            )
        if self.split is None and self.printer_mm is None:
            raise BadInput(
                "split without a number of parts needs the printer's size; give for instance",
                field="split",
                cure="printer_mm=256x256x256mm",
            )
        if self.scale_to_fit and self.printer_mm is None:
            raise BadInput(
                "scale_to_fit needs the printer's size; give for instance",
                field="scale_to_fit",
                cure="printer_mm=256x256x256mm",
            )
        if self.stl_per_color and self.paint is None:
            raise BadInput(
                "stl_per_color needs paint, the colours; name their number or the filaments",
                field="stl_per_color",
            )


@dataclass(frozen=True, kw_only=True, repr=False)
class Print:
    """A figurine ready for the printer.

    >>> figurine = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).figurine
    >>> sorted(slipcast.print_figurine(figurine, slipcast.PrintOptions()).files())
    ['knight.print.3mf', 'knight.print.png']
    """

    name: str
    parts: tuple[SplitPart, ...]
    reports: tuple[PartReport, ...]
    """One for each of `parts`."""
    painted: tuple[Painted, ...]
    """One for each of `parts`, where colours were asked for."""
    palette: Palette | None
    base: BaseReport
    hollow: HollowReport | None
    cuts: tuple[Cut, ...]
    orientation: Orientation
    thickened: ThickenReport | None
    mended: MendReport | None
    """What was repaired in a mesh that was open."""
    findings: tuple[Finding, ...]
    options: PrintOptions
    provenance: Mapping[str, object]

    @property
    def sound(self) -> bool:
        """Whether every part is a closed solid that no face pierces."""
        return all(report.sound for report in self.reports)

    def files(self) -> dict[str, bytes]:
        """Return name -> content: `NAME.print.3mf`, for resin also STL files, and the thumbnail."""
        out: dict[str, bytes] = {}
        laid = self._lay_out()
        thumbnail = draw_thumbnail(laid, self.palette)
        out[f"{self.name}.print.3mf"] = write_painted_threemf(
            laid,
            self.palette.colors if self.palette else (),
            title=self.name,
            metadata={**self.provenance, "print": self.describe()},
            thumbnail=thumbnail,
        )
        if self.options.process == "resin" or len(self.parts) > 1:
            for number, part in enumerate(self.parts):
                suffix = "" if len(self.parts) == 1 else f".{part.name}"
                out[f"{self.name}.print{suffix}.stl"] = self.pack_stl(number)
        if self.options.stl_per_color:
            out |= self._pack_colors()
        out[f"{self.name}.print.png"] = thumbnail
        return out

    def _pack_colors(self) -> dict[str, bytes]:
        """`NAME.print.color1-c83232.stl`: colour k is filament k."""
        out: dict[str, bytes] = {}
        for part, painted in zip(self.parts, self.painted, strict=True):
            suffix = "" if len(self.parts) == 1 else f".{part.name}"
            for body in split_colors(painted):
                r, g, b = painted.palette.colors[body.color]
                name = f"{self.name}.print{suffix}.color{body.color + 1}-{r:02x}{g:02x}{b:02x}.stl"
                out[name] = pack_stl(body.vertices_mm[body.faces], "mm", "z")
        return out

    def pack_stl(self, number: int = 0) -> bytes:
        """Return part `number` as a binary STL in millimetres, z up."""
        surface = read_surface(self.parts[number].body)
        return pack_stl(surface.vertices_mm[surface.faces], "mm", "z")

    def describe(self) -> dict[str, object]:
        """Return the report as JSON-ready data."""
        weight = {
            name: round(
                sum(r.weight_g[name] * p.quantity for r, p in zip(self.reports, self.parts, strict=True)), 2
            )
            for name in PROCESSES[self.options.process].materials
        }
        cost = None
        if self.options.price_per_kg is not None:
            cost = round(next(iter(weight.values())) / 1000 * self.options.price_per_kg, 2)
        out: dict[str, object] = {
            "process": self.options.process,
            "printability": self._printability(),
            "parts": [
                {"name": part.name, "quantity": part.quantity, **report.as_dict()}
                for part, report in zip(self.parts, self.reports, strict=True)
            ],
            "base": {
                "shape": self.base.shape,
                "size_mm": self.base.size_mm,
                "height_mm": round(self.base.height_mm, 2),
                "tipping_before_deg": round(self.base.before.tipping_deg, 1),
                "tipping_after_deg": round(self.base.after.tipping_deg, 1),
                "font": self.base.font,
            },
            "in_use": self.base.after.as_dict(),
            "lean_deg": self.orientation.lean_deg,
            "weight_g": weight,
            "cost": cost,
            "findings": [entry.as_dict() for entry in self.findings],
        }
        if self.hollow:
            out["hollow"] = {
                "refused": self.hollow.refused,
                "saved_percent": round(100 * self.hollow.saved, 1),
                "saved_ml": round((self.hollow.before_mm3 - self.hollow.after_mm3) / 1000, 2),
                "cavities": self.hollow.cavities,
                "filled": self.hollow.filled,
                "holes": [asdict(hole) for hole in self.hollow.holes],
            }
        if self.cuts:
            out["cuts"] = [asdict(cut) for cut in self.cuts]
        if self.thickened:
            out["thickened"] = asdict(self.thickened)
        if self.mended:
            out["mended"] = asdict(self.mended)
        if self.palette:
            out["colors"] = {
                "palette": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in self.palette.colors],
                "mean_ciede2000": self.palette.mean_error,
                "largest_ciede2000": self.palette.largest_error,
            }
        return out

    def _printability(self) -> dict[str, object]:
        """The verdict in Meshy's field names."""
        errors = sum(not report.sound for report in self.reports)
        warnings = sum(entry.severity == "warning" for entry in self.findings)
        return {
            "status": "error" if errors else "warning" if warnings else "healthy",
            "issue_count": errors + warnings,
            "error_count": errors,
            "warning_count": warnings,
            "metrics": {
                "is_watertight": all(report.closed for report in self.reports),
                "volume": round(sum(report.volume_mm3 for report in self.reports), 2),
                "non_manifold_edges": 0 if all(report.closed for report in self.reports) else None,
                "degenerate_faces": sum(report.degenerate_faces for report in self.reports),
                "holes": 0 if all(report.closed for report in self.reports) else None,
            },
        }

    def _lay_out(self) -> list[PaintedPart]:
        """Every part on the plate, in a row."""
        out: list[PaintedPart] = []
        x = 0.0
        for number, part in enumerate(self.parts):
            if self.painted:
                painted = self.painted[number]
                vertices, faces, index = painted.surface.vertices_mm, painted.surface.faces, painted.index
            else:
                surface = read_surface(part.body)
                vertices, faces, index = surface.vertices_mm, surface.faces, None
            for copy in range(part.quantity):
                low, high = vertices.min(0), vertices.max(0)
                moved = vertices + (np.array([x - low[0], 0, 0]) if len(self.parts) > 1 else 0)
                x += float(high[0] - low[0]) + _GAP_MM
                name = self.name if len(self.parts) == 1 else f"{self.name} {part.name}"
                out.append(
                    PaintedPart(
                        name=name if part.quantity == 1 else f"{name} {copy + 1}",
                        vertices_mm=moved,
                        faces=faces,
                        index=index,
                    )
                )
        return out


def print_figurine(figurine: Figurine, options: PrintOptions) -> Print:
    """Return `figurine` as parts that print.

    >>> figurine = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).figurine
    >>> slipcast.print_figurine(figurine, slipcast.PrintOptions(height_m=0.06)).sound
    True

    Raises BadInput for a base, text or split that does not fit, and StageFailed when the mesh is no closed solid.
    """
    found = judge_upright(figurine.provenance)
    check_base(options.base, options.printer_mm)
    figurine, mended = mend(_enlarge(figurine, options))
    if mended is not None:
        found.append(finding("PRINT_MENDED", asdict(mended)))
    body = _scale(join_bodies(body_from_mesh(figurine.mesh, figurine.uv)), options)
    thickened = None
    if options.thicken_mm is not None and options.thicken_mm != "auto":
        body, thickened = thicken(body, float(options.thicken_mm))
    body, base = add_base(body.drop(), options.base)
    if options.thicken_mm == "auto":  # with its base: what sinks into that need not grow
        body, thickened, grown = grow_empty_layers(body, PROCESSES[options.process])
        found += grown
    else:
        found += tell_empty_layers(body, PROCESSES[options.process])
    found += _find_loose(body)
    if isinstance(options.split, tuple):  # each part lies on its cut
        body, orientation = orient(body, "stand", options.process)
        parts, cuts = take_apart(
            body, options.split, process=options.process, texture=figurine.texture.pixels
        )
        if "arms" in options.split and sum(cut.part.endswith("arm") for cut in cuts) == 1:
            found.append(finding("PRINT_ONE_ARM", {"part": next(c.part for c in cuts if "arm" in c.part)}))
    else:
        body, orientation = orient(body, options.orient, options.process)
        parts, cuts = split(body, count=options.split, printer_mm=options.printer_mm, process=options.process)
    found += [finding("PRINT_NO_DOWEL", {"z_mm": cut.z_mm}) for cut in cuts if not cut.dowels]
    emptied = None
    if options.hollow is not None:
        pieces = [part for part in parts if not part.is_dowel]
        hollowed, emptied = hollow_parts(
            [part.body for part in pieces],
            options.hollow,
            cut_above=[part.cut_above for part in pieces],
            tall_mm=float(np.ptp(body.box_mm[:, 2])),
            lean_deg=orientation.lean_deg,
        )
        parts[: len(pieces)] = [replace(part, body=own) for part, own in zip(pieces, hollowed, strict=True)]
        if emptied.refused:
            found.append(finding("PRINT_NOT_HOLLOWED", {"reason": emptied.refused}))
        elif not options.hollow.holes:
            found.append(finding("PRINT_NO_DRAIN", {}))
        if not cuts:
            upright = parts[0].body.turn(orientation.lean_deg, 0, 0).drop()
            base = replace(base, after=measure_stance(upright))
    uncrossed = [uncross(part.body) for part in parts]
    parts = [replace(part, body=own) for part, (own, _) in zip(parts, uncrossed, strict=True)]
    # Read before anything runs beside: manifold3d does not say what threads may share.
    surfaces = (
        [read_surface(each) for each in (body, *(part.body for part in parts))] if options.paint else []
    )
    with ThreadPoolExecutor(1) as beside:
        painting = (
            beside.submit(_paint, surfaces, figurine.texture.pixels, options.paint) if options.paint else None
        )
        reports = [
            inspect_part(
                own,
                PROCESSES[options.process],
                options.printer_mm,
                crossing_faces=crossing,
                vented=part.vented,
            )
            for part, (own, crossing) in zip(parts, uncrossed, strict=True)
        ]
        palette, painted = painting.result() if painting else (None, [])
    found += judge_stance(base.after, own_stand=options.process == "resin" and options.base.shape == "none")
    as_in_use = not cuts and not orientation.lean_deg
    found += judge_parts(parts, reports, PROCESSES[options.process], as_in_use=as_in_use)
    return Print(
        name=figurine.name,
        parts=tuple(parts),
        reports=tuple(reports),
        painted=tuple(painted),
        palette=palette,
        base=base,
        hollow=emptied,
        cuts=tuple(cuts),
        orientation=orientation,
        thickened=thickened,
        mended=mended,
        findings=tuple(found),
        options=options,
        provenance={key: value for key, value in figurine.provenance.items() if key != "options"},
    )


def _paint(surfaces: list[Surface], texture: U8, options: PaintOptions) -> tuple[Palette, list[Painted]]:
    """The palette that serves the first surface, the whole, and the others, the parts, in it."""
    palette = pick_palette(surfaces[0], texture, options)
    return palette, [paint_surface(surface, texture, palette, options) for surface in surfaces[1:]]


def _enlarge(figurine: Figurine, options: PrintOptions) -> Figurine:
    """Return what is too small to be measured at the asked height; BadInput where none is asked for."""
    size_m = np.ptp(figurine.mesh.vertices.astype(np.float64), axis=0)
    if size_m.max() * MM >= _SMALLEST_MM:
        return figurine
    if options.height_m is None or size_m[1] <= 0:
        raise BadInput(
            f"the model is {size_m[1] * MM:.3g} mm tall, too small to print, and its file may count in another unit; "
            "say how tall it is with",
            cure="height_m=75mm",
        )
    vertices = (figurine.mesh.vertices * (options.height_m / size_m[1])).astype(np.float32)
    return replace(figurine, mesh=replace(figurine.mesh, vertices=vertices))


def _scale(body: Body, options: PrintOptions) -> Body:
    """The body at the asked height, or as large as the printer allows."""
    size = body.box_mm[1] - body.box_mm[0]
    if options.height_m is None and not options.scale_to_fit and size.max() > _LARGEST_MM:
        raise BadInput(
            f"the model is {size[2] / MM:.3g} m tall, and its file may count in another unit; say how tall it is with",
            cure="height_m=75mm",
        )
    factor = 1.0 if options.height_m is None else options.height_m * MM / float(size[2])
    body = body.scale(factor)
    if not options.scale_to_fit:
        return body
    lean = "stand" if isinstance(options.split, tuple) else options.orient
    return fit_printer(body, options.base, options.printer_mm, lean=lean, process=options.process)


def _find_loose(body: Body) -> list[Finding]:
    """What to say of a body in several pieces: how many, and the place and distance of the one farthest from the rest.

    Only the `_LOOSE` largest are measured; each costs some 10 ms.
    """
    pieces = sorted(
        (piece for piece in body.solid.decompose() if piece.volume() > 0), key=manifold3d.Manifold.volume
    )[::-1]
    if len(pieces) < 2:
        return []
    farthest, widest = pieces[1], -1.0
    for number, piece in enumerate(pieces[:_LOOSE]):
        gap = _measure_gap(piece, manifold3d.Manifold.compose(pieces[:number] + pieces[number + 1 :]))
        # The first is the largest: of two that are equally far from each other, the other one is told.
        if gap > widest or (gap == widest and number == 1):
            farthest, widest = piece, gap
    low, high = np.array(farthest.bounding_box(), np.float64).reshape(2, 3)
    x, y, z = ((low + high) / 2).tolist()
    place = name_place((x, y, z), body.box_mm)
    return [finding("PRINT_SEVERAL", {"count": len(pieces), "place": place, "gap_mm": round(widest, 2)})]


def _measure_gap(piece: manifold3d.Manifold, rest: manifold3d.Manifold) -> float:
    """How far `piece` is from `rest`, in mm.

    The search compares all faces within its reach of each other, so it begins near and looks further as it must: at
    once across a whole sword in four pieces, it took 24 s.
    """
    reach = 0.25
    while (gap := float(piece.min_gap(rest, reach))) >= reach:
        reach *= 2
    return gap


def draw_thumbnail(parts: list[PaintedPart], palette: Palette | None, side_px: int = 512) -> bytes:
    """Return a PNG of the plate from the front and a little above, in the printed colours."""
    vertices, faces, colors, start = [], [], [], 0
    for part in parts:
        vertices.append(part.vertices_mm)
        faces.append(part.faces + start)
        start += len(part.vertices_mm)
        own = np.array(palette.colors, np.uint8) if palette else np.array([[205, 205, 205]], np.uint8)
        colors.append(own[part.index] if part.index is not None else np.repeat(own[:1], len(part.faces), 0))
    drawn = draw_faces(
        np.concatenate(vertices), np.concatenate(faces), np.concatenate(colors), side_px=side_px
    )
    out = io.BytesIO()
    Image.fromarray(drawn).save(out, "PNG", compress_level=6)
    return out.getvalue()
