"""Stages of several pictures: each side is edited in its own folder, and one goes on from any of them."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK
from PIL import Image
from turnarounds import FOUR, turnaround

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.jobs.resume import resume_stages
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import run
from slipcast.workspace.files import write
from slipcast.workspace.stages import ORDER, Stages, read_stages, stage_files

RECIPE = QUICK.change(faces=2000, normal_map="auto")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    """One figurine from four sides, and its stages."""
    folder = tmp_path_factory.mktemp("made")
    cutouts, _ = turnaround(FOUR)
    front, *others = (
        replace(cut, source={"file": f"{view}.png", "sha256": view * 8}) for view, cut in cutouts.items()
    )
    result = run(front, RECIPE, name="duck", others=others)
    write(result, folder, keep=True)
    return result, folder / "duck.stages"


@pytest.fixture
def folder(made: tuple[Result, Path], tmp_path: Path) -> Path:
    """The stages, to be edited."""
    shutil.copytree(made[1], tmp_path / "duck.stages")
    return tmp_path / "duck.stages"


def paint(path: Path, stroke: Callable[[np.ndarray], np.ndarray]) -> None:
    with Image.open(path) as picture:
        pixels = np.array(picture)
    Image.fromarray(stroke(pixels).astype(pixels.dtype)).save(path)


def nearer(pixels: np.ndarray) -> np.ndarray:
    """A broad stroke in the middle that comes out by a sixth of the range."""
    pixels = pixels.astype(np.int64)
    stroke = np.zeros(pixels.shape, bool)
    stroke[110:150, 110:150] = True
    return np.where(stroke & (pixels > 0), np.minimum(pixels + 11000, 65535), pixels)


def again(stages: Stages) -> Result:
    return run(stages.picture, stages.recipe, name=stages.name, others=stages.others, start=stages.start)


def test_each_side_has_its_folder(made: tuple[Result, Path]) -> None:
    sides = {path.name for path in made[1].iterdir() if path.is_dir()}
    assert sides == {"front", "back", "left", "right"}
    for side in sides:
        names = {path.name for path in (made[1] / side).iterdir()}
        depths = {"depth.npz", "depth_front.png", "depth_back.png", "steps.png"}
        assert names == {"picture.png", "cutout.png", "mask.png"} | depths


@pytest.mark.parametrize("since", ORDER)
def test_from_each_stage_on_the_result_is_the_same(
    made: tuple[Result, Path], folder: Path, since: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what was found of the views is told again, once.

    The folders hold the sides as they were used: that two were exchanged cannot be seen in them.
    """
    was = made[0]
    swapped = finding("VIEWS_SWAPPED", {"one": "left", "other": "right"})
    assert was.gathered is not None
    found = replace(was, gathered=replace(was.gathered, findings=(swapped, *was.gathered.findings)))
    (folder / "stages.json").write_bytes(stage_files(found)["stages.json"])
    if since != "mask":

        def load(*_: object) -> None:
            raise AssertionError("a model was loaded")

        monkeypatch.setattr("slipcast.depth.models._load_model", load)
    stages = read_stages(folder, since=since)
    result = again(stages)
    assert stages.edited == ()
    assert [view.cutout.view for view in result.views] == [view.cutout.view for view in was.views]
    assert result.mesh.vertices.tobytes() == was.mesh.vertices.tobytes()
    assert result.mesh.source.tobytes() == was.mesh.source.tobytes()
    assert result.figurine.texture.pixels.tobytes() == was.figurine.texture.pixels.tobytes()
    assert result.verdict is was.verdict
    assert result.figurine.provenance["views"] == was.figurine.provenance["views"]
    assert result.gathered is not None
    assert result.gathered.findings == (swapped, *was.gathered.findings)
    assert result.figurine.findings.count(swapped) == 1
    assert tuple(said for said in result.figurine.findings if said != swapped) == was.figurine.findings
    assert [check.name for check in result.checks] == [check.name for check in was.checks]


def test_a_stroke_in_one_sides_depth_goes_into_the_solid(made: tuple[Result, Path], folder: Path) -> None:
    paint(folder / "front" / "depth_front.png", nearer)
    stages = read_stages(folder)
    assert (stages.since, stages.edited) == ("depth", ("depth",))
    front, back, left, right = stages.start.depths
    was = {view.cutout.view: view.depth for view in made[0].views}
    assert (front.front[125:130, 125:130] < was[FOUR[0]].front[125:130, 125:130]).all()
    assert np.array_equal(front.front[:100], was[FOUR[0]].front[:100])
    for depth, view in ((back, "back"), (left, "left"), (right, "right")):
        assert np.array_equal(depth.front, next(was[key] for key in was if key == view).front)
    done = resume_stages(folder)
    assert done.asset["edited"] == ["depth"]
    assert (folder / "mesh.ply").read_bytes() != (made[1] / "mesh.ply").read_bytes()
    assert (folder / "left" / "mask.png").read_bytes() == (made[1] / "left" / "mask.png").read_bytes()
    assert read_stages(folder).since == "texture"


def test_a_painted_mask_of_one_side_makes_all_after_it_anew(folder: Path) -> None:
    def cut(pixels: np.ndarray) -> np.ndarray:
        pixels = pixels.copy()
        rows = np.flatnonzero(pixels.any(axis=1))
        pixels[: rows[0] + 4] = 0
        return pixels

    paint(folder / "left" / "mask.png", cut)
    stages = read_stages(folder)
    assert (stages.since, stages.edited) == ("mask", ("mask",))
    assert not stages.start.depths
    assert stages.start.gathered is None
    assert again(stages).metadata["edited"] == ["mask"]


def test_a_sculpted_mesh_and_a_retouched_atlas_are_taken(made: tuple[Result, Path], folder: Path) -> None:
    mesh = made[0].mesh
    wide = replace(mesh, vertices=mesh.vertices * np.array([1.1, 1.0, 1.1], np.float32))
    exported = EXPORTERS["glb"].export(replace(made[0].figurine, mesh=wide), ExportOptions()).files
    (folder / "mesh.glb").write_bytes(next(iter(exported.values())))
    assert resume_stages(folder).asset["edited"] == ["mesh"]
    stages = read_stages(folder)
    assert np.ptp(stages.start.figurine.mesh.vertices[:, 0]) == pytest.approx(  # type: ignore[union-attr]
        1.1 * np.ptp(mesh.vertices[:, 0]), rel=1e-4
    )
    paint(folder / "atlas.png", lambda pixels: 255 - pixels)
    done = resume_stages(folder)
    assert done.asset["edited"] == ["mesh", "texture"]
    assert len(done.asset["views"]) == 4  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("left/depth_front.png", "is 100 x 100 px where 256 x 256 are needed"),
        ("back/mask.png", "is 100 x 100 px where 256 x 256 are needed"),
    ],
)
def test_a_slip_names_the_side(folder: Path, name: str, told: str) -> None:
    with Image.open(folder / name) as picture:
        picture.resize((100, 100)).save(folder / name)
    with pytest.raises(BadInput, match=told) as refusal:
        read_stages(folder)
    assert str(refusal.value).startswith(str(folder / name))


def test_what_is_made_of_all_sides_is_not_edited_there(folder: Path) -> None:
    for name in ("depth.npz", "fused.npz"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept + b" ")
        with pytest.raises(BadInput, match="only for looking at"):
            read_stages(folder)
        (folder / name).write_bytes(kept)
    facts = json.loads((folder / "stages.json").read_text())
    del facts["views"]
    (folder / "stages.json").write_text(json.dumps(facts))
    with pytest.raises(BadInput, match="was made of 4 pictures by a Slipcast"):
        read_stages(folder)
