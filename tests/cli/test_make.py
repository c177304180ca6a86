"""`slipcast make`: from words to the asset, and pictures from the disk instead of bought ones."""

import io
import json
from pathlib import Path

import pytest
import trimesh
from buying import KEY, Buy
from kitchen import QUICK_TOML
from PIL import Image, ImageDraw
from standin import Standin

from slipcast.core.errors import StageFailed

pytestmark = pytest.mark.usefixtures("buyers_home")


def drawn() -> bytes:
    """A simple figurine on a plain background."""
    picture = Image.new("RGB", (160, 160), "#dddddd")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((55, 20, 105, 70), fill="#aa3322")
    pen.rectangle((60, 65, 100, 120), fill="#3355aa")
    pen.ellipse((45, 115, 115, 140), fill="#444444")
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


MAKE = (
    "make",
    "a clockwork owl",
    "-o",
    "out",
    "--recipe",
    str(QUICK_TOML),
    "--preset",
    "bronze",
)


def test_words_become_an_asset_that_knows_its_picture(
    buy: Buy, server: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A make that is stopped after the picture, made again, and asked for once more: one call."""
    from slipcast.pipeline import run as pipeline

    def broken(*_: object, **__: object) -> None:
        raise StageFailed("the surface could not be made")

    server.sample = drawn()
    monkeypatch.delenv("GEMINI_API_KEY")
    assert "1 picture: 1 call for about $0.03" in buy(*MAKE, "--dry-run").out
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    assert not server.calls
    with monkeypatch.context() as halfway:
        halfway.setattr(pipeline, "run", broken)
        assert buy(*MAKE).code == 5
    assert (tmp_path / "out/clockwork-owl.picture.png").read_bytes() == server.sample
    ran = buy(*MAKE)
    assert ran.code == 0, ran.err
    assert ran.out.startswith("out/clockwork-owl.glb | picture from the store")
    document = json.loads((tmp_path / "out/clockwork-owl.json").read_text())
    story = document["picture"]
    assert story["model"] == "gemini-nano-banana-2.1"
    assert story["response_id"] == "resp00001"
    assert story["cost_usd"] == pytest.approx(0.035, abs=1e-3)
    assert "A clockwork owl, made as" in story["prompt"]
    assert "SynthID" in story["watermark"]
    assert document["material"] == {"name": "Bronze", "metallic": 1.0, "roughness": 0.35}
    (mesh,) = trimesh.load(tmp_path / "out/clockwork-owl.glb").geometry.values()
    assert mesh.visual.material.roughnessFactor == pytest.approx(0.35)
    assert mesh.visual.material.metallicFactor == pytest.approx(1.0)
    assert KEY.encode() not in b"".join(path.read_bytes() for path in (tmp_path / "out").iterdir())
    assert "nothing was done" in buy(*MAKE).out
    assert len(server.calls) == 1


def test_an_asset_of_words_has_a_report_and_is_kept_where_it_misses_a_gate(
    buy: Buy, server: Standin, tmp_path: Path
) -> None:
    server.sample = drawn()
    words = (*MAKE, "--report", "--gate", "closed,thickness>=90mm")
    ran = buy(*words)
    assert (ran.code, "does not meet thickness>=90mm" in ran.err) == (6, True)
    report = tmp_path / "out/clockwork-owl.report.html"
    page = report.read_text("utf-8")
    assert "A clockwork owl, made as" in page
    assert "misses thickness&gt;=90mm" in page
    ran = buy(*words)
    assert (ran.code, "nothing was done" in ran.out) == (6, True), "what failed once fails again"
    report.unlink()
    assert buy(*words).code == 6
    assert report.is_file(), "a missing report is made up for"
    assert len(server.calls) == 1


def test_pictures_from_the_disk_need_no_key(
    buy: Buy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(drawn())
    ran = buy(
        "generate", "a clockwork owl", "--provider", "folder", "--pictures", "in", "-o", "out", buys=False
    )
    assert ran.code == 0
    assert ran.out.startswith("out/clockwork-owl.png | 160x160 px | free")
    assert "model" not in json.loads((tmp_path / "out/clockwork-owl.json").read_text())
