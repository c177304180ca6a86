"""Mesh -> checks: does it stay where it is put, is it upright, does it hang together, is all of it there, has it holes?

Each is about what one picture cannot promise: a lean, a part that floats, a part that got lost, a tunnel.
"""

import numpy as np

from slipcast.checks.verdict import Check
from slipcast.core.findings import finding
from slipcast.core.scientific import ndimage, spatial
from slipcast.core.values import F32, F64, I32, Bool, Mesh
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.stance import convex_hull, mass_center, tipping_angle_deg
from slipcast.mesh.topology import Welded

_CONTACT = 0.002
"""Height of the contact over that of the figurine: the first layer of a print of 75 mm."""
_SLICES = 20
_HOLE_PX = 6
"""Smaller holes of an outline are the matte's."""


def check_stands(mesh: Mesh) -> Check:
    """It does not tip over: the angle by which it may lean before it falls.

    Below 5 degrees a knock throws it over, which is said; below 2 it asks for a look, since it may not stand at all.
    """
    vertices = mesh.vertices.astype(np.float64)
    low, high = float(vertices[:, 1].min()), float(vertices[:, 1].max())
    contact = convex_hull(_section(mesh, low + _CONTACT * (high - low)))
    center = mass_center(mesh.vertices, mesh.faces)
    angle = tipping_angle_deg(contact, np.array([center[0], center[2], center[1] - low]))
    told = angle < 5
    way = ""
    if told and len(contact):
        away = center[[0, 2]] - contact.mean(0)
        way = _way(away)
    values = {"stands_deg": round(angle, 1), "contact_mm2": round(_area(contact) * 1e6, 2)}
    said = finding("MESH_TIPS_OVER", {"degrees": f"{angle:.0f}", "way": way or "over"})
    return Check(
        name="stands",
        score=float(np.clip(angle / 4, 0, 1)),
        values=values,
        findings=(said,) if told else (),
    )


def check_lean(mesh: Mesh) -> Check:
    """It is upright seen from the side: the slope of the line through the middles of its level slices.

    A picture from the front hides a lean forwards or backwards, which the depth may have invented; one to the side is
    the picture's own. What is deeper than tall has no such line. Half a score at 12 degrees.
    """
    corner = mesh.vertices[mesh.faces].astype(np.float64)
    low, high = corner.reshape(-1, 3).min(0), corner.reshape(-1, 3).max(0)
    tall, deep = high[1] - low[1], high[2] - low[2]
    if tall <= deep:
        return Check(name="lean", score=None)
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    middle = corner.mean(1)
    slice_ = np.minimum((_SLICES * (middle[:, 1] - low[1]) / tall).astype(int), _SLICES - 1)
    weight = np.bincount(slice_, area, _SLICES)
    there = weight > 1e-6 * weight.sum()
    if there.sum() < 3:
        return Check(name="lean", score=None)
    z = np.bincount(slice_, area * middle[:, 2], _SLICES)[there] / weight[there]
    y = (np.flatnonzero(there) + 0.5) * tall / _SLICES
    slope = np.polyfit(y, z, 1, w=np.sqrt(weight[there]))[0]
    degrees = float(np.degrees(np.arctan(slope)))
    said = finding(
        "FIGURINE_LEANS",
        {"degrees": f"{abs(degrees):.0f}", "way": "forwards" if degrees > 0 else "backwards"},
    )
    return Check(
        name="lean",
        score=float(np.clip(1 - abs(degrees) / 24, 0, 1)),
        values={"lean_deg": round(degrees, 1)},
        findings=(said,) if abs(degrees) > 12 else (),
    )


def check_islands(welded: Welded, wanted: Bool) -> Check:
    """One body: nothing is loose beside it, and nothing floats; `wanted` (H,W) is the picture's outline."""
    vertices, faces, found = welded.vertices, welded.faces, welded.bodies
    count = found.count
    share = found.body_areas / max(float(found.area.sum()), 1e-30)
    main = int(share.argmax()) if count else 0
    pieces = int(ndimage.label(wanted, np.ones((3, 3)))[1])
    if count < 2:
        values = {
            "bodies": count,
            "cavities": int(found.cavity.sum()),
            "pieces": pieces,
            "largest_share": 1.0,
            "gap_mm": 0.0,
            "floating": 0,
        }
        return Check(name="islands", score=1.0 if count else 0.0, values=values)
    gaps, floats = _gaps(
        vertices, [faces[found.shell == body] for body in np.flatnonzero(~found.cavity)], main
    )
    values = {
        "bodies": count,
        "cavities": int(found.cavity.sum()),
        "pieces": pieces,
        "largest_share": round(float(share[main]), 4),
        "gap_mm": round(float(gaps.max()) * 1000, 2),
        "floating": int(floats.sum()),
    }
    shown = {
        "count": count,
        "gap_mm": f"{gaps.max() * 1000:.1f}",
        "floating": int(floats.sum()),
        "pieces": pieces,
    }
    # A body that touches nothing and no ground is no asset at all; one that stands beside the other may be meant.
    score = 0.05 if floats.any() else 0.4
    return Check(name="islands", score=score, values=values, findings=(finding("MESH_SEVERAL", shown),))


def check_parts(wanted: Bool, drawn: Bool, deviation: Deviation, height_m: float) -> Check:
    """All of the outline is there: how far its farthest part lies from what the mesh covers, over the height.

    `wanted` and `drawn` (H,W) are the picture's outline and the mesh's, at one scale. What simplification took away
    counts where the outline lacks it too: specks that lay inside are no loss. The score is None where one is empty.
    """
    rows = np.flatnonzero(wanted.any(1))
    if not len(rows) or not drawn.any():
        return Check(name="parts", score=None)
    tall = rows[-1] - rows[0] + 1
    import cv2

    far = cv2.distanceTransform((~drawn).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) * wanted
    lost = float(far.max()) / tall
    row, column = np.unravel_index(int(far.argmax()), far.shape)
    columns = np.flatnonzero(wanted.any(0))
    side = (column - columns[0]) / max(columns[-1] - columns[0], 1)
    place = ("left" if side < 1 / 3 else "right" if side > 2 / 3 else "middle") + " of the picture"
    shown = {
        "lost_mm": f"{lost * height_m * 1000:.1f}",
        "place": place,
        "height_mm": f"{(rows[-1] - row) / tall * height_m * 1000:.0f}",
    }
    return Check(
        name="parts",
        score=float(np.clip(1 - lost / 0.06, 0, 1)),
        values={
            "lost_share": round(lost, 4),
            "lost_mm": round(lost * height_m * 1000, 2),
            "deviation_mm": round(deviation.largest_m * 1000, 3),
        },
        findings=(finding("PART_LOST", shown),) if lost > 0.03 else (),
    )


def check_tunnels(welded: Welded, wanted: Bool) -> Check:
    """It has no more holes through it than its outline shows: genus of the mesh beside the outline's holes.

    `wanted` (H,W) is the picture's outline.
    """
    faces = welded.faces.astype(np.int64)
    start, end = (
        np.concatenate([faces[:, 0], faces[:, 1], faces[:, 2]]),
        np.concatenate([faces[:, 1], faces[:, 2], faces[:, 0]]),
    )
    # numpy's unique hashes whole numbers, which takes 30 times as long as to sort them.
    edge = np.sort(np.minimum(start, end) * len(welded.vertices) + np.maximum(start, end))
    count = int(np.count_nonzero(np.diff(edge, prepend=-1)))
    corners = int(np.count_nonzero(np.bincount(faces.ravel())))
    shells = len(welded.bodies.area)
    genus = shells - (corners - count + len(faces)) // 2
    holes = _holes(wanted)
    extra = max(0, genus - holes)
    return Check(
        name="tunnels",
        score=float(np.clip(1 - extra / 24, 0, 1)),
        values={"genus": int(genus), "outline_holes": holes},
        findings=(finding("MESH_TUNNELS", {"genus": int(genus), "holes": holes}),) if extra > 12 else (),
    )


def _section(mesh: Mesh, level: float) -> F64:
    """(N,2) x and z of what lies at `level` or below: corners, and where edges pass it."""
    corner = mesh.vertices[mesh.faces].astype(np.float64)
    start, end = corner.reshape(-1, 3), np.roll(corner, -1, axis=1).reshape(-1, 3)
    passes = (start[:, 1] <= level) != (end[:, 1] <= level)
    start, end = start[passes], end[passes]
    part = (level - start[:, 1]) / (end[:, 1] - start[:, 1])
    crossing = start + part[:, None] * (end - start)
    below = mesh.vertices[mesh.vertices[:, 1] <= level].astype(np.float64)
    out: F64 = np.concatenate([crossing, below])[:, [0, 2]]
    return out


def _way(away: F64) -> str:
    if abs(away[0]) > abs(away[1]):
        return "to its left" if away[0] > 0 else "to its right"
    return "forwards" if away[1] > 0 else "backwards"


def _area(hull: F64) -> float:
    if len(hull) < 3:
        return 0.0
    x, y = hull.T
    return float(abs((x * np.roll(y, -1) - y * np.roll(x, -1)).sum()) / 2)


def _gaps(vertices: F32, bodies: list[I32], main: int) -> tuple[F64, Bool]:
    """For each of the `bodies` but the main one, its distance from the nearest other, and whether it floats."""
    low, high = float(vertices[:, 1].min()), float(vertices[:, 1].max())
    corners = [np.unique(faces) for faces in bodies]
    gaps, floats = [], []
    for body in range(len(bodies)):
        if body == main:
            continue
        own = vertices[corners[body]]
        others = vertices[np.concatenate([corners[k] for k in range(len(bodies)) if k != body])]
        gaps.append(float(spatial.cKDTree(others).query(own)[0].min()))
        floats.append(bool(own[:, 1].min() > low + 0.01 * (high - low)))
    return np.array(gaps), np.array(floats, np.bool_)


def _holes(mask: Bool) -> int:
    """Holes of a mask, without those of a few pixels."""
    labels, count = ndimage.label(np.pad(~mask, 1, constant_values=True))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    outside = labels[0, 0]
    return int(sum(size >= _HOLE_PX for number, size in enumerate(sizes, 1) if number != outside))
