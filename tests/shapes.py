"""Small shapes with known answers: meshes and whole figurines that tests share."""

import math

import numpy as np

from slipcast.core.findings import finding
from slipcast.core.values import F32, I32, U8, Figurine, Material, Mesh, Picture, Source

HUES = {"red": (220, 30, 30), "green": (30, 170, 40), "blue": (40, 70, 220), "yellow": (235, 215, 40)}
"""Top left, top right, bottom left, bottom right of the test texture as the front shows it."""


def sphere(
    radius_m: float = 0.02, rings: int = 8, segments: int = 12, *, lift_m: float | None = None
) -> Mesh:
    """A closed sphere that stands on y = 0 (or has its centre at `lift_m`); the front half is SEEN."""
    theta = np.pi * np.arange(1, rings) / rings
    phi = 2 * np.pi * np.arange(segments) / segments
    ring = np.stack(
        [
            np.sin(theta)[:, None] * np.sin(phi)[None, :],
            np.repeat(np.cos(theta)[:, None], segments, axis=1),
            np.sin(theta)[:, None] * np.cos(phi)[None, :],
        ],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([[[0.0, 1.0, 0.0]], ring, [[0.0, -1.0, 0.0]]]) * radius_m
    points[:, 1] += radius_m if lift_m is None else lift_m
    return _mesh(points, _grid_faces(rings, segments))


def cube(side_m: float = 0.02) -> Mesh:
    """A closed cube of 12 faces that stands on y = 0."""
    corner = np.array([[x, y, z] for x in (-0.5, 0.5) for y in (0, 1) for z in (-0.5, 0.5)]) * side_m
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [(a, b, c) for a, b, c, _ in quads] + [(a, c, d) for a, _, c, d in quads]
    return _mesh(corner, np.array(faces))


def figure(
    name: str = "test figure",
    *,
    height_m: float = 0.075,
    rings: int = 28,
    segments: int = 40,
    texture_px: int = 256,
    normal_map: bool = False,
) -> Figurine:
    """An asymmetric figurine: a body with a nose towards +Z and an arm towards +X, textured in four hues.

    Seen from the front its texture shows red top left, green top right, blue bottom left, yellow bottom
    right. The UV wrap around once and have one seam at the back, where vertices stay shared. It stands on y
    = 0.
    """
    v = np.arange(1, rings) / rings
    u = np.arange(segments) / segments
    angle = 2 * np.pi * (u - 0.5)  # u = 0.5 faces +Z, so the front's left is u < 0.5
    rise = v[:, None]
    around = angle[None, :]
    waist = 0.17 + 0.12 * np.sin(np.pi * rise) ** 0.7 + 0.05 * np.cos(6 * np.pi * rise)
    waist = waist * np.minimum(1.0, 6 * np.sqrt(np.minimum(rise, 1 - rise)))
    bump = 0.35 * np.exp(-((around / 0.35) ** 2) - ((rise - 0.2) / 0.07) ** 2)
    arm = 0.9 * np.exp(-(((around - 1.45) / 0.3) ** 2) - ((rise - 0.45) / 0.08) ** 2)
    radius = waist * (1 + bump + arm)
    ring = np.stack(
        [radius * np.sin(around), np.repeat(1 - rise, segments, axis=1), 0.8 * radius * np.cos(around)],
        axis=-1,
    ).reshape(-1, 3)
    points = np.concatenate([[[0.0, 1.0, 0.0]], ring, [[0.0, 0.0, 0.0]]]) * height_m
    points[:, 0] -= (points[:, 0].min() + points[:, 0].max()) / 2
    points[:, 2] -= (points[:, 2].min() + points[:, 2].max()) / 2
    faces = _grid_faces(rings, segments)
    return Figurine(
        name=name,
        mesh=_mesh(points, faces),
        uv=_wrapped_uv(faces, rings, segments),
        texture=Picture(pixels=four_hues(texture_px)),
        normal_map=np.full((64, 64, 3), (128, 128, 255), np.uint8) if normal_map else None,
        material=Material(metallic=0.0, roughness=0.9),
        provenance={"slipcast": "0.0.0", "prompt": "a test figure — naïve", "empty": [], "nothing": None},
        findings=(finding("BACK_INVENTED", {"percent": 50, "where": "the picture", "how": "mirrored"}),),
    )


def four_hues(side_px: int) -> U8:
    """A square texture in four hues around the picture of the front, with a light checker to show
    stretching."""
    row, column = np.mgrid[0:side_px, 0:side_px]
    top, left = row < side_px / 2, column < side_px / 2
    out = np.empty((side_px, side_px, 3), dtype=np.uint8)
    for name, where in {
        "red": top & left,
        "green": top & ~left,
        "blue": ~top & left,
        "yellow": ~top & ~left,
    }.items():
        out[where] = HUES[name]
    cell = max(1, side_px // 16)
    dark = ((row // cell + column // cell) % 2).astype(bool)
    out[dark] = (out[dark] * 0.85).astype(np.uint8)
    return out


def open_edges(faces: I32) -> int:
    """How many edges do not have exactly one face on each side."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    return int((np.unique(edges, axis=0, return_counts=True)[1] != 2).sum())


def volume_m3(vertices: F32, faces: I32) -> float:
    """Signed volume: positive when faces look outwards."""
    corner = vertices.astype(np.float64)[faces]
    return float(np.einsum("ij,ij->i", corner[:, 0], np.cross(corner[:, 1], corner[:, 2])).sum() / 6)


def sphere_volume_m3(radius_m: float) -> float:
    """The volume that a fine `sphere` comes close to."""
    return 4 / 3 * math.pi * radius_m**3


def _grid_faces(rings: int, segments: int) -> "np.typing.NDArray[np.int64]":
    """Outward faces of a pole, rings of `segments` vertices that go down, and a pole."""
    k = np.arange(segments)
    following = (k + 1) % segments
    last = 1 + (rings - 1) * segments
    parts = [np.stack([np.zeros_like(k), 1 + k, 1 + following], axis=1)]
    for ring in range(rings - 2):
        a, b = 1 + ring * segments + k, 1 + ring * segments + following
        parts += [np.stack([a, a + segments, b + segments], axis=1), np.stack([a, b + segments, b], axis=1)]
    parts.append(np.stack([np.full_like(k, last), last - segments + following, last - segments + k], axis=1))
    return np.concatenate(parts)


def _wrapped_uv(faces: "np.typing.NDArray[np.int64]", rings: int, segments: int) -> F32:
    """(F,3,2) UV of a grid that wraps around once; corners at the seam get u = 1 instead of 0."""
    index = np.clip(faces - 1, 0, (rings - 1) * segments - 1)
    u = (index % segments) / segments
    v = (index // segments + 1) / rings
    pole_top, pole_bottom = faces == 0, faces == (rings - 1) * segments + 1
    v = np.where(pole_top, 0.0, np.where(pole_bottom, 1.0, v))
    wraps = np.max(np.where(pole_top | pole_bottom, 0, u), axis=1) > 0.5
    u = np.where(wraps[:, None] & (u == 0) & ~(pole_top | pole_bottom), 1.0, u)
    for pole in (pole_top, pole_bottom):
        rows = pole.any(axis=1)
        others = np.where(pole, 0, u).sum(axis=1) / 2
        u[rows] = np.where(pole[rows], others[rows, None], u[rows])
    return np.stack([u, v], axis=-1).astype(np.float32)


def _mesh(points: "np.typing.NDArray[np.float64]", faces: "np.typing.NDArray[np.int64]") -> Mesh:
    """A mesh whose faces are SEEN where they look towards +Z and MIRRORED elsewhere."""
    corner = points[faces]
    facing = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])[:, 2] > 0
    return Mesh(
        vertices=points.astype(np.float32),
        faces=faces.astype(np.int32),
        source=np.where(facing, Source.SEEN, Source.MIRRORED).astype(np.uint8),
    )
