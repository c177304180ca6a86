"""A watched folder: what is whole, what belongs together, what a stop and a fault leave behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kitchen import QUICK_TOML, files_in, one_sentence, small_knight, write_picture

from slipcast.core.errors import BadInput
from slipcast.core.values import View
from slipcast.jobs.watch import Arrival, Inbox, WatchOptions

if TYPE_CHECKING:
    from kitchen import Run

    from slipcast.pipeline.recipe import Recipe

ROOT = Path(__file__).parents[2]
OPTIONS = WatchOptions(settle_s=2.0, views_wait_s=30.0)


def names(arrivals: list[Arrival]) -> list[str]:
    return [arrival.name for arrival in arrivals]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "in"
    place.mkdir()
    return place


def test_a_file_is_read_when_it_has_settled_and_in_order(folder: Path) -> None:
    inbox = Inbox(folder, OPTIONS)
    for name in ("b.png", "a.png", "notes.txt", ".hidden.png", "a.preview.png"):
        (folder / name).write_bytes(b"1")
    (folder / "empty.png").touch()
    assert inbox.scan(0.0) == []
    (folder / "b.png").write_bytes(b"12")  # it grows: still being copied
    assert names(inbox.scan(2.0)) == ["a"]
    assert names(inbox.scan(3.9)) == ["a"]
    assert names(inbox.scan(4.0)) == ["a", "b"]


def test_what_is_done_is_left_until_it_changes(folder: Path) -> None:
    inbox = Inbox(folder, OPTIONS)
    (folder / "a.png").write_bytes(b"1")
    inbox.scan(0.0)
    (arrival,) = inbox.scan(2.0)
    inbox.close(arrival)
    assert inbox.scan(9.0) == []
    assert not inbox.is_waiting
    (folder / "a.png").write_bytes(b"another")
    assert inbox.scan(10.0) == []
    assert names(inbox.scan(12.0)) == ["a"]
    (folder / "a.png").unlink()
    assert inbox.scan(13.0) == []
    assert not inbox.is_waiting


def test_views_wait_for_each_other(folder: Path) -> None:
    inbox = Inbox(folder, OPTIONS)
    (folder / "owl_front.png").write_bytes(b"1")
    inbox.scan(0.0)
    (folder / "owl_left.png").write_bytes(b"1")
    assert inbox.scan(20.0) == []
    assert inbox.scan(49.9) == []
    (arrival,) = inbox.scan(50.0)
    assert (arrival.name, arrival.picture.name) == ("owl", "owl_front.png")
    assert list(arrival.others) == [View.LEFT]
    inbox.close(arrival)
    (folder / "owl_back.png").write_bytes(b"1")  # late: the owl is made anew, of all three
    inbox.scan(60.0)
    (arrival,) = inbox.scan(90.0)
    assert list(arrival.others) == [View.BACK, View.LEFT]


def test_a_front_alone_is_a_picture_and_another_side_alone_is_a_fault(folder: Path) -> None:
    inbox = Inbox(folder, OPTIONS)
    (folder / "fox_front.png").write_bytes(b"1")
    (folder / "owl_left.png").write_bytes(b"1")
    (folder / "cat.png").write_bytes(b"1")
    (folder / "cat.jpg").write_bytes(b"1")
    inbox.scan(0.0)
    cat, fox, owl = inbox.scan(30.0)
    assert (fox.name, fox.problem) == ("fox_front", "")
    assert "no front" in owl.problem
    assert "cat.jpg and cat.png would both be called cat" in cat.problem
    assert len(cat.paths) == 2


def test_a_gone_folder_is_an_error_of_the_moment(folder: Path) -> None:
    inbox = Inbox(folder, OPTIONS)
    (folder / "a.png").write_bytes(b"1")
    inbox.scan(0.0)
    shutil.move(folder, folder.with_name("away"))
    with pytest.raises(OSError, match="No such file"):
        inbox.scan(1.0)
    shutil.move(folder.with_name("away"), folder)
    assert names(inbox.scan(2.0)) == ["a"]


def test_waiting_times_are_checked() -> None:
    with pytest.raises(BadInput, match="settle_s is -1"):
        WatchOptions(settle_s=-1)


def test_one_line_an_asset_and_a_json_for_each_failure(run: Run, folder: Path, kitchen: list[Recipe]) -> None:
    for name in ("b.png", "a.png"):
        write_picture(folder / name)
    (folder / "broken.png").write_bytes(b"no picture")
    words = ("watch", folder, "-o", "out", "--once", "--settle", "0", "--move", "done")
    ended = run(*words)
    assert [line.split(" | ")[0].split()[1] for line in ended.out.splitlines()] == ["out/a.glb", "out/b.glb"]
    assert ended.code == 2
    assert "broken.png" in ended.err
    assert files_in(Path("done")) == ["a.png", "b.png"]
    assert files_in(Path("out/failed")) == ["broken.json", "broken.png"]
    error = json.loads(Path("out/failed/broken.json").read_text())["error"]
    assert (error["kind"], error["exit_code"]) == ("BadInput", 2)
    assert files_in(folder) == []


def test_a_restart_makes_nothing_twice_and_tells_no_failure_twice(
    run: Run, folder: Path, kitchen: list[Recipe]
) -> None:
    write_picture(folder / "a.png")
    (folder / "broken.png").write_bytes(b"no picture")
    words = ("watch", folder, "-o", "out", "--once", "--settle", "0")
    assert run(*words).code == 2
    ended = run(*words)
    assert len(kitchen) == 1
    assert "was there already" in ended.out
    assert (ended.code, ended.err) == (0, "")
    write_picture(folder / "broken.png")
    assert run(*words).code == 0
    assert len(kitchen) == 2
    assert files_in(Path("out/failed")) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("nowhere",), "nowhere is no folder"),
        (("in", "-o", "in"), "is the watched folder itself"),
        (("in", "--move", "in"), "is the watched folder itself"),
        (("in", "--settle", "-3"), "--settle is -3"),
        (("in", "--height", "tall"), "--height"),
    ],
)
def test_a_wrong_word_is_one_sentence(run: Run, folder: Path, words: tuple[str, ...], told: str) -> None:
    ended = run("watch", *words)
    assert ended.code == 2
    assert told in ended.err
    assert one_sentence(ended.err)


def test_a_folder_without_pictures_is_said(run: Run, folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    ended = run("watch", folder, "-o", "out", "--once", "--settle", "0")
    assert (ended.code, ended.out) == (0, "")
    assert "has no picture that is new" in ended.err
    assert one_sentence(ended.err)


def test_a_killed_watcher_goes_on_where_it_was(tmp_path: Path, folder: Path) -> None:
    """The real pipeline; `scripts/bench-watch` does the same with 200 pictures."""
    small_knight(64).save(folder / "a.png")
    shutil.copy(folder / "a.png", folder / "b.png")
    main = "import sys; from slipcast.cli.main import main; sys.exit(main())"
    quick = ("--recipe", str(QUICK_TOML), "--settle", "0")
    words = [sys.executable, "-c", main, "watch", str(folder), "-o", str(tmp_path / "out"), *quick]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    first = subprocess.Popen(words, stdout=subprocess.PIPE, env=environment)
    assert first.stdout is not None
    assert b"a.glb" in first.stdout.readline()  # its files lie there, all of them, before it is said
    first.send_signal(signal.SIGKILL)
    first.communicate()
    second = subprocess.run([*words, "--once"], capture_output=True, text=True, env=environment, check=False)
    assert second.returncode == 0, second.stderr
    lines = second.stdout.splitlines()
    assert len(lines) == 2
    assert "was there already" in lines[0]
    assert "was there already" not in lines[1]
    assert {f"{name}.{end}" for name in "ab" for end in ("glb", "json", "preview.png")} <= set(
        files_in(tmp_path / "out")
    )


def is_listening(process: int) -> bool:
    """Whether a process waits for the system to tell of changes; True where no system says so."""
    files = Path(f"/proc/{process}/fd")
    with suppress(FileNotFoundError):  # a file was closed meanwhile
        return not files.is_dir() or any("inotify" in str(file.readlink()) for file in files.iterdir())
    return False


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watcher_that_waits_stops_when_it_is_asked(
    tmp_path: Path, folder: Path, number: int, code: int
) -> None:
    small_knight(64).save(folder / "a.png")
    quick = ("--recipe", str(QUICK_TOML), "--settle", "0")
    words = [sys.executable, "-m", "slipcast", "watch", str(folder), "-o", str(tmp_path / "out"), *quick]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    watcher = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert watcher.stdout is not None
    assert "a.glb" in watcher.stdout.readline()
    ends = time.monotonic() + 60
    while not is_listening(watcher.pid) and watcher.poll() is None and time.monotonic() < ends:
        time.sleep(0.02)
    watcher.send_signal(number)
    _, said = watcher.communicate(timeout=60)
    assert watcher.returncode == code, said
    assert "stopped" in said
    assert "report it" not in said
