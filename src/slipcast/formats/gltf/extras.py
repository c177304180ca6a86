"""What of a figurine's provenance stands on scene, node, mesh and material, for programs that drop the asset's extras.

Blender 5.0 keeps extras of these four as custom properties and drops those of the asset. Lists of one type and nested
objects survive there; null, lists of several types and integers beyond 32 bits come back as text, so none is written.
"""

from collections.abc import Mapping

from slipcast.core.values import Figurine

KEY = "slipcast"
_KEYS = (
    "generator",
    "name",
    "picture",
    "depth_model",
    "height_mm",
    "box_mm",
    "unit",
    "axes",
    "pivot",
    "closed",
    "volume_mm3",
    "surface_share",
    "lods",
    "collision",
)
"""The rest (options, findings) stands in the asset's extras alone: one copy of it is enough."""
_LARGEST = 2**31 - 1
_DEEPEST = 8


def summarize(figurine: Figurine) -> dict[str, object]:
    """Return the provenance's main entries, in types that every program keeps."""
    chosen = {key: figurine.provenance[key] for key in _KEYS if key in figurine.provenance}
    kept = _plain({"name": figurine.name, **chosen}, _DEEPEST)
    return kept if isinstance(kept, dict) else {}


def _plain(value: object, depth: int) -> object:
    """`value` without null, mixed lists and large integers; None for what cannot be told."""
    if isinstance(value, Mapping):
        if depth <= 0:
            return None
        entries = {str(key): _plain(entry, depth - 1) for key, entry in value.items()}
        return {key: entry for key, entry in entries.items() if entry is not None} or None
    if isinstance(value, list | tuple):
        return _plain_list(list(value), depth)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _LARGEST:
        return str(value)
    return value if isinstance(value, str | int | float | bool) else None


def _plain_list(values: list[object], depth: int) -> object:
    """A list of one type; of objects or several types an object with the places as keys."""
    if not values:
        return None
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(values):
        whole = all(isinstance(value, int) and abs(value) <= _LARGEST for value in numbers)
        return numbers if whole else [float(value) for value in numbers]
    if all(isinstance(value, str) for value in values):
        return {str(place): value for place, value in enumerate(values)}
    return _plain({str(place): value for place, value in enumerate(values)}, depth - 1)
