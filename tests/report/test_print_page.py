"""The page of a print: all numbers, pictures of walls, overhangs and the inside, nothing fetched, text never markup."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from blocks import textured_pillar

from slipcast.cli.main import main
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.prepare.base import BaseOptions
from slipcast.prepare.body import body_from_mesh
from slipcast.prepare.hollow import HollowOptions
from slipcast.prepare.paint import PaintOptions
from slipcast.prepare.print import PrintOptions, print_figurine
from slipcast.report.pictures import THICKNESS
from slipcast.report.print_page import HANGING, color_overhangs, color_thickness, cut_open, draw_print_report


def test_the_page_says_what_the_report_says() -> None:
    options = PrintOptions(
        process="resin",
        paint=PaintOptions(colors=3),
        hollow=HollowOptions(vent=False),  # open only downwards: a cup
        base=BaseOptions(shape="none"),
    )
    made = print_figurine(replace(textured_pillar(), name="<b>statue"), options)
    page = draw_print_report(made).decode()
    assert "<b>statue" not in page
    assert "&lt;b&gt;statue" in page
    for word in ("Walls, front", "Overhangs", "Cut open", "Drain", "filament 3", "Have a look"):
        assert word in page
    assert f"{made.reports[0].walls.thinnest_mm:g} mm" in page
    assert page.count("data:image/webp") == 6
    assert "http" not in page.replace("http-equiv", "")
    assert draw_print_report(made) == draw_print_report(made)


def test_thin_is_warm_and_thick_is_cold() -> None:
    thin, wall, thick = color_thickness(np.array([0.0002, 0.0008, 0.03]), 0.0008)
    assert tuple(thin) == THICKNESS[0][1]
    assert np.abs(wall.astype(int) - THICKNESS[2][1]).max() <= 2
    assert thick[2] > thick[0]


def test_a_ceiling_hangs_and_a_slope_of_forty_degrees_does_not() -> None:
    def face(lean_deg: float) -> np.ndarray:
        a = np.radians(lean_deg)
        out = np.array([[0, 0, 5.0], [0, 1, 5.0], [np.cos(a - np.pi / 2), 0, 5 + np.sin(np.pi / 2 - a)]])
        return out

    vertices = np.concatenate([face(40), face(50), face(89)])
    faces = np.arange(9).reshape(3, 3)
    colors = [tuple(int(v) for v in row) for row in color_overhangs(vertices, faces)]
    turned = [tuple(int(v) for v in row) for row in color_overhangs(vertices, faces[:, ::-1])]
    seen = colors if colors[2] == HANGING[2][2] else turned
    assert seen[1] == HANGING[0][2]
    assert seen[2] == HANGING[2][2]
    assert seen[0] not in {color for _, _, color in HANGING}


def test_a_cut_shows_the_inside() -> None:
    statue = textured_pillar()
    drawn = cut_open(body_from_mesh(statue.mesh, statue.uv))
    assert drawn is not None
    assert (np.abs(drawn.astype(int) - (232, 168, 72)).max(2) < 90).mean() > 0.1


def test_the_command_writes_the_page(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    files = EXPORTERS["glb"].export(textured_pillar(), ExportOptions()).files
    (tmp_path / "statue.glb").write_bytes(files["statue.glb"])
    assert main(["print", str(tmp_path / "statue.glb"), "--report", "-o", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "statue.print.html").read_text().startswith("<!doctype html>")
    assert "healthy" in capfd.readouterr().out


def test_what_falls_is_not_said_to_stand() -> None:
    made = print_figurine(textured_pillar(), PrintOptions(base=BaseOptions(shape="none")))
    falls = replace(made.base, after=replace(made.base.after, tipping_deg=-13.0))
    page = draw_print_report(replace(made, base=falls)).decode()
    assert "none: it does not stand by itself" in page
    assert "it stands by itself" not in page
