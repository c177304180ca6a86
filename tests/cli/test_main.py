"""cli/: how the process ends, help, tables, and how words become options."""

import json
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from kitchen import Ended, Run, files_in, one_sentence

from slipcast.cli import main as cli_main
from slipcast.cli.main import COMMANDS
from slipcast.cli.options import recipe as words
from slipcast.cli.options.length import parse_elevation, parse_height
from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.values import View
from slipcast.depth.models import DEPTH_MODELS
from slipcast.formats.table import EXPORTERS
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.result import Result

PROGRAM = [sys.executable, "-c", "import sys; from slipcast.cli.main import main; sys.exit(main())"]

# ------------------------------------------------------------------------------------- how the process ends


def test_a_bug_is_one_sentence_and_its_traceback_goes_to_a_file_on_demand(
    run: Run, knight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Result:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(pipeline, "run", broken)
    ended = run("convert", knight)
    assert ended.code == 1
    assert one_sentence(ended.err)
    assert "unexpected ZeroDivisionError" in ended.err
    assert "--debug" in ended.err
    assert files_in(tmp_path) == ["knight.png"]
    ended = run("convert", knight, "--debug")
    assert ended.code == 1
    assert "slipcast-debug.log" in ended.err
    assert "in broken" in Path("slipcast-debug.log").read_text()


def test_running_out_of_memory_is_a_sentence(run: Run, knight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> Result:
        raise MemoryError

    monkeypatch.setattr(pipeline, "run", greedy)
    ended = run("convert", knight)
    assert (ended.code, one_sentence(ended.err)) == (5, True)
    assert "not enough memory" in ended.err


SLOW = """
    import sys, time
    import slipcast.pipeline.run as pipeline
    from slipcast.cli.main import main
    def slow(picture, recipe, *, name, **_):
        print("started", flush=True)
        open(sys.argv[1], "w").close()
        time.sleep(60)
    pipeline.run = slow
    sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_says_so_and_leaves_nothing(
    knight: Path, tmp_path: Path, number: int, code: int
) -> None:
    started = tmp_path / "started"
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(SLOW),
            started,
            "convert",
            knight,
            "-o",
            tmp_path / "out",
            "--json",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for _ in range(600):
        if started.exists():
            break
        time.sleep(0.1)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert one_sentence(err)
    assert "stopped" in err
    assert json.loads(out) == []
    assert not (tmp_path / "out").exists()


def test_a_reader_who_leaves_is_no_error() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" formats | true', "bash", *PROGRAM], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_closed_output_is_no_error() -> None:
    done = subprocess.run(["bash", "-c", '"$@" formats >&- 2>&-', "bash", *PROGRAM], check=False)
    assert done.returncode == 0


# ------------------------------------------------------------------------------------------ the other words


def test_help_and_version_load_nothing_heavy() -> None:
    program = """
        import contextlib, io, sys
        from slipcast.cli.main import main
        with contextlib.redirect_stdout(io.StringIO()):
            codes = main(["--help"]), main(["--version"])
        heavy = {"numpy", "scipy", "PIL", "rich", "torch", "open3d", "transformers", "google", "cv2", "onnxruntime"}
        print(*codes, sorted(heavy & set(sys.modules)))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 0 []\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_explains_itself(run: Run, name: str) -> None:
    ended = run(name, "--help")
    assert ended.code == 0
    assert ended.out.startswith(f"Usage: slipcast {name}")
    assert name in run("--help").out


def test_no_word_at_all_gets_the_help(run: Run) -> None:
    assert run() == run("--help")


def test_the_version_is_the_packages(run: Run) -> None:
    from slipcast import __version__

    assert run("--version") == Ended(0, f"slipcast {__version__}\n", "")


def test_an_unknown_command_isone_sentence(run: Run) -> None:
    ended = run("convrt")
    assert ended.code == 2
    assert one_sentence(ended.err)
    assert "'convrt'" in ended.err


def test_formats_lists_every_row(run: Run) -> None:
    ended = run("formats")
    assert ended.code == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == list(EXPORTERS)


def test_models_lists_every_row_and_what_auto_takes(run: Run) -> None:
    ended = run("models")
    assert ended.code == 0
    listed = {line.split()[0]: line.split()[1] for line in ended.out.split("\n\n")[0].splitlines()}
    assert set(DEPTH_MODELS) <= set(listed)
    assert listed["dome"] == "here"
    assert listed["depth-anything"] == "pull"
    assert "--depth auto" in ended.out


def test_a_model_that_cannot_be_fetched_isone_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    ended = run("models", "pull", "depth-anything")
    assert ended.code == 4
    assert one_sentence(ended.err)
    assert run("models", "pull", "no such").code == 2


@pytest.mark.parametrize(
    ("text", "height_m"),
    [
        ("75mm", 0.075),
        ("75", 0.075),
        (" 75 mm ", 0.075),
        ("7.5cm", 0.075),
        (".075m", 0.075),
        ("0.075M", 0.075),
        ("3in", 0.0762),
        ('3"', 0.0762),
        ("1e2mm", 0.1),
        ("10m", 10.0),
        ("1mm", 0.001),
    ],
)
def test_heights_are_understood(text: str, height_m: float) -> None:
    assert parse_height(text) == pytest.approx(height_m)


@pytest.mark.parametrize(
    "text",
    [
        "1.8",
        "0.075",
        "4.99",
        "0.9mm",
        "10.1m",
        "-75mm",
        "inf",
        "7,5cm",
        "75 mm tall",
        "75mmm",
        "٧mm",
        "1:7",
        "m",
    ],
)
def test_other_heights_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--height"):
        parse_height(text)


def test_a_small_number_is_asked_for_its_unit() -> None:
    """`--height 1.8` once made a figurine of 1.8 millimetres."""
    with pytest.raises(BadInput, match=r"--height 1\.8 says no unit; write 1\.8m or 1\.8mm"):
        parse_height("1.8")
    assert parse_height("1.8m") == 1.8
    assert parse_height("5") == 0.005


def test_the_words_for_detail_are_those_of_the_stage() -> None:
    from slipcast.reconstruct import dexels

    assert set(words.DETAILS) == set(dexels.DETAILS)
    assert words.DETAIL in words.DETAILS
    assert words.view_of("LEFT") is View.LEFT


def test_python_runs_the_package_as_the_command() -> None:
    done = subprocess.run([sys.executable, "-m", "slipcast", "formats"], capture_output=True, check=False)
    script = subprocess.run([*PROGRAM, "formats"], capture_output=True, check=True)
    assert (done.returncode, done.stdout) == (0, script.stdout)
    command = [sys.executable, "-m", "slipcast", "convert", "nowhere.png"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


def test_the_command_line_is_one_table(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    row = cli_main.Row("slipcast.cli.tables:formats", "A new one.")
    monkeypatch.setitem(cli_main.COMMANDS, "kinds", row)
    assert "A new one." in run("--help").out
    assert run("kinds").out == run("formats").out


def test_missing_weights_in_a_stage_keep_their_exit_code(
    run: Run, knight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bare(*_: object, **__: object) -> Result:
        raise MissingWeights("the weights are damaged; fetch them again")

    monkeypatch.setattr(pipeline, "run", bare)
    assert run("convert", knight).code == 4


@pytest.mark.parametrize(
    ("text", "degrees"), [("auto", None), ("level", 0.0), ("12deg", 12.0), ("-5", -5.0), ("7.5 DEG", 7.5)]
)
def test_an_elevation_is_read(text: str, degrees: float | None) -> None:
    assert parse_elevation(text) == degrees


@pytest.mark.parametrize("text", ["", "steep", "12rad", "75deg", "nan", "1e9"])
def test_an_elevation_that_cannot_be_followed_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"--elevation .*12deg"):
        parse_elevation(text)


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["convert", "--bogus"], 2)])
def test_the_process_ends_at_once_but_in_order(words: list[str], code: int) -> None:
    say = "import atexit, sys; from slipcast.cli.main import run_and_leave; atexit.register(print, 'bye'); "
    script = f"{say}sys.argv = ['slipcast', *{words}]; run_and_leave(); print('never')"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stdout.endswith("bye\n")
    assert "Traceback" not in done.stderr
    assert bool(done.stderr) == bool(code)


def test_an_idle_pool_of_a_library_does_not_keep_the_process() -> None:
    script = (
        "import sys; from concurrent.futures import ThreadPoolExecutor; from slipcast.cli.main import run_and_leave; "
        "pool = ThreadPoolExecutor(1); pool.submit(print, 'idle').result(); sys.argv = ['slipcast', '--version']; "
        "run_and_leave()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("idle")
