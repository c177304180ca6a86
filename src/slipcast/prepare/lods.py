"""A figurine -> levels of detail that share its atlas and its material.

Each level is decimated from the one before, as a closed solid. Texture coordinates are not carried through the
collapse: each face of a level takes the chart of the nearest face of the figurine, and each of its corners is looked up
on that chart, a little beyond its border where a face straddles it. So no level needs an atlas of its own, and a
collapse may cross a seam.

Rejected: meshoptimizer's attribute-aware collapse, which keeps seams in place (a figurine of 50,000 faces with 300
charts stalls above 5,000 faces, since every seam edge is held).

Where a level of the wanted size would not stay closed, or would lose a body, twice its faces are tried, and so on: the
first that holds is the coarsest level.
"""

from dataclasses import dataclass, replace

import numpy as np

from slipcast.core.errors import BadInput, StageFailed
from slipcast.core.findings import Finding, finding
from slipcast.core.options import check, real, several
from slipcast.core.scientific import sparse, spatial
from slipcast.core.values import F32, F64, I64, Figurine, Level, Mesh
from slipcast.mesh.deviation import Deviation, measure_deviation
from slipcast.mesh.nearest import weigh_corners
from slipcast.mesh.topology import bodies_of, closedness, face_normals
from slipcast.prepare.take_over import SCREEN_PX, TakeOver, find_take_over
from slipcast.reconstruct.simplify import CRUMB, collapse, decimate
from slipcast.texture.rebake import rebake

MOST_LEVELS = 8
"""Unity takes no more."""
_RANGE = 0.9
"""A level takes over at this share of the height at which the one before did, at most: each has a range."""
_NEAREST = 8
_ALONE = 0.25
"""Charts a face from which a level finds no chart that its larger faces fit on: colours per vertex become such ones."""
_STRETCH = 3.0
"""How much farther coordinates may lie from a face's middle than the corner does, in a stretched chart."""


@dataclass(frozen=True, kw_only=True)
class LodOptions:
    """Which levels there are.

    >>> LodOptions(shares=(1, 0.5)).shares
    (1.0, 0.5)
    """

    shares: tuple[float, ...] = (1.0, 0.4, 0.16)
    """Faces of each level as a share of the figurine's, falling; the first is the figurine itself."""

    def __post_init__(self) -> None:
        check(
            self,
            shares=several(real(0, 1, example=0.4), least=1, most=MOST_LEVELS),
        )
        if self.shares[0] != 1.0:
            raise BadInput(
                f"shares must begin with 1, the figurine itself, got {self.shares[0]:g}", field="shares"
            )
        if any(not 0 < after < before for before, after in zip(self.shares, self.shares[1:], strict=False)):
            told = ", ".join(f"{share:g}" for share in self.shares)
            raise BadInput(f"shares must fall from level to level, got {told}", field="shares")

    @classmethod
    def parse(cls, text: str) -> "LodOptions":
        """Return the options of `3` (three levels, each 0.4 of the one before) or `1,0.5,0.2` (shares of the faces).

        Raises BadInput for what is neither.

        >>> LodOptions.parse("1,0.5,0.2").shares
        (1.0, 0.5, 0.2)
        """
        word = text.strip()
        if word.isascii() and word.isdigit() and 1 <= int(word) <= MOST_LEVELS:
            return cls(shares=tuple(round(0.4**k, 6) for k in range(int(word))))
        try:
            if "," not in word:
                raise ValueError
            return cls(shares=tuple(float(each) for each in word.split(",")))
        except ValueError as error:
            raise BadInput(
                f"lods {text!r} is not understood; write a number of levels from 1 to {MOST_LEVELS}, or shares like "
                "1,0.5,0.2",
                field="lods",
            ) from error


@dataclass(frozen=True, kw_only=True)
class Lod:
    """One level."""

    figurine: Figurine
    share: float
    deviation: Deviation
    """From level 0; zero for level 0 itself."""
    texels_per_mm: float
    """Median over the surface."""
    one_pixel_px: float
    """Height on the screen, in pixels, at which the largest deviation is one pixel; infinite for level 0."""
    take_over: TakeOver | None = None
    """Up to which height the level is shown: `one_pixel_px`, or less where its picture differs too much there."""

    @property
    def switch_px(self) -> float:
        """Height on the screen, in pixels, below which the level is shown; infinite for level 0."""
        return float("inf") if self.take_over is None else self.take_over.height_px

    @property
    def coverage(self) -> float:
        """`switch_px` as a share of a screen of 1080 lines, at most 1: what MSFT_screencoverage states."""
        return min(1.0, self.switch_px / SCREEN_PX)

    def as_dict(self) -> dict[str, object]:
        """The level as JSON-ready data."""
        return {
            "faces": len(self.figurine.mesh.faces),
            "share": self.share,
            "deviation_mm": self.deviation.as_dict(),
            "texels_per_mm": round(self.texels_per_mm, 2),
            "one_pixel_px": None if np.isinf(self.one_pixel_px) else round(self.one_pixel_px, 1),
            "switch_px": None if self.take_over is None else round(self.switch_px, 1),
            "difference": None if self.take_over is None else round(self.take_over.difference, 1),
        }


def make_lods(figurine: Figurine, options: LodOptions) -> tuple[list[Lod], list[Finding]]:
    """Return the levels of `figurine`, finest first; LOD_FLOOR where one of its share is not to be had, LODS_OPEN.

    Each level is a closed solid with every body of the figurine, of at most its share of the faces. Where there is none
    the coarsest that there is ends the list. Levels of an open mesh may be open, and that is said.
    A figurine whose faces mostly lie alone in its texture is painted on charts first: the first level has them too.
    """
    full = figurine.mesh
    if _find_charts(figurine).max() + 1 > _ALONE * len(full.faces):
        figurine = replace(rebake(figurine, full), normal_map=None)
    height_m = float(np.ptp(full.vertices[:, 1]))
    lods = [_level(figurine, 1.0, Deviation(largest_m=0.0, mean_m=0.0), height_m)]
    found: list[Finding] = []
    open_edges = closedness(full).open_edges
    bodies = 1 if open_edges else _count_bodies(full)
    for share in options.shares[1:]:
        wanted = int(len(full.faces) * share)
        before = lods[-1].figurine.mesh
        mesh = _simplify(before, wanted, bodies)
        if mesh is None and open_edges:
            mesh = _collapse_open(before, wanted)
            told = finding("LODS_OPEN", {"edges": open_edges})
            found += [told] if mesh is not None and told not in found else []
        ends = mesh is None
        if mesh is None:
            mesh = _find_floor(before, wanted, bodies)
            floor = before if mesh is None else mesh
            found.append(finding("LOD_FLOOR", {"wanted": wanted, "floor": len(floor.faces)}))
        if mesh is not None:
            made = round(len(mesh.faces) / len(full.faces), 6) if ends else share
            deviation = measure_deviation(mesh, full, height_m=height_m)
            level = _level(transfer_uv(figurine, mesh), made, deviation, height_m)
            most_px = min(level.one_pixel_px, _RANGE * min(lods[-1].switch_px, SCREEN_PX / _RANGE))
            lods.append(replace(level, take_over=find_take_over(level.figurine, figurine, most_px)))
        if ends:
            break
    return lods, found


def _simplify(mesh: Mesh, faces: int, bodies: int) -> Mesh | None:
    """A closed solid of at most `faces` triangles, fewer than `mesh` has, and `bodies` bodies at least; or None."""
    if faces < 4 * bodies:
        return None
    try:
        made = decimate(mesh, faces)
    except StageFailed:  # every way ended above the budget
        return None
    if made is None or len(made.faces) >= len(mesh.faces):
        return None
    return made if bodies == 1 or _count_bodies(made) >= bodies else None


def _find_floor(mesh: Mesh, faces: int, bodies: int) -> Mesh | None:
    """The first solid as `_simplify` makes it at `faces`, doubled until there is one; None where only `mesh` holds."""
    faces = max(2 * faces, 4 * bodies)
    while faces < len(mesh.faces):
        made = _simplify(mesh, faces, bodies)
        if made is not None:
            return made
        faces *= 2
    return None


def _collapse_open(mesh: Mesh, faces: int) -> Mesh | None:
    """An open surface of at most `faces` triangles, or None where the collapse stalls above."""
    made = collapse(mesh, faces) if faces >= 1 else None
    return made if made is not None and 0 < len(made.faces) <= faces else None


def _count_bodies(mesh: Mesh) -> int:
    """How many bodies there are that are no crumbs; cavities are none."""
    volumes = bodies_of(mesh).volume
    return max(int((volumes > CRUMB * volumes.sum()).sum()), 1)


def attach_levels(figurine: Figurine, lods: list[Lod]) -> Figurine:
    """Return `figurine` with the levels below it, as exporters write them, and their numbers in its provenance."""
    levels = tuple(
        Level(mesh=lod.figurine.mesh, uv=lod.figurine.uv, coverage=lod.coverage) for lod in lods[1:]
    )
    about = {**figurine.provenance, "lods": [lod.as_dict() for lod in lods]}
    return replace(figurine, levels=levels, provenance=about)


def _level(figurine: Figurine, share: float, deviation: Deviation, height_m: float) -> Lod:
    return Lod(
        figurine=figurine,
        share=share,
        deviation=deviation,
        texels_per_mm=measure_texel_density(figurine),
        one_pixel_px=height_m / deviation.largest_m if deviation.largest_m > 0 else float("inf"),
    )


def measure_texel_density(figurine: Figurine) -> float:
    """Return the median number of texels along one millimetre, weighted by area."""
    corner = figurine.mesh.vertices[figurine.mesh.faces].astype(np.float64) * 1000
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 2
    uv = figurine.uv.astype(np.float64) * [figurine.texture.width_px, figurine.texture.height_px]
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    texels = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2
    density = np.sqrt(texels / np.maximum(area, 1e-12))
    order = np.argsort(density)
    share = np.cumsum(area[order]) / max(float(area.sum()), 1e-12)
    return float(density[order][min(int(np.searchsorted(share, 0.5)), len(order) - 1)])


def transfer_uv(figurine: Figurine, mesh: Mesh) -> Figurine:
    """Return `mesh`, a simpler surface of the same shape, with texture coordinates and sources of `figurine`."""
    full = figurine.mesh
    chart = _find_charts(figurine)
    centers = full.vertices[full.faces].astype(np.float64).mean(1)
    normals, _ = face_normals(full.vertices, full.faces)
    own_normals, _ = face_normals(mesh.vertices, mesh.faces)
    own = mesh.vertices[mesh.faces].astype(np.float64)
    size = float(np.ptp(full.vertices, axis=0).max())
    count = min(_NEAREST, len(centers))
    distance, near = spatial.cKDTree(centers).query(own.mean(1), k=count)
    distance, near = distance.reshape(len(own), -1), near.reshape(len(own), -1)
    turned = 1 - np.einsum("fkc,fc->fk", normals[near], own_normals)
    nearest = near[np.arange(len(near)), (distance / size + 0.05 * turned).argmin(1)]
    uv = np.empty((len(own), 3, 2), np.float32)
    uv_middle = figurine.uv.astype(np.float64).mean(1)
    for number in np.unique(chart[nearest]):
        faces = np.flatnonzero(chart[nearest] == number)
        members = np.flatnonzero(chart == number)
        uv[faces] = _look_up(
            own[faces],
            uv_middle[nearest[faces]],
            full.vertices[full.faces[members]].astype(np.float64),
            figurine.uv[members],
        )
    labelled = replace(mesh, source=full.source[nearest])
    return replace(figurine, mesh=labelled, uv=np.clip(uv, 0, 1).astype(np.float32))


def _find_charts(figurine: Figurine) -> I64:
    """(F,) number of each face's chart: faces that share an edge and both its texture coordinates."""
    faces = figurine.mesh.faces.astype(np.int64)
    corner = np.stack([faces, np.roll(faces, -1, axis=1)], 2).reshape(-1, 2)
    uv = np.stack([figurine.uv, np.roll(figurine.uv, -1, axis=1)], 2).reshape(-1, 4)
    swap = corner[:, 0] > corner[:, 1]
    corner[swap] = corner[swap][:, ::-1]
    uv[swap] = uv[swap][:, [2, 3, 0, 1]]
    key = np.concatenate([corner.astype(np.float64), np.round(uv.astype(np.float64), 7)], axis=1)
    _, edge = np.unique(key, axis=0, return_inverse=True)
    order = np.argsort(edge.ravel(), kind="stable")
    same = np.diff(edge.ravel()[order]) == 0
    a, b = order[:-1][same] // 3, order[1:][same] // 3
    graph = sparse.coo_matrix((np.ones(len(a), bool), (a, b)), (len(faces), len(faces)))
    out: I64 = sparse.csgraph.connected_components(graph, directed=False)[1].astype(np.int64)
    return out


def _look_up(own: F64, uv_own: F64, corner: F64, uv: F32) -> F64:
    """(F,3,2) texture coordinates of faces' corners (F,3,3) on the nearest of (M,3,3) triangles of one chart.

    A corner beyond the chart's border takes what the triangle's plane says there. A chart may lie on both sides of one
    of its own seams: a triangle whose coordinates are farther from those of the face's middle, `uv_own` (F,2), than it
    lies away in space is on the other side.
    """
    points = own.reshape(-1, 3)
    middle = np.repeat(own.mean(1), 3, axis=0)
    uv_middle = np.repeat(uv_own, 3, axis=0)
    scale = _measure_scale(corner, uv.astype(np.float64))
    count = min(2 * _NEAREST, len(corner))
    _, near = spatial.cKDTree(corner.mean(1)).query(points, k=count)
    near = near.reshape(len(points), -1)
    best = np.full(len(points), np.inf)
    out = np.zeros((len(points), 2))
    away = np.linalg.norm(points - middle, axis=1)
    for k in range(near.shape[1]):
        a, b, c = (corner[near[:, k], j] for j in range(3))
        weights = weigh_corners(points, np.stack([a, b, c], 1))
        inside = np.clip(weights, 0, 1)
        inside /= inside.sum(1, keepdims=True)
        place = inside[:, :1] * a + inside[:, 1:2] * b + inside[:, 2:] * c
        texels = uv[near[:, k]].astype(np.float64)
        # Straight on over the border, no farther than the triangle is large.
        wide = (np.abs(weights) <= 2).all(1, keepdims=True)
        found = np.einsum("nk,nkc->nc", np.where(wide, weights, inside), texels)
        jump = np.maximum(np.linalg.norm(found - uv_middle, axis=1) * scale - _STRETCH * away, 0)
        distance = np.linalg.norm(points - place, axis=1) + jump
        better = distance < best
        best[better] = distance[better]
        out[better] = found[better]
    return out.reshape(-1, 3, 2)


def _measure_scale(corner: F64, uv: F64) -> float:
    """How many metres one unit of texture coordinates is: the median over (M,3,3) triangles."""
    size = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    a, b = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    flat = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])
    ratio = size / np.maximum(flat, 1e-12)
    return float(np.sqrt(np.median(ratio)))
