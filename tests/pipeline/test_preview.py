"""preview.py: five panels in which one sees at a glance what was made."""

import io
from dataclasses import replace

import numpy as np
from PIL import Image
from shapes import figure
from silhouettes import disc, picture_of

from slipcast.core.values import U8, Cutout, Picture, View
from slipcast.pipeline.preview import PreviewOptions, draw_preview, render

_OPTIONS = PreviewOptions(panel_px=96)


def _sheet(picture: Cutout, options: PreviewOptions = _OPTIONS) -> U8:
    png = draw_preview(figure(), picture, picture, options)
    assert png.startswith(b"\x89PNG")
    out: U8 = np.array(Image.open(io.BytesIO(png)))
    return out


def _red(pixels: U8) -> "np.typing.NDArray[np.bool_]":
    wide = pixels.astype(int)
    out: np.typing.NDArray[np.bool_] = (wide[..., 0] > 100) & (wide[..., 1] < 90) & (wide[..., 2] < 90)
    return out


def test_five_panels_side_by_side() -> None:
    sheet = _sheet(picture_of(disc(64, 25)))
    assert sheet.shape == (96 * 4 // 3, 96 * 5, 3)
    for column in range(5):
        panel = sheet[:, 96 * column : 96 * (column + 1)]
        assert (np.abs(panel.astype(int) - (236, 238, 240)).max(2) > 40).sum() > 400, column


def test_the_picture_is_shown_as_it_came_with_the_cutouts_outline() -> None:
    """A blue disc and a green one on black, of which the cutout lost the green one."""
    whole = picture_of(disc(64, 14), (10, 20, 200), (0, 0, 0))
    pixels = whole.pixels.copy()
    pixels[4:14, 4:14] = (20, 200, 20)
    original = Picture(pixels=pixels)
    sheet: U8 = np.array(Image.open(io.BytesIO(draw_preview(figure(), original, whole, _OPTIONS))))
    panel = sheet[:, :96].astype(int)
    green = (panel[..., 1] > 150) & (panel[..., 0] < 90)
    assert green.sum() > 100, "what was lost is seen"
    outline = np.argwhere((panel[..., 0] > 240) & (panel[..., 1] < 20) & (panel[..., 2] > 180))
    away = np.hypot(*(outline - (64, 48)).T)
    assert len(outline) > 60
    assert np.abs(away - 14 * 96 * 0.94 / 64).max() < 3, "around the disc, and nowhere else"


def test_an_empty_cutout_can_be_drawn() -> None:
    _sheet(Cutout(pixels=np.full((64, 64, 3), 90, np.uint8), alpha=np.zeros((64, 64), np.uint8)))


def test_front_shows_red_at_its_left_and_the_arm_at_its_right() -> None:
    # shapes.figure: red top left, an arm towards +X, a nose towards +Z.
    shown = render(figure(), 120, 160)
    red = np.argwhere(_red(shown))
    assert red[:, 1].mean() < 60
    assert red[:, 0].mean() < 80


def _extent(pixels: U8) -> tuple[int, int]:
    """First and last column that shows the figurine, from the middle."""
    shown = np.flatnonzero((np.abs(pixels.astype(int) - (236, 238, 240)).max(2) > 30).any(0))
    return int(shown[0]) - pixels.shape[1] // 2, int(shown[-1]) - pixels.shape[1] // 2


def test_each_side_is_what_it_says() -> None:
    # The figurine's nose points at +Z: from its right (-X) the nose is at the right, from its left at the left.
    nose = figure()
    head = slice(36, 50)  # rows
    right = render(nose, 120, 160, yaw_deg=90, textured=False)[head]
    left = render(nose, 120, 160, yaw_deg=270, textured=False)[head]
    assert abs(_extent(right)[1]) > abs(_extent(right)[0])
    assert abs(_extent(left)[0]) > abs(_extent(left)[1])


def test_front_and_back_have_mirrored_outlines() -> None:
    front = render(figure(), 120, 160, textured=False)
    back = render(figure(), 120, 160, yaw_deg=180, textured=False)
    outline = [np.abs(view.astype(int) - (236, 238, 240)).max(2) > 20 for view in (front, back)]
    assert (outline[0] != outline[1][:, ::-1]).mean() < 0.02


def test_from_above_one_sees_the_top() -> None:
    above = render(figure(), 120, 120, pitch_deg=90)
    assert (np.abs(above.astype(int) - (236, 238, 240)).max(2) > 30).sum() > 300


def test_the_same_figurine_gives_the_same_bytes() -> None:
    picture = picture_of(disc(64, 25))
    assert draw_preview(figure(), picture, picture, _OPTIONS) == draw_preview(
        figure(), picture, picture, _OPTIONS
    )


def test_pictures_of_other_sides_lie_below_the_asset_seen_from_there() -> None:
    front = picture_of(disc(64, 25))
    others = [
        (replace(front, view=view), replace(front, view=view))
        for view in (View.FRONT_LEFT, View.BACK, View.LEFT)
    ]
    png = draw_preview(figure(), front, front, _OPTIONS, others)
    sheet: U8 = np.array(Image.open(io.BytesIO(png)))
    tall = 96 * 4 // 3
    assert sheet.shape == (2 * tall, 96 * 6, 3)
    assert np.array_equal(sheet[:tall, : 96 * 5], _sheet(front))
    # Input, front, right, back, left, and the diagonal one after them.
    filled = [
        bool(
            (np.abs(sheet[tall:, 96 * k : 96 * (k + 1)].astype(int) - (236, 238, 240)).max(2) > 40).sum()
            > 400
        )
        for k in range(6)
    ]
    assert filled == [False, False, False, True, True, True]
