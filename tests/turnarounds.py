"""A small figurine seen from all sides, drawn by rays: a body, a nose towards +Z and a hat to its own left."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from slipcast.core.orbit import OrbitCamera
from slipcast.core.values import F32, U8, Camera, Cutout, Mesh, ModelInfo, Shells, View
from slipcast.mesh.raycast import Scene
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.level_set import mesh_level_set

SIDE_PX = 256
FOUR = (View.FRONT, View.BACK, View.LEFT, View.RIGHT)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One side: its picture with alpha and its true depth."""

    picture: Cutout
    depth: Shells


class Field:
    """Depths below surfaces, above 0 inside, on a grid of `count` nodes from -0.6 to 0.6 a side."""

    def __init__(self, count: int) -> None:
        self.axis = np.linspace(-0.6, 0.6, count, dtype=np.float32)
        self.places = np.meshgrid(self.axis, self.axis, self.axis, indexing="ij")

    def ball(self, at: tuple[float, float, float], radii: tuple[float, float, float]) -> F32:
        """An ellipsoid."""
        way = np.sqrt(sum(((c - a) / r) ** 2 for c, a, r in zip(self.places, at, radii, strict=True)))
        return np.asarray((1 - way) * min(radii), np.float32)

    def box(self, *reach: tuple[float, float]) -> F32:
        """A box from where to where in x, y and z."""
        sides = [np.minimum(c - low, high - c) for c, (low, high) in zip(self.places, reach, strict=True)]
        return np.asarray(np.min(sides, axis=0), np.float32)

    def mesh(self, *parts: F32) -> Mesh:
        """The closed mesh around all parts."""
        nodes, faces = mesh_level_set(np.max(parts, axis=0))
        return make_mesh((nodes * (self.axis[1] - self.axis[0]) + self.axis[0]).astype(np.float32), faces)


@cache
def figurine() -> Mesh:
    """A closed mesh of size 1 about the origin; nobody may write into it."""
    field = Field(73)
    body = field.ball((0, -0.08, 0), (0.26, 0.42, 0.2))
    nose = field.ball((0, 0.12, 0.22), (0.06, 0.06, 0.2))
    hat = field.ball((0.16, 0.3, 0), (0.16, 0.1, 0.08))
    return field.mesh(body, nose, hat)


def camera_of(view: View, **fields: float) -> OrbitCamera:
    """24 degrees, so far away that the figurine fills three quarters of the picture."""
    focal = SIDE_PX / 2 / np.tan(np.radians(12))
    camera = OrbitCamera(
        yaw_deg=view.yaw_deg,
        focal_px=float(focal),
        distance=float(focal) / (0.75 * SIDE_PX),
        cx_px=SIDE_PX / 2,
        cy_px=SIDE_PX / 2,
    )
    return camera.turn(**fields)


def by_place(points: F32) -> U8:
    """(N,3) colours: red is how far to its own left a point is, green its height, blue its front."""
    return np.clip(128 + 200 * points, 0, 255).astype(np.uint8)


def shoot(
    mesh: Mesh, view: View, camera: OrbitCamera | None = None, paint: Callable[[F32], U8] = by_place
) -> Shot:
    """The mesh from one side, painted by `paint` of (N,3) points."""
    camera = camera or camera_of(view)
    at = np.arange(SIDE_PX, dtype=np.float32) + 0.5
    x, y = np.meshgrid(at, at)
    eye = camera.lift(x, y, np.zeros_like(x)).reshape(-1, 3)
    way = camera.lift(x, y, np.ones_like(x)).reshape(-1, 3) - eye
    scene = Scene(mesh.vertices, mesh.faces)
    first, _ = scene.first_hits(eye, way)
    last, _ = scene.first_hits(eye + way * 20, -way)
    hit = np.isfinite(first)
    point = eye + way * np.where(hit, first, 0)[:, None]
    pixels = np.full((SIDE_PX**2, 3), 240, np.uint8)
    pixels[hit] = paint(point[hit])
    shape = (SIDE_PX, SIDE_PX)
    unit = camera.focal_px / camera.distance

    def to_px(z: F32) -> F32:
        return np.where(hit, z * unit, 0).reshape(shape).astype(np.float32)

    alpha = (hit * 255).astype(np.uint8).reshape(shape)
    return Shot(
        picture=Cutout(
            pixels=pixels.reshape(*shape, 3), alpha=alpha, view=view, source={"sha256": view.value}
        ),
        depth=Shells(
            front=to_px(first),
            back=to_px(np.where(np.isfinite(last), 20 - last, first)),
            valid=hit.reshape(shape),
            camera=Camera.pinhole(SIDE_PX, SIDE_PX),
            model=ModelInfo(name="true"),
        ),
    )


@cache
def _shot(view: View) -> Shot:
    return shoot(figurine(), view)


def turnaround(views: tuple[View, ...] = FOUR) -> tuple[dict[View, Cutout], dict[View, Shells]]:
    """Pictures and depths of the figurine, front first; nobody may write into them."""
    shots = {view: _shot(view) for view in views}
    return {view: shot.picture for view, shot in shots.items()}, {
        view: shot.depth for view, shot in shots.items()
    }
