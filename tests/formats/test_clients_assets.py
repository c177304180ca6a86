"""Converted samples and compressed glTF before the outside programs; see test_clients.py."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from clients.measure import Facts, measure
from clients.pictures import likenesses
from clients.programs import BY_NAME, FORMATS, HERE, PROGRAMS, READERS, ROOT, Asset, call, write, write_all
from kitchen import QUICK
from PIL import Image
from shapes import figure
from test_clients import PLAIN, distance, in_our_world, remarks, truth

from evaluation.mips import find_charts, measure_mips
from slipcast import convert
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.reconstruct.simplify import SimplifyOptions
from slipcast.texture.paint import TextureOptions

pytestmark = pytest.mark.clients

SAMPLES = sorted(path.parent.name for path in (ROOT / "samples").glob("*/front.png"))
COMPACT = {
    "quantized": ExportOptions(quantize=True),
    "webp": ExportOptions(texture_type="webp"),
    "meshopt": ExportOptions(compress="meshopt", texture_type="webp"),
    "draco": ExportOptions(compress="draco", texture_type="jpeg"),
}


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Asset:
    """A sample picture taken through the whole pipeline and written in every format."""
    result = convert(
        ROOT / "samples" / "knight" / "front.png", depth="dome", detail="draft", faces=10_000, name="knight"
    )
    return write(result.figurine, tmp_path_factory.mktemp("converted") / "knight")


def test_a_converted_picture_is_valid_gltf(converted: Asset) -> None:
    said = BY_NAME["Khronos glTF validator"].run([converted.files["glb"], converted.files["gltf"]])
    assert [remarks(facts) for facts in said] == [[], []]


def test_a_converted_picture_stands_in_blender_at_its_size_with_its_texture(converted: Asset) -> None:
    keys = ("glb", "gltf", "obj", "fbx", "usdz")
    true = measure(
        converted.figurine.mesh.vertices.astype(np.float64), converted.figurine.mesh.faces.astype(np.int64)
    )
    height, width = converted.figurine.texture.pixels.shape[:2]
    assert converted.figurine.normal_map is not None, "10,000 faces cannot hold all of this depth"
    said = BY_NAME["Blender"].run([converted.files[key] for key in keys])
    for key, facts in zip(keys, said, strict=True):
        low, high = np.array(facts["min"]), np.array(facts["max"])
        assert high[2] - low[2] == pytest.approx(0.075, abs=1e-5)
        assert low[2] == pytest.approx(0.0, abs=1e-6)
        assert facts["open_edges"] == 0
        assert facts["volume"] == pytest.approx(true["volume"], rel=1e-3)
        assert distance(in_our_world(facts["centroid"], 1.0, True), true["centroid"]) < 5e-5
        # Its OBJ importer leaves the normal map out.
        assert facts["images"] == [[width, height]] * (1 if key == "obj" else 2)
        assert facts["names"] == ["knight"]


def test_a_converted_picture_prints(converted: Asset) -> None:
    solid = BY_NAME["lib3mf, strict"].run([converted.files["3mf"]])[0]
    assert (solid["manifold"], solid["warnings"], solid["open_edges"]) == (True, [], 0)
    for facts in BY_NAME["PrusaSlicer"].run([converted.files["stl"], converted.files["3mf"]]):
        assert facts["open_edges"] == 0
        assert facts["triangles"] == len(converted.figurine.mesh.faces)
        assert np.ptp([np.array(facts[end])[2] for end in ("min", "max")]) == pytest.approx(75.0, abs=1e-2)


def test_every_format_of_a_converted_picture_is_drawn_as_our_preview_draws_it(converted: Asset) -> None:
    keys = [key for key in FORMATS if key != "gltf"]
    for key, facts in zip(keys, BY_NAME["three.js"].run([converted.files[key] for key in keys]), strict=True):
        assert [facts[kind] for kind in ("failed", "errors", "warned")] == [[], [], []]
        found = likenesses(converted.figurine, _drawings(facts))
        assert min(likeness.outline for likeness in found) > 0.98, key
        if EXPORTERS[key].keeps_color:
            assert max(likeness.color for likeness in found) < (8 if EXPORTERS[key].keeps_texture else 16), (
                key
            )


@pytest.fixture(scope="session")
def compact(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The test figure as glTF in each way that makes it smaller, with a normal map."""
    folder = tmp_path_factory.mktemp("compact")
    for name, options in COMPACT.items():
        for key in ("glb", "gltf"):
            made = EXPORTERS[key].export(figure(f"{name}_{key}", normal_map=True), options).files
            for file, content in made.items():
                (folder / file).write_bytes(content)
    return {f"{name}_{key}": folder / f"{name}_{key}.{key}" for name in COMPACT for key in ("glb", "gltf")}


def test_compact_gltf_is_valid(compact: dict[str, Path]) -> None:
    said = BY_NAME["Khronos glTF validator"].run(list(compact.values()))
    for name, facts in zip(compact, said, strict=True):
        left = remarks(facts)
        if name.startswith("draco"):  # TANGENTS_DROPPED says so to the user
            left = [entry for entry in left if not entry.startswith("MESH_PRIMITIVE_GENERATED_TANGENT_SPACE")]
        assert left == [], name


def test_compact_gltf_is_understood(compact: dict[str, Path]) -> None:
    for program in ("Blender", "three.js"):
        # Blender 5 has no decoder for meshopt.
        names = [name for name in compact if program != "Blender" or not name.startswith("meshopt")]
        for name, facts in zip(names, BY_NAME[program].run([compact[name] for name in names]), strict=True):
            assert (facts["triangles"], facts["open_edges"]) == (truth(PLAIN)["triangles"], 0), name
            found = in_our_world(facts["centroid"], 1.0, program == "Blender")
            assert distance(found, truth(PLAIN)["centroid"]) < 5e-5, name
            if program == "Blender":
                images = facts["images"]
                assert isinstance(images, list)
                assert sorted(images) == [[64, 64], [256, 256]], name
            else:
                assert [facts[kind] for kind in ("failed", "errors", "warned")] == [[], [], []], name
                assert max(entry.color for entry in likenesses(figure(PLAIN), _drawings(facts))) < 9, name


def test_inspect_reads_usdz_where_usd_core_is(converted: Asset, tmp_path: Path) -> None:
    with zipfile.ZipFile(converted.files["usdz"]) as package:
        layer = package.read("figurine.usdc")
    damaged = []
    rng = np.random.default_rng(5)
    layers = {"cut.usdc": layer[: len(layer) // 2]}
    for number in range(6):
        broken = bytearray(layer)
        for at in rng.integers(0, len(layer), 50 if number % 2 else 2000):
            broken[at] = rng.integers(0, 256)
        layers[f"{number}.usdc"] = bytes(broken)
    layers["sublayer.usda"] = b"#usda 1.0\n(subLayers = [@/etc/passwd@])\n"
    layers["reference.usda"] = b'#usda 1.0\ndef "a" (references = @../b.usda@) {}\n'
    for name, content in layers.items():
        damaged.append(tmp_path / f"{name}.usdz")
        with zipfile.ZipFile(damaged[-1], "w") as package:
            package.writestr(name, content)
    command = [READERS / "python", HERE / "inspect_usdz.py", converted.files["usdz"], *damaged]
    facts, *others = call(command, {"PYTHONPATH": f"{ROOT / 'src'}:{HERE.parent}"})
    assert (facts["faces"], facts["closed"]) == (len(converted.figurine.mesh.faces), True)
    assert facts["height_mm"] == pytest.approx(75.0, abs=1e-3)
    assert facts["attributes"] == ["normals", "uv"]
    assert facts["metadata"] == json.loads(json.dumps(dict(converted.figurine.provenance)))
    assert facts["materials"] == [
        {"name": "Figurine", "metallic": 0.0, "roughness": 0.9, "textures": ["base color", "normal"]}
    ]
    for path, said in zip(damaged, others, strict=True):
        told = str(said.get("refused", path))
        assert str(path) in told
        assert "\n" not in told
    assert "refused" in others[0]
    assert all("another file" in str(said["refused"]) for said in others[-2:])


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Asset]:
    """All sample pictures through the pipeline, small, in every format; the knight above is the large one."""
    folder = tmp_path_factory.mktemp("samples")
    recipe = replace(
        QUICK,
        simplify=SimplifyOptions(faces=2000),
        texture=TextureOptions(max_size_px=512, normal_map="off"),
    )
    made = []
    for name in SAMPLES:
        with Image.open(ROOT / "samples" / name / "front.png") as picture:
            result = convert(picture.reduce(6), recipe=recipe, name=name)
        made.append((result.figurine, folder / name))
    return write_all(made)


def test_all_samples_in_all_formats(samples: list[Asset]) -> None:
    assert len(samples) == 8
    seen = 0
    for program in PROGRAMS:
        if program.name in ("Godot", "three.js", "PrusaSlicer"):
            continue  # they take seconds for a file; a sample each is in the tests above
        keys = [key for key in FORMATS if key in program.unit_m]
        asked = [(asset, key) for asset in samples for key in keys]
        for (asset, key), facts in zip(
            asked, program.run([asset.files[key] for asset, key in asked]), strict=True
        ):
            mesh, told = asset.figurine.mesh, f"{program.name}: {asset.figurine.name}.{key}"
            true = measure(mesh.vertices.astype(np.float64), mesh.faces.astype(np.int64))
            assert facts["triangles"] == true["triangles"], told
            if program.name == "Khronos glTF validator":
                assert remarks(facts) == [], told
                continue
            ends = [
                in_our_world(facts[end], program.unit_m[key], key in program.z_up) for end in ("min", "max")
            ]
            assert distance(np.minimum(*ends), true["min"]) < 2e-5, told
            assert distance(np.maximum(*ends), true["max"]) < 2e-5, told
            assert facts["open_edges"] == 0, told
            assert facts.get("problems", []) == [], told
            assert facts.get("manifold", True) is True, told
            seen += 1
    assert seen > 150


def test_all_samples_are_drawn_as_their_previews(samples: list[Asset]) -> None:
    said = BY_NAME["three.js"].run([asset.files["glb"] for asset in samples])
    for asset, facts in zip(samples, said, strict=True):
        found = likenesses(asset.figurine, _drawings(facts))
        # Aerials are a pixel wide, and previews are drawn at 1.5 times their size: mech 0.968, astronaut 0.964.
        assert min(likeness.outline for likeness in found) > 0.96, asset.figurine.name
        assert max(likeness.color for likeness in found) < 10, asset.figurine.name


def test_no_mip_of_a_sample_mixes_charts(samples: list[Asset]) -> None:
    """Of each exported file, at each mip down to 64: no texel lies over two charts, and hardly one is off."""
    for asset in samples:
        figurine = read_figurine(asset.files["glb"])
        atlas = figurine.texture.pixels
        tall, wide = atlas.shape[:2]
        chart = find_charts(figurine.uv, (wide, tall))
        mips = measure_mips(atlas, chart, least_px=64)
        assert min(max(mip.size) for mip in mips) == 64
        assert max(mip.share for mip in mips) < 0.01, asset.figurine.name
        side = max(tall, wide) // 64
        cells = chart.reshape(tall // side, side, wide // side, side).swapaxes(1, 2).reshape(-1, side * side)
        most = cells.max(1)
        least = np.where(cells < 0, np.iinfo(np.int32).max, cells).min(1)
        assert (least[most >= 0] == most[most >= 0]).all(), asset.figurine.name


def _drawings(facts: Facts) -> list[str]:
    found = facts["drawings"]
    assert isinstance(found, list)
    return found
