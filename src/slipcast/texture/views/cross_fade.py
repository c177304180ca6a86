"""Across the border of two views' patches one picture fades into the other, so that no line is left.

Levelled seams agree in the mean of a few pixels; what is finer, or does not fit because cameras are a little off,
still stops at a line. Each face's label is spread over its neighbours, as far as the other view sees the surface, and
each texel becomes the mean of all views' colours at its place by these shares: at a border both charts get the same.
"""

from collections.abc import Sequence

import numpy as np

from slipcast.core.orbit import sample
from slipcast.core.scientific import sparse
from slipcast.core.values import F32, F64, I64, Bool, Mesh
from slipcast.mesh.rasterize import rasterize

_SPREAD = 14
"""How often labels are spread to neighbours: a border fades over some four faces on each side."""
_ALONE = 0.995
"""A texel of which its own view has this share stays as it is."""


def cross_fade(
    mesh: Mesh,
    charts: Sequence[F32],
    places: Sequence[F64],
    label: I64,
    allowed: Bool,
    neighbours: "sparse.csr_matrix",
) -> None:
    """Blend the charts (H,W,3), in place, near borders of `label` (F,), -1 for faces that no view saw.

    `places` are the vertices' (V,2) pixels in each chart, `allowed` (F,K) which views see a face, `neighbours` (F,F)
    is 1 where two faces share an edge.
    """
    shares = _vertex_shares(mesh, label, allowed, neighbours)
    sources = [chart.copy() for chart in charts]
    for index, chart in enumerate(charts):
        mine = shares[mesh.faces, index]
        # Beyond the border too: there lie the texels that are mixed in along it.
        near = allowed[:, index] & (mine.max(1) > 0.02) & (mine.min(1) < _ALONE)
        if not near.any():
            continue
        faces = mesh.faces[near]
        height, width = chart.shape[:2]
        hits = rasterize(places[index], np.zeros(len(mesh.vertices)), faces, width, height)
        row, column = np.nonzero(hits.face >= 0)
        corner, weights = faces[hits.face[row, column]], hits.weights[row, column]
        said = np.einsum("nk,nkv->nv", weights, shares[corner])
        total = np.maximum(said.sum(1), 1e-6)
        color = np.zeros((len(row), 3))
        for other, source in enumerate(sources):
            used = np.flatnonzero(said[:, other] > 0)
            if not len(used):
                continue
            if other == index:
                found = source[row[used], column[used]]
            else:
                at = np.einsum("nk,nkc->nc", weights[used], places[other][corner[used]])
                found = sample(source, at[:, 0].astype(np.float32), at[:, 1].astype(np.float32))
            color[used] += (said[used, other] / total[used])[:, None] * found
        known = said.sum(1) > 0
        chart[row[known], column[known]] = color[known].astype(np.float32)


def _vertex_shares(mesh: Mesh, label: I64, allowed: Bool, neighbours: "sparse.csr_matrix") -> F64:
    """(V,K) how much each view counts at a vertex; none where a face beside it is hidden from the view."""
    count = np.maximum(np.asarray(neighbours.sum(1)), 1)
    soft = np.zeros(allowed.shape)
    seen = np.flatnonzero(label >= 0)
    soft[seen, label[seen]] = 1
    for _ in range(_SPREAD):
        soft = np.where(allowed, 0.5 * soft + 0.5 * (neighbours @ soft) / count, 0)
    size, corners = len(mesh.vertices), mesh.faces.ravel()
    ones, face = np.ones(len(corners)), np.repeat(np.arange(len(mesh.faces)), 3)
    around = sparse.csr_matrix((ones, (corners, face)), (size, len(mesh.faces)))
    shares = np.where((around @ (~allowed).astype(float)) > 0, 0, around @ soft)
    out: F64 = shares / np.maximum(shares.sum(1, keepdims=True), 1e-9)
    return out
