"""White figures drawn with an outline before white."""

import cv2
import numpy as np
import pytest

from slipcast.core.values import F32, U8, Bool, Picture
from slipcast.picture.cut_out import cut_out
from slipcast.picture.drawing import Drawing, read_drawing

SIDE = 256


def sheet(line: int = 6) -> tuple[U8, Bool]:
    """Paper with a round figure drawn on it, and what is truly figure."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    true = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(drawn, (110, 128), 80, 1, line)
    cv2.circle(true, (110, 128), 80 + line // 2, 1, -1)
    return drawn, true > 0


def read(drawn: U8, prior: F32) -> Drawing | None:
    """What `read_drawing` says of lines on paper; the air is what the frame's corner reaches."""
    bare = drawn == 0
    _, label = cv2.connectedComponents(bare.astype(np.uint8), connectivity=4)
    return read_drawing(bare, label == label[0, 0], prior)


def ring(drawn: U8, true: Bool, at: tuple[int, int], radius: int, line: int = 4) -> Bool:
    """Draw a circle, and return its inside."""
    cv2.circle(drawn, at, radius, 1, line)
    inside = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(inside, at, radius - line, 1, -1)
    return inside > 0


def test_the_inside_is_whole_where_the_network_wavers() -> None:
    drawn, true = sheet()
    cv2.circle(drawn, (110, 110), 6, 1, -1)
    prior = true.astype(np.float32)
    prior[:, 60:110] *= 0.3
    found = read(drawn, prior)
    assert found is not None
    assert found.inside[true & (drawn == 0)].all()
    assert not found.inside[~true].any()
    assert not found.doubt


def test_a_ring_in_which_nothing_is_drawn_is_doubted() -> None:
    drawn, true = sheet()
    found = read(drawn, true.astype(np.float32))
    assert found is not None
    assert found.inside[128, 110]
    assert found.doubt


@pytest.mark.parametrize("face", [False, True])
def test_a_cage_of_bars_is_doubted_and_a_figure_of_parts_with_a_face_is_not(face: bool) -> None:
    drawn, true = sheet()
    for x in (60, 85, 135, 160):
        half = round(np.sqrt(80**2 - (x - 110) ** 2))
        cv2.line(drawn, (x, 128 - half), (x, 128 + half), 1, 4)
    if face:
        cv2.circle(drawn, (110, 110), 5, 1, -1)
    found = read(drawn, true.astype(np.float32))
    assert found is not None
    assert found.doubt is not face


def test_a_hole_of_which_the_network_is_sure_stays_one() -> None:
    drawn, _ = sheet()
    found = read(drawn, np.full((SIDE, SIDE), 0.05, np.float32))
    assert found is not None
    assert not found.inside.any()
    assert found.holes[128, 110]


@pytest.mark.parametrize(("opinion", "kept"), [(0.35, False), (0.95, True)])
def test_a_gap_behind_two_lines_is_the_networks_to_tell_and_doubted(opinion: float, kept: bool) -> None:
    """A handle: a band of paper between two lines, fast to the body, and the gap inside it."""
    drawn, true = sheet()
    cv2.circle(drawn, (110, 110), 6, 1, -1)
    cv2.circle(true_map := true.astype(np.uint8), (190, 128), 48, 1, -1)
    body = drawn.copy()
    cv2.circle(drawn, (190, 128), 46, 1, 4)
    drawn[(cv2.circle(np.zeros_like(body), (110, 128), 76, 1, -1) > 0) & (body == 0)] = 0
    gap = ring(drawn, true, (200, 128), 20)
    prior = (true_map > 0).astype(np.float32)
    prior[gap] = opinion
    found = read(drawn, prior)
    assert found is not None
    assert bool(found.inside[gap].all()) is kept
    assert bool(found.holes[gap].any()) is not kept
    assert found.doubt


def test_paper_between_legs_is_air_though_the_network_takes_it_for_a_leg() -> None:
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    outline = np.array(
        [(60, 40), (196, 40), (196, 220), (144, 220), (144, 120), (112, 120), (112, 220), (60, 220)]
    )
    cv2.polylines(drawn, [outline.astype(np.int32)], True, 1, 6)
    cv2.circle(drawn, (128, 70), 6, 1, -1)
    bare = drawn == 0
    _, label = cv2.connectedComponents(bare.astype(np.uint8), connectivity=4)
    legs = np.zeros_like(bare)
    legs[126:218, 118:139] = True
    found = read_drawing(bare, (label == label[0, 0]) & ~legs, np.ones((SIDE, SIDE), np.float32))
    assert found is not None
    assert found.holes[legs].all()
    assert not found.inside[legs].any()
    assert found.inside[60, 80]


def test_a_figure_with_shading_is_no_drawing() -> None:
    drawn, true = sheet()
    drawn[true] = 1
    drawn[100:120, 60:80] = 0
    assert read(drawn, true.astype(np.float32)) is None


@pytest.mark.parametrize(
    ("line", "color"), [(10, (20, 20, 20)), (16, (20, 20, 20)), (7, (200, 60, 50)), (7, (190, 190, 190))]
)
def test_a_bear_of_outlines_keeps_its_inside(line: int, color: tuple[int, int, int]) -> None:
    drawing = np.full((512, 512, 3), 255, np.uint8)
    true = np.zeros((512, 512), np.uint8)
    cv2.ellipse(true, (256, 330), (110, 140), 0, 0, 360, 1, -1)
    for at, radius in (((256, 150), 80), ((195, 85), 32), ((317, 85), 32)):
        cv2.circle(true, at, radius, 1, -1)
    for x, turn in ((150, 30), (362, -30)):
        cv2.ellipse(true, (x, 300), (25, 80), turn, 0, 360, 1, -1)
    drawing[(true > 0) & (cv2.distanceTransform(true, cv2.DIST_L2, 5) <= line)] = color
    for x in (230, 282):
        cv2.circle(drawing, (x, 140), 9, color, -1)
    cut = cut_out(Picture(pixels=cv2.GaussianBlur(drawing, (3, 3), 0.6)))
    got, wanted = cut.alpha >= 128, true > 0
    assert (got & wanted).sum() / (got | wanted).sum() > 0.985


@pytest.mark.parametrize("gap", [8, 20, 32])
def test_a_gap_in_the_outline_lets_no_air_into_the_figure(gap: int) -> None:
    drawn, true = sheet()
    cv2.circle(drawn, (110, 110), 6, 1, -1)
    drawn[128 - gap // 2 : 128 + gap // 2, :50] = 0
    found = read(drawn, np.where(true, 0.6, 0).astype(np.float32))
    assert found is not None
    assert float(found.inside[true].mean()) > 0.8
    assert not found.inside[128, 5]


def test_what_is_behind_a_gap_is_doubted_where_the_network_took_it_for_air() -> None:
    drawn, _ = sheet()
    cv2.circle(drawn, (110, 110), 6, 1, -1)
    drawn[114:142, :50] = 0
    found = read(drawn, np.full((SIDE, SIDE), 0.1, np.float32))
    assert found is not None
    assert found.doubt


def test_the_space_between_two_thick_limbs_is_no_figure_with_a_gap() -> None:
    """An arm akimbo that nearly closes: its walls are limbs, no lines."""
    drawn, _ = sheet(line=44)
    drawn[114:142, :60] = 0
    found = read(drawn, np.full((SIDE, SIDE), 0.3, np.float32))
    assert found is None or not found.inside[128, 110]


def test_a_snowman_with_a_gap_keeps_his_belly() -> None:
    """A gap of 45 px in a figure of 500: before, half of the belly was lost without a doubt."""
    pixels = np.full((600, 600, 3), 255, np.uint8)
    true = np.zeros((600, 600), np.uint8)
    for at, radius in (((300, 420), 130), ((300, 210), 90)):
        cv2.circle(pixels, at, radius, (255, 255, 255), -1)
        cv2.circle(pixels, at, radius, (20, 20, 20), 8)
        cv2.circle(true, at, radius + 4, 1, -1)
    for at in ((270, 190), (330, 190), (300, 380), (300, 440)):
        cv2.circle(pixels, at, 8, (20, 20, 20), -1)
    pixels[400:445, 160:182] = 255
    cut = cut_out(Picture(pixels=pixels))
    body = cut.alpha >= 128
    assert float((body & (true > 0)).sum() / (body | (true > 0)).sum()) > 0.97 or cut.facts.unsure
    assert float(body[true > 0].mean()) > 0.97


def test_a_glove_behind_its_line_is_figurine_and_doubted_where_the_network_is_sure_of_a_hole() -> None:
    drawn, true = sheet()
    cv2.circle(drawn, (110, 110), 6, 1, -1)
    prior = true.astype(np.float32)
    glove = ring(drawn, true, (208, 128), 18)
    found = read(drawn, prior)
    assert found is not None
    assert found.inside[glove].all()
    assert found.doubt
