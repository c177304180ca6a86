"""Every mesh file below some folders: what our readers say, against trimesh; FBX against ufbx, 3MF against lib3mf.

    python -m evaluation.read_samples FOLDER... [--readers PYTHON] [--json FILE]

Prints one line for each file that is refused, ends in an unexpected error, or has another size than the other reader
sees, and a table of counts. PYTHON is an interpreter that has `ufbx` and `lib3mf`, as scripts/test-clients installs it.
"""

import argparse
import json
import sys
import time
from collections import Counter
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
    files = sorted(
        path for folder in wanted.folders for path in folder.rglob("*") if path.suffix.lower() in READERS
    )
    rows = []
    for path in files:
        row = ours(path) | {"other": theirs(path, wanted.readers)}
        row["verdict"] = verdict(row)
        rows.append(row)
        if row["verdict"] not in ("same", "no other reader"):
            told = row.get("said") or f"ours {row['box']} theirs {row['other']}"
            sys.stdout.write(f"{row['verdict']:12} {path}: {told}\n")
            sys.stdout.flush()
    counts = Counter((Path(str(row["file"])).suffix.lower(), str(row["verdict"])) for row in rows)
    for (suffix, word), count in sorted(counts.items()):
        sys.stdout.write(f"{suffix:6} {word:16} {count}\n")
    sys.stdout.write(f"{len(rows)} files\n")
    if wanted.json:
        wanted.json.write_text(json.dumps(rows, indent=1))


def ours(path: Path) -> dict[str, object]:
    """Our box in file units, or why there is none."""
    start = time.perf_counter()
    try:
        content = read_content(path)
    except BadInput as error:
        return {"file": str(path), "refused": True, "said": str(error).replace(str(path), "").strip()}
    except Exception as error:  # noqa: BLE001 - what this is here to find
        return {"file": str(path), "failed": True, "said": f"{type(error).__name__}: {error}"}
    used = content.points[np.unique(content.faces)]
    box = [*used.min(axis=0).tolist(), *used.max(axis=0).tolist()]
    return {"file": str(path), "box": box, "seconds": round(time.perf_counter() - start, 2)}


def theirs(path: Path, python: Path | None) -> list[float] | None:
    """The box that another reader sees; None where it does not read the file."""
    script = {".fbx": "ufbx_scene.py", ".3mf": "lib3mf_box.py"}.get(path.suffix.lower())
    if script is not None:
        return None if python is None else _asked(path, python, script)
    try:
        scene = trimesh.load_scene(path, process=False)
        boxes = [
            trimesh.transform_points(shape.vertices[np.unique(shape.faces)], scene.graph[node][0])
            for node in scene.graph.nodes_geometry
            if isinstance(shape := scene.geometry[scene.graph[node][1]], trimesh.Trimesh) and len(shape.faces)
        ]
        points = np.concatenate(boxes)
    except Exception:  # noqa: BLE001 - whatever it stumbles over
        return None
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]


def _asked(path: Path, python: Path, script: str) -> list[float] | None:
    sys.path.insert(0, str(TESTS))
    from clients.programs import call

    try:
        (facts,) = call([python, TESTS / "clients" / script, path])
    except (AssertionError, ValueError):
        return None
    box = facts["box"]
    return box if isinstance(box, list) and box else None


def verdict(row: dict[str, object]) -> str:
    """In a word, how our reading went."""
    if row.get("failed"):
        return "FAILED"
    other = row["other"]
    if row.get("refused"):
        return "refused" if other else "refused, both"
    if not isinstance(other, list):
        return "no other reader"
    a, b = np.array(row["box"]).reshape(2, 3), np.array(other).reshape(2, 3)
    side = max(float(np.ptp(b, axis=0).max()), 1e-12)
    return "same" if np.abs(a - b).max() <= TOLERANCE * side else "OTHER SIZE"


if __name__ == "__main__":
    main()
