"""Blender as a module (bpy): import each file as an artist would, and measure what stands in the scene.

With SLIPCAST_RENDER=FOLDER in the environment each scene is also drawn.
"""

import os
from pathlib import Path

import bpy
import numpy as np
from clients.measure import Facts, main, measure
from mathutils import Vector


def read(path: str) -> Facts:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    suffix = Path(path).suffix.lower()
    # Importers print to file descriptor 1, which is ours.
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        if suffix in (".glb", ".gltf"):
            bpy.ops.import_scene.gltf(filepath=path)
        elif suffix == ".fbx":
            bpy.ops.wm.fbx_import(filepath=path)
        elif suffix == ".obj":
            bpy.ops.wm.obj_import(filepath=path)
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
    flat_faces = colors = 0
    for entry in bpy.context.scene.objects:
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
        colors += len(mesh.color_attributes)
        for slot in entry.material_slots:
            materials.append(_material(slot.material, images))
    facts = measure(np.concatenate(points), np.concatenate(faces))
    if "SLIPCAST_RENDER" in os.environ:
        _render(facts, Path(os.environ["SLIPCAST_RENDER"]) / (Path(path).name + ".png"))
    return {
        "program": f"Blender {bpy.app.version_string}",
        **facts,
        "names": names,
        "materials": materials,
        "images": images,
        "flat_faces": flat_faces,
        "color_attributes": colors,
    }


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


main(read)
