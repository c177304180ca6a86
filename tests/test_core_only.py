"""The core install converts without torch, transformers and Open3D, and asks for an extra in one sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

SAMPLE = Path(__file__).parents[1] / "samples" / "knight" / "front.png"
HEAVY = (
    "torch",
    "transformers",
    "open3d",
    "safetensors",
    "trimesh",
    "pxr",
    "DracoPy",
    "meshopt",
    "vhacdx",
    "ray",
)
CODE = f"""
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    '''Packages of the extras cannot be found, as where only the core is installed.'''
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(name)

import importlib.util
known = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name.split(".")[0] in {HEAVY!r} else known(name, package)
sys.meta_path.insert(0, Absent())
from slipcast.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CODE, *words], capture_output=True, text=True, check=False)


def test_the_default_conversion_needs_the_core_alone(tmp_path: Path) -> None:
    with Image.open(SAMPLE) as knight:
        knight.resize((160, 160)).save(tmp_path / "front.png")
    done = run("convert", str(tmp_path / "front.png"), "--detail", "draft", "--out", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "front.glb").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("words", "extra"),
    [(("--depth", "depth-anything"), "slipcast[depth]"), (("--surface", "poisson"), "slipcast[poisson]")],
)
def test_what_an_extra_brings_is_asked_for_in_one_sentence(
    tmp_path: Path, words: tuple[str, str], extra: str
) -> None:
    with Image.open(SAMPLE) as knight:
        knight.resize((96, 96)).save(tmp_path / "knight.png")
    done = run("convert", str(tmp_path / "knight.png"), "--out", str(tmp_path), *words)
    assert done.returncode != 0
    assert f"pip install {extra}" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
