"""own_alpha.py: which alpha is a cutout, which a frame, and what of a cutout is figurine."""

import json

import cv2
import numpy as np
import pytest
from test_cut_out import codes, figure, overlap, painted, white

from slipcast.checks.picture.judge import judge_picture
from slipcast.core.values import U8, Bool, Picture
from slipcast.picture.cut_out import cut_out
from slipcast.picture.own_alpha import find_window, has_own_cutout

SIDE = 400


def rounded(radius: int, margin: int = 0) -> U8:
    """An alpha that shows a rounded rectangle."""
    fine = np.zeros((4 * SIDE, 4 * SIDE), np.uint8)
    low, high, r = 4 * margin, 4 * (SIDE - margin) - 1, 4 * radius
    cv2.rectangle(fine, (low + r, low), (high - r, high), 255, -1)
    cv2.rectangle(fine, (low, low + r), (high, high - r), 255, -1)
    for x in (low + r, high - r):
        for y in (low + r, high - r):
            cv2.circle(fine, (x, y), r, 255, -1)
    return np.array(cv2.resize(fine, (SIDE, SIDE), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def shadowed(radius: int) -> U8:
    """A window's screenshot: opaque, with a soft shadow around and below."""
    window = rounded(radius, 40)
    soft = cv2.GaussianBlur(np.roll(window, 8, axis=0), (0, 0), 12) * 0.5
    out: U8 = np.maximum(window, soft.astype(np.uint8))
    return out


def letterbox() -> U8:
    alpha = np.full((SIDE, SIDE), 255, np.uint8)
    alpha[:30] = alpha[-30:] = 0
    return alpha


def tilted() -> U8:
    """A photograph that was turned by 6 degrees."""
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    corners = cv2.boxPoints(((SIDE / 2, SIDE / 2), (SIDE * 0.89, SIDE * 0.89), 6.0))
    cv2.fillConvexPoly(alpha, np.rint(corners).astype(np.int32), 255, cv2.LINE_AA)
    return alpha


FRAMES = {
    "margin": rounded(0, 10),
    "wide margin": rounded(0, 35),
    "rounded": rounded(60),
    "very rounded": rounded(130),
    "portrait": rounded(199),
    "screenshot": shadowed(10),
    "letterbox": letterbox(),
    "tilted": tilted(),
}


@pytest.mark.parametrize(
    ("frame", "level"),
    # Each before white, grey or dark; two more that differ most.
    [*zip(FRAMES, [255, 190, 20] * 3, strict=False), ("very rounded", 20), ("screenshot", 255)],
)
def test_a_frame_around_an_opaque_picture_is_no_cutout(frame: str, level: int) -> None:
    mask = figure(SIDE, size=0.8)
    pixels = painted(mask, np.full((SIDE, SIDE, 3), level, np.uint8))
    alpha = FRAMES[frame]
    pixels[alpha == 0] = 0
    picture = Picture(pixels=pixels, alpha=alpha)
    assert not has_own_cutout(picture)
    judged = judge_picture(picture)
    assert judged.cut is not None
    assert judged.cut.alpha is not None
    assert judged.cut.alpha.shape == (SIDE, SIDE)
    assert overlap(judged.cut.alpha >= 128, mask) > 0.95
    said = [each.code for each in judged.findings]
    assert "BACKGROUND_BUSY" not in said, "the frame is no background"
    assert "SUBJECT_CROPPED" not in said


def test_what_a_window_cuts_off_is_said() -> None:
    mask = figure(SIDE)
    alpha = np.zeros((SIDE, SIDE), np.uint8)
    alpha[20:300, 20:380] = 255
    assert "SUBJECT_CROPPED" in codes(cut_out(Picture(pixels=painted(mask, white(SIDE)), alpha=alpha)))


def _crate() -> tuple[U8, Bool]:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[60:340, 60:340] = True
    pixels = np.full((SIDE, SIDE, 3), (150, 110, 60), np.uint8)
    pixels[60:340:40] = (70, 50, 30)
    return pixels, mask


def _face(mask: Bool) -> U8:
    pixels = np.full((SIDE, SIDE, 3), (230, 190, 60), np.uint8)
    for x in (150, 250):
        cv2.circle(pixels, (x, 170), 18, (20, 20, 20), -1)
    cv2.ellipse(pixels, (200, 250), (60, 25), 0, 0, 180, (20, 20, 20), 6)
    pixels[~mask] = 0
    return pixels


def _ball() -> Bool:
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    return np.asarray(np.hypot(x - 199.5, y - 199.5) < 150)


@pytest.mark.parametrize("kind", ["plain box", "crate", "box with a face", "ball with a face", "figure"])
def test_a_figurine_that_is_a_box_or_a_ball_stays_one(kind: str) -> None:
    pixels, mask = _crate()
    if kind == "plain box":
        pixels[:] = 120
    elif kind == "box with a face":
        pixels = _face(mask)
    elif kind == "ball with a face":
        mask = _ball()
        pixels = _face(mask)
    elif kind == "figure":
        mask = figure(SIDE)
        pixels = painted(mask, white(SIDE))
    picture = Picture(pixels=pixels, alpha=np.where(mask, 255, 0).astype(np.uint8))
    assert find_window(picture) is None
    got = cut_out(picture)
    assert got.alpha is not None
    assert np.array_equal(got.alpha >= 128, mask)


@pytest.mark.parametrize("fade", [0.9, 0.45, 0.2])
def test_a_faded_picture_is_as_it_was_before(fade: float) -> None:
    mask = figure(SIDE)
    alpha = np.where(mask, 255 * fade, 0).astype(np.uint8)
    got = cut_out(Picture(pixels=painted(mask, white(SIDE)), alpha=alpha))
    assert got.alpha is not None
    assert np.array_equal(got.alpha >= 128, mask)
    whole = np.full(mask.shape, round(255 * fade), np.uint8)
    got = cut_out(Picture(pixels=painted(mask, white(SIDE)), alpha=whole))
    assert got.alpha is not None
    assert overlap(got.alpha >= 128, mask) > 0.95, "faded and opaque: no cutout at all"


def test_glass_is_figurine_and_a_veil_of_shadow_is_not() -> None:
    mask = figure(SIDE)
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    wing = (np.abs(x - 290) < 50) & (np.abs(y - 190) < 60) & ~mask
    cast = (np.abs(x - 90) < 70) & (np.abs(y - 350) < 12) & ~mask
    pixels = painted(mask, white(SIDE))
    pixels[wing], pixels[cast] = (150, 200, 230), 0
    alpha = np.where(mask, 255, 0).astype(np.uint8)
    alpha[wing], alpha[cast] = 90, 90
    got = cut_out(Picture(pixels=pixels, alpha=alpha))
    assert got.alpha is not None
    assert (got.alpha[wing] >= 128).mean() > 0.95
    assert (got.alpha[cast] >= 128).mean() < 0.05


def _with_holes(*holes: tuple[int, int, int]) -> Picture:
    """A ball with round holes (x, y, radius) in its alpha; what was there is lost."""
    mask = _ball()
    fine = np.where(mask, 255, 0).astype(np.uint8)
    pixels = np.full((SIDE, SIDE, 3), (60, 120, 200), np.uint8)
    for x, y, radius in holes:
        cv2.circle(pixels, (x, y), 3 * radius, (30, 20, 20), -1)
        cv2.circle(fine, (x, y), radius, 0, -1, cv2.LINE_AA)
    pixels[fine == 0] = 0
    return Picture(pixels=pixels, alpha=fine)


def test_highlights_that_a_tool_cut_out_close_in_the_colours_around_them() -> None:
    got = cut_out(_with_holes((150, 180, 6), (240, 180, 7)))
    assert got.alpha is not None
    assert np.array_equal(got.alpha >= 128, _ball())
    assert codes(got) == ["HOLES_CLOSED"]
    assert np.abs(got.pixels[180, 150].astype(int) - (30, 20, 20)).max() < 12


def test_a_highlight_whose_colour_was_kept_stays_bright() -> None:
    picture = _with_holes((150, 180, 6))
    pixels = picture.pixels.copy()
    pixels[172:189, 142:159][picture.alpha[172:189, 142:159] < 128] = 250  # type: ignore[index]
    got = cut_out(Picture(pixels=pixels, alpha=picture.alpha))
    assert got.alpha is not None
    assert got.alpha[180, 150] == 255
    assert got.pixels[180, 150].min() > 240


@pytest.mark.parametrize(
    "corners", [[(150, 150), (250, 150), (200, 240)], [(196, 120), (204, 120), (204, 280), (196, 280)]]
)
def test_a_gap_between_struts_is_no_lost_highlight(corners: list[tuple[int, int]]) -> None:
    alpha = np.where(_ball(), 255, 0).astype(np.uint8)
    cv2.fillPoly(alpha, [np.array(corners)], 0)
    got = cut_out(Picture(pixels=np.full((SIDE, SIDE, 3), 120, np.uint8), alpha=alpha))
    assert got.alpha is not None
    assert got.alpha[200, 200] == 0
    assert codes(got) == ["HOLES_KEPT"]


def test_a_long_glint_beside_the_outline_stays_and_is_counted() -> None:
    alpha = np.where(_ball(), 255, 0).astype(np.uint8)
    for angle in (60, 120):
        at = 200 + 130 * np.cos(np.radians(angle)), 200 - 130 * np.sin(np.radians(angle))
        cv2.ellipse(alpha, (round(at[0]), round(at[1])), (20, 6), 90 - angle, 0, 360, 0, -1)
    alpha[210, 200] = 0  # a lost pixel is no hole
    got = cut_out(Picture(pixels=np.full((SIDE, SIDE, 3), 120, np.uint8), alpha=alpha))
    assert [(found.code, found.values["count"]) for found in got.findings if "HOLES" in found.code] == [
        ("HOLES_KEPT", 2)
    ]


def test_a_large_hole_inside_is_counted_and_one_in_a_handle_is_none_of_ours() -> None:
    got = cut_out(_with_holes((200, 200, 40)))
    assert got.alpha is not None
    assert got.alpha[200, 200] == 0
    assert codes(got) == ["HOLES_IN_ALPHA"]
    json.dumps([found.as_dict() for found in got.findings])
    alpha = np.where(_ball(), 255, 0).astype(np.uint8)
    cv2.circle(alpha, (360, 200), 26, 255, -1)  # a handle
    cv2.circle(alpha, (366, 200), 12, 0, -1)
    got = cut_out(Picture(pixels=np.full((SIDE, SIDE, 3), 120, np.uint8), alpha=alpha))
    assert got.alpha is not None
    assert got.alpha[200, 366] == 0
    assert codes(got) == ["HOLES_KEPT"]
