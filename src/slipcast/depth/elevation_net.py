"""The elevation network: from how high the camera looks, and how it is rolled; shared by training and inference.

In: `picture` (B,3,S,S) RGB in [0, 1] on mid grey and `shape` (B,3,S,S): mask, front and back of figurine_net.py (crop
sides, 0 outside), S a multiple of 32. Out: (B,4) float32, in radians:

    0  pitch   above 0 the camera looks down
    1  roll    above 0 the picture's content is turned anticlockwise
    2-3        log of the mean absolute error that each is likely to have

It looks at the picture through the figurine network's backbone: a base's ellipse, soles, the tops of things are what
tells the elevation. The shape tells how far the figurine leans in the picture's frame.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipcast.depth.backbone import CHANNELS, Lite0

SHAPE = 3
OUTPUTS = 4
LOOK_PX = 192
"""Side of the picture that the backbone sees."""
CELLS = 6
"""Side of the map on which both kinds of evidence meet."""
SHAPE_PX = 32
"""Side at which the shape enters."""
_WIDTH = 32


class ElevationNet(nn.Module):
    """See the module's docstring."""

    def __init__(self, backbone: Lite0 | None = None) -> None:
        super().__init__()
        self.backbone = backbone or Lite0()
        self.norm = nn.BatchNorm2d(CHANNELS[-1])
        self.look = nn.Conv2d(CHANNELS[-1], _WIDTH, 1)
        self.shape1 = nn.Conv2d(SHAPE, _WIDTH, 3, stride=2, padding=1)
        self.shape2 = nn.Conv2d(_WIDTH, _WIDTH, 3, stride=2, padding=1)
        self.meet = nn.Conv2d(2 * _WIDTH, _WIDTH, 3, padding=1)
        self.hidden = nn.Linear(_WIDTH * CELLS**2, 64)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(64, OUTPUTS)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            self.out.bias.copy_(torch.tensor([0.0, 0.0, -2.3, -3.0]))

    def forward(self, picture: Tensor, shape: Tensor) -> Tensor:
        """(B,3,S,S) twice to (B,4)."""
        return self.judge(*self.seen(picture, shape))

    def seen(self, picture: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        """What of both is looked at: (B,112,CELLS,CELLS) and (B,3,SHAPE_PX,SHAPE_PX)."""
        large = functional.interpolate(
            picture, size=(LOOK_PX, LOOK_PX), mode="bilinear", antialias=picture.shape[-1] > LOOK_PX
        )
        return functional.avg_pool2d(self.backbone(large)[-1], LOOK_PX // 16 // CELLS), functional.avg_pool2d(
            shape, shape.shape[-1] // SHAPE_PX
        )

    def judge(self, looked: Tensor, shape: Tensor) -> Tensor:
        """What `seen` gives to (B,4)."""
        y: Tensor = functional.relu(self.shape2(functional.relu(self.shape1(4 * shape))))
        y = functional.adaptive_avg_pool2d(y, CELLS)
        y = torch.cat([functional.relu(self.look(self.norm(looked))), y], 1)
        y = functional.relu(self.meet(y)).flatten(1)
        out: Tensor = self.out(self.drop(functional.relu(self.hidden(self.drop(y)))))
        return out
