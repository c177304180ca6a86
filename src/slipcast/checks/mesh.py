"""Mesh or figurine -> checks: is it a solid, will it print, will an engine like it, is it what the picture shows.

Each check is a function of what it needs; `check_figurine` runs them all and keeps what a report draws.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from slipcast.checks.standing import check_islands, check_lean, check_parts, check_stands, check_tunnels
from slipcast.checks.verdict import Check
from slipcast.checks.walls import ThinPart, find_thin_parts, measure_least_wall
from slipcast.core.camera import project
from slipcast.core.findings import Finding, finding
from slipcast.core.options import check as check_fields
from slipcast.core.options import flag, real, whole
from slipcast.core.values import Bool, Cutout, Figurine, Mesh, Shells, Source
from slipcast.mesh.deviation import Deviation
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.self_intersection import find_crossing_faces
from slipcast.mesh.thickness import Thickness, measure_thickness
from slipcast.mesh.topology import Closedness, Welded, closedness, face_normals, source_shares, take_apart

_HOW = {
    Source.MIRRORED: "mirrored from the seen side",
    Source.INVENTED: "invented",
}
_ORDER = (
    *("closed", "oriented", "crossing", "thickness", "islands", "stands", "lean", "parts", "tunnels"),
    *("budget", "texels", "overlap", "iou", "invented"),
)
"""Of the checks in every report."""
_OUTLINE_PX = 640
"""Longest side at which outlines are compared: half a pixel is less than 0.1 % of the height."""
_LINES_M = (0.0005, 0.001)
"""Walls of a 0.4 mm nozzle, for which one line is enough where a slicer lays it; resin knows none, and who asks for
more wants more."""
_UV_PX = 512
"""Side of the grid on which the atlas's coverage is counted."""


@dataclass(frozen=True, kw_only=True)
class MeshLimits:
    """What the checks compare with."""

    wall_m: float = 0.0008
    """Parts thinner than this are thin: two lines of a 0.4 mm nozzle."""
    measure_wall: bool = False
    """Whether the least wall is measured where no part is thinner than `wall_m`, as a gate needs it."""
    faces: int = 50_000
    """The budget."""
    texels: float = 512.0
    """Texels along the figurine's height that are as good as needed."""

    def __post_init__(self) -> None:
        check_fields(
            self,
            wall_m=real(0.0, 0.1, example=0.0008, unit="metres"),
            measure_wall=flag(),
            faces=whole(1, 100_000_000, example=50_000),
            texels=real(1, 65_536, example=512),
        )


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A figurine's checks, and what was measured on the way."""

    checks: tuple[Check, ...]
    mesh: Mesh
    """What was judged."""
    welded: Welded
    """Its bodies."""
    wanted: Bool
    """(H,W) the picture's outline, at most `_OUTLINE_PX` large."""
    drawn: Bool
    """(H,W) the mesh's outline as the picture's camera sees it."""

    @cached_property
    def thickness(self) -> Thickness:
        """How thick it is everywhere, for who draws it."""
        return measure_thickness(self.mesh)


@dataclass(frozen=True, kw_only=True)
class Solid:
    """What a mesh alone is judged by, before it has any colour."""

    mesh: Mesh
    welded: Welded
    wanted: Bool
    """(H,W) the picture's outline."""
    drawn: Bool
    """(H,W) the mesh's."""
    checks: tuple[Check, ...]


def check_solid(
    mesh: Mesh, placed: Mesh, depth: Shells, picture: Cutout, limits: MeshLimits, *, parted: bool = False
) -> Solid:
    """Run the checks of this file that need no texture; arguments as for `check_figurine`."""
    welded = take_apart(mesh)
    state = closedness(mesh, welded)
    wanted, drawn = outlines(placed, depth, picture)
    checks = (
        check_closed(state),
        check_oriented(state),
        check_crossing(mesh, parted=parted),
        check_thickness(mesh, limits),
        check_islands(welded, wanted),
        check_stands(mesh),
        check_lean(mesh),
        check_tunnels(welded, wanted),
        check_budget(mesh, limits.faces),
        check_outline(wanted, drawn),
        check_invented(mesh),
    )
    return Solid(mesh=mesh, welded=welded, wanted=wanted, drawn=drawn, checks=checks)


def check_figurine(
    figurine: Figurine,
    placed: Mesh,
    depth: Shells,
    picture: Cutout,
    limits: MeshLimits,
    deviation: Deviation,
    *,
    parted: bool = False,
    solid: Solid | None = None,
) -> Judged:
    """Run all checks of this file on `figurine`.

    `placed` is its mesh where the camera of `depth` sees it, before it was settled at its exact height; `deviation` is
    what simplification changed. `parted` says that no face of it crosses another, as who made it found; else that is
    looked for. `solid` is what `check_solid` told of the same mesh, if it was asked.
    """
    mesh = figurine.mesh
    if solid is None or solid.mesh is not mesh:
        solid = check_solid(mesh, placed, depth, picture, limits, parted=parted)
    found = {check.name: check for check in solid.checks}
    for check in (
        check_parts(solid.wanted, solid.drawn, deviation, float(np.ptp(mesh.vertices[:, 1]))),
        check_texels(figurine, limits.texels),
        check_overlap(figurine),
    ):
        found[check.name] = check
    checks = tuple(found[name] for name in _ORDER)
    return Judged(checks=checks, mesh=mesh, welded=solid.welded, wanted=solid.wanted, drawn=solid.drawn)


def check_closed(state: Closedness) -> Check:
    """Every edge has two faces, and no face is as thin as a line."""
    edges = state.open_edges + state.crowded_edges
    return Check(
        name="closed",
        score=float(edges == 0 and state.slivers == 0),
        values={
            "open_edges": state.open_edges,
            "crowded_edges": state.crowded_edges,
            "slivers": state.slivers,
        },
        findings=(finding("MESH_OPEN", {"edges": edges}),) if edges else (),
    )


def check_oriented(state: Closedness) -> Check:
    """All faces look outward, each body's by itself; those of a cavity look into it."""
    findings = []
    if state.turned_edges:
        findings.append(finding("MESH_TURNED", {"edges": state.turned_edges}))
    if state.inside_out or state.volume_m3 < 0:
        findings.append(finding("MESH_INSIDE_OUT", {"count": max(state.inside_out, 1)}))
    return Check(
        name="oriented",
        score=float(not findings and state.volume_m3 > 0),
        values={
            "turned_edges": state.turned_edges,
            "inside_out": state.inside_out,
            "volume_mm3": round(state.volume_m3 * 1e9, 3),
        },
        findings=tuple(findings),
    )


def check_crossing(mesh: Mesh, *, parted: bool = False) -> Check:
    """No face runs through another; half a score at one in a hundred. Where faces were `parted` none is looked for."""
    pairs = np.zeros((0, 2), np.int64) if parted else find_crossing_faces(mesh)
    faces = len(np.unique(pairs))
    share = faces / max(len(mesh.faces), 1)
    told = share > 0.005
    return Check(
        name="crossing",
        score=_falling(share, 0.0, 0.02),
        values={"crossing_faces": faces, "crossing_pairs": len(pairs)},
        findings=(finding("MESH_CROSSING", {"faces": faces}),) if told else (),
    )


def check_thickness(mesh: Mesh, limits: MeshLimits) -> Check:
    """No part is thinner than the process prints; half a score where such parts are 3 % of the height long in sum.

    `thickness_mm` is how thick the thinnest part is; where none is thinner than the process prints, that wall, or the
    least wall where it is measured.
    """
    narrow = find_thin_parts(mesh, limits.wall_m)
    if narrow is None:
        return Check(name="thickness", score=None)
    by_lines = _LINES_M[0] <= limits.wall_m <= _LINES_M[1]
    parts = tuple(part for part in narrow if not (by_lines and part.laid))
    thickness = limits.wall_m
    if narrow:
        # Of a statue a pixel is wider than the wall: what was found is thinner than it all the same.
        thickness = min(*(part.width_m for part in narrow), limits.wall_m - 1e-6)
    elif limits.measure_wall:
        thickness = measure_least_wall(mesh, limits.wall_m)
    height_m = float(np.ptp(mesh.vertices[:, 1]))
    length = sum(part.length_m for part in parts)
    findings: tuple[Finding, ...] = ()
    if parts:
        shown = {
            "count": len(parts),
            "limit_mm": f"{limits.wall_m * 1000:g}",
            "process": "resin" if limits.wall_m < _LINES_M[0] else "filament",
            "part": "sheet" if parts[0].laid else "rod or tip",
            "length_mm": f"{parts[0].length_m * 1000:.1f}",
            "thinnest_mm": f"{parts[0].width_m * 1000:.2f}",
            "place": _place(parts[0], mesh),
            "height_mm": f"{math.ceil(height_m * limits.wall_m / parts[0].width_m * 1000)}",
        }
        findings = (finding("MESH_THIN", shown),)
    return Check(
        name="thickness",
        score=_falling(length / max(height_m, 1e-12), 0.0, 0.06),
        values={
            "thickness_mm": _mm(thickness),
            "wall_mm": _mm(limits.wall_m),
            "thin_parts": len(parts),
            "single_lines": len(narrow) - len(parts),
            "thin_length_mm": _mm(length),
        },
        findings=findings,
    )


def _place(part: ThinPart, mesh: Mesh) -> str:
    """Where a part is, in words, as one sees the figurine from the front."""
    low, high = mesh.vertices.min(0).astype(float), mesh.vertices.max(0).astype(float)
    share = (np.array(part.at_m) - low) / np.maximum(high - low, 1e-12)
    side = "left" if share[0] < 1 / 3 else "right" if share[0] > 2 / 3 else "middle"
    way = "front " if share[2] > 2 / 3 else "back " if share[2] < 1 / 3 else ""
    return f"at the {way}{side}, {(part.at_m[1] - low[1]) * 1000:.0f} mm above the ground"


def check_budget(mesh: Mesh, faces: int) -> Check:
    """No more faces than were asked for."""
    count = len(mesh.faces)
    over = count > faces
    return Check(
        name="budget",
        score=min(1.0, faces / max(count, 1)),
        values={"faces": count, "budget": faces},
        findings=(finding("MESH_OVER_BUDGET", {"faces": count, "budget": faces}),) if over else (),
    )


def check_texels(figurine: Figurine, wanted: float) -> Check:
    """The texture is as fine as a figurine of its height deserves; medians are by area of the surface."""
    density, area = _texels_per_m(figurine)
    if not area.sum() > 0:
        return Check(name="texels", score=None)
    order = np.argsort(density, kind="stable")
    below = np.cumsum(area[order])
    median, low = (float(density[order[np.searchsorted(below, q * below[-1])]]) for q in (0.5, 0.05))
    height_m = float(np.ptp(figurine.mesh.vertices[:, 1]))
    along = median * height_m
    told = along < wanted / 2
    return Check(
        name="texels",
        score=min(1.0, along / wanted),
        values={
            "texels_per_mm": round(median / 1000, 3),
            "texels_per_mm_low": round(low / 1000, 3),
            "texels_along_height": round(along),
        },
        findings=(finding("TEXTURE_COARSE", {"texels": round(along)}),) if told else (),
    )


def check_overlap(figurine: Figurine) -> Check:
    """How much of the unfolded surface lies over other parts of it in the atlas.

    The union is counted on a grid, whose pixels' centres are as often in as out: no edge is counted twice.
    """
    uv = figurine.uv.astype(np.float64).reshape(-1, 3, 2)
    corner = uv * _UV_PX
    edge = corner[:, 1:] - corner[:, :1]
    signed = (edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) / 2
    total = float(np.abs(signed).sum())
    if not len(uv) or total < 1:
        return Check(name="overlap", score=None)
    # The rasteriser draws faces that run against the clock on a screen whose y goes down.
    corner[signed > 0] = corner[signed > 0][:, ::-1]
    faces = np.arange(3 * len(uv), dtype=np.int32).reshape(-1, 3)
    hits = rasterize(corner.reshape(-1, 2), np.zeros(3 * len(uv)), faces, _UV_PX, _UV_PX)
    union = float((hits.face >= 0).sum())
    share = float(np.clip(1 - union / total, 0, 1))
    return Check(
        name="overlap",
        score=1 - share,
        values={"uv_overlap_share": round(share, 4), "atlas_used_share": round(union / _UV_PX**2, 4)},
    )


def check_outline(wanted: Bool, drawn: Bool) -> Check:
    """Seen by the picture's camera, the mesh `drawn` (H,W) covers what the figurine covers, `wanted` (H,W)."""
    union = int((wanted | drawn).sum())
    if not union:
        return Check(name="iou", score=None)
    iou = float((wanted & drawn).sum()) / union
    told = iou < 0.95
    return Check(
        name="iou",
        score=1 - _falling(iou, 0.80, 1.0),
        values={
            "iou": round(iou, 4),
            "missing_share": round(float((wanted & ~drawn).sum()) / max(int(wanted.sum()), 1), 4),
            "added_share": round(float((drawn & ~wanted).sum()) / max(int(wanted.sum()), 1), 4),
        },
        findings=(finding("OUTLINE_DIFFERS", {"percent": f"{100 * iou:.1f}"}),) if told else (),
    )


def check_invented(mesh: Mesh) -> Check:
    """How much of the surface no picture shows; the score is the share that one does."""
    shares = source_shares(mesh)
    made_up = sum(shares[kind] for kind in _HOW)
    percent = round(100 * made_up)
    findings: tuple[Finding, ...] = ()
    if percent:
        main = max(_HOW, key=lambda kind: shares[kind])
        where = "any picture" if shares[Source.BACK_VIEW] else "the picture"
        findings = (finding("BACK_INVENTED", {"percent": percent, "where": where, "how": _HOW[main]}),)
    return Check(
        name="invented",
        score=float(np.clip(1 - made_up, 0, 1)),
        values={f"{kind.name.lower()}_share": round(share, 4) for kind, share in shares.items()},
        findings=findings,
    )


def outlines(placed: Mesh, depth: Shells, picture: Cutout) -> tuple[Bool, Bool]:
    """(H,W) the figurine in the picture, and the mesh as `depth`'s camera sees it, at most 640 px large."""
    height, width = depth.valid.shape
    scale = min(1.0, _OUTLINE_PX / max(height, width))
    tall, wide = max(1, round(height * scale)), max(1, round(width * scale))
    screen, z = project(depth.camera, placed.vertices)
    hits = rasterize(screen * [wide / width, tall / height], z, placed.faces, wide, tall)
    cover = picture.alpha >= 128
    return _shrink(cover & depth.valid, wide, tall), hits.face >= 0


def _shrink(mask: Bool, width_px: int, height_px: int) -> Bool:
    """The mask at another size: True where at least half of the pixel is."""
    from PIL import Image

    whole = Image.fromarray(mask.astype(np.uint8) * 255)
    out: Bool = np.asarray(whole.resize((width_px, height_px), Image.Resampling.BOX)) >= 128
    return out


def _texels_per_m(figurine: Figurine) -> tuple["np.typing.NDArray[np.float64]", ...]:
    """(F,) texels along one metre of each face, and the faces' areas."""
    _, area = face_normals(figurine.mesh.vertices, figurine.mesh.faces)
    texture = figurine.texture
    edge = np.diff(figurine.uv.astype(np.float64), axis=1) * [texture.width_px, texture.height_px]
    texels = np.abs(edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0]) / 2
    return np.sqrt(texels / np.maximum(area, 1e-30)), area


def _falling(value: float, good: float, bad: float) -> float:
    """1 at `good` and before, 0 at `bad` and beyond, straight between."""
    return float(np.clip((bad - value) / (bad - good), 0, 1))


def _mm(length_m: float) -> float | None:
    """Metres as millimetres to a thousandth; None where infinite."""
    return round(length_m * 1000, 3) if np.isfinite(length_m) else None
