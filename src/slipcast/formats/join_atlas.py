"""Several textures and colours -> one atlas, each face's coordinates moved along.

A texture that repeats is laid out as often as its faces need it. Tiles stand on shelves, the highest first, with a
rim of their own edge texels around them, so that filtering brings no neighbour's colour in.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from slipcast.core.values import F32, F64, I64, U8
from slipcast.formats.gltf.surfaces import CLAMP, MIRROR, Surface

LARGEST_PX = 8192
RIM_PX = 8
FLAT_PX = 8
"""Side of a tile of one colour."""
_MOST_COPIES = 256


@dataclass(frozen=True)
class Tile:
    """One material's texels, and its faces' coordinates in them."""

    color: U8
    normal: U8 | None
    uv: F32
    """(F,3,2) in [0, 1] of this tile."""
    reduced: bool = False
    """True where texels were lost to make room for copies."""


@dataclass(frozen=True)
class Atlas:
    """All tiles as one texture."""

    color: U8
    normal: U8 | None
    uv: list[F32]
    """Of each tile's faces, in the tiles' order."""
    reduced: bool


def tile(surface: Surface, uv: F32) -> Tile:
    """Return the texels that (F,3,2) texture coordinates reach, wrapping worked in."""
    if surface.slot is None:
        return Tile(np.broadcast_to(surface.color, (FLAT_PX, FLAT_PX, 3)), None, np.full_like(uv, 0.5))
    moved = uv.astype(np.float64)
    span = []
    for axis, wrap in enumerate(surface.slot.wrap):
        moved[..., axis], low, high = _brought_home(moved[..., axis], wrap)
        span.append((low, high))
    if span == [(0, 1), (0, 1)]:
        return Tile(surface.color, surface.normal, np.clip(moved, 0, 1).astype(np.float32))
    height, width = surface.color.shape[:2]
    copies = [high - low for low, high in span]
    size = tuple(min(px, max(1, LARGEST_PX // 2 // n)) for px, n in zip((width, height), copies, strict=True))
    laid = [
        _laid_out(_resized(pixels, size), span, surface.slot.wrap) if pixels is not None else None
        for pixels in (surface.color, surface.normal)
    ]
    assert laid[0] is not None
    for axis, (low, high) in enumerate(span):
        moved[..., axis] = (moved[..., axis] - low) / (high - low)
    return Tile(laid[0], laid[1], np.clip(moved, 0, 1).astype(np.float32), reduced=size != (width, height))


def join(tiles: list[Tile]) -> Atlas:
    """Put tiles beside each other; a single one stays as it is."""
    if len(tiles) == 1:
        only = tiles[0]
        return Atlas(only.color, only.normal, [only.uv], only.reduced)
    sizes = np.array([entry.color.shape[1::-1] for entry in tiles], dtype=np.int64)
    kept, scale = sizes, 1.0
    places, width, height = _shelves(kept)
    while max(width, height) > LARGEST_PX:
        scale *= 0.9
        kept = np.maximum(1, (sizes * scale).astype(np.int64))
        places, width, height = _shelves(kept)
    color = np.full((height, width, 3), 128, dtype=np.uint8)
    mapped = any(entry.normal is not None for entry in tiles)
    normal = np.broadcast_to(np.array([128, 128, 255], np.uint8), color.shape).copy() if mapped else None
    uv = []
    for entry, (w, h), (x, y) in zip(tiles, kept.tolist(), places.tolist(), strict=True):
        _place(color, _resized(entry.color, (w, h)), x, y)
        if normal is not None and entry.normal is not None:
            _place(normal, _resized(entry.normal, (w, h)), x, y)
        moved = (np.array([x, y]) + entry.uv.astype(np.float64) * (w, h)) / (width, height)
        uv.append(moved.astype(np.float32))
    return Atlas(color, normal, uv, scale < 1 or any(entry.reduced for entry in tiles))


def _brought_home(values: F64, wrap: int) -> tuple[F64, int, int]:
    """(F,3) coordinates along one axis, faces moved by whole tiles towards 0..1; and the tiles that they reach."""
    near = 1e-4
    if wrap != CLAMP:
        low, high = values.min(axis=1, keepdims=True), values.max(axis=1, keepdims=True)
        step = 2.0 if wrap == MIRROR else 1.0
        away = (low < -near) | (high > 1 + near)
        values = np.where(away, values - np.floor((low + near) / step) * step, values)
    first = int(max(np.floor(values.min(initial=0) + near), -_MOST_COPIES // 2))
    last = int(min(np.ceil(values.max(initial=1) - near), _MOST_COPIES // 2))
    return np.clip(values, first, last), min(first, 0), max(last, 1)


def _laid_out(pixels: U8, span: list[tuple[int, int]], wrap: tuple[int, int]) -> U8:
    """The texels of the whole numbers of tiles that `span` names along u and v."""
    for axis, (low, high), way in ((1, span[0], wrap[0]), (0, span[1], wrap[1])):
        length = pixels.shape[axis]
        at: I64 = np.arange(low * length, high * length)
        if way == CLAMP:
            at = np.clip(at, 0, length - 1)
        else:
            turned = (at // length) % 2 == 1 if way == MIRROR else np.zeros(len(at), dtype=bool)
            at = np.where(turned, length - 1 - at % length, at % length)
        pixels = np.take(pixels, at, axis=axis)
    return pixels


def _shelves(sizes: I64) -> tuple[I64, int, int]:
    """(N,2) places of (N,2) sizes with their rims, and the width and height that they need."""
    outer = sizes + 2 * RIM_PX
    width = int(max(outer[:, 0].max(), np.ceil(np.sqrt(float(outer.prod(axis=1).sum())) * 1.05)))
    places = np.zeros_like(sizes)
    x = y = shelf = 0
    for index in np.lexsort((-outer[:, 0], -outer[:, 1])).tolist():
        w, h = outer[index].tolist()
        if x + w > width:
            x, y, shelf = 0, y + shelf, 0
        places[index] = (x + RIM_PX, y + RIM_PX)
        x, shelf = x + w, max(shelf, h)
    return places, width, y + shelf


def _place(atlas: U8, pixels: U8, x: int, y: int) -> None:
    rim = np.pad(pixels, ((RIM_PX, RIM_PX), (RIM_PX, RIM_PX), (0, 0)), mode="edge")
    atlas[y - RIM_PX : y + pixels.shape[0] + RIM_PX, x - RIM_PX : x + pixels.shape[1] + RIM_PX] = rim


def _resized(pixels: U8, size: tuple[int, ...]) -> U8:
    """Pixels at `size` (width, height)."""
    if pixels.shape[1::-1] == tuple(size):
        return pixels
    image = Image.fromarray(np.ascontiguousarray(pixels)).resize((size[0], size[1]), Image.Resampling.LANCZOS)
    return np.array(image, dtype=np.uint8)
