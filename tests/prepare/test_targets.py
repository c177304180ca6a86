"""The table of targets: every row can be carried out and says why it is so."""

from pathlib import Path

import pytest
from shapes import figure

from slipcast.formats.inspect import describe
from slipcast.formats.table import EXPORTERS
from slipcast.prepare.targets import TARGETS, Target


@pytest.mark.parametrize("target", TARGETS.values(), ids=str)
def test_every_target_can_be_carried_out(target: Target, tmp_path: Path) -> None:
    files = EXPORTERS[target.format].export(figure("Ritter №1"), target.options()).files
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    facts = describe(tmp_path / next(iter(files)))
    assert facts["height_mm"] == pytest.approx(75.0, abs=1e-3)
    assert facts["closed"] is True
    assert facts["up"] == target.axes
    assert facts["unit_m"] == {"m": 1.0, "cm": 0.01, "mm": 0.001}[target.file_unit]


def test_names_are_keys() -> None:
    assert all(name == row.name for name, row in TARGETS.items())


@pytest.mark.parametrize("target", TARGETS.values(), ids=str)
def test_every_choice_has_its_reason(target: Target) -> None:
    assert len(target.sentence.split()) >= 8
    assert 1_000 <= target.faces <= 1_000_000


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("unreal", "SM_Großer Ritter.fbx"),
        ("godot", "groer_ritter.glb"),
        ("web", "groer-ritter.glb"),
        ("print-resin", "Großer Ritter.stl"),
    ],
)
def test_files_are_named_by_the_target_s_rule(name: str, file: str) -> None:
    row = TARGETS[name]
    assert next(iter(EXPORTERS[row.format].export(figure("Großer Ritter"), row.options()).files)) == file


def test_blender_gets_metres_in_formats_that_state_no_unit(tmp_path: Path) -> None:
    for key in ("stl", "ply"):
        files = EXPORTERS[key].export(figure("a"), TARGETS["blender"].options()).files
        (tmp_path / f"a.{key}").write_bytes(files[f"a.{key}"])
        facts = describe(tmp_path / f"a.{key}")
        assert (facts["unit_m"], facts["up"]) == (1.0, "z")
