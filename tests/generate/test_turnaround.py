"""Sides of a figurine are bought with the front as reference, judged, and bought again where they lie."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from buying import Buy
from PIL import Image
from standin import Standin
from turnarounds import FOUR, turnaround

from slipcast.core.errors import BadInput
from slipcast.core.values import Picture, View
from slipcast.generate.money.prices import model_row
from slipcast.generate.request import PictureRequest, Reference
from slipcast.generate.results import Bought
from slipcast.generate.turnaround import SidesOptions, buy_sides, side_request

MODEL = "gemini-nano-banana-2.1"


def png(picture: Picture, *, mirrored: bool = False) -> bytes:
    out = io.BytesIO()
    pixels = np.dstack([picture.pixels, np.asarray(picture.alpha)])
    Image.fromarray(np.ascontiguousarray(pixels[:, ::-1] if mirrored else pixels)).save(out, "PNG")
    return out.getvalue()


class Shop:
    """A studio that sells the pictures it is given, take by take, for three cents."""

    def __init__(self, pictures: dict[View, list[bytes]]) -> None:
        self.pictures, self.asked = pictures, list[PictureRequest]()

    def buy(self, request: PictureRequest, watch: object = None) -> Bought:
        self.asked.append(request)
        data = self.pictures[request.view][request.take]
        return Bought(data=data, mime="image/png", facts={"view": request.view.value, "cost_usd": 0.03})


def test_the_words_say_where_it_faces_and_what_is_hidden() -> None:
    front = Reference(data=b"f", mime="image/png")
    asked = side_request(
        front, [front] * 50, View.BACK, SidesOptions(sides=(View.LEFT, View.BACK, View.RIGHT), model=MODEL)
    )
    assert asked.view is View.BACK
    assert "no face" in asked.text
    assert "vertical axis" in asked.text
    assert len(asked.references) == model_row(MODEL).references
    left = side_request(
        front, [], View.LEFT, SidesOptions(sides=(View.LEFT, View.BACK, View.RIGHT), model=MODEL)
    )
    assert "faces the left edge" in left.text
    assert left.references == (front,)


def test_a_side_that_lies_is_bought_again() -> None:
    cutouts, _ = turnaround()
    good = {view: png(cutouts[view]) for view in FOUR}
    shop = Shop(
        {
            View.LEFT: [good[View.LEFT]],
            View.BACK: [good[View.BACK]],
            View.RIGHT: [png(cutouts[View.RIGHT], mirrored=True), good[View.RIGHT]],
        }
    )
    front = Reference(data=good[View.FRONT], mime="image/png")
    options = SidesOptions(sides=(View.LEFT, View.BACK, View.RIGHT), model=MODEL, retries=1)
    sides = buy_sides(shop, front, cutouts[View.FRONT], options)  # type: ignore[arg-type]
    assert [(side.view, side.tries, side.fits) for side in sides] == [
        (View.LEFT, 1, True),
        (View.BACK, 1, True),
        (View.RIGHT, 2, True),
    ]
    assert sides[2].data == good[View.RIGHT]
    assert sides[2].cost_usd == pytest.approx(0.06)
    assert [request.take for request in shop.asked] == [0, 0, 0, 1]


def test_a_symmetric_figurine_is_bought_once_and_mirrored() -> None:
    cutouts, _ = turnaround()
    shop = Shop({View.LEFT: [png(cutouts[View.LEFT])], View.BACK: [png(cutouts[View.BACK])]})
    front = Reference(data=png(cutouts[View.FRONT]), mime="image/png")
    options = SidesOptions(sides=(View.LEFT, View.BACK, View.RIGHT), model=MODEL, mirror_symmetric=True)
    sides = buy_sides(shop, front, cutouts[View.FRONT], options)  # type: ignore[arg-type]
    assert [side.view for side in sides] == [View.LEFT, View.BACK, View.RIGHT]
    assert len(shop.asked) == 2
    with Image.open(io.BytesIO(sides[2].data)) as opened:
        assert np.array_equal(np.asarray(opened.convert("RGB")), cutouts[View.LEFT].pixels[:, ::-1])


def test_sides_without_a_front_are_asked_for() -> None:
    with pytest.raises(BadInput, match="other than the front"):
        SidesOptions(model=MODEL, sides=(View.FRONT, View.LEFT))


@pytest.mark.usefixtures("buyers_home")
def test_the_command_says_the_price_and_writes_the_folder(buy: Buy, server: Standin, tmp_path: Path) -> None:
    cutouts, _ = turnaround()
    (tmp_path / "imp.png").write_bytes(png(cutouts[View.FRONT]))
    server.sample = png(cutouts[View.BACK])
    words = ("views", str(tmp_path / "imp.png"), "-o", "out", "--sides", "back", "--retries", "0")
    assert "1 picture: 1 call for about" in buy(*words, "--dry-run").out
    assert not server.calls
    ran = buy(*words)
    assert ran.code == 0, ran.err
    folder = tmp_path / "out" / "imp"
    assert {path.name for path in folder.iterdir()} == {"front.png", "back.png", "back.json"}
    assert json.loads((folder / "back.json").read_text())["fits"] is True
    assert "slipcast convert out/imp" in ran.out


@pytest.mark.usefixtures("buyers_home")
def test_make_buys_all_sides_and_goes_on_where_it_stopped(buy: Buy, server: Standin, tmp_path: Path) -> None:
    cutouts, _ = turnaround()
    server.sample = png(cutouts[View.FRONT])
    words = (
        "make",
        "an imp with a hat",
        "-o",
        "out",
        "--views",
        "4",
        "--retries",
        "0",
        "--depth",
        "dome",
        "--detail",
    )
    assert "4 pictures: 4 calls for about $0.1" in buy(*words, "draft", "--dry-run").out
    ran = buy(*words, "draft", "--faces", "2000")
    # The stand-in sells the front again and again: no side is used, and it is said.
    assert ran.code == 0, ran.err
    assert ran.err.count("view was left out: it is the front's picture again") == 3
    assert len(server.calls) == 4
    assert (tmp_path / "out" / "imp-with-a-hat.picture.left.png").is_file()
    assert buy(*words, "draft", "--faces", "2000").code == 0
    assert len(server.calls) == 4


def test_make_refuses_a_number_of_views_that_is_no_set(buy: Buy) -> None:
    ran = buy("make", "an imp with a hat", "--views", "3", buys=False)
    assert ran.code == 2
    assert "choose from 1, 4, 6" in ran.err


@pytest.mark.usefixtures("buyers_home")
def test_views_looks_for_the_picture_before_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    from slipcast.cli.main import main

    assert main(["views", str(tmp_path / "nope.png"), "-o", str(tmp_path / "out")]) == 2
    assert "nope.png cannot be read" in capfd.readouterr().err
