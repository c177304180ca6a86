"""Names that file systems and text formats take."""

import re
import unicodedata

from slipcast.core.errors import BadInput
from slipcast.core.options import show
from slipcast.core.values import Figurine
from slipcast.formats.table import Naming

LONGEST_BYTES = 200
"""Most file systems stop at 255 bytes a name; this leaves room for what is added, as in `T_NAME_basecolor.jpeg`."""

_UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
_FORBIDDEN = '<>:"/\\|?*'
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
"""What Windows keeps for devices, with any suffix."""


def make_safe(name: str) -> str:
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


def check_name(name: object, *, whose: str = "name") -> str:
    """Return `name` as every file of its asset bears it: `make_safe` of it.

    Raises BadInput, which calls it `whose`, for what is no file name (empty, with a slash, with what cannot be printed)
    and for one that is too long.

    >>> check_name("owl"), check_name("con")
    ('owl', '_con')
    """
    if (
        not isinstance(name, str)
        or name in ("", ".", "..")
        or not name.isprintable()
        or set(name) & set("/\\")
    ):
        raise BadInput(
            f"{whose} is {show(name)}, which is no file name; give a name for files, for instance 'knight'",
            field="name",
        )
    if len(name.encode()) > LONGEST_BYTES:
        raise BadInput(
            f"{whose} is {show(name)}, which is {len(name.encode())} bytes long; give a name of at most "
            f"{LONGEST_BYTES} bytes",
            field="name",
        )
    return make_safe(name)


class Names:
    """Every name of one export, filled from the naming rule."""

    def __init__(self, figurine: Figurine, naming: Naming) -> None:
        name = make_safe(figurine.name)
        values = {
            "name": name,
            "material": make_safe(figurine.material.name),
            "snake": _plain(name, "_"),
            "slug": _plain(name, "-"),
        }
        self.file = naming.file.format(**values)
        self.mesh = escape_importer(naming.mesh.format(**values))
        self.material = escape_importer(naming.material.format(**values))
        self.base_color = naming.base_color.format(**values)
        self.normal = naming.normal.format(**values)
        self.orm = naming.orm.format(**values)
        self._naming = naming

    def level(self, number: int) -> str:
        """The name of a level of detail, 0 for the figurine itself."""
        return self._naming.level.format(mesh=self.mesh, level=number)

    def hull(self, number: int, mesh: str) -> str | None:
        """The name of collision body `number`, from 1, of `mesh`; None where the importer knows none."""
        return None if self._naming.hull is None else self._naming.hull.format(mesh=mesh, number=number)


_IMPORTER_WORDS = (
    "(?:conv)?col(?:only)?|rigid|noimp|navmesh|occ(?:only)?|vehicle|wheel|loop|cycle|alpha|vcol|lod|collider"
)
_IMPORTER_END = re.compile(rf"(?:{_IMPORTER_WORDS})[\d_ ]*$", re.IGNORECASE)
_IMPORTER_START = re.compile(r"^(?:UCX|UBX|USP|UCP|MCDCX|SOCKET)_", re.IGNORECASE)
_IMPORTER_SIGN = re.compile(rf"\$(?={_IMPORTER_WORDS})", re.IGNORECASE)


def escape_importer(name: str) -> str:
    """Return a node, mesh or material name that no engine's importer takes for an order.

    Godot reads words at the end (`big_wheel` becomes a wheel, `x-noimp` nothing), Unreal words at the start (`UCX_a`
    becomes a collision body), Unity `_LOD1`.

    >>> escape_importer("big_wheel"), escape_importer("UCX_a"), escape_importer("knight")
    ('big_wheel_mesh', 'mesh_UCX_a', 'knight')
    """
    name = _IMPORTER_SIGN.sub("_", name)
    if _IMPORTER_END.search(name):
        name += "_mesh"
    return f"mesh_{name}" if _IMPORTER_START.match(name) else name


def _plain(name: str, joint: str) -> str:
    """`name` in small letters and digits of ASCII, words joined by `joint`; `figurine` when nothing is
    left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", joint, ascii_only).strip(joint) or "figurine"
