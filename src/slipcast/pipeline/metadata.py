"""What is known about an asset, as JSON-ready data: where it came from, how it was made, how large and how good it is.

`attach` gives the figurine its provenance, the part that every format may carry: no clock, no path, no random id.
`describe` adds what only the written files know. The same input and options give the same bytes on the same machine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass, replace
from enum import Enum

from slipcast._version import __version__
from slipcast.checks.gates import Passage
from slipcast.checks.verdict import Check, verdict
from slipcast.core.advice import advise
from slipcast.core.findings import Finding
from slipcast.core.values import Cutout, Elevation, Export, Figurine, Shells
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.topology import Welded, closedness, source_shares, take_apart
from slipcast.pipeline.recipe import Recipe


def attach(
    figurine: Figurine,
    *,
    picture: Cutout,
    depth: Shells,
    recipe: Recipe,
    deviation: Deviation,
    welded: Welded | None = None,
    material_words: Sequence[str] = (),
) -> Figurine:
    """Return the figurine with its provenance and all findings so far.

    `welded` is its mesh taken apart, if it is; `material_words` are the prompt's that named its material.
    """
    mesh = figurine.mesh
    welded = welded or take_apart(mesh)
    state, shares, bodies = closedness(mesh, welded), source_shares(mesh), welded.bodies.count
    low, high = mesh.vertices.min(0).astype(float), mesh.vertices.max(0).astype(float)
    size_mm = [round(float(value) * 1000, 4) for value in high - low]
    findings: list[Finding] = [*picture.findings, *depth.findings, *figurine.findings]
    provenance: dict[str, object] = {
        "generator": f"Slipcast {__version__}",
        "name": figurine.name,
        "picture": {key: value for key, value in picture.source.items() if key != "edited"}
        | {"view": picture.view.value},
        **({"edited": picture.source["edited"]} if "edited" in picture.source else {}),
        "depth_model": asdict(depth.model) | {"ratio_is_prior": depth.ratio_is_prior},
        "options": _plain(recipe),
        "recipe": recipe.digest,
        "camera": _camera(depth),
        "unit": "metre",
        "axes": {"up": "+Y", "front": "+Z"},
        "height_mm": size_mm[1],
        "box_mm": {"width": size_mm[0], "height": size_mm[1], "depth": size_mm[2]},
        "depth_over_width": round(size_mm[2] / max(size_mm[0], 1e-9), 4),
        "vertices": len(mesh.vertices),
        "faces": len(mesh.faces),
        "deviation_mm": deviation.as_dict(),
        "bodies": bodies,
        "closed": state.closed,
        "volume_mm3": round(state.volume_m3 * 1e9, 3),
        **({"material_words": list(material_words)} if material_words else {}),
        "normal_map": figurine.provenance.get("normal_map", {"made": figurine.normal_map is not None}),
        **{
            key: figurine.provenance[key]
            for key in ("views", "invented_share", "delight", "topology")
            if key in figurine.provenance
        },
        "surface_share": {kind.name.lower(): round(share, 4) for kind, share in shares.items()},
    }
    return replace(figurine, provenance=provenance, findings=tuple(findings))


def describe(
    figurine: Figurine,
    exports: Mapping[str, Export],
    *,
    checks: Sequence[Check] = (),
    passages: Sequence[Passage] = (),
) -> dict[str, object]:
    """Return the metadata for the JSON beside the asset, from provenance to advice."""
    findings = [*figurine.findings]
    for export in exports.values():
        findings.extend(export.findings)
    files = {name: len(content) for export in exports.values() for name, content in export.files.items()}
    return {
        **figurine.provenance,
        "files": files,
        "texture_px": [figurine.texture.width_px, figurine.texture.height_px],
        "material": asdict(figurine.material),
        "verdict": verdict(checks).value,
        "checks": {check.name: check.as_dict() for check in checks},
        "gates": [passage.as_dict() for passage in passages],
        "findings": [entry.as_dict() for entry in findings],
        "advice": [advice.as_dict() for advice in advise(findings)],
    }


def _camera(depth: Shells) -> dict[str, object]:
    """How far the camera looked down and where that comes from."""
    known = depth.elevation or Elevation(degrees=0.0, likely_error_deg=0.0, source="given", certainty=1.0)
    return {
        "elevation_deg": known.degrees,
        "likely_error_deg": known.likely_error_deg,
        "certainty": known.certainty,
        "source": known.source,
    }


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
