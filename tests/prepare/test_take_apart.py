"""Head, arms and base that are cut off by name."""

import dataclasses

import manifold3d
import numpy as np
import pytest
from blocks import box, textured_pillar

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine, Mesh
from slipcast.prepare.base import BaseOptions, add_base
from slipcast.prepare.body import Body, Kind, Origin, body_from_solid
from slipcast.prepare.hollow import HollowOptions
from slipcast.prepare.layers import slice_layers
from slipcast.prepare.print import PrintOptions, print_figurine
from slipcast.prepare.split import split, take_apart

CYLINDER = manifold3d.Manifold.cylinder


def doll(*, arms: int = 2, plinth: bool = True) -> Body:
    """A doll 75 mm tall: plinth to 6 mm, trunk to 45, neck to 51, head of 12 mm radius; arms at 38 mm, 10 mm thick.

    Behind its neck a pole leans out of the trunk's top, as high as the head's middle.
    """
    solid = CYLINDER(41, 11, 11, 48).translate((0, 0, 4))
    if plinth:
        solid += CYLINDER(6, 20, 20, 64)
    else:
        solid += CYLINDER(4, 11, 11, 48)
    solid += CYLINDER(8, 5, 5, 48).translate((0, 0, 44)) + manifold3d.Manifold.sphere(12, 64).translate(
        (0, 0, 63)
    )
    solid += CYLINDER(30, 1.5, 1.5, 24).rotate((-30, 0, 0)).translate((0, 8, 40))
    for side in (-1, 1)[:arms]:
        solid += CYLINDER(30, 5, 5, 32).rotate((0, 90 * side, 0)).translate((0, 0, 38))
    return body_from_solid(solid, Origin(kind=Kind.CUT))


def test_head_arms_and_base_are_parts_that_lie_on_their_cuts() -> None:
    parts, cuts = take_apart(doll(), ("head", "arms", "base"), process="fdm")
    pieces = {part.name: part.body for part in parts if not part.is_dowel}
    assert sorted(pieces) == ["base", "body", "head", "left-arm", "right-arm"]
    assert all(body.box_mm[0, 2] == pytest.approx(0, abs=1e-4) for body in pieces.values())
    assert all(len(body.solid.decompose()) == 1 for body in pieces.values())
    at = {cut.part: cut for cut in cuts}
    assert 44 < at["head"].z_mm < 53
    assert at["head"].area_mm2 == pytest.approx(np.pi * 25, rel=0.1)
    assert 6 <= at["base"].z_mm < 8
    assert at["left-arm"].z_mm == pytest.approx(38, abs=1.5)
    assert at["right-arm"].dowels  # an arm lies on its cut, so the hole goes in from below
    for name in ("left-arm", "right-arm"):
        assert pieces[name].solid.slice(0.2).area() > 40
        assert pieces[name].box_mm[1, 2] == pytest.approx(19, abs=2.5)


def test_what_stands_beside_a_neck_stays_whole() -> None:
    parts, _ = take_apart(doll(arms=0), ("head",), process="fdm")
    body, head = parts[0].body, parts[1].body
    assert body.box_mm[1, 2] > 58  # the pole
    assert head.volume_mm3 < 4 / 3 * np.pi * 12**3 + np.pi * 25 * 8


def test_the_parts_are_the_figurine_without_the_holes() -> None:
    whole = doll()
    parts, cuts = take_apart(whole, ("head", "arms", "base"), process="fdm")
    holes = sum(np.pi * (d / 2 + 0.2) ** 2 * (2 * h + 0.4) for cut in cuts for _, _, d, h in cut.dowels)
    pieces = sum(part.body.volume_mm3 for part in parts if not part.is_dowel)
    assert pieces == pytest.approx(whole.volume_mm3 - holes, rel=2e-3)


def test_an_added_base_comes_off_where_it_begins() -> None:
    standing, report = add_base(doll(plinth=False), BaseOptions(shape="round"))
    parts, cuts = take_apart(standing, ("base",), process="fdm")
    assert cuts[0].z_mm == pytest.approx(report.height_mm, abs=0.3)
    assert [part.name for part in parts[:2]] == ["body", "base"]
    assert parts[1].body.box_mm[1, 2] == pytest.approx(report.height_mm, abs=0.2)


@pytest.mark.parametrize(
    ("word", "sentence"),
    [("head", "no neck"), ("arms", "no arm that stands off"), ("base", "no plinth")],
)
def test_a_block_has_nothing_to_take_off(word: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=f"split {word} finds {sentence}") as refused:
        take_apart(box(30, 20, 75), (word,), process="fdm")
    assert refused.value.cure == "split=2"


def figurine_of(body: Body) -> Figurine:
    mesh = body.solid.to_mesh()
    x, y, z = np.array(mesh.vert_properties[:, :3], np.float64).T / 1000
    faces = np.array(mesh.tri_verts, np.int32)
    return dataclasses.replace(
        textured_pillar(),
        mesh=Mesh(
            vertices=np.stack([x, z, -y], 1).astype(np.float32),
            faces=faces,
            source=np.zeros(len(faces), np.uint8),
        ),
        uv=np.zeros((len(faces), 3, 2), np.float32),
    )


def test_no_cut_goes_through_a_face() -> None:
    """Of a figure whose neck's narrowest place is painted as a face, the head ends lower."""
    refined = body_from_solid(doll(arms=0).solid.refine_to_length(1.0), Origin(kind=Kind.FIGURINE))
    figure = figurine_of(refined)
    x, y, z = figure.mesh.vertices[figure.mesh.faces].mean(1).T
    face = (y > 0.047) & (y < 0.066) & (np.abs(x) < 0.006) & (z > 0)
    uv = np.where(face[:, None, None], 0.25, 0.75).astype(np.float32) * np.ones((1, 3, 2), np.float32)
    pixels = np.full((4, 4, 3), (40, 60, 190), np.uint8)
    pixels[:2, :2] = (225, 172, 150)
    figure = dataclasses.replace(figure, uv=uv, texture=dataclasses.replace(figure.texture, pixels=pixels))
    made = print_figurine(figure, PrintOptions(split=("head",), base=BaseOptions(shape="none")))
    (cut,) = made.cuts
    assert 44 < cut.z_mm < 47.5


def test_one_arm_is_told_and_hollow_parts_drain() -> None:
    options = PrintOptions(
        process="resin",
        split=("arms", "head"),
        orient="auto",
        base=BaseOptions(shape="none"),
        hollow=HollowOptions(),
    )
    made = print_figurine(figurine_of(doll(arms=1)), options)
    assert options.split == ("head", "arms")
    assert [part.name for part in made.parts if not part.is_dowel] == ["body", "left-arm", "head"]
    told = next(entry for entry in made.findings if entry.code == "PRINT_ONE_ARM")
    assert "only left-arm has" in told.message
    assert made.sound
    assert all(report.layers.trapped_mm3 == 0 for report in made.reports)
    assert {hole.part for hole in made.hollow.holes} >= {1, 3}  # type: ignore[union-attr]
    assert "statue.print.left-arm.stl" in made.files()


def test_words_of_split_are_checked_at_once(tmp_path: object, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["print", "x.glb", "--split", "head,tail"]) == 2
    assert "--split must be auto, a whole number, or some of head, arms, base" in capfd.readouterr().err
    with pytest.raises(BadInput, match="what to cut off of head, arms, base"):
        PrintOptions(split=("tail",))
    with pytest.raises(BadInput, match="lies on its cut"):
        PrintOptions(split=("head",), orient="30")


def test_air_gets_into_the_hole_of_a_resin_part_that_lies_on_its_cut() -> None:
    cups = {}
    for process in ("fdm", "resin"):
        parts, cuts = split(box(30, 24, 80), count=2, printer_mm=None, process=process)
        assert cuts[0].dowels
        part = parts[1]
        cups[process] = slice_layers(part.body, layer_mm=0.2, pixel_mm=0.2, vented=part.vented).cup_mm3
        low, high = part.body.box_mm
        backwards = part.body.solid.trim_by_plane((0, 1, 0), high[1] - 1).slice(0.4).area()
        assert backwards == pytest.approx(30 - 0.8 * (process == "resin"), abs=0.05)  # a groove of 0.8 mm
        assert part.body.solid.trim_by_plane((0, 1, 0), high[1] - 1).slice(1.0).area() == pytest.approx(30)
        assert low[2] == pytest.approx(0)
    assert cups["fdm"] > 400
    assert cups["resin"] == 0
