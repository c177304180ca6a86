"""A folder of assets -> index.html: a contact sheet to sort, filter and open, one card for each asset.

Reads the JSON beside each asset and its preview, one after the other, and keeps a small picture and a line of numbers
of each: the memory for a batch does not grow with the size of its assets.
"""

import io
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from slipcast._version import __version__
from slipcast.core.errors import BadInput
from slipcast.report.page import VERDICTS
from slipcast.report.report import template

INDEX = "index.html"
_MARK = '<meta name="generator" content="Slipcast'
_THUMB_PX = 640


@dataclass(frozen=True, kw_only=True)
class Card:
    """One asset on the contact sheet."""

    name: str
    verdict: str
    """approve, review, reject, or unknown for an asset of an older Slipcast."""
    missed: tuple[str, ...]
    """Gates that it does not meet."""
    findings: tuple[str, ...]
    """Codes of errors and warnings."""
    height_mm: float
    faces: int
    seconds: float
    iou: float | None
    thickness_mm: float | None
    thumb: str
    """Data URI of the preview, or nothing."""
    link: str
    """Where the card leads: the report, or the asset where there is none; relative to the page."""
    has_report: bool


def draw_index(folder: Path) -> bytes:
    """Return the contact sheet of all assets in `folder` and below; BadInput where there are none."""
    if not folder.is_dir():
        raise BadInput(f"{folder} is no folder; give the folder that convert or make wrote to")
    cards = sorted(cards_of(folder), key=lambda card: (_rank(card), card.name.casefold()))
    if not cards:
        raise BadInput(f"{folder} holds no asset of Slipcast; give the folder that convert or make wrote to")
    count = Counter(card.verdict for card in cards)
    page = {
        "title": folder.resolve().name,
        "generator": f"Slipcast {__version__}",
        "cards": cards,
        "ranks": [_rank(card) for card in cards],
        "titles": {key: title for key, (title, _) in VERDICTS.items()} | {"unknown": "Not judged"},
        "counts": [(key, count[key]) for key in (*VERDICTS, "unknown") if count[key]],
        "missed": sum(1 for card in cards if card.missed),
        "bare": sum(1 for card in cards if not card.has_report),
    }
    return template("index.html.jinja").render(page).encode()


def is_ours(path: Path) -> bool:
    """Whether the file at `path` may be replaced: there is none, or it is an index of ours."""
    if not path.exists():
        return True
    with path.open("rb") as file:
        return _MARK.encode() in file.read(2000)


def cards_of(folder: Path) -> Iterator[Card]:
    """A card for each asset's JSON; what is none of ours is passed by."""
    return (_card(path, known, folder) for path, known in _assets(folder))


def without_report(folder: Path) -> int:
    """How many assets in `folder` and below have no report of their own."""
    return sum(not _report_of(path).is_file() for path, _ in _assets(folder))


def _assets(folder: Path) -> Iterator[tuple[Path, Mapping[str, object]]]:
    for path in sorted(folder.rglob("*.json")):
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if (
            isinstance(known, dict)
            and str(known.get("generator", "")).startswith("Slipcast")
            and "box_mm" in known
        ):
            yield path, known


def _report_of(asset: Path) -> Path:
    return asset.with_name(f"{asset.name.removesuffix('.json')}.report.html")


def _card(path: Path, known: Mapping[str, object], folder: Path) -> Card:
    stem = path.name.removesuffix(".json")
    report = _report_of(path)
    files, checks, run = (_mapping(known.get(key)) for key in ("files", "checks", "run"))
    target = report if report.is_file() else path.with_name(next(iter(files), path.name))
    gates, findings = known.get("gates"), known.get("findings")
    return Card(
        name=str(known.get("name", stem)),
        verdict=str(known.get("verdict", "unknown")),
        missed=tuple(
            str(gate["gate"]) for gate in (gates if isinstance(gates, list) else []) if not gate["passed"]
        ),
        findings=tuple(
            dict.fromkeys(
                str(entry["code"])
                for entry in (findings if isinstance(findings, list) else [])
                if entry["severity"] != "info"
            )
        ),
        height_mm=_number(known.get("height_mm")) or 0.0,
        faces=int(_number(known.get("faces")) or 0),
        seconds=_number(run.get("total_s")) or 0.0,
        iou=_number(_mapping(checks.get("iou")).get("iou")),
        thickness_mm=_number(_mapping(checks.get("thickness")).get("thickness_mm")),
        thumb=_thumb(path.with_name(f"{stem}.preview.png")),
        link=quote(target.relative_to(folder).as_posix()),
        has_report=target is report,
    )


def _thumb(preview: Path) -> str:
    """The preview as a small WebP; nothing where it is missing or damaged."""
    try:
        with Image.open(preview) as image:
            image.thumbnail((_THUMB_PX, _THUMB_PX), Image.Resampling.BOX)
            out = io.BytesIO()
            image.convert("RGB").save(out, "WEBP", quality=80, method=2)
    except OSError:
        return ""
    return f"data:image/webp;base64,{b64encode(out.getvalue()).decode()}"


def _rank(card: Card) -> int:
    """The worst first."""
    worst = ("reject", "review", "approve", "unknown").index(card.verdict)
    return worst if not card.missed else -1


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
