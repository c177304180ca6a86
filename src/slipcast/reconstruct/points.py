"""Placed Shells -> PointCloud: the surface of both shells, sampled and joined.

`make_points` samples both shells along rays (ray_grid.py), finds what between them is air (gaps.py), makes solid
intervals of the rest (dexels.py) and lays a net around them (surface_nets.py). The cloud's points are the net's
vertices, and it knows how neighbours join, so the surface stage may use that or not.

Rejected: normals from 30 neighbours and orientation by tangent planes (29 s for one 1024 x 1024 picture on two cores).
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.camera import world_from_camera
from slipcast.core.errors import StageFailed
from slipcast.core.options import check, choice
from slipcast.core.values import F32, Cutout, PointCloud, Shells, Source
from slipcast.reconstruct.dexels import DETAILS, make_dexels
from slipcast.reconstruct.gaps import find_gaps
from slipcast.reconstruct.ray_grid import sample_rays
from slipcast.reconstruct.surface_nets import make_surface_net


@dataclass(frozen=True, kw_only=True)
class PointOptions:
    """How densely the shells are sampled.

    >>> PointOptions(detail="bogus")
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: detail is 'bogus'; give one of draft, standard, fine
    """

    detail: str = "standard"
    """`draft`, `standard` or `fine`: 192, 280 or 600 rays along the figurine's longer side, never more than the
    picture has pixels."""

    def __post_init__(self) -> None:
        check(
            self,
            detail=choice(DETAILS),
        )


def make_points(depth: Shells, picture: Cutout, options: PointOptions) -> PointCloud:
    """Return the surface of placed `depth` as one cloud of joined samples, (N,3) in world axes and metres.

    Raises StageFailed when the silhouette is too small to hold a node.
    """
    if not depth.valid.any():
        raise StageFailed("the depth map has no valid pixel; check the cutout")
    cover: F32 = (np.where(depth.valid, picture.alpha, 0) / np.float32(255)).astype(np.float32)
    columns = sample_rays(depth, cover, DETAILS[options.detail])
    if not columns.inside.any():
        raise StageFailed("the silhouette is too small to make a solid of; use a larger picture")
    net = make_surface_net(columns, make_dexels(columns, find_gaps(columns)))
    world = world_from_camera(depth.camera, columns.points(depth.camera, net.places)).astype(np.float32)
    faces = net.faces.astype(np.int32)
    sides = np.array([int(Source.SEEN), int(depth.back_source), int(Source.INVENTED)], np.uint8)
    x, y = columns.pixels(net.places).astype(int).T
    x, y = np.clip(x, 0, picture.width_px - 1), np.clip(y, 0, picture.height_px - 1)
    return PointCloud(
        points=world,
        colors=picture.pixels[y, x],
        source=sides[net.side],
        joins=faces,
    )
