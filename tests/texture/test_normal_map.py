"""normal_map.py: the map decodes to the true surface's normals, stays flat where nothing is to be told, and is made
only where it tells something."""

import io
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from PIL import Image
from silhouettes import (
    ball,
    box,
    depth_of,
    grid,
    map_of,
    picture_of,
    ripple,
    rippled,
    solid_from,
    true_normal,
)

from slipcast.core.errors import BadInput
from slipcast.core.values import F64, Figurine, Mesh, Picture, Shells
from slipcast.depth.place import PlaceOptions, place
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh import tangents as shading
from slipcast.mesh.normals import vertex_normals
from slipcast.mesh.rasterize import rasterize
from slipcast.mesh.sample import sample
from slipcast.texture.normal_map import BACK, FRONT, find_box_normals, find_depth_normals, make_normal_map
from slipcast.texture.paint import TextureOptions, paint

SIDE = 200
FLAT = (128, 128, 255)


@cache
def waves(mode: str = "on") -> tuple[Figurine, Mesh, Shells]:
    """A mesh that is far too light for the waves, painted, with the depth that it was made of."""
    picture, depth = rippled()
    mesh, placed = solid_from(depth, picture, faces=600)
    return paint(mesh, placed, picture, TextureOptions(normal_map=mode), name="test"), mesh, placed


def decoded(figurine: Figurine, face: int, weights: F64) -> F64:
    """The unit normal that a shader makes of the map at one point, by glTF's words, from what the GLB's rows hold."""
    assert figurine.normal_map is not None
    uv = (weights @ figurine.uv[face].astype(np.float64)).astype(np.float32)
    x, y, z = sample(figurine.normal_map, uv).astype(np.float64) / 127.5 - 1
    normals = vertex_normals(figurine.mesh.vertices, figurine.mesh.faces)
    tangents = shading.make_corner_tangents(figurine, normals)[face].astype(np.float64)
    normal = weights @ normals[figurine.mesh.faces[face]].astype(np.float64)
    tangent = weights @ tangents[:, :3]
    out: F64 = x * tangent + y * np.cross(normal, tangent) * tangents[0, 3] + z * normal
    return out / np.linalg.norm(out)


def plane(front: F64, back: F64) -> tuple[Figurine, Shells]:
    """Two squares, four faces in all, at 400 and 480 pixels' widths from the camera; depth as told, in widths.

    The front square's chart is the left half of a square atlas, the back one's the right half, as the picture sees it.
    """
    depth = depth_of(box(SIDE, 0, 0, SIDE, SIDE), front, back)
    camera = depth.camera
    corner, uv = [], []
    for z, left in ((400.0, 0.0), (480.0, 0.5)):
        for x, y in ((40, 40), (160, 40), (160, 160), (40, 160)):
            corner.append([(x - camera.cx_px) / camera.fx_px * z, (y - camera.cy_px) / camera.fy_px * z, z])
            uv.append([left + x / SIDE / 2, y / SIDE])
    # The default camera looks along -Z with y turned down.
    vertices = (np.array(corner) * [1, -1, -1]).astype(np.float32)
    faces = np.array([[0, 2, 1], [0, 3, 2], [4, 5, 6], [4, 6, 7]], np.int32)
    mesh = Mesh(vertices=vertices, faces=faces, source=np.zeros(4, np.uint8))
    texture = Picture(pixels=np.zeros((SIDE, 2 * SIDE, 3), np.uint8))
    return Figurine(name="plane", mesh=mesh, uv=np.array(uv, np.float32)[faces], texture=texture), depth


SHELL = np.array([FRONT, FRONT, BACK, BACK])


def test_a_plane_is_all_flat() -> None:
    figurine, depth = plane(np.full((SIDE, SIDE), 400.0), np.full((SIDE, SIDE), 480.0))
    pixels, told = make_normal_map(figurine, depth, SHELL, "on")
    assert pixels is not None
    assert pixels.shape == (SIDE, 2 * SIDE, 3)
    assert (pixels == FLAT).all()
    assert told["without"] < 0.05
    assert make_normal_map(figurine, depth, SHELL, "auto") == (None, {"without": told["without"]})


@pytest.mark.parametrize("back", [False, True])
def test_bumps_on_a_plane_decode_to_their_true_normals(back: bool) -> None:
    x, y = grid(SIDE, SIDE)
    front, back_depth = (base + ripple(x, y)[0] for base in (400.0, 480.0))
    figurine, depth = plane(front, back_depth)
    pixels, told = make_normal_map(figurine, depth, SHELL, "auto")
    assert pixels is not None
    figurine = replace(figurine, normal_map=pixels)
    rng = np.random.default_rng(1)
    angles = []
    for _ in range(300):
        face, weights = int(rng.integers(2)) + (2 if back else 0), rng.dirichlet([1, 1, 1])
        point = weights @ figurine.mesh.vertices[figurine.mesh.faces[face]].astype(np.float64)
        true = true_normal(depth, point, 480.0 if back else 400.0) * (-1 if back else 1)
        angles.append(np.degrees(np.arccos(np.clip(decoded(figurine, face, weights) @ true, -1, 1))))
    assert np.max(angles) < 2
    assert told["without"] > 15
    assert told["with"] < 1.5


def test_a_map_is_made_where_it_tells_something() -> None:
    rough, _, _ = waves("auto")
    assert rough.normal_map is not None
    told = rough.provenance["normal_map"]
    assert isinstance(told, dict)
    assert told["made"] is True
    assert told["mean_angle_deg"]["without"] > 10
    assert told["mean_angle_deg"]["with"] < 3
    alpha, depth = ball(160, 60.0, 400.0)
    mesh, placed = solid_from(depth, picture_of(alpha), faces=5_000)
    smooth = paint(mesh, placed, picture_of(alpha), TextureOptions(), name="test")
    assert smooth.normal_map is None
    told = smooth.provenance["normal_map"]
    assert isinstance(told, dict)
    assert told["made"] is False
    assert told["mean_angle_deg"]["without"] < 2


def test_a_rough_mesh_of_a_smooth_depth_gets_no_map() -> None:
    """The mesh is off by more than enough, but the depth has nothing finer than the mesh could hold."""
    alpha, depth = ball(160, 60.0, 400.0)
    mesh, placed = solid_from(depth, picture_of(alpha), faces=5_000)
    rng = np.random.default_rng(2)
    shaken = mesh.vertices + rng.normal(0, 4e-4, mesh.vertices.shape).astype(np.float32)
    rough = paint(replace(mesh, vertices=shaken), placed, picture_of(alpha), TextureOptions(), name="test")
    told = rough.provenance["normal_map"]
    assert isinstance(told, dict)
    assert told["mean_angle_deg"]["without"] > 4
    assert told["mean_angle_deg"]["relief"] < 1
    assert rough.normal_map is None


def test_off_makes_none_and_measures_nothing() -> None:
    figurine, _, _ = waves("off")
    assert figurine.normal_map is None
    assert figurine.provenance["normal_map"] == {"made": False, "mean_angle_deg": {}}


def test_an_unknown_word_is_refused() -> None:
    picture, _ = rippled()
    _, mesh, placed = waves()
    with pytest.raises(BadInput, match="auto, on, off"):
        paint(mesh, placed, picture, TextureOptions(normal_map="yes"), name="test")


def test_faces_off_their_shell_and_the_side_chart_stay_flat() -> None:
    figurine, mesh, placed = waves()
    # The same mesh before a depth map that lies elsewhere: nothing is known about it.
    assert placed.back is not None
    far = replace(placed, front=placed.front * np.float32(0.8), back=placed.back * np.float32(1.3))
    picture, _ = rippled()
    other = paint(mesh, far, picture, TextureOptions(normal_map="on"), name="test")
    assert other.normal_map is None or (other.normal_map == FLAT).all()
    assert figurine.normal_map is not None
    assert (figurine.normal_map == FLAT).all(-1).any(), "the side is flat"


def test_a_second_skin_has_texels_of_its_own() -> None:
    _, mesh, placed = waves()
    picture, _ = rippled()
    # A little nearer, over the same pixels.
    nearer = mesh.vertices + np.array([0, 0, 0.0012], np.float32)
    double = Mesh(
        vertices=np.concatenate([mesh.vertices, nearer]),
        faces=np.concatenate([mesh.faces, mesh.faces + len(mesh.vertices)]),
        source=np.concatenate([mesh.source, mesh.source]),
    )
    figurine = paint(double, placed, picture, TextureOptions(normal_map="on"), name="test")
    assert figurine.normal_map is not None
    half = len(mesh.faces)
    corner = figurine.uv.astype(np.float64) * [figurine.texture.width_px, figurine.texture.height_px]
    size = figurine.texture.width_px, figurine.texture.height_px
    covered = []
    for mine in (corner[:half], corner[half:]):
        edge = np.diff(mine, axis=1)
        turned = edge[:, 0, 0] * edge[:, 1, 1] - edge[:, 0, 1] * edge[:, 1, 0] > 0
        mine = np.where(turned[:, None, None], mine[:, ::-1], mine)
        faces = np.arange(3 * half, dtype=np.int32).reshape(-1, 3)
        covered.append(rasterize(mine.reshape(-1, 2), np.zeros(3 * half), faces, *size).face >= 0)
    assert covered[0].sum() > 1000
    assert not (covered[0] & covered[1]).any()


def test_normals_of_a_slope_are_exact_and_steps_are_not_bridged() -> None:
    alpha = box(64, 8, 8, 48, 48)
    x, y = grid(64, 64)
    camera = map_of(alpha, np.ones_like(x)).camera
    # The plane n . p = 100 in camera axes: z = 100 / (n . ray).
    normal = np.array([0.3, -0.2, 1.0]) / np.linalg.norm([0.3, -0.2, 1.0])
    z = 100 / (camera.rays().astype(np.float64) @ normal)
    z = np.where(x > 40, z + 30, z)
    depth = place(depth_of(alpha, z, z + 50), picture_of(alpha), PlaceOptions(elevation_deg=0))
    at = np.stack([x, y], -1)[10:54, 10:54].reshape(-1, 2)
    found, known, _ = find_depth_normals(depth.front, depth, at)
    assert known.all()
    # Towards the camera and in world axes, where y and z are turned.
    angle = np.degrees(np.arccos(np.clip(found @ (normal * [-1, 1, 1]), -1, 1)))
    assert angle[at[:, 0] < 40].max() < 0.2, "up to the step on its near side"
    # Beyond the step the plane's own ray differs a little.
    assert angle.max() < 5
    _, known, _ = find_depth_normals(depth.front, depth, np.array([[1.0, 1.0]]))
    assert not known.any()


def test_normals_of_a_box_are_those_of_its_pixels() -> None:
    rng = np.random.default_rng(5)
    _, depth = ball(160, 60.0, 400.0)
    front = depth.front + rng.normal(0, 0.3, depth.front.shape).astype(np.float32)
    front[:, 70:] += 40  # a step
    box = slice(30, 130), slice(26, 120)
    made = find_box_normals(front, depth, box)
    found, facing, known = made.normals, made.facing, made.known
    assert made.corner == (30, 26)
    at = np.stack(np.meshgrid(np.arange(26, 120) + 0.5, np.arange(30, 130) + 0.5), -1).reshape(-1, 2)
    want, there, _ = find_depth_normals(front, depth, at)
    inner = np.zeros(known.shape, bool)
    inner[1:-1, 1:-1] = True  # a box does not look beyond itself
    assert (known == there.reshape(known.shape))[inner].all()
    both = known & inner
    same = (want @ depth.camera.camera_from_world[:3, :3].T).reshape(found.shape)
    assert both.sum() > 3000
    assert np.abs(found - same)[both].max() < 1e-3
    assert (facing[both] > 0).all()


def test_gltf_carries_map_and_tangents_and_gives_them_back() -> None:
    figurine, _, _ = waves()
    files = EXPORTERS["glb"].export(figurine, ExportOptions()).files
    assert b'"TANGENT"' in files["test.glb"]
    assert b'"normalTexture"' in files["test.glb"]


def test_directx_gets_green_downwards() -> None:
    figurine, _, _ = waves()
    up, down = (
        EXPORTERS["fbx"].export(figurine, ExportOptions(green_down=turned)).files for turned in (False, True)
    )
    pixels = []
    for files in (up, down):
        (name,) = (name for name in files if "normal" in name)
        pixels.append(np.asarray(Image.open(io.BytesIO(files[name]))).astype(int))
    assert (pixels[0][..., 1] + pixels[1][..., 1] == 255).all()
    assert (pixels[0][..., [0, 2]] == pixels[1][..., [0, 2]]).all()


def test_gltf_keeps_green_upwards_for_every_target() -> None:
    figurine, _, _ = waves()
    assert figurine.normal_map is not None
    files = EXPORTERS["gltf"].export(figurine, ExportOptions(green_down=True)).files
    (name,) = (name for name in files if "normal" in name)
    assert name not in EXPORTERS["fbx"].export(figurine, ExportOptions(green_down=True)).files
    assert (np.asarray(Image.open(io.BytesIO(files[name]))) == figurine.normal_map).all()


def test_the_same_input_gives_the_same_bytes() -> None:
    picture, _ = rippled()
    first, mesh, placed = waves()
    again = paint(mesh, placed, picture, TextureOptions(normal_map="on"), name="test")
    assert first.normal_map is not None
    assert again.normal_map is not None
    assert first.normal_map.tobytes() == again.normal_map.tobytes()


def test_normals_that_were_found_before_give_the_same_map() -> None:
    x, y = grid(SIDE, SIDE)
    figurine, depth = plane(400.0 + ripple(x, y)[0], 480.0 + ripple(x, y)[0])
    valid = depth.valid.copy()
    valid[:20], valid[185:], valid[:, :30], valid[:, 175:] = False, False, False, False
    depth = replace(depth, valid=valid)
    wider = slice(16, 189), slice(26, 179)
    before = find_box_normals(depth.front, depth, wider), find_box_normals(depth.back, depth, wider)
    plain, told = make_normal_map(figurine, depth, SHELL, "auto")
    given, same = make_normal_map(figurine, depth, SHELL, "auto", before)
    assert told["relief"] == same["relief"]
    assert plain is not None
    assert given is not None
    assert (plain == given).all()
