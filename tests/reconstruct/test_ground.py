"""reconstruct/views/ground.py: what hangs below the ground that all views show, and never a lifted foot."""

import numpy as np
import pytest

from slipcast.core.orbit import OrbitCamera
from slipcast.core.values import Camera, Mesh
from slipcast.mesh.topology import make_mesh
from slipcast.reconstruct.views.ground import find_seen_ground_m

YAWS = (0.0, 90.0, 180.0, 270.0)


def look(yaw_deg: float) -> Camera:
    """A camera at half the height of a figurine of 1 m, five away."""
    camera = OrbitCamera(yaw_deg=yaw_deg, focal_px=800.0, distance=5.0, cx_px=128.0, cy_px=128.0)
    return camera.as_camera(256, 256, unit=1.0, foot=np.array([0.0, -0.5, 0.0]))


def bowl(sag: float, *, lifted: float = 0.0) -> Mesh:
    """A disc of radius 0.4 at height `sag` whose middle is at 0, a point on top, and a toe `lifted` before it."""
    around = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    rim = np.stack([0.4 * np.sin(around), np.full(64, sag), 0.4 * np.cos(around)], 1)
    toe = [[0.0, sag + lifted, 0.6]] if lifted else np.zeros((0, 3))
    vertices = np.concatenate([[[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]], rim, toe]).astype(np.float32)
    return make_mesh(vertices, np.array([[0, 2, 3], [1, 3, 2]], np.int32))


@pytest.mark.parametrize("sag", [0.005, 0.02])
def test_what_bulges_below_the_rim_is_cut(sag: float) -> None:
    assert find_seen_ground_m(bowl(sag), map(look, YAWS)) == pytest.approx(sag)


def test_a_lifted_toe_near_a_camera_is_not_the_ground() -> None:
    mesh = bowl(0.01, lifted=0.015)
    assert find_seen_ground_m(mesh, [look(0.0)]) == pytest.approx(0.025)
    assert find_seen_ground_m(mesh, map(look, YAWS)) == pytest.approx(0.01)


def test_a_flat_sole_and_a_deep_one_stay() -> None:
    assert find_seen_ground_m(bowl(0.0), map(look, YAWS)) is None
    assert find_seen_ground_m(bowl(0.05), map(look, YAWS)) is None
