"""Figurine -> glTF 2.0 in three files: .gltf, .bin and the texture; glb.py packs the same document into one.

glTF's world is ours, so nothing is turned. Vertices are split at UV seams only and share the normal of the
closed mesh, so welding equal positions gives that mesh back and no seam shows in the shading. Faces are
ordered by where they come from (`Source`); the counts stand in the mesh's `extras.faces_by_source`, so that
a reader knows each face's label without an attribute of our own, which engines would warn about.

The metadata stands in `asset.extras`, its provenance also as XMP (KHR_xmp_json_ld), which programs that care for
the origin of pictures read. The Khronos validator 2.0.0-dev.3.10 does not know that extension, nor those for
compression, and says so once for each (UNSUPPORTED_EXTENSION, an information).
"""

import json
import re
import zlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pygltflib as gl

from slipcast.core.values import Export, Figurine
from slipcast.formats.common import texture_files, xmp
from slipcast.formats.common.losses import describe_kept, find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.gltf import compress, extras
from slipcast.formats.gltf.document import LOD
from slipcast.formats.gltf.geometry import Buffer, Geometry, add_geometry, add_hull
from slipcast.formats.gltf.solid import EXTENSION
from slipcast.formats.table import ExportOptions

GENERATOR = "Slipcast"

WEBP = "EXT_texture_webp"


@dataclass(frozen=True, kw_only=True)
class Image:
    """One texture of the document."""

    name: str
    data: bytes
    kind: str
    """`png` or `jpeg`."""

    @property
    def file(self) -> str:
        """Its name as a file of its own."""
        return _unescaped(self.name) + texture_files.SUFFIX[self.kind]


def write_gltf(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.gltf`, `<name>.bin` and the texture files; every reference is a plain file name."""
    names = Names(figurine, options.naming)
    document, blob, images = build(figurine, options, embed=False)
    binary = f"{_unescaped(names.file)}.bin"
    document["buffers"][0]["uri"] = binary
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    files = {f"{names.file}.gltf": text.encode(errors="replace"), binary: blob}
    return Export(
        files=files | {image.file: image.data for image in images},
        findings=find_losses("gltf", figurine, options),
    )


def build(
    figurine: Figurine, options: ExportOptions, *, embed: bool
) -> tuple[dict[str, Any], bytes, tuple[Image, ...]]:
    """Return the JSON document, its one binary buffer and the textures.

    With `embed` the textures lie in the buffer and the document's `buffers` is complete for a GLB; without,
    the document names the textures as files and its `buffers` has no `uri` yet.
    """
    compress.require(options.compress)
    figurine = describe_kept("glb" if embed else "gltf", figurine, options)
    names = Names(figurine, options.naming)
    buffer = Buffer(packed=options.compress == "meshopt")
    geometry = add_geometry(figurine, buffer, options)
    node = gl.Node(name=names.mesh, mesh=0, scale=geometry.scale, translation=geometry.translation)
    images = _images(figurine, options, names)
    nodes, meshes = [node], [_mesh(names.mesh, geometry)]
    in_scene = [0]
    if options.levels and figurine.levels:
        lower = []
        for number, level in enumerate(figurine.levels, start=1):
            below = replace(figurine, mesh=level.mesh, uv=level.uv, levels=(), hulls=())
            coarse = add_geometry(below, buffer, options)
            lower.append(len(nodes))
            nodes.append(
                gl.Node(
                    name=names.level(number),
                    mesh=len(meshes),
                    scale=coarse.scale,
                    translation=coarse.translation,
                )
            )
            meshes.append(_mesh(names.level(number), coarse))
        node.extensions = {LOD: {"ids": lower}}
    for number, hull in enumerate(figurine.hulls, start=1):
        title = names.hull(number, names.mesh)
        if title is not None:
            in_scene.append(len(nodes))
            nodes.append(gl.Node(name=title, mesh=len(meshes)))
            meshes.append(gl.Mesh(name=title, primitives=[add_hull(hull, buffer)]))
    document = gl.GLTF2(
        asset=gl.Asset(generator=GENERATOR),
        scene=0,
        scenes=[gl.Scene(nodes=in_scene)],
        nodes=nodes,
        meshes=meshes,
        materials=[_material(figurine, names)],
        samplers=[
            gl.Sampler(
                magFilter=gl.LINEAR,
                minFilter=gl.LINEAR_MIPMAP_LINEAR,
                wrapS=gl.CLAMP_TO_EDGE,
                wrapT=gl.CLAMP_TO_EDGE,
            )
        ],
        textures=[_texture(k, image) for k, image in enumerate(images)],
        images=[
            gl.Image(
                name=image.name,
                mimeType=texture_files.MEDIA_TYPE[image.kind],
                bufferView=buffer.view(image.data),
            )
            if embed
            else gl.Image(name=image.name, uri=image.file)
            for image in images
        ],
        bufferViews=buffer.views,
        accessors=buffer.accessors,
    )
    buffer.data += b"\0" * (-len(buffer.data) % 4)
    document.buffers = [gl.Buffer(byteLength=len(buffer.data))]
    if buffer.fallback_bytes:
        unpacked = gl.Buffer(byteLength=buffer.fallback_bytes)
        unpacked.extensions[compress.MESHOPT] = {"fallback": True}
        document.buffers.append(unpacked)
    needed = [WEBP] if any(image.kind == "webp" for image in images) else []
    document.extensionsRequired = needed = [*needed, *geometry.extensions]
    with_levels = [LOD] if options.levels and figurine.levels else []
    solid = [EXTENSION] if any(mesh.extensions for mesh in meshes) else []
    document.extensionsUsed = [*needed, xmp.EXTENSION, *with_levels, *solid]
    out: dict[str, Any] = json.loads(document.gltf_to_json(separators=(",", ":"), indent=None))
    # pygltflib drops empty values everywhere, in extras too, where they are the user's data: these are set
    # here.
    out["asset"]["extras"] = {
        **figurine.provenance,
        "findings": [entry.as_dict() for entry in figurine.findings],
    }
    out["asset"]["extensions"] = {xmp.EXTENSION: {"packet": 0}}
    out["extensions"] = {xmp.EXTENSION: {"packets": [xmp.json_ld(figurine)]}}
    told = {extras.KEY: extras.summarize(figurine)}
    coverage = [level.coverage for level in figurine.levels]
    levels = {"MSFT_screencoverage": [*coverage, 0.0]} if with_levels else {}
    out["scenes"][0]["extras"] = told
    out["nodes"][0]["extras"] = {**told, **levels}
    out["materials"][0]["extras"] = told
    out["meshes"][0]["extras"] = {"name": figurine.name, **geometry.extras, **told}
    return out, bytes(buffer.data), images


def _mesh(name: str, geometry: Geometry) -> "gl.Mesh":
    """A mesh of one primitive, which says its solid where it is one."""
    solid = {} if geometry.solid is None else {EXTENSION: geometry.solid}
    return gl.Mesh(name=name, primitives=[geometry.primitive], extensions=solid)


def _texture(index: int, image: Image) -> "gl.Texture":
    """A texture whose image is `index`; WebP stands behind its extension, without a fallback."""
    if image.kind == "webp":
        return gl.Texture(sampler=0, name=image.name, extensions={WEBP: {"source": index}})
    return gl.Texture(sampler=0, source=index, name=image.name)


def _images(figurine: Figurine, options: ExportOptions, names: Names) -> tuple[Image, ...]:
    """Encode the base colour and, where there are any, the normal map and the ORM texture, in this order."""
    color = Image(
        name=names.base_color,
        data=texture_files.encode_base_color(figurine, options),
        kind=texture_files.choose_kind(options),
    )
    orm: tuple[Image, ...] = ()
    if figurine.occlusion is not None:
        packed = texture_files.encode_orm(figurine, options)
        orm = (Image(name=names.orm, data=packed, kind=texture_files.choose_kind(options, data=True)),)
    if figurine.normal_map is None:
        return (color, *orm)
    # Green is upwards in glTF, whatever the target; beside an FBX of the same run it is a file of its own then.
    normal = Image(
        name=names.normal + ("_GL" if options.green_down else ""),
        data=texture_files.encode(figurine.normal_map, replace(options, green_down=False), data=True),
        kind=texture_files.choose_kind(options, data=True),
    )
    return (color, normal, *orm)


def _material(figurine: Figurine, names: Names) -> "gl.Material":
    """Build the one material with factors inside the specification's ranges; with an ORM texture they stand in it."""
    orm = None if figurine.occlusion is None else 1 if figurine.normal_map is None else 2
    return gl.Material(
        name=names.material,
        pbrMetallicRoughness=gl.PbrMetallicRoughness(
            baseColorTexture=gl.TextureInfo(index=0),
            metallicFactor=float(np.clip(figurine.material.metallic, 0, 1)) if orm is None else 1.0,
            roughnessFactor=float(np.clip(figurine.material.roughness, 0, 1)) if orm is None else 1.0,
            metallicRoughnessTexture=None if orm is None else gl.TextureInfo(index=orm),
        ),
        occlusionTexture=None if orm is None else gl.OcclusionTextureInfo(index=orm),
        normalTexture=None if figurine.normal_map is None else gl.NormalMaterialTexture(index=1, texCoord=0),
        alphaMode=gl.OPAQUE,
    )


def _unescaped(name: str) -> str:
    """`name` for a file that the document refers to, free of what a URI must escape.

    trimesh 5.2 and assimp 6.0 look for a file that is really called `a%20b.bin`. What is replaced is told apart by
    a checksum, so that two figurines in one folder never share a file.
    """
    plain = re.sub(r"[^A-Za-z0-9._-]+", "_", name)
    return name if plain == name else f"{plain.strip('_')[:60]}-{zlib.crc32(name.encode()):08x}"
