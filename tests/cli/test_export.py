"""`slipcast export`, `inspect` and `targets` as a user calls them."""

import json
import zipfile
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from shapes import cube, figure, sphere
from test_formats import textured

from slipcast.cli.main import main
from slipcast.core.findings import finding
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.prepare.targets import TARGETS


@pytest.fixture
def asset(tmp_path: Path) -> Path:
    """A GLB as `convert` writes it."""
    path = tmp_path / "Ritter ü.glb"
    path.write_bytes(EXPORTERS["glb"].export(figure("Ritter ü"), ExportOptions()).files[path.name])
    return path


def test_export_to_several_formats_beside_the_asset(asset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(asset), "--format", "obj,fbx,stl,3mf,ply"]) == 0
    written = {path.name for path in asset.parent.iterdir()} - {asset.name}
    assert written == {f"Ritter ü.{key}" for key in ("obj", "mtl", "fbx", "stl", "3mf", "ply")} | {
        "Ritter ü_basecolor.png"
    }
    for key in ("obj", "fbx", "stl", "3mf", "ply"):
        direct = EXPORTERS[key].export(figure("Ritter ü"), ExportOptions()).files
        assert asset.with_suffix(f".{key}").stat().st_size == pytest.approx(
            len(direct[f"Ritter ü.{key}"]), rel=0.1
        )
    assert "Ritter ü.fbx" in capfd.readouterr().out


def test_export_for_a_target_takes_its_format_and_names(asset: Path, tmp_path: Path) -> None:
    out = tmp_path / "for" / "unreal"
    assert main(["export", str(asset), "--target", "unreal", "-o", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["SM_Ritter ü.fbx", "T_Ritter ü_BC.png"]


def test_export_says_in_json_what_was_lost(asset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(asset), "--format", "stl", "--json"]) == 0
    entry = json.loads(capfd.readouterr().out)[0]
    assert [Path(file).name for file in entry["files"]] == ["Ritter ü.stl"]
    assert [found["code"] for found in entry["findings"]] == ["TEXTURE_DROPPED"]


def test_export_names_what_was_lost_behind_the_file(asset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(asset), "--format", "glb,stl", "-o", str(asset.parent / "o")]) == 0
    first, second = capfd.readouterr().out.splitlines()
    assert first.endswith(" KB | TEXTURE_DROPPED")
    assert second.endswith(" KB")


def test_a_target_s_face_budget_is_a_finding(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    big = textured(sphere(0.02, 110, 100), name="big")
    assert len(big.mesh.faces) > TARGETS["web"].faces
    (tmp_path / "big.glb").write_bytes(EXPORTERS["glb"].export(big, ExportOptions()).files["big.glb"])
    assert (
        main(["export", str(tmp_path / "big.glb"), "--target", "web", "-o", str(tmp_path / "w"), "--json"])
        == 0
    )
    entry = json.loads(capfd.readouterr().out)[0]
    assert [found["code"] for found in entry["findings"]] == ["FACES_OVER_TARGET"]


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ([], "--format"),
        (["--format", "doc"], "doc"),
        (["--target", "vhs"], "vhs"),
        (["--format", "glb"], "is the asset itself"),
        (["--format", "obj", "--texture-type", "gif"], "gif"),
        (["--format", "obj", "--texture-type", "ktx2"], "png, jpeg, webp"),
        (["--format", "obj", "--texture-size", "1"], "16 to 16384"),
        (["--format", "glb", "--compress", "zip"], "none, meshopt, draco"),
    ],
)
def test_wrong_words_are_refused_in_a_sentence(
    words: list[str], part: str, asset: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sorted(asset.parent.iterdir())
    assert main(["export", str(asset), *words]) == 2
    told = capfd.readouterr().err
    assert part in told
    assert len(told.strip().splitlines()) == 1
    assert sorted(asset.parent.iterdir()) == before


@pytest.mark.parametrize("kind", ["meshopt", "draco"])
def test_a_compressed_asset_is_smaller_and_is_read_again(
    kind: str, asset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["export", str(asset), "--compress", kind]
    assert main([*words, "--format", "glb,obj", "-o", str(tmp_path / kind), "--json"]) == 0
    entry = json.loads(capfd.readouterr().out)[0]
    assert [found["message"] for found in entry["findings"]] == [
        "OBJ is written in full: compression and quantizing are for glTF"
    ]
    small = tmp_path / kind / asset.name
    assert small.stat().st_size < 0.6 * asset.stat().st_size
    assert main(["inspect", str(small), "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)[0]
    assert (facts["closed"], facts["height_mm"]) == (True, pytest.approx(75.0, abs=2e-3))
    assert main(["export", str(small), "--format", "fbx", "-o", str(tmp_path)]) == 0


def test_compression_without_its_extra_says_how_to_get_it(
    asset: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("slipcast.formats.gltf.compress._MODULE", {"meshopt": "no_such", "draco": "no_such"})
    for kind in ("meshopt", "draco"):
        assert main(["export", str(asset), "--format", "gltf", "--compress", kind]) == 2
        assert "pip install 'slipcast[compress]'" in capfd.readouterr().err


def test_a_usdz_without_its_extra_hides_no_other_file(
    asset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("slipcast.formats.usdz.read.find_spec", lambda name: None)
    package = tmp_path / "a.usdz"
    with zipfile.ZipFile(package, "w") as made:
        made.writestr("a.usda", "#usda 1.0\n")
    words = (["inspect", "--json"], ["export", "--json", "-f", "stl", "-o", str(tmp_path / "out")])
    for command, order in product(words, ((package, asset), (asset, package))):
        assert main([*command, *map(str, order)]) == 2
        entries = json.loads(capfd.readouterr().out)
        assert [entry["ok"] for entry in entries] == [path == asset for path in order]
        (failed,) = (entry for entry in entries if not entry["ok"])
        assert "pip install 'slipcast[usd]'" in failed["error"]["message"]


@pytest.mark.parametrize("suffix", [".stl", ".obj", ".ply", ".3mf", ".fbx"])
def test_a_model_of_another_program_gets_levels_and_collision(
    asset: Path, tmp_path: Path, suffix: str, capfd: pytest.CaptureFixture[str]
) -> None:
    small = figure("Ritter ü", rings=14, segments=20)  # of colours per vertex each face gets a tile
    asset.write_bytes(EXPORTERS["glb"].export(small, ExportOptions()).files[asset.name])
    assert main(["export", str(asset), "--format", suffix[1:], "-o", str(tmp_path / "theirs")]) == 0
    (model,) = (tmp_path / "theirs").glob(f"*{suffix}")
    words = ["--format", "glb", "--lods", "1,0.5", "--collision", "box", "-o", str(tmp_path / "ours")]
    assert main(["export", str(model), *words]) == 0
    (made,) = (tmp_path / "ours").glob("*.glb")
    capfd.readouterr()
    assert main(["inspect", str(made), "--json"]) == 0
    (entry,) = json.loads(capfd.readouterr().out)
    assert entry["closed"]
    assert main(["inspect", str(asset), "--json"]) == 0
    (before,) = json.loads(capfd.readouterr().out)
    for side in ("width_mm", "height_mm", "depth_mm"):
        assert entry[side] == pytest.approx(before[side], rel=1e-3)


def test_levels_and_bodies_of_an_fbx_are_left_out(
    asset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["--target", "unity", "--lods", "1,0.5,0.25", "--collision", "box", "-o", str(tmp_path / "unity")]
    assert main(["export", str(asset), *words]) == 0
    capfd.readouterr()
    assert main(["inspect", *map(str, (tmp_path / "unity").glob("*.fbx")), "--json"]) == 0
    (entry,) = json.loads(capfd.readouterr().out)
    assert entry["closed"]
    assert len(entry["meshes"]) == 1


def test_what_is_no_model_is_refused_with_the_suffixes(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.md").write_text("# notes")
    assert main(["export", str(tmp_path / "notes.md"), "--format", "stl"]) == 2
    assert "readable are .glb, .gltf, .obj" in capfd.readouterr().err


def test_export_of_what_is_no_slipcast_asset_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.glb").write_bytes(b"glTF" + bytes(100))
    assert main(["export", str(tmp_path / "noise.glb"), "--format", "stl"]) == 2
    assert main(["export", str(tmp_path / "absent.glb"), "--format", "stl"]) == 2
    assert len(capfd.readouterr().err.strip().splitlines()) == 2


@pytest.mark.parametrize("key", [key for key in EXPORTERS if key != "usdz"])
def test_inspect_tells_a_reader_and_a_program(
    key: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for name, content in (
        EXPORTERS[key].export(textured(cube(0.03), name="box"), ExportOptions()).files.items()
    ):
        (tmp_path / name).write_bytes(content)
    path = tmp_path / f"box.{key}"
    assert main(["inspect", str(path)]) == 0
    shown = capfd.readouterr().out
    assert "30.0 x 30.0 x 30.0 mm" in shown
    assert "12 faces" in shown
    assert "closed" in shown
    assert main(["inspect", str(path), "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)[0]
    assert facts["volume_mm3"] == pytest.approx(27_000, rel=1e-5)
    assert facts["format"] == key


def test_inspect_shows_no_character_that_steers_a_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    own = EXPORTERS["obj"].export(textured(cube(), name="x"), ExportOptions()).files["x.obj"]
    (tmp_path / "x.obj").write_bytes(own.replace(b"o x\n", b"o \x1b[31mred\x1b]0;title\x07\n"))
    assert main(["inspect", str(tmp_path / "x.obj")]) == 0
    shown = capfd.readouterr().out
    assert "red" in shown
    assert "\x1b" not in shown
    assert "\x07" not in shown


def test_inspect_calls_options_as_they_are_typed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    values = {"limit_mm": "0.8", "process": "filament", "part": "rod or tip", "length_mm": "9.0"}
    more = {"count": 1, "thinnest_mm": "0.5", "place": "at the top", "height_mm": "120"}
    thin = finding("MESH_THIN", values | more)
    statue = replace(figure("statue"), findings=(thin,))
    path = tmp_path / "statue.glb"
    path.write_bytes(EXPORTERS["glb"].export(statue, ExportOptions()).files[path.name])
    assert main(["inspect", str(path)]) == 0
    shown = capfd.readouterr().out
    assert "make it taller with --height, or thicken it" in shown
    assert "height_m" not in shown.partition("warning:")[2]
    path.write_bytes(path.read_bytes().replace(b"1 part is thinner", b"own words: thinner"[:17]))
    assert main(["inspect", str(path)]) == 0
    assert "own words: thinne" in capfd.readouterr().out, "words that are not ours stay as they are"


def test_targets_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["targets"]) == 0
    shown = capfd.readouterr().out
    assert all(name in shown for name in TARGETS)
    assert main(["targets", "--json"]) == 0
    rows = json.loads(capfd.readouterr().out)
    assert [row["name"] for row in rows] == list(TARGETS)


def test_one_bad_file_hides_no_other_from_inspect(
    asset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.stl").write_bytes(b"noise")
    files = [str(tmp_path / name) for name in ("absent.glb", "noise.stl", "x.doc")]
    words = ["inspect", files[0], str(asset), *files[1:], str(asset)]
    assert main(words) == 2
    said = capfd.readouterr()
    assert "75.0" in said.out
    assert [any(file in line for file in files) for line in said.err.splitlines()] == [True] * 3
    assert main([*words, "--json"]) == 2
    entries = json.loads(capfd.readouterr().out)
    assert [entry["ok"] for entry in entries] == [False, True, False, False]
    assert [entry["path"] for entry in entries] == [files[0], str(asset), *files[1:]]
    assert entries[0]["error"]["kind"] == "BadInput"
    assert files[1] in entries[2]["error"]["message"]


def test_one_bad_asset_hides_no_other_from_export(
    asset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "noise.glb").write_bytes(b"glTF" + bytes(100))
    words = [
        "export",
        str(tmp_path / "noise.glb"),
        str(asset),
        "--format",
        "stl",
        "-o",
        str(tmp_path / "out"),
    ]
    assert main(words) == 2
    assert (tmp_path / "out" / "Ritter ü.stl").is_file()
    assert len(capfd.readouterr().err.strip().splitlines()) == 1
    assert main([*words, "--json"]) == 2
    entries = json.loads(capfd.readouterr().out)
    assert [(entry["asset"], entry["ok"]) for entry in entries] == [
        (str(tmp_path / "noise.glb"), False),
        (str(asset), True),
    ]
    assert "noise.glb" in entries[0]["error"]["message"]


def test_export_of_two_assets_of_one_name_loses_none(
    asset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    twin = tmp_path / "twin" / asset.name
    twin.parent.mkdir()
    twin.write_bytes(
        EXPORTERS["glb"].export(textured(cube(), name="Ritter ü"), ExportOptions()).files[asset.name]
    )
    out = tmp_path / "out"
    assert main(["export", str(asset), str(twin), "--format", "stl", "-o", str(out), "--json"]) == 2
    entries = json.loads(capfd.readouterr().out)
    assert [entry["ok"] for entry in entries] == [True, False]
    assert "would be overwritten by" in entries[1]["error"]["message"]
    assert (out / "Ritter ü.stl").stat().st_size > 12 * 50 + 84


def test_inspect_judges_each_body(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def cubes(*parts: tuple[float, float, bool]) -> str:
        lines, count = "", 0
        for side, x, turned in parts:
            mesh = cube(side)
            lines += "".join(f"v {px + x} {py - side / 2} {pz}\n" for px, py, pz in mesh.vertices)
            corners = mesh.faces[:, ::-1] if turned else mesh.faces
            lines += "".join("f {} {} {}\n".format(*(face + 1 + count)) for face in corners)
            count += len(mesh.vertices)
        return lines

    for parts, told in (
        ([(2.0, 0.0, False), (1.0, 5.0, True)], "2 bodies, 1 of them inside out"),
        ([(2.0, 0.0, False), (1.0, 0.0, True)], "1 body, 1 cavity"),
        ([(2.0, 0.0, True)], "1 body, inside out"),
        ([(2.0, 0.0, False), (1.0, 5.0, False)], "2 bodies"),
    ):
        (tmp_path / "x.obj").write_text(cubes(*parts))
        assert main(["inspect", str(tmp_path / "x.obj")]) == 0
        line = next(line for line in capfd.readouterr().out.splitlines() if "volume" in line)
        assert line.endswith(f"mm3, {told}")


@pytest.mark.parametrize("name", ["knight.png", "knight.stl", "knight"])
def test_export_says_what_it_takes(tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str) -> None:
    place = tmp_path / name
    place.write_bytes(b"something else")
    assert main(["export", str(place), "--format", "fbx"]) == 2
    said = capfd.readouterr().err
    assert name in said
    assert said.count("\n") == 1
    if not name.endswith(".stl"):
        assert "readable are .glb, .gltf, .obj" in said
