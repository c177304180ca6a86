"""Cases and results -> one PNG: input, front depth, back depth and four views of the mesh, a row for each case."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from evaluation.shape import Shape
from slipcast.core.values import F32, U8, Bool, Figurine, Mesh, Picture, Shells, Source
from slipcast.pipeline.preview import render

PANEL_PX = 224
_GROUND = (236, 238, 240)
_YAWS_DEG = (0.0, 90.0, 180.0, 270.0)
TITLES = ("input", "front depth", "back depth", "front", "right", "back", "left")


def row(figurine: Figurine, picture: Picture, depth: Shells | None, *, textured: bool = True) -> U8:
    """Return the seven panels of one case, (PANEL_PX, 7 * PANEL_PX, 3); depth panels stay empty without depth."""
    panels = [_fitted(_on_ground(picture))]
    if depth is None:
        panels += [_blank(), _blank()]
    else:
        back = depth.front if depth.back is None else depth.back
        both = np.concatenate([depth.front[depth.valid], back[depth.valid]])
        low, high = (float(both.min()), float(both.max())) if len(both) else (0.0, 1.0)
        panels += [_shaded(shell, depth.valid, low, high) for shell in (depth.front, back)]
    panels += [render(figurine, PANEL_PX, PANEL_PX, yaw_deg=yaw, textured=textured) for yaw in _YAWS_DEG]
    return np.concatenate(panels, axis=1)


def sheet(rows: list[tuple[str, U8]]) -> Image.Image:
    """Put rows under each other, each with its label."""
    font = ImageFont.load_default(size=13)
    head = 22
    out = Image.new("RGB", (PANEL_PX * len(TITLES), head + (PANEL_PX + head) * len(rows)), _GROUND)
    pen = ImageDraw.Draw(out)
    for column, title in enumerate(TITLES):
        pen.text((column * PANEL_PX + 6, 4), title, fill=(110, 114, 120), font=font)
    for index, (label, pixels) in enumerate(rows):
        top = head + index * (PANEL_PX + head)
        out.paste(Image.fromarray(pixels), (0, top))
        pen.text((6, top + PANEL_PX + 3), label, fill=(40, 44, 50), font=font)
    return out


def bare_figurine(name: str, shape: Shape) -> Figurine:
    """A mesh alone as a figurine in one grey, for assets whose texture is of no interest."""
    faces = shape.faces.astype(np.int32)
    return Figurine(
        name=name,
        mesh=Mesh(
            vertices=shape.vertices.astype(np.float32),
            faces=faces,
            source=np.full(len(faces), int(Source.INVENTED), np.uint8),
        ),
        uv=np.zeros((len(faces), 3, 2), np.float32),
        texture=Picture(pixels=np.full((1, 1, 3), 205, np.uint8)),
    )


def _on_ground(picture: Picture) -> U8:
    if picture.alpha is None:
        return picture.pixels
    alpha = picture.alpha[..., None].astype(np.float32) / 255
    out: U8 = (picture.pixels * alpha + np.array(_GROUND, np.float32) * (1 - alpha)).astype(np.uint8)
    return out


def _shaded(shell: F32, valid: Bool, low: float, high: float) -> U8:
    """Near is bright, far is dark, on one scale for both shells."""
    tone = 40 + 200 * (high - shell) / max(high - low, 1e-9)
    grey = np.where(valid, np.clip(tone, 0, 255), 0).astype(np.uint8)
    pixels = np.where(valid[..., None], grey[..., None], np.array(_GROUND, np.uint8))
    return _fitted(pixels.astype(np.uint8))


def _fitted(pixels: U8) -> U8:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((PANEL_PX, PANEL_PX), Image.Resampling.LANCZOS)
    panel = Image.new("RGB", (PANEL_PX, PANEL_PX), _GROUND)
    panel.paste(image, ((PANEL_PX - image.width) // 2, (PANEL_PX - image.height) // 2))
    return np.array(panel)


def _blank() -> U8:
    return np.full((PANEL_PX, PANEL_PX, 3), _GROUND, np.uint8)
