"""Trains the edge network; goes on from its checkpoint.

usage: python -m training.edge_train --pool DIR --run DIR --backbone efficientnet-lite0.pth [--budget-s 3600]

Loss: 2 x cross entropy of `near` + 10 x L1 of `gap` and 1 x cross entropy of `side`, both near steps only, + 6 x L1 of
the front that the maps make + 4 x L1 of its differences 1 and 4 pixels apart, single errors held. L1 makes the gap the
likely one's median: an unlikely step does not rise. Muon for the matrices, AdamW for the rest, running mean of the
weights 0.998. In bf16 where that pays.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from slipcast.depth.figurine.steps_net import EdgeNet, front_of, rise_of
from training.backbone import backbone_of
from training.edge_batches import EdgeBatch, EdgePool, augmented_batch, plain_batch
from training.muon import Muon, bf16_pays


def losses(out: Tensor, batch: EdgeBatch) -> dict[str, Tensor]:
    """The weighted terms for the network's output (B,4,S,S)."""
    valid, near = batch.valid, batch.near
    area, beside = valid.sum() + 1, near.sum() + 1
    gap = batch.gap.abs().clamp(max=0.5)
    found = functional.binary_cross_entropy_with_logits(out[:, 0:1], near, reduction="none")
    before = (batch.gap > 0).float()
    side = functional.binary_cross_entropy_with_logits(out[:, 2:3], before, reduction="none")
    error = front_of(out, batch.said) - batch.front
    apart = torch.zeros((), device=out.device)
    for k in (1, 4):
        for axis in (2, 3):
            size = error.shape[axis] - k
            both = valid.narrow(axis, 0, size) * valid.narrow(axis, k, size)
            change = (error.narrow(axis, k, size) - error.narrow(axis, 0, size)).abs().clamp(max=0.15)
            apart = apart + (change * both).sum() / area
    return {
        "near": 2 * (found * valid).sum() / area,
        "gap": 10 * ((rise_of(out) - gap).abs() * near).sum() / beside,
        "side": (side * near * (gap / 0.05).clamp(max=1)).sum() / beside,
        "front": 6 * (error.abs().clamp(max=0.3) * valid).sum() / area,
        "apart": 4 * apart,
    }


class Trainer:
    """The network, its running mean and their optimisers."""

    def __init__(self, device: torch.device, lr: float, backbone: dict[str, Tensor]) -> None:
        self.device, self.lr = device, lr
        self.net = EdgeNet()
        self.net.backbone.load_state_dict(backbone)
        self.net.to(device)
        for p in self.net.parameters():
            if p.ndim == 4:
                p.data = p.data.contiguous(memory_format=torch.channels_last)
        self.half = device.type == "cuda" or bf16_pays()
        # Norms that follow the batches keep their numbers in float32.
        self.net.backbone.to(torch.bfloat16 if self.half else torch.float32).requires_grad_(False)
        ends = ("backbone", "near", "shapes", "head")
        own = [(name, p) for name, p in self.net.named_parameters() if p.requires_grad]
        matrices = [p for name, p in own if p.ndim > 1 and not name.startswith(ends)]
        rest = [p for name, p in own if p.ndim <= 1 or name.startswith(ends)]
        self.optimisers: list[torch.optim.Optimizer] = [
            Muon(matrices, lr, decay=0.05),
            torch.optim.AdamW(rest, lr=lr, betas=(0.9, 0.98), weight_decay=0.01),
        ]
        self.mean = {name: values.clone() for name, values in self._state().items()}
        self.steps, self.pictures, self.trained_s = 0, 0, 0.0

    def forward(self, batch: EdgeBatch) -> Tensor:
        """The network in bf16 where that pays, float32 out."""
        picture, shape = (
            values.contiguous(memory_format=torch.channels_last) for values in (batch.picture, batch.shape)
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            out: Tensor = self.net(picture, shape)
        return out.float()

    def step(self, batch: EdgeBatch, rate: float) -> dict[str, float]:
        """One update at `rate` times the learning rate; the terms of the loss."""
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * rate * min(1.0, (self.steps + 1) / 60)
            optimiser.zero_grad(set_to_none=True)
        parts = losses(self.forward(batch), batch)
        torch.autograd.backward(torch.stack(list(parts.values())).sum())
        torch.nn.utils.clip_grad_norm_([p for p in self.net.parameters() if p.requires_grad], 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.steps += 1
        self.pictures += len(batch.picture)
        keep = min(0.998, (1 + self.steps) / (10 + self.steps))
        with torch.no_grad():
            for name, values in self._state().items():
                slow = self.mean[name]
                slow.lerp_(values, 1 - keep) if slow.dtype.is_floating_point else slow.copy_(values)
        return {name: float(value.detach()) for name, value in parts.items()}

    @torch.no_grad()
    def validate(self, held: EdgePool) -> dict[str, float]:
        """Terms of the loss and mean front errors with and without, in crop sides, on characters never seen."""
        kept = {name: values.clone() for name, values in self._state().items()}
        self.net.load_state_dict(self.mean, strict=False)
        self.net.eval()
        sums: dict[str, float] = {}
        starts = range(0, len(held), 16)
        for first in starts:
            records = held.take(np.arange(first, min(first + 16, len(held))))
            batch = plain_batch(records, self.device)
            out = self.forward(batch)
            found = {f"held_{name}": value for name, value in losses(out, batch).items()}
            area = batch.valid.sum()
            for name, z in (("smooth", batch.said), ("stepped", front_of(out, batch.said))):
                found[f"held_{name}"] = ((z - batch.front).abs() * batch.valid).sum() / area
            for name, value in found.items():
                sums[name] = sums.get(name, 0.0) + float(value) / len(starts)
        self.net.load_state_dict(kept, strict=False)
        self.net.train()
        return {name: round(value, 5) for name, value in sums.items()}

    def save(self, path: Path) -> None:
        """Write the checkpoint beside its place and rename it."""
        state = {
            "net": self._state(),
            "mean": self.mean,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "progress": {"steps": self.steps, "pictures": self.pictures, "trained_s": self.trained_s},
        }
        unfinished = path.with_suffix(".part")
        torch.save(state, unfinished)
        unfinished.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint that `save` wrote."""
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"], strict=False)
        self.mean = state["mean"]
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        for name, value in state["progress"].items():
            setattr(self, name, value)

    def _state(self) -> dict[str, Tensor]:
        """Weights and norms' numbers without the backbone's, which stay as they were given."""
        return {k: v for k, v in self.net.state_dict().items() if not k.startswith("backbone.")}


def main() -> None:
    """Train until the budget is spent."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("--pool", type=Path, required=True)
    say.add_argument("--run", type=Path, required=True)
    say.add_argument("--backbone", type=Path, required=True)
    say.add_argument("--budget-s", type=float, default=3600)
    say.add_argument("--batch", type=int, default=16)
    say.add_argument("--lr", type=float, default=2e-3)
    args = say.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    args.run.mkdir(parents=True, exist_ok=True)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    trainer = Trainer(device, args.lr, backbone_of(args.backbone))
    checkpoint = args.run / "checkpoint.pt"
    if checkpoint.exists():
        trainer.resume(checkpoint)
    rng = np.random.default_rng(trainer.steps)
    dice = torch.Generator().manual_seed(trainer.steps)
    pool, held = EdgePool(args.pool, "train"), EdgePool(args.pool, "held")
    sums: dict[str, float] = {}
    log = args.run / "log.jsonl"
    while trainer.trained_s < args.budget_s:
        begun = time.monotonic()
        spent = trainer.trained_s / args.budget_s
        # Full rate for a quarter of the time, then half a cosine.
        rate = 0.02 + 0.49 * (1 + math.cos(math.pi * max(0.0, (spent - 0.25) / 0.75)))
        batch = augmented_batch(pool.take(rng.integers(0, len(pool), args.batch)), device, dice)
        for name, value in trainer.step(batch, rate).items():
            sums[name] = sums.get(name, 0.0) + value
        trainer.trained_s += time.monotonic() - begun
        last = trainer.trained_s >= args.budget_s
        if trainer.steps % 50 == 0 or last:
            line: dict[str, float] = {name: round(value / 50, 4) for name, value in sums.items()}
            line |= {"steps": trainer.steps, "pictures": trainer.pictures, "pool": len(pool)}
            line["trained_s"] = round(trainer.trained_s)
            sums = {}
            if trainer.steps % 400 == 0 or last:
                line |= trainer.validate(held)
                trainer.save(checkpoint)
                trainer.save(args.run / f"checkpoint_{trainer.steps:06d}.pt")
                pool = EdgePool(args.pool, "train")
            with log.open("a") as out:
                out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
