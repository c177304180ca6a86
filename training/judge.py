"""Weights against cases with a true mesh, in depth space: cheap enough to run while training.

usage: python -m training.judge --cases DIR --checkpoint RUN/checkpoint.pt [--sheet OUT.png]

DIR holds NAME.png, NAME.gt.glb (camera axes: x right, y up, z to the viewer, the camera at z = distance) and
NAME.case.json (fov_deg, distance). Per case, in crop sides: mean absolute error of front, back and thickness; dr:
our depth extent over the true one (2nd to 98th percentile over both shells); f05 and cd of the two shells as
points, longest side 2, after taking the mean offset away. `dome` is the inflated silhouette times a constant.
These are no scores of meshes; they say early which way training goes.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from slipcast.depth.figurine.net import FigurineNet, NetConfig, shells
from slipcast.depth.inflate import inflate_small
from training.batches import network_input, to_tensors
from training.pool import layout
from training.render import FILL, Caster, pair_of_shells

Array = NDArray[np.float32]


def case_record(folder: Path, name: str, side_px: int) -> tuple[NDArray[np.void], float]:
    """One case as a pool record, and its crop's side over the focal length (the rays' spread)."""
    case = json.loads((folder / f"{name}.case.json").read_text())
    mesh = trimesh.load(folder / f"{name}.gt.glb", process=False).to_mesh()
    caster = Caster(np.asarray(mesh.vertices, np.float32), np.asarray(mesh.faces, np.int32))
    distance, slope = float(case["distance"]), float(np.tan(np.radians(case["fov_deg"]) / 2))
    picture = cv2.imread(str(folder / f"{name}.png"), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise FileNotFoundError(folder / f"{name}.png")
    full = picture.shape[0]

    def rays(low: NDArray[np.floating], side: float, px: int) -> Array:
        g = (np.arange(px) + 0.5) / px * side
        x, y = np.meshgrid((low[0] + g) / full * 2 - 1, 1 - (low[1] + g) / full * 2)
        return np.stack([x * slope, y * slope, -np.ones_like(x)], -1).astype(np.float32)

    valid, _, _ = pair_of_shells(caster, rays(np.zeros(2, np.float32), full, full), distance)
    ys, xs = np.nonzero(valid)
    size = max(np.ptp(xs), np.ptp(ys)) + 1
    side = size / FILL
    low = np.array([xs.min() + xs.max() + 1 - side, ys.min() + ys.max() + 1 - side], np.float32) / 2
    record = np.zeros((), layout(side_px))
    inside, front, back = pair_of_shells(caster, rays(low, side, side_px), distance)
    plane = float(np.median((front + back)[inside] / 2))
    unit = 2 * slope * side / full * plane
    record["front"] = np.where(inside, (plane - front) / unit, np.nan)
    record["back"] = np.where(inside, (plane - back) / unit, np.nan)
    record["dome"] = inflate_small(inside) / side_px
    record["view"] = (case["yaw_deg"], case["pitch_deg"], 0, case["fov_deg"])
    alpha = np.where(valid, 255, 0).astype(np.float32)
    place = np.array(
        [[side_px / side, 0, -low[0] * side_px / side], [0, side_px / side, -low[1] * side_px / side]]
    )
    blur = max(side / side_px / 2.5, 1e-3)
    soft = [cv2.GaussianBlur(p.astype(np.float32), (0, 0), blur) for p in (picture[..., :3], alpha)]
    warped = [cv2.warpAffine(p, place, (side_px, side_px), flags=cv2.INTER_LINEAR) for p in soft]
    record["rgb"] = warped[0][..., ::-1].clip(0, 255).astype(np.uint8)
    record["alpha"] = warped[1].clip(0, 255).astype(np.uint8)
    return record, 2 * slope * side / full


def points(front: Array, back: Array, inside: NDArray[np.bool_], spread: float) -> Array:
    """Both shells as points, crop sides; `spread` is crop side over focal length."""
    side = inside.shape[0]
    g = (np.arange(side) + 0.5) / side - 0.5
    x, y = np.meshgrid(g, -g)
    parts = []
    for z in (front, back):
        scale = 1 - z * spread
        parts.append(np.stack([x * scale, y * scale, z], -1)[inside])
    return np.concatenate(parts)


def compare(ours: Array, true: Array) -> tuple[float, float]:
    """cd and f05 of two clouds, each thinned to 6000, the true one's longest side being 2."""
    rng = np.random.default_rng(0)
    scale = 2 / np.ptp(true, axis=0).max()
    a, b = ((p - p.mean(0)) * scale for p in (ours, true))
    a, b = (p[rng.permutation(len(p))[:6000]] for p in (a, b))
    to_b, to_a = cKDTree(b).query(a)[0], cKDTree(a).query(b)[0]
    precision, recall = (to_b < 0.05).mean(), (to_a < 0.05).mean()
    return float(to_b.mean() + to_a.mean()) / 2, float(2 * precision * recall / max(precision + recall, 1e-9))


def measure(front: Array, back: Array, record: NDArray[np.void], spread: float) -> dict[str, float]:
    """The row of one case."""
    true_front, true_back = record["front"].astype(np.float32), record["back"].astype(np.float32)
    inside = np.isfinite(true_front)
    both = [np.concatenate([f[inside], b[inside]]) for f, b in ((front, back), (true_front, true_back))]
    extent = [np.ptp(np.percentile(values, [2, 98])) for values in both]
    cd, f05 = compare(points(front, back, inside, spread), points(true_front, true_back, inside, spread))
    return {
        "front": float(np.abs(front - true_front)[inside].mean()),
        "back": float(np.abs(back - true_back)[inside].mean()),
        "thick": float(np.abs((front - back) - (true_front - true_back))[inside].mean()),
        "dr": float(extent[0] / extent[1]),
        "cd": cd,
        "f05": f05,
    }


@torch.no_grad()
def predict(net: FigurineNet, records: NDArray[np.void]) -> tuple[Array, Array]:
    """front, back (N,S,S), averaged with the mirrored picture."""
    t = to_tensors(records, torch.device("cpu"))
    x = network_input(t["rgb"], t["alpha"], t["dome"])
    twin = torch.cat([x[:, :5].flip(-1), x[:, 5:]], 1)
    there = torch.stack(shells(net(x), x[:, 4]), 1)
    turned = torch.stack(shells(net(twin), twin[:, 4]), 1)
    both = ((there + turned.flip(-1)) / 2).numpy()
    return both[:, 0], both[:, 1]


def main() -> None:
    """Print the table."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--cases", type=Path, required=True)
    say.add_argument("--checkpoint", type=Path, required=True)
    say.add_argument("--scale", type=float, default=0.8, help="of the dome")
    say.add_argument("--sheet", type=Path)
    args = say.parse_args()
    torch.set_num_threads(1)
    state = torch.load(args.checkpoint, map_location="cpu", weights_only=True)
    net = FigurineNet(NetConfig.from_json(state["config"])).eval()
    net.load_state_dict(state["mean"])
    names = sorted(path.name[:-7] for path in args.cases.glob("*.gt.glb"))
    found = [case_record(args.cases, name, net.config.side_px) for name in names]
    records = np.stack([record for record, _ in found])
    fronts, backs = predict(net, records)
    rows: dict[str, list[dict[str, float]]] = {"dome": [], "net": []}
    for k, (record, spread) in enumerate(found):
        dome = record["dome"].astype(np.float32) * args.scale
        rows["dome"].append(measure(dome, -dome, record, spread))
        rows["net"].append(measure(fronts[k], backs[k], record, spread))
        shown = [" ".join(f"{key} {value:.3f}" for key, value in rows[kind][-1].items()) for kind in rows]
        print(f"{names[k]:22s} {shown[1]} | {shown[0]}")
    for kind, table in rows.items():
        means = {key: np.mean([row[key] for row in table]) for key in table[0]}
        log_dr = np.mean([abs(np.log(row["dr"])) for row in table])
        good = sum(0.7 < row["dr"] < 1.4 for row in table)
        text = " ".join(f"{key} {value:.4f}" for key, value in means.items())
        print(f"{kind:5s} {text} |log dr| {log_dr:.3f} dr in 0.7..1.4: {good}", state["progress"])
    wins = sum(a["f05"] > b["f05"] for a, b in zip(rows["net"], rows["dome"], strict=True))
    print("f05 wins", wins)
    if args.sheet:
        sheet(args.sheet, records, fronts, backs)


def sheet(path: Path, records: NDArray[np.void], fronts: Array, backs: Array) -> None:
    """Rows of picture, our front, true front, our back, true back."""
    rows = []
    for record, front, back in zip(records, fronts, backs, strict=True):
        inside = np.isfinite(record["front"])
        alpha = record["alpha"][..., None] / 255
        tiles = [record["rgb"][..., ::-1] * alpha + 128 * (1 - alpha)]
        for z in (front, record["front"], back, record["back"]):
            grey = np.where(inside, np.nan_to_num(z.astype(np.float32)) * 220 + 128, 0).clip(0, 255)
            tiles.append(np.repeat(grey[..., None], 3, 2))
        rows.append(np.hstack(tiles).astype(np.uint8))
    half = (len(rows) + 1) // 2
    rows += [np.zeros_like(rows[0])] * (2 * half - len(rows))
    cv2.imwrite(str(path), np.hstack([np.vstack(rows[:half]), np.vstack(rows[half:])]))


if __name__ == "__main__":
    main()
