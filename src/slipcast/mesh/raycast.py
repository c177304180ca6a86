"""Rays through a mesh (Embree), and Open3D, for who asks for it, imported without what it loads for plots."""

import sys
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from types import ModuleType
from typing import Any

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.values import F32, I32

_importing = Lock()


class _Later:
    """A name of the module Dash, which is imported when somebody uses it."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> object:
        return getattr(getattr(import_module("dash"), self._name), name)

    def __call__(self, *args: object, **named: object) -> object:
        return getattr(import_module("dash"), self._name)(*args, **named)


def require_open3d() -> None:
    """Raise BadInput, which names the extra, where Open3D is not installed."""
    if find_spec("open3d") is None:
        raise BadInput(
            "the surface poisson needs Open3D, which is not installed; run: pip install slipcast[poisson]"
        )


def import_open3d() -> ModuleType:
    """Open3D without Dash, a web server that it loads with itself for a plot that nobody draws here: 0.5 s of CPU.

    Raises BadInput, which names the extra, where Open3D is not installed.
    """
    with _importing:
        require_open3d()
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
    """The faces of a mesh for rays (Embree, by embreex); near 1 in size they are best, since it works in float32.

    embreex is 45 MB and is imported in 0.02 s of CPU where Open3D takes 0.8 s and 165 MB of memory. Of hits at one
    length any may be told.
    """

    def __init__(self, vertices: F32, faces: I32) -> None:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene

        self._corner = vertices[faces].astype(np.float32)
        self._scene = EmbreeScene()
        TriangleMesh(self._scene, self._corner)

    def first_hits(self, origin: F32, way: F32) -> tuple[F32, F32]:
        """(N,) lengths of rays from (N,3) along (N,3) to the first face, infinite for none, and (N,3) its normal."""
        return self.first_faces(origin, way)[:2]

    def first_faces(self, origin: F32, way: F32) -> tuple[F32, F32, I32]:
        """The same, and (N,) the index of the face, -1 for none."""
        answer: dict[str, Any] = self._scene.run(
            np.ascontiguousarray(origin), np.ascontiguousarray(way), output=1
        )
        face = np.asarray(answer["primID"], np.int32)
        length = np.where(face >= 0, answer["tfar"], np.inf).astype(np.float32)
        corner = self._corner[np.maximum(face, 0)].astype(np.float64)
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
        return length, np.where(face[:, None] >= 0, normal, 0).astype(np.float32), face
