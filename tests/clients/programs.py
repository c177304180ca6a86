"""The outside programs: how each is called, and the axes and unit in which it answers."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from clients.measure import Facts, measure

from slipcast.core.values import Figurine
from slipcast.formats.inspect import read_content
from slipcast.formats.table import EXPORTERS, ExportOptions

ROOT = Path(__file__).parents[2]
HERE = ROOT / "tests" / "clients"
HOME = ROOT / ".clients"
READERS = HOME / "readers" / "bin"
GODOT_4 = HOME / "godot4"
OLD_BLENDER = Path("/usr/bin/blender")
NEW_ASSIMP, OLD_ASSIMP = READERS / "assimp", Path("/usr/bin/assimp")
FORMATS = tuple(EXPORTERS)


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


def call(command: Sequence[str | Path], env: dict[str, str] | None = None) -> list[Facts]:
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
    return lambda files: call([interpreter, HERE / script, *files])


def _validator(files: list[Path]) -> list[Facts]:
    return call(["node", HERE / "validate_gltf.mjs", *files])


def _three(files: list[Path]) -> list[Facts]:
    return [_with_points(facts) for facts in call(["node", HERE / "three.mjs", *files])]


def _with_points(facts: Facts) -> Facts:
    """Replace a flat list of corner positions by what `measure` says of it."""
    points = np.array(facts.pop("points"), dtype=np.float64).reshape(-1, 3)
    return {**measure(points, np.arange(len(points)).reshape(-1, 3)), **facts}


def _babylon(files: list[Path]) -> list[Facts]:
    return call(["node", HERE / "babylon.mjs", *files], {"SLIPCAST_LODS": "3"})


def _viewer(files: list[Path]) -> list[Facts]:
    return call(["node", HERE / "viewer.mjs", *files])


def _old_blender(files: list[Path]) -> list[Facts]:
    """Debian's Blender, with Debian's Python and numpy."""
    words = ["--python-use-system-env", "-b", "--factory-startup", "-P"]
    return call([OLD_BLENDER, *words, HERE / "blender.py", "--", *files], {"PATH": "/usr/bin:/bin"})


def ask_assimp(path: Path, program: Path) -> Facts | None:
    """What `assimp info` says of a file: version 5.2 aborts where it shall write one with an embedded texture."""
    done = subprocess.run([str(program), "info", str(path)], capture_output=True, check=False)
    text = done.stdout.decode(errors="replace")
    corners = re.findall(r"^M(?:in|ax)imum point\s+\((\S+) (\S+) (\S+)\)", text, re.MULTILINE)
    if done.returncode or len(corners) != 2:
        return None
    low, high = ([float(word) for word in corner] for corner in corners)
    return {"triangles": int(re.findall(r"^Faces:\s+(\d+)", text, re.MULTILINE)[0]), "min": low, "max": high}


def _assimp_5(files: list[Path]) -> list[Facts]:
    told = [ask_assimp(path, OLD_ASSIMP) for path in files]
    return [{"program": "assimp 5.2", **(each or {"triangles": 0})} for each in told]


def _assimp(files: list[Path]) -> list[Facts]:
    """Let assimp convert to STL and read that: its own numbers, in the file's unit."""
    out = []
    for path in files:
        target = path.parent / f"assimp-{path.suffix[1:]}.stl"
        command = [str(NEW_ASSIMP)]
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
    said = call(
        ["godot3-server", "--path", project, "-s", "godot.gd"], places | {"SLIPCAST_SUFFIXES": suffixes}
    )
    out = []
    for facts in said:
        corners = np.array(facts["points"], dtype=np.float64).reshape(-1, 3, 3)
        facts["points"] = corners[:, ::-1].reshape(-1).tolist()  # Godot's faces are clockwise
        out.append({"program": "Godot 3.2.3", **_with_points(facts)})
    return out


def _godot_4(files: list[Path]) -> list[Facts]:
    """Import all in one project, without a display, with the libraries of the Debian that it comes from."""
    libraries = GODOT_4 / "usr" / "lib" / "x86_64-linux-gnu"
    found_in = f"{libraries}:{libraries / 'pulseaudio'}"
    loader: list[str | Path] = [libraries / "ld-linux-x86-64.so.2", "--library-path", found_in]
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for path in files:
            shutil.copy(path, project)
        (project / "project.godot").write_text("config_version=5\n", encoding="utf-8")
        shutil.copy(HERE / "godot4.gd", project)
        words: list[str | Path] = [
            *loader,
            GODOT_4 / "usr" / "bin" / "godot",
            "--headless",
            "--path",
            project,
        ]
        places = {"HOME": folder, "XDG_DATA_HOME": f"{folder}/.x", "XDG_CONFIG_HOME": f"{folder}/.x"}
        call([*words, "--import"], places)
        said = call([*words, "-s", "godot4.gd"], places | {"SLIPCAST_FILES": ",".join(p.name for p in files)})
    out = []
    for facts in said:
        corners = np.array(facts["points"], dtype=np.float64).reshape(-1, 3, 3)
        facts["points"] = corners[:, ::-1].reshape(-1).tolist()  # Godot's faces are clockwise
        out.append({"program": "Godot 4", **_with_points(facts)})
    return out


BLENDER = Path(os.environ.get("SLIPCAST_BLENDER") or HOME / "blender" / "bin" / "python")
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
        cannot_name=frozenset(FORMATS),  # version 3.2 drops the letters outside ASCII
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
FOR_ENGINES = (
    Program("Babylon.js", {"glb": 1.0}, frozenset(), _babylon),
    Program("Blender 3", {"glb": 1.0, "fbx": 1.0}, frozenset({"glb", "fbx"}), _old_blender),
    Program("model-viewer", {"glb": 1.0}, frozenset(), _viewer),
    Program("assimp 5", {"glb": 1.0}, frozenset(), _assimp_5, cannot_name=frozenset(FORMATS)),
    Program("Godot 4", {"glb": 1.0}, frozenset(), _godot_4),
)
"""Asked of levels and quads alone: of formats they tell what three.js and assimp 6 do."""
BY_NAME = {program.name: program for program in (*PROGRAMS, *FOR_ENGINES)}


def write(figurine: Figurine, folder: Path, keys: Sequence[str] = FORMATS) -> Asset:
    """Write `figurine` in every format, or in those of `keys`, into `folder`."""
    return write_all([(figurine, folder)], keys)[0]


def write_all(figurines: Sequence[tuple[Figurine, Path]], keys: Sequence[str] = FORMATS) -> list[Asset]:
    """Write each figurine into its folder; all of their USDZ in one process."""
    out = []
    for figurine, folder in figurines:
        folder.mkdir(parents=True)
        files: dict[str, Path] = {}
        for key in keys:
            if key == "usdz":
                files[key] = folder / f"{figurine.name}.usdz"
                continue
            made = EXPORTERS[key].export(figurine, ExportOptions()).files
            for name, content in made.items():
                (folder / name).write_bytes(content)
            files[key] = folder / next(iter(made))
        out.append(Asset(figurine, files))
    if "usdz" in keys:
        call(
            [READERS / "python", HERE / "write_usdz.py", *(asset.files["glb"] for asset in out)],
            {"PYTHONPATH": str(ROOT / "src")},
        )
    return out
