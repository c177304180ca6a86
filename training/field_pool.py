"""Records of view_pool.py -> a folder of grids to train the grid network on (field_train.py).

Each is one record seen from some of its sides, half of the time by cameras and outlines that are off, with what the
product's other networks say at each node, and the true distance. One takes a second of one core.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from slipcast.core.scientific import ndimage
from slipcast.reconstruct.views.field_inputs import NODES, field_inputs
from slipcast.reconstruct.views.silhouettes import Side, outline_distance
from slipcast.reconstruct.views.solid_grid import make_grid
from training.true_distance import LOW, PITCH
from training.view_train import Record, make_sides, read

CHOICES = (
    (0, 1, 2, 3), (0, 1, 2, 3, 4, 5), (0, 1), (0, 1, 2), (0, 1, 3), (0, 4), (0, 2, 4), (0, 1, 4),
    (0, 1, 2, 4), (0, 1, 2, 4, 5), (0, 1, 4, 5),
)  # fmt: skip
ODDS = (0.48, 0.18, 0.06, 0.06, 0.03, 0.03, 0.03, 0.03, 0.03, 0.04, 0.03)
_WORK_PX = 384
_OFF = 0.5
STORED = 16
"""The first channels are stored; the rest follow from the grid."""


def enlarge(side: Side) -> Side:
    """The side at about the product's working size."""
    times = _WORK_PX / side.cover.shape[0]
    size = (_WORK_PX, _WORK_PX)
    cover = cv2.resize(cv2.GaussianBlur(side.cover, (0, 0), 0.7), size, interpolation=cv2.INTER_LINEAR)
    shells = [
        None
        if shell is None
        else cv2.resize(shell, size, interpolation=cv2.INTER_NEAREST) * np.float32(times)
        for shell in (side.front, side.back)
    ]
    camera = side.camera
    return replace(
        side,
        cover=cover,
        outline_px=outline_distance(np.asarray(cover, np.float32)),
        front=shells[0],
        back=shells[1],
        rgb=None if side.rgb is None else cv2.resize(side.rgb, size, interpolation=cv2.INTER_LINEAR),
        camera=camera.turn(
            focal_px=camera.focal_px * times, cx_px=camera.cx_px * times, cy_px=camera.cy_px * times
        ),
    )


def make_variant(
    record: Record, chosen: tuple[int, ...], jitter: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """`inputs` (STORED,N) of the known nodes, their `index`, `hull` (X,Y,Z), the grid, and the true `distance`."""
    sides, _ = make_sides(record, chosen, jitter, rng)
    sides = [enlarge(side) for side in sides]
    grid = make_grid(sides, NODES)
    slack = 0.006 if jitter else 0.0
    asked = field_inputs(sides, grid, slack)
    index = np.flatnonzero(asked.near)
    at = (grid.points(np.arange(asked.near.size)) - np.float32(LOW)) / np.float32(PITCH)
    true = ndimage.map_coordinates(
        record["distance"].astype(np.float32), at.T, order=1, mode="nearest"
    ).reshape(grid.shape)
    return {
        "inputs": asked.channels.reshape(len(asked.channels), -1)[:STORED, index].astype(np.float16),
        "index": index.astype(np.int32),
        "hull": np.rint(np.clip(asked.hull, -0.25, 0.25) * 400).astype(np.int8),
        "low": np.asarray(grid.low, np.float32),
        "pitch": np.float32(grid.pitch),
        "distance": np.rint(true).astype(np.int8),
        "sides": np.int8(len(chosen)),
        "off": np.float32(jitter),
    }


def main() -> None:
    """Make grids of all records, and of those that come, until there are enough."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--pool", type=Path, required=True)
    say.add_argument("--out", type=Path, required=True)
    say.add_argument("--times", type=int, default=2, help="how often each record is used")
    say.add_argument("--count", type=int, default=2000)
    say.add_argument("--wait-s", type=float, default=0, help="how long to wait for further records")
    args = say.parse_args()
    cv2.setNumThreads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    last = time.monotonic()
    while True:
        made = 0
        for path in sorted(args.pool.glob("*[0-9].npz")):
            held = path.name.startswith("held")
            for use in range(2 if held else args.times):
                out = args.out / f"{path.stem}_{use}.npz"
                if out.exists():
                    continue
                rng = np.random.default_rng([use, *path.stem.encode()])
                chosen = CHOICES[rng.choice(len(CHOICES), p=ODDS)]
                jitter = rng.uniform(0.3, 1.2) if rng.random() < _OFF else 0.0
                if held:
                    chosen, jitter = (0, 1, 2, 3), float(use)
                variant = make_variant(read(path), chosen, jitter, rng)
                unfinished = out.with_suffix(".part.npz")
                np.savez(unfinished, allow_pickle=False, **variant)
                unfinished.replace(out)
                made += 1
            if len(list(args.out.glob("*[0-9].npz"))) >= args.count:
                return
        if made:
            last = time.monotonic()
        elif time.monotonic() - last > args.wait_s:
            return
        else:
            time.sleep(5)


if __name__ == "__main__":
    main()
