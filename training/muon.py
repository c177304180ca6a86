"""Muon: momentum whose matrices are made orthogonal before they are applied; AdamW for everything that is no matrix.

Plain steps favour a few directions of a weight matrix; orthogonal ones move all of them alike, which pays most when
only some thousand steps can be afforded (Jordan et al., 2024). Convolutions count as matrices (out, in * 3 * 3). The
update's size is matched to AdamW's (Liu et al., 2025: 0.2 * sqrt of the longer side), so that one rate serves both.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import torch
from torch import Tensor


class Muon(torch.optim.Optimizer):
    """For parameters with two dimensions or more."""

    def __init__(
        self, params: Iterable[Tensor], lr: float, momentum: float = 0.95, decay: float = 0.1
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """One update from the gradients; `closure` is torch's and not used."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(p)
                state["momentum"].lerp_(p.grad, 1 - group["momentum"])
                ahead = torch.lerp(p.grad, state["momentum"], group["momentum"])
                flat = ahead.reshape(len(ahead), -1)
                turned = orthogonal(flat).to(p.dtype).view(ahead.shape)
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(turned, alpha=-group["lr"] * 0.2 * max(flat.shape) ** 0.5)


@cache
def bf16_pays() -> bool:
    """Whether this processor learns faster in bf16 than in float32; a convolution is timed both ways, once.

    What a processor claims does not tell: AMX tiles make it three times as fast, AVX-512 BF16 makes it twice as fast on
    an EPYC and 1.6 times as slow on a Xeon, and without either it is ten times as slow.
    """
    took: dict[torch.dtype, float] = {}
    for kind in (torch.float32, torch.bfloat16):
        weight = torch.ones(64, 64, 3, 3, dtype=kind, requires_grad=True)
        picture = torch.ones(4, 64, 16, 16, dtype=kind, requires_grad=True)
        tries: list[float] = []
        for _ in range(4):
            begun = time.process_time()
            with torch.enable_grad():  # an optimiser's step asks too
                out = torch.nn.functional.conv2d(picture, weight, padding=1)
                torch.autograd.backward(out.sum())
            tries.append(time.process_time() - begun)
        took[kind] = min(tries)
    return took[torch.bfloat16] < took[torch.float32]


def orthogonal(matrix: Tensor, steps: int = 5) -> Tensor:
    """The nearest matrix with all singular values about 1, by the quintic Newton-Schulz iteration.

    In bf16 on a GPU and on a CPU that is faster with it; on one that cannot multiply it bf16 took 40 times as long.
    """
    x = matrix.to(torch.bfloat16 if matrix.is_cuda or bf16_pays() else torch.float32)
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(steps):
        square = x @ x.T
        x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
    out: Tensor = x.T if tall else x
    return out
