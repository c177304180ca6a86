"""Figurine -> binary FBX 7.4 with one static textured mesh, written by hand.

Why by hand: of the writers that Python can install, one is GPL and a gigabyte (bpy), one gives a figurine of
0.8 mm from metres and metallic 1.0 in Blender 4 (assimp), the others write ASCII only or read only. What is
written here arrives in ufbx, Blender (both importers), three.js and assimp with size, axes, normals, UV,
texture and roughness.

- Centimetres with UnitScaleFactor 1 and scale 1: readers that skip the unit (three.js, assimp) get
centimetres as
  from every other tool; metres with UnitScaleFactor 100 came out a hundred times too small there.
- Control points are the shared vertices, so the mesh stays closed; normals and UV are per polygon corner.
- The texture is embedded and lies beside the file as well: Godot 3 reads only the second. `RelativeFilename`
is a
  bare name with its suffix, since three.js chooses the decoder by it.
- Shininess is ((1 - roughness) * 10) ** 2, which is how Blender reads roughness back.
"""

import json
from pathlib import Path

import numpy as np

from slipcast.core.values import F32, I64, Export, Figurine, Hull, Mesh, Source
from slipcast.formats.common import texture_files
from slipcast.formats.common.losses import describe_kept, find_losses
from slipcast.formats.common.naming import Names
from slipcast.formats.fbx.nodes import CREATION_TIME, FILE_ID, VERSION, Array, Flag, Long, Node, encode_file
from slipcast.formats.table import ExportOptions
from slipcast.mesh import tangents
from slipcast.mesh.normals import vertex_normals

CM_PER_M = 100.0
CREATOR = "Slipcast"
_UNITY_SCRIPT = Path(__file__).with_name("unity_colliders.cs.txt")
"""Text, since a project takes it once, and each asset brings one."""

_SEPARATOR = "\0\x01"
"""Between an object's name and its class in binary FBX."""
_ROOT, _GEOMETRY, _MODEL, _MATERIAL, _DOCUMENT = Long(0), Long(1001), Long(1002), Long(1003), Long(2000)
_GROUP, _GROUP_ATTRIBUTE, _HULL, _LEVEL = Long(1004), Long(1005), 1500, 2000


def write_fbx(figurine: Figurine, options: ExportOptions) -> Export:
    """Write `<name>.fbx` with its textures inside, and the same textures beside it."""
    names = Names(figurine, options.naming)
    found = find_losses("fbx", figurine, options)
    figurine = describe_kept("fbx", figurine, options)
    options = texture_files.restrict_to_common(options)
    textures = [
        _Texture(
            id=1010,
            slot="DiffuseColor",
            name=names.base_color,
            file=names.base_color + texture_files.choose_suffix(options),
            data=texture_files.encode_base_color(figurine, options),
        )
    ]
    if figurine.normal_map is not None:
        textures.append(
            _Texture(
                id=1020,
                slot="NormalMap",
                name=names.normal,
                file=names.normal + texture_files.choose_suffix(options, data=True),
                data=texture_files.encode(figurine.normal_map, options, data=True),
            )
        )
    orm = {}
    if figurine.occlusion is not None:
        # No FBX material has a slot for it: a file that an engine's material takes.
        orm[names.orm + texture_files.choose_suffix(options, data=True)] = texture_files.encode_orm(
            figurine, options
        )
    objects, links = _scene(figurine, names, options)
    objects.append(_material(figurine, names))
    for texture in textures:
        objects += texture.objects()
        links += texture.links()
    kinds = [node.name for node in objects]
    counts = {"GlobalSettings": 1} | {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    data = encode_file(
        [
            *_head(names),
            _global_settings(),
            _documents(),
            Node("References", (), []),
            _definitions(counts),
            Node("Objects", (), objects),
            Node("Connections", (), links),
            Node("Takes", (), [Node("Current", ("",))]),
        ]
    )
    beside = {texture.file: texture.data for texture in textures}
    if figurine.hulls and options.unity_script:
        beside[f"{names.file}.colliders.cs.txt"] = _UNITY_SCRIPT.read_bytes()
    return Export(files={f"{names.file}.fbx": data, **beside, **orm}, findings=found)


class _Texture:
    """One texture: a Texture node that maps it and a Video node that holds the file."""

    def __init__(self, *, id: int, slot: str, name: str, file: str, data: bytes) -> None:
        self.texture, self.video = Long(id), Long(id + 1)
        self.slot, self.name, self.file, self.data = slot, name, file, data

    def objects(self) -> list[Node]:
        texture, video = self.name + _SEPARATOR + "Texture", self.name + _SEPARATOR + "Video"
        return [
            Node(
                "Texture",
                (self.texture, texture, ""),
                [
                    Node("Type", ("TextureVideoClip",)),
                    Node("Version", (202,)),
                    Node("TextureName", (texture,)),
                    _properties(
                        _property("UVSet", "KString", "", "", "UVMap"),
                        _property("UseMaterial", "bool", "", "", 1),
                        _property("CurrentTextureBlendMode", "enum", "", "", 1),
                        _property("WrapModeU", "enum", "", "", 1),
                        _property("WrapModeV", "enum", "", "", 1),
                    ),
                    Node("Media", (video,)),
                    Node("FileName", (self.file,)),
                    Node("RelativeFilename", (self.file,)),
                    Node("ModelUVTranslation", (0.0, 0.0)),
                    Node("ModelUVScaling", (1.0, 1.0)),
                    Node("Texture_Alpha_Source", ("None",)),
                    Node("Cropping", (0, 0, 0, 0)),
                ],
            ),
            Node(
                "Video",
                (self.video, video, "Clip"),
                [
                    Node("Type", ("Clip",)),
                    _properties(_property("Path", "KString", "XRefUrl", "", self.file)),
                    Node("UseMipMap", (0,)),
                    Node("Filename", (self.file,)),
                    Node("RelativeFilename", (self.file,)),
                    Node("Content", (self.data,)),
                ],
            ),
        ]

    def links(self) -> list[Node]:
        return [_link("OP", self.texture, _MATERIAL, self.slot), _link("OO", self.video, self.texture)]


def _scene(figurine: Figurine, names: Names, options: ExportOptions) -> tuple[list[Node], list[Node]]:
    """The models with their geometries: one, or levels of detail under a group, and collision bodies beside them."""
    levels = figurine.levels if options.levels else ()
    objects, links = [], []
    parent, top = _ROOT, names.mesh
    if levels:
        attribute = names.mesh + _SEPARATOR + "NodeAttribute"
        objects += [
            Node("NodeAttribute", (_GROUP_ATTRIBUTE, attribute, "LodGroup"), [Node("TypeFlags", ("Null",))]),
            _model(_GROUP, names.mesh, "LodGroup", _about(figurine)),
        ]
        links += [_link("OO", _GROUP, _ROOT), _link("OO", _GROUP_ATTRIBUTE, _GROUP)]
        parent, top = _GROUP, names.level(0)
    surfaces = [(figurine.mesh, figurine.uv), *((level.mesh, level.uv) for level in levels)]
    for number, (mesh, uv) in enumerate(surfaces):
        lower = 0 if number == 0 else _LEVEL + 10 * number  # no number of a texture or a body
        geometry, model = Long(_GEOMETRY + lower), Long(_MODEL + lower)
        title = top if number == 0 else names.level(number)
        about = _about(figurine) if not levels else None
        objects += [_geometry(geometry, title, mesh, uv), _model(model, title, "Mesh", about)]
        links += [
            _link("OO", model, parent),
            _link("OO", geometry, model),
            _link("OO", _MATERIAL, model),
        ]
    for number, hull in enumerate(figurine.hulls, start=1):
        title_of_hull = names.hull(number, top)
        if title_of_hull is not None:
            geometry, model = Long(_HULL + 2 * number), Long(_HULL + 2 * number + 1)
            objects += [
                _geometry(geometry, title_of_hull, _as_mesh(hull), None),
                _model(model, title_of_hull, "Mesh", None),
            ]
            links += [_link("OO", model, _ROOT), _link("OO", geometry, model)]
    return objects, links


def _as_mesh(hull: Hull) -> Mesh:
    source = np.full(len(hull.faces), int(Source.INVENTED), np.uint8)
    return Mesh(vertices=hull.vertices, faces=hull.faces, source=source)


def _about(figurine: Figurine) -> str:
    """The metadata as one text."""
    return json.dumps(
        {**figurine.provenance, "findings": [entry.as_dict() for entry in figurine.findings]}, allow_nan=False
    )


def _geometry(number: Long, name: str, mesh: Mesh, uv_of_corners: F32 | None) -> Node:
    """A mesh: shared control points in centimetres, normals and, where there are any, UV per polygon corner."""
    keep = _corners_of_polygons(mesh)
    mapped = [
        _layer("LayerElementMaterial", "", "AllSame", "IndexToDirect", {"Materials": np.zeros(1, np.int32)})
    ]
    if uv_of_corners is None:
        mapped = []
    else:
        corner, uv_index = tangents.split_vertices(np.zeros_like(mesh.faces), uv_of_corners)
        uv = uv_of_corners.reshape(-1, 2)[corner].astype(np.float64)
        uv[:, 1] = 1 - uv[:, 1]  # FBX's origin is bottom left
        values: dict[str, Array] = {"UV": uv.reshape(-1), "UVIndex": uv_index.reshape(-1)[keep]}
        mapped = [_layer("LayerElementUV", "UVMap", "ByPolygonVertex", "IndexToDirect", values), *mapped]
    kinds = ["LayerElementNormal", *(node.name for node in mapped)]
    polygons = mesh.faces.reshape(-1).copy()
    # The complement marks a polygon's last corner: of quads every fourth that is kept, of triangles every third.
    last = np.ones(len(mesh.faces), bool)
    last[: 2 * mesh.quads : 2] = False
    polygons[2::3][last] = ~polygons[2::3][last]
    points = np.round(mesh.vertices.astype(np.float64) * CM_PER_M, 9)
    normals = vertex_normals(mesh.vertices, mesh.faces)[mesh.faces.reshape(-1)[keep]].astype(np.float64)
    return Node(
        "Geometry",
        (number, name + _SEPARATOR + "Geometry", "Mesh"),
        [
            _properties(),
            Node("GeometryVersion", (124,)),
            Node("Vertices", (points.reshape(-1),)),
            Node("PolygonVertexIndex", (polygons[keep],)),
            _layer("LayerElementNormal", "", "ByPolygonVertex", "Direct", {"Normals": normals.reshape(-1)}),
            *mapped,
            Node(
                "Layer",
                (0,),
                [
                    Node("Version", (100,)),
                    *(
                        Node("LayerElement", (), [Node("Type", (kind,)), Node("TypedIndex", (0,))])
                        for kind in kinds
                    ),
                ],
            ),
        ],
    )


def _corners_of_polygons(mesh: Mesh) -> I64:
    """Which of the (3F) corners of triangles are written: of a quad's second half, a, c, d, the last alone."""
    keep = np.ones((len(mesh.faces), 3), bool)
    keep[1 : 2 * mesh.quads : 2, :2] = False
    out: I64 = np.flatnonzero(keep)
    return out


def _layer(kind: str, name: str, mapping: str, reference: str, data: dict[str, Array]) -> Node:
    """One layer of the geometry: what it is, how it maps to the polygons, and its arrays."""
    return Node(
        kind,
        (0,),
        [
            Node("Version", (101,)),
            Node("Name", (name,)),
            Node("MappingInformationType", (mapping,)),
            Node("ReferenceInformationType", (reference,)),
            *(Node(key, (array,)) for key, array in data.items()),
        ],
    )


def _model(number: Long, name: str, kind: str, about: str | None) -> Node:
    """A scene node without any transform; the metadata is a user property that artists can read."""
    return Node(
        "Model",
        (number, name + _SEPARATOR + "Model", kind),
        [
            Node("Version", (232,)),
            _properties(
                _property("Lcl Translation", "Lcl Translation", "", "A", 0.0, 0.0, 0.0),
                _property("Lcl Rotation", "Lcl Rotation", "", "A", 0.0, 0.0, 0.0),
                _property("Lcl Scaling", "Lcl Scaling", "", "A", 1.0, 1.0, 1.0),
                _integer("DefaultAttributeIndex", 0),
                _property("InheritType", "enum", "", "", 1),
                *([] if about is None else [_property("slipcast", "KString", "", "U", about)]),
            ),
            Node("MultiLayer", (0,)),
            Node("MultiTake", (0,)),
            Node("Shading", (Flag(1),)),
            Node("Culling", ("CullingOff",)),
        ],
    )


def _material(figurine: Figurine, names: Names) -> Node:
    """A Phong material that readers translate to our physical factors."""
    roughness, metallic = figurine.material.roughness, figurine.material.metallic
    shininess = max(0.0, (1 - roughness) * 10) ** 2
    return Node(
        "Material",
        (_MATERIAL, names.material + _SEPARATOR + "Material", ""),
        [
            Node("Version", (102,)),
            Node("ShadingModel", ("phong",)),
            Node("MultiLayer", (0,)),
            _properties(
                _color("DiffuseColor", 1.0),
                _factor("DiffuseFactor", 1.0),
                _color("AmbientColor", 0.0),
                _color("EmissiveColor", 0.0),
                _factor("EmissiveFactor", 0.0),
                _color("TransparentColor", 0.0),
                _factor("TransparencyFactor", 0.0),
                _factor("Opacity", 1.0),
                _color("SpecularColor", 0.2),
                _factor("SpecularFactor", 0.25),
                _factor("Shininess", shininess),
                _factor("ShininessExponent", shininess),
                _color("ReflectionColor", metallic),
                _factor("ReflectionFactor", metallic),
                # Without it a normal map has the strength 0 for readers that take the SDK's own default.
                _factor("BumpFactor", 1.0),
            ),
        ],
    )


def _head(names: Names) -> list[Node]:
    """What stands before the scene; the time is fixed, so that equal figurines give equal bytes."""
    stamp = {"Version": 1000, "Year": 1970, "Month": 1, "Day": 1, "Hour": 10, "Minute": 0, "Second": 0}
    words = {
        "Title": names.mesh,
        "Subject": "",
        "Author": CREATOR,
        "Keywords": "",
        "Revision": "",
        "Comment": "",
    }
    return [
        Node(
            "FBXHeaderExtension",
            (),
            [
                Node("FBXHeaderVersion", (1003,)),
                Node("FBXVersion", (VERSION,)),
                Node("EncryptionType", (0,)),
                Node(
                    "CreationTimeStamp",
                    (),
                    [*(Node(key, (value,)) for key, value in stamp.items()), Node("Millisecond", (0,))],
                ),
                Node("Creator", (CREATOR,)),
                Node(
                    "SceneInfo",
                    ("GlobalInfo" + _SEPARATOR + "SceneInfo", "UserData"),
                    [
                        Node("Type", ("UserData",)),
                        Node("Version", (100,)),
                        Node(
                            "MetaData",
                            (),
                            [Node("Version", (100,)), *(Node(key, (text,)) for key, text in words.items())],
                        ),
                        _properties(),
                    ],
                ),
            ],
        ),
        Node("FileId", (FILE_ID,)),
        Node("CreationTime", (CREATION_TIME,)),
        Node("Creator", (CREATOR,)),
    ]


def _global_settings() -> Node:
    """Y up, +Z front, centimetres."""
    axes = {
        "UpAxis": 1,
        "UpAxisSign": 1,
        "FrontAxis": 2,
        "FrontAxisSign": 1,
        "CoordAxis": 0,
        "CoordAxisSign": 1,
    }
    return Node(
        "GlobalSettings",
        (),
        [
            Node("Version", (1000,)),
            _properties(
                *(_integer(key, value) for key, value in axes.items()),
                _integer("OriginalUpAxis", -1),
                _integer("OriginalUpAxisSign", 1),
                _property("UnitScaleFactor", "double", "Number", "", 1.0),
                _property("OriginalUnitScaleFactor", "double", "Number", "", 1.0),
            ),
        ],
    )


def _documents() -> Node:
    scene = Node("Document", (_DOCUMENT, "Scene", "Scene"), [_properties(), Node("RootNode", (_ROOT,))])
    return Node("Documents", (), [Node("Count", (1,)), scene])


def _definitions(counts: dict[str, int]) -> Node:
    kinds = [Node("ObjectType", (kind,), [Node("Count", (count,))]) for kind, count in counts.items()]
    return Node("Definitions", (), [Node("Version", (100,)), Node("Count", (sum(counts.values()),)), *kinds])


def _link(kind: str, child: Long, parent: Long, slot: str | None = None) -> Node:
    """A connection: `OO` object to object, `OP` object to the parent's property `slot`."""
    return Node("C", (kind, child, parent) if slot is None else (kind, child, parent, slot))


def _properties(*entries: Node) -> Node:
    return Node("Properties70", (), list(entries))


def _property(name: str, kind: str, label: str, flags: str, *values: float | int | str) -> Node:
    return Node("P", (name, kind, label, flags, *values))


def _integer(name: str, value: int) -> Node:
    return _property(name, "int", "Integer", "", value)


def _factor(name: str, value: float) -> Node:
    return _property(name, "Number", "", "A", float(value))


def _color(name: str, grey: float) -> Node:
    return _property(name, "Color", "", "A", float(grey), float(grey), float(grey))
