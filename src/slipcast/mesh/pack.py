"""Flat pieces -> places in a rectangle, none over another: the packing of an atlas.

Pieces are taken as they are, not as their boxes, so small ones lie between the arms of large ones. Each is drawn into a
grid of cells, and no cell has two pieces: a cell is a texel of the mip of 64, so down to that none mixes two. The
largest come first, each turned by quarters, at the place nearest to one end of the rectangle where
it overlaps nothing (bottom-left fill: Baker, Coffman and Rivest 1980). Where a piece fits says the erosion of what is
free by its cells; of a large one, whose erosion is slow, the correlation of its cells with those that are taken.

Rejected: boxes on shelves (27 to 36 % of the atlas used). More of it is not to be had by packing while the front keeps
the picture's pixels and sides are powers of two, since the two large pieces must fit beside each other; of 12 figurines
that use 36 to 65 %: the front turned by quarters, and both directions tried, use the same; pieces turned to their least
rectangle use 44 to 65 %, but less in two and more in four; limbs cut off the back, or off front and back (3 to 8 pieces
more), use less in five and more in two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F64, U8, Bool

LEAST_MIP_PX = 64
"""The longer side of the smallest mip that mixes no two pieces."""
_LEAST_CELL_PX = 4
_FEW_CELLS = 600
"""Of a piece: up to so many erosion is faster than correlation."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """Where a piece lies: turned by `quarters` of 90 degrees, clockwise where y runs down, then moved by `shift`."""

    quarters: int
    shift: F64
    """(2,)."""

    def apply(self, points: F64) -> F64:
        """(...,2) `points` of the piece, in its own pixels, as pixels of the rectangle.

        >>> Placed(quarters=1, shift=np.array([10.0, 0.0])).apply(np.array([2.0, 1.0])).tolist()
        [9.0, 2.0]
        """
        return turn(points, self.quarters) + self.shift


def turn(points: F64, quarters: int) -> F64:
    """(...,2) points x, y turned about the origin by `quarters`, clockwise where y runs down.

    >>> turn(np.array([2.0, 1.0]), 1).tolist()
    [-1.0, 2.0]
    """
    x, y = points[..., 0], points[..., 1]
    return np.stack(((x, y), (-y, x), (-x, -y), (y, -x))[quarters % 4], -1)


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What a flat piece covers, drawn once for all scales that are tried."""

    fine: U8
    """(H,W) 1 where the piece is or touches, in its own units."""
    low: F64
    """(2,) the upper left corner of `fine`, whole units."""

    @classmethod
    def of(cls, piece: F64) -> "Outline":
        """The outline of triangles (F,3,2)."""
        import cv2

        low = np.floor(piece.min(axis=(0, 1))) - 1
        wide, tall = np.ceil((piece - low).max(axis=(0, 1))).astype(int) + 1
        fine = np.zeros((tall, wide), np.uint8)
        # OpenCV counts in sixteenths, from a pixel's middle; its lines may miss a pixel that they touch at a corner.
        cv2.fillPoly(fine, list(np.rint((piece - low - 0.5) * 16).astype(np.int32)), 1, shift=4)
        return cls(fine=cv2.dilate(fine, np.ones((3, 3), np.uint8)), low=low)

    def cells(self, scale: float, cell_px: int, margin_px: int) -> U8:
        """(h,w) 1 in the cells that the piece, scaled, and `margin_px` around it touch; the first begins at that."""
        import cv2

        wide, tall = (-(-(round(side * scale) + 2 * margin_px) // cell_px) for side in self.fine.shape[::-1])
        way = np.array([[scale, 0, margin_px], [0, scale, margin_px]], float)
        drawn = cv2.warpAffine(self.fine, way, (wide * cell_px, tall * cell_px), flags=cv2.INTER_NEAREST)
        drawn = cv2.dilate(drawn, np.ones((2 * margin_px + 1,) * 2, np.uint8))
        # The mean of a cell is above none where any of it is.
        cells = cv2.resize(drawn * np.uint8(255), (wide, tall), interpolation=cv2.INTER_AREA)
        return np.asarray(cells > 0, np.uint8)


def measure_cell(size: tuple[int, int]) -> int:
    """Return the side in pixels of the cells of an atlas of `size`: a texel of its mip of 64, 4 at least.

    >>> measure_cell((1024, 512)), measure_cell((128, 128))
    (16, 4)
    """
    return max(max(size) // LEAST_MIP_PX, _LEAST_CELL_PX)


def pack(
    outlines: Sequence[Outline],
    scales: Sequence[float],
    size: tuple[int, int],
    gap: int,
    upright: Sequence[bool],
) -> list[Placed] | None:
    """Return where scaled pieces lie in `size` (width, height), or None where one of them finds no place.

    Pieces keep `gap`, and half a cell, from each other, half of that from the rim, and share no cell; those that are
    `upright` are not turned, and moved by whole units where their scale is 1.

    >>> square = Outline.of(np.array([[[0, 0], [19, 0], [19, 19]], [[0, 0], [19, 19], [0, 19]]], float))
    >>> [each.shift.tolist() for each in pack([square, square], [1, 1], (64, 32), 4, [True, True]) or ()]
    [[3.0, 3.0], [31.0, 3.0]]
    """
    cell = measure_cell(size)
    margin = max(-(-gap // 2), cell // 4)
    wide, tall = (side // cell for side in size)
    free = np.ones((tall, wide), np.uint8)
    drawn = [outline.cells(scale, cell, margin) for outline, scale in zip(outlines, scales, strict=True)]
    out: dict[int, Placed] = {}
    for k in sorted(range(len(drawn)), key=lambda k: (-int(drawn[k].sum()), k)):
        best: tuple[int, int, int] | None = None
        for quarters in range(1 if upright[k] else 4):
            mask = np.ascontiguousarray(np.rot90(drawn[k], -quarters))
            if mask.shape[0] > tall or mask.shape[1] > wide:
                continue
            found = _fits(free, mask)
            # Along the longer side before across it.
            found = found if wide >= tall else found.T
            along = found.any(axis=0)
            if not along.any():
                continue
            first = int(along.argmax())
            across = int(found[:, first].argmax())
            end = first + mask.shape[1 if wide >= tall else 0]
            if best is None or (end, across) < best[:2]:
                best, at = (end, across, quarters), (first, across)
        if best is None:
            return None
        column, row = at if wide >= tall else at[::-1]
        mask = np.rot90(drawn[k], -best[2])
        free[row : row + mask.shape[0], column : column + mask.shape[1]][mask > 0] = 0
        high = np.array(drawn[k].shape[::-1], float) * cell
        corner = ((0.0, 0.0), (high[1], 0.0), (high[0], high[1]), (0.0, high[0]))[best[2]]
        shift = np.array([column, row]) * cell + corner - turn(outlines[k].low * scales[k] - margin, best[2])
        out[k] = Placed(quarters=best[2], shift=shift)
    return [out[k] for k in range(len(drawn))]


def _fits(free: U8, mask: U8) -> Bool:
    """(H-h+1,W-w+1) whether all cells of a mask (h,w) are free (H,W) where its upper left corner is put."""
    import cv2

    cells = int(mask.sum())
    if cells > _FEW_CELLS:
        taken = (1 - free).astype(np.float32)
        return np.asarray(cv2.matchTemplate(taken, mask.astype(np.float32), cv2.TM_CCORR) < 0.5)
    kept = cv2.erode(
        np.ascontiguousarray(free), mask, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    return np.asarray(kept[: free.shape[0] - mask.shape[0] + 1, : free.shape[1] - mask.shape[1] + 1] > 0)
