"""A body as a printer sees it, layer by layer: islands, overhangs, resin traps, suction cups, the first layer.

The body is sliced and drawn on a raster. An island is an area of a layer with nothing below it. A trap is air that no
path of air joins with the outside; a cup is air that is open only downwards: a layer peels off with the suction of its
area. These are UVtools' notions on our own slices.

Air that is joined with the raster's rim is outside; for cups it must be so upwards alone (resin runs down, air rises,
while the part hangs in the vat with the plate up). Both are asked of the areas of air that each layer has, joined where
they lie over each other. Rejected: flood fills of all cells (the same answers, four times the time).
"""

from dataclasses import dataclass

import cv2
import manifold3d
import numpy as np

from slipcast.core.scientific import csgraph, sparse
from slipcast.core.values import F64, I32, I64, Bool
from slipcast.prepare.body import Body
from slipcast.prepare.hollow import rasterize

_LEAST_BELOW = 0.25
"""Share of an area's own pixels that must lie on solid for it not to be an island (UVtools), or 10 pixels."""
_LEAST_PIXELS = 10
_TRAP_MM3 = 1.0
_CUP_MM3 = 20.0
_LISTED = 20
_CELLS = 1 << 30
"""Of the raster at most, a byte each; a larger part (20 cm each way at 0.2 mm) gets a coarser one."""
_MARKED = 1 << 22
"""Cells that are marked at most; beyond, numbers are compared."""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Somewhere that needs attention."""

    at_mm: tuple[float, float, float]
    area_mm2: float


@dataclass(frozen=True, kw_only=True)
class Layers:
    """What the slices of a body show."""

    count: int
    """Layers at the printer's layer height."""
    layer_mm: float
    first_layer_mm2: float
    islands: tuple[Spot, ...]
    """Areas that begin in the air, from below, the first 20."""
    island_count: int
    overhang_mm2: float
    """Area of all layers that lies further than one layer height beyond the layer below (steeper than 45 degrees)."""
    trapped_mm3: float
    """Closed cavities."""
    cup_mm3: float
    """Cavities that are open only downwards."""


def slice_layers(
    body: Body, *, layer_mm: float, pixel_mm: float, vented: manifold3d.Manifold | None = None
) -> Layers:
    """Return what slices of `body`, standing on z = 0, show at `layer_mm` on a raster of `pixel_mm`.

    What lies in `vented` is no cup: it is open downwards, but gets air through a groove on the plate.

    The raster's layers are as thin as `layer_mm` but no thinner than `pixel_mm`, which is what it can tell apart. Both
    are coarser for a part that would take more than `_CELLS`.
    """
    step = max(layer_mm, pixel_mm)
    low, high = body.box_mm
    coarser = max((float(np.prod(high - low)) / (pixel_mm**2 * step * _CELLS)) ** (1 / 3), 1.0)
    step, pixel_mm = step * coarser, pixel_mm * coarser
    low = low - 2 * pixel_mm
    shape = tuple(np.ceil((high + 2 * pixel_mm - low)[:2] / pixel_mm).astype(int) + 1)
    heights = np.arange(step / 2, max(high[2], step), step)
    stack = np.zeros((len(heights), *shape), bool)
    for k, z in enumerate(heights):
        stack[k] = rasterize(body.solid, z, low[:2], pixel_mm, (int(shape[0]), int(shape[1])))
    first_layer = float(stack[0].sum())
    islands, overhang = _find_islands(stack, heights, low, pixel_mm, reach_px=max(step / pixel_mm, 1.0))
    if vented is not None and not vented.is_empty():
        for k in range(int((heights < vented.bounding_box()[5]).sum())):
            stack[k] |= rasterize(vented, heights[k], low[:2], pixel_mm, (int(shape[0]), int(shape[1])))
    trapped, cups = _measure_air(stack)
    cell = pixel_mm**2 * step
    return Layers(
        count=int(np.ceil(high[2] / layer_mm)),
        layer_mm=layer_mm,
        first_layer_mm2=round(first_layer * pixel_mm**2, 2),
        islands=tuple(islands[:_LISTED]),
        island_count=len(islands),
        overhang_mm2=round(overhang * pixel_mm**2, 1),
        trapped_mm3=round(float(trapped[trapped * cell >= _TRAP_MM3].sum()) * cell, 2),
        cup_mm3=round(float(cups[cups * cell >= _CUP_MM3].sum()) * cell, 2),
    )


def _find_islands(
    stack: Bool, heights: F64, low_mm: F64, pixel_mm: float, reach_px: float
) -> tuple[list[Spot], float]:
    """Areas that begin in the air, and the pixels of all layers that hang over by more than a layer's height."""
    found: list[Spot] = []
    overhang = 0.0
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    steps = max(round(reach_px), 1)
    for k in range(1, len(stack)):
        box = _box(stack[k], steps)
        # Contiguous: OpenCV takes no windows of bool.
        layer, below = np.ascontiguousarray(stack[k][box]), np.ascontiguousarray(stack[k - 1][box])
        if not (layer & ~below).any():
            continue
        reach = cv2.dilate(below.view(np.uint8), cross, iterations=steps)
        overhang += float(np.count_nonzero(layer & (reach == 0)))
        # OpenCV's statistics of the areas take three times as long as the areas.
        count, labels = cv2.connectedComponents(layer.view(np.uint8), connectivity=4)
        if count < 2:
            continue
        sizes = np.bincount((labels + count * below).ravel(), minlength=2 * count).reshape(2, count)[:, 1:]
        own, held = sizes.sum(0), sizes[1]
        for number in 1 + np.flatnonzero(
            held < np.maximum(np.minimum(_LEAST_PIXELS, own), _LEAST_BELOW * own)
        ):
            if held[number - 1] and own[number - 1] < 4 * _LEAST_PIXELS:
                continue
            if own[number - 1] * pixel_mm**2 < 0.02:
                continue
            row, column = np.argwhere(labels == number).mean(0)
            x, y = low_mm[:2] + np.array([box[0].start + row, box[1].start + column]) * pixel_mm
            found.append(
                Spot(
                    at_mm=(round(float(x), 2), round(float(y), 2), round(float(heights[k]), 2)),
                    area_mm2=round(float(own[number - 1]) * pixel_mm**2, 3),
                )
            )
    return found, overhang


def _box(layer: Bool, margin: int) -> tuple[slice, slice]:
    """The window of `layer` with all that is solid and `margin` pixels more; of an empty one its first pixel."""
    rows, columns = np.flatnonzero(layer.any(1)), np.flatnonzero(layer.any(0))
    if not len(rows):
        return slice(0, 1), slice(0, 1)
    return (
        slice(max(int(rows[0]) - margin, 0), int(rows[-1]) + 1 + margin),
        slice(max(int(columns[0]) - margin, 0), int(columns[-1]) + 1 + margin),
    )


def _measure_air(stack: Bool) -> tuple[F64, F64]:
    """Sizes in cells of the pockets of air that nothing joins with the outside, and of those open only downwards.

    Each layer's air falls into areas; an area and one of the next layer that lie over each other are joined. All that
    follows is asked of this graph, which is small, and not of the cells. Around the body, below and above is outside.
    """
    areas, pairs, rims = [], [], []
    first, before = 0, None
    for layer in stack:
        box = _box(layer, 1)
        air = ~layer[box]
        count, own = cv2.connectedComponents(air.view(np.uint8), connectivity=4)
        rim = int(own[0, 0])
        sizes = (
            np.bincount(own.ravel(), minlength=count)[1:]
            if count > 2
            else [np.count_nonzero(air)] * (count - 1)
        )
        areas.append(sizes)
        rims.append(first + rim - 1)
        if before is not None:
            own_below, box_below, count_below, rim_below, first_below = before
            met = np.array([[rim_below, rim]])
            if count > 2 or count_below > 2:
                labels, below = _overlay((own, box, rim), (own_below, box_below, rim_below))
                lie = (below > 0) & (labels > 0) & ((below != rim_below) | (labels != rim))
                codes = _find_distinct(below[lie].astype(np.int64) * count + labels[lie], count_below * count)
                met = np.concatenate([met, np.stack([codes // count, codes % count], 1)])
            pairs.append(met - 1 + [first_below, first])
        before = own, box, count, rim, first
        first += count - 1
    area = np.concatenate(areas).astype(np.float64)
    free = np.zeros(first, bool)
    free[rims] = True
    last = len(areas[-1])
    free[first - last :] = True  # open upwards
    for met in reversed(pairs):
        free[met[free[met[:, 1]], 0]] = True
    joined = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    label = _label(first, joined)
    outside = np.zeros(first, bool)
    outside[label[[*rims, *range(len(areas[0])), *range(first - last, first)]]] = True
    trapped = ~free & ~outside[label]
    return _group(area, joined, trapped), _group(area, joined, ~free & ~trapped)


def _find_distinct(codes: I64, most: int) -> I64:
    """The numbers below `most` that occur, in order. Few cells are marked faster than `np.unique` hashes."""
    if most > _MARKED:
        return np.unique(codes)
    seen = np.zeros(most, bool)
    seen[codes] = True
    return np.flatnonzero(seen)


def _overlay(*layers: tuple[I32, tuple[slice, slice], int]) -> list[I32]:
    """The labels of layers, each of its own window, in the window of all; `rim` is what is beyond a layer's own."""
    start = [min(box[axis].start for _, box, _ in layers) for axis in (0, 1)]
    stop = [max(box[axis].start + own.shape[axis] for own, box, _ in layers) for axis in (0, 1)]
    out = []
    for own, box, rim in layers:
        window = np.full((stop[0] - start[0], stop[1] - start[1]), rim, np.int32)
        row, column = box[0].start - start[0], box[1].start - start[1]
        window[row : row + own.shape[0], column : column + own.shape[1]] = own
        out.append(window)
    return out


def _label(count: int, joined: I64) -> I64:
    """(count,) number of the group that each node of a graph belongs to."""
    ones = np.ones(len(joined), bool)
    graph = sparse.coo_matrix((ones, (joined[:, 0], joined[:, 1])), (count, count))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], np.int64)


def _group(area: F64, joined: I64, chosen: Bool) -> F64:
    """Total area of each group of `chosen` nodes."""
    inside = joined[chosen[joined].all(1)]
    total = np.bincount(_label(len(area), inside)[chosen], area[chosen])
    return np.asarray(total[total > 0], np.float64)
