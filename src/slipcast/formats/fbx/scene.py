"""FBX's scene -> where each geometry stands: node transforms, parents, axes.

A node's transform is T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1 (translation, rotation offset and pivot, the
rotations before, of and after the joint, scaling offset and pivot), applied to column vectors; the geometric
transform moves the node's own geometry and not its children. How a child takes its parent's scaling over is the
node's InheritType: 1 by matrix, 0 component by component, 2 not at all.

Sources: Autodesk's FBX SDK help («Computing transformation matrices»); where it leaves a choice, ufbx 0.0.5 was asked
(Blender 5 and Godot 4 read FBX with it): a rotation before the joint counts whatever RotationActive says, and an
absent InheritType is 1.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slipcast.core.values import F64
from slipcast.formats.fbx.read_nodes import Element, broken

_ORDERS = ("xyz", "xzy", "yzx", "yxz", "zxy", "zyx", "xyz")
"""By number: which axis is turned about first; the last is `spheric`."""
_MAX_MODELS = 100_000

Settings = dict[str, tuple[object, ...]]


@dataclass(frozen=True)
class Instance:
    """One geometry as one model shows it."""

    geometry: Element
    name: str
    world: F64
    """(4,4) world_from_geometry, in the file's axes and unit."""


@dataclass(frozen=True)
class _Placed:
    """A node's place: `world`, the same unscaled, and the scalings (3,): its own and what it took over."""

    world: F64
    unscaled: F64
    scaling: F64
    inherited: F64


def instances(path: Path, root: Element, objects: Element) -> list[Instance]:
    """Every geometry under every model that shows it; one that no model shows stands as it is.

    Raises BadInput for more models than a figurine can have, and for links that run in a circle.
    """
    models = {model.key(): model for model in objects.all("Model")}
    if len(models) > _MAX_MODELS:
        raise broken(path)
    geometries = {geometry.key(): geometry for geometry in objects.all("Geometry")}
    parent: dict[object, object] = {}
    shown: dict[object, list[object]] = {}
    for child, target, _ in links(root, "OO"):
        if child in models and target in models:
            parent.setdefault(child, target)
        elif child in geometries and target in models:
            shown.setdefault(target, []).append(child)
    template = _template(root)
    placed: dict[object, _Placed] = {}
    out = []
    for key, model in models.items():
        drawn = [geometries[entry] for entry in shown.get(key, [])]
        if model.find("Vertices") is not None:  # before version 7
            drawn.append(model)
        if not drawn:
            continue
        own = _place(path, key, models, parent, template, placed).world @ _geometric(
            template | model.settings()
        )
        out += [Instance(geometry, model.title(), own) for geometry in drawn]
    if not out:
        out = [Instance(entry, entry.title(), np.eye(4)) for entry in geometries.values()]
    return out


def axes(settings: Settings) -> tuple[F64, str]:
    """Return (3,3) ours_from_file and the axis that points up in ours, `y` or `z`.

    The usual Y up and Z up stay as they are; every other choice of axes is turned to Y up.
    """
    rows = np.zeros((3, 3))
    word = []
    for row, (name, default) in enumerate((("CoordAxis", 0), ("UpAxis", 1), ("FrontAxis", 2))):
        axis = _number(settings, name, default)
        sign = -1.0 if _number(settings, f"{name}Sign", 1) < 0 else 1.0
        if axis not in (0, 1, 2):
            return np.eye(3), "y"
        rows[row, int(axis)] = sign
        word.append((int(axis), sign))
    if word == [(0, 1.0), (2, 1.0), (1, -1.0)]:
        return np.eye(3), "z"
    # Two axes on one, or a left-handed file: what it says of front or right is no use.
    if abs(np.linalg.det(rows)) < 0.5 or np.linalg.det(rows) < 0:
        return (np.eye(3), "z") if word[1] == (2, 1.0) else (np.eye(3), "y")
    return rows, "y"


def links(root: Element, kind: str) -> list[tuple[object, object, str]]:
    """(child, parent, property) of the connections of a kind: `OO` between objects, `OP` to an object's property."""
    table = root.find("Connections") or Element("", [], [])
    out = []
    for entry in table.children:
        if entry.name in ("C", "Connect") and len(entry.properties) >= 3 and entry.text(0) == kind:
            out.append((entry.properties[1], entry.properties[2], entry.text(3)))
    return out


def _template(root: Element) -> Settings:
    """What a model's properties are where it does not say them."""
    for kind in (root.find("Definitions") or Element("", [], [])).all("ObjectType"):
        if kind.text() == "Model":
            return (kind.find("PropertyTemplate") or Element("", [], [])).settings()
    return {}


def _place(
    path: Path,
    key: object,
    models: dict[object, Element],
    parent: dict[object, object],
    template: Settings,
    placed: dict[object, _Placed],
) -> _Placed:
    """Where the model `key` stands, its parents first."""
    chain: list[object] = []
    at: object = key
    while at is not None and at not in placed:
        if len(chain) > len(models):
            raise broken(path)  # a circle
        chain.append(at)
        at = parent.get(at)
    for link in reversed(chain):
        above = placed.get(parent.get(link))
        placed[link] = _step(above, template | models[link].settings())
    return placed[key]


def _step(above: _Placed | None, settings: Settings) -> _Placed:
    """A node below `above`, by its InheritType."""
    local, turn, scaling = _local(settings)
    if above is None:
        above = _Placed(np.eye(4), np.eye(4), np.ones(3), np.ones(3))
    inherit = _number(settings, "InheritType", 1)
    unscaled = np.eye(4)
    unscaled[:3, 3] = above.world[:3, :3] @ local[:3, 3] + above.world[:3, 3]
    if inherit not in (0, 2):
        unscaled[:3, :3] = above.world[:3, :3] @ turn
        return _Placed(above.world @ local, unscaled, scaling, np.ones(3))
    inherited = above.inherited * (above.scaling if inherit == 0 else 1.0)
    unscaled[:3, :3] = above.unscaled[:3, :3] @ turn
    world = unscaled.copy()
    world[:3, :3] = unscaled[:3, :3] * (scaling * inherited)
    return _Placed(world, unscaled, scaling, inherited)


def _local(settings: Settings) -> tuple[F64, F64, F64]:
    """(4,4) parent_from_node by matrix, its rotation (3,3) and its scaling (3,)."""
    order = _number(settings, "RotationOrder", 0)
    turn = _rotation(_vector(settings, "PreRotation"))
    turn = turn @ _rotation(
        _vector(settings, "Lcl Rotation"), _ORDERS[int(order)] if 0 <= order <= 6 else "xyz"
    )
    turn = turn @ _rotation(_vector(settings, "PostRotation")).T
    scaling = _vector(settings, "Lcl Scaling", 1.0)
    pivot, scaling_pivot = _vector(settings, "RotationPivot"), _vector(settings, "ScalingPivot")
    inner = _vector(settings, "ScalingOffset") + scaling_pivot - scaling * scaling_pivot
    out = np.eye(4)
    out[:3, :3] = turn * scaling
    out[:3, 3] = (
        _vector(settings, "Lcl Translation")
        + _vector(settings, "RotationOffset")
        + pivot
        + turn @ (inner - pivot)
    )
    return out, turn, scaling


def _geometric(settings: Settings) -> F64:
    """(4,4) node_from_geometry."""
    out = np.eye(4)
    out[:3, :3] = _rotation(_vector(settings, "GeometricRotation")) * _vector(
        settings, "GeometricScaling", 1.0
    )
    out[:3, 3] = _vector(settings, "GeometricTranslation")
    return out


def _rotation(degrees: F64, order: str = "xyz") -> F64:
    """(3,3) rotation by Euler angles about fixed axes, the first of `order` first."""
    out = np.eye(3)
    for letter in order:
        axis = "xyz".index(letter)
        angle = np.radians(degrees[axis])
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[b, a], turn[a, b] = np.sin(angle), -np.sin(angle)
        out = turn @ out
    return out


def _vector(settings: Settings, name: str, default: float = 0.0) -> F64:
    """(3,) numbers of a property; `default` where they are none."""
    values = settings.get(name, ())[:3]
    if len(values) < 3 or not all(isinstance(value, int | float) for value in values):
        return np.full(3, default)
    return np.array(values, dtype=np.float64)


def _number(settings: Settings, name: str, default: float) -> float:
    value = (settings.get(name) or (default,))[0]
    return value if isinstance(value, int | float) else default
