"""findings.py: each row is a code, a severity and a sentence that its values fill."""

import json
import re
from string import Formatter

import pytest

from slipcast.core.findings import FINDINGS, Severity, finding


def _fields(code: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(FINDINGS[code].sentence) if name and name != "option"]


@pytest.mark.parametrize("code", FINDINGS)
def test_a_row_is_well_formed(code: str) -> None:
    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)+", code)
    sentence = FINDINGS[code].sentence
    assert len(sentence) > 20
    assert not sentence.endswith(".")
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in _fields(code))


@pytest.mark.parametrize("code", FINDINGS)
def test_a_finding_fills_its_sentence_and_survives_json(code: str) -> None:
    values = {name: f"<{name}>" for name in _fields(code)}
    made = finding(code, values)
    assert all(f"<{name}>" in made.message for name in values)
    assert "{" not in made.message
    told = json.loads(json.dumps(made.as_dict()))
    assert told == {
        "code": code,
        "severity": FINDINGS[code].severity.value,
        "message": made.message,
        "values": values,
    }


def test_a_missing_value_or_code_is_refused_where_the_finding_is_made() -> None:
    with pytest.raises(KeyError):
        finding("SUBJECT_CROPPED")
    with pytest.raises(KeyError):
        finding("NO_SUCH_CODE")


def test_the_values_are_a_copy() -> None:
    values: dict[str, object] = {"edges": 2}
    made = finding("MESH_OPEN", values)
    values["edges"] = 9
    assert made.values == {"edges": 2}
    assert made.severity is Severity.ERROR


@pytest.mark.parametrize(
    ("code", "numbers", "one", "many"),
    [
        ("SPECKS_DROPPED", ["count"], "1 speck smaller than", "2 specks smaller than"),
        ("SPECKS_DROPPED", ["count"], "figurine was left out", "figurine were left out"),
        ("MESH_THIN", ["count"], "1 part is thinner", "2 parts are thinner"),
        ("MESH_SEVERAL", ["pieces", "floating"], "the outline has 1 piece:", "the outline has 2 pieces:"),
        ("MESH_SEVERAL", ["pieces", "floating"], "1 touches neither", "2 touch neither"),
        ("MESH_OPEN", ["edges"], "has 1 open edge;", "has 2 open edges;"),
        ("MESH_TUNNELS", ["genus"], "1 hole goes through", "2 holes go through"),
        ("HOLES_KEPT", ["count"], "1 hole in the picture's alpha goes", "2 holes in the picture's alpha go"),
        ("HOLES_IN_ALPHA", ["count"], "close it if it is a white part", "close those that are white parts"),
        ("PRINT_ISLANDS", ["count"], "support it", "support them"),
        (
            "PRINT_MENDED",
            ["holes", "joined", "dropped"],
            "1 vertex joined, 1 face left",
            "2 vertices joined, 2",
        ),
    ],
)
@pytest.mark.parametrize("kind", [int, str])
def test_one_thing_is_told_as_one(code: str, numbers: list[str], one: str, many: str, kind: type) -> None:
    others = {name: "?" for name in _fields(code)}
    assert one in finding(code, others | {name: kind(1) for name in numbers}).message
    assert many in finding(code, others | {name: kind(2) for name in numbers}).message
