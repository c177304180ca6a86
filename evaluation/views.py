"""python -m evaluation.views SETS: score assets made from several views against true, painted figurines.

    python -m evaluation.views SETS --json FILE                        # convert front, left, back and right, then score
    python -m evaluation.views SETS --sides front,left,back,right,front_left,back_left
    python -m evaluation.views SETS --assets FOLDER                    # score FOLDER/NAME.glb
    python -m evaluation.views samples --only knight

SETS holds NAME/case.json with a picture of each side and the true mesh, whose paint is its base colour texture, or its
colours per vertex (coarser than what was photographed, where vertices are few). Points, alignment, cd, f05, nc and
closed are those of scripts/evaluate (evaluation/protocol.py). Besides:

    iou     mean overlap of the silhouettes of front, left, back and right, each from its own camera
    tex     mean CIEDE2000 between the asset's colour and the true one, at true points that one of these cameras sees
            and that have asset surface within 0.1 of half the longest side; the nearest asset point counts
    seam    steps of colour that the truth has not: over pairs of asset points 0.01 to 0.03 apart, by how much their
            CIEDE2000 exceeds the largest one among the true colours within 0.06 of them
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

from evaluation.cases import Case, find_turntables
from evaluation.protocol import align, outer_points
from evaluation.shape import Shape, read_shape, welded
from evaluation.tables import Table
from slipcast import Workshop
from slipcast.core.errors import BadInput, SlipcastError
from slipcast.core.values import F32, F64, Bool, Figurine
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.mesh.sample import sample
from slipcast.prepare.palette import ciede2000, lab_from_srgb

COLUMNS = ("cd", "f05", "nc", "iou", "tex", "seam", "closed")
TABLE = Table(columns=COLUMNS)
FOUR = ("front", "left", "back", "right")
POINTS = 25_000
_PAIRS = 8000
_NEAR = 0.1
"""Points farther from the other surface tell nothing of its colours."""


class Colors:
    """Triangles that know the colour of every place."""

    def __init__(self, vertices: F64, faces: Any) -> None:
        import open3d

        self.faces = np.asarray(faces, np.int64)
        core: Any = open3d.core
        self._tensor = core.Tensor
        self._scene: Any = open3d.t.geometry.RaycastingScene()
        self._scene.add_triangles(
            self._tensor(np.ascontiguousarray(vertices, np.float32)),
            self._tensor(np.ascontiguousarray(faces, np.uint32)),
        )

    def places(self, points: F64) -> tuple[Any, F32]:
        """(N,) nearest faces of (N,3) points and (N,3) weights of their corners."""
        found = self._scene.compute_closest_points(self._tensor(points.astype(np.float32)))
        u, v = found["primitive_uvs"].numpy().T
        return found["primitive_ids"].numpy().astype(np.int64), np.stack([1 - u - v, u, v], 1)


def true_colors(path: Path, points: F64) -> F64:
    """(N,3) Lab of the true mesh's paint at (N,3) points of its own frame; BadInput where it has none."""
    import trimesh

    told = trimesh.load(path, process=False)
    parts = list(getattr(told, "geometry", {}).values())
    mesh = parts[0] if len(parts) == 1 else told.to_mesh() if parts else told
    face, weights = Colors(mesh.vertices, mesh.faces).places(points)
    corner = np.asarray(mesh.faces)[face]
    picture = getattr(getattr(mesh.visual, "material", None), "baseColorTexture", None)
    if picture is not None and mesh.visual.uv is not None:
        # trimesh counts v from the lower edge.
        uv = np.einsum("nk,nkc->nc", weights, np.asarray(mesh.visual.uv)[corner]) * [1, -1] + [0, 1]
        return lab_from_srgb(
            sample(np.asarray(picture.convert("RGB")), uv.astype(np.float32)).astype(np.uint8)
        )
    # Beside a material trimesh keeps them as they came.
    kept = getattr(mesh.visual, "vertex_attributes", {})
    own = mesh.visual.vertex_colors if getattr(mesh.visual, "kind", None) == "vertex" else None
    colors = np.asarray(kept.get("color", own))
    if colors.ndim != 2 or len(colors) != len(mesh.vertices):
        raise BadInput(
            f"{path} has no paint; a true figurine needs a base colour texture or its colours in COLOR_0"
        )
    linear = colors[:, :3].astype(np.float64) / np.iinfo(colors.dtype).max
    there = np.einsum("nk,nkc->nc", weights, linear[corner])
    shown = np.where(there <= 0.0031308, there * 12.92, 1.055 * there ** (1 / 2.4) - 0.055)
    return lab_from_srgb(np.rint(shown * 255).astype(np.uint8))


def own_colors(figurine: Figurine, points: F64) -> F64:
    """(N,3) Lab of the asset's colours at (N,3) points of its own frame."""
    face, weights = Colors(figurine.mesh.vertices.astype(np.float64), figurine.mesh.faces).places(points)
    uv = (figurine.uv[face] * weights[..., None]).sum(1).astype(np.float32)
    return lab_from_srgb(np.asarray(sample(figurine.texture.pixels, uv), np.uint8))


def score(figurine: Figurine, cases: Mapping[str, Case], points: int = POINTS) -> dict[str, float]:
    """Return the columns' numbers for an asset as the product writes it, by the `cases` of its four sides."""
    front = cases["front"]
    own = read_shape(front.truth)
    low, high = own.bounds
    middle, scale = (low + high) / 2, 2 / float((high - low).max())
    mine = welded(figurine.mesh.vertices.astype(np.float64), figurine.mesh.faces.astype(np.int64))
    my_low, my_high = mine.bounds
    factor = float((high - low)[1] / (my_high - my_low)[1])
    # In the true mesh's frame: as tall, the boxes' middles in one place.
    placed = mine.moved(-(my_low + my_high) / 2, factor).moved(middle)
    truth, ours = own.moved(-middle, scale), placed.moved(-middle, scale)
    g, g_normals = outer_points(truth, points, seed=0)
    p, p_normals = outer_points(ours, points, seed=1)
    rng = np.random.default_rng(2)
    turn, shift, grown = align(p[rng.permutation(len(p))[:10_000]], g[rng.permutation(len(g))[:20_000]])
    q, q_normals = grown * p @ turn.T + shift, p_normals @ turn.T
    acc, to_true = cKDTree(g).query(q)
    com, to_ours = cKDTree(q).query(g)
    precision, recall = float((acc < 0.05).mean()), float((com < 0.05).mean())
    cosines = [
        np.abs((q_normals * g_normals[to_true]).sum(1)).mean(),
        np.abs((g_normals * q_normals[to_ours]).sum(1)).mean(),
    ]
    overlaps, seen = [], np.zeros(len(g), bool)
    for case in cases.values():
        shared, sees = _look(case, placed, g / scale + middle)
        overlaps.append(shared)
        seen |= sees
    my_lab = own_colors(figurine, p / scale / factor + (my_low + my_high) / 2)
    true_lab = true_colors(front.truth, g / scale + middle)
    told = seen & (com < _NEAR)
    return {
        "cd": float(acc.mean() + com.mean()) / 2,
        "f05": 2 * precision * recall / max(precision + recall, 1e-9),
        "nc": float(np.mean(cosines)),
        "iou": float(np.mean(overlaps)),
        "tex": float(ciede2000(my_lab[to_ours[told]], true_lab[told]).mean()) if told.any() else float("nan"),
        "seam": _seam(q, q_normals, my_lab, acc, g, true_lab),
        "closed": float(mine.closed),
    }


def _look(case: Case, placed: Shape, points: F64) -> tuple[float, Bool]:
    """How much silhouettes share from a case's camera, and which (N,3) points of the true mesh it sees."""
    turn, truth, eye = case.turn, case.true_shape(), np.array([0.0, 0.0, case.distance])
    one, other = (
        shape.silhouette(eye, case.fov_deg)
        for shape in (truth, placed.moved(-turn @ np.array(case.target), turn=turn))
    )
    way = (points - case.target) @ turn.T - eye
    hit = truth.hits(np.broadcast_to(eye, way.shape), way)
    return float((one & other).sum() / max(int((one | other).sum()), 1)), np.abs(hit - 1) < 4e-3


def _seam(points: F64, normals: F64, lab: F64, apart: F64, true: F64, true_lab: F64) -> float:
    """The mean step of colour that the truth has not, over near pairs of points."""
    rng = np.random.default_rng(3)
    one = rng.permutation(np.flatnonzero(apart < _NEAR))[:_PAIRS]
    way, near = cKDTree(points).query(points[one], k=16)
    fits = (way > 0.01) & (way < 0.03) & ((normals[near] * normals[one][:, None]).sum(-1) > 0.7)
    has = fits.any(1)
    if not has.any():
        return float("nan")
    one, pick = one[has], np.where(fits[has], way[has], -1).argmax(1)
    other = near[has][np.arange(len(one)), pick]
    way, around = cKDTree(true).query((points[one] + points[other]) / 2, k=24)
    close = way < np.maximum(0.06, way[:, :4].max(1))[:, None]
    colors, most = true_lab[around], np.zeros(len(one))
    for k in range(0, 24, 3):
        apart_from = ciede2000(np.repeat(colors[:, k], 24, 0).reshape(-1, 3), colors.reshape(-1, 3)).reshape(
            close.shape
        )
        most = np.maximum(most, np.where(close & close[:, k : k + 1], apart_from, 0).max(1))
    return float(np.maximum(0, ciede2000(lab[one], lab[other]) - most).mean())


def _rows(asked: argparse.Namespace, sides: Sequence[str]) -> Iterator[tuple[str, dict[str, float] | str]]:
    with Workshop() as shop:
        for name, cases in find_turntables(asked.folder, (*sides, *FOUR)).items():
            if asked.only and name not in asked.only:
                continue
            try:
                if asked.assets:
                    figurine = read_figurine(asked.assets / f"{name}.glb")
                else:
                    pictures = {side: cases[side].picture for side in sides}
                    done = shop.convert(views=pictures, name=name, formats=("glb",))
                    figurine = done.figurine
                    if asked.out:
                        done.save(asked.out)
                yield name, score(figurine, {side: cases[side] for side in FOUR}, asked.points)
            except (SlipcastError, OSError) as error:
                yield name, str(error)


def main() -> int:
    """The command."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("folder", type=Path, metavar="SETS")
    say.add_argument("--sides", default=",".join(FOUR), help="sides that are given to the product")
    say.add_argument("--assets", type=Path, help="score NAME.glb of this folder instead of converting")
    say.add_argument("--out", type=Path, help="write the converted assets into this folder")
    say.add_argument("--only", nargs="+", metavar="NAME", help="these sets alone")
    say.add_argument("--points", type=int, default=POINTS, help="points on each surface")
    say.add_argument("--json", type=Path, help="write the numbers here")
    asked = say.parse_args()
    try:
        rows, failed = TABLE.show("set", _rows(asked, tuple(asked.sides.split(","))))
    except SlipcastError as error:
        print(f"views: {error}", file=sys.stderr)
        return 2
    if not rows:
        return 1
    if asked.json:
        mean = TABLE.mean(rows.values())
        asked.json.write_text(json.dumps({"mean": mean, "sets": rows}, indent=1) + "\n", encoding="utf-8")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
