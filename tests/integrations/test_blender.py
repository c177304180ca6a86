"""The Blender extension: packed as Blender wants it, apart from our code, and used inside Blender (bpy) itself."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "integrations" / "blender"
SOURCES = sorted((FOLDER / "slipcast_blender").glob("*.py"))
BLENDER = Path(os.environ.get("SLIPCAST_BLENDER") or ROOT / ".clients" / "blender" / "bin" / "python")
KNIGHT = ROOT / "samples" / "knight" / "front.png"


def pack(folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "build-blender", folder],
        capture_output=True,
        text=True,
        check=True,
    )
    return Path(done.stdout.strip())


def test_the_archive_is_an_extension_and_the_same_each_time(tmp_path: Path) -> None:
    first, second = pack(tmp_path / "a"), pack(tmp_path / "b")
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        manifest = tomllib.loads(archive.read("blender_manifest.toml").decode())
        names = set(archive.namelist())
    assert manifest["schema_version"] == "1.0.0"
    assert manifest["license"] == ["SPDX:GPL-3.0-or-later"]
    assert set(manifest["permissions"]) == {"files", "network"}
    assert all(len(text) <= 64 and text[-1].isalnum() for text in manifest["permissions"].values())
    assert len(manifest["tagline"]) <= 64
    assert {"__init__.py", "LICENSE"} <= names


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_nothing_of_ours_is_imported(path: Path) -> None:
    """GPL-3.0-or-later here, Apache-2.0 there: they meet at the command line."""
    text = path.read_text("utf-8")
    assert text.startswith("# SPDX-License-Identifier: GPL-3.0-or-later\n")
    assert not re.search(r"^\s*(from|import) slipcast\b", text, re.MULTILINE)


def _command() -> Any:
    place = FOLDER / "slipcast_blender" / "command.py"
    spec = importlib.util.spec_from_file_location("blender_command", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_command_is_found_where_pip_puts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = _command()
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(command.sysconfig, "get_path", lambda name: str(tmp_path / "nowhere"))
    with pytest.raises(command.NoCommand, match="pipx install"):
        command.find_command()
    place = tmp_path / ".local" / "bin" / "slipcast"
    place.parent.mkdir(parents=True)
    place.write_text("#!/bin/sh\necho slipcast 9.9\n")
    place.chmod(0o755)
    assert command.find_command() == str(place)
    assert command.ask_version(str(place)) == "9.9"
    place.write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(command.NoCommand, match="is not Slipcast"):
        command.ask_version(str(place))


def test_a_run_says_its_stages_and_stops(tmp_path: Path) -> None:
    command = _command()
    program = tmp_path / "slipcast"
    program.write_text(
        '#!/bin/sh\necho \'{"stage": "depth", "done": 1, "of": 4}\' >&2\necho \'slipcast: a sentence\' >&2\nsleep 60\n'
    )
    program.chmod(0o755)
    run = command.Run(str(program), [])
    while run.stage == "starting" or not run.said:
        assert not run.poll()
    assert (run.stage, run.share, run.said) == ("depth", 0.25, ["a sentence"])
    run.stop()
    run._process.wait()
    assert run.problem() == "stopped; nothing was made"


@pytest.mark.clients
def test_the_extension_works_inside_blender(tmp_path: Path) -> None:
    with Image.open(KNIGHT) as knight:
        knight.convert("RGB").resize((512, 512)).save(tmp_path / KNIGHT.name)
    words = [
        BLENDER,
        ROOT / "tests" / "clients" / "blender_extension.py",
        pack(tmp_path),
        Path(sys.executable).with_name("slipcast"),
        tmp_path / KNIGHT.name,
        tmp_path,
    ]
    home = tmp_path / "blender"
    home.mkdir()
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        env={**os.environ, "BLENDER_USER_RESOURCES": str(home)},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    # preferences and a command that is not there
    for name in ("missing", "missing at work", "another program"):
        assert "pipx install" in seen[name]
    assert seen["test"].startswith("Slipcast 0.1.0 at ")
    # the result: 50 mm tall, feet at the cursor, with what is known about it
    (low, high) = seen["bounds"]
    assert high[2] - low[2] == pytest.approx(0.05, abs=1e-5)
    assert low[2] == pytest.approx(3, abs=1e-5)
    assert [(a + b) / 2 for a, b in zip(low[:2], high[:2], strict=True)] == pytest.approx([1, 2], abs=1e-4)
    assert seen["faces"] <= 5000
    assert seen["height in millimetres"] == pytest.approx(50, abs=0.01)
    assert seen["properties"]["slipcast_verdict"] == "approve"
    assert "not in the picture" in seen["properties"]["slipcast_findings"]
    assert {"checks", "depth_model", "options", "picture"} <= set(seen["metadata"])
    assert all(packed for _, packed in seen["images"])
    assert {"SM_front.glb", "SM_front.fbx", "front.json", "front.preview.png"} <= set(seen["kept"])
    assert {"slipcast.convert", "slipcast.make", "slipcast.finish", "height"} <= set(seen["panel"])
    # the selected mesh
    assert "80.0 x 20.0 x 80.0 mm" in seen["report"]
    assert "Keep Files In" in seen["print without a place"]
    assert {".3mf", ".json", ".png"} <= set(seen["print"])
    assert len(seen["printed"]["colors"]["palette"]) == 2
    assert seen["printed"]["colors"]["mean_ciede2000"] < 3
    assert seen["printed"]["hollow"]["refused"]  # so low a ring gains nothing
    assert max(faces for _, faces in seen["LODS"]) == 1152
    assert len(seen["LODS"]) == seen["LODS in the scene"] == 3
    assert len(seen["COLLISION"]) == seen["COLLISION in the scene"] == 9
    assert max(seen["LODS off place"], seen["COLLISION off place"]) < 2e-3
    assert "has a hole of" in seen["wide hole"]
    assert seen["open edges"] == 0
    assert "3 holes were covered" in seen["findings"]
    # in the background
    assert seen["panel at work"]
    assert {"depth", "texture"} <= set(seen["stages"])
    assert seen["background"] == ["front"]
    assert seen["cancelled"] == "stopped; nothing was made"
    assert not seen["left"]
    # wrong input, money
    assert "no picture" in seen["no picture"]
    assert "is not there" in seen["gone"]
    assert "offline" in seen["not agreed"] or "agreed" in seen["not agreed"]


def test_it_stays_small() -> None:
    assert sum(len(path.read_text("utf-8").splitlines()) for path in SOURCES) < 600
