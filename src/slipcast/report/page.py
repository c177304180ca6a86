"""The JSON beside the asset -> the words and numbers of the page: what the template shows, in its order."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipcast.checks.gates import say_measured
from slipcast.core.values import Source
from slipcast.report.measured import measured
from slipcast.report.model import Packed
from slipcast.report.pictures import OUTLINE, SOURCES, STRIP_DEG, THICKNESS, Color, Pictures

VERDICTS = {
    "approve": ("Approved", "Nothing speaks against using it."),
    "review": ("Have a look", "It can be used; look at what is marked first."),
    "reject": ("Rejected", "Something is wrong with it; the findings say what."),
}

CHECKS: dict[str, dict[str, str]] = {
    "Picture": {
        "figurine": "Shows a figurine",
        "whole": "Whole body",
        "subjects": "One subject",
        "size": "Large enough",
        "framing": "Well framed",
        "sharpness": "Sharp",
        "exposure": "Well exposed",
        "light": "Even light",
        "background": "Plain background",
        "shadow": "No shadow taken as body",
        "grain": "Free of noise",
        "compression": "Free of compression damage",
        "limbs": "Limbs apart",
    },
    "Depth": {
        "relief": "Relief of the front",
        "tilt": "Upright",
        "proportion": "Depth that suits the outline",
        "leak": "Rim free of background",
        "agreement": "Depth models agree",
        "certainty": "Depth is certain",
    },
    "Model": {
        "closed": "Closed",
        "oriented": "Faces look outward",
        "crossing": "Faces do not cross",
        "thickness": "Walls thick enough",
        "islands": "One body",
        "stands": "Stands by itself",
        "lean": "Upright, seen from the side",
        "parts": "All parts are there",
        "tunnels": "No holes of its own",
        "budget": "Within the face budget",
        "texels": "Fine enough texture",
        "overlap": "No texture used twice",
        "iou": "Outline as in the picture",
        "invented": "Seen in a picture",
    },
}
"""Names for people, in groups; a check that is not here is shown by its own name, at the end."""

_HIDDEN = ("score", "verdict")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One check on the page."""

    name: str
    title: str
    verdict: str
    score: float | None
    measured: str


def page_of(
    document: Mapping[str, object], pictures: Pictures, model: Packed, wall_m: float
) -> dict[str, object]:
    """All that the template of a report needs."""
    box, run = _mapping(document["box_mm"]), _mapping(document.get("run"))
    verdict = str(document["verdict"])
    seconds = {key: float(str(value)) for key, value in _mapping(run.get("seconds")).items()}
    total_s = float(str(run.get("total_s", sum(seconds.values()))))
    gates = document.get("gates")
    findings = document["findings"]
    assert isinstance(findings, Sequence)
    told = _with_advice(findings, document.get("advice"))
    return {
        "name": document["name"],
        "verdict": verdict,
        "verdict_title": VERDICTS[verdict][0],
        "verdict_line": VERDICTS[verdict][1],
        "width_mm": box["width"],
        "height_mm": box["height"],
        "depth_mm": box["depth"],
        "faces": document["faces"],
        "vertices": document["vertices"],
        "volume_cm3": round(float(str(document["volume_mm3"])) / 1000, 2),
        "texture_px": document["texture_px"],
        "files": _mapping(document["files"]),
        "findings": told,
        "gates": [
            {**gate, "told": say_measured(gate["measured"], gate["gate"])}
            for gate in (gates if isinstance(gates, Sequence) else ())
        ],
        "checks": groups_of(_mapping(document["checks"])),
        "seconds": seconds,
        "total_s": total_s,
        "longest_s": max([*seconds.values(), 1e-9]),
        "memory_mb": run.get("peak_memory_mb"),
        "started": run.get("started"),
        "shares": _shares(_mapping(document["surface_share"])),
        "picture": _mapping(document["picture"]),
        "depth_model": _mapping(document["depth_model"]),
        "generator": document["generator"],
        "options": json.dumps(document["options"], indent=2, ensure_ascii=False),
        "pictures": pictures,
        "strip_deg": STRIP_DEG,
        "outline": [(word, css(color)) for word, color in OUTLINE],
        "thickness_css": _gradient(),
        "thickness_ticks": [(100 * (k + 2) / 7, f"{wall_m * 1000 * 2**k:g}") for k in range(-2, 6)],
        "wall_mm": f"{wall_m * 1000:g}",
        "model": model,
        "viewer": {
            **model.layout,
            "name": document["name"],
            "sources": [SOURCES[kind][1] for kind in Source],
            "thickness": [[(_octave(walls)), color] for walls, color in THICKNESS],
        },
    }


def groups_of(checks: Mapping[str, object]) -> list[tuple[str, list[Line]]]:
    """The checks under what they judge, those that could say nothing last."""
    groups = {group: [name for name in titles if name in checks] for group, titles in CHECKS.items()}
    listed = {name for names in groups.values() for name in names}
    groups["More"] = [name for name in checks if name not in listed]
    return [
        (
            group,
            sorted(
                (_line(name, _mapping(checks[name])) for name in names), key=lambda line: line.score is None
            ),
        )
        for group, names in groups.items()
        if names
    ]


def _line(name: str, values: Mapping[str, object]) -> Line:
    titles = {key: title for group in CHECKS.values() for key, title in group.items()}
    score = values["score"]
    return Line(
        name=name,
        title=titles.get(name, name.replace("_", " ").capitalize()),
        verdict=str(values["verdict"]),
        score=None if score is None else float(str(score)),
        measured=", ".join(
            measured(key, value)  # type: ignore[arg-type]
            for key, value in values.items()
            if key not in _HIDDEN and value is not None and value is not False and value != ""
        ),
    )


def _with_advice(findings: "Sequence[Mapping[str, object]]", advice: object) -> list[dict[str, object]]:
    """The findings with what helps against each, the gravest first, then those whose cure helps most."""
    cures = {entry["code"]: entry for entry in advice} if isinstance(advice, Sequence) else {}
    order = list(cures)
    grave = ("error", "warning", "info")

    def place(entry: Mapping[str, object]) -> tuple[int, int]:
        code = entry["code"]
        return grave.index(str(entry["severity"])), order.index(code) if code in cures else len(order)

    blank = {"do": "", "prompt": "", "drop": "", "option": ""}
    return [
        {**entry, "cure": {**blank, **cures.get(entry["code"], {})}} for entry in sorted(findings, key=place)
    ]


def css(color: Color) -> str:
    """A colour for a style sheet."""
    return f"rgb({color[0]} {color[1]} {color[2]})"


def _octave(walls: float) -> float:
    from math import log2

    return (log2(walls) + 2) / 7


def _gradient() -> str:
    stops = ", ".join(f"{css(color)} {100 * _octave(walls):.1f}%" for walls, color in THICKNESS)
    return f"linear-gradient(to right, {stops})"


def _shares(shares: Mapping[str, object]) -> list[tuple[str, str, float]]:
    """Words, colour and percent of each source that there is."""
    out = []
    for kind in Source:
        percent = 100 * float(str(shares.get(kind.name.lower(), 0)))
        if percent > 0:
            out.append((SOURCES[kind][0], css(SOURCES[kind][1]), round(percent, 1)))
    return out


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
