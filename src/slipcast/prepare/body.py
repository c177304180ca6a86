"""A solid with its texture through any number of cuts: the door between `Mesh` and manifold3d for print steps.

A `Body` is a manifold3d solid whose faces remember which solid they come from, so that a face of the figurine keeps
its texture coordinates after a union, and a face that a cutter made is known as such. manifold3d gives a new face the
texture coordinate (0, 0) where the other solid has none: hence a face counts as textured only where its origin is.

Print frame: millimetres, +X right for who looks at the figurine, +Y away from him, +Z up, the bed at z = 0.
"""

import difflib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import cast

import manifold3d
import numpy as np
from PIL import ImageColor

from slipcast.core.errors import BadInput, StageFailed
from slipcast.core.options import Rule, several, whole
from slipcast.core.values import F32, F64, I32, U8, Bool, Mesh, Source

Color = tuple[int, int, int]
_RGB = several(whole(0, 255, example=128), least=3, most=3)
MM = 1000.0
"""Millimetres in a metre."""


def parse_color(value: object) -> Color:
    """Return sRGB of a text (`#cc3333`, `#c33`, a name of CSS in any case) or of three numbers from 0 to 255.

    Raises BadInput for a text that is no colour, with the nearest name, and ValueError for other values.

    >>> parse_color("Tomato")
    (255, 99, 71)
    """
    if not isinstance(value, str):
        return cast("Color", _RGB.fit(value))
    word = value.strip()
    for text in (word, f"#{word}"):  # the # may be left out
        with suppress(ValueError):
            return cast("Color", _RGB.fit(ImageColor.getrgb(text)))
    near = difflib.get_close_matches(word.lower(), ImageColor.colormap, n=1)
    hint = f"did you mean {near[0]}?" if near else "give #ffffff, #c33 or a name of CSS, as red"
    raise BadInput(f"{word!r} is no colour; {hint}")


COLOR = Rule(parse_color, "a colour: a name, #rrggbb, or red, green and blue from 0 to 255")
"""What an option takes for a colour."""


class Kind(IntEnum):
    """What a face of a print part belongs to."""

    FIGURINE = 0
    """The figurine's own surface, textured."""
    BASE = 1
    """The base."""
    TEXT = 2
    """Letters on the base."""
    CUT = 3
    """A cut through the figurine; it takes its surroundings' colour."""
    CAVITY = 4
    """The wall of a cavity, a drain hole or a magnet hole: not seen."""
    PIN = 5
    """A dowel, a part of its own."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What is known about the faces that come from one solid."""

    kind: Kind
    color: Color = (200, 200, 200)
    """sRGB of faces without texture."""

    @property
    def is_textured(self) -> bool:
        """Whether the faces carry texture coordinates that mean something."""
        return self.kind is Kind.FIGURINE


@dataclass(frozen=True)
class Body:
    """A closed solid in the print frame."""

    solid: manifold3d.Manifold
    origins: Mapping[int, Origin] = field(default_factory=dict)
    """manifold3d's number of an original solid -> what its faces are."""

    def __add__(self, other: "Body") -> "Body":
        """The union."""
        return Body(self.solid + other.solid, {**self.origins, **other.origins})

    def __sub__(self, other: "Body") -> "Body":
        """What is left of this one without the other; the other's faces line the hole."""
        return Body(self.solid - other.solid, {**self.origins, **other.origins})

    def __xor__(self, other: "Body") -> "Body":
        """The intersection."""
        return Body(self.solid ^ other.solid, {**self.origins, **other.origins})

    def move(self, x_mm: float, y_mm: float, z_mm: float) -> "Body":
        """Return the body moved."""
        return Body(self.solid.translate((x_mm, y_mm, z_mm)), self.origins)

    def turn(self, x_deg: float, y_deg: float, z_deg: float) -> "Body":
        """Return the body turned about the axes through the origin, first about x, then y, then z."""
        return Body(self.solid.rotate((x_deg, y_deg, z_deg)), self.origins)

    def scale(self, factor: float) -> "Body":
        """Return the body `factor` as large in all directions, about the origin."""
        return Body(self.solid.scale((factor,) * 3), self.origins) if factor != 1.0 else self

    def drop(self) -> "Body":
        """Return the body with its lowest point on the bed."""
        return self.move(0, 0, -float(self.box_mm[0, 2]))

    @property
    def box_mm(self) -> F64:
        """(2,3) lowest and highest corner."""
        return np.array(self.solid.bounding_box(), np.float64).reshape(2, 3)

    @property
    def volume_mm3(self) -> float:
        """Enclosed volume; cavities do not count."""
        return float(self.solid.volume())


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A body's faces as arrays: what writers, palettes and measures read."""

    vertices_mm: F64
    """(V,3) print frame; one vertex a place."""
    faces: I32
    """(F,3) counter-clockwise seen from outside."""
    uv: F32
    """(F,3,2) texture coordinates of each corner, origin top left; NaN where the face has no texture."""
    kind: U8
    """(F,) of `Kind`."""
    color: U8
    """(F,3) sRGB of faces without texture."""
    source: U8
    """(F,) of `Source`, of the figurine's faces; INVENTED elsewhere."""

    @property
    def textured(self) -> Bool:
        """(F,) whether a face has texture coordinates."""
        return np.asarray(np.isfinite(self.uv).all((1, 2)))

    def as_mesh(self) -> Mesh:
        """The surface in world axes and metres (+Y up, facing +Z)."""
        x, y, z = self.vertices_mm.T / MM
        return Mesh(vertices=np.stack([x, z, -y], 1).astype(np.float32), faces=self.faces, source=self.source)


def body_from_mesh(mesh: Mesh, uv: F32) -> Body:
    """Return the figurine's solid mesh (world, metres) with `uv` (F,3,2) as a body in the print frame.

    Raises StageFailed when the mesh is open or turned.
    """
    x, y, z = mesh.vertices.astype(np.float64).T * MM
    places = np.stack([x, -z, y], 1).astype(np.float32)
    corner = np.concatenate(
        [mesh.faces.reshape(-1, 1).astype(np.float64), uv.reshape(-1, 2).astype(np.float64)], axis=1
    )
    rows, inverse = np.unique(corner, axis=0, return_inverse=True)
    vertex = rows[:, 0].astype(np.int64)
    # Corners of one vertex with other texture coordinates are vertices of their own, joined by merge vectors.
    first = np.searchsorted(vertex, vertex, side="left")
    twin = np.flatnonzero(first != np.arange(len(vertex)))
    number = manifold3d.Manifold.reserve_ids(1)
    solid = manifold3d.Manifold(
        manifold3d.Mesh(
            vert_properties=np.concatenate([places[vertex], rows[:, 1:]], axis=1).astype(np.float32),
            tri_verts=inverse.reshape(-1, 3).astype(np.uint32),
            merge_from_vert=twin.astype(np.uint32),
            merge_to_vert=first[twin].astype(np.uint32),
            run_index=np.array([0, 3 * len(mesh.faces)], np.uint32),
            run_original_id=np.array([number], np.uint32),
            face_id=mesh.source.astype(np.uint32),
        )
    )
    if solid.status() != manifold3d.Error.NoError or solid.volume() <= 0:
        raise StageFailed(
            "the mesh is not a closed solid; `slipcast inspect` says where it is open; repair it, "
            "or convert its picture again"
        )
    return Body(solid, {int(number): Origin(kind=Kind.FIGURINE)})


def body_from_solid(solid: manifold3d.Manifold, origin: Origin) -> Body:
    """Return a solid made in code (a base, a pin, a cutter) as a body whose faces are all of `origin`."""
    fresh = solid.as_original()
    return Body(fresh, {int(fresh.original_id()): origin})


def read_surface(body: Body) -> Surface:
    """Return the body's faces, with what each came from."""
    mesh = body.solid.to_mesh()
    properties = np.asarray(mesh.vert_properties, np.float64)
    corner = np.asarray(mesh.tri_verts, np.int64)
    run_index = np.asarray(mesh.run_index, np.int64) // 3
    run_id = np.asarray(mesh.run_original_id, np.int64)
    face_run = np.repeat(np.arange(len(run_id)), np.diff(run_index))
    default = Origin(kind=Kind.CUT)
    origins = [body.origins.get(int(number), default) for number in run_id]
    kind = np.array([int(entry.kind) for entry in origins], np.uint8)[face_run]
    color = np.array([entry.color for entry in origins], np.uint8).reshape(-1, 3)[face_run]
    uv = np.full((len(corner), 3, 2), np.nan, np.float32)
    textured = np.array([entry.is_textured for entry in origins], bool)[face_run]
    if properties.shape[1] >= 5:
        uv[textured] = properties[corner[textured], 3:5]
    joined = np.arange(len(properties))
    joined[np.asarray(mesh.merge_from_vert, np.int64)] = np.asarray(mesh.merge_to_vert, np.int64)
    used, faces = np.unique(joined[corner], return_inverse=True)
    face_id = np.asarray(mesh.face_id, np.int64)
    source = np.full(len(corner), int(Source.INVENTED), np.uint8)
    known = textured & (face_id <= max(Source))
    source[known] = face_id[known]
    return Surface(
        vertices_mm=properties[used, :3],
        faces=faces.reshape(-1, 3).astype(np.int32),
        uv=uv,
        kind=kind,
        color=color,
        source=source,
    )
