"""The bundled depth model: where its square lies, how its answer is enlarged, what it refuses."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.network import open_network
from slipcast.core.values import Cutout, DepthKind, Source
from slipcast.depth.figurine import model as figurine
from slipcast.depth.figurine import net as figurine_net
from slipcast.depth.figurine.model import FigurineModel, FigurineOptions, Square
from slipcast.depth.figurine.net import FigurineNet, NetConfig
from slipcast.depth.figurine.spread import likely_errors
from slipcast.depth.inflate import inflate_small
from training import to_onnx
from training.to_onnx import write_onnx

SMALL = NetConfig(
    side_px=64, fine=8, widths=(8, 16, 16), blocks=(1, 1, 1), heads=2, normed_from=1, look_px=64
)


def write_model(
    folder: Path, config: NetConfig = SMALL, bias: tuple[float, float] = (0.0, 0.0), noise: float = 0.0
) -> Path:
    """An untrained network, whose answer is log gain and middle `bias` everywhere, but for some `noise`."""
    torch.manual_seed(0)
    net = FigurineNet(config)
    with torch.no_grad():
        assert net.head.bias is not None
        net.head.bias[:4] = bias[0]
        net.head.bias[4:8] = bias[1]
        if noise:
            torch.nn.init.normal_(net.head.weight, std=noise)
    data = save({key: value.half().contiguous() for key, value in net.state_dict().items()})
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(data)
    values = {"sha256": hashlib.sha256(data).hexdigest(), "net": config.to_json()}
    (folder / "config.json").write_text(json.dumps(values))
    write_onnx(folder)
    return folder


def disc(height: int, width: int, cy: float, cx: float, radius: float) -> Cutout:
    """A grey disc."""
    y, x = np.mgrid[:height, :width] + 0.5
    alpha = np.where((y - cy) ** 2 + (x - cx) ** 2 < radius**2, 255, 0).astype(np.uint8)
    return Cutout(pixels=np.full((height, width, 3), 90, np.uint8), alpha=alpha)


def test_constants_are_those_of_training() -> None:
    from training import render

    assert figurine.FLOOR == figurine_net.FLOOR
    assert figurine.FILL == render.FILL


def test_untrained_network_gives_the_inflated_disc(tmp_path: Path) -> None:
    model = FigurineModel(FigurineOptions(folder=write_model(tmp_path), depth_scale=1))
    depth = model.predict(disc(400, 300, 180, 140, 100))
    assert depth.kind is DepthKind.METRIC
    assert depth.back is not None
    assert depth.back_source is Source.INVENTED
    assert depth.valid.sum() == pytest.approx(np.pi * 100**2, rel=0.01)
    half = (depth.back - depth.front)[180, 140] / 2
    # A ball of radius 100 plus the floor of 0.015 of the square's side, which counts less and less towards the rim.
    assert half == pytest.approx(100 + 0.015 * 200 / 0.88, rel=0.04)
    assert (depth.front[180, 140] + depth.back[180, 140]) / 2 == pytest.approx(depth.camera.fy_px, abs=0.5)
    assert (depth.back >= depth.front)[depth.valid].all()
    assert (depth.front[~depth.valid] == 0).all()


def test_small_silhouettes_are_inflated_exactly() -> None:
    y, x = np.mgrid[:128, :128] - 63.5
    ball = inflate_small(np.hypot(y, x) < 50)
    near = np.hypot(y, x) < 45
    assert np.abs(ball - np.sqrt(np.maximum(50**2 - y**2 - x**2, 0)))[near].max() < 1
    bar = np.zeros((33, 150), bool)
    bar[10:20] = True
    assert inflate_small(bar)[10:20, 75].max() == pytest.approx(np.sqrt(2) * 5, rel=0.1)
    assert not inflate_small(np.zeros((5, 7), bool)).any()


def test_gain_and_middle_reach_full_size(tmp_path: Path) -> None:
    side = 200 / 0.88
    home = write_model(tmp_path, bias=(float(np.log(2)), 0.1))
    model = FigurineModel(FigurineOptions(folder=home, depth_scale=1))
    depth = model.predict(disc(400, 300, 180, 140, 100))
    assert depth.back is not None
    half = (depth.back - depth.front)[180, 140] / 2
    assert half == pytest.approx(2 * (100 + 0.015 * side), rel=0.04)
    middle = (depth.front[180, 140] + depth.back[180, 140]) / 2
    assert middle == pytest.approx(depth.camera.fy_px - 0.1 * side, abs=0.5)
    scaled = FigurineModel(FigurineOptions(folder=tmp_path, depth_scale=0.5)).predict(
        disc(400, 300, 180, 140, 100)
    )
    assert scaled.back is not None
    assert (scaled.back - scaled.front)[180, 140] / 2 == pytest.approx(half / 2, rel=1e-3)


def test_mirrored_picture_gives_the_mirrored_depth(tmp_path: Path) -> None:
    model = FigurineModel(FigurineOptions(folder=write_model(tmp_path, noise=0.05)))
    rng = np.random.default_rng(0)
    picture = disc(256, 256, 128, 128, 90)
    pixels = np.repeat(np.repeat(rng.integers(0, 255, (16, 16, 3), np.uint8), 16, 0), 16, 1)
    picture = Cutout(pixels=pixels, alpha=picture.alpha)
    turned = Cutout(
        pixels=np.ascontiguousarray(picture.pixels[:, ::-1]),
        alpha=np.ascontiguousarray(picture.alpha[:, ::-1]),
    )
    one, other = model.predict_many([picture, turned])
    apart = np.abs(one.front - other.front[:, ::-1])[one.valid]
    assert np.ptp(one.front[one.valid]) > 10
    assert apart.mean() < 0.01 * np.ptp(one.front[one.valid])


def test_where_the_mirror_image_says_otherwise_the_network_is_unsure() -> None:
    one, two = (np.full((2, 4, 4), off, np.float32) for off in (0.0, 0.1))
    thick = np.full((4, 4), 0.2, np.float32)
    assert (likely_errors(two, thick) > likely_errors(one, thick) + 0.02).all()
    assert (likely_errors(one, thick)[1] > likely_errors(one, thick)[0]).all()  # nobody saw the back


def test_enlarged_map_has_no_staircase_and_keeps_its_place() -> None:
    size, square = 64, Square(-20.0, 13.0, 512.0)
    at = (np.arange(size, dtype=np.float32) + 0.5) / size * square.side_px
    values = np.asarray(0.3 * (at[None] + square.left_px) + 0.1 * (at[:, None] + square.top_px), np.float32)
    large = figurine.enlarge(values, square, (slice(100, 300), slice(50, 400)))
    y, x = np.mgrid[100:300, 50:400] + 0.5
    assert np.abs(large - (0.3 * x + 0.1 * y)).max() < 0.02


def test_background_is_not_carried_inward() -> None:
    inside = np.zeros((32, 32), bool)
    inside[10:20, 10:20] = True
    values = np.where(inside, 1.0, 99.0).astype(np.float32)
    assert np.allclose(figurine.carry_outward(values, inside), 1.0)


def test_square_beyond_the_picture_is_grey_and_empty() -> None:
    picture = disc(100, 60, 50, 30, 29)
    on_grey, coverage = figurine.crop(picture, Square(-40.0, -20.0, 140.0), 64)
    assert on_grey.shape == (64, 64, 3)
    assert coverage[0].max() == 0
    assert on_grey[0] == pytest.approx(128 / 255, abs=0.01)
    assert coverage.sum() * (140 / 64) ** 2 == pytest.approx(np.pi * 29**2, rel=0.03)


def test_nothing_in_the_picture_is_said_and_no_blob(tmp_path: Path) -> None:
    model = FigurineModel(FigurineOptions(folder=write_model(tmp_path)))
    empty = Cutout(pixels=np.zeros((90, 120, 3), np.uint8), alpha=np.zeros((90, 120), np.uint8))
    depth = model.predict(empty)
    assert not depth.valid.any()
    assert [each.code for each in depth.findings] == ["NO_FIGURINE"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 500), (500, 3)])
def test_odd_sizes(tmp_path: Path, shape: tuple[int, int]) -> None:
    model = FigurineModel(FigurineOptions(folder=write_model(tmp_path)))
    picture = Cutout(pixels=np.zeros((*shape, 3), np.uint8), alpha=np.full(shape, 255, np.uint8))
    depth = model.predict(picture)
    assert depth.back is not None
    assert np.isfinite(depth.front).all()
    assert np.isfinite(depth.back).all()
    assert depth.front.shape == shape


def test_missing_and_damaged_weights_name_path_and_sum(tmp_path: Path) -> None:
    home = write_model(tmp_path / "model")
    sha256 = json.loads((home / "config.json").read_text())["onnx"]["figurine.onnx"]["sha256"]
    weights = home / "figurine.onnx"
    data = weights.read_bytes()
    weights.write_bytes(data[:-1])
    with pytest.raises(MissingWeights) as caught:
        FigurineModel(FigurineOptions(folder=home))
    assert str(weights) in str(caught.value)
    assert sha256 in str(caught.value)
    weights.unlink()
    with pytest.raises(MissingWeights, match=sha256):
        FigurineModel(FigurineOptions(folder=home))
    (home / "config.json").write_text("[")
    with pytest.raises(MissingWeights, match=r"config\.json"):
        FigurineModel(FigurineOptions(folder=home))


def test_an_open_network_is_kept_for_the_next_model_of_the_same_file(tmp_path: Path) -> None:
    one, same = (FigurineModel(FigurineOptions(folder=write_model(tmp_path / "one"))) for _ in range(2))
    other = FigurineModel(FigurineOptions(folder=write_model(tmp_path / "other")))
    assert one._net is same._net
    assert one._net is not other._net


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    home = write_model(tmp_path)
    (home / "figurine.onnx").write_bytes(b"no network")
    values = json.loads((home / "config.json").read_text())
    values["onnx"]["figurine.onnx"]["sha256"] = hashlib.sha256(b"no network").hexdigest()
    (home / "config.json").write_text(json.dumps(values))
    with pytest.raises(MissingWeights, match="cannot be read as a network"):
        FigurineModel(FigurineOptions(folder=home))


def test_a_network_whose_answer_differs_from_training_is_not_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = write_model(tmp_path, noise=0.05)
    before = (home / "figurine.onnx").read_bytes()
    monkeypatch.setattr(to_onnx, "TOLERANCE", 0.0)
    with pytest.raises(RuntimeError, match=r"figurine\.onnx differs from torch"):
        to_onnx.write_onnx(home)
    assert (home / "figurine.onnx").read_bytes() == before


def test_bundled_files_are_those_of_the_bundled_weights() -> None:
    """The ONNX files say what the safetensors say, and their sums stand in config.json."""
    home = Path(__file__).parents[2] / "models" / "figurine"
    config = json.loads((home / "config.json").read_text())
    assert hashlib.sha256((home / "model.safetensors").read_bytes()).hexdigest() == config["sha256"]
    weights = {key: values.float() for key, values in load_file(home / "model.safetensors").items()}
    net = FigurineNet(NetConfig.from_json(config["net"])).eval()
    net.load_state_dict(
        {key: values for key, values in weights.items() if not key.startswith(figurine.EDGES)}
    )
    rng = np.random.default_rng(3)
    x = rng.random((1, 7, net.config.side_px, net.config.side_px)).astype(np.float32)
    ours = open_network(home / "figurine.onnx", "cpu").run(x=x)
    with torch.inference_mode():
        theirs = net(torch.from_numpy(x)).numpy()
    assert np.ptp(theirs) > 1
    assert np.abs(ours - theirs).max() < to_onnx.TOLERANCE


def test_the_default_model_needs_no_torch() -> None:
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None, open3d=None);"
        "from slipcast.depth.figurine.model import FigurineModel; print(FigurineModel().side_px)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "128"


def test_unknown_device_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="tpu"):
        FigurineModel(FigurineOptions(folder=write_model(tmp_path), device="tpu"))


def test_network_is_small_enough_for_the_wheel() -> None:
    assert sum(p.numel() for p in FigurineNet().parameters()) * 2 < 20e6
