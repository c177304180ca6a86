"""Mesh -> Mesh: within the face budget, closed, oriented, every face labelled with where it comes from.

The budget is met by quadric edge collapse (Garland & Heckbert 1997; fast-simplification, MIT). It is fast but may leave
sheets that touch along an edge; manifold3d takes these apart and they are pushed 1 µm from each other. Where that does
not give a solid, manifold3d's own error-bounded simplification is bisected to the budget instead: always a solid,
about three times slower, and faces are spent less well.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from slipcast.errors import BadInput, StageFailed
from slipcast.points import project
from slipcast.solid import closed_mesh, closedness, face_normals, solid_of, unlabelled
from slipcast.values import I32, U8, DepthMap, Mesh, Source

if TYPE_CHECKING:
    import manifold3d

MIN_FACES, MAX_FACES = 100, 2_000_000


@dataclass(frozen=True, kw_only=True)
class RepairOptions:
    """What the finished mesh may cost."""

    faces: int = 50_000
    """Most triangles that the mesh may have."""


def repair(mesh: Mesh, depth: DepthMap, options: RepairOptions) -> Mesh:
    """Return a closed solid of at most `options.faces` triangles through `mesh`, faces labelled by `Source`.

    Raises BadInput for a budget out of range and StageFailed when no closed solid can be made.
    """
    if not MIN_FACES <= options.faces <= MAX_FACES:
        raise BadInput(f"faces must be between {MIN_FACES} and {MAX_FACES:,}, got {options.faces}")
    made = mesh if len(mesh.faces) <= options.faces else _collapsed(mesh, options.faces)
    if made is None or not closedness(made).closed:
        made = _bounded(mesh, options.faces)
    if not closedness(made).closed:
        raise StageFailed("no closed solid could be made of this surface; try another --detail or --depth")
    return replace(made, source=_sources(made, depth))


def _collapsed(mesh: Mesh, faces: int) -> Mesh | None:
    """Quadric edge collapse to the budget, or None where it leaves no solid."""
    import fast_simplification

    vertices, triangles = np.array(mesh.vertices), np.array(mesh.faces)
    for aggression in (4, 7, 10):
        vertices, triangles = fast_simplification.simplify(
            vertices, triangles, target_count=faces, agg=aggression
        )
        if len(triangles) <= faces:
            break
    else:
        return None
    solid = solid_of(unlabelled(vertices, _without_fins(triangles.astype(np.int32))))
    if solid is None:
        return None
    made = closed_mesh(_without_crumbs(solid))
    return made if len(made.faces) <= faces else None


def _without_fins(faces: I32) -> I32:
    """Drop pairs of faces on the same three vertices: collapsed slivers, back to back."""
    key = np.sort(faces, axis=1)
    _, index, count = np.unique(key, axis=0, return_inverse=True, return_counts=True)
    out: I32 = faces[count[index.reshape(-1)] == 1]
    return out


def _without_crumbs(solid: "manifold3d.Manifold") -> "manifold3d.Manifold":
    """Drop bodies that hold less than 1/20,000 of the volume, and inverted ones."""
    bodies = solid.decompose()
    if len(bodies) == 1:
        return solid
    kept = [body for body in bodies if body.volume() > 5e-5 * solid.volume()]
    return type(solid).compose(kept) if kept else solid


def _bounded(mesh: Mesh, faces: int) -> Mesh:
    """manifold3d's simplification with the smallest tolerance that meets the budget."""
    solid = solid_of(mesh)
    if solid is None:
        raise StageFailed("the surface is not closed and oriented; try another --detail or --depth")
    extent = float(np.ptp(mesh.vertices, axis=0).max())
    best, low, high = None, 0.0, extent * 1e-4
    for _ in range(12):
        made = closed_mesh(_without_crumbs(solid.simplify(high)))
        if len(made.faces) <= faces:
            best = made
            break
        low, high = high, high * 3
    if best is None:
        raise StageFailed(f"{faces} faces cannot hold this shape closed; allow more with --faces")
    for _ in range(5):
        if len(best.faces) >= 0.9 * faces:
            break
        middle = (low + high) / 2
        made = closed_mesh(_without_crumbs(solid.simplify(middle)))
        if len(made.faces) <= faces:
            best, high = made, middle
        else:
            low = middle
    return best


def _sources(mesh: Mesh, depth: DepthMap) -> U8:
    """(F,) of `Source`: SEEN where a face looks at the camera and lies on the front shell."""
    assert depth.back is not None
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    centre = mesh.vertices[mesh.faces].astype(np.float64).mean(1)
    pixel, z = project(depth.camera, centre)
    x = np.clip(pixel[:, 0].astype(int), 0, depth.camera.width_px - 1)
    y = np.clip(pixel[:, 1].astype(int), 0, depth.camera.height_px - 1)
    turn, shift = depth.camera.camera_from_world[:3, :3], depth.camera.camera_from_world[:3, 3]
    eye = -shift @ turn
    ray = centre - eye
    facing = -(normals * ray).sum(1) / np.maximum(np.linalg.norm(ray, axis=1), 1e-12)
    width_m = z / depth.camera.fy_px
    # A face seen at a slant spans depth over one pixel: the tolerance grows with it.
    slack = width_m * (3 + 3 / np.maximum(np.abs(facing), 0.1))
    valid = depth.valid[y, x]
    on_front = ~valid | (np.abs(z - depth.front[y, x]) <= slack)
    on_back = ~valid | (np.abs(z - depth.back[y, x]) <= slack)
    source = np.full(len(centre), int(Source.INVENTED), np.uint8)
    source[(facing < 0) & on_back] = int(depth.back_source)
    source[(facing > 0.1) & on_front] = int(Source.SEEN)
    return source
