"""Whether a figurine stands, and the base that makes it stand."""

from dataclasses import replace
from pathlib import Path

import manifold3d
import numpy as np
import pytest
from blocks import ball, box, textured_pillar
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.prepare import lettering
from slipcast.prepare.base import SAFE_TIPPING_DEG, SHAPES, BaseOptions, MagnetOptions, add_base
from slipcast.prepare.body import Body, Kind, Origin, body_from_mesh, body_from_solid, read_surface
from slipcast.prepare.inspect_print import PROCESSES, inspect_part
from slipcast.prepare.lettering import outline_text
from slipcast.prepare.print import PrintOptions, print_figurine
from slipcast.prepare.stand import measure_stance

SHAPED = [shape for shape in SHAPES if shape not in ("auto", "none")]


def leaning() -> Body:
    """A mast whose head hangs over its foot: it falls by itself."""
    mast = manifold3d.Manifold.cube((6, 6, 50), False).translate((-3, -3, 0))
    head = manifold3d.Manifold.cube((30, 10, 10), False).translate((-3, -5, 45))
    return body_from_solid(mast + head, Origin(kind=Kind.CUT))


def test_a_block_tips_over_its_nearest_edge() -> None:
    stance = measure_stance(box(20, 30, 40))
    assert stance.tipping_deg == pytest.approx(np.degrees(np.arctan2(10, 20)), abs=0.01)
    assert stance.contact_mm2 == pytest.approx(600)
    assert stance.mass_center_mm == pytest.approx([0, 0, 20], abs=1e-4)


def test_what_hangs_over_its_foot_has_fallen() -> None:
    assert measure_stance(leaning()).tipping_deg < 0


@pytest.mark.parametrize("shape", ["auto", *SHAPED])
def test_a_base_makes_it_stand_with_the_angle_to_spare(shape: str) -> None:
    body, report = add_base(leaning(), BaseOptions(shape=shape))
    assert report.after.tipping_deg >= SAFE_TIPPING_DEG
    assert body.solid.status() == manifold3d.Error.NoError
    assert len(body.solid.decompose()) == 1
    assert body.box_mm[0, 2] == pytest.approx(0, abs=1e-5)


def test_auto_leaves_alone_what_stands() -> None:
    block = box(30, 30, 40)
    body, report = add_base(block, BaseOptions())
    assert report.shape == "none"
    assert body is block


def test_the_smallest_base_is_no_larger_than_needed() -> None:
    """One millimetre less no longer keeps the feet's rim or the angle."""
    _, report = add_base(leaning(), BaseOptions(shape="round"))
    body, smaller = add_base(leaning(), BaseOptions(shape="round", size_mm=report.size_mm - 3))
    assert smaller.after.tipping_deg < report.after.tipping_deg
    assert body.volume_mm3 > 0


@pytest.mark.parametrize("shape", SHAPED)
@pytest.mark.parametrize("style", ["engraved", "raised"])
def test_letters_change_the_front_of_the_base_by_their_volume(shape: str, style: str) -> None:
    plain, before = add_base(box(30, 20, 40), BaseOptions(shape=shape, height_mm=7.0))
    options = BaseOptions(shape=shape, height_mm=7.0, text="Owl", text_style=style)
    body, report = add_base(box(30, 20, 40), options)
    assert report.text_mm is not None
    assert report.size_mm == before.size_mm
    change = body.volume_mm3 - plain.volume_mm3
    area = outline_text("Owl", cap_mm=3.0).section.area()
    sign = -1 if style == "engraved" else 1
    assert sign * change == pytest.approx(area * options.text_depth_mm, rel=0.25)
    surface = read_surface(body)
    letters = surface.vertices_mm[surface.faces[surface.kind == int(Kind.TEXT)]]
    assert len(letters)
    assert letters[..., 1].max() < 0  # before the figurine


@pytest.mark.parametrize("shape", SHAPED)
def test_letters_grow_with_the_base_as_far_as_it_has_room(shape: str) -> None:
    def letter(text: str, height_mm: float | None = None) -> float:
        options = BaseOptions(shape=shape, text=text)
        options = options if height_mm is None else replace(options, height_mm=height_mm)
        report = add_base(box(80, 60, 250), options)[1]
        assert report.text_mm is not None
        return report.text_mm[1]

    assert letter("HE") > 5.5
    assert 3 <= letter("HE", height_mm=7.0) < 4.4
    assert 3 <= letter("HERCULES THE OX") <= letter("OX")


@pytest.mark.parametrize("shape", SHAPED)
def test_the_base_that_a_long_text_is_advised_holds_it(shape: str) -> None:
    options = BaseOptions(shape=shape, text="a name that is much too long for it")
    with pytest.raises(BadInput, match="shorten it, or take base") as caught:
        add_base(box(20, 20, 30), options)
    assert "letters of" not in str(caught.value)
    size = float(str(caught.value).rsplit(":", 1)[1].removesuffix("mm"))
    add_base(box(20, 20, 30), replace(options, size_mm=size))


@pytest.mark.parametrize("shape", ["round", "oval"])
@pytest.mark.parametrize("style", ["engraved", "raised"])
@pytest.mark.parametrize("text", ["Jurgen Leg", "Sir Owl"])
def test_bent_letters_leave_no_faces_that_cross(shape: str, style: str, text: str) -> None:
    options = BaseOptions(shape=shape, size_mm=40, text=text, text_style=style)
    body, _ = add_base(box(24, 20, 32), options)
    assert not len(find_crossing_faces(read_surface(body).as_mesh()))


def test_letters_that_the_built_in_font_lacks_come_from_a_font_of_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pen = TTGlyphPen(None)
    for place in ((0, 0), (0, 900), (400, 900), (400, 0)):
        (pen.lineTo if place[0] or place[1] else pen.moveTo)(place)
    pen.closePath()
    builder = FontBuilder(1000)
    builder.setupGlyphOrder([".notdef", "Udieresis"])
    builder.setupCharacterMap({ord("Ü"): "Udieresis"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "Udieresis": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (500, 0), "Udieresis": (500, 0)})
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Blocks", "styleName": "Regular", "fullName": "Blocks"})
    builder.setupOS2(sCapHeight=600)
    builder.setupPost()
    builder.save(tmp_path / "blocks.ttf")
    monkeypatch.setattr(lettering, "SYSTEM_FONTS", ("none.ttf", str(tmp_path / "blocks.ttf")))
    body, report = add_base(box(30, 20, 40), BaseOptions(shape="square", text="Ü"))
    assert report.font == "Blocks"
    assert report.text_mm == pytest.approx((2.0, 4.5))  # 400 x 900 where a capital of 3 mm has 600
    assert body.volume_mm3 > 0
    assert add_base(box(30, 20, 40), BaseOptions(shape="square", text="U"))[1].font.startswith("Aileron")


@pytest.mark.parametrize(("tall", "size"), [(28, 40.0), (75, 35.5)])
def test_a_miniature_gets_the_round_base_that_games_use(tall: float, size: float) -> None:
    _, report = add_base(box(27, 18, tall), BaseOptions(shape="round"))
    assert report.size_mm == size


def test_the_text_reads_from_left_to_right_at_the_front() -> None:
    body, _ = add_base(
        box(30, 20, 40), BaseOptions(shape="square", text="L", text_style="raised", text_cap_mm=4)
    )
    surface = read_surface(body)
    front = surface.vertices_mm[surface.faces[surface.kind == int(Kind.TEXT)]].reshape(-1, 3)
    low = front[:, 2] < front[:, 2].min() + 1.0
    assert front[low][:, 0].max() > front[~low][:, 0].max() + 0.5  # an L's foot points right


def test_a_magnet_has_its_pocket() -> None:
    options = BaseOptions(shape="round", size_mm=50, height_mm=5)
    plain, _ = add_base(box(20, 20, 40), options)
    magnet = MagnetOptions(diameter_mm=5, height_mm=2)
    body, _ = add_base(box(20, 20, 40), BaseOptions(shape="round", size_mm=50, height_mm=5, magnet=magnet))
    assert plain.volume_mm3 - body.volume_mm3 == pytest.approx(np.pi / 4 * 5.1**2 * 2.1, rel=0.01)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (BaseOptions(shape="round", size_mm=20), "smaller than the feet"),
        (BaseOptions(shape="square", text="a name that is much too long for it"), "shorten it"),
        (BaseOptions(shape="round", text="Owl \U0010fffd"), "lacks"),
        (BaseOptions(shape="round", height_mm=2.0, text="Owl"), "too thin"),
        (BaseOptions(shape="round", magnet=MagnetOptions(diameter_mm=50, height_mm=2)), "magnet of 50 mm"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cure(options: BaseOptions, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        add_base(box(30, 20, 40), options)


@pytest.mark.parametrize(
    ("field", "value"),
    [("shape", "star"), ("size_mm", 5.0), ("height_mm", 0.1), ("sink_mm", -1), ("text_style", "carved")],
)
def test_options_refuse_when_they_are_made(field: str, value: object) -> None:
    with pytest.raises(BadInput):
        BaseOptions(**{field: value})  # type: ignore[arg-type]


def test_the_figurine_keeps_its_texture_on_a_base(statue: Figurine) -> None:
    body, _ = add_base(body_from_mesh(statue.mesh, statue.uv), BaseOptions(shape="round"))
    surface = read_surface(body)
    own = surface.textured
    assert own.sum() >= len(statue.mesh.faces) * 0.7
    assert (surface.kind[~own] == int(Kind.BASE)).all()
    places = surface.vertices_mm[surface.faces[own]]
    assert surface.uv[own][..., 0] == pytest.approx(places[..., 0] / 30 + 0.5, abs=1e-3)


def test_a_ball_stands_on_a_base_only() -> None:
    assert measure_stance(ball(10)).tipping_deg < SAFE_TIPPING_DEG
    assert add_base(ball(10), BaseOptions())[1].after.tipping_deg > 2 * SAFE_TIPPING_DEG


def test_a_base_hides_no_thin_wall() -> None:
    fin = box(3, 0.5, 3).move(0, 0, 20)
    bare = inspect_part(box(20, 20, 20) + fin, PROCESSES["fdm"]).walls
    based, report = add_base(box(20, 20, 20) + fin, BaseOptions(shape="round", size_mm=60))
    walls = inspect_part(based, PROCESSES["fdm"]).walls
    assert bare.thinnest_mm == walls.thinnest_mm == pytest.approx(0.5, abs=0.01)
    assert walls.at_mm[2] > 20 + report.height_mm - 0.7


def test_only_a_base_that_fails_is_the_thinnest_place() -> None:
    thick = inspect_part(
        add_base(box(20, 20, 20), BaseOptions(shape="round", size_mm=60))[0], PROCESSES["fdm"]
    )
    assert thick.walls.at_mm[2] > 2
    assert thick.walls.thinnest_mm > 3
    disc = body_from_solid(manifold3d.Manifold.cube((60, 60, 0.6), True), Origin(kind=Kind.BASE))
    thin = inspect_part(disc.move(0, 0, 0.3) + box(20, 20, 20), PROCESSES["fdm"])
    assert thin.walls.thinnest_mm == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize(
    ("camera", "said"),
    [
        (
            {"elevation_deg": 14.1, "likely_error_deg": 4.5},
            "the camera looked down by 14.1 degrees, and the figurine",
        ),
        (
            {"elevation_deg": -3.0, "likely_error_deg": 7.0},
            "the camera looked up by 3.0 degrees, and the figurine",
        ),
        ({"elevation_deg": 0.1, "likely_error_deg": 1.5}, None),
        (None, None),
    ],
)
def test_how_far_it_was_stood_upright_is_told(camera: object, said: str | None) -> None:
    figurine = replace(textured_pillar(), provenance={"camera": camera} if camera else {})
    found = [
        entry for entry in print_figurine(figurine, PrintOptions()).findings if entry.code == "PRINT_UPRIGHT"
    ]
    assert [entry.message.startswith(str(said)) for entry in found] == [True] * (said is not None)
