# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender's scene and files: meshes out, results in at their real size, with what is known about them."""

import json
from pathlib import Path

import bpy
from mathutils import Matrix

LONGEST = 60_000
"""Characters of metadata that an object keeps; the whole stands in the JSON beside the asset."""


def metres(context) -> float:
    """In a Blender unit; glTF is in metres."""
    return context.scene.unit_settings.scale_length or 1.0


def import_asset(path: Path, facts: dict, *, keep_place: bool = False) -> list:
    """Import a GLB and return its objects, selected: real size whatever the scene's unit, at the 3D cursor.

    With `keep_place` they stay where the file has them: it came out of this scene.
    """
    bpy.ops.object.select_all(action="DESELECT")
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(path))
    made = [entry for entry in bpy.data.objects if entry not in before]
    unit = metres(bpy.context)
    for entry in made:
        if entry.parent is not None:
            continue
        entry.scale = [side / unit for side in entry.scale]
        entry.location = [side / unit for side in entry.location]
        if not keep_place:
            entry.location = entry.location + bpy.context.scene.cursor.location
    _show_apart([entry for entry in made if entry.name not in bpy.context.view_layer.objects], path.stem)
    for entry in made:
        if entry.name in bpy.context.view_layer.objects and entry.visible_get():
            entry.select_set(True)
        if entry.type == "MESH":
            note_facts(entry, facts)
    meshes = [entry for entry in bpy.context.selected_objects if entry.type == "MESH"]
    if meshes:
        bpy.context.view_layer.objects.active = meshes[0]
    return made


def _show_apart(hidden: list, stem: str) -> None:
    """Blender puts levels of detail into a collection that no view layer shows: give them one with its eye closed."""
    if not hidden:
        return
    apart = bpy.data.collections.new(f"{stem} levels")
    bpy.context.scene.collection.children.link(apart)
    for entry in hidden:
        for place in list(entry.users_collection):
            place.objects.unlink(entry)
        apart.objects.link(entry)
        entry.select_set(False)
    bpy.context.view_layer.layer_collection.children[apart.name].hide_viewport = True
    bpy.context.view_layer.update()


def note_facts(entry, facts: dict) -> None:
    """Findings and provenance as custom properties of `entry`: glTF's extras of the asset do not reach Blender."""
    asset = facts.get("asset") if isinstance(facts.get("asset"), dict) else facts
    findings = [f"{each['severity']}: {each['message']}" for each in facts.get("findings") or []]
    picture = asset.get("picture") if isinstance(asset.get("picture"), dict) else {}
    entry["slipcast_verdict"] = str(asset.get("verdict", ""))
    entry["slipcast_findings"] = "\n".join(findings)
    entry["slipcast_picture"] = str(picture.get("file", ""))
    entry["slipcast_picture_sha256"] = str(picture.get("sha256", ""))
    entry["slipcast_generator"] = str(asset.get("generator", ""))
    kept = {key: value for key, value in asset.items() if key not in ("run", "files")}
    text = json.dumps(kept, ensure_ascii=False)
    entry["slipcast_metadata"] = text if len(text) <= LONGEST else "{}"


def export_selection(folder: Path) -> Path:
    """Write the selected meshes, modifiers applied, in metres, as a GLB; returns its path."""
    active = bpy.context.view_layer.objects.active
    stem = active.name if active else "selection"
    safe = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in stem) or "selection"
    path = folder / f"{safe}.glb"
    chosen = set(bpy.context.selected_objects)
    kept = [(entry, entry.matrix_world.copy()) for entry in chosen if entry.parent not in chosen]
    try:
        for entry, matrix in kept:  # Blender's units become metres while the file is written
            entry.matrix_world = Matrix.Scale(metres(bpy.context), 4) @ matrix
        bpy.context.view_layer.update()
        bpy.ops.export_scene.gltf(filepath=str(path), use_selection=True, use_visible=True, export_apply=True)
    finally:
        for entry, matrix in kept:
            entry.matrix_world = matrix
    return path
