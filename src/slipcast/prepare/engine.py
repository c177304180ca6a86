"""A figurine -> the same with levels of detail and collision bodies, as an engine's importer reads them."""

from dataclasses import replace

from slipcast.core.findings import Finding
from slipcast.core.values import Figurine
from slipcast.prepare.collision import CollisionOptions, make_collision
from slipcast.prepare.lods import LodOptions, attach_levels, make_lods


def prepare_for_engine(
    figurine: Figurine, lods: LodOptions | None, collision: CollisionOptions | None
) -> tuple[Figurine, list[Finding]]:
    """Return `figurine` with the asked levels and bodies, their numbers in its provenance, and what to know."""
    found: list[Finding] = []
    if lods is not None and len(lods.shares) > 1:
        levels, found = make_lods(figurine, lods)
        figurine = attach_levels(figurine, levels)
    bodies = make_collision(figurine.mesh, collision) if collision is not None else None
    if bodies is not None:
        about = {**figurine.provenance, "collision": bodies.as_dict()}
        figurine = replace(figurine, hulls=bodies.hulls, provenance=about)
    return figurine, found
