"""A front and one more picture that shows no depth -> the front's own solid, and the cameras of both.

The back shows the front's outline in a mirror, and one diagonal looks along with it, so outlines hardly tell how deep
the figurine is, and what several views are fused from (fusion.py) reads depth from outlines: heads got holes, bases
long tails. So the solid is that of one picture; the other gives its colours, a back its relief too. Whole conversions,
10,000 points, fused and now (`python -m evaluation.views samples --sides front,back`):

    front and back, six samples that stand   cd 0.058, 0.041   f05 0.625, 0.759   nc 0.686, 0.760   iou 0.767, 0.827
    front and back, 16 exact figurines       cd 0.072, 0.089   f05 0.540, 0.528   nc 0.691, 0.730   iou 0.719, 0.655
    front and front_left, four samples       cd 0.089, 0.043   f05 0.455, 0.734   nc 0.602, 0.739   iou 0.596, 0.809

Of the 16, what is deeper than it is wide (cannon, fox, scorpion, snapper, a kneeling man) was better fused, since the
front's depth is too flat there; nothing tells these from the others yet. Rejected for front, back and one diagonal:
four samples f05 0.719 fused, 0.733 so, but colours 16.8 and 18.3, and two of four exact figurines fall by 0.3.
"""

import math
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


def lack_side(views: Iterable[View]) -> bool:
    """Whether `views` are the front and at most one other, which is neither a straight side nor the top."""
    others = set(views) - {View.FRONT}
    return len(others) < 2 and not others & {View.LEFT, View.RIGHT, View.TOP}


def take_front_solid(cutouts: Mapping[View, Cutout], depth: Shells, *, fov_deg: float, detail: str) -> Fused:
    """Return the solid of `depth`, the front's shells placed in the world, with the cameras of all `cutouts` (alpha).

    The other camera stands as far away and looks down as much as the front's; the solid fills its outline from top to
    bottom. Raises StageFailed when the silhouette is too small to hold a node.
    """
    cloud = make_points(depth, cutouts[View.FRONT], PointOptions(detail=detail))
    assert cloud.joins is not None
    mesh = make_mesh(cloud.points, cloud.joins)
    cameras = {View.FRONT: depth.camera}
    for view, cut in cutouts.items():
        if view != View.FRONT:
            cameras[view] = _look_from(view, depth.camera, mesh, cut)
    if View.BACK in cutouts:
        mesh = carve(mesh, cutouts, {View.BACK: cameras[View.BACK]})
    sides, _ = make_sides(cutouts, {}, fov_deg=fov_deg)
    stood = tuple(stand_together(sides))
    miss = measure_miss(stood)
    return Fused(
        mesh=mesh,
        depth=replace(depth, spread=None, back_source=Source.BACK_VIEW) if View.BACK in cutouts else depth,
        cameras=cameras,
        registered=Registered(sides=stood, miss=miss, before=miss),
    )


def _look_from(view: View, front: Camera, mesh: Mesh, cut: Cutout) -> Camera:
    """The front's camera turned about the figurine's axis, with the lens that puts the mesh upon the cutout."""
    yaw = math.radians(view.yaw_deg)
    turn = np.eye(4)
    turn[[0, 0, 2, 2], [0, 2, 0, 2]] = math.cos(yaw), -math.sin(yaw), math.sin(yaw), math.cos(yaw)
    pose = front.camera_from_world @ turn
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
