"""A body that a boolean left with faces that cross, or that have no area in a file -> the same without them."""

from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.prepare.body import Body, read_surface
from slipcast.prepare.inspect_print import count_degenerate

_TOLERANCES_MM = (0.0001, 0.001, 0.003, 0.01, 0.02)


def uncross(body: Body) -> tuple[Body, int]:
    """Return `body` without faces that run through each other or have no area, as near as can be, and how many cross.

    A boolean of manifold3d is sound within its tolerance; rounded to float32 a few thin faces may cross, and a corner
    may fall on another: two such faces of a hollow half of the knight made readers call it open. A simplification far
    below what printers show takes them out. Rejected: to simplify hollow bodies before the first look (0.5 s less where
    some cross, the dragon's none became some, which cost 2.3 s).
    """
    best, (crossing, flat) = body, _count_faults(body)
    for tolerance_mm in _TOLERANCES_MM:
        if not crossing + flat:
            break
        trial = Body(body.solid.simplify(tolerance_mm), body.origins)
        faults = _count_faults(trial)
        if sum(faults) < crossing + flat:
            best, (crossing, flat) = trial, faults
    return best, crossing


def _count_faults(body: Body) -> tuple[int, int]:
    """How many faces cross others, and how many have corners in one place."""
    surface = read_surface(body)
    return len(find_crossing_faces(surface.as_mesh())), count_degenerate(surface)
