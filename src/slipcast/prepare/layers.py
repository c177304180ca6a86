"""A body as a printer sees it, layer by layer: islands, overhangs, resin traps, suction cups, the first layer.

The body is sliced and drawn on a raster. An island is an area of a layer with nothing below it. A trap is air that no
path of air joins with the outside; a cup is air that is open only downwards: a layer peels off with the suction of its
area. These are UVtools' notions on our own slices.

Flood fill instead of path search: air that is connected with the raster's rim is outside; for cups the same fill may
only go upwards from what lies above (resin runs down, air rises, while the part hangs in the vat with the plate up).
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy import ndimage

from slipcast.core.values import F64, Bool
from slipcast.prepare.body import Body
from slipcast.prepare.hollow import rasterize

_LEAST_BELOW = 0.25
"""Share of an area's own pixels that must lie on solid for it not to be an island (UVtools), or 10 pixels."""
_LEAST_PIXELS = 10
_TRAP_MM3 = 1.0
_CUP_MM3 = 20.0
_LISTED = 20


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


def slice_layers(body: Body, *, layer_mm: float, pixel_mm: float) -> Layers:
    """Return what slices of `body`, standing on z = 0, show at `layer_mm` on a raster of `pixel_mm`.

    The raster's layers are as thin as `layer_mm` but no thinner than `pixel_mm`, which is what it can tell apart.
    """
    step = max(layer_mm, pixel_mm)
    low, high = body.box_mm
    low = low - 2 * pixel_mm
    shape = tuple(np.ceil((high + 2 * pixel_mm - low)[:2] / pixel_mm).astype(int) + 1)
    heights = np.arange(step / 2, max(high[2], step), step)
    stack = np.zeros((len(heights), *shape), bool)
    for k, z in enumerate(heights):
        stack[k] = rasterize(body.solid, z, low[:2], pixel_mm, (int(shape[0]), int(shape[1])))
    islands, overhang = _find_islands(stack, heights, low, pixel_mm, reach_px=max(step / pixel_mm, 1.0))
    trapped, cups = _find_closed_air(stack)
    cell = pixel_mm**2 * step
    return Layers(
        count=int(np.ceil(high[2] / layer_mm)),
        layer_mm=layer_mm,
        first_layer_mm2=round(float(stack[0].sum()) * pixel_mm**2, 2) if len(stack) else 0.0,
        islands=tuple(islands[:_LISTED]),
        island_count=len(islands),
        overhang_mm2=round(overhang * pixel_mm**2, 1),
        trapped_mm3=round(_sum_large(trapped, _TRAP_MM3 / cell) * cell, 2),
        cup_mm3=round(_sum_large(cups, _CUP_MM3 / cell) * cell, 2),
    )


def _find_islands(
    stack: Bool, heights: F64, low_mm: F64, pixel_mm: float, reach_px: float
) -> tuple[list[Spot], float]:
    """Areas that begin in the air, and the pixels of all layers that hang over by more than a layer's height."""
    found: list[Spot] = []
    overhang = 0.0
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    for k in range(1, len(stack)):
        layer, below = stack[k], stack[k - 1]
        fresh = layer & ~below
        if not fresh.any():
            continue
        reach = cv2.dilate(below.view(np.uint8), cross, iterations=max(round(reach_px), 1))
        overhang += float(np.count_nonzero(layer & (reach == 0)))
        count, labels, stats, middle = cv2.connectedComponentsWithStats(layer.view(np.uint8), connectivity=4)
        if count < 2:
            continue
        own = stats[1:, cv2.CC_STAT_AREA].astype(np.int64)
        held = np.bincount(labels[below], minlength=count)[1:]
        for number in 1 + np.flatnonzero(
            held < np.maximum(np.minimum(_LEAST_PIXELS, own), _LEAST_BELOW * own)
        ):
            if held[number - 1] and own[number - 1] < 4 * _LEAST_PIXELS:
                continue
            if own[number - 1] * pixel_mm**2 < 0.02:
                continue
            column, row = middle[number]
            x, y = low_mm[:2] + np.array([row, column]) * pixel_mm
            found.append(
                Spot(
                    at_mm=(round(float(x), 2), round(float(y), 2), round(float(heights[k]), 2)),
                    area_mm2=round(float(own[number - 1]) * pixel_mm**2, 3),
                )
            )
    return found, overhang


def _find_closed_air(stack: Bool) -> tuple[Bool, Bool]:
    """Air that nothing joins with the outside, and air that is open only downwards."""
    padded = np.pad(stack, 1)
    # From the top layer down: air is free where it is joined, within its layer, with air that is free above it.
    free = np.zeros_like(padded)
    free[-1] = ~padded[-1]
    for k in range(len(padded) - 2, -1, -1):
        open_ = ~padded[k]
        count, labels = cv2.connectedComponents(open_.view(np.uint8), connectivity=4)
        if count == 2:  # one area of air, and the rim belongs to it
            free[k] = open_
            continue
        ok = np.bincount(labels[free[k + 1] & open_], minlength=count) > 0
        ok[labels[0, 0]] = True
        ok[0] = False
        free[k] = ok[labels]
    # What is not free is shut in, or open only lower down: held by its own top.
    closed = ~free & ~padded
    trapped = np.zeros_like(padded)
    if closed.any():
        air, _ = ndimage.label(~padded)
        trapped = closed & (air != air[0, 0, 0])
    cups = closed & ~trapped
    return trapped[1:-1, 1:-1, 1:-1], cups[1:-1, 1:-1, 1:-1]


def _sum_large(mask: Bool, least: float) -> float:
    """Cells in connected groups of at least `least` cells."""
    if not mask.any():
        return 0.0
    box = tuple(
        slice(int(used[0]), int(used[-1]) + 1)
        for used in (np.flatnonzero(mask.any(tuple({0, 1, 2} - {axis}))) for axis in range(3))
    )
    labels, count = ndimage.label(mask[box])
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    return float(sizes[sizes >= least].sum())
