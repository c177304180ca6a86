"""Figurine -> PNG: the picture as it came and four views, so that one look tells whether the asset is good.

On the picture lies the cutout's outline: what the cutout lost is seen outside of it, what it took too much inside.

Orthographic, lit from the upper left of the viewer, drawn with the project's own z-buffer at 1.5 times the size.
"""

import io
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from slipcast.core.options import check, whole
from slipcast.core.pixels import put_pixels
from slipcast.core.values import F32, F64, I32, U8, Bool, Cutout, Figurine, Mesh, Picture
from slipcast.formats.common.texture_files import RUNS
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.topology import cross, dot
from slipcast.texture.normal_map import Frames

_GROUND = np.array([236, 238, 240], np.float32)
_OUTLINE = (255, 0, 200)
"""A colour that few figurines and no backdrops have."""
_LIGHT = (np.array([-0.45, 0.55, 0.70]) / np.linalg.norm([-0.45, 0.55, 0.70])).astype(np.float32)
_VIEWS = (("front", 0.0), ("right", 90.0), ("back", 180.0), ("left", 270.0))


@dataclass(frozen=True, kw_only=True)
class PreviewOptions:
    """How large the preview is.

    >>> PreviewOptions(panel_px=256).panel_px
    256
    """

    panel_px: int = 384
    """Width of one of the five panels; they are a third taller than wide where the figurine is tall."""

    def __post_init__(self) -> None:
        check(
            self,
            panel_px=whole(32, 4096, example=384),
        )


def draw_preview(
    figurine: Figurine,
    original: Picture,
    cut: Cutout,
    options: PreviewOptions,
    others: Sequence[tuple[Picture, Cutout]] = (),
    looks: "Callable[[], Sequence[Look]] | None" = None,
) -> bytes:
    """Return a PNG of five panels: the picture as it came, and front, right, back and left of the asset.

    `cut` is the cutout of `original`, of the same size; its outline is drawn on the first panel. `others` are the
    pictures of other sides with their cutouts: a second row, each below the asset seen from there, diagonal ones last.
    `looks` gives what `look_around` told of the same mesh, if it was asked.
    """
    width, height = _panel_size(figurine.mesh, options)
    panels = [("input", _input_panel(original, cut, width, height))]
    frames = Frames(figurine)
    seen = looks() if looks else look_around(figurine.mesh, options)
    for (title, _), look in zip(_VIEWS, seen, strict=True):
        panels.append((title, _shrink(_color(look, frames), width, height)))
    below = _place_below(others)
    columns = max(len(panels), *(column + 1 for column, _, _ in below), 1)
    sheet = Image.new("RGB", (width * columns, height * (2 if below else 1)), (236, 238, 240))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=14)
    cells = [(column, 0, title, pixels) for column, (title, pixels) in enumerate(panels)]
    for column, picture, outline in below:
        name = str(picture.view).replace("_", " ")
        cells.append((column, 1, f"input, {name}", _input_panel(picture, outline, width, height)))
    for column, row, title, pixels in cells:
        sheet.paste(Image.fromarray(pixels), (column * width, row * height))
        pen.text((column * width + 8, (row + 1) * height - 24), title, fill=(110, 114, 120), font=font)
    out = io.BytesIO()
    sheet.save(out, "PNG", compress_type=RUNS)
    return out.getvalue()


def look_around(mesh: Mesh, options: PreviewOptions) -> "list[Look]":
    """Look at `mesh` from the preview's four sides, before it has any colour."""
    width, height = _panel_size(mesh, options)
    normals = vertex_normals(mesh.vertices, mesh.faces).astype(np.float64)
    return [look_from(mesh, normals, *_refine(width, height), yaw_deg=yaw_deg) for _, yaw_deg in _VIEWS]


def _panel_size(mesh: Mesh, options: PreviewOptions) -> tuple[int, int]:
    """Width and height of a panel."""
    width, extent = options.panel_px, np.ptp(mesh.vertices, axis=0)
    return width, width * 4 // 3 if extent[1] > 1.1 * max(extent[0], extent[2]) else width


def _place_below(others: Sequence[tuple[Picture, Cutout]]) -> list[tuple[int, Picture, Cutout]]:
    """The column of each picture: below its side of the asset, or after the last one."""
    columns = {title: 1 + number for number, (title, _) in enumerate(_VIEWS)}
    straight = [(columns[str(cut.view)], came, cut) for came, cut in others if str(cut.view) in columns]
    rest = [(came, cut) for came, cut in others if str(cut.view) not in columns]
    return straight + [(1 + len(_VIEWS) + number, came, cut) for number, (came, cut) in enumerate(rest)]


@dataclass(frozen=True, kw_only=True)
class Look:
    """A mesh seen from one side, before it has any colour: what each pixel shows, row by row."""

    shown: Bool
    """(H,W), where the mesh is; the others have a row for each True in it."""
    face: I32
    """(N,) the face."""
    weights: F32
    """(N,3) the weights of its corners."""
    normal: F32
    """(N,3) unit normal, x to the right, y up, z to the viewer."""
    rotation: F64
    """(3,3) that turns the world's directions to the viewer's."""

    def with_relief(self, frames: Frames) -> "Look":
        """The same with the normals of the figurine's normal map, where it has one."""
        if frames.figurine.normal_map is None:
            return self
        mesh, pixels = frames.figurine.mesh, frames.figurine.normal_map
        corner = (3 * self.face[:, None] + np.arange(3)).astype(np.int32)
        up = _unit(_between(frames.at_vertex, mesh.faces[self.face], self.weights))
        along = _between(np.ascontiguousarray(frames.at_corner[..., :3].reshape(-1, 3)), corner, self.weights)
        across = cross(up, along) * frames.at_corner[self.face, 0, 3]
        m = texels(pixels, frames.figurine.uv, corner, self.weights).T / np.float32(127.5) - 1
        world = _unit(m[0] * along + m[1] * across + m[2] * up)
        return replace(self, normal=np.ascontiguousarray((self.rotation.astype(np.float32) @ world).T))

    def colored(self, color: F32) -> F32:
        """(N,3) colours, lit from the upper left of the viewer."""
        x, y, z = self.normal.T
        lit = np.clip(x * _LIGHT[0] + y * _LIGHT[1] + z * _LIGHT[2], 0, 1)
        shade = np.float32(0.62) + np.float32(0.42) * lit + np.float32(0.06) * y
        out: F32 = np.clip(color * shade[:, None], 0, 255)
        return out


def look_from(
    mesh: Mesh, normals: F64, width_px: int, height_px: int, *, yaw_deg: float = 0.0, pitch_deg: float = 0.0
) -> Look:
    """Look at `mesh`, with normals (V,3), turned by `yaw_deg` to show its right (90), back (180) or left (270)."""
    vertices = mesh.vertices.astype(np.float64)
    low, high = vertices.min(0), vertices.max(0)
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    turn = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    tilt = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    rotation = tilt @ turn
    local = (vertices - (low + high) / 2) @ rotation.T
    # One scale for all yaws, so that the views compare.
    across = math.hypot(high[0] - low[0], high[2] - low[2]) if pitch_deg else max((high - low)[[0, 2]])
    scale = 0.88 * min(width_px / max(across, 1e-9), height_px / max(high[1] - low[1], 1e-9))
    screen = local[:, :2] * [scale, -scale] + [width_px / 2, height_px / 2]
    hits = rasterize(screen, -local[:, 2], mesh.faces, width_px, height_px)
    shown = hits.face >= 0
    at = np.flatnonzero(shown)
    face, weights = np.take(hits.face, at), np.take(hits.weights.reshape(-1, 3), at, 0)
    corner = np.take(mesh.faces, face, 0)
    normal = _unit(_between((normals @ rotation.T).astype(np.float32), corner, weights))
    return Look(
        shown=shown, face=face, weights=weights, normal=np.ascontiguousarray(normal.T), rotation=rotation
    )


def render(
    figurine: Figurine,
    width_px: int,
    height_px: int,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    textured: bool = True,
    lit: bool = True,
    frames: Frames | None = None,
) -> U8:
    """Return (H,W,3) pixels of the figurine turned by `yaw_deg` to show its right (90), back (180) or left (270).

    `frames`, where there are some already, spare the time to make them.
    """
    frames = frames or Frames(figurine)
    normals, size = frames.at_vertex.astype(np.float64), _refine(width_px, height_px)
    seen = look_from(figurine.mesh, normals, *size, yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    return _shrink(_color(seen, frames, textured=textured, lit=lit), width_px, height_px)


def _refine(width_px: int, height_px: int) -> tuple[int, int]:
    """The size at which a picture is drawn before it is made smaller."""
    fine = 1.5  # 2 is twice the time for a difference that is not seen
    return round(width_px * fine), round(height_px * fine)


def _color(seen: "Look", frames: Frames, *, textured: bool = True, lit: bool = True) -> F32:
    """(H,W,3) the figurine of `frames` as it was looked at, on the ground's colour."""
    figurine = frames.figurine
    if lit and figurine.normal_map is not None:
        seen = seen.with_relief(frames)
    color = (
        look_up(figurine, seen.face, seen.weights)
        if textured
        else np.full((len(seen.face), 3), 205, np.float32)
    )
    canvas = np.full((*seen.shown.shape, 3), _GROUND, np.float32)
    put_pixels(canvas, np.flatnonzero(seen.shown), seen.colored(color) if lit else color)
    return canvas


def _shrink(canvas: F32, width_px: int, height_px: int) -> U8:
    """The same at its final size, in whole numbers."""
    import cv2

    # Rounded: shares of a pixel do not add up to one to the last digit, and the ground must stay the ground.
    small = np.rint(cv2.resize(canvas, (width_px, height_px), interpolation=cv2.INTER_AREA))
    return np.asarray(small, np.uint8)


def look_up(figurine: Figurine, face: I32, weights: F32) -> F32:
    """(N,3) the nearest texel at each pixel that shows face (N,) at the weights (N,3) of its corners."""
    corner = (3 * face[:, None] + np.arange(3)).astype(np.int32)
    return texels(figurine.texture.pixels, figurine.uv, corner, weights)


def texels(pixels: U8, uv: F32, corner: I32, weights: F32) -> F32:
    """(N,3) the nearest texels of (H,W,3) at points between three corners (N,3) of (F,3,2) `uv`."""
    height, width = pixels.shape[:2]
    u, v = _between(uv.reshape(-1, 2), corner, weights)
    x = np.clip((u * width).astype(np.int32), 0, width - 1)
    y = np.clip((v * height).astype(np.int32), 0, height - 1)
    out: F32 = np.take(pixels.reshape(-1, 3), y * width + x, axis=0).astype(np.float32)
    return out


def _unit(vectors: F32) -> F32:
    """(3,N) vectors of length 1."""
    out: F32 = (vectors / np.maximum(np.sqrt(dot(vectors, vectors)), 1e-9)).astype(np.float32, copy=False)
    return out


def _between(values: F32, corner: I32, weights: F32) -> F32:
    """(c,N) the values (V,c) at three corners (N,3), weighted; by columns, as numpy is slow along short axes."""
    at = np.ascontiguousarray(corner.T)
    share = np.ascontiguousarray(weights.T)
    columns = [
        sum(np.take(column, at[k]) * share[k] for k in range(3)) for column in np.ascontiguousarray(values.T)
    ]
    return np.stack(columns)


def _input_panel(original: Picture, cut: Cutout, width_px: int, height_px: int) -> U8:
    """The whole picture fitted into a panel, with the outline of what was cut out of it."""
    import cv2

    pixels = original.pixels
    if original.alpha is not None:
        share = original.alpha[..., None].astype(np.float32) / 255
        pixels = (pixels * share + _GROUND * (1 - share)).astype(np.uint8)
    image = Image.fromarray(pixels)
    scale = 0.94 * min(width_px / image.width, height_px / image.height)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    shown = np.array(image.resize(size, Image.Resampling.LANCZOS))
    solid = (cv2.resize(cut.alpha, size, interpolation=cv2.INTER_AREA) >= 128).astype(np.uint8)
    solid = np.pad(solid, 1)  # a figurine that the frame cuts off has its outline there
    rim = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))[1:-1, 1:-1] > 0
    shown[rim] = _OUTLINE
    panel = Image.new("RGB", (width_px, height_px), (236, 238, 240))
    panel.paste(Image.fromarray(shown), ((width_px - size[0]) // 2, (height_px - size[1]) // 2))
    return np.array(panel)
