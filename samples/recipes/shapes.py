"""Signed distance shapes in millimetres: the clay that every sample figurine is made of.

A `Shape` maps points (N, 3) float32 to distances (N,), negative inside. Shapes combine with `|` (union), `&`
(intersection), `-` (cut) and `melt` (union with a fillet). The distances are honest near the surface (a gradient of
about one), which is all that the mesher in `build.py` asks for; far away they may be too small, never too large.

World: +Y up, the figurine faces +Z, so its own left side is +X.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Vec = Sequence[float]


@dataclass(frozen=True)
class Shape:
    """A solid, as the function from points (N, 3) to signed distances (N,)."""

    distance: Callable[[Array], Array]

    def __call__(self, points: Array) -> Array:
        return self.distance(points)

    def __or__(self, other: Shape) -> Shape:
        return Shape(lambda p: np.minimum(self(p), other(p)))

    def __and__(self, other: Shape) -> Shape:
        return Shape(lambda p: np.maximum(self(p), other(p)))

    def __sub__(self, other: Shape) -> Shape:
        return Shape(lambda p: np.maximum(self(p), -other(p)))

    def melt(self, other: Shape, radius: float) -> Shape:
        """Union with a fillet of about `radius`."""

        def distance(p: Array) -> Array:
            a, b = self(p), other(p)
            h = np.maximum(radius - np.abs(a - b), 0.0) / radius
            return np.minimum(a, b) - h * h * radius * 0.25

        return Shape(distance)

    def carve(self, other: Shape, radius: float) -> Shape:
        """Cut with a rounded rim of about `radius`."""

        def distance(p: Array) -> Array:
            a, b = self(p), -other(p)
            h = np.maximum(radius - np.abs(a - b), 0.0) / radius
            return np.maximum(a, b) + h * h * radius * 0.25

        return Shape(distance)

    def grow(self, by: float) -> Shape:
        return Shape(lambda p: self(p) - by)

    def at(self, x: float, y: float, z: float) -> Shape:
        offset = np.array([x, y, z], np.float32)
        return Shape(lambda p: self(p - offset))

    def turn(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Shape:
        """Rotate about the origin by degrees: first about X, then Y, then Z."""
        world_from_shape = rotation(x, y, z)
        return Shape(lambda p: self(p @ world_from_shape))

    def stretch(self, x: float, y: float, z: float) -> Shape:
        s = np.array([x, y, z], np.float32)
        return Shape(lambda p: self(p / s) * float(s.min()))

    def both_sides(self) -> Shape:
        """The shape, which sits at x > 0, and its mirror image at x < 0."""

        def distance(p: Array) -> Array:
            q = p.copy()
            q[:, 0] = np.abs(q[:, 0])
            return self(q)

        return Shape(distance)

    def mirrored(self) -> Shape:
        return Shape(lambda p: self(p * np.array([-1, 1, 1], np.float32)))

    def around(self, count: int, phase_deg: float = 0.0) -> Shape:
        """`count` copies about the Y axis; the shape itself sits around +Z."""

        def distance(p: Array) -> Array:
            step = 2 * np.pi / count
            angle = np.arctan2(p[:, 0], p[:, 2]) - np.radians(phase_deg)
            angle = angle - np.round(angle / step) * step
            r = np.hypot(p[:, 0], p[:, 2])
            return self(np.stack([r * np.sin(angle), p[:, 1], r * np.cos(angle)], 1))

        return Shape(distance)

    def bumpy(self, amount: float, size: float, seed: int = 0) -> Shape:
        """A skin of soft bumps, `amount` high and about `size` wide."""
        rng = np.random.default_rng(seed)
        waves = rng.normal(size=(7, 3)).astype(np.float32)
        waves *= (2 * np.pi / size) / np.linalg.norm(waves, axis=1, keepdims=True)
        phases = rng.uniform(0, 2 * np.pi, 7).astype(np.float32)
        return Shape(lambda p: self(p) + amount * np.sin(p @ waves.T + phases).mean(1) * 1.6)


def rotation(x: float, y: float, z: float) -> Array:
    a, b, c = np.radians([x, y, z])
    rx = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    ry = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    rz = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return (rz @ ry @ rx).astype(np.float32)


def union(*shapes: Shape) -> Shape:
    def distance(p: Array) -> Array:
        d = shapes[0](p)
        for shape in shapes[1:]:
            d = np.minimum(d, shape(p))
        return d

    return Shape(distance)


def ball(radius: float) -> Shape:
    return Shape(lambda p: np.linalg.norm(p, axis=1) - radius)


def egg(rx: float, ry: float, rz: float) -> Shape:
    """An ellipsoid."""
    r = np.array([rx, ry, rz], np.float32)

    def distance(p: Array) -> Array:
        k0 = np.linalg.norm(p / r, axis=1)
        k1 = np.linalg.norm(p / (r * r), axis=1)
        near_centre = k1 < 1e-6
        return np.where(near_centre, -r.min(), k0 * (k0 - 1) / np.where(near_centre, 1, k1))

    return Shape(distance)


def box(x: float, y: float, z: float, rounding: float = 0.6) -> Shape:
    """A box of full size x, y, z with rounded edges."""
    half = np.array([x, y, z], np.float32) / 2 - rounding

    def distance(p: Array) -> Array:
        q = np.abs(p) - half
        outside = np.linalg.norm(np.maximum(q, 0), axis=1)
        return outside + np.minimum(q.max(1), 0) - rounding

    return Shape(distance)


def disc(radius: float, height: float, rounding: float = 0.5) -> Shape:
    """A cylinder along Y, centred."""

    def distance(p: Array) -> Array:
        a = np.hypot(p[:, 0], p[:, 2]) - (radius - rounding)
        b = np.abs(p[:, 1]) - (height / 2 - rounding)
        outside = np.hypot(np.maximum(a, 0), np.maximum(b, 0))
        return outside + np.minimum(np.maximum(a, b), 0) - rounding

    return Shape(distance)


def ring(radius: float, thickness: float) -> Shape:
    """A torus about Y; `thickness` is the radius of the tube."""
    return Shape(lambda p: np.hypot(np.hypot(p[:, 0], p[:, 2]) - radius, p[:, 1]) - thickness)


def rod(a: Vec, b: Vec, ra: float, rb: float | None = None) -> Shape:
    """A capsule from a to b whose radius goes from ra to rb."""
    start, end = np.array(a, np.float32), np.array(b, np.float32)
    along, r0, r1 = end - start, ra, ra if rb is None else rb
    length2 = float(along @ along)

    def distance(p: Array) -> Array:
        q = p - start
        t = np.clip(q @ along / length2, 0, 1)
        return np.linalg.norm(q - t[:, None] * along, axis=1) - (r0 + (r1 - r0) * t)

    return Shape(distance)


def tube(points: Sequence[Vec], radii: Sequence[float], steps: int = 6) -> Shape:
    """A smooth sweep through the points, thickness interpolated."""
    knots = np.array(points, np.float32)
    ends = np.vstack([2 * knots[0] - knots[1], knots, 2 * knots[-1] - knots[-2]])
    path: list[Array] = []
    width: list[float] = []
    for i in range(len(knots) - 1):
        p0, p1, p2, p3 = ends[i : i + 4]
        for t in np.arange(steps) / steps:
            m = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
            path.append((m + (3 * p1 - p0 - 3 * p2 + p3) * t**3) / 2)
            s = t * t * (3 - 2 * t)
            width.append(radii[i] * (1 - s) + radii[i + 1] * s)
    path.append(knots[-1])
    width.append(radii[-1])
    return union(
        *(rod(path[i].tolist(), path[i + 1].tolist(), width[i], width[i + 1]) for i in range(len(path) - 1))
    )


def polygon(outline: Sequence[Vec]) -> Callable[[Array, Array], Array]:
    """The signed distance to a closed outline in a plane."""
    corners = np.array(outline, np.float32)

    def distance(u: Array, v: Array) -> Array:
        best = np.full(u.shape, np.inf, np.float32)
        inside = np.zeros(u.shape, bool)
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, 0), strict=True):
            ex, ey, wx, wy = bx - ax, by - ay, u - ax, v - ay
            t = np.clip((wx * ex + wy * ey) / max(ex * ex + ey * ey, 1e-9), 0, 1)
            best = np.minimum(best, (wx - t * ex) ** 2 + (wy - t * ey) ** 2)
            if ay != by:
                crosses = ((ay > v) != (by > v)) & (u < ex * (v - ay) / ey + ax)
                inside ^= crosses
        d = np.sqrt(best)
        return np.where(inside, -d, d)

    return distance


def lathe(profile: Sequence[Vec], rounding: float = 0.4) -> Shape:
    """A turned solid about Y: the profile is (radius, y) from the bottom up; the axis closes it."""
    inner = [(max(r, 0.0), y) for r, y in profile]
    closed = [(-inner[0][0], inner[0][1]), *inner, (-inner[-1][0], inner[-1][1])]
    outline = polygon([*closed[1:-1], *[(-r, y) for r, y in reversed(inner)]])
    return Shape(lambda p: outline(np.hypot(p[:, 0], p[:, 2]), p[:, 1]) - rounding)


def plate(outline: Sequence[Vec], thickness: float, rounding: float = 0.3) -> Shape:
    """A flat piece in the XY plane, `thickness` along Z, its outline drawn in (x, y)."""
    flat = polygon(outline)

    def distance(p: Array) -> Array:
        a = flat(p[:, 0], p[:, 1]) + rounding
        b = np.abs(p[:, 2]) - (thickness / 2 - rounding)
        outside = np.hypot(np.maximum(a, 0), np.maximum(b, 0))
        return outside + np.minimum(np.maximum(a, b), 0) - rounding

    return Shape(distance)


def smooth_outline(corners: Sequence[Vec], steps: int = 5) -> list[tuple[float, float]]:
    """A closed Catmull-Rom curve through the corners."""
    c = np.array(corners, np.float32)
    out: list[tuple[float, float]] = []
    for i in range(len(c)):
        p0, p1, p2, p3 = c[i - 1], c[i], c[(i + 1) % len(c)], c[(i + 2) % len(c)]
        for t in np.arange(steps) / steps:
            m = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
            m = (m + (3 * p1 - p0 - 3 * p2 + p3) * t**3) / 2
            out.append((float(m[0]), float(m[1])))
    return out


def cog(radius: float, teeth: int, depth: float, height: float, rounding: float = 0.25) -> Shape:
    """A gear wheel about Y."""

    def distance(p: Array) -> Array:
        wave = np.cos(np.arctan2(p[:, 0], p[:, 2]) * teeth)
        edge = radius + depth / 2 * np.tanh(wave * 3.0)
        a = (np.hypot(p[:, 0], p[:, 2]) - edge) * 0.7 + rounding
        b = np.abs(p[:, 1]) - (height / 2 - rounding)
        outside = np.hypot(np.maximum(a, 0), np.maximum(b, 0))
        return outside + np.minimum(np.maximum(a, b), 0) - rounding

    return Shape(distance)


def half(x: float = 0.0, y: float = 0.0, z: float = 0.0, offset: float = 0.0) -> Shape:
    """The half space below the plane with normal (x, y, z) at `offset` from the origin."""
    n = np.array([x, y, z], np.float32)
    n /= np.linalg.norm(n)
    return Shape(lambda p: p @ n - offset)


def oval(x: float, y: float, rx: float, ry: float, tilt_deg: float = 0.0) -> Shape:
    """An elliptic prism along Z in front of the figurine (z > 0): a stencil for `paint`."""
    return (
        Shape(lambda p: egg(rx, ry, 1e4)(p * np.array([1, 1, 0], np.float32))).turn(z=tilt_deg).at(x, y, 0)
    ) & half(z=-1)


def stencil(outline: Sequence[Vec]) -> Shape:
    """A prism along Z, in front of the figurine, from an outline in (x, y)."""
    flat = polygon(outline)
    return Shape(lambda p: np.maximum(flat(p[:, 0], p[:, 1]), -p[:, 2]))


def paint(surface: Shape, where: Shape, lift: float = 0.12, depth: float = 0.5) -> Shape:
    """A thin layer of `surface` inside `where`: a colour field with a crisp edge, `lift` above the surface."""
    return (surface.grow(lift) & where) - surface.grow(lift - depth)
