#!/usr/bin/env bash
# trimesh reads an OBJ whose faces count backwards with other corners than written, without a word.
#
# Expected: a negative index of a face counts back from the vertices that stand before that line (-1 is the last one so
#   far), so that pieces can be written one after the other.
# So is: it counts back from the end of the whole file. Two unit squares 10 apart, each written with its own vertices,
#   become the second square twice: 1 wide instead of 11. Faces keep their number and nothing is said.
# Versions: trimesh 5.2.0, numpy 2.4.6. Seen: 2026-11-30. Source: running it; Wavefront's «Advanced Visualizer Manual»,
#   appendix B1, «Referencing vertex data».
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env" && "$work/env/bin/pip" install -q --disable-pip-version-check trimesh==5.2.0 numpy==2.4.6 2>/dev/null
cd "$work" && env/bin/python - <<'PY'
import sys
import trimesh

SQUARE = "v {0} 0 0\nv {1} 0 0\nv {1} 1 0\nv {0} 1 0\n"
with open("forward.obj", "w") as out:
    out.write(SQUARE.format(0, 1) + "f 1 2 3 4\n" + SQUARE.format(10, 11) + "f 5 6 7 8\n")
with open("backward.obj", "w") as out:
    out.write(SQUARE.format(0, 1) + "f -4 -3 -2 -1\n" + SQUARE.format(10, 11) + "f -4 -3 -2 -1\n")
forward, backward = (trimesh.load_scene(f"{name}.obj").extents.tolist() for name in ("forward", "backward"))
print("trimesh", trimesh.__version__)
print("counted forward ", forward, "right [11, 1, 0]")
print("counted backward", backward, "right [11, 1, 0]")
sys.exit(0 if (forward[0], backward[0]) == (11.0, 1.0) else 1)
PY
