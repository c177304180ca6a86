"""ufbx, the reader inside Blender 5's and Godot 4's FBX import: the box of the whole scene in file units."""

import ctypes
from typing import TypeVar

import numpy as np
import ufbx
from clients.measure import Facts, main

T = TypeVar("T")


def held(value: T) -> T:
    """Take a reference: the binding hands out borrowed ones, which crash when they are dropped."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    return value


def read(path: str) -> Facts:
    scene = held(ufbx.load_file(path))
    corners, triangles = [], 0
    for k in range(len(scene.nodes)):
        node = held(scene.nodes[k])
        mesh = held(node.mesh) if node.mesh else None
        if mesh is None:
            continue
        matrix = node.geometry_to_world
        world = np.array([list(column) for column in (matrix.c0, matrix.c1, matrix.c2, matrix.c3)]).T
        points = np.array([tuple(point) for point in mesh.vertices]).reshape(-1, 3)
        corners.append(points @ world[:, :3].T + world[:, 3])
        triangles += mesh.num_triangles
    joined = np.concatenate(corners) if corners else np.zeros((0, 3))
    return {
        "program": "ufbx 0.0.5",
        "unit_m": scene.settings.unit_meters,
        "box": [*joined.min(axis=0), *joined.max(axis=0)] if corners else [],
        "faces": triangles,
    }


main(read)
