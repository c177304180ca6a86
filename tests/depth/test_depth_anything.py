"""Depth Anything through transformers, with a tiny checkpoint of the real architecture that the tests write."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.values import U8, Cutout, DepthKind
from slipcast.depth import download
from slipcast.depth.depth_anything import DepthAnything, DepthAnythingOptions, kind_of
from slipcast.depth.models import DepthOptions, predict_depth


@pytest.fixture(autouse=True)
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPCAST_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)


def write_checkpoint(folder: Path, **config: Any) -> None:
    """A Depth Anything of about 60,000 numbers, drawn from a fixed seed, with its preprocessor's settings."""
    import torch
    from safetensors.torch import save_file
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

    backbone = Dinov2Config(
        hidden_size=24,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=48,
        image_size=56,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    settings = DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=24,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=4,
        **config,
    )
    torch.manual_seed(0)
    network = DepthAnythingForDepthEstimation(settings)
    with torch.no_grad():
        for name, values in network.named_parameters():
            if values.ndim > 1:
                values.normal_(0, 0.3)
            elif name.endswith("bias"):
                values.fill_(0.1)
    folder.mkdir(parents=True)
    save_file({k: v.contiguous() for k, v in network.state_dict().items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(settings.to_json_string())
    preprocessor = {
        "image_processor_type": "DPTImageProcessor",
        "do_resize": True,
        "size": {"height": 56, "width": 56},
        "keep_aspect_ratio": True,
        "ensure_multiple_of": 14,
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
        "do_pad": False,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "toy-depth"
    write_checkpoint(folder)
    return folder


def boxed(height: int, width: int, box: tuple[int, int, int, int], seed: int = 0) -> Cutout:
    """Noise whose alpha shows a box (top, bottom, left, right)."""
    alpha = np.zeros((height, width), np.uint8)
    alpha[box[0] : box[1], box[2] : box[3]] = 255
    pixels: U8 = np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)
    return Cutout(pixels=pixels, alpha=alpha)


def asked(folder: Path, **options: Any) -> DepthAnything:
    return DepthAnything(DepthAnythingOptions(model=str(folder), device="cpu", **options))


def test_a_picture_comes_back_in_its_own_size(checkpoint: Path) -> None:
    picture = boxed(100, 80, (10, 90, 20, 60))
    got = asked(checkpoint, fov_deg=30).predict(picture)
    assert got.front.shape == (100, 80)
    assert picture.alpha is not None
    assert np.array_equal(got.valid, picture.alpha >= 128)
    assert not got.front[~got.valid].any()
    assert np.isfinite(got.front).all()
    assert float(got.front[got.valid].std()) > 0
    assert got.back is None
    assert got.kind is DepthKind.AFFINE_DISPARITY
    assert got.camera.fy_px == pytest.approx(50 / np.tan(np.radians(15)))


def test_the_model_is_named_with_its_sum(checkpoint: Path) -> None:
    got = asked(checkpoint).predict(boxed(60, 60, (10, 50, 10, 50)))
    assert got.model.name == "toy-depth"
    assert got.model.sha256 == download.sha256_of(checkpoint / "model.safetensors")
    assert got.model.licence == "unknown"


def test_a_batch_gives_what_its_pictures_give_alone(checkpoint: Path) -> None:
    pictures = [
        boxed(100, 80, (10, 90, 20, 60), 1),
        boxed(64, 128, (4, 60, 30, 100), 2),
        boxed(90, 90, (0, 90, 0, 90), 3),
    ]
    model = asked(checkpoint, batch=2)
    for alone, together in zip(map(model.predict, pictures), model.predict_batch(pictures), strict=True):
        assert alone.front.shape == together.front.shape
        spread = float(np.ptp(alone.front[alone.valid]))
        # In a batch the smaller crops are first enlarged to the largest one's size.
        assert float(np.abs(alone.front - together.front).mean()) < 0.05 * spread
    assert model.predict_batch([]) == []


def test_only_the_figurine_is_looked_at(checkpoint: Path) -> None:
    """The background's pixels do not reach the model, and where the figurine stands does not matter."""
    picture = boxed(100, 80, (10, 90, 20, 60))
    assert picture.alpha is not None
    other = picture.pixels.copy()
    other[picture.alpha == 0] = 255
    model = asked(checkpoint)
    one = model.predict(picture)
    assert np.array_equal(one.front, model.predict(Cutout(pixels=other, alpha=picture.alpha)).front)
    wide = [(0, 0), (24, 40), (0, 0)]
    moved = Cutout(pixels=np.pad(picture.pixels, wide), alpha=np.pad(picture.alpha, wide[:2]))
    assert np.array_equal(model.predict(moved).front[:, 24:-40], one.front)


def test_twice_is_the_same(checkpoint: Path) -> None:
    picture = boxed(70, 70, (5, 65, 5, 65))
    assert (
        asked(checkpoint).predict(picture).front.tobytes()
        == asked(checkpoint).predict(picture).front.tobytes()
    )


def test_a_metric_checkpoint_is_known_as_such(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "metric", depth_estimation_type="metric", max_depth=20)
    got = asked(tmp_path / "metric").predict(boxed(60, 60, (10, 50, 10, 50)))
    assert got.kind is DepthKind.METRIC
    assert float(got.front[got.valid].max()) <= 20.001


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_type": "depth_anything", "depth_estimation_type": "relative"}, DepthKind.AFFINE_DISPARITY),
        ({"model_type": "depth_anything", "depth_estimation_type": "metric"}, DepthKind.METRIC),
        ({"model_type": "depth_anything"}, DepthKind.AFFINE_DISPARITY),
        ({"model_type": "dpt", "backbone_config": None}, DepthKind.AFFINE_DISPARITY),
        ({"model_type": "dpt", "backbone_config": SimpleNamespace(model_type="dinov2")}, DepthKind.METRIC),
        ({"model_type": "zoedepth"}, DepthKind.METRIC),
        ({"model_type": "depth_pro"}, DepthKind.METRIC),
        ({"model_type": "glpn"}, DepthKind.METRIC),
    ],
)
def test_what_the_numbers_mean(config: dict[str, Any], kind: DepthKind) -> None:
    assert kind_of(SimpleNamespace(**config)) is kind


@pytest.mark.parametrize("family", ["chmv2", "vit", ""])
def test_a_model_of_unknown_meaning_is_refused(family: str) -> None:
    with pytest.raises(BadInput, match="cannot be used"):
        kind_of(SimpleNamespace(model_type=family))


@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "config", "no config", "keys", "preprocessor"])
def test_damaged_weights_are_said(checkpoint: Path, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(checkpoint, folder)
    weights = folder / "model.safetensors"
    whole = weights.read_bytes()
    if damage == "cut":
        weights.write_bytes(whole[: len(whole) // 2])
    elif damage == "empty":
        weights.write_bytes(b"")
    elif damage == "noise":
        weights.write_bytes(np.random.default_rng(0).bytes(5000))
    elif damage == "config":
        (folder / "config.json").write_text('{"model_type": ')
    elif damage == "no config":
        (folder / "config.json").write_text("[]")
    elif damage == "preprocessor":
        (folder / "preprocessor_config.json").unlink()
    else:
        from safetensors.torch import load_file, save_file

        kept = {k: v for k, v in load_file(weights).items() if "head" not in k}
        save_file(kept, weights)
    with pytest.raises(MissingWeights, match="damaged or incomplete"):
        asked(folder).predict(boxed(60, 60, (10, 50, 10, 50)))


def test_pickled_weights_are_never_loaded(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(checkpoint, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(MissingWeights, match=r"has no model\.safetensors"):
        asked(folder).predict(boxed(60, 60, (10, 50, 10, 50)))


def test_absent_weights_and_devices() -> None:
    with pytest.raises(MissingWeights, match=r"run: slipcast models pull depth-anything$"):
        DepthAnything()
    with pytest.raises(BadInput, match="device is 'abacus'; give one of"):
        DepthAnything(DepthAnythingOptions(device="abacus"))


def test_a_device_that_is_not_here_is_refused(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = DepthAnything(DepthAnythingOptions(model=str(checkpoint), device="cuda"))
    with pytest.raises(BadInput, match="device cuda is not available"):
        model.predict(boxed(60, 60, (10, 50, 10, 50)))


def test_an_empty_cutout_is_a_mistake(checkpoint: Path) -> None:
    model = asked(checkpoint)
    with pytest.raises(ValueError, match="show something"):
        model.predict(Cutout(pixels=np.zeros((60, 60, 3), np.uint8), alpha=np.zeros((60, 60), np.uint8)))


def test_through_the_front_door(checkpoint: Path) -> None:
    got = predict_depth(boxed(60, 60, (10, 50, 10, 50)), DepthOptions(model=str(checkpoint), device="cpu"))
    assert got.findings[0].message == "depth comes from toy-depth: it was asked for"


def test_nothing_is_printed_or_warned(checkpoint: Path) -> None:
    """In a process of its own, where nothing has been imported or silenced before."""
    code = f"""
import numpy as np
from slipcast.depth.depth_anything import DepthAnything, DepthAnythingOptions
from slipcast.core.values import Cutout
alpha = np.zeros((60, 60), np.uint8); alpha[10:50, 10:50] = 255
model = DepthAnything(DepthAnythingOptions(model={str(checkpoint)!r}, device="cpu"))
model.predict(Cutout(pixels=np.zeros((60, 60, 3), np.uint8), alpha=alpha))
"""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
