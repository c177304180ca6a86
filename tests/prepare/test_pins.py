"""Pins: what is thin in two directions and stands alone."""

import manifold3d
import pytest
from blocks import box

from slipcast.mesh.thickness import measure_thickness
from slipcast.prepare.body import Body, read_surface
from slipcast.prepare.inspect_print import PROCESSES, inspect_part
from slipcast.prepare.judge_print import judge_parts
from slipcast.prepare.pins import Pin, find_pins
from slipcast.prepare.split import SplitPart


def pins_of(solid: manifold3d.Manifold, limit_mm: float = 2.0) -> list[Pin]:
    mesh = read_surface(Body(solid.refine_to_length(3.0))).as_mesh()
    return find_pins(mesh, measure_thickness(mesh), limit_mm)


@pytest.mark.parametrize(("lean", "length"), [(0, 21), (35, 21), (90, 16)])
def test_a_staff_has_its_diameter_and_length(lean: float, length: float) -> None:
    staff = manifold3d.Manifold.cylinder(21, 0.75, 0.75, 32).rotate((0, lean, 0)).translate((0, 0, 9))
    (pin,) = pins_of(manifold3d.Manifold.cube((10, 10, 18), True) + staff)
    assert pin.diameter_mm == pytest.approx(1.5, abs=0.1)
    assert pin.length_mm == pytest.approx(length, abs=1.8)


def test_walls_ridges_and_knobs_are_no_pins() -> None:
    block = manifold3d.Manifold.cube((20, 20, 10), True)
    wall = manifold3d.Manifold.cube((1, 15, 12), True).translate((0, 0, 10))
    triangle = manifold3d.CrossSection([[(-1.2, 0), (1.2, 0), (0, 3)]])
    ridge = triangle.extrude(18).rotate((90, 0, 0)).translate((6, 9, 4.5))
    knob = manifold3d.Manifold.cylinder(1.2, 0.7, 0.7, 24).translate((-6, 0, 4.8))
    assert pins_of(block + wall + ridge + knob) == []


def test_a_blade_is_thin_and_a_bent_wire_is_a_pin() -> None:
    blade = manifold3d.Manifold.cube((6, 0.8, 30), True)
    wire = manifold3d.CrossSection.circle(0.5, 24).translate((12, 0)).revolve(96, 180)
    (pin,) = pins_of(manifold3d.Manifold.compose([blade, wire.translate((30, 0, 0))]))
    assert pin.diameter_mm == pytest.approx(1.0, abs=0.1)
    assert pin.length_mm > 12


def test_a_pin_is_told_with_place_and_size() -> None:
    staff = Body(manifold3d.Manifold.cylinder(31, 0.7, 0.7, 32).translate((8, 0, 19)))
    body = box(20, 20, 20) + staff
    report = inspect_part(body, PROCESSES["fdm"])
    (found,) = [
        entry
        for entry in judge_parts([SplitPart(name="figurine", body=body)], [report], PROCESSES["fdm"])
        if entry.code == "PRINT_PIN"
    ]
    assert found.message.startswith("1 pin of figurine is thinner than 2.0 mm: the thinnest has 1.")
    assert "at the right, 35 mm high" in found.message
    told = report.as_dict()["pins"]
    assert told[0]["length_mm"] == pytest.approx(30, abs=1.5)  # type: ignore[index]
    assert inspect_part(body, PROCESSES["resin"]).pins == ()
