"""What a format leaves out, as findings read from the table of formats."""

from slipcast.findings import Finding, finding
from slipcast.formats import EXPORTERS
from slipcast.values import Figurine

CARRY_NORMAL_MAP = ("glb", "gltf", "obj", "fbx", "usdz")


def losses(format: str, figurine: Figurine) -> tuple[Finding, ...]:
    """Return the findings that exporting `figurine` to `format` deserves."""
    row = EXPORTERS[format]
    shown = {"format": format.upper()}
    found = []
    if not row.keeps_color:
        found.append(finding("TEXTURE_DROPPED", shown))
    elif not row.keeps_texture:
        found.append(finding("COLOR_REDUCED", shown))
    if figurine.normal_map is not None and format not in CARRY_NORMAL_MAP:
        found.append(finding("NORMAL_MAP_DROPPED", shown))
    return tuple(found)
