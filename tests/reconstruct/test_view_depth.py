"""The depth network of several views carves what the hull cannot know, and says which file it lacks."""

import json
from pathlib import Path

import numpy as np
import pytest
from turnarounds import FOUR, turnaround

from slipcast.core.errors import MissingWeights
from slipcast.core.orbit import sample
from slipcast.core.values import View
from slipcast.reconstruct.views import view_depth
from slipcast.reconstruct.views.depth_inputs import HULL, PICTURE, SIDE_PX, hull_maps, lattice, network_inputs
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.silhouettes import Side
from slipcast.reconstruct.views.view_depth import ViewDepth, average_depths, predict_depths


@pytest.fixture(scope="module")
def sides() -> list[Side]:
    cutouts, depths = turnaround(FOUR)
    return make_sides(cutouts, depths, fov_deg=24)[0]


def test_fronts_lie_nearer_to_the_truth_than_the_hull(sides: list[Side]) -> None:
    cutouts, truth = turnaround(FOUR)
    found = dict(zip([side.view for side in sides], predict_depths(sides), strict=True))
    for number, side in enumerate(sides):
        at, shells = lattice(side), truth[side.view]
        focal = shells.camera.fy_px
        true = np.where(shells.valid, shells.front - focal, np.nan) * (side.camera.distance / focal)
        scale = cutouts[side.view].width_px / side.outline_px.shape[1]
        there = sample(true.astype(np.float32), at.x_px * scale, at.y_px * scale, nearest=True)
        # A ray just beside the figurine has no truth.
        known = np.isfinite(there) & (sample(side.outline_px, at.x_px, at.y_px) > 4)
        mine = found[side.view]
        small = hull_maps(sides, number, lattice(side, SIDE_PX // 2))[0]
        entry = small.repeat(2, 0).repeat(2, 1)
        ours, hulls = (float(np.abs(front - there)[known].mean()) for front in (mine.shells[0], entry))
        assert ours < 0.8 * hulls, side.view
        assert (mine.shells[1] >= mine.shells[0])[known].mean() > 0.99


def test_inputs_have_the_size_that_the_network_takes(sides: list[Side]) -> None:
    picture, hull = network_inputs(sides)
    assert picture.shape == (4, PICTURE, SIDE_PX, SIDE_PX)
    assert hull.shape == (4, HULL, SIDE_PX // 2, SIDE_PX // 2)
    assert picture.dtype == hull.dtype == np.float32
    entry, leave, has = hull[:, 0], hull[:, 3], hull[:, 4] > 0
    assert (leave > entry)[has].mean() > 0.99
    # From the front the body's hull is as deep as the sides show it: radius 0.2, the nose 0.42 before the axis.
    front = next(k for k, side in enumerate(sides) if side.view is View.FRONT)
    assert entry[front][has[front]].min() == pytest.approx(-0.42, abs=0.05)


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sides: list[Side]) -> None:
    home = tmp_path / view_depth.MODEL
    home.mkdir()
    config = {"sha256": "0" * 64, "onnx": {view_depth.FILE: {"sha256": "1" * 64}}}
    (home / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("slipcast.depth.weights.models_dir", lambda: tmp_path)
    with pytest.raises(MissingWeights, match=view_depth.FILE):
        predict_depths(sides)
    (home / view_depth.FILE).write_bytes(b"no network")
    with pytest.raises(MissingWeights, match="damaged"):
        predict_depths(sides)


def test_a_point_on_the_surface_is_at_distance_zero(sides: list[Side]) -> None:
    seen = [
        ViewDepth(
            shells=np.stack([np.full((SIDE_PX, SIDE_PX), k, np.float32) for k in (-0.2, 0.2)]), spread=still
        )
        for still in [np.zeros((2, SIDE_PX, SIDE_PX), np.float32)] * 4
    ]
    points = np.array([[0, 0, 0], [0, 0, 0.2], [0, 0, 0.19], [0, 0, 0.6]], np.float32)
    averaged = average_depths(sides, seen, points)
    distance, weight = averaged.mean, averaged.weight
    # Deep inside no shell has a say.
    assert weight[0] < 1e-6
    # Front and back lie there; the other two sides see 0.2 of it behind their shells, which counts nothing.
    assert distance[1] == pytest.approx(0, abs=2e-3)
    assert distance[2] == pytest.approx(0.01, abs=2e-3)
    assert distance[3] < -0.02
    assert weight[1] > 1
    # The nearest front says that the third point is a hundredth below it, and nothing is cut off at that.
    assert averaged.least[2] == pytest.approx(0.01, abs=2e-3)
    assert averaged.rough[3] < -0.06
