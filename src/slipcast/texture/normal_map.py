"""Figurine + Shells -> the tangent-space normal map: relief that the face budget cannot hold, kept as shading.

Both shells' depth maps are finer than the mesh, and finer than the net that it was collapsed from. Each texel of
the front and of the back chart gets the normal of its shell at its own pixel, by finite differences of the depth,
written in the frame that programs shade it with: normals and tangents interpolated over the face as the exporters
write them (mesh/tangents.py; MikkTSpace: Mikkelsen 2008, «Simulation of Wrinkled Surfaces Revisited»), green upwards
as in
glTF and OpenGL. Nothing is read out of the picture's light and shade.

Texels stay flat where no shell is known: on the side's charts, where the face lies off its shell, and where two faces
share a texel.

Whether a map is worth its bytes is measured: the mean angle between the shading normals and the depth's, weighted by
what the picture shows of each face. Mean degrees against the true mesh, without and with the map: Nefertiti's bust
with true depth 6.5 and 1.4 at 10,000 faces, 4.1 and 1.4 at 50,000, 3.0 at 200,000. And whether it has anything to tell:
the mean angle between the depth's normals and their own mean over an edge of the mesh, which the mesh could have held
itself. Without that a map was made wherever the mesh was rough, of a depth that has no relief: a grid of 20 to 30
pixels, the network's own noise from pixel to pixel, enlarged (calmed at its source since, in depth/figurine/model.py).
Looked at since, asked for with `on`: the maps of knight, owl, bust and three public pictures show eyes, scales, folds
and bolts that the picture has, no grid and no pits on faces; the power of the front's middle falls from 12 to 40 pixels
of period, without a peak from 20 to 30 (the owl's scales have one at 16 to 20). Of 37 public pictures one, a robot,
gets a map of its own accord.

Rejected: normals of the surface before the collapse (2.9 degrees from the truth where the depth's are 1.3,
and its 360,000 faces would have to be drawn twice).
"""

from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from slipcast.core.camera import project
from slipcast.core.masks import box_of
from slipcast.core.values import F32, F64, I32, I64, U8, Bool, Figurine, Shells
from slipcast.mesh import tangents
from slipcast.mesh.charts import double_areas
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.sample import sample

_Floats = F32 | F64
_Values = TypeVar("_Values", F32, F64)
MODES = ("auto", "on", "off")
WORTH_DEG = 2.5
"""Where shading normals are off by more than this on average, a map may be made."""
RELIEF_DEG = 3.0
"""Where the depth's normals turn by less than this within an edge of the mesh, a map would tell of noise. Made all the
same from the bundled model's depth it led away from the true normals: knight (relief 2.36) 29.1 to 29.8 degrees, owl
(2.91) 29.0 to 30.4, bust (0.89) 22.5 to 22.6. The limit was 2."""
FRONT, BACK = 0, 1
"""The shells, as `shell` names them; any other number is none."""
_EDGE = 1.52
"""Edge of an equilateral triangle of unit area."""
_FLAT = (128, 128, 255)
_SAMPLED = 5_000
"""Most faces that are looked at to decide."""
_LARGEST_PX = 2048
"""Longest side of a map: finer depth than that no model gives."""
_CHUNK = 150_000
"""Texels at a time: bounds the memory to some 90 MB."""
_SLACK_PX = 3.0
"""Farther from its shell than so many pixels' widths, a face does not show it."""
_STEP_PX = 4.0
"""A depth that rises by more pixels' widths than this to one side is taken from the other side alone."""
_LEAST_UP = 0.05
"""No texel leans farther than this cosine: the face itself would not be seen from there."""


@dataclass(frozen=True, kw_only=True)
class BoxNormals:
    """Normals of a box of a shell, for each of its pixels."""

    normals: F32
    """(H,W,3) in the camera's axes."""
    facing: F32
    """(H,W) how much they face its rays."""
    known: Bool
    """(H,W)."""
    corner: tuple[int, int]
    """Row and column of the box's first pixel."""


def make_normal_map(
    figurine: Figurine,
    depth: Shells,
    shell: I64,
    mode: str,
    found: tuple[BoxNormals, BoxNormals] | None = None,
) -> tuple[U8 | None, dict[str, float]]:
    """Return the map (H,W,3), in the atlas's proportions, or None, and the mean angles that were measured, in degrees.

    `shell` (F,) says which shell of `depth` each face shows, FRONT, BACK or neither; the mesh stands where the camera
    of `depth` sees it. `found` are the normals of a box of front and back, if they are found. With `mode` auto a map is
    made where it is worth it. `without` and `with` a map are the angles' keys, and `relief` what the depth holds finer
    than the mesh; none is there where nothing shows a shell, `with` only where a map was made, `relief` only where it
    decided.
    """
    if mode == "off":
        return None, {}
    frames, shells = Frames(figurine), _Shells(figurine, depth, shell, found)
    faces = np.flatnonzero((shell == FRONT) | (shell == BACK))
    faces = faces[:: max(1, -(-len(faces) // _SAMPLED))]
    weights = np.array([[4, 1, 1], [1, 4, 1], [1, 1, 4]]) / 6
    at = np.repeat(faces, 3), np.tile(weights, (len(faces), 1))
    wanted, known = shells.normals(*at)
    uv = figurine.uv[faces].astype(np.float64)
    shown = np.repeat(np.abs(double_areas(uv)), 3) * known
    if not shown.sum() > 0:
        return None, {}

    def mean_deg(normals: F64) -> float:
        angle = np.degrees(np.arccos(np.clip((normals * wanted).sum(1), -1, 1)))
        return float((angle * shown).sum() / shown.sum())

    told = {"without": round(mean_deg(frames.plain(*at)), 2)}
    if mode == "auto":
        if told["without"] <= WORTH_DEG:
            return None, told
        told["relief"] = round(mean_deg(shells.calm_normals(*at)), 2)
        if told["relief"] <= RELIEF_DEG:
            return None, told
    pixels = _bake(frames, shells)
    uv = np.einsum("nk,nkc->nc", at[1], figurine.uv[at[0]].astype(np.float64))
    told["with"] = round(mean_deg(frames.decode(*at, sample(pixels, uv.astype(np.float32)))), 2)
    return pixels, told


class Frames:
    """How a figurine's surface is shaded: normals, tangents and bitangents, interpolated over its faces."""

    def __init__(self, figurine: Figurine) -> None:
        self.figurine = figurine

    @cached_property
    def at_vertex(self) -> F32:
        """(V,3) unit normals."""
        return vertex_normals(self.figurine.mesh.vertices, self.figurine.mesh.faces)

    @cached_property
    def at_corner(self) -> F32:
        """(F,3,4) the tangents at the faces' corners."""
        return tangents.make_corner_tangents(self.figurine, self.at_vertex)

    def plain(self, face: I64 | I32, weights: F64) -> F64:
        """(N,3) unit normals without the map at points given by face (N,) and the weights of its corners (N,3)."""
        return _unit(np.einsum("nk,nkc->nc", weights, self.at_vertex[self.figurine.mesh.faces[face]]))

    def map_normals(self, face: I64 | I32, weights: F64) -> F64:
        """(N,3) the same with the map where there is one: what a program shades with."""
        pixels = self.figurine.normal_map
        if pixels is None:
            return self.plain(face, weights)
        uv = np.einsum("nk,nkc->nc", weights, self.figurine.uv[face].astype(np.float64))
        return self.decode(face, weights, sample(pixels, uv.astype(np.float32)))

    def decode(self, face: I64 | I32, weights: F64, texels: U8) -> F64:
        """(N,3) unit normals that a program makes of `texels` (N,3)."""
        normal, tangent, bitangent = self._frame(face, weights)
        m = texels.astype(np.float64) / 127.5 - 1
        return _unit(m[:, :1] * tangent + m[:, 1:2] * bitangent + m[:, 2:] * normal)

    def encode(self, face: I64 | I32, weights: F64, wanted: F64) -> U8:
        """(N,3) texels of which a program makes `wanted`."""
        normal, tangent, bitangent = self._frame(face, weights)
        # The bitangent is square to both others, which are not quite square to each other.
        lean = (tangent * normal).sum(1)
        across, up = (wanted * tangent).sum(1), (wanted * normal).sum(1)
        length = (tangent**2).sum(1)
        least = np.maximum(length - lean**2, 1e-6)
        m = np.stack(
            [
                (across - lean * up) / least,
                (wanted * bitangent).sum(1) / np.maximum((bitangent**2).sum(1), 1e-6),
                np.maximum((length * up - lean * across) / least, 0),
            ],
            axis=1,
        )
        m = _unit(m)
        m[:, 2] = np.maximum(m[:, 2], _LEAST_UP)
        return np.rint(_unit(m) * 127.5 + 127.5).astype(np.uint8)

    def _frame(self, face: I64 | I32, weights: F64) -> tuple[F64, F64, F64]:
        normal = self.plain(face, weights)
        tangent = np.einsum("nk,nkc->nc", weights, self.at_corner[face, :, :3])
        return normal, tangent, np.cross(normal, tangent) * self.at_corner[face, :1, 3]


class _Shells:
    """What a depth map knows about a figurine's surface."""

    def __init__(
        self,
        figurine: Figurine,
        depth: Shells,
        shell: I64,
        found: tuple[BoxNormals, BoxNormals] | None,
    ) -> None:
        self.mesh, self.depth, self.shell, self.found = figurine.mesh, depth, shell, found
        turn = depth.camera.camera_from_world[:3, :3]
        self.eye: F64 = -depth.camera.camera_from_world[:3, 3] @ turn

    def normals(self, face: I64, weights: F64) -> tuple[F64, Bool]:
        """(N,3) unit normals of the shells, world axes, at such points, and where they are known."""
        mesh, depth = self.mesh, self.depth
        point = np.einsum("nk,nkc->nc", weights, mesh.vertices[mesh.faces[face]].astype(np.float64))
        pixel, z = project(depth.camera, point)
        normal, known, deep = np.zeros((len(face), 3)), np.zeros(len(face), bool), np.zeros(len(face))
        for number, shell, sign in ((FRONT, depth.front, 1.0), (BACK, depth.back, -1.0)):
            mine = self.shell[face] == number
            found, there, value = find_depth_normals(shell, depth, pixel[mine])
            normal[mine], known[mine], deep[mine] = sign * found, there, value
        facing = np.abs((normal * _unit(point - self.eye)).sum(1))
        slack = z / depth.camera.fy_px * _SLACK_PX * (1 + 1 / np.maximum(facing, 0.1))
        return normal, known & (np.abs(z - deep) <= slack)

    def calm_normals(self, face: I64, weights: F64) -> F64:
        """(N,3) the shells' normals at such points, averaged over an edge of the mesh: what the mesh can hold."""
        import cv2

        mesh, depth = self.mesh, self.depth
        point = np.einsum("nk,nkc->nc", weights, mesh.vertices[mesh.faces[face]].astype(np.float64))
        pixel, _ = project(depth.camera, point)
        screen, _ = project(depth.camera, mesh.vertices)
        shown = (self.shell == FRONT) | (self.shell == BACK)
        # A wave needs two edges of the mesh; Gaussian weights of 3/8 of an edge halve it at that length.
        sigma = 0.375 * _EDGE * float(np.sqrt(np.median(np.abs(double_areas(screen[mesh.faces[shown]])) / 2)))
        box = box_of(depth.valid)
        (top, left), size = (box.top, box.left), (box.height, box.width)
        sigma = min(sigma, max(size) / 8)
        x = np.clip(pixel[:, 0].astype(np.int64) - left, 0, size[1] - 1)
        y = np.clip(pixel[:, 1].astype(np.int64) - top, 0, size[0] - 1)
        out = np.zeros((len(face), 3))
        for number, shell, sign in ((FRONT, depth.front, 1.0), (BACK, depth.back, -1.0)):
            mine = self.shell[face] == number
            if not mine.any():
                continue
            made = self.found[number] if self.found else find_box_normals(shell, depth, box.slices)
            (first, start) = made.corner
            part = np.s_[top - first : box.bottom - first, left - start : box.right - start]
            found = made.normals[part] * (made.known[part][..., None] * np.float32(sign))
            out[mine] = cv2.GaussianBlur(found, (0, 0), sigma)[y[mine], x[mine]]
        out = out @ depth.camera.camera_from_world[:3, :3]
        return _unit(out)


def find_depth_normals(shell: F32, depth: Shells, pixel: F64) -> tuple[F64, Bool, F64]:
    """Normals of a shell (H,W) at pixel coordinates (N,2), turned to the camera; where known; the depth there.

    Central differences of neighbouring pixels; where one neighbour is missing or lies behind a step, the other alone.
    """
    camera, (height, width) = depth.camera, shell.shape
    x = np.clip(pixel[:, 0].astype(np.int64), 0, width - 1)
    y = np.clip(pixel[:, 1].astype(np.int64), 0, height - 1)
    here = shell[y, x].astype(np.float64)
    known = depth.valid[y, x]
    limit: F64 = _STEP_PX * here / camera.fy_px
    slopes: list[F64] = []
    for dx, dy in ((1, 0), (0, 1)):
        rises, there = [], []
        for sign in (1, -1):
            i, j = y + sign * dy, x + sign * dx
            inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
            i, j = np.clip(i, 0, height - 1), np.clip(j, 0, width - 1)
            rises.append(sign * (shell[i, j] - here))
            there.append(inside & depth.valid[i, j])
        slopes.append(_choose_rise(rises[0], rises[1], there[0], there[1], limit))
        known = known & (there[0] | there[1])
    u, v = (x + 0.5 - camera.cx_px) / camera.fx_px, (y + 0.5 - camera.cy_px) / camera.fy_px
    normal = _unit(np.stack(_cross(slopes[0], slopes[1], here, u, v, depth), 1).astype(np.float64))
    return normal @ camera.camera_from_world[:3, :3], known, here


def find_box_normals(shell: F32, depth: Shells, box: tuple[slice, slice]) -> BoxNormals:
    """Return the normals of `find_depth_normals` at all pixels (h,w) of a `box` of `shell` (H,W), in the camera's axes.

    `box` is a slice of rows and one of columns. A tenth of the time: neighbours are slices, and all is float32.
    """
    camera = depth.camera
    here, valid = shell[box].astype(np.float32), depth.valid[box]
    limit: F32 = here * np.float32(_STEP_PX / camera.fy_px)
    slopes: list[F32] = []
    known = valid
    for axis in (1, 0):
        rise = np.diff(here, axis=axis)
        edge = [(0, 0), (0, 0)]
        edge[axis] = (0, 1)
        ahead, after = np.pad(rise, edge), np.pad(np.take(valid, range(1, valid.shape[axis]), axis), edge)
        edge[axis] = (1, 0)
        behind, before = np.pad(rise, edge), np.pad(np.take(valid, range(valid.shape[axis] - 1), axis), edge)
        slopes.append(_choose_rise(ahead, behind, after, before, limit))
        known = known & (after | before)
    rows, columns = (np.arange(part.start, part.stop, dtype=np.float32) + np.float32(0.5) for part in box)
    u = ((columns - camera.cx_px) / camera.fx_px).astype(np.float32)[None]
    v = ((rows - camera.cy_px) / camera.fy_px).astype(np.float32)[:, None]
    x, y, z = _cross(slopes[0], slopes[1], here, u, v, depth)
    length = np.sqrt(x**2 + y**2 + z**2) + np.float32(1e-30)
    facing = -(x * u + y * v + z) / (length * np.sqrt(u**2 + v**2 + 1))
    return BoxNormals(
        normals=np.stack([x / length, y / length, z / length], -1),
        facing=facing,
        known=known,
        corner=(box[0].start, box[1].start),
    )


def _choose_rise(ahead: _Values, behind: _Values, after: Bool, before: Bool, limit: _Values) -> _Values:
    """The mean of the rises to both sides, or the smaller one where the other is unknown or a step."""
    far = np.array(np.inf, ahead.dtype)
    steep = np.where(after, np.abs(ahead), far), np.where(before, np.abs(behind), far)
    both = (steep[0] < limit) & (steep[1] < limit)
    out: _Values = np.where(both, (ahead + behind) / 2, np.where(steep[0] < steep[1], ahead, behind))
    return out


def _cross(
    right: _Floats, down: _Floats, here: _Floats, u: _Floats, v: _Floats, depth: Shells
) -> tuple[_Floats, _Floats, _Floats]:
    """A normal in the camera's axes of depth `here` that rises to the right and down, on the ray (u, v, 1).

    The point z (u, v, 1) moves with x by (z / fx, 0, 0) + right (u, v, 1), with y by (0, z / fy, 0) + down (u, v, 1).
    """
    wide = here / here.dtype.type(depth.camera.fx_px)
    tall = here / here.dtype.type(depth.camera.fy_px)
    x, y = tall * right, wide * down
    return x, y, -(x * u + y * v + wide * tall)


def _bake(frames: Frames, shells: _Shells) -> U8:
    """The map, in the atlas's proportions."""
    figurine, shell, camera = frames.figurine, shells.shell, shells.depth.camera
    atlas = figurine.texture.pixels.shape[:2]
    height, width = (max(1, side * _LARGEST_PX // max(*atlas, _LARGEST_PX)) for side in atlas)
    faces = np.flatnonzero((shell == FRONT) | (shell == BACK))
    corner = figurine.uv[faces].astype(np.float64) * [width, height]
    # The back chart is laid out as the picture sees it, so its faces are turned over.
    turned = double_areas(corner) > 0
    corner[turned] = corner[turned][:, ::-1]
    screen, index = corner.reshape(-1, 2), np.arange(3 * len(faces), dtype=np.int32).reshape(-1, 3)
    mesh = figurine.mesh
    _, z = project(camera, mesh.vertices)
    deep = z[mesh.faces[faces]]
    deep[turned] = deep[turned][:, ::-1]
    deep[shell[faces] == BACK] *= -1
    nearest = rasterize(screen, deep.reshape(-1), index, width, height)
    farthest = rasterize(screen, -deep.reshape(-1), index, width, height)
    row, column = np.nonzero(nearest.face >= 0)

    out = np.empty((height, width, 3), np.uint8)
    out[:] = _FLAT
    done = np.zeros((height, width), bool)
    for begin in range(0, len(row), _CHUNK):
        at = row[begin : begin + _CHUNK], column[begin : begin + _CHUNK]
        own, weights = nearest.face[at], nearest.weights[at].astype(np.float64)
        other, others = farthest.face[at], farthest.weights[at].astype(np.float64)
        apart = (deep[other] * others).sum(1) - (deep[own] * weights).sum(1)
        width_m = np.abs((deep[own] * weights).sum(1)) / camera.fy_px
        weights[turned[own]] = weights[turned[own]][:, ::-1]
        face = faces[own]
        wanted, known = shells.normals(face, weights)
        known &= apart <= width_m
        out[at[0][known], at[1][known]] = frames.encode(face[known], weights[known], wanted[known])
        done[at] = True
    return _pad(out, done)


def _pad(pixels: U8, done: Bool, times: int = 2) -> U8:
    """Let what is `done` grow by `times` pixels, so that filtering at a chart's rim mixes in nothing else."""
    for _ in range(times):
        grown = done.copy()
        for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
            # Charts keep a distance from the atlas's own rim, so nothing comes around it.
            fresh = np.roll(done, shift, axis) & ~grown
            pixels[fresh] = np.roll(pixels, shift, axis)[fresh]
            grown |= fresh
        done = grown
    return pixels


def _unit(vectors: F64) -> F64:
    out: F64 = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
    return out
