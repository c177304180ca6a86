"""Mesh + Shells + Cutout -> Figurine: UV and one atlas.

Front, back and side (texture/atlas.py says which face lies where):

front  the picture; its colours are carried on over the rim, so no background bleeds in
back   for faces that look away: the picture's regions that reach its outline, by texture/hidden/back.py
side   what front and back show well goes on around the rim, as in a mirror, by texture/around.py

Front and back go over into that too where they are slanted and at the rim. Across the edges where two charts meet,
colours differ by 6.1 of 255 on average (6 pictures by image models, 2 samples; 3.9 when the side was a blur).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
from PIL import Image

from slipcast.core.errors import BadInput
from slipcast.core.masks import box_of, fill_nearest, measure_inside
from slipcast.core.options import check, choice, real, whole
from slipcast.core.pixels import put_pixels
from slipcast.core.values import F32, U8, Bool, Cutout, Figurine, Mesh, Picture, Shells
from slipcast.texture.around import Shown, color_around
from slipcast.texture.atlas import (
    SLANTED,
    draw_front_and_back,
    draw_sides,
    fill_between,
    lay_out,
    measure_px,
)
from slipcast.texture.base import Wall, find_wall
from slipcast.texture.delight import remove_light
from slipcast.texture.hidden.back import complete_back
from slipcast.texture.normal_map import MODES, BoxNormals, find_box_normals, make_normal_map

_Pixels = TypeVar("_Pixels", U8, F32)
_FRONTAL = 0.35
"""Cosine to the ray from which down the picture fades into the side's colours, wholly at atlas.SLANTED."""
_MARGIN_PX = 4
"""Around the silhouette."""
_WELL = 0.1
"""Share up to which a pixel is seen well: neither slanted nor at the rim, where the background may shine through."""
_SIDE_PX = 400
"""Most rows at which is measured what front and back show well."""
_SIZES = (256, 512, 1024, 2048, 4096)


@dataclass(frozen=True, kw_only=True)
class TextureOptions:
    """How large the atlas may become.

    >>> TextureOptions(normal_map="bogus")
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: normal_map is 'bogus'; give one of auto, on, off
    """

    max_size_px: int = 4096
    """Longest side of the atlas; larger pictures are scaled down to fit."""
    normal_map: str = "auto"
    """`on`, `off`, or `auto`: where shading without one is off by more than 2.5 degrees on average."""
    delight: float = 0.0
    """How much of the picture's soft light is divided out of its colours: 0 nothing, 1 all that is found."""

    def __post_init__(self) -> None:
        check(
            self,
            max_size_px=whole(64, 16384, example=4096),
            normal_map=choice(MODES),
            delight=real(0, 1, example=1),
        )


@dataclass(frozen=True, kw_only=True)
class Charts:
    """What the picture says of front, back and all between, whatever the mesh: pixels of the box around it."""

    scale: float
    """Of these pixels to the picture's."""
    front: U8
    """(H,W,3)."""
    back: U8
    before: Shown
    behind: Shown
    wall: Wall | None
    """Of the round base that the picture shows."""
    light: dict[str, float]
    """What was divided out."""
    normals: tuple[BoxNormals, BoxNormals]
    """Of both shells in the picture's own pixels."""


@dataclass(frozen=True, kw_only=True)
class Flat:
    """The picture's colours of front and back, before what goes on around the rim: pixels of the box around it."""

    front: U8
    """(H,W,3)."""
    back: U8
    mask: Bool
    """(H,W) the figurine."""


def draw_flat(depth: Shells, picture: Cutout, scale: float = 1.0) -> Flat:
    """Return front and back of `picture` at `scale`, without a change of its light.

    The same but for roundings wherever and however large the figurine of `depth` stands.
    """
    box = picture_box(depth.valid)
    pixels, mask = scale_box(picture.pixels, depth.valid, box, scale)
    front = carry_outward(pixels, mask, 2)
    # From the front chart, whose rim is free of the background that shines through soft edges.
    return Flat(front=front, back=complete_back(front, mask, _measure_shell(depth, box) * scale), mask=mask)


def draw_charts(
    depth: Shells,
    picture: Cutout,
    options: TextureOptions,
    scale: float = 1.0,
    flat: Callable[[], Flat] | None = None,
) -> Charts:
    """Return the charts of `picture` at `scale`, for any mesh of `depth`; `paint` makes them if they are not given.

    `flat` gives what `draw_flat` made of the same, if it is made; light is not taken out of that.
    """
    light: dict[str, float] = {}
    if flat is None:
        picture, light = remove_light(picture, depth, options.delight)
    made = flat() if flat else draw_flat(depth, picture, scale)
    box = picture_box(depth.valid)
    before, behind, share, normals = _look_around(depth, box, made.front, made.back, made.mask)
    wall = find_wall(made.front, made.mask, depth, box, scale, measure_px(depth) * scale)
    drawn = []
    for pixels, part, deep in (
        (made.front, share[0], before.level[..., 0]),
        (made.back, share[1], -behind.level[..., 0]),
    ):
        pixels = _paint_around(pixels, part, before, behind, deep)
        drawn.append(wall.draw(pixels, _resize(deep, pixels.shape[:2])) if wall else pixels)
    return Charts(
        scale=scale,
        front=drawn[0],
        back=drawn[1],
        before=before,
        behind=behind,
        wall=wall,
        light=light,
        normals=normals,
    )


def paint(
    mesh: Mesh,
    depth: Shells,
    picture: Cutout,
    options: TextureOptions,
    *,
    name: str,
    charts: Callable[[], Charts] | None = None,
    flat_at: Callable[[float], Flat] | None = None,
) -> Figurine:
    """Return the figurine `name`: `mesh` with UV (F,3,2) into one atlas made of `picture`, which must have alpha.

    A normal map goes with it as `options` say. `charts` gives what `draw_charts` made of the same, if it is made;
    `flat_at` gives front and back at a scale, by default as `draw_flat` makes them of the picture alone.
    Raises BadInput for an atlas size that is not one of 256, 512, ... 4096.
    """
    if options.normal_map not in MODES:
        raise BadInput(f"normal map must be one of {', '.join(MODES)}, got {options.normal_map}")
    if options.max_size_px not in _SIZES:
        raise BadInput(f"texture size must be one of {_SIZES}, got {options.max_size_px}")
    layout = lay_out(mesh, depth, picture_box(depth.valid), options.max_size_px)
    given = charts() if charts else None
    if given is None or given.scale != layout.scale:
        flat = partial(flat_at, layout.scale) if flat_at else None
        given = draw_charts(depth, picture, options, layout.scale, flat=flat)
    wide, tall = layout.size
    atlas = np.zeros((tall, wide, 3), np.uint8)
    drawn = draw_front_and_back(atlas, layout, given.front, given.back)
    sides = draw_sides(atlas, layout, partial(_color_side, given))
    atlas = fill_between(atlas, np.where(sides >= 0, sides, drawn))
    uv = layout.corner / [wide, tall]
    figurine = Figurine(
        name=name,
        mesh=mesh,
        uv=uv.astype(np.float32),
        texture=Picture(pixels=atlas, view=picture.view, source=picture.source),
    )
    normals, angles_deg = make_normal_map(figurine, depth, layout.kind, options.normal_map, given.normals)
    told = {"made": normals is not None, "mean_angle_deg": angles_deg}
    light = {"delight": given.light} if given.light else {}
    return replace(figurine, normal_map=normals, provenance={"normal_map": told, **light})


def _color_side(charts: Charts, place: F32, depth: F32) -> F32:
    """(N,3) colours of places (N,2) at `depth` (N,), pixels of the charts."""
    color = color_around(charts.before, charts.behind, place, depth)
    return charts.wall.color(place, depth, color) if charts.wall else color


def _measure_shell(depth: Shells, box: tuple[slice, slice]) -> F32:
    """The back's distance from the camera in pixels of the picture."""
    shell, inside = depth.back[box], depth.valid[box]
    middle = float(np.median(shell[inside])) if inside.any() else 1.0
    return np.where(inside, shell / middle, 1).astype(np.float32) * np.float32(depth.camera.fy_px)


def _look_around(
    depth: Shells, box: tuple[slice, slice], front: U8, back: U8, mask: Bool
) -> tuple[Shown, Shown, tuple[F32, F32], tuple[BoxNormals, BoxNormals]]:
    """What front and back show well, for each 0 where that is, 1 where it is not, and normals; all but those may be
    smaller."""
    shrink = -(-mask.shape[0] // _SIDE_PX)
    size = -(-mask.shape[0] // shrink), -(-mask.shape[1] // shrink)
    inside = _reduce(mask, size)
    (nearest,) = _measure_rims(mask, 0.01)
    out: list[Shown] = []
    shares: list[F32] = []
    normals: list[BoxNormals] = []
    for sign, shell, pixels in ((1.0, depth.front, front), (-1.0, depth.back, back)):
        found = find_box_normals(shell, depth, box)
        normals.append(found)
        facing, known = found.facing, found.known
        slant = np.where(known, np.clip((_FRONTAL - facing) / (_FRONTAL - SLANTED), 0, 1), 1)
        share: F32 = _resize(slant.astype(np.float32), size)
        if sign > 0:
            share = np.maximum(share, _resize(nearest, size))
        deep = np.where(depth.valid[box], shell[box], 0).astype(np.float32) * np.float32(measure_px(depth))
        deep, _ = fill_nearest(deep[..., None], depth.valid[box])
        deep = _resize(deep[..., 0] * np.float32(sign * mask.shape[0] / deep.shape[0]), size)
        out.append(Shown.of(pixels, deep, inside, inside & (share < _WELL)))
        shares.append(share)
    return out[0], out[1], (shares[0], shares[1]), (normals[0], normals[1])


def _measure_rims(mask: Bool, *shares: float) -> list[F32]:
    """For each share: 1 at the mask's rim, 0 farther inside than that share of its height or a third of a thin part.

    They are soft: made at a height of 500 pixels at most.
    """
    import cv2

    shrink = -(-mask.shape[0] // 500)
    mask = _reduce(mask, (-(-mask.shape[0] // shrink), -(-mask.shape[1] // shrink)))
    distance = measure_inside(mask)
    rims = []
    for share in shares:
        wide = max(1.0, share * mask.shape[0])
        # A part thinner than three rims has its middle within reach.
        middle = cv2.dilate(distance, np.ones((2 * math.ceil(1.5 * wide) + 1,) * 2, np.uint8))
        rim = 1.4 - distance / np.clip(middle / 3, 1, wide)
        rims.append(np.clip(rim, 0, 1).astype(np.float32))
    return rims


def _paint_around(pixels: U8, share: F32, front: Shown, back: Shown, depth: F32) -> U8:
    """`pixels` (H,W,3), and what goes on around the rim where `share` is 1; it and `depth` may be smaller."""
    share = _resize(share, pixels.shape[:2])
    at = np.flatnonzero(share > 0.01)
    place = np.stack([at % share.shape[1], at // share.shape[1]], -1) + 0.5
    deep = np.take(_resize(depth, pixels.shape[:2]), at)
    part = np.repeat(np.take(share, at), 3).reshape(-1, 3)
    mixed = _mix(np.take(pixels.reshape(-1, 3), at, 0), color_around(front, back, place, deep), part)
    out = np.array(pixels)
    put_pixels(out, at, np.rint(mixed).astype(np.uint8))
    return out


def picture_box(mask: Bool) -> tuple[slice, slice]:
    """Rows and columns around the silhouette (H,W), with a margin."""
    return box_of(mask).widen(_MARGIN_PX, mask.shape).slices


def bled_chart(picture: Cutout, mask: Bool, box: tuple[slice, slice], scale: float) -> U8:
    """The box of `picture` (H,W,3) at `scale`, its colours carried over the outline of `mask`."""
    return carry_outward(*scale_box(picture.pixels, mask, box, scale), 2)


def scale_box(pixels: U8, valid: Bool, box: tuple[slice, slice], scale: float) -> tuple[U8, Bool]:
    """Return the box of `pixels` (H,W,3) and of the mask `valid` (H,W) at the atlas's scale."""
    pixels, mask = pixels[box], valid[box]
    if scale == 1.0:
        return np.array(pixels), np.array(mask)
    size = (max(1, int(mask.shape[1] * scale)), max(1, int(mask.shape[0] * scale)))
    small = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    cover = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
    return np.array(small), np.array(cover) >= 128


def carry_outward(pixels: U8, mask: Bool, rim_px: int) -> U8:
    """Return `pixels` (H,W,3) that outside `mask` (H,W), and on its outermost `rim_px`, have the nearest colour inside.

    Parts thinner than two rims keep their own colours. A mask without a sure pixel gives `pixels` as they are.

    >>> row = np.array([[[9, 9, 9], [90, 0, 0], [90, 0, 0], [90, 0, 0], [9, 9, 9]]], np.uint8)
    >>> carry_outward(row, np.array([[False, True, True, True, False]]), 1)[0, :, 0].tolist()
    [90, 90, 90, 90, 90]
    """
    sure = _erode(mask, rim_px)
    # Parts thinner than two rims would vanish: there the mask itself is sure.
    sure |= mask & _erode(~sure, 2 * rim_px + 1)
    if not sure.any():
        return pixels
    return fill_nearest(pixels, sure)[0]


def _erode(mask: Bool, times: int) -> Bool:
    """The mask less its outermost `times` pixels; beyond the frame it goes on."""
    out = np.pad(mask, 1, constant_values=True)
    for _ in range(times):
        inner = out[1:-1, 1:-1] & out[:-2, 1:-1] & out[2:, 1:-1] & out[1:-1, :-2] & out[1:-1, 2:]
        out[1:-1, 1:-1] = inner
    return out[1:-1, 1:-1]


def _resize(pixels: _Pixels, size: tuple[int, ...]) -> _Pixels:
    """Pixels (uint8, or float32 of one channel) at another size, rows and columns: means down, linear up."""
    down = size[0] < pixels.shape[0]
    how = Image.Resampling.BOX if down else Image.Resampling.BILINEAR
    if pixels.shape[:2] == size[:2]:
        return pixels
    return np.asarray(Image.fromarray(pixels).resize((size[1], size[0]), how))


def _reduce(mask: Bool, size: tuple[int, int]) -> Bool:
    """The mask at a smaller size, rows and columns: where at least half is in it."""
    return _resize(mask.view(np.uint8) * np.uint8(255), size) >= 128


def _mix(first: U8, second: F32, weight: F32) -> F32:
    """`first` where the weight is 0, `second` where it is 1."""
    return first * (1 - weight) + second * weight
