"""Every mesh file below some folders: what our readers say, against trimesh; FBX against ufbx, 3MF against lib3mf.

    python -m evaluation.read_samples FOLDER... [--readers PYTHON] [--json FILE]

Prints one line for each file that is refused, ends in an unexpected error, or has another size, unit or number of
triangles than the other reader sees, and a table of counts. A file that was read before under another name is passed
over. PYTHON is an interpreter that has `ufbx` and `lib3mf`, as scripts/test-clients installs it.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import trimesh

from slipcast.core.errors import BadInput
from slipcast.formats.inspect import READERS, read_content

TESTS = Path(__file__).parents[1] / "tests"
TOLERANCE = 1e-3
"""Of the longest side: what two readers' boxes may differ by."""


def main() -> None:
    """Read all files and print what is worth a look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--readers", type=Path)
    parser.add_argument("--json", type=Path)
    wanted = parser.parse_args()
    rows = []
    for path in distinct(wanted.folders):
        row = ours(path) | {"other": theirs(path, wanted.readers)}
        row["verdict"] = verdict(row)
        rows.append(row)
        if row["verdict"] not in ("same", "no other reader"):
            told = row.get("said") or f"ours {row['seen']} theirs {row['other']}"
            sys.stdout.write(f"{row['verdict']:12} {path}: {told}\n")
            sys.stdout.flush()
    counts = Counter((Path(str(row["file"])).suffix.lower(), str(row["verdict"])) for row in rows)
    for (suffix, word), count in sorted(counts.items()):
        sys.stdout.write(f"{suffix:6} {word:16} {count}\n")
    sys.stdout.write(f"{len(rows)} files\n")
    if wanted.json:
        wanted.json.write_text(json.dumps(rows, indent=1))


def distinct(folders: list[Path]) -> Iterator[Path]:
    """The mesh files below the folders in order of their names, each content once."""
    known = set()
    for path in sorted(found for folder in folders for found in folder.rglob("*") if found.is_file()):
        if path.suffix.lower() in READERS:
            mark = hashlib.sha256(path.suffix.lower().encode() + path.read_bytes()).digest()
            if mark not in known:
                known.add(mark)
                yield path


def ours(path: Path) -> dict[str, object]:
    """Our box in file units, triangles and unit, or why there are none."""
    start = time.perf_counter()
    try:
        content = read_content(path)
    except BadInput as error:
        return {"file": str(path), "refused": True, "said": str(error).replace(str(path), "").strip()}
    except Exception as error:  # noqa: BLE001 - what this is here to find
        return {"file": str(path), "failed": True, "said": f"{type(error).__name__}: {error}"}
    seconds = round(time.perf_counter() - start, 2)
    used = content.points[np.unique(content.faces)]
    box = [*used.min(axis=0).tolist(), *used.max(axis=0).tolist()]
    seen = {"box": box, "faces": len(content.faces), "unit_m": content.unit_m}
    return {"file": str(path), "seen": seen, "seconds": seconds}


def theirs(path: Path, python: Path | None) -> dict[str, object] | None:
    """What another reader sees; None where it does not read the file."""
    script = {".fbx": "ufbx_scene.py", ".3mf": "lib3mf_box.py"}.get(path.suffix.lower())
    if script is not None:
        return None if python is None else _asked(path, python, script)
    try:
        scene = trimesh.load_scene(path, process=False)
        shapes = [
            (shape, scene.graph[node][0])
            for node in scene.graph.nodes_geometry
            if isinstance(shape := scene.geometry[scene.graph[node][1]], trimesh.Trimesh) and len(shape.faces)
        ]
        points = np.concatenate(
            [
                trimesh.transform_points(shape.vertices[np.unique(shape.faces)], world)
                for shape, world in shapes
            ]
        )
    except Exception:  # noqa: BLE001 - whatever it stumbles over
        return None
    box = [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
    return {"box": box, "faces": sum(len(shape.faces) for shape, _ in shapes)}


def _asked(path: Path, python: Path, script: str) -> dict[str, object] | None:
    sys.path.insert(0, str(TESTS))
    from clients.programs import call

    try:
        (facts,) = call([python, TESTS / "clients" / script, path])
    except (AssertionError, ValueError):
        return None
    return facts if facts["box"] else None


def verdict(row: dict[str, object]) -> str:
    """In a word, how our reading went."""
    if row.get("failed"):
        return "FAILED"
    seen, other = row.get("seen"), row["other"]
    if not isinstance(seen, dict):
        return "refused" if other else "refused, both"
    if not isinstance(other, dict):
        return "no other reader"
    a, b = (np.array(told["box"]).reshape(2, 3) for told in (seen, other))
    side = max(float(np.ptp(b, axis=0).max()), 1e-12)
    if not np.abs(a - b).max() <= TOLERANCE * side:
        return "OTHER SIZE"
    if "unit_m" in other and not np.isclose(seen["unit_m"], other["unit_m"], rtol=1e-6):
        return "OTHER UNIT"
    return "same" if other.get("faces", seen["faces"]) == seen["faces"] else "OTHER FACES"


if __name__ == "__main__":
    main()
