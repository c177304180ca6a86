"""Cutouts of several sides, with what a depth model says of each -> one solid and the camera of every view.

The world is the pipeline's: metres, +Y up, facing +Z, feet on y = 0.

Rejected, for front and back alone, whose outlines are one: the side's outline as the depth model's shells of both say
it. f05 of seven exact figurines 0.54 to 0.56; four rise by 0.03 to 0.17, three fall by 0.01 to 0.18.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.masks import find_nearest
from slipcast.core.values import Camera, Cutout, Mesh, Shells, Source, View
from slipcast.mesh.raycast import Scene
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.level_set import mesh_level_set
from slipcast.reconstruct.views.carve import carve
from slipcast.reconstruct.views.register import Registered, measure_miss, register
from slipcast.reconstruct.views.sides import make_sides, mirror_missing_side
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.solid import fuse_field

NODES = {"draft": 64, "standard": 96, "fine": 144}
"""Nodes of the grid along the figurine's longest side on which the network is asked; the hull's has twice as many."""
_BEHIND = (View.BACK, View.BACK_LEFT, View.BACK_RIGHT)
_SLACK = 0.006
"""How far the solid may leave a hull of outlines that do not agree, in units of the frame."""


@dataclass(frozen=True, kw_only=True)
class Fused:
    """A solid and how it is seen."""

    mesh: Mesh
    """Closed, in world axes and metres, labelled INVENTED until it is painted."""
    depth: Shells
    """The solid as the front picture's camera sees it: both shells in metres; without the model's likely error where
    the views show the back."""
    cameras: Mapping[View, Camera]
    """Of each picture, in the world."""
    registered: Registered
    """How the cameras were found."""
    of_front: bool = False
    """Whether the solid is the front picture's own."""


def fuse(
    cutouts: Mapping[View, Cutout],
    depths: Mapping[View, Shells],
    *,
    height_m: float,
    fov_deg: float,
    detail: str = "standard",
) -> Fused:
    """Return the solid that all `cutouts` (with alpha; the front among them) show, `height_m` tall.

    `depths` are calibrated maps of some or all of them, in pixels. Raises ValueError when the silhouettes have
    nothing in common.
    """
    sides, scales = make_sides(cutouts, depths, fov_deg=fov_deg)
    found = register(sides)
    exact = found.miss == found.before
    shown = found.sides
    other = mirror_missing_side(shown)
    if other and measure_miss((*shown, other)) < max(found.miss, _SLACK):
        shown, exact = (*shown, other), False
    grid, field = fuse_field(shown, NODES[detail], 0.0 if exact else _SLACK)
    nodes, faces = mesh_level_set(field)
    vertices = nodes * grid.pitch + grid.low
    low, high = vertices.min(0), vertices.max(0)
    foot = np.array([(low[0] + high[0]) / 2, low[1], (low[2] + high[2]) / 2])
    unit = height_m / max(float(high[1] - low[1]), 1e-9)
    mesh = make_mesh(((vertices - foot) * unit).astype(np.float32), faces)
    cameras = {
        side.view: _camera(side, cutouts[side.view], scales[side.view], unit, foot) for side in found.sides
    }
    front = next(iter(cameras))
    mesh = carve(mesh, cutouts, cameras)
    depth = _seen(mesh, cutouts[front], cameras[front], depths[front])
    if _show_back(cameras):
        depth = replace(depth, spread=None)  # it is the front picture's guess of what others show
    return Fused(
        mesh=mesh,
        depth=depth,
        cameras=cameras,
        registered=found,
    )


def _show_back(views: Iterable[View]) -> bool:
    """Whether a view looks from behind, or both sides are there."""
    seen = set(views)
    return not seen.isdisjoint(_BEHIND) or seen >= {View.LEFT, View.RIGHT}


def _camera(side: Side, cut: Cutout, scale: float, unit: float, foot: np.ndarray) -> Camera:
    """The side's camera at the picture's own size."""
    height, width = side.outline_px.shape
    across, down = width / cut.width_px, height / cut.height_px
    work = side.camera.as_camera(cut.width_px, cut.height_px, unit=unit, foot=foot)
    del scale
    return replace(
        work,
        fx_px=work.fx_px / across,
        fy_px=work.fy_px / down,
        cx_px=work.cx_px / across,
        cy_px=work.cy_px / down,
    )


def _seen(mesh: Mesh, cut: Cutout, camera: Camera, said: Shells) -> Shells:
    """Where the silhouette's rays enter the mesh first and leave it last; rays that miss take their neighbours'."""
    mask = cut.alpha >= 128
    rows, columns = np.nonzero(mask)
    turn, shift = camera.camera_from_world[:3, :3], camera.camera_from_world[:3, 3]
    eye = (-shift @ turn).astype(np.float32)
    way = np.stack(
        [
            (columns + 0.5 - camera.cx_px) / camera.fx_px,
            (rows + 0.5 - camera.cy_px) / camera.fy_px,
            np.ones(len(rows)),
        ],
        1,
    )
    # Near 1 in size: Embree counts in float32.
    size = float(np.ptp(mesh.vertices, axis=0).max())
    scene = Scene(mesh.vertices / np.float32(size), mesh.faces)
    ray = (way @ turn).astype(np.float32)
    start = np.broadcast_to(eye / np.float32(size), ray.shape)
    far = np.float32(2 * np.linalg.norm(shift) / size)
    first, _ = scene.first_hits(start, ray)
    last, _ = scene.first_hits(start + ray * far, -ray)
    near, end = first * np.float32(size), (far - last) * np.float32(size)
    shells = np.zeros((2, *mask.shape), np.float32)
    hit = np.isfinite(near) & np.isfinite(end)
    shells[0, rows[hit], columns[hit]] = near[hit]
    shells[1, rows[hit], columns[hit]] = np.maximum(end, near)[hit]
    known = np.zeros(mask.shape, bool)
    known[rows[hit], columns[hit]] = True
    row, column = find_nearest(known)
    shells = np.where(mask, shells[:, row, column], 0).astype(np.float32)
    return replace(
        said, front=shells[0], back=shells[1], valid=mask, camera=camera, back_source=Source.BACK_VIEW
    )
