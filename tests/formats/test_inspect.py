"""Mesh files that are damaged or hostile: each is refused in a sentence, and nothing outside its folder is opened."""

import base64
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapes import cube
from test_formats import textured

from slipcast.core.errors import BadInput
from slipcast.formats.common import reading
from slipcast.formats.gltf.read_figurine import read_asset, read_figurine
from slipcast.formats.inspect import READERS, describe, read_content
from slipcast.formats.stl.write import pack_stl
from slipcast.formats.table import EXPORTERS, ExportOptions

KEYS = [suffix[1:] for suffix in READERS if suffix != ".usdz"]  # usd-core is no part of the default install
BOX = textured(cube(), name="box")


def files_of(key: str) -> dict[str, bytes]:
    return dict(EXPORTERS[key].export(BOX, ExportOptions()).files)


def place(files: dict[str, bytes], folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / next(iter(files))


def glb(
    change: Callable[[dict[str, object]], object], folder: Path, blob: Callable[[bytes], bytes] = bytes
) -> Path:
    """The box as GLB after `change` to its JSON and `blob` to its binary chunk."""
    data = files_of("glb")["box.glb"]
    length = struct.unpack_from("<I", data, 12)[0]
    document = json.loads(data[20 : 20 + length])
    change(document)
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    body = blob(data[20 + length + 8 :])
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(body), b"BIN\0") + body
    path = folder / "changed.glb"
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(chunks)) + chunks)
    return path


@pytest.mark.parametrize("key", KEYS)
def test_every_prefix_is_refused_or_read_but_never_a_crash(key: str, tmp_path: Path) -> None:
    files = files_of(key)
    path = place(files, tmp_path)
    whole = path.read_bytes()
    read_whole = 0
    steps = sorted(
        {*range(0, min(len(whole), 400), 7), *range(0, len(whole), max(1, len(whole) // 60)), len(whole)}
    )
    for length in steps:
        path.write_bytes(whole[:length])
        read_whole += refusal(lambda: read_content(path), path) is None
    assert 1 <= read_whole <= (len(steps) if key == "obj" else 3)


@pytest.mark.parametrize("key", KEYS)
def test_flipped_bytes_are_refused_or_read_but_never_a_crash(key: str, tmp_path: Path) -> None:
    path = place(files_of(key), tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(150):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 6)):
            broken[at] = rng.integers(0, 256)
        path.write_bytes(broken)
        refusal(lambda: describe(path), path)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "content", [b"", b"\0", b"\0" * 200, b"hello\n" * 50, b"\xff\xd8\xff" * 99, b"[" * 100_000]
)
def test_files_of_another_kind_are_refused(key: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"other.{key}"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_content(path)


def test_absent_files_folders_and_unknown_suffixes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.glb").mkdir()
    (tmp_path / "assets").mkdir()
    (tmp_path / "x.doc").write_bytes(b"x")
    for name, part in (
        ("absent.glb", "cannot be read"),
        ("folder.glb", "is a folder"),
        ("assets", "is a folder; name a file in it"),
        ("x.doc", "readable are"),
    ):
        with pytest.raises(BadInput, match=part):
            read_content(tmp_path / name)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = place(files_of("stl"), tmp_path)
    monkeypatch.setattr(reading, "MAX_FILE_BYTES", 100)
    with pytest.raises(BadInput, match="at most"):
        read_content(path)


OUTSIDE = (
    "../secret.bin",
    "/etc/passwd",
    "http://example.com/a.bin",
    "file:///etc/passwd",
    "%2e%2e/secret.bin",
    "..\\secret.bin",
    "C:\\secret.bin",
    "sub/../../secret.bin",
)


@pytest.mark.parametrize("uri", OUTSIDE)
def test_a_gltf_opens_nothing_outside_its_folder(uri: str, tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    files = files_of("gltf")
    document = json.loads(files["box.gltf"])
    image, buffer = document["images"][0], document["buffers"][0]
    kept = dict(image)
    image["uri"] = uri
    path = place({**files, "box.gltf": json.dumps(document).encode()}, tmp_path / "asset")
    # A mesh is worth reading without its texture, which is told and not opened.
    assert [entry.media_type for entry in read_content(path).textures] in (["not opened"], ["missing"])
    figurine, told = read_asset(path)
    assert [entry.code for entry in told if entry.code != "MATERIAL_REDUCED"] == ["TEXTURE_NOT_OPENED"]
    assert len(figurine.mesh.faces) == 12
    image.update(kept)
    buffer["uri"] = uri
    path = place({**files, "box.gltf": json.dumps(document).encode()}, tmp_path / "asset")
    with pytest.raises(BadInput, match=r"not opened|cannot be read|missing"):
        read_content(path)


def test_a_link_that_leaves_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.bin").write_bytes(bytes(10_000))
    path = place(files_of("gltf"), tmp_path / "asset")
    (tmp_path / "asset" / "box.bin").unlink()
    (tmp_path / "asset" / "box.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(BadInput, match="outside its folder"):
        read_content(path)


@pytest.mark.parametrize("reference", ["../secret.mtl", "/etc/passwd", "http://example.com/a.mtl"])
def test_an_obj_opens_nothing_outside_its_folder(reference: str, tmp_path: Path) -> None:
    files = files_of("obj")
    library = files["box.obj"].replace(b"mtllib box.mtl", b"mtllib " + reference.encode())
    (tmp_path / "secret.mtl").write_bytes(b"newmtl secret\n")
    content = read_content(place({"box.obj": library}, tmp_path / "a"))
    assert (content.materials, [entry.media_type for entry in content.textures]) == ((), ["not opened"])
    texture = files["box.mtl"].replace(b"box_basecolor.png", reference.encode())
    textures = read_content(place({**files, "box.mtl": texture}, tmp_path / "b")).textures
    assert [(entry.media_type, entry.bytes) for entry in textures] == [("not opened", 0)]


def test_a_missing_texture_is_told_and_not_an_error(tmp_path: Path) -> None:
    files = files_of("obj")
    del files["box_basecolor.png"]
    textures = read_content(place(files, tmp_path)).textures
    assert [(entry.media_type, entry.bytes) for entry in textures] == [("missing", 0)]


def refusal(work: Callable[[], object], path: Path) -> str | None:
    """The sentence with which `work` refused, which must name the file; None when it did not."""
    try:
        work()
    except BadInput as error:
        told = str(error)
    else:
        return None
    assert str(path) in told
    return told


def _set(*path: str | int, value: object) -> Callable[[dict[str, object]], None]:
    def change(document: dict[str, object]) -> None:
        at: object = document
        for step in path[:-1]:
            at = at[step]  # type: ignore[index]
        at[path[-1]] = value  # type: ignore[index]

    return change


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_set("accessors", 0, "count", value=10**9), "entries|beyond"),
        (_set("accessors", 0, "count", value=-1), "whole number"),
        (_set("accessors", 0, "count", value=True), "whole number"),
        (_set("accessors", 0, "bufferView", value=99), "does not exist"),
        (_set("accessors", 0, "bufferView", value="0"), "does not exist"),
        (_set("accessors", 0, "componentType", value=9), "unknown type"),
        (_set("accessors", 0, "sparse", value={}), "sparse"),
        (_set("bufferViews", 0, "byteLength", value=10**9), "beyond"),
        (_set("bufferViews", 0, "byteOffset", value=2**50), "whole number"),
        (_set("bufferViews", 0, "byteStride", value=1), "beyond"),
        (_set("buffers", 0, "byteLength", value=10**9), "cut off"),
        (_set("nodes", 0, "children", value=[0]), "circle"),
        (_set("nodes", 0, "children", value=[0, 0, 0]), "circle"),
        (_set("nodes", 0, "scale", value=[1, 2]), "3 numbers"),
        (_set("scenes", 0, "nodes", value={}), "not a list"),
        (_set("meshes", value={}), "not a list"),
        (_set("meshes", 0, "primitives", 0, "attributes", value=7), "attributes"),
        (_set("meshes", 0, "primitives", 0, "mode", value=1), "no triangles"),
        (_set("asset", "version", value="1.0"), "version 2"),
        (_set("asset", value=[]), "asset"),
        (_set("nodes", 0, "translation", value=[1e400, 0, 0]), "3 numbers"),
    ],
)
def test_a_glb_that_does_not_fit_together_is_refused(
    change: Callable[[dict[str, object]], object], part: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=part):
        read_content(glb(change, tmp_path))


def test_indices_beyond_the_vertices_are_refused(tmp_path: Path) -> None:
    place: dict[str, int] = {}

    def look(document: Any) -> object:
        accessor = document["accessors"][document["meshes"][0]["primitives"][0]["indices"]]
        place.update(document["bufferViews"][accessor["bufferView"]])
        return document

    def point_away(blob: bytes) -> bytes:
        start, length = place["byteOffset"], place["byteLength"]
        return blob[:start] + b"\xff" * length + blob[start + length :]

    with pytest.raises(BadInput, match="names vertex"):
        read_content(glb(look, tmp_path, point_away))


def test_positions_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    path = glb(lambda document: document, tmp_path, lambda blob: struct.pack("<f", float("nan")) + blob[4:])
    with pytest.raises(BadInput, match="not a number"):
        read_content(path)
    stl = bytearray(files_of("stl")["box.stl"])
    stl[96:100] = struct.pack("<f", float("inf"))
    (tmp_path / "box.stl").write_bytes(stl)
    with pytest.raises(BadInput, match="not a number"):
        read_content(tmp_path / "box.stl")


@pytest.mark.parametrize("kind", ["meshopt", "draco"])
def test_what_is_compressed_can_be_damaged(kind: str, tmp_path: Path) -> None:
    whole = EXPORTERS["glb"].export(BOX, ExportOptions(compress=kind)).files["box.glb"]
    path, start = tmp_path / "box.glb", 28 + struct.unpack_from("<I", whole, 12)[0]
    geometry = len(whole) - len(_texture_bytes()) - start
    rng = np.random.default_rng(3)
    for _ in range(60 if kind == "meshopt" else 6):
        broken = bytearray(whole)
        for at in rng.integers(start, start + geometry, 4):
            broken[at] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        refusal(lambda: read_content(path), path)


@pytest.mark.parametrize(
    ("lines", "part"),
    [
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "names vertex 4 of 3"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 0 1 2\n", "not an OBJ's"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -4 1 2\n", "names vertex -4 of 3"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2\n", "no triangles"),
        ("v 0 0 nan\nv 1 0 0\nv 0 1 0\nf 1 2 3\n", "not a number"),
        ("v 0 0 0\n", "no triangles"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 99999999999999999999\n", "not an OBJ's|names vertex"),
    ],
)
def test_an_obj_with_wrong_numbers_is_refused(lines: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "x.obj").write_text(lines)
    with pytest.raises(BadInput, match=part):
        read_content(tmp_path / "x.obj")


def test_polygons_and_relative_indices_of_an_obj_are_understood(tmp_path: Path) -> None:
    (tmp_path / "x.obj").write_text("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf -4 -3 -2 -1\n")
    assert read_content(tmp_path / "x.obj").faces.tolist() == [[0, 1, 2], [0, 2, 3]]


@pytest.mark.parametrize("order", ["ascii", "binary_big_endian"])
def test_ply_of_other_makers_is_read(order: str, tmp_path: Path) -> None:
    head = f"ply\nformat {order} 1.0\nelement vertex 3\nproperty double x\nproperty double y\nproperty double z\n"
    head += "element face 1\nproperty list uchar int vertex_index\nend_header\n"
    body = (
        b"0 0 0\n1 0 0\n0 2 0\n3 0 1 2\n"
        if order == "ascii"
        else np.array([0, 0, 0, 1, 0, 0, 0, 2, 0], ">f8").tobytes()
        + b"\3"
        + np.array([0, 1, 2], ">i4").tobytes()
    )
    (tmp_path / "x.ply").write_bytes(head.encode() + body)
    content = read_content(tmp_path / "x.ply")
    assert content.points.tolist() == [[0, 0, 0], [1, 0, 0], [0, 2, 0]]
    assert content.faces.tolist() == [[0, 1, 2]]


def test_a_text_stl_is_read(tmp_path: Path) -> None:
    lines = "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\nendloop\nendfacet\n"
    (tmp_path / "x.stl").write_text(lines + "endsolid x\n")
    assert read_content(tmp_path / "x.stl").points.tolist() == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.formats.common.zip.MAX_FILE_BYTES", 10_000)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("3D/3dmodel.model", b" " * 50_000)
    (tmp_path / "x.3mf").write_bytes(out.getvalue())
    with pytest.raises(BadInput, match="unpacks to more"):
        read_content(tmp_path / "x.3mf")


def test_xml_entities_are_refused(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as package:
        package.writestr(
            "3D/3dmodel.model", '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><model>&b;</model>'
        )
    (tmp_path / "x.3mf").write_bytes(out.getvalue())
    with pytest.raises(BadInput, match="entities"):
        read_content(tmp_path / "x.3mf")


def test_an_array_that_unpacks_to_more_than_it_says_is_refused(tmp_path: Path) -> None:
    data = files_of("fbx")["box.fbx"]
    at = data.index(b"Vertices") + 8 + 1
    (tmp_path / "x.fbx").write_bytes(data[:at] + struct.pack("<I", 3) + data[at + 4 :])
    with pytest.raises(BadInput):
        read_content(tmp_path / "x.fbx")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (_set("meshes", 0, "primitives", 0, "material", value=5), "does not exist"),
        (_set("materials", 0, "pbrMetallicRoughness", "roughnessFactor", value=7), "0 to 1"),
        (_set("textures", 0, "source", value=4), "does not exist"),
    ],
)
def test_what_is_no_asset_of_ours_cannot_be_exported(
    change: Callable[[dict[str, object]], object], part: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInput, match=part):
        read_figurine(glb(change, tmp_path))


def test_a_texture_that_cannot_be_decoded_costs_the_texture_alone(tmp_path: Path) -> None:
    length = len(_texture_bytes())
    path = glb(lambda document: document, tmp_path, lambda blob: blob[: -length - 4] + bytes(length + 4))
    figurine, told = read_asset(path)
    assert [each.code for each in told] == ["TEXTURE_NOT_OPENED"]
    assert "no PNG, JPEG or WebP" in told[0].message
    assert len(figurine.mesh.faces) > 0


def test_a_texture_bomb_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.formats.gltf.surfaces.MAX_PIXELS", 100)
    with pytest.raises(BadInput, match="too large"):
        read_figurine(glb(lambda document: document, tmp_path))


@pytest.mark.parametrize(
    "listed",
    [
        7,
        [7],
        [{"code": "NO_SUCH"}],
        [{"code": "DEPTH_FLAT", "values": {}}],
        [{"code": "DEPTH_FLAT", "values": 7}],
    ],
)
def test_findings_that_cannot_be_said_are_left_out(listed: object, tmp_path: Path) -> None:
    read = read_figurine(glb(_set("asset", "extras", "findings", value=listed), tmp_path))
    assert read.findings == ()


def test_data_uris_are_read(tmp_path: Path) -> None:
    files = files_of("gltf")
    document = json.loads(files["box.gltf"])
    encoded = base64.b64encode(files["box.bin"]).decode()
    document["buffers"][0]["uri"] = f"data:application/octet-stream;base64,{encoded}"
    path = place({"box.gltf": json.dumps(document).encode(), "box_basecolor.png": _texture_bytes()}, tmp_path)
    assert describe(path)["closed"] is True


def test_transforms_of_the_scene_are_applied(tmp_path: Path) -> None:
    half = 0.5**0.5
    change = _set("nodes", value=[{"mesh": 0, "scale": [2, 2, 2], "rotation": [half, 0, 0, half]}])
    facts = describe(glb(change, tmp_path))
    assert facts["height_mm"] == pytest.approx(40.0)
    assert facts["volume_mm3"] == pytest.approx(64_000)
    mirrored = describe(glb(_set("nodes", value=[{"mesh": 0, "scale": [-1, 1, 1]}]), tmp_path))
    assert mirrored["volume_mm3"] == pytest.approx(8_000)


def _texture_bytes() -> bytes:
    return files_of("obj")["box_basecolor.png"]


def test_bodies_inside_out_and_turned_faces_are_findings(tmp_path: Path) -> None:
    box = cube()
    two = np.concatenate([box.vertices[box.faces], 3 + box.vertices[box.faces[:, ::-1]]])
    turned = box.vertices[box.faces].copy()
    turned[0] = turned[0, ::-1]
    told = {}
    for name, corners in (("two", two), ("turned", turned), ("sound", box.vertices[box.faces])):
        path = tmp_path / f"{name}.stl"
        path.write_bytes(pack_stl(corners * 1000, "mm", "z"))
        findings = describe(path)["findings"]
        assert isinstance(findings, list)
        told[name] = [(entry["code"], entry["values"]) for entry in findings]
    assert told == {
        "two": [("MESH_INSIDE_OUT", {"count": 1})],
        "turned": [("MESH_TURNED", {"edges": 3})],
        "sound": [],
    }
