"""pack.py: pieces lie in the rectangle, keep apart, use it well, and none is bent."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from slipcast.core.values import F64
from slipcast.mesh.pack import Outline, measure_cell, pack, turn


def _piece(rng: np.random.Generator, size: float) -> F64:
    """A fan of triangles about a random star."""
    around = np.linspace(0, 2 * np.pi, 10)[:-1]
    rim = np.stack([np.cos(around), np.sin(around)], 1) * rng.uniform(0.3, 1, (9, 1)) * size
    return np.stack([np.zeros_like(rim), rim, np.roll(rim, -1, 0)], 1) + rng.uniform(-50, 50, 2)


def _points(corner: F64, rng: np.random.Generator) -> F64:
    weights = rng.dirichlet([1, 1, 1], (60, len(corner)))
    rim = np.linspace(0, 1, 40)[:, None, None]
    edge = corner[:, 1] * (1 - rim) + corner[:, 2] * rim
    return np.concatenate([np.einsum("snk,nkc->snc", weights, corner).reshape(-1, 2), edge.reshape(-1, 2)])


@pytest.mark.parametrize("count", [1, 7, 30])
@pytest.mark.parametrize("size", [(256, 256), (512, 128), (128, 512)])
def test_pieces_keep_apart_and_within(count: int, size: tuple[int, int]) -> None:
    rng = np.random.default_rng(count)
    pieces = [_piece(rng, side) for side in rng.uniform(3, 70 / np.sqrt(count), count)]
    scales = rng.uniform(0.7, 1.2, count).tolist()
    upright = [k % 3 == 0 for k in range(count)]
    gap = 8
    placed = pack([Outline.of(piece) for piece in pieces], scales, size, gap, upright)
    assert placed is not None
    laid = [
        _points(each.apply(piece * scale), rng)
        for piece, scale, each in zip(pieces, scales, placed, strict=True)
    ]
    for k, points in enumerate(laid):
        assert (points >= gap / 2).all()
        assert (points <= np.array(size) - gap / 2).all()
        assert placed[k].quarters == 0 or not upright[k]
        others = laid[k + 1 :]
        if others:
            nearest = KDTree(points).query(np.concatenate(others))[0].min()
            assert nearest >= gap - 0.5
            cells = [{*map(tuple, each // measure_cell(size))} for each in (points, np.concatenate(others))]
            assert not cells[0] & cells[1]


@pytest.mark.parametrize(
    ("size", "cell"), [((2048, 1024), 32), ((512, 512), 8), ((64, 256), 4), ((128, 128), 4)]
)
def test_a_cell_is_a_texel_of_the_mip_of_64(size: tuple[int, int], cell: int) -> None:
    assert measure_cell(size) == cell


def test_what_does_not_fit_is_said() -> None:
    square = Outline.of(np.array([[[0, 0], [100, 0], [100, 100]], [[0, 0], [100, 100], [0, 100]]], float))
    assert pack([square], [1], (128, 128), 8, [True]) is not None
    assert pack([square, square], [1, 1], (128, 128), 8, [True, True]) is None
    assert pack([square, square], [0.4, 0.4], (128, 128), 8, [True, True]) is not None


def test_an_upright_piece_moves_by_whole_pixels() -> None:
    rng = np.random.default_rng(4)
    pieces = [_piece(rng, 20) for _ in range(4)]
    placed = pack([Outline.of(piece) for piece in pieces], [1] * 4, (256, 256), 8, [True] * 4)
    assert placed is not None
    assert all((each.shift == np.round(each.shift)).all() and each.quarters == 0 for each in placed)


def test_a_small_piece_lies_under_the_arm_of_a_large_one() -> None:
    arm = np.array([[[0, 0], [96, 0], [96, 16]], [[0, 0], [96, 16], [0, 16]]], float)
    leg = np.array([[[0, 0], [16, 0], [16, 96]], [[0, 0], [16, 96], [0, 96]]], float)
    angle, square = np.concatenate([arm, leg]), arm[:, :, ::-1] * [3, 0.5] + [0, 0]
    placed = pack([Outline.of(angle), Outline.of(square)], [1, 1], (128, 128), 4, [True, True])
    assert placed is not None
    low = placed[1].apply(square).min(axis=(0, 1))
    assert (low < 60).all()


def test_four_quarters_are_a_whole_turn() -> None:
    points = np.random.default_rng(5).uniform(-1, 1, (7, 2))
    assert np.allclose(turn(turn(points, 1), 3), points)
    assert np.allclose(turn(points, 2), -points)
