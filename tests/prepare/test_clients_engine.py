"""Levels of detail and collision bodies before programs that no one here wrote; what held is tests/clients/engines.md.

The file of each target is opened by the programs that read it. ufbx stands in for what Unreal and Unity would do;
neither engine can be run here.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clients.measure import Facts, measure
from clients.programs import BY_NAME, HERE, NEW_ASSIMP, OLD_ASSIMP, ask_assimp
from shapes import figure
from test_clients import distance, in_our_world, remarks

from slipcast.core.values import Figurine
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.prepare.collision import CollisionOptions
from slipcast.prepare.engine import EngineOptions, prepare_for_engine, resize
from slipcast.prepare.lods import LodOptions
from slipcast.prepare.targets import TARGETS
from slipcast.prepare.topology import TopologyOptions

pytestmark = pytest.mark.clients

MATRIX = HERE / "engines.md"
LEGEND = (
    "**F** the finest level alone is shown, every triangle of it; **A** all levels and bodies arrive, each as an "
    "object with its name; **S** all levels of MSFT_lod are shown at once, one over the other; **L** one LodGroup "
    "holds the levels; **M** all levels of MSFT_lod "
    "are loaded, the coarsest first; **C** the body collides and is not drawn; **P** "
    "provenance stands on scene, node, mesh and material; **V** valid: nothing to say but that extensions are unknown."
)


@pytest.fixture(scope="module")
def ready() -> Figurine:
    """The test figure with two levels below it, one hull and its occlusion."""
    options = EngineOptions(
        lods=LodOptions(shares=(1.0, 0.4, 0.1)), collision=CollisionOptions(kind="hull"), occlusion=True
    )
    return prepare_for_engine(figure("knight"), options)[0]


@pytest.fixture(scope="module")
def written(ready: Figurine, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`glb` with levels, and the file of each engine's target."""
    out = {}
    rows = {"glb": ("glb", ExportOptions())}
    rows |= {name: (TARGETS[name].format, TARGETS[name].options()) for name in ("godot", "unreal", "unity")}
    for name, (key, options) in rows.items():
        folder = tmp_path_factory.mktemp(name)
        files = EXPORTERS[key].export(ready, options).files
        for file, data in files.items():
            (folder / file).write_bytes(data)
        out[name] = folder / next(iter(files))
    return out


@pytest.fixture(scope="module")
def said(written: dict[str, Path]) -> Callable[[str, str], Facts]:
    """What a program says of a target's file, asked once."""
    known: dict[tuple[str, str], Facts] = {}

    def ask(program: str, target: str) -> Facts:
        if (program, target) not in known:
            known[program, target] = BY_NAME[program].run([written[target]])[0]
        return known[program, target]

    return ask


def finest(facts: Facts, ready: Figurine) -> str:
    """F where exactly the finest level's triangles are there."""
    return "F" if facts["triangles"] == len(ready.mesh.faces) else ""


def everything(facts: Facts, ready: Figurine) -> str:
    """A where all triangles of all levels and bodies are there."""
    total = len(ready.mesh.faces)
    total += sum(len(level.mesh.faces) for level in ready.levels) + sum(
        len(hull.faces) for hull in ready.hulls
    )
    return "A" if facts["triangles"] == total else ""


def stacked(facts: Facts, ready: Figurine) -> str:
    """S where all levels are there, and no body."""
    total = len(ready.mesh.faces) + sum(len(level.mesh.faces) for level in ready.levels)
    return "S" if facts["triangles"] == total else ""


def test_the_validator_has_nothing_to_say(said: Callable[[str, str], Facts]) -> None:
    for target in ("glb", "godot"):
        assert remarks(said("Khronos glTF validator", target)) == []


@pytest.mark.parametrize(
    "program", ["Blender", "three.js", "Babylon.js", "model-viewer", "assimp", "assimp 5", "MeshLab"]
)
def test_a_glb_shows_its_finest_level_alone(
    program: str, said: Callable[[str, str], Facts], ready: Figurine
) -> None:
    assert finest(said(program, "glb"), ready) == "F"


def test_babylon_reads_the_levels_the_coarsest_first(said: Callable[[str, str], Facts]) -> None:
    facts = said("Babylon.js", "glb")
    assert facts["stages"] == [0, 1, 2]
    assert facts["warned"] == []
    assert facts["height"] == pytest.approx(0.075, abs=1e-5)


def test_model_viewer_draws_it_at_its_size(said: Callable[[str, str], Facts]) -> None:
    facts = said("model-viewer", "glb")
    assert facts["errors"] == []
    assert facts["size"][1] == pytest.approx(0.075, abs=1e-5)  # type: ignore[index]
    assert facts["picture_bytes"] > 10_000  # type: ignore[operator]


@pytest.mark.parametrize("key", ["fbx", "obj"])
def test_blender_keeps_the_quads(key: str, tmp_path: Path) -> None:
    options = EngineOptions(topology=TopologyOptions(kind="quads", faces=2500))
    made, found = prepare_for_engine(figure("knight", rings=60, segments=80), options)
    assert not found
    files = EXPORTERS[key].export(made, ExportOptions()).files
    for file, data in files.items():
        (tmp_path / file).write_bytes(data)
    facts = BY_NAME["Blender"].run([tmp_path / next(iter(files))])[0]
    assert facts["quads"] == made.mesh.quads > 1000
    assert facts["triangles"] == len(made.mesh.faces)
    assert facts["open_edges"] == 0
    assert facts["flat_faces"] == 0


@pytest.mark.parametrize("program", [NEW_ASSIMP, OLD_ASSIMP])
def test_assimp_reads_the_plain_file_and_not_the_quantized_one(program: Path, tmp_path: Path) -> None:
    """What `slipcast formats` says of it; when a version reads both, the sentence can go."""
    heights = []
    for name, options in (("plain", ExportOptions()), ("small", ExportOptions(quantize=True))):
        path = tmp_path / f"{name}.glb"
        path.write_bytes(next(iter(EXPORTERS["glb"].export(figure("knight"), options).files.values())))
        facts = ask_assimp(path, program)
        heights.append(None if facts is None else facts["max"][1] - facts["min"][1])  # type: ignore[index]
    assert heights[0] == pytest.approx(0.075, abs=1e-5)
    assert heights[1] is None or heights[1] != pytest.approx(0.075, abs=1e-3)


def test_blender_keeps_the_provenance(said: Callable[[str, str], Facts]) -> None:
    assert said("Blender", "glb")["provenance_on"] == ["scene", "node", "mesh", "material"]


def test_godot_collides_with_the_hull_and_draws_the_figurine(
    said: Callable[[str, str], Facts], ready: Figurine
) -> None:
    facts = said("Godot", "godot")
    assert facts["triangles"] == len(ready.mesh.faces)
    assert facts["bodies"] == ["ConvexPolygonShape"]


@pytest.mark.parametrize(
    ("target", "program", "unit_m", "z_up"),
    [
        ("blender", "Blender", 1.0, True),
        ("unity", "ufbx", 1.0, False),
        ("unreal", "ufbx", 1.0, False),
        ("unreal", "Blender", 1.0, True),
        ("godot", "Godot 4", 1.0, False),
        ("web", "three.js", 1.0, False),
    ],
)
def test_pivot_facing_and_height_reach_the_target(
    target: str, program: str, unit_m: float, z_up: bool, tmp_path: Path
) -> None:
    tall = resize(figure("knight"), 1.8)
    made, _ = prepare_for_engine(tall, EngineOptions.parse(pivot="0,0.2m,0.1m", facing="-X"))
    assert float(made.mesh.vertices[:, 1].min()) == pytest.approx(-0.2, abs=1e-5)
    for file, data in EXPORTERS[TARGETS[target].format].export(made, TARGETS[target].options()).files.items():
        (tmp_path / file).write_bytes(data)
    suffix = TARGETS[target].format
    facts = BY_NAME[program].run([next(tmp_path.glob(f"*.{suffix}"))])[0]
    corners = made.mesh.vertices[made.mesh.faces].astype(np.float64).reshape(-1, 3)
    ends = [in_our_world(facts[end], unit_m, z_up) for end in ("min", "max")]
    assert distance(np.minimum(*ends), corners.min(0)) < 2e-4  # of the web's 16 bits
    assert distance(np.maximum(*ends), corners.max(0)) < 2e-4
    true = measure(made.mesh.vertices.astype(np.float64), made.mesh.faces.astype(np.int64))
    assert distance(in_our_world(facts["centroid"], unit_m, z_up), true["centroid"]) < 2e-4


def test_godot_4_collides_with_the_hull_and_makes_levels_itself(
    said: Callable[[str, str], Facts], ready: Figurine
) -> None:
    facts: dict[str, Any] = said("Godot 4", "godot")
    assert facts["triangles"] == len(ready.mesh.faces)
    assert facts["open_edges"] == 0
    assert facts["bodies"] == ["ConvexPolygonShape3D"]
    assert facts["lowest"] == pytest.approx(float(ready.mesh.vertices[:, 1].min()), abs=1e-6)
    assert facts["levels"][0] > 0
    assert [each["map"] for each in facts["materials"]] == [[ready.texture.width_px, ready.texture.height_px]]


def test_godot_4_takes_no_name_for_an_order(tmp_path: Path) -> None:
    files = []
    for name in ("sarcol", "big_wheel", "x-noimp", "UCX_a", "dune-rigid", "a-convcolonly"):
        made = EXPORTERS["glb"].export(figure(name), TARGETS["godot"].options()).files
        files.append(tmp_path / next(iter(made)))
        files[-1].write_bytes(next(iter(made.values())))
    assert len(set(files)) == 6
    for file, facts in zip(files, BY_NAME["Godot 4"].run(files), strict=True):
        assert facts["triangles"] == len(figure("a").mesh.faces), file.name
        kinds: Any = facts["kinds"]
        assert sorted(set(kinds)) == ["MeshInstance3D", "Node3D"], file.name


def test_blender_3_draws_levels_that_no_scene_lists(
    said: Callable[[str, str], Facts], ready: Figurine
) -> None:
    """What docs/engines.md warns of."""
    assert stacked(said("Blender 3", "glb"), ready) == "S"


@pytest.mark.parametrize("program", ["Blender", "Blender 3"])
@pytest.mark.parametrize("target", ["unreal", "unity"])
def test_blender_shows_all_levels_and_the_body_of_an_fbx_by_name(
    program: str, target: str, said: Callable[[str, str], Facts], ready: Figurine
) -> None:
    facts = said(program, target)
    assert everything(facts, ready) == "A"
    wanted = {
        "unreal": ["SM_knight_LOD0", "SM_knight_LOD1", "SM_knight_LOD2", "UCX_SM_knight_LOD0_01"],
        "unity": ["knight_LOD0", "knight_LOD0_Collider1", "knight_LOD1", "knight_LOD2"],
    }[target]
    assert sorted(str(name) for name in facts["names"]) == wanted  # type: ignore[attr-defined]


@pytest.mark.parametrize("target", ["unreal", "unity"])
def test_ufbx_finds_one_lod_group(target: str, said: Callable[[str, str], Facts]) -> None:
    facts = said("ufbx", target)
    assert facts["lod_groups"] == 1
    assert facts["warnings"] == []


def test_the_matrix_in_the_repository_is_the_one_that_was_seen(
    said: Callable[[str, str], Facts], ready: Figurine
) -> None:
    def cell(program: str, target: str) -> str:
        if program == "Khronos glTF validator":
            return "V" if remarks(said(program, target)) == [] else ""
        facts = said(program, target)
        if program == "ufbx":
            return "L" if facts["lod_groups"] == 1 else ""
        letters = finest(facts, ready) + everything(facts, ready) + stacked(facts, ready)
        if facts.get("stages") == [0, 1, 2]:
            letters += "M"
        if facts.get("bodies"):
            letters += "C"
        if facts.get("provenance_on") == ["scene", "node", "mesh", "material"]:
            letters += "P"
        return letters

    cells = {
        "Khronos glTF validator": ("glb", "godot"),
        "Blender": ("glb", "godot", "unreal", "unity"),
        "Blender 3": ("glb", "godot", "unreal", "unity"),
        "three.js": ("glb",),
        "Babylon.js": ("glb",),
        "model-viewer": ("glb",),
        "Godot": ("godot",),
        "Godot 4": ("godot",),
        "assimp": ("glb",),
        "assimp 5": ("glb",),
        "MeshLab": ("glb",),
        "ufbx": ("unreal", "unity"),
    }
    targets = ("glb", "godot", "unreal", "unity")
    rows = ["| | glb, levels | godot | unreal fbx | unity fbx |\n|---|---|---|---|---|\n"]
    for program, read in cells.items():
        shown = [cell(program, target) if target in read else "" for target in targets]
        rows.append(f"| {said(program, read[0])['program']} | {' | '.join(shown)} |\n")
    text = "".join([*rows, "\n", LEGEND, "\n"])
    if os.environ.get("SLIPCAST_MATRIX") == "write":
        MATRIX.write_text(text, encoding="utf-8")
    assert MATRIX.read_text(encoding="utf-8") == text, (
        "run scripts/test-clients --matrix and commit what it wrote"
    )
