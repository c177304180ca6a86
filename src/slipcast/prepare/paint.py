"""A textured body -> faces of few colours whose borders are cut into the mesh.

A slicer paints whole triangles. So the triangles on which the texture changes colour are refined first, then each edge
whose ends differ is cut where the colour changes along it, and the triangles around are divided there. Every edge is
divided in one way for both its faces, so a closed mesh stays closed and its shape does not change.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.options import check, real, several, whole
from slipcast.core.scientific import sparse, spatial
from slipcast.core.values import F32, F64, I64, U8, Bool, Source
from slipcast.prepare.body import COLOR, Color, Kind, Surface, parse_color
from slipcast.prepare.palette import (
    Palette,
    choose_palette,
    compare_space,
    find_skin,
    lab_from_srgb,
    map_to_filaments,
    match_skin,
    measure_gaps,
)

_ROUNDS = 6
_FIRST_CUT = 0.15
"""Where an edge may be cut: not so near to its ends that slivers come out."""
_SHOWN = 0.7
"""How much the texture along the edge says about it, against its ends."""
_CLEAR, _MOST_COST, _EDGE = 10.0, 7.0, 10.0
"""Differences of colour that speak clearly, the most that a place says, and what is an edge between neighbours."""
_CALM, _CALM_ROUNDS, _NEAR_MM, _LEAST_PULL = 3.0, 12, 0.8, 0.02
"""How much neighbours say, for how many rounds, how near they are, and what they say across an edge of colour."""

_HEAD = 0.6
"""Share of the height above which the face is."""
_FACE = 6.0
"""How much more a place there counts that faces the front."""
_INVENTED = 0.75
"""How much what no picture shows counts: the wall of a base, a back."""

_BED_MM, _AROUND_MM = 0.35, 2.0
"""How near to the bed the sole lies (two thirds of the knight's lie 0.05 to 0.3 mm above it, which the first layers
fill), and how high what is around it reaches."""


@dataclass(frozen=True, kw_only=True)
class PaintOptions:
    """How a texture becomes filaments.

    >>> PaintOptions(colors=17)
    Traceback (most recent call last):
    slipcast.core.errors.BadInput: colors is 17; give a whole number from 1 to 16, for instance 4
    """

    colors: int = 4
    """How many, where no filaments are named."""
    filaments: tuple[Color | str, ...] = ()
    """What is at hand, as sRGB or as `#cc3333` or `red`; becomes sRGB. Each place takes the nearest."""
    smallest_mm2: float = 1.5
    """A smaller patch takes its surroundings' colour."""
    finest_mm: float = 0.5
    """Length to which edges are refined along colour borders."""

    def __post_init__(self) -> None:
        check(
            self,
            colors=whole(1, 16, example=4),
            filaments=several(COLOR, most=16),
            smallest_mm2=real(0, 100, example=1.5),
            finest_mm=real(0.1, 10, example=0.5, unit="millimetres"),
        )
        if len(self.filaments) == 1:
            raise BadInput(
                "filaments must name at least two colours; with one, leave it out and print in that colour",
                field="filaments",
            )
        for number, color in enumerate(self.filaments):
            if color in self.filaments[:number]:
                raise BadInput(
                    f"filaments names #{bytes(parse_color(color)).hex()} twice; name each colour once",
                    field="filaments",
                )


@dataclass(frozen=True, kw_only=True)
class Painted:
    """A surface in few colours."""

    surface: Surface
    index: I64
    """(F,) which of the palette's colours each face has."""
    palette: Palette


def pick_palette(surface: Surface, texture: U8, options: PaintOptions) -> Palette:
    """Return the palette that serves what is seen of `surface` best, or the given filaments.

    `texture` (H,W,3) is sRGB. The figurine chooses; its base takes the nearest of its colours.
    """
    seen = surface.kind != int(Kind.CAVITY)
    if not options.filaments and surface.textured.any():
        seen = surface.textured
    colors, area = _face_colors(surface, texture)[seen], measure_areas(surface)[seen]
    if options.filaments:
        return map_to_filaments(colors, area, [parse_color(each) for each in options.filaments])[0]
    looked_at, middle = measure_importance(surface)[seen], _weigh_middle(surface)[seen]
    weight = area * looked_at
    weight[surface.source[seen] == int(Source.INVENTED)] *= _INVENTED
    skin = np.where(match_skin(colors, middle), middle, 0.0)
    face = find_skin(colors, skin) if skin.any() else None
    return choose_palette(colors, area, options.colors, weight, skin=face)[0]


def measure_importance(surface: Surface) -> F64:
    """Return how much each face (F,) is looked at: the front more than the back, the head's height most."""
    a, b, c = (surface.vertices_mm[surface.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    front = -normal[:, 1] / np.maximum(np.linalg.norm(normal, axis=1), 1e-12)
    z = (a + b + c)[:, 2] / 3
    share = (z - z.min()) / max(float(np.ptp(z)), 1e-9)
    weight = np.where(front > 0.2, 2.0, np.where(front < -0.2, 0.5, 1.0))
    weight[(front > 0.2) & (share > _HEAD)] = _FACE
    return np.asarray(weight, np.float64)


def _weigh_middle(surface: Surface) -> F64:
    """(F,) how much of the middle of the head's front each face is: where the face is."""
    a, b, c = (surface.vertices_mm[surface.faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    area = np.linalg.norm(normal, axis=1)
    front = np.maximum(-normal[:, 1] / np.maximum(area, 1e-12), 0)
    x, _, z = (a + b + c).T / 3
    weight = area * front**2 * (z > z.min() + _HEAD * np.ptp(z)) * surface.textured
    if not weight.any():
        return np.asarray(area, np.float64)
    middle = np.average(x, weights=weight)
    wide = max(float(np.sqrt(np.average((x - middle) ** 2, weights=weight))), 1e-9)
    return np.asarray(weight * np.exp(-1.5 * ((x - middle) / wide) ** 2), np.float64)


def paint_surface(surface: Surface, texture: U8, palette: Palette, options: PaintOptions) -> Painted:
    """Return `surface` with a palette's colour for each face; `texture` is its (H,W,3) sRGB atlas.

    Faces that a cut made take the colour of the nearest textured face.
    """
    own = np.array(palette.colors, np.uint8)
    refined = _refine(surface, texture, own, options.finest_mm)
    cut, index = _cut_borders(refined, texture, own)
    index = _set_off_text(cut, index, own)
    index = _paint_sole(cut, _absorb_specks(cut, index, options.smallest_mm2))
    return Painted(surface=cut, index=index, palette=palette)


def _set_off_text(surface: Surface, index: I64, palette: U8) -> I64:
    """(F,) `index` with letters that would have the base's colour in the one whose lightness differs most from it."""
    text, base = surface.kind == int(Kind.TEXT), surface.kind == int(Kind.BASE)
    if not (text.any() and base.any()):
        return index
    below = int(np.bincount(index[base]).argmax())
    if below != int(np.bincount(index[text]).argmax()):
        return index
    light = lab_from_srgb(palette)[:, 0]
    return np.where(text, int(np.abs(light - light[below]).argmax()), index)


def _paint_sole(surface: Surface, index: I64) -> I64:
    """(F,) `index` with one colour for what lies on the bed: that of most around it. Nobody sees the others, and each
    would cost changes of filament in the first layers."""
    corner = surface.vertices_mm[surface.faces]
    low = corner[..., 2].min()
    downward = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 2] < 0
    sole = surface.textured & downward & (corner[..., 2].max(1) < low + _BED_MM)
    around = ~sole & (corner[..., 2].mean(1) < low + _AROUND_MM)
    if sole.any() and around.any():
        index = index.copy()
        index[sole] = np.bincount(index[around], measure_areas(surface)[around]).argmax()
    return index


def measure_areas(surface: Surface) -> F64:
    """Return the (F,) areas in mm2."""
    a, b, c = (surface.vertices_mm[surface.faces[:, k]] for k in range(3))
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2, np.float64)


def sample_texture(texture: U8, uv: F32) -> U8:
    """Return the (N,3) texels at (N,2) texture coordinates, origin top left."""
    height, width = texture.shape[:2]
    column = np.clip((uv[:, 0] * width).astype(np.int64), 0, width - 1)
    row = np.clip((uv[:, 1] * height).astype(np.int64), 0, height - 1)
    out: U8 = texture[row, column]
    return out


def _face_colors(surface: Surface, texture: U8) -> U8:
    """(F,3) each face's colour: the texture's in its middle, its own, or for cuts that of the nearest textured face."""
    out = surface.color.copy()
    textured = surface.textured
    out[textured] = sample_texture(texture, surface.uv[textured].mean(1))
    cut = (surface.kind == int(Kind.CUT)) & ~textured
    if cut.any() and textured.any():
        middle = surface.vertices_mm[surface.faces].mean(1)
        _, nearest = spatial.cKDTree(middle[textured]).query(middle[cut])
        out[cut] = out[textured][nearest]
    return out


def _classify(colors: U8, palette: U8) -> I64:
    """(N,) index of the palette's colour that lies nearest, by the same measure for every pixel."""
    table = _tabulate(palette.tobytes())
    r, g, b = (colors.reshape(-1, 3) >> 3).astype(np.int64).T
    out: I64 = table[(r << 10) | (g << 5) | b]
    return out


@lru_cache(maxsize=4)
def _tabulate(palette: bytes) -> I64:
    """(32768,) the nearest palette colour of each colour of 5 bits a channel."""
    cells = np.stack(np.unravel_index(np.arange(1 << 15), (32, 32, 32)), 1)
    own = compare_space(lab_from_srgb(np.frombuffer(palette, np.uint8).reshape(-1, 3)))
    gaps = compare_space(lab_from_srgb((cells * 8 + 4).astype(np.uint8)))[:, None] - own[None]
    return np.asarray((gaps**2).sum(2).argmin(1), np.int64)


def _share_vertices(surface: Surface, texture: U8, palette: U8, edge: I64) -> F64:
    """(V,K) how much each vertex is of each of the palette's colours: near to what is there, calm along the surface.

    What the texture shows around a vertex speaks for a colour, and its neighbours do, less so across an edge of colour:
    the mean field of a Potts model, whose rounds are sums over edges.
    """
    own = compare_space(lab_from_srgb(palette))
    rows = np.flatnonzero(surface.textured)
    weights = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4], [2, 2, 2]], np.float32) / 6
    corners = surface.uv[rows].transpose(1, 0, 2)
    places = np.concatenate([_mix(corners, weight) for weight in weights])
    seen = compare_space(lab_from_srgb(sample_texture(texture, places)))
    off = measure_gaps(seen, own) / (2 * _CLEAR**2)
    cost = np.minimum(off, _MOST_COST).reshape(len(weights), len(rows), len(own))
    area = measure_areas(surface)[rows]
    count = len(surface.vertices_mm)
    corner = surface.faces[rows].astype(np.int64)
    total, mean, weight = np.zeros((count, len(own))), np.zeros((count, 3)), np.full(count, 1e-12)
    color = seen.reshape(len(weights), len(rows), 3)
    for k in range(3):
        # Of a face's places, the one beside the corner and the middle.
        for values, out in (((cost[k] + cost[3]) / 2, total), ((color[k] + color[3]) / 2, mean)):
            for column in range(out.shape[1]):
                out[:, column] += np.bincount(corner[:, k], values[:, column] * area, count)
        weight += np.bincount(corner[:, k], area, count)
    total /= weight[:, None]
    mean /= weight[:, None]
    start, end = edge.T
    length = np.linalg.norm(surface.vertices_mm[start] - surface.vertices_mm[end], axis=1)
    apart = ((mean[start] - mean[end]) ** 2).sum(1)
    pull = np.exp(-length / _NEAR_MM) * np.exp(-apart / (2 * _EDGE**2)) + _LEAST_PULL
    links = sparse.coo_matrix(
        (np.tile(pull, 2), (np.concatenate([start, end]), np.concatenate([end, start]))), (count, count)
    ).tocsr()
    links = sparse.diags(1 / np.maximum(np.asarray(links.sum(1)).ravel(), 1e-12)) @ links
    share = _soften(-total)
    for _ in range(_CALM_ROUNDS):
        share = _soften(_CALM * (links @ share) - total)
    return share


def _soften(values: F64) -> F64:
    """(N,K) shares that sum to one: the exponentials of (N,K) values."""
    risen = np.exp(values - values.max(1, keepdims=True))
    out: F64 = risen / risen.sum(1, keepdims=True)
    return out


def _refine(surface: Surface, texture: U8, palette: U8, finest_mm: float) -> Surface:
    """Halve the edges of faces on which the colour changes until they are short."""
    plain = np.zeros(len(surface.faces), bool)  # found to be of one colour in a round before
    for _ in range(_ROUNDS):
        long = np.zeros((len(surface.faces), 3), bool)
        long[~plain] = _measure_edges(surface, ~plain) > finest_mm
        asked = np.asarray(long.any(1))
        mixed = _find_mixed(surface, texture, palette, asked)
        plain |= asked & ~mixed
        wanted = mixed[:, None] & long
        if not wanted.any():
            break
        edge, twin = _find_edges(surface, wanted)
        cut = np.arange(len(edge)) < len(edge) - 1
        surface, own = _divide(surface, edge, twin, cut, np.full(len(edge), 0.5))
        plain = plain[own] & (np.bincount(own)[own] == 1)
    return surface


def _measure_edges(surface: Surface, chosen: Bool) -> F64:
    """(N,3) lengths in mm of the edges of the faces that are `chosen` (F,), from each corner to the next."""
    at = surface.vertices_mm[surface.faces[chosen].T]
    out: F64 = np.sqrt(np.einsum("kfc,kfc->fk", *([np.roll(at, -1, axis=0) - at] * 2)))
    return out


def _find_mixed(surface: Surface, texture: U8, palette: U8, asked: Bool) -> Bool:
    """(F,) which of the `asked` faces show more than one colour at 21 places inside."""
    out = np.zeros(len(surface.faces), bool)
    rows = np.flatnonzero(asked & surface.textured)
    if len(rows):
        u, v = np.array([(i, j) for i in range(6) for j in range(6 - i)]).T / 5
        weights = (np.stack([1 - u - v, u, v], 1) * 0.94 + 0.02).astype(np.float32)
        corners = surface.uv[rows].transpose(1, 0, 2)
        first = _classify(sample_texture(texture, _mix(corners, weights[0])), palette)
        for weight in weights[1:]:
            other = _classify(sample_texture(texture, _mix(corners, weight)), palette) != first
            out[rows[other]] = True
            rows, first, corners = rows[~other], first[~other], corners[:, ~other]
    return out


def _mix(corners: F32, weight: F32) -> F32:
    """(N,2) the place in each of N faces that has `weight` (3,), of the texture coordinates (3,N,2) of its corners."""
    out: F32 = corners[0] * weight[0] + corners[1] * weight[1] + corners[2] * weight[2]
    return out


def _edges(surface: Surface) -> tuple[I64, I64]:
    """(E,2) sorted vertex pairs and (3F,) which of them runs from corner k of each face to the next."""
    start = surface.faces.astype(np.int64)
    pair = np.stack([start, np.roll(start, -1, axis=1)], 2).reshape(-1, 2)
    key = pair.min(1) * len(surface.vertices_mm) + pair.max(1)
    unique, twin = np.unique(key, return_inverse=True)
    return np.stack(np.divmod(unique, len(surface.vertices_mm)), 1), twin.ravel()


def _find_edges(surface: Surface, wanted: Bool) -> tuple[I64, I64]:
    """The same of the edges alone that are `wanted` (F,3) by a face beside them; all others are the last one, a dummy.

    To look for few edges takes a quarter of the time that sorting all does.
    """
    count = len(surface.vertices_mm)
    start = surface.faces.astype(np.int64)
    end = np.roll(start, -1, axis=1)
    key = np.minimum(start, end) * count + np.maximum(start, end)
    unique = np.unique(key[wanted])
    touched = np.zeros(count, bool)
    touched[start[wanted]] = touched[end[wanted]] = True
    asked = touched[start] & touched[end]
    at = np.minimum(np.searchsorted(unique, key[asked]), len(unique) - 1)
    twin = np.full(key.shape, len(unique))
    twin[asked] = np.where(unique[at] == key[asked], at, len(unique))
    edge = np.concatenate([np.stack(np.divmod(unique, count), 1), [[-1, -1]]])
    return edge, twin.ravel()


def _divide(surface: Surface, edge: I64, twin: I64, cut: Bool, at: F64) -> tuple[Surface, I64]:
    """Divide faces at cut edges (E,), `at` from the lower vertex; returns the surface and the face each comes from."""
    number = np.full(len(edge), -1, np.int64)
    number[cut] = len(surface.vertices_mm) + np.arange(int(cut.sum()))
    low, high = surface.vertices_mm[edge[cut, 0]], surface.vertices_mm[edge[cut, 1]]
    added = low * (1 - at[cut, None]) + high * at[cut, None]
    vertices = np.concatenate([surface.vertices_mm, added])
    face_cut = number[twin].reshape(-1, 3)  # (F,3) new vertex on the edge after each corner, or -1
    # t along each face's own direction, for the texture coordinates
    forward = surface.faces.astype(np.int64) == edge[twin, 0].reshape(-1, 3)
    t = np.where(forward, at[twin].reshape(-1, 3), 1 - at[twin].reshape(-1, 3)).astype(np.float32)
    uv_next = np.roll(surface.uv, -1, axis=1)
    uv_cut = surface.uv * (1 - t[..., None]) + uv_next * t[..., None]
    count = (face_cut >= 0).sum(1)
    faces, uvs, owner = (
        [surface.faces[count == 0].astype(np.int64)],
        [surface.uv[count == 0]],
        [np.flatnonzero(count == 0)],
    )

    def emit(rows: I64, corners: Sequence[tuple[str, I64]]) -> None:
        ids, coords = [], []
        for kind, k in corners:
            ids.append(surface.faces[rows, k] if kind == "v" else face_cut[rows, k])
            coords.append(surface.uv[rows, k] if kind == "v" else uv_cut[rows, k])
        faces.append(np.stack(ids, 1).astype(np.int64))
        uvs.append(np.stack(coords, 1))
        owner.append(rows)

    rows = np.flatnonzero(count == 1)
    k = (face_cut[rows] >= 0).argmax(1)
    n, o = (k + 1) % 3, (k + 2) % 3
    emit(rows, [("v", k), ("e", k), ("v", o)])
    emit(rows, [("e", k), ("v", n), ("v", o)])
    rows = np.flatnonzero(count == 2)
    k = (face_cut[rows] < 0).argmax(1)  # the edge that is not cut runs from k to n; o lies opposite
    n, o = (k + 1) % 3, (k + 2) % 3
    emit(rows, [("e", n), ("v", o), ("e", o)])
    emit(rows, [("v", k), ("v", n), ("e", n)])
    emit(rows, [("v", k), ("e", n), ("e", o)])
    rows = np.flatnonzero(count == 3)
    k, n, o = (np.full(len(rows), c) for c in range(3))
    emit(rows, [("v", k), ("e", k), ("e", o)])
    emit(rows, [("v", n), ("e", n), ("e", k)])
    emit(rows, [("v", o), ("e", o), ("e", n)])
    emit(rows, [("e", k), ("e", n), ("e", o)])
    own = np.concatenate(owner)
    made = replace(
        surface,
        vertices_mm=vertices,
        faces=np.concatenate(faces).astype(np.int32),
        uv=np.concatenate(uvs).astype(np.float32),
        kind=surface.kind[own],
        color=surface.color[own],
        source=surface.source[own],
    )
    return made, own


def _cut_borders(surface: Surface, texture: U8, palette: U8) -> tuple[Surface, I64]:
    """Cut edges where the colour changes along them; (F,) the colour of each resulting face."""
    edge, twin = _edges(surface)
    share = _share_vertices(surface, texture, palette, edge)
    label = share.argmax(1)
    asked = np.zeros(len(edge), bool)
    asked[twin.reshape(-1, 3)[surface.textured].ravel()] = True
    one, other = edge.T
    cut = asked & (label[one] != label[other])
    # Where both colours have the same share.
    more = share[one, label[one]] - share[one, label[other]]
    less = share[other, label[other]] - share[other, label[one]]
    at = more / np.maximum(more + less, 1e-12)
    shown = _find_change(surface, texture, palette, edge, twin, label, cut)
    at = np.clip(_SHOWN * shown + (1 - _SHOWN) * at, _FIRST_CUT, 1 - _FIRST_CUT)
    made, _ = _divide(surface, edge, twin, cut, at)
    # A cut belongs to no side: what is left of a face has the colour of its old corners.
    count = len(surface.vertices_mm)
    old = made.faces < count
    known = np.where(old, label[np.where(old, made.faces, 0)], -1)
    index = known.max(1)
    inner = ~old.any(1)
    parent = made.faces[inner] - count
    ends = edge[cut][parent]
    index[inner] = share[ends].sum((1, 2)).argmax(1)
    index[~made.textured] = _classify(_face_colors(made, texture)[~made.textured], palette)
    return made, index


def _find_change(
    surface: Surface, texture: U8, palette: U8, edge: I64, twin: I64, label: I64, cut: Bool
) -> F64:
    """(E,) how far from its lower vertex a cut edge shows the colour of that more than of the other, on both sides."""
    own = compare_space(lab_from_srgb(palette))
    twin = twin.reshape(-1, 3)
    rows, k = np.nonzero(cut[twin] & surface.textured[:, None])
    start, end = surface.uv[rows, k], surface.uv[rows, (k + 1) % 3]
    steps = np.linspace(0.05, 0.95, 10, dtype=np.float32)[:, None]
    places = start[:, None] * (1 - steps) + end[:, None] * steps
    seen = compare_space(lab_from_srgb(sample_texture(texture, places.reshape(-1, 2)))).reshape(
        *places.shape[:2], 3
    )
    low, high = own[label[edge[twin[rows, k]]]].transpose(1, 0, 2)
    nearer = ((seen - low[:, None]) ** 2).sum(2) < ((seen - high[:, None]) ** 2).sum(2)
    total = np.bincount(twin[rows, k], nearer.mean(1), len(edge))
    out: F64 = total / np.maximum(np.bincount(twin[rows, k], minlength=len(edge)), 1)
    return out


def _absorb_specks(surface: Surface, index: I64, smallest_mm2: float) -> I64:
    """Patches of one colour below a size take the colour with which they share the longest border.

    Letters keep theirs: the dots of an ö are small.
    """
    if not smallest_mm2:
        return index
    edge, twin = _edges(surface)
    order = np.argsort(twin, kind="stable")
    face = np.repeat(np.arange(len(surface.faces)), 3)[order]
    pairs = face.reshape(-1, 2) if len(face) == 2 * len(edge) else np.zeros((0, 2), np.int64)
    area = measure_areas(surface)
    length = np.linalg.norm(surface.vertices_mm[edge[:, 0]] - surface.vertices_mm[edge[:, 1]], axis=1)
    out = index.copy()
    for _ in range(4):
        same = out[pairs[:, 0]] == out[pairs[:, 1]]
        graph = sparse.coo_matrix(
            (np.ones(int(same.sum()), bool), (pairs[same, 0], pairs[same, 1])), (len(out), len(out))
        )
        count, patch = sparse.csgraph.connected_components(graph, directed=False)
        small = np.bincount(patch, area, count) < smallest_mm2
        border = ~same & (small[patch[pairs[:, 0]]] | small[patch[pairs[:, 1]]])
        if not border.any():
            break
        colors = int(out.max()) + 1
        near, there = pairs[border].T, pairs[border][:, ::-1].T
        shared = (patch[near].astype(np.int64) * colors + out[there]).ravel()
        best = np.bincount(shared, np.tile(length[border], 2), count * colors).reshape(count, colors)
        choice = best.argmax(1)
        takes = small[patch] & (best.max(1)[patch] > 0) & (surface.kind != int(Kind.TEXT))
        out[takes] = choice[patch[takes]]
    return out
