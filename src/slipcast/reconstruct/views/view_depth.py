"""How far each side's surface lies, by a small network that knows the hull of all sides.

The one-picture network knows nothing of the other sides; the hull knows no hollow. This one (training/view_net.py; a
U-Net, 1.5 million weights) sees the picture, the hull's begin and end along each ray and the one-picture network's
shells, and says where between the hull's begin and end the front and the back lie, and how sure it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from slipcast.core.network import Network, open_network
from slipcast.core.orbit import sample
from slipcast.core.scientific import ndimage
from slipcast.core.values import F32
from slipcast.depth.weights import find_bundled
from slipcast.reconstruct.views.depth_inputs import PER_UNIT, network_inputs, place_in_lattice
from slipcast.reconstruct.views.silhouettes import Side

MODEL = "views"
"""The bundled model's folder."""
FILE = "views.onnx"
_NEAR = 0.03
"""Distance to a shell up to which it counts wholly, in units of the frame."""
FAR = 0.08
"""Distances beyond this are not told apart, in units of the frame."""
_BEFORE, _BACK = 0.15, 0.3
"""What a shell counts for points before it; what the side that leaves counts beside the one that is seen."""
_STEEP = 0.3
"""Least cosine that a distance along the ray is multiplied with."""


@dataclass(frozen=True, kw_only=True)
class ViewDepth:
    """Maps of one side on the lattice of depth_inputs.py."""

    shells: F32
    """(2,S,S) where rays enter the figurine and where they leave it, behind the axis in units of the frame."""
    spread: F32
    """(2,S,S) logarithms of the likely errors of both, in hundredths."""


def predict_depths(sides: Sequence[Side]) -> list[ViewDepth]:
    """What the network says of each side, the mean with its answer for the mirrored picture.

    Raises MissingWeights when the bundled weights are absent or damaged.
    """
    picture, hull = network_inputs(sides)
    net = open_bundled(FILE)
    straight = net.run(picture=picture, hull=hull)
    mirrored = net.run(
        picture=np.ascontiguousarray(picture[..., ::-1]), hull=np.ascontiguousarray(hull[..., ::-1])
    )
    return [ViewDepth(shells=said[:2], spread=said[2:]) for said in (straight + mirrored[..., ::-1]) / 2]


@dataclass(frozen=True, kw_only=True)
class Averaged:
    """What all shells say of N points: signed distances below them, positive inside, in units of the frame."""

    mean: F32
    """(N,) of all, each cut off at `_NEAR`."""
    weight: F32
    """(N,) what that weighs: 1 is what one front weighs that is seen squarely and likely to be off by a hundredth."""
    rough: F32
    """(N,) of all, each cut off at `FAR`."""
    least: F32
    """(N,) below the front that says the least, cut off at `FAR`."""
    least_back: F32
    """(N,) the same of the backs."""


def average_depths(sides: Sequence[Side], seen: Sequence[ViewDepth], points: F32) -> Averaged:
    """What all shells say of points (N,3) together.

    Projective distances, cut off and averaged (Curless and Levoy 1996): each shell counts by the likely error, by how
    squarely it is seen, and little where the point lies far before it or behind it.
    """
    signed, rough, total = np.zeros((3, len(points)), np.float32)
    least = np.full((2, len(points)), FAR, np.float32)
    for side, depth in zip(sides, seen, strict=True):
        x, y, z = side.camera.project(points)
        u, v = place_in_lattice(side, x, y)
        deep = z - np.float32(side.camera.distance)
        for shell, spread, way, counts in zip(depth.shells, depth.spread, (1, -1), (1, _BACK), strict=True):
            down, across = np.gradient(ndimage.gaussian_filter(shell, 0.7), 1 / PER_UNIT)
            cosine = 1 / np.sqrt(1 + down**2 + across**2)
            said = sample(np.stack([shell, cosine, np.exp(-spread)], -1).astype(np.float32), u, v)
            below = way * (deep - said[:, 0]) * np.maximum(said[:, 1], np.float32(_STEEP))
            behind = np.exp(-np.square(np.maximum(below / np.float32(_NEAR) - 1, 0)))
            weight = counts * said[:, 1] ** 2 * said[:, 2] * np.where(below < -_NEAR, _BEFORE, behind)
            signed += weight * np.clip(below, -_NEAR, _NEAR)
            below = np.clip(below, -FAR, FAR)
            rough += weight * below
            total += weight
            kind = least[0 if way > 0 else 1]
            np.minimum(kind, below, out=kind)
    whole = np.maximum(total, np.float32(1e-4))
    return Averaged(
        mean=(signed / whole).astype(np.float32),
        weight=total,
        rough=(rough / whole).astype(np.float32),
        least=least[0],
        least_back=least[1],
    )


def open_bundled(file: str) -> Network:
    """Return the network `file` of the bundled folder `views`, opened once in a process.

    Raises MissingWeights where it is absent or damaged.
    """
    found = find_bundled(MODEL)
    return _open_once(found.file(file), found.sums[file])


@cache
def _open_once(file: Path, sha256: str) -> Network:
    del sha256  # another file in the same place is another network
    return open_network(file)
