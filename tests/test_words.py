"""The library names options by their fields; only the command line knows flags, and says them."""

import ast
import re
from pathlib import Path

import click
import pytest
from kitchen import Run

from slipcast.cli.main import COMMANDS, Lazy, cli
from slipcast.cli.options.flags import Flags, flags_of
from slipcast.core.advice import ADVICE
from slipcast.core.errors import BadInput
from slipcast.core.findings import FINDINGS, finding
from slipcast.core.mention import FIELDS
from slipcast.jobs.failure import Failure

SOURCE = Path(__file__).parents[1] / "src" / "slipcast"
FOREIGN = re.compile(r"\b(ray start|slipcast admin migrate|sips -s format png \S*|pip install) --[a-z]+")
"""Whole commands, as the user types them."""


def _texts(path: Path) -> list[str]:
    """All texts of a module that a user could read; docstrings and the texts below fields are left out."""
    tree = ast.parse(path.read_text("utf-8"))
    texts, known = [], set()
    for node in ast.walk(
        tree
    ):  # parents first: a docstring before its text, a formatted text before its pieces
        if id(node) in known:
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            known.add(id(node.value))
        elif isinstance(node, ast.JoinedStr):
            known |= {id(part) for part in node.values}
            texts.append(
                "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            texts.append(node.value)
    return texts


def _commands() -> set[Path]:
    """The modules that are the command line: cli/, and those elsewhere that COMMANDS names."""
    places = {row.place.split(":")[0] for row in COMMANDS.values()}
    return {
        *(SOURCE / "cli").rglob("*.py"),
        *(SOURCE.parent / f"{place.replace('.', '/')}.py" for place in places),
    }


def test_no_text_of_the_library_names_a_flag() -> None:
    found = []
    for path in sorted(set(SOURCE.rglob("*.py")) - _commands()):
        for text in _texts(path):
            if re.search(r"(^|[ (`«])--[a-z]", FOREIGN.sub("", text)) and not re.fullmatch(
                r"--[a-z-]+(=X?)?", text
            ):
                found.append(f"{path.relative_to(SOURCE)}: {text}")
    assert not found, "\n".join(found)


def _named(text: str) -> list[str]:
    """The options that a sentence of a table names."""
    return re.findall(r"{option:([a-z_]+)", text)


def test_every_option_that_a_table_names_is_one_of_a_command() -> None:
    context = click.Context(cli)
    assert isinstance(cli, Lazy)
    known = {field for name in COMMANDS for field in flags_of(cli.get_command(context, name) or cli)}
    texts = [row.sentence for row in FINDINGS.values()] + [row.option for row in ADVICE.values()]
    named = {field for text in texts for field in _named(text)}
    assert {"depth", "detail", "faces", "height_m"} <= named
    assert named <= known


def test_a_finding_is_said_in_fields_and_in_flags() -> None:
    found = finding("FACES_OVER_TARGET", {"faces": 9000, "budget": 5000, "target": "roblox"})
    assert found.message.endswith("convert with faces=5000")
    flags = _flags("convert")
    assert found.tell(flags).endswith("convert with --faces 5000")
    assert f"{flags:detail=draft}" == "--detail draft"
    assert f"{flags:height_m}" == "--height"
    assert f"{flags:reference=a.png}" == "--reference a.png", "an option of another command"
    assert f"{flags:nothing=1}" == "nothing=1"


@pytest.mark.parametrize(
    ("command", "field", "flag"),
    [("convert", "model", "--depth"), ("generate", "model", "--model"), ("print", "hole_mm", "--drain")],
)
def test_a_field_is_called_by_the_running_command_s_option(command: str, field: str, flag: str) -> None:
    assert f"{_flags(command):{field}}" == flag


def _flags(name: str) -> Flags:
    context = click.Context(cli)
    assert isinstance(cli, Lazy)
    command = cli.get_command(context, name)
    assert command is not None
    return Flags(command, lambda: cli.all_commands(context))


def test_an_error_is_said_both_ways_and_survives_another_process() -> None:
    import pickle

    error = pickle.loads(
        pickle.dumps(BadInput("fov_deg is 0; leave it, or use", field="fov_deg", cure="detail=draft"))
    )
    assert str(error) == "fov_deg is 0; leave it, or use detail=draft"
    failure = Failure.of(error)
    assert failure.tell(FIELDS) == failure.message == str(error)
    assert failure.tell(_flags("convert")) == "--fov is 0; leave it, or use --detail draft"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("make", "an owl", "--provider", "folder"), "--pictures is not given"),
        (("make", "an owl", "--provider", "bogus"), "--provider 'bogus' is not known"),
        (("make", "an owl"), "or use pictures from disk with --provider folder"),
        (("generate", "an owl", "--batch", "--provider", "folder", "--pictures", "."), "--provider"),
        (("resume", "."), "give a folder NAME.stages, which is written with --keep"),
        (("convert", "a.png", "--runner", "bogus"), "--runner 'bogus' is unknown"),
        (("watch", ".", "--out", ".", "--once"), "--out . is the watched folder itself"),
        (("generate", "an owl", "--size", "9K"), "--size '9K' is none of gemini"),
    ],
)
def test_the_command_line_says_flags(words: tuple[str, ...], told: str, run: Run, buyers_home: None) -> None:
    import os

    from kitchen import write_picture

    if words[0] == "make" and len(words) == 2:
        os.environ.pop("GEMINI_API_KEY", None)
    write_picture(Path("a.png"))
    ended = run(*words)
    assert ended.code == 2
    assert told in ended.err
    assert ended.err.count("\n") == 1


def _options_of(command: click.Command) -> list[click.Option]:
    below = [option for each in getattr(command, "commands", {}).values() for option in _options_of(each)]
    return [each for each in command.params if isinstance(each, click.Option)] + below


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_an_option_begins_with_its_noun_or_verb(name: str) -> None:
    assert isinstance(cli, Lazy)
    for option in _options_of(cli.get_command(click.Context(cli), name) or cli):
        told = option.help or ""
        assert re.match(r"(16-bit|glTF|[A-Z])", told), option.name
        assert told.endswith("."), (option.name, told)
        first = told.split()[0].rstrip(":;,")
        assert first not in {"Of", "The", "A", "What", "Where", "How", "Another", "Really", "It"}, (
            option.name,
            told,
        )
