"""Stages out to paint and modelling programs and back: what was edited is noticed, what was not is exact."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK
from PIL import Image

from slipcast.core.errors import BadInput
from slipcast.core.round_base import RoundBase
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.jobs.resume import resume_stages
from slipcast.picture.decode import read_picture
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import run
from slipcast.workspace.files import write
from slipcast.workspace.stage_files import depth_files, describe_depth, read_depth
from slipcast.workspace.stages import ORDER, read_stages

ROOT = Path(__file__).parents[2]
RECIPE = QUICK.change(faces=2000, normal_map="auto")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """One conversion of a small knight, and its stages."""
    folder = tmp_path_factory.mktemp("made")
    with Image.open(ROOT / "samples" / "knight" / "front.png") as picture:
        small = picture.convert("RGB").resize((128, 128))
    canvas = Image.new("RGB", (256, 256), small.getpixel((0, 0)))
    canvas.paste(small, (64, 64))
    canvas.save(folder / "knight.png")
    result = run(read_picture(folder / "knight.png"), RECIPE, name="knight")
    write(result, folder, keep=True)
    return result, folder / "knight.stages"


@pytest.fixture
def folder(made: tuple[Result, Path], tmp_path: Path) -> Path:
    """The stages, to be edited."""
    shutil.copytree(made[1], tmp_path / "knight.stages")
    return tmp_path / "knight.stages"


def paint(path: Path, stroke: Callable[[np.ndarray], np.ndarray]) -> None:
    """Open a picture as a paint program does, change it, save it."""
    with Image.open(path) as picture:
        pixels = np.array(picture)
    Image.fromarray(stroke(pixels).astype(pixels.dtype)).save(path)


def nearer(pixels: np.ndarray) -> np.ndarray:
    pixels = pixels.copy()
    pixels[120:140, 110:130] = np.minimum(pixels[120:140, 110:130].astype(int) + 6000, 65535)
    return pixels


def test_unedited_stages_are_read_as_they_were(made: tuple[Result, Path], folder: Path) -> None:
    result, _ = made
    stages = read_stages(folder)
    assert (stages.since, stages.edited, stages.name) == ("texture", (), "knight")
    assert stages.recipe == RECIPE
    depth, figurine = stages.start.depth, stages.start.figurine
    assert depth is not None
    assert figurine is not None
    assert np.array_equal(depth.front, result.depth.front)
    assert depth.findings == result.depth.findings
    assert depth.model == result.depth.model
    assert np.array_equal(figurine.mesh.vertices, result.mesh.vertices)
    assert np.array_equal(figurine.uv, result.figurine.uv)
    assert np.array_equal(figurine.texture.pixels, result.figurine.texture.pixels)
    assert np.array_equal(stages.picture.pixels, result.original.pixels)
    (cut,) = stages.start.cutouts
    assert np.array_equal(cut.pixels, result.picture.pixels)
    assert cut.findings == result.picture.findings


def test_a_stroke_changes_its_pixels_alone(made: tuple[Result, Path], folder: Path) -> None:
    paint(folder / "depth_front.png", nearer)
    stages = read_stages(folder)
    assert (stages.since, stages.edited) == ("depth", ("depth",))
    assert stages.start.mesh is None
    depth, was = stages.start.depth, made[0].depth
    assert depth is not None
    stroke = np.zeros(was.valid.shape, dtype=bool)
    stroke[120:140, 110:130] = was.valid[120:140, 110:130]
    assert np.array_equal(depth.front[~stroke], was.front[~stroke])
    known = json.loads((folder / "stages.json").read_text())["depth"]
    moved = 6000 / 65534 * (known["far_m"] - known["near_m"])
    assert (was.front - depth.front)[stroke] == pytest.approx(moved, abs=1e-5)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_eight_bits_and_an_added_alpha_are_taken(made: tuple[Result, Path], folder: Path, mode: str) -> None:
    path = folder / "depth_front.png"
    paint(path, nearer)
    with Image.open(path) as picture:
        eight = Image.fromarray((np.array(picture) // 257).astype(np.uint8))
    inside = np.array(eight)
    inside[(inside == 0) & made[0].depth.valid] = 1
    Image.fromarray(inside).convert(mode).save(path)
    depth, was = read_stages(folder).start.depth, made[0].depth
    assert depth is not None
    beside = was.valid.copy()
    beside[120:140, 110:130] = False
    assert np.array_equal(depth.front[beside], was.front[beside])
    assert (depth.front < was.front)[120:140, 110:130][was.valid[120:140, 110:130]].all()


def before(pixels: np.ndarray) -> np.ndarray:
    pixels = pixels.copy()
    pixels[120:140, 110:130] = 255 if pixels.dtype == np.uint8 else 65535
    return pixels


@pytest.mark.parametrize("bits", [8, 16])
def test_a_step_that_is_painted_moves_its_pixels_alone(
    made: tuple[Result, Path], folder: Path, bits: int
) -> None:
    was = made[0].depth
    if bits == 8:
        with Image.open(folder / "steps.png") as picture:
            eight = (np.array(picture) // 257).astype(np.uint8)
        Image.fromarray(eight).save(folder / "steps.png")
    paint(folder / "steps.png", before)
    stages = read_stages(folder)
    assert (stages.since, stages.edited) == ("steps", ("steps",))
    depth = stages.start.depth
    assert depth is not None
    assert depth.steps is not None
    stroke = np.zeros(was.valid.shape, bool)
    stroke[120:140, 110:130] = was.valid[120:140, 110:130]
    assert np.array_equal(depth.front[~stroke], was.front[~stroke])
    rows, _ = np.nonzero(was.valid)
    tenth_m = 0.1 * (np.ptp(rows) + 1) * was.front[was.valid].mean() / was.camera.fy_px
    assert tenth_m == pytest.approx(0.0075, rel=0.1)  # of 75 mm
    assert (was.front - depth.front)[stroke] == pytest.approx(tenth_m, rel=1e-3)
    assert (depth.back >= depth.front).all()


def test_a_false_step_that_is_painted_grey_goes_away(made: tuple[Result, Path], tmp_path: Path) -> None:
    was = made[0].depth
    steps = np.zeros(was.valid.shape, np.float32)
    steps[100:150, 100:140] = np.where(was.valid[100:150, 100:140], 0.03, 0)
    base = RoundBase(x=0.001, y=0.03, z=0.4, radius=0.02, height=0.004, elevation_deg=3.5)
    moved = replace(was, steps=steps, base=base)
    for name, data in depth_files(moved).items():
        (tmp_path / name).write_bytes(data)
    known = json.loads(json.dumps(describe_depth(moved)))
    same = read_depth(tmp_path, known)
    assert same.steps is not None
    assert np.array_equal(same.steps, steps)
    assert same.base == base
    paint(tmp_path / "steps.png", lambda pixels: np.full_like(pixels, 32768))
    gone = read_depth(tmp_path, known, {"steps.png"})
    assert gone.steps is not None
    assert not gone.steps.any()
    rows, _ = np.nonzero(was.valid)
    metres = 0.03 * (np.ptp(rows) + 1) * was.front[was.valid].mean() / was.camera.fy_px
    assert (gone.front - was.front)[steps > 0] == pytest.approx(metres, rel=1e-3)


def test_going_on_from_steps_tells_it(folder: Path) -> None:
    paint(folder / "steps.png", before)
    done = resume_stages(folder)
    assert done.asset["edited"] == ["steps"]
    again = read_stages(folder, since="steps").start.depth
    assert again is not None
    assert again.steps is not None
    assert again.steps.max() == pytest.approx(0.1, abs=1e-4)


def test_a_painted_back_stays_behind_the_front(made: tuple[Result, Path], folder: Path) -> None:
    paint(folder / "depth_back.png", lambda pixels: np.where(pixels > 0, 65535, 0))
    depth = read_stages(folder).start.depth
    assert depth is not None
    assert depth.back is not None
    assert (depth.back >= depth.front).all()


def test_a_painted_mask_makes_the_depth_anew(made: tuple[Result, Path], folder: Path) -> None:
    def stroke(pixels: np.ndarray) -> np.ndarray:
        pixels = pixels.copy()
        pixels[60:90, 20:60] = 255
        return pixels

    paint(folder / "mask.png", stroke)
    stages = read_stages(folder)
    assert (stages.since, stages.edited) == ("mask", ("mask",))
    assert stages.start.depth is None
    (cut,) = stages.start.cutouts
    assert cut.alpha is not None
    assert (cut.alpha[60:90, 20:60] == 255).all()
    assert np.array_equal(cut.pixels[70:80, 30:50], stages.picture.pixels[70:80, 30:50])


@pytest.mark.parametrize("name", ["mesh.ply", "mesh.glb"])
def test_a_sculpted_mesh_comes_back_with_its_labels(
    made: tuple[Result, Path], folder: Path, name: str
) -> None:
    result, _ = made
    if name == "mesh.glb":
        files = EXPORTERS["glb"].export(result.figurine, ExportOptions()).files
        (folder / name).write_bytes(next(iter(files.values())))
    else:
        data = (folder / name).read_bytes()
        head, body = data.split(b"end_header\n", 1)
        points = np.frombuffer(body[: len(result.mesh.vertices) * 12], "<f4").reshape(-1, 3).copy()
        points[:, 2] *= 1.1
        (folder / name).write_bytes(head + b"end_header\n" + points.tobytes() + body[points.nbytes :])
    stages = read_stages(folder)
    assert (stages.since, stages.edited) == ("mesh", ("mesh",))
    mesh = stages.start.mesh
    assert mesh is not None
    assert len(mesh.faces) == len(result.mesh.faces)
    counts = [np.bincount(each.source, minlength=4).astype(int) for each in (mesh, result.mesh)]
    assert np.abs(counts[0] - counts[1]).max() <= 0.01 * len(mesh.faces)


def swap_size(path: Path) -> None:
    with Image.open(path) as picture:
        picture.resize((100, 100)).save(path)


def blacken(path: Path) -> None:
    paint(path, lambda pixels: pixels * 0)


def redden(path: Path) -> None:
    with Image.open(path) as picture:
        gray = (np.array(picture) // 257).astype(np.uint8)
    Image.fromarray(np.dstack([gray, gray // 2, gray // 3])).save(path)


def rewrite(**facts: object) -> Callable[[Path], None]:
    def edit(path: Path) -> None:
        path.write_text(json.dumps(json.loads(path.read_text()) | facts))

    return edit


@pytest.mark.parametrize(
    ("name", "edit", "told"),
    [
        ("depth_front.png", swap_size, "is 100 x 100 px where 256 x 256 are needed"),
        ("depth_front.png", blacken, "is 0, which is outside, at"),
        ("depth_front.png", redden, "is in colours; save it in grey"),
        ("depth_front.png", lambda path: path.write_text("no picture"), "is no picture"),
        ("steps.png", swap_size, "is 100 x 100 px where 256 x 256 are needed"),
        ("steps.png", redden, "is in colours; save it in grey"),
        ("mask.png", swap_size, "is 100 x 100 px where 256 x 256 are needed"),
        ("mask.png", blacken, "is black all over"),
        ("mask.png", Path.unlink, "is not there"),
        ("cutout.png", blacken, "only for looking at; edit mask.png or picture.png"),
        ("stages.json", rewrite(version=2), "is of version 2"),
        ("stages.json", rewrite(pictures=4), "was made of 4 pictures"),
        ("stages.json", lambda path: path.write_text("{"), "cannot be read"),
        ("stages.json", Path.unlink, "has no stages.json"),
    ],
)
def test_a_slip_is_one_sentence_that_names_the_file(
    folder: Path, name: str, edit: Callable[[Path], object], told: str
) -> None:
    edit(folder / name)
    with pytest.raises(BadInput, match=told) as refusal:
        read_stages(folder)
    assert str(refusal.value).startswith(str(folder))


def test_a_mesh_in_millimetres_is_refused(made: tuple[Result, Path], folder: Path) -> None:
    data = (folder / "mesh.ply").read_bytes()
    head, body = data.split(b"end_header\n", 1)
    size = len(made[0].mesh.vertices) * 12
    points = np.frombuffer(body[:size], "<f4") * np.float32(1000)
    (folder / "mesh.ply").write_bytes(head + b"end_header\n" + points.tobytes() + body[size:])
    with pytest.raises(BadInput, match="export it in metres"):
        read_stages(folder)


def test_no_edit_is_lost(folder: Path) -> None:
    paint(folder / "depth_front.png", nearer)
    with pytest.raises(
        BadInput, match=r"depth_front.png was edited, and texture is made of it; go on from depth"
    ):
        read_stages(folder, since="texture")
    paint(folder / "atlas.png", lambda pixels: 255 - pixels)
    with pytest.raises(BadInput, match=r"atlas.png was edited too and would be made anew"):
        read_stages(folder)
    assert read_stages(folder, since="depth").since == "depth"
    with pytest.raises(BadInput, match="which is no stage; choose from mask, depth, steps, mesh, texture"):
        read_stages(folder, since="paint")
    assert ORDER[0] == "mask"


def test_everything_after_an_edit_is_made_anew_and_nothing_before(folder: Path, tmp_path: Path) -> None:
    paint(folder / "depth_front.png", nearer)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = resume_stages(folder)
    assert done.asset["edited"] == ["depth"]
    after = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert {name for name in before if before[name] == after[name]} >= {
        "picture.png",
        "cutout.png",
        "mask.png",
    }
    assert all(before[name] != after[name] for name in ("mesh.ply", "atlas.png"))
    assert json.loads((tmp_path / "knight.json").read_text())["edited"] == ["depth"]
    # the new stages are where the next edit begins
    paint(folder / "atlas.png", lambda pixels: 255 - pixels)
    done = resume_stages(folder, out=tmp_path / "second")
    assert done.asset["edited"] == ["depth", "texture"]
    assert (tmp_path / "second" / "knight.stages" / "mesh.ply").read_bytes() == after["mesh.ply"]


def test_a_mesh_that_was_taken_is_not_taken_again(made: tuple[Result, Path], folder: Path) -> None:
    files = EXPORTERS["glb"].export(made[0].figurine, ExportOptions()).files
    (folder / "mesh.glb").write_bytes(next(iter(files.values())))
    assert resume_stages(folder).asset["edited"] == ["mesh"]
    assert read_stages(folder).since == "texture"


def test_the_command_says_what_was_edited_and_speaks_of_its_options(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from slipcast.cli.main import main

    assert main(["resume", str(folder), "--from", "paint"]) == 2
    assert capfd.readouterr().err == (
        "slipcast: --from is 'paint', which is no stage; choose from mask, depth, steps, mesh, texture\n"
    )
    paint(folder / "atlas.png", lambda pixels: 255 - pixels)
    (tmp_path / "my.toml").write_text('formats = ["stl"]\n')
    assert (
        main(["resume", str(folder), "--recipe", str(tmp_path / "my.toml"), "-o", str(tmp_path / "new")]) == 0
    )
    assert "edited: texture" in capfd.readouterr().out
    assert (tmp_path / "new" / "knight.stl").is_file()


def test_a_report_beside_the_asset_is_drawn_anew(folder: Path) -> None:
    page = folder.parent / "knight.report.html"
    page.write_text("of the asset before the edit")
    done = resume_stages(folder)
    assert page in done.files
    assert "of the asset before the edit" not in page.read_text("utf-8")


def test_a_report_of_an_earlier_asset_does_not_stay(made: tuple[Result, Path], tmp_path: Path) -> None:
    for name in ("knight.report.html", "owl.report.html"):
        (tmp_path / name).write_text("an older one")
    write(made[0], tmp_path, report=b"of this one")
    assert (tmp_path / "knight.report.html").read_bytes() == b"of this one"
    write(made[0], tmp_path, spare=[tmp_path / "knight.report.html"])
    assert (tmp_path / "knight.report.html").is_file()
    write(made[0], tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.html")) == ["owl.report.html"]


def test_a_file_in_the_place_of_the_stages_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from slipcast.cli.main import main

    asset = tmp_path / "knight.glb"
    asset.write_bytes(b"glTF")
    assert main(["resume", str(asset)]) == 2
    said = capfd.readouterr().err
    assert f"{asset} is a file, and resume takes a folder NAME.stages; that is written with --keep" in said
    assert "Errno" not in said
