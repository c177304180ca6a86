"""A recipe as a file: what is written is read back, and what cannot be followed is named."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from slipcast.checks.gates import parse_gates
from slipcast.core.errors import BadInput
from slipcast.core.values import Material
from slipcast.pipeline.recipe import Recipe
from slipcast.prepare.targets import TARGETS

FULL = replace(
    Recipe().change(
        height_m=0.032,
        elevation_deg=12,
        faces=1234,
        depth="dome",
        device="cpu",
        fov_deg=30,
        detail="fine",
        surface="poisson",
        normal_map="off",
        texture_px=512,
        formats=("glb", "stl"),
        gates="closed,iou>=0.95",
        material=Material(name="Brass", metallic=1.0, roughness=0.3),
    ),
    wall_m=0.001,
)


@pytest.mark.parametrize("recipe", [Recipe(), FULL, Recipe(export=TARGETS["unreal"].options())])
def test_what_is_written_is_read_back(recipe: Recipe, tmp_path: Path) -> None:
    recipe.save(tmp_path / "my.toml")
    again = Recipe.load(tmp_path / "my.toml")
    assert again == recipe
    assert again.digest == recipe.digest


def test_defaults_are_left_out() -> None:
    assert Recipe().to_toml() == ""
    assert Recipe().change(faces=50_000).as_dict() == {}
    assert Recipe().change(height_m=0.05).to_toml() == "[place]\nheight_m = 0.05\n"


def test_the_digest_names_the_choices() -> None:
    digests = {Recipe().digest, FULL.digest, Recipe().change(faces=1000).digest}
    assert len(digests) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in digests)
    assert Recipe(gates=parse_gates("closed")).digest == Recipe().change(gates="closed").digest


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[simplfy]\nfaces = 3", "my.toml: 'simplfy' is no choice; did you mean 'simplify'?"),
        ("[place]\nheigth_m = 3", "my.toml: 'place.heigth_m' is no choice; did you mean 'place.height_m'?"),
        ("[simplify]\nfaces = 3", "my.toml: simplify.faces is 3; give a whole number from 100 to 2000000"),
        ("[place]\nheight_m = nan", "my.toml: place.height_m is nan; give"),
        ("[place]\nheight_m = '75mm'", "my.toml: place.height_m is '75mm'; give"),
        ("place = 3", "my.toml: 'place' is 3; write a table [place]"),
        ("gates = ['bogus']", "my.toml: "),
        ("formats = ['bogus']", "my.toml: formats is ['bogus']; give"),
        ("formats = 3", "my.toml: formats is 3; give"),
        ("[export.naming]\nfiel = 'x'", "did you mean 'export.naming.file'?"),
        ("= 3", "my.toml is not TOML"),
    ],
)
def test_what_cannot_be_followed_is_named(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(text)
    with pytest.raises(BadInput) as caught:
        Recipe.from_toml((tmp_path / "my.toml").read_text(), where="my.toml")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nosuch\.toml cannot be read"):
        Recipe.load(tmp_path / "nosuch.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xe9")
    with pytest.raises(BadInput, match="is not UTF-8"):
        Recipe.load(tmp_path / "latin.toml")


def test_choices_accept_their_text_in_any_case() -> None:
    assert Recipe(formats=["GLB", "stl", "glb"]).formats == ("glb", "stl")  # type: ignore[arg-type]
    assert Recipe(formats="glb,stl").formats == ("glb", "stl")  # type: ignore[arg-type]


def test_the_repr_of_a_recipe_says_what_is_not_as_always() -> None:
    assert repr(Recipe()) == "Recipe()"
    assert repr(Recipe().change(faces=1000)) == "Recipe(simplify.faces=1000)"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"depth": 5}, r"^depth is 5; give a text"),
        ({"surface": "soap"}, r"^surface is 'soap'; give one of"),
        ({"texture_px": -1}, r"^texture_px is -1; give"),
        ({"detail": "rough"}, r"^detail is 'rough'; give one of"),
    ],
)
def test_a_wrong_change_is_called_as_it_was_written(changes: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput, match=told) as caught:
        Recipe().change(**changes)  # type: ignore[arg-type]
    assert caught.value.field == next(iter(changes))


def test_a_surface_without_its_package_is_refused_when_it_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.mesh.raycast.find_spec", lambda name: None)
    with pytest.raises(BadInput, match=r"pip install slipcast\[poisson\]"):
        Recipe().change(surface="poisson")
