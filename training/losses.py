"""What the network is asked for, each term a mean over pictures so that no thick figurine outweighs the others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from slipcast.depth.figurine.net import shells
from training.batches import Batch

WEIGHTS = {
    "front": 6.0,
    "back": 6.0,
    "log_thickness": 0.4,
    "gradient": 3.0,
    "normal": 0.3,
    "mask": 0.1,
    "spread": 0.15,
}


def terms(out: Tensor, batch: Batch) -> dict[str, Tensor]:
    """The unweighted losses by name.

    `spread` compares the standard deviation of all points' z with the true one: L1 alone is content with the
    median and shrinks what it is unsure of, so depth/width would come out too small.
    """
    front, back = shells(out, batch.dome)
    inside = batch.valid.float()
    area = inside.sum((1, 2)).clamp(min=1)

    def mean(values: Tensor) -> Tensor:
        return (values * inside).sum((1, 2)) / area

    both = torch.stack([batch.front, batch.back], 1)
    guess = torch.stack([front, back], 1)
    deep = spread(both, inside)
    # A figurine seen lengthwise is several crops deep and would drown all others.
    trust = 1 / (deep / 0.35).clamp(min=1)
    thickness = (batch.front - batch.back).clamp(min=0)
    log_ratio = torch.log((front - back) + 0.02) - torch.log(thickness + 0.02)
    normal = functional.normalize(out[:, 3:6], dim=1, eps=1e-4)
    return {
        "front": (mean((front - batch.front).abs()) * trust).mean(),
        "back": (mean((back - batch.back).abs()) * trust).mean(),
        "log_thickness": mean(log_ratio.abs()).mean(),
        "gradient": (gradient(guess - both, inside) * trust).mean(),
        "normal": mean(1 - (normal * batch.normal).sum(1)).mean(),
        "mask": functional.binary_cross_entropy_with_logits(out[:, 2], batch.alpha),
        "spread": torch.log((spread(guess, inside) + 0.01) / (deep + 0.01)).abs().mean(),
    }


def spread(shell: Tensor, inside: Tensor) -> Tensor:
    """(B,) standard deviation of z over both shells (B,2,H,W)."""
    count = 2 * inside.sum((1, 2)).clamp(min=1)
    weight = inside[:, None]
    middle = (shell * weight).sum((1, 2, 3)) / count
    square = ((shell - middle[:, None, None, None]) ** 2 * weight).sum((1, 2, 3)) / count
    return torch.sqrt(square + 1e-8)


def gradient(error: Tensor, inside: Tensor) -> Tensor:
    """(B,) mean absolute change of the error between neighbours 1 to 8 pixels apart; far ones count less."""
    total = torch.zeros(len(error), device=error.device)
    for step in (1, 3, 8):
        for axis in (1, 2):
            size = error.shape[axis + 1] - step
            pair = inside.narrow(axis, 0, size) * inside.narrow(axis, step, size)
            change = (error.narrow(axis + 1, 0, size) - error.narrow(axis + 1, step, size)).abs().sum(1)
            total = total + (change * pair).sum((1, 2)) / pair.sum((1, 2)).clamp(min=1) / step**0.5
    return total / 6


def total(parts: dict[str, Tensor]) -> Tensor:
    """The weighted sum."""
    return torch.stack([WEIGHTS[name] * value for name, value in parts.items()]).sum()
