"""Slipcast: a figurine picture in, a closed, textured 3D asset out.

    from slipcast import convert, write

    result = convert("knight.png", height_m=0.075, formats=("glb", "stl"))
    write(result, "out")

Names are loaded when they are first used: importing this package imports neither torch, transformers, open3d nor
google.genai.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from slipcast._version import __version__
    from slipcast.errors import (
        BadInput,
        DiskFull,
        MissingWeights,
        ProviderError,
        QualityGate,
        SlipcastError,
        StageFailed,
    )
    from slipcast.findings import Finding
    from slipcast.image.folder import read_picture
    from slipcast.pipeline import Recipe, Result, convert, make
    from slipcast.store import write
    from slipcast.values import (
        Camera,
        DepthMap,
        Export,
        Figurine,
        Mesh,
        Picture,
        PointCloud,
        Prompt,
        Source,
        View,
    )

_PLACES = {
    "__version__": "slipcast._version",
    "BadInput": "slipcast.errors",
    "Camera": "slipcast.values",
    "DepthMap": "slipcast.values",
    "DiskFull": "slipcast.errors",
    "Export": "slipcast.values",
    "Figurine": "slipcast.values",
    "Finding": "slipcast.findings",
    "Mesh": "slipcast.values",
    "MissingWeights": "slipcast.errors",
    "Picture": "slipcast.values",
    "PointCloud": "slipcast.values",
    "Prompt": "slipcast.values",
    "ProviderError": "slipcast.errors",
    "QualityGate": "slipcast.errors",
    "Recipe": "slipcast.pipeline",
    "Result": "slipcast.pipeline",
    "SlipcastError": "slipcast.errors",
    "Source": "slipcast.values",
    "StageFailed": "slipcast.errors",
    "View": "slipcast.values",
    "convert": "slipcast.pipeline",
    "make": "slipcast.pipeline",
    "read_picture": "slipcast.image.folder",
    "write": "slipcast.store",
}

__all__ = [
    "BadInput",
    "Camera",
    "DepthMap",
    "DiskFull",
    "Export",
    "Figurine",
    "Finding",
    "Mesh",
    "MissingWeights",
    "Picture",
    "PointCloud",
    "Prompt",
    "ProviderError",
    "QualityGate",
    "Recipe",
    "Result",
    "SlipcastError",
    "Source",
    "StageFailed",
    "View",
    "__version__",
    "convert",
    "make",
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
