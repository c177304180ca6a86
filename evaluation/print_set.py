"""Print a set of pictures, or assets, for filament and for resin, and let slicers judge every part.

    python -m evaluation.print_set PICTURE|ASSET... [--out FOLDER] [--only fdm|resin] [--slicers NAMES] [--resume]

FOLDER keeps the assets of the pictures (`NAME.glb`, made with --detail draft), so that a second run only prints, and
what was found (`entries.json`), so that pictures may be given one by one: the table at the end is of all. With --resume
those are left out that all asked slicers have answered for. Each is
printed with `--for fdm --base auto --colors 4` and `--for resin --hollow 2mm --drain 2x3mm`. The table is Markdown;
seconds are CPU seconds of one core for all steps after the figurine, files included.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evaluation import slicers
from evaluation.slicers import Cured, Sliced
from slipcast.core.errors import SlipcastError
from slipcast.core.values import Figurine
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.prepare.body import Body
from slipcast.prepare.hollow import HollowOptions
from slipcast.prepare.paint import PaintOptions
from slipcast.prepare.print import Print, PrintOptions, print_figurine

PROCESSES = {
    "fdm": PrintOptions(process="fdm", paint=PaintOptions(colors=4)),
    "resin": PrintOptions(process="resin", hollow=HollowOptions(), orient="auto"),
}
PROGRAMS = {"fdm": ("prusa", "slic3r", "cura", "admesh"), "resin": ("prusa", "admesh")}
STANDS_DEG = 5.0
_LINE_MM, _STEP_MM = 0.9, 0.1
"""Width from which every slicer prints a pin (docs/print.md), and steps down from the top."""
_HEADS = {
    "fdm": (
        "sound", "Prusa", "slic3r", "Cura", "admesh", "colours / tools", "base mm", "tips at", "islands", "g PLA", "s",
    ),
    "resin": (
        "sound", "Prusa sl1", "admesh", "volume to ours", "trapped mm3, ours / Prusa", "saved %", "drains + vents",
        "lean", "islands", "cups mm3", "ml", "s",
    ),
}  # fmt: skip


def find_figurine(path: Path, folder: Path) -> Figurine:
    """Return the asset at `path`, or that of a picture, which is made once and kept in `folder`."""
    if path.suffix.lower() in (".glb", ".gltf"):
        return read_figurine(path)
    name = name_of(path)
    kept = folder / f"{name}.glb"
    if not kept.exists():
        from slipcast import convert, write

        write(convert(path, name=name, detail="draft"), folder)
    return read_figurine(kept)


def name_of(path: Path) -> str:
    """The figurine's name: the folder's for `front.png`, else the file's.

    >>> name_of(Path("samples/owl/front.png"))
    'owl'
    """
    return path.parent.name if path.stem == "front" else path.stem


def is_judged(entries: list[dict[str, Any]], name: str, process: str, names: list[str]) -> bool:
    """Whether `entries` have an answer of each program of `names` for that print.

    >>> is_judged([{"name": "owl", "process": "fdm", "slicers": {"prusa": {"ok": True}}}], "owl", "fdm", ["prusa"])
    True
    """
    found = next((each for each in entries if (each["name"], each["process"]) == (name, process)), {})
    return set(names) & set(PROGRAMS[process]) <= set(found.get("slicers") or {}) and "slicers" in found


def judge(figurine: Figurine, process: str, folder: Path, *, names: list[str]) -> dict[str, object]:
    """Print one figurine, write its files, and return what we and the slicers say of them."""
    begun = time.process_time()
    made = print_figurine(figurine, PROCESSES[process])
    files = made.files()
    seconds = time.process_time() - begun
    place = folder / process
    place.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (place / name).write_bytes(data)
    described = made.describe()
    (place / f"{made.name}.json").write_text(json.dumps(described, indent=1))
    entry: dict[str, object] = {
        "name": made.name,
        "process": process,
        "seconds": round(seconds, 1),
        "sound": made.sound,
        "tipping_deg": round(made.base.after.tipping_deg, 1),
        "findings": [item.code for item in made.findings],
        "print": described,
    }
    entry["slicers"] = _slice(made, process, place, names)
    return entry


def _slice(made: Print, process: str, place: Path, names: list[str]) -> dict[str, object]:
    height = made.reports[0].size_mm[2]
    package, plain = place / f"{made.name}.print.3mf", place / f"{made.name}.print.stl"
    if not plain.exists():
        plain = place / f"{made.name}.plain.stl"
        plain.write_bytes(made.pack_stl(0))
    colors = len(made.palette.colors) if made.palette else 1
    tip = measure_tip(made.parts[0].body)
    ways: dict[str, Callable[[], Sliced | Cured | None]] = {
        "admesh": lambda: slicers.check_with_admesh(plain)
    }
    if process == "fdm":
        ways["prusa"] = lambda: slicers.check_with_prusa(package, height, colors, tip_mm=tip)
        ways["slic3r"] = lambda: slicers.check_with_slic3r(plain, height, tip_mm=tip)
        ways["cura"] = lambda: slicers.check_with_cura(plain, height, tip_mm=tip)
    else:
        ways["prusa"] = lambda: slicers.cure_with_prusa(plain)
    answers: dict[str, object] = {}
    for name in (name for name in ways if name in names):
        begun = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = ways[name]()
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime
        answers[name] = None if found is None else asdict(found) | {"seconds": round(seconds, 1)}
    return answers


def measure_tip(body: Body) -> float:
    """How many mm at the top of `body` no disc of `_LINE_MM` fits into: a slicer may leave them out."""
    top = float(body.box_mm[1, 2])
    for step in range(1, 1 + int(top / _STEP_MM)):
        if not body.solid.slice(top - step * _STEP_MM).offset(-_LINE_MM / 2).is_empty():
            return (step - 1) * _STEP_MM
    return top


def row(entry: dict[str, Any]) -> list[str]:
    """One line of the table."""
    if "error" in entry:
        return [entry["name"], entry["error"]]
    said, report = entry.get("slicers", {}), entry["print"]
    part = report["parts"][0]

    def mark(key: str) -> str:
        found = said.get(key)
        return "-" if found is None else "yes" if found["ok"] else f"NO: {found['why'][:60]}"

    base = f"{report['base']['shape']} {report['base']['size_mm']:g}"
    islands = str(part["layers"]["island_count"])
    sound = "yes" if entry["sound"] else "NO"
    if entry["process"] == "fdm":
        tools = f"{len(report['colors']['palette'])} / {(said.get('prusa') or {}).get('tools', '-')}"
        tips = f"{entry['tipping_deg']:.0f}"
        return [entry["name"], sound, mark("prusa"), mark("slic3r"), mark("cura"), mark("admesh"), tools, base, tips,
                islands, str(report["weight_g"]["PLA"]), str(entry["seconds"])]  # fmt: skip
    cured, hollow = said.get("prusa") or {}, report["hollow"]
    ratio = f"{cured['volume_mm3'] / part['volume_mm3']:.3f}" if cured.get("volume_mm3") else "-"
    kinds = [hole["kind"] for hole in hollow["holes"]]
    saved = "solid" if hollow["refused"] else f"{hollow['saved_percent']:.0f}"
    trapped = f"{part['layers']['trapped_mm3']:.0f} / {cured['trapped_mm3']:.0f}" if cured else "-"
    return [entry["name"], sound, mark("prusa"), mark("admesh"), ratio, trapped, saved,
            f"{kinds.count('drain')} + {kinds.count('vent')}", f"{report['lean_deg']:.0f}", islands,
            f"{part['layers']['cup_mm3']:.0f}", f"{part['volume_mm3'] / 1000:.1f}", str(entry["seconds"])]  # fmt: skip


def sum_up(entries: list[dict[str, Any]]) -> list[str]:
    """The last lines: how many of all are as they should be."""
    lines = []
    for process in PROCESSES:
        own = [entry for entry in entries if entry["process"] == process]
        made = [entry for entry in own if "error" not in entry]
        if not own:
            continue
        good = {"closed": sum(entry["sound"] for entry in made)}
        for key in ("prusa", "slic3r", "cura", "admesh"):
            asked = [e["slicers"][key] for e in made if (e.get("slicers") or {}).get(key) is not None]
            if asked:
                good[key] = sum(found["ok"] for found in asked)
        if process == "fdm":
            good["stand"] = sum(entry["tipping_deg"] > STANDS_DEG for entry in made)
        else:
            cured = [e["slicers"]["prusa"] for e in made if (e.get("slicers") or {}).get("prusa")]
            if cured:
                good["without a trap in the slicer's layers"] = sum(
                    found["trapped_mm3"] == 0 for found in cured
                )
            good["hollow"] = sum(not entry["print"]["hollow"]["refused"] for entry in made)
        times = sorted(entry["seconds"] for entry in made)
        middle = f"{times[len(times) // 2]} s in the middle, {times[-1]} s at most" if times else ""
        lines.append(
            f"{process}: {len(own)} figurines; "
            + ", ".join(f"{key} {value}" for key, value in good.items())
            + f"; {middle}"
        )
    return lines


def main() -> None:
    """Print the table and the sums; exit 1 where a part is not sound or a slicer says no."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/print-set"))
    parser.add_argument("--only", choices=[*PROCESSES])
    parser.add_argument(
        "--slicers", default="prusa,slic3r,cura,admesh", help="which are asked; none: an empty word"
    )
    parser.add_argument("--resume", action="store_true", help="leave out what is judged already")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    kept = asked.out / "entries.json"
    entries: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else []
    for path in asked.sources:
        for process in [asked.only] if asked.only else PROCESSES:
            if asked.resume and is_judged(entries, name_of(path), process, asked.slicers.split(",")):
                continue
            try:
                figurine = find_figurine(path, asked.out)
                entry = judge(figurine, process, asked.out, names=asked.slicers.split(","))
            except SlipcastError as error:
                entry = {"name": path.stem, "process": process, "error": str(error)}
            same = (entry["name"], process)
            entries = [*(each for each in entries if (each["name"], each["process"]) != same), entry]
            print(" | ".join(row(entry)), flush=True)
            kept.write_text(json.dumps(entries, indent=1))
    for process, head in _HEADS.items():
        own = [entry for entry in entries if entry["process"] == process]
        if own:
            print(f"\n| {process} | {' | '.join(head)} |\n|{'---|' * (len(head) + 1)}")
            for entry in own:
                print("| " + " | ".join(row(entry)) + " |")
    print()
    for line in sum_up(entries):
        print(line)


if __name__ == "__main__":
    main()
