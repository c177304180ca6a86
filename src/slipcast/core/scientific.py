"""scipy's packages, imported where they are first used: 0.36 s of CPU for the parts that a conversion needs.

A conversion needs none of them before its picture is cut out: meanwhile `load` imports them in a thread beside the
cutout's network, which computes without the interpreter. They are used like the packages themselves:

    from slipcast.core.scientific import ndimage

scipy 1.17 asks numpy for all its names when it is imported, and so imports numpy's compiler of Fortran and its test
tools, which nobody here uses. They are put off until somebody asks them for something (importlib.util.LazyLoader): 0.97
s of CPU for numpy and scipy became 0.74, medians of eight in turn, on a crowded machine where all takes twice as long.
It also parses the docstrings of 270 functions while it is imported, to add a note to each: in a process that is ours
`leave_out_docs` spares that: 0.68 became 0.54 there.

Rejected: LazyLoader for scipy itself, which is not safe where two threads use a module first.
"""

import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from typing import TYPE_CHECKING, Any

_PLACES = {
    "csgraph": "scipy.sparse.csgraph",
    "fft": "scipy.fft",
    "linalg": "scipy.sparse.linalg",
    "ndimage": "scipy.ndimage",
    "sparse": "scipy.sparse",
    "spatial": "scipy.spatial",
}
_RARE = {"hierarchy": "scipy.cluster.hierarchy"}
"""What a conversion does not need: `load` leaves it."""
_UNUSED = ("f2py", "testing")
"""Of numpy, and never used here."""


def _put_off(name: str) -> None:
    """Let numpy's module `name` be imported when one of its names is asked for."""
    place = f"numpy.{name}"
    spec = None if place in sys.modules else find_spec(place)
    if spec is None or spec.loader is None:
        return
    spec.loader = LazyLoader(spec.loader)
    sys.modules[place] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    setattr(import_module("numpy"), name, module)


class _Package:
    """Stands for a package until one of its names is asked for."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __getattr__(self, key: str) -> Any:
        _put_off_what_is_unused()
        value = getattr(import_module(self._place), key)
        setattr(self, key, value)
        return value


if TYPE_CHECKING:
    from scipy import fft, ndimage, sparse, spatial
    from scipy.cluster import hierarchy
    from scipy.sparse import csgraph, linalg
else:
    csgraph, fft, linalg, ndimage, sparse, spatial = (_Package(place) for place in _PLACES.values())
    hierarchy = _Package(_RARE["hierarchy"])

__all__ = ["csgraph", "fft", "hierarchy", "leave_out_docs", "linalg", "load", "ndimage", "sparse", "spatial"]
_DOCS = "scipy._lib._docscrape"


class _NoDocs:
    """Stands for scipy's parser of docstrings while scipy is imported."""

    def __init__(self, _: object) -> None:
        pass

    def __getitem__(self, _: str) -> list[str]:
        return []

    def __str__(self) -> str:
        return "\n"


_without_docs = False


def leave_out_docs() -> None:
    """Let scipy be imported without some of its docstrings; for a process that is ours, where nobody reads them."""
    global _without_docs
    _without_docs = True


@cache
def _put_off_what_is_unused() -> None:
    """Before scipy is imported for the first time."""
    for name in _UNUSED:
        _put_off(name)
    if _without_docs and _DOCS not in sys.modules:
        with suppress(ImportError):  # the name is private to scipy: without it docstrings are parsed
            docs = import_module(_DOCS)
            if hasattr(docs, "FunctionDoc"):
                vars(docs)["FunctionDoc"] = _NoDocs


def load() -> None:
    """Import all now that a conversion needs."""
    _put_off_what_is_unused()
    for place in _PLACES.values():
        import_module(place)
