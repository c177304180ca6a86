"""The samples: complete, of the right size and frame, closed, and seen by the camera that case.json describes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual.texture import TextureVisuals

SAMPLES = Path(__file__).parents[2] / "samples"
NAMES = sorted(p.parent.name for p in SAMPLES.glob("*/recipe.toml"))
VIEWS = {"front": 0, "left": 90, "back": 180, "right": 270}
MEGABYTE = 1_000_000
DIAGONAL = {"front_left": 45, "back_left": 135}
"""Those that six views need too."""
SIX = {**VIEWS, **DIAGONAL}
FILES = {view: f"{view}.webp" if view in DIAGONAL else f"{view}.png" for view in SIX}
SHOTS = [(n, v) for n in NAMES for v in SIX]


def truth(name: str) -> trimesh.Trimesh:
    scene = trimesh.load_scene(SAMPLES / name / "truth.glb", process=False)
    mesh = scene.to_mesh()
    welded = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    welded.merge_vertices(merge_tex=True, merge_norm=True)
    return welded


def table(name: str, file: str) -> dict[str, Any]:
    text = (SAMPLES / name / file).read_text(encoding="utf-8")
    return tomllib.loads(text) if file.endswith(".toml") else dict(json.loads(text))


def silhouette_box(picture: Path, background: str) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what differs from the background, in pixels."""
    image = Image.open(picture)
    pixels = np.asarray(image).astype(int)
    seen = (
        pixels[..., 3] > 127
        if background == "alpha"
        else np.abs(pixels[..., :3] - pixels[:, :1, :3]).max(-1) > 24
    )
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def test_the_demo_has_its_knight_and_others_stand_beside_it() -> None:
    assert len(NAMES) >= 8
    assert {"knight", "owl"} <= set(NAMES)


def test_every_folder_is_a_whole_sample() -> None:
    folders = {p.name for p in SAMPLES.iterdir() if p.is_dir() and p.name not in {"recipes", "__pycache__"}}
    assert folders == set(NAMES)
    for name in NAMES:
        files = {p.name for p in (SAMPLES / name).iterdir()}
        assert files == {*FILES.values(), "truth.glb", "recipe.toml", "case.json"}


def test_pictures_are_small_enough_together() -> None:
    assert sum(p.stat().st_size for p in SAMPLES.glob("*/*.[pw]*")) < 25 * MEGABYTE
    assert (SAMPLES / "contact.png").stat().st_size < 0.6 * MEGABYTE


@pytest.mark.parametrize(("name", "view"), SHOTS)
def test_pictures_have_the_promised_size_and_mode(name: str, view: str) -> None:
    background = table(name, "case.json")["background"]
    with Image.open(SAMPLES / name / FILES[view]) as picture:
        assert picture.size == (1024, 1024)
        assert picture.mode == ("RGBA" if background == "alpha" else "RGB")
        if background == "alpha":
            alpha = np.asarray(picture)[..., 3]
            assert (alpha[[0, -1]] == 0).all()
            assert 0.08 < (alpha == 255).mean() < 0.7
            assert not np.asarray(picture)[alpha == 0].any()


@pytest.mark.parametrize("name", NAMES)
def test_the_true_mesh_is_closed_and_stands_in_gltf_frame_at_its_height(name: str) -> None:
    mesh, recipe = truth(name), table(name, "recipe.toml")
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert len(mesh.faces) <= 20_000
    low, high = mesh.bounds
    assert high[1] - low[1] == pytest.approx(recipe["height_mm"] / 1000, abs=1e-5)
    assert low[1] == pytest.approx(0, abs=1e-5)
    assert (low + high)[[0, 2]] / 2 == pytest.approx([0, 0], abs=1e-5)
    assert mesh.body_count == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_true_mesh_has_vertex_colours(name: str) -> None:
    scene = trimesh.load_scene(SAMPLES / name / "truth.glb", process=False)
    (geometry,) = scene.geometry.values()
    assert isinstance(geometry, trimesh.Trimesh)
    assert isinstance(geometry.visual, TextureVisuals)
    colours = np.asarray(geometry.visual.vertex_attributes["color"], float)
    assert len(np.unique(colours, axis=0)) >= 3
    assert np.ptp(colours[:, 3]) == 0


@pytest.mark.parametrize("name", NAMES)
def test_recipe_and_case_agree(name: str) -> None:
    recipe, case = table(name, "recipe.toml"), table(name, "case.json")
    assert recipe["licence"] == "Apache-2.0"
    assert recipe["name"] == name
    module, function = recipe["recipe"].removeprefix("samples/recipes/").split(".py:")
    assert f"def {function}(" in (SAMPLES / "recipes" / f"{module}.py").read_text(encoding="utf-8")
    assert case["fov_deg"] == recipe["fov_deg"] == 24
    assert case["distance"] == recipe["camera_distance_m"]
    assert case["background"] == recipe["background"]
    assert case["target"] == pytest.approx([0, recipe["height_mm"] / 2000, 0])
    assert {view: entry["yaw_deg"] for view, entry in case["views"].items()} == SIX
    assert recipe["yaw_deg"] == SIX


@pytest.mark.parametrize(("name", "view"), SHOTS)
def test_the_true_mesh_projects_onto_its_picture(name: str, view: str) -> None:
    case, recipe = table(name, "case.json"), table(name, "recipe.toml")
    yaw = np.radians(case["views"][view]["yaw_deg"])
    p = truth(name).vertices - case["target"]
    across = p[:, 0] * np.cos(yaw) - p[:, 2] * np.sin(yaw)
    towards = p[:, 0] * np.sin(yaw) + p[:, 2] * np.cos(yaw)
    focal_px = 512 / np.tan(np.radians(case["fov_deg"]) / 2)
    x = 512 + focal_px * across / (case["distance"] - towards)
    y = 512 - focal_px * p[:, 1] / (case["distance"] - towards)
    left, top, right, bottom = silhouette_box(SAMPLES / name / FILES[view], case["background"])
    assert min(x.min(), y.min()) > 20
    assert max(x.max(), y.max()) < 1004
    assert top == pytest.approx(y.min(), abs=4)
    if not recipe["floor_shadow"]:
        assert [left, right, bottom] == pytest.approx([x.min(), x.max(), y.max()], abs=4)
