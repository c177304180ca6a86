"""Slicers and mesh checkers, called from outside: does a file slice at the first try, and what comes out of it.

PrusaSlicer 2.5, slic3r 1.3, CuraEngine 4.13 and admesh 0.98 of Debian. A program that is not installed is skipped:
its check returns None. CuraEngine needs the definitions of Debian's `cura` package: its folder `resources` is where
SLIPCAST_CURA says, installed, or unpacked in `.clients/cura` by scripts/test-clients.
"""

import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from scipy import ndimage

from slipcast.core.values import Bool

_CPU_S = 300
"""Processor time that a program may take: a busy machine changes it little. Its wall time ends at six times that."""
_NOZZLES = 4
_LAYERS_MM = 0.35
"""How far the last layer may lie from the top."""
_TRAP_MM3 = 3.0
_SCREEN_MM = (240.0, 135.0)
"""Of the resin printer that is simulated; 2560 x 1440 pixels."""


@dataclass(frozen=True, kw_only=True)
class Sliced:
    """What a program said of a file."""

    ok: bool
    """It took the file at once, repaired nothing, and printed its whole height."""
    why: str = ""
    """What was wrong."""
    height_mm: float = 0.0
    tools: int = 0
    """Filaments that print something."""


@dataclass(frozen=True, kw_only=True)
class Cured:
    """What the layers of a resin printer show."""

    ok: bool
    why: str = ""
    volume_mm3: float = 0.0
    trapped_mm3: float = 0.0
    """Air that nothing joins with the outside: resin stays in it."""
    inner_mm3: float = 0.0
    """Air that lies inside an outline of its layer: the cavity and its holes."""


def _run(command: list[object]) -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as home:
        try:
            done = subprocess.run(
                [str(word) for word in command],
                capture_output=True,
                timeout=6 * _CPU_S,
                preexec_fn=_limit,
                check=False,
                env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "LC_ALL": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired:
            return 124, f"not done after {6 * _CPU_S} s"
    if done.returncode == -signal.SIGXCPU:
        return 124, f"not done after {_CPU_S} s of processor time"
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_S, _CPU_S + 5))


def _is_whole(top_mm: float, height_mm: float, tip_mm: float) -> bool:
    """Whether a print ends where the part does; it may leave out a tip that is narrower than its line."""
    return -_LAYERS_MM - tip_mm <= top_mm - height_mm <= _LAYERS_MM


def check_with_prusa(path: Path, height_mm: float, colors: int = 1, *, tip_mm: float = 0.0) -> Sliced | None:
    """PrusaSlicer: manifold without repair, and G-code as high as the part in as many filaments as colours."""
    if not shutil.which("prusa-slicer"):
        return None
    _, said = _run(["prusa-slicer", "--info", path])
    facts = dict(re.findall(r"^(\w+)\s*=\s*(\S+)\s*$", said, re.MULTILINE))
    repaired = sorted({"open_edges", "facets_reversed", "edges_fixed", "facets_removed"} & set(facts))
    if facts.get("manifold") != "yes" or repaired:
        return Sliced(ok=False, why=f"manifold {facts.get('manifold')} {' '.join(repaired)}".strip())
    with tempfile.TemporaryDirectory() as folder:
        config, code = Path(folder) / "multi.ini", Path(folder) / "out.gcode"
        nozzles = max(colors, 1)
        config.write_text(
            f"nozzle_diameter = {','.join(['0.4'] * nozzles)}\n"
            f"filament_diameter = {','.join(['1.75'] * nozzles)}\n"
            f"single_extruder_multi_material = {int(nozzles > 1)}\nlayer_height = 0.2\nskirts = 0\n"
        )
        status, said = _run(["prusa-slicer", "--load", config, "-g", path, "-o", code])
        if status or not code.exists():
            return Sliced(ok=False, why=f"ended with {status}: {said.strip()[-120:]}")
        text = code.read_text(errors="replace")
    heights = [float(z) for z in re.findall(r"^;Z:([\d.]+)", text, re.MULTILINE)]
    top = max(heights, default=0.0)
    tools = len(set(re.findall(r"^T(\d)", text, re.MULTILINE))) or 1
    empty = "Empty layer" in said
    ok = _is_whole(top, height_mm, tip_mm) and not empty
    return Sliced(
        ok=ok,
        why="" if ok else f"prints {top} of {height_mm} mm{', empty layers' * empty}",
        height_mm=top,
        tools=tools,
    )


def check_with_slic3r(path: Path, height_mm: float, *, tip_mm: float = 0.0) -> Sliced | None:
    """slic3r, which repairs silently: only that it slices, to the full height."""
    if not shutil.which("slic3r"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "out.gcode"
        status, said = _run(
            [
                "slic3r",
                "--no-gui",
                "--skirts",
                0,
                "--layer-height",
                0.2,
                "--first-layer-height",
                0.2,
                "-o",
                code,
                path,
            ]
        )
        if status or not code.exists():
            return Sliced(ok=False, why=f"ended with {status}: {said.strip()[-120:]}")
        top = _highest(code.read_text(errors="replace"))
    ok = _is_whole(top, height_mm, tip_mm)
    return Sliced(ok=ok, why="" if ok else f"prints {top} of {height_mm} mm", height_mm=top)


def _find_cura() -> list[Path]:
    """Where the definitions may be, the first that exists."""
    named = os.environ.get("SLIPCAST_CURA")
    unpacked = Path(__file__).parents[1] / ".clients" / "cura" / "usr" / "share" / "cura" / "resources"
    return [*([Path(named)] if named else []), Path("/usr/share/cura/resources"), unpacked]


def check_with_cura(path: Path, height_mm: float, *, tip_mm: float = 0.0) -> Sliced | None:
    """CuraEngine, the one that shares no ancestor with the others."""
    resources = next((place for place in _find_cura() if (place / "definitions").exists()), None)
    if not shutil.which("CuraEngine") or resources is None:
        return None
    definition = resources / "definitions" / "fdmprinter.def.json"
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "out.gcode"
        where = f"CURA_ENGINE_SEARCH_PATH={resources / 'definitions'}:{resources / 'extruders'}"
        command: list[object] = ["env", where, "CuraEngine", "slice", "-j", definition, "-o", code, "-e0"]
        settings = ("adhesion_type=none", "machine_start_gcode=", "layer_height=0.2", "layer_height_0=0.2")
        for setting in settings:
            command += ["-s", setting]
        status, said = _run([*command, "-l", path.resolve()])
        if status or not code.exists():
            return Sliced(ok=False, why=f"ended with {status}: {said.strip()[-120:]}")
        top = _highest(code.read_text(errors="replace"))
    ok = _is_whole(top, height_mm, tip_mm)
    return Sliced(ok=ok, why="" if ok else f"prints {top} of {height_mm} mm", height_mm=top)


def _highest(code: str) -> float:
    """The greatest height at which material is laid."""
    z = top = 0.0
    for line in code.splitlines():
        if line.startswith(("G0 ", "G1 ")):
            found = re.search(r" Z([\d.]+)", line)
            z = float(found[1]) if found else z
            if " E" in line and (" X" in line or " Y" in line):
                top = max(top, z)
    return round(top, 3)


def check_with_admesh(path: Path) -> Sliced | None:
    """admesh: no facet without a neighbour, none turned, none taken away."""
    if not shutil.which("admesh"):
        return None
    status, said = _run(["admesh", path])
    rows = dict(
        re.findall(
            r"^(Total disconnected facets|Facets reversed|Backwards edges|Edges fixed)\s*:\s*(\d+)",
            said,
            re.MULTILINE,
        )
    )
    wrong = [f"{key} {value}" for key, value in rows.items() if int(value)]
    ok = status == 0 and len(rows) >= 3 and not wrong
    return Sliced(ok=ok, why="" if ok else ", ".join(wrong) or f"ended with {status}")


def cure_with_prusa(path: Path, *, layer_mm: float = 0.1) -> Cured | None:
    """PrusaSlicer's layers for a resin printer, without supports and pad, as a stack: cured volume, traps, cavity."""
    if not shutil.which("prusa-slicer"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "out.sl1"
        wide, deep = _SCREEN_MM
        status, said = _run(
            ["prusa-slicer", "--export-sla", "--supports-enable=0", "--pad-enable=0", f"--layer-height={layer_mm}",
             f"--initial-layer-height={layer_mm}", f"--display-width={wide}", f"--display-height={deep}",
             f"--bed-shape=0x0,{wide}x0,{wide}x{deep},0x{deep}", "--max-print-height=400", path, "-o", archive]
        )  # fmt: skip
        if status or not archive.exists():
            return Cured(ok=False, why=f"ended with {status}: {said.strip()[-120:]}")
        stack = _read_layers(archive)
    cell = (wide / 1280) ** 2 * layer_mm
    padded = np.pad(stack, 1)
    air, _ = ndimage.label(~padded)
    outside = air == air[0, 0, 0]
    trapped = ~padded & ~outside
    labels, count = ndimage.label(trapped)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:] * cell
    inner = sum(float((ndimage.binary_fill_holes(layer) & ~layer).sum()) for layer in stack) * cell
    return Cured(
        ok=True,
        volume_mm3=float(stack.sum()) * cell,
        trapped_mm3=float(sizes[sizes >= _TRAP_MM3].sum()),
        inner_mm3=inner,
    )


def _read_layers(archive: Path) -> Bool:
    """(layers,720,1280) which pixels are cured, at half the printer's resolution, cut to what is used."""
    layers = []
    with zipfile.ZipFile(archive) as package:
        for name in sorted(
            entry for entry in package.namelist() if entry.endswith(".png") and "thumbnail" not in entry
        ):
            picture = cv2.imdecode(np.frombuffer(package.read(name), np.uint8), cv2.IMREAD_GRAYSCALE)
            assert picture is not None
            layers.append(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) > 127)
    stack = np.stack(layers)
    rows, columns = np.flatnonzero(stack.any((0, 2))), np.flatnonzero(stack.any((0, 1)))
    if not len(rows):
        return np.zeros((1, 1, 1), bool)
    return np.asarray(stack[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], bool)
