"""The grid network of several views: what it is given, that it mends the others' answers, and which file it lacks."""

import json
from pathlib import Path

import numpy as np
import pytest
from turnarounds import FOUR, camera_of, turnaround

from slipcast.core.errors import MissingWeights
from slipcast.core.values import View
from slipcast.reconstruct.views import field_net
from slipcast.reconstruct.views.field_inputs import (
    BASE,
    CHANNELS,
    HULL,
    KNOWN,
    TENTHS,
    FieldInputs,
    field_inputs,
)
from slipcast.reconstruct.views.field_net import depth_at_nodes
from slipcast.reconstruct.views.sides import make_sides
from slipcast.reconstruct.views.solid_grid import make_grid
from slipcast.reconstruct.views.view_depth import MODEL


@pytest.fixture(scope="module")
def asked() -> FieldInputs:
    cutouts, depths = turnaround(FOUR)
    sides = make_sides(cutouts, depths, fov_deg=24)[0]
    return field_inputs(sides, make_grid(sides, 32))


def test_inputs_hold_the_hull_everywhere_and_the_answers_near_it(asked: FieldInputs) -> None:
    shape = asked.hull.shape
    assert asked.channels.shape == (CHANNELS, *shape)
    near = asked.near
    assert asked.channels[KNOWN] == pytest.approx(near.astype(np.float32))
    assert asked.channels[HULL] == pytest.approx(asked.hull * 6, abs=0.01)
    assert (asked.hull[near] > -0.2).all()
    # Far away nobody was asked, and the blended answer is the hull's.
    assert asked.channels[BASE][~near] == pytest.approx(asked.hull[~near] * TENTHS)
    assert not asked.channels[4:7, ~near].any()


def test_the_answer_is_the_hulls_where_nobody_was_asked(asked: FieldInputs) -> None:
    said = depth_at_nodes(asked)
    assert said.shape == asked.hull.shape
    assert said[~asked.near] == pytest.approx(asked.hull[~asked.near])


def test_front_and_diagonal_are_nearer_to_the_truth_than_the_others_answers() -> None:
    views = (View.FRONT, View.FRONT_LEFT)
    cutouts, depths = turnaround(views)
    sides = make_sides(cutouts, depths, fov_deg=24)[0]
    grid = make_grid(sides, 48)
    asked = field_inputs(sides, grid)
    there = grid.points(np.arange(asked.hull.size))
    there = there / np.float32(sides[0].camera.distance / camera_of(View.FRONT).distance)
    true = np.zeros(len(there), bool)
    for at, radii in (
        ((0, -0.08, 0), (0.26, 0.42, 0.2)),
        ((0, 0.12, 0.22), (0.06, 0.06, 0.2)),
        ((0.16, 0.3, 0), (0.16, 0.1, 0.08)),
    ):
        true |= np.square((there - np.array(at)) / np.array(radii)).sum(1) < 1
    wrong, before = (
        int(((field.reshape(-1) > 0) != true).sum())
        for field in (depth_at_nodes(asked), asked.channels[BASE])
    )
    assert wrong < 0.6 * before


def test_a_missing_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: FieldInputs) -> None:
    home = tmp_path / MODEL
    home.mkdir()
    config = {"sha256": "0" * 64, "onnx": {field_net.FILE: {"sha256": "1" * 64}}}
    (home / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr("slipcast.depth.weights.models_dir", lambda: tmp_path)
    with pytest.raises(MissingWeights, match=field_net.FILE):
        depth_at_nodes(asked)
