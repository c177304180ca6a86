"""Mesh + several cutouts with their cameras -> Figurine: each face from the view that sees it best.

Each view is a chart, its picture's own projection, so what it sees keeps its pixels one to one. A face takes the view
that sees it best (sight.py), the front a little sooner; scores are smoothed over the surface, so that patches are few.
A side without a picture takes the other side's, mirrored. The light that turned with the camera is divided out first
(view_light.py). Exposure and tint are levelled by one gain for each channel and view from what two views both see, then
seams: one offset for each vertex and view, smooth within a patch and such that both sides of a seam agree (Lempitsky &
Ivanov 2007), in which the front moves least. Over a seam one view fades into the other (cross_fade.py). What no view
saw takes the colours around it, harmonically over the surface, in small squares of its own.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from slipcast.core.masks import find_nearest
from slipcast.core.scientific import linalg, sparse
from slipcast.core.values import (
    F32,
    F64,
    I64,
    U8,
    Bool,
    Figurine,
    Mesh,
    Picture,
    Source,
    View,
)
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.topology import face_normals
from slipcast.texture.paint import bled_chart, picture_box
from slipcast.texture.views.cross_fade import cross_fade
from slipcast.texture.views.sight import Seen, mirror_missing, score_sight
from slipcast.texture.views.view_light import remove_view_light

_PAD_PX = 8
_FRONT_BONUS, _SMOOTHINGS, _VOTES = 1.5, 12, 6
"""At 6 the front also took what it sees at a grazing angle, and was drawn out there."""
_MIRRORED = 0.15
"""How much a mirrored picture counts beside one of the side itself."""
_WELL = 0.06
"""Score from which on a view tells of the light."""
_SQUARE_PX = 8
"""Of two faces that no view saw."""
_ALIKE, _MOST_GAIN = 0.1, 0.35
"""Spread of the differences of two views' light (natural logarithm) that halves their say, and the largest gain."""
_STAY, _FRONT_STAYS, _SEAM = 0.002, 0.05, 4.0
"""Weights of the seams' levelling: of not moving, for the front, and of agreeing across a seam; 1 is of smoothness."""


def paint_views(
    mesh: Mesh, views: Mapping[View, Seen], *, max_size_px: int, name: str, delight: float = 0.0
) -> Figurine:
    """Return the figurine `name` with one atlas of all `views` (front first), its faces labelled by what shows them.

    Its provenance says under `seen` which share of the surface each view gave, `mirrored` where a side has none, and
    `invented`. `delight` is how much of the light from above is divided out of the colours, 0 to 1.
    """
    order = list(views)
    shown = [*views.values(), *mirror_missing(mesh, views)]
    scores, pixels = score_sight(mesh, shown)
    scores[:, len(order) :] *= _MIRRORED
    good = scores > _WELL
    scores[:, 0] *= _FRONT_BONUS
    neighbours = _neighbours(mesh)
    label = _choose(scores, neighbours)
    charts, boxes, scale = _charts(shown, max_size_px)
    places = [
        (pixel - [box[1].start, box[0].start]) * scale for pixel, box in zip(pixels, boxes, strict=True)
    ]
    cameras = [each.camera for each in shown]
    stops = remove_view_light(mesh, charts, places, cameras, good, neighbours, delight)
    _level_views(mesh, charts, places, good)
    colors, offsets = _level_seams(mesh, charts, places, label)
    for index, chart in enumerate(charts):
        chart[:] = _move(chart, mesh, places[index], label == index, offsets[index])
    cross_fade(mesh, charts, places, label, scores > 0, neighbours)
    vertex_color = _fill(mesh, label, colors, neighbours)
    charts, places = _crop(mesh, charts, places, label)
    atlas, uv = _pack(mesh, charts, places, label, vertex_color)
    area = face_normals(mesh.vertices, mesh.faces)[1]
    share = np.bincount(label + 1, area, len(shown) + 1) / area.sum()
    told = {view.value: round(float(part), 4) for view, part in zip(order, share[1:], strict=False)}
    if len(shown) > len(order):
        told["mirrored"] = round(float(share[1 + len(order) :].sum()), 4)
    source = np.where(label < 0, int(Source.INVENTED), int(Source.BACK_VIEW))
    source[label == 0] = int(Source.SEEN)
    source[label >= len(order)] = int(Source.MIRRORED)
    front = views[order[0]].cutout
    light = {"delight": {"strength": delight, "stops": round(stops, 2)}} if delight else {}
    return Figurine(
        name=name,
        mesh=Mesh(vertices=mesh.vertices, faces=mesh.faces, source=source.astype(np.uint8)),
        uv=uv.astype(np.float32),
        texture=Picture(pixels=atlas, view=front.view, source=front.source),
        provenance={"seen": told | {"invented": round(float(share[0]), 4)}, **light},
    )


def _neighbours(mesh: Mesh) -> "sparse.csr_matrix":
    """(F,F) 1 where two faces share an edge."""
    faces = mesh.faces.astype(np.int64)
    edge = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    key = edge[:, 0] * len(mesh.vertices) + edge[:, 1]
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.argsort(key, kind="stable")
    same = np.flatnonzero(key[order][1:] == key[order][:-1])
    a, b = owner[order][same], owner[order][same + 1]
    ones = np.ones(2 * len(a))
    return sparse.csr_matrix((ones, (np.r_[a, b], np.r_[b, a])), (len(faces), len(faces)))


def _choose(scores: F64, neighbours: "sparse.csr_matrix") -> I64:
    """(F,) index of each face's view, -1 for none: the best score after smoothing, then votes of neighbours."""
    count = np.maximum(np.asarray(neighbours.sum(1)), 1)
    soft = scores
    for _ in range(_SMOOTHINGS):
        soft = 0.5 * soft + 0.5 * (neighbours @ soft) / count
    allowed = scores > 0
    label = np.where(allowed.any(1), np.where(allowed, soft, -1).argmax(1), -1)
    for _ in range(_VOTES):
        one_hot = np.zeros((*label.shape, scores.shape[1]))
        known = np.flatnonzero(label >= 0)
        one_hot[known, label[known]] = 1
        votes = neighbours @ one_hot
        winner = votes.argmax(1)
        pick = np.arange(len(label))
        wins = (votes[pick, winner] >= 2) & allowed[pick, winner] & (label >= 0)
        label = np.where(wins, winner, label)
    return label.astype(np.int64)


def _charts(views: Sequence[Seen], max_size_px: int) -> tuple[list[F32], list[tuple[slice, slice]], float]:
    """Each view's picture around the figurine, colours carried over its outline; one scale for all."""
    masks = [seen.cutout.alpha >= 128 for seen in views]
    boxes = [picture_box(mask) for mask in masks]
    wide = sum(box[1].stop - box[1].start for box in boxes)
    tall = max(box[0].stop - box[0].start for box in boxes)
    # Rows of charts: as many as make the atlas about square.
    rows = max(1, round(np.sqrt(wide / tall)))
    pads = (len(boxes) + 2) * 2 * _PAD_PX
    scale = min(1.0, (max_size_px - pads) / (wide / rows * 1.25), (max_size_px - pads) / (tall * rows * 1.2))
    charts = [
        bled_chart(seen.cutout, mask, box, scale).astype(np.float32)
        for seen, mask, box in zip(views, masks, boxes, strict=True)
    ]
    return charts, boxes, scale


def _look_up(chart: F32, at: F64) -> F32:
    from slipcast.core.orbit import sample

    return sample(chart, at[:, 0].astype(np.float32), at[:, 1].astype(np.float32))


def _level_views(mesh: Mesh, charts: list[F32], places: Sequence[F64], good: Bool) -> None:
    """Scale the charts' channels, in place, so that views agree about what two of them see well."""
    import cv2

    centre = [place[mesh.faces].mean(1) for place in places]
    soft = [cv2.GaussianBlur(chart, (0, 0), 4) for chart in charts]
    colors = [np.log(np.maximum(_look_up(each, at), 8)) for each, at in zip(soft, centre, strict=True)]
    count = len(charts)
    rows, sides = [], []
    for one in range(count):
        for other in range(one + 1, count):
            both = good[:, one] & good[:, other]
            if both.sum() < 40:
                continue
            apart = colors[other][both] - colors[one][both]
            gain = np.median(apart, axis=0)
            # Light differs alike everywhere; where stripes meet fur, the pictures do not fit and tell nothing.
            spread = float(np.median(np.abs(apart - gain)))
            weight = np.sqrt(min(int(both.sum()), 4000) / 400) / (1 + (spread / _ALIKE) ** 2)
            row = np.zeros(count)
            row[one], row[other] = weight, -weight
            rows.append(row)
            sides.append(gain * weight)
    for index in range(count):
        row = np.zeros(count)
        row[index] = 50.0 if index == 0 else 0.5
        rows.append(row)
        sides.append(np.zeros(3))
    gains = np.linalg.lstsq(np.array(rows), np.array(sides), rcond=None)[0]
    for chart, each in zip(charts, np.exp(np.clip(gains, -_MOST_GAIN, _MOST_GAIN)), strict=True):
        np.clip(chart * each.astype(np.float32), 0, 255, out=chart)


def _level_seams(
    mesh: Mesh, charts: Sequence[F32], places: Sequence[F64], label: I64
) -> tuple[F64, list[F64]]:
    """(V,3) levelled colours (NaN where no view saw) and for each view (V,3) what is added to its colours."""
    import cv2

    size = len(mesh.vertices)
    used = np.zeros((len(charts), size), bool)
    for index in range(len(charts)):
        used[index, mesh.faces[label == index].ravel()] = True
    number = np.cumsum(used.ravel()).reshape(used.shape) - 1
    total = int(used.sum())
    color = np.zeros((total, 3))
    for index, chart in enumerate(charts):
        soft = cv2.GaussianBlur(chart, (0, 0), 1.5)
        color[number[index][used[index]]] = _look_up(soft, places[index][used[index]])
    # Smooth within each patch.
    starts, ends = [], []
    for index in range(len(charts)):
        faces = mesh.faces[label == index]
        for a, b in ((0, 1), (1, 2), (2, 0)):
            starts.append(number[index][faces[:, a]])
            ends.append(number[index][faces[:, b]])
    start, end = np.concatenate(starts), np.concatenate(ends)
    smooth = sparse.csr_matrix((np.ones(len(start)), (start, end)), (total, total))
    smooth = smooth + smooth.T
    laplacian = sparse.diags(np.asarray(smooth.sum(1)).ravel()) - smooth
    # Agreement across seams.
    matrix = laplacian
    right = np.zeros((total, 3))
    seam_a, seam_b = [], []
    for one in range(len(charts)):
        for other in range(one + 1, len(charts)):
            both = np.flatnonzero(used[one] & used[other])
            seam_a.append(number[one][both])
            seam_b.append(number[other][both])
    if seam_a:
        one_end, other_end = np.concatenate(seam_a), np.concatenate(seam_b)
        across = sparse.csr_matrix((np.ones(len(one_end)), (one_end, other_end)), (total, total))
        across = across + across.T
        matrix = matrix + _SEAM * (sparse.diags(np.asarray(across.sum(1)).ravel()) - across)
        gap = np.clip(color[other_end] - color[one_end], -60, 60)
        for axis in range(3):
            right[:, axis] += _SEAM * np.bincount(one_end, gap[:, axis], total)
            right[:, axis] -= _SEAM * np.bincount(other_end, gap[:, axis], total)
    stay = np.full(total, _STAY)
    stay[number[0][used[0]]] = _FRONT_STAYS
    matrix = (matrix + sparse.diags(stay)).tocsr()
    solved = np.zeros((total, 3))
    jacobi = sparse.diags(1 / matrix.diagonal())
    for axis in range(3):
        solved[:, axis] = linalg.cg(matrix, right[:, axis], rtol=1e-3, maxiter=300, M=jacobi)[0]
    offsets, levelled, seen = [], np.zeros((size, 3)), np.zeros(size)
    for index in range(len(charts)):
        offset = np.zeros((size, 3))
        mine = used[index]
        offset[mine] = solved[number[index][mine]]
        offsets.append(offset)
        levelled[mine] += color[number[index][mine]] + offset[mine]
        seen[mine] += 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return levelled / seen[:, None], offsets


def _move(chart: F32, mesh: Mesh, place: F64, mine: Bool, offset: F64) -> F32:
    """The chart with its vertices' offsets added, between them linearly, beyond its faces as at the nearest."""

    if not mine.any():
        return chart
    height, width = chart.shape[:2]
    faces = mesh.faces[mine]
    half = np.array([0.5, 0.5])
    small = -(-height // 2), -(-width // 2)
    hits = rasterize(place * half, np.zeros(len(place)), faces, small[1], small[0])
    known = hits.face >= 0
    if not known.any():
        return chart
    added = np.zeros((*small, 3), np.float32)
    corner = faces[hits.face[known]]
    added[known] = np.einsum("nk,nkc->nc", hits.weights[known], offset[corner])
    added = added[find_nearest(known)]
    import cv2

    large = cv2.resize(added, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(chart + large, 0, 255), np.float32)


def _fill(mesh: Mesh, label: I64, colors: F64, neighbours: "sparse.csr_matrix") -> F64:
    """(V,3) colours of all vertices; those that no view saw harmonically from their surroundings."""
    del label, neighbours
    unknown = np.isnan(colors[:, 0])
    if not unknown.any():
        return colors
    if unknown.all():
        return np.full_like(colors, 128.0)
    faces = mesh.faces
    a = faces[:, [0, 1, 2]].ravel()
    b = faces[:, [1, 2, 0]].ravel()
    size = len(mesh.vertices)
    links = sparse.csr_matrix((np.ones(len(a)), (a, b)), (size, size))
    links = links + links.T
    degree = np.asarray(links.sum(1)).ravel()
    inner = np.flatnonzero(unknown)
    rest = np.flatnonzero(~unknown)
    mean = colors[rest].mean(0)
    matrix = (sparse.diags(degree[inner] + 1e-4) - links[inner][:, inner]).tocsr()
    right = links[inner][:, rest] @ (colors[rest] - mean)
    out = colors.copy()
    jacobi = sparse.diags(1 / matrix.diagonal())
    for axis in range(3):
        out[inner, axis] = mean[axis] + linalg.cg(matrix, right[:, axis], rtol=1e-3, maxiter=400, M=jacobi)[0]
    return out


def _crop(
    mesh: Mesh, charts: Sequence[F32], places: Sequence[F64], label: I64
) -> tuple[list[F32], list[F64]]:
    """The charts without what no face uses, and the vertices' places in them."""
    cropped, moved = [], []
    for index, (chart, place) in enumerate(zip(charts, places, strict=True)):
        used = place[mesh.faces[label == index].ravel()]
        if not len(used):
            used = np.zeros((1, 2))
        low = np.clip(np.floor(used.min(0)).astype(int) - 1, 0, [chart.shape[1] - 1, chart.shape[0] - 1])
        high = np.clip(np.ceil(used.max(0)).astype(int) + 1, low + 1, [chart.shape[1], chart.shape[0]])
        cropped.append(chart[low[1] : high[1], low[0] : high[0]])
        moved.append(place - low)
    return cropped, moved


def _pack(mesh: Mesh, charts: Sequence[F32], places: Sequence[F64], label: I64, color: F64) -> tuple[U8, F64]:
    """The atlas and (F,3,2) texture coordinates: charts in rows, below them squares of faces that no view saw."""
    wide = sum(chart.shape[1] + 2 * _PAD_PX for chart in charts)
    tall = max(chart.shape[0] for chart in charts)
    unseen = np.flatnonzero(label < 0)
    squares = -(-len(unseen) // 2)
    best = None
    for rows in range(1, len(charts) + 1):
        lines: list[list[int]] = [[]]
        width = 0
        limit = max(wide / rows * 1.05, max(chart.shape[1] for chart in charts) + 2 * _PAD_PX)
        for index, chart in enumerate(charts):
            step = chart.shape[1] + 2 * _PAD_PX
            if width + step > limit and lines[-1]:
                lines.append([])
                width = 0
            lines[-1].append(index)
            width += step
        across = max(sum(charts[i].shape[1] + 2 * _PAD_PX for i in line) for line in lines)
        down = sum(max(charts[i].shape[0] for i in line) + 2 * _PAD_PX for line in lines)
        for side in (256, 512, 1024, 2048, 4096, 8192):
            if side < across:
                continue
            below = -(-squares // (side // _SQUARE_PX)) * _SQUARE_PX
            height = 1 << max(8, int(np.ceil(np.log2(down + below))))
            # Of one area the squarer.
            cost = side * height, max(side, height)
            if best is None or cost < best[0]:
                best = (cost, side, height, lines, down)
    assert best is not None
    del tall
    _, side, height, lines, down = best
    atlas = np.zeros((height, side, 3), np.float32)
    atlas[:] = np.nanmean(color, axis=0)
    uv = np.zeros((len(mesh.faces), 3, 2))
    y = 0
    for line in lines:
        x = 0
        for index in line:
            chart = charts[index]
            grown = np.pad(chart, ((_PAD_PX, _PAD_PX), (_PAD_PX, _PAD_PX), (0, 0)), mode="edge")
            atlas[y : y + grown.shape[0], x : x + grown.shape[1]] = grown
            mine = label == index
            inside = np.clip(places[index], 0, [chart.shape[1], chart.shape[0]])
            uv[mine] = inside[mesh.faces[mine]] + [x + _PAD_PX, y + _PAD_PX]
            x += grown.shape[1]
        y += max(charts[i].shape[0] for i in line) + 2 * _PAD_PX
    _draw_squares(atlas, uv, mesh, unseen, color, down)
    uv /= [side, height]
    return np.clip(atlas + 0.5, 0, 255).astype(np.uint8), uv


def _draw_squares(atlas: F32, uv: F64, mesh: Mesh, unseen: I64, color: F64, top: int) -> None:
    """Two faces without a view share a square, one on each side of its diagonal, coloured between their corners."""
    if not len(unseen):
        return
    per_row = atlas.shape[1] // _SQUARE_PX
    square = np.arange(len(unseen)) // 2
    upper = np.arange(len(unseen)) % 2 == 0
    x0, y0 = square % per_row * _SQUARE_PX, top + square // per_row * _SQUARE_PX
    # Corners one and a half texels inside the square, and two apart from the other face's.
    low, high = 1.5, _SQUARE_PX - 1.5
    ways = np.where(
        upper[:, None, None],
        np.array([[low, low], [high - 2, low], [low, high - 2]]),
        np.array([[high, high], [low + 2, high], [high, low + 2]]),
    )
    uv[unseen] = ways + np.stack([x0, y0], 1)[:, None, :]
    grid = np.arange(_SQUARE_PX) + 0.5
    gx, gy = np.meshgrid(grid, grid)
    first = gx + gy < _SQUARE_PX
    span = high - 2 - low
    u = np.where(first, (gx - low) / span, (high - gx) / span)
    v = np.where(first, (gy - low) / span, (high - gy) / span)
    u, v = np.clip(u, 0, 1), np.clip(v, 0, 1)
    over = np.maximum(u + v, 1)
    u, v = u / over, v / over
    weights = np.stack([1 - u - v, u, v], -1)
    corner = color[mesh.faces[unseen]]
    for turn in (True, False):
        faces = np.flatnonzero(upper == turn)
        where = first if turn else ~first
        row, column = np.nonzero(where)
        values = np.einsum("pk,nkc->npc", weights[where], corner[faces])
        atlas[y0[faces][:, None] + row, x0[faces][:, None] + column] = values
