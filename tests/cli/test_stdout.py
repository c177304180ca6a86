"""cli/: a stdout or stderr that takes nothing: a full disk, a reader who has left, a closed descriptor."""

import subprocess
import sys
from pathlib import Path

import pytest
from kitchen import one_sentence, write_picture

TESTS = Path(__file__).parents[1]
PROGRAM = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import kitchen
import slipcast.pipeline.run as pipeline
pipeline.run = kitchen.cook
from slipcast.cli.main import run_and_leave
run_and_leave()
"""

full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the disk that is always full is Linux's")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash in `folder`, in which `slipcast` is the program with a cook in place of the pipeline."""
    script = f'slipcast() {{ "{sys.executable}" -c "$PROGRAM" "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", f"PROGRAM=$1\n{script}", "bash", PROGRAM],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@full
@pytest.mark.parametrize(
    "words", ["targets", "targets --json", "formats", "convert a.png --json-lines", "convert a.png --json"]
)
def test_results_for_a_full_disk_end_with_one_sentence_and_7(words: str, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    done = shell(f"slipcast {words} > /dev/full", tmp_path)
    assert (done.returncode, one_sentence(done.stderr)) == (7, True), done.stderr
    assert "the disk that stdout goes to is full" in done.stderr
    assert ("run it again with --resume" in done.stderr) == words.startswith("convert")


@full
@pytest.mark.parametrize("words", ["--help", "--version", "convert --help"])
def test_help_for_a_full_disk_ends_with_one_sentence_and_7(words: str, tmp_path: Path) -> None:
    done = shell(f"slipcast {words} > /dev/full", tmp_path)
    assert (done.returncode, one_sentence(done.stderr)) == (7, True), done.stderr
    assert "the disk is full" in done.stderr


@full
@pytest.mark.parametrize("where", ["2> /dev/full", "2>&-", "> /dev/full 2>&1", "0<&- >&- 2>&-"])
def test_an_error_that_cannot_be_told_keeps_its_code(where: str, tmp_path: Path) -> None:
    done = shell(f"slipcast nope {where}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "")


@pytest.mark.parametrize("words", ["targets", "formats --help", "--help", "--version", "models"])
def test_what_only_prints_ends_quietly_when_nobody_reads(words: str, tmp_path: Path) -> None:
    done = shell(f"slipcast {words} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (141, "", "")


@pytest.mark.parametrize("words", ["", "--json-lines", "--json"])
def test_a_batch_goes_on_when_nobody_reads(words: str, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_picture(tmp_path / f"{name}.png")
    done = shell(f"slipcast convert a.png b.png c.png {words} | true; exit ${{PIPESTATUS[0]}}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("the work goes on without printing") == 1
    assert {path.name for path in (tmp_path / "out").glob("*.glb")} == {"a.glb", "b.glb", "c.glb"}


def test_a_batch_that_nobody_reads_keeps_the_code_of_its_first_failure(tmp_path: Path) -> None:
    write_picture(tmp_path / "b.png")
    (tmp_path / "a.png").write_text("no picture")
    done = shell("slipcast convert a.png b.png | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert done.returncode == 2
    assert (tmp_path / "out" / "b.glb").exists()
