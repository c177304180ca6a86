"""Result -> the report's pictures: drawn in numpy, without display or GPU, as data URIs.

Drawn at twice the size at which the page shows them, so that the browser smooths the edges. WebP keeps them small and
transparent, so that they look well on the page's light and dark ground.
"""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from slipcast.checks.mesh import Judged
from slipcast.core.masks import box_of
from slipcast.core.values import F32, U8, Bool, Cutout, Figurine, Picture, Shells, Source
from slipcast.mesh.normals import vertex_normals
from slipcast.pipeline.preview import Look, look_from, look_up
from slipcast.report.model import thickness_level
from slipcast.texture.normal_map import Frames

Color = tuple[int, int, int]

SOURCES: dict[Source, tuple[str, Color]] = {
    Source.SEEN: ("seen in the picture", (0, 158, 115)),
    Source.BACK_VIEW: ("seen in another picture", (0, 114, 178)),
    Source.MIRRORED: ("mirrored", (230, 159, 0)),
    Source.INVENTED: ("invented", (204, 121, 167)),
}
"""Okabe and Ito's colours, which stay apart for every kind of colour vision."""

THICKNESS: tuple[tuple[float, Color], ...] = (
    (0.25, (120, 10, 30)),
    (0.5, (178, 24, 43)),
    (1.0, (239, 120, 80)),
    (2.0, (253, 214, 140)),
    (4.0, (160, 212, 196)),
    (8.0, (74, 152, 178)),
    (32.0, (44, 76, 116)),
)
"""Walls -> colour, straight between on a scale of octaves: warm is what may break."""

_NEARNESS: tuple[tuple[float, Color], ...] = (
    (0.0, (20, 14, 54)),
    (0.25, (84, 18, 124)),
    (0.5, (182, 54, 121)),
    (0.75, (251, 136, 97)),
    (1.0, (252, 248, 190)),
)
BOTH, MISSING, ADDED = (76, 120, 168), (230, 120, 0), (200, 40, 140)
OUTLINE: tuple[tuple[str, Color], ...] = (
    ("both", BOTH),
    ("only in the picture", MISSING),
    ("only in the mesh", ADDED),
)
_TALL_PX = 420
_STRIP_PX = 240
STRIP_DEG = (0, 45, 90, 135, 180, 225, 270, 315)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture on the page."""

    uri: str
    width_px: int
    height_px: int


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """All pictures of a report."""

    input: Shown
    cutout: Shown
    depth_front: Shown
    depth_back: Shown | None
    spread: Shown | None
    """The back's likely error, None where the model is mute."""
    spread_mm: float
    """The largest that is drawn."""
    outline: Shown
    normals: Shown
    thickness: Shown
    sources: Shown
    strip: Shown
    texture: Shown
    relief: Shown | None
    """The normal map, where there is one."""
    depth_mm: tuple[float, ...]
    """Nearest and farthest of the front, then of the back, from the nearest point."""


def draw_pictures(
    figurine: Figurine, shown: tuple[Picture, Cutout], depth: Shells, judged: Judged, wall_m: float
) -> Pictures:
    """Draw everything; `shown` is the picture as it came and as it was cut out."""
    original, picture = shown
    came = original.pixels if original.alpha is None else _cut(original)
    mesh = figurine.mesh
    normals = vertex_normals(mesh.vertices, mesh.faces).astype(np.float64)
    extent = np.ptp(mesh.vertices, axis=0).astype(float)
    ratio = max(extent[0], extent[2]) / max(extent[1], 1e-9)
    wide = int(np.clip(_TALL_PX * ratio, _TALL_PX / 2, _TALL_PX * 1.6))
    sides = [look_from(mesh, normals, wide, _TALL_PX, yaw_deg=yaw) for yaw in (0, 180)]
    box = _box(depth.valid)
    level = thickness_level(judged.thickness.per_face_m, wall_m)
    heat = _ramp([(_octave(walls), color) for walls, color in THICKNESS]).astype(np.float32)[level]
    kinds = np.array([SOURCES[kind][1] for kind in Source], np.float32)[mesh.source]
    shells, span_mm = _shells(depth, box)
    spread = _spread(depth, box, float(extent.max()))
    strip_px = int(_STRIP_PX * wide / _TALL_PX)
    frames = Frames(figurine)
    around = [
        look_from(mesh, normals, strip_px, _STRIP_PX, yaw_deg=yaw).with_relief(frames) for yaw in STRIP_DEG
    ]
    return Pictures(
        input=show_image(Image.fromarray(came), _TALL_PX),
        cutout=show_image(Image.fromarray(_cut(picture)[box]), _TALL_PX),
        depth_front=shells[0],
        depth_back=shells[1] if len(shells) > 1 else None,
        spread=None if spread is None else spread[0],
        spread_mm=0.0 if spread is None else spread[1],
        outline=show_image(_outline(original, judged, box, depth.valid.shape), _TALL_PX),
        normals=_encode(_side_by_side([_canvas(side, (side.normal + 1) * 127.5) for side in sides])),
        thickness=_encode(_side_by_side([_canvas(side, side.colored(heat[side.face])) for side in sides])),
        sources=_encode(_side_by_side([_canvas(side, side.colored(kinds[side.face])) for side in sides])),
        strip=_encode(
            _side_by_side(
                [_canvas(side, side.colored(look_up(figurine, side.face, side.weights))) for side in around]
            )
        ),
        texture=_texture(figurine.texture),
        relief=None if figurine.normal_map is None else _relief(figurine.normal_map),
        depth_mm=span_mm,
    )


def _canvas(seen: Look, color: F32) -> U8:
    """(H,W,4) the colours where the mesh is, clear elsewhere."""
    out = np.zeros((*seen.shown.shape, 4), np.uint8)
    out[seen.shown, :3] = np.clip(color, 0, 255)
    out[seen.shown, 3] = 255
    return out


def _side_by_side(panels: list[U8]) -> Image.Image:
    return Image.fromarray(np.concatenate(panels, axis=1))


def _cut(picture: Picture) -> U8:
    """(H,W,4) the picture with its alpha."""
    alpha = np.full(picture.pixels.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    return np.dstack([picture.pixels, alpha])


def _box(valid: Bool) -> tuple[slice, slice]:
    """The figurine's box with a margin of 4 %."""
    if not valid.any():
        return slice(0, valid.shape[0]), slice(0, valid.shape[1])
    box = box_of(valid)
    return box.widen(round(0.04 * (max(box.height, box.width) - 1)) + 1, valid.shape).slices


def _shells(depth: Shells, box: tuple[slice, slice]) -> tuple[list[Shown], tuple[float, ...]]:
    """Front and back in colours, each over its own range, and the ranges in millimetres from the nearest point."""
    valid = depth.valid[box]
    if not valid.any():
        blank = _encode(Image.new("RGBA", (8, 8)))
        return [blank], (0.0, 0.0)
    shells = [depth.front[box]] + ([] if depth.back is None else [depth.back[box]])
    zero = float(shells[0][valid].min())
    shown, span = [], []
    for shell in shells:
        near, far = (float(value) for value in np.quantile(shell[valid], [0.001, 0.999]))
        level = np.clip((far - shell) / max(far - near, 1e-12) * 255, 0, 255).astype(np.uint8)
        pixels = np.dstack([_ramp(_NEARNESS)[level], np.where(valid, 255, 0)]).astype(np.uint8)
        shown.append(show_image(Image.fromarray(pixels), _TALL_PX))
        span += [round((near - zero) * 1000, 2), round((far - zero) * 1000, 2)]
    return shown, tuple(span)


def _spread(depth: Shells, box: tuple[slice, slice], longer_m: float) -> tuple[Shown, float] | None:
    """The back's likely error in colours, bright is large, and the largest that is drawn in millimetres."""
    valid = depth.valid[box]
    if depth.spread is None or not valid.any():
        return None
    back = depth.spread[1][box]
    most = max(float(np.quantile(back[valid], 0.999)), 1e-6)
    level = np.clip(back / most * 255, 0, 255).astype(np.uint8)
    pixels = np.dstack([_ramp(_NEARNESS)[level], np.where(valid, 255, 0)]).astype(np.uint8)
    return show_image(Image.fromarray(pixels), _TALL_PX), round(most * longer_m * 1000, 1)


def _outline(
    picture: Picture, judged: Judged, box: tuple[slice, slice], full: tuple[int, ...]
) -> Image.Image:
    """The faded picture with both outlines over it."""
    tall, wide = judged.wanted.shape
    small = tuple(
        slice(side.start * to // length, max(side.start * to // length + 1, -(-side.stop * to // length)))
        for side, to, length in zip(box, (tall, wide), full, strict=True)
    )
    gray = Image.fromarray(picture.pixels).convert("L").resize((wide, tall), Image.Resampling.BOX)
    out = np.repeat(np.asarray(gray)[small][..., None], 3, axis=2).astype(np.float32) * 0.45 + 140
    wanted, drawn = judged.wanted[small], judged.drawn[small]
    for mask, color, share in (
        (wanted & drawn, BOTH, 0.45),
        (wanted & ~drawn, MISSING, 0.95),
        (drawn & ~wanted, ADDED, 0.95),
    ):
        out[mask] = out[mask] * (1 - share) + np.array(color, np.float32) * share
    return Image.fromarray(out.astype(np.uint8))


def _texture(texture: Picture) -> Shown:
    """The atlas as JPEG, at most 2048 px wide: what the viewer shows."""
    image = _bounded(texture.pixels)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=86)
    return Shown(uri=_uri(out.getvalue(), "jpeg"), width_px=image.width, height_px=image.height)


def _relief(normal_map: U8) -> Shown:
    """The normal map for the viewer, at most 2048 px wide, without loss: JPEG's blocks would be seen as dents.

    Lossless WebP, 1024 x 2048: as fast as PNG a third larger, a fifth smaller in 1.6 times the time.
    """
    image = _bounded(normal_map)
    out = io.BytesIO()
    image.save(out, "PNG")
    return Shown(uri=_uri(out.getvalue(), "png"), width_px=image.width, height_px=image.height)


def _bounded(pixels: U8) -> Image.Image:
    image = Image.fromarray(pixels)
    if max(image.size) > 2048:
        image.thumbnail((2048, 2048), Image.Resampling.BOX)
    return image


def _fitted(image: Image.Image, tall_px: int) -> Image.Image:
    """At most so tall, and no wider than twice that."""
    scale = min(1.0, tall_px / image.height, 2 * tall_px / image.width)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if size == image.size else image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)


def show_image(image: Image.Image, tall_px: int) -> Shown:
    """The image for the page, at most so tall and no wider than twice that."""
    return _encode(_fitted(image, tall_px))


def shrink_to_jpeg(picture: bytes, longest_px: int) -> bytes:
    """A JPEG of a picture's file, no side longer than `longest_px`; what is transparent shows the colour below."""
    with Image.open(io.BytesIO(picture)) as opened:
        small = opened.convert("RGB")
    small.thumbnail((longest_px, longest_px))
    out = io.BytesIO()
    small.save(out, "JPEG", quality=85)
    return out.getvalue()


def _encode(image: Image.Image) -> Shown:
    out = io.BytesIO()
    image.save(out, "WEBP", quality=82, method=2)
    return Shown(uri=_uri(out.getvalue(), "webp"), width_px=image.width, height_px=image.height)


def _uri(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _octave(walls: float) -> float:
    return float((np.log2(walls) + 2) / 7)


def _ramp(stops: "list[tuple[float, Color]] | tuple[tuple[float, Color], ...]") -> F32:
    """(256,3) colours, straight between the stops, which are in [0, 1]."""
    at = np.linspace(0, 1, 256)
    places = [place for place, _ in stops]
    channels = [np.interp(at, places, [color[k] for _, color in stops]) for k in range(3)]
    out: F32 = np.stack(channels, 1).astype(np.float32)
    return out
