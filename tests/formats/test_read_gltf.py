"""glTF of other makers: what a node, a skin, a strip or a transform does to the geometry that is shown."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from slipcast.core.errors import BadInput
from slipcast.formats.common import sandbox
from slipcast.formats.gltf.compress import draco_pack, meshopt_pack
from slipcast.formats.gltf.read_figurine import read_asset
from slipcast.formats.inspect import describe, read_content

F64 = NDArray[np.float64]
CORNERS = np.array([[0.0, 0, 0], [1, 0, 0], [0, 2, 0], [0, 0, 3]])
FACES = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
TURN = [0.0, 0.0, 0.5**0.5, 0.5**0.5]
"""A quarter turn about Z."""
_KINDS = {"float32": 5126, "uint8": 5121, "uint16": 5123, "uint32": 5125}
_WIDTHS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}


class Maker:
    """A glTF document with one buffer inside, built up accessor by accessor."""

    def __init__(self) -> None:
        self.data = b""
        self.json: dict[str, list[dict[str, object]]] = {"bufferViews": [], "accessors": []}

    def view(self, array: NDArray[np.generic]) -> int:
        self.json["bufferViews"].append(
            {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        )
        self.data += array.tobytes() + bytes(-array.nbytes % 4)
        return len(self.json["bufferViews"]) - 1

    def accessor(self, array: NDArray[np.generic], **more: object) -> int:
        rows = array.reshape(len(array), -1)
        self.json["accessors"].append(
            {
                "bufferView": self.view(np.ascontiguousarray(rows)),
                "componentType": _KINDS[rows.dtype.name],
                "count": len(rows),
                "type": _WIDTHS[rows.shape[1]],
                **more,
            }
        )
        return len(self.json["accessors"]) - 1

    def tetra(self, **more: object) -> dict[str, object]:
        """A primitive: the tetrahedron."""
        attributes = {"POSITION": self.accessor(CORNERS.astype(np.float32))}
        return {
            "attributes": attributes,
            "indices": self.accessor(FACES.astype(np.uint16).reshape(-1)),
            **more,
        }

    def write(self, path: Path, **more: object) -> Path:
        uri = "data:application/octet-stream;base64," + base64.b64encode(self.data).decode()
        buffers = [{"byteLength": len(self.data), "uri": uri}]
        path.write_text(json.dumps({"asset": {"version": "2.0"}, "buffers": buffers, **self.json, **more}))
        return path


def scene(nodes: list[dict[str, object]], roots: list[int]) -> dict[str, object]:
    return {"scene": 0, "scenes": [{"nodes": roots}], "nodes": nodes}


def size(path: Path) -> list[object]:
    facts = describe(path)
    return [facts[f"{side}_mm"] for side in ("width", "height", "depth")]


def test_without_scenes_the_root_nodes_are_shown(tmp_path: Path) -> None:
    maker = Maker()
    meshes = [{"primitives": [maker.tetra()]}]
    nodes: list[dict[str, object]] = [{"mesh": 0}, {"scale": [2, 2, 2], "children": [0]}, {"mesh": 0}]
    facts = describe(maker.write(tmp_path / "a.gltf", meshes=meshes, nodes=nodes))
    assert facts["faces"] == 8
    assert facts["height_mm"] == 4000
    empty = maker.write(tmp_path / "b.gltf", meshes=meshes, nodes=nodes, scenes=[])
    assert describe(empty)["faces"] == 8


@pytest.mark.parametrize("matrix", [False, True])
def test_a_skinned_mesh_stands_where_its_joints_put_it_and_not_its_node(matrix: bool, tmp_path: Path) -> None:
    maker = Maker()
    primitive = maker.tetra()
    attributes = primitive["attributes"]
    assert isinstance(attributes, dict)
    attributes["JOINTS_0"] = maker.accessor(np.tile(np.array([1, 0, 0, 0], np.uint8), (4, 1)))
    attributes["WEIGHTS_0"] = maker.accessor(np.tile(np.array([0.5, 0.5, 0, 0], np.float32), (4, 1)))
    skin: dict[str, object] = {"joints": [1, 2]}
    if matrix:  # takes the joints' scaling back
        bind = np.tile(np.diag([0.25, 0.25, 0.25, 1.0]).astype(np.float32).reshape(-1), (2, 1))
        skin["inverseBindMatrices"] = maker.accessor(bind)
    nodes: list[dict[str, object]] = [
        {"mesh": 0, "skin": 0, "scale": [100, 100, 100], "rotation": TURN},
        {"children": [2]},
        {"translation": [0, 0, 5]},
        {"scale": [4, 4, 4], "children": [1]},
    ]
    path = maker.write(
        tmp_path / "a.gltf", meshes=[{"primitives": [primitive]}], skins=[skin], **scene(nodes, [0, 3])
    )
    # Half of each joint: 4 p and 4 p + (0, 0, 20).
    expected = CORNERS * (1 if matrix else 4) + [0, 0, 10]
    assert np.allclose(read_content(path).points, expected, atol=1e-5)


def test_what_would_move_a_figure_is_named(tmp_path: Path) -> None:
    maker = Maker()
    primitive = maker.tetra()
    primitive["targets"] = [{"POSITION": maker.accessor(CORNERS.astype(np.float32))}]
    path = maker.write(
        tmp_path / "a.gltf",
        meshes=[{"primitives": [primitive], "weights": [0.0]}],
        skins=[{"joints": [0]}],
        animations=[{"channels": [], "samplers": []}],
        **scene([{"mesh": 0}], [0]),
    )
    said = " ".join(entry.message for entry in read_content(path).findings)
    assert "1 x animation" in said
    assert "1 x skin (it stands as its joints put it)" in said
    assert "1 x morph targets" in said


def test_a_skin_without_weights_leaves_the_mesh_where_it_is(tmp_path: Path) -> None:
    maker = Maker()
    nodes: list[dict[str, object]] = [{"mesh": 0, "skin": 0, "scale": [100, 100, 100]}, {"scale": [7, 7, 7]}]
    path = maker.write(
        tmp_path / "a.gltf",
        meshes=[{"primitives": [maker.tetra()]}],
        skins=[{"joints": [1]}],
        **scene(nodes, [0, 1]),
    )
    assert size(path) == [1000, 2000, 3000]


def test_joints_that_a_skin_does_not_have_are_refused(tmp_path: Path) -> None:
    maker = Maker()
    primitive = maker.tetra()
    attributes = primitive["attributes"]
    assert isinstance(attributes, dict)
    attributes["JOINTS_0"] = maker.accessor(np.full((4, 4), 9, np.uint8))
    attributes["WEIGHTS_0"] = maker.accessor(np.full((4, 4), 0.25, np.float32))
    path = maker.write(
        tmp_path / "a.gltf",
        meshes=[{"primitives": [primitive]}],
        skins=[{"joints": [0]}],
        **scene([{"mesh": 0, "skin": 0}], [0]),
    )
    with pytest.raises(BadInput, match="joint"):
        read_content(path)


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("mode", [5, 6])
def test_strips_and_fans_are_triangles(mode: int, indexed: bool, tmp_path: Path) -> None:
    maker = Maker()
    strip = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 2, 0]], np.float32)
    fan = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [-1, 1, 0]], np.float32)
    primitive: dict[str, object] = {
        "attributes": {"POSITION": maker.accessor(strip if mode == 5 else fan)},
        "mode": mode,
    }
    if indexed:
        order = [0, 1, 2, 3, 3, 2, 2, 3, 4] if mode == 5 else [0, 1, 2, 3, 3, 4]
        primitive["indices"] = maker.accessor(np.array(order, np.uint8))
    path = maker.write(tmp_path / "a.gltf", meshes=[{"primitives": [primitive]}], **scene([{"mesh": 0}], [0]))
    content = read_content(path)
    corner = content.points[content.faces]
    normals = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    assert len(content.faces) == 3  # what only joins two strips has no area and is no face
    assert (normals[:, 2] > 0).all()
    assert normals[:, 2].sum() / 2 == pytest.approx(1.5)


def test_points_and_lines_are_left_out_and_told(tmp_path: Path) -> None:
    maker = Maker()
    primitives = [maker.tetra(), maker.tetra(mode=0), maker.tetra(mode=1), maker.tetra(mode=3)]
    path = maker.write(tmp_path / "a.gltf", meshes=[{"primitives": primitives}], **scene([{"mesh": 0}], [0]))
    facts = describe(path)
    assert facts["faces"] == 4
    findings = facts["findings"]
    assert isinstance(findings, list)
    assert [entry["code"] for entry in findings] == ["FILE_LEFT_OUT"]
    assert "1 x points, 2 x lines" in findings[0]["message"]


@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("KHR_materials_unlit", "materials"),
        ("KHR_texture_basisu", "textures"),
        ("KHR_lights_punctual", "nodes"),
        ("ACME_anything", "materials"),
        ("ACME_unused", None),
        ("KHR_texture_transform", None),
    ],
)
def test_a_required_extension_that_moves_no_vertex_does_not_hide_the_size(
    name: str, holder: str | None, tmp_path: Path
) -> None:
    maker = Maker()
    document = scene([{"mesh": 0}], [0]) | {"meshes": [{"primitives": [maker.tetra()]}], "materials": [{}]}
    document["textures"] = [{}]
    if holder is not None:
        entries = document[holder]
        assert isinstance(entries, list)
        entries[0]["extensions"] = {name: {}}
    path = maker.write(tmp_path / "a.gltf", extensionsRequired=[name], **document)
    facts = describe(path)
    assert facts["height_mm"] == 2000
    assert (name in str(facts["findings"])) == (name != "KHR_texture_transform")


@pytest.mark.parametrize("holder", ["nodes", "meshes", "primitives", "bufferViews", "accessors"])
def test_a_required_extension_that_may_move_vertices_is_refused(holder: str, tmp_path: Path) -> None:
    maker = Maker()
    primitive = maker.tetra()
    document = scene([{"mesh": 0}], [0]) | {"meshes": [{"primitives": [primitive]}]}
    entries = {"primitives": [primitive], **maker.json, **document}[holder]
    assert isinstance(entries, list)
    entries[0]["extensions"] = {"ACME_bent": {}}
    path = maker.write(tmp_path / "a.gltf", extensionsRequired=["ACME_bent"], **document)
    with pytest.raises(BadInput, match="ACME_bent"):
        read_content(path)


def test_instances_and_morph_targets_are_shown(tmp_path: Path) -> None:
    maker = Maker()
    target = maker.accessor(np.array([[0, 0, 0]] * 3 + [[0, 0, 3]], np.float32))
    places = maker.accessor(np.array([[0, 0, 0], [10, 0, 0]], np.float32))
    meshes = [{"primitives": [maker.tetra(targets=[{"POSITION": target}])], "weights": [1.0]}]
    node: dict[str, object] = {
        "mesh": 0,
        "extensions": {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}},
    }
    path = maker.write(
        tmp_path / "a.gltf",
        meshes=meshes,
        extensionsRequired=["EXT_mesh_gpu_instancing"],
        **scene([node], [0]),
    )
    assert describe(path)["faces"] == 8
    assert size(path) == [11000, 2000, 6000]


def test_sparse_accessors_are_read(tmp_path: Path) -> None:
    maker = Maker()
    primitive = maker.tetra()
    where, moved = maker.view(np.array([3], np.uint16)), maker.view(np.array([[0, 0, 9]], np.float32))
    accessor = maker.json["accessors"][0]
    accessor["sparse"] = {
        "count": 1,
        "indices": {"bufferView": where, "componentType": 5123},
        "values": {"bufferView": moved},
    }
    document = scene([{"mesh": 0}], [0]) | {"meshes": [{"primitives": [primitive]}]}
    assert size(maker.write(tmp_path / "a.gltf", **document)) == [1000, 2000, 9000]
    del accessor["bufferView"]
    assert size(maker.write(tmp_path / "b.gltf", **document)) == [0, 0, 9000]
    accessor["sparse"] = {"count": 5, "indices": {}, "values": {}}
    with pytest.raises(BadInput, match="sparse"):
        read_content(maker.write(tmp_path / "c.gltf", **document))


@pytest.mark.parametrize("mirror", [False, True])
def test_a_mirroring_node_keeps_the_volume_positive(mirror: bool, tmp_path: Path) -> None:
    maker = Maker()
    node: dict[str, object] = {"mesh": 0, "scale": [-1 if mirror else 1, 1, 1]}
    path = maker.write(tmp_path / "a.gltf", meshes=[{"primitives": [maker.tetra()]}], **scene([node], [0]))
    assert describe(path)["volume_mm3"] == pytest.approx(1e9)


@pytest.mark.parametrize("uri", ["absent.png", "../tex.png", "C:\\a\\tex.png", "http://example.com/t.png"])
def test_a_texture_by_an_odd_path_is_listed_and_the_mesh_read(uri: str, tmp_path: Path) -> None:
    maker = Maker()
    document = scene([{"mesh": 0}], [0]) | {"meshes": [{"primitives": [maker.tetra()]}]}
    path = maker.write(tmp_path / "a.gltf", images=[{"uri": uri}, {}], **document)
    facts = describe(path)
    assert facts["faces"] == 4
    textures = facts["textures"]
    assert isinstance(textures, list)
    expected = "missing" if uri == "absent.png" else "not opened"
    assert [entry["media_type"] for entry in textures] == [expected, "missing"]
    findings = facts["findings"]
    assert isinstance(findings, list)
    assert [entry["code"] for entry in findings] == ["TEXTURE_NOT_OPENED"] * 2


@pytest.mark.parametrize(
    "texture", [{"source": 0}, {"source": 1}, {"extensions": {"KHR_texture_basisu": {}}}]
)
def test_a_texture_that_cannot_be_opened_leaves_the_material_its_color(
    texture: dict[str, object], tmp_path: Path
) -> None:
    maker = Maker()
    pbr = {"baseColorTexture": {"index": 0}, "baseColorFactor": [1, 0, 0, 1], "metallicFactor": 0.25}
    material = {"name": "m", "pbrMetallicRoughness": pbr, "normalTexture": {"index": 0}}
    document = scene([{"mesh": 0}], [0]) | {"meshes": [{"primitives": [maker.tetra() | {"material": 0}]}]}
    path = maker.write(
        tmp_path / "a.gltf",
        images=[{"uri": "/etc/tex.png"}, {}],
        textures=[texture],
        materials=[material],
        **document,
    )
    figurine, told = read_asset(path)
    assert [entry.code for entry in told] == ["TEXTURE_NOT_OPENED", "MATERIAL_REDUCED"]
    assert figurine.material.metallic == 0.25
    assert (figurine.texture.pixels == (255, 0, 0)).all()


@pytest.mark.parametrize("required", [False, True])
def test_a_hidden_node_and_all_below_it_show_nothing(required: bool, tmp_path: Path) -> None:
    maker = Maker()
    hidden = {"extensions": {"KHR_node_visibility": {"visible": False}}}
    shown = {"extensions": {"KHR_node_visibility": {"visible": True}}}
    nodes: list[dict[str, object]] = [
        {"mesh": 0, **shown},
        {"mesh": 0, "children": [2], **hidden},
        {"mesh": 0, "scale": [9, 9, 9]},
    ]
    named = {"extensionsRequired": ["KHR_node_visibility"]} if required else {}
    path = maker.write(
        tmp_path / "a.gltf", meshes=[{"primitives": [maker.tetra()]}], **scene(nodes, [0, 1]), **named
    )
    content = read_content(path)
    assert len(content.faces) == 4
    assert [entry.values["what"] for entry in content.findings] == ["1 x hidden node"]


def test_a_primitive_without_positions_is_skipped_and_told(tmp_path: Path) -> None:
    maker = Maker()
    meshes = [{"primitives": [{"attributes": {}}, maker.tetra()]}]
    path = maker.write(tmp_path / "a.gltf", meshes=meshes, **scene([{"mesh": 0}], [0]))
    content = read_content(path)
    assert len(content.faces) == 4
    assert "1 x primitive without positions" in content.findings[0].message


@pytest.mark.parametrize("place", [9.0, np.nan, np.inf])
def test_a_vertex_that_no_face_uses_is_no_surface(place: float, tmp_path: Path) -> None:
    maker = Maker()
    primitive = maker.tetra()
    loose = np.concatenate([CORNERS, np.full((1, 3), place)]).astype(np.float32)
    primitive["attributes"] = {"POSITION": maker.accessor(loose)}
    meshes = [{"primitives": [primitive]}]
    path = maker.write(tmp_path / "a.gltf", meshes=meshes, **scene([{"mesh": 0}], [0]))
    assert size(path) == [1000, 2000, 3000]
    assert "1 vertices that no face uses" in str(describe(path)["findings"])
    assert read_asset(path)[0].mesh.vertices.tolist() == CORNERS.tolist()


@pytest.mark.parametrize("name", ["EXT_meshopt_compression", "KHR_meshopt_compression"])
def test_meshopt_of_either_name_is_unpacked_with_or_without_a_marked_fallback(
    name: str, tmp_path: Path
) -> None:
    pytest.importorskip("meshopt")
    packed = meshopt_pack(CORNERS.astype(np.float32), indices=False)
    maker = Maker()
    primitive = maker.tetra()
    start = len(maker.data)
    maker.data += packed + bytes(-len(packed) % 4)
    told = {
        "buffer": 0,
        "byteOffset": start,
        "byteLength": len(packed),
        "byteStride": 12,
        "count": 4,
        "mode": "ATTRIBUTES",
    }
    maker.json["bufferViews"][0] = {"buffer": 1, "byteLength": 48, "extensions": {name: told}}
    path = maker.write(
        tmp_path / "a.gltf",
        meshes=[{"primitives": [primitive]}],
        extensionsRequired=[name],
        **scene([{"mesh": 0}], [0]),
    )
    document = json.loads(path.read_text())
    document["buffers"].append({"byteLength": 48})
    path.write_text(json.dumps(document))
    assert size(path) == [1000, 2000, 3000]


def _with_draco(path: Path, damaged: int | None = None) -> Path:
    """Three tetrahedra, each larger and packed by Draco; one may be damaged."""
    maker, meshes = Maker(), []
    for number in range(3):
        points = CORNERS.astype(np.float32) * (number + 1)
        uv, normals = points[:, :2] * 0.1, np.full((4, 3), 3**-0.5, np.float32)
        packed = draco_pack(points, normals, uv, FACES.astype(np.int32))
        data = b"no Draco mesh at all" if number == damaged else packed.data
        kinds = {"attributes": packed.ids, "bufferView": maker.view(np.frombuffer(data, np.uint8))}
        maker.json["accessors"].append({"componentType": 5126, "count": 4, "type": "VEC3"})
        maker.json["accessors"].append({"componentType": 5125, "count": 12, "type": "SCALAR"})
        attributes = {"POSITION": 2 * number}
        extensions = {"KHR_draco_mesh_compression": kinds}
        primitive = {"attributes": attributes, "indices": 2 * number + 1, "extensions": extensions}
        meshes.append({"primitives": [primitive]})
    nodes: list[dict[str, object]] = [{"mesh": number} for number in range(3)]
    return maker.write(path, meshes=meshes, **scene(nodes, [0, 1, 2]))


def test_all_draco_meshes_of_a_file_are_unpacked_in_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("DracoPy")
    asked: list[str] = []
    decode = sandbox.decode

    def counted(task: sandbox.Task, data: bytes) -> dict[str, sandbox.Array]:
        asked.append(task.__name__)
        return decode(task, data)

    monkeypatch.setattr(sandbox, "decode", counted)
    facts = describe(_with_draco(tmp_path / "a.gltf"))
    assert [facts["width_mm"], facts["height_mm"], facts["depth_mm"]] == pytest.approx(
        [3000, 6000, 9000], abs=1
    )
    assert facts["faces"] == 12
    assert asked == ["draco_arrays"]


@pytest.mark.parametrize("damaged", [0, 2])
def test_the_draco_mesh_that_is_damaged_is_named(damaged: int, tmp_path: Path) -> None:
    pytest.importorskip("DracoPy")
    with pytest.raises(BadInput, match=rf"bufferViews\[{damaged}\] cannot be unpacked as Draco"):
        describe(_with_draco(tmp_path / "a.gltf", damaged))
