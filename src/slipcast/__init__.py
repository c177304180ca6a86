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
    from slipcast.core.errors import (
        BadInput,
        DiskFull,
        MissingWeights,
        ProviderError,
        QualityGate,
        SlipcastError,
        StageFailed,
    )
    from slipcast.core.findings import Finding
    from slipcast.core.values import (
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
    from slipcast.picture.decode import read_picture
    from slipcast.pipeline.run import Recipe, Result, convert, make
    from slipcast.workspace.files import write

_PLACES = {
    "__version__": "slipcast._version",
    "BadInput": "slipcast.core.errors",
    "Camera": "slipcast.core.values",
    "DepthMap": "slipcast.core.values",
    "DiskFull": "slipcast.core.errors",
    "Export": "slipcast.core.values",
    "Figurine": "slipcast.core.values",
    "Finding": "slipcast.core.findings",
    "Mesh": "slipcast.core.values",
    "MissingWeights": "slipcast.core.errors",
    "Picture": "slipcast.core.values",
    "PointCloud": "slipcast.core.values",
    "Prompt": "slipcast.core.values",
    "ProviderError": "slipcast.core.errors",
    "QualityGate": "slipcast.core.errors",
    "Recipe": "slipcast.pipeline.run",
    "Result": "slipcast.pipeline.run",
    "SlipcastError": "slipcast.core.errors",
    "Source": "slipcast.core.values",
    "StageFailed": "slipcast.core.errors",
    "View": "slipcast.core.values",
    "convert": "slipcast.pipeline.run",
    "make": "slipcast.pipeline.run",
    "read_picture": "slipcast.picture.decode",
    "write": "slipcast.workspace.files",
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
