"""Exports before programs that no one here wrote; scripts/test-clients installs them and runs this file.

Each program says what it sees in its own axes and unit; here that is turned into our world and compared with
the figure that was written. What held is a letter in tests/clients/matrix.md.
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from clients.measure import Facts, measure
from clients.pictures import likenesses
from clients.programs import BLENDER, BY_NAME, FORMATS, HERE, PROGRAMS, Asset, Program, call, write
from numpy.typing import NDArray
from shapes import figure
from silhouettes import rippled, solid_from, true_normal

from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh.rasterize import rasterize
from slipcast.prepare.targets import TARGETS
from slipcast.texture.paint import TextureOptions, paint

pytestmark = pytest.mark.clients

MATRIX = HERE / "matrix.md"
PLAIN, AWKWARD = "figurine", "Käse №1 (mit Löchern)"

LETTERS = {
    "G": "geometry: every triangle, closed, volume right and positive",
    "S": "scale: 75 mm tall, to 0.01 mm",
    "U": "up and front: bounds and centroid at the right place, not turned or mirrored",
    "T": "texture: there, decoded, in its own size; for ply colour per vertex",
    "P": "pictures of the four sides: outline and colours as in our own preview, drawn without light",
    "N": "name: UTF-8 with spaces, as the figurine is called",
    "V": "valid: the program's own checker has nothing to say, but that it does not know KHR_xmp_json_ld and "
    "EXT_mesh_manifold",
}


CELLS = [(program.name, key) for program in PROGRAMS for key in FORMATS if key in program.unit_m]


class Judges:
    """Writes the assets once, asks each program once about each asset, and remembers what it said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._assets: dict[str, Asset] = {}
        self._said: dict[tuple[str, str], dict[str, Facts]] = {}

    def asset(self, name: str) -> Asset:
        """The test figure under `name` in every format."""
        if name not in self._assets:
            self._assets[name] = write(figure(name), self.folder / str(len(self._assets)))
        return self._assets[name]

    def facts(self, program: str, name: str, key: str) -> Facts:
        """What `program` says about the asset `name` in format `key`."""
        if (program, name) not in self._said:
            row = BY_NAME[program]
            keys = list(row.unit_m)
            # Both names are asked about in one start; Godot takes one folder as its project.
            names = (name,) if program == "Godot" else (PLAIN, AWKWARD)
            asked = [(each, k) for each in names for k in keys]
            said = row.run([self.asset(each).files[k] for each, k in asked])
            assert len(said) == len(asked), f"{program} answered for {len(said)} of {len(asked)} files"
            for (each, k), facts in zip(asked, said, strict=True):
                self._said.setdefault((program, each), {})[k] = facts
        return self._said[program, name][key]


UNKNOWN_TO_THE_VALIDATOR = (
    "KHR_xmp_json_ld",
    "EXT_mesh_manifold",
    "MSFT_lod",
    "EXT_meshopt_compression",
    "KHR_draco_mesh_compression",
)
"""Extensions whose name version 2.0.0-dev.3.10 does not know: it cannot look into them, and says so."""


def remarks(facts: Facts) -> list[str]:
    """All that the Khronos validator remarks, of any severity, but that it does not know an extension.

    What only such an extension refers to it takes for unused.
    """
    messages = facts["messages"]
    assert isinstance(messages, list)
    known = [f"UNSUPPORTED_EXTENSION .*'{name}'" for name in UNKNOWN_TO_THE_VALIDATOR]
    if any("EXT_mesh_manifold'" in entry for entry in messages):
        known.append("UNUSED_OBJECT /(accessors|bufferViews)/")
    if any("MSFT_lod'" in entry for entry in messages):
        known.append("UNUSED_OBJECT /nodes/")
    if any("compression'" in entry for entry in messages):
        known.append("UNUSED_OBJECT /(bufferViews|buffers)/0:")
    return [entry for entry in messages if not any(re.match(pattern, entry) for pattern in known)]


@pytest.fixture(scope="session")
def judges(tmp_path_factory: pytest.TempPathFactory) -> Judges:
    """All programs, asked at most once about each asset."""
    return Judges(tmp_path_factory.mktemp("judged"))


@cache
def truth(name: str) -> Facts:
    """What `measure` says of the figure itself."""
    mesh = figure(name).mesh
    return measure(mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64))


def in_our_world(point: object, unit_m: float, z_up: bool) -> NDArray[np.float64]:
    """A point as the program reports it, in metres and Y up."""
    x, y, z = np.array(point, dtype=np.float64) * unit_m
    return np.array([x, z, -y]) if z_up else np.array([x, y, z])


def distance(a: object, b: object) -> float:
    """The largest difference of two points' coordinates."""
    return float(np.abs(np.array(a, dtype=np.float64) - np.array(b, dtype=np.float64)).max())


def letters(program: Program, key: str, judges: Judges, name: str = PLAIN) -> str:
    """Assert all that `program` can tell about format `key`; return the letters of what held."""
    facts, true = judges.facts(program.name, name, key), truth(name)
    held = ""
    assert facts["triangles"] == true["triangles"]
    if "volume" in facts:
        unit_m, z_up = program.unit_m[key], key in program.z_up
        assert facts["open_edges"] == 0
        assert float(str(facts["volume"])) * unit_m**3 == pytest.approx(true["volume"], rel=1e-3)
        held += "G"
        ends = [in_our_world(facts[end], unit_m, z_up) for end in ("min", "max")]
        low, high = np.minimum(*ends), np.maximum(*ends)
        assert high[1] - low[1] == pytest.approx(0.075, abs=1e-5)
        held += "S"
        assert distance(low, true["min"]) < 1e-5
        assert distance(high, true["max"]) < 1e-5
        if "centroid" in facts:
            assert distance(in_our_world(facts["centroid"], unit_m, z_up), true["centroid"]) < 5e-5
            held += "U"
    held += _texture_letter(program, key, facts)
    held += _valid_letter(facts)
    if key not in program.cannot_name and "names" in facts:
        shown = judges.facts(program.name, AWKWARD, key)["names"]
        assert isinstance(shown, list)
        assert [entry.replace(" ", "_") for entry in shown] == [AWKWARD.replace(" ", "_")]
        held += "N"
    return held


def _texture_letter(program: Program, key: str, facts: Facts) -> str:
    """`T` when the texture, or for ply the colour, arrived as this program can tell."""
    size = [256, 256]
    if key == "stl":
        return ""
    if program.name == "three.js":
        return _hues_letter(key, facts, size)
    if key == "ply":
        return "T" if facts.get("color_attributes") == 1 or facts.get("colors") else ""
    if program.name in ("Blender", "Khronos glTF validator"):
        assert facts["images"] == [size]
        return "T"
    if program.name == "Godot":
        materials = facts["materials"]
        assert isinstance(materials, list)
        assert [entry["map"] for entry in materials] == [size]
        return "T"
    textures = facts.get("textures")
    if program.name == "MeshLab" or not textures:
        return "T" if textures else ""
    if program.name == "ufbx":
        data = EXPORTERS["fbx"].export(figure(PLAIN), ExportOptions()).files[f"{PLAIN}_basecolor.png"]
        assert textures == [["DiffuseColor", f"{PLAIN}_basecolor.png", len(data)]]
    elif program.name == "OpenUSD":
        assert textures == [True]
    elif program.name == "lib3mf, strict":
        assert textures == ["/3D/Textures/basecolor.png"]
        assert facts["texture_groups"] == 1
    else:
        assert textures == 1
    return "T"


def _hues_letter(key: str, facts: Facts, size: list[int]) -> str:
    """`T` when the picture that three.js drew has the four hues where the front shows them."""
    materials, hues = facts["materials"], facts["hues"]
    assert isinstance(materials, list)
    assert isinstance(hues, dict)
    assert [facts[kind] for kind in ("failed", "errors", "warned")] == [[], [], []]
    assert set(hues) == {"red", "green", "blue", "yellow"}
    assert min(count for count, _, _ in hues.values()) > 2500
    for before, after, axis in (
        ("red", "green", 1),
        ("blue", "yellow", 1),
        ("red", "blue", 2),
        ("green", "yellow", 2),
    ):
        assert hues[before][axis] < hues[after][axis]
    if key != "ply":
        assert [entry["map"] for entry in materials] == [size]
        assert (materials[0]["color"], materials[0]["color_space"]) == ("ffffff", "srgb")
    return "T" + _picture_letter(key, facts)


def _picture_letter(key: str, facts: Facts) -> str:
    """`P` when the four sides that the program drew look as our preview draws them."""
    drawings = facts["drawings"]
    assert isinstance(drawings, list)
    found = likenesses(figure(PLAIN), drawings)
    assert min(likeness.outline for likeness in found) > 0.98
    if EXPORTERS[key].keeps_texture:
        assert max(likeness.color for likeness in found) < 8
    return "P" if EXPORTERS[key].keeps_texture else ""


def _valid_letter(facts: Facts) -> str:
    """`V` when the program has a checker of its own and that found nothing."""
    if "hints" in facts:
        assert remarks(facts) == []
        return "V"
    if "manifold" in facts:
        assert (facts["manifold"], facts["warnings"]) == (True, [])
        return "V"
    if "problems" in facts:
        assert facts["problems"] == []
        assert (facts["stored"], facts["aligned"], facts["root"]) == (True, True, "figurine.usdc")
        return "V"
    if "unit_m" in facts:
        assert (facts["warnings"], facts["unit_m"]) == ([], 0.01)
        assert (facts["normals_outward"], facts["generated_normals"]) == (1.0, False)
        return "V"
    if "boundary_edges" in facts:
        flaws = ("boundary_edges", "non_manifold_edges", "non_manifold_vertices", "self_intersecting")
        assert [facts[kind] for kind in flaws] == [0] * 4
        return "V"
    return ""


@pytest.mark.parametrize(("program", "key"), CELLS)
def test_the_program_sees_what_was_written(program: str, key: str, judges: Judges) -> None:
    assert letters(BY_NAME[program], key, judges)


@pytest.mark.parametrize(("program", "key"), CELLS)
def test_a_name_with_spaces_and_umlauts_opens(program: str, key: str, judges: Judges) -> None:
    assert judges.facts(program, AWKWARD, key)["triangles"] == truth(PLAIN)["triangles"]


@pytest.mark.parametrize("key", ["glb", "gltf", "obj", "fbx", "usdz"])
def test_blender_reads_the_material_back(key: str, judges: Judges) -> None:
    facts = judges.facts("Blender", PLAIN, key)
    materials = facts["materials"]
    assert isinstance(materials, list)
    assert len(materials) == 1
    assert materials[0]["base_color_from"] == "TEX_IMAGE"
    assert materials[0]["metallic"] == pytest.approx(0.0, abs=1e-6)
    assert materials[0]["roughness"] == pytest.approx(0.9, abs=1e-6)
    assert facts["flat_faces"] == 0


def test_a_normal_map_arrives_without_a_remark(tmp_path: Path) -> None:
    asset = write(figure("mapped", normal_map=True), tmp_path / "mapped", ["glb", "gltf", "fbx", "usdz"])
    for facts in BY_NAME["Khronos glTF validator"].run([asset.files["glb"], asset.files["gltf"]]):
        assert remarks(facts) == []
    keys = ("glb", "fbx", "usdz")
    for facts in BY_NAME["Blender"].run([asset.files[key] for key in keys]):
        materials, images = facts["materials"], facts["images"]
        assert isinstance(materials, list)
        assert isinstance(images, list)
        assert materials[0]["normal_from"] is True
        assert sorted(images) == [[64, 64], [256, 256]]
    assert BY_NAME["OpenUSD"].run([asset.files["usdz"]])[0]["problems"] == []


def test_blender_shades_a_normal_map_as_the_true_surface_lies(tmp_path: Path) -> None:
    picture, depth = rippled()
    mesh, placed = solid_from(depth, picture, faces=600)
    own = paint(mesh, placed, picture, TextureOptions(normal_map="on"), name="rippled")
    asset = write(own, tmp_path / "mapped", ["glb", "gltf", "fbx", "usdz"])
    plain = write(replace(own, name="plain", normal_map=None), tmp_path / "plain", ["glb"])
    files = [*(asset.files[key] for key in ("glb", "gltf", "fbx", "usdz")), plain.files["glb"]]
    call([BLENDER, HERE / "blender.py", *files], {"SLIPCAST_NORMALS": str(tmp_path)})
    # Where each pixel lies on the mesh: it is drawn from the front, its height 400 pixels.
    low, high = mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)
    scale = 400 / (high[1] - low[1])
    screen = (mesh.vertices[:, :2] - (low + high)[:2] / 2) * [scale, -scale] + 200
    hits = rasterize(screen, -mesh.vertices[:, 2].astype(np.float64), mesh.faces, 400, 400)
    at = np.argwhere(hits.face >= 0)
    at = at[(np.abs(at - 200) < [150, 120]).all(1)][::37]
    corner = mesh.vertices[mesh.faces[hits.face[*at.T]]].astype(np.float64)
    point = np.einsum("nk,nkc->nc", hits.weights[*at.T].astype(np.float64), corner)
    true = np.array([true_normal(placed, place, 400.0) for place in point])

    def mean_angle_deg(path: Path) -> float:
        x, y, z = np.load(tmp_path / f"{path.name}.npy")[*at.T].astype(np.float64).T
        shaded = np.stack([x, z, -y], 1)
        cosine = (shaded * true).sum(1) / np.maximum(np.linalg.norm(shaded, axis=1), 1e-9)
        return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean())

    angles = {path.name: mean_angle_deg(path) for path in files}
    assert angles.pop("plain.glb") > 12
    assert max(angles.values()) < 1, angles
    assert remarks(BY_NAME["Khronos glTF validator"].run([asset.files["glb"]])[0]) == []


def test_the_judges_notice_a_hole(tmp_path: Path) -> None:
    whole = figure("holed")
    mesh = replace(whole.mesh, faces=whole.mesh.faces[20:], source=whole.mesh.source[20:])
    asset = write(replace(whole, mesh=mesh, uv=whole.uv[20:]), tmp_path / "holed", ["stl", "3mf"])
    meshlab = BY_NAME["MeshLab"].run([asset.files["stl"]])[0]
    assert int(str(meshlab["boundary_edges"])) > 0
    assert BY_NAME["lib3mf, strict"].run([asset.files["3mf"]])[0]["manifold"] is False
    assert BY_NAME["PrusaSlicer"].run([asset.files["stl"]])[0]["open_edges"] == 1


@pytest.mark.parametrize("key", ["stl", "3mf", "obj"])
def test_prusa_slicer_makes_g_code_of_the_right_height(key: str, tmp_path: Path) -> None:
    made = EXPORTERS[key].export(figure(AWKWARD), TARGETS["print-fdm"].options()).files
    for name, content in made.items():
        (tmp_path / name).write_bytes(content)
    source, target = tmp_path / next(iter(made)), tmp_path / "out.gcode"
    command = [
        "prusa-slicer",
        "--export-gcode",
        "--layer-height",
        "0.2",
        "--skirts",
        "0",
        "-o",
        target,
        source,
    ]
    done = subprocess.run([str(word) for word in command], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-800:]
    heights = [float(z) for z in re.findall(r"^;Z:([\d.]+)$", target.read_text(), re.MULTILINE)]
    assert len(heights) == pytest.approx(375, abs=2)
    assert heights[-1] == pytest.approx(75.0, abs=0.3)


def test_targets_stand_right_in_blender(tmp_path: Path) -> None:
    files = []
    for key in ("stl", "ply", "obj", "glb"):
        made = EXPORTERS[key].export(figure(PLAIN), TARGETS["blender"].options()).files
        for name, content in made.items():
            (tmp_path / name).write_bytes(content)
        files.append(tmp_path / next(iter(made)))
    for facts in BY_NAME["Blender"].run(files):
        low, high = np.array(facts["min"]), np.array(facts["max"])
        assert high[2] - low[2] == pytest.approx(0.075, abs=1e-5)
        assert distance(in_our_world(facts["centroid"], 1.0, True), truth(PLAIN)["centroid"]) < 5e-5


def test_the_matrix_in_the_repository_is_the_one_that_was_seen(judges: Judges) -> None:
    text = "".join(_matrix(judges))
    if os.environ.get("SLIPCAST_MATRIX") == "write":
        MATRIX.write_text(text, encoding="utf-8")
    assert MATRIX.read_text(encoding="utf-8") == text, (
        "run scripts/test-clients --matrix and commit what it wrote"
    )


def _matrix(judges: Judges) -> Iterator[str]:
    yield "| | " + " | ".join(FORMATS) + " |\n|" + "---|" * (len(FORMATS) + 1) + "\n"
    for program in PROGRAMS:
        cells = [letters(program, key, judges) if key in program.unit_m else "" for key in FORMATS]
        version = judges.facts(program.name, PLAIN, next(iter(program.unit_m)))["program"]
        yield f"| {version} | " + " | ".join(cells) + " |\n"
    yield "\n" + "; ".join(f"**{letter}** {meaning}" for letter, meaning in LETTERS.items()) + ".\n"
