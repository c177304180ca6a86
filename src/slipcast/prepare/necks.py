"""Where a figurine is cut to take off its head, its arms or its base: planes at narrow necks, away from the face.

A coarse raster of the body answers what a plane severs, what that is, and how large the cut is. What is beyond a plane
falls into pieces that do not touch there: a cut takes off one of them, so a staff beside the neck stays whole.

- head: level planes above a fifth of the height. The neck is a section that is narrower than one above it, in the
  head, and one near below it. Where the front shows skin in its upper middle (the palette's measure), the neck lies
  below that face, and no plane goes through it.
- arms: planes that lean to either side. The piece is long for its section, hangs at the side and reaches no ground.
- base: the one that was added; else the level above a plinth's edge, where the sections stop to shrink.

On the samples and pictures by image models: the section alone, without the face, cut the knight through his eyes (76 %
of the helmet's section; at his chin the shoulders and the shield are as wide as the head, so he has no neck).
"""

import math
from dataclasses import dataclass

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.scientific import ndimage
from slipcast.core.values import F64, I64, U8, Bool
from slipcast.prepare.body import Body, Kind, read_surface
from slipcast.prepare.hollow import rasterize
from slipcast.prepare.paint import sample_texture
from slipcast.prepare.palette import match_skin

WORDS = ("head", "arms", "base")
_LEVELS = 96
"""Of the raster over the height."""
_HEAD_FROM, _HEAD_MOST = 0.2, 0.75
"""Height above which a neck may lie, and how much of the figurine a head may be."""
_HEAD_LEAST, _BELOW_CHIN, _PER_LEVEL = 0.02, 0.2, 0.08
"""The smallest head; how far below a face its neck may lie, as a share of the height, and what each level down adds to
the section."""
_SHOULDERS = 0.2
"""How far below the neck the wider section must lie, as a share of the height."""
_NARROWER = 0.96
"""Section of a neck over that of the narrower neighbour."""
_FACE_LEAST, _FACE_FROM, _FACE_ROW = 0.012, 0.42, 0.6
"""Of the front: the smallest face, how high it begins, and how wide its rows are over the widest."""
_ARM_LEANS_DEG = (-60, -40, -20, 0, 20, 40)
"""Of the way out of the body: upwards where positive."""
_ARM_LEAST, _ARM_MOST, _ARM_SLIM = 0.008, 0.2, 0.7
"""Share of the figurine that an arm is, and its section over the power 2/3 of its volume (a rod three times as long as
wide has 0.7)."""
_ARM_OUTER, _ARM_STEP, _APART = 0.3, 1.5, 1.0
"""Share of the figurine, the outermost, in which arms are looked for, cells between planes, and how many cells before a
plane an arm must already be apart from all else."""
_ARM_FROM, _ARM_TO, _GROUND = 0.25, 0.85, 0.08
"""Heights between which arms are cut, and what they stay above."""
_OFF_MM = 0.1
"""Above an added base, whose own plane cuts nothing clean."""
_PLINTH_TO, _PLINTH_FALL, _PLINTH_CALM = 0.2, 0.25, 0.1
"""How high a plinth may be; how much of its section is lost within 4 % of the height, and how little after that."""


@dataclass(frozen=True, kw_only=True)
class Neck:
    """A plane, and which of the pieces beyond it is taken off."""

    name: str
    """`head`, `left-arm` or `right-arm` as seen from the front; `body` is what stands on a base."""
    lean_deg: float
    """From upwards (0) to the viewer's right (90) or left (-90), where the plane looks."""
    offset_mm: float
    """Of the plane from the origin, along its normal."""
    inside_mm: F64
    """(3,) a place inside the piece."""

    @property
    def normal(self) -> F64:
        """(3,) out of what stays."""
        angle = math.radians(self.lean_deg)
        return np.array([math.sin(angle), 0.0, math.cos(angle)])


@dataclass(frozen=True)
class _Grid:
    solid: Bool
    """(X,Y,Z) in the print frame."""
    low_mm: F64
    step_mm: float

    def place(self, index: F64) -> F64:
        return np.asarray(self.low_mm + index * self.step_mm, np.float64)


def find_necks(body: Body, words: tuple[str, ...], texture: U8 | None) -> list[Neck]:
    """Return the planes that take off the base, the arms and the head of `body`, which stands on z = 0, in this order.

    `texture` (H,W,3) tells where the face is; of arms one side may have none. Raises BadInput for a word for which
    there is no narrow place.
    """
    grid = _rasterize(body)
    out: list[Neck] = []
    head = _find_head(grid, _find_face(grid, body, texture)) if "head" in words else None
    if "base" in words:
        out += _require("base", [_find_base(grid, body)], "no plinth: its sections shrink nowhere at once")
    if "arms" in words:
        below = math.inf if head is None else head.offset_mm
        arms = [_find_arm(grid, side, below) for side in (-1, 1)]
        out += _require("arms", arms, "no arm that stands off: no narrow section at its sides")
    if "head" in words:
        reason = "no neck: no section below the face is narrower than head and shoulders"
        out += _require("head", [head], reason)
    return out


def _require(word: str, found: list[Neck | None], reason: str) -> list[Neck]:
    necks = [each for each in found if each is not None]
    if not necks:
        raise BadInput(
            f"split {word} finds {reason}; leave it out, or give a number of parts, for instance",
            field="split",
            cure="split=2",
        )
    return necks


def _rasterize(body: Body) -> _Grid:
    low, high = body.box_mm
    step = float(high[2] - low[2]) / _LEVELS
    start = low - 1.5 * step  # the lowest layer with something in it lies half a step above the bed
    shape = np.ceil((high - start) / step).astype(int) + 2
    solid = np.zeros(shape, bool)
    for k in range(shape[2]):
        solid[:, :, k] = rasterize(body.solid, start[2] + k * step, start[:2], step, (shape[0], shape[1]))
    return _Grid(solid, start, step)


def _find_head(grid: _Grid, face: tuple[int, int] | None) -> Neck | None:
    """The level below a head; `face` is the lowest and highest layer that no plane may cut."""
    layers = grid.solid.sum((0, 1))
    total = layers.sum()
    first, last = round(_HEAD_FROM * _LEVELS), round(0.92 * _LEVELS)
    if face is not None:
        first, last = max(first, face[0] - round(_BELOW_CHIN * _LEVELS)), face[0]
    best: tuple[float, Neck] | None = None
    for k in range(first, last):
        labels, _ = ndimage.label(grid.solid[:, :, k:])
        sizes = np.bincount(labels.ravel())[1:]
        if not len(sizes) or not _HEAD_LEAST < sizes.max() / total < _HEAD_MOST:
            continue
        piece = labels == 1 + int(sizes.argmax())
        sections = piece.sum((0, 1))
        below = layers[max(k - round(_SHOULDERS * _LEVELS), 0) : k]
        area = float(sections[0])
        narrow = 0 < area <= _NARROWER * min(float(sections.max()), float(below.max()))
        cost = area if face is None else area * (1 + _PER_LEVEL * (face[0] - k))
        if narrow and (best is None or cost < best[0]):
            z = float(grid.place(np.array([0.0, 0.0, k - 0.5]))[2])
            inside = _find_inside(grid, piece, np.array([0, 0, k]))
            best = cost, Neck(name="head", lean_deg=0.0, offset_mm=z, inside_mm=inside)
    return None if best is None else best[1]


def _find_face(grid: _Grid, body: Body, texture: U8 | None) -> tuple[int, int] | None:
    """Lowest and highest layer of the face that the front shows; None where it shows no skin."""
    surface = read_surface(body)
    if texture is None or not surface.textured.any():
        return None
    corner = surface.vertices_mm[surface.faces]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    front = surface.textured & (normal[:, 1] < -0.2 * np.linalg.norm(normal, axis=1))
    middle = corner[front].mean(1)
    skin = match_skin(sample_texture(texture, surface.uv[front].mean(1)))
    at: I64 = np.rint((middle - grid.low_mm) / grid.step_mm).astype(np.int64)[:, [0, 2]]
    seen = np.zeros(grid.solid.any(1).shape, bool)
    order = np.argsort(-middle[:, 1], kind="stable")  # what is nearer comes later and stays
    at[:] = np.clip(at, 0, np.array(seen.shape) - 1)
    seen[tuple(at[order].T)] = skin[order]
    silhouette = grid.solid.any(1)
    seen = ndimage.binary_closing(seen, np.ones((3, 3))) & silhouette
    labels, count = ndimage.label(ndimage.binary_opening(seen, np.ones((2, 2))))
    upper = np.argwhere(silhouette)
    upper = upper[upper[:, 1] > 0.5 * _LEVELS]
    axis, half = float(np.median(upper[:, 0])), float(np.ptp(upper[:, 0])) / 2
    best: tuple[int, int, int] | None = None
    for number in range(1, count + 1):
        piece = labels == number
        places = np.argwhere(piece)
        x, z = places.mean(0)
        large = len(places) >= _FACE_LEAST * silhouette.sum()
        if large and abs(x - axis) < 0.5 * half and z > _FACE_FROM * _LEVELS:
            wide = piece.sum(0)
            rows = np.flatnonzero(wide > _FACE_ROW * wide.max())
            if best is None or len(places) > best[0]:
                best = len(places), int(rows[0]), int(rows[-1])
    return None if best is None else best[1:]


def _find_arm(grid: _Grid, side: int, below_mm: float) -> Neck | None:
    """The plane that takes off the arm on the viewer's left (`side` -1) or right (1), below `below_mm`."""
    index = np.argwhere(grid.solid)
    total = len(index)
    best: tuple[int, Neck] | None = None
    for lean in _ARM_LEANS_DEG:
        angle = side * (90.0 - lean)
        way = np.array([math.sin(math.radians(angle)), 0.0, math.cos(math.radians(angle))])
        along = index @ way
        outer = along > np.quantile(along, 1 - _ARM_OUTER)
        places, along = index[outer], along[outer]
        low = places.min(0)
        cells = tuple((places - low).T)
        for offset in np.arange(along.min() + _APART, along.max() - 2, _ARM_STEP):
            beyond = np.zeros(np.ptp(places, axis=0) + 1, bool)
            beyond[cells] = along > offset - _APART
            labels, _ = ndimage.label(beyond, np.ones((3, 3, 3)))
            number = labels[cells]
            sizes = np.bincount(number)[1:]
            for piece in 1 + np.flatnonzero((sizes > _ARM_LEAST * total) & (sizes < _ARM_MOST * total)):
                own = places[number == piece]
                away = along[number == piece]
                section = own[(away > offset) & (away <= offset + _ARM_STEP)]
                slim = len(section) / _ARM_STEP / len(own) ** (2 / 3)
                if not 0 < slim <= _ARM_SLIM or (best is not None and len(own) <= best[0]):
                    continue
                cut = section.mean(0)
                off = (own.mean(0) - cut)[0] * side
                z = float(grid.place(cut)[2])
                high = cut[2] / _LEVELS
                if (
                    off < 0
                    or not _ARM_FROM < high < _ARM_TO
                    or z > below_mm
                    or own[:, 2].min() < _GROUND * _LEVELS
                ):
                    continue
                inside = _find_inside(grid, labels == piece, low)
                plane = float(grid.low_mm @ way + offset * grid.step_mm)
                name = "left-arm" if side < 0 else "right-arm"
                best = len(own), Neck(name=name, lean_deg=angle, offset_mm=plane, inside_mm=inside)
    return None if best is None else best[1]


def _find_base(grid: _Grid, body: Body) -> Neck | None:
    """The level on which a figurine stands upon its base, which was added or is its own plinth."""
    surface = read_surface(body)
    added = surface.kind == int(Kind.BASE)
    if added.any():
        level = float(surface.vertices_mm[surface.faces[added]][..., 2].max()) + _OFF_MM
    else:
        layers = grid.solid.sum((0, 1)).astype(np.float64)
        first = int(np.flatnonzero(layers)[0])
        last = first + round(_PLINTH_TO * _LEVELS)
        widest = layers[first : last + 1].max()
        if layers[first : first + 6].max() < 0.9 * layers.max() or widest < layers.max():
            return None
        fall = [layers[k] - layers[k + 4] for k in range(first, last)]
        edge = int(np.argmax(fall))
        if fall[edge] < _PLINTH_FALL * widest:
            return None
        start = first + edge + 2
        calm = [k for k in range(start, last + 6) if layers[k] - layers[k + 3] < _PLINTH_CALM * layers[k]]
        if not calm:
            return None
        level = float(grid.place(np.array([0.0, 0.0, calm[0]]))[2])
    k = math.ceil((level - grid.low_mm[2]) / grid.step_mm) + 1
    labels, _ = ndimage.label(grid.solid[:, :, k:])
    sizes = np.bincount(labels.ravel())[1:]
    if not len(sizes):
        return None
    inside = _find_inside(grid, labels == 1 + int(sizes.argmax()), np.array([0, 0, k]))
    return Neck(name="body", lean_deg=0.0, offset_mm=level, inside_mm=inside)


def _find_inside(grid: _Grid, piece: Bool, first: I64) -> F64:
    """(3,) the place deepest inside `piece`, whose first cell is the grid's `first`."""
    deep = ndimage.distance_transform_edt(np.pad(piece, 1))[1:-1, 1:-1, 1:-1]
    at = np.array(np.unravel_index(int(deep.argmax()), deep.shape), np.float64)
    return grid.place(at + first)
