"""What the sides say of a point -> how deep in the figurine it lies, by a small network.

Each side's numbers (features.py) go through the same two layers; their mean and their greatest answers, with what all
sides say together, through three more (Zaheer et al. 2017, Deep Sets), so any number of sides will do, in any order.
It has 8,000 weights and was trained on 16,000 points of each of some hundred figurines, with cameras that were off.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

from slipcast.core.values import F32

_FILE = Path(__file__).with_name("fusion.npz")
_TENTHS = np.float32(0.1)
REACH = 0.08
"""The network knows no depth beyond this, in units of the frame."""


@cache
def _weights() -> Mapping[str, F32]:
    with np.load(_FILE) as file:
        return {key: file[key].astype(np.float32) for key in file.files}


def depth_inside(per_side: F32, overall: F32) -> F32:
    """(N,) signed depth below the surface in units of the frame, of (K,N,P) and (N,Q) numbers of features.py."""
    weights = _weights()

    def layer(name: str, values: F32) -> F32:
        out: F32 = values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        return out

    total = most = None
    for side in per_side:
        hidden = np.maximum(layer("b", np.maximum(layer("a", side), 0)), 0)
        total = hidden if total is None else total + hidden
        most = hidden if most is None else np.maximum(most, hidden)
    assert total is not None
    assert most is not None
    joined = np.concatenate([total / np.float32(len(per_side)), most, overall], 1)
    joined = np.maximum(layer("d", np.maximum(layer("c", joined), 0)), 0)
    out: F32 = np.clip(layer("e", joined)[:, 0] * _TENTHS, -REACH, REACH)
    return out
