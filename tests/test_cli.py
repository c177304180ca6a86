"""cli/: what a user types and reads, exit codes, and what is on the disk afterwards.

`make` is replaced by a cook who needs no time; the real pipeline runs from the command line in test_readme.py.
"""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from slipcast import pipeline
from slipcast.checks import Check
from slipcast.checks.gates import pass_gates
from slipcast.checks.mesh import Judged
from slipcast.checks.thickness import Thickness
from slipcast.cli import main as cli_main
from slipcast.cli import recipe as words
from slipcast.cli.main import COMMANDS, main
from slipcast.cli.sizes import parse_height
from slipcast.depth import DEPTH_MODELS
from slipcast.deviation import Deviation
from slipcast.errors import BadInput, MissingWeights, StageFailed
from slipcast.findings import finding
from slipcast.formats import EXPORTERS
from slipcast.pipeline import STAGES, Recipe, Result
from slipcast.targets import TARGETS
from slipcast.values import Camera, DepthMap, Export, Figurine, Mesh, ModelInfo, Picture, PointCloud, View

PROGRAM = [sys.executable, "-c", "import sys; from slipcast.cli.main import main; sys.exit(main())"]


class Ended(NamedTuple):
    """How a run of the command line ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ended]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLIPCAST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))

    def run(*arguments: object) -> Ended:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Ended(code, *capfd.readouterr())

    return run


def cook(picture: Picture, recipe: Recipe, *, name: str, watch: pipeline.Watch | None = None) -> Result:
    """A result in no time: a closed tetrahedron of the height that was asked for."""
    for stage in STAGES:
        if watch:
            watch(stage, 0, 1)
            watch(stage, 1, 1)
    os.write(1, b"noise of a native library\n")
    os.write(2, b"more noise\n")
    height_m = recipe.place.height_m
    mesh = Mesh(
        vertices=np.array([[0, 0, 0], [0.01, 0, 0], [0, height_m, 0], [0, 0, 0.02]], dtype=np.float32),
        faces=np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]], dtype=np.int32),
        source=np.zeros(4, dtype=np.uint8),
    )
    seen = finding("DEPTH_MODEL", {"model": "dome", "reason": "a test"})
    figurine = Figurine(
        name=name, mesh=mesh, uv=np.zeros((4, 3, 2), dtype=np.float32), texture=picture, findings=(seen,)
    )
    camera = Camera.pinhole(picture.width_px, picture.height_px)
    shape = (picture.height_px, picture.width_px)
    depth = DepthMap(
        front=np.ones(shape, dtype=np.float32),
        valid=np.ones(shape, dtype=np.bool_),
        camera=camera,
        model=ModelInfo(name="dome"),
    )
    checks = (Check(name="iou", score=0.3, values={"iou": 0.86}),)
    passages = pass_gates(checks, recipe.gates)
    thickness = Thickness(
        per_face_m=np.full(4, 0.005, np.float32),
        samples_m=np.full(4, 0.005, np.float32),
        points_m=np.zeros((4, 3), np.float32),
        area_m2=np.ones(4),
    )
    return Result(
        figurine=figurine,
        original=picture,
        picture=picture,
        checks=checks,
        judged=Judged(checks=checks, thickness=thickness, wanted=depth.valid, drawn=depth.valid),
        deviation=Deviation(largest_m=0.0001, mean_m=0.00001),
        passages=passages,
        depth=depth,
        cloud=PointCloud(
            points=np.zeros((1, 3), np.float32),
            normals=np.array([[0, 0, 1]], np.float32),
            colors=np.zeros((1, 3), np.uint8),
            source=np.zeros(1, np.uint8),
        ),
        exports={key: Export(files={f"{name}.{key}": f"{key} of {name}".encode()}) for key in recipe.formats},
        preview=b"PNG",
        metadata={
            "name": name,
            "source": dict(picture.source),
            "gates": [passage.as_dict() for passage in passages],
            "files": {f"{name}.{key}": len(f"{key} of {name}") for key in recipe.formats},
            "findings": [seen.as_dict()],
        },
        seconds=dict.fromkeys(STAGES, 0.001),
    )


@pytest.fixture
def kitchen(monkeypatch: pytest.MonkeyPatch) -> list[Recipe]:
    """The cook in place of the pipeline; the list collects the recipes that were cooked."""
    recipes: list[Recipe] = []

    def cooked(picture: Picture, recipe: Recipe, *, name: str, watch: pipeline.Watch | None = None) -> Result:
        recipes.append(recipe)
        return cook(picture, recipe, name=name, watch=watch)

    monkeypatch.setattr(pipeline, "make", cooked)
    return recipes


@pytest.fixture
def knight(tmp_path: Path) -> Path:
    """A picture that can be worked with."""
    return _picture(tmp_path / "knight.png")


def _picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((64, 48, 3), 255, dtype=np.uint8)
    pixels[8:56, 16:32] = (200, 40, 40)
    Image.fromarray(pixels).save(path)
    return path


def _files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def _one_sentence(text: str) -> bool:
    return text.startswith("slipcast: ") and text.count("\n") == 1 and "Traceback" not in text


# ---------------------------------------------------------------------------------------------- what works


def test_a_picture_becomes_the_files_that_the_manual_names(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    ended = run("convert", knight, "-o", "out")
    assert (ended.code, ended.err) == (0, "")
    assert _files(Path("out")) == ["knight.glb", "knight.json", "knight.preview.png"]
    document = json.loads(Path("out/knight.json").read_text())
    assert document["source"]["file"] == "knight.png"
    assert list(document["run"]["seconds"]) == ["read", *STAGES]
    assert document["run"]["peak_memory_mb"] > 10
    assert ended.out.count("\n") == 1
    for part in (
        "out/knight.glb",
        "75.0 mm tall",
        "10.0 wide, 20.0 deep",
        "4 faces",
        "closed",
        "DEPTH_MODEL",
    ):
        assert part in ended.out


def test_every_word_reaches_the_recipe(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run(
        *("convert", knight, "--format", "glb,.STL", "--height", "3in", "--faces", 1234, "--depth", "dome"),
        *("--device", "CPU", "--fov", 30, "--detail", "fine", "--view", "back"),
    )
    assert ended.code == 0
    recipe = kitchen[0]
    assert recipe.formats == ("glb", "stl")
    assert recipe.place.height_m == pytest.approx(0.0762)
    assert recipe.repair.faces == 1234
    assert (recipe.depth.model, recipe.depth.device, recipe.depth.fov_deg) == ("dome", "cpu", 30.0)
    assert recipe.points.detail == "fine"
    assert _files(Path("out")) == ["knight.glb", "knight.json", "knight.preview.png", "knight.stl"]


def test_without_options_the_recipe_is_the_stages_own(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight).code == 0
    assert kitchen[0] == Recipe()


def test_a_target_chooses_what_was_not_said(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight, "--target", "web").code == 0
    chosen = kitchen[0]
    assert (chosen.formats, chosen.repair.faces) == (("glb",), TARGETS["web"].faces)
    assert chosen.export == TARGETS["web"].options()
    words = ("--target", "unreal", "--format", "obj", "--faces", 999, "--texture-size", 512)
    assert run("convert", knight, *words, "--texture-type", "JPEG", "--quantize").code == 0
    said = kitchen[1]
    assert (said.formats, said.repair.faces) == (("obj",), 999)
    assert (said.export.texture_type, said.export.texture_max_px, said.export.quantize) == ("jpeg", 512, True)
    assert said.export.naming == TARGETS["unreal"].naming


def test_keep_writes_what_lies_between_the_stages(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight, "--keep").code == 0
    kept = {name.split("/")[1] for name in _files(Path("out")) if name.startswith("knight.stages/")}
    assert {"cutout.png", "depth.npz", "depth_front.png", "cloud.ply", "surface.ply", "atlas.png"} <= kept


def test_json_is_one_document_and_nothing_else(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run("convert", knight, "missing.png", "--json")
    done, failed = json.loads(ended.out)
    assert done["ok"] is True
    assert done["files"] == ["out/knight.glb", "out/knight.json", "out/knight.preview.png"]
    assert done["asset"] == json.loads(Path("out/knight.json").read_text())
    assert done["findings"][0]["code"] == "DEPTH_MODEL"
    assert failed["picture"] == "missing.png"
    assert failed["error"]["kind"] == "BadInput"
    assert failed["error"]["exit_code"] == ended.code == 2


def test_json_tells_of_a_refused_option_too(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run("convert", knight, "--json", "--height", "0")
    assert ended.code == 2
    assert json.loads(ended.out)[0]["error"]["message"] in ended.err


def test_one_bad_picture_does_not_stop_the_others(run: Run, kitchen: list[Recipe], tmp_path: Path) -> None:
    good, other = _picture(tmp_path / "a.png"), _picture(tmp_path / "c.png")
    (tmp_path / "b.png").write_bytes(b"not a picture")
    ended = run("convert", good, "b.png", other)
    assert ended.code == 2
    assert _files(Path("out")) == sorted(
        f"{stem}{end}" for stem in "ac" for end in (".glb", ".json", ".preview.png")
    )
    told = ended.err.splitlines()
    assert told[0].startswith("slipcast: b.png ")
    assert told[1] == "slipcast: 1 of 3 pictures failed"


def test_the_first_failure_gives_the_exit_code(
    run: Run, knight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Result:
        raise StageFailed("surface: nothing was left; check the cutout")

    monkeypatch.setattr(pipeline, "make", fail)
    ended = run("convert", knight, "missing.png")
    assert ended.code == 5
    assert "slipcast: surface: nothing was left; check the cutout\n" in ended.err
    assert not Path("out").exists()


def test_results_are_replaced(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    run("convert", knight, "--height", "50mm")
    Path("out/mine.txt").write_text("stays")
    ended = run("convert", knight, "--height", "60mm")
    assert "60.0 mm tall" in ended.out
    assert _files(Path("out")) == ["knight.glb", "knight.json", "knight.preview.png", "mine.txt"]


def test_a_run_that_goes_on_makes_only_what_is_missing(
    run: Run, kitchen: list[Recipe], tmp_path: Path
) -> None:
    pictures = [_picture(tmp_path / f"{name}.png") for name in "abc"]
    run("convert", *pictures[:2], "--resume")
    assert len(kitchen) == 2
    ended = run("convert", *pictures, "--resume", "--json")
    assert len(kitchen) == 3
    entries = json.loads(ended.out)
    assert [entry["ok"] for entry in entries] == [True] * 3
    assert entries[0]["files"] == ["out/a.glb"]
    assert [found["code"] for found in entries[0]["findings"]] == ["DEPTH_MODEL"]
    assert run("convert", *pictures, "--resume").out.count("was there already") == 3
    Path("out/a.glb").write_bytes(b"short")  # damaged
    Path("out/b.preview.png").unlink()  # gone
    pixels = np.zeros((64, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(pictures[2])  # another picture
    assert "was there already" not in run("convert", *pictures, "--resume").out
    assert len(kitchen) == 6
    run("convert", *pictures, "--resume", "--height", "60mm")
    run("convert", *pictures, "--height", "60mm")  # without the word all is made anew
    assert len(kitchen) == 12


def test_pictures_of_one_name_can_take_their_folders(run: Run, kitchen: list[Recipe], tmp_path: Path) -> None:
    fronts = [_picture(tmp_path / folder / "front.png") for folder in ("witch", "robot")]
    refused = run("convert", *fronts)
    assert refused.code == 2
    assert _one_sentence(refused.err)
    assert "would both be called front" in refused.err
    assert not Path("out").exists()
    assert kitchen == []
    assert run("convert", *fronts, "--name", "{folder}").code == 0
    assert {"witch.glb", "robot.glb"} <= set(_files(Path("out")))


def test_one_picture_given_twice_is_converted_once(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight, knight).code == 0
    assert len(kitchen) == 1


@pytest.mark.parametrize("pattern", ["", "a/b", "..", "{name}", "x\\y", "\n"])
def test_a_name_that_is_no_file_name_is_refused(
    run: Run, kitchen: list[Recipe], knight: Path, pattern: str
) -> None:
    ended = run("convert", knight, "--name", pattern)
    assert ended.code == 2
    assert _one_sentence(ended.err)
    assert _files(Path()) == ["knight.png"]


@pytest.mark.parametrize(
    "name", ["with space.png", "größe-名.png", "dots.in.it.png", "no_suffix", "-dash.png"]
)
def test_unusual_file_names_work(run: Run, kitchen: list[Recipe], tmp_path: Path, name: str) -> None:
    path = tmp_path / "in" / name
    _picture(tmp_path / "in" / "x.png").rename(path)
    assert run("convert", "-o", "out", "--", path).code == 0
    assert f"{path.stem}.glb" in _files(Path("out"))


# ------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--format", "xyz"], "glb, gltf, obj, fbx, stl, 3mf, ply"),
        (["--format", "glb,"], None),
        (["--format", ""], "names no format"),
        (["--format", ","], "names no format"),
        (["--height", "0"], "out of range"),
        (["--height", "-5"], "out of range"),
        (["--height", "75parsec"], "write for example 75mm"),
        (["--height", "nan"], "write for example 75mm"),
        (["--height", "11m"], "1 mm to 10 m"),
        (["--height", "1e999mm"], "out of range"),
        (["--height", ""], "write for example 75mm"),
        (["--faces", "0"], "--faces 0 is out of range"),
        (["--faces", "-1"], "--faces -1 is out of range"),
        (["--faces", "many"], "'many' is not a valid integer"),
        (["--depth", "nosuch"], "dome, figurine"),
        (["--device", "tpu"], "auto, cpu, cuda, mps"),
        (["--view", "top"], "front, back, left, right"),
        (["--fov", "0"], "--fov 0 is out of range"),
        (["--fov", "nan"], "--fov nan is out of range"),
        (["--detail", "ultra"], "draft, standard, fine"),
        (["--nosuch"], "No such option '--nosuch'"),
    ],
)
def test_a_wrong_option_is_one_sentence_and_nothing_is_written(
    run: Run, kitchen: list[Recipe], knight: Path, arguments: list[str], told: str | None
) -> None:
    ended = run("convert", knight, *arguments)
    if told is None:  # a trailing comma harms nobody
        assert ended.code == 0
        return
    assert ended.code == 2
    assert ended.out == ""
    assert _one_sentence(ended.err)
    assert told in ended.err
    assert _files(Path()) == ["knight.png"]
    assert kitchen == []


def test_weights_that_are_not_here_have_their_own_exit_code(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    ended = run("convert", knight, "--depth", "depth-anything")
    assert ended.code == 4
    assert "slipcast models pull depth-anything" in ended.err
    assert _one_sentence(ended.err)
    assert _files(Path()) == ["knight.png"]


def _bad_pictures(folder: Path) -> dict[str, Path]:
    """Every picture that the manual refuses."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(folder / "whole.png")
    Image.fromarray(noise).save(folder / "whole.jpg")
    for suffix in ("png", "jpg"):
        data = (folder / f"whole.{suffix}").read_bytes()
        (folder / f"truncated.{suffix}").write_bytes(data[: len(data) // 2])
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("a figurine of a knight")
    (folder / "folder.png").mkdir()
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    Image.new("RGBA", (64, 64), (9, 9, 9, 0)).save(folder / "transparent.png")
    Image.new("1", (10_001, 10_001)).save(folder / "bomb.png")
    names = (
        "truncated.png",
        "truncated.jpg",
        "empty.png",
        "text.png",
        "folder.png",
        "dot.png",
        "transparent.png",
    )
    return {name: folder / name for name in (*names, "bomb.png", "missing.png")}


def test_every_bad_picture_is_one_sentence_and_nothing_is_written(
    run: Run, kitchen: list[Recipe], tmp_path: Path
) -> None:
    bad = _bad_pictures(tmp_path)
    before = _files(tmp_path)
    for name, path in bad.items():
        ended = run("convert", path)
        assert ended.code == 2, name
        assert _one_sentence(ended.err), ended.err
        assert name in ended.err
        assert ended.out == ""
    assert _files(tmp_path) == before
    assert not Path("out").exists()
    assert kitchen == []


def test_an_output_folder_that_takes_no_files_is_refused_first(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    for out in (knight, knight / "below", Path("/proc/new")):
        ended = run("convert", knight, "-o", out)
        assert ended.code == 2, out
        assert _one_sentence(ended.err), ended.err
    assert kitchen == []
    assert _files(Path()) == ["knight.png"]


def test_a_picture_is_never_overwritten(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    """Not even when the pictures of the last run are among those of the next one: `convert out/*.png -o out`."""
    other = _picture(Path("knight.preview.png"))
    before = other.read_bytes()
    ended = run("convert", knight, other, "-o", ".")
    assert ended.code == 2
    assert "knight.preview.png is a picture and would be overwritten" in ended.err
    assert other.read_bytes() == before
    assert kitchen == []


def test_a_full_disk_names_the_file(
    run: Run, kitchen: list[Recipe], knight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    ended = run("convert", knight)
    assert ended.code == 2
    assert ended.err.startswith("slipcast: out/knight.glb could not be written: the disk is full")
    assert _one_sentence(ended.err)
    assert not Path("out").exists()


# ------------------------------------------------------------------------------------- how the process ends


def test_a_bug_is_one_sentence_and_its_traceback_goes_to_a_file_on_demand(
    run: Run, knight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> Result:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(pipeline, "make", broken)
    ended = run("convert", knight)
    assert ended.code == 1
    assert _one_sentence(ended.err)
    assert "unexpected ZeroDivisionError" in ended.err
    assert "--debug" in ended.err
    assert _files(tmp_path) == ["knight.png"]
    ended = run("convert", knight, "--debug")
    assert ended.code == 1
    assert "slipcast-debug.log" in ended.err
    assert "in broken" in Path("slipcast-debug.log").read_text()


def test_running_out_of_memory_is_a_sentence(run: Run, knight: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(*_: object, **__: object) -> Result:
        raise MemoryError

    monkeypatch.setattr(pipeline, "make", greedy)
    ended = run("convert", knight)
    assert (ended.code, _one_sentence(ended.err)) == (5, True)
    assert "not enough memory" in ended.err


SLOW = """
    import sys, time
    import slipcast.pipeline as pipeline
    from slipcast.cli.main import main
    def slow(picture, recipe, *, name, watch=None):
        print("started", flush=True)
        open(sys.argv[1], "w").close()
        time.sleep(60)
    pipeline.make = slow
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
    assert _one_sentence(err)
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


def test_an_unknown_command_is_one_sentence(run: Run) -> None:
    ended = run("convrt")
    assert ended.code == 2
    assert _one_sentence(ended.err)
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


def test_a_model_that_cannot_be_fetched_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    ended = run("models", "pull", "depth-anything")
    assert ended.code == 4
    assert _one_sentence(ended.err)
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
    "text", ["0.9mm", "10.1m", "-75mm", "inf", "7,5cm", "75 mm tall", "75mmm", "٧mm", "1:7", "m"]
)
def test_other_heights_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--height"):
        parse_height(text)


def test_the_words_for_detail_are_those_of_the_stage() -> None:
    from slipcast import points

    assert set(words.DETAILS) == set(points.DETAILS)
    assert words.DETAIL in words.DETAILS
    assert words.view_of("LEFT") is View.LEFT


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

    monkeypatch.setattr(pipeline, "make", bare)
    assert run("convert", knight).code == 4
