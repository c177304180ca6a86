"""A figurine -> the same in faces that artists can work with: evenly sized, flowing, on an atlas of their own."""

from dataclasses import dataclass, replace

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.options import check, choice, whole
from slipcast.core.values import Figurine
from slipcast.mesh.remesh import remesh, require_instant_meshes
from slipcast.texture.rebake import rebake

KINDS = ("triangles", "quads")
_LEAST, _MOST = 200, 200_000


@dataclass(frozen=True, kw_only=True)
class TopologyOptions:
    """Which faces the figurine gets.

    >>> TopologyOptions.parse("quads:5000")
    TopologyOptions(kind='quads', faces=5000)
    """

    kind: str = "triangles"
    """`triangles`, or `quads` with few triangles between them, which FBX and OBJ keep."""
    faces: int | None = None
    """Triangles at most, a quad being two; None: as many as the figurine has."""

    def __post_init__(self) -> None:
        check(self, kind=choice(KINDS), faces=whole(_LEAST, _MOST, example=5000).or_none())

    @classmethod
    def parse(cls, text: str) -> "TopologyOptions":
        """Return the options of `triangles`, `quads` or `quads:5000`; BadInput for other words or counts.

        >>> TopologyOptions.parse("quads:5000").faces
        5000
        """
        kind, colon, faces = text.strip().lower().partition(":")
        if kind not in KINDS or (colon and not (faces.isascii() and faces.isdigit())):
            raise BadInput(
                f"topology {text!r} is not understood; write triangles, quads, or quads:5000",
                field="topology",
            )
        if colon and not _LEAST <= int(faces) <= _MOST:
            raise BadInput(
                f"topology {text!r} asks for {int(faces)} faces; give {_LEAST} to {_MOST}", field="topology"
            )
        return cls(kind=kind, faces=int(faces) if colon else None)


def change_topology(figurine: Figurine, options: TopologyOptions) -> tuple[Figurine, list[Finding]]:
    """Return `figurine` remeshed, painted anew from itself, or as it was with the finding TOPOLOGY_FLOOR.

    The floor is where thin parts would be lost or the surface would not stay closed.
    """
    require_instant_meshes()
    faces = options.faces or len(figurine.mesh.faces)
    made = remesh(figurine.mesh, faces, quads=options.kind == "quads")
    if made is None:
        return figurine, [finding("TOPOLOGY_FLOOR", {"kind": options.kind, "faces": faces})]
    mesh, deviation = made
    told = {
        "kind": options.kind,
        "faces": len(mesh.faces),
        "quads": mesh.quads,
        "deviation_mm": deviation.as_dict(),
    }
    painted = rebake(figurine, mesh)
    about = {**painted.provenance, "topology": told}
    # What a conversion said of the faces before.
    new = {"faces": len(mesh.faces), "vertices": len(mesh.vertices), "normal_map": {"made": True}}
    about |= {key: value for key, value in new.items() if key in about}
    return replace(painted, provenance=about), []
