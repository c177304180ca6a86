"""Every example in a docstring runs; and every public name has one.

Those of public names run in a folder with one picture, those of the modules below in an empty one.
"""

import doctest
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kitchen import small_knight
from PIL import Image

import slipcast

ROOT = Path(__file__).parents[1]


def _public() -> dict[str, object]:
    """The public names that are called, without the errors, which are raised."""
    found = {name: getattr(slipcast, name) for name in slipcast.__all__ if not name.startswith("_")}
    return {
        name: value
        for name, value in found.items()
        if callable(value) and not (isinstance(value, type) and issubclass(value, Exception))
    }


def _documented(name: str, value: object) -> list[tuple[str, str]]:
    """The name and its public methods, with their docstrings."""
    out = [(name, inspect.getdoc(value) or "")]
    if isinstance(value, type):
        for key, member in vars(value).items():
            member = getattr(member, "__func__", getattr(member, "fget", member))
            if not key.startswith("_") and callable(member):
                out.append((f"{name}.{key}", inspect.getdoc(member) or ""))
    return out


EXAMPLES = [
    (where, doc)
    for name, value in _public().items()
    for where, doc in _documented(name, value)
    if ">>>" in doc
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small picture of the knight."""
    place = tmp_path_factory.mktemp("examples")
    picture = Image.new("RGBA", (384, 384))  # the width that an example tells
    picture.paste(small_knight(144), (120, 120))
    picture.save(place / "knight.png")
    return place


QUICK: dict[str, Any] = {"depth": "dome", "detail": "draft", "faces": 2000}
"""What most examples convert the picture with."""


@pytest.fixture(scope="module")
def quick(folder: Path) -> slipcast.Result:
    """The asset of the picture, made once for all examples that ask for just this."""
    return slipcast.convert(folder / "knight.png", **QUICK)


@pytest.mark.parametrize(("where", "doc"), EXAMPLES, ids=[where for where, _ in EXAMPLES])
def test_the_example_runs(
    where: str, doc: str, folder: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    convert = slipcast.convert

    def convert_once(picture: str, **options: Any) -> slipcast.Result:
        if (picture, options) == ("knight.png", QUICK):
            made: slipcast.Result = request.getfixturevalue("quick")
            return made
        return convert(picture, **options)

    monkeypatch.setattr(slipcast, "convert", convert_once)
    monkeypatch.setenv("SLIPCAST_HOME", str(folder / "home"))
    known: dict[str, object] = {"slipcast": slipcast, "np": np, "Path": Path, **_public()}
    known |= {name: getattr(slipcast, name) for name in ("TARGETS", "BadInput")}
    _try(doctest.DocTestParser().get_doctest(doc, known, where, None, None))


def _try(test: doctest.DocTest) -> None:
    """Run one docstring's examples, and say what failed."""
    told: list[str] = []
    say: Callable[[str], object] = told.append
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    failed, tried = doctest.DocTestRunner(optionflags=flags).run(test, out=say)
    assert tried
    assert not failed, "".join(told)


SOURCE = ROOT / "src"
WITH_EXAMPLES = [path for path in sorted(SOURCE.rglob("*.py")) if ">>>" in path.read_text("utf-8")]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=[str(path.relative_to(SOURCE)) for path in WITH_EXAMPLES])
def test_the_examples_of_a_module_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that `test_the_example_runs` does not run, since no public name has them."""
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(".".join(path.relative_to(SOURCE).with_suffix("").parts))
    public = {doc for _, doc in EXAMPLES}
    for test in doctest.DocTestFinder().find(module, extraglobs={"np": np, "Path": Path}):
        if test.examples and inspect.cleandoc(test.docstring or "") not in public:
            _try(test)


@pytest.mark.parametrize("name", _public())
def test_every_public_name_has_an_example(name: str) -> None:
    assert ">>>" in (inspect.getdoc(_public()[name]) or ""), f"give {name} an example"
