"""The measure of an atlas's smaller mips: gaps that are filled, empty, or none."""

import numpy as np
import pytest

from evaluation.mips import find_charts, halve, measure_mips
from slipcast.core.masks import fill_nearest
from slipcast.core.values import I32, U8

RED, BLUE = (200, 40, 30), (30, 60, 200)


def two_charts(gap_px: int, *, filled_px: float) -> tuple[U8, I32]:
    """An atlas of 256 x 256 with a red and a blue chart, their rims carried on so far, and the chart of each texel."""
    middle = 131  # of the gap; the smallest mips have no border there
    chart = np.full((256, 256), -1, np.int32)
    chart[16:240, 16 : middle - gap_px // 2] = 0
    chart[16:240, middle + gap_px // 2 : 240] = 1
    pixels = np.zeros((256, 256, 3), np.uint8)
    pixels[chart == 0], pixels[chart == 1] = RED, BLUE
    return fill_nearest(pixels, chart >= 0, filled_px)[0], chart


def most_off(gap_px: int, *, filled_px: float = np.inf) -> dict[int, float]:
    """The largest difference in each mip, by its size."""
    mips = measure_mips(*two_charts(gap_px, filled_px=filled_px), least_px=16)
    assert [mip.gap_px for mip in mips] == pytest.approx([gap_px / 2**k for k in range(5)], abs=1)
    return {mip.size[0]: mip.most for mip in mips}


def test_a_filled_gap_keeps_the_mips_apart_while_it_lasts() -> None:
    assert [most_off(8)[size] for size in (256, 128, 64)] == [0, 0, 0]
    assert most_off(8)[16] > 20
    assert most_off(32)[16] == 0


def test_what_lies_in_a_gap_that_is_not_filled_is_mixed_in_and_so_is_a_chart_without_gap() -> None:
    assert most_off(32, filled_px=4)[16] > 50
    assert most_off(0)[128] > 50


def test_charts_are_told_apart_by_their_corners_mirrored_or_not() -> None:
    uv = np.array([[[0, 0], [0.5, 0], [0, 1]], [[1, 0], [0.6, 0], [1, 1]], [[0.5, 0], [0.5, 0.9], [0, 1]]])
    chart = find_charts(uv.astype(np.float32), (20, 20))
    assert chart[1, [1, 11, 18]].tolist() == [0, -1, 1]
    assert chart[12, 8] == 0
    assert halve(np.arange(8.0).reshape(2, 4, 1)).ravel().tolist() == [2.5, 4.5]
