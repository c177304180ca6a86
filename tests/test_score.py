"""How promising a draft is for 3D."""

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from slipcast.image.score import score
from slipcast.values import Picture


def drawn(top: int = 60, bottom: int = 450, *, blur: float = 0.0, noisy: bool = False) -> Picture:
    """A striped figurine of 512 px between two rows."""
    picture = Image.new("RGB", (512, 512), "#dcdcdc")
    pen = ImageDraw.Draw(picture)
    for number, row in enumerate(range(top, bottom, 6)):
        pen.rectangle((180, row, 330, min(row + 5, bottom)), fill=("#cc7733", "#113355")[number % 2])
    if blur:
        picture = picture.filter(ImageFilter.GaussianBlur(blur))
    pixels = np.asarray(picture).copy()
    if noisy:
        dice = np.random.default_rng(1)
        pixels[:, :150] = dice.integers(0, 255, (512, 150, 3), dtype=np.uint8)
    return Picture(pixels=pixels)


def test_a_whole_sharp_figurine_on_a_calm_background_is_best() -> None:
    good = score(drawn())
    assert good.framing == pytest.approx(1)
    assert good.calm == pytest.approx(1)
    assert good.sharpness > 0.8
    others = [drawn(top=0), drawn(bottom=512), drawn(top=200, bottom=300), drawn(blur=6), drawn(noisy=True)]
    assert all(score(other).total < good.total - 0.1 for other in others)


def test_each_part_tells_what_is_wrong() -> None:
    assert score(drawn(top=0)).framing <= 0.5
    assert score(drawn(top=200, bottom=300)).framing < 0.5
    assert score(drawn(blur=6)).sharpness < 0.3
    assert score(drawn(noisy=True)).calm < 0.7
    assert score(drawn()).resolution == 0.25


def test_an_empty_picture_has_nothing_to_frame() -> None:
    empty = score(Picture(pixels=np.full((64, 64, 3), 200, np.uint8)))
    assert (empty.framing, empty.sharpness) == (0, 0)
