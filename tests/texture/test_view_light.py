"""What turned with the camera is no colour of the figurine."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from turnarounds import FOUR, camera_of, figurine, shoot

from slipcast.core.values import F64, Bool, Cutout, Mesh, View
from slipcast.mesh.raycast import Scene
from slipcast.mesh.topology import face_normals
from slipcast.texture.views.paint_views import paint_views
from slipcast.texture.views.sight import Seen
from slipcast.texture.views.view_light import remove_view_light


def _lit(mesh: Mesh, weights: tuple[float, float, float]) -> dict[View, Seen]:
    """The grey figurine from four sides; the logarithm of the light grows so: to the right, up, towards the camera."""
    scene = Scene(mesh.vertices, mesh.faces)
    out = {}
    for view in FOUR:
        camera = camera_of(view)
        cutout: Cutout = shoot(mesh, view).picture
        height, width = cutout.alpha.shape
        x, y = np.meshgrid(
            np.arange(width, dtype=np.float32) + 0.5, np.arange(height, dtype=np.float32) + 0.5
        )
        eye = camera.lift(x, y, np.zeros_like(x)).reshape(-1, 3)
        way = camera.lift(x, y, np.ones_like(x)).reshape(-1, 3) - eye
        normal = scene.first_hits(eye, way)[1]
        seen = normal @ camera.axes().T * [1, -1, -1]
        linear = 0.3 * np.exp((seen - [0, 0, 1]) @ weights)
        shown = (1.055 * linear ** (1 / 2.4) - 0.055) * 255
        pixels = np.repeat(shown.reshape(height, width, 1), 3, 2).astype(np.uint8)
        placed = camera.as_camera(width, height, unit=1.0, foot=np.zeros(3))
        out[view] = Seen(cutout=replace(cutout, pixels=pixels), camera=placed)
    return out


def _spread(mesh: Mesh, weights: tuple[float, float, float], delight: float) -> float:
    """How unlike in brightness the grey figurine's faces are: standard deviation over the mean."""
    painted = paint_views(mesh, _lit(mesh, weights), max_size_px=1024, name="x", delight=delight)
    texture = painted.texture.pixels
    at = (painted.uv.mean(1) * [texture.shape[1], texture.shape[0]]).astype(int)
    color = texture[at[:, 1], at[:, 0]].mean(1)
    area = face_normals(mesh.vertices, mesh.faces)[1]
    mean = np.average(color, weights=area)
    return float(np.sqrt(np.average((color - mean) ** 2, weights=area)) / mean)


def test_light_from_the_cameras_side_is_divided_out() -> None:
    mesh = figurine()
    assert _spread(mesh, (-0.2, 0.0, 0.4), 0.0) < 0.025


def test_light_from_above_stays_unless_it_is_asked_away() -> None:
    mesh = figurine()
    stays, gone = _spread(mesh, (0.0, 0.3, 0.0), 0.0), _spread(mesh, (0.0, 0.3, 0.0), 1.0)
    assert stays > 0.05
    assert gone < 0.4 * stays


def test_of_a_mesh_that_no_view_sees_nothing_is_divided_out() -> None:
    mesh = figurine()
    views = _lit(mesh, (0.0, 0.0, 0.4))
    charts = [seen.cutout.pixels.astype(np.float32) for seen in views.values()]
    kept = [chart.copy() for chart in charts]
    places: list[F64] = [np.full((len(mesh.vertices), 2), 3.0) for _ in charts]
    none: Bool = np.zeros((len(mesh.faces), len(charts)), bool)
    apart = sparse.csr_matrix((len(mesh.faces), len(mesh.faces)))
    cameras = [seen.camera for seen in views.values()]
    assert remove_view_light(mesh, charts, places, cameras, none, apart, 1.0) == 0.0
    assert all(np.array_equal(one, two) for one, two in zip(charts, kept, strict=True))
