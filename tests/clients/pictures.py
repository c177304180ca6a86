"""What another program drew of the four sides, beside what our own preview draws of them."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from slipcast.core.values import Figurine
from slipcast.pipeline.preview import render

WIDTH_PX, HEIGHT_PX = 150, 200
YAWS_DEG = (0.0, 90.0, 180.0, 270.0)
_GROUND = (236, 238, 240)


@dataclass(frozen=True)
class Likeness:
    """How alike two pictures of one side are."""

    outline: float
    """Intersection over union of the silhouettes."""
    color: float
    """Mean difference of the colours inside both, of 255."""


def likenesses(figurine: Figurine, drawings: list[str]) -> list[Likeness]:
    """Compare `drawings`, the four sides without shading (RGBA from the bottom row up, base64), with our own."""
    out = []
    for yaw_deg, drawing in zip(YAWS_DEG, drawings, strict=True):
        flat = np.frombuffer(base64.b64decode(drawing), np.uint8)
        theirs = flat.reshape(HEIGHT_PX, WIDTH_PX, 4)[::-1]
        ours = render(figurine, WIDTH_PX, HEIGHT_PX, yaw_deg=yaw_deg, lit=False)
        there, here = theirs[..., 3] > 127, (ours != _GROUND).any(axis=2)
        both = there & here
        inside = both & _eroded(both)
        apart = np.abs(theirs[inside][:, :3].astype(float) - ours[inside].astype(float))
        out.append(Likeness(float(both.sum() / (there | here).sum()), float(apart.mean())))
    return out


def _eroded(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask without its rim of one pixel."""
    out = mask.copy()
    for axis in (0, 1):
        for step in (-1, 1):
            out &= np.roll(mask, step, axis)
    return out
