"""Levels of detail and collision bodies in a file are no figurine: what is read is the finest mesh alone."""

from pathlib import Path

import numpy as np
import pytest
from dialects import F, V
from shapes import figure

from slipcast.core.values import Figurine
from slipcast.formats.common.helpers import find_helpers
from slipcast.formats.inspect import describe, read_content
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


def test_a_file_tells_no_levels_that_it_does_not_hold(ready: Figurine, tmp_path: Path) -> None:
    path = tmp_path / "knight.3mf"
    path.write_bytes(EXPORTERS["3mf"].export(ready, ExportOptions()).main)
    assert {"lods", "collision"} <= set(ready.provenance)
    told = read_content(path).metadata
    assert told
    assert not {"lods", "collision"} & set(told)


def cubes(*heads: str) -> str:
    """An OBJ of cubes, each twice as large as the one before, behind what stands before its faces."""
    out = ""
    for k, head in enumerate(heads):
        corners = [[int(word) for word in line.split()[1:]] for line in F.splitlines()]
        out += "".join(
            f"v {' '.join(str(2**k * float(word)) for word in line.split()[1:])}\n" for line in V.splitlines()
        )
        out += head + "".join("f {} {} {}\n".format(*(c + 8 * k for c in face)) for face in corners)
    return out


@pytest.mark.parametrize(
    ("heads", "faces", "size", "meshes"),
    [
        (("o dog_LOD0\n", "o dog_LOD1\n", "o UCX_dog_LOD0_01\n"), 12, 1, ["dog_LOD0"]),
        (("g dog\n", "g UCX_dog\n", "g dog_LOD1\n"), 12, 1, ["dog"]),
        (("o all\ng dog\n", "g dog_Collider1\n", "g cat\n"), 24, 4, ["all", "dog", "cat"]),
        (("", "o dog-convcolonly\n", "o dog\n"), 24, 4, ["dog"]),
        (("o UCX_a\n", "o UCX_b\n", "o UCX_c\n"), 36, 4, ["UCX_a", "UCX_b", "UCX_c"]),
        (("o dog_LOD1\ng dog\n",), 12, 1, ["dog_LOD1", "dog"]),  # nothing would stay
    ],
)
def test_what_serves_an_engine_in_an_obj_is_left_out(
    heads: tuple[str, ...], faces: int, size: float, meshes: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "dog.obj"
    path.write_text(cubes(*heads), encoding="utf-8")
    content = read_content(path)
    assert (len(content.faces), list(content.meshes)) == (faces, meshes)
    assert np.ptp(content.points, axis=0).tolist() == [2 * size] * 3
    assert len(content.points) == 8 * faces // 12
    left = {entry.code for entry in content.findings}
    assert bool(left) == (faces < 12 * len(heads))
    assert left <= {"LODS_DROPPED", "COLLISION_DROPPED"}


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
