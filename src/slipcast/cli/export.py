"""`slipcast export`, `slipcast inspect`, `slipcast targets`: existing assets to other formats, and what is
in them."""

import json
from functools import partial
from pathlib import Path

import click

from slipcast.cli.options.common import FOLDER, PATH, log_option
from slipcast.cli.options.export import ExportWords, export_options, read_export_options
from slipcast.cli.options.length import parse_height
from slipcast.cli.terminal import Terminal
from slipcast.core.errors import BadInput
from slipcast.core.findings import FINDINGS, USUAL, Finding
from slipcast.core.mention import Mention
from slipcast.jobs.failure import Failure, attempt


@click.command()
@click.argument("assets", metavar="ASSET...", nargs=-1, required=True, type=PATH)
@click.option("-o", "--out", type=FOLDER, help="Folder for the results; default: the asset's own.")
@click.option("-f", "--format", "formats", help="Output formats, comma-separated (see `slipcast formats`).")
@click.option(
    "--solid", is_flag=True, help="First close small holes, turn the mesh outward, join bodies that overlap."
)
@click.option("--height", help="Height that the asset becomes, e.g. 1.8m or 75mm; default: its own.")
@export_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each asset.")
@log_option
@click.pass_obj
def export(
    terminal: Terminal,
    /,
    assets: tuple[Path, ...],
    out: Path | None,
    formats: str | None,
    solid: bool,
    height: str | None,
    as_json: bool,
    debug: bool,
    written: ExportWords,
) -> int:
    """Write each ASSET (.glb, .gltf, .stl, .obj, .ply, .3mf, .fbx, .usdz) in other formats, without a new conversion.

    Of a .glb or .gltf all that an asset holds is kept; of the others the shape, and the colours per vertex where the
    file has them.

    One that cannot be written does not stop the others; the exit code is the first failure's.
    """
    wanted = read_export_options(written, formats=formats)
    if not wanted.formats:
        raise BadInput(
            "nothing to write: name a --format of `slipcast formats` or a --target of `slipcast targets`"
        )
    from slipcast.jobs.export import ExportJob, export_assets

    job = ExportJob(
        assets=assets,
        formats=wanted.formats,
        options=wanted.options,
        target=wanted.target,
        engine=wanted.engine,
        height_m=None if height is None else parse_height(height),
        solid=solid,
        out=out,
        debug=debug,
    )
    entries: list[dict[str, object]] = []
    failures: list[Failure] = []
    try:
        for asset, done in export_assets(job):
            if isinstance(done, Failure):
                failures.append(done)
                terminal.complain(done)
                entries.append({"asset": str(asset), "ok": False, "error": done.as_dict(terminal.mention)})
                continue
            entries.append(done.as_dict())
            if not as_json:
                codes = " ".join(dict.fromkeys(f.code for f in done.findings if f.code not in USUAL))
                for path in done.files:
                    line = f"{path} | {path.stat().st_size / 1024:.0f} KB"
                    terminal.say(f"{line} | {codes}" if codes and path == done.files[0] else line)
                terminal.note(done.findings)
    finally:
        if as_json:
            terminal.say_json(entries, indent=2)
    return failures[0].exit_code if failures else 0


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=PATH)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list with an entry for each file.")
@log_option
@click.pass_obj
def inspect(terminal: Terminal, files: tuple[Path, ...], as_json: bool, debug: bool) -> int:
    """Describe each FILE: size in mm, faces, whether it is closed, materials, textures, metadata,
    findings.

    Sizes are measured, not taken from the metadata. Nothing outside the file's own folder is opened. A file that cannot
    be read does not hide the others; the exit code is the first failure's.
    """
    from slipcast.formats.inspect import describe

    entries: list[dict[str, object]] = []
    code = 0
    try:
        for path in dict.fromkeys(files):
            done = attempt(partial(describe, path), debug=debug)
            if isinstance(done, Failure):
                code = code or done.exit_code
                terminal.complain(done)
                entries.append({"path": str(path), "ok": False, "error": done.as_dict(terminal.mention)})
                continue
            entries.append(done)
            for line in () if as_json else _report(done, terminal.mention):
                terminal.say(line)
    finally:
        if as_json:
            terminal.say_json(entries, indent=2)
    return code


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
@click.pass_obj
def targets(terminal: Terminal, as_json: bool) -> int:
    """List the target programs, and the settings for each with the reason."""
    from slipcast.formats.table import EXPORTERS
    from slipcast.prepare.targets import TARGETS

    rows = [
        {
            "name": row.name,
            "format": row.format,
            "up": row.axes,
            "unit": row.file_unit,
            "texture": row.texture_type if EXPORTERS[row.format].keeps_texture else "none",
            "texture_max_px": row.texture_max_px if EXPORTERS[row.format].keeps_texture else None,
            "faces": row.faces,
            "file_name": row.naming.file,
            "reason": row.sentence,
        }
        for row in TARGETS.values()
    ]
    if as_json:
        terminal.say_json(rows, indent=2)
        return 0
    for row in rows:
        limit = f" up to {row['texture_max_px']} px" if row["texture_max_px"] else ""
        terminal.say(
            f"{row['name']:<12} {row['format']:<4} {str(row['up']).upper()} up  {row['unit']:<3}"
            f" texture {row['texture']}{limit}, {row['faces']} faces, named {row['file_name']}"
        )
        terminal.say(f"{'':<12} {row['reason']}")
    return 0


def _report(facts: dict[str, object], mention: Mention) -> list[str]:
    """The facts as lines for a reader; long texts of the metadata are cut."""
    custom = ", by the format's custom: the file states no unit" if facts["unit_is_custom"] else ""
    size = " x ".join(f"{facts[f'{side}_mm']:.1f}" for side in ("width", "height", "depth"))
    closed = "closed" if facts["closed"] else f"open at {facts['open_edges']} edges"
    lines = [
        f"{facts['file']}: {facts['format']}, {facts['bytes']} bytes, {facts['generator'] or 'unknown maker'}",
        f"  size       {size} mm (width x height x depth), {str(facts['up']).upper()} up{custom}",
        f"  surface    {facts['faces']} faces, {facts['vertices']} vertices at {facts['positions']} places, {closed}",
        f"  volume     {facts['volume_mm3']:.0f} mm3, {_bodies(facts)}",
        f"  carries    {_joined(facts['attributes'])}",
        f"  meshes     {_joined(facts['meshes'])}",
    ]
    for entry in _dicts(facts["materials"]):
        lines.append(
            f"  material   {entry['name']}: metallic {entry['metallic']}, roughness {entry['roughness']},"
            f" textures {_joined(entry['textures'])}"
        )
    for entry in _dicts(facts["textures"]):
        pixels = f", {entry['width_px']} x {entry['height_px']} px" if entry["width_px"] else ""
        lines.append(f"  texture    {entry['name']}: {entry['media_type']}{pixels}, {entry['bytes']} bytes")
    metadata = facts["metadata"]
    for key, value in (metadata if isinstance(metadata, dict) else {}).items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"  metadata   {key}: {_printable(text)}")
    for entry in _dicts(facts["findings"]):
        lines.append(f"  {entry.get('severity', 'info')}: {_printable(_told(entry, mention), 380)}")
    return [_printable(line, 400) for line in lines]


def _told(entry: dict[str, object], mention: Mention) -> str:
    """A finding of a file with options as `mention` calls them; its own words where they are not those of our table."""
    message, values = str(entry.get("message", "")), entry.get("values")
    if entry.get("code") not in FINDINGS or not isinstance(values, dict):
        return message
    found = Finding(code=str(entry["code"]), values=values)
    try:
        return found.tell(mention) if found.message == message else message
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):  # of another version, or not ours
        return message


def _dicts(value: object) -> list[dict[str, object]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _joined(value: object) -> str:
    return ", ".join(str(entry) for entry in value) or "none" if isinstance(value, list) else "none"


def _bodies(facts: dict[str, object]) -> str:
    """How many bodies there are, and what is odd with them."""
    count, cavities, wrong = (int(str(facts[key])) for key in ("bodies", "cavities", "inside_out"))
    told = "1 body" if count == 1 else f"{count} bodies"
    if wrong:
        told += ", inside out" if wrong == count else f", {wrong} of them inside out"
    if cavities:
        told += f", {cavities} cavit{'y' if cavities == 1 else 'ies'}"
    return told


def _printable(text: str, longest: int = 100) -> str:
    """`text` without characters that could steer a terminal, cut to `longest`."""
    clean = "".join(c if c.isprintable() else " " for c in text)
    return clean if len(clean) <= longest else clean[: longest - 1] + "…"
