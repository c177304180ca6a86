"""README.md and docs/: tables are those of the code, snippets run, files, headings, commands and options exist.

`python tests/test_readme.py` writes the tables into the pages.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
from kitchen import QUICK, small_knight

from slipcast.checks.gates import GATES
from slipcast.cli.convert import convert as convert_command
from slipcast.cli.main import COMMANDS, cli
from slipcast.core.errors import STATUS, SlipcastError
from slipcast.core.findings import FINDINGS, Counted
from slipcast.core.mention import FIELDS
from slipcast.core.values import Picture
from slipcast.depth.models import DEPTH_MODELS
from slipcast.formats.table import EXPORTERS
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]


def _table(*rows: tuple[str, ...]) -> str:
    head, *body = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def _options() -> str:
    rows = [("option", "default", "meaning")]
    for option in convert_command.params:
        if isinstance(option, click.Option):
            names = ", ".join(f"`{name}`" for name in option.opts)
            default = (
                ""
                if option.is_flag or not isinstance(option.default, str | int | float)
                else f"`{option.default:g}`"
                if isinstance(option.default, float)
                else f"`{option.default}`"
            )
            rows.append((names, default, str(option.help).rstrip(".")))
    return _table(*rows)


def _formats() -> str:
    rows = [("format", "unit", "up", "colour", "for")]
    for name, row in EXPORTERS.items():
        colour = "texture" if row.keeps_texture else "per vertex" if row.keeps_color else "none"
        rows.append((f"`{name}`", row.unit, f"+{row.up.upper()}", colour, row.sentence))
    return _table(*rows)


def _models() -> str:
    rows = [("`--depth`", "licence", "what")]
    return _table(*rows, *((f"`{name}`", row.licence, row.about) for name, row in DEPTH_MODELS.items()))


def _errors() -> str:
    rows = [("exit code", "error", "when")]
    rows.append(("1", "", "Something unexpected, which is a bug: please report it"))
    for kind, status in STATUS.items():
        if kind is SlipcastError:  # raised only as one of its kinds
            continue
        rows.append((str(status.exit_code), f"`{kind.__name__}`", str(kind.__doc__).rstrip(".")))
    rows.append(("130, 143", "", "Stopped by Ctrl-C or by a request to end"))
    rows.append(("141", "", "Nobody reads what a command only prints (a closed pipe)"))
    return _table(*rows)


class _Names(dict[str, object]):
    """Fills a sentence's values with their names."""

    def __missing__(self, name: str) -> Counted:
        return Counted(f"*{name}*")


def _findings() -> str:
    rows = [("code", "severity", "sentence")]
    for code, row in FINDINGS.items():
        rows.append(
            (
                f"`{code}`",
                row.severity.value,
                row.sentence.format_map(_Names(option=FIELDS)).replace("|", "\\|"),
            )
        )
    return _table(*rows)


def _gates() -> str:
    rows = [("gate", "unit", "measured")]
    for name, row in GATES.items():
        rows.append((f"`{name}`", "" if row.unit == "count" else row.unit, row.about))
    return _table(*rows)


def _matrix() -> str:
    return (ROOT / "tests" / "clients" / "matrix.md").read_text(encoding="utf-8").rstrip("\n")


def _engines() -> str:
    return (ROOT / "tests" / "clients" / "engines.md").read_text(encoding="utf-8").rstrip("\n")


BLOCKS: dict[str, Callable[[], str]] = {
    "options": _options,
    "formats": _formats,
    "matrix": _matrix,
    "engines": _engines,
    "models": _models,
    "errors": _errors,
    "findings": _findings,
    "gates": _gates,
}


def _with_tables(text: str) -> str:
    for name, table in BLOCKS.items():
        block = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        text = block.sub(lambda match, table=table: f"{match[1]}{table()}\n{match[2]}", text)  # type: ignore[misc]
    return text


def _text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def _anchors(page: Path) -> set[str]:
    """What GitHub calls the headings of a page."""
    heads = re.findall(r"^#+ (.*)", _text(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


def _options_of(command: click.Command) -> set[str]:
    """Its own, and those of the commands below it."""
    own = {name for option in command.params for name in (*option.opts, *option.secondary_opts)}
    below = command.commands.values() if isinstance(command, click.Group) else ()
    return own.union(*(_options_of(each) for each in below))


COMMAND_OPTIONS = {
    name: _options_of(command)
    for name in COMMANDS
    if (command := cli.get_command(click.Context(cli), name)) is not None
}


pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pages
def test_the_tables_are_those_of_the_code(page: Path) -> None:
    assert _text(page) == _with_tables(_text(page)), "run: .venv/bin/python tests/test_readme.py"


@pytest.mark.parametrize("name", BLOCKS)
def test_each_table_stands_once(name: str) -> None:
    assert sum(_text(page).count(f"<!-- {name} -->\n") for page in PAGES) == 1


@pages
def test_what_a_page_names_exists(page: Path) -> None:
    text = _text(page)
    for name in re.findall(r"\bscripts/([a-z-]+)", text):
        assert (ROOT / "scripts" / name).is_file(), f"scripts/{name}"
    for name in re.findall(r"`((?:src|tests|models|evaluation|training|benchmarks)/[^`*\s]+)`", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"python\s-m (evaluation\.\w+|training\.\w+)", text):
        assert (ROOT / (name.replace(".", "/") + ".py")).is_file(), name
    for target, _, anchor in (link.partition("#") for link in re.findall(r"\]\(([^):]+)\)", text)):
        file = page.parent / target if target else page
        assert file.exists(), target
        assert not anchor or anchor in _anchors(file), f"{target}#{anchor}"


@pages
def test_the_commands_of_a_page_are_those_of_the_program(page: Path) -> None:
    text = _text(page)
    called = re.findall(r"(?:`|^ {4})slipcast ([a-z]+)([^#`\n]*)", text, re.MULTILINE)
    assert called or page != README
    for name, words in called:
        assert name in COMMAND_OPTIONS, name
        given = set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", words))
        assert given <= COMMAND_OPTIONS[name], f"slipcast {name}: {given - COMMAND_OPTIONS[name]}"
    known = set().union(*COMMAND_OPTIONS.values())
    for option in re.findall(r"`(--[a-z-]+)", text):
        assert option in known, option


def test_all_is_found_from_the_readme() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)", _text(README)))
    assert {str(page.relative_to(ROOT)) for page in PAGES[1:]} <= linked
    rooms = _text(README).split("## How it is cut")[1].split("## ")[0]
    for name in re.findall(r"^\| `([^|]*)` \|", rooms, re.MULTILINE):
        for room in name.split("`, `"):
            assert (ROOT / "src/slipcast" / room).exists(), room


def test_the_python_snippets_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a small picture of a real sample, with the real pipeline and the least work."""
    real = pipeline.run

    def quick(picture: Picture, recipe: Recipe, **rest: Any) -> Result:
        least = {stage: getattr(QUICK, stage) for stage in ("points", "simplify", "texture", "preview")}
        return real(picture, replace(recipe, **least), **rest)

    monkeypatch.setattr(pipeline, "run", quick)
    small_knight(80).save(tmp_path / "knight.png")
    monkeypatch.chdir(tmp_path)
    snippets = re.findall(r"```python\n(.*?)```", _text(README), re.DOTALL)
    assert snippets
    for snippet in snippets:
        exec(compile(snippet, "README.md", "exec"), {})
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"knight.glb", "knight.stl", "knight.json"}


def test_the_changelog_and_the_package_name_one_version() -> None:
    from slipcast import __version__

    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'\nversion = "{__version__}"\n' in project
    released = re.findall(
        r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert not released or released[0] == __version__


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(_with_tables(_text(page)), encoding="utf-8")
