"""Assets that come back from a modelling program with a base, a second material or a moved texture: all is kept."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from shapes import open_edges, volume_m3
from test_read_gltf import FACES, Maker, scene

from slipcast.formats.gltf.read_figurine import read_asset, read_figurine
from slipcast.formats.inspect import describe
from slipcast.formats.join_atlas import LARGEST_PX
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.formats.vertex_colors import bake_corners
from slipcast.mesh.sample import sample
from slipcast.prepare.paint import sample_texture

U8 = NDArray[np.uint8]
RED, GREEN, BLUE = (200, 30, 40), (20, 180, 60), (30, 40, 210)
UV = np.array([[0.1, 0.2], [0.9, 0.1], [0.2, 0.8], [0.7, 0.7]], np.float32)


def picture(side: int = 64) -> U8:
    """Left half red, right half green, with a blue quarter at the bottom right."""
    out = np.zeros((side, side, 3), np.uint8)
    out[:, : side // 2], out[:, side // 2 :] = RED, GREEN
    out[side // 2 :, side // 2 :] = BLUE
    return out


class Asset(Maker):
    """A document with textures, materials, and one mesh for each part."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[dict[str, object]] = []
        self.more: dict[str, list[dict[str, object]]] = {"materials": [], "textures": [], "images": []}

    def texture(self, pixels: U8, **more: object) -> int:
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "PNG")
        view = self.view(np.frombuffer(out.getvalue(), np.uint8))
        self.more["images"].append({"bufferView": view, "mimeType": "image/png"})
        self.more["textures"].append({"source": len(self.more["images"]) - 1, **more})
        return len(self.more["textures"]) - 1

    def material(self, **more: object) -> int:
        self.more["materials"].append(more)
        return len(self.more["materials"]) - 1

    def part(self, uv: NDArray[np.float32] | None, material: int | None) -> dict[str, object]:
        primitive = self.tetra()
        attributes = primitive["attributes"]
        assert isinstance(attributes, dict)
        if uv is not None:
            attributes["TEXCOORD_0"] = self.accessor(uv.astype(np.float32))
        if material is not None:
            primitive["material"] = material
        return primitive

    def save(self, path: Path, *parts: dict[str, object], apart: bool = True, **more: object) -> Path:
        """Each part as a mesh of its own, a metre apart; or all as primitives of one mesh."""
        if not apart:
            nodes: list[dict[str, object]] = [{"mesh": 0}]
            meshes: list[dict[str, object]] = [{"primitives": list(parts)}]
        else:
            nodes = [{"mesh": k, "translation": [10.0 * k, 0, 0]} for k in range(len(parts))]
            meshes = [{"name": f"mesh {k}", "primitives": [part]} for k, part in enumerate(parts)]
        listed = {key: entries for key, entries in self.more.items() if entries}
        return self.write(path, meshes=meshes, **listed, **scene(nodes, list(range(len(nodes)))), **more)


def textured(index: int, **more: object) -> dict[str, object]:
    return {"pbrMetallicRoughness": {"baseColorTexture": {"index": index, **more}}}


def colors(path: Path) -> U8:
    """(F,3,3) what each face corner shows."""
    figurine = read_figurine(path)
    return sample(figurine.texture.pixels, figurine.uv)


def codes(path: Path) -> list[str]:
    return [entry.code for entry in read_asset(path)[1]]


def test_a_base_of_one_colour_is_kept_beside_the_figure(tmp_path: Path) -> None:
    made = Asset()
    figure = made.material(name="Figure", **textured(made.texture(picture())))
    base = made.material(
        name="Base", pbrMetallicRoughness={"baseColorFactor": [1, 0.2158605, 0, 1], "metallicFactor": 0.0}
    )
    path = made.save(tmp_path / "a.gltf", made.part(UV, figure), made.part(None, base))
    figurine, found = read_asset(path)
    assert len(figurine.mesh.faces) == 8
    assert open_edges(figurine.mesh.faces) == 0
    assert volume_m3(figurine.mesh.vertices, figurine.mesh.faces) == pytest.approx(2)
    shown = colors(path)
    alone = sample(picture(), UV[FACES])
    assert np.abs(shown[:4].astype(int) - alone).max() <= 1
    assert (shown[4:] == (255, 128, 0)).all()
    assert [entry.code for entry in found] == ["MESHES_JOINED", "FACTORS_JOINED"]
    assert figurine.material.name in ("Figure", "Base")


@pytest.mark.parametrize("key", [key for key in EXPORTERS if key != "usdz"])
def test_every_format_carries_all_parts(key: str, tmp_path: Path) -> None:
    made = Asset()
    first, second = (
        made.material(**textured(made.texture(pixels))) for pixels in (picture(64), picture(32)[::-1])
    )
    path = made.save(tmp_path / "a.gltf", made.part(UV, first), made.part(UV, second))
    files = EXPORTERS[key].export(read_figurine(path), ExportOptions()).files
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    facts = describe(tmp_path / next(iter(files)))
    assert facts["faces"] == 8
    assert facts["closed"]
    assert facts["volume_mm3"] == pytest.approx(2e9, rel=1e-4)
    assert facts["width_mm"] == pytest.approx(11000, rel=1e-4)


def test_two_materials_of_one_mesh_stay_one_closed_solid(tmp_path: Path) -> None:
    made = Asset()
    materials = [
        made.material(**textured(made.texture(pixels))) for pixels in (picture(), picture()[:, ::-1])
    ]
    halves = []
    for half, material in enumerate(materials):
        part = made.part(UV, material)
        part["indices"] = made.accessor(FACES[2 * half : 2 * half + 2].astype(np.uint16).reshape(-1))
        halves.append(part)
    path = made.save(tmp_path / "a.gltf", *halves, apart=False)
    figurine = read_figurine(path)
    assert len(figurine.mesh.vertices) == 4
    assert open_edges(figurine.mesh.faces) == 0
    expected = np.concatenate(
        [
            sample(picture(), UV[FACES[:2]]),
            sample(picture()[:, ::-1], UV[FACES[2:]]),
        ]
    )
    assert np.abs(colors(path).astype(int) - expected).max() <= 1


@pytest.mark.parametrize(
    ("transform", "expected"),
    [
        ({"offset": [0.5, 0], "scale": [0.5, 0.5]}, UV * 0.5 + [0.5, 0]),
        ({"scale": [1, -1], "offset": [0, 1]}, UV * [1, -1] + [0, 1]),
        # A quarter turn about the corner, then back into the picture.
        ({"rotation": np.pi / 2, "offset": [0, 1]}, np.stack([UV[:, 1], 1 - UV[:, 0]], axis=1)),
        (
            {"rotation": np.pi / 2, "offset": [0, 1], "scale": [0.5, 1]},
            np.stack([UV[:, 1], 1 - 0.5 * UV[:, 0]], axis=1),
        ),
    ],
)
def test_a_texture_transform_moves_the_coordinates(
    transform: dict[str, object], expected: NDArray[np.float64], tmp_path: Path
) -> None:
    made = Asset()
    moved = textured(made.texture(picture()), extensions={"KHR_texture_transform": transform})
    path = made.save(
        tmp_path / "a.gltf",
        made.part(UV, made.material(**moved)),
        extensionsRequired=["KHR_texture_transform"],
    )
    figurine = read_figurine(path)
    assert np.allclose(figurine.uv, expected[FACES], atol=1e-6)
    assert (figurine.texture.pixels == picture()).all()


def test_another_set_of_coordinates_is_followed(tmp_path: Path) -> None:
    made = Asset()
    color = made.texture(picture())
    part = made.part(UV, made.material(**textured(color, texCoord=1)))
    attributes = part["attributes"]
    assert isinstance(attributes, dict)
    attributes["TEXCOORD_1"] = made.accessor(UV[::-1])
    assert np.allclose(read_figurine(made.save(tmp_path / "a.gltf", part)).uv, UV[::-1][FACES])


REPEAT, MIRROR, CLAMP = 10497, 33648, 33071


@pytest.mark.parametrize("wrap", [REPEAT, MIRROR, CLAMP])
@pytest.mark.parametrize("spread", [1.0, 3.0])
def test_coordinates_beyond_the_texture_wrap_as_its_sampler_says(
    wrap: int, spread: float, tmp_path: Path
) -> None:
    side = 64
    made = Asset()
    made.more["samplers"] = [{"wrapS": wrap, "wrapT": wrap}]
    # Away from the borders between colours, where the filter mixes.
    at = np.array([[-0.8, 0.2], [1.3, 0.4], [0.2, -1.7], [2.6, 1.2]]) * spread + 0.01
    path = made.save(
        tmp_path / "a.gltf",
        made.part(at.astype(np.float32), made.material(**textured(made.texture(picture(side), sampler=0)))),
    )
    if wrap == REPEAT:
        home = at % 1
    elif wrap == MIRROR:
        home = 1 - np.abs(at % 2 - 1)
    else:
        home = np.clip(at, 0, 1)
    texel = np.minimum((home * side).astype(int), side - 1)
    expected = picture(side)[texel[:, 1], texel[:, 0]][FACES]
    assert np.abs(colors(path).astype(int) - expected).max() <= 2
    assert (read_figurine(path).uv >= 0).all()
    assert (read_figurine(path).uv <= 1).all()


def test_a_texture_that_repeats_too_often_gets_smaller_and_is_told(tmp_path: Path) -> None:
    made = Asset()
    path = made.save(
        tmp_path / "a.gltf", made.part(UV * 200, made.material(**textured(made.texture(picture()))))
    )
    figurine, found = read_asset(path)
    assert max(figurine.texture.pixels.shape) <= LARGEST_PX
    assert [entry.code for entry in found] == ["TEXTURE_REDUCED"]


def test_a_base_colour_factor_tints_the_texture_in_linear_light(tmp_path: Path) -> None:
    made = Asset()
    material = textured(made.texture(np.full((8, 8, 3), 255, np.uint8)))
    pbr = material["pbrMetallicRoughness"]
    assert isinstance(pbr, dict)
    pbr["baseColorFactor"] = [0.2158605, 1, 0.0, 1]
    path = made.save(tmp_path / "a.gltf", made.part(UV, made.material(**material)))
    assert (read_figurine(path).texture.pixels == (128, 255, 0)).all()


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"occlusionTexture": {"index": 0}}, "occlusion"),
        ({"emissiveTexture": {"index": 0}}, "emissive texture"),
        ({"emissiveFactor": [0, 0.5, 0]}, "emissive colour"),
        ({"alphaMode": "BLEND"}, "transparency"),
        ({"alphaMode": "MASK"}, "transparency"),
        ({"doubleSided": True}, "second side"),
        ({"extensions": {"KHR_materials_clearcoat": {}}}, "KHR_materials_clearcoat"),
        ({"normalTexture": {"index": 0, "texCoord": 1}}, "normal map"),
    ],
)
def test_what_is_dropped_of_a_material_is_told(more: dict[str, object], word: str, tmp_path: Path) -> None:
    made = Asset()
    material = textured(made.texture(picture())) | {"name": "Skin"} | more
    path = made.save(tmp_path / "a.gltf", made.part(UV, made.material(**material)))
    (found,) = read_asset(path)[1]
    assert found.code == "MATERIAL_REDUCED"
    assert word in found.message
    assert "Skin" in found.message


def test_a_metallic_roughness_texture_and_colours_per_vertex_are_told(tmp_path: Path) -> None:
    made = Asset()
    material = textured(made.texture(picture()))
    pbr = material["pbrMetallicRoughness"]
    assert isinstance(pbr, dict)
    pbr["metallicRoughnessTexture"] = {"index": 0}
    part = made.part(UV, made.material(**material))
    attributes = part["attributes"]
    assert isinstance(attributes, dict)
    attributes["COLOR_0"] = made.accessor(np.full((4, 3), 0.5, np.float32))
    (found,) = read_asset(made.save(tmp_path / "a.gltf", part))[1]
    assert "metallic-roughness texture, colours per vertex" in found.message


@pytest.mark.parametrize("kind", [np.float32, np.uint8, np.uint16])
def test_colours_per_vertex_become_texels(kind: type[np.generic], tmp_path: Path) -> None:
    most = 1 if kind is np.float32 else np.iinfo(kind).max  # type: ignore[type-var]
    shown = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]])
    made = Asset()
    part = made.part(None, made.material(pbrMetallicRoughness={"baseColorFactor": [1, 1, 0.2158605, 1]}))
    attributes = part["attributes"]
    assert isinstance(attributes, dict)
    attributes["COLOR_0"] = made.accessor((shown * most).astype(kind), normalized=kind is not np.float32)
    path = made.save(tmp_path / "a.gltf", part, made.part(None, made.material()))
    figurine, found = read_asset(path)
    assert "MATERIAL_REDUCED" not in [entry.code for entry in found]
    wanted = (shown[:, :3] * [255, 255, 128])[FACES]
    seen = sample(figurine.texture.pixels, figurine.uv)
    assert np.abs(seen[:4].astype(int) - wanted).max() <= 3
    assert (seen[4:] == 255).all()
    # In the middle of a face light is the mean of its corners', which is brighter in sRGB than the mean of numbers.
    middle = sample(figurine.texture.pixels, figurine.uv[:4].mean(1))
    light = (shown[:, :3] * [1, 1, 0.2158605])[FACES].mean(1)
    srgb = 255 * np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    )
    assert np.abs(middle.astype(float) - srgb).max() <= 4


@pytest.mark.parametrize("faces", [1, 2, 7, 3000])
def test_no_face_reads_anothers_texel(faces: int) -> None:
    rng = np.random.default_rng(faces)
    colors = np.repeat(rng.integers(0, 2, (faces, 1, 3)).astype(np.float32), 3, axis=1)
    made = bake_corners(colors)
    weights = rng.dirichlet([0.2, 0.2, 0.2], 40).astype(np.float32)
    places = np.einsum("wk,fkc->fwc", np.concatenate([np.eye(3, dtype=np.float32), weights]), made.uv)
    height, width = made.color.shape[:2]
    assert (made.uv > 0).all()
    assert (made.uv < 1).all()
    assert max(height, width) <= 2048
    for seen in (
        sample(made.color, places),
        sample_texture(made.color, places.reshape(-1, 2)).reshape(*places.shape[:2], 3),
    ):
        assert np.abs(seen.astype(int) - 255 * colors[:, :1].astype(int)).max() <= 1


def test_one_colour_for_all_vertices_takes_no_texel_a_face() -> None:
    made = bake_corners(np.full((500, 3, 3), 0.2158605, np.float32))
    assert made.color.shape == (8, 8, 3)
    assert (made.color == 128).all()


def test_normal_maps_lie_where_their_colours_lie(tmp_path: Path) -> None:
    made = Asset()
    bent = np.full((64, 64, 3), (200, 128, 230), np.uint8)
    mapped = textured(made.texture(picture())) | {"normalTexture": {"index": made.texture(bent)}}
    plain = textured(made.texture(picture(32)))
    path = made.save(
        tmp_path / "a.gltf",
        made.part(UV, made.material(**mapped)),
        made.part(UV, made.material(**plain)),
    )
    figurine = read_figurine(path)
    assert figurine.normal_map is not None
    assert figurine.normal_map.shape == figurine.texture.pixels.shape
    seen = sample(figurine.normal_map, figurine.uv)
    assert np.abs(seen[:4].astype(int) - (200, 128, 230)).max() <= 1
    assert np.abs(seen[4:].astype(int) - (128, 128, 255)).max() <= 1


def test_an_asset_without_any_texture_keeps_its_colors(tmp_path: Path) -> None:
    """As modelling programs and other generators write them: a factor, or no material at all."""
    made = Asset()
    red = made.material(pbrMetallicRoughness={"baseColorFactor": [1, 0, 0, 1]})
    path = made.save(tmp_path / "a.gltf", made.part(None, red), made.part(None, None))
    shown = colors(path)
    assert (shown[:4] == (255, 0, 0)).all()
    assert (shown[4:] == (255, 255, 255)).all()


def test_export_tells_what_was_joined_and_lost(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from slipcast.cli.main import main

    made = Asset()
    skin = made.material(name="Skin", **textured(made.texture(picture())) | {"alphaMode": "BLEND"})
    base = made.material(name="Base", pbrMetallicRoughness={"baseColorFactor": [0.5, 0.5, 0.5, 1]})
    path = made.save(tmp_path / "a.gltf", made.part(UV, skin), made.part(None, base))
    assert main(["export", str(path), "-f", "obj,fbx", "-o", str(tmp_path / "out"), "--json"]) == 0
    (entry,) = json.loads(capfd.readouterr().out)
    assert [found["code"] for found in entry["findings"]][:2] == ["MESHES_JOINED", "MATERIAL_REDUCED"]
    assert describe(tmp_path / "out" / "a.obj")["faces"] == 8
