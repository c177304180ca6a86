"""values.py: what the vocabulary promises, on known answers."""

import math
from dataclasses import FrozenInstanceError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.core.values import (
    LENS_FOV_DEG,
    Camera,
    DepthMap,
    Export,
    Figurine,
    Mesh,
    ModelInfo,
    Picture,
    PointCloud,
    Source,
    View,
)


def _picture(width: int = 4, height: int = 3) -> Picture:
    return Picture(pixels=np.zeros((height, width, 3), dtype=np.uint8))


def _triangle() -> Mesh:
    return Mesh(
        vertices=np.eye(3, dtype=np.float32),
        faces=np.array([[0, 1, 2]], dtype=np.int32),
        source=np.zeros(1, dtype=np.uint8),
    )


def test_a_picture_knows_its_size() -> None:
    assert (_picture().width_px, _picture().height_px) == (4, 3)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((3, 4), dtype=np.uint8),
        np.zeros((3, 4, 4), dtype=np.uint8),
        np.zeros((3, 4, 3), dtype=np.float32),
        [[[0, 0, 0]]],
    ],
)
def test_a_wrong_shape_or_type_is_refused_by_name(pixels: object) -> None:
    with pytest.raises(ValueError, match=r"Picture\.pixels must be uint8"):
        Picture(pixels=pixels)  # type: ignore[arg-type]


def test_alpha_has_the_pictures_size() -> None:
    with pytest.raises(ValueError, match=r"Picture\.alpha"):
        Picture(pixels=np.zeros((3, 4, 3), dtype=np.uint8), alpha=np.zeros((4, 3), dtype=np.uint8))


def test_arrays_cannot_be_written_through_a_value_and_the_callers_stays_his() -> None:
    pixels = np.zeros((3, 4, 3), dtype=np.uint8)
    picture = Picture(pixels=pixels)
    with pytest.raises(ValueError, match="read-only"):
        picture.pixels[0, 0, 0] = 1
    pixels[0, 0, 0] = 1  # the caller's own array is not locked
    with pytest.raises(FrozenInstanceError):
        picture.view = View.BACK  # type: ignore[misc]


def test_repr_shows_sizes_not_contents() -> None:
    picture = Picture(pixels=np.zeros((1024, 1024, 3), dtype=np.uint8), source={"file": "x.png"})
    assert "uint8[1024, 1024, 3]" in repr(picture)
    assert "<1 entries>" in repr(picture)
    assert len(repr(picture)) < 200
    assert repr(Export(files={"a.glb": b"x" * 10_000})) == "Export(files=<1 entries>, findings=())"


def test_an_export_is_not_saved_where_no_folder_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match="folder is empty; give a path, or"):
        Export(files={"a.glb": b"glTF"}).save("")
    assert not list(tmp_path.iterdir())
    assert Export(files={"a.glb": b"glTF"}).save(".")[0].read_bytes() == b"glTF"


def test_a_pinholes_focal_length_follows_from_its_field_of_view() -> None:
    camera = Camera.pinhole(640, 480, fov_deg=90.0)
    assert camera.fx_px == pytest.approx(240.0)
    assert camera.fy_px == camera.fx_px
    assert (camera.cx_px, camera.cy_px) == (320.0, 240.0)
    assert 2 * math.degrees(math.atan(18 / 85)) == pytest.approx(LENS_FOV_DEG, abs=0.1)


def test_rays_go_through_the_pixels_centres() -> None:
    rays = Camera.pinhole(4, 2, fov_deg=90.0).rays()  # focal length 1 px
    assert rays.shape == (2, 4, 3)
    assert rays[0, 0].tolist() == pytest.approx([-1.5, -0.5, 1.0])
    assert rays[1, 3].tolist() == pytest.approx([1.5, 0.5, 1.0])


@settings(deadline=None)  # a busy machine is no fault
@given(
    width=st.integers(1, 9),
    height=st.integers(1, 9),
    fov_deg=st.floats(1.0, 120.0),
    depth=st.floats(0.1, 10.0),
)
def test_projecting_a_rays_point_gives_its_pixel_back(
    width: int, height: int, fov_deg: float, depth: float
) -> None:
    camera = Camera.pinhole(width, height, fov_deg)
    points = camera.rays() * np.float32(depth)
    column = points[..., 0] / points[..., 2] * camera.fx_px + camera.cx_px
    row = points[..., 1] / points[..., 2] * camera.fy_px + camera.cy_px
    assert np.allclose(column, np.arange(width)[None, :] + 0.5, atol=1e-3)
    assert np.allclose(row, np.arange(height)[:, None] + 0.5, atol=1e-3)


def test_the_default_camera_looks_along_the_worlds_minus_z() -> None:
    camera_from_world = Camera.pinhole(2, 2).camera_from_world
    ahead_and_up = camera_from_world @ np.array([0.0, 1.0, -5.0, 1.0])
    assert ahead_and_up.tolist() == [0.0, -1.0, 5.0, 1.0]
    assert np.linalg.det(camera_from_world[:3, :3]) == pytest.approx(1.0)


def test_a_depth_map_has_its_cameras_size() -> None:
    camera = Camera.pinhole(4, 3)
    good = np.ones((3, 4), dtype=np.float32)
    depth = DepthMap(
        front=good, valid=np.ones((3, 4), dtype=np.bool_), camera=camera, model=ModelInfo(name="dome")
    )
    assert depth.back is None
    with pytest.raises(ValueError, match=r"DepthMap\.front"):
        DepthMap(front=good.T.copy(), valid=depth.valid, camera=camera, model=depth.model)
    with pytest.raises(ValueError, match=r"DepthMap\.back"):
        DepthMap(front=good, back=good[:2], valid=depth.valid, camera=camera, model=depth.model)


def test_a_clouds_arrays_have_one_length() -> None:
    n = 5
    points, normals = np.zeros((n, 3), dtype=np.float32), np.zeros((n, 3), dtype=np.float32)
    colors, source = np.zeros((n, 3), dtype=np.uint8), np.full(n, Source.SEEN, dtype=np.uint8)
    PointCloud(points=points, normals=normals, colors=colors, source=source)
    with pytest.raises(ValueError, match=r"PointCloud\.normals"):
        PointCloud(points=points, normals=normals[:4], colors=colors, source=source)
    with pytest.raises(ValueError, match=r"PointCloud\.source"):
        PointCloud(points=points, normals=normals, colors=colors, source=source[:4])


def test_a_figurine_has_three_texture_corners_for_each_face() -> None:
    uv = np.zeros((1, 3, 2), dtype=np.float32)
    figurine = Figurine(name="knight", mesh=_triangle(), uv=uv, texture=_picture())
    assert figurine.material.metallic == 0.0
    with pytest.raises(ValueError, match=r"Figurine\.uv"):
        Figurine(name="knight", mesh=_triangle(), uv=uv[:, :2], texture=_picture())
    with pytest.raises(ValueError, match=r"Mesh\.source"):
        Mesh(vertices=figurine.mesh.vertices, faces=figurine.mesh.faces, source=np.zeros(2, dtype=np.uint8))


def test_findings_travel_with_a_value() -> None:
    seen = finding("MESH_SEVERAL", {"count": 2, "pieces": 1, "gap_mm": 0.5, "floating": 0})
    picture = Picture(pixels=np.zeros((3, 4, 3), dtype=np.uint8), findings=(seen,))
    assert picture.findings[0].message.startswith("the mesh has 2 separate bodies")
