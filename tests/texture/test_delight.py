"""Light that is known is divided out; colours that are no light stay."""

from dataclasses import replace

import numpy as np
import pytest

from slipcast.core.errors import BadInput
from slipcast.core.values import F64, U8, Bool, Camera, Cutout, DepthKind, ModelInfo, Shells, Source
from slipcast.texture.delight import estimate_light, remove_light
from slipcast.texture.paint import TextureOptions

SIDE = 192


def lit_ball(lamp: tuple[float, float, float], *, ambient: float = 0.35) -> tuple[Cutout, Shells, F64, Bool]:
    """A ball of two colours under a lamp: the picture, its depth, the light, and where it is whole."""
    camera = Camera.pinhole(SIDE, SIDE, 24.0)
    rays = camera.rays().astype(np.float64)
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    centre, radius = np.array([0.0, 0.0, 0.22]), 0.035
    along = rays @ centre
    inside = along**2 - (centre @ centre - radius**2)
    valid = inside > 0
    root = np.sqrt(np.maximum(inside, 0))
    point = rays * (along - root)[..., None]
    normal = (point - centre) / radius * [1, -1, -1]  # the camera's y and z run against the world's
    way = np.array(lamp) / np.linalg.norm(lamp)
    light = ambient + (1 - ambient) * (0.5 + 0.5 * normal @ way)
    albedo = np.where((np.arange(SIDE) // 24 % 2 == 0)[None, :, None], [0.55, 0.1, 0.08], [0.1, 0.2, 0.5])
    linear = np.clip(albedo * light[..., None], 0, 1)
    pixels = np.rint(255 * np.where(linear < 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055))
    depth = Shells(
        front=np.where(valid, point[..., 2], 0).astype(np.float32),
        back=np.where(valid, (rays * (along + root)[..., None])[..., 2], 0).astype(np.float32),
        valid=valid,
        camera=camera,
        kind=DepthKind.METRIC,
        back_source=Source.MIRRORED,
        model=ModelInfo(name="truth"),
    )
    whole = valid & (normal[..., 2] > 0.45)
    alpha = np.where(valid, 255, 0).astype(np.uint8)
    picture = Cutout(pixels=np.where(valid[..., None], pixels, 255).astype(np.uint8), alpha=alpha)
    return picture, depth, np.log(light), whole


def brightness(pixels: U8) -> F64:
    """(H,W) log of the linear brightness."""
    value = pixels.astype(np.float64) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.asarray(np.log(np.maximum(linear.sum(axis=2), 1e-3)))


@pytest.mark.parametrize("lamp", [(0.3, 1.0, 0.2), (-1.0, 0.4, 0.3), (1.0, 1.0, 1.0)])
def test_the_light_of_a_lamp_is_found_across_two_colours(lamp: tuple[float, float, float]) -> None:
    picture, depth, true, whole = lit_ball(lamp)
    found = estimate_light(picture, depth)
    off = found.logarithm[whole] - true[whole]
    assert off.std() < 0.35 * true[whole].std()


@pytest.mark.parametrize("tone", [255, 0])
def test_what_is_burnt_out_or_black_says_nothing_of_the_light(tone: int) -> None:
    picture, depth, true, whole = lit_ball((0.3, 1.0, 0.2))
    pixels = picture.pixels.copy()
    pixels[whole & (np.arange(SIDE) < 0.5 * SIDE)[None, :]] = tone
    found = estimate_light(replace(picture, pixels=pixels), depth)
    off = found.logarithm[whole] - true[whole]
    assert off.std() < 0.35 * true[whole].std()


def test_a_colour_is_evener_afterwards_and_alpha_stays() -> None:
    picture, depth, _, whole = lit_ball((0.3, 1.0, 0.2))
    after, told = remove_light(picture, depth, 1.0)
    assert after.alpha is picture.alpha
    assert 0.3 < told["stops"] < 2
    red = whole & (np.arange(SIDE) // 24 % 2 == 0)[None, :]
    assert brightness(after.pixels)[red].std() < 0.4 * brightness(picture.pixels)[red].std()
    half, told_half = remove_light(picture, depth, 0.5)
    assert told_half["stops"] == pytest.approx(told["stops"] / 2, abs=0.02)
    spread = [brightness(each.pixels)[red].std() for each in (picture, half, after)]
    assert spread[0] > spread[1] > spread[2]


def test_a_step_of_colour_is_no_light() -> None:
    picture, depth, _, whole = lit_ball((0.3, 1.0, 0.2), ambient=1.0)
    assert np.abs(estimate_light(picture, depth).logarithm[whole]).max() < 0.06


def test_strength_nothing_changes_nothing() -> None:
    picture, depth, _, _ = lit_ball((0.3, 1.0, 0.2))
    assert remove_light(picture, depth, 0.0) == (picture, {})


@pytest.mark.parametrize("strength", [-0.1, 1.5, float("nan"), "much"])
def test_other_strengths_are_refused(strength: object) -> None:
    with pytest.raises(BadInput, match="delight"):
        TextureOptions(delight=strength)  # type: ignore[arg-type]
