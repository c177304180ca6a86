"""Training for several views: cameras that are off move nothing else, and the file says what torch says."""

from pathlib import Path

import numpy as np
import pytest
import torch

from slipcast.core.network import open_network
from slipcast.reconstruct.views.depth_inputs import HULL, PICTURE, SIDE_PX
from training.fusion_pairs import DISTANCE, YAWS_DEG
from training.to_onnx import write_network
from training.view_net import ViewNet
from training.view_pool import FINE, rays
from training.view_pool import SIDE_PX as POOL_PX
from training.view_train import losses, make_batch, make_set
from training.views_export import fold

SHAPES = {"picture": (PICTURE, 32, 32), "hull": (HULL, 16, 16)}


def _net() -> ViewNet:
    """A network whose norms and last layer have seen something."""
    torch.manual_seed(0)
    net = ViewNet((8, 8, 12, 12))
    for name, values in net.named_buffers():
        if "running" in name:
            values.data = torch.rand_like(values) + 0.5
    for values in net.parameters():
        values.data += 0.05 * torch.randn_like(values)
    return net.eval()


def test_folded_network_says_the_same() -> None:
    net = _net()
    inputs = [torch.rand(2, *shape) for shape in SHAPES.values()]
    with torch.inference_mode():
        before = net(*inputs)
        after = fold(net)(*inputs)
    assert not any(isinstance(module, torch.nn.BatchNorm2d) for module in net.modules())
    assert float((before - after).abs().max()) < 5e-3


def test_the_file_says_what_torch_says(tmp_path: Path) -> None:
    net = fold(_net())
    entry = write_network(net, tmp_path / "net.onnx", SHAPES)
    inputs = [torch.rand(3, *shape) for shape in SHAPES.values()]
    with torch.inference_mode():
        expected = net(*inputs).numpy()
    found = open_network(tmp_path / "net.onnx").run(picture=inputs[0].numpy(), hull=inputs[1].numpy())
    assert found == pytest.approx(expected, abs=1e-4)
    assert entry["bytes"] == (tmp_path / "net.onnx").stat().st_size


def _record() -> dict[str, np.ndarray]:
    """A ball of radius 0.3 from all six sides, and a one-picture network that says it lies as a flat plate."""
    at = rays(POOL_PX)
    flat = at[..., 0] ** 2 + at[..., 1] ** 2
    under = DISTANCE**2 - (1 + flat) * (DISTANCE**2 - 0.3**2)
    root = np.sqrt(np.where(under > 0, under, np.nan))
    shells = [(DISTANCE + way * root) / (1 + flat) - DISTANCE for way in (-1, 1)]
    fine = rays(FINE * POOL_PX)
    wide = fine[..., 0] ** 2 + fine[..., 1] ** 2
    inside = (1 + wide) * (DISTANCE**2 - 0.3**2) < DISTANCE**2
    six = len(YAWS_DEG)
    return {
        "rgb": np.full((six, POOL_PX, POOL_PX, 3), 128, np.uint8),
        "inside": np.stack([inside.astype(np.uint8)] * six),
        "front": np.stack([shells[0]] * six).astype(np.float16),
        "back": np.stack([shells[1]] * six).astype(np.float16),
        "said": np.tile(np.array([-0.1, 0.1], np.float16)[None, :, None, None], (six, 1, POOL_PX, POOL_PX)),
    }


def test_a_set_of_exact_views_holds_the_ball_and_its_hull() -> None:
    maps = make_set(_record(), (0, 1, 2, 3), 0.0, np.random.default_rng(1))
    middle = slice(SIDE_PX // 2 - 2, SIDE_PX // 2 + 2)
    for front, back, hull in zip(maps["front"], maps["back"], maps["hull"], strict=True):
        assert front[middle, middle].mean() == pytest.approx(-0.3, abs=0.01)
        assert back[middle, middle].mean() == pytest.approx(0.3, abs=0.01)
        half = slice(SIDE_PX // 4 - 1, SIDE_PX // 4 + 1)
        assert hull[0, half, half].mean() == pytest.approx(-0.3, abs=0.02)
        assert hull[3, half, half].mean() == pytest.approx(0.3, abs=0.02)
        assert (maps["hull"][:, 7] == 0.5).all()


def test_one_step_lowers_the_loss() -> None:
    torch.manual_seed(0)
    maps = make_set(_record(), (0, 1, 2, 3), 1.0, np.random.default_rng(2))
    batch = make_batch([{key: values[k] for key, values in maps.items()} for k in range(4)], None)
    net = ViewNet((8, 8, 12, 12)).train()
    steps = torch.optim.Adam(net.parameters(), 1e-3)
    before = float(losses(net(batch["picture"], batch["hull"]), batch).detach())
    for _ in range(5):
        loss = losses(net(batch["picture"], batch["hull"]), batch)
        steps.zero_grad()
        torch.autograd.backward(loss)
        steps.step()
    assert float(losses(net(batch["picture"], batch["hull"]), batch).detach()) < before
