"""Cutout -> DepthMap: which model is asked, and the table of those there are.

A model is a file here with a class, its options and `predict(picture) -> DepthMap`, and one
row in DEPTH_MODELS. Importing this package imports no model; the row's class is loaded when its name is
asked for.
"""

import copy
import importlib
import importlib.util
import threading
from dataclasses import dataclass, fields, replace
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self

from slipcast.core.errors import BadInput, MissingWeights
from slipcast.core.findings import finding
from slipcast.core.options import FOV, check, choice, text
from slipcast.core.paths import models_dir
from slipcast.core.values import LENS_FOV_DEG, Cutout, DepthMap
from slipcast.depth.device import DEVICES


class DepthModel(Protocol):
    """What every depth model can do."""

    def predict(self, picture: Cutout) -> DepthMap:
        """Depth of one picture with alpha."""
        ...


class Row(NamedTuple):
    """One depth model of the table."""

    load: str
    """`module:Class`; the module also holds its options: `Dome` has `DomeOptions`, `FigurineModel` has
    `FigurineOptions`."""
    about: str
    """One sentence for `slipcast models`."""
    licence: str
    """SPDX id of the weights, or of the code where there are none."""
    needs_weights: bool
    """Whether it works only with files that may be absent."""


DEPTH_MODELS: dict[str, Row] = {
    "figurine": Row(
        "slipcast.depth.figurine.model:FigurineModel",
        "the bundled network: front and back of figurines, small and offline",
        "Apache-2.0",
        True,
    ),
    "depth-anything": Row(
        "slipcast.depth.depth_anything:DepthAnything",
        "Depth Anything V2 Small: fine relief of the seen side; fetch it once with slipcast models pull",
        "Apache-2.0",
        True,
    ),
    "dome": Row(
        "slipcast.depth.dome:Dome",
        "no network: the silhouette inflated like a balloon, with the picture's shading as relief",
        "Apache-2.0",
        False,
    ),
}

AUTO = "auto"
_NO_TORCH = "the depth model {} needs torch and transformers; run: pip install slipcast[depth]"


@dataclass(frozen=True, kw_only=True)
class DepthOptions:
    """Which depth model is asked, and how.

    >>> DepthOptions(device="gpu")
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: device is 'gpu'; give one of auto, cpu, cuda, mps
    """

    model: str = AUTO
    """`auto`, a name of DEPTH_MODELS, a hub id (`org/name`) or a folder in transformers' format."""
    device: str = "auto"
    """`auto` (cuda, else mps, else cpu), `cpu`, `cuda` or `mps`."""
    fov_deg: float = LENS_FOV_DEG
    """Vertical field of view of the picture; the default is an 85 mm portrait lens."""

    def __post_init__(self) -> None:
        check(
            self,
            model=text(example="figurine"),
            device=choice(DEVICES),
            fov_deg=FOV,
        )
        if not _is_known(self.model):
            raise _say_unknown(self.model)


class DepthModels:
    """Depth models that are open: each is loaded when it is first asked, and let go by `close`.

    One for each name and device; the field of view is the call's. May be asked from several threads.

    >>> with DepthModels() as models:
    ...     models.load(DepthOptions(model="dome"))
    """

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], DepthModel] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the models; they are loaded anew when they are asked again."""
        with self._lock:
            self._open.clear()

    def load(self, options: DepthOptions) -> None:
        """Load what `predict` will ask with these `options`, which then finds it ready; raises the same errors."""
        for name in choose(options.model)[0]:
            self._get(name, options)

    def predict(self, picture: Cutout, options: DepthOptions) -> DepthMap:
        """Ask the model that `options` name for the depth of `picture`; see `predict_depth`."""
        chosen, reason = choose(options.model)
        maps = [self._get(name, options).predict(picture) for name in chosen]
        depth = maps[0]
        if len(maps) == 2:
            from slipcast.depth.fuse import fuse

            depth = fuse(maps[0], maps[1])
        said = finding("DEPTH_MODEL", {"model": depth.model.name, "reason": reason})
        return replace(depth, findings=(said, *depth.findings))

    def _get(self, name: str, options: DepthOptions) -> DepthModel:
        with self._lock:
            model = self._open.get((name, options.device))
            if model is None:
                model = self._open[name, options.device] = _load_model(name, options)
        return _aim(model, options.fov_deg)


def predict_depth(picture: Cutout, options: DepthOptions | None = None) -> DepthMap:
    """Ask the model that `options` name for the depth of `picture`; it is loaded for this call.

    The finding DEPTH_MODEL says which model it was and why. Nothing is ever fetched here.

    Raises BadInput for an unknown name, MissingWeights for a model that is not on this machine.
    """
    with DepthModels() as models:
        return models.predict(picture, options or DepthOptions())


def choose(model: str) -> tuple[tuple[str, ...], str]:
    """The models that `model` stands for, the one that leads first, and the reason; no network, nothing
    heavy.

    Raises BadInput for an unknown name and MissingWeights for one whose weights are absent.
    """
    if model == AUTO:
        own, other = has_weights("figurine"), has_weights("depth-anything")
        if own and other:
            return ("figurine", "depth-anything"), "both are on this machine; the second adds the fine relief"
        if other:
            return ("depth-anything",), "its weights are on this machine"
        if own:
            reason = "it comes with Slipcast; slipcast models pull depth-anything adds finer relief"
            return ("figurine",), reason
        return (
            "dome",
        ), "no depth model's weights are on this machine; slipcast models pull depth-anything helps"
    from slipcast.depth import download  # and with it all that speaks HTTP

    if model in DEPTH_MODELS or model in download.manifest():
        if model not in ("figurine", "dome") and not has_torch():
            raise BadInput(_NO_TORCH.format(model))
        if not has_weights(model):
            raise _say_missing(model)
        return (model,), "it was asked for"
    if download.looks_like_model(model):
        if not has_torch():
            raise BadInput(_NO_TORCH.format(model))
        if download.find(model) is None:
            raise download.missing(model)
        return (model,), "it was asked for"
    raise _say_unknown(model)


def _is_known(model: str) -> bool:
    """Whether it is a name of ours, or could be a folder or a hub id."""
    if model == AUTO or model in DEPTH_MODELS:
        return True
    from slipcast.depth import download

    return model in download.manifest() or download.looks_like_model(model)


def _say_unknown(model: str) -> BadInput:
    from slipcast.depth import download

    known = ", ".join((AUTO, *sorted({*DEPTH_MODELS, *download.manifest()})))
    return BadInput(f"model is {model!r}; give one of {known}, a folder, or a hub id org/name", field="model")


def has_weights(model: str) -> bool:
    """Whether the model of this name can predict on this machine as it is."""
    row = DEPTH_MODELS.get(model)
    if row is not None and not row.needs_weights:
        return True
    if model == "figurine":
        return any((models_dir() / "figurine").glob("*.onnx"))
    if not has_torch():
        return False
    from slipcast.depth import download

    return download.find(model) is not None


def has_torch() -> bool:
    """Whether the extra `depth` is installed, without importing it."""
    return all(importlib.util.find_spec(name) is not None for name in ("torch", "transformers"))


def _say_missing(model: str) -> MissingWeights:
    if model == "figurine":
        return MissingWeights(
            f"the bundled weights of figurine are not in {models_dir() / 'figurine'}; "
            "install Slipcast again, or use the model dome"
        )
    from slipcast.depth import download

    return download.missing(model)


def _load_model(name: str, options: DepthOptions) -> DepthModel:
    """The model of this name, ready."""
    row = DEPTH_MODELS.get(name, DEPTH_MODELS["depth-anything"])
    module, _, kind = row.load.partition(":")
    loaded = importlib.import_module(module)
    own = getattr(loaded, f"{kind.removesuffix('Model')}Options")
    # A model takes of the common options those that it has.
    common = {"model": name, "device": options.device, "fov_deg": options.fov_deg}
    taken = {entry.name: common[entry.name] for entry in fields(own) if entry.name in common}
    made: DepthModel = getattr(loaded, kind)(own(**taken))
    return made


def _aim(model: DepthModel, fov_deg: float) -> DepthModel:
    """The same open model for pictures of another field of view; its network is shared."""
    options: Any = getattr(model, "options", None)
    if options is None or options.fov_deg == fov_deg:
        return model
    aimed: Any = copy.copy(model)
    aimed.options = replace(options, fov_deg=fov_deg)
    made: DepthModel = aimed
    return made
