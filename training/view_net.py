"""The depth network of several views (reconstruct/views/view_depth.py runs it as ONNX)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from slipcast.reconstruct.views.depth_inputs import HULL, PICTURE

WIDTHS = (28, 48, 96, 128)
OUTPUTS = 4
"""Front, back (behind the axis, in units of the frame), and the logarithms of both's likely errors in hundredths."""


class Block(nn.Module):
    """Two convolutions beside a way straight through."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.a = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.b = nn.Conv2d(width, width, 3, padding=1, bias=False)
        last = nn.BatchNorm2d(width)
        nn.init.zeros_(last.weight)
        self.na: nn.Module = nn.BatchNorm2d(width)
        self.nb: nn.Module = last

    def forward(self, x: Tensor) -> Tensor:
        """(B,C,h,w) as it came in."""
        return functional.relu(x + self.nb(self.b(functional.relu(self.na(self.a(x))))))


def joint(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    """A convolution, its norm and relu."""
    conv = nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU())


class ViewNet(nn.Module):
    """A small U-Net from the picture (B,PICTURE,S,S) and the hull (B,HULL,S/2,S/2) to (B,OUTPUTS,S,S)."""

    def __init__(self, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        a, b, c, d = widths
        self.stem = joint(4 * PICTURE + HULL + 2, a, 3)
        self.down = nn.ModuleList([joint(a, b, 3, 2), joint(b, c, 3, 2), joint(c, d, 3, 2)])
        self.here = nn.ModuleList(
            [nn.Sequential(Block(w), Block(w)) if w != a else Block(w) for w in (a, b, c, d)]
        )
        self.up = nn.ModuleList([joint(d + c, c, 1), joint(c + b, b, 1), joint(b + a, a, 1)])
        self.then = nn.ModuleList([Block(c), Block(b), Block(a)])
        self.fine = joint(a // 2 + PICTURE, 16, 3)
        self.spread = nn.Conv2d(a, 2 * a, 3, padding=1)
        self.out = nn.Conv2d(16, OUTPUTS, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        with torch.no_grad():
            assert self.out.bias is not None
            self.out.bias.copy_(torch.tensor([-1.5, 1.5, 1.0, 1.0]))

    def forward(self, picture: Tensor, hull: Tensor) -> Tensor:
        """See the class."""
        entry, leave = hull[:, 0:1], hull[:, 3:4]
        said = hull[:, 5:7]
        size = (leave - entry).clamp(min=0.02)
        share = ((said - entry) / size).clamp(-0.5, 1.5)
        grown = torch.cat([hull[:, :4] * 3, hull[:, 4:5], said * 3, hull[:, 7:8], share], 1)
        x = self.stem(torch.cat([functional.pixel_unshuffle(picture, 2), grown], 1))
        kept = []
        for k, here in enumerate(self.here):
            if k:
                x = self.down[k - 1](x)
            x = here(x)
            kept.append(x)
        for k, (up, then) in enumerate(zip(self.up, self.then, strict=True)):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = then(up(torch.cat([x, kept[2 - k]], 1)))
        x = functional.pixel_shuffle(self.spread(x), 2)
        out = self.out(self.fine(torch.cat([x, picture], 1))).float()
        whole = functional.interpolate(
            torch.cat([entry, leave], 1).float(), scale_factor=2.0, mode="bilinear", align_corners=False
        )
        # Cameras may be off, so a little beyond the hull is allowed.
        share = 1.2 * torch.sigmoid(out[:, :2]) - 0.1
        depth = whole[:, :1] + (whole[:, 1:] - whole[:, :1]) * share
        return torch.cat([depth, out[:, 2:].clamp(-3, 4)], 1)
