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
