"""MeshLab's library: topology and self-intersections of a mesh file, read by its own importers."""

from importlib.metadata import version

import numpy as np
import pymeshlab
from clients.measure import Facts, main, measure


def read(path: str) -> Facts:
    meshes = pymeshlab.MeshSet(verbose=False)
    meshes.load_new_mesh(path)
    mesh = meshes.current_mesh()
    facts = measure(mesh.vertex_matrix().astype(np.float64), mesh.face_matrix().astype(np.int64))
    colors = mesh.has_vertex_color()
    textures = mesh.texture_number()
    meshes.meshing_merge_close_vertices(threshold=pymeshlab.PercentageValue(1e-5))
    topology = meshes.get_topological_measures()
    meshes.compute_selection_by_self_intersections_per_face()
    return {
        "program": f"MeshLab {version('pymeshlab')}",
        **facts,
        "colors": colors,
        "textures": textures,
        "boundary_edges": topology["boundary_edges"],
        "non_manifold_edges": topology["non_two_manifold_edges"],
        "non_manifold_vertices": topology["non_two_manifold_vertices"],
        "self_intersecting": meshes.current_mesh().selected_face_number(),
    }


main(read)
