"""The smaller mips of an atlas, against what each chart alone would give.

    python -m evaluation.mips ASSET.glb... [--least 64]

An engine halves the texture again and again. A texel of a small mip that lies over two charts mixes their colours, or
the background where there is one. For each mip the table says how wide the gap between charts is there, which share of
the texels over a chart differ from what that chart alone gives by more than `--limit`, and by how much they differ on
average and at most (of 255, the largest of the three channels). A chart alone is the chart and its half of the gap,
with the outer rim of that carried on in all directions, as in an atlas with endless gaps. Mips are means of 2 x 2
texels.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from slipcast.core.masks import fill_nearest, near_pixels
from slipcast.core.values import F32, F64, I32, U8, Figurine
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.mesh.rasterize import rasterize
from slipcast.texture.atlas import GAP_PX


@dataclass(frozen=True, kw_only=True)
class Mip:
    """How one mip differs from charts that are alone."""

    size: tuple[int, int]
    """Width and height."""
    gap_px: float
    share: float
    """Of texels over a chart that differ by more than the limit."""
    mean: float
    most: float


def find_charts(uv: F32, size: tuple[int, int]) -> I32:
    """(H,W) the chart of `uv` (F,3,2) that each texel of an atlas of `size` lies in, -1 for none.

    >>> uv = np.array([[[0, 0], [0.5, 0], [0, 1]], [[0.6, 0], [1, 0], [1, 1]]], np.float32)
    >>> find_charts(uv, (10, 10))[1, [1, 5, 8]].tolist()
    [0, -1, 1]
    """
    wide, tall = size
    corner = uv.reshape(-1, 2).astype(np.float64) * [wide, tall]
    _, place = np.unique(np.rint(corner * 16).astype(np.int64), axis=0, return_inverse=True)
    place = place.reshape(-1, 3)
    first, second = place[:, [0, 1]].ravel(), place[:, [1, 2]].ravel()
    links = coo_array((np.ones(len(first), bool), (first, second)), shape=(place.max() + 1,) * 2)
    _, group = connected_components(links, directed=False)
    _, chart = np.unique(group[place[:, 0]], return_inverse=True)
    out = np.full((tall, wide), -1, np.int32)
    faces = np.arange(len(corner), dtype=np.int32).reshape(-1, 3)
    for turned in (faces, faces[:, ::-1]):  # a chart may be a mirror's image
        hit = rasterize(corner, np.zeros(len(corner)), np.ascontiguousarray(turned), wide, tall).face
        out[hit >= 0] = chart[hit[hit >= 0]]
    return out


def halve(values: F64) -> F64:
    """(H/2,W/2,C) means of 2 x 2 of `values` (H,W,C)."""
    tall, wide, count = values.shape
    out: F64 = values.reshape(tall // 2, 2, wide // 2, 2, count).mean(axis=(1, 3))
    return out


def measure_mips(texture: U8, chart: I32, *, least_px: int = 64, limit: float = 8.0) -> list[Mip]:
    """Compare each mip of `texture` (H,W,3), `least_px` long at least, with those of the charts (H,W) alone."""
    found: dict[tuple[int, int], list[F64]] = {}
    whole = list(_mips(texture.astype(np.float64), least_px))
    near, source = near_pixels(chart >= 0, GAP_PX / 2)
    half = np.full(chart.shape, -1, np.int32)
    half[near] = chart.ravel()[source]
    for number in range(chart.max() + 1):
        mine = chart == number
        alone, _ = fill_nearest(texture, half == number)
        over = mine[..., None].astype(np.float64)
        for mip, own, part in zip(
            whole, _mips(alone.astype(np.float64), least_px), _mips(over, least_px), strict=True
        ):
            touched = part[..., 0] > 0
            found.setdefault(mip.shape[1::-1], []).append(np.abs(mip - own)[touched].max(axis=-1))
    gap_px = _narrowest(chart)
    out = []
    for (wide, tall), each in found.items():
        off = np.concatenate(each)
        gap = gap_px * wide / texture.shape[1]
        share = float((off > limit).mean())
        out.append(
            Mip(size=(wide, tall), gap_px=gap, share=share, mean=float(off.mean()), most=float(off.max()))
        )
    return out


def _narrowest(chart: I32) -> float:
    """The least distance between two charts, in texels; infinite where there is one."""
    far, nearest = distance_transform_edt(chart < 0, return_indices=True)
    near = chart[tuple(nearest)]
    least = np.inf
    for axis in (0, 1):  # where the halves of two charts meet
        one, other = (np.take(far, range(s, far.shape[axis] - 1 + s), axis) for s in (0, 1))
        a, b = (np.take(near, range(s, near.shape[axis] - 1 + s), axis) for s in (0, 1))
        if (a != b).any():
            least = min(least, float((one + other)[a != b].min()))
    return least


def _mips(values: F64, least_px: int) -> Iterator[F64]:
    while max(values.shape[:2]) >= least_px and min(values.shape[:2]) >= 1:
        yield values
        if min(values.shape[:2]) < 2:
            return
        values = halve(values)


def measure(figurine: Figurine, least_px: int, limit: float) -> list[Mip]:
    """The mips of a figurine's atlas."""
    assert figurine.texture is not None
    assert figurine.uv is not None
    pixels = figurine.texture.pixels
    return measure_mips(pixels, find_charts(figurine.uv, pixels.shape[1::-1]), least_px=least_px, limit=limit)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("assets", nargs="+", type=Path)
    parser.add_argument("--least", type=int, default=64, help="Longer side of the smallest mip.")
    parser.add_argument("--limit", type=float, default=8.0, help="Difference of 255 that counts.")
    asked = parser.parse_args()
    print(f"| | mip | gap px | off by more than {asked.limit:g} | mean | most |")
    print("|---|---|---|---|---|---|")
    for path in asked.assets:
        for mip in measure(read_figurine(path), asked.least, asked.limit):
            wide, tall = mip.size
            print(
                f"| {path.stem} | {wide} x {tall} | {mip.gap_px:.1f} | {100 * mip.share:.2f} % | {mip.mean:.2f} |"
                f" {mip.most:.0f} |"
            )


if __name__ == "__main__":
    main()
