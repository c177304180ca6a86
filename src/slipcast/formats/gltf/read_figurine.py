"""GLB or glTF -> a Figurine: with texture, provenance and each face's source where Slipcast made it.

Several meshes and materials, as they come back from a modelling program, become one mesh with one atlas, so that every
format can carry them; what a figurine has no place for is a finding.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from slipcast.core.errors import BadInput
from slipcast.core.findings import FINDINGS, Finding, finding
from slipcast.core.values import F32, I32, U8, Figurine, Material, Mesh, Picture, Source
from slipcast.formats.common.labels import read_labels
from slipcast.formats.common.reading import Tally, check_places, tell_unopened
from slipcast.formats.gltf.document import Document, Json, parse
from slipcast.formats.gltf.extras import KEY
from slipcast.formats.gltf.read import left_out
from slipcast.formats.gltf.scene import Part, Scene, attribute
from slipcast.formats.gltf.solid import read_solid
from slipcast.formats.gltf.surfaces import Surface, read_surface
from slipcast.formats.join_atlas import Atlas, Tile, join, tile
from slipcast.formats.vertex_colors import bake_corners, linear_from_srgb
from slipcast.mesh.weld import find_equal

_LARGEST_M = 10_000.0
_DEEPEST = 32
"""Levels of nested metadata that are taken over."""


@dataclass(frozen=True)
class _Piece:
    """One primitive, ready to be joined."""

    part: Part
    points: F32
    faces: I32
    uv: F32
    """(F,3,2) as its texture wants them."""
    material: object
    has_uv: bool
    colors: F32 | None
    """(F,3,3) linear red, green and blue of each corner; None where the file has none, or white alone."""


def read_figurine(path: Path) -> Figurine:
    """Read an asset as `read_asset` does, without what was lost on the way.

    >>> paths = slipcast.convert("knight.png", depth="dome", detail="draft", faces=2000).save("out")
    >>> slipcast.read_figurine(Path("out/knight.glb")).name
    'knight'
    """
    return read_asset(path)[0]


def read_asset(path: Path) -> tuple[Figurine, tuple[Finding, ...]]:
    """Read a textured asset and say what of it a Figurine cannot hold.

    Vertices of one mesh at one place become one, so that a solid is closed again; faces of another origin count as
    SEEN; without a texture, or with one that cannot be opened, the atlas has the materials' own colours, times the
    colours per vertex. Raises BadInput for a file without triangles, and for a texture whose coordinates are absent.
    """
    with np.errstate(all="ignore"):  # numbers beyond any scale are refused below
        return _read(path, parse(path))


def _read(path: Path, document: Document) -> tuple[Figurine, tuple[Finding, ...]]:
    scene, tally = Scene(document), Tally(path)
    surfaces: dict[object, Surface] = {}
    pieces = []
    for part in scene.parts():
        key = part.primitive.get("material")
        if not isinstance(key, int) or key not in surfaces:
            surfaces[key] = read_surface(document, part.primitive)
        pieces.append(_piece(path, scene, part, surfaces[key]))
        tally.add(len(pieces[-1].points), len(pieces[-1].faces))
    _require_texture(path, pieces, surfaces)
    used = [key for key in surfaces if any(piece.material == key for piece in pieces)]
    groups = {key: [piece for piece in pieces if piece.material == key] for key in used}
    tiles = [_lay(surfaces[key], groups[key]) for key in used]
    atlas = join(tiles)
    uv_of: dict[int, F32] = {}
    for key, joined in zip(used, atlas.uv, strict=True):
        start = 0
        for piece in groups[key]:
            uv_of[id(piece)] = joined[start : start + len(piece.faces)]
            start += len(piece.faces)
    largest = max(used, key=lambda key: sum(_area(piece) for piece in groups[key]))
    provenance, findings = _metadata(document)
    figurine = Figurine(
        name=_name(pieces, path),
        mesh=_join(document, pieces),
        uv=np.concatenate([uv_of[id(piece)] for piece in pieces]),
        texture=Picture(pixels=np.ascontiguousarray(atlas.color)),
        normal_map=atlas.normal,
        occlusion=surfaces[largest].occlusion if len(used) == 1 and not atlas.reduced else None,
        material=Material(
            name=surfaces[largest].name,
            metallic=surfaces[largest].metallic,
            roughness=surfaces[largest].roughness,
        ),
        provenance=provenance,
        findings=findings,
    )
    kept = [surfaces[key] for key in used]
    lost = _joining(pieces, kept, surfaces[largest], atlas) + _lost(pieces, used, surfaces)
    told = tell_unopened(document.unopened.values())
    return figurine, (*left_out(document, scene), *told, *lost)


def _lay(surface: Surface, pieces: list[_Piece]) -> Tile:
    """The texels of one material for its pieces: its texture, or where it has none its colour times the vertices'."""
    if surface.slot is not None or all(piece.colors is None for piece in pieces):
        return tile(surface, np.concatenate([piece.uv for piece in pieces]))
    tint = linear_from_srgb(surface.color[0, 0])
    whites = (np.ones((len(piece.faces), 3, 3), np.float32) for piece in pieces)
    colors = [
        white if piece.colors is None else piece.colors for white, piece in zip(whites, pieces, strict=True)
    ]
    return bake_corners(np.concatenate(colors) * tint)


def _piece(path: Path, scene: Scene, part: Part, surface: Surface) -> _Piece:
    """Points, faces and texture coordinates of one primitive."""
    document = scene.document
    points, faces = scene.geometry(part)
    used = points[np.unique(faces)]
    check_places(path, used)
    if np.abs(used).max() > _LARGEST_M:
        raise BadInput(f"{path} is larger than {_LARGEST_M:g} m; export works on figurines")
    slot = surface.slot
    uv = attribute(document, part.primitive, f"TEXCOORD_{slot.set}") if slot is not None else None
    usable = (
        uv is not None and uv.shape == (len(points), 2) and bool(np.isfinite(uv.astype(np.float64)).all())
    )
    corner = np.zeros((len(faces), 3, 2), dtype=np.float32)
    if usable and uv is not None and slot is not None:
        corner = slot.coordinates(uv.astype(np.float32)[faces])
        usable = bool(np.isfinite(corner).all() and np.abs(corner).max() < 1e6)
    colors = _read_colors(document, part, len(points))
    at_corners = None if colors is None or (colors >= 1).all() else colors[faces]
    material = part.primitive.get("material")
    return _Piece(part, points.astype(np.float32), faces, corner, material, usable, at_corners)


def _read_colors(document: Document, part: Part, count: int) -> F32 | None:
    """(V,3) linear colours per vertex of a primitive, 0 to 1; None where it has none that fit it."""
    colors = attribute(document, part.primitive, "COLOR_0")
    if colors is None or colors.shape not in ((count, 3), (count, 4)):
        return None
    most = int(np.iinfo(str(colors.dtype)).max) if colors.dtype.kind in "iu" else 1
    linear: F32 = np.clip(np.nan_to_num(colors[:, :3].astype(np.float32)) / np.float32(most), 0, 1)
    return linear


def _require_texture(path: Path, pieces: list[_Piece], surfaces: dict[object, Surface]) -> None:
    """BadInput where there are no faces, or one that has a texture is not told where it lies."""
    if not pieces:
        raise BadInput(f"{path} holds no triangles")
    textured = [piece for piece in pieces if surfaces[piece.material].slot is not None]
    if not all(piece.has_uv for piece in textured):
        raise BadInput(
            f"{path} has no texture coordinates; export works on textured assets, as Slipcast makes them"
        )


def _join(document: Document, pieces: list[_Piece]) -> Mesh:
    """All pieces as one mesh; welded are only those of one mesh at one place, as the mesh itself says where it does."""
    places: dict[int, list[_Piece]] = {}
    for piece in pieces:
        places.setdefault(piece.part.place, []).append(piece)
    vertices: list[F32] = []
    faces: list[I32] = []
    sources: list[U8] = []
    start = 0
    for together in places.values():
        points = np.concatenate([piece.points for piece in together])
        only = together[0] if len(together) == 1 else None
        solid = None
        if only is not None:
            solid = read_solid(document, only.part.mesh, only.part.primitive, points, only.faces)
        if solid is not None and only is not None:
            first, index = np.unique(solid, return_inverse=True)
            faces.append((index.reshape(-1, 3) + start).astype(np.int32))
            sources.append(_sources(only.part.mesh, len(only.faces)))
            vertices.append(points[first])
            start += len(first)
            continue
        loose = np.ones(len(points), dtype=bool)
        before = 0
        for piece in together:
            loose[piece.faces + before] = False
            before += len(piece.points)
        # What no face uses is no surface: it goes where a corner is, and with it when they are welded.
        points[loose] = points[together[0].faces[0, 0]]
        first, vertex = find_equal(points)
        before = 0
        for piece in together:
            faces.append((vertex[piece.faces + before] + start).astype(np.int32))
            before += len(piece.points)
            alone = len(together) == 1
            sources.append(_sources(piece.part.mesh if alone else {}, len(piece.faces)))
        vertices.append(points[first])
        start += len(first)
    return Mesh(
        vertices=np.concatenate(vertices), faces=np.concatenate(faces), source=np.concatenate(sources)
    )


def _area(piece: _Piece) -> float:
    corner = piece.points.astype(np.float64)[piece.faces]
    cross = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    return float(np.linalg.norm(cross, axis=1).sum())


def _joining(
    pieces: list[_Piece], kept: list[Surface], largest: Surface, atlas: Atlas
) -> tuple[Finding, ...]:
    """What joining several meshes and materials changed."""
    found = []
    height, width = atlas.color.shape[:2]
    if len(pieces) > 1:
        values = {"meshes": len(pieces), "materials": len(kept), "width": width, "height": height}
        found.append(finding("MESHES_JOINED", values))
    if any((s.metallic, s.roughness) != (largest.metallic, largest.roughness) for s in kept):
        told = {"metallic": round(largest.metallic, 3), "roughness": round(largest.roughness, 3)}
        found.append(finding("FACTORS_JOINED", told | {"name": largest.name[:80]}))
    if atlas.reduced:
        found.append(finding("TEXTURE_REDUCED", {"width": width, "height": height}))
    return tuple(found)


def _lost(pieces: list[_Piece], used: list[object], surfaces: dict[object, Surface]) -> tuple[Finding, ...]:
    """What of each material a figurine has no place for."""
    found = []
    for key in used:
        words = list(surfaces[key].lost)
        textured = surfaces[key].slot is not None
        if textured and any(piece.colors is not None for piece in pieces if piece.material == key):
            words.append("colours per vertex")
        if words:
            values = {"name": surfaces[key].name[:80], "what": ", ".join(words)}
            found.append(finding("MATERIAL_REDUCED", values))
    return tuple(found)


def _name(pieces: list[_Piece], path: Path) -> str:
    """The figurine's name before any naming rule, else the only mesh's, else the file's."""
    meshes = [piece.part.mesh for piece in pieces]
    told = (entry.get("extras") for entry in meshes)
    extras = [entry.get("name") for entry in told if isinstance(entry, dict)]
    names = list(dict.fromkeys(entry.get("name") for entry in meshes))
    candidates = [*extras, *(names if len(names) == 1 else [])]
    return next((name for name in candidates if isinstance(name, str) and name), path.stem)


def _sources(mesh: Json, faces: int) -> U8:
    """(F,) labels from the mesh's extras; SEEN where there are none that fit."""
    extras = mesh.get("extras")
    written = extras.get("source_of_faces") if isinstance(extras, dict) else None
    labelled = read_labels(written, faces) if isinstance(written, str) else None
    if labelled is not None:
        return labelled
    counts = extras.get("faces_by_source") if isinstance(extras, dict) else None
    if not isinstance(counts, dict):
        return np.zeros(faces, dtype=np.uint8)
    sizes = [counts.get(source.name, 0) for source in Source]
    if not all(isinstance(size, int) and 0 <= size <= faces for size in sizes) or sum(sizes) != faces:
        return np.zeros(faces, dtype=np.uint8)
    return np.repeat(np.array([*Source], dtype=np.uint8), sizes)


def _metadata(document: Document) -> tuple[Mapping[str, object], tuple[Finding, ...]]:
    """The provenance and the findings that the table still knows."""
    asset = document.json["asset"]
    extras = asset.get("extras") if isinstance(asset, dict) else None
    if not isinstance(extras, dict):
        extras = _kept_elsewhere(document)
    found = []
    listed = extras.get("findings")
    for entry in listed if isinstance(listed, list) else []:
        if not isinstance(entry, dict) or entry.get("code") not in FINDINGS:
            continue
        values = entry.get("values")
        if not _sound(values, _DEEPEST):
            continue
        made = Finding(code=str(entry["code"]), values=values if isinstance(values, dict) else {})
        if _can_be_said(made):
            found.append(made)
    kept = {key: value for key, value in extras.items() if key != "findings"}
    if not _sound(kept, _DEEPEST):
        raise document.fail("its metadata is nested too deeply or holds what is not a number")
    return kept, tuple(found)


def _kept_elsewhere(document: Document) -> Json:
    """Our summary on a scene, node, mesh or material, where a program dropped the asset's extras."""
    for key in ("scenes", "nodes", "meshes", "materials"):
        for entry in document.objects(key):
            held = entry.get("extras")
            told = held.get(KEY) if isinstance(held, dict) else None
            if isinstance(told, dict):
                return told
    return {}


def _sound(value: object, depth: int) -> bool:
    """Whether metadata can be written again: not nested too deeply, every number finite."""
    if isinstance(value, dict | list):
        entries = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_sound(entry, depth - 1) for entry in entries)
    return not isinstance(value, float) or math.isfinite(value)


def _can_be_said(made: Finding) -> bool:
    """Whether the table's sentence can be filled from the values, which another version may have written."""
    try:
        return bool(made.message)
    except (KeyError, IndexError, ValueError, TypeError, AttributeError):
        return False
