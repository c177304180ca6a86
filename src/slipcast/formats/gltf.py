"""Figurine -> glTF 2.0 in three files: .gltf, .bin and the texture; glb.py packs the same document into one.

glTF's world is ours, so nothing is turned. Vertices are split at UV seams only and share the normal of the
closed mesh, so welding equal positions gives that mesh back and no seam shows in the shading. Faces are
ordered by where they come from (`Source`); the counts stand in the mesh's `extras.faces_by_source`, so that
a reader knows each face's label without an attribute of our own, which engines would warn about. The
metadata stands in `asset.extras`.

Rejected: KHR_xmp_json_ld for the provenance. The Khronos validator 2.0.0-dev.3.10 does not know it and
reports UNSUPPORTED_EXTENSION on every asset; `asset.extras` says the same and passes without a remark.
"""

import json
import re
import zlib
from dataclasses import dataclass, replace

import numpy as np
import pygltflib as gl

from slipcast.formats import ExportOptions, atlas, shading
from slipcast.formats.names import Names
from slipcast.values import F32, Export, Figurine, Mesh, Source

GENERATOR = "Slipcast"

WEBP = "EXT_texture_webp"
QUANTIZED = "KHR_mesh_quantization"

_COMPONENT = {
    "float32": gl.FLOAT,
    "uint32": gl.UNSIGNED_INT,
    "uint16": gl.UNSIGNED_SHORT,
    "int8": gl.BYTE,
}
_SHAPE = {1: gl.SCALAR, 2: gl.VEC2, 3: gl.VEC3, 4: gl.VEC4}


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
        return _unescaped(self.name) + atlas.SUFFIX[self.kind]


class _Buffer:
    """One binary buffer that grows view by view."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[gl.BufferView] = []
        self.accessors: list[gl.Accessor] = []

    def view(self, data: bytes, target: int | None = None, stride: int | None = None) -> int:
        """Append a view aligned to 4 bytes and return its index."""
        self.data += b"\0" * (-len(self.data) % 4)
        self.views.append(
            gl.BufferView(
                buffer=0, byteOffset=len(self.data), byteLength=len(data), byteStride=stride, target=target
            )
        )
        self.data += data
        return len(self.views) - 1

    def accessor(self, array: "np.typing.NDArray[np.generic]", target: int, *, bounds: bool = False) -> int:
        """Append an accessor over (N,) or (N,k) `array` and return its index; small vertex data is normalized."""
        rows = array.reshape(len(array), -1)
        bytes_used = rows.shape[1] * rows.itemsize
        padding = -bytes_used % 4 if target == gl.ARRAY_BUFFER else 0
        padded = np.zeros((len(rows), rows.shape[1] + padding // rows.itemsize), rows.dtype)
        padded[:, : rows.shape[1]] = rows
        stride = bytes_used + padding if padding else None
        self.accessors.append(
            gl.Accessor(
                bufferView=self.view(padded.tobytes(), target, stride),
                componentType=_COMPONENT[array.dtype.name],
                normalized=target == gl.ARRAY_BUFFER and array.dtype != np.float32,
                count=len(rows),
                type=_SHAPE[rows.shape[1]],
                min=rows.min(axis=0).tolist() if bounds else None,
                max=rows.max(axis=0).tolist() if bounds else None,
            )
        )
        return len(self.accessors) - 1


def export_gltf(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.gltf`, `<name>.bin` and the texture files; every reference is a plain file name."""
    names = Names(figurine, options.naming)
    document, blob, images = build(figurine, options, embed=False)
    binary = f"{_unescaped(names.file)}.bin"
    document["buffers"] = [{"uri": binary, "byteLength": len(blob)}]
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    files = {f"{names.file}.gltf": text.encode(errors="replace"), binary: blob}
    return Export(files=files | {image.file: image.data for image in images})


def build(
    figurine: Figurine, options: ExportOptions, *, embed: bool
) -> tuple[dict[str, object], bytes, tuple[Image, ...]]:
    """Return the JSON document, its one binary buffer and the textures.

    With `embed` the textures lie in the buffer and the document's `buffers` is complete for a GLB; without,
    the document names the textures as files and its `buffers` has no `uri` yet.
    """
    figurine = _by_source(figurine)
    names = Names(figurine, options.naming)
    buffer = _Buffer()
    primitive = gl.Primitive(material=0)
    node = gl.Node(name=names.mesh, mesh=0)
    counts = _geometry(figurine, buffer, primitive, node, options)
    images = _images(figurine, options, names)
    document = gl.GLTF2(
        asset=gl.Asset(generator=GENERATOR),
        scene=0,
        scenes=[gl.Scene(nodes=[0])],
        nodes=[node],
        meshes=[gl.Mesh(name=names.mesh, primitives=[primitive])],
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
                name=image.name, mimeType=atlas.MEDIA_TYPE[image.kind], bufferView=buffer.view(image.data)
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
    needed = [WEBP] if any(image.kind == "webp" for image in images) else []
    needed += [QUANTIZED] if options.quantize else []
    document.extensionsUsed = document.extensionsRequired = needed
    out: dict[str, object] = json.loads(document.gltf_to_json(separators=(",", ":"), indent=None))
    # pygltflib drops empty values everywhere, in extras too, where they are the user's data: these are set
    # here.
    out["asset"]["extras"] = {  # type: ignore[index]
        **figurine.provenance,
        "findings": [entry.as_dict() for entry in figurine.findings],
    }
    out["meshes"][0]["extras"] = {"name": figurine.name, "faces_by_source": counts}  # type: ignore[index]
    return out, bytes(buffer.data), images


def _by_source(figurine: Figurine) -> Figurine:
    """The same figurine with its faces ordered by source."""
    mesh = figurine.mesh
    order = np.argsort(mesh.source, kind="stable")
    ordered = Mesh(vertices=mesh.vertices, faces=mesh.faces[order], source=mesh.source[order])
    return replace(figurine, mesh=ordered, uv=figurine.uv[order])


def _geometry(
    figurine: Figurine, buffer: _Buffer, primitive: "gl.Primitive", node: "gl.Node", options: ExportOptions
) -> dict[str, int]:
    """Add the mesh and return how many faces each source has, in the order in which they are written."""
    mesh = figurine.mesh
    mapped = figurine.normal_map is not None
    keep = shading.handedness(figurine) if mapped else None
    corner, faces = shading.split(mesh.faces, figurine.uv, keep)
    vertex = mesh.faces.reshape(-1)[corner]
    normals = shading.vertex_normals(mesh)[vertex]
    uv = figurine.uv.reshape(-1, 2)[corner]
    attributes = primitive.attributes
    if options.quantize:
        grid, node.scale, node.translation = _on_a_grid(mesh.vertices)
        attributes.POSITION = buffer.accessor(grid[vertex], gl.ARRAY_BUFFER, bounds=True)
        attributes.NORMAL = buffer.accessor(np.rint(normals * 127).astype(np.int8), gl.ARRAY_BUFFER)
        attributes.TEXCOORD_0 = buffer.accessor(
            np.rint(np.clip(uv, 0, 1).astype(np.float64) * 65535).astype(np.uint16), gl.ARRAY_BUFFER
        )
    else:
        attributes.POSITION = buffer.accessor(mesh.vertices[vertex], gl.ARRAY_BUFFER, bounds=True)
        attributes.NORMAL = buffer.accessor(normals, gl.ARRAY_BUFFER)
        attributes.TEXCOORD_0 = buffer.accessor(uv, gl.ARRAY_BUFFER)
    if mapped:
        attributes.TANGENT = buffer.accessor(
            shading.tangents(figurine, normals, corner, faces), gl.ARRAY_BUFFER
        )
    index_type = np.uint16 if len(corner) < 0xFFFF else np.uint32
    primitive.indices = buffer.accessor(faces.astype(index_type).reshape(-1), gl.ELEMENT_ARRAY_BUFFER)
    counted = np.bincount(mesh.source, minlength=len(Source))
    return {source.name: int(counted[source]) for source in Source}


def _on_a_grid(points: F32) -> "tuple[np.typing.NDArray[np.uint16], list[float], list[float]]":
    """(V,3) positions as 0..65535 along the longest side, with the node's scale and translation that undo it.

    A figurine of 75 mm lies on a grid of 1.1 micrometres, so nothing that was apart falls together.
    """
    low = points.min(axis=0).astype(np.float64)
    side = float(np.ptp(points.astype(np.float64), axis=0).max())
    grid = np.rint((points - low) / side * 65535).astype(np.uint16)
    return grid, [side] * 3, low.tolist()


def _texture(index: int, image: Image) -> "gl.Texture":
    """A texture whose image is `index`; WebP stands behind its extension, without a fallback."""
    if image.kind == "webp":
        return gl.Texture(sampler=0, name=image.name, extensions={WEBP: {"source": index}})
    return gl.Texture(sampler=0, source=index, name=image.name)


def _images(figurine: Figurine, options: ExportOptions, names: Names) -> tuple[Image, ...]:
    """Encode the base colour and, where there is one, the normal map."""
    color = Image(
        name=names.base_color,
        data=atlas.encode(figurine.texture.pixels, options),
        kind=atlas.kind_of(options),
    )
    if figurine.normal_map is None:
        return (color,)
    normal = Image(
        name=names.normal,
        data=atlas.encode(figurine.normal_map, options, data=True),
        kind=atlas.kind_of(options, data=True),
    )
    return (color, normal)


def _material(figurine: Figurine, names: Names) -> "gl.Material":
    """Build the one material with factors inside the specification's ranges."""
    return gl.Material(
        name=names.material,
        pbrMetallicRoughness=gl.PbrMetallicRoughness(
            baseColorTexture=gl.TextureInfo(index=0),
            metallicFactor=float(np.clip(figurine.material.metallic, 0, 1)),
            roughnessFactor=float(np.clip(figurine.material.roughness, 0, 1)),
        ),
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
