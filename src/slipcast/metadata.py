"""What is known about an asset, as JSON-ready data: where it came from, how it was made, how large and how good it is.

`attach` gives the figurine its provenance, the part that every format may carry: no clock, no path, no random id.
`describe` adds what only the written files know. The same input and options give the same bytes on the same machine.
"""

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from slipcast._version import __version__
from slipcast.findings import Finding, finding
from slipcast.solid import closedness, face_normals
from slipcast.values import DepthMap, Export, Figurine, Mesh, Picture, Source

if TYPE_CHECKING:
    from slipcast.pipeline import Recipe

_HOW = {
    Source.BACK_VIEW: "from a second picture",
    Source.MIRRORED: "mirrored from the seen side",
    Source.INVENTED: "invented",
}


def attach(figurine: Figurine, *, picture: Picture, depth: DepthMap, recipe: "Recipe") -> Figurine:
    """Return the figurine with its provenance and all findings so far."""
    mesh = figurine.mesh
    state, shares, bodies = closedness(mesh), source_shares(mesh), count_bodies(mesh)
    low, high = mesh.vertices.min(0).astype(float), mesh.vertices.max(0).astype(float)
    size_mm = [round(float(value) * 1000, 4) for value in high - low]
    findings: list[Finding] = [*picture.findings, *depth.findings, *figurine.findings]
    if not state.closed:
        findings.append(finding("MESH_OPEN", {"edges": state.open_edges + state.crowded_edges}))
    if bodies > 1:
        findings.append(finding("MESH_SEVERAL", {"count": bodies}))
    unseen = {kind: share for kind, share in shares.items() if kind is not Source.SEEN and share > 0}
    if unseen:
        main = max(unseen, key=lambda kind: unseen[kind])
        percent = round(100 * sum(unseen.values()))
        findings.append(finding("BACK_INVENTED", {"percent": percent, "how": _HOW[main]}))
    provenance: dict[str, object] = {
        "generator": f"Slipcast {__version__}",
        "name": figurine.name,
        "picture": dict(picture.source) | {"view": picture.view.value},
        "depth_model": asdict(depth.model) | {"ratio_is_prior": depth.ratio_is_prior},
        "options": _plain(recipe),
        "unit": "metre",
        "axes": {"up": "+Y", "front": "+Z"},
        "height_mm": size_mm[1],
        "box_mm": {"width": size_mm[0], "height": size_mm[1], "depth": size_mm[2]},
        "depth_over_width": round(size_mm[2] / max(size_mm[0], 1e-9), 4),
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "bodies": bodies,
        "closed": state.closed,
        "volume_mm3": round(state.volume_m3 * 1e9, 3),
        "surface_share": {kind.name.lower(): round(share, 4) for kind, share in shares.items()},
    }
    return replace(figurine, provenance=provenance, findings=tuple(findings))


def describe(figurine: Figurine, exports: Mapping[str, Export]) -> dict[str, object]:
    """Return the metadata for the JSON beside the asset: provenance, files with their sizes, all findings."""
    findings = [*figurine.findings]
    for export in exports.values():
        findings.extend(export.findings)
    files = {name: len(content) for export in exports.values() for name, content in export.files.items()}
    return {
        **figurine.provenance,
        "files": files,
        "texture_px": [figurine.texture.width_px, figurine.texture.height_px],
        "material": asdict(figurine.material),
        "findings": [entry.as_dict() for entry in findings],
    }


def source_shares(mesh: Mesh) -> dict[Source, float]:
    """The share of the surface's area that comes from each source."""
    _, area = face_normals(mesh.vertices, mesh.faces)
    total = np.bincount(mesh.source, area, len(Source))
    return {kind: float(total[kind] / max(total.sum(), 1e-30)) for kind in Source}


def count_bodies(mesh: Mesh) -> int:
    """How many bodies are not connected with each other."""
    from scipy import sparse

    faces = mesh.faces
    pairs = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    size = len(mesh.vertices)
    graph = sparse.coo_matrix((np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), (size, size))
    _, label = sparse.csgraph.connected_components(graph, directed=False)
    return len(np.unique(label[faces[:, 0]])) if len(faces) else 0


def _plain(value: object) -> object:
    """Options as JSON-ready data."""
    if is_dataclass(value) and not isinstance(value, type):
        return {key: _plain(getattr(value, key)) for key in value.__dataclass_fields__}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)
