"""A small mask -> the half-thickness of its inflated silhouette, solved exactly.

The same definition as dome.py's: lap u = -1 inside, u = 0 outside, z = sqrt(4 u), so that a disc becomes a ball.
dome.py is made for full-size pictures, where it is within 1 to 3 %; at the network's 128 px it is 10 to 25 % too
thick. Here: conjugate gradients from the solution at half the side, 15 ms at 128 px, within 0.1 %. Rejected:
relaxation from coarse to fine alone (5 to 12 % too thick), a sparse direct solve (60 ms).
"""

import numpy as np

from slipcast.core.values import F32, Bool


def inflate_small(mask: Bool) -> F32:
    """Return the half thickness (H,W) in pixels, zero outside, of a mask (H,W)."""
    return np.sqrt(np.maximum(4 * _solve(mask), 0)).astype(np.float32)


def _solve(mask: Bool) -> F32:
    """u of lap u = -1 inside the mask, in pixels squared."""
    h, w = mask.shape
    if min(h, w) <= 16 or h % 2 or w % 2:
        return _conjugate(mask, np.zeros((h, w), np.float32), 100)
    share = mask.reshape(h // 2, 2, w // 2, 2).sum((1, 3))
    coarse = _solve(share >= 3) * 4
    padded = np.pad(coarse, 1, mode="edge")
    fine = np.zeros((h, w), np.float32)
    for dy in (0, 1):
        for dx in (0, 1):
            near_y, near_x = padded[2 * dy : 2 * dy + h // 2], slice(2 * dx, 2 * dx + w // 2)
            mid = padded[1:-1]
            fine[dy::2, dx::2] = (
                9 * mid[:, 1:-1] + 3 * mid[:, near_x] + 3 * near_y[:, 1:-1] + near_y[:, near_x]
            ) / 16
    return _conjugate(mask, fine * mask, 300)


def _conjugate(mask: Bool, u: F32, steps: int) -> F32:
    """Conjugate gradients on 4 u - (four neighbours) = 1 inside the mask, from the guess u."""
    inside = mask.astype(np.float32)
    big = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.float32)
    middle = big[1:-1, 1:-1]

    def apply(x: F32) -> F32:
        middle[:] = x
        around = big[:-2, 1:-1] + big[2:, 1:-1]
        around += big[1:-1, :-2]
        around += big[1:-1, 2:]
        out = 4 * x
        out -= around
        out *= inside
        return out

    rest = inside - apply(u)
    way = rest.copy()
    energy = float(np.vdot(rest, rest))
    goal = 1e-4 * float(inside.sum())
    for _ in range(steps):
        if energy <= goal:
            break
        pushed = apply(way)
        step = energy / max(float(np.vdot(way, pushed)), 1e-20)
        u = u + step * way
        rest -= step * pushed
        after = float(np.vdot(rest, rest))
        way *= after / energy
        way += rest
        energy = after
    return u
