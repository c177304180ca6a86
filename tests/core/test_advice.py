"""core/advice.py: every finding has advice, or a reason why none is needed."""

import pytest

from slipcast.core.advice import ADVICE, NO_ADVICE, advise
from slipcast.core.findings import FINDINGS, Severity, finding
from slipcast.core.mention import FIELDS


def test_every_code_is_in_exactly_one_table() -> None:
    assert set(ADVICE) | set(NO_ADVICE) == set(FINDINGS)
    assert not set(ADVICE) & set(NO_ADVICE)


@pytest.mark.parametrize(
    "code", [code for code, row in FINDINGS.items() if row.severity is not Severity.INFO]
)
def test_a_warning_always_has_advice(code: str) -> None:
    assert code in ADVICE


@pytest.mark.parametrize("code", ADVICE)
def test_advice_is_a_sentence_without_end(code: str) -> None:
    row = ADVICE[code]
    assert len(row.do) > 10
    assert row.do[0].islower()
    assert not any(text.endswith(".") for text in row)


def test_the_most_effective_comes_first_and_each_once() -> None:
    found = [
        finding("PICTURE_NOISY"),
        finding("SUBJECT_CROPPED", {"side": "top"}),
        finding("BACK_INVENTED", {"percent": 50, "where": "the picture", "how": "invented"}),
        finding("PICTURE_NOISY"),
        finding("NO_FIGURINE"),
    ]
    advice = advise(found)
    assert [each.code for each in advice] == ["NO_FIGURINE", "SUBJECT_CROPPED", "PICTURE_NOISY"]
    told = advice[1].as_dict()
    assert told["code"] == "SUBJECT_CROPPED"
    assert "full-body" in told["prompt"]
    assert all(part in advice[1].tell(FIELDS) for part in told.values() if part != "SUBJECT_CROPPED")
    assert advise([]) == ()
