"""What the views' pictures say of fine form is carved into the solid that they made."""

import numpy as np
from turnarounds import FOUR, SIDE_PX, camera_of, figurine, shoot

from slipcast.core.values import Camera, Cutout, View
from slipcast.reconstruct.views.carve import carve


def _set(stripe: bool) -> tuple[dict[View, Cutout], dict[View, Camera]]:
    mesh = figurine()
    shots = {view: shoot(mesh, view, camera_of(view)) for view in FOUR}
    cutouts = {view: shot.picture for view, shot in shots.items()}
    front = cutouts[View.FRONT]
    pixels = np.full_like(front.pixels, 200)
    if stripe:
        rows = np.flatnonzero((np.asarray(front.alpha) >= 128).any(1))
        middle = (rows[0] + rows[-1]) // 2
        pixels[middle - 1 : middle + 2] = 20
    plain = {
        view: Cutout(pixels=np.full_like(c.pixels, 200), alpha=c.alpha, view=view)
        for view, c in cutouts.items()
    }
    plain[View.FRONT] = Cutout(pixels=pixels, alpha=front.alpha, view=View.FRONT)
    cameras = {view: camera_of(view).as_camera(SIDE_PX, SIDE_PX, unit=1.0, foot=np.zeros(3)) for view in FOUR}
    return plain, cameras


def test_a_dark_line_is_a_shallow_groove_in_front_only() -> None:
    mesh = figurine()
    cutouts, cameras = _set(stripe=True)
    carved = carve(mesh, cutouts, cameras)
    moved = carved.vertices - mesh.vertices
    deep = np.linalg.norm(moved, axis=1)
    size = float(np.ptp(mesh.vertices, axis=0).max())
    assert 0 < deep.max() < 0.006 * size
    most = int(deep.argmax())
    assert moved[most, 2] < 0  # away from the viewer of the front


def test_pictures_without_contrast_leave_the_solid_alone() -> None:
    mesh = figurine()
    cutouts, cameras = _set(stripe=False)
    assert np.allclose(carve(mesh, cutouts, cameras).vertices, mesh.vertices, atol=1e-6)
