"""Does a print stand: contact, centre of mass, and the angle at which it tips (mesh/stance.py).

The contact is the convex hull of the cross-section just above the bed. No slicer reports it.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F64
from slipcast.mesh.stance import convex_hull, mass_center, tipping_angle_deg
from slipcast.prepare.body import Body, read_surface

CONTACT_MM = 0.15
"""Where the contact is taken above the bed: within the first layer of any printer."""
SHAKY_DEG = 5.0
"""What tips over at less of a lean is told of: a shelf that is pushed does that."""


@dataclass(frozen=True, kw_only=True)
class Stance:
    """How a body stands on the bed."""

    tipping_deg: float
    """The smallest lean that tips it over; negative when it falls by itself."""
    contact_mm2: float
    """Area of the cross-section just above the bed."""
    contact: F64
    """(N,2) convex hull of that cross-section, counter-clockwise, mm; empty without contact."""
    mass_center_mm: F64
    """(3,) centre of mass."""

    @property
    def stands(self) -> bool:
        """Whether it stays where it is put."""
        return self.tipping_deg > 0

    def as_dict(self) -> dict[str, float]:
        """JSON-ready data."""
        return {"tipping_deg": round(self.tipping_deg, 1), "contact_mm2": round(self.contact_mm2, 1)}


def measure_stance(body: Body) -> Stance:
    """Return how `body` stands when its lowest point lies on z = 0."""
    section = body.solid.slice(CONTACT_MM)
    outlines = [np.asarray(polygon, np.float64) for polygon in section.to_polygons()]
    surface = read_surface(body)
    center = mass_center(surface.vertices_mm, surface.faces)
    hull = convex_hull(np.concatenate(outlines)) if outlines else np.zeros((0, 2))
    return Stance(
        tipping_deg=tipping_angle_deg(hull, center),
        contact_mm2=float(section.area()),
        contact=hull,
        mass_center_mm=center,
    )
