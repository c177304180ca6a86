"""The samples' golden facts: what the product makes of them is what it made when `scripts/golden` last wrote them down.

A change that means to move facts runs `scripts/golden` and commits the difference with its reason.
"""

import json

import pytest

from evaluation import golden


@pytest.mark.parametrize("sample", ["astronaut", "bust", "dragon", "fox", "knight", "mech", "owl", "witch"])
def test_true_depth_becomes_what_it_became(sample: str) -> None:
    known = golden.read_golden(sample)["truth"]["draft"]
    moved = golden.compare(known, golden.measure(sample, "truth", "draft"), sums=False)
    assert not moved, "run scripts/golden if these changes are meant:\n" + "\n".join(moved)


@pytest.mark.parametrize("sample", ["knight"])
def test_a_picture_becomes_what_it_became(sample: str) -> None:
    known = golden.read_golden(sample)["picture"]["draft"]
    moved = golden.compare(known, golden.measure(sample, "picture", "draft"), sums=False)
    assert not moved, "run scripts/golden if these changes are meant:\n" + "\n".join(moved)


def test_a_fact_that_moves_is_said_with_both_values() -> None:
    known = json.loads('{"mesh": {"faces": 1000, "box_mm": [1.0, 2.0], "cd": 0.01}, "sha256": {"mesh": "a"}}')
    found = json.loads(
        '{"mesh": {"faces": 1002, "box_mm": [1.0, 2.0001], "cd": 0.0104}, "sha256": {"mesh": "b"}}'
    )
    assert golden.compare(known, found, sums=False) == ["mesh.faces: 1000 -> 1002"]
    assert golden.compare(known, found, sums=True)[1:] == ["sha256.mesh: a -> b"]
    assert golden.compare(known, {"mesh": known["mesh"], "findings": ["NEW x1"]}, sums=False) == [
        "findings: None -> ['NEW x1']"
    ]
