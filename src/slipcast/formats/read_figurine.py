"""GLB or glTF that Slipcast made -> the Figurine again, with texture, provenance and each face's source."""

import io
import math
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from slipcast.errors import BadInput
from slipcast.findings import FINDINGS, Finding
from slipcast.formats import read_gltf
from slipcast.formats.labels import read_labels
from slipcast.formats.read_gltf import Document, Json
from slipcast.formats.reading import MAX_PIXELS, checked_faces, checked_points, welded
from slipcast.values import U8, Figurine, Material, Mesh, Picture, Source

_LARGEST_M = 10_000.0
_DEEPEST = 32
"""Levels of nested metadata that are taken over."""


def read_figurine(path: Path) -> Figurine:
    """Read one textured mesh; vertices at one place become one, so that the solid is closed again.

    A file of another origin is taken when it holds one mesh with one textured material; its faces count as
    SEEN. Raises BadInput for anything else.
    """
    with np.errstate(all="ignore"):  # numbers beyond any scale are refused below
        return _read(path, read_gltf.parse(path))


def _read(path: Path, document: Document) -> Figurine:
    parts = list(read_gltf.triangles(document))
    if len(parts) != 1:
        raise BadInput(
            f"{path} holds {len(parts)} meshes; export works on assets with one, as Slipcast makes them"
        )
    mesh, primitive, world = parts[0]
    local = checked_points(path, read_gltf.positions(document, primitive))
    moved = local if np.array_equal(world, np.eye(4)) else local @ world[:3, :3].T + world[:3, 3]
    points = checked_points(path, moved).astype(np.float32)
    if np.abs(points).max() > _LARGEST_M:
        raise BadInput(f"{path} is larger than {_LARGEST_M:g} m; export works on figurines")
    faces = checked_faces(path, read_gltf.indices(document, primitive, len(points)), len(points))
    uv = read_gltf.attribute(document, primitive, "TEXCOORD_0")
    if uv is None or uv.shape != (len(points), 2) or not np.isfinite(uv.astype(np.float64)).all():
        raise BadInput(
            f"{path} has no texture coordinates; export works on textured assets, as Slipcast makes them"
        )
    if np.linalg.det(world[:3, :3]) < 0:
        faces = faces[:, ::-1].copy()
    corner_uv = uv.astype(np.float32)[faces]
    first, vertex = welded(points)
    material, texture, normal_map = _material(document, primitive)
    provenance, findings = _metadata(document)
    return Figurine(
        name=_name(mesh, path),
        mesh=Mesh(
            vertices=points[first],
            faces=vertex[faces],
            source=_sources(mesh, len(faces)),
        ),
        uv=corner_uv,
        texture=Picture(pixels=texture),
        normal_map=normal_map,
        material=material,
        provenance=provenance,
        findings=findings,
    )


def _name(mesh: Json, path: Path) -> str:
    """The figurine's name before any naming rule, else the mesh's, else the file's."""
    extras = mesh.get("extras")
    own = extras.get("name") if isinstance(extras, dict) else None
    return next((name for name in (own, mesh.get("name")) if isinstance(name, str) and name), path.stem)


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


def _material(document: Document, primitive: Json) -> tuple[Material, U8, U8 | None]:
    """The factors, the base colour's pixels and the normal map's."""
    if "material" not in primitive:
        raise BadInput(
            f"{document.path} has no material; export works on textured assets, as Slipcast makes them"
        )
    material = document.at("materials", primitive["material"])
    pbr = material.get("pbrMetallicRoughness")
    pbr = pbr if isinstance(pbr, dict) else {}
    color = pbr.get("baseColorTexture")
    if not isinstance(color, dict):
        raise BadInput(f"{document.path} has no base colour texture; export works on textured assets")
    normal = material.get("normalTexture")
    factors = [pbr.get(key, 1.0) for key in ("metallicFactor", "roughnessFactor")]
    if not all(isinstance(value, int | float) and 0 <= value <= 1 for value in factors):
        raise document.fail("a material's factor is not a number from 0 to 1")
    return (
        Material(
            name=str(material.get("name") or "Figurine"),
            metallic=float(factors[0]),
            roughness=float(factors[1]),
        ),
        _pixels(document, color),
        _pixels(document, normal) if isinstance(normal, dict) else None,
    )


def _pixels(document: Document, reference: Json) -> U8:
    """(H,W,3) decoded pixels of a texture reference."""
    texture = document.at("textures", reference.get("index"))
    webp = read_gltf.extension(texture, "EXT_texture_webp")
    data = document.image(webp.get("source") if webp else texture.get("source"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadInput(
                        f"{document.path} holds a texture of {image.width} x {image.height} px: too large"
                    )
                return np.array(image.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadInput(f"{document.path} holds a texture that cannot be decoded") from error


def _metadata(document: Document) -> tuple[Mapping[str, object], tuple[Finding, ...]]:
    """The provenance and the findings that the table still knows."""
    asset = document.json["asset"]
    extras = asset.get("extras") if isinstance(asset, dict) else None
    if not isinstance(extras, dict):
        return {}, ()
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
