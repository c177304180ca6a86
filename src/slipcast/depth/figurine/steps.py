"""A picture and its smooth front -> where the front steps, one part standing before another, and how far.

The figurine network smears a step of depth over four of its 128 x 128 pixels. depth/figurine/steps_net.py looks at
the square
about the figurine at `SIDE_PX` and says for each pixel how likely it lies beside a step, how far the front rises there,
and on which side of the step the pixel lies. Its maps are smooth and enlarge without a staircase; the edge is where the
enlarged side changes its sign, as sharp as the picture is large. Before, the side is drawn to the picture's own edges
of colour by a guided filter (He, Sun, Tang 2013; its coefficients at a quarter of the size, as in their Fast Guided
Filter, 2015). Where the network is not sure that there is a step, the front stays as it was.
"""

from typing import NamedTuple, Protocol

import numpy as np

from slipcast.core.guided_filter import fit_lines
from slipcast.core.scientific import linalg, ndimage, sparse
from slipcast.core.values import F32, F64, I64, U8, Bool

SIDE_PX = 256
"""Working size; training crops pairs of this size."""


_TRUSTED = (0.3, 0.7)
"""Likelihoods of a step between which it is believed more and more; more careful than in training."""
_FLATTENED = 0.5
"""How much of the smooth front's own ramp a step takes away."""
_WIDE_PX = 60
"""A step's rise fades over so many of the working size's pixels."""
_ACROSS_PX = 1.5
"""How far each side of an edge is continued, as a Gaussian's deviation."""
_DRAWN = 0.012
"""How far colours draw an edge, in sides of the square."""
_CONTRAST = 1e-3
"""Variance of colour from which on they do."""
_COARSE = 4
"""One of so many pixels a side is enough for the filter's coefficients."""
_SPECKS_PX = 5
"""What is smaller on one side of an edge goes over to the other."""


class Steps(NamedTuple):
    """Maps (S,S) over the square, or over a part of the picture when they are enlarged."""

    rise: F32
    """How far the front steps here, in sides of the square; 0 away from steps."""
    side: F32
    """Above 0 on the near side of the step."""
    shift: F32
    """What the smooth front lacks besides, in sides of the square; 0 away from steps."""


class EdgeNetwork(Protocol):
    """What is asked for steps: depth/figurine/steps_net.py's network, opened by core/network.py."""

    def run(self, *, picture: F32, shape: F32) -> F32:
        """Return (B,4,S,S) for (B,3,S,S) and (B,4,S,S)."""
        ...


def find_steps(net: EdgeNetwork, picture: F32, coverage: F32, front: F32, back: F32, dome: F32) -> Steps:
    """Ask the network about a square: `picture` (S,S,3) in [0, 1] on mid grey, the others (S,S), the last three in
    sides of the square and 0 outside. The mean over the picture and its mirror image is taken."""
    seen = picture.transpose(2, 0, 1)
    shape = np.stack([coverage, front, back, dome]).astype(np.float32)
    pairs = (np.ascontiguousarray(np.stack([each, each[..., ::-1]])) for each in (seen, shape))
    straight, mirrored = net.run(**dict(zip(("picture", "shape"), pairs, strict=True)))
    out = (straight + mirrored[..., ::-1]) / 2
    return settle_steps(front, coverage >= 0.5, sure_of(out[0]), rise_of(out[1]), out[2])


def rise_of(gap: F32) -> F32:
    """Return (S,S) how far a step rises if there is one, in sides of the square.

    `gap` (S,S) is the network's channel, before softplus.
    """
    return np.asarray(np.logaddexp(0, gap - np.float32(2.5)), np.float32)


def sure_of(near: F32) -> F32:
    """Return (S,S) the share of the rise that is believed, 0 to 1.

    `near` (S,S) is the network's channel, a logit.
    """
    low, high = _TRUSTED
    share = np.clip((1 / (1 + np.exp(-near)) - low) / (high - low), 0, 1).astype(np.float32)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def settle_steps(front: F32, inside: Bool, sure: F32, rise: F32, side: F32) -> Steps:
    """Make the front rise by `rise` where `side` changes its sign, as far as that is `sure` (all (S,S)).

    What is sought is the change d of the front: between neighbours on one side of an edge it is level, but for a part
    of the front's own ramp, which the step replaces; between those on both sides it rises as told; and far from all
    steps it fades (a screened Poisson equation). Both sides are then continued across the edge, so that they can be
    enlarged and the edge be drawn later.
    """
    before = side > 0
    number = np.full(front.shape, -1)
    number[inside] = np.arange(int(inside.sum()))
    rows: list[I64] = []
    columns: list[I64] = []
    targets: list[F64] = []
    for axis in (0, 1):
        first, second = (
            tuple(part if k == axis else slice(None) for k in (0, 1))
            for part in (slice(None, -1), slice(1, None))
        )
        both = inside[first] & inside[second]
        ramp = (front[second] - front[first])[both]
        share = (sure[first] + sure[second])[both] / 2
        told = (sure[first] * rise[first] + sure[second] * rise[second])[both] / 2
        way = before[second][both].astype(np.float32) - before[first][both]
        rows.append(number[first][both])
        columns.append(number[second][both])
        targets.append((told * way - _FLATTENED * share * ramp).astype(np.float64))
    i, j, target = np.concatenate(rows), np.concatenate(columns), np.concatenate(targets)
    count, ones = int(inside.sum()), np.ones(len(i))
    matrix = sparse.coo_matrix(
        (np.concatenate([ones, ones, -ones, -ones]), (np.r_[i, j, i, j], np.r_[i, j, j, i])), (count, count)
    )
    wanted = np.bincount(j, target, count) - np.bincount(i, target, count)
    found, _ = linalg.cg(matrix.tocsr() + sparse.eye(count) / _WIDE_PX**2, wanted, rtol=1e-3, maxiter=200)
    change = np.zeros(front.shape, np.float32)
    change[inside] = found
    near, far = (_continue(change, inside & part, part) for part in (before, ~before))
    stepping = np.clip(3 * sure, 0, 1)
    calm = ndimage.gaussian_filter(change, 1.0)
    return Steps(
        rise=(near - far) * stepping, side=side, shift=(near + far) / 2 * stepping + calm * (1 - stepping)
    )


def _continue(values: F32, known: Bool, kept: Bool) -> F32:
    """The values, and where they are not to be kept the mean of known ones nearby, if there are any."""
    weight = ndimage.gaussian_filter(known.astype(np.float32), _ACROSS_PX)
    mean = ndimage.gaussian_filter(values * known, _ACROSS_PX) / np.maximum(weight, 1e-6)
    return np.where(kept | (weight < 1e-3), values, mean).astype(np.float32)


def apply_steps(front: F32, steps: Steps) -> F32:
    """The front (H,W) in sides of the square, positive towards the viewer, with the steps (H,W) in it."""
    half = np.where(steps.side > 0, steps.rise, -steps.rise) / 2
    return (front + steps.shift + half).astype(np.float32)


def draw_to_colors(steps: Steps, pixels: U8, side_px: float) -> Steps:
    """The steps (H,W) with their edges moved to those of the picture `pixels` (H,W,3); the square has `side_px`."""
    import cv2

    height, width = steps.side.shape
    near = 1 / (1 + np.exp(-np.clip(3 * steps.side, -30, 30)))
    guide = pixels.astype(np.float32) / 255
    size = max(1, width // _COARSE), max(1, height // _COARSE)
    reach = max(1, round(_DRAWN * side_px / _COARSE))
    small, colours = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (near, guide))

    lines = fit_lines(small, colours, reach, contrast=_CONTRAST)
    line = cv2.resize(np.dstack(lines), (width, height), interpolation=cv2.INTER_LINEAR)
    before = ((line[..., :3] * guide).sum(-1) + line[..., 3] > 0.5).astype(np.uint8)
    before = cv2.medianBlur(before, _SPECKS_PX)
    return steps._replace(side=np.where(before > 0, 1, -1).astype(np.float32))
