# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the command is, and whether it answers."""

import bpy

from .command import NoCommand, ask_version, find_command


class SlipcastPreferences(bpy.types.AddonPreferences):
    bl_idname = __package__

    command: bpy.props.StringProperty(
        name="Command",
        description="Path of the slipcast command; empty: found by itself where pip or pipx put it",
        subtype="FILE_PATH",
    )
    told: bpy.props.StringProperty(options={"SKIP_SAVE", "HIDDEN"})

    def draw(self, context) -> None:
        self.layout.prop(self, "command")
        row = self.layout.row()
        row.operator("slipcast.test", icon="CHECKMARK")
        row.label(text=self.told)


class SLIPCAST_OT_test(bpy.types.Operator):
    bl_idname = "slipcast.test"
    bl_label = "Test the Command"
    bl_description = "Run slipcast --version and say what it answers"

    def execute(self, context):
        preferences = preferences_of(context)
        try:
            path = find_command(preferences.command)
            preferences.told, level = f"Slipcast {ask_version(path)} at {path}", "INFO"
        except NoCommand as problem:
            preferences.told, level = str(problem), "ERROR"
        self.report({level}, preferences.told)
        return {"FINISHED" if level == "INFO" else "CANCELLED"}


def preferences_of(context) -> SlipcastPreferences:
    return context.preferences.addons[__package__].preferences
