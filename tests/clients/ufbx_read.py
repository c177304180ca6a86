"""ufbx, the reader inside Blender 5's and Godot 4's FBX import: raw file units and axes, and the metres it
makes of them."""

import ctypes
from typing import TypeVar

import numpy as np
import ufbx
from clients.measure import Facts, main, measure

T = TypeVar("T")


def held(value: T) -> T:
    """Take a reference: the binding hands out borrowed ones, which crash when they are dropped."""
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(value))
    return value


def read(path: str) -> Facts:
    raw = held(ufbx.load_file(path))
    scene = held(
        ufbx.load_file(path, target_axes=ufbx.axes_right_handed_y_up, target_unit_meters=1.0, strict=True)
    )
    shown = [held(scene.nodes[k]) for k in range(len(scene.nodes)) if held(scene.nodes[k]).mesh]
    node = max(
        shown, key=lambda entry: held(entry.mesh).num_triangles
    )  # levels and collision bodies are smaller
    mesh = held(node.mesh)
    matrix = node.geometry_to_world
    world = np.array([list(column) for column in (matrix.c0, matrix.c1, matrix.c2, matrix.c3)]).T
    points = np.array([tuple(point) for point in mesh.vertices]) @ world[:, :3].T + world[:, 3]
    faces = np.array(list(mesh.vertex_indices)).reshape(-1, 3)
    normals = np.array([tuple(normal) for normal in mesh.vertex_normal.values])
    normals = normals[np.array(list(mesh.vertex_normal.indices))].reshape(-1, 3, 3)
    corner = points[faces]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    uv = np.array([tuple(point) for point in mesh.vertex_uv.values])[np.array(list(mesh.vertex_uv.indices))]
    material = held(node.materials[0])
    textures = []
    for k in range(len(material.textures)):
        link = held(material.textures[k])
        texture = held(link.texture)
        textures.append([link.material_prop, texture.relative_filename, len(held(texture.content) or b"")])
    return {
        "program": "ufbx 0.0.5",
        **measure(points, faces),
        "names": [node.name],
        "materials": [material.name],
        "textures": textures,
        "unit_m": raw.settings.unit_meters,
        "warnings": [held(raw.metadata.warnings[k]).description for k in range(len(raw.metadata.warnings))],
        "generated_normals": bool(mesh.generated_normals),
        "normals_outward": float((np.einsum("ij,ikj->ik", face, normals) > 0).mean()),
        "uv_min": uv.min(axis=0).tolist(),
        "uv_max": uv.max(axis=0).tolist(),
        "control_points": mesh.num_vertices,
        "lod_groups": len(scene.lod_groups),
    }


main(read)
