"""Training of the grid network: the true distance as seen from outside, crops, a file for grids of any size."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from slipcast.core.network import open_network
from slipcast.reconstruct.views.field_inputs import BASE, CHANNELS, HULL
from training.export import read_means
from training.field_net import FieldNet
from training.field_train import crop, losses, mirror, turn, whole
from training.to_onnx import write_network
from training.true_distance import LOW, NODES, PITCH, REACH, true_distance
from training.views_export import KINDS, export, fold, weights_sum


def _net() -> FieldNet:
    """A network whose norms and last layer have seen something."""
    torch.manual_seed(0)
    net = FieldNet((8, 8, 8))
    for name, values in net.named_buffers():
        if "running" in name:
            values.data = torch.rand_like(values) + 0.5
    for values in net.parameters():
        values.data += 0.05 * torch.randn_like(values)
    return net.eval()


def test_what_is_within_a_closed_body_is_no_border() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.3)
    knob = trimesh.creation.icosphere(subdivisions=2, radius=0.1)
    both = trimesh.util.concatenate([ball, knob])
    found = true_distance(both.vertices.astype(np.float32), both.faces.astype(np.int32)) * (REACH / 127)
    assert found.shape == (NODES, NODES, NODES)
    at = np.arange(NODES) * PITCH + LOW
    way = 0.3 - np.sqrt((np.stack(np.meshgrid(at, at, at, indexing="ij")) ** 2).sum(0))
    near = np.abs(way) < 0.06
    assert found[near] == pytest.approx(way[near], abs=0.004)
    assert (found[way > 0.1] > 0.079).all()


def test_a_new_network_adds_nothing_to_the_blended_answer() -> None:
    grid = torch.rand(1, CHANNELS, 16, 16, 8)
    with torch.inference_mode():
        assert torch.equal(FieldNet().eval()(grid)[:, 0], grid[:, BASE])


def test_the_file_says_what_torch_says_of_grids_of_any_size(tmp_path: Path) -> None:
    net = fold(_net())
    assert not any(isinstance(module, torch.nn.BatchNorm3d) for module in net.modules())
    write_network(net, tmp_path / "net.onnx", {"grid": (CHANNELS, 8, 16, 8)}, free=(0, 2, 3, 4))
    grid = torch.rand(1, CHANNELS, 24, 8, 16)
    with torch.inference_mode():
        expected = net(grid).numpy()
    found = open_network(tmp_path / "net.onnx").run(grid=grid.numpy())
    assert found == pytest.approx(expected, abs=1e-4)


def test_crops_lie_at_the_surface_and_beyond_the_grid_is_air() -> None:
    rng = np.random.default_rng(0)
    x, y, z = np.indices((48, 12, 48)).astype(np.float32)
    item = {
        "inputs": np.zeros((CHANNELS, 48, 12, 48), np.float16),
        "distance": np.clip((x - 30) / 6, -0.8, 0.8).astype(np.float32) + 0 * y * z,
    }
    cut = crop(item, 16, rng)
    assert cut["inputs"].shape == (CHANNELS, 16, 16, 16)
    assert cut["distance"].min() <= 0 <= cut["distance"][:, 4].max()
    assert (cut["distance"][:, [0, -1]] == np.float32(-10 * REACH)).all()
    assert (cut["inputs"][BASE, :, 0] == -2.5).all()
    assert (cut["inputs"][HULL, :, -1] == -1.5).all()
    item["inputs"][16] = x * 0.01
    turned = mirror(item)
    assert turned["distance"][0] == pytest.approx(item["distance"][-1])
    assert turned["inputs"][16].max() <= 0


def test_a_turned_grid_is_the_grid_of_a_turned_figurine() -> None:
    x, y, z = (values.astype(np.float32) - 5.5 for values in np.indices((12, 12, 12)))
    inputs = np.zeros((CHANNELS, 12, 12, 12), np.float32)
    inputs[16], inputs[17], inputs[18] = x, y, z
    found = turn({"inputs": inputs, "distance": x + 3 * z}, 1)
    # Each node knows its new place, and what lay there: (x, z) went to (-z, x).
    assert (found["inputs"][16:19] == np.stack([x, y, z])).all()
    assert (found["distance"] == z - 3 * x).all()
    back = turn(found, 3)
    assert (back["inputs"] == inputs).all()
    assert (back["distance"] == x + 3 * z).all()


def test_the_loss_is_least_for_the_truth_and_grids_are_filled_up() -> None:
    grid = torch.zeros(1, CHANNELS, 12, 9, 10)
    grid[:, 19] = 1
    x = torch.arange(12.0)[:, None, None].expand(12, 9, 10)
    true = ((x - 5.5) * 0.15).clamp(-0.8, 0.8)[None]
    grid[:, BASE] = true
    assert torch.equal(whole(FieldNet().eval(), grid), true)
    good, off, tilted = (float(losses(said, grid, true)) for said in (true, true + 0.2, true.flip(1)))
    assert good < off < tilted


def test_weights_are_averaged_by_their_shares(tmp_path: Path) -> None:
    for name, values in (("a", [1.0, 2.0]), ("b", [5.0, 0.0])):
        torch.save({"mean": {"w": torch.tensor(values)}, "steps": 3}, tmp_path / name)
    paths = [tmp_path / "a", tmp_path / "b"]
    states, found = read_means(paths, [1, 3])
    assert torch.equal(found["w"], torch.tensor([4.0, 0.5]))
    assert torch.equal(read_means(paths)[1]["w"], torch.tensor([3.0, 1.0]))
    assert [state["steps"] for state in states] == [3, 3]


def test_networks_of_one_folder_keep_each_others_facts(tmp_path: Path) -> None:
    net = _net()
    torch.save({"mean": net.state_dict(), "steps": 3, "spent": 7.4}, tmp_path / "a")
    for name in KINDS:
        kind = replace(KINDS[name], net=lambda: FieldNet((8, 8, 8)), shapes=KINDS["field"].shapes)
        entry = export(kind, [tmp_path / "a", tmp_path / "a"], tmp_path / "out")
        assert hashlib.sha256((tmp_path / "out" / kind.file).read_bytes()).hexdigest() == entry["sha256"]
    config = json.loads((tmp_path / "out" / "config.json").read_text(encoding="utf-8"))
    assert list(config["onnx"]) == ["views.onnx", "field.onnx"]
    for facts in (config, config["field"]):
        assert facts["trained"] == {"steps": [3, 3], "trained_s": [7, 7], "shares": [1.0, 1.0]}
        assert facts["sha256"] == weights_sum(fold(_net()).state_dict())
