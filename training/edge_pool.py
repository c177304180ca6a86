"""Meshes -> shards of pairs for the edge network: what pool.py's hold at 256 px, what the figurine network says to
them, and where the front steps.

usage: python -m training.edge_pool --meshes INDEX.csv --out DIR [--part held]

Half of the pairs are compositions (compose.py), since figurines alone show few steps. A true step lies between two
neighbouring pixels whose fronts differ by more than `LEAST`, the differences beside it together by less than half of
that; what is unknown beside it, as at the outline, makes it none.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from slipcast.depth.figurine.model import (
    FLOOR,
    FigurineModel,
    FigurineOptions,
    Square,
    carry_outward,
    enlarge,
)
from slipcast.depth.inflate import inflate_small
from training.meshes import Row, Textured, read_index
from training.pool import subject
from training.render import random_view, render

PAIRS = 128
COMPOSED = 0.5
VIEWS = 2
SIDE_PX = 256
REACH_PX = 10
"""How far from a step the smooth front is wrong, at most."""
LEAST = 0.02
Array = NDArray[np.float32]

_S = (SIDE_PX, SIDE_PX)
LAYOUT = np.dtype(
    [
        ("rgb", np.uint8, (*_S, 3)),
        ("alpha", np.uint8, _S),
        ("front", np.float16, _S),
        ("said_front", np.float16, _S),
        ("said_back", np.float16, _S),
        ("dome", np.float16, _S),
        ("near", np.uint8, _S),
        ("gap", np.float16, _S),
    ]
)
"""`front` as render.py gives it; `said_*` the figurine network's shells and `dome` its dome, in crop sides; `near` 255
at a step and 0 from `REACH_PX` on; `gap` the nearest step's rise, negative on its far side."""


def make_shard(
    rows: list[Row], count: int, rng: np.random.Generator, loaded: dict[Path, Textured], model: FigurineModel
) -> NDArray[np.void]:
    """`count` pairs. `loaded` keeps read meshes between calls."""
    shard = np.zeros(count, LAYOUT)

    done = 0
    while done < count:
        mesh, facing_known = subject(rows, rng, loaded, COMPOSED)
        for _ in range(min(VIEWS, count - done)):
            pair = render(mesh, random_view(rng, facing_known), SIDE_PX, rng)
            front = np.asarray(pair["front"], np.float32)
            if np.isfinite(front).mean() < 0.01:
                continue
            record = shard[done]
            for name in ("rgb", "alpha", "front"):
                record[name] = pair[name]
            record["said_front"], record["said_back"], record["dome"] = said(
                model, np.asarray(pair["rgb"]), np.asarray(pair["alpha"])
            )
            record["near"], record["gap"] = nearest_steps(front)
            done += 1
    return shard


def said(
    model: FigurineModel, rgb: NDArray[np.uint8], alpha: NDArray[np.uint8]
) -> tuple[Array, Array, Array]:
    """Front, back and dome (S,S) that the figurine network gives to one pair's picture, 0 outside."""
    side = model.side_px
    cover = alpha[..., None].astype(np.float32) / 255
    on_grey = rgb / np.float32(255) * cover + (1 - cover) / 2
    small, share = (
        cv2.resize(values, (side, side), interpolation=cv2.INTER_AREA) for values in (on_grey, cover[..., 0])
    )
    inside = alpha >= 128
    square, box = Square(0.0, 0.0, float(SIDE_PX)), (slice(0, SIDE_PX), slice(0, SIDE_PX))
    gain, middle = (
        enlarge(carry_outward(values, share >= 0.5), square, box)
        for values in model.corrections([(small, share)])[0]
    )
    # The dome's square is smooth, so half the side is enough.
    halved = cv2.resize(alpha, (SIDE_PX // 2, SIDE_PX // 2), interpolation=cv2.INTER_AREA) >= 128
    squared = (inflate_small(halved) / np.float32(SIDE_PX // 2)) ** 2
    dome = np.sqrt(np.maximum(cv2.resize(squared, _S, interpolation=cv2.INTER_LINEAR), 0)) * inside
    half = np.exp(gain) * (dome + np.float32(FLOOR / 2))
    return (
        np.where(inside, middle + half, 0).astype(np.float32),
        np.where(inside, middle - half, 0).astype(np.float32),
        dome.astype(np.float32),
    )


def rises(front: Array) -> tuple[Array, Array]:
    """How far the front steps at each pixel (S,S), of those on a step's near side and on its far side; 0 elsewhere."""
    near, far = np.zeros_like(front), np.zeros_like(front)
    for axis in (0, 1):
        z, before, behind = (np.moveaxis(values, axis, 0) for values in (front, near, far))
        rise = np.diff(z, axis=0)
        size = np.abs(rise)
        # NaN, what is unknown, compares as False.
        steps = np.zeros(size.shape, bool)
        steps[1:-1] = (size[1:-1] > LEAST) & (size[:-2] + size[2:] < size[1:-1] / 2)
        up, down = (np.where(steps & (sign * rise > 0), size, 0) for sign in (1, -1))
        before[1:] = np.maximum(before[1:], up)
        behind[:-1] = np.maximum(behind[:-1], up)
        before[:-1] = np.maximum(before[:-1], down)
        behind[1:] = np.maximum(behind[1:], down)
    return near, far


def nearest_steps(front: Array) -> tuple[NDArray[np.uint8], Array]:
    """`near` and `gap` of `LAYOUT` for a front that is NaN outside."""
    both = rises(front)
    if not both[0].any():
        return np.zeros(front.shape, np.uint8), np.zeros_like(front)
    away, rise = [], []
    for values in both:
        far, (i, j) = ndimage.distance_transform_edt(values == 0, return_indices=True)
        away.append(far)
        rise.append(values[i, j])
    before = away[0] <= away[1]
    near = np.clip(1 - np.minimum(*away) / REACH_PX, 0, 1) * np.isfinite(front)
    return (near * 255 + 0.5).astype(np.uint8), np.where(before, rise[0], -rise[1]).astype(np.float32)


def main() -> None:
    """Write shards until there are enough."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--meshes", type=Path, required=True, help="INDEX.csv")
    say.add_argument("--out", type=Path, required=True)
    say.add_argument("--part", choices=["train", "held"], default="train")
    say.add_argument("--shards", type=int, default=32)
    say.add_argument("--seed", type=int, default=0)
    args = say.parse_args()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    rows = [row for row in read_index(args.meshes) if row.held_out == (args.part == "held")]
    model = FigurineModel(FigurineOptions())
    loaded: dict[Path, Textured] = {}
    for k in range(args.shards):
        path = args.out / f"{args.part}_{args.seed:02d}_{k:04d}.npy"
        if path.exists():
            continue
        rng = np.random.default_rng([args.seed, k, args.part == "held"])
        shard = make_shard(rows, PAIRS, rng, loaded, model)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, shard)
        unfinished.replace(path)


if __name__ == "__main__":
    main()
