"""Inside Blender as a module (bpy): install the extension from its zip, and use it as an artist or a script would.

Arguments: the zip, the slipcast command, a picture, a folder. Prints one line of JSON with what was seen.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

ARCHIVE, COMMAND, PICTURE, FOLDER = sys.argv[1:5]
bmesh: Any = __import__("bmesh")  # comes with bpy, after it
QUICK = {"detail": "draft", "faces": 5000, "front": PICTURE}
seen: dict[str, object] = {"blender": bpy.app.version_string}


def fresh(unit: float = 1.0) -> Any:
    """An empty scene that measures in `unit` metres; its settings."""
    for entry in list(bpy.data.objects):
        bpy.data.objects.remove(entry)
    scene = bpy.context.scene
    scene.unit_settings.scale_length = unit
    scene.cursor.location = (1, 2, 3)
    settings = scene.slipcast
    for name, value in QUICK.items():
        setattr(settings, name, value)
    settings.height = 0.05 / unit
    settings.folder = settings.prompt = settings.told = settings.back = ""
    settings.target = "blender"
    return settings


def refused(call: Callable[..., object], **words: object) -> str:
    """The sentence with which an operator refuses."""
    try:
        call(**words)
    except RuntimeError as problem:
        return str(problem).strip()
    return ""


def bounds(entry: Any) -> list[list[float]]:
    corners = [entry.matrix_world @ __import__("mathutils").Vector(corner) for corner in entry.bound_box]
    return [[round(f(c[k] for c in corners), 5) for k in range(3)] for f in (min, max)]


class Layout:
    """Stands for a panel's layout: notes the operators and properties that are drawn."""

    def __init__(self, drawn: list[str]) -> None:
        self.drawn = drawn

    def _inner(self, *_: object, **__: object) -> "Layout":
        return self

    box = row = grid_flow = column = _inner

    def prop(self, data: Any, name: str, **_: object) -> None:
        assert name in data.bl_rna.properties, name
        self.drawn.append(name)

    def operator(self, name: str, **_: object) -> object:
        module, function = name.split(".")
        assert hasattr(getattr(bpy.ops, module), function)
        getattr(bpy.ops, module).__getattr__(function).get_rna_type()
        self.drawn.append(name)
        return type("Properties", (), {})()

    def label(self, text: str = "", **_: object) -> None:
        self.drawn.append(text)

    def progress(self, **words: object) -> None:
        self.drawn.append(str(words["text"]))


bpy.ops.extensions.package_install_files(filepath=ARCHIVE, repo="user_default", enable_on_install=True)
package = "bl_ext.user_default.slipcast"
preferences = bpy.context.preferences.addons[package].preferences
module = sys.modules[package]

# ---- preferences
preferences.command = str(Path(FOLDER) / "no-such-command")
seen["missing"] = refused(bpy.ops.slipcast.test)
fresh()
seen["missing at work"] = refused(bpy.ops.slipcast.convert)
preferences.command = sys.executable
seen["another program"] = refused(bpy.ops.slipcast.test)
preferences.command = COMMAND
bpy.ops.slipcast.test()
seen["test"] = preferences.told

# ---- a picture, waited for
settings = fresh()
settings.folder, settings.target = str(Path(FOLDER) / "kept"), "unreal"
bpy.ops.slipcast.convert()
(made,) = [entry for entry in bpy.context.scene.objects if entry.type == "MESH"]
seen["bounds"] = bounds(made)
seen["faces"] = len(made.data.polygons)
seen["properties"] = {key: str(made[key])[:300] for key in made.keys() if key.startswith("slipcast_")}  # noqa: SIM118
seen["metadata"] = sorted(json.loads(made["slipcast_metadata"]))
seen["images"] = [[image.size[0], bool(image.packed_file)] for image in bpy.data.images if image.size[0]]
seen["kept"] = sorted(path.name for path in (Path(FOLDER) / "kept").iterdir())
seen["told"] = settings.told

# ---- drawn: the panel by a stand-in, the result by Cycles
drawn: list[str] = []
panel = module.panel.SLIPCAST_PT_panel
panel.draw(type("Panel", (), {"layout": Layout(drawn)})(), bpy.context)
seen["panel"] = drawn
if picture := os.environ.get("SLIPCAST_RENDER"):
    world = bpy.data.worlds.new("white")
    world.color = (1, 1, 1)
    bpy.context.scene.world = world
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    bpy.context.scene.collection.objects.link(camera)
    camera.location = (1.07, 1.87, 3.045)
    camera.data.clip_start = 0.001
    camera.rotation_euler = (1.45, 0, 0.5)
    scene = bpy.context.scene
    scene.camera = camera
    scene.render.engine, scene.cycles.samples = "CYCLES", 16
    scene.render.resolution_x = scene.render.resolution_y = 480
    light = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    light.data.energy, light.rotation_euler = 3, (0.8, 0, 0.7)
    scene.collection.objects.link(light)
    scene.render.filepath = picture
    bpy.ops.render.render(write_still=True)

# ---- a scene in millimetres
fresh(0.001)
module.scene.import_asset(next((Path(FOLDER) / "kept").glob("*.glb")), {})
(small,) = [entry for entry in bpy.context.scene.objects if entry.type == "MESH"]
low, high = bounds(small)
seen["height in millimetres"] = round(high[2] - low[2], 3)

# ---- finish any mesh
fresh()
bpy.ops.mesh.primitive_torus_add(major_radius=0.03, minor_radius=0.01, location=(0.5, 0, 0))
torus = bpy.context.object
where = bounds(torus)


def select_torus() -> None:
    bpy.ops.object.select_all(action="DESELECT")
    torus.select_set(True)
    bpy.context.view_layer.objects.active = torus


bpy.ops.slipcast.finish(kind="REPORT")
seen["report"] = bpy.context.scene.slipcast.told
seen["print without a place"] = refused(bpy.ops.slipcast.finish, kind="PRINT")
bpy.context.scene.slipcast.folder = str(Path(FOLDER) / "print")
paint = torus.data.color_attributes.new("paint", "FLOAT_COLOR", "POINT")
for number, vertex in enumerate(torus.data.vertices):
    paint.data[number].color = (0.6, 0.02, 0.02, 1) if vertex.co.x < 0 else (0.02, 0.05, 0.6, 1)
bpy.context.scene.slipcast.colors, bpy.context.scene.slipcast.hollow = 2, 2
bpy.ops.slipcast.finish(kind="PRINT")
seen["print"] = sorted(path.suffix for path in (Path(FOLDER) / "print").iterdir())
(told,) = (Path(FOLDER) / "print").glob("*.json")
seen["printed"] = {key: json.loads(told.read_text()).get(key) for key in ("colors", "hollow")}
torus.data.color_attributes.remove(paint)
bpy.context.scene.slipcast.folder = ""
for kind in ("LODS", "COLLISION"):
    select_torus()
    before = set(bpy.data.objects)
    bpy.ops.slipcast.finish(kind=kind)
    came = [entry for entry in bpy.data.objects if entry not in before and entry.type == "MESH"]
    seen[kind] = sorted([entry.name, len(entry.data.polygons)] for entry in came)
    seen[f"{kind} in the scene"] = sum(entry.name in bpy.context.view_layer.objects for entry in came)
    first = max(came, key=lambda entry: len(entry.data.polygons))
    seen[f"{kind} off place"] = max(
        abs(a - b)
        for one, two in zip(bounds(first), where, strict=True)
        for a, b in zip(one, two, strict=True)
    )
bpy.ops.object.select_all(action="DESELECT")
bpy.ops.mesh.primitive_cylinder_add(radius=0.02, depth=0.05, end_fill_type="NOTHING")
bpy.context.object.name = "open"
seen["wide hole"] = refused(bpy.ops.slipcast.finish, kind="SOLID")
bpy.ops.object.select_all(action="DESELECT")
bpy.ops.mesh.primitive_uv_sphere_add(radius=0.02, segments=48, ring_count=24)
ball = bpy.context.object
ball.name = "ball"
seen["holes"] = 3
work = bmesh.new()
work.from_mesh(ball.data)
work.faces.ensure_lookup_table()
bmesh.ops.delete(work, geom=[work.faces[k] for k in (200, 400, 800)], context="FACES")
work.to_mesh(ball.data)
work.free()
before = set(bpy.data.objects)
bpy.ops.slipcast.finish(kind="SOLID")
(solid,) = [entry for entry in bpy.data.objects if entry not in before and entry.type == "MESH"]
work = bmesh.new()
work.from_mesh(solid.data)
bmesh.ops.remove_doubles(work, verts=work.verts, dist=1e-7)
seen["open edges"] = sum(len(edge.link_faces) != 2 for edge in work.edges)
work.free()
seen["solid"] = bpy.context.scene.slipcast.told
seen["findings"] = solid["slipcast_findings"]
bpy.ops.object.select_all(action="DESELECT")
seen["nothing selected"] = refused(bpy.ops.slipcast.finish, kind="LODS")


# ---- in the background: free meanwhile, progress, cancel
def start() -> Any:
    """What the button does: without a window Blender calls no operator's invoke."""
    operators, folder = module.operators, Path(tempfile.mkdtemp())
    words = operators.SLIPCAST_OT_convert.words(None, bpy.context, folder)
    operators.RUNS.append(operators.Job(bpy.context, words, folder, replace=False, title="the figurine"))
    return operators.RUNS[0]


fresh()
job, stages = start(), []
panel.draw(type("Panel", (), {"layout": Layout(drawn)})(), bpy.context)
seen["panel at work"] = "slipcast.cancel" in drawn
while module.operators.tick() is not None:
    stages += [job.run.stage] if job.run.stage not in stages else []
    time.sleep(0.05)
seen["stages"] = stages
seen["background"] = [entry.name for entry in bpy.context.scene.objects]
fresh()
job = start()
while job.run.stage == "starting":
    job.run.poll()
    time.sleep(0.05)
bpy.ops.slipcast.cancel()
while module.operators.tick() is not None:
    time.sleep(0.05)
seen["cancelled"] = bpy.context.scene.slipcast.told
seen["left"] = job.folder.exists() or bool(list(bpy.context.scene.objects))

# ---- wrong input, money
settings = fresh()
settings.front = ""
seen["no picture"] = refused(bpy.ops.slipcast.convert)
settings.front = str(Path(FOLDER) / "gone.png")
seen["gone"] = refused(bpy.ops.slipcast.convert)
settings.prompt = "an owl"
seen["online"] = bpy.app.online_access
seen["not agreed"] = refused(bpy.ops.slipcast.make)
sys.stdout.write("\n" + json.dumps(seen) + "\n")
