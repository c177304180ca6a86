"""What all sides and networks say at the nodes of a grid -> how deep each lies, by a small network with neighbours.

The point network and the depth network of several views are asked node by node and know no neighbourhood. This one
(training/field_net.py; a 3D U-Net, 0.8 million weights) sees the grid of their answers (field_inputs.py) and says by
how much the true depth differs from both, blended. Two thirds of the answer are its own (docs/views.md).
"""

import numpy as np

from slipcast.core.values import F32
from slipcast.reconstruct.views.field_inputs import BASE, CHANNELS, HULL, TENTHS, TRUSTED, FieldInputs
from slipcast.reconstruct.views.view_depth import open_bundled

FILE = "field.onnx"
_STEP = 8
"""The grid's sides are filled up to multiples of this: the network halves them three times."""
AIR = {HULL: -1.5, BASE: -2.5}
"""What these channels hold in air that is far away; the others hold 0."""
_SHARE = np.float32(2 / 3)
"""Of its answer; the rest is the blended one."""
_GROWN = np.float32(0.002)
"""Added to both, in units of the frame: without it solids are a little too thin (docs/views.md)."""


def depth_at_nodes(asked: FieldInputs) -> F32:
    """(X,Y,Z) signed depth below the surface in units of the frame; the hull's where the networks were not asked.

    Raises MissingWeights when the bundled weights are absent or damaged.
    """
    shape = asked.hull.shape
    whole = tuple(-(-n // _STEP) * _STEP for n in shape)
    grid = np.zeros((1, CHANNELS, *whole), np.float32)
    for channel, value in AIR.items():
        grid[:, channel] = value
    x, y, z = shape
    grid[0, :, :x, :y, :z] = asked.channels
    said = open_bundled(FILE).run(grid=grid)[0, 0, :x, :y, :z]
    blended = np.maximum(asked.channels[BASE], np.float32(-TRUSTED * TENTHS))
    mean = (blended + _SHARE * (said - blended)) / np.float32(TENTHS)
    out: F32 = np.where(asked.near, mean + _GROWN, asked.hull)
    return out
