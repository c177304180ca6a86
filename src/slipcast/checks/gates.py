"""Gates: what a result must measure, in words like `closed,iou>=0.95,thickness>=0.8mm`.

A gate compares one measured value of one check; what there is to measure is one table, `GATES`. Checks without a row
there can be gated by their score: `sharpness>=0.5`. What could not be measured does not pass.
"""

import difflib
import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from slipcast.checks.verdict import LIMITS, Check, Verdict, verdict
from slipcast.core.errors import BadInput
from slipcast.core.options import show


class Row(NamedTuple):
    """One thing that can be gated."""

    check: str
    """The check's name; empty for the verdict over all checks."""
    value: str
    """The key of its measured value; empty for a gate that is passed or not (a full score)."""
    unit: str
    """mm, deg, share, count or empty."""
    about: str
    """What is measured, for docs/quality.md."""
    low: float = 0.0
    """The least that the value can be."""
    high: float = math.inf
    """The most."""


GATES: dict[str, Row] = {
    "approved": Row("", "", "", "the verdict over all checks is approve"),
    "closed": Row("closed", "", "", "every edge has two faces"),
    "oriented": Row("oriented", "", "", "all faces look outward"),
    "crossings": Row("crossing", "crossing_faces", "count", "faces that run through others"),
    "thickness": Row(
        "thickness",
        "thickness_mm",
        "mm",
        "the thinnest part, edges and tips apart; at most what 98 % of the surface exceed",
    ),
    "thin": Row(
        "thickness", "thin_parts", "count", "parts thinner than the target's process prints (else 0.8 mm)"
    ),
    "bodies": Row("islands", "bodies", "count", "separate bodies"),
    "gap": Row("islands", "gap_mm", "mm", "from a separate body to the nearest other"),
    "stands": Row(
        "stands", "stands_deg", "deg", "the lean at which it tips over; below 0 it falls by itself", -90, 90
    ),
    "lean": Row("lean", "lean_deg", "deg", "forwards, seen from the side; below 0 backwards", -90, 90),
    "lost": Row(
        "parts",
        "lost_share",
        "share",
        "the farthest part of the outline that the mesh lacks, over the height",
        high=1,
    ),
    "genus": Row("tunnels", "genus", "count", "holes that go through"),
    "faces": Row("budget", "faces", "count", "triangles"),
    "texels": Row("texels", "texels_along_height", "count", "texels along the height"),
    "overlap": Row("overlap", "uv_overlap_share", "share", "texture used twice", high=1),
    "iou": Row("iou", "iou", "share", "mesh and picture: intersection of their outlines over union", high=1),
    "seen": Row("invented", "seen_share", "share", "the surface that the picture shows", high=1),
    "relief": Row("relief", "relief_over_width", "share", "the front's relief over its width"),
    "tilt": Row("tilt", "tilt_deg", "deg", "the front's lean", high=90),
    "proportion": Row("proportion", "depth_over_width", "", "depth over width"),
    "roundness": Row("proportion", "depth_over_outline", "", "depth over width where the outline is widest"),
    "leak": Row("leak", "rim_behind_share", "share", "the rim that falls back to the background", high=1),
    "agreement": Row("agreement", "correlation", "", "correlation of two depth models", -1, 1),
    "guess": Row("certainty", "back_error_share", "share", "the back's likely error, over the longer side"),
}

_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "=": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}
_UNITS: dict[str, dict[str, float]] = {
    "mm": {"mm": 1.0, "cm": 10.0, "m": 1000.0, "in": 25.4},
    "deg": {"": 1.0, "deg": 1.0, "°": 1.0},
    "share": {"": 1.0, "%": 0.01},
    "count": {"": 1.0},
    "": {"": 1.0},
}
_WORDS = re.compile(r"([a-z][a-z_-]*)\s*(?:(>=|<=|==|=|>|<)\s*(-?[0-9.]+(?:e-?[0-9]+)?)\s*([a-z%°]*))?")


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One thing that a result must meet; `parse_gates` makes it of words.

    >>> slipcast.Recipe(gates="iou>=0.95").gates[0].limit
    0.95
    """

    text: str
    """As it was asked for."""
    name: str
    sign: str = ""
    """One of >=, <=, ==, =, >, <; empty for a gate that is passed or not."""
    limit: float = 0.0
    """In the unit of the measured value."""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """How one gate went."""

    gate: Gate
    measured: float | bool | None
    passed: bool

    def as_dict(self) -> dict[str, object]:
        """JSON-ready data."""
        return {"gate": self.gate.text, "measured": self.measured, "passed": self.passed}


def parse_gates(words: str) -> tuple[Gate, ...]:
    """`closed,iou>=0.95` -> gates, in order; BadInput for one that is not understood, naming those that exist."""
    return tuple(_parse(word.strip().lower()) for word in words.split(",") if word.strip())


def _parse(word: str) -> Gate:
    match = _WORDS.fullmatch(word)
    name = match[1] if match else re.split(r"[^a-z_-]", word)[0]
    if name not in GATES and name not in LIMITS:
        near = difflib.get_close_matches(name, {*GATES, *LIMITS}, n=1, cutoff=0.75)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(GATES)}"
        raise BadInput(f"gates has {show(word)}, which is none of them; {hint}", field="gates")
    row = _row(name)
    units = _UNITS[row.unit]
    example = f"'{name}>={_example(row)}'"
    if not match or (match[2] is None and row.value):
        raise BadInput(
            f"gates has {word!r}, which needs a comparison; give it in quotes because of the > sign: {example}",
            field="gates",
        )
    if match[2] is None:
        return Gate(text=word, name=name)
    if not row.value:
        raise BadInput(f"gates has {word!r}, which compares nothing; give {name} alone", field="gates")
    try:
        number = float(match[3])
    except ValueError as error:
        raise BadInput(
            f"gates has {word!r}, without a number behind its sign; give for instance {example}",
            field="gates",
        ) from error
    if match[4] not in units:
        choices = " or ".join(repr(unit) for unit in units if unit) or "none"
        raise BadInput(
            f"gates has {word!r}, which needs a number with the unit {choices}; give for instance {example}",
            field="gates",
        )
    limit = number * units[match[4]]
    _check_limit(word, row, match[2], limit)
    return Gate(text=word, name=name, sign=match[2], limit=limit)


def _check_limit(word: str, row: Row, sign: str, limit: float) -> None:
    """Refuse a gate that no result can pass: it would fail all of them after their work."""
    passes = _SIGNS[sign]
    equal = sign in ("=", "==")
    if not (row.low <= limit <= row.high if equal else passes(row.low, limit) or passes(row.high, limit)):
        between = f"is between {row.low:g} and {row.high:g}" if row.high < math.inf else "is never below 0"
        percent = f", or {limit:g}%" if row.unit == "share" and 1 < limit <= 100 else ""
        raise BadInput(
            f"gates has {word!r}, which can never be met: the value {between}; give one that can be reached{percent}",
            field="gates",
        )


def _row(name: str) -> Row:
    return GATES.get(name) or Row(name, "score", "share", f"the score of the check {name}", high=1)


def _example(row: Row) -> str:
    return {"mm": "0.8mm", "deg": "20", "count": "1"}.get(row.unit, "0.9")


def pass_gates(checks: Iterable[Check], gates: Iterable[Gate]) -> tuple[Passage, ...]:
    """How each gate goes, in order."""
    by_name = {check.name: check for check in checks}
    return tuple(_passage(by_name, gate) for gate in gates)


def say_measured(measured: float | bool | None, gate: str = "") -> str:
    """A measured value for a reader, in the unit that the words of its `gate` compare.

    >>> say_measured(0.62, "thickness>=0.8mm"), say_measured(None), say_measured(False)
    ('0.62 mm', 'nothing', 'no')
    """
    if measured is None:
        return "nothing"
    if isinstance(measured, bool):
        return "yes" if measured else "no"
    unit = _row(parse_gates(gate)[0].name).unit if gate else ""
    return f"{measured:g}" + {"mm": " mm", "deg": "°"}.get(unit, "")


def _passage(checks: dict[str, Check], gate: Gate) -> Passage:
    row = _row(gate.name)
    if not row.check:
        met = verdict(checks.values()) is Verdict.APPROVE
        return Passage(gate=gate, measured=met, passed=met)
    check = checks.get(row.check)
    if check is None or check.score is None:
        return Passage(gate=gate, measured=None, passed=False)
    if not row.value:
        return Passage(gate=gate, measured=check.score == 1, passed=check.score == 1)
    value = check.score if row.value == "score" else check.values.get(row.value)
    if not isinstance(value, int | float):
        return Passage(gate=gate, measured=None, passed=False)
    return Passage(gate=gate, measured=value, passed=_SIGNS[gate.sign](value, gate.limit))
