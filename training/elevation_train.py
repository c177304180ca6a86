"""Trains the elevation network over what the figurine network says of a pool, and writes its weights.

usage: python -m training.elevation_train --pool DIR --run DIR [--draws 60000] [--steps 6000]

What the frozen parts see in the pool is kept in RUN/seen_*.npz, each draw mirrored, rolled by up to 15 degrees and
coloured anew; on that the small rest trains in minutes on one core. Loss: Laplace's negative log likelihood of pitch
and roll, so that it also says how sure it is. Nine in ten draws are rolled by less than 5 degrees: pictures mostly
stand upright.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from slipcast.depth.elevation_net import ElevationNet
from slipcast.depth.figurine import EDGES, ELEVATION
from slipcast.depth.figurine_net import FigurineNet, NetConfig, shells
from training.batches import Batch, Pool, augmented_batch, plain_batch
from training.judge import case_record

Seen = tuple[Tensor, Tensor, Tensor]
"""(N,112,6,6) and (N,3,32,32) as ElevationNet.seen gives them, and (N,2) pitch and roll in radians."""


def figurine_net(weights: Path) -> FigurineNet:
    """The figurine network with the weights that the product reads."""
    known = {k: v.float() for k, v in load_file(weights).items() if not k.startswith((EDGES, ELEVATION))}
    config = json.loads((weights.parent / "config.json").read_text(encoding="utf-8"))
    net = FigurineNet(NetConfig.from_json(config["net"])).eval()
    net.load_state_dict(known)
    return net


@torch.no_grad()
def look(net: FigurineNet, eyes: ElevationNet, batch: Batch) -> Seen:
    """What the frozen parts see in a batch."""
    front, back = shells(net(batch.x), batch.x[:, 4])
    mask = batch.x[:, 3]
    shape = torch.stack([mask, front * mask, back * mask], 1)
    return (*eyes.seen(batch.x[:, :3], shape), torch.deg2rad(batch.view))


def gather(parts: list[Seen]) -> Seen:
    """Batches as one."""
    looked, shape, view = (torch.cat([part[k] for part in parts]) for k in range(3))
    return looked, shape, view


def draws(pool: Pool, net: FigurineNet, eyes: ElevationNet, count: int, seed: int) -> Seen:
    """`count` augmented pairs of the pool as they are seen."""
    rng, dice = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    parts = []
    for _ in range(count // 32):
        batch = augmented_batch(pool.draw(32, rng), torch.device("cpu"), dice)
        parts.append(look(net, eyes, batch))
    return gather(parts)


def plain(records: NDArray[np.void], net: FigurineNet, eyes: ElevationNet) -> Seen:
    """Records as they are."""
    cpu = torch.device("cpu")
    return gather(
        [look(net, eyes, plain_batch(records[k : k + 32], cpu)) for k in range(0, len(records), 32)]
    )


def loss(out: Tensor, view: Tensor) -> Tensor:
    """(B,) Laplace's negative log likelihood of pitch and roll."""
    scale = out[:, 2:].clamp(-5, 1)
    return ((out[:, :2] - view).abs() * torch.exp(-scale) + scale).sum(1)


def train(eyes: ElevationNet, seen: Seen, held: Seen, steps: int, cases: Seen | None) -> None:
    """Fit the rest of `eyes`; prints the held-out errors now and then."""
    rest = [p for name, p in eyes.named_parameters() if not name.startswith("backbone.")]
    optimiser = torch.optim.AdamW(rest, lr=1e-3, weight_decay=0.02)
    plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    # Less roll than the pool has: its likely size is what the network falls back on.
    odds = torch.exp(-(torch.rad2deg(seen[2][:, 1]) ** 2) / 50) + 0.05
    for step in range(steps):
        eyes.train()
        at = torch.multinomial(odds, 128)
        value = loss(eyes.judge(seen[0][at].float(), seen[1][at].float()), seen[2][at]).mean()
        optimiser.zero_grad()
        torch.autograd.backward(value)
        optimiser.step()
        plan.step()
        if step % 500 == 499:
            print(step + 1, round(float(value), 3), "held", errors(eyes, held), cases and errors(eyes, cases))


@torch.no_grad()
def errors(eyes: ElevationNet, seen: Seen) -> dict[str, float]:
    """Mean absolute errors in degrees, of always saying the median pitch as well, and the share within one scale."""
    eyes.eval()
    out = eyes.judge(seen[0].float(), seen[1].float())
    miss = torch.rad2deg((out[:, :2] - seen[2]).abs())
    guess = torch.rad2deg((seen[2][:, 0] - seen[2][:, 0].median()).abs())
    within = miss[:, 0] < torch.rad2deg(torch.exp(out[:, 2]))
    told = {"pitch": miss[:, 0], "roll": miss[:, 1], "constant": guess, "within": within.float()}
    return {name: round(float(values.mean()), 3) for name, values in told.items()}


def main() -> None:
    """See the module's docstring."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--pool", type=Path, required=True)
    say.add_argument("--run", type=Path, required=True)
    say.add_argument("--weights", type=Path, default=Path("models/figurine/model.safetensors"))
    say.add_argument("--cases", type=Path, help="a folder of cases, to tell their errors too")
    say.add_argument("--draws", type=int, default=60_000)
    say.add_argument("--steps", type=int, default=6000)
    args = say.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    args.run.mkdir(parents=True, exist_ok=True)
    net = figurine_net(args.weights)
    eyes = ElevationNet(net.backbone)
    size = 3200
    pool, held = Pool(args.pool, "train"), Pool(args.pool, "held")
    for number in range(args.draws // size):
        path = args.run / f"seen_{number:03d}.pt"
        if not path.exists():
            pool.refresh()
            torch.save([part.half() for part in draws(pool, net, eyes, size, number)], path)
    known = gather([tuple(torch.load(p, weights_only=True)) for p in sorted(args.run.glob("seen_*.pt"))])
    known = (known[0], known[1], known[2].float())
    kept = plain(np.concatenate(list(held.shards.values())), net, eyes)
    cases = None
    if args.cases:
        names = sorted(path.name[:-7] for path in args.cases.glob("*.gt.glb"))
        side = net.config.side_px
        cases = plain(np.stack([case_record(args.cases, name, side)[0] for name in names]), net, eyes)
    train(eyes, known, kept, args.steps, cases)
    own = {k: v for k, v in eyes.state_dict().items() if not k.startswith("backbone.")}
    torch.save(
        {"net": own, "progress": {"draws": len(known[0]), "steps": args.steps}}, args.run / "elevation.pt"
    )


if __name__ == "__main__":
    main()
