"""Parts that made figurines are put together from: tubes, rounded blocks, turned bodies, plates.

Each is a closed `Part`, +Y up; parts may overlap, since the renderer asks for the first and the last surface along a
ray only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.meshes import Textured, textured

Array = NDArray[np.float64]
SHADES = 8
"""Columns of the palette: each colour from one tone to another."""


@dataclass(frozen=True)
class Part:
    """`vertices` (V,3), `faces` (F,3), `along` (V,) in [0, 1]: where on the part, for its shades; `color`: a row of the
    palette."""

    vertices: Array
    faces: NDArray[np.int32]
    along: Array
    color: int

    def mirrored(self) -> Part:
        """The part on the other side of x = 0."""
        return Part(self.vertices * [-1, 1, 1], self.faces[:, ::-1], self.along, self.color)

    def moved(self, by: ArrayLike, turn: Array | None = None, scale: float = 1.0) -> Part:
        """The part scaled, turned by a matrix (3,3) and moved."""
        vertices = self.vertices * scale
        if turn is not None:
            vertices = vertices @ turn.T
        return Part(vertices + np.asarray(by), self.faces, self.along, self.color)


def grid_faces(rows: int, columns: int) -> NDArray[np.int32]:
    """Two triangles for each cell of a grid of rings (rows, columns) whose columns close."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = i * columns + j, i * columns + (j + 1) % columns
    c, d = a + columns, b + columns
    cells = np.stack([a, b, d, a, d, c], -1)
    return cells.reshape(-1, 3).astype(np.int32)


def xyz(x: float, y: float, z: float) -> Array:
    """A vector (3,)."""
    return np.array([x, y, z], float)


def turn_xyz(x_deg: float = 0, y_deg: float = 0, z_deg: float = 0) -> Array:
    """About z, then x, then y."""
    x, y, z = np.radians([x_deg, y_deg, z_deg])
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_y @ about_x @ about_z)


def curve(points: ArrayLike, steps: int) -> Array:
    """A Catmull-Rom spline through points (N,D), `steps` to each piece."""
    p = np.asarray(points, float)
    p = np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    out = []
    for k in range(1, len(p) - 2):
        a, b, c, d = p[k - 1 : k + 3]
        out.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate([*out, p[-2:-1]])


def tube(points: ArrayLike, radii: ArrayLike, color: int, *, flat: float = 1.0, sides: int = 14) -> Part:
    """A limb, body, tail or horn along a spline; `radii` (N,) at its points, `flat` times that across, round ends."""
    line = curve(points, 5)
    radius = np.maximum(curve(np.asarray(radii, float)[:, None], 5)[:, 0], 1e-3)
    ahead = np.gradient(line, axis=0)
    ahead /= np.maximum(np.linalg.norm(ahead, axis=1, keepdims=True), 1e-9)
    # Round ends: three more rings each, drawn in along a quarter of a circle.
    arc = np.radians([0, 35, 65])
    start = line[0] - ahead[0] * radius[0] * np.cos(arc)[:, None]
    stop = line[-1] + ahead[-1] * radius[-1] * np.cos(arc)[::-1, None]
    line = np.concatenate([start, line, stop])
    radius = np.concatenate([radius[0] * np.sin(arc), radius, radius[-1] * np.sin(arc)[::-1]])
    ahead = np.concatenate([np.repeat(ahead[:1], 3, 0), ahead, np.repeat(ahead[-1:], 3, 0)])
    side = np.cross([0.0, 1.0, 0.02], ahead)
    weak = np.linalg.norm(side, axis=1, keepdims=True) < 0.15
    side = np.where(weak, np.cross([0.0, 0.1, 1.0], ahead), side)
    side /= np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9)
    over = np.cross(ahead, side)
    angle = np.arange(sides) / sides * 2 * np.pi
    ring = side[:, None] * np.cos(angle)[:, None] * flat + over[:, None] * np.sin(angle)[:, None]
    vertices = line[:, None] + ring * radius[:, None, None]
    along = np.repeat(np.linspace(0, 1, len(line)), sides)
    return Part(vertices.reshape(-1, 3), grid_faces(len(line), sides), along, color)


def block(
    size: ArrayLike, color: int, *, at: ArrayLike = (0, 0, 0), turn: Array | None = None, square: float = 1.0
) -> Part:
    """A superellipsoid with half axes `size`: `square` 1 is a ball, 0.15 a rounded box, 2 an octahedron."""
    down, round_ = np.linspace(-np.pi / 2, np.pi / 2, 13), np.arange(20) / 20 * 2 * np.pi

    def power(value: Array) -> Array:
        return np.sign(value) * np.abs(value) ** square

    c, s = power(np.cos(down)), power(np.sin(down))
    cc, ss = power(np.cos(round_)), power(np.sin(round_))
    vertices = np.stack([c[:, None] * cc, np.repeat(s[:, None], len(round_), 1), c[:, None] * ss], -1)
    part = Part(
        (vertices * np.asarray(size, float)).reshape(-1, 3),
        grid_faces(len(down), len(round_))[:, ::-1],
        np.repeat((np.sin(down) + 1) / 2, len(round_)),
        color,
    )
    return part.moved(at, turn)


def turned(
    profile: ArrayLike, color: int, *, at: ArrayLike = (0, 0, 0), turn: Array | None = None, sides: int = 24
) -> Part:
    """A body of revolution about +Y; `profile` (N,2) of radius and height from below, closed to the axis."""
    p = np.asarray(profile, float)
    p = np.concatenate([[[0, p[0, 1]]], p, [[0, p[-1, 1]]]])
    angle = np.arange(sides) / sides * 2 * np.pi
    vertices = np.stack(
        [p[:, :1] * np.cos(angle), np.repeat(p[:, 1:], sides, 1), p[:, :1] * np.sin(angle)], -1
    )
    height = (p[:, 1] - p[:, 1].min()) / max(float(np.ptp(p[:, 1])), 1e-9)
    part = Part(vertices.reshape(-1, 3), grid_faces(len(p), sides)[:, ::-1], np.repeat(height, sides), color)
    return part.moved(at, turn)


def plate(
    outline: ArrayLike,
    thick: float,
    color: int,
    *,
    at: ArrayLike = (0, 0, 0),
    turn: Array | None = None,
    bend: float = 0.0,
) -> Part:
    """A wing, fin, ear, cape, blade or shield: `outline` (N,2) in x, y, star-shaped about (0, 0), round to the rim, its
    middle `thick`; `bend` lifts it by bend * (x^2 + y^2) in z."""
    edge = np.asarray(outline, float)
    share = np.array([0.0, 0.35, 0.65, 0.88, 1.0])
    rise = thick / 2 * np.sqrt(np.maximum(1 - share**3, 0.03))
    flat = share[:, None, None] * edge
    lift = bend * (flat**2).sum(-1)
    top = np.concatenate([flat, (lift + rise[:, None])[..., None]], -1)
    below = np.concatenate([flat, (lift - rise[:, None])[..., None]], -1)[::-1]
    vertices = np.concatenate([top, below])
    part = Part(
        vertices.reshape(-1, 3),
        grid_faces(len(vertices), len(edge)),
        np.tile(np.linspace(0, 1, len(edge)), len(vertices)),
        color,
    )
    return part.moved(at, turn)


def assembled(parts: list[Part], palette: NDArray[np.uint8]) -> Textured:
    """One mesh of all parts, centred, its longest side 1; `palette` (colours, SHADES, 3)."""
    vertices = np.concatenate([part.vertices for part in parts])
    vertices = vertices - (vertices.min(0) + vertices.max(0)) / 2
    v = (vertices / np.ptp(vertices, axis=0).max()).astype(np.float32)
    starts = np.cumsum([0] + [len(part.vertices) for part in parts])
    faces = np.concatenate([part.faces + start for part, start in zip(parts, starts, strict=False)])
    row = np.concatenate([np.full(len(part.vertices), (part.color + 0.5) / len(palette)) for part in parts])
    along = np.concatenate([part.along for part in parts])
    uv = np.stack([along * 0.98 + 0.01, row], 1).astype(np.float32)
    return textured(v, faces.astype(np.int32), uv, palette)
