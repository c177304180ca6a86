"""picture/downscale.py: large pictures lose what no texture can show, all others stay the same object."""

import numpy as np
import pytest

from slipcast.core.values import Picture, View
from slipcast.picture import downscale as room
from slipcast.picture.cut_out import CutoutOptions
from slipcast.picture.downscale import downscale

LARGE_PX = 1200
FIGURINE_PX = round(room.FIGURINE_PX / room.LARGE_PX * LARGE_PX)


@pytest.fixture(autouse=True)
def _smaller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both limits at nearly a quarter: the same is decided in a twelfth of the pixels."""
    monkeypatch.setattr(room, "LARGE_PX", LARGE_PX)
    monkeypatch.setattr(room, "FIGURINE_PX", FIGURINE_PX)


def _disc(side_px: int, share: float, *, alpha: bool) -> Picture:
    """A red disc on white whose diameter is `share` of the picture's side, with its alpha or opaque."""
    y, x = np.mgrid[:side_px, :side_px].astype(np.float32) - side_px / 2
    inside = x * x + y * y < (share * side_px / 2) ** 2
    pixels = np.where(inside[..., None], np.array([190, 40, 30], np.uint8), np.uint8(255))
    return Picture(
        pixels=pixels.astype(np.uint8),
        alpha=(inside * 255).astype(np.uint8) if alpha else None,
        view=View.FRONT,
        source={"file": "disc.png"},
    )


def test_a_picture_of_ordinary_size_stays_the_same_object() -> None:
    picture = _disc(512, 0.9, alpha=True)
    assert downscale(picture, CutoutOptions()) is picture


@pytest.mark.parametrize("alpha", [True, False])
def test_a_large_figurine_becomes_as_large_as_an_atlas_holds(alpha: bool) -> None:
    picture = _disc(LARGE_PX + 200, 0.9, alpha=alpha)
    made = downscale(picture, CutoutOptions())
    expected = FIGURINE_PX / 0.9
    assert made.width_px == made.height_px == pytest.approx(expected, rel=0.01)
    assert (made.alpha is not None) == alpha
    assert [finding.code for finding in made.findings] == ["PICTURE_LARGE"]
    covered = (made.pixels[..., 1] < 128).mean()
    assert covered == pytest.approx(np.pi / 4 * 0.81, rel=0.01)
    assert made.source == picture.source


def test_a_small_figurine_in_a_large_picture_keeps_its_pixels() -> None:
    picture = _disc(LARGE_PX + 200, 0.5, alpha=True)
    assert downscale(picture, CutoutOptions()) is picture
