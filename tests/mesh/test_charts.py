"""charts.py: fewer and larger pieces, on charts where their faces may lie, laid out without an overlap."""

import numpy as np
import pytest
from shapes import sphere

from slipcast.mesh.charts import join_charts, lay_on_shelves, pieces_of
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


@pytest.mark.parametrize("count", [1, 7, 60])
@pytest.mark.parametrize("size", [(256, 128), (90, 400)])
def test_pieces_on_shelves_keep_apart_and_alike(count: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(count)
    low = rng.uniform(-5, 5, (count, 2))
    corner = low[:, None] + rng.uniform(0, 1, (count, 3, 2)) * rng.uniform(0.1, 3, (count, 1, 2))
    gap = 4
    laid = lay_on_shelves(np.arange(count), corner, size, gap, 40.0)
    boxes = np.concatenate([laid.min(axis=1), laid.max(axis=1)], axis=1)
    assert (boxes[:, :2] >= gap).all()
    assert (boxes[:, 2:] <= np.array(size)).all()
    for k in range(count):
        other = np.delete(boxes, k, axis=0)
        apart = np.maximum(other[:, :2] - boxes[k, 2:], boxes[k, :2] - other[:, 2:]).max(axis=1)
        assert (apart >= gap - 1e-9).all()
    edge = np.linalg.norm(np.diff(laid, axis=1), axis=-1) / np.linalg.norm(np.diff(corner, axis=1), axis=-1)
    assert np.ptp(edge) < 1e-6
    assert edge.max() <= 40.0 + 1e-6
