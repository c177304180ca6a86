"""PointCloud -> Mesh: one closed surface through the samples.

Two ways:

`shells` takes the net that the samples came on: front shell, back shell and the sides between them are closed and
oriented by construction, cover the silhouette to a fraction of a pixel and cost next to nothing. The default.

`poisson` is Screened Poisson Reconstruction (Kazhdan & Hoppe 2013) in Open3D on the same oriented samples; what spills
over the silhouette is carved off with the visual hull by an exact boolean. It loses parts thinner than two of its
cells, and takes most of a conversion's time.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from slipcast.core.errors import BadInput, StageFailed
from slipcast.core.options import check, choice, whole
from slipcast.core.values import Cutout, Mesh, PointCloud, Shells
from slipcast.mesh.normals import cloud_normals
from slipcast.mesh.raycast import import_open3d
from slipcast.mesh.topology import from_manifold, make_mesh, to_manifold
from slipcast.reconstruct.points import PointOptions, make_points

if TYPE_CHECKING:
    import manifold3d

METHODS = ("shells", "poisson")


@dataclass(frozen=True, kw_only=True)
class SurfaceOptions:
    """How the samples become a surface.

    >>> SurfaceOptions(method="POISSON").method
    'poisson'
    """

    method: str = "shells"
    """`shells` or `poisson`."""
    octree_depth: int = 8
    """Poisson's finest level: the figurine is 2^depth cells tall."""

    def __post_init__(self) -> None:
        check(
            self,
            method=choice(METHODS),
            octree_depth=whole(4, 12, example=8),
        )


def reconstruct(cloud: PointCloud, depth: Shells, options: SurfaceOptions) -> Mesh:
    """Return a closed mesh through `cloud`, world axes, metres; every face is labelled INVENTED until it is simplified.

    Raises BadInput for an unknown method, StageFailed where no closed surface comes out, and ValueError for a cloud
    whose samples no triangles join, which is a fault of the caller.
    """
    if options.method not in METHODS:
        raise BadInput(f"surface must be one of {', '.join(METHODS)}, got {options.method}")
    if cloud.joins is None:
        raise ValueError("reconstruct needs samples that are joined")
    if options.method == "shells":
        return make_mesh(cloud.points, cloud.joins)
    return _poisson(cloud, depth, options)


def _poisson(cloud: PointCloud, depth: Shells, options: SurfaceOptions) -> Mesh:
    """Screened Poisson, then the visual hull."""
    o3d = import_open3d()
    points = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(cloud.points.astype(np.float64)))
    points.normals = o3d.utility.Vector3dVector(cloud_normals(cloud).astype(np.float64))
    mesh, _ = o3d.geometry.TriangleMesh.create_from_point_cloud_poisson(
        points, depth=options.octree_depth, n_threads=1
    )
    mesh.remove_duplicated_vertices()
    mesh.remove_degenerate_triangles()
    raw = make_mesh(np.asarray(mesh.vertices).astype(np.float32), np.asarray(mesh.triangles).astype(np.int32))
    solid = to_manifold(raw)
    if solid is None:
        raise StageFailed("Poisson left the surface open; use the surface shells")
    carved = solid ^ _hull(depth)
    bodies = [body for body in carved.decompose() if body.volume() > 1e-4 * carved.volume()]
    if not bodies:
        raise StageFailed("Poisson lost the figurine; use the surface shells")
    return from_manifold(sum(bodies[1:], bodies[0]))


def _hull(depth: Shells) -> "manifold3d.Manifold":
    """The silhouette's cone between the nearest and the farthest depth."""
    near, far = float(depth.front[depth.valid].min()), float(depth.back[depth.valid].max())
    margin = 0.1 * (far - near) + 1e-6
    cone = replace(
        depth,
        front=np.where(depth.valid, near - margin, 0).astype(np.float32),
        back=np.where(depth.valid, far + margin, 0).astype(np.float32),
    )
    blank = Cutout(
        pixels=np.zeros((*depth.valid.shape, 3), np.uint8), alpha=depth.valid.astype(np.uint8) * 255
    )
    cloud = make_points(cone, blank, PointOptions(detail="standard"))
    assert cloud.joins is not None
    solid = to_manifold(make_mesh(cloud.points, cloud.joins))
    if solid is None:
        raise StageFailed("the silhouette makes no solid hull; use the surface shells")
    return solid
