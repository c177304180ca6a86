"""A figurine -> how open each place of its surface is to light from all around: ambient occlusion for its atlas.

From each vertex rays go out over the hemisphere about its normal, spread by the cosine (Malley's method over Fibonacci
points, one turn for each vertex: the noise of neighbours differs and is smoothed away); what hits the figurine nearer
than a share of its size counts as shade, the less the farther. The ground on which it stands shades too. The vertices'
values are drawn into the atlas and bleed over its rims.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.options import check, flag, real, whole
from slipcast.core.scientific import ndimage, sparse
from slipcast.core.values import F64, I64, U8, Figurine
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.raycast import Scene

_GOLDEN = 2.399963229728653
_CHUNK = 400_000


@dataclass(frozen=True, kw_only=True)
class OcclusionOptions:
    """How occlusion is baked.

    >>> OcclusionOptions(rays=128).rays
    128
    """

    rays: int = 64
    """From each vertex."""
    reach: float = 0.35
    """Farther than this share of the height nothing shades."""
    ground: bool = True
    """Whether the plane at its lowest point shades too."""

    def __post_init__(self) -> None:
        check(
            self,
            rays=whole(8, 1024, example=64),
            reach=real(0.01, 2, example=0.35),
            ground=flag(),
        )


def bake_occlusion(figurine: Figurine, options: OcclusionOptions | None = None) -> U8:
    """Return the (H,W) occlusion in the atlas's size: 255 open, 0 shut in."""
    open_share = measure_openness(figurine, options or OcclusionOptions())
    height, width = figurine.texture.pixels.shape[:2]
    return _draw(figurine, open_share, height, width)


def measure_openness(figurine: Figurine, options: OcclusionOptions) -> F64:
    """Return (V,) how open each vertex is, 0 to 1."""
    mesh = figurine.mesh
    low, high = mesh.vertices.min(0).astype(np.float64), mesh.vertices.max(0).astype(np.float64)
    size = float(high[1] - low[1]) or 1.0
    places = ((mesh.vertices - low) / size).astype(np.float64)
    normals = vertex_normals(mesh.vertices, mesh.faces).astype(np.float64)
    scene = Scene(places.astype(np.float32), mesh.faces)
    step = max(1, _CHUNK // options.rays)
    out = np.empty(len(places))
    for start in range(0, len(places), step):
        rows = slice(start, start + step)
        out[rows] = _openness(scene, places[rows], normals[rows], start, options)
    return _smooth(mesh.faces.astype(np.int64), out)


def _openness(scene: Scene, places: F64, normals: F64, start: int, options: OcclusionOptions) -> F64:
    k = np.arange(options.rays)
    radius = np.sqrt((k + 0.5) / options.rays)
    turn = (start + np.arange(len(places))) * 1.2345
    angle = k[None] * _GOLDEN + turn[:, None]
    helper = np.where(np.abs(normals[:, :1]) > 0.7, np.array([[0.0, 1, 0]]), np.array([[1.0, 0, 0]]))
    tangent = np.cross(normals, helper)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    bitangent = np.cross(normals, tangent)
    across = (radius * np.cos(angle))[..., None] * tangent[:, None]
    along = (radius * np.sin(angle))[..., None] * bitangent[:, None]
    way = across + along + np.sqrt(1 - radius**2)[None, :, None] * normals[:, None]
    origin = places[:, None] + 2e-3 * normals[:, None] + 1e-4 * way
    length, _ = scene.first_hits(
        origin.reshape(-1, 3).astype(np.float32), way.reshape(-1, 3).astype(np.float32)
    )
    distance = length.reshape(way.shape[:2]).astype(np.float64)
    if options.ground:
        down = np.where(way[..., 1] < -1e-6, -origin[..., 1] / np.minimum(way[..., 1], -1e-6), np.inf)
        distance = np.minimum(distance, np.maximum(down, 0))
    shade = np.clip(1 - distance / options.reach, 0, 1)
    return np.asarray(1 - shade.mean(1), np.float64)


def _smooth(faces: I64, values: F64) -> F64:
    """Each vertex halfway to the mean of its neighbours, twice."""
    edge = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    both = np.concatenate([edge, edge[:, ::-1]])
    graph = sparse.coo_matrix(
        (np.ones(len(both)), (both[:, 0], both[:, 1])), (len(values), len(values))
    ).tocsr()
    count = np.maximum(np.asarray(graph.sum(1)).ravel(), 1)
    for _ in range(2):
        values = (values + graph @ values / count) / 2
    return np.asarray(values, np.float64)


def _draw(figurine: Figurine, value: F64, height: int, width: int) -> U8:
    """(H,W) the vertices' values over the atlas, bled over what no face covers."""
    uv = figurine.uv.reshape(-1, 2).astype(np.float64) * [width, height]
    corners = np.arange(len(uv), dtype=np.int32).reshape(-1, 3)
    a, b, c = (uv[corners[:, k]] for k in range(3))
    away = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0] > 0
    corners[away] = corners[away][:, ::-1]  # only faces that look at the screen are drawn
    hits = rasterize(uv, np.zeros(len(uv)), corners, width, height)
    shown = hits.face >= 0
    face = hits.face[shown]
    rows, columns = np.nonzero(shown)
    corner: F64 = uv.reshape(-1, 3, 2)[face]
    point: F64 = np.stack([columns, rows], 1).astype(np.float64) + 0.5
    weights = _barycentric(point, corner)
    canvas = np.zeros((height, width), np.float32)
    canvas[shown] = (weights * value[figurine.mesh.faces[face]]).sum(1)
    _, nearest = ndimage.distance_transform_edt(~shown, return_indices=True)
    canvas = canvas[tuple(nearest)]
    return np.asarray(np.clip(np.rint(canvas * 255), 0, 255), np.uint8)


def _barycentric(point: F64, corner: F64) -> F64:
    """(N,3) weights of (N,3,2) corners at (N,2) points, clipped to the triangle."""
    a, b, c = corner[:, 0], corner[:, 1], corner[:, 2]
    e, f, d = b - a, c - a, point - a
    area = e[:, 0] * f[:, 1] - e[:, 1] * f[:, 0]
    area = np.where(np.abs(area) < 1e-12, 1e-12, area)
    v = (d[:, 0] * f[:, 1] - d[:, 1] * f[:, 0]) / area
    w = (e[:, 0] * d[:, 1] - e[:, 1] * d[:, 0]) / area
    weights = np.clip(np.stack([1 - v - w, v, w], 1), 0, 1)
    out: F64 = weights / np.maximum(weights.sum(1, keepdims=True), 1e-12)
    return out
