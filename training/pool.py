"""Meshes -> a folder of shards, each a .npy of `PAIRS` rendered pairs; rendering and training run side by side.

Rejected: rendering inside the training loop. On two cores the renderer gives about half of what the network
takes in, so each pair is seen several times, each time mirrored and coloured otherwise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from slipcast.depth.inflate import inflate_small
from training.compose import with_other, with_shapes
from training.made import made
from training.meshes import Row, Textured, load, read_index, warp, with_base
from training.render import random_view, render

PAIRS = 256
KINDS = {"humanoid": 0.5, "animal": 2.0, "creature": 1.5, "robot": 1.5}
ON_BASE = 0.18
"""Share of meshes that are set on a base where they have none."""
VIEWS = 3
"""Views of one warped mesh before the next is taken."""


def layout(side_px: int) -> np.dtype[np.void]:
    """One pair's record; `dome` is in crop sides, `view` the camera's yaw, pitch, roll and field of view in degrees."""
    s = (side_px, side_px)
    return np.dtype(
        [
            ("rgb", np.uint8, (*s, 3)),
            ("alpha", np.uint8, s),
            ("front", np.float16, s),
            ("back", np.float16, s),
            ("dome", np.float16, s),
            ("normal", np.int8, (*s, 3)),
            ("view", np.float32, (4,)),
        ]
    )


def pick(rows: list[Row], rng: np.random.Generator) -> Row:
    """A row: every character of a kind equally often however many poses it has; animals and creatures more
    often than people, since they are fewer and harder."""
    kinds = {row.character: row.kind for row in rows}
    names = sorted(kinds)
    odds = np.array([KINDS.get(kinds[name], 1.0) for name in names])
    name = names[rng.choice(len(names), p=odds / odds.sum())]
    poses = [row for row in rows if row.character == name]
    return poses[rng.integers(len(poses))]


def subject(
    rows: list[Row], rng: np.random.Generator, loaded: dict[Path, Textured], composed: float
) -> tuple[Textured, bool]:
    """A warped mesh, sometimes on a base, with likelihood `composed` with others, and whether +Z is its front."""

    def some_mesh() -> tuple[Row | None, Textured]:
        if not rows:
            return None, warp(made(rng), rng)
        row = pick(rows, rng)
        if row.path not in loaded:
            loaded[row.path] = load(row.path)
        return row, warp(loaded[row.path], rng)

    row, mesh = some_mesh()
    if not (row and row.on_base) and rng.random() < ON_BASE:
        mesh = with_base(mesh, rng)
    kind = rng.random() / max(composed, 1e-9)
    if kind < 0.5:
        mesh = with_shapes(mesh, rng)
    elif kind < 1:
        mesh = with_other(mesh, some_mesh()[1], rng)
    return mesh, row is None or row.facing_known


def make_shard(
    rows: list[Row],
    side_px: int,
    count: int,
    rng: np.random.Generator,
    loaded: dict[Path, Textured],
    composed: float = 0.0,
) -> NDArray[np.void]:
    """`count` pairs as one structured array, of them the share `composed` of more than one mesh (compose.py).
    `loaded` keeps read meshes between calls. Without rows every mesh is made in code (made.py)."""
    shard = np.zeros(count, layout(side_px))

    done = 0
    while done < count:
        mesh, facing_known = subject(rows, rng, loaded, composed)
        for _ in range(min(VIEWS, count - done)):
            view = random_view(rng, facing_known)
            pair = render(mesh, view, side_px, rng)
            inside = np.isfinite(pair["front"])
            if inside.sum() < 0.01 * inside.size:
                continue
            for key, values in pair.items():
                shard[key][done] = values
            shard["view"][done] = (view.yaw_deg, view.pitch_deg, view.roll_deg, view.fov_deg)
            shard["dome"][done] = inflate_small(inside) / side_px
            done += 1
    return shard


def make_parser(description: str | None) -> argparse.ArgumentParser:
    """What every maker of a pool is told: the meshes, the folder, which part of the meshes, the dice."""
    say = argparse.ArgumentParser(description=description)
    say.add_argument("--meshes", type=Path, help="INDEX.csv; without it all meshes are made in code")
    say.add_argument("--out", type=Path, required=True)
    say.add_argument("--part", choices=["train", "held"], default="train")
    say.add_argument("--seed", type=int, default=0)
    return say


def read_part(meshes: Path | None, part: str) -> list[Row]:
    """The index's rows of `part`: `train`, or `held`, which no network learns from; none without an index."""
    return [row for row in read_index(meshes) if row.held_out == (part == "held")] if meshes else []


def main() -> None:
    """Write shards until there are enough."""
    say = make_parser(__doc__)
    say.add_argument("--shards", type=int, default=80)
    say.add_argument("--side-px", type=int, default=128)
    say.add_argument("--composed", type=float, default=0.4, help="share of pairs of more than one mesh")
    args = say.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rows = read_part(args.meshes, args.part)
    loaded: dict[Path, Textured] = {}
    for k in range(args.shards):
        path = args.out / f"{args.part}_{args.seed:02d}_{k:04d}.npy"
        if path.exists():
            continue
        rng = np.random.default_rng([args.seed, k, args.part == "held"])
        shard = make_shard(rows, args.side_px, PAIRS, rng, loaded, args.composed)
        unfinished = path.with_suffix(".part.npy")
        np.save(unfinished, shard)
        unfinished.replace(path)


if __name__ == "__main__":
    main()
