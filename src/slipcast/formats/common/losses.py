"""What a format leaves out, as findings read from the table of formats."""

from dataclasses import replace

from slipcast.core.findings import Finding, finding
from slipcast.core.values import Figurine
from slipcast.formats.table import EXPORTERS, ExportOptions


def find_losses(format: str, figurine: Figurine, options: ExportOptions) -> tuple[Finding, ...]:
    """Return the findings that exporting `figurine` to `format` with `options` deserves."""
    row = EXPORTERS[format]
    shown = {"format": format.upper()}
    found = []
    if not row.keeps_color:
        found.append(finding("TEXTURE_DROPPED", shown))
    elif not row.keeps_texture:
        found.append(finding("COLOR_REDUCED", shown))
    if figurine.normal_map is not None and "normal map" not in row.carries:
        found.append(finding("NORMAL_MAP_DROPPED", shown))
    if figurine.occlusion is not None and "occlusion" not in row.carries:
        found.append(finding("OCCLUSION_DROPPED", shown))
    if figurine.levels and not _keeps_levels(format, options):
        found.append(finding("LODS_DROPPED", {"what": f"{format.upper()} carries none for this target"}))
    if figurine.hulls and not _keeps_hulls(format, options):
        what = f"{format.upper()} has no name for them without the target of an engine"
        found.append(finding("COLLISION_DROPPED", {"what": what}))
    if "compression" not in row.carries:
        if row.keeps_texture and options.texture_type == "webp":
            found.append(finding("TEXTURE_TYPE_CHANGED", shown))
        if options.compress != "none" or options.quantize:
            found.append(finding("NOT_COMPRESSED", shown))
    elif options.compress == "draco" and figurine.normal_map is not None:
        found.append(finding("TANGENTS_DROPPED", shown))
    return tuple(found)


def describe_kept(format: str, figurine: Figurine, options: ExportOptions) -> Figurine:
    """Return `figurine` without the provenance of levels and collision bodies that a file of `format` will not hold."""
    absent = set()
    if not figurine.levels or not _keeps_levels(format, options):
        absent.add("lods")
    if not figurine.hulls or not _keeps_hulls(format, options):
        absent.add("collision")
    kept = {key: value for key, value in figurine.provenance.items() if key not in absent}
    return replace(figurine, provenance=kept)


def _keeps_levels(format: str, options: ExportOptions) -> bool:
    return "levels" in EXPORTERS[format].carries and options.levels


def _keeps_hulls(format: str, options: ExportOptions) -> bool:
    return "levels" in EXPORTERS[format].carries and options.naming.hull is not None
