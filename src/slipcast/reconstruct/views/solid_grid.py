"""A regular grid around the figurine, and the hull's distances at its nodes, coarse first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F32, F64, Bool
from slipcast.reconstruct.views.silhouettes import FAR, Side, hull_distances

_COARSE = 4
"""Nodes of the fine grid in one of the coarse grid."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Nodes at `low + index * pitch` in the frame."""

    low: F64
    """(3,) of node (0, 0, 0)."""
    pitch: float
    shape: tuple[int, int, int]

    def points(self, index: np.ndarray) -> F32:
        """(N,3) places of flat indices (N,)."""
        at = np.stack(np.unravel_index(index, self.shape), 1).astype(np.float32)
        out: F32 = at * np.float32(self.pitch) + self.low.astype(np.float32)
        return out

    def halve(self) -> "Grid":
        """The same box with a node between every two."""
        x, y, z = (2 * n - 1 for n in self.shape)
        return Grid(low=self.low, pitch=self.pitch / 2, shape=(x, y, z))


def make_grid(sides: Sequence[Side], nodes: int) -> Grid:
    """Return a grid of about `nodes` nodes along the hull's longest side, with a margin all around.

    Raises ValueError where the silhouettes have nothing in common.
    """
    wide = 0.75
    coarse = Grid(low=np.full(3, -wide), pitch=2 * wide / 63, shape=(64, 64, 64))
    inside = hull_distances(sides, coarse.points(np.arange(64**3))).reshape(coarse.shape)
    solid = np.stack(np.nonzero(inside > -coarse.pitch))
    if not solid.size:
        raise ValueError("the silhouettes have nothing in common")
    low = coarse.low + (solid.min(1) - 1) * coarse.pitch
    high = coarse.low + (solid.max(1) + 1) * coarse.pitch
    pitch = float((high - low).max() / nodes)
    count = np.ceil((high - low) / pitch).astype(int) + 1
    middle = (low + high) / 2
    return Grid(
        low=middle - (count - 1) / 2 * pitch, pitch=pitch, shape=(int(count[0]), int(count[1]), int(count[2]))
    )


def hull_on_grid(sides: Sequence[Side], grid: Grid, reach: float) -> tuple[F32, Bool]:
    """The hull's distance at all nodes, exact where it is more than -`reach`, and (X,Y,Z) where that is.

    Blocks of nodes that are far outside are not looked at: distances change no faster than the way does.
    """
    x, y, z = (-(-n // _COARSE) for n in grid.shape)
    blocks = (x, y, z)
    coarse = Grid(
        low=grid.low + (_COARSE - 1) / 2 * grid.pitch,
        pitch=grid.pitch * _COARSE,
        shape=blocks,
    )
    at = hull_distances(sides, coarse.points(np.arange(np.prod(blocks)))).reshape(blocks)
    near = at > -(reach + 0.9 * _COARSE * grid.pitch)
    mask = near.repeat(_COARSE, 0).repeat(_COARSE, 1).repeat(_COARSE, 2)
    mask = np.ascontiguousarray(mask[: grid.shape[0], : grid.shape[1], : grid.shape[2]])
    out = np.full(grid.shape, -FAR, np.float32)
    index = np.flatnonzero(mask)
    for first in range(0, len(index), 1_000_000):
        part = index[first : first + 1_000_000]
        out.reshape(-1)[part] = hull_distances(sides, grid.points(part))
    return out, mask & (out > -reach)
