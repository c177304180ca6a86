"""evaluation/calibrate.py: pictures are spoiled as told, kept whole, and counted right."""

from pathlib import Path

import numpy as np
import pytest
from test_picture import SIDE, body, drawn, paint

from evaluation.calibrate import TARGETS, Result, _load, _save, table
from evaluation.scenery import NOTHING
from evaluation.spoil import WAYS, Scene
from slipcast.checks.picture.judge import judge_picture
from slipcast.checks.verdict import LIMITS
from slipcast.core.values import Picture


def scene(*, own_alpha: bool) -> Scene:
    alpha = body()
    pixels = paint(alpha)
    cut = judge_picture(Picture(pixels=pixels, alpha=alpha)).cut
    assert cut is not None
    if own_alpha:
        return Scene(name="person", picture=drawn(), cut=cut)
    opacity = alpha[..., None] / 255
    shown = np.round(pixels * opacity + 230 * (1 - opacity)).astype(np.uint8)
    return Scene(name="person", picture=Picture(pixels=shown), cut=cut)


@pytest.mark.parametrize("own_alpha", [True, False])
@pytest.mark.parametrize("way", WAYS)
def test_every_way_spoils_and_repeats(way: str, own_alpha: bool) -> None:
    good = scene(own_alpha=own_alpha)
    one, again = (WAYS[way](good, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.pixels, again.pixels)
    same = one.pixels.shape == good.picture.pixels.shape and np.array_equal(one.pixels, good.picture.pixels)
    assert not same


@pytest.mark.parametrize(
    ("way", "code"),
    [
        ("blur", "PICTURE_BLURRED"),
        ("dark", "PICTURE_DARK"),
        ("cut_bottom", "SUBJECT_CROPPED"),
        ("tiny", "PICTURE_SMALL"),
    ],
)
def test_the_checks_notice_it(way: str, code: str) -> None:
    spoiled = WAYS[way](scene(own_alpha=True), np.random.default_rng(2))
    assert code in {found.code for found in judge_picture(spoiled).findings}


@pytest.mark.parametrize("kind", NOTHING)
def test_scenery_repeats_and_fills_the_picture(kind: str) -> None:
    one, again = (NOTHING[kind](np.random.default_rng(4), 120, 160) for _ in range(2))
    assert one.shape == (120, 160, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)


def test_every_way_has_a_check_and_every_check_a_way() -> None:
    assert set(WAYS) | {"nothing"} <= set(TARGETS)
    judged = {check for check in LIMITS if check in set(TARGETS.values())}
    assert set(TARGETS.values()) == judged


def test_the_store_gives_back_what_was_put_in(tmp_path: Path) -> None:
    picture = drawn(side=200)
    judged = judge_picture(picture)
    _save(tmp_path / "a.npz", picture, judged)
    kept = _load(tmp_path / "a.npz")
    assert kept is not None
    assert judged.cut is not None
    assert kept[1] is not None
    assert np.array_equal(kept[0].pixels, picture.pixels)
    assert np.array_equal(kept[1].pixels, judged.cut.pixels)
    assert kept[1].findings == judged.cut.findings
    assert kept[1].facts == judged.cut.facts
    flat = Picture(pixels=np.full((SIDE, SIDE, 3), 7, np.uint8))
    _save(tmp_path / "b.npz", flat, judge_picture(flat))
    empty = _load(tmp_path / "b.npz")
    assert empty is not None
    assert empty[1] is None


def test_the_table_counts_only_the_half_that_chose_nothing() -> None:
    names = [f"figure{number}" for number in range(60)]
    good = [Result(figurine=name, way="good", scores={"figurine": 1.0, "sharpness": 0.9}) for name in names]
    blurred = [Result(figurine=name, way="blur", scores={"sharpness": 0.2}) for name in names]
    reported = [result for result in good if not result.chosen]
    assert 15 < len(reported) < 45
    # One good picture of each half is poor, three spoiled ones of the reported half pass.
    poor = {next(r.figurine for r in good if r.chosen is half) for half in (True, False)}
    good = [
        Result(figurine=r.figurine, way="good", scores={"sharpness": 0.1}) if r.figurine in poor else r
        for r in good
    ]
    missed = [r.figurine for r in blurred if not r.chosen][:3]
    blurred = [
        Result(figurine=r.figurine, way="blur", scores={"sharpness": 0.8}) if r.figurine in missed else r
        for r in blurred
    ]
    row = next(line for line in table([*good, *blurred]) if line.startswith("| `sharpness`"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    number = len(reported)
    assert cells[1:5] == ["blur", str(number), f"{100 * (number - 3) / number:.0f} %", f"1 of {number}"]
