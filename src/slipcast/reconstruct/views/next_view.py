"""Which further side would help a figurine of several views most.

Two things count: how much of the surface that no picture shows a camera there would see, and how far its direction is
from those that outlines were seen along, where the front's and the back's are one. Measured in docs/views.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from slipcast.core.values import F32, Bool, Mesh, Source, View
from slipcast.mesh.raycast import Scene
from slipcast.mesh.topology import face_normals

_CANDIDATES = (
    View.LEFT,
    View.RIGHT,
    View.BACK,
    View.BACK_LEFT,
    View.BACK_RIGHT,
    View.FRONT_LEFT,
    View.FRONT_RIGHT,
)
"""Of two that help alike the first is told."""
_NEW_OUTLINE = 0.3
"""What an outline at a right angle to all that are given is worth, as a share of the surface."""
_MIRRORED = 0.5
"""What surface counts that repeats the other side's picture."""
_LEAST_COSINE = 0.12
"""Surface that is seen at a more grazing angle is not shown."""


@dataclass(frozen=True, kw_only=True)
class Help:
    """What one more side would show."""

    view: View
    unseen_share: float
    """Share of the surface that no picture shows and this one would."""
    outline_deg: float
    """Degrees from its direction to the nearest one that an outline was seen along, 0 to 90."""

    @property
    def worth(self) -> float:
        """Both together, as a share of the surface."""
        return self.unseen_share + _NEW_OUTLINE * self.outline_deg / 90


def find_next_view(mesh: Mesh, views: Iterable[View]) -> Help | None:
    """Return the side that would help `mesh` most, which was made from pictures of `views`; None where all are there.

    The mesh faces +Z with +Y up; its faces' `source` says what no picture shows. The front is always there.
    """
    given = set(views)
    normals, area = face_normals(mesh.vertices, mesh.faces)
    counts = np.where(
        mesh.source == Source.INVENTED, 1.0, np.where(mesh.source == Source.MIRRORED, _MIRRORED, 0.0)
    )
    weight = counts * area / max(float(area.sum()), 1e-12)
    unseen = np.flatnonzero(weight)
    size = max(float(np.ptp(mesh.vertices, axis=0).max()), 1e-12)
    scene = Scene(mesh.vertices / np.float32(size), mesh.faces)
    centre = (mesh.vertices[mesh.faces[unseen]].mean(1) + normals[unseen] * (2e-3 * size)) / size

    def find_shown(view: View) -> Bool:
        turn = np.radians(view.yaw_deg)
        way = np.array([np.sin(turn), 0, np.cos(turn)], np.float32)
        able: Bool = normals[unseen] @ way > _LEAST_COSINE
        start: F32 = centre[able].astype(np.float32)
        hit, _ = scene.first_hits(start, np.broadcast_to(way, start.shape))
        able[able] = ~np.isfinite(hit)
        return able

    helps = [
        Help(
            view=view,
            unseen_share=float(weight[unseen[find_shown(view)]].sum()),
            outline_deg=min(
                (_between(view, other) for other in given if other is not View.TOP), default=90.0
            ),
        )
        for view in _CANDIDATES
        if view not in given
    ]
    return max(helps, key=lambda help: help.worth, default=None)


def _between(one: View, other: View) -> float:
    """Degrees between two directions, of which the opposite ones see the same outline."""
    turn = abs(one.yaw_deg - other.yaw_deg) % 180
    return min(turn, 180 - turn)
