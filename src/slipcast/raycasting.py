"""Open3D's RaycastingScene (Embree): rays through a mesh and distances to it, and Open3D imported without what it loads
for plots.
"""

import sys
from importlib import import_module
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

from slipcast.values import F32, I32

_importing = Lock()


class _Later:
    """A name of the module Dash, which is imported when somebody uses it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(getattr(import_module("dash"), self._name), name)

    def __call__(self, *args: object, **named: object) -> object:
        return getattr(import_module("dash"), self._name)(*args, **named)


def open3d() -> ModuleType:
    """Open3D without Dash, a web server that it loads with itself for a plot that nobody draws here: 0.5 s of CPU."""
    with _importing:
        if "open3d" in sys.modules or "dash" in sys.modules:
            return import_module("open3d")
        later = ModuleType("dash")
        for name in ("html", "dcc", "Dash"):
            setattr(later, name, _Later(name))
        sys.modules["dash"] = later
        try:
            return import_module("open3d")
        finally:
            del sys.modules["dash"]


class Scene:
    """The faces of a mesh; near 1 in size they are best, since Embree works in float32.

    Distances are the same on all cores, and `threads` 0 takes them; of hits at one length any may be told.
    """

    def __init__(self, vertices: F32, faces: I32, *, threads: int = 1) -> None:
        o3d = open3d()
        self._tensor, self._threads = o3d.core.Tensor.from_numpy, threads
        self._scene = o3d.t.geometry.RaycastingScene(nthreads=threads)
        self._scene.add_triangles(
            self._tensor(np.array(vertices, np.float32)), self._tensor(faces.astype(np.uint32))
        )

    def distances(self, points: F32) -> F32:
        """(N,) from (N,3) points to the nearest face."""
        out: F32 = self._scene.compute_distance(self._tensor(points), nthreads=self._threads).numpy()
        return out

    def first_hits(self, origin: F32, way: F32) -> tuple[F32, F32]:
        """(N,) lengths of rays from (N,3) along (N,3) to the first face, infinite for none, and (N,3) its normal."""
        answer: dict[str, Any] = self._scene.cast_rays(self._tensor(np.concatenate([origin, way], 1)))
        return answer["t_hit"].numpy(), answer["primitive_normals"].numpy()
