"""The public names: those that are listed, documented and light to import."""

import inspect
import subprocess
import sys
import textwrap
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import slipcast

HEAVY = ("torch", "transformers", "open3d", "google.genai", "onnxruntime", "cv2", "manifold3d", "rembg")
"""What costs a second or more, or is not needed by everyone."""


def test_all_is_what_is_visible() -> None:
    visible = {
        name
        for name, value in vars(slipcast).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert set(slipcast.__all__) - {"__version__"} == visible or visible <= set(slipcast.__all__)
    assert list(slipcast.__all__) == sorted(slipcast.__all__, key=lambda name: (name.lower(), name))
    assert all(getattr(slipcast, name) is not None for name in slipcast.__all__)


@pytest.mark.parametrize("name", [name for name in slipcast.__all__ if not name.startswith("_")])
def test_every_public_name_is_documented_and_typed(name: str) -> None:
    value = getattr(slipcast, name)
    if callable(value):
        assert len(inspect.getdoc(value) or "") > 20, name
    if inspect.isfunction(value):
        hints = typing.get_type_hints(value) if name not in ("convert", "make", "write") else value.__annotations__
        assert set(inspect.signature(value).parameters) | {"return"} == set(hints), name
        kinds = {parameter.kind for parameter in inspect.signature(value).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds
    if is_dataclass(value):
        assert all(field.type for field in fields(value))


@pytest.mark.parametrize(
    "program",
    [
        "import slipcast",
        "import slipcast; [getattr(slipcast, name) for name in slipcast.__all__]",
        "import slipcast.pipeline",
        "import slipcast.cli.convert",
        "import slipcast.depth, slipcast.formats, slipcast.store",
    ],
)
def test_importing_loads_nothing_heavy(program: str) -> None:
    report = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", f"{program}; {report}"], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_type_checker_sees_the_public_names(tmp_path: Path) -> None:
    """The package says that it is typed, and a user's program checks against it."""
    assert (Path(slipcast.__file__).parent / "py.typed").is_file()
    program = """
        from pathlib import Path

        from slipcast import convert, write

        result = convert("knight.png", height_m=0.05, formats=("glb",))
        faces: int = len(result.figurine.mesh.faces)
        paths: tuple[Path, ...] = write(result, "out")
        convert("knight.png", nosuch=1)  # type: ignore[call-arg]
    """
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(program))
    words = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", "--cache-dir", str(tmp_path), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
