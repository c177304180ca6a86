"""attached.py: what hangs together with the figurine, and what on the ground does not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from slipcast.core.values import F32, U8, Bool
from slipcast.picture.attached import _find_pores, add_attached_parts
from slipcast.picture.backdrop import find_drawn_color, read_backdrop
from slipcast.picture.cut_out import CutoutOptions, cut_out
from slipcast.picture.decode import read_picture

SAMPLES = Path(__file__).parents[2] / "samples"


def test_soles_stay_where_the_network_left_the_legs_out() -> None:
    pixels = np.full((512, 512, 3), 140, np.uint8)
    coarse = np.zeros((512, 512), np.float32)
    pixels[100:300, 180:330] = (230, 120, 40)
    coarse[100:296, 182:328] = 1
    for left in (190, 270):
        pixels[300:440, left : left + 50] = (240, 190, 50)
        pixels[440:445, left - 5 : left + 55] = 60
    found = add_attached_parts(pixels, coarse).coarse > 0.5
    assert found[441:444, 192:238].all()
    assert found[441:444, 272:318].all()
    assert not found[452:].any()


def cropped(background: int) -> tuple[U8, Bool, F32]:
    """A figure that runs out at both sides of one drawn colour, and a network that saw its head alone."""
    pixels = np.full((512, 260, 3), background, np.uint8)
    body, head = np.zeros((512, 260), np.uint8), np.zeros((512, 260), np.float32)
    for canvas, robe, face in ((pixels, (60, 40, 150), (230, 190, 160)), (body, 1, 1)):
        cv2.ellipse(canvas, (130, 340), (170, 130), 0, 0, 360, robe, -1)
        cv2.circle(canvas, (130, 160), 80, face, -1)
    cv2.circle(head, (130, 160), 76, 1, -1)
    return pixels, body > 0, head


@pytest.mark.parametrize("background", [0, 40, 128, 200, 255])
def test_a_figure_that_runs_out_at_both_sides_of_a_drawn_colour_keeps_its_sleeves(background: int) -> None:
    pixels, body, head = cropped(background)
    found = add_attached_parts(pixels, head)
    got = found.coarse > 0.5
    assert (got & body).sum() / (got | body).sum() > 0.97
    assert found.doubt, "the network saw less than half of it"


def test_a_floor_that_fills_a_side_is_no_part() -> None:
    pixels, _, head = cropped(128)
    pixels[:] = 128
    cv2.circle(pixels, (130, 160), 80, (230, 190, 160), -1)
    pixels[230:] = (90, 60, 30)
    found = add_attached_parts(pixels, head).coarse > 0.5
    assert not found[250:].any()


def test_a_drawn_colour_is_told_from_a_photographed_wall() -> None:
    pixels, body, head = cropped(128)
    color = find_drawn_color(pixels, head > 0.5)
    assert color is not None
    assert color.tolist() == [128, 128, 128]
    kept, file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])
    assert kept
    assert find_drawn_color(np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8), body) is not None
    grain = np.random.default_rng(0).integers(-2, 3, pixels.shape)
    assert find_drawn_color(np.clip(pixels + grain, 0, 255).astype(np.uint8), body) is None
    slope = np.linspace(0, 40, 512).round().astype(np.uint8)[:, None, None]
    assert find_drawn_color(np.where(body[..., None], pixels, pixels + slope), head > 0.5) is None


def falling_off() -> U8:
    """A lilac wall whose light falls off in a way that no quadratic follows."""
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    light = 1 - 0.012 * np.cos(5 * x) * np.cos(4 * y)
    return np.asarray(np.rint(light[..., None] * (232, 224, 238)), np.uint8)


def test_small_gaps_that_the_network_did_not_see_show_the_backdrop() -> None:
    pixels, coarse = falling_off(), np.zeros((512, 512), np.float32)
    cv2.ellipse(pixels, (256, 260), (110, 180), 0, 0, 360, (120, 70, 190), -1)
    coarse[(pixels != falling_off()).any(-1)] = 1
    gap = np.s_[200:250, 166:174]
    pixels[gap] = falling_off()[gap]
    # A plain part of nearly that colour is a part.
    patch = np.s_[300:340, 230:260]
    pixels[patch] = (232, 208, 238)
    found = add_attached_parts(pixels, coarse).coarse > 0.5
    assert not found[204:246, 169:171].any()
    assert found[patch].all()


@pytest.mark.parametrize(("gloss", "closed"), [(True, True), (False, False)])
def test_a_long_narrow_hole_in_a_part_is_closed_where_it_is_gloss(gloss: bool, closed: bool) -> None:
    """Gloss that is brighter than the backdrop has its colour along a line; a slit shows the backdrop itself."""
    pixels = np.full((200, 200, 3), (225, 215, 235), np.uint8)
    pixels[40:160, 60:140] = (120, 70, 190)
    pixels[50:150, 98:102] = (225, 215, 235)
    if gloss:
        pixels[50:150, 98:102] -= np.array([5, 3, 1, 0], np.uint8)[:, None]
        pixels[50:150, 102:110] = 255
    prior = np.zeros((200, 200), np.float32)
    prior[40:160, 60:98] = 1
    backdrop = read_backdrop(pixels, prior)
    assert backdrop is not None
    known, air = prior > 0.5, np.ones((200, 200), bool)
    air[40:160, 60:140] = False
    part = ~air & ~known & ~backdrop.find_bare()
    found = _find_pores(part, known, air, backdrop)
    assert bool(found[51:149, 99:101].all()) is closed


def standing(ground: int) -> tuple[U8, F32]:
    """A figure before grey on a plinth of `ground` that runs out below, and a network that saw the figure alone."""
    pixels, coarse = np.full((512, 512, 3), 180, np.uint8), np.zeros((512, 512), np.float32)
    pixels[360:, 110:400] = ground
    for canvas, color in ((pixels, (200, 90, 40)), (coarse, 1)):
        cv2.ellipse(canvas, (256, 230), (80, 140), 0, 0, 360, color, -1)
    return pixels, coarse


@pytest.mark.parametrize("ground", [90, 240])
def test_a_plinth_that_the_frame_cuts_off_is_a_part_and_doubted(ground: int) -> None:
    pixels, coarse = standing(ground)
    found = add_attached_parts(pixels, coarse)
    assert (found.coarse[375:, 115:395] > 0.5).all()
    assert not (found.coarse[:, :100] > 0.5).any()
    assert found.doubt


def test_a_line_around_the_picture_hides_no_base() -> None:
    pixels, coarse = standing(180)
    cv2.ellipse(pixels, (256, 375), (150, 30), 0, 0, 360, (90, 90, 95), -1)
    bare = add_attached_parts(pixels, coarse).coarse > 0.5
    cv2.rectangle(pixels, (0, 0), (511, 511), 0, 7)
    found = add_attached_parts(pixels, coarse).coarse > 0.5
    assert bare[380, 130:380].all()
    assert (found == bare).mean() > 0.999


def test_shade_between_the_feet_is_no_part() -> None:
    picture = read_picture(SAMPLES / "mech" / "front.png")
    alpha = cut_out(picture, CutoutOptions(work_px=512)).alpha
    assert not alpha[870:930, 455:505].any()
    assert (alpha[870:930, 380:400] > 200).all(), "a foot"
