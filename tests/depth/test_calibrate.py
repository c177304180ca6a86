"""calibrate.py: scale and shift from a rule, both shells in order, whatever the model said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from silhouettes import ball, box, disc, flat, grid, map_of, picture_of

from slipcast.core.errors import BadInput, StageFailed
from slipcast.core.values import F32, F64, DepthKind, DepthMap, Shells
from slipcast.depth.calibrate import CalibrateOptions, calibrate, depth_prior
from slipcast.depth.place import PlaceOptions, place

_RULE = CalibrateOptions()
_SIZE = 96


def _hill() -> F64:
    """Distances of a hill that comes nearer in the middle, between 4 and 6."""
    x, y = grid(_SIZE, _SIZE)
    return 6 - 2 * np.exp(-((x - 44) ** 2 + (y - 50) ** 2) / 400)


def _relative(numbers: F64, kind: DepthKind) -> DepthMap:
    return map_of(disc(_SIZE, 36), numbers, kind)


def _ready(depth: DepthMap, ratio: float | None = None) -> Shells:
    out = calibrate(depth, CalibrateOptions(ratio=ratio))
    assert out.kind is DepthKind.METRIC
    inside = out.valid
    assert np.isfinite(out.front[inside]).all()
    assert np.isfinite(out.back[inside]).all()
    assert (out.front[inside] > 0).all()
    assert (out.back >= out.front).all()
    return out


@pytest.mark.parametrize("ratio", [0.049, 5.1, 0.0, -1.0, float("nan"), float("inf")])
def test_a_ratio_out_of_range_is_refused(ratio: float) -> None:
    with pytest.raises(BadInput, match=r"from 0\.05 to 5"):
        calibrate(flat(disc(32, 10), 90, 100), CalibrateOptions(ratio=ratio))


def test_a_metric_map_with_both_shells_is_believed() -> None:
    _, depth = ball(96, 1.0, 6.0)
    out = calibrate(depth, _RULE)
    assert out.front.tobytes() == depth.front.tobytes()
    assert out.findings == ()
    assert not out.ratio_is_prior


@pytest.mark.parametrize("ratio", [0.05, 0.5, 1.0, 5.0])
def test_an_asked_ratio_is_met(ratio: float) -> None:
    _, depth = ball(96, 1.0, 6.0)
    out = _ready(depth, ratio)
    deep = out.back[out.valid].max() - out.front[out.valid].min()
    middle = (out.back[out.valid].max() + out.front[out.valid].min()) / 2
    columns = np.ptp(np.flatnonzero(out.valid.any(0))) + 1
    assert deep / (columns * middle / out.camera.fx_px) == pytest.approx(ratio, rel=1e-3)
    assert out.findings == (), "who gives the ratio is not told that it is a prior"
    relative = _ready(_relative(_hill(), DepthKind.AFFINE_DEPTH), ratio)
    assert "DEPTH_PRIOR" not in {entry.code for entry in relative.findings}
    assert not relative.ratio_is_prior


@pytest.mark.parametrize("kind", [DepthKind.AFFINE_DISPARITY, DepthKind.AFFINE_DEPTH])
@settings(max_examples=15, deadline=None, derandomize=True)
@given(scale=st.floats(1e-4, 1e4), shift=st.floats(-0.5, 2))
def test_scale_and_shift_of_the_models_numbers_do_not_matter(
    kind: DepthKind, scale: float, shift: float
) -> None:
    numbers = 1 / _hill() if kind is DepthKind.AFFINE_DISPARITY else _hill()
    numbers = (numbers - numbers.min()) / np.ptp(numbers)
    one, two = _ready(_relative(numbers, kind)), _ready(_relative(scale * (numbers + shift), kind))
    assert one.back is not None
    assert two.back is not None
    assert np.abs(one.front - two.front).max() < 0.02
    assert np.abs(one.back - two.back).max() < 0.02


@pytest.mark.parametrize("kind", list(DepthKind))
def test_what_is_near_stays_near(kind: DepthKind) -> None:
    numbers = 1 / _hill() if kind is DepthKind.AFFINE_DISPARITY else _hill()
    out = _ready(_relative(numbers, kind))
    row, column = np.unravel_index(np.where(out.valid, out.front, np.inf).argmin(), out.front.shape)
    assert abs(int(row) - 50) <= 2
    assert abs(int(column) - 44) <= 2
    assert out.ratio_is_prior
    assert [entry.code for entry in out.findings] == ["DEPTH_PRIOR"]


def test_disparity_gives_the_true_shape_of_what_it_was_made_of() -> None:
    depth = _relative(3 / _hill() + 0.2, DepthKind.AFFINE_DISPARITY)
    out = _ready(depth)
    inverse = 1 / out.front[out.valid].astype(np.float64)
    truth = 1 / _hill()[out.valid]
    line = np.polyfit(truth, inverse, 1)
    inner = np.abs(np.polyval(line, truth) - inverse) / np.ptp(inverse)
    assert np.quantile(inner, 0.95) < 0.01


@pytest.mark.parametrize("numbers", [0.0, 1.0, -3.0, 1e-30, 1e30])
@pytest.mark.parametrize("kind", [DepthKind.AFFINE_DISPARITY, DepthKind.AFFINE_DEPTH])
def test_a_flat_map_is_said_and_becomes_a_body_all_the_same(kind: DepthKind, numbers: float) -> None:
    out = _ready(_relative(np.full((_SIZE, _SIZE), numbers), kind))
    assert [entry.code for entry in out.findings] == ["DEPTH_FLAT"]
    assert np.ptp(out.front[out.valid]) == 0
    assert (out.back - out.front).max() > 20


def test_front_and_back_share_the_wanted_depth() -> None:
    out = _ready(_relative(_hill(), DepthKind.AFFINE_DEPTH), 1.0)
    inside = out.valid
    thick = out.back - out.front
    # The silhouette is 72 px wide: the front spans 0.55 of that (between quantiles), the body is half of it thick.
    assert 0.55 * 72 <= np.ptp(out.front[inside]) < 0.8 * 72
    assert thick.max() == pytest.approx(36, rel=0.25)
    assert 0.75 * 72 < out.back[inside].max() - out.front[inside].min() < 1.25 * 72
    # At the rim the shells meet.
    rim = inside & ~(disc(_SIZE, 34) >= 128)
    assert np.median(thick[rim]) < 0.4 * thick.max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_without_a_number_are_dropped(bad: float) -> None:
    numbers = _hill()
    numbers[40:44, 40:44] = bad
    for kind in DepthKind:
        out = _ready(_relative(numbers, kind))
        assert not out.valid[40:44, 40:44].any()
        assert out.valid.sum() == (disc(_SIZE, 36) >= 128).sum() - 16


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_a_distance_that_is_not_in_front_of_the_camera_is_dropped(bad: float) -> None:
    numbers = _hill()
    numbers[40:44, 40:44] = bad
    assert not _ready(_relative(numbers, DepthKind.METRIC)).valid[40:44, 40:44].any()


def test_a_back_without_a_number_is_dropped() -> None:
    depth = flat(disc(_SIZE, 36), 90, 100)
    assert depth.back is not None
    back = depth.back.copy()
    back[48, 48] = np.nan
    out = calibrate(
        DepthMap(front=depth.front, back=back, valid=depth.valid, camera=depth.camera, model=depth.model),
        _RULE,
    )
    assert not out.valid[48, 48]
    assert out.valid.sum() == depth.valid.sum() - 1


def test_a_back_before_the_front_is_pushed_behind_it() -> None:
    _ready(flat(disc(_SIZE, 36), 100, 90))


@pytest.mark.parametrize("kind", list(DepthKind))
def test_a_map_without_one_number_ends_in_a_sentence(kind: DepthKind) -> None:
    depth = _relative(np.full((_SIZE, _SIZE), np.nan), kind)
    picture = picture_of(disc(_SIZE, 36))
    with pytest.raises(StageFailed, match="no valid pixel"):
        place(calibrate(depth, _RULE), picture, PlaceOptions())


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    numbers=arrays.arrays(
        np.float32, (12, 9), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
    ),
    mask=arrays.arrays(np.bool_, (12, 9)),
    kind=st.sampled_from(list(DepthKind)),
    ratio=st.one_of(st.none(), st.floats(0.05, 5)),
)
def test_any_numbers_become_ordered_distances(
    numbers: F32, mask: F32, kind: DepthKind, ratio: float | None
) -> None:
    depth = map_of(np.where(mask, 255, 0).astype(np.uint8), numbers.astype(np.float64), kind)
    out = calibrate(depth, CalibrateOptions(ratio=ratio))
    if out.valid.any():
        _ready(depth, ratio)


@pytest.mark.parametrize(
    ("height", "width", "prior"),
    [(80, 80, 1.0), (80, 40, 2**0.36), (90, 10, 1.6), (20, 90, 0.6), (40, 80, 2**-0.36)],
)
def test_the_prior_follows_the_silhouettes_proportions(height: int, width: int, prior: float) -> None:
    assert depth_prior(box(96, 2, 3, height, width) >= 128) == pytest.approx(prior, rel=1e-3)
