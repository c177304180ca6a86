"""What the grid network (field_net.py) sees: at each node of a grid, what all sides and the other networks say of it.

The point network (fusion_net.py) and the depth network of several views (view_depth.py) are asked node by node; their
blended answer is where the grid network begins.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F32, Bool
from slipcast.reconstruct.views.features import make_maps, point_features
from slipcast.reconstruct.views.fusion_net import depth_inside
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid_grid import Grid, hull_on_grid
from slipcast.reconstruct.views.view_depth import average_depths, predict_depths

NODES = 64
"""Nodes of the network's grid along the figurine's longest side."""
CHANNELS = 20
BASE = 7
"""The channel that holds the blended answer, in tenths of the frame."""
HULL, KNOWN = 0, 19
"""The hull's distance; 1 where a node is within the hull or near it."""
TRUSTED = 0.04
"""Air is no emptier than this in what is blurred, in units of the frame: far air would eat thin parts."""
TENTHS = 10.0
_UNSURE, _SAY = 0.5, 2.0
"""From which weight on the shells' mean distance has a say beside the network's 1, and how much at most."""
_CHUNK = 60_000


@dataclass(frozen=True, kw_only=True)
class FieldInputs:
    """Numbers at the nodes of a grid."""

    channels: F32
    """(CHANNELS,X,Y,Z): the distance to the nearest outline, to the second, their mean, how many sides; what the point
    network says, the depth network's mean and its weight, both blended; below the front that says the least, the same
    of the backs, below all; the one-picture shells, least and mean; the nearest end of a row; places between the ends
    of rows and along rays; the node's place; whether it is known."""
    hull: F32
    """(X,Y,Z) signed distance to the hull."""
    near: Bool
    """(X,Y,Z) where the networks were asked."""


def field_inputs(sides: Sequence[Side], grid: Grid, slack: float = 0.0) -> FieldInputs:
    """Ask both networks at all nodes of `grid` that are within the hull, or outside it by `slack` and 2.5 nodes."""
    hull, near = hull_on_grid(sides, grid, slack + 2.5 * grid.pitch)
    maps, seen = make_maps(sides), predict_depths(sides)
    channels = np.zeros((CHANNELS, *grid.shape), np.float32)
    channels[HULL] = hull * 6
    channels[BASE] = hull * TENTHS
    channels[16:19] = grid.points(np.arange(hull.size)).T.reshape(3, *grid.shape) * 2
    channels[KNOWN] = near
    flat = channels.reshape(CHANNELS, -1)
    index = np.flatnonzero(near)
    for first in range(0, len(index), _CHUNK):
        part = index[first : first + _CHUNK]
        points = grid.points(part)
        per_side, overall = point_features(maps, points)
        inside = np.maximum(depth_inside(per_side, overall), np.float32(-TRUSTED))
        shells = average_depths(sides, seen, points)
        say = np.clip(shells.weight - np.float32(_UNSURE), 0, _SAY)
        flat[:4, part] = overall.T
        flat[4, part] = inside * TENTHS
        flat[5, part] = shells.mean * 30
        flat[6, part] = np.log1p(shells.weight)
        flat[BASE, part] = (inside + say * shells.mean) / (1 + say) * TENTHS
        flat[8, part] = shells.least * TENTHS
        flat[9, part] = shells.least_back * TENTHS
        flat[10, part] = shells.rough * TENTHS
        flat[11, part] = per_side[..., 5].min(0)
        flat[12, part] = per_side[..., 5].mean(0)
        flat[13, part] = per_side[..., 1].min(0)
        flat[14, part] = per_side[..., 9].mean(0)
        flat[15, part] = per_side[..., 11].mean(0)
    return FieldInputs(channels=channels, hull=hull, near=near)
