"""Records of view_pool.py -> the depth network of several views.

Each step makes one more figurine's views with other sides and other cameras that are off, and takes a batch of those
that were made lately, with other colours. Resumes by itself.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from slipcast.core.masks import find_nearest
from slipcast.core.orbit import OrbitCamera
from slipcast.core.values import View
from slipcast.reconstruct.views.depth_inputs import PER_UNIT, SIDE_PX, Lattice, hull_maps, picture_maps
from slipcast.reconstruct.views.silhouettes import Side, outline_distance
from training.fusion_pairs import DISTANCE, YAWS_DEG
from training.run import Run, net_size
from training.view_net import ViewNet
from training.view_pool import FINE, FOCAL_PX
from training.view_pool import SIDE_PX as POOL_PX

Record = dict[str, np.ndarray]
CHOICES = ((0, 1, 2, 3), (0, 1, 2, 3, 4, 5), (0, 1), (0, 2), (0, 1, 2), (0, 1, 3), (0, 2, 4), (0, 1, 4, 5))
ODDS = (0.6, 0.16, 0.04, 0.04, 0.04, 0.04, 0.04, 0.04)
OFF = 0.6
"""Share of sets whose cameras and outlines are off."""
KEPT = 768
BATCH = 8
PX = 1 / PER_UNIT
KEYS = ("picture", "hull", "rgb", "cover", "outline", "front", "back")


def read(path: Path) -> Record:
    """One record."""
    with np.load(path) as file:
        record = {key: file[key] for key in file.files}
    size = FINE * POOL_PX
    record["inside"] = np.unpackbits(record["inside"]).reshape(len(YAWS_DEG), size, size)
    return record


def bend(values: np.ndarray, flow: np.ndarray, *, nearest: bool) -> np.ndarray:
    """A map (S,S,...) moved by a flow (2,S,S) in shares of its side."""
    size = values.shape[0]
    row, column = np.indices((size, size)).astype(np.float32)
    big = [cv2.resize(each, (size, size), interpolation=cv2.INTER_LINEAR) * np.float32(size) for each in flow]
    how = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    out: np.ndarray = cv2.remap(values, column + big[0], row + big[1], how, borderMode=cv2.BORDER_REPLICATE)
    return out


def smaller(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A depth map with NaN outside at another size; not mixed over steps."""
    valid = np.isfinite(depth)
    if not valid.any():
        return np.full(size, np.nan, np.float32)
    exact = cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST)
    mixed = cv2.resize(depth[find_nearest(valid)], size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(np.abs(mixed - exact) < 0.02, mixed, exact), np.float32)


def make_sides(
    record: Record, chosen: tuple[int, ...], jitter: float, rng: np.random.Generator
) -> tuple[list[Side], list[dict[str, np.ndarray]]]:
    """The chosen views as the product sees them, of cameras and outlines that are off by `jitter` of what is usual.

    Beside each its true `front` and `back` and its colours `rgb` at the pool's size.
    """
    sides, maps = [], []
    fine = FINE * FOCAL_PX
    unit = fine / DISTANCE
    for view in chosen:
        off = jitter if view else 0.0  # the front's camera is the frame
        inside = record["inside"][view].astype(np.float32)
        own = {key: record[key][view].astype(np.float32) for key in ("front", "back")}
        said, rgb = record["said"][view].astype(np.float32), record["rgb"][view]
        if jitter:
            flow = np.stack(
                [
                    cv2.resize(
                        rng.normal(0, 0.005 * jitter, (4, 4)).astype(np.float32),
                        (64, 64),
                        interpolation=cv2.INTER_CUBIC,
                    )
                    for _ in range(2)
                ]
            )
            inside, rgb = bend(inside, flow, nearest=False), bend(rgb, flow, nearest=False)
            own = {key: bend(shell, flow, nearest=True) for key, shell in own.items()}
            said = np.stack([bend(each, flow, nearest=True) for each in said])
        zoom, far = 1 + rng.normal(0, 0.008) * off, 1 + rng.normal(0, 0.1) * off
        camera = OrbitCamera(
            yaw_deg=YAWS_DEG[view] + rng.normal(0, 2.5) * off,
            pitch_deg=rng.normal(0, 1.2) * off,
            focal_px=fine * zoom * far,
            distance=DISTANCE * far,
            cx_px=POOL_PX * FINE / 2 + rng.normal(0, 0.006) * unit * off,
            cy_px=POOL_PX * FINE / 2 + rng.normal(0, 0.006) * unit * off,
        )
        outline = outline_distance(np.asarray(cv2.GaussianBlur(inside, (0, 0), 0.7), np.float32))
        if rng.random() < 0.15:
            waves = rng.normal(0, 0.03, (5, 5)).astype(np.float32)
            said = said + cv2.resize(waves, said.shape[1:], interpolation=cv2.INTER_CUBIC)
        size = inside.shape
        shells = [cv2.resize(each * unit, size, interpolation=cv2.INTER_NEAREST) for each in said]
        told = rng.random() >= 0.06
        sides.append(
            Side(
                view=View.FRONT,
                camera=camera,
                cover=inside,
                outline_px=outline,
                front=shells[0] if told else None,
                back=shells[1] if told else None,
                rgb=cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR),
            )
        )
        maps.append({"rgb": rgb, **own})
    return sides, maps


def make_set(
    record: Record, chosen: tuple[int, ...], jitter: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Maps (K,...) of the chosen views, of cameras and outlines that are off by `jitter` of what is usual."""
    sides, truths = make_sides(record, chosen, jitter, rng)
    out: dict[str, list[np.ndarray]] = {key: [] for key in KEYS if key not in ("hull", "picture")}
    px = (SIDE_PX, SIDE_PX)
    for side, maps in zip(sides, truths, strict=True):
        cover = cv2.resize(side.cover, px, interpolation=cv2.INTER_AREA)
        far = cv2.resize(side.outline_px, px, interpolation=cv2.INTER_AREA) * (DISTANCE / FINE / FOCAL_PX)
        out["rgb"].append(cv2.resize(maps["rgb"], px, interpolation=cv2.INTER_AREA))
        out["cover"].append((cover * 255).astype(np.uint8))
        out["outline"].append(far.astype(np.float16))
        for key in ("front", "back"):
            out[key].append(smaller(maps[key], px).astype(np.float16))
    step = 2 * FINE * POOL_PX / SIDE_PX
    at = (np.arange(SIDE_PX // 2, dtype=np.float32) + np.float32(0.5)) * np.float32(step)
    x, y = np.meshgrid(at, at)
    found = {key: np.stack(values) for key, values in out.items()}
    hulls = [hull_maps(sides, index, Lattice(x_px=x, y_px=y)) for index in range(len(sides))]
    return {**found, "hull": np.stack(hulls).astype(np.float16)}


def make_batch(views: list[dict[str, np.ndarray]], rng: np.random.Generator | None) -> dict[str, Tensor]:
    """Tensors of some views; with `rng` flipped and recoloured."""
    pictures: list[np.ndarray] = []
    out: dict[str, list[np.ndarray]] = {key: [] for key in ("hull", "front", "back")}
    for view in views:
        rgb, cover = (view[key].astype(np.float32) / np.float32(255) for key in ("rgb", "cover"))
        outline = view["outline"].astype(np.float32)
        flip = rng is not None and rng.random() < 0.5
        if rng is not None:
            if rng.random() < 0.07:
                rgb = np.full_like(rgb, rng.uniform(0.2, 0.8))
            grey = rgb.mean(2, keepdims=True)
            rgb = grey + (rgb - grey) * rng.uniform(0.0, 1.5)
            rgb = np.clip(rgb, 1e-3, 1) ** np.exp(rng.uniform(-0.5, 0.5))
            rgb = rgb * rng.uniform(0.75, 1.15, 3) + rng.uniform(-0.1, 0.1)
            if rng.random() < 0.4:
                rgb = cv2.GaussianBlur(rgb, (0, 0), rng.uniform(0.3, 1.0))
            if rng.random() < 0.5:
                rgb = rgb + rng.normal(0, rng.uniform(0, 0.05), rgb.shape)
            rgb = np.clip(rgb, 0, 1).astype(np.float32)
        picture = picture_maps(np.asarray(rgb, np.float32), cover, outline)
        pictures.append(picture[..., ::-1] if flip else picture)
        for key, values in out.items():
            values.append(view[key][..., ::-1] if flip else view[key])
    tensors = {key: torch.from_numpy(np.stack(values).astype(np.float32)) for key, values in out.items()}
    tensors["picture"] = torch.from_numpy(np.stack(pictures))
    return tensors


def losses(answer: Tensor, batch: dict[str, Tensor]) -> Tensor:
    """Laplace likelihood of both shells, and the difference of their slopes."""
    total = answer.new_zeros(())
    for k, (key, weight) in enumerate((("front", 1.0), ("back", 0.4))):
        true = batch[key]
        valid = torch.isfinite(true)
        true = torch.where(valid, true, 0.0)
        z, s = answer[:, k], answer[:, 2 + k]
        error = (z - true).abs() * 100
        total = total + weight * ((error * torch.exp(-s) + s)[valid].mean() + 0.15 * error[valid].mean())
        for axis in (1, 2):
            dz, dt, last = z.diff(dim=axis), true.diff(dim=axis), z.shape[axis] - 1
            both = valid.narrow(axis, 1, last) & valid.narrow(axis, 0, last) & (dt.abs() < 0.05)
            total = total + weight * 0.4 * ((dz - dt).abs() / PX).clamp(max=3)[both].mean()
    return total


def slopes_agree(z: Tensor, true: Tensor, valid: Tensor) -> float:
    """Mean cosine of the normals of two depth maps."""

    def normals(m: Tensor) -> Tensor:
        dx, dy = (m[:, 1:-1, 2:] - m[:, 1:-1, :-2]) / (2 * PX), (m[:, 2:, 1:-1] - m[:, :-2, 1:-1]) / (2 * PX)
        return functional.normalize(torch.stack([dx, dy, torch.ones_like(dx)], 1), dim=1)

    ok = -functional.max_pool2d(-valid.float()[:, None], 3, 1, 1)[:, 0, 1:-1, 1:-1] > 0.5
    return float((normals(z) * normals(true)).sum(1)[ok].mean())


@torch.no_grad()
def judge(net: ViewNet, held: dict[str, list[dict[str, np.ndarray]]]) -> dict[str, list[float]]:
    """Of each kind of set, for the hull's entry, the one-picture shell and the network: mean errors of the front in
    hundredths and mean cosines of its normals; at last the network's likelihood."""
    out = {}
    net.eval()
    for kind, views in held.items():
        rows = []
        for first in range(0, len(views), 32):
            batch = make_batch(views[first : first + 32], None)
            answer = net(batch["picture"], batch["hull"])
            true = batch["front"]
            valid = torch.isfinite(true)
            true = torch.where(valid, true, 0.0)
            big = functional.interpolate(
                batch["hull"], scale_factor=2.0, mode="bilinear", align_corners=False
            )
            guesses = (big[:, 0], big[:, 5], answer[:, 0])
            row = [float((z - true).abs()[valid].mean()) * 100 for z in guesses]
            row += [slopes_agree(z, true, valid) for z in guesses]
            s = answer[:, 2]
            row.append(float((((answer[:, 0] - true).abs() * 100) * torch.exp(-s) + s)[valid].mean()))
            rows.append(row)
        out[kind] = [round(float(value), 4) for value in np.mean(rows, 0)]
    return out


def main() -> None:
    """Train until the budget is spent."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--pool", type=Path, required=True)
    say.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    say.add_argument("--budget-s", type=float, default=3600, help="seconds, all runs together")
    say.add_argument("--rate", type=float, default=2e-3)
    args = say.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(int(time.time()))
    run = Run(ViewNet(), args.out, budget_s=args.budget_s, rate=args.rate, warm=100, keep=0.998)
    fixed = np.random.default_rng(7)
    held_files = sorted(args.pool.glob("held_*[0-9].npz"))[:24]
    held: dict[str, list[dict[str, np.ndarray]]] = {"exact": [], "off": []}
    for path in held_files:
        record = read(path)
        for kind, jitter in (("exact", 0.0), ("off", 1.0)):
            maps = make_set(record, (0, 1, 2, 3), jitter, fixed)
            held[kind] += [{key: values[k] for key, values in maps.items()} for k in range(4)]
    print(f"{len(held_files)} held, {net_size(run.net)} weights", flush=True)
    kept: list[dict[str, np.ndarray]] = []
    files: list[Path] = []
    while run.goes_on:
        if not files or run.steps % 100 == 0:
            files = sorted(args.pool.glob("train_*[0-9].npz"))
        for _ in range(24 if not kept else (run.steps + 1) % 2):
            chosen = CHOICES[rng.choice(len(CHOICES), p=ODDS)]
            jitter = rng.uniform(0.3, 1.2) if rng.random() < OFF else 0.0
            maps = make_set(read(files[rng.integers(len(files))]), chosen, jitter, rng)
            kept += [{key: values[k] for key, values in maps.items()} for k in range(len(chosen))]
        kept = kept[-KEPT:]
        batch = make_batch([kept[k] for k in rng.choice(len(kept), BATCH, replace=False)], rng)
        answer = run.net(*(batch[key].to(memory_format=torch.channels_last) for key in ("picture", "hull")))
        run.step(losses(answer, batch))
        if run.steps % 100 == 0:
            run.tell(100, BATCH, f"{len(files)} records")
        if run.steps % 400 == 0 or run.spent_s >= args.budget_s:
            run.save(judge(run.mean, held))


if __name__ == "__main__":
    main()
