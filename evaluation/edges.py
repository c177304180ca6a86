"""python -m evaluation.edges CASES: how sharp does the depth step where one part stands before another?

    python -m evaluation.edges samples                  # the product's default depth, every sample
    python -m evaluation.edges CASES --depth dome       # another depth model
    python -m evaluation.edges CASES --depth truth      # the measure's own limits

z is the front in sides of the square about the figurine (its longer side is 0.88 of that), positive towards the viewer.
A true step lies between two neighbouring pixels, in a row or a column, when z differs there by more than 0.03 and the
differences beside it together by less than half of that: a slope, however steep, is none.

    rise    of what the truth rises from 3 pixels before its steps to 3 behind them, the share that the depth rises
            there too; more than the truth counts as much as it, the wrong way counts negative
    cut     share of the true steps where the depth rises at least half as much within these pixels
    right   share of the depth's own steps, by the same rule, that have a true one of half the size or more within 1/128
            of the square
    steps   how many there are in the truth, in the depth
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import math
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from evaluation.cases import Case, find_cases, true_depth
from slipcast.core.errors import BadInput, SlipcastError
from slipcast.core.values import F32, Bool, DepthKind, DepthMap
from slipcast.depth.figurine.model import find_square
from slipcast.depth.models import DepthOptions, predict_depth
from slipcast.picture.cut_out import cut_out
from slipcast.picture.decode import read_picture

TRUTH = "truth"
_LEAST = 0.03
_SLOPES = 0.5
_REACH_PX = 3
_NEAR = 1 / 128


@dataclass(frozen=True, kw_only=True)
class Sharpness:
    """One case's numbers, as sums, so that cases can be added."""

    true_rise: float
    rise: float
    true_steps: int
    cut: int
    steps: int
    right: int

    def __add__(self, other: "Sharpness") -> "Sharpness":
        return Sharpness(
            true_rise=self.true_rise + other.true_rise,
            rise=self.rise + other.rise,
            true_steps=self.true_steps + other.true_steps,
            cut=self.cut + other.cut,
            steps=self.steps + other.steps,
            right=self.right + other.right,
        )


def measure(z: F32, truth: F32, valid: Bool, true_valid: Bool) -> Sharpness:
    """Compare two fronts (H,W) in sides of the square where both are valid."""
    both = valid & true_valid
    sums = [0.0, 0.0, 0, 0]
    for axis in (0, 1):
        ours, true, known = (np.moveaxis(values, axis, 0) for values in (z, truth, both))
        line, other = np.nonzero(np.moveaxis(step_edges(truth, true_valid, axis), axis, 0))
        low, high = line - _REACH_PX + 1, line + _REACH_PX
        kept = (low >= 0) & (high < len(true))
        line, other, low, high = (values[kept] for values in (line, other, low, high))
        inside = np.ones(len(line), bool)
        for k in range(-_REACH_PX + 1, _REACH_PX + 1):
            inside &= known[line + k, other]
        low, high, other = low[inside], high[inside], other[inside]
        rises = true[high, other] - true[low, other]
        found = (ours[high, other] - ours[low, other]) * np.sign(rises)
        found = np.minimum(found, np.abs(rises))
        sums[0] += float(np.abs(rises).sum())
        sums[1] += float(found.sum())
        sums[2] += len(rises)
        sums[3] += int((found >= np.abs(rises) / 2).sum())
    there, own = steps(truth, true_valid, _LEAST / 2), steps(z, valid)
    near_px = _NEAR * find_square(true_valid).side_px
    near = ndimage.distance_transform_edt(~there) <= near_px if there.any() else there
    return Sharpness(
        true_rise=sums[0],
        rise=sums[1],
        true_steps=int(sums[2]),
        cut=int(sums[3]),
        steps=int(own.sum()),
        right=int((own & near).sum()),
    )


def step_edges(z: F32, valid: Bool, axis: int, least: float = _LEAST) -> Bool:
    """(H-1,W) or (H,W-1): whether z steps between a pixel and the next one along `axis`."""
    values, known = np.moveaxis(z, axis, 0), np.moveaxis(valid, axis, 0)
    pairs = known[1:] & known[:-1]
    rise = np.where(pairs, np.abs(np.diff(values, axis=0)), 0)
    out = np.zeros(rise.shape, bool)
    slopes = rise[:-2] + rise[2:]
    out[1:-1] = pairs[:-2] & pairs[2:] & pairs[1:-1] & (rise[1:-1] > least) & (slopes < _SLOPES * rise[1:-1])
    return np.moveaxis(out, 0, axis)


def steps(z: F32, valid: Bool, least: float = _LEAST) -> Bool:
    """(H,W): the pixels before a step along either axis."""
    out = np.zeros(z.shape, bool)
    out[:-1] |= step_edges(z, valid, 0, least)
    out[:, :-1] |= step_edges(z, valid, 1, least)
    return out


def in_sides(depth: DepthMap) -> F32:
    """The front of a METRIC map in sides of its square; raises BadInput for another kind."""
    if depth.kind is not DepthKind.METRIC:
        raise BadInput(f"the depth of {depth.model.name} has no scale; its steps cannot be compared")
    back = depth.front if depth.back is None else depth.back
    plane = float(np.median((depth.front + back)[depth.valid]) / 2)
    side = find_square(depth.valid).side_px * plane / depth.camera.fy_px
    return np.where(depth.valid, (plane - depth.front) / side, 0).astype(np.float32)


def judge(case: Case, model: str) -> Sharpness:
    """Ask the model for the case's depth and compare."""
    cut = cut_out(read_picture(case.picture))
    if cut.width_px != cut.height_px:
        raise BadInput(f"{case.picture} must be square to be compared with the truth")
    truth = true_depth(case, cut.width_px)
    depth = truth if model == TRUTH else predict_depth(cut, DepthOptions(model=model))
    return measure(in_sides(depth), in_sides(truth), depth.valid, truth.valid)


def row(name: str, found: Sharpness) -> str:
    """One line of the table."""
    share = [
        part / whole if whole else math.nan
        for part, whole in (
            (found.rise, found.true_rise),
            (found.cut, found.true_steps),
            (found.right, found.steps),
        )
    ]
    return f"{name:24s}" + "".join(f"{x:9.3f}" for x in share) + f"{found.true_steps:9d}{found.steps:9d}"


def main() -> int:
    """The command."""
    say = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    say.add_argument("folder", type=Path, metavar="CASES")
    say.add_argument("--depth", default="figurine", help="a depth model with a scale, or truth")
    asked = say.parse_args()
    try:
        whole: Sharpness | None = None
        print(f"{'case':24s}" + "".join(f"{x:>9s}" for x in ("rise", "cut", "right", "steps", "own")))
        for case in find_cases(asked.folder):
            found = judge(case, asked.depth)
            whole = found if whole is None else whole + found
            print(row(case.name, found), flush=True)
        if whole is not None:
            print(row("ALL", whole))
    except SlipcastError as error:
        print(f"edges: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
