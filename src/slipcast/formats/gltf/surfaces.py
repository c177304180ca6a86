"""A glTF material -> the pixels and factors that a figurine can hold, and what of it is lost.

Base colour factor, texture transform (KHR_texture_transform), texture coordinate set and wrapping are worked into
pixels and coordinates, so that every format shows them. KHR_texture_transform turns as its sample viewer, three.js and
Blender do: u' = c su u + s sv v, v' = -s su u + c sv v; the matrix in its text, read as GLSL, turns the other way and
contradicts the text's own example.
"""

import io
import warnings
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from slipcast.core.errors import BadInput
from slipcast.core.values import F32, F64, U8
from slipcast.formats.common.reading import MAX_PIXELS, TextureFact
from slipcast.formats.gltf.document import TRANSFORM, Document, Json, extension, numbers

REPEAT, MIRROR, CLAMP = 10497, 33648, 33071


@dataclass(frozen=True)
class Slot:
    """How one texture of a material is looked up."""

    set: int
    """Which TEXCOORD."""
    matrix: tuple[float, ...]
    """(2,3) row by row: texture_from_uv."""
    wrap: tuple[int, int]

    def coordinates(self, uv: F32) -> F32:
        """(...,2) `uv` of the mesh as the texture's own, before wrapping; (0, 0) is the upper left corner (glTF 2.0).

        >>> half = Slot(set=0, matrix=(0.5, 0, 0.25, 0, 0.5, 0), wrap=(10497, 10497))
        >>> half.coordinates(np.array([[1.0, 1.0]], np.float32)).tolist()
        [[0.75, 0.5]]
        """
        if self.matrix == _UNMOVED:
            return uv
        rows: F64 = np.array(self.matrix).reshape(2, 3)
        return (uv.astype(np.float64) @ rows[:, :2].T + rows[:, 2]).astype(np.float32)


_UNMOVED = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


@dataclass(frozen=True)
class Surface:
    """What a figurine can hold of one material."""

    name: str
    metallic: float
    roughness: float
    color: U8
    """(H,W,3) sRGB; one texel where there is no texture."""
    slot: Slot | None
    """None without a texture."""
    normal: U8 | None
    occlusion: U8 | None
    """(H,W)."""
    lost: tuple[str, ...]
    """In words, what is not kept."""


def read_surface(document: Document, primitive: Json) -> Surface:
    """Read the material of a primitive; one without a material has glTF's default one.

    Raises BadInput for factors out of range and references that lead nowhere.
    """
    material = document.at("materials", primitive["material"]) if "material" in primitive else {}
    pbr = material.get("pbrMetallicRoughness")
    pbr = pbr if isinstance(pbr, dict) else {}
    factors = [pbr.get(key, 1.0) for key in ("metallicFactor", "roughnessFactor")]
    if not all(isinstance(value, int | float) and 0 <= value <= 1 for value in factors):
        raise document.fail("a material's factor is not a number from 0 to 1")
    tint = numbers(document, pbr, "baseColorFactor", [1.0, 1.0, 1.0, 1.0])
    reference = pbr.get("baseColorTexture")
    color = _pixels(document, reference) if isinstance(reference, dict) else None
    slot = _slot(document, reference) if isinstance(reference, dict) and color is not None else None
    lost = _lost(material, pbr)
    normal_of = material.get("normalTexture")
    normal = None
    if isinstance(normal_of, dict):
        if slot is not None and _slot(document, normal_of) == slot:
            normal = _pixels(document, normal_of)
            normal = None if normal is None else _strengthened(normal, normal_of.get("scale", 1.0))
        else:
            lost.append("normal map, which lies otherwise than the base colour")
    packed = _read_packed(document, material, pbr, slot)
    occlusion = None
    if packed is not None:
        # One roughness and one metallic all over is what a figurine holds: the texture's, where it has one.
        occlusion = packed[..., 0]
        factors = [factors[0] * int(packed[0, 0, 2]) / 255, factors[1] * int(packed[0, 0, 1]) / 255]
        lost = [word for word in lost if word not in (_METALLIC_ROUGHNESS, _OCCLUSION)]
    return Surface(
        name=str(material.get("name") or "Figurine"),
        metallic=float(factors[0]),
        roughness=float(factors[1]),
        color=_tinted(np.full((1, 1, 3), 255, np.uint8) if color is None else color, tint[:3]),
        slot=slot,
        normal=normal,
        occlusion=occlusion,
        lost=tuple(lost),
    )


_METALLIC_ROUGHNESS, _OCCLUSION = "metallic-roughness texture", "occlusion texture"


def _read_packed(document: Document, material: Json, pbr: Json, slot: Slot | None) -> U8 | None:
    """(H,W,3) an ORM texture as engines pack it, on the base colour's coordinates, of one roughness and metallic."""
    rough, shade = pbr.get("metallicRoughnessTexture"), material.get("occlusionTexture")
    if slot is None or not isinstance(rough, dict) or not isinstance(shade, dict):
        return None
    if not _slot(document, rough) == _slot(document, shade) == slot:
        return None
    if rough.get("index") != shade.get("index") or shade.get("strength", 1.0) != 1.0:
        return None
    pixels = _pixels(document, rough)
    return pixels if pixels is not None and (pixels[..., 1:] == pixels[0, 0, 1:]).all() else None


def _lost(material: Json, pbr: Json) -> list[str]:
    """What a material says that a figurine has no place for."""
    lost = [
        word
        for word, holder, key in (
            (_METALLIC_ROUGHNESS, pbr, "metallicRoughnessTexture"),
            (_OCCLUSION, material, "occlusionTexture"),
            ("emissive texture", material, "emissiveTexture"),
        )
        if key in holder
    ]
    glow = material.get("emissiveFactor")
    if isinstance(glow, list) and any(isinstance(value, int | float) and value > 0 for value in glow):
        lost.append("emissive colour")
    if material.get("alphaMode", "OPAQUE") != "OPAQUE":
        lost.append(f"transparency ({str(material['alphaMode'])[:10]})")
    if material.get("doubleSided") is True:
        lost.append("second side (doubleSided)")
    for holder in (material, pbr):
        named = holder.get("extensions")
        lost += sorted(str(name)[:80] for name in named) if isinstance(named, dict) else []
    return lost


def _slot(document: Document, reference: Json) -> Slot:
    """Coordinates, transform and wrapping of a texture reference."""
    moved = extension(reference, TRANSFORM) or {}
    chosen = moved.get("texCoord", reference.get("texCoord", 0))
    if not isinstance(chosen, int) or isinstance(chosen, bool) or not 0 <= chosen < 32:
        raise document.fail("a texture's texCoord is not a small whole number")
    (du, dv), (su, sv) = (
        numbers(document, moved, key, [one, one]) for key, one in (("offset", 0.0), ("scale", 1.0))
    )
    angle = moved.get("rotation", 0.0)
    if not isinstance(angle, int | float) or not abs(angle) < 1e6:
        raise document.fail("a texture's rotation is not a number")
    cos, sin = float(np.cos(angle)), float(np.sin(angle))
    texture = document.at("textures", reference.get("index"))
    sampler = document.at("samplers", texture["sampler"]) if "sampler" in texture else {}
    wrap = [sampler.get(key, REPEAT) for key in ("wrapS", "wrapT")]
    known = [way if isinstance(way, int) and way in (MIRROR, CLAMP) else REPEAT for way in wrap]
    matrix = tuple(float(value) + 0.0 for value in (cos * su, sin * sv, du, -sin * su, cos * sv, dv))
    return Slot(chosen, matrix, (known[0], known[1]))


def _pixels(document: Document, reference: Json) -> U8 | None:
    """(H,W,3) decoded pixels of a texture reference; None where its file cannot be opened or is no such picture."""
    texture = document.at("textures", reference.get("index"))
    webp = extension(texture, "EXT_texture_webp")
    source = webp.get("source") if webp else texture.get("source")
    if source is None:  # of an extension that is not known, or of none
        _note(document, f"texture {reference.get('index')}", "unreadable")
        return None
    data = document.image(source)
    if data is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP")) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise BadInput(
                        f"{document.path} holds a texture of {image.width} x {image.height} px: too large"
                    )
                return np.array(image.convert("RGB"), dtype=np.uint8)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        image_row = document.at("images", source)
        beside = document.texture_file(image_row)
        _note(
            document,
            beside.name if beside else str(image_row.get("name") or f"image {source}"),
            "undecodable",
        )
        return None


def _note(document: Document, name: str, why: str) -> None:
    document.unopened[name] = TextureFact(name=name, media_type=why, bytes=0)


def _tinted(color: U8, factor: F64) -> U8:
    """sRGB pixels times a linear factor."""
    if np.allclose(factor, 1.0, atol=1e-6):
        return color
    value = np.arange(256) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    out = np.empty_like(color)
    for channel in range(3):
        scaled = np.clip(linear * factor[channel], 0, 1)
        back = np.where(scaled <= 0.0031308, scaled * 12.92, 1.055 * scaled ** (1 / 2.4) - 0.055)
        out[..., channel] = np.rint(back * 255).astype(np.uint8)[color[..., channel]]
    return out


def _strengthened(normal: U8, scale: object) -> U8:
    """A normal map with its strength worked in."""
    if not isinstance(scale, int | float) or scale == 1 or not abs(scale) < 1e3:
        return normal
    vectors = normal.astype(np.float32) / 127.5 - 1
    vectors[..., :2] *= scale
    vectors /= np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
    out: U8 = np.rint((vectors + 1) * 127.5).astype(np.uint8)
    return out
