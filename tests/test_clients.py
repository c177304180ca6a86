"""Exports before programs that no one here wrote; scripts/test-clients installs them and runs this file.

Each program says what it sees in its own axes and unit; here that is turned into our world and compared with
the figure that was written. What held is a letter in tests/clients/matrix.md.
"""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from clients.measure import Facts, measure
from numpy.typing import NDArray
from shapes import figure

from slipcast.formats import EXPORTERS, ExportOptions
from slipcast.formats.facts import read_content
from slipcast.targets import TARGETS
from slipcast.values import Figurine

pytestmark = pytest.mark.clients

ROOT = Path(__file__).parents[1]
HERE = ROOT / "tests" / "clients"
HOME = ROOT / ".clients"
READERS = HOME / "readers" / "bin"
MATRIX = HERE / "matrix.md"
PLAIN, AWKWARD = "figurine", "Käse №1 (mit Löchern)"
FORMATS = tuple(EXPORTERS)

LETTERS = {
    "G": "geometry: every triangle, closed, volume right and positive",
    "S": "scale: 75 mm tall, to 0.01 mm",
    "U": "up and front: bounds and centroid at the right place, not turned or mirrored",
    "T": "texture: there, decoded, in its own size; for ply colour per vertex",
    "N": "name: UTF-8 with spaces, as the figurine is called",
    "V": "valid: the program's own checker has nothing to say",
}


@dataclass(frozen=True)
class Program:
    """One outside program and what it does with each format."""

    name: str
    unit_m: dict[str, float]
    """Format -> metres in one of the units that it reports."""
    z_up: frozenset[str]
    """Formats that stand along its Z."""
    run: Callable[[list[Path]], list[Facts]]
    """Files -> facts, in order."""
    cannot_name: frozenset[str] = frozenset({"stl", "ply", "usdz"})
    """Formats for which it shows no name; of usdz most show the path, which cannot hold every letter."""


@dataclass(frozen=True)
class Asset:
    """A figurine written in every format."""

    figurine: Figurine
    files: dict[str, Path]


def _call(command: list[str | Path], env: dict[str, str] | None = None) -> list[Facts]:
    """Run a program, once more when it dies without a word, and return the JSON lines that it prints."""
    surroundings = {**os.environ, "PYTHONPATH": str(HERE.parent), "SLIPCAST_NODE": str(HOME / "node")}
    for attempt in range(2):
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            timeout=300,
            env=surroundings | (env or {}),
            cwd=ROOT,
            check=False,
        )
        if done.returncode == 0:
            break
        said = (done.stdout + done.stderr).decode(errors="replace")[-1500:]
        died_silently = not done.stdout.strip() and attempt == 0
        assert died_silently, f"{command[0]} ended with {done.returncode}: {said}"
    return [json.loads(line) for line in done.stdout.decode().splitlines() if line.startswith("{")]


def _script(interpreter: Path, script: str) -> Callable[[list[Path]], list[Facts]]:
    return lambda files: _call([interpreter, HERE / script, *files])


def _validator(files: list[Path]) -> list[Facts]:
    return _call(["node", HERE / "validate_gltf.mjs", *files])


def _three(files: list[Path]) -> list[Facts]:
    return [_with_points(facts) for facts in _call(["node", HERE / "three.mjs", *files])]


def _with_points(facts: Facts) -> Facts:
    """Replace a flat list of corner positions by what `measure` says of it."""
    points = np.array(facts.pop("points"), dtype=np.float64).reshape(-1, 3)
    return {**measure(points, np.arange(len(points)).reshape(-1, 3)), **facts}


def _assimp(files: list[Path]) -> list[Facts]:
    """Let assimp convert to STL and read that: its own numbers, in the file's unit."""
    out = []
    for path in files:
        target = path.parent / f"assimp-{path.suffix[1:]}.stl"
        command = [str(READERS / "assimp")]
        done = subprocess.run(
            [*command, "export", str(path), str(target), "-fstlb"], capture_output=True, check=False
        )
        assert target.exists(), done.stdout.decode(errors="replace")
        content = read_content(target)
        info = subprocess.run([*command, "info", str(path)], capture_output=True, check=True).stdout.decode()
        embedded = int(re.findall(r"Textures \(embed\.\):\s+(\d+)", info)[0])
        references = {line for line in info.splitlines() if line.strip().endswith((".png'", ".jpg'"))}
        facts = measure(content.points, content.faces.astype(np.int64))
        # An embedded texture is listed as a reference too.
        out.append({"program": "assimp 6.0.5", **facts, "textures": max(embedded, len(references))})
    return out


def _prusa(files: list[Path]) -> list[Facts]:
    out = []
    for path in files:
        said = subprocess.run(["prusa-slicer", "--info", str(path)], capture_output=True, check=True)
        values = dict(re.findall(r"^(\w+)\s*=\s*(\S+)\s*$", said.stdout.decode(), re.MULTILINE))
        low, high = ([float(values[f"{end}_{axis}"]) for axis in "xyz"] for end in ("min", "max"))
        repairs = {"open_edges", "facets_reversed", "edges_fixed", "facets_removed", "facets_added"} & set(
            values
        )
        facts: Facts = {
            "program": "PrusaSlicer 2.5",
            "triangles": int(values["number_of_facets"]),
            "min": low,
            "max": high,
            "volume": float(values["volume"]),
            "open_edges": 0 if values["manifold"] == "yes" and not repairs else 1,
            "textures": 0,
        }
        out.append(facts)
    return out


def _godot(files: list[Path]) -> list[Facts]:
    """Import all in one project; 3.2.3 hangs after the import, so it is ended when the last stamp is there."""
    project = files[0].parent / "godot"
    project.mkdir()
    for beside in files[0].parent.iterdir():
        if beside in files or beside.suffix in (".png", ".jpg", ".bin", ".mtl"):
            shutil.copy(beside, project)
    (project / "project.godot").write_text(
        'config_version=4\n[rendering]\nquality/driver/driver_name="GLES2"\n', encoding="utf-8"
    )
    shutil.copy(HERE / "godot.gd", project)
    places = {
        "HOME": str(project),
        "XDG_DATA_HOME": str(project / ".x"),
        "XDG_CONFIG_HOME": str(project / ".x"),
    }
    editor = subprocess.Popen(
        ["godot3-server", "--path", str(project), "--editor", "--quit"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **places},
    )
    waiting = {path.suffix for path in files}
    until = time.monotonic() + 240
    try:
        while waiting and time.monotonic() < until:
            time.sleep(0.2)
            waiting = {suffix for suffix in waiting if not list(project.glob(f".import/*{suffix}-*.md5"))}
        time.sleep(0.5)
    finally:
        editor.kill()
        editor.wait()
    assert not waiting, f"Godot did not import {', '.join(waiting)}"
    suffixes = ",".join(path.suffix[1:] for path in files)
    said = _call(
        ["godot3-server", "--path", project, "-s", "godot.gd"], places | {"SLIPCAST_SUFFIXES": suffixes}
    )
    out = []
    for facts in said:
        corners = np.array(facts["points"], dtype=np.float64).reshape(-1, 3, 3)
        facts["points"] = corners[:, ::-1].reshape(-1).tolist()  # Godot's faces are clockwise
        out.append({"program": "Godot 3.2.3", **_with_points(facts)})
    return out


BLENDER = Path(os.environ.get("SLIPCAST_BLENDER", HOME / "blender" / "bin" / "python"))
METRES = dict.fromkeys(("glb", "gltf", "obj", "ply", "usdz"), 1.0)
FILE_UNIT = {**METRES, "fbx": 0.01, "stl": 0.001, "3mf": 0.001}

PROGRAMS = (
    Program("Khronos glTF validator", {"glb": 1.0, "gltf": 1.0}, frozenset(), _validator),
    Program(
        "Blender",
        {**METRES, "fbx": 1.0, "stl": 0.001},
        frozenset(FORMATS),
        _script(BLENDER, "blender.py"),
    ),
    Program("three.js", FILE_UNIT, frozenset({"stl", "3mf", "ply"}), _three),
    Program(
        "Godot",
        {"glb": 1.0, "gltf": 1.0, "obj": 1.0, "fbx": 1.0},
        frozenset(),
        _godot,
        cannot_name=frozenset({"obj"}),
    ),
    Program(
        "assimp",
        {key: unit for key, unit in FILE_UNIT.items() if key != "usdz"},
        frozenset({"stl", "3mf", "ply"}),
        _assimp,
        cannot_name=frozenset(FORMATS),
    ),
    Program("ufbx", {"fbx": 1.0}, frozenset(), _script(READERS / "python", "ufbx_read.py")),
    Program(
        "lib3mf, strict", {"3mf": 0.001}, frozenset({"3mf"}), _script(READERS / "python", "lib3mf_read.py")
    ),
    Program(
        "OpenUSD",
        {"usdz": 1.0},
        frozenset(),
        _script(READERS / "python", "usd_read.py"),
        cannot_name=frozenset(),
    ),
    Program(
        "PrusaSlicer",
        {"stl": 0.001, "3mf": 0.001},
        frozenset({"stl", "3mf"}),
        _prusa,
        cannot_name=frozenset(FORMATS),
    ),
    Program(
        "MeshLab",
        {"stl": 0.001, "ply": 1.0, "obj": 1.0, "glb": 1.0},
        frozenset({"stl", "ply"}),
        _script(READERS / "python", "meshlab_read.py"),
        cannot_name=frozenset(FORMATS),
    ),
)
BY_NAME = {program.name: program for program in PROGRAMS}
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
            said = row.run([self.asset(name).files[k] for k in keys])
            assert len(said) == len(keys), f"{program} answered for {len(said)} of {len(keys)} files"
            self._said[program, name] = dict(zip(keys, said, strict=True))
        return self._said[program, name][key]


def write(figurine: Figurine, folder: Path) -> Asset:
    """Write `figurine` in every format into `folder`."""
    folder.mkdir(parents=True)
    files: dict[str, Path] = {}
    for key, row in EXPORTERS.items():
        if key == "usdz":
            _call(
                [READERS / "python", HERE / "write_usdz.py", files["glb"], folder],
                {"PYTHONPATH": str(ROOT / "src")},
            )
            files[key] = folder / f"{figurine.name}.usdz"
            continue
        made = row.export(figurine, ExportOptions()).files
        for name, content in made.items():
            (folder / name).write_bytes(content)
        files[key] = folder / next(iter(made))
    return Asset(figurine, files)


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
    return "T"


def _valid_letter(facts: Facts) -> str:
    """`V` when the program has a checker of its own and that found nothing."""
    if "hints" in facts:
        assert [facts[kind] for kind in ("errors", "warnings", "infos", "hints")] == [0] * 4, facts[
            "messages"
        ]
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
    asset = write(figure("mapped", normal_map=True), tmp_path / "mapped")
    for facts in _call(["node", HERE / "validate_gltf.mjs", asset.files["glb"], asset.files["gltf"]]):
        assert [facts[kind] for kind in ("errors", "warnings", "infos", "hints")] == [0] * 4, facts[
            "messages"
        ]
    keys = ("glb", "fbx", "usdz")
    for facts in BY_NAME["Blender"].run([asset.files[key] for key in keys]):
        materials, images = facts["materials"], facts["images"]
        assert isinstance(materials, list)
        assert isinstance(images, list)
        assert materials[0]["normal_from"] is True
        assert sorted(images) == [[64, 64], [256, 256]]
    assert BY_NAME["OpenUSD"].run([asset.files["usdz"]])[0]["problems"] == []


def test_the_judges_notice_a_hole(tmp_path: Path) -> None:
    whole = figure("holed")
    mesh = replace(whole.mesh, faces=whole.mesh.faces[20:], source=whole.mesh.source[20:])
    asset = write(replace(whole, mesh=mesh, uv=whole.uv[20:]), tmp_path / "holed")
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
