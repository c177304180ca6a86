"""Assets of several views against a painted egg: the true one scores as the truth, another one does not."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from evaluation.cases import find_turntables
from evaluation.views import FOUR, score
from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine, Mesh, Picture, Source

_VIEWS = {"front": 0.0, "left": 90.0, "back": 180.0, "right": 270.0}
_LINEAR = (128, 26, 51)
"""Of the truth, of 255."""
_SHOWN = (188, 90, 124)
"""The same as a screen shows it."""


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A folder with one set: an egg, off its origin, and blank pictures."""
    home = tmp_path / "egg"
    home.mkdir()
    mesh = _egg()
    mesh.visual = trimesh.visual.ColorVisuals(
        mesh, vertex_colors=np.tile([*_LINEAR, 255], (len(mesh.vertices), 1))
    )
    (home / "truth.glb").write_bytes(trimesh.Scene(mesh).export(file_type="glb"))
    for view in _VIEWS:
        Image.new("RGB", (8, 8)).save(home / f"{view}.png")
    told = {
        "fov_deg": 24.0,
        "distance": 8.0,
        "target": [0.1, 0.2, 0.0],
        "truth": "truth.glb",
        "views": {view: {"picture": f"{view}.png", "yaw_deg": yaw} for view, yaw in _VIEWS.items()},
    }
    (home / "case.json").write_text(json.dumps(told), encoding="utf-8")
    return tmp_path


def _egg(wide: float = 0.7) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=4)
    mesh.apply_scale([wide, 1.0, 0.5])
    mesh.apply_translation([0.1, 0.2, 0.0])
    return mesh


def _asset(mesh: trimesh.Trimesh, color: tuple[int, int, int]) -> Figurine:
    faces = np.asarray(mesh.faces, np.int32)
    return Figurine(
        name="egg",
        mesh=Mesh(
            vertices=(np.asarray(mesh.vertices) * 0.0375).astype(np.float32),
            faces=faces,
            source=np.full(len(faces), int(Source.SEEN), np.uint8),
        ),
        uv=np.full((len(faces), 3, 2), 0.5, np.float32),
        texture=Picture(pixels=np.full((4, 4, 3), color, np.uint8)),
    )


def test_the_true_figurine_scores_as_the_truth(sets: Path) -> None:
    cases = find_turntables(sets, FOUR)["egg"]
    told = score(_asset(_egg(), _SHOWN), cases, 9000)
    assert told["f05"] > 0.99
    assert told["nc"] > 0.98
    assert told["iou"] > 0.98
    assert told["tex"] < 0.5
    assert told["seam"] == pytest.approx(0, abs=1e-6)
    assert told["closed"] == 1


def test_another_colour_and_another_width_are_told(sets: Path) -> None:
    cases = find_turntables(sets, FOUR)["egg"]
    told = score(_asset(_egg(0.4), (90, 124, 188)), cases, 3000)
    assert told["tex"] > 20
    assert told["iou"] < 0.85


def test_a_set_without_a_side_is_no_set(sets: Path) -> None:
    with pytest.raises(BadInput, match="front_left"):
        find_turntables(sets, ("front", "front_left"))


def test_the_paint_may_be_a_texture_that_is_finer_than_the_mesh(sets: Path) -> None:
    """Two colours in stripes that no vertex knows: the asset with the same texture scores as the truth."""
    mesh, stripes = _egg(), np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    uv = np.asarray(mesh.vertices)[:, :2] * 0.4 + 0.5
    # trimesh counts v from the lower edge, as a GLB does from the upper one.
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(stripes))
    mesh.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    (sets / "egg" / "truth.glb").write_bytes(trimesh.Scene(mesh).export(file_type="glb"))
    asset = _asset(_egg(), _SHOWN)
    own = (uv * [1, -1] + [0, 1])[np.asarray(mesh.faces)].astype(np.float32)
    striped = replace(asset, uv=own, texture=replace(asset.texture, pixels=stripes))
    cases = find_turntables(sets, FOUR)["egg"]
    assert score(striped, cases, 9000)["tex"] < 0.5 * score(asset, cases, 9000)["tex"]


def test_a_truth_without_paint_is_refused(sets: Path) -> None:
    (sets / "egg" / "truth.glb").write_bytes(
        trimesh.Scene(trimesh.Trimesh(_egg().vertices, _egg().faces)).export(file_type="glb")
    )
    with pytest.raises(BadInput, match="base colour texture"):
        score(_asset(_egg(), _SHOWN), find_turntables(sets, FOUR)["egg"], 500)
