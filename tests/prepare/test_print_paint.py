"""Few colours: near to what is there, with borders that the mesh follows, and nothing of the shape changes."""

import manifold3d
import numpy as np
import pytest

from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine
from slipcast.prepare.body import body_from_mesh, read_surface
from slipcast.prepare.paint import PaintOptions, measure_areas, paint_surface, pick_palette
from slipcast.prepare.palette import choose_palette, ciede2000, lab_from_srgb, map_to_filaments, srgb_from_lab

# Some of the pairs that Sharma, Wu and Dalal publish to test implementations with.
PAIRS = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "difference"), PAIRS)
def test_differences_are_the_published_ones(
    first: tuple[float, ...], second: tuple[float, ...], difference: float
) -> None:
    assert ciede2000(np.array([first]), np.array([second]))[0] == pytest.approx(difference, abs=1e-4)


def test_lab_and_back() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (500, 3), np.uint8)
    assert (srgb_from_lab(lab_from_srgb(rgb)) == rgb).all()


def test_a_palette_finds_the_colours_that_are_there() -> None:
    own = np.array([[200, 30, 30], [30, 40, 200], [240, 240, 240]], np.uint8)
    colors = np.repeat(own, [500, 300, 20], axis=0)
    palette, index = choose_palette(colors, np.ones(len(colors)), 3)
    assert palette.colors == tuple(tuple(int(v) for v in row) for row in own)
    assert palette.mean_error < 0.01
    assert np.bincount(index).tolist() == [500, 300, 20]


def test_filaments_take_the_nearest_and_say_how_far() -> None:
    colors = np.array([[250, 250, 250], [190, 40, 40]], np.uint8)
    palette, index = map_to_filaments(colors, np.ones(2), [(255, 255, 255), (204, 51, 51), (0, 0, 0)])
    assert index.tolist() == [0, 1]
    assert 0 < palette.mean_error < 5


def test_borders_are_cut_where_the_colour_changes(statue: Figurine) -> None:
    surface = read_surface(body_from_mesh(statue.mesh, statue.uv))
    options = PaintOptions(colors=3)
    palette = pick_palette(surface, statue.texture.pixels, options)
    painted = paint_surface(surface, statue.texture.pixels, palette, options)
    made = painted.surface
    solid = manifold3d.Manifold(
        manifold3d.Mesh(made.vertices_mm.astype(np.float32), made.faces.astype(np.uint32))
    )
    assert solid.status() == manifold3d.Error.NoError
    assert solid.volume() == pytest.approx(30 * 20 * 60, rel=1e-5)
    area = measure_areas(made)
    colors = np.array(painted.palette.colors)[painted.index]
    top = (made.vertices_mm[made.faces][..., 2] > 40.5).all(1)
    assert (colors[top] == (40, 190, 60)).all()
    wrong = 0.0
    for corner, color, size in zip(made.vertices_mm[made.faces], colors, area, strict=True):
        middle = corner.mean(0)
        true = (40, 190, 60) if middle[2] > 40 else (200, 30, 30) if middle[0] < 0 else (30, 40, 200)
        wrong += size * (tuple(color) != true)
    assert wrong / area.sum() < 0.02


def test_specks_take_their_surroundings_colour(statue: Figurine) -> None:
    surface = read_surface(body_from_mesh(statue.mesh, statue.uv))
    pixels = statue.texture.pixels.copy()
    pixels[40:42, 10:12] = (255, 255, 255)  # one millimetre
    options = PaintOptions(filaments=((200, 30, 30), (30, 40, 200), (40, 190, 60), (255, 255, 255)))
    palette = pick_palette(surface, pixels, options)
    kept = paint_surface(surface, pixels, palette, PaintOptions(filaments=options.filaments, smallest_mm2=0))
    cleaned = paint_surface(
        surface, pixels, palette, PaintOptions(filaments=options.filaments, smallest_mm2=5)
    )
    assert (kept.index == 3).any()
    assert not (cleaned.index == 3).any()


@pytest.mark.parametrize(
    "options", [{"colors": 0}, {"colors": 17}, {"filaments": ((1, 2, 3),)}, {"finest_mm": 0.0}]
)
def test_options_refuse_when_they_are_made(options: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        PaintOptions(**options)  # type: ignore[arg-type]
