"""report/: one file that needs nothing else; the viewer gets the figurine; the index lists a batch."""

import base64
import gzip
import io
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from kitchen import QUICK, QUICK_TOML
from PIL import Image
from shapes import HUES, figure, sphere
from silhouettes import disc, picture_of

from slipcast.checks.gates import parse_gates
from slipcast.checks.verdict import LIMITS, Verdict
from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.core.values import Source
from slipcast.mesh.tangents import make_corner_tangents
from slipcast.mesh.thickness import measure_thickness
from slipcast.pipeline.result import Result
from slipcast.pipeline.run import run
from slipcast.report.index import cards_of, draw_index, is_ours
from slipcast.report.measured import WORDS, measured
from slipcast.report.model import pack, thickness_level
from slipcast.report.page import CHECKS, VERDICTS, groups_of
from slipcast.report.report import ASSETS, draw_report
from slipcast.texture.normal_map import Frames

HOSTILE = "knight <script>alert(1)</script> \"&' Käse"


class Page(HTMLParser):
    """What a page consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._deep: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._deep.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._deep and self._deep[-1] == tag:
            self._deep.pop()

    def handle_data(self, data: str) -> None:
        if not self._deep:
            self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def result() -> Result:
    alpha = np.maximum(disc(160, 45, 80, 105), disc(160, 25, 80, 40))
    recipe = QUICK.change(faces=1500, normal_map="on")
    return run(picture_of(alpha), recipe, name=HOSTILE)


@pytest.fixture(scope="module")
def html(result: Result) -> str:
    run = {"seconds": dict(result.seconds), "total_s": 12.34, "peak_memory_mb": 321, "started": "2026-11-24"}
    return draw_report(result, run=run).decode()


def test_a_report_is_one_file_that_names_no_other(html: str) -> None:
    page = Page(html)
    for _, attributes in page.tags:
        for key in ("src", "href", "action", "poster", "data"):
            value = attributes.get(key) or ""
            assert not value or value.startswith(("data:", "#")), value[:80]
    assert "default-src 'none'" in html
    assert not re.search(r"@import|url\((?!data:)", (ASSETS / "page.css").read_text("utf-8"))
    assert 400_000 < len(html) < 6_000_000
    assert html.count("<script") == html.count("</script>") == 4


def test_a_name_is_text_wherever_it_stands(html: str) -> None:
    assert HOSTILE in Page(html).words
    assert "<script>alert" not in html
    scripts = [attributes for attributes in Page(html).all("script")]
    assert len(scripts) == 4
    layout = re.search(r'id="layout">(.*?)</script>', html, re.DOTALL)
    assert layout
    assert json.loads(layout[1])["name"] == HOSTILE


def test_a_report_tells_all_there_is(html: str, result: Result) -> None:
    words = Page(html).words
    box = result.metadata["box_mm"]
    assert isinstance(box, dict)
    assert f"{box['width']:.1f} × {box['height']:.1f} × {box['depth']:.1f} mm" in words
    for finding in result.figurine.findings:
        assert finding.message[1:] in words
        assert finding.code in words
    titles = {name: title for group in CHECKS.values() for name, title in group.items()}
    for check in result.checks:
        assert titles[check.name] in words
    for stage, seconds in result.seconds.items():
        assert stage in words
        assert f"{seconds:.2f} s" in words
    for word in ("12.3 s in all", "321 MB", "2026-11-24", "dome", "Apache-2.0", '"height_m": 0.075'):
        assert word in words, word


def test_every_picture_is_there_decodes_and_is_described(html: str) -> None:
    page = Page(html)
    pictures = page.all("img")
    assert len(pictures) == 12  # ten to look at, two that the model wears
    for attributes in pictures:
        uri = attributes["src"]
        assert uri
        image = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))
        image.load()
        if "hidden" not in attributes:
            assert len(attributes["alt"] or "") > 10
        if "width" in attributes:
            assert (str(image.width), str(image.height)) == (attributes["width"], attributes["height"])


def test_the_picture_is_shown_as_it_came(html: str, result: Result) -> None:
    """Not as the cutout leaves it, whose colours go on where the background was."""
    assert result.original.alpha is not None
    uri = next(a["src"] for a in Page(html).all("img") if "made from" in (a.get("alt") or ""))
    assert uri
    came = Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1]))).convert("RGBA")
    share = np.asarray(came.getchannel("A"), float).mean() / 255
    assert share == pytest.approx(float(result.original.alpha.mean()) / 255, abs=0.02)


def test_headings_and_labels_are_in_order(html: str) -> None:
    page = Page(html)
    assert next(tag for tag, _ in page.tags if tag in ("h1", "h2", "h3")) == "h1"
    assert len(page.all("h1")) == 1
    assert page.all("html")[0]["lang"] == "en"
    ids = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    for _, attributes in page.tags:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids
    canvas = page.all("canvas")[0]
    assert canvas["tabindex"] == "0"
    assert "Arrow keys" in (canvas["aria-label"] or "")
    assert "cannot draw the model" in page.words


def test_every_check_and_verdict_has_a_name_for_people() -> None:
    assert set(VERDICTS) == set(Verdict)
    named = {name for group in CHECKS.values() for name in group}
    several = {name for name in LIMITS if name.startswith(("views_", "prompt_")) or name == "drafts"}
    assert set(LIMITS) - several <= named, "a check of one figurine has a title on its page"


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("thickness_mm", 0.812, "walls of 0.812 mm and more"),
        ("off_centre_share", 0.0123, "1.23 % off the middle"),
        ("tilt_deg", 12.0, "tilted by 12°"),
        ("volume_mm3", 47130.2, "volume 47,130 mm³"),
        ("texels_per_mm", 8.224, "8.22 texels per mm"),
        ("open_edges", 0, "open edges: 0"),
        ("is_prior", True, "no model told the depth: yes"),
        ("iou", 0.9891, "outlines overlap by 98.9 %"),
        ("of_another_version_mm2", 3.0, "of another version 3 mm²"),
        ("lean_deg", -4.5, "leans back by 4.5°"),
        ("lean_deg", 3.2, "leans forwards by 3.2°"),
        ("lean_deg", -0.04, "leans by 0°"),
    ],
)
def test_measured_values_are_told_with_their_units(key: str, value: float, told: str) -> None:
    assert measured(key, value) == told


def test_no_measured_value_is_told_by_its_raw_name(result: Result) -> None:
    names = {key for check in result.checks for key in check.values}
    assert names <= set(WORDS), "a value of a check has words on the page"
    words = Page(draw_report(result).decode()).words
    assert "edges with more than two faces: 0" in words
    assert "crowded edges" not in words


def test_what_a_gate_measured_has_the_unit_of_its_words(result: Result) -> None:
    gated = run(
        result.original, replace(result.recipe, gates=parse_gates("thickness>=9cm,iou>=0.5")), name="egg"
    )
    words = Page(draw_report(gated).decode()).words
    assert re.search(r"thickness>=9cm\s*[0-9.]+ mm\s*no", words)
    assert re.search(r"iou>=0.5\s*[0-9.]+\s*yes", words)


def test_advice_stands_with_its_finding_and_orders_the_findings(result: Result) -> None:
    findings = [
        {"code": code, "severity": severity, "message": f"it is {code}", "values": {}}
        for code, severity in (("A_A", "info"), ("B_B", "warning"), ("C_C", "warning"), ("D_D", "error"))
    ]
    advice = [
        {"code": "C_C", "do": "do c", "prompt": "plain <b>", "option": "--keep"},
        {"code": "B_B", "do": "do b"},
    ]
    changed = replace(result, metadata={**result.metadata, "findings": findings, "advice": advice})
    html = draw_report(changed).decode()
    words = " ".join(Page(html).words.split())
    places = [words.index(f"It is {code}.") for code in ("D_D", "C_C", "B_B", "A_A")]
    assert places == sorted(places)
    assert "What helps: do c. Add to the prompt: plain <b>. Or set --keep." in words
    assert words.count("What helps:") == 2


def test_checks_stand_under_what_they_judge() -> None:
    plain = {"score": 1.0, "verdict": "approve"}
    groups = groups_of(
        {"iou": plain, "new_thing": plain, "agreement": {**plain, "score": None}, "tilt": plain}
    )
    assert [(group, [line.title for line in lines]) for group, lines in groups] == [
        ("Depth", ["Upright", "Depth models agree"]),
        ("Model", ["Outline as in the picture"]),
        ("More", ["New thing"]),
    ]


def test_equal_results_give_equal_pages(result: Result) -> None:
    assert draw_report(result) == draw_report(result)


# the model


def test_the_viewer_gets_the_figurine() -> None:
    made = figure()
    packed = pack(made, measure_thickness(made.mesh), 0.0008)
    layout = packed.layout
    vertices, faces = int(str(layout["vertices"])), int(str(layout["faces"]))
    assert (faces, layout["wide"]) == (len(made.mesh.faces), False)
    raw = gzip.decompress(base64.b64decode(packed.data))
    assert len(raw) == faces * 6 + vertices * (6 + 4 + 3 + 1 + 1)
    index = np.frombuffer(raw, "<u2", 3 * faces).reshape(-1, 3)
    at = faces * 6
    position = np.frombuffer(raw, "<u2", 3 * vertices, at).reshape(-1, 3).astype(np.float64)
    uv = np.frombuffer(raw, "<u2", 2 * vertices, at + 6 * vertices).reshape(-1, 2) / 65535
    normal = np.frombuffer(raw, "i1", 3 * vertices, at + 10 * vertices).reshape(-1, 3) / 127
    source = np.frombuffer(raw, "u1", vertices, at + 14 * vertices)
    world = position / 65535 * float(str(layout["size"])) + np.array(layout["low"])
    assert world[index] == pytest.approx(made.mesh.vertices[made.mesh.faces], abs=0.075 / 65535)
    assert uv[index] == pytest.approx(made.uv, abs=1e-5)
    assert np.linalg.norm(normal, axis=1) == pytest.approx(np.ones(vertices), abs=0.02)
    assert set(source) == {Source.SEEN, Source.MIRRORED}


def test_the_viewer_gets_the_normal_map_with_its_tangents(result: Result) -> None:
    made = figure(normal_map=True)
    packed = pack(made, measure_thickness(made.mesh), 0.0008)
    assert packed.layout["mapped"] is True
    vertices, faces = int(str(packed.layout["vertices"])), len(made.mesh.faces)
    raw = gzip.decompress(base64.b64decode(packed.data))
    assert len(raw) == faces * 6 + vertices * (6 + 4 + 3 + 1 + 1 + 4)
    index = np.frombuffer(raw, "<u2", 3 * faces).reshape(-1, 3)
    normal = np.frombuffer(raw, "i1", 3 * vertices, 6 * faces + 10 * vertices).reshape(-1, 3) / 127
    tangent = np.frombuffer(raw, "i1", 4 * vertices, 6 * faces + 15 * vertices).reshape(-1, 4) / 127
    frames = Frames(made)
    assert tangent[index] == pytest.approx(make_corner_tangents(made, frames.at_vertex), abs=0.005)
    assert np.abs((tangent[:, :3] * normal).sum(1)).max() < 0.02
    dented = np.full((64, 128, 3), (128, 200, 240), np.uint8)
    page = Page(draw_report(replace(result, figurine=replace(result.figurine, normal_map=dented))).decode())
    (relief,) = (image for image in page.all("img") if image.get("id") == "relief")
    data = base64.b64decode(str(relief["src"]).split(",")[1])
    assert np.array_equal(np.array(Image.open(io.BytesIO(data)).convert("RGB")), dented)
    bare = Page(draw_report(replace(result, figurine=replace(result.figurine, normal_map=None))).decode())
    assert all(image.get("id") != "relief" for image in bare.all("img"))


def test_a_large_model_has_a_wide_index() -> None:
    ball = sphere(0.02, 300, 300)
    uv = np.zeros((len(ball.faces), 3, 2), np.float32)
    packed = pack(replace(figure(), mesh=ball, uv=uv), measure_thickness(ball), 0.0008)
    assert packed.layout["wide"] is True
    raw = gzip.decompress(base64.b64decode(packed.data))
    assert np.frombuffer(raw, "<u4", 3 * len(ball.faces)).max() == int(str(packed.layout["vertices"])) - 1


def test_thickness_is_told_in_octaves_of_a_wall() -> None:
    walls = np.array([0.01, 0.25, 1.0, 32.0, 500.0, np.inf])
    assert thickness_level(walls * 0.0008, 0.0008).tolist() == [0, 0, 73, 255, 255, 255]


# the command line and the index


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two assets, one with a report and one that misses its gate."""
    folder = tmp_path_factory.mktemp("batch")
    for name, radius in (("ball", 50), ("small ball", 30)):
        pixels = np.zeros((128, 128, 4), np.uint8)
        pixels[..., :3], pixels[..., 3] = HUES["blue"], disc(128, radius)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    words = ["--recipe", str(QUICK_TOML), "-o", str(folder / "out")]
    assert main(["convert", str(folder / "ball.png"), "--report", *words]) == 0
    assert main(["convert", str(folder / "small ball.png"), "--gate", "thickness>=9cm", *words]) == 6
    (folder / "out" / "other.json").write_text('{"no": "asset"}', encoding="utf-8")
    (folder / "out" / "broken.json").write_text("{", encoding="utf-8")
    return folder / "out"


def test_convert_writes_a_report_where_asked(batch: Path) -> None:
    assert [path.name for path in batch.glob("*.report.html")] == ["ball.report.html"]
    known = json.loads((batch / "ball.json").read_text("utf-8"))
    words = Page((batch / "ball.report.html").read_text("utf-8")).words
    assert f"{known['run']['total_s']:.1f} s in all" in words
    assert known["generator"] in words


def test_the_index_lists_all_assets_the_worst_first(batch: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(batch)]) == 0
    printed = capfd.readouterr()
    assert printed.out == f"{batch / 'index.html'}\n"
    assert "1 asset has no report; run the command that made the assets again with --report" in printed.err
    page = Page((batch / "index.html").read_text("utf-8"))
    cards = [attributes for attributes in page.all("li") if "data-verdict" in attributes]
    assert [card["data-name"] for card in cards] == ["small ball", "ball"]
    links = [attributes["href"] for attributes in page.all("a")]
    assert links == ["small%20ball.glb", "ball.report.html"]
    assert "misses thickness>=9cm" in page.words
    assert "1 without a report" in page.words
    for attributes in page.all("img"):
        assert (attributes["src"] or "").startswith("data:image/webp")
    assert main(["report", str(batch)]) == 0, "an index of ours is replaced"


def test_a_report_that_is_missing_is_made_with_resume_and_no_other(
    batch: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    shutil.copytree(batch, out)
    before = (out / "ball.glb").stat().st_mtime_ns
    words = ["--recipe", str(QUICK_TOML), "-o", str(out)]
    pictures = [str(batch.parent / f"{name}.png") for name in ("ball", "small ball")]
    assert main(["convert", pictures[0], "--report", "--resume", *words]) == 0
    gate = ["--gate", "thickness>=9cm"]
    assert main(["convert", pictures[1], "--report", "--resume", *gate, *words]) == 6
    assert (out / "small ball.report.html").is_file()
    assert (out / "ball.glb").stat().st_mtime_ns == before
    capfd.readouterr()
    assert main(["report", str(out)]) == 0
    assert capfd.readouterr().err == ""


def test_a_page_that_is_not_ours_is_left_alone(
    batch: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in batch.glob("ball*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "index.html").write_text("<p>mine", encoding="utf-8")
    assert not is_ours(tmp_path / "index.html")
    assert main(["report", str(tmp_path)]) == 2
    assert "is no index of Slipcast" in capfd.readouterr().err
    assert (tmp_path / "index.html").read_text("utf-8") == "<p>mine"


def test_a_folder_without_assets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no asset"):
        draw_index(tmp_path)
    with pytest.raises(BadInput, match="is no folder"):
        draw_index(tmp_path / "nosuch")


def test_assets_of_an_older_release_and_without_a_preview_are_listed(tmp_path: Path) -> None:
    old = {
        "generator": "Slipcast 0.0.1",
        "name": "<b>old",
        "box_mm": {},
        "height_mm": 75.0,
        "files": {"old.glb": 1},
    }
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "old.json").write_text(json.dumps(old), encoding="utf-8")
    (tmp_path / "deep" / "old.preview.png").write_bytes(b"damaged")
    (card,) = cards_of(tmp_path)
    assert (card.verdict, card.link, card.thumb) == ("unknown", "deep/old.glb", "")
    page = draw_index(tmp_path).decode()
    assert "&lt;b&gt;old" in page
    assert "1 not judged" in Page(page).words
