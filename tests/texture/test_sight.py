"""Which view sees a face, and what a side without a picture takes."""

import numpy as np
import pytest
from turnarounds import SIDE_PX, camera_of, figurine, shoot

from slipcast.core.values import Mesh, Source, View
from slipcast.mesh.topology import face_normals, make_mesh
from slipcast.reconstruct.level_set import mesh_level_set
from slipcast.texture.views.paint_views import paint_views
from slipcast.texture.views.sight import Seen, mirror_missing, score_sight

THREE = (View.FRONT, View.LEFT, View.BACK)


def _views(mesh: Mesh, *views: View) -> dict[View, Seen]:
    return {
        view: Seen(
            cutout=shoot(mesh, view).picture,
            camera=camera_of(view).as_camera(SIDE_PX, SIDE_PX, unit=1.0, foot=np.zeros(3)),
        )
        for view in views
    }


def _two_balls() -> Mesh:
    """A large ball and a small one before it."""
    axis = np.linspace(-0.6, 0.6, 61, dtype=np.float32)
    x, y, z = np.meshgrid(axis, axis, axis, indexing="ij")
    large = 0.3 - np.sqrt(x**2 + y**2 + (z + 0.1) ** 2)
    small = 0.1 - np.sqrt(x**2 + y**2 + (z - 0.45) ** 2)
    nodes, faces = mesh_level_set(np.maximum(large, small))
    return make_mesh((nodes * (axis[1] - axis[0]) + axis[0]).astype(np.float32), faces)


def test_a_side_without_a_picture_takes_the_other_sides() -> None:
    mesh = figurine()
    painted = paint_views(mesh, _views(mesh, *THREE), max_size_px=1024, name="x")
    mirrored = painted.mesh.source == int(Source.MIRRORED)
    normals, area = face_normals(mesh.vertices, mesh.faces)
    facing = normals[:, 0] < -0.9
    assert area[facing & mirrored].sum() > 0.7 * area[facing].sum()
    assert area[mirrored & (normals[:, 0] > 0)].sum() < 0.02 * area.sum()
    # Blue says how far in front a place is, on both sides alike.
    texture = painted.texture.pixels
    at = (painted.uv.mean(1) * [texture.shape[1], texture.shape[0]]).astype(int)
    seen = facing & mirrored
    color = texture[at[seen, 1], at[seen, 0]].astype(float)
    assert np.corrcoef(color[:, 2], mesh.vertices[mesh.faces].mean(1)[seen, 2])[0, 1] > 0.95
    shares = painted.provenance["seen"]
    assert isinstance(shares, dict)
    assert shares["mirrored"] > 0.05
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)


def test_nothing_is_mirrored_where_both_sides_or_none_has_a_picture() -> None:
    mesh = figurine()
    assert mirror_missing(mesh, _views(mesh, View.FRONT, View.BACK)) == []
    assert mirror_missing(mesh, _views(mesh, *THREE, View.RIGHT)) == []
    assert len(mirror_missing(mesh, _views(mesh, View.FRONT, View.BACK_RIGHT))) == 1


def test_nothing_is_mirrored_of_a_lopsided_figurine(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = figurine()
    monkeypatch.setattr("slipcast.core.symmetry.measure_mirror", lambda mask: 0.7)
    assert mirror_missing(mesh, _views(mesh, *THREE)) == []


def test_a_view_is_trusted_less_beside_a_part_that_stands_before() -> None:
    mesh = _two_balls()
    scores = score_sight(mesh, list(_views(mesh, View.FRONT).values()))[0][:, 0]
    middle = mesh.vertices[mesh.faces].mean(1)
    away = np.hypot(middle[:, 0], middle[:, 1])
    behind = middle[:, 2] < 0.3
    # The small ball, nearer to the camera, hides most of what is up to 0.107 from the axis.
    sees = scores > 0
    beside, free = (
        sees & behind & (away > 0.105) & (away < 0.115),
        sees & behind & (away > 0.12) & (away < 0.14),
    )
    assert beside.sum() > 10
    assert scores[beside].mean() < 0.4 * scores[free].mean()
