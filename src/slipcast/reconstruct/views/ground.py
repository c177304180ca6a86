"""The ground that several views show: what hangs below it is no part of the figurine.

Each camera looks down at the rim of a base or a sole that is nearest to it. Behind that rim its outline is a ray that
sinks, so the hull of all outlines, and the solid with it, bulges below the ground that the figurine stands on.
"""

from collections.abc import Iterable

from slipcast.core.camera import project
from slipcast.core.values import Camera, Mesh

_FOOT = 0.1
"""The ground is looked for in this lowest share of the height."""
_MOST = 0.03
"""More of the height is never cut off."""


def find_seen_ground_m(mesh: Mesh, cameras: Iterable[Camera]) -> float | None:
    """Height of the ground by the cameras of all views; None where nothing hangs below it.

    The point that a camera sees lowest stands on the ground, or hovers above it where the foot nearest to the camera
    is lifted: so the lowest of all views' answers counts.
    """
    heights = mesh.vertices[:, 1]
    low, high = float(heights.min()), float(heights.max())
    foot = mesh.vertices[heights < low + _FOOT * (high - low)]
    ground = min((float(foot[project(camera, foot)[0][:, 1].argmax(), 1]) for camera in cameras), default=low)
    return ground if low < ground <= low + _MOST * (high - low) else None
