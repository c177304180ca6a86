"""mesh/topology.py: what it calls closed is closed, and what it makes of touching sheets stays closed after welding."""

from dataclasses import replace

import manifold3d
import numpy as np
import pytest
from shapes import cube, sphere, sphere_volume_m3
from silhouettes import assert_solid

from slipcast.core.values import F32, I32, Mesh, PointCloud, Source
from slipcast.mesh.normals import cloud_normals
from slipcast.mesh.topology import (
    NUDGE_M,
    Closedness,
    bound_pieces,
    closedness,
    count_pieces,
    face_centres,
    face_normals,
    from_manifold,
    is_shut,
    make_mesh,
    to_manifold,
)
from slipcast.mesh.weld import weld


def _moved(mesh: Mesh, shift: tuple[float, float, float]) -> tuple[F32, I32]:
    return (mesh.vertices + np.array(shift, np.float32)).astype(np.float32), mesh.faces


def _joined(*parts: tuple[F32, I32]) -> Mesh:
    start, vertices, faces = 0, [], []
    for points, triangles in parts:
        vertices.append(points)
        faces.append(triangles + start)
        start += len(points)
    return make_mesh(np.concatenate(vertices), np.concatenate(faces).astype(np.int32))


def _loose(mesh: Mesh) -> Mesh:
    """Three vertices of its own for each face, as STL has it."""
    return make_mesh(
        mesh.vertices[mesh.faces].reshape(-1, 3),
        np.arange(3 * len(mesh.faces), dtype=np.int32).reshape(-1, 3),
    )


def test_pieces_share_no_vertex() -> None:
    one = cube(0.02)
    two = _joined(_moved(one, (0, 0, 0)), _moved(one, (0.05, 0, 0)))
    assert [count_pieces(one), count_pieces(two)] == [1, 2]
    assert [bound_pieces(one), bound_pieces(two)] == [1, 2]
    assert count_pieces(make_mesh(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32))) == 0


def test_a_cube_is_closed_and_has_its_volume() -> None:
    state = closedness(cube(0.02))
    assert state == Closedness(
        open_edges=0, crowded_edges=0, turned_edges=0, slivers=0, volume_m3=state.volume_m3
    )
    assert state.volume_m3 == pytest.approx(8e-6)
    assert state.closed


def test_a_fine_sphere_has_nearly_its_volume() -> None:
    assert closedness(sphere(0.02, 64, 96)).volume_m3 == pytest.approx(sphere_volume_m3(0.02), rel=0.003)


def test_faces_without_shared_vertices_are_welded_first() -> None:
    loose = _loose(cube())
    assert len(loose.vertices) == 36
    assert len(weld(loose)[0]) == 8
    assert closedness(loose).closed


def test_minus_zero_is_zero() -> None:
    mesh = cube()
    vertices = _loose(mesh).vertices.copy()
    vertices[::2] = np.where(vertices[::2] == 0, np.float32(-0.0), vertices[::2])
    assert closedness(make_mesh(vertices, np.arange(36, dtype=np.int32).reshape(-1, 3))).closed


def test_a_missing_face_is_three_open_edges() -> None:
    mesh = cube()
    state = closedness(make_mesh(mesh.vertices, mesh.faces[1:]))
    assert (state.open_edges, state.crowded_edges, state.turned_edges) == (3, 0, 0)
    assert not state.closed


def test_a_turned_face_is_three_turned_edges() -> None:
    mesh = cube()
    faces = mesh.faces.copy()
    faces[4] = faces[4][::-1]
    state = closedness(make_mesh(mesh.vertices, faces))
    assert (state.open_edges, state.crowded_edges, state.turned_edges) == (0, 0, 3)
    assert not state.closed


def test_inside_out_is_not_closed() -> None:
    mesh = cube()
    state = closedness(make_mesh(mesh.vertices, np.ascontiguousarray(mesh.faces[:, ::-1])))
    assert state.volume_m3 < 0
    assert state.turned_edges == 0
    assert not state.closed


def test_cubes_that_share_an_edge_have_a_crowded_edge() -> None:
    mesh = cube(0.02)
    state = closedness(_joined(_moved(mesh, (0, 0, 0)), _moved(mesh, (0.02, 0.02, 0))))
    assert state.crowded_edges == 1
    assert not state.closed


@pytest.mark.parametrize("faces", [0, 1])
def test_next_to_nothing_is_not_closed(faces: int) -> None:
    mesh = make_mesh(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32)[:faces])
    assert not closedness(mesh).closed
    assert to_manifold(mesh) is None


def test_open_and_turned_meshes_are_no_solids() -> None:
    mesh = cube()
    assert to_manifold(mesh) is not None
    assert to_manifold(make_mesh(mesh.vertices, mesh.faces[1:])) is None
    turned = mesh.faces.copy()
    turned[0] = turned[0][::-1]
    assert to_manifold(make_mesh(mesh.vertices, turned)) is None


@pytest.mark.parametrize("shift", [(0.02, 0.02, 0.0), (0.02, 0.02, 0.02)], ids=["edge", "corner"])
def test_sheets_that_touch_are_pushed_apart(shift: tuple[float, float, float]) -> None:
    mesh = cube(0.02)
    one, two = (to_manifold(_joined(_moved(mesh, by))) for by in ((0.0, 0.0, 0.0), shift))
    assert one is not None
    assert two is not None
    apart = from_manifold(manifold3d.Manifold.compose([one, two]))
    state = closedness(apart)
    assert_solid(apart)
    assert state.volume_m3 == pytest.approx(16e-6, rel=1e-3)
    before = np.concatenate([mesh.vertices, _moved(mesh, shift)[0]])
    assert np.abs(np.sort(apart.vertices, axis=0) - np.sort(before, axis=0)).max() < 4 * NUDGE_M


def test_a_solid_comes_back_as_it_was() -> None:
    solid = to_manifold(sphere())
    assert solid is not None
    mesh = from_manifold(solid)
    assert len(mesh.faces) == len(sphere().faces)
    assert closedness(mesh).volume_m3 == pytest.approx(closedness(sphere()).volume_m3, rel=1e-5)


def test_normals_and_areas_of_a_cube() -> None:
    mesh = cube(0.02)
    normals, areas = face_normals(mesh.vertices, mesh.faces)
    assert np.linalg.norm(normals, axis=1) == pytest.approx(1)
    assert areas == pytest.approx(2e-4)
    outward = mesh.vertices[mesh.faces].mean(1) - mesh.vertices.mean(0)
    assert ((normals * outward).sum(1) > 0).all()
    flat = face_normals(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    assert not flat[0].any()
    assert not flat[1].any()


def test_unlabelled_says_invented() -> None:
    assert (make_mesh(cube().vertices, cube().faces).source == int(Source.INVENTED)).all()


def test_a_mesh_is_shut_as_its_closedness_says_but_for_its_bodies() -> None:
    mesh = cube(0.02)
    turned = make_mesh(mesh.vertices, np.ascontiguousarray(mesh.faces[:, ::-1]))
    small = make_mesh(turned.vertices * np.float32(0.1) + np.float32(1), turned.faces)
    assert is_shut(mesh)
    assert not is_shut(make_mesh(mesh.vertices, mesh.faces[1:]))
    assert not is_shut(turned)
    both = _joined(_moved(mesh, (0, 0, 0)), _moved(small, (0, 0, 0)))
    assert not closedness(both).closed  # one body is inside out
    assert is_shut(both)


def test_a_cloud_has_its_own_normals_or_those_of_its_triangles() -> None:
    ball = sphere(0.02, 30, 40)
    colors, source = np.zeros((len(ball.vertices), 3), np.uint8), np.zeros(len(ball.vertices), np.uint8)
    cloud = PointCloud(points=ball.vertices, colors=colors, source=source, joins=ball.faces)
    off = ball.vertices - ball.vertices.mean(0)
    outward = off / np.linalg.norm(off, axis=1, keepdims=True)
    assert np.quantile((cloud_normals(cloud) * outward).sum(1), 0.05) > 0.99
    own = np.ascontiguousarray(-outward, np.float32)
    assert np.array_equal(cloud_normals(replace(cloud, normals=own)), own)
    with pytest.raises(ValueError, match="loose cloud"):
        cloud_normals(replace(cloud, joins=None))


def test_face_centres_are_the_means_of_corners() -> None:
    ball = sphere(0.02, 30, 40)
    wanted = ball.vertices[ball.faces].astype(np.float64).mean(1)
    assert np.array_equal(face_centres(ball.vertices, ball.faces), wanted)
