"""One run of training for the networks of several views: rate, running mean of the weights, checkpoint.

    run = Run(ViewNet(), folder, budget_s=3600, rate=0.002, warm=100, keep=0.998)
    while run.goes_on:
        run.step(loss_of(run.net, batch))
        run.save(judge(run.mean, held))      # now and then

The rate is a half cosine over the budget, which counts the seconds of all calls together.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from training.muon import Muon

Net = TypeVar("Net", bound=nn.Module)


class Run(Generic[Net]):
    """A network, the running mean of its weights, and how far both are; goes on from `folder`/state.pt."""

    def __init__(
        self,
        net: Net,
        folder: Path,
        *,
        budget_s: float,
        rate: float,
        warm: int,
        keep: float,
        plain: tuple[str, ...] = (),
    ) -> None:
        """`warm` is over how many steps the rate rises; `keep` is how much of the mean one step leaves, at most.

        Muon moves the matrices, AdamW the rest and those whose names begin as one of `plain`.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.net, self.folder = net, folder
        self.mean: Net = deepcopy(net).eval().requires_grad_(False)
        self.budget_s, self.rate, self.warm, self.keep = budget_s, rate, warm, keep
        self.steps, self.spent_s = 0, 0.0
        named = list(net.named_parameters())
        matrices = [p for name, p in named if p.ndim > 1 and not name.startswith(plain)]
        self._rest = [p for name, p in named if p.ndim <= 1 or name.startswith(plain)]
        self.optimisers: list[torch.optim.Optimizer] = [
            Muon(matrices, rate, decay=0.05),
            torch.optim.AdamW(self._rest, rate, weight_decay=0.0),
        ]
        state = folder / "state.pt"
        if state.exists():
            found = torch.load(state, weights_only=True)
            self.net.load_state_dict(found["net"])
            self.mean.load_state_dict(found["mean"])
            for optimiser, values in zip(self.optimisers, found["optimisers"], strict=True):
                optimiser.load_state_dict(values)
            self.spent_s, self.steps = found["spent"], found["steps"]
        for p in net.parameters():
            if p.ndim in (4, 5):
                order = torch.channels_last if p.ndim == 4 else torch.channels_last_3d
                p.data = p.data.contiguous(memory_format=order)
        self._begun = time.monotonic() - self.spent_s
        self._total, self._last = 0.0, time.monotonic()

    @property
    def goes_on(self) -> bool:
        """Whether budget is left; puts the network into training."""
        self.net.train()
        return self.spent_s < self.budget_s

    def step(self, loss: Tensor) -> None:
        """One update of the weights and of their running mean."""
        self.spent_s = time.monotonic() - self._begun
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.spent_s / self.budget_s, 1.0)))
        rate = self.rate * min(1, (self.steps + 1) / self.warm) * max(0.01, cosine)
        for optimiser in self.optimisers:
            for group in optimiser.param_groups:
                group["lr"] = rate
            optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self._rest, 5.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.steps += 1
        share = min(self.keep, (self.steps + 1) / (self.steps + 20))
        with torch.no_grad():
            for ours, theirs in zip(
                self.mean.state_dict().values(), self.net.state_dict().values(), strict=True
            ):
                if ours.dtype.is_floating_point:
                    ours.lerp_(theirs, 1 - share)
        self._total += float(loss.detach())

    def tell(self, every: int, batch: int, found: str) -> None:
        """Print the mean loss and the pace of the last `every` steps; `found` is what there is to learn from."""
        pace = every * batch / (time.monotonic() - self._last)
        told = f"{self.steps} steps, {self.spent_s:.0f} s, {found}"
        print(f"{told}, loss {self._total / every:.4f}, {pace:.1f} items/s", flush=True)
        self._total, self._last = 0.0, time.monotonic()

    def save(self, scores: Mapping[str, object]) -> None:
        """Note `scores` in log.jsonl and write the checkpoint beside its place, then rename it."""
        with (self.folder / "log.jsonl").open("a") as log:
            log.write(json.dumps({"steps": self.steps, "spent": self.spent_s, **scores}) + "\n")
        print(scores, flush=True)
        state = self.folder / "state.pt"
        unfinished = state.with_suffix(".part")
        torch.save(
            {
                "net": self.net.state_dict(),
                "mean": self.mean.state_dict(),
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "spent": self.spent_s,
                "steps": self.steps,
            },
            unfinished,
        )
        unfinished.replace(state)


def net_size(net: nn.Module) -> int:
    """How many weights."""
    return sum(p.numel() for p in net.parameters())
