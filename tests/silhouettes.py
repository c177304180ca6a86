"""Silhouettes, pictures and depth maps with known answers, and the chain from depth to solid."""

from dataclasses import replace

import numpy as np

from slipcast.core.camera import project
from slipcast.core.values import (
    F32,
    F64,
    U8,
    Bool,
    Camera,
    Cutout,
    DepthKind,
    DepthMap,
    Mesh,
    ModelInfo,
    Shells,
    Source,
    View,
)
from slipcast.depth.place import PlaceOptions, place
from slipcast.mesh.topology import closedness, to_manifold
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import SurfaceOptions, reconstruct
from slipcast.reconstruct.simplify import SimplifyOptions, simplify

RED = (200, 30, 30)
WHITE = (255, 255, 255)


def coverage(distance_px: F64) -> U8:
    """Opacity of an edge at signed `distance_px` (positive inside), one pixel soft, as a renderer makes it."""
    out: U8 = np.round(255 * np.clip(distance_px + 0.5, 0, 1)).astype(np.uint8)
    return out


def grid(height_px: int, width_px: int) -> tuple[F64, F64]:
    """x and y of the pixels' centres, (H,W) each."""
    y, x = np.mgrid[0:height_px, 0:width_px]
    return x + 0.5, y + 0.5


def disc(size_px: int, radius_px: float, x_px: float | None = None, y_px: float | None = None) -> U8:
    """(size,size) opacity of a disc, in the middle unless told."""
    x, y = grid(size_px, size_px)
    middle_x = size_px / 2 if x_px is None else x_px
    middle_y = size_px / 2 if y_px is None else y_px
    return coverage(radius_px - np.hypot(x - middle_x, y - middle_y))


def box(size_px: int, top: int, left: int, height: int, width: int) -> U8:
    """(size,size) opacity of a rectangle of whole pixels."""
    out = np.zeros((size_px, size_px), np.uint8)
    out[top : top + height, left : left + width] = 255
    return out


def ring(size_px: int, outer_px: float, inner_px: float) -> U8:
    """(size,size) opacity of a ring in the middle."""
    return np.minimum(disc(size_px, outer_px), 255 - disc(size_px, inner_px))


def picture_of(
    alpha: U8,
    color: tuple[int, int, int] = RED,
    ground: tuple[int, int, int] = WHITE,
    view: View = View.FRONT,
) -> Cutout:
    """A cutout of one colour before a ground of another, blended at the edge, with its alpha."""
    share = alpha[..., None].astype(np.float64) / 255
    pixels = np.round(share * color + (1 - share) * np.array(ground)).astype(np.uint8)
    return Cutout(pixels=pixels, alpha=alpha, view=view)


def depth_of(alpha: U8, front: F64, back: F64, *, fov_deg: float = 24.0) -> Shells:
    """The shells of one camera in the middle; `front` and `back` (H,W) are distances in any unit."""
    valid: Bool = alpha >= 128
    return Shells(
        front=np.where(valid, front, 0).astype(np.float32),
        back=np.where(valid, back, 0).astype(np.float32),
        valid=valid,
        camera=Camera.pinhole(alpha.shape[1], alpha.shape[0], fov_deg),
        model=ModelInfo(name="test"),
    )


def map_of(alpha: U8, front: F64, kind: DepthKind = DepthKind.METRIC) -> DepthMap:
    """What a model says that knows the front (H,W) alone, in numbers of `kind`."""
    valid: Bool = alpha >= 128
    return DepthMap(
        front=np.where(valid, front, 0).astype(np.float32),
        valid=valid,
        camera=Camera.pinhole(alpha.shape[1], alpha.shape[0]),
        kind=kind,
        model=ModelInfo(name="test"),
    )


def flat(alpha: U8, near: float, far: float, *, fov_deg: float = 24.0) -> Shells:
    """Two planes that face the camera."""
    return depth_of(alpha, np.full(alpha.shape, near), np.full(alpha.shape, far), fov_deg=fov_deg)


def ball(size_px: int, radius: float, distance: float, *, fov_deg: float = 24.0) -> tuple[U8, Shells]:
    """Opacity and true depth of a ball on the camera's axis: where each ray enters it and leaves it."""
    camera = Camera.pinhole(size_px, size_px, fov_deg)
    ray = camera.rays().astype(np.float64)
    # Points t * ray with |t * ray - (0, 0, distance)| = radius.
    square = (ray**2).sum(2)
    inside = distance**2 - square * (distance**2 - radius**2)
    rim_px = camera.fy_px * radius / np.sqrt(distance**2 - radius**2)
    alpha = disc(size_px, rim_px)
    root = np.sqrt(np.maximum(inside, 0))
    return alpha, depth_of(alpha, (distance - root) / square, (distance + root) / square, fov_deg=fov_deg)


def rippled() -> tuple[Cutout, Shells]:
    """A box with waves on its front and its back; depth in pixels' widths."""
    alpha = box(200, 20, 30, 160, 140)
    x, y = grid(200, 200)
    height, _, _ = ripple(x, y)
    depth = depth_of(alpha, 400 + height, 480 + height)
    return picture_of(alpha), replace(depth, back_source=Source.BACK_VIEW)


def ripple(x: F64, y: F64) -> tuple[F64, F64, F64]:
    """Height in widths and its slopes, steeper up and down than across, so that no axis can be taken for another."""
    return (
        1.5 * np.sin(x / 6) + 3 * np.sin(y / 8 + x / 23),
        1.5 / 6 * np.cos(x / 6) + 3 / 23 * np.cos(y / 8 + x / 23),
        3 / 8 * np.cos(y / 8 + x / 23),
    )


def true_normal(depth: Shells, point: F64, base: float) -> F64:
    """Of z = base + ripple(pixel), towards the camera, in world axes, where `point` is seen."""
    camera = depth.camera
    ((x, y),), _ = project(camera, point[None])
    height, across, down = ripple(x, y)
    u, v = (x - camera.cx_px) / camera.fx_px, (y - camera.cy_px) / camera.fy_px
    # The gradient of f(X/Z, Y/Z) - Z over X, Y, Z.
    across, down = across * camera.fx_px / (base + height), down * camera.fy_px / (base + height)
    normal = np.array([across, down, -(1 + across * u + down * v)]) @ camera.camera_from_world[:3, :3]
    out: F64 = normal / np.linalg.norm(normal)
    return out


def solid_from(
    depth: Shells,
    picture: Cutout,
    *,
    faces: int = 20_000,
    height_m: float = 0.075,
    detail: str = "standard",
    method: str = "shells",
) -> tuple[Mesh, Shells]:
    """The repaired mesh of METRIC depth with both shells, and the placed depth."""
    placed = place(depth, picture, PlaceOptions(height_m=height_m, elevation_deg=0.0))
    cloud = make_points(placed, picture, PointOptions(detail=detail))
    raw = reconstruct(cloud, placed, SurfaceOptions(method=method))
    return simplify(raw, placed, SimplifyOptions(faces=faces)), placed


def assert_solid(mesh: Mesh) -> None:
    """Closed and oriented with positive volume, by our own count and by manifold3d's."""
    state = closedness(mesh)
    assert state.closed, state
    assert np.isfinite(mesh.vertices).all()
    solid = to_manifold(mesh)
    assert solid is not None
    assert solid.volume() > 0


def genus(mesh: Mesh) -> int:
    """Handles of a closed mesh: Euler's V - E + F = 2 (bodies - handles) gives the total."""
    solid = to_manifold(mesh)
    assert solid is not None
    return int(sum(body.genus() for body in solid.decompose()))


def coverage_iou(mesh: Mesh, depth: Shells) -> float:
    """Intersection over union of the mesh seen by the picture's camera and the valid pixels."""
    from slipcast.core.camera import project
    from slipcast.mesh.rasterize import rasterize

    screen, z = project(depth.camera, mesh.vertices)
    hits = rasterize(screen, z, mesh.faces, depth.camera.width_px, depth.camera.height_px)
    seen = hits.face >= 0
    return float((seen & depth.valid).sum() / max(1, (seen | depth.valid).sum()))


def silhouette_zoo() -> dict[str, U8]:
    """Named silhouettes that are hard to close: specks, lines, holes, saddles, the whole frame."""
    x, y = grid(96, 96)
    rng = np.random.default_rng(7)
    board = ((x // 1 + y // 1) % 2).astype(bool)
    comb = (x % 4 < 1) & (np.abs(y - 48) < 40)
    zoo: dict[str, F32 | F64 | Bool] = {
        "ring": ring(96, 40, 20) >= 128,
        "checkers": board & (np.abs(x - 48) < 20) & (np.abs(y - 48) < 20),
        "comb of lines 1 px wide": comb,
        "diagonal line 1 px wide": (np.abs(x - y) < 0.5) & (x > 10) & (x < 80),
        "two squares that touch at a corner": ((x < 48) & (y < 48) & (x > 8) & (y > 8))
        | ((x > 48) & (y > 48) & (x < 88) & (y < 88)),
        "noise": rng.random((96, 96)) < 0.5,
        "specks": rng.random((96, 96)) < 0.02,
        "whole frame": np.ones((96, 96), bool),
        "frame only": (x < 3) | (x > 93) | (y < 3) | (y > 93),
        "one column": np.abs(x - 20.5) < 0.1,
        "one row": np.abs(y - 20.5) < 0.1,
        "one pixel beside a disc": (np.hypot(x - 40, y - 48) < 30) | ((x == 90.5) & (y == 10.5)),
    }
    return {name: (mask.astype(np.uint8) * 255) for name, mask in zoo.items()}
