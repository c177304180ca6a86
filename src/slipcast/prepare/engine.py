"""A figurine -> the same as an engine wants it: turned, remeshed, with levels of detail and collision bodies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.options import check, choice, flag, instance, real, several
from slipcast.core.values import Figurine
from slipcast.mesh.remesh import require_instant_meshes
from slipcast.prepare.collision import CollisionOptions, make_collision, require_vhacdx
from slipcast.prepare.lods import LodOptions, attach_levels, make_lods
from slipcast.prepare.topology import TopologyOptions, change_topology
from slipcast.texture.occlusion import bake_occlusion

PIVOTS = ("bottom", "center")
FACINGS = {"+Z": 0, "-Y": 0, "+X": 90, "-Z": 180, "-X": 270}
"""Where the figurine looks -> degrees about its up axis. X and Z are glTF's; -Y is +Z of a world with Z up. There is no
+Y: with Y up the figurine would lie on its back."""
_UNITS_M = {"mm": 0.001, "cm": 0.01, "m": 1.0, "in": 0.0254}
_FARTHEST_M = 100.0


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """What an engine gets beside the figurine; the defaults change nothing.

    >>> EngineOptions(pivot="center", facing="-x").facing
    '-X'
    """

    topology: TopologyOptions | None = None
    """Remeshed for artists, before all else."""
    lods: LodOptions | None = None
    collision: CollisionOptions | None = None
    pivot: str | tuple[float, float, float] = "bottom"
    """Where the origin lies: `bottom` (between the feet), `center` (of the box), or x, y, z in metres as it stands."""
    facing: str = "+Z"
    """Where it looks, of FACINGS."""
    occlusion: bool = False
    """Bake ambient occlusion: with roughness and metallic it is one texture (ORM)."""

    def __post_init__(self) -> None:
        text = isinstance(self.pivot, str)
        far = real(-_FARTHEST_M, _FARTHEST_M, example=0.02, unit="metres")
        check(
            self,
            topology=instance(TopologyOptions).or_none(),
            lods=instance(LodOptions).or_none(),
            collision=instance(CollisionOptions).or_none(),
            pivot=choice(PIVOTS) if text else several(far, least=3, most=3),
            facing=choice(FACINGS),
            occlusion=flag(),
        )
        if self.collision is not None and self.collision.kind == "convex":
            require_vhacdx()  # before any work
        if self.topology is not None:
            require_instant_meshes()

    @property
    def changes(self) -> bool:
        """Whether anything at all is asked for."""
        return self != EngineOptions()

    @classmethod
    def parse(
        cls,
        *,
        topology: str | None = None,
        lods: str | None = None,
        collision: str | None = None,
        pivot: str = "bottom",
        facing: str = "+Z",
        occlusion: bool = False,
    ) -> "EngineOptions":
        """Return the options of words: `3`, `convex:8`, `0,0.02,0`, `-x`.

        >>> EngineOptions.parse(pivot="0,20mm,0", facing="-x").pivot
        (0.0, 0.02, 0.0)
        """
        return cls(
            topology=TopologyOptions.parse(topology) if topology else None,
            lods=LodOptions.parse(lods) if lods else None,
            collision=CollisionOptions.parse(collision) if collision else None,
            pivot=_parse_pivot(pivot),
            occlusion=occlusion,
            facing=_parse_facing(facing),
        )


def _parse_facing(text: str) -> str:
    word = text.strip().upper()
    word = word if word[:1] in ("+", "-") else f"+{word}"
    if word == "+Y":
        raise BadInput(
            f"facing is {text!r}, where the figurine would lie on its back; for its back to the front give -Z",
            field="facing",
        )
    if word not in FACINGS:
        raise BadInput(f"facing is {text!r}; give one of {', '.join(FACINGS)}", field="facing")
    return word


def _parse_pivot(text: str) -> str | tuple[float, float, float]:
    words = [word.strip() for word in text.split(",")]
    if text.strip().lower() in PIVOTS:
        return text.strip().lower()
    unclear = BadInput(
        f"pivot is {text!r}; give one of {', '.join(PIVOTS)}, or a point x,y,z, for instance 0,20mm,0",
        field="pivot",
    )
    if len(words) != 3:
        raise unclear
    out = []
    for word in words:
        match = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)\s*(mm|cm|m|in)?", word, re.IGNORECASE | re.ASCII)
        if match is None:
            raise unclear
        if match[2] is None and float(match[1]):
            bare = [re.sub(r"[a-zA-Z\s]", "", each) for each in words]
            both = [",".join(each + unit for each in bare) for unit in ("mm", "m")]
            raise BadInput(f"pivot {text} says no unit; write {both[0]} or {both[1]}", field="pivot")
        out.append(float(match[1]) * _UNITS_M[(match[2] or "m").lower()])
    return out[0], out[1], out[2]


def prepare_for_engine(figurine: Figurine, options: EngineOptions) -> tuple[Figurine, list[Finding]]:
    """Return `figurine` as `options` ask, their numbers in its provenance, and what to know.

    It is turned first, then its pivot is moved to the origin, so a pivot of x, y, z is one of the turned figurine.
    """
    found: list[Finding] = []
    figurine = _turn(figurine, options)
    if options.topology is not None:
        figurine, found = change_topology(figurine, options.topology)
    if options.occlusion:
        figurine = replace(figurine, occlusion=bake_occlusion(figurine))
    if options.lods is not None and len(options.lods.shares) > 1:
        levels, said = make_lods(figurine, options.lods)
        found += said
        figurine = attach_levels(levels[0].figurine, levels)
    bodies = make_collision(figurine.mesh, options.collision) if options.collision is not None else None
    if bodies is not None:
        about = {**figurine.provenance, "collision": bodies.as_dict()}
        figurine = replace(figurine, hulls=bodies.hulls, provenance=about)
        if bodies.spans > 1:
            found.append(finding("COLLISION_SPANS", {"hulls": len(bodies.hulls), "bodies": bodies.spans}))
    return figurine, found


def resize(figurine: Figurine, height_m: float) -> Figurine:
    """Return `figurine` so tall, larger or smaller about its origin; the lengths in its provenance follow."""
    extent = np.ptp(figurine.mesh.vertices.astype(np.float64), axis=0)
    if extent[1] <= 0:
        raise BadInput("the asset is flat, so no height makes it larger; turn it up first", field="height_m")
    factor = height_m / float(extent[1])
    vertices = (figurine.mesh.vertices.astype(np.float64) * factor).astype(np.float32)
    width, height, depth = (round(1000 * factor * float(length), 4) for length in extent)
    known = figurine.provenance
    about = {**known, "height_mm": height, "box_mm": {"width": width, "height": height, "depth": depth}}
    deviation, volume = known.get("deviation_mm"), known.get("volume_mm3")
    if isinstance(deviation, Mapping):
        about["deviation_mm"] = {name: round(value * factor, 4) for name, value in deviation.items()}
    if isinstance(volume, int | float):
        about["volume_mm3"] = round(volume * factor**3, 3)
    return replace(figurine, mesh=replace(figurine.mesh, vertices=vertices), provenance=about)


def _turn(figurine: Figurine, options: EngineOptions) -> Figurine:
    """The figurine looking where it shall, its pivot at the origin."""
    if options.facing in ("+Z", "-Y") and options.pivot == "bottom":
        return figurine
    angle = np.radians(FACINGS[options.facing])
    x, y, z = figurine.mesh.vertices.astype(np.float64).T
    turned = np.stack([x * np.cos(angle) + z * np.sin(angle), y, z * np.cos(angle) - x * np.sin(angle)], 1)
    low, high = turned.min(0), turned.max(0)
    middle = (low + high) / 2
    if isinstance(options.pivot, str):
        place = middle if options.pivot == "center" else np.array([middle[0], low[1], middle[2]])
    else:
        place = np.array(options.pivot)
    mesh = replace(figurine.mesh, vertices=(turned - place).astype(np.float32))
    about = {
        **figurine.provenance,
        "axes": {"up": "+Y", "front": options.facing.replace("-Y", "+Z")},
        "pivot": options.pivot if isinstance(options.pivot, str) else list(options.pivot),
    }
    return replace(figurine, mesh=mesh, provenance=about)
