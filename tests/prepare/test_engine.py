"""Levels and collision bodies as engines' importers read them, and names that none of them misreads."""

import json
import re
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapes import figure

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine
from slipcast.formats.common.naming import escape_importer
from slipcast.formats.fbx.read_nodes import parse
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh.topology import closedness
from slipcast.prepare.collision import CollisionOptions
from slipcast.prepare.engine import EngineOptions, prepare_for_engine, resize
from slipcast.prepare.lods import LodOptions
from slipcast.prepare.targets import TARGETS

GODOT = [
    "col",
    "convcol",
    "colonly",
    "convcolonly",
    "rigid",
    "noimp",
    "navmesh",
    "occ",
    "occonly",
    "vehicle",
    "wheel",
]


@pytest.fixture(scope="module")
def ready() -> Figurine:
    """The test figure with two levels below it and one hull."""
    lods = LodOptions(shares=(1.0, 0.4, 0.1))
    return prepare_for_engine(
        figure("knight"), EngineOptions(lods=lods, collision=CollisionOptions(kind="hull"))
    )[0]


def document_of(data: bytes) -> dict[str, object]:
    """The JSON of a GLB."""
    (length,) = struct.unpack("<I", data[12:16])
    document: dict[str, object] = json.loads(data[20 : 20 + length])
    return document


def written(figurine: Figurine, target: str | None = None, key: str = "glb") -> bytes:
    """The main file of an export."""
    options = TARGETS[target].options() if target else ExportOptions()
    return next(iter(EXPORTERS[key].export(figurine, options).files.values()))


@pytest.mark.parametrize("more", [{}, {"quantize": True}, {"compress": "meshopt"}])
def test_lower_levels_are_in_no_scene_and_share_the_material(
    ready: Figurine, more: dict[str, object], tmp_path: Path
) -> None:
    data = next(iter(EXPORTERS["glb"].export(ready, ExportOptions(**more)).files.values()))  # type: ignore[arg-type]
    document = document_of(data)
    nodes, meshes = document["nodes"], document["meshes"]
    assert document["scenes"][0]["nodes"] == [0]  # type: ignore[index]
    assert nodes[0]["extensions"]["MSFT_lod"]["ids"] == [1, 2]  # type: ignore[index]
    assert [node["name"] for node in nodes] == ["knight", "knight_LOD1", "knight_LOD2"]  # type: ignore[attr-defined]
    coverage = nodes[0]["extras"]["MSFT_screencoverage"]  # type: ignore[index]
    assert len(coverage) == 3
    assert coverage == sorted(coverage, reverse=True)
    assert {mesh["primitives"][0]["material"] for mesh in meshes} == {0}  # type: ignore[attr-defined]
    assert "MSFT_lod" in document["extensionsUsed"]  # type: ignore[operator]
    assert "MSFT_lod" not in document.get("extensionsRequired", [])  # type: ignore[operator]
    (tmp_path / "a.glb").write_bytes(data)
    again = read_figurine(tmp_path / "a.glb")
    assert len(again.mesh.faces) == len(ready.mesh.faces)


def test_godot_gets_hulls_and_no_levels(ready: Figurine) -> None:
    document = document_of(written(ready, "godot"))
    names = [node["name"] for node in document["nodes"]]  # type: ignore[attr-defined]
    assert names == ["knight", "knight_hull1-convcolonly"]
    assert document["scenes"][0]["nodes"] == [0, 1]  # type: ignore[index]
    hull = document["meshes"][1]["primitives"][0]  # type: ignore[index]
    assert "material" not in hull
    assert document["accessors"][hull["attributes"]["POSITION"]]["count"] <= 32  # type: ignore[index]
    about = document["asset"]["extras"]  # type: ignore[index]
    assert "collision" in about
    assert "lods" not in about
    assert "lods" not in document["nodes"][0]["extras"]["slipcast"]  # type: ignore[index]
    codes = [entry.code for entry in EXPORTERS["glb"].export(ready, TARGETS["godot"].options()).findings]
    assert codes == ["LODS_DROPPED"]


@pytest.mark.parametrize(
    ("target", "hull"), [("unreal", "UCX_SM_knight_LOD0_01"), ("unity", "knight_LOD0_Collider1")]
)
def test_fbx_has_a_group_of_levels_and_a_hull_by_name(ready: Figurine, target: str, hull: str) -> None:
    data = written(ready, target, key="fbx")
    names = re.findall(rb"([\w]+)\x00\x01Model", data)
    prefix = b"SM_knight" if target == "unreal" else b"knight"
    assert names == [prefix, *(prefix + b"_LOD%d" % k for k in range(3)), hull.encode()]
    assert data.count(b"LodGroup") == 2  # the attribute and its model


@pytest.mark.parametrize("target", ["unreal", "unity"])
def test_no_two_objects_of_an_fbx_share_a_number(ready: Figurine, target: str, tmp_path: Path) -> None:
    """Level 1's geometry had the number of the texture's video: ufbx said «Duplicate object ID»."""
    root = parse(tmp_path / "a.fbx", written(ready, target, key="fbx"))
    objects = next(node for node in root.children if node.name == "Objects")
    numbers = [node.properties[0] for node in objects.children]
    assert len(numbers) > 10
    assert len(set(numbers)) == len(numbers)


def test_unity_gets_a_script_that_knows_the_bodies_names(ready: Figurine) -> None:
    files = {
        name: EXPORTERS["fbx"].export(ready, TARGETS[name].options()).files for name in ("unity", "unreal")
    }
    assert not [file for file in files["unreal"] if file.endswith(".txt")]
    script = files["unity"]["knight.colliders.cs.txt"].decode("ascii")
    found = re.search(r'new Regex\(@"([^"]+)"\)', script)
    assert found
    assert re.search(found[1], "knight_LOD0_Collider12")
    assert not re.search(found[1], "knight_LOD0")
    assert script.count("{") == script.count("}")


def test_without_an_engine_hulls_are_left_out_and_said(ready: Figurine) -> None:
    export = EXPORTERS["glb"].export(ready, ExportOptions())
    assert [entry.code for entry in export.findings] == ["COLLISION_DROPPED"]
    stl = EXPORTERS["stl"].export(ready, ExportOptions())
    assert {"LODS_DROPPED", "COLLISION_DROPPED"} <= {entry.code for entry in stl.findings}


@pytest.mark.parametrize("word", [*GODOT, "alpha", "vcol", "LOD1", "Collider"])
@pytest.mark.parametrize("joint", ["_", "-", "$", ""])
def test_a_name_is_never_an_order(word: str, joint: str) -> None:
    for name in (f"sar{joint}{word}", f"big{joint}{word.upper()}", f"big{joint}{word}2"):
        safe = escape_importer(name)
        stripped = safe.rstrip("0123456789_ ").lower()
        assert not any(stripped.endswith(end) for end in [*(w.lower() for w in GODOT), "alpha", "vcol"])
        assert f"${word}".lower() not in safe.lower()
        assert escape_importer(safe) == safe


@pytest.mark.parametrize("prefix", ["UCX_", "UBX_", "USP_", "UCP_", "SOCKET_", "ucx_"])
def test_a_name_never_begins_as_a_collision_body(prefix: str) -> None:
    assert not escape_importer(f"{prefix}a").lower().startswith(prefix.lower())


def test_names_reach_node_mesh_and_material() -> None:
    data = written(figure("big_wheel"))
    document = document_of(data)
    assert document["nodes"][0]["name"] == document["meshes"][0]["name"] == "big_wheel_mesh"  # type: ignore[index]
    assert document["meshes"][0]["extras"]["name"] == "big_wheel"  # type: ignore[index]


@pytest.mark.parametrize(
    ("facing", "side", "sign"),
    [("+Z", 2, 1), ("-Y", 2, 1), ("-Z", 2, -1), ("+X", 0, 1), ("-X", 0, -1)],
)
def test_it_looks_where_it_is_told_and_is_not_mirrored(facing: str, side: int, sign: int) -> None:
    whole = figure("knight")
    front = int(whole.mesh.vertices[:, 2].argmax())
    turned, _ = prepare_for_engine(whole, EngineOptions(facing=facing))
    vertices = turned.mesh.vertices
    assert vertices[front, side] == pytest.approx(sign * np.abs(vertices[:, side]).max(), rel=0.3)
    assert closedness(turned.mesh).volume_m3 == pytest.approx(closedness(whole.mesh).volume_m3, rel=1e-5)
    assert vertices[:, 1].min() == pytest.approx(0, abs=1e-6)
    assert turned.uv is whole.uv


@pytest.mark.parametrize("word", ["bottom", "center", "0,10mm,0"])
def test_the_pivot_is_the_origin(word: str) -> None:
    whole = figure("knight")
    tall = float(np.ptp(whole.mesh.vertices[:, 1]))
    moved, _ = prepare_for_engine(whole, EngineOptions.parse(pivot=word))
    low = float(moved.mesh.vertices[:, 1].min())
    wanted = {"bottom": 0.0, "center": -tall / 2}.get(word, float(whole.mesh.vertices[:, 1].min()) - 0.01)
    assert low == pytest.approx(wanted, abs=1e-6)


def test_the_height_is_the_one_asked_for(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "knight.glb").write_bytes(written(figure("knight")))
    words = ["export", str(tmp_path / "knight.glb"), "--format", "glb", "-o", str(tmp_path / "out")]
    assert main([*words, "--height", "1.8m"]) == 0
    tall = read_figurine(tmp_path / "out" / "knight.glb")
    assert np.ptp(tall.mesh.vertices[:, 1]) == pytest.approx(1.8, abs=1e-5)
    assert tall.provenance["height_mm"] == pytest.approx(1800)
    box: Any = tall.provenance["box_mm"]
    assert box["width"] == pytest.approx(1000 * np.ptp(tall.mesh.vertices[:, 0]), rel=1e-4)
    assert main([*words, "--height", "1.8"]) == 2
    assert "--height 1.8 says no unit" in capfd.readouterr().err


def test_lengths_in_the_provenance_follow_the_height() -> None:
    about = {"deviation_mm": {"max": 0.04, "mean": 0.01}, "volume_mm3": 1000.0, "name": "knight"}
    tall = resize(replace(figure("knight"), provenance=about), 0.15)
    assert tall.provenance["deviation_mm"] == {"max": 0.08, "mean": 0.02}
    assert tall.provenance["volume_mm3"] == pytest.approx(8000)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"pivot": "feet"}, "pivot"),
        ({"pivot": "1,2"}, "pivot is '1,2'; give one of bottom, center, or a point x,y,z"),
        ({"pivot": "1,2,x"}, "pivot"),
        ({"pivot": "0,200,0"}, "pivot"),
        ({"pivot": "5,5,5"}, "pivot 5,5,5 says no unit; write 5mm,5mm,5mm or 5m,5m,5m"),
        ({"pivot": "0,20mm,1.5"}, "pivot 0,20mm,1.5 says no unit; write 0mm,20mm,1.5mm or 0m,20m,1.5m"),
        ({"facing": "+Y"}, "facing is '\\+Y', where the figurine would lie on its back"),
        ({"facing": "y"}, "facing is 'y', where the figurine would lie on its back"),
        ({"facing": "up"}, "facing is 'up'; give one of"),
        ({"facing": ""}, "facing is ''; give one of"),
    ],
)
def test_other_pivots_and_facings_are_refused(words: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        EngineOptions.parse(**words)


def test_the_command_writes_levels(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    asset = tmp_path / "knight.glb"
    asset.write_bytes(written(figure("knight")))
    out = tmp_path / "out"
    words = [
        "export",
        str(asset),
        "--format",
        "glb",
        "--lods",
        "1,0.5,0.25",
        "--collision",
        "box",
        "-o",
        str(out),
    ]
    assert main(words) == 0
    provenance = document_of((out / "knight.glb").read_bytes())["asset"]["extras"]  # type: ignore[index]
    assert [level["share"] for level in provenance["lods"]] == [1.0, 0.5, 0.25]
    assert "collision" not in provenance  # a file without a target has no name for bodies
    assert main(["export", str(asset), "--format", "glb", "--lods", "0.5", "-o", str(out)]) == 2
    assert "lods" in capfd.readouterr().err
    assert np.isfinite(provenance["lods"][1]["deviation_mm"]["max"])
