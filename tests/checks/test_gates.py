"""checks/gates.py and `--gate`: what is asked is measured, what is not understood is said."""

import json
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK, QUICK_TOML
from PIL import Image
from silhouettes import disc

from slipcast.checks.gates import _UNITS, GATES, parse_gates, pass_gates, say_measured
from slipcast.checks.verdict import LIMITS, Check
from slipcast.cli.main import main
from slipcast.core.errors import BadInput

CHECKS = (
    Check(name="closed", score=1.0, values={"open_edges": 0}),
    Check(name="oriented", score=0.0),
    Check(name="thickness", score=0.9, values={"thickness_mm": 0.8, "thin_parts": None}),
    Check(name="iou", score=0.7, values={"iou": 0.95}),
    Check(name="crossing", score=1.0, values={"crossing_faces": 0}),
    Check(name="agreement", score=None),
)


def _passed(words: str) -> list[bool]:
    return [passage.passed for passage in pass_gates(CHECKS, parse_gates(words))]


@pytest.mark.parametrize(
    ("word", "passed"),
    [
        ("closed", True),
        ("oriented", False),
        ("approved", False),
        ("iou>=0.95", True),
        ("iou > 95%", False),
        ("IOU<=95 %", True),
        ("iou=0.95", True),
        ("iou==0.9", False),
        ("thickness>=0.8mm", True),
        ("thickness>=0.08cm", True),
        ("thickness<0.001m", True),
        ("thickness>=0.04in", False),
        ("thin<=3", False),
        ("crossings<=0", True),
        ("crossing>=0.5", True),
        ("agreement>=0.1", False),
        ("seen>=0.1", False),
    ],
)
def test_a_gate_compares_what_was_measured_in_any_unit(word: str, passed: bool) -> None:
    assert _passed(word) == [passed]


def test_gates_go_in_order_and_tell_what_was_measured() -> None:
    say_measured = [
        passage.as_dict() for passage in pass_gates(CHECKS, parse_gates("closed, iou>=0.99,,thin<=1"))
    ]
    assert say_measured == [
        {"gate": "closed", "measured": True, "passed": True},
        {"gate": "iou>=0.99", "measured": 0.95, "passed": False},
        {"gate": "thin<=1", "measured": None, "passed": False},
    ]
    assert parse_gates("") == ()


@pytest.mark.parametrize(
    "word", ["iou>=1", "iou<=1", "iou>0", "bodies<=0", "agreement>=-1", "stands>=-90", "seen=100%"]
)
def test_a_limit_at_the_edge_of_what_can_be_is_taken(word: str) -> None:
    assert parse_gates(word)[0].text == word


def test_what_was_measured_is_told_in_words() -> None:
    assert [say_measured(value) for value in (None, True, False, 0.95, 3)] == [
        "nothing",
        "yes",
        "no",
        "0.95",
        "3",
    ]


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("pretty", "there are approved, closed"),
        ("pretty>=1", "is none of them; there are"),
        (">=1", "is none of them"),
        ("iou", "'iou>=0.9'"),
        ("iou>=", "needs a comparison"),
        ("iou>=much", "needs a comparison"),
        ("iou>=0.9.5", "without a number"),
        ("closed>=1", "give closed alone"),
        ("thickness>=0.8", "'mm' or 'cm'"),
        ("thickness>=0.8%", "'mm' or 'cm'"),
        ("iou>=0.9mm", "'%'"),
        ("faces<=9e", "needs a"),
        ("iou>1", "can never be met: the value is between 0 and 1"),
        ("iou>=95", "or 95%"),
        ("iou==1.5", "can never be met"),
        ("sharpness>100%", "can never be met"),
        ("agreement>1", "is between -1 and 1"),
        ("agreement<-1", "is between -1 and 1"),
        ("stands>=91", "is between -90 and 90"),
        ("bodies<0", "is never below 0"),
        ("thickness<0mm", "is never below 0"),
    ],
)
def test_what_is_not_understood_is_said_with_the_cure(word: str, said: str) -> None:
    with pytest.raises(BadInput) as error:
        parse_gates(f"closed,{word}")
    assert said in str(error.value)
    assert word in str(error.value)


@pytest.mark.parametrize("name", GATES)
def test_each_row_of_the_table_can_be_asked_for(name: str) -> None:
    row = GATES[name]
    assert row.check in LIMITS or not row.check
    assert row.unit in _UNITS
    unit = next(iter(_UNITS[row.unit]))
    assert parse_gates(f"{name}>=1{unit}" if row.value else name)[0].name == name


@pytest.mark.parametrize("name", GATES)
def test_each_row_names_a_value_that_its_check_measures(name: str, knight_checks: dict[str, Check]) -> None:
    row = GATES[name]
    if row.value and row.check not in ("agreement", "certainty"):  # one model ran, and the dome is mute
        assert isinstance(knight_checks[row.check].values[row.value], int | float)


@pytest.fixture(scope="module")
def knight_checks() -> dict[str, Check]:
    from slipcast.picture.decode import read_picture
    from slipcast.pipeline.run import run

    with Image.open(Path(__file__).parents[2] / "samples/knight/front.png") as knight:
        picture = read_picture(knight.resize((128, 128)))
    return {check.name: check for check in run(picture, QUICK, name="knight").checks}


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A red ball with an alpha."""
    alpha = disc(128, 50)
    pixels = np.zeros((128, 128, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, alpha
    Image.fromarray(pixels).save(tmp_path / "ball.png")
    return tmp_path / "ball.png"


def test_a_result_that_misses_a_gate_is_kept_and_marked(
    picture: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = [
        "convert",
        str(picture),
        "-o",
        str(out),
        "--recipe",
        str(QUICK_TOML),
    ]
    assert main([*words, "--gate", "closed,thickness>=90mm,iou>=0.5,thickness>=2mm", "--json"]) == 6
    printed = capfd.readouterr()
    assert "ball.glb does not meet thickness>=90mm (measured: " in printed.err
    assert printed.err.count("\n") == 1
    entry = json.loads(printed.out)[0]
    assert entry["ok"] is False
    assert entry["error"]["kind"] == "QualityGate"
    known = json.loads((out / "ball.json").read_text("utf-8"))
    assert entry["asset"] == known
    assert [gate["passed"] for gate in known["gates"]] == [True, False, True, True]
    assert 50 < known["gates"][1]["measured"] == known["gates"][3]["measured"] < 90
    assert "GATE_MISSED" in [entry["code"] for entry in known["findings"]]
    assert known["verdict"] in ("approve", "review")
    assert known["checks"]["closed"] == {
        "score": 1.0, "verdict": "approve", "open_edges": 0, "crowded_edges": 0, "slivers": 0,
    }  # fmt: skip
    assert (out / "ball.glb").stat().st_size == known["files"]["ball.glb"]
    assert main([*words, "--gate", "closed,iou>=0.5"]) == 0
    assert all(gate["passed"] for gate in json.loads((out / "ball.json").read_text("utf-8"))["gates"])


def test_a_thin_part_beside_a_thick_body_misses_every_wall_beyond_it(tmp_path: Path) -> None:
    """A gate of 20 mm passed it, for the rods are shorter than two such walls."""
    pixels = np.zeros((128, 128, 4), np.uint8)
    pixels[..., 0], pixels[..., 3] = 200, disc(128, 40)
    pixels[63:65, 10:30, 3] = pixels[63:65, 100:118, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "rods.png")
    words = [
        "convert",
        str(tmp_path / "rods.png"),
        "-o",
        str(tmp_path),
        "--recipe",
        str(QUICK_TOML),
    ]
    measured = set()
    for limit in (3, 20):
        assert main([*words, "--faces", "4000", "--gate", f"thickness>={limit}mm"]) == 6
        (gate,) = json.loads((tmp_path / "rods.json").read_text("utf-8"))["gates"]
        measured.add(gate["measured"])
    (thickness,) = measured
    assert 0.4 < thickness < 3


def test_an_unknown_gate_is_refused_before_anything_is_made(
    picture: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["convert", str(picture), "-o", str(tmp_path / "out"), "--gate", "shiny"]) == 2
    assert "there are approved, closed" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()
