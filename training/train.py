"""A pool of pairs -> weights. Resumes by itself; the same command runs on a CPU and on a GPU.

The learning rate follows a half cosine over `--budget-s` seconds of training (all runs together), since the same
machine may give 20 or 40 pictures a second depending on who else works on it. Every `--save-every-s` seconds the
checkpoint (weights, their running mean, optimiser, counters) replaces the last one; `log.jsonl` grows.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from slipcast.depth.figurine.net import FigurineNet, NetConfig, shells
from training.backbone import backbone_of
from training.batches import Batch, Pool, augmented_batch, plain_batch
from training.losses import spread, terms, total
from training.muon import Muon, bf16_pays

LOG_STEPS = 50
WARM_STEPS = 150


@dataclass
class Progress:
    """Counters that go on over restarts."""

    pictures: int = 0
    steps: int = 0
    trained_s: float = 0.0


class Trainer:
    """The network, its running mean and its optimiser."""

    def __init__(self, config: NetConfig, device: torch.device, lr: float) -> None:
        self.device, self.lr = device, lr
        self.net = FigurineNet(config).to(device)
        self.half = device.type == "cuda" or bf16_pays()
        for p in self.net.parameters():
            if p.ndim == 4:
                p.data = p.data.contiguous(memory_format=torch.channels_last)
        self.mean = deepcopy(self.net).eval().requires_grad_(False)
        if self.half:
            self.net.backbone.to(torch.bfloat16)
        self.optimisers = optimisers(self.net, lr)
        self.progress = Progress()

    def forward(self, net: FigurineNet, x: Tensor) -> Tensor:
        """The network in bf16 where that pays, float32 out."""
        x = x.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            out: Tensor = net(x)
        return out

    def step(self, batch: Batch, rate: float) -> dict[str, float]:
        """One update at `rate` times the learning rate; the losses."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * rate * min(1.0, (self.progress.steps + 1) / WARM_STEPS)
            optimiser.zero_grad(set_to_none=True)
        parts = terms(self.forward(self.net, batch.x), batch)
        loss = total(parts)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.progress.steps += 1
        keep = min(0.998, (1 + self.progress.steps) / (10 + self.progress.steps))
        with torch.no_grad():
            for slow, fast in zip(self.mean.parameters(), self.net.parameters(), strict=True):
                if fast.requires_grad:
                    slow.lerp_(fast, 1 - keep)
            for ours, theirs in zip(self.mean.norms.buffers(), self.net.norms.buffers(), strict=True):
                ours.copy_(theirs)
        self.progress.pictures += len(batch.x)
        return {
            "loss": float(loss.detach()),
            **{name: float(value.detach()) for name, value in parts.items()},
        }

    def save(self, path: Path) -> None:
        """Write the checkpoint beside its place and rename it."""
        state = {
            "net": self.net.state_dict(),
            "mean": self.mean.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "progress": vars(self.progress),
            "config": self.net.config.to_json(),
        }
        unfinished = path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def start(self, weights: Path | None, backbone: Path | None) -> None:
        """Begin with weights that `export.py` wrote, as far as they fit, and with the backbone's own."""
        for net in (self.net, self.mean):
            if weights:
                known = load_file(weights)
                fits = {k: v for k, v in known.items() if k in net.state_dict()}
                net.load_state_dict(fits, strict=False)
            if backbone:
                net.backbone.load_state_dict(backbone_of(backbone))

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.mean.load_state_dict(state["mean"])
        for optimiser, kept in zip(self.optimisers, state.get("optimisers", []), strict=False):
            optimiser.load_state_dict(kept)
        self.progress = Progress(**state["progress"])


def optimisers(net: FigurineNet, lr: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices between door and exit, AdamW for the rest."""
    ends = {id(p) for part in (net.stem, net.head, net.fine_stem, net.fine_head) for p in part.parameters()}
    trained = [p for p in net.parameters() if p.requires_grad]
    matrices = [p for p in trained if p.ndim > 1 and id(p) not in ends]
    rest = [p for p in trained if p.ndim <= 1 or id(p) in ends]
    return [Muon(matrices, lr), torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.0)]


@torch.no_grad()
def validate(trainer: Trainer, held: Pool) -> dict[str, float]:
    """Mean absolute errors of the running mean on pairs of characters it never saw, in crop sides."""
    sums = {"held_front": 0.0, "held_back": 0.0, "held_thickness": 0.0, "held_log_spread": 0.0}
    count = 0
    for shard in held.shards.values():
        for first in range(0, len(shard), 32):
            batch = plain_batch(np.asarray(shard[first : first + 32]), trainer.device)
            front, back = shells(trainer.forward(trainer.mean, batch.x), batch.dome)
            inside = batch.valid.float()
            area = inside.sum((1, 2)).clamp(min=1)
            pairs = {
                "held_front": front - batch.front,
                "held_back": back - batch.back,
                "held_thickness": (front - back) - (batch.front - batch.back),
            }
            for name, error in pairs.items():
                sums[name] += float(((error.abs() * inside).sum((1, 2)) / area).sum())
            parts = log_spread(front, back, batch)
            sums["held_log_spread"] += float(parts.sum())
            count += len(batch.x)
    return {name: round(value / max(count, 1), 5) for name, value in sums.items()}


def log_spread(front: Tensor, back: Tensor, batch: Batch) -> Tensor:
    """(B,) signed log ratio of our depth spread to the true one; 0 is right, below 0 is too flat."""
    inside = batch.valid.float()
    ours = spread(torch.stack([front, back], 1), inside)
    true = spread(torch.stack([batch.front, batch.back], 1), inside)
    return torch.log((ours + 0.01) / (true + 0.01))


def main() -> None:
    """Train until the budget is spent."""
    say = argparse.ArgumentParser(description=__doc__)
    say.add_argument("--pool", type=Path, required=True)
    say.add_argument("--run", type=Path, required=True)
    say.add_argument("--budget-s", type=float, default=6000)
    say.add_argument(
        "--stop-s", type=float, default=math.inf, help="stop here; the rate still aims at the budget"
    )
    say.add_argument("--start", type=Path, help="begin with these weights (safetensors)")
    say.add_argument(
        "--backbone", type=Path, help="efficientnet-lite0's own weights; see training/backbone.py"
    )
    say.add_argument("--batch", type=int, default=16)
    say.add_argument("--lr", type=float, default=2e-3)
    say.add_argument("--threads", type=int, default=1)
    say.add_argument("--save-every-s", type=float, default=180)
    say.add_argument("--seed", type=int, default=0)
    args = say.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    args.run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(NetConfig(), device, args.lr)
    checkpoint = args.run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    else:
        trainer.start(args.start, args.backbone)
    rng = np.random.default_rng([args.seed, trainer.progress.steps])
    dice = torch.Generator().manual_seed(args.seed + trainer.progress.steps)
    pool, held = Pool(args.pool, "train"), Pool(args.pool, "held")
    sums: dict[str, float] = {}
    since, saved, counted = time.monotonic(), time.monotonic(), 0
    log = args.run / "log.jsonl"
    while trainer.progress.trained_s < min(args.budget_s, args.stop_s):
        begun = time.monotonic()
        batch = augmented_batch(pool.draw(args.batch, rng), device, dice)
        rate = 0.5 + 0.5 * math.cos(math.pi * trainer.progress.trained_s / args.budget_s)
        for name, value in trainer.step(batch, max(rate, 0.01)).items():
            sums[name] = sums.get(name, 0.0) + value
        counted += 1
        trainer.progress.trained_s += time.monotonic() - begun
        if counted == LOG_STEPS:
            line: dict[str, float] = {name: round(value / counted, 5) for name, value in sums.items()}
            line["per_s"] = round(counted * args.batch / (time.monotonic() - since), 1)
            due = time.monotonic() - saved > args.save_every_s
            if due:
                line |= validate(trainer, held)
                line["pool"] = pool.refresh()
                trainer.save(checkpoint)
                saved = time.monotonic()
            with log.open("a") as out:
                out.write(json.dumps(vars(trainer.progress) | line) + "\n")
            sums, counted, since = {}, 0, time.monotonic()
    trainer.save(checkpoint)


if __name__ == "__main__":
    main()
