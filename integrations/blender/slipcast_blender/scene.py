# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Blender's scene and files: meshes out, results in at their real size, with what is known about them."""

import json
from pathlib import Path

import bpy
from mathutils import Matrix, Vector

LONGEST = 60_000
"""Characters of metadata that an object keeps; the whole stands in the JSON beside the asset."""


def metres(context) -> float:
    """In a Blender unit; glTF is in metres."""
    return context.scene.unit_settings.scale_length or 1.0


def import_asset(path: Path, facts: dict, *, keep_place: bool = False) -> None:
    """Import a GLB and select its objects: real size whatever the scene's unit, at the 3D cursor.

    With `keep_place` they stay where the file has them: it came out of this scene.
    """
    bpy.ops.object.select_all(action="DESELECT")
    before = set(bpy.data.objects)
    bpy.ops.import_scene.gltf(filepath=str(path))
    made = [entry for entry in bpy.data.objects if entry not in before]
    unit = metres(bpy.context)
    place = Vector() if keep_place else bpy.context.scene.cursor.location
    for entry in made:
        if entry.parent is None:
            entry.scale /= unit
            entry.location = entry.location / unit + place
    _show_apart([entry for entry in made if entry.name not in bpy.context.view_layer.objects], path.stem)
    for entry in made:
        if entry.name in bpy.context.view_layer.objects and entry.visible_get():
            entry.select_set(True)
        if entry.type == "MESH":
            note_facts(entry, facts)
    meshes = [entry for entry in bpy.context.selected_objects if entry.type == "MESH"]
    bpy.context.view_layer.objects.active = meshes[0] if meshes else None


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
    for name in ("verdict", "generator"):
        entry[f"slipcast_{name}"] = str(asset.get(name, ""))
    entry["slipcast_findings"] = "\n".join(findings)
    entry["slipcast_picture"] = str(picture.get("file", ""))
    entry["slipcast_picture_sha256"] = str(picture.get("sha256", ""))
    kept = {key: value for key, value in asset.items() if key not in ("run", "files")}
    text = json.dumps(kept, ensure_ascii=False)
    entry["slipcast_metadata"] = text if len(text) <= LONGEST else "{}"


def export_selection(folder: Path) -> Path:
    """Write the selected meshes, modifiers applied, in metres, as a GLB; returns its path."""
    active = bpy.context.view_layer.objects.active
    path = folder / f"{bpy.path.clean_name(active.name if active else 'selection')}.glb"
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
