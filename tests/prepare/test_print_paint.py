"""Few colours: near to what is there, with borders that the mesh follows, and nothing of the shape changes."""

import re
from dataclasses import replace
from itertools import combinations

import manifold3d
import numpy as np
import pytest
from blocks import textured_pillar

from slipcast.core.errors import BadInput
from slipcast.core.values import U8, Figurine, Source
from slipcast.prepare.base import BaseOptions, add_base
from slipcast.prepare.body import Color, Kind, body_from_mesh, read_surface
from slipcast.prepare.color_bodies import split_colors
from slipcast.prepare.paint import (
    PaintOptions,
    measure_areas,
    paint_surface,
    pick_palette,
    sample_texture,
)
from slipcast.prepare.palette import (
    _pick_greedily,
    _swap,
    choose_palette,
    ciede2000,
    compare_space,
    find_skin,
    lab_from_srgb,
    map_to_filaments,
    match_skin,
    srgb_from_lab,
)
from slipcast.prepare.print import PrintOptions, print_figurine

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


def test_a_small_face_keeps_its_skin_among_four_colours() -> None:
    """The knight's case: three greys of one armour, and a face of 3 % that would turn grey with the largest areas."""
    own = np.array(
        [[200, 205, 215], [150, 155, 165], [105, 108, 115], [70, 110, 190], [210, 70, 75], [225, 180, 155]],
        np.uint8,
    )
    share = np.array([300, 250, 150, 150, 120, 30])
    colors = np.repeat(own, share, axis=0)
    area, skin = np.ones(len(colors)), lab_from_srgb(own[5:])[0]
    palette, index = choose_palette(colors, area, 4, skin=skin)
    face = lab_from_srgb(np.array([palette.colors[index[-1]]], np.uint8))
    assert ciede2000(face, lab_from_srgb(own[5:]))[0] < 3
    assert {tuple(row) for row in own[3:5].tolist()} <= set(palette.colors)


def test_skin_of_every_tone_counts_and_paint_does_not() -> None:
    skin = np.array(
        [[255, 224, 196], [225, 172, 150], [198, 134, 102], [141, 85, 54], [80, 50, 35]], np.uint8
    )
    other = np.array(
        [[200, 200, 200], [212, 164, 60], [70, 110, 190], [210, 60, 60], [80, 170, 90]], np.uint8
    )
    assert match_skin(skin).all()
    assert not match_skin(other).any()


def test_gold_on_a_head_is_no_face() -> None:
    colors = np.repeat(np.array([[180, 130, 90], [70, 130, 140]], np.uint8), [5, 95], axis=0)
    assert not match_skin(colors, np.ones(100)).any()
    assert match_skin(colors[:60], np.ones(60))[:5].all(), "where it is more than a twelfth"


def test_a_face_keeps_its_skin_beside_gold() -> None:
    """The knight's case: gold and brown hair lie near the face, and must not make it brown."""
    shown = np.array(
        [[228, 194, 170], [199, 160, 90], [147, 87, 59], [180, 184, 190], [80, 120, 200]], np.uint8
    )
    share = np.array([60, 60, 40, 500, 200])
    colors, area = np.repeat(shown, share, axis=0), np.ones(share.sum())
    face = find_skin(colors, np.repeat([1.0, 0, 0.3, 0, 0], share))
    assert ciede2000(face[None], lab_from_srgb(shown[:1]))[0] < 3
    palette, _ = choose_palette(colors, area, 3, skin=face)
    lab = lab_from_srgb(np.array(palette.colors, np.uint8))
    for kept in (shown[:1], shown[3:4], shown[4:5]):
        assert ciede2000(lab, lab_from_srgb(kept)).min() < 3
    one = lab_from_srgb(np.array(choose_palette(colors, area, 1, skin=face)[0].colors, np.uint8))
    assert ciede2000(one, lab_from_srgb(shown[3:4]))[0] < 3, "with one colour he is no skin all over"


def test_hair_of_skins_hue_makes_no_terracotta_of_red_and_gold() -> None:
    """The knight's case: brown hair beside a face counted as skin does, and took the filament of red and of gold."""
    pillar = textured_pillar(pieces=20)
    pixels = pillar.texture.pixels.copy()
    hair, skin, silver = (157, 96, 66), (227, 188, 161), (178, 183, 191)
    red, gold, blue = (219, 75, 79), (205, 158, 71), (83, 120, 202)
    pixels[:] = silver
    pixels[6:18, 21:39], pixels[9:15, 24:36] = hair, skin
    pixels[26:40, 6:20], pixels[26:40, 40:54], pixels[44:54, 21:39] = red, blue, gold
    surface = read_surface(body_from_mesh(pillar.mesh, pillar.uv))
    palette = pick_palette(surface, pixels, PaintOptions(colors=4))
    lab = lab_from_srgb(np.array(palette.colors, np.uint8))
    for kept in (silver, skin, red, blue):
        assert ciede2000(lab, lab_from_srgb(np.array([kept], np.uint8))).min() < 5, (kept, palette.colors)


def test_a_paints_light_is_that_of_its_own_hue() -> None:
    """Pale skin that a brown paint serves too made it lighter than any brown there was."""
    own = np.array([[110, 60, 30], [225, 190, 170]], np.uint8)
    palette, _ = choose_palette(np.repeat(own, [500, 350], axis=0), np.ones(850), 1)
    assert palette.colors == ((110, 60, 30),)


def test_swaps_find_a_better_choice_than_one_paint_after_the_other() -> None:
    """Two clusters on a line with a paint between them, which helps most at first and is of no use beside both."""
    at = np.array([0.0, 2.0, 10.0, 18.0, 20.0])
    cost = np.abs(at[:, None] - at[None]) ** 2 + 1e-3 * np.arange(5)
    close = np.abs(at[:, None] - at[None]) < 0.5
    greedy = _pick_greedily(cost, close, 2)
    best = _swap(cost, close, greedy)
    assert 2 in greedy
    assert cost[:, best].min(1).sum() == min(
        cost[:, list(pair)].min(1).sum() for pair in combinations(range(5), 2)
    )


def test_a_paint_in_light_and_shade_is_counted_once() -> None:
    """The knight's case: light and dark gold weighed more than the red or the blue that was lost for them."""
    own = np.array(
        [
            [190, 195, 205],
            [225, 180, 155],
            [215, 75, 78],
            [77, 115, 195],
            [205, 158, 70],
            [176, 133, 58],
            [238, 192, 96],
        ],
        np.uint8,
    )
    share = [300, 160, 70, 50, 45, 45, 45]
    skin = lab_from_srgb(own[1:2])[0]
    palette, _ = choose_palette(np.repeat(own, share, axis=0), np.ones(sum(share)), 4, skin=skin)
    lab = lab_from_srgb(np.array(palette.colors, np.uint8))
    for kept in own[:4]:
        assert ciede2000(lab, lab_from_srgb(kept[None])).min() < 5


@pytest.mark.parametrize(("unseen", "kept"), [((200, 30, 30), (30, 40, 200)), ((30, 40, 200), (200, 30, 30))])
def test_what_no_picture_shows_counts_less(statue: Figurine, unseen: Color, kept: Color) -> None:
    """Two colours for three: red and blue have the same area, and that is lost which no picture shows."""
    surface = read_surface(body_from_mesh(statue.mesh, statue.uv))
    own = sample_texture(statue.texture.pixels, surface.uv.mean(1))
    source = np.where((own == unseen).all(1), int(Source.INVENTED), int(Source.SEEN)).astype(np.uint8)
    palette = pick_palette(replace(surface, source=source), statue.texture.pixels, PaintOptions(colors=2))
    assert kept in palette.colors
    assert unseen not in palette.colors


def test_a_strong_colour_is_kept_where_another_would_serve_as_well() -> None:
    """The knight's case: red cape, brown hair, greys, by thousandths of what one looks at."""
    own = np.array(
        [
            *[[177, 182, 190], [140, 140, 143], [71, 74, 80], [143, 87, 61], [241, 210, 183], [215, 72, 76]],
            *[
                [201, 154, 66],
                [249, 250, 250],
                [76, 113, 193],
                [175, 133, 59],
                [216, 180, 156],
                [154, 90, 58],
            ],
            *[[204, 163, 137], [130, 92, 69], [101, 58, 36], [115, 97, 88]],
        ],
        np.uint8,
    )
    share = [249, 114, 80, 80, 78, 58, 55, 55, 48, 33, 33, 28, 24, 19, 15, 14]
    palette, _ = choose_palette(np.repeat(own, share, axis=0), np.ones(sum(share)), 4)
    lab = lab_from_srgb(np.array(palette.colors, np.uint8))
    for strong in (own[5:6], own[8:9]):
        assert ciede2000(lab, lab_from_srgb(strong)).min() < 5


def test_a_ragged_border_is_printed_smooth(statue: Figurine) -> None:
    surface = read_surface(body_from_mesh(statue.mesh, statue.uv))
    options = PaintOptions(filaments=((200, 30, 30), (30, 40, 200), (40, 190, 60)), smallest_mm2=0)
    palette = pick_palette(surface, statue.texture.pixels, options)
    # Half the texels beside the border of the two colours are a blend that is a little nearer to the wrong one.
    pixels = statue.texture.pixels.astype(float)
    wide = np.stack([np.roll(pixels, way, (0, 1)) for way in [(0, 2), (0, -2), (2, 0), (-2, 0)]]).mean(0)
    other = (np.abs(wide - pixels).max(-1) > 0) & (np.random.default_rng(4).random(pixels.shape[:2]) < 0.5)
    pixels[other] = 0.45 * pixels[other] + 0.55 * (4 * wide[other] - 3 * pixels[other]).clip(0, 255)

    def measure_border(texture: U8) -> float:
        painted = paint_surface(surface, texture, palette, options)
        faces, index = painted.surface.faces.astype(np.int64), painted.index
        start, end = faces.ravel(), np.roll(faces, -1, 1).ravel()
        order = np.lexsort((np.maximum(start, end), np.minimum(start, end)))
        one, two = order[0::2], order[1::2]
        place = painted.surface.vertices_mm
        length = np.linalg.norm(place[start[one]] - place[end[one]], axis=1)
        above = np.maximum(place[start[one], 2], place[end[one], 2]) > 0.01  # the sole has one colour
        return float(length[above & (index[one // 3] != index[two // 3])].sum())

    assert measure_border(pixels.astype(np.uint8)) < 1.3 * measure_border(statue.texture.pixels)


def test_no_two_of_a_palette_are_alike() -> None:
    shades = np.linspace(0.4, 1, 200)[:, None] * np.array([[210.0, 60, 60]])
    palette, _ = choose_palette(np.rint(shades).astype(np.uint8), np.ones(200), 4)
    lab = compare_space(lab_from_srgb(np.array(palette.colors, np.uint8)))
    gap = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 1e3 * np.eye(len(lab))
    assert gap.min() > 8


def test_a_solid_for_each_colour_adds_up_to_the_figurine(statue: Figurine) -> None:
    surface = read_surface(body_from_mesh(statue.mesh, statue.uv))
    options = PaintOptions(colors=3)
    palette = pick_palette(surface, statue.texture.pixels, options)
    bodies = split_colors(paint_surface(surface, statue.texture.pixels, palette, options), depth_mm=0.8)
    solids = [
        manifold3d.Manifold(
            manifold3d.Mesh(body.vertices_mm.astype(np.float32), body.faces.astype(np.uint32))
        )
        for body in bodies
    ]
    assert [solid.status() for solid in solids] == [manifold3d.Error.NoError] * 3
    assert sum(solid.volume() for solid in solids) == pytest.approx(30 * 20 * 60, rel=1e-4)
    assert min(solid.volume() for solid in solids) > 300
    assert (solids[0] ^ solids[1]).volume() < 1


def test_filaments_take_the_nearest_and_say_how_far() -> None:
    colors = np.array([[250, 250, 250], [190, 40, 40]], np.uint8)
    palette, index = map_to_filaments(colors, np.ones(2), [(255, 255, 255), (204, 51, 51), (0, 0, 0)])
    assert index.tolist() == [0, 1]
    assert 0 < palette.mean_error < 5


def test_filaments_have_names() -> None:
    options = PaintOptions(filaments=("White", " #c33", "2b4a8c", "rebeccapurple", (1, 2, 3)))
    assert options.filaments == ((255, 255, 255), (204, 51, 51), (43, 74, 140), (102, 51, 153), (1, 2, 3))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("rad", "filaments is wrong: 'rad' is no colour; did you mean red?"),
        ("rgb(300,0,0)", "'rgb(300,0,0)' is no colour; give #ffffff, #c33 or a name of CSS, as red"),
        ("#11223344", "no colour"),  # a filament is not transparent
        ((1, 2), "; give 0 to 16 entries, each a colour"),
    ],
)
def test_what_is_no_filament_is_refused(wrong: object, said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        PaintOptions(filaments=("red", wrong))  # type: ignore[arg-type]


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


@pytest.mark.parametrize("domed_mm", [0.0, 0.25])
def test_the_sole_has_one_colour(statue: Figurine, domed_mm: float) -> None:
    """Red and blue meet on the bed; two thirds of what stands around are red. A sole is seldom quite flat."""
    surface = read_surface(body_from_mesh(statue.mesh, statue.uv))
    vertices = surface.vertices_mm.copy()
    inner = (vertices[:, 2] < 0.01) & (np.abs(vertices[:, 0]) < 14) & (np.abs(vertices[:, 1]) < 9)
    vertices[inner, 2] = domed_mm
    surface = replace(surface, vertices_mm=vertices)
    pixels = statue.texture.pixels.copy()
    pixels[-4:, :45] = (200, 30, 30)
    options = PaintOptions(filaments=((200, 30, 30), (30, 40, 200), (40, 190, 60)))
    painted = paint_surface(surface, pixels, pick_palette(surface, pixels, options), options)
    assert inner.any()
    low = painted.surface.vertices_mm[painted.surface.faces][..., 2].max(1) < domed_mm + 0.01
    assert low.any()
    assert set(painted.index[low]) == {0}
    assert set(painted.index[~low]) == {0, 1, 2}


def test_a_name_has_another_colour_than_its_base_down_to_its_dots(statue: Figurine) -> None:
    body, _ = add_base(
        body_from_mesh(statue.mesh, statue.uv), BaseOptions(shape="square", text="i:i", size_mm=40)
    )
    surface = read_surface(body)
    grey, blue = (150, 150, 150), (20, 30, 160)
    texture = np.full((8, 8, 3), grey, np.uint8)
    options = PaintOptions(filaments=(grey, blue))
    painted = paint_surface(surface, texture, pick_palette(surface, texture, options), options)
    kind = painted.surface.kind
    own = [painted.palette.colors[k] for k in painted.index]
    base = {color for color, part in zip(own, kind, strict=True) if part == int(Kind.BASE)}
    name = {color for color, part in zip(own, kind, strict=True) if part == int(Kind.TEXT)}
    assert len(base) == len(name) == 1
    assert base != name


def test_a_dowel_has_one_colour_beside_painted_parts(statue: Figurine) -> None:
    """It has no textured face at all."""
    made = print_figurine(
        statue, PrintOptions(split=2, base=BaseOptions(shape="none"), paint=PaintOptions(colors=3))
    )
    shown = {
        part.name: len(set(painted.index.tolist()))
        for part, painted in zip(made.parts, made.painted, strict=True)
    }
    assert shown == {"part1": 2, "part2": 3, "dowel1": 1, "dowel2": 1}


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
