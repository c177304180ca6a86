"""Grids of field_pool.py -> the grid network of several views.

Each step takes crops of some grids, near the surface, half of them mirrored left to right, turned by quarters about
the vertical axis. Resumes by itself; grids that are made meanwhile are taken as well.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from slipcast.reconstruct.views.field_inputs import BASE, CHANNELS, HULL, KNOWN, TENTHS
from slipcast.reconstruct.views.field_net import AIR
from slipcast.reconstruct.views.solid_grid import Grid
from training.field_net import FieldNet
from training.field_pool import STORED
from training.run import Run, net_size
from training.true_distance import REACH

CROP = 40
BATCH = 2
KEPT = 160
_NEAR = 0.05
_CELL = 10 / 64
"""A node's way in tenths of the frame, about."""
_X, _Z = 16, 18
"""The channels that hold a node's place across and towards the viewer."""
Item = dict[str, np.ndarray]


def read_grid(path: Path) -> Item:
    """`inputs` (CHANNELS,X,Y,Z) float16 and `distance` (X,Y,Z) in tenths of the frame."""
    with np.load(path) as file:
        stored = {key: file[key] for key in file.files}
    shape = stored["hull"].shape
    index = stored["index"]
    hull = stored["hull"].astype(np.float32) / 400
    inputs = np.zeros((CHANNELS, *shape), np.float16)
    inputs[HULL], inputs[BASE] = hull * 6, hull * TENTHS
    flat = inputs.reshape(CHANNELS, -1)
    flat[:STORED, index] = stored["inputs"]
    grid = Grid(low=stored["low"].astype(np.float64), pitch=float(stored["pitch"]), shape=shape)
    inputs[16:19] = grid.points(np.arange(hull.size)).T.reshape(3, *shape) * 2
    flat[KNOWN, index] = 1
    return {"inputs": inputs, "distance": stored["distance"].astype(np.float32) * (REACH * 10 / 127)}


def crop(item: Item, size: int, rng: np.random.Generator) -> Item:
    """A cube of both, its middle at a node near the surface; beyond the grid is air."""
    shape = item["distance"].shape
    near = np.flatnonzero(np.abs(item["distance"]) < _NEAR * 10)
    middle = np.unravel_index(near[rng.integers(len(near))] if len(near) else 0, shape)
    # A cube that sticks out tells nothing: it is moved in where it can be.
    begin = [
        int(np.clip(m - size // 2, min(0, n - size), max(0, n - size)))
        for m, n in zip(middle, shape, strict=True)
    ]
    begin = [b if n >= size else (n - size) // 2 for b, n in zip(begin, shape, strict=True)]
    return {key: _cut(values, begin, size, key) for key, values in item.items()}


def _cut(values: np.ndarray, begin: list[int], size: int, key: str) -> np.ndarray:
    lead = values.ndim - 3
    out = np.zeros((*values.shape[:lead], size, size, size), np.float32)
    if key == "inputs":
        for channel, value in AIR.items():
            out[channel] = value
    else:
        out[...] = -REACH * 10
    src, dst = [slice(None)] * lead, [slice(None)] * lead
    for b, n in zip(begin, values.shape[lead:], strict=True):
        low, high = max(b, 0), min(b + size, n)
        src.append(slice(low, high))
        dst.append(slice(low - b, high - b))
    out[tuple(dst)] = values[tuple(src)]
    return out


def mirror(item: Item) -> Item:
    """The same figurine in a mirror: x turned round."""
    inputs = item["inputs"][:, ::-1].copy()
    inputs[_X] *= -1
    return {"inputs": inputs, "distance": item["distance"][::-1].copy()}


def turn(item: Item, quarters: int) -> Item:
    """The same figurine turned about its vertical axis: no input but the place knows which side is the front."""
    inputs = np.rot90(item["inputs"], quarters, (1, 3)).copy()
    for _ in range(quarters % 4):
        inputs[[_X, _Z]] = inputs[[_Z, _X]]
        inputs[_X] *= -1
    return {"inputs": inputs, "distance": np.rot90(item["distance"], quarters, (0, 2)).copy()}


def slopes(field: Tensor) -> Tensor:
    """(B,3,x,y,z) central differences."""
    return torch.stack(
        [
            field[:, 2:, 1:-1, 1:-1] - field[:, :-2, 1:-1, 1:-1],
            field[:, 1:-1, 2:, 1:-1] - field[:, 1:-1, :-2, 1:-1],
            field[:, 1:-1, 1:-1, 2:] - field[:, 1:-1, 1:-1, :-2],
        ],
        1,
    )


def losses(said: Tensor, inputs: Tensor, true: Tensor) -> Tensor:
    """Mean error near the surface, cross entropy of inside against outside, difference of the normals."""
    most = REACH * 10
    known = inputs[:, KNOWN] > 0.5
    near = known & ((true.abs() < _NEAR * 10) | (inputs[:, BASE].abs() < _NEAR * 10))
    error = (said.clamp(-most, most) - true).abs()
    weight = near.float() + 0.15 * known.float()
    total = (error * weight).sum() / weight.sum().clamp(min=1)
    inside = functional.binary_cross_entropy_with_logits(said * 12, (true > 0).float(), reduction="none")
    total = total + 0.35 * (inside * weight).sum() / weight.sum().clamp(min=1)
    edge = (known & (true.abs() < 0.25))[:, 1:-1, 1:-1, 1:-1]
    mine, theirs = slopes(said), slopes(true)
    cosine = functional.cosine_similarity(mine, theirs, dim=1, eps=1e-3)
    return (
        total + 0.25 * (1 - cosine)[edge].mean() + 0.1 * ((mine - theirs).abs().mean(1) / _CELL)[edge].mean()
    )


@torch.no_grad()
def judge(net: FieldNet | None, held: list[Item]) -> list[float]:
    """Mean error near the true surface in hundredths, share of wrong nodes there, mean cosine of normals."""
    found = []
    for item in held:
        inputs = torch.from_numpy(item["inputs"].astype(np.float32))[None]
        true = torch.from_numpy(item["distance"])[None]
        said = inputs[:, BASE] if net is None else whole(net, inputs)
        known = inputs[:, KNOWN] > 0.5
        near = known & (true.abs() < 0.4)
        error = (said.clamp(-0.8, 0.8) - true.clamp(-0.4)).abs()[near].mean() * 10
        wrong = ((said > 0) != (true > 0))[near].float().mean()
        edge = (known & (said.abs() < 0.12))[:, 1:-1, 1:-1, 1:-1]
        cosine = functional.cosine_similarity(slopes(said), slopes(true), dim=1, eps=1e-3)[edge].abs().mean()
        # How far the truth is from where the answer has its surface.
        off = true.abs()[:, 1:-1, 1:-1, 1:-1][edge & (said.abs() < 0.08)[:, 1:-1, 1:-1, 1:-1]]
        found.append([float(error), float(wrong), float(cosine), float((off < 0.25).float().mean())])
    return [round(float(value), 4) for value in np.mean(found, 0)]


def whole(net: torch.nn.Module, inputs: Tensor) -> Tensor:
    """The network's answer for one grid, which is filled up to multiples of 8 with air."""
    shape = inputs.shape[2:]
    pad = [n for size in reversed(shape) for n in (0, -size % 8)]
    filled = functional.pad(inputs, pad)
    for channel, value in AIR.items():
        filled[:, channel] = functional.pad(inputs[:, channel], pad, value=value)
    said: Tensor = net(filled.contiguous(memory_format=torch.channels_last_3d))[:, 0]
    return said[:, : shape[0], : shape[1], : shape[2]]


def main() -> None:
    """Train until the budget is spent."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--grids", type=Path, required=True)
    say.add_argument("--out", type=Path, required=True, help="folder of checkpoints")
    say.add_argument("--budget-s", type=float, default=2400, help="seconds, all runs together")
    say.add_argument("--rate", type=float, default=2e-3)
    args = say.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(int(time.time()))
    run = Run(
        FieldNet(), args.out, budget_s=args.budget_s, rate=args.rate, warm=50, keep=0.995, plain=("out.",)
    )
    held = {
        kind: [read_grid(path) for path in sorted(args.grids.glob(f"held_*_{use}.npz"))[:12]]
        for use, kind in enumerate(("exact", "off"))
    }
    before = {kind: judge(None, items) for kind, items in held.items()}
    print(f"{net_size(run.net)} weights; before: {before}", flush=True)
    kept: list[Item] = []
    files: list[Path] = []
    while run.goes_on:
        if not files or run.steps % 50 == 0:
            files = sorted(args.grids.glob("train_*[0-9].npz"))
        for _ in range(24 if not kept else run.steps % 2):
            kept.append(read_grid(files[rng.integers(len(files))]))
        kept = kept[-KEPT:]
        chosen = [crop(kept[k], CROP, rng) for k in rng.choice(len(kept), BATCH, replace=False)]
        chosen = [mirror(item) if rng.random() < 0.5 else item for item in chosen]
        chosen = [turn(item, int(rng.integers(4))) for item in chosen]
        inputs, true = (
            torch.from_numpy(np.stack([i[key] for i in chosen])) for key in ("inputs", "distance")
        )
        said = run.net(inputs.contiguous(memory_format=torch.channels_last_3d))[:, 0]
        run.step(losses(said, inputs, true))
        if run.steps % 50 == 0:
            run.tell(50, BATCH, f"{len(files)} grids")
        if run.steps % 200 == 0 or run.spent_s >= args.budget_s:
            run.save({kind: judge(run.mean, items) for kind, items in held.items()})


if __name__ == "__main__":
    main()
