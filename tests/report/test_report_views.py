"""The report of several views: each picture, the asset seen by its camera, and where they differ."""

from dataclasses import replace

import numpy as np
import pytest
from turnarounds import FOUR, turnaround

from slipcast.core.values import Cutout, Figurine
from slipcast.depth.place import PlaceOptions, Settling, place
from slipcast.pipeline.several_views import Gathered, SeenView, gather
from slipcast.report.views import compare_views
from slipcast.texture.paint import TextureOptions


@pytest.fixture(scope="module")
def gathered() -> Gathered:
    cutouts, depths = turnaround(FOUR)
    made = gather(
        list(cutouts.values()),
        lambda cut: depths[cut.view],
        lambda said, cut: place(said, cut, PlaceOptions()),
        height_m=0.075,
        fov_deg=24,
        detail="draft",
    )
    assert isinstance(made, Gathered)
    return made


def _painted(gathered: Gathered) -> tuple[Figurine, tuple[SeenView, ...]]:
    mesh = gathered.fused.mesh
    painted = gathered.paint(mesh, TextureOptions(max_size_px=1024), name="x")
    settling = Settling(origin=np.array([0.01, 0.02, -0.03]), scale=2.0)
    moved = replace(painted.mesh, vertices=settling.move(mesh.vertices))
    return replace(painted, mesh=moved), gathered.settle(settling).views


def test_each_view_is_shown_as_its_camera_sees_the_asset(gathered: Gathered) -> None:
    painted, views = _painted(gathered)
    rows = compare_views(painted, views)
    assert [row.view for row in rows] == ["front", "back", "left", "right"]
    assert min(row.outline_iou for row in rows) > 0.93
    assert rows[0].color_error < 12
    assert all(row.picture.height_px == row.asset.height_px == row.difference.height_px for row in rows)


def test_a_view_of_something_else_stands_out(gathered: Gathered) -> None:
    painted, views = _painted(gathered)
    wrong = replace(views[2], cutout=_upside_down(views[2].cutout))
    right, other = compare_views(painted, (views[2], wrong))
    assert other.outline_iou < right.outline_iou - 0.05


def _upside_down(cut: Cutout) -> Cutout:
    assert cut.alpha is not None
    return replace(
        cut, pixels=np.ascontiguousarray(cut.pixels[::-1]), alpha=np.ascontiguousarray(cut.alpha[::-1])
    )
