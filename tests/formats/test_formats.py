"""Every exporter of the table: what is written is read back by other libraries and by our own readers."""

import io
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pygltflib
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from shapes import HUES, cube, figure, four_hues, open_edges, sphere, volume_m3

from slipcast.core.errors import BadInput
from slipcast.core.values import Figurine, Material, Mesh, Picture, Source
from slipcast.formats.common import texture_files
from slipcast.formats.common.naming import LONGEST_BYTES, make_safe
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.inspect import describe, read_content
from slipcast.formats.stl.write import HEADER_BYTES, RECORD
from slipcast.formats.table import EXPORTERS, ExportOptions, Naming
from slipcast.mesh import tangents as shading
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.sample import sample

HERE = [key for key in EXPORTERS if key != "usdz"]
"""What can be written without an extra; usdz is judged in test_clients.py."""
PLAIN = ExportOptions()


def write(figurine: Figurine, key: str, folder: Path, options: ExportOptions = PLAIN) -> Path:
    """Write one export into `folder` and return its main file."""
    files = EXPORTERS[key].export(figurine, options).files
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder / next(iter(files))


def document(data: bytes) -> dict[str, object]:
    """The JSON of a GLB."""
    length = struct.unpack_from("<I", data, 12)[0]
    parsed = json.loads(data[20 : 20 + length])
    assert isinstance(parsed, dict)
    return parsed


def textured(mesh: Mesh, *, name: str = "shape", seed: int = 0) -> Figurine:
    """A figurine whose corners lie anywhere in the atlas, as after cutting every edge."""
    rng = np.random.default_rng(seed)
    return Figurine(
        name=name,
        mesh=mesh,
        uv=rng.random((len(mesh.faces), 3, 2), dtype=np.float32),
        texture=Picture(pixels=four_hues(32)),
        material=Material(metallic=0.25, roughness=0.5),
    )


@pytest.mark.parametrize("key", HERE)
def test_equal_figurines_give_equal_bytes(key: str) -> None:
    first, second = (EXPORTERS[key].export(figure(), PLAIN).files for _ in range(2))
    assert list(first) == list(second)
    assert first == second


@pytest.mark.parametrize("key", HERE)
def test_the_main_file_comes_first_and_is_named_as_the_figurine(key: str) -> None:
    names = list(EXPORTERS[key].export(figure("Käse №1 (mit Löchern)"), PLAIN).files)
    assert names[0] == f"Käse №1 (mit Löchern){EXPORTERS[key].suffix}"


@pytest.mark.parametrize("key", HERE)
@pytest.mark.parametrize("shape", [cube, sphere])
def test_the_solid_survives(key: str, shape: Callable[[], Mesh], tmp_path: Path) -> None:
    mesh = shape()
    facts = describe(write(textured(mesh), key, tmp_path))
    size_mm = np.ptp(mesh.vertices, axis=0) * 1000
    assert facts["faces"] == len(mesh.faces)
    assert facts["positions"] == len(mesh.vertices)
    assert facts["closed"] is True
    assert facts["volume_mm3"] == pytest.approx(volume_m3(mesh.vertices, mesh.faces) * 1e9, rel=1e-5)
    sides = [facts[f"{side}_mm"] for side in ("width", "height", "depth")]
    assert sides == pytest.approx(size_mm.tolist(), abs=1e-3)


@pytest.mark.parametrize("key", ["glb", "gltf", "obj", "stl", "ply"])
def test_trimesh_reads_it_closed_upright_and_at_its_size(key: str, tmp_path: Path) -> None:
    own = figure()
    path = write(own, key, tmp_path)
    scene = trimesh.load_scene(path)
    read = scene.to_mesh()
    vertices = np.asarray(read.vertices, dtype=np.float64)
    if EXPORTERS[key].up == "z":
        vertices = vertices[:, [0, 2, 1]] * [1, 1, -1]
    scale = {"m": 1.0, "mm": 0.001}[EXPORTERS[key].unit]
    low, high = vertices.min(axis=0) * scale, vertices.max(axis=0) * scale
    assert low == pytest.approx(own.mesh.vertices.min(axis=0), abs=1e-6)
    assert high == pytest.approx(own.mesh.vertices.max(axis=0), abs=1e-6)
    read.merge_vertices(merge_tex=True, merge_norm=True)
    assert read.is_watertight
    assert read.volume * scale**3 == pytest.approx(volume_m3(own.mesh.vertices, own.mesh.faces), rel=1e-4)


@pytest.mark.parametrize("key", HERE)
def test_losses_are_announced_and_nothing_else(key: str) -> None:
    row = EXPORTERS[key]
    codes = {found.code for found in row.export(figure(normal_map=True), PLAIN).findings}
    wanted = set() if row.keeps_texture else {"COLOR_REDUCED"} if row.keeps_color else {"TEXTURE_DROPPED"}
    if key in ("stl", "3mf", "ply"):
        wanted.add("NORMAL_MAP_DROPPED")
    assert codes == wanted
    without = {found.code for found in row.export(figure(), PLAIN).findings}
    assert without == wanted - {"NORMAL_MAP_DROPPED"}


def test_glb_round_trip_gives_the_figurine_back(tmp_path: Path) -> None:
    own = figure("Käse №1", normal_map=True)
    read = read_figurine(write(own, "glb", tmp_path))
    assert read.name == own.name
    assert read.material == own.material
    assert read.provenance == own.provenance
    assert read.findings == own.findings
    assert np.array_equal(read.texture.pixels, own.texture.pixels)
    assert read.normal_map is not None
    order = np.argsort(own.mesh.source, kind="stable")
    assert np.array_equal(read.mesh.source, own.mesh.source[order])
    assert np.array_equal(read.mesh.vertices[read.mesh.faces], own.mesh.vertices[own.mesh.faces[order]])
    assert np.array_equal(read.uv, own.uv[order])
    assert open_edges(read.mesh.faces) == 0


@pytest.mark.parametrize("key", ["glb", "gltf"])
def test_writing_what_was_read_changes_no_byte(key: str, tmp_path: Path) -> None:
    path = write(figure(normal_map=True), key, tmp_path)
    again = EXPORTERS[key].export(read_figurine(path), PLAIN).files
    assert again == {name: (tmp_path / name).read_bytes() for name in again}


def test_gltf_splits_vertices_at_seams_only() -> None:
    own = figure()
    parsed = document(EXPORTERS["glb"].export(own, PLAIN).files[f"{own.name}.glb"])
    accessors = parsed["accessors"]
    assert isinstance(accessors, list)
    pairs = np.concatenate([own.mesh.faces.reshape(-1, 1), own.uv.reshape(-1, 2)], axis=1)
    assert accessors[0]["count"] == len(np.unique(pairs, axis=0))
    views = parsed["bufferViews"]
    assert isinstance(views, list)
    # Positions, normals, coordinates and indices; what EXT_mesh_manifold replaces and by what; the texture.
    assert [view.get("target") for view in views] == [34962, 34962, 34962, 34963, None, None, None]


def test_gltf_is_read_by_pygltflib_with_its_metadata() -> None:
    own = figure()
    data = EXPORTERS["glb"].export(own, PLAIN).files[f"{own.name}.glb"]
    read = pygltflib.GLTF2.load_from_bytes(data)
    assert read.asset.extras["prompt"] == own.provenance["prompt"]
    assert read.asset.extras["findings"][0]["code"] == "BACK_INVENTED"
    assert read.nodes[0].name == read.meshes[0].name == own.name
    assert read.materials[0].pbrMetallicRoughness.roughnessFactor == own.material.roughness
    counts = read.meshes[0].extras["faces_by_source"]
    assert counts["SEEN"] == int((own.mesh.source == Source.SEEN).sum())
    assert sum(counts.values()) == len(own.mesh.faces)


def test_empty_values_of_the_metadata_are_kept() -> None:
    parsed = document(EXPORTERS["glb"].export(figure(), PLAIN).files["test figure.glb"])
    asset = parsed["asset"]
    assert isinstance(asset, dict)
    assert asset["extras"]["empty"] == []
    assert asset["extras"]["nothing"] is None


def test_many_vertices_take_wider_indices(tmp_path: Path) -> None:
    many = figure(rings=200, segments=340, texture_px=16)
    assert len(many.mesh.vertices) > 65_536
    facts = describe(write(many, "glb", tmp_path))
    assert facts["faces"] == len(many.mesh.faces)
    assert facts["closed"] is True


def test_normals_are_smooth_over_the_seam_and_point_outwards() -> None:
    ball = sphere(0.02, 24, 36)
    normals = vertex_normals(ball.vertices, ball.faces)
    away = ball.vertices - [0, 0.02, 0]
    assert np.einsum("ij,ij->i", normals, away / np.linalg.norm(away, axis=1, keepdims=True)).min() > 0.999
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-6)


def test_normals_do_not_depend_on_how_a_square_is_cut() -> None:
    assert np.abs(vertex_normals(cube().vertices, cube().faces)) == pytest.approx(
        np.full((8, 3), 3**-0.5), abs=1e-6
    )


@given(seed=st.integers(0, 2**32 - 1), shared=st.integers(1, 12))
@settings(max_examples=30, deadline=None)
def test_splitting_keeps_every_corner(seed: int, shared: int) -> None:
    rng = np.random.default_rng(seed)
    faces = rng.integers(0, 9, (20, 3)).astype(np.int32)
    uv = (rng.integers(0, shared, (20, 3, 2)) / 12).astype(np.float32)
    corner, split = shading.split_vertices(faces, uv)
    assert np.array_equal(faces.reshape(-1)[corner][split], faces)
    assert np.array_equal(uv.reshape(-1, 2)[corner][split], uv)
    rows = np.concatenate([faces.reshape(-1, 1), uv.reshape(-1, 2)], axis=1)
    assert len(corner) == len(np.unique(rows, axis=0))
    assert np.array_equal(np.unique(split), np.arange(len(corner)))


def test_tangents_run_along_u_in_the_plane_of_the_surface() -> None:
    own = figure(normal_map=True)
    corner, faces = shading.split_vertices(own.mesh.faces, own.uv, shading.measure_handedness(own))
    vertex = own.mesh.faces.reshape(-1)[corner]
    normals = vertex_normals(own.mesh.vertices, own.mesh.faces)[vertex]
    made = shading.make_tangents(own, normals, corner, faces)
    assert np.linalg.norm(made[:, :3], axis=1) == pytest.approx(np.ones(len(made)), abs=1e-5)
    assert np.abs(np.einsum("ij,ij->i", made[:, :3], normals)).max() < 1e-5
    # u runs to the viewer's right on the front and v downwards: the bitangent n x t * w points up.
    front = own.mesh.vertices[vertex][:, 2] > 0.012
    assert made[front, 0].mean() > 0.8
    up = np.cross(normals, made[:, :3]) * made[:, 3:]
    assert up[front, 1].mean() > 0.8


@pytest.mark.parametrize("key", ["glb", "gltf", "obj", "fbx", "3mf"])
def test_the_texture_arrives_whole(key: str, tmp_path: Path) -> None:
    own = figure()
    path = write(own, key, tmp_path)
    content = read_content(path)
    assert [(texture.width_px, texture.height_px) for texture in content.textures] == [(256, 256)]
    assert "uv" in content.attributes


@pytest.mark.parametrize("key", ["gltf", "obj", "fbx"])
def test_a_texture_beside_the_file_has_the_atlas_s_pixels(key: str) -> None:
    own = figure("figure")
    files = EXPORTERS[key].export(own, PLAIN).files
    with Image.open(io.BytesIO(files["figure_basecolor.png"])) as image:
        assert np.array_equal(np.asarray(image), own.texture.pixels)


def test_files_that_a_gltf_refers_to_need_no_escaping_and_are_not_shared() -> None:
    first, second = (
        list(EXPORTERS["gltf"].export(figure(name), PLAIN).files) for name in ("日本 1", "中国 1")
    )
    assert first[0] == "日本 1.gltf"
    assert all(file.isascii() and " " not in file for file in first[1:])
    assert not set(first) & set(second)


def test_formats_of_one_run_agree_on_the_texture_file() -> None:
    named: dict[str, bytes] = {}
    for key in ("gltf", "obj", "fbx"):
        for name, content in EXPORTERS[key].export(figure("figure", normal_map=True), PLAIN).files.items():
            assert named.setdefault(name, content) == content


def test_jpeg_and_a_limit_on_the_texture(tmp_path: Path) -> None:
    options = ExportOptions(texture_type="jpeg", texture_max_px=64, jpeg_quality=80)
    for key in ("glb", "obj", "fbx", "3mf"):
        folder = tmp_path / key
        folder.mkdir()
        texture = read_content(write(figure(normal_map=True), key, folder, options)).textures[0]
        assert (texture.media_type, texture.width_px, texture.height_px) == ("image/jpeg", 64, 64)


def test_ply_carries_the_four_hues_where_the_front_shows_them() -> None:
    own = figure(texture_px=512)
    data = EXPORTERS["ply"].export(own, PLAIN).files["test figure.ply"]
    read = trimesh.load_mesh(io.BytesIO(data), file_type="ply", process=False)
    colors = np.asarray(read.visual.vertex_colors)[:, :3].astype(int)
    at = np.asarray(read.vertices)  # Z up: front is -Y
    for name, left, top in (
        ("red", True, True),
        ("green", False, True),
        ("blue", True, False),
        ("yellow", False, False),
    ):
        side = at[:, 0] < -0.011 if left else at[:, 0] > -0.001
        part = (at[:, 1] < -0.008) & side & ((at[:, 2] > 0.045) if top else (at[:, 2] < 0.032))
        assert part.sum() > 5
        assert np.abs(colors[part].mean(axis=0) - HUES[name]).max() < 40


def test_sampling_is_bilinear_from_the_top_left() -> None:
    pixels = np.array([[[0] * 3, [100] * 3], [[200] * 3, [40] * 3]], dtype=np.uint8)
    uv = np.array([[0, 0], [1, 0], [0, 1], [0.5, 0.25], [0.5, 0.5]], dtype=np.float32)
    assert sample(pixels, uv)[:, 0].tolist() == [0, 100, 200, 50, 85]


def test_3mf_is_a_package_of_fixed_parts_and_dates() -> None:
    data = EXPORTERS["3mf"].export(figure(), PLAIN).files["test figure.3mf"]
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        assert package.testzip() is None
        assert package.namelist() == [
            "[Content_Types].xml",
            "_rels/.rels",
            "3D/3dmodel.model",
            "3D/_rels/3dmodel.model.rels",
            "3D/Textures/basecolor.png",
        ]
        assert {entry.date_time for entry in package.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize("key", ["3mf", "fbx", "glb"])
def test_metadata_that_looks_like_markup_stays_metadata(key: str, tmp_path: Path) -> None:
    nasty = '</metadata><object id="9"/> & "quotes" \u2028 \x07 №'
    own = replace(figure('<b>&"x"'), provenance={"prompt": nasty})
    content = read_content(write(own, key, tmp_path))
    assert content.metadata["prompt"] == nasty


def test_axes_and_unit_can_be_chosen_where_a_format_states_none(tmp_path: Path) -> None:
    for key in ("obj", "ply", "stl"):
        for up in ("y", "z"):
            for unit, height in (("m", 0.075), ("cm", 7.5), ("mm", 75.0)):
                path = write(figure(), key, tmp_path, ExportOptions(up=up, unit=unit))
                content = read_content(path)
                size = np.ptp(content.points, axis=0)
                assert size[1 if up == "y" else 2] == pytest.approx(height, rel=1e-6)
                assert describe(path)["height_mm"] == pytest.approx(75.0, rel=1e-6)
                assert content.up == up
                assert describe(path)["volume_mm3"] == pytest.approx(70312.1, rel=1e-5)


def test_naming_rules_reach_files_and_objects(tmp_path: Path) -> None:
    rule = Naming(file="SM_{name}", mesh="SM_{name}", material="M_{name}", base_color="T_{name}_BC")
    path = write(figure("Knight"), "fbx", tmp_path, ExportOptions(naming=rule))
    content = read_content(path)
    assert path.name == "SM_Knight.fbx"
    assert content.meshes == ("SM_Knight",)
    assert content.materials[0].name == "M_Knight"
    assert content.textures[0].name == "T_Knight_BC.png"
    again = read_figurine(write(figure("Knight"), "glb", tmp_path, ExportOptions(naming=rule)))
    assert again.name == "Knight"


@pytest.mark.parametrize(
    "name", ["a/b", "..", "", " ", "con", "x\ny", "\ud800", "a" * 400, "ä" * 200, 'q"<>|?*:\\', "\uffff."]
)
def test_every_name_becomes_a_file_name(name: str) -> None:
    made = make_safe(name)
    assert made
    assert not set(made) & set('<>:"/\\|?*\n\0')
    assert len(made.encode()) <= LONGEST_BYTES + 1
    assert made not in (".", "..")
    for key in HERE:
        for file, content in EXPORTERS[key].export(textured(cube(), name=name), PLAIN).files.items():
            assert "/" not in file
            assert len(file.encode()) < 240
            assert content


@pytest.mark.parametrize(
    "wrong",
    [
        {"texture_type": "tiff"},
        {"texture_max_px": 0},
        {"texture_max_px": 100_000},
        {"jpeg_quality": 0},
        {"up": "x"},
        {"unit": "parsec"},
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadInput):
        replace(PLAIN, **wrong)  # type: ignore[arg-type]


def test_usdz_without_its_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr.Usd", None)
    with pytest.raises(BadInput, match=r"pip install 'slipcast\[usd\]'"):
        EXPORTERS["usdz"].export(figure(), PLAIN)
    absent = replace(EXPORTERS["usdz"], extra=("no_such_module", "usd"))
    with pytest.raises(BadInput, match=r"pip install 'slipcast\[usd\]'"):
        absent.require()
    for key in HERE:
        EXPORTERS[key].require()


def test_quantized_glb_is_smaller_and_the_same_solid(tmp_path: Path) -> None:
    own = figure("q", texture_px=16)
    plain = EXPORTERS["glb"].export(own, PLAIN).files["q.glb"]
    path = write(own, "glb", tmp_path, ExportOptions(quantize=True))
    assert path.stat().st_size < 0.75 * len(plain)
    read = read_figurine(path)
    assert read.mesh.vertices.shape == own.mesh.vertices.shape
    assert open_edges(read.mesh.faces) == 0
    order = np.argsort(own.mesh.source, kind="stable")
    apart = read.mesh.vertices[read.mesh.faces] - own.mesh.vertices[own.mesh.faces[order]]
    assert np.abs(apart).max() < 1.2e-6
    assert np.abs(read.uv - own.uv[order]).max() < 1e-5
    assert describe(path)["height_mm"] == pytest.approx(75.0, abs=1e-3)


@pytest.mark.parametrize("key", ["glb", "gltf"])
@pytest.mark.parametrize("kind", ["meshopt", "draco"])
def test_compressed_gltf_is_the_same_solid_with_the_same_sources(kind: str, key: str, tmp_path: Path) -> None:
    own, options = figure("c", normal_map=True), ExportOptions(compress=kind)
    path = write(own, key, tmp_path, options)
    assert EXPORTERS[key].export(own, options).files[path.name] == path.read_bytes()
    read = read_figurine(path)
    assert open_edges(read.mesh.faces) == 0
    assert describe(path)["faces"] == len(own.mesh.faces)
    centre = own.mesh.vertices[own.mesh.faces].mean(axis=1)
    again = read.mesh.vertices[read.mesh.faces].mean(axis=1)
    nearest = np.argmin(((again[:, None] - centre[None]) ** 2).sum(axis=2), axis=1)
    assert np.array_equal(np.sort(nearest), np.arange(len(centre)))
    assert np.abs(again - centre[nearest]).max() < 1.2e-6
    assert np.array_equal(read.mesh.source, own.mesh.source[nearest])
    assert np.abs(read.uv.mean(axis=1) - own.uv[nearest].mean(axis=1)).max() < 2e-4
    assert read.provenance == own.provenance


def test_the_origin_is_told_in_xmp_by_gltf_and_by_every_texture() -> None:
    about = {
        "generator": "Slipcast 9",
        "picture": {
            "prompt": 'an "owl" & <knight>\n\x00№',
            "provider": "somewhere",
            "model": "painter-2",
            "ai_generated": True,
            "watermark": "carries a mark",
        },
        "depth_model": {"name": "figurine"},
        "surface_share": {"seen": 0.4, "mirrored": 0.0, "invented": 0.6},
    }
    own = replace(figure("Eule"), provenance=about)
    parsed = document(EXPORTERS["glb"].export(own, PLAIN).files["Eule.glb"])
    told = parsed["extensions"]["KHR_xmp_json_ld"]["packets"][0]  # type: ignore[index]
    assert parsed["asset"]["extensions"] == {"KHR_xmp_json_ld": {"packet": 0}}  # type: ignore[index]
    assert "KHR_xmp_json_ld" in parsed["extensionsUsed"]  # type: ignore[operator]
    assert "extensionsRequired" not in parsed
    assert {key.partition(":")[0] for key in told} - {"@context"} <= set(told["@context"])
    assert told["dc:description"]["rdf:_1"]["@value"] == 'an "owl" & <knight> №'
    assert told["Iptc4xmpExt:DigitalSourceType"].endswith("/trainedAlgorithmicMedia")
    assert told["Iptc4xmpExt:AISystemVersionUsed"] == "painter-2"
    assert told["slipcast:Watermark"] == "carries a mark"
    assert told["slipcast:Surface"] == "seen 40%, invented 60%"
    for kind in ("png", "jpeg", "webp"):
        with Image.open(
            io.BytesIO(texture_files.encode_base_color(own, ExportOptions(texture_type=kind)))
        ) as image:
            packet = image.info["xmp"]
        assert isinstance(packet, bytes)
        root = ElementTree.fromstring(packet.decode().partition("?>")[2])
        found = next(iter(root[0]))
        spaces = {name: uri for name, uri in told["@context"].items()}
        for key, value in told.items():
            space, _, name = key.partition(":")
            if isinstance(value, str):
                assert found.get(f"{{{spaces[space]}}}{name}") == value
        assert "".join(found.itertext()) == 'Eulean "owl" & <knight> №'


def test_webp_is_for_gltf_and_comes_back(tmp_path: Path) -> None:
    own, options = figure("w"), ExportOptions(texture_type="webp")
    read = read_figurine(write(own, "glb", tmp_path, options))
    far = np.abs(read.texture.pixels.astype(int) - own.texture.pixels.astype(int)).mean()
    assert far < 4
    for key in ("obj", "fbx", "3mf"):
        assert read_content(write(own, key, tmp_path, options)).textures[0].media_type == "image/png"
        assert [found.code for found in EXPORTERS[key].export(own, options).findings] == [
            "TEXTURE_TYPE_CHANGED"
        ]


def test_each_facet_of_an_stl_says_its_outward_normal() -> None:
    shape = cube()
    data = EXPORTERS["stl"].export(textured(shape), PLAIN).files["shape.stl"]
    facets = np.frombuffer(data, RECORD, offset=HEADER_BYTES + 4)
    assert len(facets) == len(shape.faces)
    middle = facets["corners"].reshape(-1, 3).mean(0)
    outward = facets["corners"].mean(1) - middle
    assert (np.einsum("ij,ij->i", facets["normal"], outward) > 0).all()
    assert np.allclose(np.linalg.norm(facets["normal"], axis=1), 1, atol=1e-6)
