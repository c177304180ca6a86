"""The cutout's models by name, weights that are absent or damaged, and pictures that show nothing."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

from slipcast.core.errors import BadInput, MissingWeights, NoFigurine
from slipcast.core.values import Picture
from slipcast.picture import saliency
from slipcast.picture.cut_out import CutoutOptions, cut_out


def test_models_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture(pixels=np.full((64, 64, 3), 200, np.uint8))
    with pytest.raises(BadInput, match=r"model is 'u3net'; give one of u2netp, birefnet-general"):
        CutoutOptions(model="u3net")

    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(BadInput, match=r"needs the package rembg"):
        cut_out(picture, CutoutOptions(model="isnet-anime"))


def test_absent_and_damaged_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saliency, "models_dir", lambda: tmp_path)
    with pytest.raises(MissingWeights, match=r"u2netp\.onnx are missing; reinstall slipcast"):
        saliency._u2netp_file()
    (tmp_path / "u2netp").mkdir()
    (tmp_path / "u2netp" / "u2netp.onnx").write_bytes(b"half")
    with pytest.raises(MissingWeights, match=r"are damaged: sha256 .*; reinstall slipcast"):
        saliency._u2netp_file()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_picture_shows_no_figurine(value: int) -> None:
    with pytest.raises(NoFigurine, match=r"no figurine found in blank\.png"):
        cut_out(Picture(pixels=np.full((200, 200, 3), value, np.uint8), source={"file": "blank.png"}))
