"""texture/hidden/grain.py: hair has its grain behind too, and of armour's ridges little is left."""

import numpy as np

from slipcast.core.values import F32, U8
from slipcast.texture.hidden.back import complete_back
from slipcast.texture.hidden.grain import MOST, limit_grain


def _front(strokes: bool) -> U8:
    """A brown block with strokes all over, or a grey one with some ridges."""
    y, x = np.mgrid[:240, :160]
    if strokes:
        light = 25 * np.sin(x * 1.3 + 2 * np.sin(y / 17))
        brown: U8 = np.clip(np.array([150, 90, 50]) + light[..., None], 0, 255).astype(np.uint8)
        return brown
    ridge = np.exp(-(((y % 24 - 12) / 1.5) ** 2))
    grey: U8 = (np.array([150, 150, 155]) - 18 * ridge[..., None]).astype(np.uint8)
    return grey


def _contrast(back: U8) -> float:
    """How far the darkest of the back is below its middle, of 255."""
    light = back[20:-20, 20:-20].mean(-1)
    return float(np.median(light) - light.min())


def test_of_few_lines_little_is_left_behind_and_hair_keeps_its_grain() -> None:
    mask, shell = np.ones((240, 160), bool), np.zeros((240, 160), np.float32)
    assert _contrast(complete_back(_front(strokes=False), mask, shell)) < 6
    assert _contrast(complete_back(_front(strokes=True), mask, shell)) > 8


def test_a_region_of_even_grain_may_have_more_and_a_pattern_all() -> None:
    label = np.zeros((60, 60), np.int64)
    label[:, 20:], label[:, 40:], label[:, 58:] = 1, 2, -1
    grain: F32 = np.random.default_rng(3).normal(0, 5, (60, 60, 3)).astype(np.float32)
    grain[:, :20] = 0
    grain[30, :20] = 20
    grain[:, 20:40] = np.where(np.arange(60)[:, None, None] % 2, 6, -6)
    pattern = np.zeros((60, 60), bool)
    pattern[50:, 40:58] = True
    most = limit_grain(label, pattern, grain)
    assert most[10, 10] < most[10, 30] == MOST
    assert most[55, 50] == 255
    assert most[10, 59] < MOST
