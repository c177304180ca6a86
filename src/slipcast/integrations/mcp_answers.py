"""What an agent gets of a run of the command: a sentence, its findings, links, the preview, the facts.

Each `say_` writes the sentence of one entry of the command's JSON.
"""

import io
import json
import mimetypes
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mcp.types import CallToolResult, ContentBlock, ImageContent, ResourceLink, TextContent

from slipcast.formats.table import EXPORTERS
from slipcast.integrations.command import Ended

_PREVIEW_PX = 1024


def answer(ended: Ended, *, say: Callable[[Mapping[str, Any]], str]) -> CallToolResult:
    """What the agent gets of a run: a sentence an entry with its findings, links, previews, facts."""
    entries = _entries(ended.out)
    if not entries:
        text = ended.said or ended.out.strip() or f"slipcast ended with {ended.code} and said nothing"
        ok = ended.code == 0
        return CallToolResult(
            content=[TextContent(text=text)], structured_content={"ok": ok, "text": text}, is_error=not ok
        )
    lines: list[str] = []
    links: list[ContentBlock] = []
    for entry in entries:
        error, asset = entry.get("error"), entry.get("asset")
        facts = asset if isinstance(asset, dict) else entry
        made = _made(entry)
        lines += [say(entry)] if made or not error else []
        lines += [f"error: {error['message']}"] if error else []
        findings = entry.get("findings") or facts.get("findings") or []
        lines += [f"{each['severity']}: {each['message']}" for each in findings]
        advice = [each.get("do") or each.get("prompt") for each in facts.get("advice") or []]
        lines += [f"advice: {each}" for each in advice if each]
        links += [link(path) for path in made]
        links += [
            _preview(path)
            for path in made
            if path.name.endswith((".preview.png", ".print.png")) or entry.get("file") == str(path)
        ]
    failed = any(entry.get("error") and not entry.get("files") for entry in entries)
    return CallToolResult(
        content=[TextContent(text="\n".join(lines)), *links],
        structured_content={
            "ok": ended.code == 0,
            "exit_code": ended.code,
            "entries": [_shorten(entry) for entry in entries],
        },
        is_error=failed,
    )


def _made(entry: Mapping[str, Any]) -> list[Path]:
    """The files that an entry names: an asset's, or the one picture of an edit; none where a file was only read."""
    files = entry.get("files")
    if isinstance(files, list):
        return [Path(word) for word in files]
    if "path" in entry:
        return []
    return [Path(entry["file"])] if entry.get("ok") and isinstance(entry.get("file"), str) else []


def _entries(out: str) -> list[dict[str, Any]]:
    """The JSON that a command printed, one list or an entry a line, as a list; empty where it printed none."""
    try:
        found = json.loads(out)
    except ValueError:
        try:
            found = [json.loads(line) for line in out.splitlines()]
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
    count = len(entry.get("files", []))
    return f"{count} file{'' if count == 1 else 's'} written"


def say_print(entry: Mapping[str, Any]) -> str:
    """Parts, base, thinnest wall, weight and verdict in a line."""
    parts, base, hollow = entry["parts"], entry["base"], entry.get("hollow")
    size = " x ".join(f"{side:.1f}" for side in parts[0]["size_mm"])
    name = Path(entry["source"]).stem
    words = [f"{name}: {size} mm" if len(parts) == 1 else f"{name}: {len(parts)} parts, the first {size} mm"]
    words.append("no base" if base["shape"] == "none" else f"{base['shape']} base of {base['size_mm']:g} mm")
    words.append(f"tips at {base['tipping_after_deg']:.0f} degrees")
    words.append(f"thinnest wall {min(part['walls']['thinnest_mm'] for part in parts):.2f} mm")
    if hollow:
        words.append(hollow["refused"] or f"hollow, {hollow['saved_percent']:.0f} % saved")
    words += [f"{weight:.1f} g {material}" for material, weight in list(entry["weight_g"].items())[:1]]
    return f"{', '.join(words)}: {entry['printability']['status']}"


def say_plan(entry: Mapping[str, Any]) -> str:
    """What would be bought."""
    count = entry.get("pictures")
    return (
        f"{count} picture{'' if count == 1 else 's'} for about ${entry.get('usd', 0):.4f}; nothing was bought"
    )


def link(path: Path) -> ResourceLink:
    """A link to a file, with its media type and size."""
    kinds = {row.suffix: row.media_type for row in EXPORTERS.values()}
    kind = kinds.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return ResourceLink(
        uri=path.absolute().as_uri(), name=path.name, mime_type=kind, size=path.stat().st_size
    )


def _preview(path: Path) -> ImageContent:
    """The picture, small enough for a conversation."""
    from base64 import b64encode

    from PIL import Image

    with Image.open(path) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_PREVIEW_PX, _PREVIEW_PX))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return ImageContent(data=b64encode(out.getvalue()).decode(), mime_type="image/jpeg")
