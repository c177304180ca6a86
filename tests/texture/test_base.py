"""texture/base.py: what the wall of a base shows in front goes around it, as bands."""

import numpy as np
import pytest

from slipcast.core.round_base import RoundBase
from slipcast.core.values import F32, U8, Bool, Camera, ModelInfo, Shells, Source
from slipcast.texture.base import Wall, find_wall

SIDE = 400
CAMERA = Camera.pinhole(SIDE, SIDE, 24.0)
BASE = RoundBase(x=0.0, y=0.8, z=5.0, radius=0.6, height=0.3, elevation_deg=0.0)
GOLD, BLACK, RED = (200, 160, 40), (30, 30, 35), (200, 30, 30)
BOX = (slice(0, SIDE), slice(0, SIDE))


def scene(hidden: bool = False) -> tuple[Shells, U8, Bool]:
    """A black wall whose upper third is gold, with a red emblem in front; `hidden`: a plate stands before all of it."""
    column, row = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    x, y = (column - CAMERA.cx_px) / CAMERA.fx_px, (row - CAMERA.cy_px) / CAMERA.fy_px
    a, b, c = x**2 + 1, -5.0, 25 - 0.36
    root = b**2 - a * c
    front = (-b - np.sqrt(np.maximum(root, 0))) / a
    back = (-b + np.sqrt(np.maximum(root, 0))) / a
    height = 0.8 - y * front
    valid = (root > 0) & (height > 0) & (height < 0.3)
    pixels = np.full((SIDE, SIDE, 3), BLACK, np.uint8)
    pixels[height > 0.2] = GOLD
    pixels[(np.abs(x * front) < 0.15) & (height < 0.2)] = RED
    if hidden:
        front = np.full_like(front, 4.0)
    depth = Shells(
        front=np.where(valid, front, 0).astype(np.float32),
        back=np.where(valid, back, 0).astype(np.float32),
        valid=valid,
        camera=CAMERA,
        model=ModelInfo(name="test"),
        back_source=Source.INVENTED,
        base=BASE,
    )
    return depth, pixels, valid


def wall_of(depth: Shells, pixels: U8, valid: Bool) -> Wall:
    wall = find_wall(pixels, valid, depth, BOX, 1.0, 100.0)
    assert wall is not None
    return wall


def place_of(x: float, height: float, z: float) -> tuple[F32, F32]:
    """Pixel and depth in pixels, 100 to the unit."""
    at = [CAMERA.fx_px * x / z + CAMERA.cx_px, CAMERA.fy_px * (0.8 - height) / z + CAMERA.cy_px]
    return np.array([at], np.float32), np.array([100 * z], np.float32)


@pytest.mark.parametrize(("height", "expected"), [(0.26, GOLD), (0.1, BLACK), (0.0, BLACK)])
def test_bands_go_around_and_the_emblem_does_not(height: float, expected: tuple[int, int, int]) -> None:
    wall = wall_of(*scene())
    for x, z in ((0.0, 5.6), (0.6, 5.0), (-0.6, 5.0)):
        place, deep = place_of(x, height, z)
        made = wall.color(place, deep, np.full((1, 3), 255, np.float32))
        assert made[0] == pytest.approx(expected, abs=11)


def test_what_is_seen_well_and_what_lies_elsewhere_stay_as_they_are() -> None:
    wall = wall_of(*scene())
    for x, height, z in ((0.0, 0.1, 4.4), (0.0, 0.4, 5.6), (0.3, 0.25, 5.0)):
        place, deep = place_of(x, height, z)
        made = wall.color(place, deep, np.full((1, 3), 255, np.float32))
        assert made[0].tolist() == [255, 255, 255]


def test_a_chart_of_the_back_gets_the_wall() -> None:
    depth, pixels, valid = scene()
    wall = wall_of(depth, pixels, valid)
    made = wall.draw(np.full_like(pixels, 255), (depth.back * 100).astype(np.float32))
    row = int(CAMERA.fy_px * (0.8 - 0.1) / 5.6 + CAMERA.cy_px)
    assert made[row, SIDE // 2].astype(int) == pytest.approx(BLACK, abs=11)
    assert made[: row - 80].min() == 255


def test_grain_meets_itself_behind() -> None:
    depth, pixels, valid = scene()
    column = np.arange(SIDE)[None, :, None]
    shaded = np.clip(pixels.astype(int) + np.where(column < SIDE // 2, 8, -8), 0, 255).astype(np.uint8)
    wall = wall_of(depth, shaded, valid)
    colors = []
    for angle in (179.9, -179.9):
        turned = np.radians(angle)
        place, deep = place_of(0.6 * np.sin(turned), 0.1, 5 - 0.6 * np.cos(turned))
        colors.append(wall.color(place, deep, np.full((1, 3), 255, np.float32))[0])
    assert np.abs(np.diff(colors, axis=0)).max() < 4


def test_a_wall_that_is_hidden_tells_nothing() -> None:
    depth, pixels, valid = scene(hidden=True)
    assert find_wall(pixels, valid, depth, BOX, 1.0, 100.0) is None


def test_no_base_is_no_wall() -> None:
    depth, pixels, valid = scene()
    bare = Shells(
        front=depth.front,
        back=depth.back,
        valid=valid,
        camera=CAMERA,
        model=depth.model,
        back_source=depth.back_source,
    )
    assert find_wall(pixels, valid, bare, BOX, 1.0, 100.0) is None
