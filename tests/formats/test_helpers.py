"""Levels of detail and collision bodies in a file are no figurine: what is read is the finest mesh alone."""

from pathlib import Path

import numpy as np
import pytest
from shapes import figure

from slipcast.core.values import Figurine
from slipcast.formats.common.helpers import find_helpers
from slipcast.formats.inspect import describe
from slipcast.formats.read_model import read_any
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.prepare.collision import CollisionOptions
from slipcast.prepare.engine import EngineOptions, prepare_for_engine
from slipcast.prepare.lods import LodOptions
from slipcast.prepare.targets import TARGETS


@pytest.fixture(scope="module")
def ready() -> Figurine:
    """The test figure with two levels below it and one hull."""
    lods, hull = LodOptions(shares=(1.0, 0.4, 0.1)), CollisionOptions(kind="hull")
    return prepare_for_engine(figure("knight"), EngineOptions(lods=lods, collision=hull))[0]


@pytest.mark.parametrize(
    ("target", "key", "said"),
    [
        (None, "glb", {"LODS_DROPPED": ["knight_LOD1", "knight_LOD2"]}),
        ("godot", "glb", {"COLLISION_DROPPED": ["knight_hull1-convcolonly"]}),
        (
            "unreal",
            "fbx",
            {
                "LODS_DROPPED": ["SM_knight_LOD1", "SM_knight_LOD2"],
                "COLLISION_DROPPED": ["UCX_SM_knight_LOD0_01"],
            },
        ),
        (
            "unity",
            "fbx",
            {"LODS_DROPPED": ["knight_LOD1", "knight_LOD2"], "COLLISION_DROPPED": ["knight_LOD0_Collider1"]},
        ),
    ],
)
def test_our_own_files_give_the_figurine_back(
    ready: Figurine, target: str | None, key: str, said: dict[str, list[str]], tmp_path: Path
) -> None:
    options = TARGETS[target].options() if target else ExportOptions()
    made = EXPORTERS[key].export(ready, options).files
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    path = tmp_path / next(iter(made))
    read, found = read_any(path)
    assert len(read.mesh.faces) == len(ready.mesh.faces)
    assert np.ptp(read.mesh.vertices, axis=0) == pytest.approx(np.ptp(ready.mesh.vertices, axis=0), rel=1e-3)
    dropped = {entry.code: entry.values["what"] for entry in found if entry.code.endswith("S_DROPPED")}
    dropped |= {entry.code: entry.values["what"] for entry in found if entry.code == "COLLISION_DROPPED"}
    assert dropped == {code: ", ".join(names) for code, names in said.items()}
    facts = describe(path)
    assert facts["faces"] == len(ready.mesh.faces)
    assert facts["closed"] is True
    listed = facts["findings"]
    assert isinstance(listed, list)
    assert set(said) <= {entry["code"] for entry in listed}


@pytest.mark.parametrize(
    ("names", "levels", "bodies"),
    [
        (["UCX_a", "UCX_b"], [], []),  # the only meshes, or bodies of what is not there
        (["all-colonly"], [], []),
        (["dog_LOD3"], [], []),
        (["dog_LOD2", "cat_LOD1", "cat_LOD2"], [2], []),
        (["dog", "dog_LOD1", "DOG_lod2.001"], [1, 2], []),
        (["Dust_Collider", "box"], [], []),
        (["box", "box_Collider", "UBX_box_03"], [], [1, 2]),
        (["box-col", "box2-convcol", "box3-convcolonly.001"], [], [2]),
        (["", ""], [], []),
    ],
)
def test_only_what_serves_another_mesh_is_left_out(
    names: list[str], levels: list[int], bodies: list[int]
) -> None:
    found = find_helpers(names)
    assert (sorted(found.levels), sorted(found.bodies)) == (levels, bodies)
