"""What was made before need not be made again: a mark in the asset's JSON names the work that made it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipcast._version import __version__

if TYPE_CHECKING:
    from slipcast.pipeline.recipe import Recipe


def mark_of(picture_sha256: str, recipe: "Recipe", *more: object) -> str:
    """Names picture, options, `more` that matters, and this version: equal for equal work."""
    words = "|".join(map(str, (__version__, picture_sha256, recipe.digest, *more)))
    return hashlib.sha256(words.encode()).hexdigest()[:32]


def find_made(path: Path, mark: str) -> dict[str, Any] | None:
    """The JSON at `path` when its asset was made by the work that `mark` names and is there whole, else None."""
    try:
        known: dict[str, Any] = json.loads(path.read_text("utf-8"))
        preview = path.with_name(f"{path.stem}.preview.png")
        whole = known["run"]["mark"] == mark and preview.is_file()
        if whole and all((path.parent / f).stat().st_size == size for f, size in known["files"].items()):
            return known
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # not there, or not ours: it will be made
    return None


def files_of(path: Path, asset: Mapping[str, Any]) -> tuple[Path, ...]:
    """Every file of the asset whose JSON is at `path` and says `asset`, as they were written: main file first."""
    stem, folder = path.stem, path.parent
    files = [*(folder / name for name in asset["files"]), path, folder / f"{stem}.preview.png"]
    report, stages = folder / f"{stem}.report.html", folder / f"{stem}.stages"
    files += [report] if report.is_file() else []
    return (
        (*files, *sorted(each for each in stages.rglob("*") if each.is_file()))
        if stages.is_dir()
        else tuple(files)
    )
