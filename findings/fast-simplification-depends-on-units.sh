#!/usr/bin/env bash
# fast-simplification collapses edges in the order of the list where the mesh is small in its unit.
#
# Expected: quadric edge collapse takes the edges first that cost least, so the same shape in metres, decimetres or
#   millimetres comes out as the same mesh in other units, as far from the original in proportion.
# So is: edges go whose error lies below a threshold that rises from pass to pass, 1e-9 (pass + 3)^agg, and errors are
#   squares of lengths in the mesh's unit. A shape 0.02 units large has all its errors below the first threshold: edges
#   go in the order of the list, a smaller `agg` helps little, and the result lies 10 times as far from the surface
#   as that of the same shape 10 units large. 50 units large it stops above the count that was asked for (agg 3).
#   Cure: scale the mesh to some 10 units before, and back after.
# Versions: fast-simplification 0.2.0, manifold3d 3.5.4, numpy 2.4.6. Seen: 2026-11-29. Source: running it.
set -euo pipefail
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/env"
"$work/env/bin/pip" install -q --disable-pip-version-check numpy==2.4.6 fast-simplification==0.2.0 manifold3d==3.5.4 2>/dev/null
cd "$work" && env/bin/python - <<'PY'
import sys
from importlib.metadata import version

import fast_simplification
import manifold3d
import numpy as np

print("fast-simplification", version("fast-simplification"))
# A box and a ball as one solid of 90,582 faces; how far a point is from both their surfaces is plain.
ball = manifold3d.Manifold.sphere(0.4, 200).translate((0.5, 0.5, 0.5))
solid = (manifold3d.Manifold.cube((1, 1, 0.5)).refine_to_length(0.01) + ball).to_mesh()
points, faces = np.array(solid.vert_properties[:, :3], order="C"), np.array(solid.tri_verts, np.int32, order="C")


def distance(at):
    beyond = np.abs(at - [0.5, 0.5, 0.25]) - [0.5, 0.5, 0.25]
    box = np.linalg.norm(np.maximum(beyond, 0), axis=1) + np.minimum(beyond.max(1), 0)
    return np.abs(np.minimum(box, np.linalg.norm(at - 0.5, axis=1) - 0.4))


far = {}
for size in (0.02, 10.0, 50.0):
    for agg in (3, 7):
        made, kept = fast_simplification.simplify(
            (points * size).astype(np.float32), faces, target_count=4000, agg=agg
        )
        corner = (made / size)[kept].astype(np.float64)
        area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
        off = float((distance(corner.mean(1)) * area).sum() / area.sum())
        far[size, agg] = off
        print(f"{size:5g} units, agg {agg}: {len(kept)} faces of 4000 asked, {off:.6f} of the size off on average")
sys.exit(0 if far[0.02, 3] > 3 * far[10.0, 3] else 1)
PY
