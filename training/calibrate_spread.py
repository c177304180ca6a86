"""How well the likely errors are calibrated: pictures with true shells -> the share of pixels within them.

usage: python -m training.calibrate_spread SHARD.npy ... [--pictures 300]

SHARD is what training/pool.py writes of characters that were held out. Both shells are compared after the median
offset of their middle is taken away, since no picture says how far away a figurine is. Prints, for front and back, the
share of pixels within the likely error (wanted: 0.68), the same by fifths of the likely error, and the factor that
would make it 0.68.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slipcast.depth.figurine.model import FigurineModel, FigurineOptions

_PIXELS = 150
"""Of each picture."""


def compare(model: FigurineModel, record: NDArray[np.void], rng: np.random.Generator) -> NDArray[np.float64]:
    """(N,4) error and likely error of the front, then of the back, at some pixels of one record."""
    share = record["alpha"].astype(np.float32) / np.float32(255)
    cover = share[..., None]
    picture = (record["rgb"].astype(np.float32) * cover + 128 * (1 - cover)) / 255
    front, back, likely = model.judge_errors((picture.astype(np.float32), share.astype(np.float32)))
    true_front, true_back = (record[key].astype(np.float32) for key in ("front", "back"))
    inside = np.isfinite(true_front) & (share >= 0.5)
    if inside.sum() < _PIXELS:
        return np.zeros((0, 4))
    off = np.median((front + back - true_front - true_back)[inside]) / 2
    at = rng.permutation(np.flatnonzero(inside))[:_PIXELS]
    columns = (front - off - true_front, likely[0], back - off - true_back, likely[1])
    out: NDArray[np.float64] = np.abs(
        np.stack([np.asarray(values, np.float64).ravel()[at] for values in columns], 1)
    )
    return out


def main() -> None:
    """Print the table."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("shards", type=Path, nargs="+")
    say.add_argument("--pictures", type=int, default=300)
    args = say.parse_args()
    model, rng = FigurineModel(FigurineOptions()), np.random.default_rng(0)
    rows = []
    for shard in args.shards:
        records = np.load(shard, mmap_mode="r")
        count = max(1, args.pictures // len(args.shards))
        rows += [compare(model, records[k], rng) for k in np.sort(rng.permutation(len(records))[:count])]
    table = np.concatenate(rows)
    for name, (error, likely) in {"front": table[:, :2].T, "back": table[:, 2:].T}.items():
        edges = np.quantile(likely, np.linspace(0, 1, 6))
        fifths = [
            float((error <= likely)[(likely >= low) & (likely <= high)].mean())
            for low, high in pairwise(edges)
        ]
        print(
            f"{name}: within {(error <= likely).mean():.3f}, by fifths {[round(x, 2) for x in fifths]}, "
            f"factor for 0.68 {np.quantile(error / likely, 0.68):.3f}, mean likely error {likely.mean():.4f}"
        )


if __name__ == "__main__":
    main()
