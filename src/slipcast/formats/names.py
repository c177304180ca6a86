"""Names that file systems and text formats take."""

import re
import unicodedata

from slipcast.formats import Naming
from slipcast.values import Figurine

LONGEST_BYTES = 160
"""Most file systems stop at 255 bytes a name; this leaves room for `_basecolor.jpeg` and a temporary
suffix."""

_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_FORBIDDEN = '<>:"/\\|?*'
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def safe(name: str) -> str:
    """Return `name` fit for a file on every system and for one line of text: UTF-8 and spaces stay.

    Separators, control and unpaired surrogate characters become `_`; what is longer than LONGEST_BYTES is
    cut.
    """
    # Noncharacters (U+xxFFFE, U+xxFFFF) are not allowed in XML.
    kept = "".join(
        "_" if c in _FORBIDDEN or unicodedata.category(c) in _UNPRINTABLE or ord(c) & 0xFFFE == 0xFFFE else c
        for c in name
    )
    kept = kept.encode()[:LONGEST_BYTES].decode(errors="ignore").strip().rstrip(".")
    if not kept:
        return "figurine"
    return f"_{kept}" if kept.partition(".")[0].lower() in _RESERVED else kept


class Names:
    """Every name of one export, filled from the naming rule."""

    def __init__(self, figurine: Figurine, naming: Naming) -> None:
        name = safe(figurine.name)
        values = {
            "name": name,
            "material": safe(figurine.material.name),
            "snake": _plain(name, "_"),
            "slug": _plain(name, "-"),
        }
        self.file = naming.file.format(**values)
        self.mesh = naming.mesh.format(**values)
        self.material = naming.material.format(**values)
        self.base_color = naming.base_color.format(**values)
        self.normal = naming.normal.format(**values)


def _plain(name: str, joint: str) -> str:
    """`name` in small letters and digits of ASCII, words joined by `joint`; `figurine` when nothing is
    left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", joint, ascii_only).strip(joint) or "figurine"
