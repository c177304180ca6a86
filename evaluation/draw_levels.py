"""Draw an asset's levels of detail in Blender, beside each other, and compare each with the finest.

    python -m evaluation.draw_levels NAME.glb docs/levels.jpg --lods 1,0.4,0.1,0.02 --python BLENDER_PYTHON

The levels go through an FBX, as an engine gets them. BLENDER_PYTHON is a Python that has bpy (scripts/test-clients
installs one). The differences are means of 255 over the figurine: at the size of the picture, and at the height in
pixels at which the level takes over, where that is less.
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from slipcast.core.values import U8
from slipcast.formats.gltf.read_figurine import read_figurine
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.prepare.lods import LodOptions, attach_levels, make_lods

_APART = 30
"""How much a pixel of the figurine differs from the background."""
_DRAW = """
import bpy, sys
from mathutils import Vector
source, out = sys.argv[-2:]
bpy.ops.wm.read_factory_settings(use_empty=True)
bpy.ops.import_scene.fbx(filepath=source)
levels = sorted((o for o in bpy.data.objects if o.type == "MESH"), key=lambda o: -len(o.data.polygons))
scene = bpy.context.scene
scene.render.engine, scene.cycles.samples = "CYCLES", 24
scene.render.resolution_x, scene.render.resolution_y = 360, 480
scene.view_settings.view_transform = "Standard"
scene.world = bpy.data.worlds.new("world")
scene.world.use_nodes = True
scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0.6
scene.world.node_tree.nodes["Background"].inputs[0].default_value = (1, 1, 1, 1)
sun = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
sun.data.energy, sun.rotation_euler = 2.5, (0.8, 0, 0.6)
scene.collection.objects.link(sun)
corners = [levels[0].matrix_world @ Vector(corner) for corner in levels[0].bound_box]
low, high = (Vector([f(c[k] for c in corners) for k in range(3)]) for f in (min, max))
middle, tall = (low + high) / 2, (high - low).z
camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
scene.collection.objects.link(camera)
scene.camera = camera
camera.location = middle + Vector((-0.35, -1, 0.15)).normalized() * tall * 2.9
camera.rotation_euler = (middle - camera.location).to_track_quat("-Z", "Y").to_euler()
camera.data.clip_start, camera.data.clip_end, camera.data.lens = tall / 100, tall * 100, 70
for number, level in enumerate(levels):
    for other in levels:
        other.hide_render = other is not level
    scene.render.filepath = f"{out}/{number}.png"
    bpy.ops.render.render(write_still=True)
"""


def find_figurine(picture: U8) -> "np.typing.NDArray[np.bool_]":
    """(H,W) where a picture shows the figurine."""
    ground = np.median(picture.reshape(-1, 3).astype(np.int64), axis=0)
    found: np.typing.NDArray[np.bool_] = np.abs(picture.astype(np.int64) - ground).max(2) > _APART
    return found


def compare(pictures: list[Image.Image], number: int, height_px: float) -> float:
    """Mean difference of 255 of a level's picture from the finest's, shrunk until the figurine has `height_px`."""
    rows = np.flatnonzero(find_figurine(np.array(pictures[0])).sum(1) > 3)
    share = min(height_px / (rows[-1] - rows[0] + 1), 1.0)
    width, height = pictures[0].size
    size = max(round(width * share), 1), max(round(height * share), 1)
    one, other = (np.array(pictures[k].resize(size, Image.Resampling.BOX)) for k in (0, number))
    own = find_figurine(one) | find_figurine(other)
    return float(np.abs(one.astype(np.int64) - other.astype(np.int64)).mean(2)[own].mean())


def main() -> None:
    """Write the picture and print a line of JSON for each level."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("asset", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--lods", default="1,0.4,0.1,0.02")
    parser.add_argument("--python", default=".clients/blender/bin/python")
    asked = parser.parse_args()
    figurine = read_figurine(asked.asset)
    lods, _ = make_lods(figurine, LodOptions.parse(asked.lods))
    with tempfile.TemporaryDirectory() as folder:
        files = EXPORTERS["fbx"].export(attach_levels(lods[0].figurine, lods), ExportOptions()).files
        for name, data in files.items():
            (Path(folder) / name).write_bytes(data)
        source = next(Path(folder) / name for name in files if name.endswith(".fbx"))
        subprocess.run(
            [asked.python, "-c", _DRAW, str(source), folder], check=True, env={}, stdout=subprocess.DEVNULL
        )
        pictures = [Image.open(Path(folder) / f"{k}.png").convert("RGB") for k in range(len(lods))]
    Image.fromarray(np.concatenate([np.array(picture) for picture in pictures], axis=1)).save(
        asked.out, quality=88
    )
    for number, lod in enumerate(lods[1:], 1):
        told = {"faces": len(lod.figurine.mesh.faces), "takes over at px": round(lod.switch_px, 1)}
        sizes = {"here": compare(pictures, number, np.inf), "there": compare(pictures, number, lod.switch_px)}
        print(json.dumps(told | {word: round(value, 2) for word, value in sizes.items()}))


if __name__ == "__main__":
    main()
