"""The photo studio: parts -> six pictures on a turntable, with Blender's Cycles (bpy 5.0) on the CPU.

Lens 85 mm on 36 mm film high (24 degrees), eye level at half the figurine's height, lights fixed to the camera while the
figurine turns. Cycles renders on a transparent film (with a shadow catcher where there is a floor); the background is
laid under it afterwards in linear light, so that plain backgrounds are exactly plain and the PNGs stay small.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import bpy
import numpy as np
from build import Surface
from mathutils import Matrix
from PIL import Image
from shapes import Array

SIZE_PX = 1024
FOV_DEG = 24.0
SHADOW_PX, SHADOW_SAMPLES = 192, 24
SHADOW_NOISE = 0.03
"""What the shadow picture shows where there is no shadow."""
STRAIGHT = {"front": 0.0, "left": 90.0, "back": 180.0, "right": 270.0}
VIEWS = {**STRAIGHT, "front_left": 45.0, "back_left": 135.0}
"""Yaw of the camera about +Y in degrees: 0 stands in front (+Z), 90 at the figurine's own left side (+X)."""

FINISHES = {
    "matte": (0.0, 0.62, 0.3),
    "satin": (0.0, 0.42, 0.45),
    "gloss": (0.0, 0.12, 0.5),
    "metal": (0.75, 0.34, 0.5),
}
"""Metallic, roughness, specular."""


def linear(rrggbb: str) -> Array:
    """sRGB hex -> linear RGB."""
    c = np.array([int(rrggbb[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def photograph(
    surfaces: list[Surface],
    scale: float,
    shift: Array,
    distance_m: float,
    height_m: float,
    floor: bool,
    samples: int,
    views: Sequence[str] = tuple(VIEWS),
) -> Iterator[tuple[str, Array]]:
    """Each view with its premultiplied linear RGBA (1024, 1024, 4), rows from the top.

    Camera and lights turn together around the figurine, which is the same picture as a turntable and lets Cycles
    keep its search tree. The soft shadow on the ground comes from a small picture of its own: a shadow catcher at
    full size doubles the time. Vertices become `(v + shift) * scale` metres; the scene is built ten times larger,
    where Cycles is at ease.
    """
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    rig = bpy.data.objects.new("rig", None)
    scene.collection.objects.link(rig)
    big = 10.0
    figure = [_object(s, scale * big, shift) for s in surfaces]
    for o in figure:
        scene.collection.objects.link(o)
    centre_z = height_m / 2 * big
    for thing in (_camera(distance_m * big, centre_z), *_lights(centre_z, height_m * big)):
        scene.collection.objects.link(thing)
        thing.parent = rig
        if thing.type == "CAMERA":
            scene.camera = thing
    _world(scene)
    _cycles(scene)
    ground = _floor(scene, height_m * big)
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "picture.exr")
        shadows: dict[str, Array] = {}
        if floor:
            for o in figure:
                o.visible_camera = False
            for view in views:
                rig.rotation_euler = (0, 0, np.radians(VIEWS[view]))
                shadows[view] = _enlarged(_shot(scene, path, SHADOW_PX, SHADOW_SAMPLES))
            for o in figure:
                o.visible_camera = True
        ground.hide_render = True
        for view in views:
            rig.rotation_euler = (0, 0, np.radians(VIEWS[view]))
            picture = _shot(scene, path, SIZE_PX, samples)
            yield view, _over(picture, shadows[view]) if floor else picture


def _shot(scene: bpy.types.Scene, path: str, size_px: int, samples: int) -> Array:
    scene.render.resolution_x = scene.render.resolution_y = size_px
    scene.render.filepath = path
    scene.cycles.samples = samples
    bpy.ops.render.render(write_still=True)
    return _read(path, size_px)


def _enlarged(shadow: Array) -> Array:
    """The soft shadow at full size; only its alpha, black."""
    soft = np.clip((shadow[..., 3] - SHADOW_NOISE) / (1 - SHADOW_NOISE), 0, 1)
    alpha = Image.fromarray(soft.astype(np.float32))
    alpha = alpha.resize((SIZE_PX, SIZE_PX), Image.Resampling.BICUBIC)
    out = np.zeros((SIZE_PX, SIZE_PX, 4), np.float32)
    out[..., 3] = np.clip(np.asarray(alpha), 0, 1)
    return out


def _over(front: Array, behind: Array) -> Array:
    return front + behind * (1 - front[..., 3:])


def _object(s: Surface, scale: float, shift: Array) -> bpy.types.Object:
    v = (s.vertices + shift) * scale
    v = np.stack([v[:, 0], -v[:, 2], v[:, 1]], 1)  # glTF's Y up, facing +Z -> Blender's Z up, facing -Y
    n = np.stack([s.normals[:, 0], -s.normals[:, 2], s.normals[:, 1]], 1)
    mesh = bpy.data.meshes.new(s.part.name)
    mesh.vertices.add(len(v))
    mesh.vertices.foreach_set("co", v.astype(np.float32).ravel())
    mesh.loops.add(s.faces.size)
    mesh.loops.foreach_set("vertex_index", s.faces.astype(np.int32).ravel())
    mesh.polygons.add(len(s.faces))
    mesh.polygons.foreach_set("loop_start", np.arange(0, s.faces.size, 3, dtype=np.int32))
    mesh.update(calc_edges=True)
    mesh.shade_smooth()
    mesh.attributes.new("custom_normal", "FLOAT_VECTOR", "POINT").data.foreach_set("vector", n.ravel())
    mesh.materials.append(_material(s))
    return bpy.data.objects.new(s.part.name, mesh)


def _material(s: Surface) -> bpy.types.Material:
    m = bpy.data.materials.new(s.part.name)
    m.use_nodes = True
    b = m.node_tree.nodes["Principled BSDF"]
    metallic, roughness, specular = FINISHES[s.part.finish]
    b.inputs["Base Color"].default_value = (*linear(s.part.colour), 1)
    b.inputs["Metallic"].default_value = metallic
    b.inputs["Roughness"].default_value = roughness
    b.inputs["Specular IOR Level"].default_value = specular
    return m


def _camera(distance: float, height: float) -> bpy.types.Object:
    data = bpy.data.cameras.new("camera")
    data.sensor_fit, data.sensor_height = "VERTICAL", 36.0
    data.angle = np.radians(FOV_DEG)
    data.clip_end = 100
    camera = bpy.data.objects.new("camera", data)
    camera.matrix_world = Matrix.Translation((0, -distance, height)) @ Matrix.Rotation(np.pi / 2, 4, "X")
    return camera


def _world(scene: bpy.types.Scene) -> None:
    world = bpy.data.worlds.new("world")
    scene.world = world
    world.use_nodes = True
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.93, 0.96, 1.0, 1)
    world.node_tree.nodes["Background"].inputs["Strength"].default_value = 0.5


def _lights(centre: float, size: float) -> list[bpy.types.Object]:
    target = np.array([0, 0, centre])
    made = []
    lamps = {  # position in figurine heights, size, power, colour
        "key": ((-1.5, -1.9, 1.7), 1.6, 62.0, (1.0, 0.965, 0.92)),
        "fill": ((2.1, -1.6, 0.4), 2.0, 20.0, (0.92, 0.96, 1.0)),
        "rim": ((1.5, 1.7, 1.5), 1.0, 42.0, (1.0, 0.98, 0.95)),
        "rim2": ((-1.8, 1.5, 0.7), 0.8, 18.0, (0.95, 0.97, 1.0)),
    }
    for name, (place, width, power, colour) in lamps.items():
        data = bpy.data.lights.new(name, "AREA")
        data.shape, data.size, data.energy, data.color = "DISK", width * size, power * size**2 * 1.6, colour
        lamp = bpy.data.objects.new(name, data)
        position = target + np.array(place) * size
        back = (position - target) / np.linalg.norm(position - target)
        side = np.cross([0, 0, 1], back)
        side /= np.linalg.norm(side)
        direction = Matrix(np.stack([side, np.cross(back, side), back], 1).tolist())
        lamp.matrix_world = Matrix.Translation(position.tolist()) @ direction.to_4x4()
        made.append(lamp)
    return made


def _floor(scene: bpy.types.Scene, size: float) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("floor")
    r = size * 6
    mesh.from_pydata([(-r, -r, 0), (r, -r, 0), (r, r, 0), (-r, r, 0)], [], [(0, 1, 2, 3)])
    floor = bpy.data.objects.new("floor", mesh)
    floor.is_shadow_catcher = True
    scene.collection.objects.link(floor)
    return floor


def _cycles(scene: bpy.types.Scene) -> None:
    r = scene.render
    r.engine = "CYCLES"
    r.use_persistent_data = True
    r.film_transparent = True
    r.threads_mode, r.threads = "FIXED", int(os.environ.get("SAMPLES_THREADS", "2"))
    r.image_settings.file_format, r.image_settings.color_depth = "OPEN_EXR", "32"
    r.image_settings.color_mode = "RGBA"
    c = scene.cycles
    c.device, c.seed = "CPU", 7
    c.use_adaptive_sampling = False
    c.debug_bvh_type = "STATIC_BVH"
    c.use_denoising, c.denoiser = True, "OPENIMAGEDENOISE"
    c.denoising_prefilter = "FAST"
    c.max_bounces, c.diffuse_bounces, c.glossy_bounces, c.transmission_bounces = 3, 2, 2, 0


def _read(path: str, size_px: int) -> Array:
    image = bpy.data.images.load(path)
    image.colorspace_settings.name = "Non-Color"
    image.alpha_mode = "PREMUL"
    pixels = np.zeros(size_px * size_px * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(size_px, size_px, 4)[::-1]


def develop(rgba: Array, background: str) -> Array:
    """Premultiplied linear RGBA -> sRGB uint8 (H, W, 3), or (H, W, 4) for the background «alpha»."""
    rgb, a = np.maximum(rgba[..., :3], 0), np.clip(rgba[..., 3:], 0, 1)
    rgb = _shoulder(rgb)
    if background == "alpha":
        colour = np.where(a > 1 / 512, rgb / np.maximum(a, 1e-6), 0)
        alpha = np.round(a * 255).astype(np.uint8)
        return np.concatenate([_srgb(colour) * (alpha > 0), alpha], -1).astype(np.uint8)
    return _srgb(rgb + (1 - a) * _backdrop(background))


def _backdrop(background: str) -> Array:
    """«white», one colour «rrggbb», or a gradient from top to bottom «rrggbb-rrggbb»."""
    if background == "white":
        background = "ffffff"
    top, _, bottom = background.partition("-")
    t = np.linspace(0, 1, SIZE_PX)[:, None, None]
    t = t * t * (3 - 2 * t)
    return np.broadcast_to(linear(top) * (1 - t) + linear(bottom or top) * t, (SIZE_PX, SIZE_PX, 3))


def _shoulder(x: Array) -> Array:
    """Highlights roll off above 0.7 instead of clipping."""
    knee = 0.7
    return np.where(x < knee, x, knee + (1 - knee) * np.tanh((x - knee) / (1 - knee) * 0.85))


def _srgb(x: Array) -> Array:
    x = np.clip(x, 0, 1)
    s = np.where(x <= 0.0031308, x * 12.92, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.round(s * 255).astype(np.uint8)
