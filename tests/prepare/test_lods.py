"""Levels of detail keep the shape, stay closed and show the same texture."""

from dataclasses import replace

import numpy as np
import pytest
from shapes import cube, figure, sphere
from test_formats import textured

from slipcast.core.errors import BadInput
from slipcast.core.values import Mesh, Picture
from slipcast.formats.vertex_colors import bake_corners
from slipcast.mesh.sample import sample
from slipcast.mesh.topology import bodies_of, closedness
from slipcast.prepare.lods import LodOptions, make_lods, measure_texel_density, transfer_uv


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
