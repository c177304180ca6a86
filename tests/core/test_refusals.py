"""What every public call does with a wrong argument: one sentence with field, value and cure, before any work."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

import slipcast
from slipcast.checks.mesh import MeshLimits
from slipcast.core.errors import BadInput
from slipcast.texture.occlusion import OcclusionOptions
from slipcast.workspace.files import write

BAD = cast("Any", slipcast)
"""The package, to which anything may be given."""
PIXELS = np.zeros((64, 64, 3), np.uint8)
EXPORT = slipcast.Export(files={"a.glb": b"glTF"})


def _shop(**how: Any) -> Any:
    return BAD.Workshop(depth="dome", **how)


CALLS: dict[str, tuple[str, Callable[[], object]]] = {
    "Start(cutouts=3)": ("cutouts", lambda: BAD.Start(cutouts=3)),
    "Start(depths=3)": ("depths", lambda: BAD.Start(depths=3)),
    "Start(gathered='x')": ("gathered", lambda: BAD.Start(gathered="x")),
    "Start(views_findings='x')": ("views_findings", lambda: BAD.Start(views_findings="x")),
    "convert(views=3)": ("views", lambda: BAD.convert(views=3)),
    "convert(views='x')": ("views", lambda: BAD.convert(views="x")),
    "convert(views=[])": ("views", lambda: BAD.convert(views=["a.png", "b.png"])),
    "convert(views=twice)": ("views", lambda: BAD.convert(views={"front": "a.png", "Front": "b.png"})),
    "Workshop(runner=3)": ("runner", lambda: BAD.Workshop(runner=3)),
    "Workshop(runner=None)": ("runner", lambda: BAD.Workshop(runner=None)),
    "Workshop(runner='ray://')": ("runner", lambda: BAD.Workshop(runner="ray://")),
    "make(provider=3)": ("provider", lambda: _shop().make("owl", provider=3)),
    "make(provider=None)": ("provider", lambda: _shop().make("owl", provider=None)),
    "make(pictures=3)": ("pictures", lambda: _shop().make("owl", provider="folder", pictures=3)),
    "make(pictures='')": ("pictures", lambda: _shop().make("owl", provider="folder", pictures="")),
    "make(name=3)": ("name", lambda: _shop().make("owl", name=3)),
    "make(tell=3)": ("tell", lambda: _shop().make("owl", tell=3)),
    "save(3)": ("folder", lambda: BAD.Export(files=EXPORT.files).save(3)),
    "save(None)": ("folder", lambda: BAD.Export(files=EXPORT.files).save(None)),
    "save(nan)": ("folder", lambda: BAD.Export(files=EXPORT.files).save(math.nan)),
    "save(b'x')": ("folder", lambda: BAD.Export(files=EXPORT.files).save(b"x")),
    "save(NUL)": ("folder", lambda: EXPORT.save("a\0b")),
    "save(address)": ("folder", lambda: EXPORT.save("s3://bucket/a")),
    "convert_many(resume='yes')": ("resume", lambda: _shop().convert_many(["a.png"], resume="yes")),
    "convert_many(workers=1e9)": ("workers", lambda: _shop().convert_many(["a.png"], workers=10**9)),
    "convert_many(out='s3://')": ("out", lambda: _shop().convert_many(["a.png"], out="s3://")),
    "OcclusionOptions(rays='x')": ("rays", lambda: cast("Any", OcclusionOptions)(rays="x")),
    "OcclusionOptions(rays=64.5)": ("rays", lambda: cast("Any", OcclusionOptions)(rays=64.5)),
    "OcclusionOptions(reach=None)": ("reach", lambda: cast("Any", OcclusionOptions)(reach=None)),
    "OcclusionOptions(ground='no')": ("ground", lambda: cast("Any", OcclusionOptions)(ground="no")),
    "MeshLimits(wall_m=nan)": ("wall_m", lambda: MeshLimits(wall_m=math.nan)),
    "MeshLimits(faces='x')": ("faces", lambda: cast("Any", MeshLimits)(faces="x")),
    "Recipe.load(3)": ("path", lambda: BAD.Recipe.load(3)),
    "Recipe().save(3)": ("path", lambda: BAD.Recipe().save(3)),
    "Recipe.from_toml(3)": ("text", lambda: BAD.Recipe.from_toml(3)),
    "EXPORTERS['bogus']": ("format", lambda: slipcast.EXPORTERS["bogus"]),
    "TARGETS['bogus']": ("target", lambda: slipcast.TARGETS["bogus"]),
    "Picture(view='bogus')": ("view", lambda: BAD.Picture(pixels=PIXELS, view="bogus")),
    "Export(files={})": ("files", lambda: slipcast.Export(files={})),
    "Export(files=3)": ("files", lambda: BAD.Export(files=3)),
    "GeminiOptions(credentials=3)": ("credentials", lambda: BAD.GeminiOptions(credentials=3)),
    "GeminiOptions(base_url='x')": ("base_url", lambda: slipcast.GeminiOptions(base_url="x")),
    "write(3)": ("result", lambda: BAD.write(3, "out")),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_is_one_sentence_with_field_and_cure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    field, call = CALLS[name]
    with pytest.raises(BadInput) as caught:
        call()
    told = str(caught.value)
    assert caught.value.field == field
    assert told.startswith(field)
    assert "give" in told
    assert "\n" not in told
    assert not list(tmp_path.iterdir())


def test_keep_is_true_or_false() -> None:
    class Made:
        figurine = None

    with pytest.raises(BadInput, match="keep is 'yes'; give True or False"):
        cast("Any", write)(Made(), "out", keep="yes")


def test_a_workshop_shows_what_it_was_opened_with() -> None:
    shop = slipcast.Workshop(depth="dome")
    assert repr(shop) == "Workshop(depth='dome')"
    shop.close()
    assert repr(shop) == "Workshop(depth='dome', closed)"
