"""`slipcast check`: what it prints and how it ends."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_picture import body, drawn, paint

from slipcast.cli.main import main
from slipcast.core.findings import finding
from slipcast.core.values import Picture


def saved(path: Path, picture: Picture) -> Path:
    layers = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha[..., None]]
    Image.fromarray(np.concatenate(layers, axis=2)).save(path)
    return path


def test_a_good_picture_is_approved(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / "good.png", drawn())
    assert main(["check", str(path)]) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[0] == f"{path} | approve"
    assert "sharpness 1.00" in out
    assert err == ""


def test_findings_and_advice_are_told_in_order(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / "small.png", drawn(side=200))
    assert main(["check", str(path)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].endswith("| review")
    assert any(line.startswith("  warning: the figurine's longer side has only 16") for line in lines)
    assert any(line.startswith("  1. use a larger picture") for line in lines)


def test_rejected_is_6_and_unreadable_is_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    flat = saved(tmp_path / "flat.png", Picture(pixels=np.full((100, 100, 3), 90, np.uint8)))
    assert main(["check", str(flat)]) == 6
    assert "no figurine can be made out" in capfd.readouterr().out
    missing = tmp_path / "missing.png"
    assert main(["check", str(flat), str(missing), "--json"]) == 2
    out, err = capfd.readouterr()
    rejected, failed = json.loads(out)
    assert (rejected["verdict"], rejected["checks"]["figurine"]["score"]) == ("reject", 0)
    assert [advice["code"] for advice in rejected["advice"]] == ["NO_FIGURINE"]
    assert failed["ok"] is False
    assert failed["error"]["exit_code"] == 2
    assert err.count("\n") == 1
    assert "missing.png does not exist" in err


def test_views_are_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    front = saved(tmp_path / "front.png", drawn())
    again = saved(tmp_path / "back.png", drawn())
    assert main(["check", str(front), str(again), "--views", "front,back", "--json"]) == 0
    views = json.loads(capfd.readouterr().out)[-1]
    assert views["picture"] == "views"
    assert views["verdict"] == "review"
    assert [found["code"] for found in views["findings"]] == ["VIEWS_NOT_MIRRORED", "VIEW_DROPPED"]


def test_a_folder_stands_for_the_pictures_in_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one, two = saved(tmp_path / "a.png", drawn()), saved(tmp_path / "b.png", drawn())
    (tmp_path / "a.preview.png").write_bytes(one.read_bytes())
    (tmp_path / "notes.txt").write_text("none")
    assert main(["check", str(tmp_path), "--json"]) == 0
    assert [entry["picture"] for entry in json.loads(capfd.readouterr().out)] == [str(one), str(two)]


def test_the_views_in_a_folder_are_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for view in ("front", "back"):
        saved(tmp_path / f"owl_{view}.png", drawn())
    assert main(["check", str(tmp_path), "--json"]) == 0
    entries = json.loads(capfd.readouterr().out)
    assert [Path(entry["picture"]).name for entry in entries] == ["owl_front.png", "owl_back.png", "views"]
    assert entries[-1]["findings"][0]["code"] == "VIEWS_NOT_MIRRORED"


def test_an_empty_folder_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(tmp_path)]) == 2
    assert "is a folder without pictures" in capfd.readouterr().err


def test_json_calls_options_by_their_flags(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = saved(tmp_path / "flat.png", Picture(pixels=np.full((100, 100, 3), 90, np.uint8)))
    assert main(["check", str(path), "--json"]) == 6
    (entry,) = json.loads(capfd.readouterr().out)
    assert entry["advice"][0]["option"].startswith("--keep, and look at")


@pytest.mark.parametrize(
    ("views", "why"),
    [
        ("front", "1 sides for 2 pictures"),
        ("front,below", "'below'; choose from front, back, left, right"),
        ("front,front", "a side twice"),
    ],
)
def test_wrong_views_are_refused(
    views: str, why: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = saved(tmp_path / "1.png", drawn()), saved(tmp_path / "2.png", drawn())
    assert main(["check", str(one), str(two), "--views", views]) == 2
    assert why in capfd.readouterr().err


def test_drafts_are_ranked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    poor = saved(tmp_path / "poor.png", drawn(side=200))
    good = saved(tmp_path / "good.png", drawn())
    assert main(["check", str(poor), str(good), "--drafts"]) == 0
    line = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("drafts"))
    assert line.index("good.png") < line.index("poor.png")


def test_the_prompt_is_read_from_the_json_beside_the_very_picture(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    path = saved(tmp_path / "robot.png", drawn())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    other_size = finding("PICTURE_OTHER_SIZE", {"got": "640x640", "wanted": "1024x1024"})
    facts = {"sha256": digest, "subject": "a blue robot", "findings": [other_size.as_dict()]}
    (tmp_path / "robot.json").write_text(json.dumps(facts), "utf-8")
    assert main(["check", str(path), "--json"]) == 0
    (entry,) = json.loads(capfd.readouterr().out)
    assert entry["checks"]["prompt_colors"]["missing"] == "blue"
    assert {found["code"] for found in entry["findings"]} == {"PICTURE_OTHER_SIZE", "PROMPT_COLORS_MISSING"}
    shutil.copy(tmp_path / "robot.json", tmp_path / "other.json")
    alpha = body(arm=False)
    other = saved(tmp_path / "other.png", Picture(pixels=paint(alpha), alpha=alpha))
    assert main(["check", str(other), "--json"]) == 0
    assert "prompt_colors" not in json.loads(capfd.readouterr().out)[0]["checks"]
    assert main(["check", str(other), "--prompt", "a green robot", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)[0]["checks"]["prompt_colors"]["score"] == 0


def twice(picture: Picture) -> Picture:
    """The picture beside itself."""
    assert picture.alpha is not None
    pixels, alpha = (np.concatenate([part, part], 1) for part in (picture.pixels, picture.alpha))
    return Picture(pixels=pixels, alpha=alpha)


def test_the_sides_of_a_sheet_are_compared(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    sheet = saved(tmp_path / "sheet.png", twice(drawn()))
    assert main(["check", str(sheet), "--sheet", "front,back", "--json"]) == 0
    entries = json.loads(capfd.readouterr().out)
    assert [entry["picture"] for entry in entries] == [f"{sheet}, front", f"{sheet}, back", "views"]
    assert [found["code"] for found in entries[-1]["findings"]] == ["VIEWS_NOT_MIRRORED", "VIEW_DROPPED"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--sheet", "front,left,back"], "shows 2 figures"),
        (["--sheet", "left,back"], "front among them"),
        (["--sheet", "front,back", "--views", "front"], "leave --views away"),
    ],
)
def test_a_wrong_sheet_is_one_sentence(
    words: list[str], why: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sheet = saved(tmp_path / "sheet.png", twice(drawn()))
    assert main(["check", str(sheet), *words]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert why in err
