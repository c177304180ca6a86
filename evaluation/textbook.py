"""Shells -> mesh, the way that tutorials and most depth-to-mesh tools go, with Open3D: what ours is compared with.

Back-projection of the front depth; normals from at most 30 neighbours within 2 % of the size; orientation, by tangent
planes over 15 neighbours (the recipe; Open3D's own example takes 100, which is slower) or towards the camera (the
quick variant, which a single depth map allows); Poisson at depth 9 with all cores; the 5 % of vertices with the least
density trimmed; quadric decimation to the face budget. Only pixels on the figurine are used, depth is exact and free
of noise, and an inside-out result of the tangent planes is turned: kinder than what a user has at hand.
"""

import time
from typing import Any

import numpy as np

from slipcast.core.values import F64, I64, Shells

NEIGHBOURS, TANGENT_NEIGHBOURS = 30, 15
OCTREE_DEPTH, TRIM = 9, 0.05
ORIENTATIONS = ("tangent", "camera")


def textbook(depth: Shells, *, orientation: str, faces: int) -> tuple[F64, I64, dict[str, float]]:
    """Return vertices (V,3) and faces (F,3) in the picture's camera frame with +Y up, and seconds per step.

    `orientation` is one of ORIENTATIONS; `depth` is METRIC, its back is not used.
    """
    import open3d

    geometry: Any = open3d.geometry
    utility: Any = open3d.utility
    seconds: dict[str, float] = {}
    clock = time.perf_counter()

    def done(step: str) -> None:
        nonlocal clock
        now = time.perf_counter()
        seconds[step] = now - clock
        clock = now

    rays = depth.camera.rays()[depth.valid].astype(np.float64)
    points = rays * depth.front[depth.valid, None] * [1.0, -1.0, -1.0]
    cloud = geometry.PointCloud(utility.Vector3dVector(points))
    done("points")
    radius = 0.02 * float(np.ptp(points, axis=0).max())
    cloud.estimate_normals(geometry.KDTreeSearchParamHybrid(radius=radius, max_nn=NEIGHBOURS))
    done("normals")
    if orientation == "tangent":
        cloud.orient_normals_consistent_tangent_plane(TANGENT_NEIGHBOURS)
        normals = np.asarray(cloud.normals)
        if np.einsum("ij,ij->", normals, points) > 0:  # the camera is the origin
            cloud.normals = utility.Vector3dVector(-normals)
    else:
        cloud.orient_normals_towards_camera_location(np.zeros(3))
    done("orientation")
    mesh, density = geometry.TriangleMesh.create_from_point_cloud_poisson(cloud, depth=OCTREE_DEPTH)
    done("poisson")
    values = np.asarray(density)
    mesh.remove_vertices_by_mask(values < np.quantile(values, TRIM))
    done("trim")
    mesh = mesh.simplify_quadric_decimation(target_number_of_triangles=faces)
    done("decimation")
    return np.asarray(mesh.vertices).astype(np.float64), np.asarray(mesh.triangles).astype(np.int64), seconds
