"""Front and back without a side -> the solid that the front's depth says, and the cameras of both.

The back shows the front's outline in a mirror, so no outline tells how deep the figurine is, and what several views
are fused from (fusion.py) reads depth from outlines: heads got holes, bases long tails. So the solid is that of one
picture; the back gives its colours and its relief. Whole conversions of front and back, 10,000 points, fused and now
(`python -m evaluation.views samples --sides front,back`):

    six samples that stand   cd 0.058, 0.041   f05 0.625, 0.759   nc 0.686, 0.760   iou 0.767, 0.827
    16 exact figurines       cd 0.072, 0.089   f05 0.540, 0.528   nc 0.691, 0.730   iou 0.719, 0.655

Of the 16, what is deeper than it is wide (cannon, fox, scorpion, snapper, a kneeling man) was better fused, since the
front's depth is too flat there; nothing tells these from the others yet. For the front beside one diagonal the same
holds, but there the diagonal's outline would be lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from slipcast.core.masks import box_of
from slipcast.core.values import Camera, Cutout, Mesh, Shells, Source, View
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.carve import carve
from slipcast.reconstruct.fusion import Fused
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.register import Registered, measure_miss, stand_together
from slipcast.reconstruct.sides import make_sides

_AROUND = np.diag([-1.0, 1.0, -1.0, 1.0])
"""Half a turn about the figurine's axis."""


def show_one_outline(views: Iterable[View]) -> bool:
    """Whether `views` are front and back at most: then no outline shows how deep the figurine is."""
    return set(views) <= {View.FRONT, View.BACK}


def join_front_and_back(
    cutouts: Mapping[View, Cutout], depth: Shells, *, fov_deg: float, detail: str
) -> Fused:
    """Return the solid of `depth`, the front's shells placed in the world, with the cameras of front and back.

    `cutouts` have alpha, the back's may be missing. The camera behind stands as far away and looks down as much as the
    front's; the solid fills the back's outline from top to bottom. Raises StageFailed when the silhouette is too small
    to hold a node.
    """
    cloud = make_points(depth, cutouts[View.FRONT], PointOptions(detail=detail))
    assert cloud.joins is not None
    mesh = make_mesh(cloud.points, cloud.joins)
    cameras = {View.FRONT: depth.camera}
    if View.BACK in cutouts:
        cameras[View.BACK] = _look_from_behind(depth.camera, mesh, cutouts[View.BACK])
        mesh = carve(mesh, cutouts, {View.BACK: cameras[View.BACK]})
    sides, _ = make_sides(cutouts, {}, fov_deg=fov_deg)
    stood = tuple(stand_together(sides))
    miss = measure_miss(stood)
    return Fused(
        mesh=mesh,
        depth=replace(depth, spread=None, back_source=Source.BACK_VIEW),
        cameras=cameras,
        registered=Registered(sides=stood, miss=miss, before=miss),
    )


def _look_from_behind(front: Camera, mesh: Mesh, cut: Cutout) -> Camera:
    """The front's camera after half a turn, with the lens that puts the mesh upon the cutout."""
    pose = front.camera_from_world @ _AROUND
    across, down, away = (mesh.vertices @ pose[:3, :3].T + pose[:3, 3]).T
    left, right = np.array([(across / away).min(), (across / away).max()])
    top, bottom = np.array([(down / away).min(), (down / away).max()])
    box = box_of(cut.alpha >= 128)
    focal_px = (box.bottom - box.top) / (bottom - top)
    return Camera(
        width_px=cut.width_px,
        height_px=cut.height_px,
        fx_px=float(focal_px),
        fy_px=float(focal_px),
        cx_px=float((box.left + box.right) / 2 - focal_px * (left + right) / 2),
        cy_px=float((box.top + box.bottom) / 2 - focal_px * (top + bottom) / 2),
        camera_from_world=pose,
    )
