"""Every option of every class: what does not fit is refused when it is made, with field, value and cure."""

import ast
import dataclasses
import inspect
import re
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import slipcast
from slipcast.checks.mesh import MeshLimits
from slipcast.core.errors import BadInput
from slipcast.core.options import check, choice, flag, real, several, whole
from slipcast.core.values import View
from slipcast.jobs.watch import WatchOptions

NEEDED: dict[str, dict[str, Any]] = {
    "CacheOptions": {"folder": Path("store")},
    "FigurineSpec": {"subject": "a fox"},
    "MagnetOptions": {"diameter_mm": 5.0, "height_mm": 2.0},
    "SidesOptions": {"model": "gemini-3-pro-image"},
}
"""What must be given to make one."""
WITHIN = {"WatchOptions"}
"""Those that no public call takes: of the command `watch`."""
_MORE = ("Budget", "FigurineSpec", "Material", "MeshLimits", "Naming", "PromptLimits", "Recipe", "Shot")
CLASSES: list[type[Any]] = [
    typing.cast("type[Any]", kind)
    for kind in (*(getattr(slipcast, name) for name in slipcast.__all__), MeshLimits, WatchOptions)
    if dataclasses.is_dataclass(kind) and (kind.__name__.endswith("Options") or kind.__name__ in _MORE)  # type: ignore[union-attr]
]


def _parts(hint: Any) -> set[Any]:
    """The plain types of a hint: `int | None` has int and None."""
    inner = typing.get_args(hint)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return {part for each in inner for part in _parts(each)}
    return {typing.get_origin(hint) or hint}


def _wrong_values(hint: Any) -> list[Any]:
    """Values that no field of this type takes."""
    parts = _parts(hint)
    wrong: list[Any] = [object(), {"a": 1}]
    if type(None) not in parts:
        wrong.append(None)
    kinds = {part for part in parts if isinstance(part, type)}
    if bool in kinds:
        wrong += [1, "yes", 0.0]
    elif int in kinds:
        wrong += ["many", 2.5, float("nan"), True, -(10**30), 10**30]
    elif float in kinds:
        wrong += ["much", float("nan"), float("inf"), True, -1e30, 1e30]
    if any(issubclass(kind, Enum) for kind in kinds):
        wrong += ["bogus", 3]
    elif str in kinds or Path in kinds:
        wrong += [True] if float in kinds else [3, 2.5, True]
    if tuple in kinds:
        wrong += [[object()], "bogus"] if int in kinds else [3, [object()], "bogus"]
    return wrong


CASES = [
    pytest.param(kind, entry.name, value, id=f"{kind.__name__}-{entry.name}-{value!r:.20}")
    for kind in CLASSES
    for entry in dataclasses.fields(kind)
    if (kind.__name__, entry.name) != ("GeminiOptions", "credentials")  # a foreign object
    for value in _wrong_values(typing.get_type_hints(kind, {"Credentials": object}).get(entry.name))
]


@pytest.mark.parametrize(("kind", "field", "value"), CASES)
def test_what_does_not_fit_is_refused_with_field_value_and_cure(
    kind: type, field: str, value: object
) -> None:
    given = {**NEEDED.get(kind.__name__, {}), field: value}
    with pytest.raises(BadInput) as caught:
        kind(**given)
    told = str(caught.value)
    assert caught.value.field == field
    assert "\n" not in told
    assert "object at" not in told or field in told
    assert field in told
    assert "give" in told or "known" in told or "there are" in told, told


def test_a_word_that_is_none_of_the_choices_is_refused_with_the_choices() -> None:
    for kind, field, words in (
        (slipcast.PointOptions, "detail", "draft, standard, fine"),
        (slipcast.SurfaceOptions, "method", "shells, poisson"),
        (slipcast.TextureOptions, "normal_map", "auto, on, off"),
        (slipcast.DepthOptions, "device", "auto, cpu, cuda, mps"),
        (slipcast.DepthOptions, "model", "figurine, a folder, or a hub id"),
        (slipcast.PictureOptions, "ratio", "1:1, 2:3"),
        (slipcast.PictureOptions, "size", "1K, 2K, 4K"),
        (slipcast.PictureOptions, "thinking", "none"),
        (slipcast.Recipe, "gates", "closed, oriented, crossings"),
        (slipcast.CutoutOptions, "model", "u2netp"),
        (slipcast.ExportOptions, "compress", "none, meshopt, draco"),
        (slipcast.BaseOptions, "shape", "round, square, hex"),
    ):
        with pytest.raises(BadInput, match=words) as caught:
            kind(**{field: "bogus"})  # type: ignore[arg-type]
        assert caught.value.field == field


def test_no_options_class_is_hidden() -> None:
    """Found in the source, so that one which nobody exports is found too."""
    folder = Path(slipcast.__file__).parent
    found = {
        node.name: path
        for path in folder.rglob("*.py")
        if "service" not in path.parts  # HTTP's own models
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Options")
    }
    assert len(found) > 30
    hidden = {name for name in found if name not in slipcast.__all__}
    assert hidden == WITHIN, "export them, or say here that no public call takes them"


def test_every_class_is_among_the_tested() -> None:
    names = {kind.__name__ for kind in CLASSES}
    assert {name for name in slipcast.__all__ if name.endswith("Options")} <= names
    for kind in CLASSES:
        assert re.search(r"check(_fields)?\(", inspect.getsource(kind)), (
            f"{kind.__name__} does not check itself"
        )
        kind(**NEEDED.get(kind.__name__, {}))


def test_choices_accept_their_text_in_any_case_and_numbers_their_kin() -> None:
    import numpy as np

    assert slipcast.PointOptions(detail="FINE").detail == "fine"
    assert slipcast.SidesOptions(model="m", sides=["Left"]).sides == (View.LEFT,)  # type: ignore[arg-type]
    faces = slipcast.SimplifyOptions(faces=np.int64(500)).faces  # type: ignore[arg-type]
    assert (faces, type(faces)) == (500, int)
    height_m = slipcast.PlaceOptions(height_m=np.float32(0.5)).height_m  # type: ignore[arg-type]
    assert (height_m, type(height_m)) == (0.5, float)


def test_a_class_without_a_rule_for_a_field_is_a_mistake_of_ours() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Odd:
        one: int = 1
        two: bool = False

        def __post_init__(self) -> None:
            check(self, one=whole(0, 9, example=1))

    with pytest.raises(TypeError, match="two"):
        Odd()


def test_long_values_are_shown_short() -> None:
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Named:
        words: tuple[str, ...] = ()
        share: float = 0.5
        on: bool = True

        def __post_init__(self) -> None:
            check(self, words=several(choice("ab"), most=2), share=real(0, 1, example=0.5), on=flag())

    with pytest.raises(BadInput) as caught:
        Named(words=("x" * 500,))
    assert len(str(caught.value)) < 200
    assert Named(words=["A", "b"], share=1).words == ("a", "b")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"faces": 1}, "faces"),
        ({"height_m": 0}, "height_m"),
        ({"detail": "bogus"}, "detail"),
        ({"normal_map": "bogus"}, "normal_map"),
        ({"formats": "bogus"}, "formats"),
        ({"formats": 3}, "formats"),
        ({"gates": "bogus"}, "gates"),
        ({"device": "gpu"}, "device"),
        ({"fov_deg": float("nan")}, "fov_deg"),
        ({"depth": "bogus"}, "depth"),
        ({"view": "sideways"}, "view"),
        ({"views": {"sideways": "a.png"}}, "views"),
        ({"recipe": 3}, "recipe"),
    ],
)
def test_convert_refuses_before_the_picture_is_read(
    given: dict[str, Any], field: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(*_: object) -> None:
        raise AssertionError("something was loaded")

    monkeypatch.setattr("slipcast.depth.models._load_model", load)
    monkeypatch.setattr("slipcast.picture.decode._read", load)
    picture = {} if "views" in given else {"picture": "nosuch.png"}
    with pytest.raises(BadInput) as caught:
        slipcast.convert(**picture, **given)  # type: ignore[arg-type]
    assert caught.value.field == field
    assert "\n" not in str(caught.value)
