# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel in the 3D viewport's sidebar, and what it remembers in the scene."""

import bpy

from .operators import KINDS, RUNS, SIDES


def _choices(*names: str) -> list:
    return [(name, name.replace("-", " ").title(), "") for name in names]


class SlipcastSettings(bpy.types.PropertyGroup):
    front: bpy.props.StringProperty(name="Front", subtype="FILE_PATH", description="The picture, or its front")
    left: bpy.props.StringProperty(name="Left", subtype="FILE_PATH", description="Its own left side")
    back: bpy.props.StringProperty(name="Back", subtype="FILE_PATH", description="Its back")
    right: bpy.props.StringProperty(name="Right", subtype="FILE_PATH", description="Its own right side")
    prompt: bpy.props.StringProperty(name="Words", description="What the figurine is")
    max_cost: bpy.props.FloatProperty(
        name="Limit ($)", default=0.2, min=0.01, max=100, description="Dollars that one purchase may cost"
    )
    height: bpy.props.FloatProperty(
        name="Height", default=0.075, min=0.001, max=100, subtype="DISTANCE", unit="LENGTH", precision=3
    )
    faces: bpy.props.IntProperty(name="Faces", default=50_000, min=100, max=2_000_000)
    detail: bpy.props.EnumProperty(name="Detail", items=_choices("draft", "standard", "fine"), default="standard")
    target: bpy.props.EnumProperty(
        name="Also For",
        description="A file as this program likes it goes to Keep Files In",
        items=_choices("blender", "unity", "unreal", "godot", "print-fdm", "print-resin"),
    )
    printer: bpy.props.EnumProperty(
        name="Printer", items=[("fdm", "Filament", "Melted plastic"), ("resin", "Resin", "Cured by light")]
    )
    colors: bpy.props.IntProperty(name="Filaments", min=0, max=16, description="Colours; 0: one, unpainted")
    hollow: bpy.props.FloatProperty(name="Walls (mm)", min=0, max=20, description="Of a hollow print; 0: solid")
    folder: bpy.props.StringProperty(
        name="Keep Files In", subtype="DIR_PATH", description="Copies of all files go here; empty: none are kept"
    )
    told: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})


def _box(layout, settings, title: str, *names: str):
    """A box of the panel, with its title and these settings in it."""
    box = layout.box()
    box.label(text=title)
    for name in names:
        box.prop(settings, name)
    return box


class SLIPCAST_PT_panel(bpy.types.Panel):
    bl_idname = "SLIPCAST_PT_panel"
    bl_label = "Slipcast"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Slipcast"

    def draw(self, context) -> None:
        settings, layout = context.scene.slipcast, self.layout
        layout.use_property_split = True
        for job in RUNS:
            row = layout.row()
            row.progress(factor=job.run.share, text=f"{job.title}: {job.run.stage}")
            row.operator("slipcast.cancel", text="", icon="X")
        box = _box(layout, settings, "From Pictures", *SIDES, "height", "faces", "detail", "target")
        box.operator("slipcast.convert", icon="MESH_MONKEY")
        row = _box(layout, settings, "From Words", "prompt", "max_cost").row()
        row.enabled = bpy.app.online_access
        row.operator("slipcast.make", icon="WORLD")
        box = _box(layout, settings, "Finish the Selected Mesh", "folder", "printer", "colors", "hollow")
        grid = box.grid_flow(columns=2, even_columns=True)
        for kind, title, _ in KINDS:
            grid.operator("slipcast.finish", text=title).kind = kind
        lines = [settings.told] if settings.told else []
        active = context.active_object
        if active is not None and "slipcast_findings" in active:
            lines += [f"{active.name}: {active['slipcast_verdict']}", *active["slipcast_findings"].splitlines()]
        for line in lines:
            layout.label(text=line)
