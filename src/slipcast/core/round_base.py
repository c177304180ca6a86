"""A round base, as depth finds it, the solid takes it and texture paints it."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, kw_only=True)
class RoundBase:
    """A disc that a figurine stands on, in the camera's axes: x right, y down, z into the scene.

    >>> RoundBase(x=0.0, y=0.2, z=1.0, radius=0.1, height=0.02, elevation_deg=5.0).scale(2).radius
    0.2
    """

    x: float
    """Centre of the underside, in the unit of the depth that it belongs to."""
    y: float
    z: float
    radius: float
    height: float
    elevation_deg: float
    """How far the camera looks down at it."""

    def scale(self, factor: float) -> "RoundBase":
        """The same base, `factor` times as far and as large."""
        lengths = {name: getattr(self, name) * factor for name in ("x", "y", "z", "radius", "height")}
        return replace(self, **lengths)
