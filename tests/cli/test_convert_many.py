"""`slipcast convert` with many pictures: what is accepted, what is printed meanwhile, and two runs in one folder."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kitchen import QUICK_TOML, Run, cook, files_in, one_sentence, write_picture

from slipcast.core.values import Picture, View
from slipcast.jobs.memory import forget_peak_memory, peak_memory_mb
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result
from slipcast.workspace.claims import claim

# ------------------------------------------------------------------------------------------- what is accepted


def test_a_folder_stands_for_its_pictures(run: Run, kitchen: list[Recipe], tmp_path: Path) -> None:
    for name in ("b.png", "a.PNG", "c.jpg", "below/d.png", "old.preview.png", ".hidden.png"):
        write_picture((tmp_path / "in" / name).with_suffix(".png")).rename(tmp_path / "in" / name)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    ended = run("convert", "in", "--json")
    assert ended.code == 0
    assert [entry["picture"] for entry in json.loads(ended.out)] == ["in/a.PNG", "in/b.png", "in/c.jpg"]


@pytest.mark.parametrize("command", ["convert", "check"])
def test_subfolders_that_are_not_looked_into_are_told(
    run: Run, kitchen: list[Recipe], tmp_path: Path, command: str
) -> None:
    """`convert samples/` took the contact sheet there and said nothing of the eight figurines beside it."""
    for name in (
        "a",
        "one/front",
        "two/front",
        ".git/x",
        "a.stages/mask",
        "out/texture",
        "words/old.preview",
    ):
        write_picture(tmp_path / "in" / f"{name}.png")
    out = ("-o", "in/out") if command == "convert" else ()
    told = "in: 2 subfolders with pictures were not looked into; to take them too, name each, as in/one\n"
    if command == "check":  # it knows of no folder for results
        (tmp_path / "in" / "out" / "texture.png").unlink()
    ended = run(command, "in", *out)
    assert f"slipcast: {told}" in ended.err
    assert ended.out.count("\n") >= 1
    ended = run(command, "in", "in/one", *out)
    assert "in: 1 subfolder with pictures was not looked into" in ended.err
    ended = run(command, "in", "in/one", "in/two", *out)
    assert "looked into" not in ended.err


def test_a_folder_without_pictures_is_refused(run: Run, kitchen: list[Recipe], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = run("convert", "empty")
    assert ended.code == 2
    assert one_sentence(ended.err)
    assert "empty is a folder without pictures" in ended.err


def test_a_list_names_a_picture_a_line(
    run: Run, kitchen: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        write_picture(tmp_path / f"{name}.png")
    Path("list.txt").write_text("# mine\nb.png\n\n  a.png\nb.png\n")
    ended = run("convert", "c.png", "--from-list", "list.txt", "--json")
    assert [entry["picture"] for entry in json.loads(ended.out)] == ["c.png", "b.png", "a.png"]
    with Path("list.txt").open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        ended = run("convert", "--from-list", "-", "--json")
    assert [entry["picture"] for entry in json.loads(ended.out)] == ["b.png", "a.png"]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_manifest_says_what_is_different_for_a_picture(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, suffix: str
) -> None:
    made: list[tuple[str, View, Recipe]] = []

    def note(
        picture: Picture, recipe: Recipe, *, name: str, watch: pipeline.Watch | None = None, **_: object
    ) -> Result:
        made.append((name, picture.view, recipe))
        return cook(picture, recipe, name=name, watch=watch)

    monkeypatch.setattr(pipeline, "run", note)
    for name in ("fox", "owl"):
        write_picture(tmp_path / "shots" / f"{name}.png")
    rows = [
        {"picture": "fox.png", "name": "Reynard", "height": "120mm", "view": "back"},
        {"picture": "owl.png", "faces": "1234"},
    ]
    manifest = tmp_path / "shots" / f"list.{suffix}"
    if suffix == "csv":
        manifest.write_text("picture,name,height,view,faces\nfox.png,Reynard,120mm,back,\nowl.png,,,,1234\n")
    else:
        manifest.write_text("\n".join(json.dumps(row) for row in rows))
    assert run("convert", "--from-list", manifest, "--height", "50mm").code == 0
    (fox, fox_view, fox_recipe), (owl, owl_view, owl_recipe) = made
    assert (fox, fox_view, fox_recipe.place.height_m) == ("Reynard", View.BACK, 0.12)
    assert (owl, owl_view, owl_recipe.place.height_m, owl_recipe.simplify.faces) == (
        "owl",
        View.FRONT,
        0.05,
        1234,
    )
    assert {"Reynard.glb", "owl.glb"} <= set(files_in(Path("out")))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("m.csv", "file\na.png\n", "m.csv: the first line has no column 'picture'"),
        ("m.csv", "picture,size\na.png,9\n", "m.csv, line 2: 'size' is no column; there are picture, name"),
        ("m.csv", "picture,height\na.png,1.8\n", "m.csv, line 2: --height 1.8 says no unit"),
        ("m.csv", "picture,height\n,75mm\n", "m.csv, line 2: there is no picture"),
        ("m.csv", "picture,name\na.png,../b\n", "which is no file name"),
        ("m.csv", "picture,faces\na.png,many\n", "m.csv, line 2: --faces 'many' is no whole number"),
        ("m.jsonl", '{"picture": "a.png"}\n{', "m.jsonl, line 2: this is not JSON"),
        ("m.jsonl", "[]", "m.jsonl, line 1: an object is needed"),
        ("m.txt", "", "no picture is named"),
    ],
)
def test_a_broken_list_is_one_sentence_before_any_work(
    run: Run, kitchen: list[Recipe], knight: Path, name: str, text: str, told: str
) -> None:
    Path(name).write_text(text)
    ended = run("convert", "--from-list", name)
    assert ended.code == 2
    assert one_sentence(ended.err), ended.err
    assert told in ended.err
    assert kitchen == []


def test_no_picture_at_all_is_one_sentence(run: Run, kitchen: list[Recipe]) -> None:
    for words in ((), ("--from-list", "missing.txt")):
        ended = run("convert", *words)
        assert ended.code == 2
        assert one_sentence(ended.err)


# ---------------------------------------------------------------------------------- what is said while it runs


def test_lines_of_json_come_one_by_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """What was finished is printed before the next picture is begun, and nothing is printed twice."""
    printed: list[str] = []

    def make(
        picture: Picture, recipe: Recipe, *, name: str, watch: pipeline.Watch | None = None, **_: object
    ) -> Result:
        printed.append(capfd.readouterr().out)
        return cook(picture, recipe, name=name, watch=watch)

    monkeypatch.setattr(pipeline, "run", make)
    for name in "abc":
        write_picture(tmp_path / f"{name}.png")
    ended = run("convert", "a.png", "missing.png", "b.png", "c.png", "--json-lines")
    assert ended.code == 2
    lines = [json.loads(line) for line in "".join([*printed, ended.out]).splitlines()]
    assert [line["picture"] for line in lines] == ["a.png", "missing.png", "b.png", "c.png"]
    assert [line["ok"] for line in lines] == [True, False, True, True]
    assert lines[0]["asset"] == json.loads(Path("out/a.json").read_text())
    assert [line.get("peak_memory_mb") for line in lines] == [
        line["asset"]["run"]["peak_memory_mb"] if line["ok"] else None for line in lines
    ]
    assert "peak_memory_mb" in lines[0]
    assert [text.count("\n") for text in printed] == [0, 2, 1]


def test_a_log_says_how_far_it_is(run: Run, kitchen: list[Recipe], tmp_path: Path) -> None:
    for name in "ab":
        write_picture(tmp_path / f"{name}.png")
    told = run("convert", "a.png", "missing.png", "b.png", "--json").err.splitlines()
    steps = [line for line in told if " of 3 " in line]
    assert " 1 of 3 a.png: review; 0:" in steps[0]
    assert " 2 of 3 missing.png: failed; " in steps[1]
    assert " left" in steps[0]
    assert " left" not in steps[2]
    assert run("convert", "a.png").err == ""


def test_two_kinds_of_json_are_refused(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run("convert", knight, "--json", "--json-lines")
    assert ended.code == 2
    assert "give one of them" in ended.err


def test_a_full_disk_stops_the_run(
    run: Run, kitchen: list[Recipe], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abcd":
        write_picture(tmp_path / f"{name}.png")
    flush = os.fsync

    def full(handle: int) -> None:
        if len(kitchen) == 2:
            raise OSError(28, "No space left on device")
        flush(handle)

    monkeypatch.setattr(os, "fsync", full)
    ended = run("convert", "missing.png", "a.png", "b.png", "c.png", "d.png", "--json")
    assert ended.code == 7
    assert len(kitchen) == 2
    assert [entry["ok"] for entry in json.loads(ended.out)] == [False, True, False]
    assert "stopped after 3 of 5 pictures, since the disk is full" in ended.err
    assert files_in(Path("out")) == ["a.glb", "a.json", "a.preview.png"]


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
def test_the_peak_of_memory_is_the_pictures_own() -> None:
    forget_peak_memory()
    ballast = bytearray(200 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    large = peak_memory_mb()
    del ballast
    forget_peak_memory()
    small = peak_memory_mb()
    assert large is not None
    assert small is not None
    assert large - small > 150


# ------------------------------------------------------------------------------------- two runs in one folder


def test_a_resumed_entry_has_all_its_files(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    words = ("convert", knight, "--keep", "--resume", "--json")
    fresh, again = (json.loads(run(*words).out)[0] for _ in range(2))
    assert (fresh["resumed"], again["resumed"]) == (False, True)
    assert len(kitchen) == 1
    assert again["files"][:3] == fresh["files"][:3]
    assert sorted(again["files"]) == sorted(fresh["files"])
    assert again["asset"] == fresh["asset"]


HOLDER = """
import sys
from pathlib import Path
from slipcast.workspace.claims import claim
with claim(Path(sys.argv[1]), "knight", wait=True):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_claim_is_one_process_and_dies_with_it(tmp_path: Path) -> None:
    for end in ("kill", "leave"):
        words = [sys.executable, "-c", HOLDER, str(tmp_path)]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            with claim(tmp_path, "knight", wait=False) as mine, claim(tmp_path, "owl", wait=False) as other:
                assert (mine, other) == (False, True)
            holder.kill() if end == "kill" else holder.communicate(b"")
        with claim(tmp_path, "knight", wait=True) as mine:
            assert mine
    assert list(tmp_path.iterdir()) == []


def test_two_runs_in_one_folder_share_the_work(tmp_path: Path) -> None:
    """The real program, twice at once: each picture is made exactly once, and both runs tell of all of them."""
    names = "abc"
    for name in names:
        write_picture(tmp_path / "in" / f"{name}.png")
    words = ["convert", "in", "--resume", "--json-lines", "--recipe", str(QUICK_TOML)]
    call = [sys.executable, "-c", "import sys; from slipcast.cli.main import main; sys.exit(main())", *words]
    started = time.monotonic()
    runs = [
        subprocess.Popen(call, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [run.communicate() for run in runs]
    assert [run.returncode for run in runs] == [0, 0], (told, time.monotonic() - started)
    entries = [[json.loads(line) for line in out.splitlines()] for out, _ in told]
    assert [sorted(Path(entry["picture"]).stem for entry in each) for each in entries] == [[*names]] * 2
    made = [entry["picture"] for each in entries for entry in each if not entry["resumed"]]
    assert len(made) == len(set(made)) == len(names)
    assert not list((tmp_path / "out").glob(".slipcast-*"))
