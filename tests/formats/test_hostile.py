"""Small files that would take much: each is refused before it does. Limits are lowered here, so tests stay small."""

import io
import json
import struct
import zipfile
from pathlib import Path

import pytest
from test_inspect import BOX, files_of, glb, place, refusal

from slipcast.cli.main import main
from slipcast.core.errors import BadInput
from slipcast.formats.common import reading, zip
from slipcast.formats.fbx import read_nodes
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.inspect import describe, read_content
from slipcast.formats.obj import read as read_obj
from slipcast.formats.ply import read as read_ply
from slipcast.formats.stl import read as read_stl
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.formats.threemf import read as read_threemf

CORE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"


def threemf(folder: Path, model: bytes) -> Path:
    path = folder / "x.3mf"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("3D/3dmodel.model", model)
    return path


def test_one_mesh_named_by_many_nodes_is_counted_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def repeat(document: dict[str, object]) -> None:
        document["nodes"] = [{"mesh": 0}] * 200
        document["scenes"] = [{"nodes": list(range(200))}]

    monkeypatch.setattr(reading, "MAX_FACES", 1000)
    with pytest.raises(BadInput, match="adds up to more"):
        read_content(glb(repeat, tmp_path))


def test_one_object_built_many_times_is_counted_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_FACES", 50)
    with zipfile.ZipFile(io.BytesIO(files_of("3mf")["box.3mf"])) as package:
        model = package.read("3D/3dmodel.model")
    many = model.replace(b'<item objectid="3"/>', b'<item objectid="3"/>' * 60)
    with pytest.raises(BadInput, match="adds up to more"):
        read_content(threemf(tmp_path, many))


@pytest.mark.parametrize("key", ["obj", "stl", "ply"])
def test_text_with_too_many_vertices_is_refused_while_it_is_read(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAX_VERTICES", "MAX_FACES"):
        for room in (read_obj, read_stl, read_ply, reading):
            monkeypatch.setattr(room, name, 90, raising=False)
    text = {
        "obj": "v 0 0 0\n" * 100,
        "stl": "solid x\n" + "vertex 0 0 0\n" * 300 + "endsolid x\n",
        "ply": "ply\nformat ascii 1.0\nelement vertex 100\nproperty float x\nend_header\n",
    }[key]
    (tmp_path / f"x.{key}").write_text(text)
    with pytest.raises(BadInput, match=r"more than 90|element vertex 100"):
        read_content(tmp_path / f"x.{key}")


def test_json_of_millions_of_values_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipcast.formats.gltf.document._MAX_JSON_VALUES", 1000)
    (tmp_path / "x.gltf").write_text('{"asset":{"version":"2.0"},"x":[' + "[]," * 1000 + "[]]}")
    with pytest.raises(BadInput, match="more than 1000 values"):
        read_content(tmp_path / "x.gltf")


def test_buffers_are_held_to_one_limit_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipcast.formats.gltf.document.MAX_FILE_BYTES", 5000)
    files = files_of("gltf")
    document = json.loads(files["box.gltf"])
    document["buffers"] *= 20
    path = place({**files, "box.gltf": json.dumps(document).encode()}, tmp_path / "asset")
    with pytest.raises(BadInput, match="at most"):
        read_content(path)


def test_a_meshopt_view_cannot_announce_more_than_a_file_may_hold(tmp_path: Path) -> None:
    data = EXPORTERS["glb"].export(BOX, ExportOptions(compress="meshopt")).files["box.glb"]
    assert b'"count":36' in data
    (tmp_path / "x.glb").write_bytes(data.replace(b'"count":36', b'"count":9' + b"9" * 8, 1)[: len(data)])
    assert refusal(lambda: read_content(tmp_path / "x.glb"), tmp_path / "x.glb")


@pytest.mark.parametrize(
    "model",
    [
        f'<model xmlns="{CORE}"><resources><object id="1"><mesh>' + '<vertex x="0" y="0" z="0"/>' * 200,
        f'<model xmlns="{CORE}">' + "<a/>" * 500 + "</model>",
        f'<model xmlns="{CORE}">' + '<metadata name="a">b</metadata><item/>' * 2000 + "</model>",
    ],
    ids=["vertices", "elements", "items"],
)
def test_xml_of_too_many_parts_is_refused_while_it_is_read(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_threemf, "MAX_VERTICES", 100)
    monkeypatch.setattr(read_threemf, "_MAX_ELEMENTS", 300)
    with pytest.raises(BadInput, match="more than"):
        read_content(threemf(tmp_path, model.encode()))


def test_entities_hidden_in_utf_16_are_refused(tmp_path: Path) -> None:
    text = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE m [<!ENTITY a "aaaa">]><model>&a;</model>'
    with pytest.raises(BadInput, match="entities"):
        read_content(threemf(tmp_path, text.encode("utf-16")))


def test_a_zip_of_thousands_of_parts_is_not_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with zipfile.ZipFile(tmp_path / "x.3mf", "w") as package:
        for number in range(50):
            package.writestr(f"{number}", b"")
    monkeypatch.setattr(zip, "MAX_PARTS", 10)
    with pytest.raises(BadInput, match="more than 10 parts"):
        read_content(tmp_path / "x.3mf")


def test_a_part_that_swells_too_much_is_refused_before_it_is_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = f'<model xmlns="{CORE}">' + "<a/>" * 5000 + "</model>"
    with pytest.raises(BadInput, match="builds nothing"):
        read_content(threemf(tmp_path, model.encode()))
    monkeypatch.setattr(zip, "_SMALL_BYTES", 1000)
    with pytest.raises(BadInput, match="50 times its size"):
        read_content(threemf(tmp_path, model.encode()))


def test_fbx_of_millions_of_nodes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_nodes, "MAX_ELEMENTS", 100)
    with pytest.raises(BadInput, match="more than 100 nodes"):
        read_content(place(files_of("fbx"), tmp_path))


@pytest.mark.parametrize("unit", [0.0, -1.0, float("nan"), float("inf"), 1e300])
def test_fbx_with_a_unit_that_is_none_is_refused(unit: float, tmp_path: Path) -> None:
    data = files_of("fbx")["box.fbx"]
    at = data.index(b"UnitScaleFactor")
    at = data.index(b"D" + struct.pack("<d", 1.0), at) + 1
    (tmp_path / "x.fbx").write_bytes(data[:at] + struct.pack("<d", unit) + data[at + 8 :])
    with pytest.raises(BadInput, match="unit"):
        read_content(tmp_path / "x.fbx")


@pytest.mark.parametrize(
    "uri", ["data:;base64,ü", "data:text/plain,a", "a" * 400, "loop", "\ud800", "b\0c"], ids=str
)
def test_resources_that_cannot_be_named_are_refused(uri: str, tmp_path: Path) -> None:
    files = files_of("gltf")
    for kind in ("buffers", "images"):
        document = json.loads(files["box.gltf"])
        document[kind][0]["uri"] = uri
        path = place({**files, "box.gltf": json.dumps(document).encode()}, tmp_path / kind)
        (tmp_path / kind / "loop").symlink_to("loop")
        if kind == "images" and not uri.startswith("data:"):  # a mesh is worth reading without its texture
            assert read_content(path).textures[0].media_type in ("not opened", "unreadable")
        else:
            assert refusal(lambda path=path: read_content(path), path)  # type: ignore[misc]


@pytest.mark.parametrize("strange", ["[" * 500 + "]" * 500, "NaN", "1e999", '"\\ud800"', "-Infinity"])
def test_strange_metadata_is_shown_as_json_and_never_a_crash(
    strange: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    data = files_of("glb")["box.glb"]
    length = struct.unpack_from("<I", data, 12)[0]
    text = data[20 : 20 + length].replace(b'"findings":[]', f'"x":{strange},"findings":[]'.encode())
    assert strange.encode() in text
    text += b" " * (-len(text) % 4)
    body = struct.pack("<I4s", len(text), b"JSON") + text + data[20 + length :]
    path = tmp_path / "x.glb"
    path.write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
    assert main(["inspect", str(path)]) == 0
    assert main(["inspect", "--json", str(path)]) == 0
    said = capfd.readouterr().out
    json.loads(said[said.index("\n[") :], parse_constant=lambda word: pytest.fail(word))
    code = main(["export", str(path), "--format", "fbx,3mf,gltf", "-o", str(tmp_path / "out")])
    assert code == (0 if "ud800" in strange else 2)
    assert len(capfd.readouterr().err.strip().splitlines()) <= 2


def test_a_world_of_no_scale_is_refused(tmp_path: Path) -> None:
    for scale, part in ((1e11, "larger than"), (9e11, "larger than")):

        def blow_up(document: dict[str, object], scale: float = scale) -> None:
            document["nodes"][0]["scale"] = [scale] * 3  # type: ignore[index]

        with pytest.raises(BadInput, match=part):
            read_figurine(glb(blow_up, tmp_path))
    (tmp_path / "x.obj").write_text("v 1e300 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(BadInput, match="farther away"):
        describe(tmp_path / "x.obj")
