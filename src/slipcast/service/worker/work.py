"""One job's work, in the child process: files in a folder in, files in a folder out, through the library.

The only place of the service that calls the pipeline. A kind of job is one function and one row in `KINDS`.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from slipcast.core.values import Picture, View
from slipcast.service.jobs.options import AssetOptions, Later, PrintCheck

Tell = Callable[[str, int, float], None]
"""`tell(stage, percent, seconds)`: a stage begins (0 seconds) or has ended."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """What a child is given: small, and picklable."""

    kind: str
    name: str
    folder: Path
    """With `in/`; `out/` is made here."""
    options: Mapping[str, Any]
    pictures: tuple[tuple[str, str, Mapping[str, object]], ...] = ()
    """(file in `in/`, side, facts of a bought picture), the front first."""
    materials: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of it: files in `out/`, and what the job's row says."""

    files: tuple[str, ...]
    result: Mapping[str, Any]


def work(order: Order, tell: Tell) -> Outcome:
    """Do the job. Raises what the library raises."""
    files, result = KINDS[order.kind](order, tell)
    out = order.folder / "out"
    out.mkdir(exist_ok=True)
    for name, content in files.items():
        if "/" in name or name.startswith("."):
            continue  # no writer makes such a name
        (out / name).write_bytes(content)
    return Outcome(files=tuple(files), result=result)


def _convert(order: Order, tell: Tell) -> tuple[dict[str, bytes], dict[str, Any]]:
    from slipcast.picture.decode import read_picture
    from slipcast.pipeline.run import STAGES
    from slipcast.pipeline.run import run as run_stages
    from slipcast.workspace.files import asset_files

    options = AssetOptions.model_validate(dict(order.options))
    begun = time.perf_counter()
    pictures: list[Picture] = []
    for file, side, facts in order.pictures:
        picture = read_picture(order.folder / "in" / file, view=View(side))
        pictures.append(replace(picture, source={**picture.source, **facts}) if facts else picture)
    started: dict[str, float] = {}

    def watch(stage: str, done: int, total: int) -> None:
        at = STAGES.index(stage) if stage in STAGES else 0
        if done == 0:
            started[stage] = time.perf_counter()
            tell(stage, round(100 * at / len(STAGES)), 0.0)
        elif done == total:
            tell(stage, round(100 * (at + 1) / len(STAGES)), time.perf_counter() - started.get(stage, begun))

    more: dict[str, Any] = {"others": pictures[1:]} if pictures[1:] else {}
    result = run_stages(pictures[0], options.recipe(), name=order.name, watch=watch, **more)
    run = {"seconds": dict(result.seconds), "total_s": round(time.perf_counter() - begun, 3)}
    page = None
    if options.report:
        from slipcast.report.report import draw_report

        page = draw_report(result, run=run)
    files = asset_files(result, run=run, report=page)
    return files, _summary({**result.metadata, "run": run})


def _summary(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the job's row keeps of the JSON beside the asset; all of it is in the file."""
    picture = document.get("picture") or {}
    return {
        "verdict": document.get("verdict"),
        "box_mm": document.get("box_mm"),
        "faces": document.get("faces"),
        "closed": document.get("closed"),
        "volume_mm3": document.get("volume_mm3"),
        "depth_model": document.get("depth_model"),
        "gates": document.get("gates", []),
        "findings": [
            {key: entry.get(key) for key in ("code", "severity", "message")}
            for entry in document.get("findings", [])
        ],
        "scores": {
            name: check.get("score")
            for name, check in (document.get("checks") or {}).items()
            if isinstance(check, Mapping)
        },
        "seconds": (document.get("run") or {}).get("seconds", {}),
        "total_s": (document.get("run") or {}).get("total_s"),
        "ai_generated": bool(picture.get("ai_generated")),
        "watermark": picture.get("watermark"),
        "licence": (document.get("depth_model") or {}).get("licence"),
    }


def _export(order: Order, tell: Tell) -> tuple[dict[str, bytes], dict[str, Any]]:
    from slipcast.formats.gltf.read_figurine import read_asset
    from slipcast.formats.table import EXPORTERS

    options = Later.model_validate(dict(order.options))
    begun = time.perf_counter()
    tell("read", 0, 0.0)
    (source,) = [order.folder / "in" / file for file, _, _ in order.pictures]
    figurine, lost = read_asset(source)
    if options.height_mm is not None:
        vertices = figurine.mesh.vertices
        tall = float(vertices[:, 1].max() - vertices[:, 1].min())
        scaled = (vertices * (options.height_mm / 1000 / max(tall, 1e-9))).astype(vertices.dtype)
        figurine = replace(figurine, mesh=replace(figurine.mesh, vertices=scaled))
    tell("read", 40, time.perf_counter() - begun)
    files: dict[str, bytes] = {}
    findings = list(lost)
    for key in options.formats:
        made = EXPORTERS[key].export(replace(figurine, name=order.name), options.written())
        files |= made.files
        findings += [entry for entry in made.findings if entry not in findings]
    tell("export", 100, time.perf_counter() - begun)
    size = (figurine.mesh.vertices.max(0) - figurine.mesh.vertices.min(0)) * 1000
    return files, {
        "box_mm": dict(zip(("width", "height", "depth"), (round(float(v), 3) for v in size), strict=True)),
        "faces": len(figurine.mesh.faces),
        "findings": [entry.as_dict() for entry in findings],
        "total_s": round(time.perf_counter() - begun, 3),
    }


def _inspect(order: Order, tell: Tell) -> tuple[dict[str, bytes], dict[str, Any]]:
    from slipcast.formats.gltf.read_figurine import read_figurine
    from slipcast.prepare.print import PrintOptions, print_figurine

    options = PrintCheck.model_validate(dict(order.options))
    begun = time.perf_counter()
    tell("inspect", 0, 0.0)
    (source,) = [order.folder / "in" / file for file, _, _ in order.pictures]
    report = print_figurine(read_figurine(source), PrintOptions(process=options.process)).describe()
    content = (json.dumps(report, indent=2, ensure_ascii=False) + "\n").encode()
    tell("inspect", 100, time.perf_counter() - begun)
    result = {
        "printability": report.get("printability"),
        "findings": report.get("findings", []),
        "total_s": round(time.perf_counter() - begun, 3),
    }
    return {f"{order.name}.print.json": content}, result


KINDS: dict[str, Callable[[Order, Tell], tuple[dict[str, bytes], dict[str, Any]]]] = {
    "convert": _convert,
    "make": _convert,
    "export": _export,
    "inspect": _inspect,
}
"""`make` is bought first, by the parent; what is left of it then is a conversion."""
