# SPDX-License-Identifier: GPL-3.0-or-later
"""Slipcast in Blender: pictures to meshes in the background, finishing of the selected mesh, findings on the object."""

import bpy

from . import operators, panel, preferences

CLASSES = (
    preferences.SlipcastPreferences,
    preferences.SLIPCAST_OT_test,
    panel.SlipcastSettings,
    operators.SLIPCAST_OT_convert,
    operators.SLIPCAST_OT_make,
    operators.SLIPCAST_OT_finish,
    operators.SLIPCAST_OT_cancel,
    panel.SLIPCAST_PT_panel,
)


def register() -> None:
    for entry in CLASSES:
        bpy.utils.register_class(entry)
    bpy.types.Scene.slipcast = bpy.props.PointerProperty(type=panel.SlipcastSettings)


def unregister() -> None:
    for job in operators.RUNS:
        job.run.stop()
    if bpy.app.timers.is_registered(operators.tick):
        bpy.app.timers.unregister(operators.tick)
    del bpy.types.Scene.slipcast
    for entry in reversed(CLASSES):
        bpy.utils.unregister_class(entry)
