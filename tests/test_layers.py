"""The order of imports: a room knows the rooms of the steps below it. And that every file stays readable."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "slipcast"

ORDER = (
    ("core",),
    ("mesh", "picture", "depth"),
    ("reconstruct", "texture", "formats", "checks"),
    ("prepare",),
    ("pipeline", "generate"),
    ("report", "workspace"),
    ("jobs",),
    ("cli", "service", "integrations"),
)
"""Every room, from the bottom up: a room imports from the steps below its own and from no room of its own step."""
STEP = {room: number for number, rooms in enumerate(ORDER) for room in rooms}


_NAMED = re.compile(r"(slipcast(?:\.[a-z_0-9]+){2,})(?::\w+)?")
"""A module's place in a table, which import_module takes, or `module:function` there."""

WIRING = {
    ("cli/main.py", "slipcast.service.commands"),
    ("cli/main.py", "slipcast.integrations.mcp"),
}
"""The one table that may name rooms of its own step: `slipcast serve`, `worker`, `admin` and `mcp` are commands of the
one program, found by name when they are called. Neither room imports `cli`, so there is no circle."""


_BEGINS = re.compile(r'(#[^\n]*\n|\s)*r?"""[^"\s]')
"""How a module begins that says what it is for."""


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def _imports(tree: ast.AST, place: str) -> list[tuple[str, ast.stmt | ast.Constant]]:
    """Each imported module's full name with its statement, those for types alone and those named by a string too.

    `from slipcast import x` is slipcast.x.
    """
    found: list[tuple[str, ast.stmt | ast.Constant]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if named := _NAMED.fullmatch(node.value):
                found.append((named[1], node))
        elif isinstance(node, ast.Import):
            found += [(alias.name, node) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{place}: write imports with their full names"
            name = str(node.module)
            if name == "slipcast":
                found += [(f"slipcast.{alias.name}", node) for alias in node.names]
            else:
                found.append((name, node))
    return found


def test_every_room_is_listed() -> None:
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms <= set(STEP), f"give these rooms a place in ORDER: {sorted(rooms - set(STEP))}"
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "__main__.py", "_version.py"}, (
        "files live in rooms"
    )


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*/**/*.py")), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_from_the_steps_below(path: Path) -> None:
    place = path.relative_to(PACKAGE).as_posix()
    own = place.split("/")[0]
    for module, statement in _imports(_tree(path), place):
        if not module.startswith("slipcast."):
            continue
        room = module.split(".")[1]
        if room in (own, "_version", "__version__") or (place, module) in WIRING:
            continue
        assert STEP[room] < STEP[own], f"{place}:{statement.lineno} imports {module}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    """While they are loaded, and by tables of names: what a function imports when called counts for the rooms alone."""
    names = {
        ".".join(["slipcast", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(
            ".__init__"
        ): path
        for path in _modules()
    }
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        top = ast.Module([node for node in _tree(path).body if not isinstance(node, ast.If)], [])
        top.body = [node for node in top.body if isinstance(node, ast.Import | ast.ImportFrom)]
        found = _imports(top, name) + [
            entry for entry in _imports(_tree(path), name) if isinstance(entry[1], ast.Constant)
        ]
        graph[name] = {module for module, _ in found if module in names and module != name}
    while leaves := [name for name, wanted in graph.items() if not wanted]:
        for name in leaves:
            del graph[name]
        for wanted in graph.values():
            wanted.difference_update(leaves)
    assert not graph, f"a circle is among {sorted(graph)}"


def test_a_name_in_a_table_counts_as_an_import() -> None:
    table = ast.parse(
        'ROWS = {"a": "slipcast.cli.main:main", "b": "slipcast.core.errors", "c": "slipcast.cli"}'
    )
    assert [module for module, _ in _imports(table, "table")] == ["slipcast.cli.main", "slipcast.core.errors"]


def test_the_wiring_is_needed() -> None:
    for place, module in WIRING:
        assert module in {name for name, _ in _imports(_tree(PACKAGE / place), place)}, module


@pytest.mark.parametrize("folder", ["src", "tests", "training", "evaluation", "samples/recipes", "scripts"])
def test_every_file_stays_readable(folder: str) -> None:
    paths = [path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", "") and path.is_file()]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 500, path
        assert path.name != "utils.py", path
        assert path.suffix == "" or _BEGINS.match(text), path


def _top_names(path: Path) -> set[str]:
    """What a module defines, assigns or imports at its top, and what it loads when asked (`__all__`)."""
    found: set[str] = set()
    for node in _tree(path).body:
        for each in ast.walk(node):
            if isinstance(each, (ast.FunctionDef, ast.ClassDef)):
                found.add(each.name)
            elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                found.add(each.id)
            elif isinstance(each, ast.ImportFrom):
                found.update(alias.asname or alias.name for alias in each.names)
    return found


def test_what_scripts_import_exists() -> None:
    """Types are checked of packages alone: a script that nobody ran for a week imported what was gone."""
    homes = {"slipcast": ROOT / "src", "evaluation": ROOT, "training": ROOT}
    scripts = [
        path for path in (ROOT / "scripts").iterdir() if "python" in path.read_text().partition("\n")[0]
    ]
    assert scripts
    for path in scripts:
        for node in ast.walk(_tree(path)):
            if not isinstance(node, ast.ImportFrom) or str(node.module).partition(".")[0] not in homes:
                continue
            place = homes[str(node.module).partition(".")[0]].joinpath(*str(node.module).split("."))
            module = place.with_suffix(".py")
            names = _top_names(module if module.exists() else place / "__init__.py")
            for alias in node.names:
                found = (
                    alias.name in names
                    or place.joinpath(alias.name + ".py").exists()
                    or str(node.module) == "slipcast"
                )
                assert found, f"{path.name}: {node.module} has no {alias.name}"


def test_only_the_command_line_prints() -> None:
    for path in _modules():
        if "cli" in path.parts:
            continue
        for node in ast.walk(_tree(path)):
            prints = (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
            )
            assert not prints, f"{path.name} prints"
