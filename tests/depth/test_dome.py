"""dome.py: balls from discs, symmetry, cuts that stay thick, and relief from shading."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from silhouettes import box, disc, grid, picture_of, silhouette_zoo

from slipcast.core.values import Cutout, DepthKind, Source
from slipcast.depth.dome import Dome, DomeOptions, inflate, inflate_standing, read_shading_relief


@pytest.mark.parametrize("radius", [6.0, 20.0, 45.0, 110.0])
def test_a_disc_becomes_a_ball(radius: float) -> None:
    size = int(2 * radius) + 20
    half = inflate(disc(size, radius) >= 128)
    x, y = grid(size, size)
    square = radius**2 - (x - size / 2) ** 2 - (y - size / 2) ** 2
    truth = np.sqrt(np.maximum(square, 0))
    assert 0.96 * radius < half.max() < 1.02 * radius
    assert np.abs(half - truth).mean() < 0.045 * radius
    assert half[square < -4 * radius].max(initial=0) == 0


def test_a_long_bar_has_the_membranes_own_depth() -> None:
    # Between two long edges u = (a^2 - x^2) / 2, so sqrt(4 u) is sqrt(2) a in the middle.
    half = inflate(box(400, 10, 180, 380, 40) >= 128)
    assert half[200].max() == pytest.approx(np.sqrt(2) * 20, rel=0.02)
    assert abs(int(half[200].argmax()) - 200) <= 2


def test_nothing_stands_outside_the_mask_and_all_inside_is_thick() -> None:
    for name, alpha in silhouette_zoo().items():
        mask = alpha >= 128
        for half in (inflate(mask), inflate_standing(mask)):
            assert half.shape == mask.shape, name
            assert np.isfinite(half).all(), name
            assert (half[~mask] == 0).all(), name
            assert (half[mask] > 0).all(), name


def test_twice_the_size_is_twice_as_thick() -> None:
    small, large = inflate(disc(80, 30) >= 128), inflate(disc(160, 60) >= 128)
    assert large.max() == pytest.approx(2 * small.max(), rel=0.03)
    assert np.abs(large[::2, ::2] - 2 * small).mean() < 0.03 * large.max()


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.integers(0, 40), st.integers(0, 40))
def test_where_the_figurine_stands_in_the_picture_changes_nothing(down: int, right: int) -> None:
    part = disc(40, 15)[2:-2, 2:-2] >= 128
    canvas = np.zeros((96, 96), bool)
    canvas[down : down + 36, right : right + 36] = part
    here = inflate(canvas)[down : down + 36, right : right + 36]
    assert np.array_equal(here, inflate(np.pad(part, 30))[30:66, 30:66])


def test_a_lowest_row_is_a_cut_and_not_a_rim() -> None:
    mask = box(200, 40, 70, 120, 60) >= 128
    round_, cut = inflate(mask), inflate_standing(mask, 0.3)
    middle = round_.max()
    assert round_[159, 100] < 0.35 * middle
    assert cut[159, 100] > 0.8 * middle
    assert cut[40, 100] < 0.35 * middle, "the top is a rim"
    assert np.array_equal(inflate_standing(mask, 0.0), round_)


@pytest.mark.parametrize(
    ("at", "probe"),
    [((0, 30), (0, 55)), ((30, 0), (60, 0)), ((30, 50), (60, 99))],
    ids=["top", "left", "right"],
)
def test_the_frame_cuts_and_does_not_round(at: tuple[int, int], probe: tuple[int, int]) -> None:
    half = inflate_standing(box(100, at[0], at[1], 60, 50) >= 128)
    assert half[probe] > 0.6 * half.max()


def test_prediction_is_metric_mirrored_and_ordered() -> None:
    depth = Dome(DomeOptions(shading=0)).predict(picture_of(disc(128, 50)))
    assert depth.kind is DepthKind.METRIC
    assert depth.back is not None
    assert depth.back_source is Source.MIRRORED
    assert depth.model.name == "dome"
    middle = depth.camera.fy_px
    inside = depth.valid
    assert np.allclose(depth.front[inside] + depth.back[inside], 2 * middle, rtol=1e-6)
    assert np.ptp(depth.back[inside] - middle) == pytest.approx(0.85 * 50, rel=0.15)
    assert (depth.front[~inside] == 0).all()
    assert (depth.back[~inside] == 0).all()


def test_roundness_scales_the_depth() -> None:
    picture = picture_of(disc(128, 50))
    thick = []
    for roundness in (0.5, 1.0):
        depth = Dome(DomeOptions(roundness=roundness, shading=0)).predict(picture)
        assert depth.back is not None
        thick.append(float((depth.back - depth.front).max()))
    assert thick[1] == pytest.approx(2 * thick[0], rel=1e-3)


def test_a_bright_spot_stands_out_and_a_dark_one_lies_deeper() -> None:
    alpha = disc(200, 80)
    picture = picture_of(alpha, (120, 120, 120))
    pixels = picture.pixels.copy()
    pixels[98:102, 78:82] = 250
    pixels[98:102, 118:122] = 5
    plain = Dome(DomeOptions(shading=0)).predict(picture)
    spotted = Dome().predict(Cutout(pixels=pixels, alpha=alpha))
    assert spotted.front[100, 80] < plain.front[100, 80] - 0.5
    assert spotted.front[100, 120] > plain.front[100, 120] + 0.5
    assert spotted.back is not None
    assert (spotted.back >= spotted.front).all()


def test_shading_takes_nothing_from_the_background() -> None:
    alpha = disc(120, 40)
    mask = alpha >= 128
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, 256, (120, 120, 3), dtype=np.uint8)
    other = np.where(mask[..., None], pixels, rng.integers(0, 256, (120, 120, 3), dtype=np.uint8)).astype(
        np.uint8
    )
    relief = read_shading_relief(pixels, mask, 80)
    assert np.array_equal(relief, read_shading_relief(other, mask, 80))
    assert np.abs(relief).max() <= 1
    assert (relief[~mask] == 0).all()


def test_one_colour_has_no_relief() -> None:
    mask = disc(120, 40) >= 128
    pixels = np.full((120, 120, 3), 77, np.uint8)
    assert np.abs(read_shading_relief(pixels, mask, 80)).max() < 1e-3


def test_an_empty_silhouette_gives_an_empty_map() -> None:
    depth = Dome().predict(picture_of(np.zeros((16, 24), np.uint8)))
    assert not depth.valid.any()
    assert not depth.front.any()


def test_the_same_picture_gives_the_same_bytes() -> None:
    rng = np.random.default_rng(5)
    picture = Cutout(pixels=rng.integers(0, 256, (90, 70, 3), dtype=np.uint8), alpha=disc(90, 30)[:, 10:80])
    one, two = Dome().predict(picture), Dome().predict(picture)
    assert one.back is not None
    assert two.back is not None
    assert one.front.tobytes() == two.front.tobytes()
    assert one.back.tobytes() == two.back.tobytes()
