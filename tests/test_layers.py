"""The order of imports: a room knows the rooms below it and none above. And that every file stays readable."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "slipcast"

STAGES = 2
LAYERS = {
    "errors": 0,
    "findings": 0,
    "values": 1,
    "pipeline": 4,
    "report": 4,
    "store": 5,
    "cli": 6,
    "service": 6,
    "__init__": 5,
    "metadata": 3,  # describes what the stages made
    "preview": 3,
    "prepare": 4,
    "mesh": 2,
}
"""Rooms that are not listed are stages, formats and checks: they know the vocabulary and each other, nothing above."""


def _room(module: str) -> str:
    return module.removeprefix("slipcast").removeprefix(".").split(".")[0] or "__init__"


def _layer(room: str) -> int:
    return LAYERS.get(room, STAGES)


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(tree: ast.AST, package: str) -> list[tuple[str, ast.stmt]]:
    """Each imported module's full name with its statement; what is imported for its types alone does not count.

    `from slipcast import x` is slipcast.x.
    """
    found: list[tuple[str, ast.stmt]] = []
    typed = {
        node
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and isinstance(guard.test, ast.Name) and guard.test.id == "TYPE_CHECKING"
        for node in ast.walk(guard)
    }
    for node in ast.walk(tree):
        if node in typed:
            continue
        if isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{package}: write imports with their full names"
            name = str(node.module)
            if name == "slipcast":
                found += [(f"slipcast.{alias.name}", node) for alias in node.names]
            else:
                found.append((name, node))
    return found


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_its_own_layer_and_below(path: Path) -> None:
    own = path.relative_to(PACKAGE).with_suffix("").parts[0]
    tree = _tree(path)
    for module, statement in _imports(tree, own):
        if module.startswith("slipcast"):
            assert _layer(_room(module)) <= _layer(own), f"{path.name}:{statement.lineno} imports {module}"


@pytest.mark.parametrize("folder", ["src", "tests", "training", "evaluation", "samples/recipes", "scripts"])
def test_every_file_stays_readable(folder: str) -> None:
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", "") and path.is_file()]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 500, path
        assert path.name != "utils.py", path
        assert path.suffix == "" or ast.get_docstring(_tree(path)), path


def test_only_the_command_line_prints() -> None:
    for path in _modules():
        if "cli" in path.parts:
            continue
        for node in ast.walk(_tree(path)):
            prints = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            )
            assert not prints, f"{path.name} prints"
