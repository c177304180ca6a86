"""scipy's packages, imported where they are first used: 0.36 s of CPU for the parts that a conversion needs.

A conversion needs none of them before its picture is cut out: meanwhile `load` imports them in a thread beside the
cutout's network, which computes without the interpreter. They are used like the packages themselves:

    from slipcast.core.scientific import ndimage

Rejected: importlib.util.LazyLoader, which is not safe where two threads use a module first; to keep scipy 1.17 from
parsing the docstrings of 270 functions while it is imported (0.09 of 0.33 s of CPU), by a private name of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

_PLACES = {
    "csgraph": "scipy.sparse.csgraph",
    "fft": "scipy.fft",
    "linalg": "scipy.sparse.linalg",
    "ndimage": "scipy.ndimage",
    "sparse": "scipy.sparse",
    "spatial": "scipy.spatial",
}


class _Package:
    """Stands for a package until one of its names is asked for."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __getattr__(self, key: str) -> Any:
        value = getattr(import_module(self._place), key)
        setattr(self, key, value)
        return value


if TYPE_CHECKING:
    from scipy import fft, ndimage, sparse, spatial
    from scipy.sparse import csgraph, linalg
else:
    csgraph, fft, linalg, ndimage, sparse, spatial = (_Package(place) for place in _PLACES.values())

__all__ = ["csgraph", "fft", "linalg", "load", "ndimage", "sparse", "spatial"]


def load() -> None:
    """Import them all now."""
    for place in _PLACES.values():
        import_module(place)
