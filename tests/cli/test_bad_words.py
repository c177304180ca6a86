"""Every option of every command with a word that it cannot take: one sentence with the option's name, exit code 2, and
nothing is loaded, bought or written."""

from pathlib import Path

import click
import pytest
from kitchen import Run, files_in, one_sentence, write_picture

from slipcast.cli.main import COMMANDS, cli
from slipcast.pipeline.recipe import Recipe

WRONG: dict[str, tuple[str, ...]] = {
    "--base": ("bogus", "round:big", "round:0mm"),
    "--base-url": ("http://user:word@example.test",),
    "--block": ("nosuch.txt",),
    "--topology": ("bogus", "quads:10", "quads:many"),
    "--collision": ("bogus", "convex:0", "convex:many"),
    "--compress": ("bogus",),
    "--depth": ("bogus",),
    "--detail": ("bogus",),
    "--device": ("bogus",),
    "--draft": ("",),
    "--drain": ("bogus", "2x99mm"),
    "--elevation": ("bogus", "80deg", "nan"),
    "--facing": ("bogus",),
    "--filaments": ("bogus", "#fff"),
    "--final": ("",),
    "--file": ("nosuch.csv", "nosuch.bogus"),
    "--for": ("bogus",),
    "--format": ("bogus", ","),
    "--from-list": ("nosuch.txt",),
    "--gate": ("bogus", "iou>=much", "closed>1"),
    "--height": ("0", "nan", "much", "1.8", "-75mm", "1e9mm"),
    "--hollow": ("bogus", "0mm"),
    "--lods": ("bogus", "0", "1,2"),
    "--magnet": ("bogus", "0x2mm"),
    "--model": (),  # a model that is not in the table is asked for all the same, at an estimated price
    "--name": ("a/b",),
    "--normal-map": ("bogus",),
    "--orient": ("bogus",),
    "--pivot": ("bogus", "0,much,0"),
    "--preset": ("bogus",),
    "--presets": ("nosuch.toml",),
    "--printer": ("bogus", "1x1x1mm"),
    "--profile": ("bogus",),
    "--provider": ("bogus",),
    "--ratio": ("7:1",),
    "--recipe": ("nosuch.toml",),
    "--reference": ("nosuch.png",),
    "--runner": ("bogus",),
    "--scale": (),  # free words for a prompt; a scale of print is below
    "--sheet": ("bogus", "left,back", "front,front"),
    "--sides": ("bogus", "front"),
    "--size": ("9K",),
    "--split": ("bogus", "0"),
    "--style": (),
    "--surface": ("bogus",),
    "--target": ("bogus",),
    "--text-style": ("bogus",),
    "--texture-type": ("bogus",),
    "--thicken": ("bogus", "99mm"),
    "--thinking": ("bogus",),
    "--view": ("bogus",),
    "--views": ("bogus", "front=a.png", "3"),
}
"""Option -> words that it cannot take; numbers are added by the option's type."""
FREE = {
    *("--api-version", "--avoid", "--back", "--camera", "--cancel", "--environment"),
    *("--lettering", "--lettering-language", "--lighting", "--material", "--pose", "--project", "--prompt"),
    *(
        "--run",
        "--tenant",
        "--text",
        "--vertex-location",
        "--vertex-project",
        "--priority",
    ),
    *(
        "--out",
        "--pictures",
        "--font",
        "--save-recipe",
        "--config",
        "--data",
        "--database",
        "--store",
        "--host",
    ),
    *("--http", "--root", "--move", "--port"),
}
"""Any text will do, or what is wrong with it shows only in use (a folder, another machine's name)."""
FILES = {"--from-list", "--file", "--reference"}
"""Options that take a file of which the sentence gives the name instead."""
IDLE = {
    ("refine", "--ratio"),
    ("refine", "--thinking"),
    ("refine", "--reference"),
    ("views", "--thinking"),
    ("views", "--reference"),
}
"""Options that a command has and does not use: an edit has its own picture's ratio, a side its own references."""
HEAD = {
    "convert": ("knight.png",),
    "export": ("knight.glb", "--format", "stl"),
    "generate": ("a", "clockwork", "owl", "--dry-run"),
    "make": ("a", "clockwork", "owl", "--dry-run"),
    "print": ("knight.glb",),
    "prompt": ("a", "clockwork", "owl"),
    "refine": ("knight.png", "give it a hat", "--dry-run"),
    "views": ("knight.png", "--dry-run"),
    "check": ("knight.png",),
}
"""Command -> words with which it would work; nothing is bought."""


def _cases() -> list[tuple[str, str, str]]:
    found = []
    for name in HEAD:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        for option in command.params:
            if not isinstance(option, click.Option) or option.is_flag:
                continue
            flag = max(option.opts, key=len)
            if (name, flag) in IDLE:
                continue
            words = WRONG.get(flag, ())
            kind = option.type.name
            if "integer" in kind and flag not in FREE:
                words = ("many", "2.5", "-3", "9" * 30)
            elif "float" in kind:
                words = ("much", "nan", "-3")
            elif flag == "--views" and name in ("convert", "check"):
                words = ("bogus", "front=a.png")
            assert words or flag in FREE or flag in WRONG, f"{name} {flag}: say which words it cannot take"
            found += [(name, flag, word) for word in words]
    return found


@pytest.mark.parametrize(("command", "flag", "word"), _cases())
def test_a_word_that_an_option_cannot_take_is_refused_at_once(
    command: str,
    flag: str,
    word: str,
    run: Run,
    kitchen: list[Recipe],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("something was loaded")

    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("slipcast.depth.models._load_model", load)
    write_picture(tmp_path / "knight.png")
    (tmp_path / "knight.glb").write_bytes(b"glTF")
    before = files_in(tmp_path)
    words = [entry for entry in HEAD[command] if not (flag == "--format" and entry in ("--format", "stl"))]
    if flag == "--file":
        words = ["--dry-run"]
    if flag == "--views" and command == "convert":
        words = []
    if flag in ("--draft", "--final"):
        words += ["--drafts", "2"]
    if flag == "--sides" and command == "make":
        words += ["--views", "4"]
    if flag == "--retries" and command == "make":
        words += ["--views", "4"]
    if flag == "--drain":
        words += ["--hollow", "2mm"]
    ended = run(command, *words, f"{flag}={word}")
    assert ended.code == 2, (ended.out, ended.err)
    assert one_sentence(ended.err), ended.err
    assert not kitchen
    after = [name for name in files_in(tmp_path) if not name.startswith("home/")]
    assert after == [name for name in before if not name.startswith("home/")]
    assert (word if flag in FILES else flag) in ended.err, ended.err


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        *(
            ("convert", flag)
            for flag in ("--lods", "--topology", "--collision", "--gate", "--sheet", "--views")
        ),
        *(("print", flag) for flag in ("--hollow", "--height", "--thicken")),
        ("prompt", "--material"),
    ],
)
def test_an_empty_word_is_not_taken_for_nothing_said(
    command: str, flag: str, run: Run, kitchen: list[Recipe], tmp_path: Path
) -> None:
    write_picture(tmp_path / "knight.png")
    ended = run(command, *HEAD[command], flag, "")
    assert (ended.code, ended.err) == (2, f"slipcast: {flag} is empty; give a word, or leave it out\n")
    assert not kitchen


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        (("convert", "knight.png", "--out", "s3://bucket/a"), "--out"),
        (("costs", "--since", "nonsense"), "--since"),
        (("make", "an", "owl", "--dry-run", "--retries", "-1"), "--retries"),
        (("print", "knight.png", "--font", "nosuch.ttf"), "--font"),
    ],
)
def test_what_was_ignored_or_taken_for_something_else_is_refused(
    words: tuple[str, ...], flag: str, run: Run, kitchen: list[Recipe], tmp_path: Path
) -> None:
    write_picture(tmp_path / "knight.png")
    before = files_in(tmp_path)
    ended = run(*words)
    assert ended.code == 2
    assert one_sentence(ended.err)
    assert flag in ended.err
    assert files_in(tmp_path) == before


def test_every_command_with_options_of_its_own_is_tested() -> None:
    served = {"watch", "resume", "serve", "worker", "admin", "mcp"}  # their options are tested beside them
    plain = {
        "costs",
        "batches",
        "inspect",
        "report",
        "formats",
        "targets",
        "models",
    }  # paths, free words and switches
    assert set(COMMANDS) == set(HEAD) | served | plain
