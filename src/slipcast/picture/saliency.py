"""Picture -> how likely each of its pixels is figurine: a network's opinion, coarse as the network's own grid.

u2netp (U2-Net's small sibling, Apache-2.0 weights, 4.6 MB, in models/u2netp; Qin et al. 2020) looks at the picture
squeezed to 320 x 320, and again at a window where the figurine is small.
"""

import importlib.metadata
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput, MissingWeights, StageFailed
from slipcast.core.network import open_network
from slipcast.core.paths import models_dir, sha256_of
from slipcast.core.values import F32, U8

DEFAULT_MODEL = "u2netp"
_U2NETP_SHA256 = "f69107e99cb3849be97508537f1200f73997da09498f3ffc9a1a27769ec4487c"
REMBG_MODELS = (
    *("birefnet-general", "birefnet-general-lite", "birefnet-portrait", "bria-rmbg"),
    *("isnet-anime", "isnet-general-use", "silueta", "u2net"),
)
"""Larger models that the package `rembg` can fetch and run, by its own names."""
NETWORK_PX = 320
"""The network's side: what it says is as coarse as the picture's longer side over this."""
_MEAN = np.array([0.485, 0.456, 0.406], dtype=np.float32)
_SPREAD = np.array([0.229, 0.224, 0.225], dtype=np.float32)


def find_saliency(pixels: U8, model: str) -> F32:
    """Return (H,W) in [0, 1], how likely each of `pixels` (H,W,3) is figurine; a small one gets a second, nearer look.

    `model` is `u2netp` or one of REMBG_MODELS. Raises MissingWeights where the bundled weights are absent or damaged,
    BadInput where `rembg` is not installed, StageFailed where it cannot load the model.

    >>> find_saliency(np.full((64, 64, 3), 200, np.uint8), DEFAULT_MODEL).shape
    (64, 64)
    """
    import cv2

    look = _u2netp() if model == DEFAULT_MODEL else _rembg(model)
    height, width = pixels.shape[:2]
    first = look(pixels)
    rows, cols = np.flatnonzero((first > 0.5).any(1)), np.flatnonzero((first > 0.5).any(0))
    if not len(rows):
        return first
    tall, wide = rows[-1] - rows[0] + 1, cols[-1] - cols[0] + 1
    side = int(max(tall, wide) * 1.3)
    if side >= 0.62 * max(height, width) or max(tall, wide) < 24:
        return first
    top = int(np.clip((rows[0] + rows[-1]) // 2 - side // 2, 0, max(0, height - side)))
    left = int(np.clip((cols[0] + cols[-1]) // 2 - side // 2, 0, max(0, width - side)))
    window = np.s_[top : top + side, left : left + side]
    second = look(np.ascontiguousarray(pixels[window]))
    inside = first[window] > 0.5
    agreed = (inside & (second > 0.5)).sum() / max(1, (inside | (second > 0.5)).sum())
    if agreed < 0.8:
        return first  # the window's edge may have cut what the model needs to see
    out = np.zeros_like(first)
    out[window] = second
    blurred: F32 = cv2.GaussianBlur(out, (3, 3), 0)
    return blurred


@cache
def _u2netp() -> Callable[[U8], F32]:
    """The bundled model as a function pixels (H,W,3) -> (H,W) in [0, 1]."""
    path = _u2netp_file()
    import cv2

    network = open_network(path, "cpu")
    (source,) = network.inputs

    def look(pixels: U8) -> F32:
        # The model was trained on pictures divided by their own maximum.
        square = cv2.resize(pixels, (NETWORK_PX, NETWORK_PX), interpolation=cv2.INTER_AREA)
        scaled = (square.astype(np.float32) / max(1.0, float(square.max())) - _MEAN) / _SPREAD
        answer = network.run(**{source: scaled.transpose(2, 0, 1)[None]})
        size = (pixels.shape[1], pixels.shape[0])
        grown: F32 = cv2.resize(answer[0, 0], size, interpolation=cv2.INTER_CUBIC)
        out: F32 = np.clip(grown, 0, 1)
        return out

    return look


def _u2netp_file() -> Path:
    """The bundled weights; raises MissingWeights where they are absent or damaged."""
    path = models_dir() / DEFAULT_MODEL / f"{DEFAULT_MODEL}.onnx"
    cure = "reinstall slipcast, in a checkout run: git checkout -- models, or give a picture with alpha"
    if not path.is_file():
        raise MissingWeights(f"the cutout's weights {path} are missing; {cure}")
    if (found := sha256_of(path)) != _U2NETP_SHA256:
        raise MissingWeights(
            f"the cutout's weights {path} are damaged: sha256 {found}, expected {_U2NETP_SHA256}; {cure}"
        )
    return path


@cache
def _rembg(model: str) -> Callable[[U8], F32]:
    """A larger model through the package `rembg`, which fetches its weights on first use."""
    try:
        importlib.metadata.version("rembg")
    except importlib.metadata.PackageNotFoundError:
        raise BadInput(
            f"cutout model '{model}' needs the package rembg; run: pip install rembg[cpu]"
        ) from None
    from PIL import Image

    try:
        session = importlib.import_module("rembg").new_session(model)
    except (ImportError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StageFailed(
            f"rembg cannot load cutout model '{model}' ({reason}); try it with: rembg i -m {model} IN OUT"
        ) from None

    def look(pixels: U8) -> F32:
        masks = session.predict(Image.fromarray(pixels))
        size = (pixels.shape[1], pixels.shape[0])
        answer = masks[0].convert("L").resize(size, Image.Resampling.BICUBIC)
        return np.asarray(answer, dtype=np.float32) / np.float32(255)

    return look
