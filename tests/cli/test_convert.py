"""`slipcast convert`: what a user types and reads, and what is on the disk afterwards.

`make` is replaced by a cook who needs no time; the real pipeline runs from the command line in test_readme.py.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from kitchen import Run, files_in, one_sentence, write_picture
from PIL import Image

from slipcast.core.errors import StageFailed
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import STAGES
from slipcast.prepare.targets import TARGETS

# ---------------------------------------------------------------------------------------------- what works


def test_a_picture_becomes_the_files_that_the_manual_names(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    ended = run("convert", knight, "-o", "out")
    assert (ended.code, ended.err) == (0, "")
    assert files_in(Path("out")) == ["knight.glb", "knight.json", "knight.preview.png"]
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
    ):
        assert part in ended.out
    assert "DEPTH_MODEL" not in ended.out, "what every asset has stands in the JSON alone"


def test_every_word_reaches_the_recipe(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run(
        *("convert", knight, "--format", "glb,.STL", "--height", "3in", "--faces", 1234, "--depth", "dome"),
        *("--device", "CPU", "--fov", 30, "--detail", "fine", "--view", "back"),
    )
    assert ended.code == 0
    recipe = kitchen[0]
    assert recipe.formats == ("glb", "stl")
    assert recipe.place.height_m == pytest.approx(0.0762)
    assert recipe.simplify.faces == 1234
    assert (recipe.depth.model, recipe.depth.device, recipe.depth.fov_deg) == ("dome", "cpu", 30.0)
    assert recipe.points.detail == "fine"
    assert files_in(Path("out")) == ["knight.glb", "knight.json", "knight.preview.png", "knight.stl"]


def test_what_an_engine_wants_reaches_the_recipe(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    words = ("--lods", "1,0.5", "--collision", "convex:4", "--pivot", "center", "--facing", "-x")
    assert run("convert", knight, *words).code == 0
    engine = kitchen[0].engine
    assert engine.lods is not None
    assert engine.lods.shares == (1.0, 0.5)
    assert engine.collision is not None
    assert engine.collision.parts == 4
    assert (engine.pivot, engine.facing) == ("center", "-X")


def test_without_options_the_recipe_is_the_stages_own(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight).code == 0
    assert kitchen[0] == Recipe()


def test_a_target_chooses_what_was_not_said(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight, "--target", "web").code == 0
    chosen = kitchen[0]
    assert (chosen.formats, chosen.simplify.faces) == (("glb",), TARGETS["web"].faces)
    assert chosen.export == TARGETS["web"].options()
    words = ("--target", "unreal", "--format", "obj", "--faces", 999, "--texture-size", 512)
    assert run("convert", knight, *words, "--texture-type", "JPEG", "--quantize").code == 0
    said = kitchen[1]
    assert (said.formats, said.simplify.faces) == (("obj",), 999)
    assert (said.export.texture_type, said.export.texture_max_px, said.export.quantize) == ("jpeg", 512, True)
    assert said.export.naming == TARGETS["unreal"].naming


def test_keep_writes_what_lies_between_the_stages(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight, "--keep").code == 0
    kept = {name.split("/")[1] for name in files_in(Path("out")) if name.startswith("knight.stages/")}
    assert {"cutout.png", "depth.npz", "depth_front.png", "cloud.ply", "mesh.ply", "atlas.png"} <= kept


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
    good, other = write_picture(tmp_path / "a.png"), write_picture(tmp_path / "c.png")
    (tmp_path / "b.png").write_bytes(b"not a picture")
    ended = run("convert", good, "b.png", other)
    assert ended.code == 2
    assert files_in(Path("out")) == sorted(
        f"{stem}{end}" for stem in "ac" for end in (".glb", ".json", ".preview.png")
    )
    told = ended.err.splitlines()
    assert sum(line.startswith("slipcast: b.png ") for line in told) == 1
    assert told[-1] == "slipcast: 1 of 3 pictures failed"


def test_the_first_failure_gives_the_exit_code(
    run: Run, knight: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Result:
        raise StageFailed("surface: nothing was left; check the cutout")

    monkeypatch.setattr(pipeline, "run", fail)
    ended = run("convert", knight, "missing.png")
    assert ended.code == 5
    assert "slipcast: surface: nothing was left; check the cutout\n" in ended.err
    assert not Path("out").exists()


def test_results_are_replaced(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    run("convert", knight, "--height", "50mm")
    Path("out/mine.txt").write_text("stays")
    ended = run("convert", knight, "--height", "60mm")
    assert "60.0 mm tall" in ended.out
    assert files_in(Path("out")) == ["knight.glb", "knight.json", "knight.preview.png", "mine.txt"]


def test_a_run_that_goes_on_makes_only_what_is_missing(
    run: Run, kitchen: list[Recipe], tmp_path: Path
) -> None:
    pictures = [write_picture(tmp_path / f"{name}.png") for name in "abc"]
    run("convert", *pictures[:2], "--resume")
    assert len(kitchen) == 2
    ended = run("convert", *pictures, "--resume", "--json")
    assert len(kitchen) == 3
    entries = json.loads(ended.out)
    assert [entry["ok"] for entry in entries] == [True] * 3
    assert entries[0]["files"] == ["out/a.glb", "out/a.json", "out/a.preview.png"]
    assert [entry["resumed"] for entry in entries] == [True, True, False]
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


def test_what_another_version_made_is_made_again(
    run: Run, kitchen: list[Recipe], knight: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("convert", knight, "--resume")
    assert "was there already" in run("convert", knight, "--resume").out
    monkeypatch.setattr("slipcast.workspace.resume.__version__", "99.0")
    assert "was there already" not in run("convert", knight, "--resume").out
    assert len(kitchen) == 2


def test_pictures_of_one_name_can_take_their_folders(run: Run, kitchen: list[Recipe], tmp_path: Path) -> None:
    fronts = [write_picture(tmp_path / folder / "front.png") for folder in ("witch", "robot")]
    refused = run("convert", *fronts)
    assert refused.code == 2
    assert one_sentence(refused.err)
    assert "would both be called front" in refused.err
    assert not Path("out").exists()
    assert kitchen == []
    assert run("convert", *fronts, "--name", "{folder}").code == 0
    assert {"witch.glb", "robot.glb"} <= set(files_in(Path("out")))


def test_one_picture_given_twice_is_converted_once(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    assert run("convert", knight, knight).code == 0
    assert len(kitchen) == 1


@pytest.mark.parametrize("pattern", ["", "a/b", "..", "{name}", "x\\y", "\n"])
def test_a_name_that_is_no_file_name_is_refused(
    run: Run, kitchen: list[Recipe], knight: Path, pattern: str
) -> None:
    ended = run("convert", knight, "--name", pattern)
    assert ended.code == 2
    assert one_sentence(ended.err)
    assert files_in(Path()) == ["knight.png"]


@pytest.mark.parametrize("words", [[""], ["knight.png", "-o", ""], ["knight.png", "--recipe", ""]])
def test_an_empty_path_is_not_the_current_folder(
    run: Run, kitchen: list[Recipe], knight: Path, words: list[str]
) -> None:
    ended = run("convert", *words)
    assert (ended.code, kitchen) == (2, [])
    assert one_sentence(ended.err)
    assert "it is empty; give a path, or . for the current folder" in ended.err
    assert files_in(Path()) == [knight.name]


def test_pictures_that_differ_by_their_suffix_can_take_it_into_the_name(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    other = knight.with_suffix(".jpg")
    other.write_bytes(knight.read_bytes())
    ended = run("convert", knight, other)
    assert (ended.code, kitchen) == (2, [])
    assert "rename one, or try --name {stem}-{suffix}" in ended.err or "'{stem}-{suffix}'" in ended.err
    assert run("convert", knight, other, "--name", "{stem}-{suffix}").code == 0
    assert {"knight-png.glb", "knight-jpg.glb"} <= set(files_in(Path("out")))


def test_a_name_that_is_too_long_is_refused_at_once(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    long = knight.rename(knight.with_name(f"{'k' * 220}.png"))
    for words in (("--name", "n" * 201), ("--name", "{stem}")):
        ended = run("convert", long, *words)
        assert (ended.code, kitchen) == (2, [])
        assert one_sentence(ended.err)
        assert "at most 200 bytes" in ended.err
    assert not Path("out").exists()
    assert run("convert", long, "--name", "n" * 200, "--keep").code == 0
    assert f"{'n' * 200}.preview.png" in files_in(Path("out"))


@pytest.mark.parametrize(
    ("name", "safe"), [("con", "_con"), ("nul.v2", "_nul.v2"), ("a:b", "a_b"), ("dot.", "dot")]
)
def test_all_files_of_an_asset_have_a_name_that_windows_takes(
    run: Run, kitchen: list[Recipe], knight: Path, name: str, safe: str
) -> None:
    assert run("convert", knight, "--name", name).code == 0
    assert {f"{safe}.glb", f"{safe}.json", f"{safe}.preview.png"} == set(files_in(Path("out")))


@pytest.mark.parametrize(
    "name", ["with space.png", "größe-名.png", "dots.in.it.png", "no_suffix", "-dash.png"]
)
def test_unusual_file_names_work(run: Run, kitchen: list[Recipe], tmp_path: Path, name: str) -> None:
    path = tmp_path / "in" / name
    write_picture(tmp_path / "in" / "x.png").rename(path)
    assert run("convert", "-o", "out", "--", path).code == 0
    assert f"{path.stem}.glb" in files_in(Path("out"))


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
        (["--height", "1.8"], "says no unit; write 1.8m or 1.8mm"),
        (["--height", "75parsec"], "write for example 75mm"),
        (["--height", "nan"], "write for example 75mm"),
        (["--height", "11m"], "1 mm to 10 m"),
        (["--height", "1e999mm"], "out of range"),
        (["--height", ""], "write for example 75mm"),
        (["--faces", "0"], "--faces is 0; give"),
        (["--faces", "-1"], "--faces is -1; give"),
        (["--faces", "many"], "'many' is not a valid integer"),
        (["--depth", "nosuch"], "dome, figurine"),
        (["--device", "tpu"], "auto, cpu, cuda, mps"),
        (["--view", "behind"], "front, back, left, right"),
        (["--fov", "0"], "--fov is 0; give"),
        (["--fov", "nan"], "--fov is nan; give"),
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
    assert one_sentence(ended.err)
    assert told in ended.err
    assert files_in(Path()) == ["knight.png"]
    assert kitchen == []


def test_weights_that_are_not_here_have_their_own_exit_code(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    ended = run("convert", knight, "--depth", "depth-anything")
    assert ended.code == 4
    assert "slipcast models pull depth-anything" in ended.err
    assert one_sentence(ended.err)
    assert files_in(Path()) == ["knight.png"]


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
    before = files_in(tmp_path)
    for name, path in bad.items():
        ended = run("convert", path)
        assert ended.code == 2, name
        assert one_sentence(ended.err), ended.err
        assert name in ended.err
        assert ended.out == ""
    assert files_in(tmp_path) == before
    assert not Path("out").exists()
    assert kitchen == []


def test_an_output_folder_that_takes_no_files_is_refused_first(
    run: Run, kitchen: list[Recipe], knight: Path
) -> None:
    for out in (knight, knight / "below", Path("/proc/new")):
        ended = run("convert", knight, "-o", out)
        assert ended.code == 2, out
        assert one_sentence(ended.err), ended.err
    assert kitchen == []
    assert files_in(Path()) == ["knight.png"]


def test_a_picture_is_never_overwritten(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    """Not even when the pictures of the last run are among those of the next one: `convert out/*.png -o out`."""
    other = write_picture(Path("knight.preview.png"))
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
    assert ended.code == 7
    assert ended.err.startswith("slipcast: out/knight.glb could not be written: the disk is full")
    assert one_sentence(ended.err)
    assert not Path("out").exists()


def test_a_view_beside_a_sheet_is_refused(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run("convert", str(knight), "--sheet", "front,left", "--view", "left", "-o", "out")
    assert ended.code == 2
    assert one_sentence(ended.err)
    assert "--sheet names the sides itself; leave --view away, or --sheet" in ended.err
    assert kitchen == []


def test_a_view_beside_views_is_refused(run: Run, kitchen: list[Recipe], knight: Path) -> None:
    ended = run("convert", "--views", f"front={knight}", "--view", "left", "-o", "out")
    assert ended.code == 2
    assert one_sentence(ended.err)
    assert "--views names the side of each picture itself; leave --view away, or --views" in ended.err
    assert kitchen == []
    assert not Path("out").exists()
