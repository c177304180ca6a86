"""A seamed GLB carries its exact solid and its provenance where programs keep it; occlusion comes back as it went."""

import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import manifold3d
import numpy as np
import pytest
from shapes import figure

from slipcast.core.values import Figurine, Mesh
from slipcast.formats.gltf.document import parse
from slipcast.formats.gltf.extras import KEY, summarize
from slipcast.formats.gltf.read_figurine import read_asset, read_figurine
from slipcast.formats.gltf.solid import EXTENSION, is_manifold
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.prepare.engine import EngineOptions, prepare_for_engine
from slipcast.prepare.lods import LodOptions


def write(figurine: Figurine, folder: Path, options: ExportOptions | None = None) -> Path:
    """The figurine as a GLB."""
    path = folder / "a.glb"
    path.write_bytes(next(iter(EXPORTERS["glb"].export(figurine, options or ExportOptions()).files.values())))
    return path


def solid_of(path: Path, number: int = 0) -> manifold3d.Manifold:
    """What manifold3d makes of positions and the solid's indices of one mesh, nothing welded by place."""
    document = parse(path)
    told = document.objects("meshes")[number]["extensions"][EXTENSION]  # type: ignore[index]
    primitive = told["manifoldPrimitive"]
    points = document.accessor(primitive["attributes"]["POSITION"]).astype(np.float32)
    index = document.accessor(primitive["indices"]).reshape(-1, 3).astype(np.uint32)
    return manifold3d.Manifold(manifold3d.Mesh(points, index))


@pytest.mark.parametrize("options", [ExportOptions(), ExportOptions(quantize=True)])
def test_manifold3d_makes_the_solid_of_the_seamed_mesh(tmp_path: Path, options: ExportOptions) -> None:
    whole = figure("knight")
    path = write(whole, tmp_path, options)
    document = parse(path)
    drawn = document.objects("meshes")[0]["primitives"][0]  # type: ignore[index]
    points = document.accessor(drawn["attributes"]["POSITION"]).astype(np.float32)
    index = document.accessor(drawn["indices"]).reshape(-1, 3).astype(np.uint32)
    assert manifold3d.Manifold(manifold3d.Mesh(points, index)).status() == manifold3d.Error.NotManifold
    solid = solid_of(path)
    assert solid.status() == manifold3d.Error.NoError
    assert solid.num_tri() == len(whole.mesh.faces)
    told = document.objects("meshes")[0]["extensions"][EXTENSION]  # type: ignore[index]
    at, value = (document.accessor(told[key]).reshape(-1) for key in ("mergeIndices", "mergeValues"))
    flat = document.accessor(drawn["indices"]).reshape(-1).copy()
    flat[at] = value
    assert (flat == document.accessor(told["manifoldPrimitive"]["indices"]).reshape(-1)).all()


def test_two_bodies_that_touch_in_a_point_stay_two(tmp_path: Path) -> None:
    """What welding by place would join: the reader follows what the file says."""
    whole = figure("knight")
    count = len(whole.mesh.vertices)
    top = whole.mesh.vertices[whole.mesh.vertices[:, 1].argmax()]
    mirrored = (2 * top - whole.mesh.vertices).astype(np.float32)
    twin = whole.mesh.faces[:, ::-1] + count
    mesh = Mesh(
        vertices=np.concatenate([whole.mesh.vertices, mirrored]),
        faces=np.concatenate([whole.mesh.faces, twin]).astype(np.int32),
        source=np.concatenate([whole.mesh.source] * 2),
    )
    both = replace(whole, mesh=mesh, uv=np.concatenate([whole.uv, whole.uv[:, ::-1]]))
    assert is_manifold(mesh.faces, 2 * count)
    again = read_figurine(write(both, tmp_path))
    assert len(again.mesh.vertices) == 2 * count
    assert is_manifold(again.mesh.faces, len(again.mesh.vertices))


def test_an_open_mesh_makes_no_claim_and_levels_do(tmp_path: Path) -> None:
    whole = figure("knight")
    keep = np.arange(len(whole.mesh.faces)) > 5
    mesh = replace(whole.mesh, faces=whole.mesh.faces[keep], source=whole.mesh.source[keep])
    open_ = parse(write(replace(whole, mesh=mesh, uv=whole.uv[keep]), tmp_path)).json
    assert EXTENSION not in open_["extensionsUsed"]  # type: ignore[operator]
    ready, _ = prepare_for_engine(whole, EngineOptions(lods=LodOptions(shares=(1.0, 0.3))))
    assert solid_of(write(ready, tmp_path), 1).status() == manifold3d.Error.NoError


def test_a_false_claim_is_not_followed(tmp_path: Path) -> None:
    whole = figure("knight")
    path = write(whole, tmp_path)
    data = path.read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    document = json.loads(data[20 : 20 + length])
    values = document["accessors"][document["meshes"][0]["extensions"][EXTENSION]["mergeValues"]]
    at = document["bufferViews"][values["bufferView"]]["byteOffset"] + 28 + length
    path.write_bytes(data[:at] + struct.pack("<H", 3) + data[at + 2 :])
    again = read_figurine(path)
    assert len(again.mesh.vertices) == len(whole.mesh.vertices)
    assert is_manifold(again.mesh.faces, len(again.mesh.vertices))


def test_provenance_stands_where_blender_keeps_it(tmp_path: Path) -> None:
    told = {"generator": "Slipcast", "picture": {"file": "knight.png", "seed": 12345678901, "none": None}}
    whole = replace(figure("knight"), provenance={**told, "options": {"a": 1}, "box_mm": [1, 2.5, "x"]})
    document: Any = parse(write(whole, tmp_path)).json
    for holder in ("scenes", "nodes", "meshes", "materials"):
        kept = document[holder][0]["extras"][KEY]
        assert kept == summarize(whole)
        assert kept["picture"] == {"file": "knight.png", "seed": "12345678901"}
        assert kept["box_mm"] == {"0": 1, "1": 2.5, "2": "x"}
        assert "options" not in kept
    del document["asset"]["extras"]
    data = (tmp_path / "a.glb").read_bytes()
    (length,) = struct.unpack("<I", data[12:16])
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    head = struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A)
    (tmp_path / "a.glb").write_bytes(head + text + rest)
    assert read_figurine(tmp_path / "a.glb").provenance["generator"] == "Slipcast"


def test_occlusion_is_packed_and_comes_back(tmp_path: Path) -> None:
    ready, _ = prepare_for_engine(figure("knight"), EngineOptions(occlusion=True))
    assert ready.occlusion is not None
    assert ready.occlusion.shape == ready.texture.pixels.shape[:2]
    path = write(ready, tmp_path)
    material: Any = parse(path).objects("materials")[0]
    assert (
        material["occlusionTexture"]["index"]
        == material["pbrMetallicRoughness"]["metallicRoughnessTexture"]["index"]
    )
    again, lost = read_asset(path)
    assert not lost
    assert again.occlusion is not None
    assert (again.occlusion == ready.occlusion).all()
    assert again.material.roughness == pytest.approx(ready.material.roughness, abs=0.003)
    fbx = EXPORTERS["fbx"].export(ready, ExportOptions())
    assert "knight_orm.png" in fbx.files
    assert "OCCLUSION_DROPPED" in {
        entry.code for entry in EXPORTERS["obj"].export(ready, ExportOptions()).findings
    }
