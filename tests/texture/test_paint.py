"""texture/paint.py: seen faces show the picture's own pixels, hidden ones plausible colours, and none the
background."""

from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from silhouettes import RED, WHITE, box, depth_of, disc, flat, grid, picture_of, ring, solid_from

from evaluation.mips import find_charts, halve, measure_mips
from slipcast.core.camera import project
from slipcast.core.errors import BadInput
from slipcast.core.values import F64, Cutout, Figurine, Mesh, Picture, Shells, Source
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.dome import Dome
from slipcast.depth.place import PlaceOptions, place
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.sample import sample
from slipcast.mesh.topology import face_centres, face_normals
from slipcast.pipeline.preview import render
from slipcast.texture.atlas import BACK, GAP_PX, choose_charts, lay_out
from slipcast.texture.paint import TextureOptions, draw_charts, paint, picture_box


def _painted(picture: Cutout) -> tuple[Figurine, Mesh, Shells]:
    """Figurine of a picture with alpha, and the mesh and depth in the picture's own camera."""
    depth = calibrate(Dome().predict(picture), CalibrateOptions())
    mesh, placed = solid_from(depth, picture, faces=3_000)
    return paint(mesh, placed, picture, TextureOptions(), name="test"), mesh, placed


@cache
def _red_disc() -> tuple[Figurine, Mesh, Shells]:
    return _painted(picture_of(disc(160, 60), RED, WHITE))


def _atlas_px(figurine: Figurine) -> F64:
    """(F,3,2) UV in texels."""
    size = np.array([figurine.texture.width_px, figurine.texture.height_px])
    out: F64 = figurine.uv.astype(np.float64) * size
    return out


@pytest.mark.parametrize("shape", ["ring", "aerial"])
def test_no_background_anywhere(shape: str) -> None:
    alpha = ring(160, 60, 30) if shape == "ring" else disc(160, 45, 80, 100)
    if shape == "aerial":
        alpha[20:60, 79:83] = 255
    figurine, _, _ = _painted(picture_of(alpha, RED, WHITE))
    wholly_red = replace(figurine, texture=Picture(pixels=np.full((8, 8, 3), RED, np.uint8)))
    for yaw in (0.0, 90.0, 180.0, 270.0, 45.0):
        for pitch in (0.0, 60.0, -60.0):
            shown, want = (
                render(each, 90, 90, yaw_deg=yaw, pitch_deg=pitch) for each in (figurine, wholly_red)
            )
            assert np.abs(shown.astype(int) - want).max() < 6, (yaw, pitch)


def test_every_texel_under_a_face_is_of_the_figurines_colour() -> None:
    figurine, _, _ = _red_disc()
    texels = _atlas_px(figurine)
    rng = np.random.default_rng(1)
    weight = rng.dirichlet([1, 1, 1], size=(20, len(texels)))
    at = np.einsum("snk,nkc->snc", weight, texels).astype(int).reshape(-1, 2)
    color = figurine.texture.pixels[at[:, 1], at[:, 0]].astype(int)
    assert np.abs(color - RED).max() <= 3


def test_seen_faces_show_the_pictures_own_pixels() -> None:
    alpha = disc(160, 60)
    rng = np.random.default_rng(2)
    picture = Cutout(pixels=rng.integers(0, 256, (160, 160, 3), dtype=np.uint8), alpha=alpha)
    figurine, mesh, placed = _painted(picture)
    seen = np.flatnonzero(mesh.source == int(Source.SEEN))
    centre = mesh.vertices[mesh.faces[seen]].astype(np.float64)
    inner = []
    same = 0
    for face, corner in zip(seen, centre, strict=True):
        screen, _ = project(placed.camera, corner)
        if np.hypot(*(screen - 80).T).max() > 40:
            continue
        inner.append(face)
        want = picture.pixels[tuple(screen.mean(0).astype(int)[::-1])]
        texel = _atlas_px(figurine)[face].mean(0).astype(int)
        same += bool((figurine.texture.pixels[texel[1], texel[0]] == want).all())
    assert len(inner) > 100
    assert same > 0.97 * len(inner)


def test_left_stays_left_and_top_stays_top() -> None:
    x, y = grid(160, 160)
    left, top = x < 80, y < 80
    pixels = np.zeros((160, 160, 3), np.uint8)
    pixels[..., 0] = np.where(left, 230, 20)
    pixels[..., 2] = np.where(top, 230, 20)
    figurine, _, _ = _painted(Cutout(pixels=pixels, alpha=disc(160, 60)))
    shown = render(figurine, 100, 100)
    assert shown[30, 30, 0] > 120 > shown[30, 70, 0]
    assert shown[30, 30, 2] > 120 > shown[70, 30, 2]
    behind = render(figurine, 100, 100, yaw_deg=180)
    assert behind[30, 70, 0] > behind[30, 30, 0], "seen from behind, the figurine's right is at the right"


def test_the_atlas_keeps_within_its_bound_and_uv_within_the_atlas() -> None:
    rng = np.random.default_rng(3)
    picture = Cutout(
        pixels=rng.integers(0, 256, (300, 200, 3), dtype=np.uint8), alpha=disc(300, 95)[:, 50:250]
    )
    _, mesh, placed = _painted(picture)
    for most in (256, 512, 4096):
        figurine = paint(mesh, placed, picture, TextureOptions(max_size_px=most), name="test")
        sides = (figurine.texture.width_px, figurine.texture.height_px)
        assert max(sides) <= most
        assert all(side & (side - 1) == 0 for side in sides)
        assert figurine.uv.shape == (len(mesh.faces), 3, 2)
        assert figurine.uv.min() >= 0
        assert figurine.uv.max() <= 1
        assert figurine.mesh is mesh
        assert figurine.texture.alpha is None


def test_charts_do_not_overlap() -> None:
    figurine, mesh, _ = _red_disc()
    texels = _atlas_px(figurine)
    spread = np.ptp(texels, axis=1).max()
    assert spread < 0.3 * figurine.texture.width_px, "no face is torn over two charts"
    edge = np.diff(texels, axis=1)
    area = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]
    turned = np.where((area > 0)[:, None, None], texels[:, ::-1], texels)  # the back is laid out mirrored
    faces = np.arange(3 * len(texels), dtype=np.int32).reshape(-1, 3)
    fine = 4
    size = figurine.texture.width_px * fine, figurine.texture.height_px * fine
    hits = rasterize(fine * turned.reshape(-1, 2), np.zeros(3 * len(texels)), faces, *size)
    assert (hits.face >= 0).sum() > 0.99 * fine**2 * np.abs(area).sum() / 2, "each texel has one face"
    assert len(mesh.faces) == len(texels)


def test_no_part_of_the_surface_is_coarser_than_a_quarter_of_the_median() -> None:
    figurine, mesh, _ = _red_disc()
    edge = np.diff(_atlas_px(figurine), axis=1)
    texels = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) / 2
    area = face_normals(mesh.vertices, mesh.faces)[1]
    density = np.sqrt(texels / np.maximum(area, 1e-30))
    order = np.argsort(density)
    median = density[order[np.searchsorted(np.cumsum(area[order]), area.sum() / 2)]]
    assert area[(density > median / 4) & (density < median * 4)].sum() > 0.98 * area.sum()


def test_the_back_repeats_no_face() -> None:
    # Green eyes in the middle of a red disc must not look out of the back.
    alpha = disc(160, 60)
    picture = picture_of(alpha, RED, WHITE)
    pixels = picture.pixels.copy()
    for x in (65, 95):
        pixels[disc(160, 8, x, 75) > 0] = (20, 220, 20)
    figurine, _, _ = _painted(Cutout(pixels=pixels, alpha=alpha))
    green = [
        int((shown[..., 1].astype(int) > shown[..., 0].astype(int) + 60).sum())
        for shown in (render(figurine, 100, 100), render(figurine, 100, 100, yaw_deg=180))
    ]
    assert green[0] > 100
    assert green[1] == 0


def test_a_line_one_pixel_wide_is_painted() -> None:
    alpha = np.zeros((64, 64), np.uint8)
    alpha[10:50, 31] = 255
    figurine, _, _ = _painted(picture_of(alpha, RED, WHITE))
    texels = _atlas_px(figurine).mean(1).astype(int)
    color = figurine.texture.pixels[texels[:, 1], texels[:, 0]].astype(int)
    assert np.abs(color - RED).max() < 12


def test_a_figurine_that_fills_the_frame_is_painted() -> None:
    figurine, _, _ = _painted(picture_of(np.full((40, 60), 255, np.uint8), RED))
    assert figurine.uv.min() >= 0
    assert figurine.uv.max() <= 1


@pytest.mark.parametrize("size", [0, -1, 100, 8192])
def test_an_odd_atlas_size_is_refused(size: int) -> None:
    _, mesh, placed = _red_disc()
    with pytest.raises(BadInput, match=r"texture size|max_size_px"):
        paint(mesh, placed, picture_of(disc(160, 60)), TextureOptions(max_size_px=size), name="test")


def test_the_same_input_gives_the_same_bytes() -> None:
    one, two = (_painted(picture_of(disc(96, 40)))[0] for _ in range(2))
    assert one.uv.tobytes() == two.uv.tobytes()
    assert one.texture.pixels.tobytes() == two.texture.pixels.tobytes()


def test_charts_may_be_made_beside_the_mesh() -> None:
    figurine, mesh, placed = _red_disc()
    picture, options = picture_of(disc(160, 60), RED, WHITE), TextureOptions()
    for scale in (1.0, 0.5):  # of another scale they are made again
        given = draw_charts(placed, picture, options, scale)
        assert given.front.shape[0] == pytest.approx(scale * 128, abs=2)
        beside = paint(mesh, placed, picture, options, name="test", charts=partial(replace, given))
        assert beside.texture.pixels.tobytes() == figurine.texture.pixels.tobytes()
    blue = replace(draw_charts(placed, picture, options), front=np.full((128, 128, 3), (0, 0, 255), np.uint8))
    shown = paint(mesh, placed, picture, options, name="test", charts=lambda: blue).texture.pixels
    assert (shown == (0, 0, 255)).all(axis=2).any()


def test_no_seam_where_charts_meet() -> None:
    # Stripes of two colours: next to each other on the surface, charts must not differ by more than neighbours do.
    alpha = disc(400, 150)
    x, y = grid(400, 400)
    pixels = np.where((np.sin(x / 9) + np.sin(y / 7) > 0)[..., None], RED, (40, 60, 200)).astype(np.uint8)
    figurine, mesh, _ = _painted(Cutout(pixels=pixels, alpha=alpha))
    faces, uv = mesh.faces, figurine.uv
    start, end = faces.reshape(-1).astype(np.int64), np.roll(faces, -1, axis=1).reshape(-1)
    key = np.minimum(start, end) * len(mesh.vertices) + np.maximum(start, end)
    order = np.argsort(key, kind="stable")
    one, other = order[0::2], order[1::2]
    assert (key[one] == key[other]).all(), "a closed mesh: each edge twice"
    # The edge runs the other way in the other face.
    here = uv[one // 3, one % 3]
    there = uv[other // 3, (other % 3 + 1) % 3]
    torn = np.abs(here - there).max(1) > 1e-4
    assert torn.sum() > 100, "some edges lie on two charts"
    colors = [sample(figurine.texture.pixels, at[torn]).astype(int) for at in (here, there)]
    assert (
        np.abs(colors[0] - colors[1]).mean() < 9
    )  # of 255; it is 24 where the picture runs on up to the border


def test_the_hidden_side_of_an_arm_is_not_painted_as_the_back() -> None:
    """It lies over the back chart, before the body's own back: both would take the same texels."""
    x, y = grid(160, 160)
    body = (np.abs(x - 80) < 50) & (np.abs(y - 80) < 50)
    arm = (np.abs(y - 80) < 12) & (np.abs(x - 80) < 70)
    alpha = np.where(body | arm, 255, 0).astype(np.uint8)
    depth = depth_of(alpha, np.where(arm, 300.0, 400.0), np.where(body, 440.0, 320.0))
    mesh, placed = solid_from(depth, picture_of(alpha), faces=1_500)
    normals, _ = face_normals(mesh.vertices, mesh.faces)
    centre = face_centres(mesh.vertices, mesh.faces)
    deep = mesh.vertices[:, 2]
    chart = choose_charts(mesh, placed)
    away = normals[:, 2] < -0.5
    hidden = away & (centre[:, 2] > (deep.min() + deep.max()) / 2) & (np.abs(centre[:, 0]) < 0.025)
    own = away & (centre[:, 2] < deep.min() + 0.1 * np.ptp(deep))
    assert hidden.sum() > 20
    assert not (chart[hidden] == BACK).any()
    assert (chart[own] == BACK).all()


def test_the_rim_shows_what_goes_on_around_it() -> None:
    """A camera sees the rim of a round part at a slant: what it shows there is not half of what it shows farther in."""
    x, y = grid(640, 640)
    inside = 300 - np.hypot(x - 320, y - 320)
    alpha = disc(640, 300)
    pixels = np.where(((inside > 3) & (inside < 5))[..., None], (30, 30, 200), RED).astype(np.uint8)
    picture = Cutout(pixels=pixels, alpha=alpha)
    placed = place(flat(alpha, 1000, 1100), picture, PlaceOptions())
    front = draw_charts(placed, picture, TextureOptions()).front
    at = inside[picture_box(placed.valid)]
    assert front[(at > 3) & (at < 5)].mean(0) == pytest.approx([120, 30, 110], abs=15)
    assert (front[at > 20] == RED).all()


def test_a_halo_of_the_background_is_left_out() -> None:
    # An image model's soft edge: the outermost three pixels of the figurine are half background.
    x, y = grid(400, 400)
    inside = np.hypot(x - 200, y - 200)
    pale = (np.array(RED) + WHITE) // 2
    pixels = np.where((inside < 147)[..., None], RED, np.where((inside < 151)[..., None], pale, WHITE))
    figurine, _, _ = _painted(Cutout(pixels=pixels.astype(np.uint8), alpha=disc(400, 150)))
    wholly_red = replace(figurine, texture=Picture(pixels=np.full((8, 8, 3), RED, np.uint8)))
    for yaw in (0.0, 60.0, 90.0, 180.0):
        shown, want = (render(each, 120, 120, yaw_deg=yaw) for each in (figurine, wholly_red))
        off = np.abs(shown.astype(int) - want).max(-1)
        assert off.max() < 90, yaw
        assert off.mean() < 1, yaw


def test_islands_keep_a_distance_and_are_padded() -> None:
    figurine, mesh, depth = _red_disc()
    layout = lay_out(mesh, depth, picture_box(depth.valid), 4096)
    texels = _atlas_px(figurine)
    assert np.abs(texels - layout.corner).max() < 1e-2
    size = np.array([figurine.texture.width_px, figurine.texture.height_px])
    assert (texels >= 4).all()
    assert (texels <= size - 4).all()
    # The padding repeats a chart's rim: half of the distance to the next one belongs to each.
    for k in range(len(layout.placed)):
        mine = texels[layout.piece == k]
        middle = mine.mean(axis=(0, 1))
        way = mine.reshape(-1, 2) - middle
        outside = mine.reshape(-1, 2) + 3 * way / np.maximum(np.linalg.norm(way, axis=1, keepdims=True), 1e-9)
        x, y = np.clip(outside, 0, size - 1).astype(int).T
        assert np.abs(figurine.texture.pixels[y, x].astype(int) - RED).max() < 12, k


def test_between_the_charts_lies_the_nearest_ones_colour() -> None:
    # Red above, blue below: a mean of both between the charts would come into every smaller mip.
    pixels = np.zeros((160, 160, 3), np.uint8)
    pixels[:80], pixels[80:] = RED, (30, 60, 200)
    figurine, _, _ = _painted(Cutout(pixels=pixels, alpha=disc(160, 60)))
    atlas = figurine.texture.pixels.astype(int)
    off = np.minimum(*(np.abs(atlas - color).max(-1) for color in (RED, (30, 60, 200))))
    assert (off > 60).mean() < 0.01


def test_no_mip_down_to_64_mixes_two_charts() -> None:
    pixels = np.zeros((160, 160, 3), np.uint8)
    pixels[:80], pixels[80:] = RED, (30, 60, 200)
    figurine, _, _ = _painted(Cutout(pixels=pixels, alpha=disc(160, 60)))
    atlas = figurine.texture.pixels
    chart = find_charts(figurine.uv, (atlas.shape[1], atlas.shape[0]))
    mips = measure_mips(atlas, chart)
    assert [max(mip.size) for mip in mips] == [256, 128, 64]
    assert mips[0].gap_px >= GAP_PX
    assert max(mip.most for mip in mips) < 8
    # Where only what a chart covers is painted, the smaller mips mix the background in.
    bare = np.where(chart[..., None] < 0, 0, atlas).astype(np.uint8)
    assert np.abs(halve(halve(bare.astype(float))) - halve(halve(atlas.astype(float)))).max() > 50


def test_pieces_are_few_and_use_the_atlas() -> None:
    _, mesh, depth = _red_disc()
    layout = lay_out(mesh, depth, picture_box(depth.valid), 4096)
    corner = layout.corner
    area = (corner[:, 1] - corner[:, 0])[:, ::-1] * (corner[:, 2] - corner[:, 0]) * [-1, 1]
    assert np.abs(area.sum(1)).sum() / 2 > 0.4 * layout.size[0] * layout.size[1]  # discs leave their corners
    assert len(layout.placed) < 20


@pytest.mark.parametrize(("side", "want"), [(120, (256, 256)), (400, (1024, 512)), (800, (2048, 1024))])
def test_the_atlas_is_as_large_as_the_picture_needs(side: int, want: tuple[int, int]) -> None:
    alpha = box(side, 5, 5, side - 10, side - 10)
    picture = picture_of(alpha)
    placed = place(flat(alpha, 100, 120), picture, PlaceOptions())
    _, mesh, _ = _red_disc()  # whichever: the atlas depends on the picture
    figurine = paint(mesh, placed, picture, TextureOptions(), name="test")
    assert sorted((figurine.texture.width_px, figurine.texture.height_px)) == sorted(want)
