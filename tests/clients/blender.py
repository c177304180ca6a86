"""Blender, a module (bpy) or a program: import each file as an artist would, and measure what stands in the scene.

Debian 12's program is of version 3.4; its importers of FBX and STL are older ones, written in Python.

With SLIPCAST_RENDER=FOLDER in the environment each scene is also drawn; with SLIPCAST_NORMALS=FOLDER the normals that
it is shaded with, seen from the front without perspective, are written as FILE.npy, (H,W,3) in Blender's axes.
"""

import os
from pathlib import Path

import bpy
import numpy as np
from clients.measure import Facts, main, measure
from mathutils import Vector

if not hasattr(np, "bool"):
    vars(np)["bool"] = bool  # Blender 3.4's glTF importer names it, and numpy 1.24 beside it does not have it


def read(path: str) -> Facts:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    suffix = Path(path).suffix.lower()
    # Importers print to file descriptor 1, which is ours.
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        if suffix in (".glb", ".gltf"):
            bpy.ops.import_scene.gltf(filepath=path)
        elif suffix == ".fbx" and bpy.app.version < (4, 5):
            bpy.ops.import_scene.fbx(filepath=path)
        elif suffix == ".fbx":
            bpy.ops.wm.fbx_import(filepath=path)
        elif suffix == ".obj":
            bpy.ops.wm.obj_import(filepath=path)
        elif suffix == ".stl" and bpy.app.version < (4, 1):
            bpy.ops.import_mesh.stl(filepath=path)
        elif suffix == ".stl":
            bpy.ops.wm.stl_import(filepath=path)
        elif suffix == ".ply":
            bpy.ops.wm.ply_import(filepath=path)
        elif suffix == ".usdz":
            bpy.ops.wm.usd_import(filepath=path, import_textures_mode="IMPORT_PACK")
        else:
            raise SystemExit(f"Blender has no importer for {suffix}")
    finally:
        os.dup2(kept, 1)
    bpy.context.view_layer.update()
    points, faces, names, materials, base = [], [], [], [], 0
    images: list[list[int]] = []
    flat_faces = colors = quads = 0
    for (
        entry
    ) in bpy.context.view_layer.objects:  # what is seen: lower levels lie in a collection of their own
        if entry.type != "MESH":
            continue
        mesh = entry.data
        mesh.calc_loop_triangles()
        local = np.empty(len(mesh.vertices) * 3, np.float32)
        mesh.vertices.foreach_get("co", local)
        index = np.empty(len(mesh.loop_triangles) * 3, np.int32)
        mesh.loop_triangles.foreach_get("vertices", index)
        world = np.array(entry.matrix_world)
        points.append(local.reshape(-1, 3).astype(np.float64) @ world[:3, :3].T + world[:3, 3])
        faces.append(index.reshape(-1, 3).astype(np.int64) + base)
        base += len(mesh.vertices)
        names.append(entry.name)
        flat_faces += sum(not polygon.use_smooth for polygon in mesh.polygons)
        quads += sum(len(polygon.vertices) == 4 for polygon in mesh.polygons)
        colors += len(mesh.color_attributes)
        for slot in entry.material_slots:
            materials.append(_material(slot.material, images))
    facts = measure(np.concatenate(points), np.concatenate(faces))
    if "SLIPCAST_RENDER" in os.environ:
        _render(facts, Path(os.environ["SLIPCAST_RENDER"]) / (Path(path).name + ".png"))
    if "SLIPCAST_NORMALS" in os.environ:
        _normals(facts, Path(os.environ["SLIPCAST_NORMALS"]) / (Path(path).name + ".npy"))
    return {
        "program": f"Blender {bpy.app.version_string}",
        **facts,
        "names": names,
        "materials": materials,
        "images": images,
        "flat_faces": flat_faces,
        "quads": quads,
        "color_attributes": colors,
        "provenance_on": _provenance(),
    }


def _provenance() -> list[str]:
    """Which kinds of things carry our summary as a custom property."""
    kinds = {
        "scene": list(bpy.data.scenes),
        "node": list(bpy.data.objects),
        "mesh": list(bpy.data.meshes),
        "material": list(bpy.data.materials),
    }
    return [kind for kind, entries in kinds.items() if any("slipcast" in entry for entry in entries)]


def _material(material: "bpy.types.Material", images: list[list[int]]) -> Facts:
    """Factors of the principled shader; the sizes of decoded images are added to `images`."""
    out: Facts = {"name": material.name}
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE" and node.image and len(node.image.pixels) > 0:
            images.append(list(node.image.size))
        if node.type == "BSDF_PRINCIPLED":
            color = node.inputs["Base Color"]
            out["base_color_from"] = color.links[0].from_node.type if color.is_linked else None
            out["normal_from"] = node.inputs["Normal"].is_linked
            out["metallic"] = node.inputs["Metallic"].default_value
            out["roughness"] = node.inputs["Roughness"].default_value
    return out


def _render(facts: Facts, target: Path) -> None:
    low, high = Vector(facts["min"]), Vector(facts["max"])
    size = max(high - low)
    scene = bpy.context.scene
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    camera.location = (low + high) / 2 + Vector((0.45, -1, 0.35)).normalized() * size * 2.4
    camera.rotation_euler = ((low + high) / 2 - camera.location).to_track_quat("-Z", "Y").to_euler()
    camera.data.clip_start, camera.data.clip_end = size * 0.01, size * 100
    light = bpy.data.objects.new("sun", bpy.data.lights.new("sun", "SUN"))
    light.data.energy = 2.5
    light.rotation_euler = (0.7, 0.2, 0.3)
    scene.collection.objects.link(light)
    world = bpy.data.worlds.new("world")
    world.node_tree.nodes["Background"].inputs[0].default_value = (0.8, 0.8, 0.8, 1)
    scene.world = world
    scene.render.engine, scene.cycles.samples = "CYCLES", 16
    scene.cycles.use_denoising = False
    scene.render.resolution_x = scene.render.resolution_y = 512
    scene.view_settings.view_transform = "Standard"
    scene.render.filepath = str(target)
    bpy.ops.render.render(write_still=True)


def _normals(facts: Facts, target: Path) -> None:
    """Draw the normals as colours, half a unit up and half as long, one sample a pixel; one pixel is height / 400."""
    for material in bpy.data.materials:
        tree = material.node_tree
        if tree is None:
            continue
        principled = next(node for node in tree.nodes if node.type == "BSDF_PRINCIPLED")
        output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
        shift, glow = tree.nodes.new("ShaderNodeVectorMath"), tree.nodes.new("ShaderNodeEmission")
        shift.operation = "MULTIPLY_ADD"
        shift.inputs[1].default_value = shift.inputs[2].default_value = (0.5, 0.5, 0.5)
        links = principled.inputs["Normal"].links
        plain = tree.nodes.new("ShaderNodeNewGeometry").outputs["Normal"]
        tree.links.new(links[0].from_socket if links else plain, shift.inputs[0])
        tree.links.new(shift.outputs[0], glow.inputs["Color"])
        tree.links.new(glow.outputs[0], output.inputs["Surface"])
    low, high = Vector(facts["min"]), Vector(facts["max"])
    scene = bpy.context.scene
    camera = bpy.data.objects.new("front", bpy.data.cameras.new("front"))
    scene.collection.objects.link(camera)
    scene.camera, camera.data.type = camera, "ORTHO"
    height = high.z - low.z
    camera.data.ortho_scale = height
    camera.location = (low + high) / 2 + Vector((0, -5 * height, 0))
    camera.rotation_euler = (np.pi / 2, 0, 0)
    camera.data.clip_start, camera.data.clip_end = height * 0.01, height * 100
    scene.render.engine, scene.cycles.samples = "CYCLES", 1
    scene.cycles.use_denoising, scene.cycles.filter_width = False, 0.01
    scene.render.resolution_x = scene.render.resolution_y = 400
    scene.view_settings.view_transform = "Raw"
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_depth = "32"
    scene.render.filepath = str(target.with_suffix(".exr"))
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(scene.render.filepath)
    pixels = np.array(image.pixels[:], np.float32).reshape(400, 400, image.channels)
    np.save(target, pixels[::-1, :, :3] * 2 - 1)


main(read)
