"""A front and pictures that show little or no depth -> the front's own solid, and the cameras of all.

The back shows the front's outline in a mirror, and one diagonal looks along with it, so outlines hardly tell how deep
the figurine is, and what several views are fused from (fusion.py) reads depth from outlines: heads got holes, bases
long tails. So the solid is that of one picture; the others give their colours, a back its relief too. Whole
conversions, 10,000 points, fused and so (`python -m evaluation.views samples --sides front,back`):

    front and back, six samples that stand   cd 0.058, 0.041   f05 0.625, 0.759   nc 0.686, 0.760   iou 0.767, 0.827
    front and back, 16 exact figurines       cd 0.072, 0.089   f05 0.540, 0.528   nc 0.691, 0.730   iou 0.719, 0.655

Of the 16, what is deeper than it is wide (cannon, fox, scorpion, snapper, a kneeling man) was better fused, since the
front's depth is too flat there; front and back do not tell these from the others. With the grid network (field_net.py)
the fused ones are no better: f05 of draft solids 0.528, of 8 samples 0.673.

A diagonal does tell: where the front's solid is not what it shows, all are fused. Where the fused one then lost what
the front shows, as wings that the diagonal sees edge on, the front's is taken after all. f05 of draft solids, all the
front's and, with the grid network, all fused:

    front and front_left, 8 samples                     0.684   0.686
    front and front_left, 16 exact figurines            0.506   0.793
    front, back and front_left, 8 samples               0.684   0.734
    front, back and front_left, 16 exact figurines      0.506   0.816

Rejected: the front's solid also where its rows are about as wide as the diagonal's (Nefertiti 0.82 fused, 0.46; skull
0.71, 0.39; sample mech 0.85, 0.77, with a torn arm); to fuse always (the knight's plume covers his back, the dragon
loses his wings); the back's own solid merged into the front's, the solid stretched in depth to fit the diagonal, and
outlines of that as two more views to fuse (docs/views.md has the numbers).
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np

from slipcast.core.camera import project
from slipcast.core.masks import box_of
from slipcast.core.values import Camera, Cutout, Mesh, Shells, Source, View
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.views.carve import carve
from slipcast.reconstruct.views.fusion import Fused
from slipcast.reconstruct.views.register import Registered, measure_miss, stand_together
from slipcast.reconstruct.views.sides import make_sides

_COMPARED_PX = 256
"""Longer side of the pictures that are compared."""
_FITS = 0.78
"""Share of the silhouettes from which the front's solid is what the diagonal shows."""
_KEEPS = 0.82
"""Share of the silhouettes from which the fused solid keeps what the front shows: the dragon's without wings has 0.79,
the fox's with a torn tail 0.84 (f05 0.89 fused, 0.46 the front's), all others 0.91 and more."""


def lack_side(views: Iterable[View]) -> bool:
    """Whether the outlines of `views` show no more of the depth than one diagonal does: no side, no top.

    >>> lack_side([View.FRONT, View.BACK, View.FRONT_LEFT])
    True
    >>> lack_side([View.FRONT, View.FRONT_LEFT, View.FRONT_RIGHT])
    False
    """
    lines = {view.yaw_deg % 180 for view in views}
    return View.TOP not in views and len(lines - {0.0}) < 2 and 90.0 not in lines


def fits_diagonal(solid: Fused, cutouts: Mapping[View, Cutout]) -> bool:
    """Return whether `solid`, of the front, is about what the diagonal among `cutouts` shows; True without one."""
    return all(_share(solid, view, cut) >= _FITS for view, cut in cutouts.items() if view.yaw_deg % 90)


def keeps_front(solid: Fused, cutouts: Mapping[View, Cutout]) -> bool:
    """Return whether `solid`, fused of `cutouts`, still shows what the front picture does."""
    return _share(solid, View.FRONT, cutouts[View.FRONT]) >= _KEEPS


def _share(solid: Fused, view: View, cut: Cutout) -> float:
    """Of the silhouettes of `solid` in the camera of `view` and of its picture: intersection over union."""
    part = max(1, max(cut.height_px, cut.width_px) // _COMPARED_PX)
    tall, wide = cut.height_px // part, cut.width_px // part
    at, deep = project(solid.cameras[view], solid.mesh.vertices)
    ours = rasterize(at / part, deep, solid.mesh.faces, wide, tall).face >= 0
    theirs = (cut.alpha[part // 2 :: part, part // 2 :: part] >= 128)[:tall, :wide]
    return float((ours & theirs).sum() / max(int((ours | theirs).sum()), 1))


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
        of_front=True,
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
