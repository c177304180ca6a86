"""A round base, as depth finds it, the solid takes it and texture paints it."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray


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

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return (3,) unit vectors in the camera's axes: the base's axis upwards, and level ground towards the camera.

        >>> RoundBase(x=0.0, y=0.2, z=1.0, radius=0.1, height=0.02, elevation_deg=90.0).axes()[0].round(6).tolist()
        [0.0, -0.0, -1.0]
        """
        angle = math.radians(self.elevation_deg)
        sin, cos = math.sin(angle), math.cos(angle)
        return np.array([0.0, -cos, -sin]), np.array([0.0, sin, -cos])

    def scale(self, factor: float) -> "RoundBase":
        """The same base, `factor` times as far and as large."""
        lengths = {name: getattr(self, name) * factor for name in ("x", "y", "z", "radius", "height")}
        return replace(self, **lengths)
