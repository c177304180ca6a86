"""glTF's scene -> triangles where they are shown: node transforms, skins, morph targets, instances, strips and fans.

A skinned mesh is posed by its joints and not by its own node (glTF 2.0, 3.7.3.3); a document without scenes shows its
root nodes. Points and lines have no surface, hidden nodes (KHR_node_visibility) show nothing, and what stands for an
engine alone (helpers.py, MSFT_lod) is no figurine: what is left out is told.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from slipcast.core.findings import Finding
from slipcast.core.values import F64, I32
from slipcast.formats.common.helpers import find_helpers
from slipcast.formats.common.reading import MAX_PARTS, check_faces, check_points
from slipcast.formats.gltf.document import (
    INSTANCING,
    LOD,
    VISIBILITY,
    Document,
    Json,
    extension,
    numbers,
    objects,
)

_MODES = {0: "points", 1: "lines", 2: "lines", 3: "lines"}
_TRIANGLES, _STRIP, _FAN = 4, 5, 6
_MAX_DEPTH = 64
_MAX_NODES = 100_000
_ROWS = 65_536
"""Vertices that are skinned at once."""


@dataclass(frozen=True)
class Part:
    """One primitive as one node shows it."""

    mesh: Json
    primitive: Json
    world: F64
    """(4,4) world_from_mesh; the identity where joints pose it."""
    place: int
    """Parts of one mesh under one node share it."""
    skin: object = None
    weights: object = None
    """Of the morph targets."""
    name: str = ""
    """The node's, else the mesh's."""


@dataclass
class Scene:
    """Walks a document's scene; `left_out` counts what has no surface once `parts` was read to its end."""

    document: Document
    left_out: dict[str, int] = field(default_factory=dict)
    told: tuple[Finding, ...] = ()
    """The levels of detail and collision bodies that `parts` left out."""
    _worlds: dict[int, F64] = field(default_factory=dict)

    def parts(self) -> Iterator[Part]:
        """Yield every triangle primitive that is the figurine's; BadInput for nodes nested too deeply, or damaged."""
        walk = self._walk()
        parts = list(islice(walk, MAX_PARTS + 1))
        if len(parts) > MAX_PARTS:  # refused by whoever counts them
            yield from parts
            yield from walk
            return
        names = list(dict.fromkeys(part.name for part in parts))
        helpers = find_helpers(names)
        hidden = {names[k] for k in helpers.levels | helpers.bodies}
        self.told = helpers.tell(names, _listed_levels(self.document))
        yield from (part for part in parts if part.name not in hidden)

    def _walk(self) -> Iterator[Part]:
        document = self.document
        waiting = [(index, np.eye(4), 0) for index in reversed(_roots(document))]
        visited = 0
        while waiting:
            index, parent, depth = waiting.pop()
            visited += 1
            if depth > _MAX_DEPTH or visited > 10_000:
                raise document.fail("its nodes are nested too deeply or in a circle")
            node = document.at("nodes", index)
            if (extension(node, VISIBILITY) or {}).get("visible") is False:
                self.left_out["hidden node"] = self.left_out.get("hidden node", 0) + 1
                continue  # and with it all below it
            world = parent @ _local(document, node)
            if "mesh" in node:
                yield from self._show(node, world, visited)
            waiting += [(child, world, depth + 1) for child in reversed(_children(document, node))]

    def _show(self, node: Json, world: F64, place: int) -> Iterator[Part]:
        """The triangle primitives of one node, as often as it shows them."""
        document = self.document
        mesh = document.at("meshes", node["mesh"])
        skin = node.get("skin")
        weights = node.get("weights", mesh.get("weights"))
        name = next((entry for entry in (node.get("name"), mesh.get("name")) if isinstance(entry, str)), "")
        places = [np.eye(4)] if skin is not None else [world @ entry for entry in _copies(document, node)]
        for copy, matrix in enumerate(places):
            for primitive in objects(document, mesh, "primitives"):
                mode, attributes = primitive.get("mode", _TRIANGLES), primitive.get("attributes")
                if isinstance(attributes, dict) and "POSITION" not in attributes:
                    word = "primitive without positions"  # glTF 2.0, 3.7.2.1: to be skipped
                    self.left_out[word] = self.left_out.get(word, 0) + 1
                elif mode in (_TRIANGLES, _STRIP, _FAN):
                    yield Part(mesh, primitive, matrix, place * MAX_PARTS + copy, skin, weights, name)
                else:
                    word = _MODES.get(mode, "unknown") if isinstance(mode, int) else "unknown"
                    self.left_out[word] = self.left_out.get(word, 0) + 1

    def geometry(self, part: Part) -> tuple[F64, I32]:
        """(V,3) points in the world and (F,3) faces, counter-clockwise outside, of one part.

        The points are not checked to be finite: one that no face uses may be anything.
        """
        document, path = self.document, self.document.path
        local = check_points(path, positions(document, part.primitive))
        faces = check_faces(path, triangles(document, part.primitive, len(local)), len(local))
        local = _morphed(document, part, local)
        if part.skin is not None:
            points, hand = self._posed(part, local)
        else:
            world = part.world
            unmoved = np.array_equal(world, np.eye(4))
            points = local if unmoved else local @ world[:3, :3].T + world[:3, 3]
            hand = float(np.linalg.det(world[:3, :3]))
        # By the specification a mirroring transform turns the winding round.
        return points, faces if hand >= 0 else faces[:, ::-1].copy()

    def _posed(self, part: Part, local: F64) -> tuple[F64, float]:
        """Points where the joints put them, and which hand the joints have: below 0 where they mirror."""
        document = self.document
        skin = document.at("skins", part.skin)
        listed = skin.get("joints")
        if not isinstance(listed, list) or not listed:
            raise document.fail("a skin has no joints")
        joints = np.array([self._world(joint) for joint in listed])
        if "inverseBindMatrices" in skin:
            bound = document.accessor(skin["inverseBindMatrices"]).astype(np.float64)
            if bound.shape[1] != 16 or len(bound) < len(listed):
                raise document.fail("a skin's inverse bind matrices do not fit its joints")
            joints = joints @ bound[: len(listed)].reshape(-1, 4, 4).transpose(0, 2, 1)
        out, total = np.zeros_like(local), np.zeros(len(local))
        hand, number = 0.0, 0
        while number < 8:
            index = attribute(document, part.primitive, f"JOINTS_{number}")
            weight = attribute(document, part.primitive, f"WEIGHTS_{number}")
            if index is None or weight is None:
                break
            if index.shape != (len(local), 4) or weight.shape != (len(local), 4):
                raise document.fail("a skin's joints and weights do not fit its vertices")
            which, share = index.astype(np.int64), weight.astype(np.float64)
            if which.min() < 0 or which.max() >= len(joints):
                raise document.fail("a vertex names a joint that its skin does not have")
            for column in range(4):
                for start in range(0, len(local), _ROWS):
                    rows = slice(start, start + _ROWS)
                    pose = joints[which[rows, column]]
                    moved = np.einsum("nij,nj->ni", pose[:, :3, :3], local[rows]) + pose[:, :3, 3]
                    out[rows] += moved * share[rows, column, None]
                total += share[:, column]
            hand += float((np.sign(np.linalg.det(joints[:, :3, :3]))[which] * share).sum())
            number += 1
        held = total > 1e-6
        out[held] /= total[held, None]
        out[~held] = local[~held]
        return out, hand

    def _world(self, index: object) -> F64:
        """(4,4) world_from_node of any node, its parents' transforms included."""
        document = self.document
        document.at("nodes", index)
        assert isinstance(index, int)
        if not self._worlds:
            parents = _parents(document)
            for start in range(len(document.objects("nodes"))):
                chain, at = [], start
                while at not in self._worlds:
                    chain.append(at)
                    if len(chain) > _MAX_DEPTH:
                        raise document.fail("its nodes are nested too deeply or in a circle")
                    if at not in parents:
                        break
                    at = parents[at]
                for node in reversed(chain):
                    above = self._worlds[parents[node]] if node in parents else np.eye(4)
                    self._worlds[node] = above @ _local(document, document.at("nodes", node))
        return self._worlds[index]


def attribute(document: Document, primitive: Json, name: str) -> "np.typing.NDArray[np.generic] | None":
    """Return (V,K) one vertex attribute, or None where the primitive has none.

    Raises BadInput where its accessor, or the Draco mesh that should hold it, does not.
    """
    attributes = primitive.get("attributes")
    if not isinstance(attributes, dict):
        raise document.fail("a primitive has no attributes")
    packed = document.draco(primitive)
    if packed is not None and name in packed[1]:
        unique = packed[1][name]
        if not isinstance(unique, int) or unique not in packed[0].attributes:
            raise document.fail(f"its Draco mesh has no {name}")
        return packed[0].attributes[unique]
    return document.accessor(attributes[name]) if name in attributes else None


def positions(document: Document, primitive: Json) -> "np.typing.NDArray[np.generic]":
    """Return (V,3) the positions of a primitive; BadInput where it has none."""
    points = attribute(document, primitive, "POSITION")
    if points is None or points.shape[1] != 3:
        raise document.fail("a primitive has no POSITION")
    return points


def triangles(document: Document, primitive: Json, vertices: int) -> "np.typing.NDArray[np.generic]":
    """(F,3) indices of a primitive, not yet checked against `vertices`; strips and fans become triangles.

    Raises BadInput for indices that are no whole numbers, or not three a triangle.
    """
    packed = document.draco(primitive)
    if packed is not None:
        return packed[0].faces
    flat = (
        document.accessor(primitive["indices"]).reshape(-1)
        if "indices" in primitive
        else np.arange(vertices, dtype=np.int64)
    )
    mode = primitive.get("mode", _TRIANGLES)
    if flat.dtype.kind not in "iu" or (mode == _TRIANGLES and len(flat) % 3):
        raise document.fail("a primitive's indices are not triangles")
    if mode == _TRIANGLES:
        return flat.reshape(-1, 3)
    if len(flat) < 3:
        return np.zeros((0, 3), dtype=np.int64)
    if mode == _FAN:
        faces = np.stack([flat[1:-1], flat[2:], np.full(len(flat) - 2, flat[0])], axis=1)
    else:
        faces = np.stack([flat[:-2], flat[1:-1], flat[2:]], axis=1)
        faces[1::2] = faces[1::2][:, [0, 2, 1]]
    # Strips are joined by triangles without area.
    a, b, c = faces.T
    kept: np.typing.NDArray[np.generic] = faces[(a != b) & (b != c) & (c != a)]
    return kept


def _listed_levels(document: Document) -> list[str]:
    """The names of the nodes that MSFT_lod calls lower levels of others: no scene shows them."""
    nodes = document.objects("nodes")
    found: list[str] = []
    for node in nodes:
        ids = (extension(node, LOD) or {}).get("ids")
        for index in ids if isinstance(ids, list) else []:
            if isinstance(index, int) and 0 <= index < len(nodes):
                found.append(str(nodes[index].get("name", f"node {index}")))
    return found


def _roots(document: Document) -> list[object]:
    """The nodes at the top of the scene that is shown."""
    if not document.json.get("scenes"):
        children = set(_parents(document))
        return [index for index in range(len(document.objects("nodes"))) if index not in children]
    roots = document.at("scenes", document.json.get("scene", 0)).get("nodes", [])
    if not isinstance(roots, list):
        raise document.fail("scene.nodes is not a list")
    return roots


def _parents(document: Document) -> dict[int, int]:
    """Each node's parent, by index."""
    nodes = document.objects("nodes")
    if len(nodes) > _MAX_NODES:
        raise document.fail(f"it has more than {_MAX_NODES} nodes")
    return {
        child: index
        for index, node in enumerate(nodes)
        for child in _children(document, node)
        if isinstance(child, int)
    }


def _children(document: Document, node: Json) -> list[object]:
    children = node.get("children", [])
    if not isinstance(children, list):
        raise document.fail("node.children is not a list")
    return children


def _copies(document: Document, node: Json) -> list[F64]:
    """(4,4) node_from_copy of each copy that a node shows of its mesh."""
    copies = extension(node, INSTANCING)
    attributes = copies.get("attributes") if copies else None
    if not isinstance(attributes, dict):
        return [np.eye(4)]
    found = {key: document.accessor(attributes[key]).astype(np.float64) for key in attributes if key in _TRS}
    count = min((len(rows) for rows in found.values()), default=0)
    if count > MAX_PARTS:
        raise document.fail(f"it shows a mesh more than {MAX_PARTS} times")
    out = []
    for row in range(count):
        values: Json = {_TRS[key]: rows[row].tolist() for key, rows in found.items()}
        out.append(_local(document, values))
    return out


_TRS = {"TRANSLATION": "translation", "ROTATION": "rotation", "SCALE": "scale"}


def _morphed(document: Document, part: Part, local: F64) -> F64:
    """Points moved by the morph targets whose weight is not 0."""
    targets = objects(document, part.primitive, "targets")
    weights = part.weights if isinstance(part.weights, list) else []
    for target, weight in zip(targets, weights, strict=False):
        if not isinstance(weight, int | float) or weight == 0 or "POSITION" not in target:
            continue
        moved = document.accessor(target["POSITION"])
        if moved.shape != local.shape:
            raise document.fail("a morph target does not fit its mesh")
        local = local + weight * moved.astype(np.float64)
    return local


def _local(document: Document, node: Json) -> F64:
    """(4,4) parent_from_node."""
    if "matrix" in node:
        identity = np.eye(4).reshape(-1).tolist()
        return numbers(document, node, "matrix", identity).reshape(4, 4).T
    x, y, z, w = numbers(document, node, "rotation", [0.0, 0.0, 0.0, 1.0])
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    out = np.eye(4)
    out[:3, :3] = turn * numbers(document, node, "scale", [1.0, 1.0, 1.0])
    out[:3, 3] = numbers(document, node, "translation", [0.0, 0.0, 0.0])
    return out
