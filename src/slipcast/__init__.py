"""Slipcast: a figurine picture in, a closed, textured 3D asset out.

    import slipcast

    result = slipcast.convert("knight.png", height_m=0.032, formats=("glb", "stl"))
    result.save("out")

    with slipcast.Workshop(depth="figurine") as shop:  # loads the models once
        for done in shop.convert_many(paths, workers=4):
            done.save("out")

Names are loaded when they are first used: importing this package imports neither torch, transformers, open3d nor
google.genai.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipcast._version import __version__
    from slipcast.checks.gates import Gate
    from slipcast.core.errors import (
        BadAnswer,
        BadInput,
        DiskFull,
        MissingWeights,
        NoFigurine,
        PictureRefused,
        ProviderError,
        ProviderTimeout,
        QualityGate,
        QuotaExceeded,
        SlipcastError,
        StageFailed,
    )
    from slipcast.core.findings import Finding
    from slipcast.core.values import (
        Camera,
        Cutout,
        CutoutFacts,
        DepthMap,
        Export,
        Figurine,
        Material,
        Mesh,
        Picture,
        PointCloud,
        Shells,
        Source,
        View,
    )
    from slipcast.depth.calibrate import CalibrateOptions
    from slipcast.depth.depth_anything import DepthAnythingOptions
    from slipcast.depth.dome import DomeOptions
    from slipcast.depth.figurine.model import FigurineOptions
    from slipcast.depth.fuse import FuseOptions
    from slipcast.depth.models import DepthOptions
    from slipcast.depth.place import PlaceOptions
    from slipcast.formats.gltf.read_figurine import read_figurine
    from slipcast.formats.table import EXPORTERS, ExportOptions, Naming
    from slipcast.generate.ask import PictureOptions
    from slipcast.generate.cascade import CascadeOptions
    from slipcast.generate.money.ledger import Budget
    from slipcast.generate.prompt import FigurineSpec, Shot
    from slipcast.generate.prompt_checks import PromptLimits
    from slipcast.generate.providers.gemini.provider import GeminiOptions
    from slipcast.generate.request import Reference, Secret
    from slipcast.generate.results import GenerateOptions
    from slipcast.generate.stock.cache import CacheOptions
    from slipcast.generate.traffic.breaker import BreakerOptions
    from slipcast.generate.traffic.limits import LimitOptions
    from slipcast.generate.traffic.retry import RetryOptions
    from slipcast.generate.turnaround import SidesOptions
    from slipcast.jobs.failure import Failure
    from slipcast.jobs.many import Converted
    from slipcast.jobs.workshop import Workshop, convert, make
    from slipcast.picture.cut_out import CutoutOptions
    from slipcast.picture.decode import read_picture
    from slipcast.pipeline.preview import PreviewOptions
    from slipcast.pipeline.recipe import Recipe
    from slipcast.pipeline.result import LightResult, Result
    from slipcast.pipeline.run import Start
    from slipcast.prepare.base import BaseOptions, MagnetOptions
    from slipcast.prepare.collision import CollisionOptions
    from slipcast.prepare.engine import EngineOptions
    from slipcast.prepare.hollow import HollowOptions
    from slipcast.prepare.lods import LodOptions
    from slipcast.prepare.paint import PaintOptions
    from slipcast.prepare.print import Print, PrintOptions, print_figurine
    from slipcast.prepare.targets import TARGETS
    from slipcast.prepare.topology import TopologyOptions
    from slipcast.reconstruct.points import PointOptions
    from slipcast.reconstruct.reconstruct import SurfaceOptions
    from slipcast.reconstruct.simplify import SimplifyOptions
    from slipcast.texture.occlusion import OcclusionOptions
    from slipcast.texture.paint import TextureOptions
    from slipcast.workspace.files import write

_PLACES = {
    "BadAnswer": "slipcast.core.errors",
    "BadInput": "slipcast.core.errors",
    "BaseOptions": "slipcast.prepare.base",
    "BreakerOptions": "slipcast.generate.traffic.breaker",
    "Budget": "slipcast.generate.money.ledger",
    "CacheOptions": "slipcast.generate.stock.cache",
    "CalibrateOptions": "slipcast.depth.calibrate",
    "Camera": "slipcast.core.values",
    "CascadeOptions": "slipcast.generate.cascade",
    "CollisionOptions": "slipcast.prepare.collision",
    "Converted": "slipcast.jobs.many",
    "Cutout": "slipcast.core.values",
    "CutoutFacts": "slipcast.core.values",
    "CutoutOptions": "slipcast.picture.cut_out",
    "DepthAnythingOptions": "slipcast.depth.depth_anything",
    "DepthMap": "slipcast.core.values",
    "DepthOptions": "slipcast.depth.models",
    "DiskFull": "slipcast.core.errors",
    "DomeOptions": "slipcast.depth.dome",
    "EXPORTERS": "slipcast.formats.table",
    "EngineOptions": "slipcast.prepare.engine",
    "Export": "slipcast.core.values",
    "ExportOptions": "slipcast.formats.table",
    "Failure": "slipcast.jobs.failure",
    "Figurine": "slipcast.core.values",
    "FigurineOptions": "slipcast.depth.figurine.model",
    "FigurineSpec": "slipcast.generate.prompt",
    "Finding": "slipcast.core.findings",
    "FuseOptions": "slipcast.depth.fuse",
    "Gate": "slipcast.checks.gates",
    "GeminiOptions": "slipcast.generate.providers.gemini.provider",
    "GenerateOptions": "slipcast.generate.results",
    "HollowOptions": "slipcast.prepare.hollow",
    "LightResult": "slipcast.pipeline.result",
    "LimitOptions": "slipcast.generate.traffic.limits",
    "LodOptions": "slipcast.prepare.lods",
    "MagnetOptions": "slipcast.prepare.base",
    "Material": "slipcast.core.values",
    "Mesh": "slipcast.core.values",
    "MissingWeights": "slipcast.core.errors",
    "Naming": "slipcast.formats.table",
    "NoFigurine": "slipcast.core.errors",
    "OcclusionOptions": "slipcast.texture.occlusion",
    "PaintOptions": "slipcast.prepare.paint",
    "Picture": "slipcast.core.values",
    "PictureOptions": "slipcast.generate.ask",
    "PictureRefused": "slipcast.core.errors",
    "PlaceOptions": "slipcast.depth.place",
    "PointCloud": "slipcast.core.values",
    "PointOptions": "slipcast.reconstruct.points",
    "PreviewOptions": "slipcast.pipeline.preview",
    "Print": "slipcast.prepare.print",
    "PrintOptions": "slipcast.prepare.print",
    "PromptLimits": "slipcast.generate.prompt_checks",
    "ProviderError": "slipcast.core.errors",
    "ProviderTimeout": "slipcast.core.errors",
    "QualityGate": "slipcast.core.errors",
    "QuotaExceeded": "slipcast.core.errors",
    "Recipe": "slipcast.pipeline.recipe",
    "Reference": "slipcast.generate.request",
    "Result": "slipcast.pipeline.result",
    "RetryOptions": "slipcast.generate.traffic.retry",
    "Secret": "slipcast.generate.request",
    "Shells": "slipcast.core.values",
    "Shot": "slipcast.generate.prompt",
    "SidesOptions": "slipcast.generate.turnaround",
    "SimplifyOptions": "slipcast.reconstruct.simplify",
    "SlipcastError": "slipcast.core.errors",
    "Source": "slipcast.core.values",
    "StageFailed": "slipcast.core.errors",
    "Start": "slipcast.pipeline.run",
    "SurfaceOptions": "slipcast.reconstruct.reconstruct",
    "TARGETS": "slipcast.prepare.targets",
    "TextureOptions": "slipcast.texture.paint",
    "TopologyOptions": "slipcast.prepare.topology",
    "View": "slipcast.core.values",
    "Workshop": "slipcast.jobs.workshop",
    "__version__": "slipcast._version",
    "convert": "slipcast.jobs.workshop",
    "make": "slipcast.jobs.workshop",
    "print_figurine": "slipcast.prepare.print",
    "read_figurine": "slipcast.formats.gltf.read_figurine",
    "read_picture": "slipcast.picture.decode",
    "write": "slipcast.workspace.files",
}

__all__ = [
    "EXPORTERS",
    "TARGETS",
    "BadAnswer",
    "BadInput",
    "BaseOptions",
    "BreakerOptions",
    "Budget",
    "CacheOptions",
    "CalibrateOptions",
    "Camera",
    "CascadeOptions",
    "CollisionOptions",
    "Converted",
    "Cutout",
    "CutoutFacts",
    "CutoutOptions",
    "DepthAnythingOptions",
    "DepthMap",
    "DepthOptions",
    "DiskFull",
    "DomeOptions",
    "EngineOptions",
    "Export",
    "ExportOptions",
    "Failure",
    "Figurine",
    "FigurineOptions",
    "FigurineSpec",
    "Finding",
    "FuseOptions",
    "Gate",
    "GeminiOptions",
    "GenerateOptions",
    "HollowOptions",
    "LightResult",
    "LimitOptions",
    "LodOptions",
    "MagnetOptions",
    "Material",
    "Mesh",
    "MissingWeights",
    "Naming",
    "NoFigurine",
    "OcclusionOptions",
    "PaintOptions",
    "Picture",
    "PictureOptions",
    "PictureRefused",
    "PlaceOptions",
    "PointCloud",
    "PointOptions",
    "PreviewOptions",
    "Print",
    "PrintOptions",
    "PromptLimits",
    "ProviderError",
    "ProviderTimeout",
    "QualityGate",
    "QuotaExceeded",
    "Recipe",
    "Reference",
    "Result",
    "RetryOptions",
    "Secret",
    "Shells",
    "Shot",
    "SidesOptions",
    "SimplifyOptions",
    "SlipcastError",
    "Source",
    "StageFailed",
    "Start",
    "SurfaceOptions",
    "TextureOptions",
    "TopologyOptions",
    "View",
    "Workshop",
    "__version__",
    "convert",
    "make",
    "print_figurine",
    "read_figurine",
    "read_picture",
    "write",
]


def __getattr__(name: str) -> object:
    """Load a public name from its module."""
    if name not in _PLACES:
        raise AttributeError(f"module 'slipcast' has no attribute {name!r}")
    value: object = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
