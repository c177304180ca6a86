"""checks: scores become verdicts by one table."""

import json
import math

import pytest

from slipcast.checks.verdict import LIMITS, Check, Verdict, verdict


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_are_in_order(name: str) -> None:
    assert 0 <= LIMITS[name].reject <= LIMITS[name].review <= 1


def test_a_check_says_what_its_score_means() -> None:
    assert Check(name="leak", score=0.09).verdict is Verdict.REJECT
    assert Check(name="leak", score=0.1).verdict is Verdict.REVIEW
    assert Check(name="leak", score=0.5).verdict is Verdict.APPROVE
    assert Check(name="leak", score=None).verdict is Verdict.APPROVE


def test_the_worst_check_decides() -> None:
    good, poor, bad = (Check(name="leak", score=score) for score in (1.0, 0.3, 0.0))
    assert verdict([]) is Verdict.APPROVE
    assert verdict([good]) is Verdict.APPROVE
    assert verdict([good, poor, good]) is Verdict.REVIEW
    assert verdict([bad, poor, good]) is Verdict.REJECT


def test_a_check_survives_json() -> None:
    check = Check(name="iou", score=1 / 3, values={"iou": 0.91})
    told = json.loads(json.dumps(check.as_dict()))
    assert told == {"score": 0.3333, "verdict": "review", "iou": 0.91}


@pytest.mark.parametrize("score", [-0.1, 1.1, math.nan])
def test_a_score_that_is_none_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="leak"):
        Check(name="leak", score=score)


def test_a_check_without_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="nosuch"):
        Check(name="nosuch", score=1.0)
