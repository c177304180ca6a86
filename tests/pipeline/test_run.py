"""pipeline/run.py: all stages in a row on made pictures; every promise of the asset at once."""

import hashlib
import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from silhouettes import assert_solid, coverage_iou, disc, picture_of, ring

from slipcast import convert
from slipcast.core.errors import BadInput, SlipcastError
from slipcast.core.values import Picture, View
from slipcast.depth.models import DepthOptions
from slipcast.depth.place import PlaceOptions
from slipcast.formats.inspect import read_content
from slipcast.formats.table import EXPORTERS
from slipcast.pipeline.preview import PreviewOptions
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import STAGES, run
from slipcast.prepare.engine import EngineOptions
from slipcast.reconstruct.simplify import SimplifyOptions


def _recipe(*, height_m: float = 0.075, faces: int = 2_000, formats: tuple[str, ...] = ("glb",)) -> Recipe:
    return Recipe(
        depth=DepthOptions(model="dome"),
        place=PlaceOptions(height_m=height_m),
        simplify=SimplifyOptions(faces=faces),
        preview=PreviewOptions(panel_px=96),
        formats=formats,
    )


def _alpha() -> "np.typing.NDArray[np.uint8]":
    """A round body with a head and a ring for an arm."""
    out = np.maximum(disc(160, 45, 80, 105), disc(160, 25, 80, 40))
    out[:70, 98:] = np.maximum(out, ring(160, 20, 10))[:70, 98:]
    return out


def _check(result: Result, height_m: float, faces: int) -> None:
    mesh = result.figurine.mesh
    assert_solid(mesh)
    assert len(mesh.faces) <= faces
    low, high = mesh.vertices.min(0), mesh.vertices.max(0)
    assert high[1] == np.float32(height_m)
    assert low[1] == 0
    assert abs(low[0] + high[0]) < 1e-5 * height_m
    assert abs(low[2] + high[2]) < 1e-5 * height_m
    assert result.metadata["closed"] is True


@pytest.mark.parametrize(("height_m", "faces"), [(0.075, 2_000), (0.02, 100), (1.8, 10_000)])
def test_a_picture_becomes_an_asset(height_m: float, faces: int) -> None:
    result = run(picture_of(_alpha()), _recipe(height_m=height_m, faces=faces), name="body")
    _check(result, height_m, faces)
    assert result.figurine.name == "body"
    assert result.preview.startswith(b"\x89PNG")
    assert result.metadata["deviation_mm"] == result.deviation.as_dict()
    assert 0 < result.deviation.mean_m < result.deviation.largest_m < 0.2 * height_m
    assert json.dumps(result.metadata)


def test_what_is_remeshed_is_judged_as_it_is_delivered() -> None:
    recipe = replace(_recipe(), engine=EngineOptions.parse(topology="triangles:900"))
    result = run(picture_of(_alpha()), recipe, name="body")
    (budget,) = (check for check in result.checks if check.name == "budget")
    assert budget.values == {"faces": len(result.mesh.faces), "budget": 900}
    assert len(result.mesh.faces) <= 900
    assert result.judged.mesh.vertices.shape == result.mesh.vertices.shape
    assert result.metadata["deviation_mm"] == result.deviation.as_dict()
    told = result.metadata["topology"]
    assert isinstance(told, dict)
    assert told["faces"] == result.metadata["faces"] == len(result.mesh.faces)


def test_stages_are_told_in_order() -> None:
    told: list[tuple[str, int, int]] = []
    result = run(
        picture_of(_alpha()),
        _recipe(),
        name="body",
        watch=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert told == [(stage, done, 1) for stage in STAGES for done in (0, 1)]
    assert tuple(result.seconds) == STAGES
    assert all(value >= 0 for value in result.seconds.values())


def test_every_format_at_once_and_the_same_bytes_twice() -> None:
    # usdz needs a package that is an extra.
    here = tuple(key for key in EXPORTERS if key != "usdz" or find_spec("pxr"))
    recipe = _recipe(faces=500, formats=here)
    one, two = (run(picture_of(_alpha()), recipe, name="body") for _ in range(2))
    assert set(one.exports) == set(here)
    for key, export in one.exports.items():
        assert list(export.files) == list(two.exports[key].files)
        for name, content in export.files.items():
            assert content, name
            assert content == two.exports[key].files[name], name
    assert one.preview == two.preview
    assert one.metadata == two.metadata


def test_the_solid_covers_the_silhouette() -> None:
    result = run(picture_of(_alpha()), _recipe(faces=20_000), name="body")
    # Placed depth and settled mesh differ by one scale and shift, so the comparison is by the outline's own box.
    mesh = result.figurine.mesh
    assert coverage_iou(mesh, result.depth) > 0.8


@pytest.mark.parametrize("view", [View.FRONT, View.BACK, View.LEFT, View.RIGHT])
def test_every_view_makes_a_solid_that_faces_ahead(view: View) -> None:
    result = run(picture_of(_alpha(), view=view), _recipe(), name="body")
    _check(result, 0.075, 2_000)
    picture = result.metadata["picture"]
    assert isinstance(picture, dict)
    assert picture["view"] == view.value
    # The picture is wide where the camera looks at it: along x from front and back, along z from the sides.
    spread = np.ptp(result.figurine.mesh.vertices, axis=0)
    if view in (View.FRONT, View.BACK, View.LEFT, View.RIGHT):
        assert (spread[0] > spread[2]) == (view in (View.FRONT, View.BACK))


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_tiny_pictures_end_in_a_solid_or_a_sentence(size: int) -> None:
    picture = picture_of(np.full((size, size), 255, np.uint8))
    try:
        result = run(picture, _recipe(faces=100), name="tiny")
    except SlipcastError:
        return
    _check(result, 0.075, 100)


def test_a_transparent_picture_is_refused() -> None:
    with pytest.raises(BadInput):
        run(picture_of(np.zeros((64, 64), np.uint8)), _recipe(), name="nothing")


def test_convert_reads_a_file_and_names_it_by_its_stem(tmp_path: Path) -> None:
    picture = picture_of(_alpha())
    assert picture.alpha is not None
    path = tmp_path / "tiny owl.png"
    Image.fromarray(np.dstack([picture.pixels, picture.alpha])).save(path)
    result = convert(path, depth="dome", faces=500, detail="draft", formats=("glb", "stl"), height_m=0.05)
    _check(result, 0.05, 500)
    assert result.figurine.name == "tiny owl"
    assert set(result.exports) == {"glb", "stl"}
    assert [entry.name for entry in tmp_path.iterdir()] == ["tiny owl.png"], "nothing is written"
    source = result.metadata["picture"]
    assert isinstance(source, dict)
    assert source["file"] == "tiny owl.png"


def test_a_material_that_the_prompt_names_reaches_gltf_and_fbx(tmp_path: Path) -> None:
    """`generate` writes the prompt beside the picture; a JSON of another picture says nothing."""
    picture = picture_of(_alpha())
    assert picture.alpha is not None
    path = tmp_path / "owl.png"
    Image.fromarray(np.dstack([picture.pixels, picture.alpha])).save(path)
    facts = {"subject": "an owl, aged brass, satin", "prompt": "a long text", "model": "some"}
    for sha256, metallic, roughness in (
        (hashlib.sha256(path.read_bytes()).hexdigest(), 0.8, 0.45),
        ("", 0.0, 0.9),
    ):
        path.with_suffix(".json").write_text(json.dumps(facts | {"sha256": sha256}))
        result = convert(path, depth="dome", faces=500, detail="draft", formats=("glb", "fbx"))
        words = result.metadata.get("material_words")
        assert words == (["aged", "brass", "satin"] if sha256 else None)
        for key in ("glb", "fbx"):
            (content,) = (data for name, data in result.exports[key].files.items() if name.endswith(key))
            file = tmp_path / f"out.{key}"
            file.write_bytes(content)
            (material,) = read_content(file).materials
            assert material.metallic == pytest.approx(metallic, abs=0.01)
            assert material.roughness == pytest.approx(roughness, abs=0.01)


@pytest.mark.parametrize(
    ("option", "value", "word"),
    [
        ("formats", ("glb", "exe"), "exe"),
        ("height_m", 0.0, "height"),
        ("height_m", -5.0, "height"),
        ("faces", 99, "faces"),
        ("depth", "no-such-model", "no-such-model"),
        ("detail", "ultra", "detail"),
        ("fov_deg", 500.0, "500"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence(
    tmp_path: Path, option: str, value: object, word: str
) -> None:
    picture = picture_of(disc(48, 18))
    assert picture.alpha is not None
    path = tmp_path / "a.png"
    Image.fromarray(np.dstack([picture.pixels, picture.alpha])).save(path)
    chosen: dict[str, object] = {"depth": "dome", option: value}
    with pytest.raises(BadInput, match=word):
        convert(path, **chosen)  # type: ignore[arg-type]


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="nowhere"):
        convert(tmp_path / "nowhere.png", depth="dome")


def test_a_picture_without_alpha_is_cut_out_first() -> None:
    picture = picture_of(_alpha(), (200, 30, 30), (255, 255, 255))
    result = run(Picture(pixels=picture.pixels), _recipe(), name="body")
    _check(result, 0.075, 2_000)
    assert result.picture.alpha is not None
    assert ((result.picture.alpha >= 128) == (_alpha() >= 128)).mean() > 0.9
