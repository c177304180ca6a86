"""The colours of the back: regions of the picture that reach its outline, never what they enclose."""

import cv2
import numpy as np
import pytest

from slipcast.core.values import F64, U8, Bool
from slipcast.texture.hidden.back import complete_back
from slipcast.texture.hidden.pattern import find_pattern
from slipcast.texture.hidden.profile import is_profile
from slipcast.texture.hidden.regions import find_regions, join_lit_and_shaded, to_lab

HAIR, SKIN, COAT, DARK = (170, 70, 30), (240, 200, 170), (40, 80, 170), (20, 20, 20)
FUR, WHITE, TANNED = (230, 130, 60), (250, 246, 238), (205, 140, 105)


def figure() -> tuple[U8, Bool]:
    """A head of hair with a face in it, above a coat."""
    row, column = np.mgrid[:320, :200]
    head = np.hypot(row - 90, column - 100) < 75
    coat = (row >= 150) & (np.abs(column - 100) < 30 + 0.3 * (row - 150)) & (row < 310)
    pixels = np.full((320, 200, 3), 255, np.uint8)
    pixels[coat], pixels[head] = COAT, HAIR
    pixels[np.hypot(row - 105, column - 100) < 45] = SKIN
    for x in (80, 120):
        pixels[np.hypot(row - 100, column - x) < 9] = DARK
    return pixels, head | coat


def make_back(pixels: U8, mask: Bool) -> F64:
    pixels = np.where(mask[..., None], pixels, pixels[mask].mean(0).astype(np.uint8))
    flat = np.zeros(mask.shape, np.float32)
    return complete_back(pixels, mask, flat).astype(float)


def off(pixels: F64, color: tuple[int, ...]) -> F64:
    out: F64 = np.linalg.norm(pixels - color, axis=-1)
    return out


def test_the_back_of_a_head_is_hair() -> None:
    pixels, mask = figure()
    back = make_back(pixels, mask)
    row, column = np.mgrid[: mask.shape[0], : mask.shape[1]]
    assert off(back[np.hypot(row - 100, column - 100) < 50], HAIR).max() < 40
    assert off(back[200:300, 90:110], COAT).max() < 40


def beast() -> tuple[U8, Bool]:
    """An orange beast with a white muzzle that reaches the outline at the cheeks, a white chest and tip of the tail."""
    row, column = np.mgrid[:320, :200]
    head = np.hypot(row - 90, column - 100) < 70
    body = np.hypot((row - 220) / 1.3, column - 100) < 65
    tail = (row > 230) & (row < 270) & (column > 150) & (column < 200)
    pixels = np.full((320, 200, 3), 255, np.uint8)
    pixels[head | body | tail] = FUR
    pixels[head & (row > 105)] = WHITE
    pixels[np.hypot((row - 200) / 1.6, column - 100) < 35] = WHITE
    pixels[tail & (column > 175)] = WHITE
    return pixels, head | body | tail


def test_a_pale_muzzle_and_chest_stay_in_front() -> None:
    pixels, mask = beast()
    back = make_back(pixels, mask)
    assert off(back[40:290, 90:110], FUR).max() < 40


def test_a_white_stripe_from_side_to_side_goes_around() -> None:
    pixels, mask = figure()
    coat = mask & (np.arange(320)[:, None] > 160)
    pixels[coat & (np.abs(np.arange(320) - 235)[:, None] < 22)] = WHITE
    back = make_back(pixels, mask)
    assert off(back[228:242, 60:140], WHITE).max() < 60


def test_borders_are_crisp() -> None:
    pixels, mask = figure()
    middle = make_back(pixels, mask)[:, 100]
    between = (off(middle, HAIR) > 40) & (off(middle, COAT) > 40) & mask[:, 100]
    assert between.sum() <= 8  # of 320 rows; the rim's colours made softer need some 40


def test_a_belt_goes_around() -> None:
    pixels, mask = figure()
    coat = mask & (np.arange(320)[:, None] > 160)
    belt = coat & (np.abs(np.arange(320) - 230)[:, None] < 16)
    pixels[belt] = HAIR
    back = make_back(pixels, mask)
    assert off(back[225:235, 60:140], HAIR).max() < 60


def test_a_spot_at_the_rim_stays_at_the_rim() -> None:
    pixels, mask = figure()
    row, column = np.mgrid[:320, :200]
    pixels[(np.hypot(row - 240, column - 45) < 10) & mask] = DARK
    back = make_back(pixels, mask)
    assert off(back[200:300, 80:120], COAT).max() < 40


def test_a_shield_at_the_rim_is_no_strip_behind() -> None:
    pixels, mask = figure()
    row, column = np.mgrid[:320, :200]
    left = 70 - 0.3 * (row - 150)
    shield = mask & (row > 190) & (row < 280) & (column < left + 34)
    pixels[shield], pixels[shield & (column > left + 8) & (column < left + 26)] = FUR, WHITE
    back = make_back(pixels, mask)
    assert off(back[shield & (column > left + 2)], COAT).max() < 60


def test_a_hand_at_the_rim_goes_around() -> None:
    pixels, mask = figure()
    row, column = np.mgrid[:320, :200]
    arm = (np.abs(row - 200) < 14) & (column > 120)
    pixels[arm], pixels[arm & (column > 176)] = COAT, FUR
    back = make_back(pixels, mask | arm)
    assert off(back[192:208, 184:196], FUR).max() < 40


def test_the_back_has_the_grain_of_its_region() -> None:
    pixels, mask = figure()
    stripes = (np.arange(320)[:, None] // 3 % 2 * 24 - 12).astype(float)
    face = off(pixels.astype(float), HAIR) > 0
    pixels = np.where(face[..., None], pixels, np.clip(pixels + stripes[..., None], 0, 255)).astype(np.uint8)
    back = make_back(pixels, mask)
    assert back[80:130, 80:120].std(axis=0).mean() > 3


def test_regions_join_light_and_shade() -> None:
    row, column = np.mgrid[:120, :120]
    shade = (0.45 + 0.55 * column / 120)[..., None]
    pixels = (np.array([60, 170, 50]) * shade).astype(np.uint8)
    pixels[(row > 40) & (row < 80)] = (200, 40, 40)
    label, count = find_regions(pixels, np.ones((120, 120), bool))
    assert count == 2
    assert label[10, 10] == label[10, 110] != label[60, 60]


@pytest.mark.parametrize("side", [1, 5, 40])
def test_small_masks(side: int) -> None:
    pixels = np.full((50, 50, 3), 90, np.uint8)
    mask = np.zeros((50, 50), bool)
    mask[:side, :side] = True
    back = complete_back(pixels, mask, np.zeros((50, 50), np.float32))
    assert back.shape == pixels.shape
    assert np.abs(back.astype(int) - 90).max() <= 2


def test_nothing_is_left_as_it_is() -> None:
    pixels = np.full((9, 9, 3), 7, np.uint8)
    assert (complete_back(pixels, np.zeros((9, 9), bool), np.zeros((9, 9), np.float32)) == 7).all()


def test_the_same_picture_has_the_same_back() -> None:
    pixels, mask = figure()
    assert (make_back(pixels, mask) == make_back(pixels, mask)).all()


def test_a_beast_from_its_side_has_the_same_other_side() -> None:
    row, column = np.mgrid[:160, :240]
    body = (np.abs(row - 90) < 16) & (np.abs(column - 110) < 55)
    legs = (row >= 90) & (row < 155) & ((np.abs(column - 62) < 6) | (np.abs(column - 158) < 6))
    neck = (np.abs(column - 175 + 0.35 * (row - 40)) < 16) & (row > 20) & (row < 100)
    head = (np.abs(row - 30) < 14) & (column > 165) & (column < 235)
    tail = (np.abs(column - 52) < 8) & (row > 76) & (row < 130)
    mask = body | legs | neck | head | tail
    pixels = np.full((160, 240, 3), COAT, np.uint8)
    pixels[np.hypot(row - 90, column - 110) < 10] = SKIN
    assert is_profile(mask)
    assert off(make_back(pixels, mask)[86:95, 106:115], SKIN).max() < 10
    assert not is_profile(figure()[1])
    assert not is_profile(np.concatenate([mask, mask[:, ::-1]], 1)), "two beasts that face each other"


def test_light_at_the_rim_is_no_region_of_its_own() -> None:
    row, column = np.mgrid[:150, :100]
    head, legs = np.hypot(row - 50, column - 50) < 45, (row >= 95) & (np.abs(column - 50) < 25)
    mask = head | legs
    pixels = np.full((150, 100, 3), (220, 90, 120), np.uint8)
    pixels[legs & (row > 100)] = (150, 150, 152)
    glint = head & (np.hypot(row - 50, column - 50) > 41) & (column < 35) & (row < 40)
    pixels[glint] = (150, 150, 152)
    label, _ = find_regions(pixels, mask)
    assert (label[glint] == label[50, 50]).mean() > 0.9
    assert label[130, 50] != label[50, 50]


def cat(shade: float = 1.0) -> tuple[U8, Bool, Bool]:
    """An orange body with dark level stripes and two eyes; its right half is darker by `shade`."""
    row, column = np.mgrid[:320, :200]
    mask = np.hypot((row - 160) / 1.6, column - 100) < 95
    pixels = np.full((320, 200, 3), FUR, np.uint8)
    # Level stripes on both flanks, none in the middle.
    stripes = mask & (row % 32 < 14) & (np.abs(column - 100) > 38) & (np.abs(column - 100) < 82)
    pixels[stripes] = DARK
    pixels[:, 100:] = (pixels[:, 100:] * shade).astype(np.uint8)
    return pixels, mask, stripes


def test_stripes_go_on_behind() -> None:
    pixels, mask, stripes = cat()
    back = make_back(pixels, mask)
    middle = back[60:260, 70:130]
    assert middle.mean(-1).std() > 20
    assert off(back[mask & ~stripes], FUR).mean() < off(np.full((1, 3), DARK, float), FUR)[0] / 2


def test_eyes_are_no_pattern() -> None:
    pixels, mask = figure()
    label, count = find_regions(pixels, mask)
    same, still, pattern = find_pattern(label, count, to_lab(pixels), mask)
    assert not pattern.any()
    assert still == count
    assert (same == label).all()


def test_light_from_one_side_leaves_one_region() -> None:
    row, column = np.mgrid[:160, :120]
    mask = np.hypot((row - 80) / 1.3, column - 60) < 55
    pixels = np.full((160, 120, 3), (130, 171, 67), np.uint8)
    pixels[:, 60:] = (63, 111, 53)
    label = np.where(mask, (column >= 60).astype(np.int64), -1)
    joined, count = join_lit_and_shaded(label, 2, pixels, mask)
    assert count == 1
    assert set(np.unique(joined)) == {-1, 0}


def test_clothes_of_two_hues_stay_two() -> None:
    row, column = np.mgrid[:160, :120]
    mask = np.hypot((row - 80) / 1.3, column - 60) < 55
    pixels = np.full((160, 120, 3), (210, 70, 60), np.uint8)
    pixels[:, 60:] = COAT
    label = np.where(mask, (column >= 60).astype(np.int64), -1)
    assert join_lit_and_shaded(label, 2, pixels, mask)[1] == 2


def test_hair_is_no_shade_of_a_hood() -> None:
    row, column = np.mgrid[:160, :120]
    mask = np.hypot((row - 80) / 1.3, column - 60) < 55
    pixels = np.full((160, 120, 3), (214, 150, 165), np.uint8)
    pixels[:, 60:] = (154, 61, 87)
    label = np.where(mask, (column >= 60).astype(np.int64), -1)
    assert join_lit_and_shaded(label, 2, pixels, mask)[1] == 2


def boy() -> tuple[U8, Bool]:
    """Short hair on a head whose cheeks reach the outline, a white shirt between bare arms, trousers."""
    row, column = np.mgrid[:320, :200]
    head = np.hypot(row - 60, column - 100) < 50
    body = (row >= 105) & (row < 210) & (np.abs(column - 100) < 62)
    legs = (row >= 210) & (row < 315) & (np.abs(column - 100) < 45)
    pixels = np.full((320, 200, 3), 255, np.uint8)
    pixels[legs], pixels[body], pixels[head] = COAT, WHITE, TANNED
    pixels[body & (np.abs(column - 100) >= 42) & (row > 165)] = TANNED
    pixels[head & (row < 42)] = DARK
    return pixels, head | body | legs


def test_hair_on_top_of_a_face_covers_the_back_of_the_head() -> None:
    pixels, mask = boy()
    back = make_back(pixels, mask)
    assert off(back[20:75, 65:135], DARK).max() < 60
    assert off(back[104:106, 90:110], DARK).min() > 60  # the neck is bare


def test_a_white_shirt_between_bare_arms_goes_around() -> None:
    pixels, mask = boy()
    back = make_back(pixels, mask)
    assert off(back[135:200, 70:130], WHITE).max() < 60


def robot() -> tuple[U8, Bool]:
    """A head with a wide screen in it, on a slim body of the screen's colour."""
    row, column = np.mgrid[:320, :200]
    head, screen = (row < 150), (row >= 14) & (row < 136) & (np.abs(column - 100) < 88)
    body = (row >= 150) & (np.abs(column - 100) < 50)
    pixels = np.full((320, 200, 3), COAT, np.uint8)
    pixels[head & ~screen] = HAIR
    return pixels, head | body


def test_a_screen_in_a_frame_stays_in_front() -> None:
    back = make_back(*robot())
    assert off(back[40:120, 40:160], HAIR).mean() < 60


def shaded_doll(tall: int) -> tuple[U8, Bool]:
    """Hair, a face, sleeves, a coat with a play of colours and shoes, in soft light; `tall` pixels."""
    row, column = np.mgrid[:480, :300].astype(np.float32)
    across = np.abs(column - 150)
    head, face = np.hypot(row - 130, across) < 105, np.hypot(row - 150, across) < 62
    coat = (row >= 225) & (across < 45 + 0.3 * (row - 225)) & (row < 400)
    shoes = (row >= 400) & (row < 465) & (across < 80)
    sleeves = (np.abs(row - 300) < 22) & (across < 138) & (across > 60)
    pixels = np.zeros((480, 300, 3), np.float32)
    for part, color in (
        (shoes, (90, 60, 40)),
        (coat, COAT),
        (sleeves, (150, 60, 140)),
        (head, HAIR),
        (face, SKIN),
    ):
        pixels[part] = color
    turn = (column - 150) / 150
    light = (1 - 0.45 * np.minimum(turn**2, 1) - 0.15 * np.maximum(turn, 0)) * np.interp(
        row, (60, 480), (1, 0.75)
    )
    folds = 1 + 0.5 * np.sin(column * 0.9 + np.sin(row * 0.13) * 2) * np.sin(row * 0.23 + column * 0.05)
    pixels *= (light * folds)[..., None]
    play = np.stack([30 * np.sin(row / 20), 20 * np.sin(row / 14), 25 * np.cos(row / 17)], -1)
    pixels = np.clip(pixels + play * coat[..., None], 0, 255)
    mask = head | coat | shoes | sleeves
    pixels[~mask] = pixels[mask].mean(0)
    size = round(300 * tall / 480), tall
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return small, cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0.5


def test_a_picture_of_another_size_has_the_same_back() -> None:
    backs = []
    for tall in (320, 300, 342):
        pixels, mask = shaded_doll(tall)
        back = complete_back(pixels, mask, np.zeros(mask.shape, np.float32))
        backs.append(to_lab(np.asarray(cv2.resize(back, (100, 160), interpolation=cv2.INTER_AREA), np.uint8)))
    inside = cv2.resize(mask.astype(np.uint8), (100, 160)) > 0
    for other in backs[1:]:
        assert np.linalg.norm(other - backs[0], axis=-1)[inside].mean() < 3


def test_a_dark_stand_is_no_shade_of_marble() -> None:
    row, column = np.mgrid[:160, :120].astype(np.float32)
    bust, stand = np.hypot(row - 60, column - 60) < 52, (row >= 110) & (np.abs(column - 60) < 34)
    # Marble darkens towards the stand, whose upper edge is bright.
    light = np.where(stand, np.interp(row, (110, 122), (120, 45)), np.interp(row, (30, 112), (240, 130)))
    pixels = np.repeat(light[..., None], 3, 2).astype(np.uint8)
    label, _ = find_regions(pixels, bust | stand)
    assert label[50, 60] != label[140, 60]
