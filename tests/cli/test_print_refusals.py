"""`slipcast print` before bad input: one sentence that names the flag or the place, the right exit code, no file."""

import json
import os
import subprocess
import sys
from pathlib import Path

import manifold3d
import numpy as np
import pytest
from blocks import textured_pillar

from slipcast.cli.main import main
from slipcast.core.values import Figurine
from slipcast.formats.table import EXPORTERS, ExportOptions


def save(figurine: Figurine, folder: Path) -> str:
    """The figurine as a GLB."""
    files = EXPORTERS["glb"].export(figurine, ExportOptions()).files
    (folder / "statue.glb").write_bytes(files["statue.glb"])
    return str(folder / "statue.glb")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--base", "round:8mm"], "smaller than the feet"),
        (["--base", "square", "--text", "The Most Honourable Sir Owl of the Northern Marches"], "shorten it"),
        (["--base", "round", "--text", "\U0010fffd"], "--font FILE"),
        (["--base", "none", "--text", "Owl"], "need a base"),
        (["--base", "triangle"], "give one of auto, none, round"),
        (["--filaments", "#ffffff"], "at least two colours"),
        (["--filaments", "#ffffff,rad"], "--filaments is wrong: 'rad' is no colour; did you mean red?"),
        (["--filaments", "#ffffff,"], "'' is no colour; give #ffffff, #c33 or a name of CSS, as red"),
        (["--split", "auto"], "--split without a number of parts needs"),
        (["--colors", "0"], "1 to 16"),
        (["--colors", "40"], "1 to 16"),
        (
            ["--filaments", "white,#fff"],
            "--filaments names #ffffff twice; name each colour once",
        ),
        (["--drain", "2x3mm"], "--drain makes holes in a hollow figurine and needs --hollow"),
        (["--drain", "2x"], "--drain '2x' is not understood"),
        (["--hollow", "0.1mm"], "--hollow is 0.1"),
        (["--hollow", "thick"], "--hollow"),
        (["--hollow", "2mm", "--drain", "2x0.5mm"], "--drain is 0.5"),
        (["--hollow", "2mm", "--drain", "two"], "--drain"),
        (["--height", "1mm"], "--height 1mm is out of range; figurines from 5 mm to 2 m can be printed"),
        (["--height", "3m"], "--height 3m is out of range; figurines from 5 mm to 2 m can be printed"),
        (["--scale", "1:0"], "scale"),
        (["--height", "75mm", "--scale", "1:7"], "name one"),
        (["--target", "unreal"], "print-fdm, print-resin"),
        (["--target", "resin"], "print-fdm, print-resin"),
        (["--target", "print-resin", "--for", "fdm"], "name one"),
        (["--split", "auto"], "printer"),
        (["--split", "20", "--printer", "256x256x256mm"], "split"),
        (["--printer", "256"], "--printer"),
        (["--printer", "1x1x1mm"], "give 3 entries, each millimetres from 20 to 2000"),
        (["--scale-to-fit"], "printer"),
        (["--magnet", "90x2mm"], "magnet"),
        (["--for", "clay"], "fdm, resin"),
        (["--orient", "sideways"], "orient"),
        (["--thicken", "80mm"], "thicken"),
        (["--stl-per-color"], "--stl-per-color"),
        (["--price", "-3"], "for instance 25, or leave it out"),
    ],
)
def test_wrong_words_are_one_sentence(
    words: list[str], said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asset = save(textured_pillar(), tmp_path)
    assert main(["print", asset, *words, "-o", str(tmp_path / "out")]) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0
    assert said in error
    assert "Traceback" not in error
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_on_a_terminal_each_finding_is_a_sentence(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty", reason="Windows has none")
    reader, screen = pty.openpty()
    code = "import sys; from slipcast.cli.main import main; sys.exit(main(sys.argv[1:]))"
    words = [
        "print",
        save(textured_pillar(), tmp_path),
        "--hollow",
        "2mm",
        "--height",
        "30mm",
        "-o",
        str(tmp_path),
    ]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], stdout=screen, stderr=subprocess.PIPE, check=False
    )
    os.close(screen)
    shown = os.read(reader, 1 << 16).decode()
    assert done.returncode == 0, done.stderr
    assert "info: the figurine stays solid: it is 30 mm tall" in shown


def test_no_drain_is_a_warning(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["--for", "resin", "--hollow", "2mm", "--drain", "0x3mm", "--base", "none"]
    assert main(["print", save(textured_pillar(), tmp_path), *words, "-o", str(tmp_path / "out")]) == 0
    assert "PRINT_NO_DRAIN" in capfd.readouterr().out


def test_a_wall_thicker_than_the_figure_leaves_it_solid_and_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--for", "resin", "--hollow", "12mm", "--base", "none"]
    assert main(["print", save(textured_pillar(), tmp_path), *words, "-o", str(tmp_path / "out")]) == 0
    assert "no part of it is thick enough for a wall of 12 mm" in capfd.readouterr().out


def test_a_height_at_which_walls_vanish_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    statue = textured_pillar()
    thin = Figurine(
        name="statue",
        mesh=type(statue.mesh)(
            vertices=(statue.mesh.vertices * np.array([1, 1, 0.05])).astype(np.float32),
            faces=statue.mesh.faces,
            source=statue.mesh.source,
        ),
        uv=statue.uv,
        texture=statue.texture,
    )
    words = ["--height", "20mm", "--base", "none"]
    assert main(["print", save(thin, tmp_path), *words, "-o", str(tmp_path / "out")]) == 0
    out = capfd.readouterr().out
    assert "PRINT_THIN" in out
    assert "PRINT_TIPS_OVER" in out


def test_an_asset_that_is_too_broken_says_where(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    statue = textured_pillar()
    keep = statue.mesh.vertices[statue.mesh.faces].mean(1)[:, 2] < 0.0099
    mesh = type(statue.mesh)(
        vertices=statue.mesh.vertices, faces=statue.mesh.faces[keep], source=statue.mesh.source[keep]
    )
    open_ = Figurine(name="statue", mesh=mesh, uv=statue.uv[keep], texture=statue.texture)
    assert main(["print", save(open_, tmp_path), "-o", str(tmp_path / "out")]) == 5
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "hole of 60.0 mm at the front" in error
    assert "statue.glb: the mesh has a hole" in error


@pytest.mark.parametrize("format_", ["ply", "obj", "stl", "3mf", "fbx"])
def test_models_of_other_kinds_are_printed(
    format_: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    files = EXPORTERS[format_].export(textured_pillar(), ExportOptions()).files
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    model = tmp_path / f"statue.{format_}"
    words = ["--base", "none", "--colors", "3", "-o", str(tmp_path / "out")]
    assert main(["print", str(model), *words]) == 0
    assert "30.0 x 20.0 x 60.0 mm" in capfd.readouterr().out
    report = json.loads((tmp_path / "out" / "statue.print.json").read_text())
    # A PLY carries colours per vertex; the others' textures are told as left out, and STL has none.
    codes = [entry["code"] for entry in report["findings"]]
    assert len(report["colors"]["palette"]) == (3 if format_ == "ply" else 1)
    assert ("MATERIAL_REDUCED" in codes) == (format_ in ("obj", "3mf", "fbx"))


def test_a_model_that_counts_in_another_unit_needs_a_height(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "box.obj"
    box = manifold3d.Manifold.cube((30, 60, 20), False).to_mesh()
    lines = [f"v {x} {y} {z}" for x, y, z in box.vert_properties[:, :3]]
    model.write_text("\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in box.tri_verts)]))
    assert main(["print", str(model), "-o", str(tmp_path / "out")]) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "60 m tall" in error
    assert "--height" in error
    assert main(["print", str(model), "--height", "60mm", "--base", "none", "-o", str(tmp_path / "out")]) == 0
    assert "30.0 x 20.0 x 60.0 mm" in capfd.readouterr().out


def test_a_model_too_small_to_measure_needs_a_height(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "tiny.obj"
    box = manifold3d.Manifold.cube((30e-9, 20e-9, 60e-9), False).to_mesh()
    lines = [f"v {x} {y} {z}" for x, y, z in box.vert_properties[:, :3]]
    assert len(box.tri_verts) == 12
    model.write_text("\n".join([*lines, *(f"f {a + 1} {b + 1} {c + 1}" for a, b, c in box.tri_verts)]))
    assert main(["print", str(model), "-o", str(tmp_path / "out")]) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0
    assert "2e-05 mm tall, too small to print" in error
    assert error.endswith("say how tall it is with --height 75mm")
    assert main(["print", str(model), "--height", "40mm", "--base", "none", "-o", str(tmp_path / "out")]) == 0
    assert "60.0 x 120.0 x 40.0 mm" in capfd.readouterr().out


def test_two_models_of_one_name_do_not_overwrite_each_other(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first, second = save(textured_pillar(), tmp_path / "a"), save(textured_pillar(), tmp_path / "b")
    out = tmp_path / "out"
    assert main(["print", first, second, "--base", "none", "-o", str(out)]) == 2
    error = capfd.readouterr().err.strip()
    assert error.count("\n") == 0
    assert f"was just written for {first} and would be overwritten by {second}; print one of the two" in error
    assert json.loads((out / "statue.print.json").read_text())["source"] == "statue.glb"


def test_what_is_refused_about_a_mesh_names_its_file(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asset = save(textured_pillar(), tmp_path)
    out = ["-o", str(tmp_path / "out")]
    assert main(["print", asset, "--base", "round:12mm", *out]) == 2
    told = capfd.readouterr().err
    assert (
        f"--base round:12mm is smaller than the feet, which need 36.1 mm ({asset}); take a larger base"
        in told
    )
    assert main(["print", asset, "--printer", "20x20x60mm", "--split", "auto", *out]) == 2
    assert f"{asset}: the figurine is 30 x 20 mm wide and deep" in capfd.readouterr().err


def test_drain_alone_makes_the_usual_holes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = ["print", save(textured_pillar(), tmp_path), "-o", str(tmp_path / "out"), "--json"]
    assert main([*words, "--for", "resin", "--height", "80mm", "--hollow", "2mm", "--drain"]) == 0
    holes = json.loads(capfd.readouterr().out)[0]["hollow"]["holes"]
    assert [hole["kind"] for hole in holes].count("drain") == 2
    assert main([*words, "--drain"]) == 2
    assert "needs --hollow" in capfd.readouterr().out
