"""A textured mesh and a random view -> one training pair, ray-cast with Open3D on one core.

The pair is a square crop of a pinhole picture, the figurine centred in it with its longer side at `FILL` of the
crop. The reference plane stands parallel to the picture at D0 = the median over the silhouette of
(front + back) / 2, in camera z; the crop's side in that plane is the unit of every z. z is 0 in the plane and
positive towards the viewer: the point of pixel p lies on p's own ray at camera depth D0 - z * side, where
side = D0 * crop_px / focal_px. `front` is the first hit from the viewer, `back` the first hit of the same ray
coming from behind, so the pair holds the true thickness of the whole figurine, hollow or not.

Colour is rendered at twice the side and averaged; ambient occlusion and shadows at the side itself.
About 25 pairs of 128 px a second on one core.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import open3d as o3d
from numpy.typing import NDArray

from training.meshes import Textured

FILL = 0.88
Array = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the viewer stands: yaw about +Y, pitch (positive looks down), roll, and the crop's field of view."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    fov_deg: float


def random_view(rng: np.random.Generator, facing_known: bool) -> View:
    """Front views mostly; all around sometimes."""
    kind = rng.choice(4, p=[0.3, 0.4, 0.15, 0.15]) if facing_known else 3
    yaw = [rng.normal(0, 4), rng.uniform(-38, 38), rng.uniform(-90, 90), rng.uniform(-180, 180)][int(kind)]
    pitch = rng.choice([0.0, rng.uniform(-6, 14), rng.uniform(-10, 38)], p=[0.12, 0.43, 0.45])
    roll = rng.choice([0.0, rng.normal(0, 3)], p=[0.7, 0.3])
    return View(yaw_deg=float(yaw), pitch_deg=float(pitch), roll_deg=float(roll), fov_deg=rng.uniform(1, 36))


def rotation(view: View) -> Array:
    """camera_from_mesh (3,3) for a camera with x right, y up, z towards the viewer."""
    y, p, r = np.radians([view.yaw_deg, view.pitch_deg, view.roll_deg])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_x @ about_y, np.float32)


class Caster:
    """Open3D's ray caster on one mesh in camera axes."""

    def __init__(self, vertices: Array, faces: NDArray[np.int32]) -> None:
        self.scene = o3d.t.geometry.RaycastingScene(nthreads=1)
        self.scene.add_triangles(
            o3d.core.Tensor.from_numpy(np.ascontiguousarray(vertices)),
            o3d.core.Tensor.from_numpy(faces.astype(np.uint32)),
        )

    def cast(self, origins: Array, directions: Array) -> dict[str, NDArray[np.generic]]:
        """The first hits of rays (..., 3)."""
        rays = np.concatenate([np.broadcast_to(origins, directions.shape), directions], -1)
        hits = self.scene.cast_rays(o3d.core.Tensor.from_numpy(np.ascontiguousarray(rays, np.float32)))
        return {key: value.numpy() for key, value in hits.items()}

    def blocked(self, origins: Array, directions: Array, far: float) -> NDArray[np.bool_]:
        """Whether something lies between 0 and far along each ray."""
        rays = np.concatenate([origins, directions], -1).astype(np.float32)
        hits = self.scene.test_occlusions(o3d.core.Tensor.from_numpy(rays), 0.0, far)
        return np.asarray(hits.numpy(), np.bool_)


def pair_of_shells(
    caster: Caster, directions: Array, distance: float
) -> tuple[NDArray[np.bool_], Array, Array]:
    """valid, front and back depth (camera z) for unit-z rays from (0, 0, distance)."""
    eye = np.array([0, 0, distance], np.float32)
    front = caster.cast(eye, directions)["t_hit"].astype(np.float32)
    far = eye + directions * (2 * distance)
    back = 2 * distance - caster.cast(far, -directions)["t_hit"].astype(np.float32)
    valid = np.isfinite(front) & np.isfinite(back)
    return valid, front, np.maximum(back, front)


def render(
    mesh: Textured, view: View, side_px: int, rng: np.random.Generator
) -> dict[str, NDArray[np.generic]]:
    """One pair: rgb (S,S,3) uint8 sRGB not multiplied by alpha, alpha (S,S) uint8 coverage, front, back (S,S)
    float16 with NaN outside, normal (S,S,3) int8 of the front in camera axes times 127."""
    turn = rotation(view)
    v = mesh.vertices @ turn.T
    v = v - (v.min(0) + v.max(0)) / 2
    distance = float(0.5 / FILL / np.tan(np.radians(view.fov_deg) / 2) + v[:, 2].max())
    flat = v[:, :2] / (distance - v[:, 2:])
    low, high = flat.min(0), flat.max(0)
    half = float((high - low).max() / 2 / FILL)
    centre = (low + high) / 2
    caster = Caster(v, mesh.faces)

    def rays(px: int) -> Array:
        g = ((np.arange(px) + 0.5) / px * 2 - 1) * half
        x, y = np.meshgrid(centre[0] + g, centre[1] - g)
        return np.stack([x, y, -np.ones_like(x)], -1).astype(np.float32)

    valid, front, back = pair_of_shells(caster, rays(side_px), distance)
    plane = float(np.median((front + back)[valid] / 2)) if valid.any() else distance
    unit = 2 * half * plane
    to_z = [np.where(valid, (plane - t) / unit, np.nan).astype(np.float16) for t in (front, back)]
    rgb, alpha, normal = shade(mesh, caster, turn, rays(2 * side_px), distance, rng)
    return {"rgb": rgb, "alpha": alpha, "front": to_z[0], "back": to_z[1], "normal": normal}


def shade(
    mesh: Textured, caster: Caster, turn: Array, directions: Array, distance: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.int8]]:
    """Colour, coverage and normals at half of the directions' resolution."""
    eye = np.array([0, 0, distance], np.float32)
    hits = caster.cast(eye, directions)
    seen = np.isfinite(hits["t_hit"])
    face = hits["primitive_ids"][seen].astype(np.int64)
    uv = hits["primitive_uvs"][seen].astype(np.float32)
    weights = np.stack([1 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1]])[..., None]
    corner = mesh.faces[face]
    ray = directions[seen]
    point = eye + ray * hits["t_hit"][seen][:, None]
    to_eye = -ray / length(ray)
    flat = hits["primitive_normals"][seen].astype(np.float32)
    flat *= np.where(dot(flat, to_eye) < 0, -1, 1)
    normal = flat
    if rng.random() < 0.65:
        smooth = blend(mesh.normals, corner, weights) @ turn.T
        smooth /= np.maximum(length(smooth), 1e-9)
        smooth *= np.where(dot(smooth, flat) < 0, -1, 1)
        normal = np.where(dot(smooth, flat) > 0.6, smooth, flat)

    color = albedo(mesh, face, blend(mesh.uv, corner, weights), point, rng)
    key = random_light(rng)
    fill = random_light(rng)
    # Shadow and occlusion rays start from every second pixel of every second row only.
    grid = np.zeros(seen.shape, bool)
    grid[::2, ::2] = True
    some = grid[seen]
    start = point[some] + flat[some] * 2e-3
    facing = np.repeat(key[None], len(start), 0).astype(np.float32)
    lit = (~caster.blocked(start, facing, 3.0)).astype(np.float32)
    open_sky = np.zeros(len(start), np.float32)
    count = 6
    for _ in range(count):
        d = rng.normal(size=start.shape).astype(np.float32)
        d = d / length(d) + flat[some]
        d /= np.maximum(length(d), 1e-6)
        open_sky += ~caster.blocked(start, d, 0.35)
    spread = [
        soften(values, grid & seen, seen, px) for values, px in ((lit, 3), (open_sky / np.float32(count), 7))
    ]
    shadow = 1 - rng.uniform(0.3, 1.0) * (1 - spread[0][seen][:, None])
    sky = 1 - rng.uniform(0.5, 1.0) * (1 - spread[1][seen][:, None])

    strength = rng.dirichlet([3, 3, 1])
    up = 0.65 + 0.35 * normal[:, 1:2]
    tint = [1 + rng.normal(0, 0.08, 3) for _ in range(3)]
    light = strength[0] * 2 * np.maximum(normal @ key, 0)[:, None] * shadow * tint[0]
    light = light + strength[1] * up * sky * 1.3 * tint[1]
    light = light + strength[2] * 1.5 * np.maximum(normal @ fill, 0)[:, None] * sky * tint[2]
    half_way = to_eye + key
    half_way /= length(half_way)
    gloss = rng.choice([0.0, rng.uniform(0.0, 0.15), rng.uniform(0.1, 0.6)], p=[0.3, 0.4, 0.3])
    shine = np.maximum(dot(normal, half_way)[:, 0], 0) ** rng.uniform(8, 90)
    out = color * light + gloss * shine[:, None] * shadow
    out *= rng.uniform(0.55, 1.1) / max(float(np.percentile(out.max(1), 95)), 1e-3) if len(out) else 1.0

    big = np.zeros((*seen.shape, 3), np.float32)
    big[seen] = np.clip(out, 0, 1)
    facing_map = np.zeros_like(big)
    facing_map[seen] = flat
    cover = fold(seen[..., None].astype(np.float32))
    rgb = (fold(big) / np.maximum(cover, 1e-6)) ** (1 / 2.2)
    n = fold(facing_map)
    n /= np.maximum(length(n), 1e-6)
    return (
        np.clip(rgb * 255 + 0.5, 0, 255).astype(np.uint8),
        (cover[..., 0] * 255).astype(np.uint8),
        np.clip(n * 127, -127, 127).astype(np.int8),
    )


def fold(picture: Array) -> Array:
    """The mean of each 2 x 2."""
    rows = picture[::2] + picture[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4, np.float32)


def dot(a: Array, b: Array) -> Array:
    """(N,1) scalar products; einsum, since numpy's sum over a short last axis is ten times slower."""
    return np.asarray(np.einsum("...i,...i->...", a, b)[..., None], np.float32)


def length(a: Array) -> Array:
    """(..., 1) lengths."""
    return np.sqrt(dot(a, a))


def blend(values: Array, corner: NDArray[np.int32], weights: Array) -> Array:
    """Per-vertex values at barycentric places: corner (N,3), weights (3,N,1)."""
    a, b, c = (values[corner[:, k]] * weights[k] for k in range(3))
    return np.asarray(a + b + c, np.float32)


def soften(values: Array, where: NDArray[np.bool_], seen: NDArray[np.bool_], px: int) -> Array:
    """Values known at some pixels, blurred over the seen ones."""
    known = np.zeros(seen.shape, np.float32)
    known[where] = values
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), px / 2)
    return np.asarray(cv2.GaussianBlur(known, (0, 0), px / 2) / np.maximum(weight, 1e-6), np.float32)


def random_light(rng: np.random.Generator) -> Array:
    """A direction to a light above and before the figurine, mostly."""
    d = np.array([rng.normal(0, 0.7), rng.uniform(-0.1, 1.2), rng.uniform(0.1, 1.2)])
    return np.asarray(d / np.linalg.norm(d), np.float32)


def albedo(
    mesh: Textured, face: NDArray[np.int64], uv: Array, point: Array, rng: np.random.Generator
) -> Array:
    """Linear colour (N,3) of hits: the texture, or one material all over, sometimes with bands or spots."""
    h, w = mesh.texture.shape[:2]
    col = np.clip((uv[:, 0] % 1.0) * w, 0, w - 1).astype(int)
    row = np.clip((uv[:, 1] % 1.0) * h, 0, h - 1).astype(int)
    color = (mesh.texture[row, col].astype(np.float32) / 255) ** 2.2
    kind = rng.random()
    if kind < 0.22:
        tone = rng.uniform(0.05, 0.9) * (1 + rng.normal(0, 0.25, 3))
        color = np.broadcast_to(np.clip(tone, 0.02, 1).astype(np.float32), color.shape)
    elif kind < 0.6:
        mix = np.eye(3) * rng.uniform(0.5, 1) + rng.dirichlet(np.ones(3), 3) * rng.uniform(0, 0.6)
        color = np.clip(color @ mix.T.astype(np.float32), 0, 1)
    if rng.random() < 0.25:
        waves = np.sin(point @ rng.normal(0, 14, (3, 3)) + rng.uniform(0, 6, 3)).prod(1)
        color = color * (1 + rng.uniform(0.1, 0.6) * np.sign(waves)[:, None] * rng.uniform(0.3, 1, 3))
    color = np.where(mesh.plain[face][:, None], mesh.plain_color, color)
    return np.asarray(np.clip(color, 0.01, 1), np.float32)
