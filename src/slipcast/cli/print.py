"""`slipcast print`: an asset or a picture in, files for a printer out."""

import re
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from slipcast.cli.options.collect import collect
from slipcast.cli.options.common import FOLDER, PATH, debug_option
from slipcast.cli.options.export import is_given
from slipcast.cli.options.flags import Option, refuse_empty
from slipcast.cli.options.length import parse_height
from slipcast.cli.terminal import Terminal, quiet
from slipcast.core.errors import BadInput
from slipcast.core.scientific import leave_out_docs
from slipcast.jobs.failure import Failure, attempt

if TYPE_CHECKING:
    from slipcast.prepare.print import Print, PrintOptions

PRINTERS = ("fdm", "resin")
_NUMBER = r"(\d+(?:\.\d+)?)"


@dataclass(frozen=True, kw_only=True)
class PrintWords:
    """The words as they were typed; None where the user said nothing."""

    process: str
    target: str | None
    height: str | None
    scale: str | None
    base: str
    text: str
    text_style: str
    font: Path | None
    magnet: str | None
    hollow: str | None
    drain: str
    split: str
    printer: str | None
    scale_to_fit: bool
    colors: int | None
    filaments: str | None
    stl_per_color: bool
    orient: str
    thicken: str
    price: float | None


_print_options = collect(
    "printing",
    PrintWords,
    click.option(
        "--for", "process", default="fdm", show_default=True, help="Printing process: fdm or resin."
    ),
    click.option("--target", help="Process by its target's name: print-fdm or print-resin."),
    click.option(
        "--height",
        cls=Option,
        callback=refuse_empty,
        fields=("height_m",),
        help="Height of the figurine without its base, e.g. 75mm or 3in.",
    ),
    click.option("--scale", help="Scale or height: 1:7, 1:12, 28mm, 6in; 1:N is that of a person of 1.75 m."),
    click.option(
        "--base",
        cls=Option,
        fields=("shape", "size_mm"),
        default="auto",
        show_default=True,
        help="Base: auto, none, round, square, hex, oval or plinth; with a size: round:40mm.",
    ),
    click.option("--text", default="", help="Name on the front of the base."),
    click.option("--text-style", default="engraved", show_default=True, help="Letters: engraved or raised."),
    click.option("--font", type=PATH, help="Font file for --text (.ttf, .otf); default: Aileron."),
    click.option(
        "--magnet",
        cls=Option,
        fields=("diameter_mm",),
        help="Magnet pocket in the base, diameter x height: 5x2mm.",
    ),
    click.option(
        "--hollow",
        cls=Option,
        callback=refuse_empty,
        fields=("wall_mm",),
        help="Hollow with walls of this thickness: 2mm.",
    ),
    click.option(
        "--drain",
        cls=Option,
        fields=("holes", "hole_mm"),
        is_flag=False,
        flag_value="2x3mm",
        default="2x3mm",
        show_default=True,
        help="Drain holes, number x diameter.",
    ),
    click.option(
        "--split",
        default="1",
        show_default=True,
        help="Number of parts, auto (as many as --printer needs), or what to cut off: head,arms,base.",
    ),
    click.option("--printer", cls=Option, fields=("printer_mm",), help="Build volume: 256x256x256mm."),
    click.option("--scale-to-fit", is_flag=True, help="Shrink a figurine that is too large for --printer."),
    click.option("--colors", type=int, help="Number of filaments to print in, 1 to 16."),
    click.option("--filaments", help='Filaments at hand: "white,red,#2b4a8c,...".'),
    click.option(
        "--stl-per-color",
        is_flag=True,
        help="Also write a closed STL for each colour, a part for a filament.",
    ),
    click.option(
        "--orient",
        default="",
        help="Pose: stand, auto (resin leans back) or degrees; default: stand, resin auto.",
    ),
    click.option(
        "--thicken",
        cls=Option,
        callback=refuse_empty,
        fields=("thicken_mm",),
        default="auto",
        show_default=True,
        help="Grow thinner parts to this thickness: 0.8mm; auto: only where layers would stay empty; none.",
    ),
    click.option(
        "--price",
        cls=Option,
        fields=("price_per_kg",),
        type=float,
        help="Price of a kilogram of material; adds the cost to the report.",
    ),
)


@click.command(name="print")
@click.argument("sources", metavar="MODEL|PICTURE...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", default="out", show_default=True, type=FOLDER, help="Output folder.")
@_print_options
@click.option(
    "--report", is_flag=True, help="Also write NAME.print.html: walls, overhangs, islands, cut open."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each source.")
@debug_option
@click.pass_obj
def print_(
    terminal: Terminal,
    /,
    sources: tuple[Path, ...],
    out: Path,
    report: bool,
    as_json: bool,
    debug: bool,
    printing: PrintWords,
) -> int:
    """Prepare each MODEL (.glb, .gltf, .stl, .obj, .ply, .3mf, .fbx, .usdz) or PICTURE for a printer.

    The folder OUT gets NAME.print.3mf (in colour with --colors or --filaments), STL files for resin and for parts,
    NAME.print.json with walls, layers, weight and findings, and NAME.print.png.
    """
    from slipcast.jobs.print import PrintJob, print_sources

    leave_out_docs()
    options = attempt(lambda: _options(printing), debug=debug)
    if isinstance(options, Failure):
        terminal.complain(options)
        if as_json:
            terminal.say_json([{"error": options.as_dict(terminal.mention)}], indent=2)
        return options.exit_code
    entries: list[dict[str, object]] = []
    codes: list[int] = []
    job = PrintJob(sources=sources, options=options, out=out, report=report, debug=debug)
    with nullcontext() if debug else quiet():
        for source, done in print_sources(job):
            if isinstance(done, Failure):
                terminal.complain(done)
                entries.append({"source": str(source), "error": done.as_dict(terminal.mention)})
                codes.append(done.exit_code)
                continue
            entries.append(done.as_dict())
            if done.exit_code:
                codes.append(done.exit_code)
            if not as_json:
                terminal.say(_summary(done.made, done.files[0]))
                terminal.note(done.made.findings)
    if as_json:
        terminal.say_json(entries, indent=2)
    return codes[0] if codes else 0


def _options(words: PrintWords) -> "PrintOptions":
    return options_from(words)


def options_from(words: PrintWords) -> "PrintOptions":
    """Return the print options that the command line's words ask for; BadInput names the flag."""
    from slipcast.prepare.base import BaseOptions, MagnetOptions
    from slipcast.prepare.hollow import HollowOptions
    from slipcast.prepare.paint import PaintOptions
    from slipcast.prepare.print import PrintOptions
    from slipcast.prepare.scale import LARGEST_M, SMALLEST_M, parse_scale

    if words.height and words.scale:
        raise BadInput("--height and --scale both give the height; name one")
    if words.colors is not None and words.filaments:
        raise BadInput("--colors and --filaments both choose the colours; name one")
    process = words.process if words.target is None else _process_of(words.target)
    height_m = None
    if words.height:
        height_m = parse_height(words.height, least_m=SMALLEST_M, most_m=LARGEST_M, verb="printed")
    if words.scale:
        height_m = parse_scale(words.scale)
    if words.font is not None and not words.text:
        raise BadInput("--font is for the letters of --text; give both")
    shape, _, size = words.base.partition(":")
    magnet = None
    if words.magnet:
        diameter, tall = _numbers("--magnet", words.magnet, 2, "5x2mm")
        magnet = MagnetOptions(diameter_mm=diameter, height_mm=tall)
    hollow = None
    count, hole = _numbers("--drain", words.drain, 2, "2x3mm")
    if is_given("drain") and not words.hollow:
        raise BadInput(
            "--drain makes holes in a hollow figurine and needs --hollow, for instance --hollow 2mm"
        )
    if words.hollow:
        (wall,) = _numbers("--hollow", words.hollow, 1, "2mm")
        hollow = HollowOptions(wall_mm=wall, holes=int(count), hole_mm=hole)
    paint = None
    if words.filaments:
        paint = PaintOptions(filaments=tuple(words.filaments.split(",")))
    elif words.colors is not None:
        paint = PaintOptions(colors=words.colors)
    if words.stl_per_color and paint is None:
        raise BadInput("--stl-per-color needs --colors or --filaments")
    printer = None
    if words.printer:
        wide, deep, tall = _numbers("--printer", words.printer, 3, "256x256x256mm")
        printer = (wide, deep, tall)
    return PrintOptions(
        process=process,
        height_m=height_m,
        base=BaseOptions(
            shape=shape,
            size_mm=_numbers("--base", size, 1, "round:40mm")[0] if size else None,
            text=words.text,
            text_style=words.text_style,
            font=words.font,
            magnet=magnet,
        ),
        hollow=hollow,
        split=_parse_split(words.split),
        printer_mm=printer,
        scale_to_fit=words.scale_to_fit,
        paint=paint,
        orient=words.orient or ("auto" if process == "resin" else "stand"),
        thicken_mm=_parse_thicken(words.thicken),
        price_per_kg=words.price,
        stl_per_color=words.stl_per_color,
    )


def _process_of(target: str) -> str:
    """`print-resin` -> `resin`; BadInput for what is no target of a printer, and beside another --for."""
    process = target.strip().lower().removeprefix("print-")
    if process not in PRINTERS or process == target.strip().lower():
        raise BadInput(f"--target {target!r} prints nothing; choose from print-fdm, print-resin")
    if is_given("process"):
        raise BadInput("--for and --target both name the process; name one")
    return process


def _numbers(flag: str, text: str, count: int, example: str) -> tuple[float, ...]:
    """Numbers joined by x, in millimetres."""
    pattern = r"\s*[x×]\s*".join([_NUMBER] * count) + r"\s*(?:mm)?"
    match = re.fullmatch(pattern, text.strip(), re.IGNORECASE)
    if match is None:
        raise BadInput(f"{flag} {text!r} is not understood; write for example {example}")
    return tuple(float(value) for value in match.groups())


def _parse_thicken(text: str) -> float | str | None:
    """`auto`, `none`, or a thickness."""
    word = text.strip().lower()
    if word in ("auto", "none"):
        return "auto" if word == "auto" else None
    return _numbers("--thicken", text, 1, "auto, none or 0.8mm")[0]


def _parse_split(text: str) -> int | tuple[str, ...] | None:
    """`auto`, a number, or what to cut off."""
    from slipcast.prepare.necks import WORDS

    words = [word.strip().lower() for word in text.split(",")]
    if words == ["auto"]:
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    if not set(words) <= set(WORDS):
        raise BadInput(f"--split must be auto, a whole number, or some of {', '.join(WORDS)}, got {text!r}")
    return tuple(words)


def _summary(made: "Print", main: Path) -> str:
    """The one line that a person reads."""
    report = made.reports[0]
    words = [
        f"{main}",
        " x ".join(f"{side:.1f}" for side in report.size_mm) + " mm",
        f"{len(made.parts)} part{'s' if len(made.parts) > 1 else ''}",
        "base "
        + (made.base.shape if made.base.shape == "none" else f"{made.base.shape} {made.base.size_mm:g} mm"),
        f"tips in use at {made.base.after.tipping_deg:.0f} deg",
    ]
    if made.orientation.lean_deg and len(made.parts) == 1:
        words.append(f"on the plate at {report.stance.tipping_deg:.0f} deg without supports")
    if made.hollow:
        words.append(made.hollow.refused or f"hollow, {100 * made.hollow.saved:.0f} % saved")
    if made.palette:
        count = len(made.palette.colors)
        words.append(f"{count} colour{'s' if count > 1 else ''}, off by {made.palette.mean_error:.0f}")
    codes = sorted({entry.code for entry in made.findings})
    return " | ".join([*words, " ".join(codes) or "healthy"])
