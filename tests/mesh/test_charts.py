"""charts.py: fewer and larger pieces, on charts where their faces may lie, none turned over."""

import numpy as np
from shapes import sphere

from slipcast.core.values import F64, I32
from slipcast.mesh.charts import join_charts, join_crumbs, join_pieces, pieces_of
from slipcast.mesh.neighbours import find_neighbours
from slipcast.mesh.topology import face_normals


def test_noise_at_the_border_of_two_charts_leaves_few_pieces() -> None:
    ball = sphere(0.02, 60, 90)
    normals, area = face_normals(ball.vertices, ball.faces)
    rng = np.random.default_rng(3)
    chart = (normals[:, 2] + rng.normal(0, 0.1, len(normals)) > 0).astype(np.int64)
    may = np.stack([normals[:, 2] < 0.25, normals[:, 2] > -0.25], axis=1)
    chart = np.where(may[np.arange(len(chart)), chart], chart, 1 - chart)
    before = pieces_of(ball.faces, chart).max() + 1
    joined = join_charts(ball.faces, chart, may, area)
    assert before > 100
    assert pieces_of(ball.faces, joined).max() + 1 < before / 10
    assert may[np.arange(len(joined)), joined].all()
    assert (joined[np.abs(normals[:, 2]) > 0.3] == chart[np.abs(normals[:, 2]) > 0.3]).all()


def test_a_face_stays_where_it_alone_may_lie() -> None:
    ball = sphere(0.02, 12, 16)
    area = face_normals(ball.vertices, ball.faces)[1]
    chart = np.zeros(len(ball.faces), np.int64)
    chart[17] = 1
    may = np.ones((len(chart), 2), bool)
    assert join_charts(ball.faces, chart, may, area)[17] == 0
    may[17, 0] = False
    assert join_charts(ball.faces, chart, may, area)[17] == 1


def _bumpy(size: int = 24) -> tuple[F64, I32]:
    """A sheet of (V,3) that is folded over at one place, and its faces, against the clock from above."""
    y, x = np.mgrid[0:size, 0:size].astype(float)
    vertices = np.stack([x, y, np.zeros_like(x)], -1).reshape(-1, 3)
    corner = (np.arange(size - 1)[:, None] * size + np.arange(size - 1)).ravel()
    faces = np.concatenate(
        [
            np.stack([corner, corner + 1, corner + size], 1),
            np.stack([corner + 1, corner + size + 1, corner + size], 1),
        ]
    )
    vertices[12 * size + 12, 0] += 1.6  # past its neighbour
    return vertices, faces.astype(np.int32)


def test_a_crumb_that_is_turned_over_is_unfolded_into_the_chart_around_it() -> None:
    vertices, faces = _bumpy()
    flat = vertices[:, :2]
    turned = _areas(flat[faces]) <= 0
    assert turned.any()
    chart = np.where(turned, 1, 0)
    area = np.ones(len(faces))
    joined, corner = join_crumbs(faces, chart, [flat, flat[:, ::-1]], area, [1.0, 1.0], most=0.02)
    assert (joined == 0).all()
    assert (_areas(corner) > 0).all()
    away = ~np.isin(faces, np.arange(12 * 24 + 9, 12 * 24 + 17)[:, None] + np.arange(-3, 4) * 24).any(1)
    assert (corner[away] == flat[faces[away]]).all(), "only what is near moves"


def test_a_crumb_that_would_have_to_move_far_stays_a_piece() -> None:
    vertices, faces = _bumpy()
    flat = vertices[:, :2]
    chart = np.where(_areas(flat[faces]) <= 0, 1, 0)
    mirrored = flat * [-1, 1]
    joined, corner = join_crumbs(faces, chart, [flat, mirrored], np.ones(len(faces)), [1e-3, 1.0], most=0.02)
    assert (joined == chart).all()
    assert (corner[chart == 1] == mirrored[faces[chart == 1]]).all()


def test_pieces_join_where_they_look_one_way_and_only_there() -> None:
    ball = sphere(0.02, 24, 36)
    normals, area = face_normals(ball.vertices, ball.faces)
    band = (np.arctan2(normals[:, 0], normals[:, 2]) // (np.pi / 8)).astype(np.int64)
    piece = np.unique(band, return_inverse=True)[1].astype(np.int64)
    piece[np.abs(normals[:, 1]) > 0.8] = 16 + (normals[np.abs(normals[:, 1]) > 0.8, 1] > 0)
    free = piece < 16
    joined, way = join_pieces(ball.faces, piece, free, normals, area)
    assert len(np.unique(joined[free])) < 8
    assert ((normals * way[joined])[free].sum(1) > 0.19).all()
    assert len(np.unique(joined[~free])) == 2
    kept, _ = join_pieces(ball.faces, piece, ~free, normals, area)
    assert (kept == piece).all()


def _areas(corner: F64) -> F64:
    (x_1, y_1), (x_2, y_2) = ((corner[:, k] - corner[:, 0]).T for k in (1, 2))
    out: F64 = x_1 * y_2 - y_1 * x_2
    return out


def test_neighbours_are_the_same_however_they_are_sorted() -> None:
    faces = sphere(0.02, 30, 40).faces
    first, second = find_neighbours(faces)
    assert len(first) == 3 * len(faces) // 2
    assert (first < second).all()
    shared = [len(set(faces[a]) & set(faces[b])) for a, b in zip(first, second, strict=True)]
    assert set(shared) == {2}
    far = faces.astype(np.int64) + 2**30  # too large for one number of 64 bits
    for one, other in zip(find_neighbours(far.astype(np.int32)), (first, second), strict=True):
        assert np.array_equal(one, other)
