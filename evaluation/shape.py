"""File -> Shape: triangles as the protocol wants them, and what can be asked of them with rays."""

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slipcast.core.errors import BadInput
from slipcast.core.values import F32, F64, I64, Bool


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Triangles with equal positions welded."""

    vertices: F64
    """(V,3)."""
    faces: I64
    """(F,3) counter-clockwise outside."""

    @property
    def bounds(self) -> tuple[F64, F64]:
        """Lowest and highest corner of the box around the vertices that faces use."""
        used = self.vertices[np.unique(self.faces)]
        return used.min(0), used.max(0)

    def moved(self, shift: F64, scale: float = 1.0, turn: F64 | None = None) -> "Shape":
        """The shape after `turn` (3,3), then `shift`, then `scale`."""
        vertices = self.vertices if turn is None else self.vertices @ turn.T
        return Shape(vertices=(vertices + shift) * scale, faces=self.faces)

    @cached_property
    def normals_and_areas(self) -> tuple[F64, F64]:
        """(F,3) unit normals and (F,) areas."""
        corner = self.vertices[self.faces]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        length = np.linalg.norm(normal, axis=1)
        return normal / np.maximum(length, 1e-300)[:, None], length / 2

    @property
    def closed(self) -> bool:
        """Whether every edge has exactly two faces and the volume that they enclose is positive."""
        if not len(self.faces):
            return False
        start, end = self.faces.ravel(), np.roll(self.faces, -1, axis=1).ravel()
        key = np.minimum(start, end) * len(self.vertices) + np.maximum(start, end)
        if (np.unique(key, return_counts=True)[1] != 2).any():
            return False
        corner = self.vertices[self.faces]
        return bool(np.einsum("ij,ij->", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])) > 0)

    def hits(self, origins: F64, directions: F64) -> F32:
        """(...) distance, in lengths of `directions`, at which rays (...,3) first meet the shape, else infinity."""
        rays = np.concatenate([origins, directions], axis=-1).astype(np.float32)
        out: F32 = self._scene.cast_rays(_tensor(rays))["t_hit"].numpy()
        return out

    def normals_at(self, origins: F64, directions: F64) -> F64:
        """(...,3) unit normals of the faces that rays (...,3) first meet, turned to the ray; zeros where none."""
        rays = np.concatenate([origins, directions], axis=-1).astype(np.float32)
        out: F64 = self._scene.cast_rays(_tensor(rays))["primitive_normals"].numpy().astype(np.float64)
        return np.where((out * directions).sum(-1, keepdims=True) > 0, -out, out)

    @cached_property
    def _scene(self) -> Any:
        import open3d

        scene = open3d.t.geometry.RaycastingScene()
        scene.add_triangles(_tensor(self.vertices.astype(np.float32)), _tensor(self.faces.astype(np.uint32)))
        return scene

    def silhouette(self, eye: F64, fov_deg: float, side_px: int = 256) -> Bool:
        """(side, side) True where a pinhole camera at `eye` that looks along -Z sees the shape."""
        grid = ((np.arange(side_px) + 0.5) / side_px * 2 - 1) * np.tan(np.radians(fov_deg) / 2)
        x, y = np.meshgrid(grid, -grid)
        directions = np.stack([x, y, np.full_like(x, -1.0)], axis=-1)
        out: Bool = np.isfinite(self.hits(np.broadcast_to(eye, directions.shape), directions))
        return out


def read_shape(source: Path | bytes) -> Shape:
    """Return the triangles of a GLB with all its nodes placed; faces without area are dropped.

    Raises BadInput when there are none or the file cannot be read.
    """
    import trimesh

    name = "the asset" if isinstance(source, bytes) else str(source)
    if not isinstance(source, bytes) and not source.is_file():
        raise BadInput(f"{name} is missing")
    try:
        content = source if isinstance(source, bytes) else source.read_bytes()
        scene = trimesh.load(io.BytesIO(content), file_type="glb", process=False)
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise BadInput(f"{name} cannot be read as GLB ({error})") from error
    loaded = scene.to_mesh() if hasattr(scene, "to_mesh") else scene
    shape = welded(loaded.vertices, loaded.faces)
    if not len(shape.faces):
        raise BadInput(f"{name} holds no triangles")
    return shape


def welded(vertices: F64, faces: I64) -> Shape:
    """Triangles with equal positions joined and those without area dropped."""
    import trimesh

    mesh = trimesh.Trimesh(vertices, faces, process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    mesh.update_faces(mesh.nondegenerate_faces())
    return Shape(
        vertices=np.array(mesh.vertices, dtype=np.float64), faces=np.array(mesh.faces, dtype=np.int64)
    )


def _tensor(array: F32 | NDArray[np.uint32]) -> Any:
    import open3d

    core: Any = open3d.core
    return core.Tensor(np.ascontiguousarray(array))
