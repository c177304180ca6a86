"""The wheel in an environment of the core's packages alone: it converts, and each extra is asked for by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "knight" / "front.png"
pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command; packages come from the registry, in the pinned versions.

    Bytecode is made of what is imported alone: of all packages it would take longer than what is asked here.
    """
    place = tmp_path_factory.mktemp("core")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    install: list[str | Path] = [ROOT / "scripts" / "install", place / "bin" / "python", "--constraint"]
    done = subprocess.run(
        [*install, ROOT / "constraints.txt", ROOT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    there = {path.name.partition("-")[0].lower().replace("_", "-") for path in place.rglob("*.dist-info")}
    assert {"slipcast", "numpy"} <= there
    heavy = {
        "torch",
        "transformers",
        "open3d",
        "safetensors",
        "usd-core",
        "ray",
        "fastapi",
        "sqlalchemy",
        "mcp",
    }
    assert not heavy & there
    return place / "bin" / "slipcast"


def call(command: Path, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """From a folder that holds no Slipcast."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [command, *words], cwd=place, env=clean, capture_output=True, text=True, check=False
    )


def test_the_wheel_converts_and_has_no_weights_that_only_training_reads(
    command: Path, tmp_path: Path
) -> None:
    with Image.open(SAMPLE) as knight:
        knight.convert("RGB").resize((192, 192)).save(tmp_path / "front.png")
    words = ("convert", "front.png", "--detail", "draft", "--format", "glb,fbx,stl,3mf", "--out", "out")
    done = call(command, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert {path.suffix for path in (tmp_path / "out").glob("front.*")} >= {".glb", ".fbx", ".stl", ".3mf"}
    (package,) = command.parents[1].glob("lib/python*/site-packages/slipcast")
    assert not list(package.rglob("*.safetensors"))
    assert (package / "models" / "figurine" / "figurine.onnx").stat().st_size > 1_000_000


@pytest.mark.parametrize(
    ("words", "extra"),
    [
        (("convert", "PICTURE", "--depth", "depth-anything"), "depth"),
        (("convert", "PICTURE", "--surface", "poisson"), "poisson"),
        (("convert", "PICTURE", "--compress", "draco"), "compress"),
        (("convert", "PICTURE", "--collision", "convex:4"), "collision"),
        (("convert", "PICTURE", "--runner", "ray"), "ray"),
        (("serve",), "service"),
        (("worker",), "service"),
        (("admin", "--help"), "service"),
        (("mcp",), "mcp"),
        (("watch", ".", "--out", "out"), "watch"),
    ],
)
def test_a_missing_extra_is_one_sentence(
    command: Path, tmp_path: Path, words: tuple[str, ...], extra: str
) -> None:
    done = call(command, tmp_path, *(str(SAMPLE) if word == "PICTURE" else word for word in words))
    assert done.returncode == 2, done.stderr
    assert f"slipcast[{extra}]" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
