"""Mesh and samples as PLY with each face's or sample's `source`: for looking at, and for modelling programs."""

import numpy as np

from slipcast.core.values import Mesh, PointCloud
from slipcast.mesh.normals import cloud_normals


def ply_of_mesh(mesh: Mesh) -> bytes:
    """A binary PLY of the bare surface in metres, each face with its `source` (see values.Source)."""
    corners = np.dtype([("count", "u1"), ("corners", "<i4", 3), ("source", "u1")])
    rows = np.zeros(len(mesh.faces), dtype=corners)
    rows["count"], rows["corners"], rows["source"] = 3, mesh.faces, mesh.source
    head = (
        "ply\nformat binary_little_endian 1.0\ncomment metres, +Y up\n"
        f"element vertex {len(mesh.vertices)}\nproperty float x\nproperty float y\nproperty float z\n"
        f"element face {len(mesh.faces)}\nproperty list uchar int vertex_indices\nproperty uchar source\nend_header\n"
    )
    return head.encode() + mesh.vertices.astype("<f4").tobytes() + rows.tobytes()


def ply_of_cloud(cloud: PointCloud) -> bytes:
    """A binary PLY of the oriented points in metres with colours and `source` (see values.Source)."""
    point = np.dtype([("xyz", "<f4", 3), ("normal", "<f4", 3), ("rgb", "u1", 3), ("source", "u1")])
    rows = np.zeros(len(cloud.points), dtype=point)
    rows["xyz"], rows["normal"], rows["rgb"], rows["source"] = (
        cloud.points,
        cloud_normals(cloud),
        cloud.colors,
        cloud.source,
    )
    floats = "".join(f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz"))
    bytes_ = "".join(f"property uchar {name}\n" for name in ("red", "green", "blue", "source"))
    head = f"ply\nformat binary_little_endian 1.0\ncomment metres, +Y up\nelement vertex {len(rows)}\n"
    return f"{head}{floats}{bytes_}end_header\n".encode() + rows.tobytes()
