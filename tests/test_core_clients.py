"""The wheel in an environment of the core's packages alone: it converts, and each extra is asked for by name."""

import os
import subprocess
import sys
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "knight" / "front.png"
pytestmark = pytest.mark.clients


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed command; the core's packages are this environment's own files, linked: no second download."""
    place = tmp_path_factory.mktemp("core")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    (site,) = place.glob("lib/python*/site-packages")
    there = required("slipcast")
    for name in there - {"slipcast"}:
        link(distribution(name), site)
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--python", str(place), "install", "--no-deps", str(ROOT)],
        env={**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
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


def required(name: str) -> set[str]:
    """The distribution and all that it needs without extras of its own; an extra that a requirement names counts."""
    found: set[str] = set()
    left = [(name, frozenset[str]())]
    while left:
        name, extras = left.pop()
        key = canonicalize_name(name)
        for text in distribution(name).requires or ():
            need = Requirement(text)
            wanted = need.marker is None or any(
                need.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            )
            if wanted and (canonicalize_name(need.name) not in found or need.extras):
                left.append((need.name, frozenset(need.extras)))
        found.add(key)
    return found


def link(package: Distribution, site: Path) -> None:
    """Put the files of an installed distribution into another environment."""
    for file in package.files or ():
        source, target = Path(str(package.locate_file(file))), site / file
        if ".." in file.parts or not source.is_file():
            continue  # a command, or a compiled file that Python writes anew
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(source)


def call(command: Path, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """From a folder that holds no Slipcast."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [command, *words], cwd=place, env=clean, capture_output=True, text=True, check=False
    )


def test_the_wheel_converts_and_has_no_weights_that_only_training_reads(
    command: Path, tmp_path: Path
) -> None:
    done = call(command, tmp_path, "convert", str(SAMPLE), "--format", "glb,fbx,stl,3mf", "--out", "out")
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
