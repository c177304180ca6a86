"""reconstruct/dexels.py: solids as sorted stretches of rays: no voids, no specks, nothing that floats."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage

from slipcast.core.values import F64, I64, Bool
from slipcast.reconstruct.dexels import Dexels, make_dexels
from slipcast.reconstruct.gaps import Gaps
from slipcast.reconstruct.ray_grid import RayGrid


def columns_of(front: F64, back: F64, inside: Bool | None = None) -> RayGrid:
    """Columns a pixel apart; whatever is not `inside` has no figurine."""
    inside = np.ones(front.shape, bool) if inside is None else inside
    padded = np.pad(inside, 1)
    return RayGrid(
        inside=padded,
        cover=padded.astype(np.float32),
        front=np.pad(np.where(inside, front, 0), 1),
        back=np.pad(np.where(inside, back, 0), 1),
        pitch_px=1.0,
        origin_px=(-0.5, -0.5),
        nearest=1000.0,
        focal=1000.0,
    )


def air_of(columns: RayGrid, begin: F64, end: F64) -> Gaps:
    """Air from `begin` to `end` where `begin` (H,W) is finite, on the grid inside the columns' border."""
    begin, end = (np.pad(depth, 1, constant_values=np.nan) for depth in (begin, end))
    column = np.flatnonzero(np.isfinite(begin.reshape(-1)))
    return Gaps(column=column, begin=begin.reshape(-1)[column], end=end.reshape(-1)[column])


def volume_of(runs: Dexels) -> Bool:
    """(H,W,D) which whole depths from the first on are solid."""
    low, high = runs.low, runs.high
    first = int(low.min())
    out = np.zeros((runs.shape[0] * runs.shape[1], int(high.max()) - first + 1), bool)
    for column, begin, end in zip(runs.column, low - first, high - first, strict=True):
        assert not out[column, begin : end + 1].any(), "runs of a column do not overlap"
        out[column, begin : end + 1] = True
    return out.reshape(*runs.shape, -1)


def _slab(size: int = 30, thick: float = 40.0) -> RayGrid:
    return columns_of(np.zeros((size, size)), np.full((size, size), thick))


def _where(columns: RayGrid, chosen: Bool, begin: float, end: float) -> Gaps:
    return air_of(columns, np.where(chosen, begin, np.nan), np.where(chosen, end, np.nan))


def test_a_void_is_filled_and_a_pocket_is_not() -> None:
    columns = _slab()
    y, x = np.mgrid[0:30, 0:30]
    void = _where(columns, (np.abs(y - 15) < 5) & (np.abs(x - 15) < 5), 10.2, 30.7)
    runs = make_dexels(columns, void)
    assert len(runs.column) == 900
    assert (runs.end - runs.begin).min() == 40
    pocket = _where(columns, (np.abs(y - 15) < 5) & (x < 12), 10.2, 30.7)
    runs = make_dexels(columns, pocket)
    assert len(runs.column) == 900 + 9 * 12
    assert not volume_of(runs)[16, 1:13, 15].any()


def test_a_part_that_floats_is_held_where_it_comes_nearest() -> None:
    columns = _slab()
    _, x = np.mgrid[0:30, 0:30]
    begin = np.full((30, 30), 10.0)
    runs = make_dexels(columns, air_of(columns, begin, 14.0 + 0.5 * x))
    solid = volume_of(runs)
    assert ndimage.label(solid)[1] == 1
    post = solid[:, :, 12]
    assert 20 < post.sum() < 200
    assert np.nonzero(post)[1].mean() < 10, "where the gap is narrow"


def test_a_post_stands_amid_a_part_rather_than_at_its_rim() -> None:
    """Where the gap is a little narrower at the rim, a post there would break off."""
    columns = _slab()
    _, x = np.mgrid[0:30, 0:30]
    begin = np.full((30, 30), 10.0)
    end = np.where(x == 29, 17.0, 18.0)
    solid = volume_of(make_dexels(columns, air_of(columns, begin, end)))
    post = np.nonzero(solid[1:-1, 1:-1, 14])
    assert 5 < post[0].mean() < 24
    assert 5 < post[1].mean() < 24, "not at the rim, where it is narrowest"


def test_a_small_part_is_no_speck() -> None:
    """A ball of a few hundred levels before a wall stays, and is held."""
    columns = _slab(thick=60.0)
    y, x = np.mgrid[0:30, 0:30]
    half = np.sqrt(np.maximum(36 - (y - 15.0) ** 2 - (x - 15.0) ** 2, 0))
    ball = half > 1
    flat: I64 = np.arange(columns.inside.size).reshape(columns.inside.shape)[1:-1, 1:-1]
    column = np.concatenate([flat[ball], flat[ball], flat[~ball]])
    begin = np.concatenate([np.full(ball.sum(), 5.0), 20 + half[ball], np.full((~ball).sum(), 5.0)])
    end = np.concatenate([20 - half[ball], np.full(ball.sum(), 35.0), np.full((~ball).sum(), 35.0)])
    order = np.lexsort([begin, column])
    solid = volume_of(make_dexels(columns, Gaps(column=column[order], begin=begin[order], end=end[order])))
    assert ndimage.label(solid)[1] == 1
    assert solid[16, 16, 15:26].all(), "the ball is there"


def test_a_part_beside_another_is_held_too() -> None:
    y, x = np.mgrid[0:40, 0:40]
    front = np.where(x < 20, 0.0, 60.0)
    columns = columns_of(front, front + 10 + 0 * y)
    nothing = np.zeros(0)
    runs = make_dexels(columns, Gaps(column=np.zeros(0, np.int64), begin=nothing, end=nothing))
    assert ndimage.label(volume_of(runs))[1] == 1
    assert len(runs.column) == 1600
    assert 4 < (runs.end - runs.begin > 15).sum() < 40, "a post, no curtain"


def test_specks_between_parts_are_dropped() -> None:
    columns = _slab()
    flat: I64 = np.arange(columns.inside.size).reshape(columns.inside.shape)[1:-1, 1:-1]
    inner = flat[:, :-2].ravel()  # the last two columns hold both sheets
    speck = flat[10:12, 10:12].ravel()
    plain = np.setdiff1d(inner, speck)
    column = np.concatenate([plain, speck, speck])
    begin = np.concatenate([np.full(len(plain), 5.0), np.full(4, 5.0), np.full(4, 22.0)])
    end = np.concatenate([np.full(len(plain), 35.0), np.full(4, 18.0), np.full(4, 35.0)])
    order = np.lexsort([begin, column])
    runs = make_dexels(columns, Gaps(column=column[order], begin=begin[order], end=end[order]))
    assert not volume_of(runs)[:, 1:29, 20].any()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    inside=arrays.arrays(np.bool_, (6, 7)),
    front=arrays.arrays(np.float64, (6, 7), elements=st.floats(0, 40)),
    thick=arrays.arrays(np.float64, (6, 7), elements=st.floats(1.5, 30)),
    air=arrays.arrays(np.float64, (6, 7, 2), elements=st.floats(0, 1)),
)
def test_any_columns_become_as_many_bodies_as_the_silhouette_has_parts(
    inside: Bool, front: F64, thick: F64, air: F64
) -> None:
    if not inside.any():
        return
    columns = columns_of(front, front + thick, inside)
    ends = np.sort(air, axis=2)
    begin = front + 1.2 + ends[..., 0] * (thick - 2.4)
    end = front + 1.2 + ends[..., 1] * (thick - 2.4)
    there = inside & (np.ceil(begin) <= np.floor(end)) & (thick > 2.6)
    runs = make_dexels(columns, air_of(columns, np.where(there, begin, np.nan), end))
    assert (runs.low <= runs.high).all()
    assert (np.diff(runs.column * 1000 + runs.low) > 0).all()
    solid = volume_of(runs)
    assert np.array_equal(solid.any(2), columns.inside), "the silhouette stays"
    assert ndimage.label(solid)[1] == ndimage.label(inside)[1]
    around = ndimage.label(np.pad(~solid, 1, constant_values=True))[1]
    assert around == 1, "no voids"


@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_neighbours_are_all_pairs_that_touch(turn: int) -> None:
    inside = np.rot90(np.array([[1, 1, 0], [0, 1, 1]], bool), turn)
    columns = columns_of(np.zeros(inside.shape), np.full(inside.shape, 3.0), inside)
    nothing = np.zeros(0)
    runs = make_dexels(columns, Gaps(column=np.zeros(0, np.int64), begin=nothing, end=nothing))
    down, right = runs.neighbours()
    assert len(down[0]) + len(right[0]) == 3 + (4 * 4 - 2 * 3)
