"""A conversion that begins in the middle: values of an earlier one give the same, others their own."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK

from slipcast import BadInput, Result, Start
from slipcast.core.values import Cutout, Picture
from slipcast.pipeline.run import run

RECIPE = QUICK.change(faces=2000)


@pytest.fixture(scope="module")
def picture() -> Cutout:
    rows, columns = np.mgrid[:120, :100]
    inside = ((rows - 60) / 52) ** 2 + ((columns - 50) / 30) ** 2 < 1
    pixels = np.full((120, 100, 3), (180, 60, 40), np.uint8)
    pixels[:60, :, 1] = 140
    return Cutout(pixels=pixels, alpha=(inside * 255).astype(np.uint8))


@pytest.fixture(scope="module")
def made(picture: Cutout) -> Result:
    return run(picture, RECIPE, name="egg")


def files(result: Result) -> bytes:
    return result.exports["glb"].main


def test_from_each_stage_on_the_result_is_the_same(picture: Cutout, made: Result) -> None:
    mask = Start(cutouts=(made.picture,))
    assert files(run(picture, RECIPE, name="egg", start=mask)) == files(made)
    painted = replace(made.figurine, provenance={}, findings=())
    for start in (
        Start(cutouts=(made.picture,), depth=made.depth, mesh=made.mesh),
        Start(cutouts=(made.picture,), depth=made.depth, figurine=painted),
    ):
        again = run(picture, RECIPE, name="egg", start=start)
        assert again.mesh.vertices.tobytes() == made.mesh.vertices.tobytes()
        assert again.figurine.texture.pixels.tobytes() == made.figurine.texture.pixels.tobytes()
        assert again.verdict is made.verdict


def test_given_depth_is_taken_and_no_model_is_asked(
    picture: Cutout, made: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("slipcast.depth.models._load_model", load)
    start = Start(cutouts=(made.picture,), depth=made.depth)
    same = run(picture, RECIPE, name="egg", start=start)
    assert np.ptp(same.mesh.vertices, 0) == pytest.approx(np.ptp(made.mesh.vertices, 0), rel=0.02)
    assert made.depth.back is not None
    middle = (made.depth.front + made.depth.back) / 2
    flat = replace(
        made.depth,
        front=((made.depth.front + middle) / 2).astype(np.float32),
        back=((made.depth.back + middle) / 2).astype(np.float32),
    )
    thin = run(picture, RECIPE, name="egg", start=replace(start, depth=flat))
    assert np.ptp(thin.mesh.vertices[:, 2]) < 0.7 * np.ptp(made.mesh.vertices[:, 2])


def test_a_painted_mask_changes_what_comes_after(picture: Cutout, made: Result) -> None:
    alpha = np.asarray(made.picture.alpha).copy()
    alpha[:30] = 0
    short = run(picture, RECIPE, name="egg", start=Start(cutouts=(replace(made.picture, alpha=alpha),)))
    before, after = np.ptp(made.mesh.vertices, 0), np.ptp(short.mesh.vertices, 0)
    assert after[0] / after[1] > 1.15 * before[0] / before[1]


def test_a_sculpted_mesh_is_taken_as_it_is(picture: Cutout, made: Result) -> None:
    wide = replace(made.mesh, vertices=made.mesh.vertices * np.array([1.1, 1.0, 1.1], np.float32))
    start = Start(cutouts=(made.picture,), depth=made.depth, mesh=wide)
    again = run(picture, RECIPE, name="egg", start=start)
    assert again.mesh.vertices.tobytes() == wide.vertices.tobytes()
    assert again.deviation.largest_m > 5 * made.deviation.largest_m


def test_all_of_a_result_lies_in_one_frame(made: Result) -> None:
    assert made.mesh.vertices[:, 1].min() == 0
    assert made.mesh.vertices[:, 1].max() == pytest.approx(0.075)
    inside = made.depth.valid
    assert made.cloud.points[:, 1].max() == pytest.approx(0.075, abs=0.001)
    distance = np.linalg.norm(made.depth.camera.camera_from_world[:3, 3])
    assert made.depth.front[inside].mean() == pytest.approx(distance, rel=0.1)


def test_what_does_not_fit_together_is_refused(picture: Cutout, made: Result, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="mesh needs depth beside it"):
        Start(mesh=made.mesh)
    with pytest.raises(BadInput, match="depth needs one picture's cutouts"):
        Start(depth=made.depth)
    with pytest.raises(BadInput, match="each a Cutout"):
        Start(cutouts=(Picture(pixels=picture.pixels),))  # type: ignore[arg-type]
    small = Cutout(pixels=picture.pixels[:60], alpha=np.asarray(picture.alpha)[:60])
    with pytest.raises(BadInput, match="depth has 100 x 120 px where the cutout has 100 x 60"):
        Start(cutouts=(small,), depth=made.depth)
    with pytest.raises(BadInput, match="start has 2 cutouts for 1 pictures"):
        run(picture, RECIPE, name="egg", start=Start(cutouts=(made.picture, made.picture)))
