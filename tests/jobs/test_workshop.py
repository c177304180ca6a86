"""The library as one object: pictures of every kind, models that are loaded once, many pictures, words to asset."""

import io
import json
import pickle
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK, write_picture
from PIL import Image

import slipcast
from slipcast import BadInput, Material, Result, Workshop
from slipcast.depth import models
from slipcast.picture.decode import read_picture

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shop() -> Iterator[Workshop]:
    with Workshop(depth="dome") as opened:
        yield opened


@pytest.fixture
def figure(tmp_path: Path) -> Path:
    """A small picture with alpha: an egg, which needs no network to be cut out."""
    rows, columns = np.mgrid[:96, :80]
    inside = ((rows - 48) / 40) ** 2 + ((columns - 40) / 28) ** 2 < 1
    pixels = np.full((96, 80, 4), (180, 60, 40, 0), np.uint8)
    pixels[inside, 3] = 255
    path = tmp_path / "egg.png"
    Image.fromarray(pixels).save(path)
    return path


def test_a_picture_may_be_a_path_bytes_a_file_an_image_or_an_array(figure: Path) -> None:
    with Image.open(figure) as opened:
        image = opened.convert("RGBA")
    kinds = [
        figure,
        str(figure),
        figure.read_bytes(),
        io.BytesIO(figure.read_bytes()),
        image,
        np.array(image),
    ]
    with figure.open("rb") as file:
        kinds.append(file)
        pictures = [read_picture(kind) for kind in kinds]  # type: ignore[arg-type]
    for picture in pictures:
        assert picture.pixels.tobytes() == pictures[0].pixels.tobytes()
        assert picture.alpha is not None
        assert pictures[0].alpha is not None
        assert picture.alpha.tobytes() == pictures[0].alpha.tobytes()
        assert len(str(picture.source["sha256"])) == 64
    assert pictures[2].source["sha256"] == pictures[0].source["sha256"]
    assert pictures[-1].source["file"] == "egg.png"
    assert read_picture(pictures[0], view="back").view is slipcast.View.BACK
    grey = read_picture(np.full((64, 64), 7, np.uint8))
    assert grey.pixels.shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (3, "picture is 3; give a path"),
        (None, "picture"),
        (b"", "is empty"),
        (io.StringIO("text"), "open it with 'rb'"),
        (np.zeros((64, 64, 3)), "picture is an array of float64 64x64x3; give uint8"),
        (np.zeros((64, 64, 2), np.uint8), "give uint8 of"),
        (np.zeros((3, 3, 3), np.uint8), "has only 3 x 3 px"),
        (np.zeros((64, 64, 4), np.uint8), "is fully transparent"),
        (b"no picture", "is not a picture"),
    ],
)
def test_what_is_no_picture_is_refused_in_one_sentence(wrong: object, told: str, shop: Workshop) -> None:
    with pytest.raises(BadInput) as caught:
        shop.convert(wrong)  # type: ignore[arg-type]
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_models_are_loaded_once_and_belong_to_the_workshop(
    figure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    real = models._load_model

    def load(name: str, options: models.DepthOptions) -> models.DepthModel:
        loaded.append(name)
        return real(name, options)

    monkeypatch.setattr(models, "_load_model", load)
    with Workshop(depth="dome") as shop:
        first = shop.convert(figure, QUICK)
        narrow = shop.convert(figure, QUICK, fov_deg=10)
    assert loaded == ["dome"], "another field of view needs no other model"
    assert narrow.depth.camera.fx_px > 2 * first.depth.camera.fx_px
    with pytest.raises(BadInput, match="this workshop is closed"):
        shop.convert(figure)
    slipcast.convert(figure, QUICK)
    assert loaded == ["dome", "dome"]


def test_what_is_said_goes_over_the_recipe_and_the_workshop_over_both(figure: Path, shop: Workshop) -> None:
    recipe = replace(
        QUICK.change(depth="figurine", height_m=0.05), material=Material(name="Brass", metallic=1.0)
    )
    result = shop.convert(figure, recipe, name="egg2", formats="stl,glb", height_m=0.1)
    assert (result.name, list(result.exports)) == ("egg2", ["stl", "glb"])
    assert float(result.mesh.vertices[:, 1].max()) == pytest.approx(0.1)
    assert result.depth.model.name == "dome"
    assert result.figurine.material.name == "Brass"
    assert result.metadata["recipe"] == recipe.change(depth="dome", formats="stl,glb", height_m=0.1).digest


def test_a_result_fits_a_screen_and_saves_itself(figure: Path, shop: Workshop, tmp_path: Path) -> None:
    result = shop.convert(figure, QUICK)
    assert len(repr(result)) < 200
    assert len(repr(result.exports)) < 200
    light = pickle.loads(pickle.dumps(result.light()))
    assert len(repr(light)) < 200
    assert light.main == result.exports["glb"].main
    one, two = result.save(tmp_path / "one"), light.save(tmp_path / "two")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert [path.name for path in one] == ["egg.glb", "egg.json", "egg.preview.png"]
    assert result.exports["glb"].save(tmp_path / "three")[0].read_bytes() == light.main


@pytest.mark.usefixtures("kitchen")
@pytest.mark.parametrize("kind", ["result", "light"])
def test_a_saved_result_takes_the_report_of_an_earlier_asset_away(
    kind: str, figure: Path, shop: Workshop, tmp_path: Path
) -> None:
    for name in ("egg.report.html", "owl.report.html"):
        (tmp_path / name).write_bytes(b"of an earlier asset")
    result = shop.convert(figure, QUICK)
    (result if kind == "result" else result.light()).save(tmp_path)
    assert [path.name for path in tmp_path.glob("*.html")] == ["owl.report.html"]


@pytest.mark.usefixtures("kitchen")
def test_pictures_without_a_file_do_not_overwrite_each_other(
    figure: Path, shop: Workshop, tmp_path: Path
) -> None:
    picture = Image.open(figure).copy()
    done = list(shop.convert_many([picture, figure, figure.read_bytes(), np.asarray(picture)], QUICK))
    for each in done:
        each.save(tmp_path)
    assert [each.result.name for each in done if each.result] == [
        "figurine",
        "egg",
        "figurine-2",
        "figurine-3",
    ]
    assert {path.name for path in tmp_path.glob("*.glb")} == {
        "figurine.glb",
        "egg.glb",
        "figurine-2.glb",
        "figurine-3.glb",
    }


def test_a_picture_without_a_file_does_not_overwrite_another_one(
    figure: Path, shop: Workshop, tmp_path: Path
) -> None:
    picture = np.asarray(Image.open(figure))
    one, two = (shop.convert(pixels, QUICK) for pixels in (picture, np.ascontiguousarray(picture[:, ::-1])))
    one.save(tmp_path)
    one.save(tmp_path)
    kept = (tmp_path / "figurine.glb").read_bytes()
    for second in (two, two.light()):
        with pytest.raises(
            BadInput, match="give each a name, for instance name='owl', or a folder of its own"
        ):
            second.save(tmp_path)
    assert (tmp_path / "figurine.glb").read_bytes() == kept
    assert two.save(tmp_path / "other")[0].name == "figurine.glb"


@pytest.mark.parametrize(
    ("name", "told"), [("n" * 201, "201 bytes long"), ("a/b", "for files"), ("", "for files")]
)
def test_a_name_of_which_no_file_can_be_made_is_refused_at_once(
    name: str, told: str, figure: Path, shop: Workshop
) -> None:
    with pytest.raises(BadInput, match=told):
        shop.convert(figure, QUICK, name=name)


@pytest.mark.parametrize("workers", [1, 2])
def test_many_pictures_come_one_by_one_and_a_bad_one_stops_no_other(
    workers: int, figure: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with Workshop(depth="dome") as shop:
        done = list(shop.convert_many([figure, bad, figure.read_bytes()], QUICK, workers=workers))
    assert [each.ok for each in done] == [True, False, True]
    assert [each.source for each in done[:2]] == [figure, bad]
    assert done[0].result is not None
    assert done[2].result is not None
    assert (done[0].result.name, done[2].result.name) == ("egg", "figurine")
    assert done[1].failure is not None
    assert "is not a picture" in done[1].failure.message
    with pytest.raises(BadInput, match="there is nothing to save"):
        done[1].save(tmp_path)
    assert len(done[0].save(tmp_path / "out")) == 3


@pytest.mark.usefixtures("kitchen")
def test_endless_pictures_are_read_as_there_is_work(figure: Path, shop: Workshop) -> None:
    read = 0

    def endless() -> Iterator[Path]:
        nonlocal read
        while True:
            read += 1
            yield figure

    many = shop.convert_many(endless(), QUICK)
    assert next(many).ok
    assert read == 1
    for wrong in (-1, True, 1.5, "2"):
        with pytest.raises(BadInput, match="workers is"):
            shop.convert_many([figure], workers=wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="pictures is one picture"):
        shop.convert_many(str(figure))


def test_make_takes_the_choices_that_convert_takes(figure: Path) -> None:
    made = slipcast.make(
        "an egg", QUICK, provider="folder", pictures=figure, height_m=0.03, formats="stl", delight=0.5
    )
    assert np.ptp(made.mesh.vertices[:, 1]) == pytest.approx(0.03)
    assert list(made.exports) == ["stl"]
    assert made.recipe.texture.delight == 0.5
    with pytest.raises(BadInput, match="faces is 1; give a whole number"):
        slipcast.make("an egg", provider="folder", pictures=figure, faces=1)


@pytest.mark.parametrize("call", [slipcast.convert, slipcast.make, Workshop().convert, Workshop().make])
def test_a_choice_that_is_none_names_the_nearest(call: Callable[..., object], figure: Path) -> None:
    with pytest.raises(TypeError, match="hight_m is no choice of a recipe; did you mean height_m"):
        call(str(figure), hight_m=0.03)


def test_words_become_an_asset_and_their_story_stays_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "home"))
    picture = write_picture(tmp_path / "knight.png")
    told: list[str] = []
    made = slipcast.make(
        slipcast.FigurineSpec(subject="a knight of brass", materials=()),
        QUICK,
        provider="folder",
        pictures=picture,
        tell=lambda event: told.append(type(event).__name__),
    )
    assert isinstance(made, Result)
    assert made.name == "knight-of-brass"
    assert made.original.source["subject"] == "a knight of brass"
    assert "Buying" in told
    assert "StageEnded" in told


def test_what_was_bought_keeps_its_story_when_it_is_converted(figure: Path, shop: Workshop) -> None:
    """`slipcast generate`, then `slipcast convert`: prompt, model and the note on the watermark are not lost."""
    sha256 = str(read_picture(figure).source["sha256"])
    facts = {
        "key": "k",
        "sha256": sha256,
        "prompt": "an egg of brass",
        "model": "gemini-3-pro-image",
        "ai_generated": True,
        "watermark": "carries the invisible SynthID mark of AI-made pictures",
        "material": {"name": "brass", "metallic": 1.0, "roughness": 0.3},
        "findings": [],
    }
    figure.with_suffix(".json").write_text(json.dumps(facts))
    result = shop.convert(figure, QUICK)
    source = result.metadata["picture"]
    assert isinstance(source, dict)
    assert (source["prompt"], source["model"], source["file"]) == (
        "an egg of brass",
        "gemini-3-pro-image",
        "egg.png",
    )
    assert "SynthID" in source["watermark"]
    assert result.figurine.material.metallic == 1.0
    assert b"trainedAlgorithmicMedia" in result.exports["glb"].main, (
        "the textures' XMP says that a model made it"
    )
    figure.with_suffix(".json").write_text(json.dumps({**facts, "sha256": "another picture's"}))
    assert "prompt" not in shop.convert(figure, QUICK).metadata["picture"]  # type: ignore[operator]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"start": 3}, "start is 3; give a Start, or None"),
        ({"watch": 3}, "watch is 3; give a function"),
        ({"name": "a/b"}, "name is 'a/b', which is no file name; give a name for files"),
        ({"name": ""}, "name is '', which is no file name; give a name for files"),
    ],
)
def test_wrong_values_of_convert_are_refused_at_once(
    wrong: dict[str, object], told: str, figure: Path, shop: Workshop
) -> None:
    with pytest.raises(BadInput, match=re.escape(told)):
        shop.convert(figure, QUICK, **wrong)  # type: ignore[arg-type]


def test_views_without_a_front_are_refused(figure: Path, shop: Workshop) -> None:
    with pytest.raises(BadInput, match="views is of left; the front is always needed"):
        shop.convert(views={"left": figure})


@pytest.mark.parametrize("field", ["picture", "buying", "drafts", "sides", "take"])
def test_wrong_values_of_make_are_refused_at_once(field: str, figure: Path) -> None:
    wrong: dict[str, object] = {field: object()}
    with pytest.raises(BadInput, match=f"{field} is <object"):
        slipcast.make("a knight", provider="folder", pictures=figure, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="words is 3; give a FigurineSpec"):
        slipcast.make(3, provider="folder", pictures=figure)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [({"limit_s": -1}, "limit_s is -1; give seconds"), ({"out": 3}, "out is 3; give a path")],
)
def test_wrong_values_of_convert_many_are_refused_at_once(
    wrong: dict[str, object], told: str, figure: Path, shop: Workshop
) -> None:
    with pytest.raises(BadInput, match=told):
        shop.convert_many([figure], QUICK, **wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="pictures is 3; give a list of pictures"):
        shop.convert_many(3)  # type: ignore[arg-type]


def test_only_a_result_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="result is 3; give a Result"):
        slipcast.write(3, tmp_path)  # type: ignore[arg-type]
