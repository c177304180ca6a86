"""What an agent gets of a run of the command: a sentence, its findings, links, the preview, the facts.

Each `say_` writes the sentence of one entry of the command's JSON.
"""

import json
import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mcp.server.mcpserver import Image
from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from slipcast.core.mention import count_of
from slipcast.formats.table import EXPORTERS
from slipcast.integrations.command import Ended
from slipcast.report.pictures import shrink_to_jpeg

_PREVIEW_PX = 1024
_SEEN = (".preview.png", ".print.png")
"""Pictures that an agent is shown."""
Say = Callable[[Mapping[str, Any]], str]
"""An entry -> its sentence."""


def answer(ended: Ended, *, say: Say) -> CallToolResult:
    """What the agent gets of a run: a sentence an entry with its findings, links, previews, facts."""
    entries = _entries(ended.out)
    lines: list[str] = []
    links: list[ContentBlock] = []
    if not entries:  # it named the files that it made, a line each, or failed
        links += [link(Path(line)) for line in ended.out.splitlines() if Path(line).is_file()]
        lines += f"{ended.out}{ended.said}".splitlines() or [f"slipcast ended with {ended.code}"]
    for entry in entries:
        error, asset = entry.get("error"), entry.get("asset")
        about = asset if isinstance(asset, dict) else entry
        made = _made(entry)
        pictures = [path for path in made if path.name.endswith(_SEEN) or entry.get("file") == str(path)]
        lines += [say(entry)] if made or not error else []
        lines += [f"error: {error['message']}"] if error else []
        findings = entry.get("findings") or about.get("findings") or []
        lines += [f"{each['severity']}: {each['message']}" for each in findings]
        advice = about.get("advice") or []
        lines += [f"advice: {do}" for each in advice if (do := each.get("do") or each.get("prompt"))]
        links += [*map(link, made), *map(_preview, pictures)]
    failed = any(e.get("error") and not e.get("files") for e in entries) if entries else ended.code != 0
    facts = {"ok": ended.code == 0, "exit_code": ended.code, "entries": [_shorten(e) for e in entries]}
    text = TextContent(text="\n".join(lines))
    return CallToolResult(content=[text, *links], structured_content=facts, is_error=failed)


def _made(entry: Mapping[str, Any]) -> list[Path]:
    """The files that an entry names: an asset's, or the one picture of an edit; none where a file was only read."""
    files = entry.get("files")
    if not isinstance(files, list):
        files = [entry["file"]] if entry.get("ok") and entry.get("file") and "path" not in entry else []
    return [Path(word) for word in files]


def _entries(out: str) -> list[dict[str, Any]]:
    """The JSON that a command printed, one list or an entry a line, as a list; empty where it printed none."""
    try:
        found = json.loads(out) if out.startswith(("[", "{\n")) else [*map(json.loads, out.splitlines())]
    except ValueError:
        return []
    return [entry for entry in (found if isinstance(found, list) else [found]) if isinstance(entry, dict)]


def _shorten(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry without what an agent has just said itself or reads in the JSON beside the asset."""
    asset = entry.get("asset")
    if not isinstance(asset, dict):
        return dict(entry)
    left_out = ("options", "checks", "findings", "advice", "run", "depth_model", "files")
    return {**entry, "asset": {key: value for key, value in asset.items() if key not in left_out}}


def say_asset(entry: Mapping[str, Any]) -> str:
    """Name, size, faces and verdict in a line."""
    asset = entry.get("asset")
    if not isinstance(asset, dict):
        return say_files(entry)
    box = " x ".join(f"{asset['box_mm'][side]:.1f}" for side in ("width", "height", "depth"))
    closed = "closed" if asset["closed"] else "open"
    return f"{asset['name']}: {box} mm, {asset['faces']} faces, {closed}, verdict {asset['verdict']}"


def say_files(entry: Mapping[str, Any]) -> str:
    """How many files there are."""
    return f"{count_of(len(entry.get('files', [])), 'file')} written"


def say_verdict(entry: Mapping[str, Any]) -> str:
    """What a picture was judged to be."""
    return f"{entry.get('picture')}: {entry.get('verdict', 'unreadable')}"


def say_content(entry: Mapping[str, Any]) -> str:
    """What is in a file, in short."""
    return f"{entry.get('file')}: {entry.get('faces')} faces, closed: {entry.get('closed')}"


def say_print(entry: Mapping[str, Any]) -> str:
    """Parts, base, thinnest wall, weight and verdict in a line."""
    parts, base, hollow = entry["parts"], entry["base"], entry.get("hollow")
    size = " x ".join(f"{side:.1f}" for side in parts[0]["size_mm"])
    name = Path(entry["source"]).stem
    words = [f"{name}: {size} mm" if len(parts) == 1 else f"{name}: {len(parts)} parts, the first {size} mm"]
    words.append("no base" if base["shape"] == "none" else f"{base['shape']} base of {base['size_mm']:g} mm")
    words.append(f"tips in use at {entry['in_use']['tipping_deg']:.0f} degrees")
    words.append(f"thinnest wall {min(part['walls']['thinnest_mm'] for part in parts):.2f} mm")
    if hollow:
        words.append(hollow["refused"] or f"hollow, {hollow['saved_percent']:.0f} % saved")
    words += [f"{weight:.1f} g {material}" for material, weight in list(entry["weight_g"].items())[:1]]
    return f"{', '.join(words)}: {entry['printability']['status']}"


def say_plan(entry: Mapping[str, Any]) -> str:
    """What would be bought."""
    pictures = count_of(entry.get("pictures", 0), "picture")
    return f"{pictures} for about ${entry.get('usd', 0):.4f}; nothing was bought"


def link(path: Path) -> ResourceLink:
    """A link to a file, with its media type and size."""
    kinds = {row.suffix: row.media_type for row in EXPORTERS.values()}
    kind = kinds.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return ResourceLink(
        uri=path.absolute().as_uri(), name=path.name, mime_type=kind, size=path.stat().st_size
    )


def _preview(path: Path) -> ImageContent:
    """The picture, small enough for a conversation."""
    return Image(data=shrink_to_jpeg(path.read_bytes(), _PREVIEW_PX), format="jpeg").to_image_content()
