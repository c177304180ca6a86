"""Bodies with known answers, in the print frame, for the tests of print steps."""

import manifold3d

from slipcast.prepare.body import Body, Kind, Origin, body_from_solid


def box(wide: float, deep: float, tall: float) -> Body:
    """A block about the z axis, standing on z = 0."""
    solid = manifold3d.Manifold.cube((wide, deep, tall), False).translate((-wide / 2, -deep / 2, 0))
    return body_from_solid(solid, Origin(kind=Kind.CUT))


def ball(radius: float) -> Body:
    """A ball that touches z = 0."""
    return body_from_solid(
        manifold3d.Manifold.sphere(radius, 96).translate((0, 0, radius)), Origin(kind=Kind.CUT)
    )
