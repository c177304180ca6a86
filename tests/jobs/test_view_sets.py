"""How views are named: words, folders, sheets, and the command line's sentences when they are wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK_TOML, Run
from PIL import Image
from turnarounds import FOUR, turnaround

from slipcast.cli.main import main
from slipcast.cli.options.views import sides_of_words, views_of_words
from slipcast.core.errors import BadInput
from slipcast.core.values import Picture, View
from slipcast.jobs.sources import entries_of
from slipcast.jobs.view_sets import sets_in
from slipcast.picture.sheet import split_sheet


def test_words_name_sides_front_first() -> None:
    assert list(views_of_words("back=b.png, front=a.png").items()) == [
        (View.FRONT, Path("a.png")),
        (View.BACK, Path("b.png")),
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("back=b.png,left=c.png", "no front"),
        ("front=a.png", "2 to 8"),
        ("front=a.png,front=b.png", "front twice"),
        ("front=a.png,left=a.png", "two sides"),
        ("front=a.png,behind=b.png", "no side of a figurine"),
        ("a.png,b.png", "side=picture"),
    ],
)
def test_wrong_words_are_told(words: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        views_of_words(words)


def test_a_folder_of_views_is_one_figurine(tmp_path: Path) -> None:
    for name in ("front.png", "LEFT.jpg", "back_left.webp"):
        (tmp_path / name).write_bytes(b"")
    (entry,) = entries_of([tmp_path], None)
    assert entry.name == tmp_path.name
    assert (entry.picture.name, set(entry.others)) == ("front.png", {View.LEFT, View.BACK_LEFT})


def test_sets_are_told_apart_by_their_names() -> None:
    files = [
        Path(name)
        for name in (
            "fox_front.png",
            "fox_back.png",
            "owl-front.png",
            "owl-left.png",
            "tree.png",
            "elk_front.png",
        )
    ]
    sets, rest = sets_in(files)
    assert set(sets) == {"fox", "owl"}
    assert [path.name for path in rest] == ["elk_front.png", "tree.png"]


def sheet(count: int, *, gap: int = 40) -> Picture:
    pixels = np.full((200, count * (60 + gap) + gap, 3), 250, np.uint8)
    for number in range(count):
        left = gap + number * (60 + gap)
        pixels[40:180, left : left + 60] = (30 * number, 80, 160)
    return Picture(pixels=pixels)


def test_a_sheet_is_cut_at_its_gaps() -> None:
    views = split_sheet(sheet(3), (View.LEFT, View.FRONT, View.BACK))
    assert list(views) == [View.FRONT, View.BACK, View.LEFT]
    assert {(view.height_px, view.width_px) for view in views.values()} == {(200, 76)}
    assert [int(view.pixels[80, 38, 0]) for view in views.values()] == [30, 60, 0]


@pytest.mark.parametrize("has_alpha", [False, True])
def test_a_sheet_of_equal_canvases_gives_back_the_canvases(has_alpha: bool) -> None:
    canvases, alphas = [], []
    for number, left in enumerate((20, 35, 10, 30)):  # none is in the middle of its canvas
        pixels = np.full((200, 120, 3), 250, np.uint8)
        pixels[30 + number : 170, left : left + 50] = (40 * number, 80, 160)
        canvases.append(pixels)
        alphas.append(np.where(pixels[..., 0] == 250, 0, 255).astype(np.uint8))
    alpha = np.concatenate(alphas, 1) if has_alpha else None
    views = split_sheet(Picture(pixels=np.concatenate(canvases, 1), alpha=alpha), tuple(FOUR))
    assert set(views) == set(FOUR)
    for view, pixels, own in zip(FOUR, canvases, alphas, strict=True):
        assert np.array_equal(views[view].pixels, pixels)
        cut = views[view].alpha
        assert (cut is not None and np.array_equal(cut, own)) if has_alpha else cut is None


def test_uneven_figures_are_centred_and_keep_the_height() -> None:
    pixels = np.full((200, 400, 3), 250, np.uint8)
    pixels[40:180, 20:160], pixels[60:180, 180:230] = 10, 20  # the second begins in the first half
    views = split_sheet(Picture(pixels=pixels), (View.FRONT, View.BACK))
    for view, (width, level) in {View.FRONT: (140, 10), View.BACK: (50, 20)}.items():
        shown = np.flatnonzero((views[view].pixels[:, :, 0] == level).any(0))
        assert views[view].height_px == 200
        assert len(shown) == width
        assert abs((shown[0] + shown[-1] + 1) / 2 - views[view].width_px / 2) <= 1


def test_lettering_on_a_sheet_is_no_figure() -> None:
    drawn = sheet(2)
    pixels = drawn.pixels.copy()
    pixels[20:24, 120:124] = 0
    assert len(split_sheet(Picture(pixels=pixels), (View.FRONT, View.BACK))) == 2


def test_figures_that_touch_are_refused() -> None:
    with pytest.raises(BadInput, match="shows 1 figure side by side where 2 sides are named"):
        split_sheet(sheet(2, gap=0), (View.FRONT, View.BACK))


def test_a_sheet_needs_a_front() -> None:
    with pytest.raises(BadInput, match="front among them"):
        sides_of_words("left,back")


def test_pictures_and_views_exclude_each_other(run: Run, tmp_path: Path) -> None:
    ended = run("convert", "a.png", "--views", "front=a.png,back=b.png", "-o", tmp_path / "o")
    assert ended.code == 2
    assert "leave PICTURE away" in ended.err


def test_four_views_become_one_asset(tmp_path: Path) -> None:
    folder = tmp_path / "imp"
    folder.mkdir()
    cutouts, _ = turnaround()
    for view in FOUR:
        cut = cutouts[view]
        Image.fromarray(np.dstack([cut.pixels, np.asarray(cut.alpha)])).save(folder / f"{view}.png")
    out = tmp_path / "o"
    assert main(["convert", str(folder), "-o", str(out), "--recipe", str(QUICK_TOML), "--faces", "4000"]) == 0
    told = json.loads((out / "imp.json").read_text())
    assert [view["view"] for view in told["views"]] == ["front", "back", "left", "right"]
    assert told["closed"]
    assert told["checks"]["iou"]["score"] > 0.9
    assert told["invented_share"] < 0.3
