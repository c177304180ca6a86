"""The public names: those that are listed, documented and light to import."""

import ast
import inspect
import subprocess
import sys
import typing
from dataclasses import fields, is_dataclass
from pathlib import Path

import pytest

import slipcast

HEAVY = ("torch", "transformers", "open3d", "google.genai", "onnxruntime", "cv2", "manifold3d", "rembg")
"""What costs a second or more, or is not needed by everyone."""


def test_all_is_what_is_visible_and_what_a_type_checker_sees() -> None:
    assert dir(slipcast) == sorted(slipcast.__all__)
    tree = ast.parse(Path(slipcast.__file__).read_text(encoding="utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == set(slipcast.__all__)
    with pytest.raises(AttributeError, match="nosuch"):
        slipcast.nosuch  # noqa: B018


@pytest.mark.parametrize("name", [name for name in slipcast.__all__ if not name.startswith("_")])
def test_every_public_name_is_documented_and_typed(name: str) -> None:
    value = getattr(slipcast, name)
    if callable(value):
        assert len(inspect.getdoc(value) or "") > 20, name
    if inspect.isfunction(value):
        hints = (
            typing.get_type_hints(value)
            if name not in ("convert", "make", "read_picture", "write")
            else value.__annotations__
        )
        assert set(inspect.signature(value).parameters) | {"return"} == set(hints), name
        for parameter in inspect.signature(value).parameters.values():
            if parameter.kind is inspect.Parameter.VAR_KEYWORD:
                (keywords,) = typing.get_args(parameter.annotation)
                assert typing.is_typeddict(keywords), "each keyword has a type"
    if is_dataclass(value):
        assert all(field.type for field in fields(value))


@pytest.mark.parametrize(
    "program",
    [
        "import slipcast",
        "import slipcast as s; [getattr(s, name) for name, place in s._PLACES.items() if '.prepare' not in place]",
        "import slipcast.pipeline.run",
        "import slipcast.cli.convert",
        "import slipcast.depth, slipcast.formats, slipcast.workspace.files",
    ],
)
def test_importing_loads_nothing_heavy(program: str) -> None:
    report = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; {report}"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(slipcast.__file__).parent / "py.typed").is_file()


def _what_a_users_type_checker_accepts() -> None:
    """Never called: mypy --strict reads it, and would report an ignore that nothing needs."""
    result = slipcast.convert("knight.png", height_m=0.05, formats=("glb",))
    faces: int = len(result.figurine.mesh.faces)
    paths: tuple[Path, ...] = slipcast.write(result, "out", keep=faces > 0)
    slipcast.convert(paths[0], nosuch=1)  # type: ignore[call-arg]
