"""attached.py: what hangs together with the figurine, and what on the ground does not."""

import cv2
import numpy as np
import pytest

from slipcast.core.values import F32, U8, Bool
from slipcast.picture.attached import add_attached_parts
from slipcast.picture.backdrop import find_drawn_color


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
