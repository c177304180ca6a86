"""Islands, overhangs, traps and cups of bodies with known answers."""

import manifold3d
import numpy as np
import pytest
from blocks import box
from scipy import ndimage

from slipcast.core.values import F64, Bool
from slipcast.prepare import layers as layers_module
from slipcast.prepare.body import Body
from slipcast.prepare.inspect_print import PROCESSES, inspect_part
from slipcast.prepare.layers import slice_layers


def cube(size: tuple[float, float, float], at: tuple[float, float, float]) -> manifold3d.Manifold:
    """A block with its middle at `at`."""
    return manifold3d.Manifold.cube(size, True).translate(at)


def test_a_block_has_no_island_and_no_overhang() -> None:
    layers = slice_layers(box(20, 20, 20), layer_mm=0.2, pixel_mm=0.2)
    assert layers.island_count == 0
    assert layers.overhang_mm2 == 0
    assert layers.count == 100
    assert layers.first_layer_mm2 == pytest.approx(400, rel=0.03)


def test_what_hangs_from_a_beam_begins_as_an_island() -> None:
    pillar, beam = cube((6, 6, 30), (0, 0, 15)), cube((30, 6, 4), (12, 0, 28))
    drop = cube((4, 4, 10), (22, 0, 23))
    layers = slice_layers(Body(pillar + beam + drop), layer_mm=0.2, pixel_mm=0.2)
    assert layers.island_count == 1
    island = layers.islands[0]
    assert island.at_mm == pytest.approx((22, 0, 18.1), abs=0.3)
    assert island.area_mm2 == pytest.approx(16, rel=0.2)


def test_a_part_too_large_for_the_raster_gets_a_coarser_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A figurine of 1.75 m asked for 272 GiB."""
    outer = cube((20, 20, 20), (0, 0, 10)) - cube((10, 10, 10), (0, 0, 10))
    fine = slice_layers(Body(outer), layer_mm=0.2, pixel_mm=0.2)
    monkeypatch.setattr(layers_module, "_CELLS", 1 << 15)
    sizes: list[int] = []
    measure = layers_module._measure_air

    def measure_and_count(stack: Bool) -> tuple[F64, F64]:
        sizes.append(stack.size)
        return measure(stack)

    monkeypatch.setattr(layers_module, "_measure_air", measure_and_count)
    coarse = slice_layers(Body(outer), layer_mm=0.2, pixel_mm=0.2)
    assert 0 < sizes[0] < 2 * (1 << 15)
    assert coarse.count == fine.count == 100, "layers are counted at the printer's height"
    assert coarse.trapped_mm3 == pytest.approx(fine.trapped_mm3, rel=0.1)
    assert coarse.first_layer_mm2 == pytest.approx(fine.first_layer_mm2, rel=0.1)


@pytest.mark.parametrize(("degrees", "hangs"), [(30, False), (60, True)])
def test_overhangs_count_from_45_degrees(degrees: float, hangs: bool) -> None:
    lean = 20 * np.tan(np.radians(degrees))
    wedge = manifold3d.Manifold.hull_points(
        [(x, y, 0) for x in (0, 10) for y in (0, 10)] + [(x + lean, y, 20) for x in (0, 10) for y in (0, 10)]
    )
    assert (slice_layers(Body(wedge), layer_mm=0.2, pixel_mm=0.1).overhang_mm2 > 20) == hangs


def test_a_closed_cavity_is_a_trap_and_an_upturned_cup_is_a_cup() -> None:
    outer = cube((20, 20, 20), (0, 0, 10))
    closed = slice_layers(Body(outer - cube((10, 10, 10), (0, 0, 10))), layer_mm=0.2, pixel_mm=0.2)
    assert closed.trapped_mm3 == pytest.approx(1000, rel=0.1)
    assert closed.cup_mm3 == 0
    below = slice_layers(Body(outer - cube((10, 10, 15), (0, 0, 7.5))), layer_mm=0.2, pixel_mm=0.2)
    assert below.trapped_mm3 == 0
    assert below.cup_mm3 == pytest.approx(1500, rel=0.1)
    above = slice_layers(Body(outer - cube((10, 10, 15), (0, 0, 12.6))), layer_mm=0.2, pixel_mm=0.2)
    assert above.trapped_mm3 == above.cup_mm3 == 0


@pytest.mark.parametrize("seed", range(6))
def test_pockets_of_air_are_those_that_a_flood_fill_finds(seed: int) -> None:
    noise = np.random.default_rng(seed).random((24, 30, 28))
    stack = ndimage.gaussian_filter(noise, 1.2) > 0.5 - 0.01 * seed
    stack[:, [0, -1]] = stack[:, :, [0, -1]] = False
    padded = np.pad(stack, 1)
    air, count = ndimage.label(~padded)
    shut = np.bincount(air.ravel(), minlength=count + 1)[1:]
    shut = np.delete(shut, air[0, 0, 0] - 1)
    free = np.zeros_like(padded)
    free[-1] = True
    for k in range(len(padded) - 2, -1, -1):  # air rises: within a layer it spreads, and up it goes
        layer, _ = ndimage.label(~padded[k])
        reached = np.unique(layer[free[k + 1] & ~padded[k]])
        free[k] = np.isin(layer, [*reached[reached > 0], layer[0, 0]])
    cups, number = ndimage.label(~free & ~padded & (air == air[0, 0, 0]))
    trapped_cells, cup_cells = layers_module._measure_air(stack)
    assert sorted(trapped_cells) == sorted(shut)
    assert sorted(cup_cells) == sorted(np.bincount(cups.ravel(), minlength=number + 1)[1:])


@pytest.mark.parametrize("wall", [1.0, 0.6])
def test_the_wall_of_a_shell_is_measured(wall: float) -> None:
    ball, hollow = manifold3d.Manifold.sphere(15, 128), manifold3d.Manifold.sphere(15 - wall, 128)
    vent = manifold3d.Manifold.cylinder(20, 2, 2, 32).translate((0, 0, -20))
    walls = inspect_part(Body((ball - hollow - vent).translate((0, 0, 15))), PROCESSES["fdm"]).walls
    assert walls.thinnest_mm == pytest.approx(wall, abs=0.02)
    assert (walls.below_limit > 0.9) == (wall < 0.8)


def test_a_bridge_between_two_pillars_hangs_over_and_begins_on_them() -> None:
    pillars = cube((5, 10, 20), (-15, 0, 10)) + cube((5, 10, 20), (15, 0, 10))
    report = inspect_part(Body(pillars + cube((35, 10, 4), (0, 0, 22))), PROCESSES["fdm"])
    assert report.volume_mm3 == pytest.approx(2 * 5 * 10 * 20 + 35 * 10 * 4)
    assert report.layers.island_count == 0
    assert report.layers.overhang_mm2 == pytest.approx(25 * 10, rel=0.05)
    assert report.layers.trapped_mm3 == report.layers.cup_mm3 == 0
