"""Meshes that stand beside a figurine for an engine alone: lower levels of detail and collision bodies, by their names.

Each engine tells them by a name that leads back to the mesh they serve: Unreal `UCX_mesh_01`, Unity `mesh_LOD1` and
our `mesh_Collider1`, Godot `mesh-convcolonly`. A name that leads nowhere is called so by chance and stays, except
Godot's, which is an order by itself; so does a file's only mesh. Godot's `-col` and `-convcol` are meshes that show.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from slipcast.core.findings import Finding, finding

_ORDER = re.compile(r"[-$_](?:conv)?colonly[\d_ ]*$", re.IGNORECASE)
_BODY = re.compile(
    r"^(?:UCX|UBX|USP|UCP)_(?P<whole>(?P<stem>.+?)(?:_\d+)?)$|^(?P<other>.+)_Collider\d*$", re.IGNORECASE
)
_LEVEL = re.compile(r"^(?P<stem>.+)_LOD(?P<number>\d+)$", re.IGNORECASE)
_COPY = re.compile(r"\.\d{3}$")
"""What Blender puts behind a name that it has already."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Helpers:
    """What among a file's meshes is no figurine; both are places in the list of names."""

    levels: frozenset[int] = frozenset()
    bodies: frozenset[int] = frozenset()

    def tell(self, names: Sequence[str], levels: Sequence[str] = ()) -> tuple[Finding, ...]:
        """The findings that name what is left out; `levels` are those that the file itself calls so."""
        lower = [*levels, *(names[k] for k in sorted(self.levels))]
        bodies = [names[k] for k in sorted(self.bodies)]
        return _tell("LODS_DROPPED", lower) + _tell("COLLISION_DROPPED", bodies)


def find_helpers(names: Sequence[str]) -> Helpers:
    """Return which of a file's meshes are levels or bodies of others, by their names; none where no other would stay.

    >>> find_helpers(["owl_LOD0", "owl_LOD1", "UCX_owl_LOD0_01"])
    Helpers(levels=frozenset({1}), bodies=frozenset({2}))
    >>> find_helpers(["UCX_owl"])
    Helpers(levels=frozenset(), bodies=frozenset())
    """
    plain = [_COPY.sub("", name) for name in names]
    known = {name.lower() for name in plain}
    bodies = frozenset(k for k, name in enumerate(plain) if _is_body(name, known))
    finest: dict[str, int] = {}
    numbers = []
    for k, name in enumerate(plain):
        match = _LEVEL.match(name)
        stem, number = (match["stem"], int(match["number"][:9])) if match else (name, 0)
        numbers.append((stem.lower(), number))
        if k not in bodies:
            finest[stem.lower()] = min(number, finest.get(stem.lower(), number))
    levels = frozenset(
        k for k, (stem, number) in enumerate(numbers) if k not in bodies and number > finest[stem]
    )
    return Helpers(levels, bodies) if len(bodies) + len(levels) < len(names) else Helpers()


def _is_body(name: str, known: set[str]) -> bool:
    if _ORDER.search(name):
        return True
    match = _BODY.match(name)
    return match is not None and any(
        match[group] and match[group].lower() in known for group in ("whole", "stem", "other")
    )


def _tell(code: str, names: Sequence[str]) -> tuple[Finding, ...]:
    told = list(dict.fromkeys(name[:80] for name in names))
    more = [f"{len(told) - _MOST_NAMED} more"] if len(told) > _MOST_NAMED else []
    what = ", ".join([*told[:_MOST_NAMED], *more])
    return (finding(code, {"what": what}),) if told else ()
