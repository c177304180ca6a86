"""Cutout -> DepthMap of the seen side, by any depth model that transformers can load.

The default is Depth Anything V2 Small (Yang et al., 2024; Apache-2.0). The figurine's square crop is laid
on plain grey, so that every picture of a batch has one size and no background competes for the range of
depths; the answer is scaled up to the picture, and the outermost pixels, which mix with the grey, repeat
their inner neighbours.

What the numbers mean is read from the checkpoint's configuration (`kind_of`): a relative model gives
disparity of unknown scale and shift, a metric one distances. Weights are looked for on this machine only
(depth/download.py), loaded from safetensors alone, and no code that comes with a model is ever run.

Rejected: the `depth-estimation` pipeline (scales to 0..255 for show); the torchvision preprocessor (one
more wheel to pin, and its absence makes transformers warn).
"""

import json
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from slipcast.core.errors import BadInput, MissingWeights, StageFailed
from slipcast.core.masks import box_of
from slipcast.core.options import FOV, check, choice, text, whole
from slipcast.core.values import (
    F32,
    LENS_FOV_DEG,
    U8,
    Bool,
    Camera,
    Cutout,
    DepthKind,
    DepthMap,
    ModelInfo,
    Source,
)
from slipcast.depth import download
from slipcast.depth.device import DEVICES, check_device, device_of

_GREY = 127
_MARGIN = 0.08


@dataclass(frozen=True, kw_only=True)
class DepthAnythingOptions:
    """Options of the depth model Depth Anything.

    >>> DepthAnythingOptions(batch=2).batch
    2
    """

    model: str = "depth-anything"
    """A name of models/manifest.toml, a hub id, or a folder in transformers' format."""
    device: str = "auto"
    """`auto` (cuda, else mps, else cpu), or one of them."""
    fov_deg: float = LENS_FOV_DEG
    """Vertical field of view of the picture."""
    batch: int = 8
    """Pictures that go through the model at once."""

    def __post_init__(self) -> None:
        check(
            self,
            model=text(example="depth-anything"),
            device=choice(DEVICES),
            fov_deg=FOV,
            batch=whole(1, 1024, example=8),
        )


class _Loaded(NamedTuple):
    processor: Any
    network: Any
    device: str
    dtype: Any
    kind: DepthKind
    info: ModelInfo


class DepthAnything:
    """A transformers depth model; weights are loaded at the first prediction and kept."""

    def __init__(self, options: DepthAnythingOptions | None = None) -> None:
        self.options = options or DepthAnythingOptions()
        check_device(self.options.device)
        if self.options.batch < 1:
            raise BadInput(f"batch {self.options.batch} must be at least 1")
        found = download.find(self.options.model)
        if found is None:
            raise download.missing(self.options.model)
        self.weights = found

    def predict(self, picture: Cutout) -> DepthMap:
        """Depth of the seen side of one picture with alpha; see `predict_batch`."""
        return self.predict_batch([picture])[0]

    def predict_batch(self, pictures: Sequence[Cutout]) -> list[DepthMap]:
        """Depth of the seen side of each cutout, `options.batch` at a time.

        `back` is None; `kind` is what the checkpoint says. Raises ValueError for an empty cutout,
        MissingWeights for damaged weights, BadInput for a model whose numbers have no known meaning,
        StageFailed when the model answers with nothing finite.
        """
        for picture in pictures:
            if not (picture.alpha >= 128).any():
                raise ValueError("DepthAnything needs cutouts that show something")
        out: list[DepthMap] = []
        for start in range(0, len(pictures), self.options.batch):
            part = pictures[start : start + self.options.batch]
            crops = [_crop(picture) for picture in part]
            answers = self._run([crop.pixels for crop in crops])
            out += [self._map(*each) for each in zip(part, crops, answers, strict=True)]
        return out

    @cached_property
    def _loaded(self) -> _Loaded:
        return _load(self.weights, self.options.device)

    def _run(self, squares: list[U8]) -> list[F32]:
        """The model's answers (S,S), in its own resolution, to square pictures (N,N,3) of any sizes."""
        import torch
        from PIL import Image

        loaded = self._loaded
        side = max(len(square) for square in squares)
        images = [
            Image.fromarray(square).resize((side, side), Image.Resampling.BICUBIC) for square in squares
        ]
        inputs = loaded.processor(images=images, return_tensors="pt")
        pixels = inputs["pixel_values"].to(loaded.device, loaded.dtype)
        with torch.inference_mode():
            outputs = loaded.network(pixel_values=pixels)
            # The processor knows what else a model gives (padding of ZoeDepth, focal length of DepthPro).
            answers = loaded.processor.post_process_depth_estimation(outputs)
        return [
            answer["predicted_depth"].float().cpu().numpy().reshape(_square(answer)) for answer in answers
        ]

    def _map(self, picture: Cutout, crop: "_Crop", answer: F32) -> DepthMap:
        """One answer as a DepthMap of the picture's size."""
        import cv2

        valid: Bool = picture.alpha >= 128
        finite = np.isfinite(answer)
        if not finite.any():
            raise StageFailed(
                f"depth model {self.weights.name} answered with nothing finite; try the device cpu or another model"
            )
        answer = np.where(finite, answer, answer[finite].mean()).astype(np.float32)
        grown = cv2.resize(answer, (crop.side, crop.side), interpolation=cv2.INTER_CUBIC)
        grown = np.clip(grown, answer.min(), answer.max())  # cubic enlargement overshoots at jumps
        front = np.zeros(valid.shape, np.float32)
        height, width = valid.shape
        top, left = max(0, crop.top), max(0, crop.left)
        bottom, right = min(height, crop.top + crop.side), min(width, crop.left + crop.side)
        front[top:bottom, left:right] = grown[
            top - crop.top : bottom - crop.top, left - crop.left : right - crop.left
        ]
        front = _drop_rim(front, valid, reach_px=crop.side / len(answer))
        return DepthMap(
            front=front,
            valid=valid.copy(),
            camera=Camera.pinhole(picture.width_px, picture.height_px, self.options.fov_deg),
            kind=self._loaded.kind,
            back_source=Source.MIRRORED,
            model=self._loaded.info,
        )


def kind_of(config: Any) -> DepthKind:
    """What the numbers of a transformers depth model with this configuration mean (BadInput where
    unknown)."""
    family = str(getattr(config, "model_type", ""))
    if family in ("depth_anything", "prompt_depth_anything"):
        metric = getattr(config, "depth_estimation_type", "relative") == "metric"
        return DepthKind.METRIC if metric else DepthKind.AFFINE_DISPARITY
    if family == "dpt":
        # MiDaS' DPT gives disparity; DPT heads on DINOv2 were trained on the metres of NYU and KITTI.
        backbone = getattr(getattr(config, "backbone_config", None), "model_type", "")
        return DepthKind.METRIC if backbone == "dinov2" else DepthKind.AFFINE_DISPARITY
    if family in ("zoedepth", "depth_pro", "glpn"):
        return DepthKind.METRIC
    raise BadInput(
        f"depth model of type '{family or 'unknown'}' cannot be used; "
        "give a Depth Anything, DPT, ZoeDepth, DepthPro or GLPN model"
    )


# --------------------------------------------------------------------------------------------------- loading


def _load(weights: download.Weights, device: str) -> _Loaded:
    """Processor and network from a folder, on the device, ready to predict."""
    folder = weights.folder
    broken = (
        f"the weights of {weights.name} in {folder} are damaged or incomplete; "
        "delete that folder and fetch them again with slipcast models pull"
    )
    try:
        family = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise MissingWeights(broken) from None
    if not isinstance(family, dict):
        raise MissingWeights(broken)
    if not (folder / "model.safetensors").is_file():
        raise MissingWeights(
            f"{folder} has no model.safetensors; other weight files can run code and are not loaded: "
            "give a model in safetensors format"
        )

    import torch
    from safetensors import SafetensorError
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation
    from transformers.utils import logging

    chosen = device_of(device)
    dtype = torch.float32
    if chosen == "cuda":
        dtype = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    spoken = logging.get_verbosity()
    bars = logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            processor = AutoImageProcessor.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False, backend="pil"
            )
            network, report = AutoModelForDepthEstimation.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=dtype,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError):
        raise MissingWeights(broken) from None
    finally:
        logging.set_verbosity(spoken)
        if bars:
            logging.enable_progress_bar()
    if report["missing_keys"] or report.get("mismatched_keys"):
        raise MissingWeights(broken)  # transformers would fill the gaps with noise
    kind = kind_of(network.config)
    info = ModelInfo(
        name=weights.name,
        sha256=download.sha256_of(folder / "model.safetensors"),
        licence=weights.licence,
    )
    return _Loaded(processor, network.to(chosen).eval(), chosen, dtype, kind, info)


# ---------------------------------------------------------------------------------------------- in and out


class _Crop(NamedTuple):
    pixels: U8
    """(side,side,3), the figurine on grey."""
    top: int
    """Row of the picture at which the square begins; may be negative."""
    left: int
    side: int


def _crop(picture: Cutout) -> _Crop:
    """The figurine's square with a margin, composited on grey."""
    mask = picture.alpha >= 128
    box = box_of(mask)
    side = max(32, math.ceil(max(box.height, box.width) * (1 + 2 * _MARGIN)))
    top = box.top + box.height // 2 - side // 2
    left = box.left + box.width // 2 - side // 2
    out = np.full((side, side, 3), _GREY, np.uint8)
    height, width = mask.shape
    part = np.s_[max(0, top) : min(height, top + side), max(0, left) : min(width, left + side)]
    weight = picture.alpha[part][..., None].astype(np.uint16)
    mixed = (picture.pixels[part].astype(np.uint16) * weight + _GREY * (255 - weight) + 127) // 255
    out[part[0].start - top : part[0].stop - top, part[1].start - left : part[1].stop - left] = mixed
    return _Crop(out, top, left, side)


def _square(answer: dict[str, Any]) -> tuple[int, int]:
    """The last two sizes of an answer, whose batch and channel sizes are one."""
    height, width = answer["predicted_depth"].shape[-2:]
    return int(height), int(width)


def _drop_rim(front: F32, valid: Bool, *, reach_px: float) -> F32:
    """Give the mask's outermost pixels, which saw the grey, the value of the nearest pixel further in."""
    import cv2

    inside = valid.astype(np.uint8)
    away = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 3)[1:-1, 1:-1]
    # A limb thinner than the reach keeps its own middle.
    deep = away >= min(max(1.0, reach_px), float(away.max()) / 2)
    ridge = (away >= cv2.dilate(away, np.ones((3, 3), np.uint8)) - 1e-3) & valid
    known = (deep & valid) | ridge
    _, labels = cv2.distanceTransformWithLabels(
        1 - known.astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    table = np.zeros(int(labels.max()) + 1, np.float32)
    table[labels[known]] = front[known]
    out: F32 = np.where(valid, table[labels], 0).astype(np.float32)
    return out
