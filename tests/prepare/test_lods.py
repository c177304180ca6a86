"""Levels of detail keep the shape, stay closed and show the same texture."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from shapes import cube, figure, sphere
from test_formats import textured

from slipcast.core.errors import BadInput
from slipcast.core.values import Mesh, Picture
from slipcast.formats.vertex_colors import bake_corners
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.sample import sample
from slipcast.mesh.topology import bodies_of, closedness
from slipcast.prepare import lods as lods_module
from slipcast.prepare.lods import LodOptions, make_lods, measure_texel_density, transfer_uv
from slipcast.prepare.take_over import MOST_DIFFERENT, find_take_over, measure_difference


def test_each_level_is_closed_smaller_and_near() -> None:
    lods, found = make_lods(figure("figurine"), LodOptions(shares=(1.0, 0.4, 0.1)))
    assert not found
    counts = [len(level.figurine.mesh.faces) for level in lods]
    assert counts[0] > counts[1] > counts[2]
    for level, share in zip(lods, (1.0, 0.4, 0.1), strict=True):
        assert closedness(level.figurine.mesh).closed
        assert len(level.figurine.mesh.faces) <= share * counts[0]
    assert lods[0].deviation.largest_m == 0
    assert 0 < lods[1].deviation.mean_m < lods[2].deviation.mean_m < 0.001
    assert lods[1].switch_px > lods[2].switch_px > 10
    for level in lods[1:]:
        assert level.take_over is not None
        assert level.take_over.difference <= MOST_DIFFERENT
        assert level.switch_px <= level.one_pixel_px
        told: dict[str, Any] = level.as_dict()
        assert told["switch_px"] == pytest.approx(level.switch_px, abs=0.05)
        assert told["one_pixel_px"] == pytest.approx(75.0 / told["deviation_mm"]["max"], rel=0.02)


def test_a_level_takes_over_where_its_picture_differs_little() -> None:
    """Stripes and their negative: seen from afar both are the same grey."""
    whole = figure("figurine", rings=24, segments=32)
    height, width = whole.texture.pixels.shape[:2]
    stripes = np.indices((height, width)).sum(0) // 4 % 2 * 60 + 100
    one, other = (
        replace(whole, texture=Picture(pixels=np.repeat(each[..., None], 3, 2).astype(np.uint8)))
        for each in (stripes, 260 - stripes)
    )
    found = find_take_over(one, other, 60.0)
    assert measure_difference(one, other, 60.0) > MOST_DIFFERENT
    assert found.difference == measure_difference(one, other, found.height_px) <= MOST_DIFFERENT
    assert 4 < found.height_px < 52
    assert measure_difference(one, other, found.height_px / 0.85) > MOST_DIFFERENT
    assert find_take_over(one, one, 60.0).height_px == 60.0


def test_each_level_has_a_range_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fox's level of 5,000 faces deviated less than that of 20,000, which was never shown."""
    near = Deviation(largest_m=0.0001, mean_m=0.00001)
    monkeypatch.setattr(lods_module, "measure_deviation", lambda *_, **__: near)
    lods, _ = make_lods(figure("figurine", rings=24, segments=32), LodOptions(shares=(1.0, 0.8, 0.6)))
    assert lods[1].one_pixel_px == lods[2].one_pixel_px
    assert lods[2].switch_px <= 0.9 * lods[1].switch_px


def test_a_level_shows_the_texture_where_the_figurine_does() -> None:
    whole = figure("figurine")
    lods, _ = make_lods(whole, LodOptions(shares=(1.0, 0.3)))
    level = lods[1].figurine
    middles = level.mesh.vertices[level.mesh.faces].mean(1)
    near = np.linalg.norm(
        whole.mesh.vertices[whole.mesh.faces].mean(1)[None] - middles[::7, None], axis=2
    ).argmin(1)
    own = sample(level.texture.pixels, level.uv[::7].mean(1)).astype(float)
    true = sample(whole.texture.pixels, whole.uv[near].mean(1)).astype(float)
    assert np.median(np.abs(own - true).mean(1)) < 6
    assert measure_texel_density(level) == pytest.approx(measure_texel_density(whole), rel=0.15)


def test_a_seam_inside_one_chart_is_not_smeared() -> None:
    """The figure's atlas wraps around it as one chart; 53 of 648 faces spanned its whole width."""
    whole = figure("figurine")
    lods, _ = make_lods(whole, LodOptions(shares=(1.0, 0.3)))
    assert np.ptp(whole.uv[..., 0], axis=1).max() < 0.3
    assert (np.ptp(lods[1].figurine.uv[..., 0], axis=1) > 0.4).sum() <= 5


def test_the_same_mesh_keeps_its_texture_coordinates() -> None:
    whole = figure("figurine")
    same = transfer_uv(whole, whole.mesh)
    assert np.median(np.abs(same.uv - whole.uv)) < 1e-5


def test_the_coarsest_level_that_stays_closed_is_made_and_said() -> None:
    lods, found = make_lods(figure("figurine"), LodOptions(shares=(1.0, 0.5, 0.0005, 0.0001)))
    counts = [len(level.figurine.mesh.faces) for level in lods]
    assert len(counts) == 3
    assert counts[2] < 0.1 * counts[1]
    assert closedness(lods[2].figurine.mesh).closed
    assert lods[2].share == pytest.approx(counts[2] / counts[0], abs=1e-6)
    assert [(entry.code, entry.values["floor"]) for entry in found] == [("LOD_FLOOR", counts[2])]


def test_a_level_keeps_every_body() -> None:
    """Of a ball and a box the coarsest level was the ball alone."""
    box = cube(0.01)
    ball, start = sphere(0.02, 12, 12), len(box.vertices)
    both = Mesh(
        vertices=np.concatenate([box.vertices, ball.vertices + np.array([0.05, 0, 0], np.float32)]),
        faces=np.concatenate([box.faces, ball.faces + np.int32(start)]),
        source=np.concatenate([box.source, ball.source]),
    )
    lods, found = make_lods(textured(both), LodOptions(shares=(1.0, 0.5, 0.03)))
    assert [bodies_of(level.figurine.mesh).count for level in lods] == [2, 2, 2]
    assert lods[-1].deviation.largest_m < 0.02
    assert [entry.code for entry in found] == ["LOD_FLOOR"]


def test_levels_of_an_open_mesh_are_made_and_said() -> None:
    whole = figure("figurine")
    mesh = replace(whole.mesh, faces=whole.mesh.faces[200:], source=whole.mesh.source[200:])
    lods, found = make_lods(replace(whole, mesh=mesh, uv=whole.uv[200:]), LodOptions(shares=(1.0, 0.4, 0.1)))
    counts = [len(level.figurine.mesh.faces) for level in lods]
    assert counts[1] <= 0.4 * counts[0]
    assert counts[2] <= 0.1 * counts[0]
    assert [entry.code for entry in found] == ["LODS_OPEN"]


@pytest.mark.parametrize(
    ("text", "shares"),
    [("3", (1.0, 0.4, 0.16)), ("1", (1.0,)), ("1,0.5,0.2,0.05", (1.0, 0.5, 0.2, 0.05))],
)
def test_levels_are_named_by_number_or_shares(text: str, shares: tuple[float, ...]) -> None:
    assert LodOptions.parse(text).shares == pytest.approx(shares)


@pytest.mark.parametrize("text", ["0", "9", "0.5,0.2", "1,0.5,0.5", "1,2", "many", "1,-1", "1,nan"])
def test_other_levels_are_refused(text: str) -> None:
    with pytest.raises(BadInput, match=r"lods|shares|levels"):
        LodOptions.parse(text)


def test_colours_per_vertex_stay_in_their_places() -> None:
    """Each face lies alone in such a texture, and the larger faces of a level fit on none of them."""
    whole = figure("figurine", rings=16, segments=24)
    colors = np.zeros((len(whole.mesh.vertices), 3), np.float32)
    left = whole.mesh.vertices[:, 0] < 0
    colors[left, 0], colors[~left, 2] = 1, 1
    baked = bake_corners(colors[whole.mesh.faces])
    painted = replace(whole, uv=baked.uv, texture=Picture(pixels=baked.color), normal_map=None)
    lods, _ = make_lods(painted, LodOptions(shares=(1.0, 0.2)))
    for lod in lods:
        middle = lod.figurine.mesh.vertices[lod.figurine.mesh.faces].mean(1)
        seen = sample(lod.figurine.texture.pixels, lod.figurine.uv)
        clear = np.abs(middle[:, 0]) > 0.004
        red = seen[..., 0].mean(1) > seen[..., 2].mean(1)
        assert (red[clear] == (middle[clear, 0] < 0)).mean() > 0.99
    assert lods[0].figurine.texture is lods[1].figurine.texture
