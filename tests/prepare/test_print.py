"""All print steps together: parts, files and the report."""

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import manifold3d
import numpy as np
import pytest
from blocks import box, textured_pillar

from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine, Mesh, Picture
from slipcast.formats.inspect import describe
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.formats.threemf.painted import encode_paint
from slipcast.mesh.thickness import measure_thickness
from slipcast.prepare.base import BaseOptions, add_base
from slipcast.prepare.body import Body, Kind, Origin, body_from_mesh, body_from_solid, read_surface
from slipcast.prepare.empty_layers import find_empty_layers, grow_empty_layers
from slipcast.prepare.fit import fit_printer
from slipcast.prepare.hollow import HollowOptions, hollow_parts
from slipcast.prepare.inspect_print import PROCESSES, count_degenerate, inspect_part
from slipcast.prepare.judge_print import judge_parts
from slipcast.prepare.paint import PaintOptions
from slipcast.prepare.print import PrintOptions, print_figurine
from slipcast.prepare.scale import parse_scale
from slipcast.prepare.split import SplitPart, split
from slipcast.prepare.thicken import thicken
from slipcast.prepare.uncross import uncross


def model_of(data: bytes) -> str:
    """The model part of a 3MF."""
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert "Metadata/thumbnail.png" in package.namelist()
        return package.read("3D/3dmodel.model").decode()


def test_paint_strings_are_those_that_slicers_write() -> None:
    assert [encode_paint(k) for k in (1, 2, 3, 4, 5, 16)] == ["4", "8", "0C", "1C", "2C", "DC"]
    with pytest.raises(ValueError, match="1 to 16"):
        encode_paint(17)


def test_a_painted_file_names_each_colour_three_times(statue: Figurine) -> None:
    made = print_figurine(statue, PrintOptions(paint=PaintOptions(colors=3), base=BaseOptions(shape="round")))
    text = model_of(made.files()["statue.print.3mf"])
    triangles = re.findall(r"<triangle [^>]*>", text)
    assert len(triangles) == len(made.painted[0].surface.faces)
    for row in triangles[:: max(len(triangles) // 50, 1)]:
        number = int(re.search(r'p1="(\d+)"', row)[1])  # type: ignore[index]
        assert f'slic3rpe:mmu_segmentation="{encode_paint(number + 1)}"' in row
        assert f'paint_color="{encode_paint(number + 1)}"' in row
    assert text.count("<m:color ") == len(made.palette.colors if made.palette else ())
    assert 'name="Application">Slipcast<' in text


def test_a_closed_stl_for_each_colour(statue: Figurine, tmp_path: Path) -> None:
    options = PrintOptions(paint=PaintOptions(colors=3), base=BaseOptions(shape="none"), stl_per_color=True)
    made = print_figurine(statue, options)
    names = [name for name in made.files() if ".color" in name]
    assert len(names) == 3
    total = 0.0
    for name in names:
        (tmp_path / name).write_bytes(made.files()[name])
        facts = describe(tmp_path / name)
        assert facts["closed"]
        total += float(str(facts["volume_mm3"]))
    assert total == pytest.approx(made.reports[0].volume_mm3, rel=1e-3)
    with pytest.raises(BadInput, match="stl_per_color needs paint"):
        PrintOptions(stl_per_color=True)


def test_the_same_figurine_gives_the_same_bytes(statue: Figurine) -> None:
    options = PrintOptions(paint=PaintOptions(colors=3), base=BaseOptions(shape="hex", text="Owl"))
    assert print_figurine(statue, options).files() == print_figurine(statue, options).files()


def test_a_report_has_sizes_weight_and_verdict(statue: Figurine) -> None:
    made = print_figurine(statue, PrintOptions(height_m=0.12, price_per_kg=20))
    report = made.describe()
    part = report["parts"][0]  # type: ignore[index]
    assert part["size_mm"] == [60.0, 40.0, 120.0]
    assert part["volume_mm3"] == pytest.approx(60 * 40 * 120, rel=1e-4)
    assert report["weight_g"] == {"PLA": pytest.approx(357.1, abs=0.2), "PETG": pytest.approx(365.8, abs=0.2)}
    assert report["cost"] == pytest.approx(7.14, abs=0.01)
    assert report["printability"]["status"] == "healthy"  # type: ignore[index]
    assert json.dumps(report, allow_nan=False)


def test_split_parts_lie_flat_and_dowels_fit_their_holes() -> None:
    whole = box(30, 30, 120)
    parts, cuts = split(whole, count=2, printer_mm=None, process="fdm")
    assert [part.name for part in parts] == ["part1", "part2", "dowel1"]
    (x, y, diameter, depth) = cuts[0].dowels[0]
    assert diameter == depth == 8
    assert abs(x) < 1
    assert abs(y) < 1
    hole = np.pi / 4 * (diameter + 0.4) ** 2 * (2 * diameter + 0.4)
    assert parts[0].body.volume_mm3 + parts[1].body.volume_mm3 == pytest.approx(
        whole.volume_mm3 - hole, rel=0.002
    )
    for part in parts:
        assert part.body.box_mm[0, 2] == pytest.approx(0, abs=1e-4)
        assert part.body.solid.status() == manifold3d.Error.NoError


def test_holes_of_two_cuts_leave_floors_in_a_short_part() -> None:
    """Its 14 mm do not hold two holes of 8 mm one above the other."""
    parts, cuts = split(box(30, 30, 42), count=3, printer_mm=None, process="fdm")
    assert all(cut.dowels for cut in cuts)
    for part in parts:
        assert part.body.solid.genus() == 0, part.name
    assert min(depth for cut in cuts for *_, depth in cut.dowels) < 8


def test_a_hole_leaves_a_floor_below_a_slope() -> None:
    """Of a cone above the cut; a hole as deep as it is wide would come out of its side."""
    cone = manifold3d.Manifold.cylinder(12, 14, 0.5, 48).translate((0, 0, 11.9))
    whole = box(30, 30, 12) + body_from_solid(cone, Origin(kind=Kind.CUT))
    parts, cuts = split(whole, count=2, printer_mm=None, process="fdm")
    assert cuts[0].dowels
    assert [part.body.solid.genus() for part in parts[:2]] == [0, 0]
    assert [len(part.body.solid.decompose()) for part in parts[:2]] == [1, 1]


def test_a_hollow_figurine_is_cut_into_hollow_parts_with_dowels() -> None:
    """Each cut has a wall on both sides, and a dowel in it; before, only rims were left, which hold none."""
    parts, cuts = split(box(17, 10, 50), count=2, printer_mm=None, process="resin")
    (lower, upper), report = hollow_parts(
        [part.body for part in parts[:2]],
        HollowOptions(hole_mm=1.5, closing_mm=0),
        cut_above=[part.cut_above for part in parts[:2]],
        tall_mm=50,
    )
    assert report.cavities == 2
    assert {hole.part for hole in report.holes} == {1, 2}
    assert cuts[0].dowels
    for body in (lower, upper):
        low, high = body.box_mm[:, 2]
        assert body.solid.slice((low + high) / 2).area() < 0.8 * 17 * 10
    vent = next(hole for hole in report.holes if hole.kind == "vent")
    assert vent.at_mm[2] == pytest.approx(
        lower.box_mm[1, 2], abs=0.4
    )  # through the cut, where nobody sees it
    socket = np.pi * (cuts[0].dowels[0][2] / 2 + 0.15) ** 2
    assert upper.solid.slice(1.0).area() == pytest.approx(17 * 10 - socket - 2 * np.pi * 0.75**2, rel=0.02)


def test_a_cut_without_a_dowel_is_told() -> None:
    made = print_figurine(
        textured_pillar(), PrintOptions(split=2, height_m=0.01, base=BaseOptions(shape="none"))
    )
    assert made.cuts[0].dowels == ()
    assert "PRINT_NO_DOWEL" in {entry.code for entry in made.findings}


def test_split_auto_takes_as_many_parts_as_the_printer_needs() -> None:
    parts, _ = split(box(30, 30, 250), count=None, printer_mm=(100, 100, 100), process="fdm")
    assert sum(part.name.startswith("part") for part in parts) == 3
    assert max(part.body.box_mm[1, 2] for part in parts) <= 100
    with pytest.raises(BadInput, match="a height of at most 121 mm"):
        split(box(200, 30, 250), count=None, printer_mm=(100, 100, 100), process="fdm")


@pytest.mark.parametrize(("shape", "tall"), [("none", 59.4), ("round", 57.0), ("plinth", 52.2)])
def test_scale_to_fit_leaves_room_for_the_base_that_is_built(shape: str, tall: float) -> None:
    fitted = fit_printer(
        box(15, 15, 300), BaseOptions(shape=shape), (60, 60, 60), lean="stand", process="fdm"
    )
    assert fitted.box_mm[1, 2] == pytest.approx(tall, abs=0.1)
    whole, _ = add_base(fitted, BaseOptions(shape=shape))
    assert 59 < whole.box_mm[1, 2] <= 59.5


@pytest.mark.parametrize("shape", ["none", "round"])
def test_scale_to_fit_looks_at_the_figurine_as_it_leans(shape: str) -> None:
    options = PrintOptions(
        process="resin",
        orient="45",
        base=BaseOptions(shape=shape),
        height_m=0.2,
        printer_mm=(60, 60, 60),
        scale_to_fit=True,
    )
    report = print_figurine(textured_pillar(), options).reports[0]
    assert report.fits
    assert max(report.size_mm) > 58  # and is no smaller than it must


def test_a_base_wider_than_the_printer_is_named() -> None:
    options = PrintOptions(
        base=BaseOptions(shape="round", size_mm=80), printer_mm=(60, 60, 60), scale_to_fit=True
    )
    with pytest.raises(BadInput, match=r"base round:80mm is 80 x 80 mm .* at most 60 mm"):
        print_figurine(textured_pillar(), options)


def test_thin_parts_grow_to_what_is_asked() -> None:
    post = manifold3d.Manifold.cube((0.5, 10, 30), True).translate((0, 0, 15))
    block = manifold3d.Manifold.cube((20, 20, 10), True).translate((0, 0, 5))
    body = type(box(1, 1, 1))(post + block, {})
    grown, report = thicken(body, 1.0)
    assert report.largest_mm == pytest.approx(0.25, abs=0.05)
    assert grown.solid.slice(25.0).area() == pytest.approx(10 * 1.0, rel=0.15)
    assert measure_thickness(read_surface(grown).as_mesh()).quantile_m(0.02) >= 0.001
    assert grown.solid.slice(4.0).area() == pytest.approx(400, rel=0.02)


def test_resin_is_hollowed_and_written_as_stl(statue: Figurine) -> None:
    made = print_figurine(statue, PrintOptions(process="resin", hollow=HollowOptions(), height_m=0.08))
    assert made.hollow is not None
    assert made.hollow.saved > 0.3
    assert made.reports[0].layers.trapped_mm3 == 0
    assert "statue.print.stl" in made.files()


@pytest.mark.parametrize(
    ("text", "height_m"),
    [("1:7", 0.25), ("1/12", 0.145833333), ("28mm", 0.028), ("6in", 0.1524), ('3"', 0.0762)],
)
def test_scales_have_names(text: str, height_m: float) -> None:
    assert parse_scale(text) == pytest.approx(height_m)


@pytest.mark.parametrize("text", ["big", "1:0", "0.1mm", "28", "1:7mm"])
def test_other_scales_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match="scale"):
        parse_scale(text)


def test_an_open_mesh_is_refused(statue: Figurine) -> None:
    with pytest.raises(Exception, match="not a closed solid"):
        body_from_mesh(
            type(statue.mesh)(
                vertices=statue.mesh.vertices, faces=statue.mesh.faces[:-3], source=statue.mesh.source[:-3]
            ),
            statue.uv[:-3],
        )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--base", "star"], "--base is 'star'"),
        (["--magnet", "5"], "--magnet '5'"),
        (["--hollow", "thick"], "--hollow"),
        (["--filaments", "#fff"], "at least two"),
        (["--filaments", "red,bluw"], "no colour; did you mean blue?"),
        (["--printer", "256"], "--printer"),
        (["--split", "auto"], "--printer 256x256x256mm"),
        (["--height", "75mm", "--scale", "1:7"], "name one"),
        (["--for", "laser"], "--for is 'laser'"),
        (["--orient", "upside"], "--orient is 'upside'"),
    ],
)
def test_wrong_words_are_refused_at_once(
    tmp_path: Path, statue: Figurine, words: list[str], sentence: str, capfd: pytest.CaptureFixture[str]
) -> None:
    from slipcast.cli.main import main

    asset = tmp_path / "statue.glb"
    asset.write_bytes(EXPORTERS["glb"].export(statue, ExportOptions()).files["statue.glb"])
    assert main(["print", str(asset), "-o", str(tmp_path / "out"), *words]) == 2
    assert sentence in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_command_writes_the_files_and_one_line(
    tmp_path: Path, statue: Figurine, capfd: pytest.CaptureFixture[str]
) -> None:
    from slipcast.cli.main import main

    asset = tmp_path / "statue.glb"
    asset.write_bytes(EXPORTERS["glb"].export(statue, ExportOptions()).files["statue.glb"])
    out = tmp_path / "out"
    code = main(
        [
            "print",
            str(asset),
            str(tmp_path / "gone.glb"),
            "-o",
            str(out),
            "--colors",
            "3",
            "--base",
            "round",
            "--json",
        ]
    )
    assert code == 2  # the second
    entries = json.loads(capfd.readouterr().out)
    assert [Path(name).name for name in entries[0]["files"]] == [
        "statue.print.3mf",
        "statue.print.png",
        "statue.print.json",
    ]
    assert "error" in entries[1]
    assert (out / "statue.print.3mf").stat().st_size > 1000


def topple() -> Figurine:
    """A slab that hangs over its foot: 6 x 6 mm below, 40 mm to one side above."""
    foot = manifold3d.Manifold.cube((0.006, 0.02, 0.006))
    mesh = (foot + manifold3d.Manifold.cube((0.04, 0.006, 0.006)).translate((0, 0.02, 0))).to_mesh()
    vertices, faces = np.array(mesh.vert_properties[:, :3], np.float32), np.array(mesh.tri_verts, np.int32)
    return Figurine(
        name="topple",
        mesh=Mesh(vertices=vertices, faces=faces, source=np.zeros(len(faces), np.uint8)),
        uv=np.zeros((len(faces), 3, 2), np.float32),
        texture=Picture(pixels=np.zeros((4, 4, 3), np.uint8)),
    )


@pytest.mark.parametrize(
    ("process", "orient", "base", "code"),
    [
        ("fdm", "stand", "none", "PRINT_TIPS_OVER"),
        ("fdm", "30", "none", "PRINT_TIPS_OVER"),
        ("resin", "30", "none", "PRINT_NEEDS_STAND"),
        ("fdm", "30", "auto", None),
    ],
)
def test_what_falls_over_in_use_is_told_however_it_is_printed(
    process: str, orient: str, base: str, code: str | None
) -> None:
    made = print_figurine(
        topple(), PrintOptions(process=process, orient=orient, base=BaseOptions(shape=base))
    )
    assert {entry.code for entry in made.findings} & {"PRINT_TIPS_OVER", "PRINT_NEEDS_STAND"} == (
        {code} if code else set()
    )
    codes = {entry.code for entry in made.findings}
    assert ("PRINT_FALLS_ON_PLATE" in codes) == (process == "fdm" and orient == "30")
    told = made.describe()
    assert (told["in_use"]["tipping_deg"] < 0) == (base == "none")  # type: ignore[index]
    assert told["parts"][0]["on_plate"]["tipping_deg"] < 0 or orient == "stand"  # type: ignore[index]


def test_a_hollow_figurine_is_judged_as_it_is_printed(statue: Figurine) -> None:
    options = PrintOptions(orient="30", hollow=HollowOptions(wall_mm=5), base=BaseOptions(shape="none"))
    base = print_figurine(statue, options).base
    assert np.linalg.norm(base.after.mass_center_mm - base.before.mass_center_mm) > 0.02
    assert base.after.tipping_deg == pytest.approx(base.before.tipping_deg, abs=1)


def test_what_does_not_fit_the_printer_is_told_with_its_sides(statue: Figurine) -> None:
    body = body_from_mesh(statue.mesh, statue.uv)
    report = inspect_part(body, PROCESSES["fdm"], (20.0, 20.0, 20.0))
    (found,) = judge_parts([SplitPart(name="figurine", body=body)], [report], PROCESSES["fdm"])
    assert found.message.startswith("figurine is 30.0 x 20.0 x 60.0 mm and does not fit the printer")


def test_what_grows_is_smooth_and_edges_do_not_grow() -> None:
    plate = manifold3d.Manifold.cube((0.5, 10, 30), True).refine_to_length(2)
    block = manifold3d.Manifold.cube((150, 150, 150), True).translate(
        (0, 0, -88)
    )  # so large that few rays meet the plate
    grown, _ = thicken(Body(plate + block), 1.0)
    areas = [grown.solid.slice(z).area() for z in np.arange(-10, 13, 0.21)]
    assert np.std(areas) / np.mean(areas) < 0.01  # beads: 0.2
    assert np.ptp([grown.solid.slice(z).bounds()[2] for z in np.arange(-10, 13, 0.21)]) < 0.03  # beads: 0.28
    prism = manifold3d.Manifold.cylinder(20, 6, 6, 3).refine_to_length(1)
    same, report = thicken(Body(prism), 0.8)
    assert report.added_mm3 == 0
    assert same.volume_mm3 == pytest.approx(prism.volume())


def figure_on_a_post(width: float) -> Body:
    """A block on a post 15 mm tall and so wide, which stands on a block, and a fin as wide beside the upper block."""
    block = manifold3d.Manifold.cube((12, 12, 8), True).translate((0, 0, 4))
    post = manifold3d.Manifold.cylinder(17, width / 2, width / 2, 24).translate((0, 0, 7))
    fin = manifold3d.Manifold.cube((4, width, 4), True).translate((7, 0, 27))
    return Body(block + post + block.translate((0, 0, 23)) + fin)


def test_what_would_leave_layers_empty_grows_and_nothing_else() -> None:
    body = figure_on_a_post(0.6)
    grown, report, found = grow_empty_layers(body, PROCESSES["fdm"])
    assert report is not None
    assert [entry.code for entry in found] == ["PRINT_GREW"]
    assert found[0].message.startswith("layers from 8.0 to 23.0 mm above the bed, at the middle")
    assert report.largest_mm == pytest.approx(0.2, abs=0.06)
    assert not find_empty_layers(grown.solid, PROCESSES["fdm"])
    assert grown.solid.slice(15.0).area() == pytest.approx(np.pi / 4, rel=0.25)
    assert grown.solid.slice(27.0).area() == pytest.approx(body.solid.slice(27.0).area(), rel=1e-6)


@pytest.mark.parametrize(("width", "process"), [(0.9, "fdm"), (0.6, "resin")])
def test_what_prints_stays_as_it_is(width: float, process: str) -> None:
    body = figure_on_a_post(width)
    same, report, found = grow_empty_layers(body, PROCESSES[process])
    assert (same, report, found) == (body, None, [])


def test_a_tip_is_no_empty_layer_and_what_stays_empty_is_told() -> None:
    cone = Body(manifold3d.Manifold.cylinder(20, 6, 0.1, 24))
    assert not find_empty_layers(cone.solid, PROCESSES["fdm"])
    gap = Body(cone.solid + manifold3d.Manifold.cube((5, 5, 5), True).translate((0, 0, 24)))
    _, _, found = grow_empty_layers(gap, PROCESSES["fdm"])
    assert [entry.code for entry in found] == ["PRINT_GREW", "PRINT_EMPTY_LAYERS"]


def test_print_grows_by_itself_unless_told_not_to() -> None:
    surface = read_surface(figure_on_a_post(0.6))
    figurine = textured_pillar()
    mesh = surface.as_mesh()
    thin = replace(figurine, mesh=mesh, uv=np.zeros((len(mesh.faces), 3, 2), np.float32))
    codes = {}
    for asked in ("auto", None):
        made = print_figurine(thin, PrintOptions(thicken_mm=asked, base=BaseOptions(shape="none")))
        codes[asked] = {entry.code for entry in made.findings} & {"PRINT_GREW", "PRINT_EMPTY_LAYERS"}
    assert codes == {"auto": {"PRINT_GREW"}, None: {"PRINT_EMPTY_LAYERS"}}


def test_corners_that_fall_together_in_files_become_one() -> None:
    """A block with an edge of 1e-7 mm, as booleans leave them; files are in float32, where faces on it have no area."""
    outline: list[tuple[float, float]] = [(0, 0), (30, 0), (30, 20), (30 - 1e-7, 20), (0, 20)]
    lower = np.array([[x, y, 0] for x, y in outline], np.float64)
    places = np.concatenate([lower, lower + np.array([0, 0, 40])])
    fan = range(1, 4)
    faces = [
        *([0, k + 1, k] for k in fan),
        *([5, k + 5, k + 6] for k in fan),
        *([k, (k + 1) % 5, k + 5] for k in range(5)),
        *([(k + 1) % 5, (k + 1) % 5 + 5, k + 5] for k in range(5)),
    ]
    solid = manifold3d.Manifold(manifold3d.Mesh64(places, np.array(faces, np.uint64), tolerance=1e-12))
    body = Body(solid)
    assert count_degenerate(read_surface(body)) == 4
    clean, crossing = uncross(body)
    assert (crossing, count_degenerate(read_surface(clean))) == (0, 0)
    assert clean.volume_mm3 == pytest.approx(24_000)
